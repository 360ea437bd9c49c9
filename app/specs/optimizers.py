"""How a step follows from the gradient. Names and arguments are PyTorch's own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from app.specs.base import LESS_COMMON, Spec

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
Decoupled = Annotated[
    bool,
    Field(
        description="whether weight decay acts beside the gradient, as in adamw, not through it",
        json_schema_extra=LESS_COMMON,
    ),
]
DecaysAll = Annotated[
    bool,
    Field(
        description="whether weight_decay pulls at biases and the weights of norms too; many leave those alone",
        exclude_if=lambda decays: decays is True,
        json_schema_extra=LESS_COMMON,
    ),
]


class SGD(Spec):
    """Steps down the gradient, with momentum if wanted."""

    group: ClassVar[str] = "usual"
    type: Literal["sgd"] = "sgd"
    also_called: ClassVar[tuple[str, ...]] = ("gradient_descent", "stochastic_gradient_descent", "momentum")
    lr: Rate = 0.001
    momentum: Momentum = 0.0
    dampening: float = Field(default=0.0, ge=0, le=1)
    """how much of the gradient is kept out of the momentum"""
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
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

    group: ClassVar[str] = "usual"
    type: Literal["adam"] = "adam"
    lr: Rate = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    amsgrad: Amsgrad = False

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 3 if self.amsgrad else 2


class AdamW(Spec):
    """Adam with weight decay apart from the gradient (Loshchilov, Hutter, 2017)."""

    group: ClassVar[str] = "usual"
    type: Literal["adamw"] = "adamw"
    lr: Rate = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: float = Field(default=0.01, ge=0)
    """pulls weights towards 0: each step takes this times the rate off them"""
    decay_norms_and_biases: DecaysAll = True
    amsgrad: Amsgrad = False

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 3 if self.amsgrad else 2


class RMSprop(Spec):
    """Steps divided by the gradient's recent size (Hinton, 2012)."""

    group: ClassVar[str] = "usual"
    type: Literal["rmsprop"] = "rmsprop"
    lr: Rate = 0.01
    alpha: Beta = 0.99
    """how slowly the running mean of the squared gradient forgets"""
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    momentum: Momentum = 0.0
    centered: bool = False
    """whether the mean gradient is taken off first: divided by the variance"""

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight."""
        return 1 + bool(self.momentum) + self.centered


class NAdam(Spec):
    """Adam that looks ahead along its momentum, as Nesterov did (Dozat, 2016)."""

    group: ClassVar[str] = "like Adam"
    type: Literal["nadam"] = "nadam"
    lr: Rate = 0.002
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    momentum_decay: float = Field(default=0.004, ge=0, json_schema_extra=LESS_COMMON)
    """how fast the momentum grows to its full size in the first steps"""
    decoupled_weight_decay: Decoupled = False
    num_states: ClassVar[int] = 2


class RAdam(Spec):
    """Adam that begins with careful steps, until it has seen enough to size them; needs no warm-up (Liu, 2019)."""

    group: ClassVar[str] = "like Adam"
    type: Literal["radam"] = "radam"
    lr: Rate = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    decoupled_weight_decay: Decoupled = False
    num_states: ClassVar[int] = 2


class Adagrad(Spec):
    """Steps that shrink where gradients were large: for rare words and sparse inputs (Duchi, Hazan, Singer, 2011)."""

    group: ClassVar[str] = "by past gradients"
    type: Literal["adagrad"] = "adagrad"
    lr: Rate = 0.01
    lr_decay: float = Field(default=0.0, ge=0, json_schema_extra=LESS_COMMON)
    """the rate is divided by 1 + this times the number of steps so far"""
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    initial_accumulator_value: float = Field(default=0.0, ge=0, json_schema_extra=LESS_COMMON)
    """what the sum of squared gradients begins with: more makes the first steps smaller"""
    eps: Eps = 1e-10
    num_states: ClassVar[int] = 1


class Adadelta(Spec):
    """Steps that take their size from the steps before, so that hardly a rate is needed (Zeiler, 2012)."""

    group: ClassVar[str] = "by past gradients"
    type: Literal["adadelta"] = "adadelta"
    lr: Rate = 1.0
    rho: float = Field(default=0.9, ge=0, le=1)
    """how slowly the running means of the squared gradients and of the squared steps forget"""
    eps: Eps = 1e-6
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    num_states: ClassVar[int] = 2


class Adamax(Spec):
    """Adam that divides by the largest recent gradient in place of a mean (Kingma, Ba, 2014, section 7)."""

    group: ClassVar[str] = "like Adam"
    type: Literal["adamax"] = "adamax"
    lr: Rate = 0.002
    betas: Betas = (0.9, 0.999)
    eps: Eps = 1e-8
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    num_states: ClassVar[int] = 2


class ASGD(Spec):
    """Plain steps at a falling rate; their mean is kept beside the weights, which stay the last (Polyak, 1992)."""

    group: ClassVar[str] = "of other kinds"
    type: Literal["asgd"] = "asgd"
    also_called: ClassVar[tuple[str, ...]] = ("averaged_sgd",)
    lr: Rate = 0.01
    lambd: float = Field(default=1e-4, ge=0, json_schema_extra=LESS_COMMON)
    """how fast the rate falls, and a pull towards 0 on every weight"""
    alpha: float = Field(default=0.75, ge=0, json_schema_extra=LESS_COMMON)
    """the power by which the rate falls"""
    t0: float = Field(default=1e6, ge=0)
    """the step from which on weights are averaged"""
    weight_decay: WeightDecay = 0.0
    decay_norms_and_biases: DecaysAll = True
    num_states: ClassVar[int] = 1


class Rprop(Spec):
    """Steps by the gradient's sign alone, longer while it stays; for batches of all rows (Riedmiller, Braun, 1993)."""

    group: ClassVar[str] = "of other kinds"
    type: Literal["rprop"] = "rprop"
    lr: Rate = 0.01
    etas: tuple[Annotated[float, Field(gt=0, lt=1)], Annotated[float, Field(gt=1)]] = (0.5, 1.2)
    """what a step is multiplied by when the sign has changed, and while it has not"""
    step_sizes: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        default=(1e-6, 50), json_schema_extra=LESS_COMMON
    )
    """the shortest and the longest step"""
    num_states: ClassVar[int] = 2

    @field_validator("step_sizes")
    @classmethod
    def _ascend(cls, sizes: tuple[float, float]) -> tuple[float, float]:
        if sizes[0] > sizes[1]:
            raise ValueError("the shortest step is longer than the longest")
        return sizes


class Adafactor(Spec):
    """Adam's sizes from sums over rows and columns alone: little memory for large matrices (Shazeer, Stern, 2018)."""

    group: ClassVar[str] = "like Adam"
    type: Literal["adafactor"] = "adafactor"
    lr: Rate = 0.01
    beta2_decay: float = Field(default=-0.8, le=0, json_schema_extra=LESS_COMMON)
    """the running means forget 1 - step to this power"""
    eps: tuple[Annotated[float, Field(ge=0)] | None, Annotated[float, Field(ge=0)]] = (None, 0.001)
    """added to squared gradients (none: the smallest that there is), and the least size of weights that steps go by"""
    d: float = Field(default=1.0, ge=1, json_schema_extra=LESS_COMMON)
    """longer updates are cut to this: their root mean square"""
    weight_decay: float = Field(default=0.0, ge=0)
    """pulls weights towards 0: each step takes this times the rate off them"""
    decay_norms_and_biases: DecaysAll = True
    num_states: ClassVar[int] = 1  # of what is no matrix; see `memory`


class LBFGS(Spec):
    """Looks at a batch several times a step, and learns how the loss bends; for small models and all rows at once."""

    group: ClassVar[str] = "of other kinds"
    type: Literal["lbfgs"] = "lbfgs"
    lr: Rate = 1.0
    max_iter: int = Field(default=20, ge=1, le=10_000)
    """how many moves a step makes at most"""
    max_eval: int | None = Field(default=None, ge=1, le=100_000, json_schema_extra=LESS_COMMON)
    """how often a step may compute the loss; 1.25 times max_iter if empty"""
    tolerance_grad: float = Field(default=1e-7, ge=0, json_schema_extra=LESS_COMMON)
    """a step ends when no gradient is larger"""
    tolerance_change: float = Field(default=1e-9, ge=0, json_schema_extra=LESS_COMMON)
    """a step ends when neither loss nor weights change by more"""
    history_size: int = Field(default=100, ge=1, le=10_000)
    """how many moves are remembered; each takes as much memory as two copies of the weights"""
    line_search_fn: Literal["strong_wolfe"] | None = None
    """strong_wolfe looks for a good length of each move, which is steadier; lr as it is if empty"""

    @property
    def num_states(self) -> int:
        """How many numbers it remembers of each weight, once its history is full."""
        return 2 * self.history_size + 2


class Muon(Spec):
    """Turns whole matrices of hidden layers; all else goes to AdamW, with a rate of its own (Jordan, 2024)."""

    # What goes to AdamW is what its authors leave to it: biases, norms, embeddings, the first and last layers with
    # weights; and convolutions, for torch's takes matrices alone. `hidden` tells which layers those are.
    group: ClassVar[str] = "of other kinds"
    type: Literal["muon"] = "muon"
    lr: Rate = 0.001
    weight_decay: float = Field(default=0.1, ge=0)
    """pulls hidden matrices towards 0: each step takes this times the rate off them"""
    momentum: Momentum = 0.95
    nesterov: bool = True
    """whether the gradient is taken where the momentum leads (Sutskever et al., 2013)"""
    ns_coefficients: tuple[float, float, float] = Field(default=(3.4445, -4.775, 2.0315), json_schema_extra=LESS_COMMON)
    """of the polynomial that turns a matrix towards an orthogonal one"""
    eps: Eps = 1e-7
    ns_steps: int = Field(default=5, ge=1, lt=100, json_schema_extra=LESS_COMMON)
    """how often the polynomial is applied"""
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = Field(default=None, json_schema_extra=LESS_COMMON)
    """how the rate follows a matrix's shape; match_rms_adamw takes rates as for adamw. The original if empty"""
    adamw_lr: Rate = Field(default=3e-4, description="AdamW's rate, for all but hidden matrices")
    adamw_betas: Betas = Field(default=(0.9, 0.95), json_schema_extra=LESS_COMMON)
    adamw_eps: Eps = Field(default=1e-10, json_schema_extra=LESS_COMMON)
    adamw_weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's own weight decay"""
    decay_norms_and_biases: DecaysAll = True
    num_states: ClassVar[int] = 2  # of what goes to AdamW; see `memory`


AnyOptimizer = Annotated[
    SGD
    | Adam
    | AdamW
    | RMSprop
    | NAdam
    | RAdam
    | Adamax
    | Adafactor
    | Adagrad
    | Adadelta
    | Muon
    | LBFGS
    | ASGD
    | Rprop,
    Field(discriminator="type"),
]

# The way by which torch is fastest on a kind of device, where it would not take it by itself: one call for a parameter
# (fused), one call for all of them (foreach), or no number read back from the GPU at each step (capturable). On a CPU
# (2 cores, torch 2.13) fused takes 38 us in place of 100 for one linear unit, 104 in place of 670 for four layers;
# adagrad's 41 in place of 102; sgd gains nothing. There foreach takes 0.6 to 0.8 of the time where layers are many,
# and never longer; of adadelta, asgd, rprop and adafactor it takes longer where layers are wide.
FASTEST: dict[str, dict[str, str]] = {
    "cpu": {
        "adam": "fused",
        "adamw": "fused",
        "adagrad": "fused",
        "nadam": "foreach",
        "radam": "foreach",
        "adamax": "foreach",
    },
    "cuda": {
        "sgd": "fused",
        "adam": "fused",
        "adamw": "fused",
        "adagrad": "fused",
        "nadam": "capturable",
        "asgd": "capturable",
    },
}
