"""What a run is told whose answer of many places does not fit its columns, its loss or its model."""

from typing import Any

import pytest

from app.specs.base import SpecError, problems
from app.specs.columns import Column, Images
from app.specs.run import Checked, RunSpec, check

GRAY = {"channels": "gray", "mean": [0.5] * 3, "std": [0.2] * 3}
SIDE_8 = Images(**GRAY, min_height=8, max_height=8, min_width=8, max_width=8)
MANY_SIDES = Images(**GRAY, min_height=8, max_height=9, min_width=8, max_width=8)
COLUMNS = [
    Column(name="a", type="float", num_distinct=90, min=0, max=1, mean=0.5, std=0.2),
    Column(name="b", type="float", num_distinct=90, min=-3, max=4, mean=1, std=2),
    Column(name="town", type="category", num_distinct=2, values=["Basel", "Chur"]),
    Column(name="image", type="image", num_distinct=100, images=SIDE_8),
    Column(name="mask", type="image", num_distinct=100, images=SIDE_8),
    Column(name="photo", type="image", num_distinct=100, images=MANY_SIDES),
    Column(name="x", type="array", num_distinct=100, shape=[3, 4], min=-1, max=1),
    Column(name="text", type="text", num_distinct=100),
]
TOKENS = {"level": "words", "length": 5, "vocabulary_size": 9}


def conv(channels: int) -> dict[str, Any]:
    return {"type": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1}


def linear(width: int) -> dict[str, Any]:
    return {"type": "linear", "out_features": width}


EMBEDDING = {"type": "embedding", "num_embeddings": 9, "embedding_dim": 4}


def run(loss: str, layers: list[dict[str, Any]], data: dict[str, Any], **training: Any) -> RunSpec:
    body = {"dataset": "x", "model": {"layers": layers}, "data": data, "training": {"loss": {"type": loss}} | training}
    return RunSpec.model_validate(body)


def told(spec: RunSpec) -> list[tuple[str, str]]:
    try:
        check(spec, COLUMNS, 100)
    except SpecError as error:
        return [(".".join(map(str, one.loc)), one.msg) for one in error.errors]
    return []


NEXT = {"features": ["text"], "target": "text", "next_token": True, "columns": {"text": {"tokens": TOKENS}}}
TO_MASK = {"features": ["image"], "target": "mask"}
TO_ITSELF = {"features": ["image"], "target": "image"}

FITTING = {
    "numbers": (run("mse_loss", [linear(2)], {"features": ["a", "b"], "target": ["a", "b"]}), "numbers", [2]),
    "one of a list": (run("mse_loss", [linear(1)], {"features": ["a"], "target": ["b"]}), "numbers", [1]),
    "shares": (
        run("binary_cross_entropy_with_logits", [linear(1)], {"features": ["b"], "target": ["a"]}),
        "numbers",
        [1],
    ),
    "array": (
        run("l1_loss", [linear(4)], {"features": ["x"], "target": "x", "scale_target": "min_max"}),
        "array",
        [3, 4],
    ),
    "image": (run("mse_loss", [conv(1)], TO_ITSELF), "image", [1, 8, 8]),
    "mask": (run("cross_entropy", [conv(3)], TO_MASK), "mask", [8, 8]),
    "log of shares": (run("nll_loss", [conv(3), {"type": "log_softmax", "dim": 1}], TO_MASK), "mask", [8, 8]),
    "next": (run("cross_entropy", [EMBEDDING, linear(9)], NEXT), "tokens", [5]),
    "flipped": (
        run("mse_loss", [conv(1)], TO_ITSELF | {"augment": [{"type": "random_crop"}, {"type": "gaussian_noise"}]}),
        "image",
        [1, 8, 8],
    ),
}


@pytest.mark.parametrize("name", FITTING)
def test_an_answer_that_fits_has_a_shape(name: str) -> None:
    spec, kind, shape = FITTING[name]
    checked: Checked = check(spec, COLUMNS, 100)
    assert (checked.target.kind, checked.target.shape, checked.target.classes) == (kind, shape, None)


MISFITS: list[tuple[RunSpec, str, str]] = [
    (run("mse_loss", [linear(2)], {"features": ["a"], "target": ["b", "town"]}), "data.target.1", "each is a number"),
    (run("mse_loss", [linear(2)], {"features": ["a"], "target": ["b", "b"]}), "data.target.1", "named twice"),
    (run("mse_loss", [linear(1)], {"features": ["a"], "target": ["b", "c"]}), "data.target.1", "no column 'c'"),
    (run("mse_loss", [linear(1)], {"features": ["a", "b"], "target": ["b"]}), "data.features.1", "beside a"),
    (run("mse_loss", [linear(1)], {"features": ["a"], "target": "a"}), "data.features.0", "shown the answer"),
    (run("mse_loss", [linear(3)], {"features": ["a", "b"], "target": ["a", "b"]}), "model.layers.0", "2 columns"),
    (run("cross_entropy", [linear(2)], {"features": ["a"], "target": ["b"]}), "training.loss.type", "mse_loss fits"),
    (
        run("binary_cross_entropy_with_logits", [linear(1)], {"features": ["a"], "target": ["b"]}),
        "training.loss.type",
        "from 0 to 1, but 'b'",
    ),
    (run("binary_cross_entropy", [conv(1)], TO_ITSELF), "training.loss.type", "end with sigmoid"),
    (run("mse_loss", [conv(1)], TO_ITSELF | {"scale_target": "standardize"}), "data.scale_target", "0 to 1"),
    (run("mse_loss", [conv(3)], TO_ITSELF), "model.layers.0", "3×8×8, but 'image' is an image of 1×8×8"),
    (run("mse_loss", [linear(4)], {"features": ["x"], "target": "image"}), "model.layers.0", "an image of 1×8×8"),
    (run("mse_loss", [conv(1)], {"features": ["image"], "target": "photo"}), "data.target", "different sizes"),
    (run("cross_entropy", [conv(1)], TO_MASK), "model.layers.0", "2 to 256"),
    (
        run("cross_entropy", [conv(3), {"type": "max_pool2d", "kernel_size": 2}], TO_MASK),
        "model.layers.1",
        "8×8 pixels",
    ),
    (run("nll_loss", [conv(3), {"type": "log_softmax"}], TO_MASK), "model.layers.1.dim", "axis 1"),
    (run("mse_loss", [linear(4)], {"features": ["a"], "target": "x"}), "model.layers.0", "an array of 3×4"),
    (run("cross_entropy", [EMBEDDING, linear(8)], NEXT), "model.layers.1", "end with 5×9"),
    (run("mse_loss", [EMBEDDING, linear(9)], NEXT), "training.loss.type", "cross_entropy fits"),
    (run("mse_loss", [conv(1)], TO_ITSELF | {"next_token": True}), "data.next_token", "cut into tokens"),
    (
        run("cross_entropy", [EMBEDDING, linear(9)], NEXT, metrics=[{"type": "top_k_accuracy", "k": 10}]),
        "training.metrics.0.k",
        "9 classes",
    ),
    (run("mse_loss", [conv(1)], TO_ITSELF, metrics=[{"type": "accuracy"}]), "training.metrics.0", "needs classes"),
    *(
        (run("cross_entropy", [conv(3)], TO_MASK | {"augment": [{"type": one}]}), "data.augment.0", "tear the image")
        for one in ("random_rotation", "mixup", "cutmix")
    ),
    (
        run(
            "mse_loss",
            [{"type": "max_pool2d", "kernel_size": 2}, conv(1)],
            TO_ITSELF
            | {"augment": [{"type": "random_crop", "padding": 1}], "target": "photo"}
            | {"columns": {"photo": {"pixels": {"height": 4, "width": 4}}}},
        ),
        "data.augment.0",
        "8×8 and 4×4",
    ),
    (
        run(
            "mse_loss",
            [linear(2)],
            {"target": ["a", "b"], "window": {"length": 4}, "split": {"type": "time", "column": "a"}},
        ),
        "data.target",
        "of one column",
    ),
    (
        run(
            "mse_loss",
            [linear(1)],
            {"features": ["a"], "target": ["b", "a"], "split": {"type": "shares", "stratify": True}},
        ),
        "data.split.stratify",
        "2 targets",
    ),
]


@pytest.mark.parametrize(("spec", "place", "words"), MISFITS, ids=[f"{place}: {words}" for _, place, words in MISFITS])
def test_what_does_not_fit_is_told_at_its_place(spec: RunSpec, place: str, words: str) -> None:
    found = told(spec)
    assert any(one == place and words in message for one, message in found), found


def test_a_target_is_text_or_a_list_of_names() -> None:
    with pytest.raises(Exception, match="target") as raised:
        run("mse_loss", [linear(1)], {"target": []})
    assert any("target" in one.loc for one in problems(raised.value))  # type: ignore[arg-type]
