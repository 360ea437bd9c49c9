"""Each finding shows in a real training that has the illness, and none of them in those that are well."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import curves, events, gallery
from app.db.tables import Job, Run
from app.specs.mergepatch import merged
from app.specs.run import RunSpec
from tests.inline import TRAINING, Inline
from worker.train import trainer

from .programs import dense, images, program

Body = dict[str, Any]

SGD = {"type": "sgd"}
ADAM = {"type": "adam"}


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inline]:
    one = Inline(tmp_path_factory.mktemp("inline"))
    yield one
    one.close()


def found(inline: Inline, run: Run) -> dict[str, Body]:
    """What was said of a run, by its kind."""
    with inline.db.read() as session:
        told = events.read(session, run.job_id, limit=10**6, kinds=["finding"])
    assert len({event.body["kind"] for event in told}) == len(told), "each thing is said once"
    return {event.body["kind"]: event.body for event in told}


def adam(lr: float) -> Body:
    return {**ADAM, "lr": lr}


def sgd(lr: float, **more: Any) -> Body:
    return {**SGD, "lr": lr, **more}


def deep(between: str, std: float | None = None) -> list[Body]:
    """Ten layers, whose weights begin as torch has them, or with some deviation."""
    return dense(
        *[16] * 9, 1, between=between, **({} if std is None else {"weight_init": {"type": "normal", "std": std}})
    )


NOISY_MOONS = program("moons", dense(128, 128, 1), rows=100, noise=0.6, num_epochs=100)

ILL: dict[str, Body] = {
    "overfitting": NOISY_MOONS,
    "underfitting": program("spiral", dense(3, 1), rows=400, optimizer=adam(0.03)),
    "diverging": program("moons", dense(16, 16, 1), rows=400, num_epochs=20, optimizer=sgd(30.0)),
    "oscillating": program("circle", dense(16, 16, 1, between="tanh"), rows=400, optimizer=adam(0.3)),
    "plateau": program("moons", dense(1), rows=400, noise=0.3, num_epochs=60, optimizer=adam(0.02)),
    "validation_too_small": program("moons", dense(16, 1), rows=40, optimizer=adam(0.02)),
    "vanishing_gradients": program("moons", deep("sigmoid"), rows=400, num_epochs=14, optimizer=sgd(0.1)),
    "dead_relus": program("moons", dense(32, 32, 1, bias_init={"type": "constant", "val": -4.0}), num_epochs=25),
    "saturated_units": program("moons", deep("tanh", 3.0), rows=400, num_epochs=14, optimizer=sgd(0.1)),
    "worse_than_baseline": program("circle", dense(128, 128, 1), rows=120, noise=0.7, num_epochs=80),
}


# Those that the finding has to name.
LAYERS = {"vanishing_gradients": {"0", "2", "4"}, "dead_relus": {"1", "3"}, "saturated_units": {"11", "13"}}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_found(inline: Inline, illness: str) -> None:
    run = inline.train(ILL[illness])
    finding = found(inline, run)[illness]
    assert LAYERS.get(illness, set()) <= set(finding["layers"])
    assert 0 < finding["step"] <= finding["found_at" if finding["found_at"] else "step"]
    assert set(finding["series"]) <= set(series_of(inline, run))
    if finding["patch"] is not None:
        RunSpec.model_validate(merged(run.spec, finding["patch"]))


def series_of(inline: Inline, run: Run) -> set[str]:
    with inline.db.read() as session:
        return set(curves.list_series(session, [run.job_id])[run.job_id])


@pytest.mark.parametrize(
    ("illness", "figure"),
    [("overfitting", "validation"), ("diverging", "train"), ("vanishing_gradients", "train"), ("dead_relus", "train")],
)
def test_what_is_proposed_mends_it(inline: Inline, illness: str, figure: str) -> None:
    ill = inline.train(ILL[illness])
    well = inline.train(merged(ill.spec, found(inline, ill)[illness]["patch"]))
    assert ill.evaluation is not None
    assert well.evaluation is not None
    assert well.evaluation["parts"][figure]["loss"] < 0.7 * ill.evaluation["parts"][figure]["loss"]
    assert illness not in found(inline, well)


def test_the_layer_in_which_the_numbers_broke_is_in_the_failure_and_mended(inline: Inline) -> None:
    run_id = inline.submit(program("moons", deep("relu", 1.0), rows=400, num_epochs=8, optimizer=sgd(0.01)))
    inline.work(TRAINING)
    with inline.db.read() as session:
        run = session.get_one(Run, run_id)
        error = session.get_one(Job, run.job_id).error
    finding = found(inline, run)["not_finite"]
    assert error is not None
    assert (error["kind"], error["layer"]) == ("non_finite_loss", finding["layers"][0])
    assert "first outputs that are not come from layer 18 (linear)" in error["message"]
    inline.train(merged(run.spec, finding["patch"]))


WELL: dict[str, Callable[[], Body]] = {
    "moons": lambda: program("moons", dense(16, 1), num_epochs=30),
    "heart-builtin": lambda: gallery.definition("heart-builtin"),
    "digits-builtin": lambda: gallery.definition("digits-builtin"),
    "images": images,
}


# Those of the digits take as long as all others together; of their own seed it is shown in ../test_programs.py.
WELL_AND_SEEDS = [
    pytest.param(program, seed, marks=[pytest.mark.full] if seed == 2 or program == "digits-builtin" else [])
    for program in WELL
    for seed in range(3)
]


@pytest.mark.parametrize(("program", "seed"), WELL_AND_SEEDS)
def test_nothing_is_found_in_a_training_that_is_well(inline: Inline, program: str, seed: int) -> None:
    body = WELL[program]()
    assert found(inline, inline.train(body | {"training": body["training"] | {"seed": seed}})) == {}


@pytest.mark.parametrize("name", ["moons", "digits-builtin"])
def test_to_be_looked_at_changes_no_bit_of_a_training(inline: Inline, name: str) -> None:
    body = WELL[name]()
    unseen, seen = (
        inline.train(body | {"training": body["training"] | {"num_epochs": 2, "watch_every": every}})
        for every in (0, 3)
    )
    assert inline.series(unseen, "train/loss") == inline.series(seen, "train/loss")
    assert unseen.evaluation == seen.evaluation
    first = "layers/0/grad_norm"
    assert inline.series(unseen, first) == ([], [])
    assert inline.series(seen, first)[0][:3] == [1, 3, 6]


def test_what_is_found_hangs_on_the_curves_and_not_on_when_they_arrived(
    inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "TEND_EVERY_S", 0.0)
    step_by_step = found(inline, inline.train(NOISY_MOONS))
    monkeypatch.setattr(trainer, "TEND_EVERY_S", 1000.0)
    monkeypatch.setattr(trainer, "JUDGE_EVERY_S", 1000.0)
    all_at_once = found(inline, inline.train(NOISY_MOONS))
    assert step_by_step == all_at_once
    assert step_by_step["overfitting"]["found_at"] < 400  # while it learned
