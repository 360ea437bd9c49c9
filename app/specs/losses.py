"""What a training makes small. Names and arguments are PyTorch's own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.specs.base import Spec


class MSELoss(Spec):
    """The mean of the squared differences: for numbers."""

    type: Literal["mse_loss"] = "mse_loss"
    also_called: ClassVar[tuple[str, ...]] = ("mse", "mean_squared_error")


class L1Loss(Spec):
    """The mean of the absolute differences: for numbers, unmoved by outliers."""

    type: Literal["l1_loss"] = "l1_loss"
    also_called: ClassVar[tuple[str, ...]] = ("mae", "mean_absolute_error")


class CrossEntropy(Spec):
    """For one class of several. Takes raw scores: softmax is in it, so the model ends without."""

    type: Literal["cross_entropy"] = "cross_entropy"
    also_called: ClassVar[tuple[str, ...]] = (
        "categorical_cross_entropy",
        "sparse_categorical_cross_entropy",
        "softmax_cross_entropy",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """how much of the certainty is spread over all classes"""


class NLLLoss(Spec):
    """For one class of several. Takes logarithms of probabilities: the model ends with log_softmax."""

    type: Literal["nll_loss"] = "nll_loss"
    also_called: ClassVar[tuple[str, ...]] = ("negative_log_likelihood",)


class BinaryCrossEntropy(Spec):
    """For yes or no. Takes a probability: the model ends with sigmoid."""

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    also_called: ClassVar[tuple[str, ...]] = ("bce", "bce_loss")


class BinaryCrossEntropyWithLogits(Spec):
    """For yes or no. Takes a raw score: sigmoid is in it, so the model ends without."""

    type: Literal["binary_cross_entropy_with_logits"] = "binary_cross_entropy_with_logits"
    also_called: ClassVar[tuple[str, ...]] = ("bce_with_logits", "bce_with_logits_loss")


AnyLoss = Annotated[
    MSELoss | L1Loss | CrossEntropy | NLLLoss | BinaryCrossEntropy | BinaryCrossEntropyWithLogits,
    Field(discriminator="type"),
]
REGRESSION_LOSSES = frozenset({"mse_loss", "l1_loss"})
CLASS_LOSSES = frozenset({"cross_entropy", "nll_loss"})
BINARY_LOSSES = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"})
