"""How much memory a training takes, from shapes alone."""

from collections.abc import Iterator
from math import isqrt, prod

from pydantic import BaseModel

from app.specs.base import Shape
from app.specs.graph import Node
from app.specs.hidden import has_several, hidden_layers
from app.specs.inspection import Inspection
from app.specs.layers.base import Weighted
from app.specs.model import ModelSpec
from app.specs.optimizers import Adafactor, AnyOptimizer, Muon
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


def memory_of(model: ModelSpec, inspection: Inspection, training: TrainingSpec, batch_size: int) -> Memory:
    """That of a run whose batches have so many rows."""
    return training_memory(
        model,
        inspection,
        training.optimizer,
        batch_size,
        rows_at_once=training.rows_at_once(batch_size),
        is_half=training.precision != "float32",
        is_averaged=training.ema is not None or training.swa is not None,
    )


def training_memory(
    model: ModelSpec,
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
        "optimizer": _num_remembered(model, inspection, optimizer) * _BYTES,
        "averages": own * is_averaged,
        "activations": kept + batch_size * prod(inspection.input_shape) * _BYTES,
    }
    return Memory(**parts, total=sum(parts.values()))


def _num_remembered(model: ModelSpec, inspection: Inspection, optimizer: AnyOptimizer) -> int:
    """How many numbers the optimizer keeps of what learns."""
    if not isinstance(optimizer, Adafactor | Muon):
        return (inspection.num_parameters - inspection.num_frozen) * optimizer.num_states
    learning = [one for one in _weights(model, inspection) if one[0].pace.learns]
    if isinstance(optimizer, Adafactor):
        return sum(_num_factors(*one) for one in learning)
    hidden = hidden_layers(model.graph)
    # Of several weights all count as matrices, for their biases are few.
    matrices = sum(prod(weight) if weight else count for node, count, weight in learning if node.name in hidden)
    return (inspection.num_parameters - inspection.num_frozen) * optimizer.num_states - matrices


def _weights(model: ModelSpec, inspection: Inspection) -> Iterator[tuple[Node, int, Shape]]:
    """Each layer that learns with its number of parameters and the shape of its weight, empty where it has several."""
    made = model.shapes(inspection.fed) | {one.name: tuple(one.output_shape) for one in inspection.layers}
    for node, report in zip(model.nodes, inspection.layers, strict=True):
        layer, given = node.layer, [made[one] for one in node.inputs]
        if report.num_parameters:
            weight = layer.weight_shape(*given) if isinstance(layer, Weighted) else None
            yield node, report.num_parameters, weight or ()


def _num_factors(node: Node, num_parameters: int, weight: Shape) -> int:
    """What Adafactor keeps: of a matrix the sums over its rows and columns, of all else as much as there is.

    Several weights are taken for three matrices with biases, unless they are mostly convolutions.
    """
    if len(weight) > 1:
        return prod(weight) // weight[-1] + prod(weight) // weight[-2] + num_parameters - prod(weight)
    return 6 * isqrt(num_parameters) if has_several(node.layer) else num_parameters
