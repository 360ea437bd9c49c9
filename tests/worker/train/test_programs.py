"""The classic first programs, trained as they ship: what each of them is known to do, it does here."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app import gallery, generated
from app.db.tables import Run
from app.specs.sources import GeneratedSource
from tests.inline import Inline


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Inline]:
    one = Inline(tmp_path)
    yield one
    one.close()


def figures(run: Run, part: str) -> dict[str, float]:
    assert run.evaluation is not None
    found: dict[str, float] = run.evaluation["parts"][part]
    return found


def test_celsius_finds_the_weight_and_the_bias(inline: Inline) -> None:
    run = inline.program("celsius")
    assert run.evaluation is not None
    weight, bias = run.evaluation["parameters"]
    (((w,),), (b,)) = weight["values"], bias["values"]
    assert w * 100 + b == pytest.approx(212, abs=3)
    assert w == pytest.approx(1.8, abs=0.05)
    assert b == pytest.approx(32, abs=3)
    assert inline.series(run, "train/loss")[0] == list(range(1, 501))
    assert inline.findings(run) == []


def test_celsius_gives_the_same_bits_again(inline: Inline) -> None:
    first, second = inline.program("celsius"), inline.program("celsius")
    assert first.evaluation == second.evaluation
    assert inline.series(first, "train/loss") == inline.series(second, "train/loss")


@pytest.mark.parametrize(("name", "accuracy"), [("spiral", 0.95), ("moons", 0.95)])
def test_generated_points_are_told_apart(inline: Inline, name: str, accuracy: float) -> None:
    run = inline.program(name)
    assert figures(run, "test")["accuracy"] >= accuracy
    assert figures(run, "validation")["accuracy"] >= accuracy


def test_ratings_are_known_better_than_by_the_mean_of_each_film(inline: Inline) -> None:
    run = inline.program("ratings")
    table = generated.make(GeneratedSource.model_validate(gallery.definition("ratings")["dataset"]["source"]))
    films, film = np.unique(table["film"], return_inverse=True)
    means = np.bincount(film, table["rating"]) / np.bincount(film)  # of all rows, the test's too: more than is known
    r2 = 1 - np.var(table["rating"] - means[film]) / np.var(table["rating"])
    assert len(films) == 213
    assert figures(run, "test")["r2"] > r2 + 0.15
    assert inline.findings(run) == []


@pytest.mark.full
def test_pairs_of_texts_are_told_apart_by_what_they_speak_of(inline: Inline) -> None:
    run = inline.program("text-pairs")
    assert figures(run, "test")["accuracy"] > 0.88


def test_waves_are_forecast_better_than_by_saying_that_nothing_changes(inline: Inline) -> None:
    run = inline.program("waves")
    assert run.evaluation is not None
    found = run.evaluation["forecast"]
    assert found["whole"]["mae"] < 0.4 * found["naive"]["mae"]
    assert [step["ahead"] for step in found["steps"]] == list(range(1, 9))
    assert figures(run, "test")["mae"] == pytest.approx(found["whole"]["mae"], rel=1e-5)
    assert inline.findings(run) == []


@pytest.mark.parametrize("seed", [0, 4, 9])
def test_xor_by_gradient_descent_does_not_learn_and_it_is_said(inline: Inline, seed: int) -> None:
    run = inline.program("xor-descent", seed=seed)
    assert 0.19 <= figures(run, "train")["loss"] <= 0.25
    assert inline.findings(run) == ["not_learning"]


@pytest.mark.parametrize("seed", [0, 4, 9])
def test_xor_with_adam_answers_all_four_rows_rightly(inline: Inline, seed: int) -> None:
    run = inline.program("xor-adam", seed=seed)
    assert figures(run, "train")["loss"] < 0.001
    assert figures(run, "train")["accuracy"] == 1
    assert inline.findings(run) == []


def test_xor_tells_its_loss_every_hundred_epochs(inline: Inline) -> None:
    lines = [line for line in inline.log(inline.program("xor-adam")) if line.startswith("epoch")]
    assert [line.split(" of ")[0] for line in lines] == [f"epoch {n * 100:,}" for n in range(1, 11)]


@pytest.mark.full
@pytest.mark.parametrize("name", ["xor-descent", "xor-adam"])
def test_xor_does_so_for_every_seed(inline: Inline, name: str) -> None:
    for seed in range(10):
        loss = figures(inline.program(name, seed=seed), "train")["loss"]
        assert 0.19 <= loss <= 0.251 if name == "xor-descent" else loss < 0.001


def test_a_table_done_properly_is_judged_on_rows_it_has_not_seen(inline: Inline) -> None:
    run = inline.program("heart-builtin")
    test = figures(run, "test")
    assert test["accuracy"] > 0.9
    assert {"precision", "recall", "f1", "confusion", "per_class", "roc_auc"} <= set(test)
    assert run.evaluation is not None
    assert run.evaluation["baseline"]["name"] == "always saying benign"
    assert run.evaluation["baseline"]["accuracy"] < test["accuracy"]
    assert run.evaluation["classes"] == ["benign", "malignant"]


def test_small_digits_are_told_apart_by_convolutions(inline: Inline) -> None:
    run = inline.program("digits-builtin")
    assert figures(run, "test")["accuracy"] > 0.92
    assert figures(run, "test")["top_3_accuracy"] > 0.98
    assert inline.findings(run) == []


def test_a_rate_that_dies_before_it_learned_is_said(inline: Inline) -> None:
    schedule = {"type": "exponential", "gamma": 0.096, "every": 10, "unit": "step"}
    run = inline.program("digits-builtin", num_epochs=8, schedule=schedule)
    assert figures(run, "test")["accuracy"] < 0.5
    assert inline.findings(run) == ["learning_rate_died"]


def test_random_labels_are_not_learned_for_rows_not_seen(inline: Inline) -> None:
    run = inline.program("sequences", num_epochs=2)
    assert 0.35 <= figures(run, "validation")["accuracy"] <= 0.65
    assert inline.series(run, "validation/accuracy")[0] == [8, 16]


@pytest.mark.full
def test_random_labels_learned_by_heart_are_called_that(inline: Inline) -> None:
    run = inline.program("sequences", num_epochs=50)
    assert figures(run, "train")["accuracy"] > 0.9
    assert figures(run, "validation")["accuracy"] < 0.7
    assert inline.findings(run) == ["overfitting"]


def test_digits_are_learned_from_images_that_change_each_time(inline: Inline) -> None:
    body = gallery.definition("digits-builtin")
    changes = [
        {"type": "random_rotation", "degrees": 10},
        {"type": "random_erasing", "scale": 0.1},
        {"type": "mixup"},
    ]
    run = inline.train(body | {"data": body["data"] | {"augment": changes}})
    assert figures(run, "test")["accuracy"] > 0.85
    plain = inline.series(inline.program("digits-builtin", num_epochs=1), "train/loss")[1]
    assert inline.series(run, "train/loss")[1][: len(plain)] != plain
