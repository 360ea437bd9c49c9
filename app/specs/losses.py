"""What a training makes small. Names and arguments are PyTorch's own, where it has them.

What a loss is for is its `group`. What depends on it (which targets fit, how many outputs there are, how they are
read) goes by the sets at the end.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from app.specs.base import Spec, option
from app.specs.layers.base import documented

Group = Literal["numbers", "yes or no", "classes"]
Positive = Annotated[float, Field(gt=0, le=1e6)]
ClassWeights = (
    Annotated[Literal["balanced"], option("balanced")]
    | Annotated[dict[str, Positive], option("weights by class, as {class: weight}")]
    | Annotated[tuple[Positive, ...], option("a list of weights in the order of the classes")]
)
YesWeight = Annotated[Literal["balanced"], option("balanced")] | Annotated[Positive, option("a number above 0")]


def _is_unsaid(value: Any) -> bool:
    return value is None


class Loss(Spec):
    """Anything that a training can make small."""

    group: ClassVar[Group]
    source: ClassVar[str]


class MSELoss(Loss):
    """The mean of the squared differences: for numbers."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("MSELoss")
    type: Literal["mse_loss"] = "mse_loss"
    also_called: ClassVar[tuple[str, ...]] = ("mse", "mean_squared_error")


class L1Loss(Loss):
    """The mean of the absolute differences: for numbers, unmoved by outliers."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("L1Loss")
    type: Literal["l1_loss"] = "l1_loss"
    also_called: ClassVar[tuple[str, ...]] = ("mae", "mean_absolute_error")


class SmoothL1Loss(Loss):
    """Squares of small differences, absolute values of large ones: for numbers with outliers (Girshick, 2015)."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("SmoothL1Loss")
    type: Literal["smooth_l1_loss"] = "smooth_l1_loss"
    also_called: ClassVar[tuple[str, ...]] = ("smooth_l1",)
    beta: Positive = 1.0
    """from which difference on it is linear, of the target as it is scaled"""


class HuberLoss(Loss):
    """Half the square of a small difference, delta times a large one: for numbers with outliers (Huber, 1964)."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("HuberLoss")
    type: Literal["huber_loss"] = "huber_loss"
    also_called: ClassVar[tuple[str, ...]] = ("huber",)
    delta: Positive = 1.0
    """from which difference on it is linear, of the target as it is scaled"""


class CrossEntropy(Loss):
    """For one class of several. Takes raw scores: softmax is in it, so the model ends without."""

    group: ClassVar[Group] = "classes"
    source: ClassVar[str] = documented("CrossEntropyLoss")
    type: Literal["cross_entropy"] = "cross_entropy"
    also_called: ClassVar[tuple[str, ...]] = (
        "categorical_cross_entropy",
        "sparse_categorical_cross_entropy",
        "softmax_cross_entropy",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """how much of the certainty is spread over all classes"""
    weight: ClassWeights | None = Field(default=None, exclude_if=_is_unsaid)
    """how much the rows of each class count: balanced, by class, or in the order of the classes; all alike if empty"""


class NLLLoss(Loss):
    """For one class of several. Takes logarithms of probabilities: the model ends with log_softmax."""

    group: ClassVar[Group] = "classes"
    source: ClassVar[str] = documented("NLLLoss")
    type: Literal["nll_loss"] = "nll_loss"
    also_called: ClassVar[tuple[str, ...]] = ("negative_log_likelihood",)
    weight: ClassWeights | None = Field(default=None, exclude_if=_is_unsaid)
    """how much the rows of each class count: balanced, by class, or in the order of the classes; all alike if empty"""


class BinaryCrossEntropy(Loss):
    """For yes or no. Takes a probability: the model ends with sigmoid."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("BCELoss")
    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    also_called: ClassVar[tuple[str, ...]] = ("bce", "bce_loss")


class BinaryCrossEntropyWithLogits(Loss):
    """For yes or no. Takes a raw score: sigmoid is in it, so the model ends without."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("BCEWithLogitsLoss")
    type: Literal["binary_cross_entropy_with_logits"] = "binary_cross_entropy_with_logits"
    also_called: ClassVar[tuple[str, ...]] = ("bce_with_logits", "bce_with_logits_loss")
    pos_weight: YesWeight | None = Field(default=None, exclude_if=_is_unsaid)
    """how much a yes counts: a number, or balanced, as many times as there are no for each; as a no if empty"""


AnyLoss = Annotated[
    MSELoss
    | L1Loss
    | SmoothL1Loss
    | HuberLoss
    | CrossEntropy
    | NLLLoss
    | BinaryCrossEntropy
    | BinaryCrossEntropyWithLogits,
    Field(discriminator="type"),
]
LOSSES: dict[str, type[Loss]] = {one.model_fields["type"].default: one for one in get_args(get_args(AnyLoss)[0])}


def _of(group: Group) -> frozenset[str]:
    return frozenset(name for name, loss in LOSSES.items() if loss.group == group)


REGRESSION_LOSSES = _of("numbers")
CLASS_LOSSES = _of("classes")
BINARY_LOSSES = _of("yes or no")
