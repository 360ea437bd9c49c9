"""How a run trains. Names and arguments are PyTorch's own."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from app.specs.base import Spec, need_one

Rate = Annotated[float, Field(gt=0, le=1000, description="the learning rate: how far a step goes")]
Momentum = Annotated[float, Field(ge=0, lt=1, description="how much of the last step is taken again")]
WeightDecay = Annotated[
    float, Field(ge=0, description="pulls weights towards 0: this times the weight joins its gradient")
]
Beta = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[
    tuple[Beta, Beta], Field(description="how slowly the running means of the gradient and of its square forget")
]
Eps = Annotated[float, Field(gt=0, description="added to what divides, against division by zero")]
Amsgrad = Annotated[
    bool, Field(description="whether steps shrink only: divided by the largest mean so far (Reddi, 2018)")
]
Unit = Annotated[Literal["step", "epoch"], Field(description="what is counted")]


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


class SGD(Spec):
    """Steps down the gradient, with momentum if wanted."""

    type: Literal["sgd"] = "sgd"
    also_called: ClassVar[tuple[str, ...]] = ("gradient_descent", "stochastic_gradient_descent", "momentum")
    lr: Rate = 0.001
    momentum: Momentum = 0.0
    dampening: float = Field(default=0.0, ge=0, le=1)
    """how much of the gradient is kept out of the momentum"""
    weight_decay: WeightDecay = 0.0
    nesterov: bool = False
    """whether the gradient is taken where the momentum leads (Sutskever et al., 2013)"""

    @field_validator("nesterov")
    @classmethod
    def _has_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and not (info.data.get("momentum", 1) > 0 and info.data.get("dampening", 0) == 0):
            raise ValueError("nesterov needs momentum, and no dampening")
        return nesterov

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 1 if self.momentum else 0


class Adam(Spec):
    """Steps of a size of its own for each weight (Kingma, Ba, 2014)."""

    type: Literal["adam"] = "adam"
    lr: Rate = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    amsgrad: Amsgrad = False

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 3 if self.amsgrad else 2


class AdamW(Spec):
    """Adam with weight decay apart from the gradient (Loshchilov, Hutter, 2017)."""

    type: Literal["adamw"] = "adamw"
    lr: Rate = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: float = Field(default=0.01, ge=0)
    """pulls weights towards 0: each step takes this times the rate off them"""
    amsgrad: Amsgrad = False

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 3 if self.amsgrad else 2


class RMSprop(Spec):
    """Steps divided by the gradient's recent size (Hinton, 2012)."""

    type: Literal["rmsprop"] = "rmsprop"
    lr: Rate = 0.01
    alpha: Beta = 0.99
    """how slowly the running mean of the squared gradient forgets"""
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    momentum: Momentum = 0.0
    centered: bool = False
    """whether the mean gradient is taken off first: divided by the variance"""

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 1 + bool(self.momentum) + self.centered


AnyOptimizer = Annotated[SGD | Adam | AdamW | RMSprop, Field(discriminator="type")]


class _Schedule(Spec):
    warmup_steps: int = Field(default=0, ge=0)
    """the rate climbs to its value over so many first steps"""


class ConstantSchedule(_Schedule):
    """The rate stays."""

    type: Literal["constant"] = "constant"


class StepSchedule(_Schedule):
    """The rate falls in stairs, as torch's StepLR."""

    type: Literal["step"] = "step"
    step_size: int = Field(default=10, ge=1)
    """after how many it falls"""
    gamma: float = Field(default=0.1, gt=0, le=1)
    """what it is multiplied by then"""
    unit: Unit = "epoch"


class ExponentialSchedule(_Schedule):
    """The rate falls continuously: lr · gamma^(n / every)."""

    type: Literal["exponential"] = "exponential"
    gamma: float = Field(default=0.9, gt=0, le=1)
    """what it is multiplied by over so many"""
    every: int = Field(default=1, ge=1)
    """over how many it is multiplied by gamma"""
    unit: Unit = "epoch"


class CosineSchedule(_Schedule):
    """The rate falls along half a cosine over the whole run (Loshchilov, Hutter, 2016)."""

    type: Literal["cosine"] = "cosine"
    eta_min: float = Field(default=0.0, ge=0)
    """the rate at the end"""


AnySchedule = Annotated[
    ConstantSchedule | StepSchedule | ExponentialSchedule | CosineSchedule, Field(discriminator="type")
]


class Accuracy(Spec):
    """The share of right answers."""

    type: Literal["accuracy"] = "accuracy"


class TopKAccuracy(Spec):
    """The share of rows whose class is among the k likeliest."""

    type: Literal["top_k_accuracy"] = "top_k_accuracy"
    also_called: ClassVar[tuple[str, ...]] = ("top_k",)
    k: int = Field(default=3, ge=1)
    """how many count as right"""


class Precision(Spec):
    """Of those called positive, the share that is; for several classes, the mean over classes."""

    type: Literal["precision"] = "precision"


class Recall(Spec):
    """Of those that are positive, the share that was found; for several classes, the mean over classes."""

    type: Literal["recall"] = "recall"


class F1(Spec):
    """The harmonic mean of precision and recall."""

    type: Literal["f1"] = "f1"
    also_called: ClassVar[tuple[str, ...]] = ("f1_score",)


class MAE(Spec):
    """The mean absolute error, in the target's own unit."""

    type: Literal["mae"] = "mae"
    also_called: ClassVar[tuple[str, ...]] = ("mean_absolute_error",)


class MSE(Spec):
    """The mean squared error."""

    type: Literal["mse"] = "mse"
    also_called: ClassVar[tuple[str, ...]] = ("mean_squared_error",)


class RMSE(Spec):
    """The root of the mean squared error, in the target's own unit."""

    type: Literal["rmse"] = "rmse"
    also_called: ClassVar[tuple[str, ...]] = ("root_mean_squared_error",)


class R2(Spec):
    """The share of the target's variance that is explained: 1 is perfect, 0 is the mean's."""

    type: Literal["r2"] = "r2"
    also_called: ClassVar[tuple[str, ...]] = ("r2_score", "r_squared")


AnyMetric = Annotated[
    Accuracy | TopKAccuracy | Precision | Recall | F1 | MAE | MSE | RMSE | R2, Field(discriminator="type")
]
# Those that need classes. Of a number they make sense where it is 0 or 1.
CLASS_METRICS = frozenset({"accuracy", "top_k_accuracy", "precision", "recall", "f1"})


class EarlyStopping(Spec):
    """Ends the training when a curve no longer gets better."""

    series: str = "validation/loss"
    """the curve; one named loss, mae, mse or rmse should fall, any other rise"""
    patience: int = Field(default=10, ge=1)
    """how many epochs without a better value are waited for"""
    min_delta: float = Field(default=0.0, ge=0)
    """how much better counts as better"""
    restore_best: bool = True
    """whether the weights of the best epoch are kept, not the last"""


class OutputLoss(Spec):
    """By what one of several outputs is judged."""

    loss: AnyLoss
    """what the training makes small, with those of the other outputs"""
    weight: float = Field(default=1.0, gt=0, le=1e6)
    """how much it counts in their sum"""
    metrics: tuple[AnyMetric, ...] = ()
    """what is measured beside the loss"""


class StartFrom(Spec):
    """The weights that a run has left, taken where layers are called alike and have the same shapes."""

    run_id: str = Field(min_length=1, max_length=60)
    """the run; one that has ended well"""
    up_to: str | None = Field(default=None, min_length=1, max_length=200)
    """the last layer whose weights are taken, by its name; those after it begin anew. All of them if empty"""


class TrainingSpec(Spec):
    """Loss, optimizer, and how long."""

    num_epochs: int = Field(default=10, ge=1, le=10_000_000)
    """how often all training rows are seen"""
    batch_size: int | None = Field(default=32, ge=1)
    """rows in a step; all of them if empty"""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """the same seed gives the same run, on the same kind of device"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto takes a GPU where there is one"""
    start_from: StartFrom | None = None
    """what the weights begin with, where that is not chance: those of another run"""
    shuffle: bool = True
    """whether rows come in a new order each epoch"""
    outputs: dict[str, OutputLoss] | None = Field(
        default=None, min_length=1, exclude_if=lambda outputs: outputs is None
    )
    """of a model with several outputs: by its name the loss of each, in place of loss and metrics"""
    loss: AnyLoss | None = Field(default=None, validate_default=True, exclude_if=lambda loss: loss is None)
    """what the training makes small"""
    optimizer: AnyOptimizer = Adam()
    """how a step follows from the gradient"""
    schedule: AnySchedule = ConstantSchedule()
    """how the rate changes over the run"""
    metrics: tuple[AnyMetric, ...] = ()
    """what is measured beside the loss"""
    early_stopping: EarlyStopping | None = None
    """ends the run when it no longer gets better"""
    max_grad_norm: float | None = Field(default=None, gt=0)
    """gradients longer than this are shortened to it"""
    checkpoint_every_s: float = Field(default=30.0, gt=0)
    """how often the state is saved, in seconds"""
    keep_checkpoints: int = Field(default=3, ge=1, le=100)
    """how many of the latest are kept, beside the best"""
    log_every_epochs: int = Field(default=1, ge=1)
    """how often a line of the log says how it stands"""

    @field_validator("loss")
    @classmethod
    def _is_said(cls, loss: Any, info: ValidationInfo) -> Any:
        return need_one(loss, info, "outputs")

    @property
    def only_loss(self) -> AnyLoss:
        """The loss of a single output."""
        assert self.loss is not None, "each of several outputs has its own"
        return self.loss

    @property
    def loss_type(self) -> str:
        """Its type."""
        return self.only_loss.type

    @field_validator("schedule", mode="before")
    @classmethod
    def _none_is_constant(cls, schedule: Any) -> Any:
        return {"type": "constant"} if schedule is None else schedule
