"""What a run is told whose loss does not fit its target, its classes or the end of its model."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.specs.base import SpecError, problems
from app.specs.columns import Column, Images
from app.specs.losses import LOSSES
from app.specs.run import RunSpec, check
from app.specs.training import TrainingSpec

SIDE_8 = Images(channels="gray", mean=[0.5] * 3, std=[0.2] * 3, min_height=8, max_height=8, min_width=8, max_width=8)
COLUMNS = [
    Column(name="x", type="float", num_distinct=90, min=-3, max=4, mean=1, std=2),
    Column(name="kind", type="category", num_distinct=3, values=["a", "b", "c"]),
    Column(name="flag", type="boolean", num_distinct=2, values=[False, True]),
    Column(name="one", type="integer", num_distinct=2, values=[0, 1], min=0, max=1),
    Column(name="share", type="float", num_distinct=80, min=0, max=1),
    Column(name="rest", type="float", num_distinct=80, min=0, max=1),
    Column(name="log", type="float", num_distinct=80, min=-9, max=-0.1),
    Column(name="log_rest", type="float", num_distinct=80, min=-7, max=-0.1),
    Column(name="count", type="integer", num_distinct=9, values=list(range(9)), min=0, max=8, mean=2, std=2),
    Column(name="y", type="float", num_distinct=90, min=-3, max=4, mean=1, std=2),
    Column(name="image", type="image", num_distinct=100, images=SIDE_8),
    Column(name="mask", type="image", num_distinct=100, images=SIDE_8),
    Column(name="text", type="text", num_distinct=100),
]
TEXT = {"columns": {"text": {"tokens": {"length": 5, "vocabulary_size": 4}}}}
TO_TEXT = {"features": ["x"], "target": "text", **TEXT}
OF_TOKENS: list[dict[str, Any]] = [{"type": "linear", "out_features": 20}, {"type": "reshape", "shape": [5, 4]}]
LOGS: dict[str, Any] = {"type": "log_softmax"}
IN_ORDER: list[dict[str, Any]] = [
    {"type": "linear", "out_features": 36},
    {"type": "reshape", "shape": [9, 4]},
    LOGS,
]
TO_MASK = {"features": ["image"], "target": "mask"}
OF_PIXELS: list[dict[str, Any]] = [{"type": "conv2d", "out_channels": 3, "kernel_size": 1}]


def linear(width: int, *after: str) -> list[dict[str, Any]]:
    return [{"type": "linear", "out_features": width}, *({"type": name} for name in after)]


def body_of(loss: dict[str, Any], layers: list[dict[str, Any]], data: dict[str, Any], *metrics: str) -> dict[str, Any]:
    training = {"loss": loss, "metrics": [{"type": name} for name in metrics]}
    return {"dataset": "x", "model": {"layers": layers}, "data": {"features": ["x"], **data}, "training": training}


def told(loss: dict[str, Any], layers: list[dict[str, Any]], data: dict[str, Any], *metrics: str) -> list[Any]:
    """Places and messages; none where it fits."""
    try:
        check(RunSpec.model_validate(body_of(loss, layers, data, *metrics)), COLUMNS, 100)
    except ValidationError as error:
        return [(".".join(map(str, one.loc)), one.msg) for one in problems(error)]
    except SpecError as error:
        return [(".".join(map(str, one.loc)), one.msg) for one in error.errors]
    return []


def weighed(weight: Any, **other: Any) -> dict[str, Any]:
    return {"type": "cross_entropy", "weight": weight, **other}


FITTING: dict[str, Any] = {
    "weights by class": (weighed({"a": 2, "c": 0.5}), linear(3), {"target": "kind"}),
    "weights in order": (weighed([1, 2, 3]), linear(3), {"target": "kind"}),
    "weights of truth values": (weighed({"true": 2}), linear(2), {"target": "flag"}),
    "balanced": (weighed("balanced"), linear(3), {"target": "kind"}),
    "weights of pixels": (weighed({"0": 0.1}), OF_PIXELS, TO_MASK),
    "counts": ({"type": "poisson_nll_loss"}, linear(1), {"target": "count"}, "mae", "r2"),
    "rates": ({"type": "poisson_nll_loss", "log_input": False}, linear(1, "softplus"), {"target": "count"}),
    "counts of several": ({"type": "poisson_nll_loss"}, linear(2), {"target": ["count", "one"]}, "rmse"),
    "a normal law": ({"type": "gaussian_nll_loss"}, linear(2), {"target": "y", "scale_target": "standardize"}, "mae"),
    "several normal laws": ({"type": "gaussian_nll_loss"}, linear(4), {"target": ["y", "count"]}, "mae"),
    "an image of normal laws": (
        {"type": "gaussian_nll_loss"},
        [{"type": "conv2d", "out_channels": 2, "kernel_size": 1}],
        {"features": ["image"], "target": "image"},
    ),
    "shares": ({"type": "kl_div"}, linear(2, "log_softmax"), {"target": ["share", "rest"]}, "mae"),
    "logarithms of shares": (
        {"type": "kl_div", "log_target": True},
        linear(2, "log_softmax"),
        {"target": ["log", "log_rest"]},
    ),
    "focal": ({"type": "focal_loss", "gamma": 1, "weight": "balanced"}, linear(3), {"target": "kind"}, "f1"),
    "focal, of pixels": ({"type": "focal_loss"}, OF_PIXELS, TO_MASK, "accuracy"),
    "focal, of tokens": ({"type": "focal_loss"}, OF_TOKENS, TO_TEXT, "accuracy"),
    "focal, of yes and no": ({"type": "sigmoid_focal_loss", "alpha": None}, linear(1), {"target": "flag"}, "recall"),
    "focal, of shares": ({"type": "sigmoid_focal_loss"}, linear(2), {"target": ["flag", "share"]}, "accuracy"),
    "margins": ({"type": "multi_margin_loss", "p": 2}, linear(3), {"target": "kind"}, "top_k_accuracy"),
    "hinge": ({"type": "hinge_loss", "p": 2}, linear(1), {"target": "flag"}, "accuracy", "f1"),
    "hinge of several": ({"type": "hinge_loss"}, linear(2), {"target": ["flag", "one"]}, "accuracy"),
    "soft margin": ({"type": "soft_margin_loss"}, linear(1), {"target": "flag"}, "accuracy"),
    "labels": ({"type": "multilabel_soft_margin_loss"}, linear(2), {"target": ["flag", "one"]}, "accuracy"),
    "ranked labels": ({"type": "multilabel_margin_loss"}, linear(2), {"target": ["flag", "one"]}),
    "tokens in order": ({"type": "ctc_loss"}, IN_ORDER, TO_TEXT, "accuracy", "token_error"),
    "characters of a category": (
        {"type": "ctc_loss"},
        IN_ORDER,
        {"target": "kind", "columns": {"kind": {"tokens": {"length": 5, "vocabulary_size": 4}}}},
    ),
    "weights of tokens": (weighed([1, 1, 2, 2]), OF_TOKENS, TO_TEXT),
}
REFUSED: dict[str, Any] = {
    "a class that there is not": (
        (weighed({"d": 2}), linear(3), {"target": "kind"}),
        "training.loss.weight.d",
        "there is no class 'd'; there are a, b, c",
    ),
    "too few weights": (
        (weighed([1, 2]), linear(3), {"target": "kind"}),
        "training.loss.weight",
        "there are 3 classes, and 2 weights: say one for each",
    ),
    "a class that a mask has not": ((weighed({"3": 2}), OF_PIXELS, TO_MASK), "training.loss.weight.3", "0, 1, 2"),
    "too many weights of pixels": ((weighed([1] * 4), OF_PIXELS, TO_MASK), "training.loss.weight", "there are 3"),
    "tokens by name": ((weighed({"a": 2}), OF_TOKENS, TO_TEXT), "training.loss.weight", "have no names here"),
    "too few weights of tokens": ((weighed([1, 2]), OF_TOKENS, TO_TEXT), "training.loss.weight", "there are 4"),
    "a weight of 0": ((weighed({"a": 0}), linear(3), {"target": "kind"}), "training.loss.weight.a", "greater than 0"),
    "counts below 0": (({"type": "poisson_nll_loss"}, linear(1), {"target": "y"}), "training.loss.type", "goes down"),
    "several counts below 0": (
        ({"type": "poisson_nll_loss"}, linear(2), {"target": ["count", "y"]}),
        "training.loss.type",
        "'y' has others",
    ),
    "scaled counts": (
        ({"type": "poisson_nll_loss"}, linear(1), {"target": "count", "scale_target": "min_max"}),
        "data.scale_target",
        "as they are",
    ),
    "rates below 0": (
        ({"type": "poisson_nll_loss", "log_input": False}, linear(1), {"target": "count"}),
        "training.loss.log_input",
        "end with softplus",
    ),
    "counts as classes": (
        ({"type": "poisson_nll_loss"}, linear(1), {"target": "one"}, "accuracy"),
        "training.metrics.0",
        "predicts a number",
    ),
    "one number for a normal law": (
        ({"type": "gaussian_nll_loss"}, linear(1), {"target": "y"}),
        "model.layers.0",
        "so 2, all means first",
    ),
    "too few numbers for normal laws": (
        ({"type": "gaussian_nll_loss"}, linear(2), {"target": ["y", "count"]}),
        "model.layers.0",
        "end with 4, all means first",
    ),
    "one share": (({"type": "kl_div"}, linear(1, "log_softmax"), {"target": "share"}), "training.loss.type", "a list"),
    "shares of a list of one": (
        ({"type": "kl_div"}, linear(1, "log_softmax"), {"target": ["share"]}),
        "training.loss.type",
        "a list",
    ),
    "no shares": (
        ({"type": "kl_div"}, linear(2, "log_softmax"), {"target": ["share", "count"]}),
        "training.loss.type",
        "'count' has others",
    ),
    "no logarithms of shares": (
        ({"type": "kl_div", "log_target": True}, linear(2, "log_softmax"), {"target": ["log", "count"]}),
        "training.loss.type",
        "no logarithms",
    ),
    "shares as they are": (
        ({"type": "kl_div"}, linear(2), {"target": ["share", "rest"]}),
        "training.loss.type",
        "end with log_softmax",
    ),
    "scaled shares": (
        ({"type": "kl_div"}, linear(2, "log_softmax"), {"target": ["share", "rest"], "scale_target": "robust"}),
        "data.scale_target",
        "as they are",
    ),
    "hinge of a number": (({"type": "hinge_loss"}, linear(1), {"target": "x"}), "training.loss.type", "two different"),
    "hinge of shares": (
        ({"type": "hinge_loss"}, linear(2), {"target": ["flag", "share"]}),
        "training.loss.type",
        "needs columns that are 0 or 1",
    ),
    "hinge of an image": (
        ({"type": "hinge_loss"}, OF_PIXELS, {"features": ["image"], "target": "image"}),
        "training.loss.type",
        "needs columns that are 0 or 1",
    ),
    "labels of one column": (
        ({"type": "multilabel_soft_margin_loss"}, linear(1), {"target": "flag"}),
        "training.loss.type",
        "for several columns",
    ),
    "labels of a list of one": (
        ({"type": "multilabel_margin_loss"}, linear(1), {"target": ["flag"]}),
        "training.loss.type",
        "for several columns",
    ),
    "an order without a threshold": (
        ({"type": "multilabel_margin_loss"}, linear(2), {"target": ["flag", "one"]}, "accuracy"),
        "training.metrics.0",
        "does not say from where on",
    ),
    "margins of pixels": (({"type": "multi_margin_loss"}, OF_PIXELS, TO_MASK), "training.loss.type", "one class a row"),
    "margins of tokens": (({"type": "multi_margin_loss"}, OF_TOKENS, TO_TEXT), "training.loss.type", "one class a row"),
    "a third power": (
        ({"type": "multi_margin_loss", "p": 3}, linear(3), {"target": "kind"}),
        "training.loss.p",
        "should be 1 or 2",
    ),
    "tokens in order of a class": (
        ({"type": "ctc_loss"}, linear(3, "log_softmax"), {"target": "kind"}),
        "training.loss.type",
        "needs a text that is cut into tokens",
    ),
    "tokens in order of numbers": (
        ({"type": "ctc_loss"}, linear(2, "log_softmax"), {"target": ["x", "y"]}),
        "training.loss.type",
        "needs a text that is cut into tokens",
    ),
    "tokens in order of an image": (
        ({"type": "ctc_loss"}, OF_PIXELS, {"features": ["image"], "target": "image"}),
        "training.loss.type",
        "needs a text that is cut into tokens",
    ),
    "fewer places than tokens": (
        ({"type": "ctc_loss"}, [*linear(16), {"type": "reshape", "shape": [4, 4]}, LOGS], TO_TEXT),
        "model.layers.2",
        "at 4 places, and a text has up to 5 tokens",
    ),
    "places of other tokens": (
        ({"type": "ctc_loss"}, [*linear(40), {"type": "reshape", "shape": [8, 5]}, LOGS], TO_TEXT),
        "model.layers.2",
        "4 tokens in order: end with a list of 4 tokens for each",
    ),
    "no logarithms": (({"type": "ctc_loss"}, IN_ORDER[:-1], TO_TEXT), "training.loss.type", "end with log_softmax"),
    "logarithms along the places": (
        ({"type": "ctc_loss"}, [*IN_ORDER[:-1], LOGS | {"dim": 1}], TO_TEXT),
        "model.layers.2.dim",
        "along axis 2",
    ),
    "metrics of places": (({"type": "ctc_loss"}, IN_ORDER, TO_TEXT, "f1"), "training.metrics.0", "is of places"),
    "an order of classes": (
        ({"type": "cross_entropy"}, linear(3), {"target": "kind"}, "token_error"),
        "training.metrics.0",
        "which ctc_loss learns",
    ),
    "the next token in order": (
        ({"type": "ctc_loss"}, IN_ORDER, TO_TEXT | {"next_token": True}),
        "data.next_token",
        "the next one comes next",
    ),
    "a word": ((weighed("even"), linear(3), {"target": "kind"}), "training.loss.weight", "should be balanced"),
}


@pytest.mark.parametrize("name", FITTING)
def test_what_fits_is_taken(name: str) -> None:
    assert told(*FITTING[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_told_at_its_place(name: str) -> None:
    body, place, said = REFUSED[name]
    found = told(*body)
    assert place in [loc for loc, message in found if said in message], found


@pytest.mark.parametrize(
    ("loss", "end", "data", "said"),
    [
        ("cross_entropy", "softmax", {"target": "kind"}, "softmax is in cross_entropy already"),
        ("cross_entropy", "log_softmax", {"target": "kind"}, None),  # it changes nothing
        ("focal_loss", "sigmoid", {"target": "kind"}, "after sigmoid it learns slowly"),
        ("binary_cross_entropy_with_logits", "sigmoid", {"target": "flag"}, "sigmoid is in binary"),
        ("hinge_loss", "sigmoid", {"target": "flag"}, "sigmoid bounds them"),
        ("hinge_loss", "tanh", {"target": "flag"}, None),
        ("poisson_nll_loss", "softplus", {"target": "count"}, "let log_input be false"),
        ("mse_loss", "sigmoid", {"target": "y"}, None),
    ],
)
def test_an_end_that_is_rarely_meant_is_no_mistake_but_told(loss: str, end: str, data: Any, said: str | None) -> None:
    width = 3 if data["target"] == "kind" else 1
    found = check(RunSpec.model_validate(body_of({"type": loss}, linear(width, end), data)), COLUMNS, 100).warnings
    assert [one.loc for one in found] == ([["model", "layers", 1]] if said else [])
    assert said is None or said in found[0].msg


def test_a_class_of_one_of_several_outputs_is_told_at_its_place() -> None:
    body = {
        "dataset": "x",
        "model": {
            "layers": [{"type": "linear", "out_features": 3, "name": "a"}, {"type": "linear", "out_features": 1}],
            "outputs": ["a", "1"],
        },
        "data": {"features": ["x"], "outputs": {"a": {"target": "kind"}, "1": {"target": "flag"}}},
        "training": {
            "outputs": {
                "a": {"loss": weighed({"no": 2})},
                "1": {"loss": {"type": "binary_cross_entropy_with_logits", "pos_weight": "balanced"}},
            }
        },
    }
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), COLUMNS, 100)
    assert [one.loc for one in caught.value.errors] == [["training", "outputs", "a", "loss", "weight", "no"]]


def test_specifications_without_weights_are_stored_as_they_were() -> None:
    for name, arguments in (("cross_entropy", {"label_smoothing": 0.0}), ("nll_loss", {})):
        training = TrainingSpec.model_validate({"loss": {"type": name}})
        assert training.model_dump(mode="json")["loss"] == {"type": name, **arguments}
    assert LOSSES["binary_cross_entropy_with_logits"]().model_dump() == {"type": "binary_cross_entropy_with_logits"}
