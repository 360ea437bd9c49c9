"""How the learning rate changes over a run."""

from typing import Annotated, Literal

from pydantic import Field

from app.specs.base import Spec

Unit = Annotated[Literal["step", "epoch"], Field(description="what is counted")]


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
