"""How a step follows from the gradient. Names and arguments are PyTorch's own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from app.specs.base import Spec

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
