"""What the doctor is asked over REST, and what it answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.doctor.findings import Finding
from app.specs.data import DataSpec

Loss = Literal[
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "kl_div",
    "cross_entropy",
    "nll_loss",
    "focal_loss",
    "multi_margin_loss",
    "ctc_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "sigmoid_focal_loss",
    "hinge_loss",
    "soft_margin_loss",
    "multilabel_soft_margin_loss",
    "multilabel_margin_loss",
]


class DoctorIn(BaseModel):
    """How a run would read the dataset, as far as that is known."""

    model_config = ConfigDict(extra="forbid")

    data: DataSpec
    loss: Loss | None = Field(default=None, description="the loss of the run; what the target looks like if absent")
    num_parameters: int | None = Field(default=None, ge=0, description="of the model")
    is_weighed: bool = Field(default=False, description="whether classes do not all count the same in the loss")


class DoctorOut(BaseModel):
    """What was found, the gravest first."""

    findings: list[Finding]
    num_rows: int
    num_examined: int = Field(description="the rows that were looked at closely, evenly chosen")
    duration_s: float
