"""What a training makes small. Names and arguments are PyTorch's own, where it has them.

What a loss is for is its `group`. What depends on it (which targets fit, how many outputs there are, how they are
read) goes by the sets at the end.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from app.specs.base import Spec, option
from app.specs.layers.base import documented

Group = Literal["numbers", "yes or no", "classes", "tokens in order"]
# What the outputs of a model are that was trained with it: probabilities, what sigmoid or softmax makes such of, their
# logarithms, scores that say which but not how likely.
Outputs = Literal["numbers", "probabilities", "logits", "log_probabilities", "scores"]
Positive = Annotated[float, Field(gt=0, le=1e6)]
ClassWeights = (
    Annotated[Literal["balanced"], option("balanced")]
    | Annotated[dict[str, Positive], option("weights by class, as {class: weight}")]
    | Annotated[tuple[Positive, ...], option("a list of weights in the order of the classes")]
)
YesWeight = Annotated[Literal["balanced"], option("balanced")] | Annotated[Positive, option("a number above 0")]
# Outputs that are logarithms of numbers, or of each number a mean and the logarithm of a variance.
Reading = Literal["logarithms", "normal"]


def _is_unsaid(value: Any) -> bool:
    return value is None


class Loss(Spec):
    """Anything that a training can make small."""

    group: ClassVar[Group]
    source: ClassVar[str]
    outputs: ClassVar[Outputs]

    @property
    def reading(self) -> Reading | None:
        """How outputs become numbers, where they are not."""
        return None


class ClassLoss(Loss):
    """For one class of several, the rows of which may count more or less than others."""

    group: ClassVar[Group] = "classes"
    by_weight: ClassVar[bool] = True  # whether torch divides the sum by the weights of the rows, not by their number
    weight: ClassWeights | None = Field(default=None, exclude_if=_is_unsaid)
    """how much the rows of each class count: balanced, by class, or in the order of the classes; all alike if empty"""


class MSELoss(Loss):
    """The mean of the squared differences: for numbers."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("MSELoss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["mse_loss"] = "mse_loss"
    also_called: ClassVar[tuple[str, ...]] = ("mse", "mean_squared_error")


class L1Loss(Loss):
    """The mean of the absolute differences: for numbers, unmoved by outliers."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("L1Loss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["l1_loss"] = "l1_loss"
    also_called: ClassVar[tuple[str, ...]] = ("mae", "mean_absolute_error")


class SmoothL1Loss(Loss):
    """Squares of small differences, absolute values of large ones: for numbers with outliers (Girshick, 2015)."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("SmoothL1Loss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["smooth_l1_loss"] = "smooth_l1_loss"
    also_called: ClassVar[tuple[str, ...]] = ("smooth_l1",)
    beta: Positive = 1.0
    """from which difference on it is linear, of the target as it is scaled"""


class HuberLoss(Loss):
    """Half the square of a small difference, delta times a large one: for numbers with outliers (Huber, 1964)."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("HuberLoss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["huber_loss"] = "huber_loss"
    also_called: ClassVar[tuple[str, ...]] = ("huber",)
    delta: Positive = 1.0
    """from which difference on it is linear, of the target as it is scaled"""


class PoissonNLLLoss(Loss):
    """For counts, and other numbers from 0 up: how unlikely they are where the outputs are rates of Poisson's law."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("PoissonNLLLoss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["poisson_nll_loss"] = "poisson_nll_loss"
    also_called: ClassVar[tuple[str, ...]] = ("poisson", "poisson_nll")
    log_input: bool = True
    """whether outputs are logarithms of rates, so that the model ends without an activation"""
    full: bool = False
    """whether the part that no model changes is added, as Stirling's formula has it"""
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-8
    """what keeps the logarithm of a rate of 0 finite, where outputs are rates"""

    @property
    def reading(self) -> Reading | None:
        """Rates, by their logarithms or as they are."""
        return "logarithms" if self.log_input else None


class GaussianNLLLoss(Loss):
    """For numbers, and how sure one is of each: outputs are all means, then the logarithms of all variances."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("GaussianNLLLoss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["gaussian_nll_loss"] = "gaussian_nll_loss"
    also_called: ClassVar[tuple[str, ...]] = ("gaussian_nll", "heteroscedastic")
    full: bool = False
    """whether the part that no model changes is added, half the logarithm of 2π"""
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-6
    """the least variance, of the target as it is scaled"""

    @property
    def reading(self) -> Reading | None:
        """Means with deviations (Nix and Weigend, 1994)."""
        return "normal"


class KLDiv(Loss):
    """For shares of a whole, a column each: how far the answer is from them. The model ends with log_softmax."""

    group: ClassVar[Group] = "numbers"
    source: ClassVar[str] = documented("KLDivLoss")
    outputs: ClassVar[Outputs] = "numbers"
    type: Literal["kl_div"] = "kl_div"
    also_called: ClassVar[tuple[str, ...]] = ("kl_div_loss", "kl_divergence", "kullback_leibler_divergence")
    log_target: bool = False
    """whether the columns hold logarithms of shares"""

    @property
    def reading(self) -> Reading | None:
        """Shares, by their logarithms; as the columns have them where these are logarithms too."""
        return None if self.log_target else "logarithms"


class CrossEntropy(ClassLoss):
    """For one class of several. Takes raw scores: softmax is in it, so the model ends without."""

    source: ClassVar[str] = documented("CrossEntropyLoss")
    outputs: ClassVar[Outputs] = "logits"
    type: Literal["cross_entropy"] = "cross_entropy"
    also_called: ClassVar[tuple[str, ...]] = (
        "categorical_cross_entropy",
        "sparse_categorical_cross_entropy",
        "softmax_cross_entropy",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """how much of the certainty is spread over all classes"""


class NLLLoss(ClassLoss):
    """For one class of several. Takes logarithms of probabilities: the model ends with log_softmax."""

    source: ClassVar[str] = documented("NLLLoss")
    outputs: ClassVar[Outputs] = "log_probabilities"
    type: Literal["nll_loss"] = "nll_loss"
    also_called: ClassVar[tuple[str, ...]] = ("negative_log_likelihood",)


class FocalLoss(ClassLoss):
    """For one class of several: rows that are easy count less (Lin et al., 2017). Takes raw scores, without softmax."""

    source: ClassVar[str] = "https://arxiv.org/abs/1708.02002"
    outputs: ClassVar[Outputs] = "logits"
    type: Literal["focal_loss"] = "focal_loss"
    also_called: ClassVar[tuple[str, ...]] = ("categorical_focal_cross_entropy", "focal")
    gamma: float = Field(default=2.0, ge=0, le=100)
    """how little what is told already counts: its loss is multiplied by (1 - p) to the power of gamma"""


class MultiMarginLoss(ClassLoss):
    """For one class of several, whose score is to be a margin above all others, as in support vector machines."""

    source: ClassVar[str] = documented("MultiMarginLoss")
    outputs: ClassVar[Outputs] = "scores"
    by_weight: ClassVar[bool] = False
    type: Literal["multi_margin_loss"] = "multi_margin_loss"
    also_called: ClassVar[tuple[str, ...]] = ("multi_margin", "categorical_hinge", "multiclass_hinge")
    p: Literal[1, 2] = 1
    """the power of what is lacking: 2 punishes large lacks more"""
    margin: Positive = 1.0
    """how far above the others the score of the right class is to be"""


class CTCLoss(Loss):
    """For a text whose tokens come in order, nobody knows where (Graves et al., 2006). Ends with log_softmax."""

    group: ClassVar[Group] = "tokens in order"
    source: ClassVar[str] = documented("CTCLoss")
    outputs: ClassVar[Outputs] = "log_probabilities"
    type: Literal["ctc_loss"] = "ctc_loss"
    also_called: ClassVar[tuple[str, ...]] = ("ctc", "connectionist_temporal_classification")
    zero_infinity: bool = False
    """whether a text that does not fit into the places counts 0; else the run fails"""


class BinaryCrossEntropy(Loss):
    """For yes or no. Takes a probability: the model ends with sigmoid."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("BCELoss")
    outputs: ClassVar[Outputs] = "probabilities"
    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    also_called: ClassVar[tuple[str, ...]] = ("bce", "bce_loss")


class BinaryCrossEntropyWithLogits(Loss):
    """For yes or no. Takes a raw score: sigmoid is in it, so the model ends without."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("BCEWithLogitsLoss")
    outputs: ClassVar[Outputs] = "logits"
    type: Literal["binary_cross_entropy_with_logits"] = "binary_cross_entropy_with_logits"
    also_called: ClassVar[tuple[str, ...]] = ("bce_with_logits", "bce_with_logits_loss")
    pos_weight: YesWeight | None = Field(default=None, exclude_if=_is_unsaid)
    """how much a yes counts: a number, or balanced, as many times as there are no for each; as a no if empty"""


class SigmoidFocalLoss(Loss):
    """For yes or no: rows that are easy count less (Lin et al., 2017). Takes a raw score, without sigmoid."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = "https://arxiv.org/abs/1708.02002"
    outputs: ClassVar[Outputs] = "logits"
    type: Literal["sigmoid_focal_loss"] = "sigmoid_focal_loss"
    also_called: ClassVar[tuple[str, ...]] = ("binary_focal_loss", "binary_focal_cross_entropy")
    gamma: float = Field(default=2.0, ge=0, le=100)
    """how little what is told already counts: its loss is multiplied by (1 - p) to the power of gamma"""
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = 0.25
    """how much a yes counts, and a no the rest to 1; both as much as without if empty"""


class HingeLoss(Loss):
    """For yes or no, whose score is to be a margin above 0 or below, as in support vector machines (Vapnik, 1995)."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = "https://scikit-learn.org/stable/modules/model_evaluation.html#hinge-loss"
    outputs: ClassVar[Outputs] = "scores"
    type: Literal["hinge_loss"] = "hinge_loss"
    also_called: ClassVar[tuple[str, ...]] = ("hinge", "squared_hinge", "svm")
    p: Literal[1, 2] = 1
    """the power of what is lacking: 2, the squared hinge, punishes large lacks more"""
    margin: Positive = 1.0
    """how far from 0 the score is to be"""


class SoftMarginLoss(Loss):
    """For yes or no. What binary_cross_entropy_with_logits is, but that scores beyond 88 may become infinite."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("SoftMarginLoss")
    outputs: ClassVar[Outputs] = "logits"
    type: Literal["soft_margin_loss"] = "soft_margin_loss"
    also_called: ClassVar[tuple[str, ...]] = ("soft_margin", "logistic_loss")


class MultilabelSoftMarginLoss(Loss):
    """For several columns of yes or no, the labels of a row. Takes a raw score of each, without sigmoid."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("MultiLabelSoftMarginLoss")
    outputs: ClassVar[Outputs] = "logits"
    type: Literal["multilabel_soft_margin_loss"] = "multilabel_soft_margin_loss"
    also_called: ClassVar[tuple[str, ...]] = ("multi_label_soft_margin_loss",)


class MultilabelMarginLoss(Loss):
    """For several columns of yes or no: the scores of those that are true are to be 1 above all others. Ranks them."""

    group: ClassVar[Group] = "yes or no"
    source: ClassVar[str] = documented("MultiLabelMarginLoss")
    outputs: ClassVar[Outputs] = "scores"
    type: Literal["multilabel_margin_loss"] = "multilabel_margin_loss"
    also_called: ClassVar[tuple[str, ...]] = ("multi_label_margin_loss",)


AnyLoss = Annotated[
    MSELoss
    | L1Loss
    | SmoothL1Loss
    | HuberLoss
    | PoissonNLLLoss
    | GaussianNLLLoss
    | KLDiv
    | CrossEntropy
    | NLLLoss
    | FocalLoss
    | MultiMarginLoss
    | CTCLoss
    | BinaryCrossEntropy
    | BinaryCrossEntropyWithLogits
    | SigmoidFocalLoss
    | HingeLoss
    | SoftMarginLoss
    | MultilabelSoftMarginLoss
    | MultilabelMarginLoss,
    Field(discriminator="type"),
]
LOSSES: dict[str, type[Loss]] = {one.model_fields["type"].default: one for one in get_args(get_args(AnyLoss)[0])}


def _of(group: Group) -> frozenset[str]:
    return frozenset(name for name, loss in LOSSES.items() if loss.group == group)


REGRESSION_LOSSES = _of("numbers")
CLASS_LOSSES = _of("classes")
BINARY_LOSSES = _of("yes or no")
ORDERED_LOSSES = _of("tokens in order")
MULTILABEL_LOSSES = frozenset({"multilabel_soft_margin_loss", "multilabel_margin_loss"})
# Numbers that mean something as they are, and cannot be moved and scaled first.
UNSCALED_LOSSES = frozenset({"poisson_nll_loss", "kl_div"})
# Of these a half divides 0 from 1.
PLAIN_LOSSES = REGRESSION_LOSSES - UNSCALED_LOSSES - {"gaussian_nll_loss"}
# Of targets these are yes or no, nothing between.
SIGN_LOSSES = MULTILABEL_LOSSES | {"hinge_loss", "soft_margin_loss"}
# An order has no place from where on it is yes.
RANKING_LOSSES = frozenset({"multilabel_margin_loss"})


# The argument of a loss that makes rare classes count more.
WEIGHTS = dict.fromkeys(CLASS_LOSSES, "weight") | {"binary_cross_entropy_with_logits": "pos_weight"}


def threshold_of(loss: str) -> float:
    """The output of a loss of yes or no above which it is yes."""
    return 0.5 if LOSSES[loss].outputs == "probabilities" else 0.0
