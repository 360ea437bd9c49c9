"""How much memory a training takes, from shapes alone."""

from math import prod

from pydantic import BaseModel

from app.specs.inspection import Inspection
from app.specs.optimizers import AnyOptimizer
from app.specs.training import TrainingSpec

_BYTES = 4  # of a number: float32


class Memory(BaseModel):
    """What a training step holds, in bytes. Beside it are the libraries, and what is at work within a layer."""

    weights: int  # where layers compute in half the size, with a copy of that
    gradients: int
    optimizer: int
    averages: int = 0  # of weights
    activations: int  # of the rows that go through the model at once, with the batch itself
    total: int


def memory_of(inspection: Inspection, training: TrainingSpec, batch_size: int) -> Memory:
    """That of a run whose batches have so many rows."""
    return training_memory(
        inspection,
        training.optimizer,
        batch_size,
        rows_at_once=training.rows_at_once(batch_size),
        is_half=training.precision != "float32",
        is_averaged=training.ema is not None or training.swa is not None,
    )


def training_memory(
    inspection: Inspection,
    optimizer: AnyOptimizer,
    batch_size: int,
    *,
    rows_at_once: int | None = None,
    is_half: bool = False,
    is_averaged: bool = False,
) -> Memory:
    """An estimate, for numbers of four bytes but where layers are said to compute in half of them.

    In half the size a few layers still compute in four bytes, as autocast has it: norms, the softmax of attention.
    """
    own = inspection.num_parameters * _BYTES
    gradients = own - inspection.num_frozen * _BYTES  # what never learns has none, and nothing is remembered of it
    kept = (rows_at_once or batch_size) * inspection.num_kept * (_BYTES // 2 if is_half else _BYTES)
    parts = {
        "weights": own + own // 2 * is_half,
        "gradients": gradients,
        "optimizer": gradients * optimizer.num_states,
        "averages": own * is_averaged,
        "activations": kept + batch_size * prod(inspection.input_shape) * _BYTES,
    }
    return Memory(**parts, total=sum(parts.values()))
