"""What people change of a training while it goes on. Each is done between two steps, and is an event on its curves."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from app.specs.base import Spec
from app.specs.optimizers import Rate
from app.specs.training import NumEpochs


class SaveCheckpoint(Spec):
    """Save the state now, whenever the next checkpoint is due."""

    type: Literal["checkpoint"] = "checkpoint"


class Stop(Spec):
    """End the training here as early stopping does: it is evaluated, exported, and has succeeded."""

    type: Literal["stop"] = "stop"
    keep: Literal["best", "last"] = "best"
    """whose weights are kept: those of the best epoch so far, or those that it has now"""


class SetLr(Spec):
    """Give the learning rate another value; its schedule goes on, from that value in place of the first."""

    type: Literal["set_lr"] = "set_lr"
    lr: Rate


class SetNumEpochs(Spec):
    """Train for more epochs, or fewer; an epoch that has begun is finished."""

    type: Literal["set_num_epochs"] = "set_num_epochs"
    num_epochs: NumEpochs


class Profile(Spec):
    """Look closely at the next steps: what ran when, and which operators took the time. The training stays as it is."""

    type: Literal["profile"] = "profile"
    num_steps: int = Field(default=10, ge=1, le=100)
    """how many steps, after one that the profiler needs to come to rest"""


class TimeLimit(Spec):
    """The training has taken as long as it may: what the worker itself asks for. As `stop`, with the best weights."""

    type: Literal["time_limit"] = "time_limit"
    keep: Literal["best"] = "best"
    """the weights of the best epoch so far"""


AnyControl = Annotated[SaveCheckpoint | Stop | SetLr | SetNumEpochs | Profile, Field(discriminator="type")]
Asked = SaveCheckpoint | Stop | SetLr | SetNumEpochs | Profile | TimeLimit
_ASKED: TypeAdapter[Asked] = TypeAdapter(Annotated[Asked, Field(discriminator="type")])


def control_of(said: dict[str, object]) -> Asked:
    """What `model_dump` gave of one, read again."""
    return _ASKED.validate_python(said)
