"""What a model makes of its input, layer by layer, and what that costs: without torch, from shapes alone."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from pydantic import BaseModel, Field

from app.specs.base import Fed, Loc, Problem, Shape, ShapeError, SpecError, brief, packed
from app.specs.graph import Graph, Node, each_once
from app.specs.initializers import NEEDS_MATRIX, Values
from app.specs.layers.base import Weighted, written

MAX_PARAMETERS = 2_000_000_000
SHAPE_FIELDS = ("input_shape", "input_shapes")  # of a request: what a model is fed
MAX_NUMBERS = 1 << 40  # that come out of a layer, of one row: what is reckoned with stays small enough to be written

# Multiply-adds of a batch, from where two threads are faster than one (dense networks, LSTM, convolutions on 2 cores).
WORTH_SHARING = 10_000_000


class LayerReport(BaseModel):
    """What one layer makes of its input. Sizes are of one row."""

    index: int  # of the layer as it is written; the layers of a block share that of its use
    name: str  # "0", or "stage.2.conv" for a layer within blocks
    type: str
    inputs: list[str]
    output_shape: list[int]
    num_parameters: int
    num_frozen: int = 0  # parameters that never learn
    num_multiply_adds: int = 0
    num_kept: int = 0  # numbers of four bytes that stay in memory for the way back


class Inspection(BaseModel):
    """What a model makes of its input, layer by layer."""

    input_shape: list[int]
    output_shape: list[int]
    num_parameters: int
    num_frozen: int = 0  # parameters that never learn
    num_multiply_adds: int = 0  # of one row; twice this is its floating-point operations
    num_kept: int = 0  # numbers of four bytes that one row leaves for the way back
    layers: list[LayerReport]
    # Of several the shape of each; input_shape and output_shape are then those of all, one after the other.
    inputs: dict[str, list[int]] | None = Field(default=None, exclude_if=lambda one: one is None)
    outputs: dict[str, list[int]] | None = Field(default=None, exclude_if=lambda one: one is None)

    def is_split(self, name: str | None) -> bool:
        """Whether there are several outputs where the only one is asked for, or the other way round."""
        return (self.outputs is None) != (name is None)

    def made(self, name: str | None) -> Shape:
        """The shape of the output of that name, or of the only one."""
        return tuple(self.output_shape if self.outputs is None or name is None else self.outputs[name])

    @property
    def fed(self) -> Fed:
        """What it was inspected for."""
        if self.inputs is None:
            return tuple(self.input_shape)
        return {name: tuple(shape) for name, shape in self.inputs.items()}


def inspect(graph: Graph, shapes: Mapping[str, Shape]) -> Inspection:
    """Shapes and costs of every layer. Raises SpecError with every layer that does not fit."""
    found = [*input_problems(shapes), *graph.problems, *_integer_problems(graph, shapes)]
    reports, misfits = trace(graph, {} if found and found[0].loc[0] in SHAPE_FIELDS else shapes)
    found += misfits
    total = sum(report.num_parameters for report in reports)
    if total > MAX_PARAMETERS:
        found.append(Problem(loc=["layers"], msg=f"{total:,} parameters are more than any worker can hold"))
    if found:
        raise SpecError(list(each_once(found)))
    made = {report.name: tuple(report.output_shape) for report in reports}
    outputs = {name: made[layer] for name, layer in graph.outputs.items()}
    return Inspection(
        input_shape=list(packed(shapes)),
        output_shape=list(packed(outputs)),
        num_parameters=total,
        num_frozen=sum(report.num_frozen for report in reports),
        num_multiply_adds=sum(report.num_multiply_adds for report in reports),
        num_kept=sum(report.num_kept for report in reports),
        layers=reports,
        inputs=_each(shapes),
        outputs=_each(outputs),
    )


def _each(shapes: Mapping[str, Shape]) -> dict[str, list[int]] | None:
    return {name: list(shape) for name, shape in shapes.items()} if len(shapes) > 1 else None


def lookups(nodes: Sequence[Node], inputs: Sequence[str]) -> Iterator[tuple[Node, frozenset[str]]]:
    """Each layer that looks whole numbers up, with the inputs they come from, rearranged or as they are."""
    sources = {name: frozenset([name]) for name in inputs}  # of each value that is only rearranged: the inputs
    for node in nodes:
        given = [sources.get(one) for one in node.inputs]
        if node.layer.takes_integers:
            yield node, frozenset().union(*[one for one in given if one])
        if node.layer.keeps_integers and None not in given:
            sources[node.name] = frozenset().union(*[one for one in given if one])


def looked_up(nodes: Sequence[Node], inputs: Sequence[str]) -> frozenset[str]:
    """The inputs that are whole numbers: those that a layer looks up."""
    return frozenset().union(*[names for _, names in lookups(nodes, inputs)])


def trace(graph: Graph, inputs: Mapping[str, Shape]) -> tuple[list[LayerReport], list[Problem]]:
    """What each layer makes, as far as it can be said: nothing follows from a layer that does not fit."""
    shapes = dict(inputs)
    reports: list[LayerReport] = []
    misfits: list[Problem] = []
    for node in graph.nodes:
        given = [shapes[one] for one in node.inputs if one in shapes]
        if len(given) < len(node.inputs):
            continue
        try:
            reports.append(_report(node, given))
            shapes[node.name] = tuple(reports[-1].output_shape)
        except ShapeError as error:
            misfits.append(_misfit(node, error))
    if not misfits and len(reports) == len(graph.nodes):
        _count_kept(graph, reports)
    return reports, misfits


def _count_kept(graph: Graph, reports: Sequence[LayerReport]) -> None:
    """Add what stays in memory for the way back: what a layer needs of its own output, or another as its input.

    What comes out, the loss needs. The way back ends where nothing before it learns: frozen layers at the front
    keep nothing.
    """
    nodes = graph.nodes
    reached: set[str] = set()
    for node, report in zip(nodes, reports, strict=True):
        if report.num_parameters > report.num_frozen or reached.intersection(node.inputs):
            reached.add(node.name)
    alive = [node for node in nodes if node.name in reached]
    needed = {one for node in alive if node.layer.keeps_inputs for one in node.inputs}
    needed |= {node.name for node in alive if node.layer.keeps_output} | {*graph.outputs.values()}
    for report in reports:
        own = report.num_kept if report.name in reached else 0
        report.num_kept = own + (prod(report.output_shape) if report.name in needed else 0)


def _report(node: Node, shapes: list[Shape]) -> LayerReport:
    layer = node.layer
    least, most = type(layer).num_inputs
    if len(shapes) < least or (most is not None and len(shapes) > most):
        raise ShapeError(f"takes {_wanted(least, most)}, but gets {len(shapes)}", "inputs")
    output = layer.output_shape(*shapes)
    if prod(output) > MAX_NUMBERS:
        raise ShapeError("makes more numbers of one row than any machine holds")
    if isinstance(layer, Weighted):
        _check_weight(layer, shapes)
    num_parameters = layer.num_parameters(*shapes)
    return LayerReport(
        index=node.index,
        name=node.name,
        type=layer.type,
        inputs=list(node.inputs),
        output_shape=list(output),
        num_parameters=num_parameters,
        num_frozen=0 if node.pace.learns else num_parameters,
        num_multiply_adds=layer.num_multiply_adds(*shapes),
        num_kept=layer.num_kept(*shapes),
    )


def _check_weight(layer: Weighted, shapes: list[Shape]) -> None:
    """What is asked of a weight fits its shape. Raises ShapeError."""
    weight = layer.weight_shape(*shapes)
    if weight is not None and len(weight) < 2:
        if layer.weight_init is not None and layer.weight_init.type in NEEDS_MATRIX:
            raise ShapeError(f"{layer.weight_init.type} needs a matrix, and its weight is a vector", "weight_init")
        if layer.max_norm is not None:
            raise ShapeError("max_norm is of the weights of each output, and its weight is a vector", "max_norm")
    for field in ("weight_init", "bias_init"):
        init = getattr(layer, field)
        if not isinstance(init, Values):
            continue
        if weight is None:
            raise ShapeError("has several weights, so that no values can be given for one", field)
        count = prod(weight) if field == "weight_init" else layer.num_parameters(*shapes) - prod(weight)
        if len(init.values) != count:
            where = f"a weight of {written(weight)}" if field == "weight_init" else f"{count} biases"
            raise ShapeError(f"{len(init.values)} values are given for {where}", field)


def _wanted(least: int, most: int | None) -> str:
    if most == least:
        return "one input" if most == 1 else f"{most} inputs"
    return f"{least} inputs or more" if most is None else f"{least} to {most} inputs"


def _integer_problems(graph: Graph, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
    """Whole numbers are looked up, everything else is computed with: one does not do for the other."""
    integers = set(looked_up(graph.nodes, list(shapes)))
    numbers = set(shapes) - integers
    rearranged = set(shapes)
    for node in graph.nodes:
        layer, inputs = node.layer, node.inputs
        if layer.keeps_integers and rearranged.issuperset(inputs):
            rearranged.add(node.name)
        keeps = layer.keeps_integers and integers.issuperset(inputs)
        (integers if keeps else numbers).add(node.name)
        message = None
        if layer.takes_integers and numbers.intersection(inputs):
            message = "looks up whole numbers, but what it is given was computed"
        elif integers.intersection(inputs) and not (layer.takes_integers or layer.keeps_integers):
            message = "is given whole numbers to look up; an embedding makes vectors of them"
        elif layer.takes_columns and not set(inputs) <= set(shapes):
            message = "looks up the columns of a row, so it takes from the input itself"
        elif layer.measures and not rearranged.issuperset(inputs):
            message = "is measured on the training rows, so it takes from the input; or give mean and std"
        if message:
            yield Problem(loc=node.loc, msg=f"{node.place} ({layer.type}): {message}", received=list(inputs))


def input_problems(shapes: Mapping[str, Shape]) -> Iterator[Problem]:
    """Why an input of such a shape cannot be."""
    for name, shape in shapes.items():
        place: Loc = ["input_shape"] if len(shapes) == 1 else ["input_shapes", name]
        if not shape or min(shape) < 1:
            message = "a shape is one size or several, each at least 1"
            yield Problem(loc=place, msg=message, received=list(shape))
        elif prod(shape) > MAX_NUMBERS:
            message = "one row of this shape is more than any machine holds"
            yield Problem(loc=place, msg=message, received=None)


def _misfit(node: Node, error: ShapeError) -> Problem:
    loc: Loc = [*node.loc, *([error.field] if error.field else [])]
    received: Any = getattr(node.layer, error.field) if error.field else None
    if isinstance(received, BaseModel):
        received = received.model_dump(mode="json")
    return Problem(loc=loc, msg=f"{node.place} ({node.layer.type}): {error}", received=brief(received))
