"""What an optimizer cannot do is said before a run begins."""

from typing import Any

import pytest

from tests.specs.test_run import spec, told

PACED = [{"type": "linear", "out_features": 3, "lr_factor": 0.5}, {"type": "linear", "out_features": 1}]
PULLED = [{"type": "linear", "out_features": 3, "l2": 0.5}, {"type": "linear", "out_features": 1}]
DEEP = [{"type": "linear", "out_features": 3}, {"type": "linear", "out_features": 3}, PACED[1]]
SEARCHING = {"type": "lbfgs", "line_search_fn": "strong_wolfe"}
CYCLIC = {"type": "cyclic", "max_lr": 1.0}

CASES: list[tuple[dict[str, Any], list[str | int], str]] = [
    (
        {"training__optimizer": {"type": "lbfgs"}, "model__layers": PACED},
        ["model", "layers", 0],
        "layer 0 (linear): lbfgs moves all weights together",
    ),
    (
        {"training__optimizer": SEARCHING, "training__max_grad_norm": 1.0},
        ["training", "max_grad_norm"],
        "leave max_grad_norm out",
    ),
    (
        {"training__optimizer": SEARCHING, "training__max_grad_value": 1.0},
        ["training", "max_grad_value"],
        "leave max_grad_value out",
    ),
    (
        {"training__optimizer": {"type": "rprop"}, "training__schedule": {"type": "cosine"}},
        ["training", "schedule", "type"],
        "rprop sizes its steps itself",
    ),
    (
        {"training__optimizer": {"type": "rprop"}, "training__schedule": {"type": "constant", "warmup_steps": 3}},
        ["training", "schedule", "type"],
        "rprop sizes its steps itself",
    ),
    ({"training__optimizer": {"type": "muon"}}, ["training", "optimizer", "type"], "muon is for the matrices"),
    (
        {"training__optimizer": {"type": "sgd"}, "training__schedule": {"type": "one_cycle"}},
        ["training", "schedule", "cycle_momentum"],
        "sgd has no momentum to cycle",
    ),
    (
        {"training__optimizer": {"type": "adagrad"}, "training__schedule": CYCLIC},
        ["training", "schedule", "cycle_momentum"],
        "adagrad has no momentum to cycle",
    ),
    (
        {"training__schedule": {"type": "plateau", "series": "validation/f1"}},
        ["training", "schedule", "series"],
        "no curve 'validation/f1'; there are train/loss",
    ),
    ({"training__schedule": {"type": "cyclic"}}, ["training", "schedule", "max_lr"], "'max_lr' is missing"),
    (
        {"training__schedule": {"type": "multistep", "milestones": []}},
        ["training", "schedule", "milestones"],
        "at least 1 item",
    ),
    (
        {"training__optimizer": {"type": "rprop", "step_sizes": [1, 0.1]}},
        ["training", "optimizer", "step_sizes"],
        "the shortest step is longer",
    ),
    (
        {"training__optimizer": {"type": "averaged_sgd"}},
        ["training", "optimizer", "type"],
        "did you mean asgd",
    ),
    (
        {"training__schedule": {"type": "reduce_lr_on_plateau"}},
        ["training", "schedule", "type"],
        "did you mean plateau",
    ),
]


@pytest.mark.parametrize(("changes", "loc", "words"), CASES, ids=lambda one: one if isinstance(one, str) else "")
def test_what_cannot_be_is_refused_at_its_place(changes: dict[str, Any], loc: list[str | int], words: str) -> None:
    ((place, message),) = told(spec(**changes))
    assert place == loc
    assert words in message


FITTING: list[dict[str, Any]] = [
    {"training__optimizer": SEARCHING, "model__layers": PULLED},
    {"training__optimizer": {"type": "lbfgs"}, "training__schedule": {"type": "cosine"}, "model__layers": PULLED},
    {"training__optimizer": {"type": "rprop"}, "model__layers": PACED},
    {"training__optimizer": {"type": "muon"}, "training__schedule": {"type": "one_cycle"}, "model__layers": DEEP},
    {"training__optimizer": {"type": "sgd", "momentum": 0.9}, "training__schedule": CYCLIC},
    {"training__optimizer": {"type": "sgd"}, "training__schedule": CYCLIC | {"cycle_momentum": False}},
    {"training__schedule": {"type": "plateau", "series": "train/loss"}},
]


@pytest.mark.parametrize("changes", FITTING, ids=str)
def test_what_can_be_passes(changes: dict[str, Any]) -> None:
    assert told(spec(**changes)) == []
