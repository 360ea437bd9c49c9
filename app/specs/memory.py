"""How much memory a training takes, from shapes alone."""

from math import prod

from pydantic import BaseModel

from app.specs.inspection import Inspection
from app.specs.optimizers import AnyOptimizer

_BYTES = 4  # of a number: float32


class Memory(BaseModel):
    """What a training step holds, in bytes. Beside it are the libraries, and what is at work within a layer."""

    weights: int
    gradients: int
    optimizer: int
    activations: int  # of one batch, with the batch itself
    total: int


def training_memory(inspection: Inspection, optimizer: AnyOptimizer, batch_size: int) -> Memory:
    """An estimate for numbers of four bytes, as everything is that is trained here unless it is asked for otherwise."""
    weights = inspection.num_parameters * _BYTES
    activations = batch_size * (inspection.num_kept + prod(inspection.input_shape)) * _BYTES
    gradients = weights - inspection.num_frozen * _BYTES  # what never learns has none, and nothing is remembered of it
    states = gradients * optimizer.num_states
    return Memory(
        weights=weights,
        gradients=gradients,
        optimizer=states,
        activations=activations,
        total=weights + gradients + states + activations,
    )
