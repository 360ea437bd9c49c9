"""A model: a graph of layers. They follow one another unless one names its inputs."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field

from app.specs.base import Loc, Problem, Shape, ShapeError, Spec, SpecError
from app.specs.layers import AnyLayer, Layer
from app.specs.layers.embedding import Embedding

INPUT = "input"  # the model's own input, as layers call it
MAX_PARAMETERS = 2_000_000_000


class LayerReport(BaseModel):
    """What one layer makes of its input."""

    index: int
    name: str
    type: str
    inputs: list[str]
    output_shape: list[int]
    num_parameters: int


class Inspection(BaseModel):
    """What a model makes of its input, layer by layer."""

    input_shape: list[int]
    output_shape: list[int]
    num_parameters: int
    layers: list[LayerReport]


class ModelSpec(Spec):
    """A named graph of layers; the last one's output is the model's."""

    name: str | None = Field(default=None, max_length=200)
    """how it is called in lists"""
    layers: tuple[AnyLayer, ...] = Field(min_length=1, max_length=2000)
    """in the order of computation"""

    @property
    def takes_integers(self) -> bool:
        """Whether the model's input is whole numbers: it is when a layer looks them up, rearranged or as they are."""
        same = {INPUT}
        for layer, name, inputs in zip(self.layers, self.names(), self.wiring(), strict=True):
            if layer.takes_integers and same.intersection(inputs):
                return True
            if layer.keeps_integers and same.issuperset(inputs):
                same.add(name)
        return False

    @property
    def num_embeddings(self) -> int | None:
        """How many whole numbers the model knows, from 0 on; None where it looks none up."""
        return min((layer.num_embeddings for layer in self.layers if isinstance(layer, Embedding)), default=None)

    def names(self) -> list[str]:
        """A name for each layer: its own, or its place: "0", "1" …"""
        return [layer.name or str(i) for i, layer in enumerate(self.layers)]

    def wiring(self) -> list[tuple[str, ...]]:
        """The names that each layer takes from."""
        names = [INPUT, *self.names()]
        return [layer.inputs or (names[i],) for i, layer in enumerate(self.layers)]

    def inspect(self, input_shape: Shape) -> Inspection:
        """Shapes and parameters of every layer. Raises SpecError with every layer that does not fit."""
        found = [*_input_problems(input_shape), *self._wiring_problems(), *self._integer_problems()]
        reports, misfits = self._trace(None if found and found[0].loc == ["input_shape"] else tuple(input_shape))
        found += misfits
        total = sum(report.num_parameters for report in reports)
        if total > MAX_PARAMETERS:
            found.append(Problem(loc=["layers"], msg=f"{total:,} parameters are more than any worker can hold"))
        if found:
            raise SpecError(found)
        return Inspection(
            input_shape=list(input_shape),
            output_shape=reports[-1].output_shape,
            num_parameters=total,
            layers=reports,
        )

    def _trace(self, input_shape: Shape | None) -> tuple[list[LayerReport], list[Problem]]:
        """What each layer makes, as far as it can be said: nothing follows from a layer that does not fit."""
        shapes: dict[str, Shape | None] = {INPUT: input_shape}
        reports: list[LayerReport] = []
        misfits: list[Problem] = []
        for i, (layer, name, inputs) in enumerate(zip(self.layers, self.names(), self.wiring(), strict=True)):
            given = [shape for one in inputs if (shape := shapes.get(one)) is not None]
            shapes[name] = None
            if len(given) < len(inputs):
                continue
            try:
                reports.append(self._report(i, layer, name, inputs, given))
                shapes[name] = tuple(reports[-1].output_shape)
            except ShapeError as error:
                misfits.append(_at(i, layer, error))
        return reports, misfits

    def _report(self, index: int, layer: Layer, name: str, inputs: tuple[str, ...], shapes: list[Shape]) -> LayerReport:
        least, most = type(layer).num_inputs
        if len(shapes) < least or (most is not None and len(shapes) > most):
            wanted = "one input" if most == 1 else f"{least} inputs or more"
            raise ShapeError(f"takes {wanted}, but gets {len(shapes)}", "inputs")
        output = layer.output_shape(*shapes)
        return LayerReport(
            index=index,
            name=name,
            type=layer.type,
            inputs=list(inputs),
            output_shape=list(output),
            num_parameters=layer.num_parameters(*shapes),
        )

    def _wiring_problems(self) -> Iterator[Problem]:
        names = self.names()
        before: set[str] = {INPUT}
        for i, (layer, name) in enumerate(zip(self.layers, names, strict=True)):
            for j, one in enumerate(layer.inputs or ()):
                if one not in before:
                    yield Problem(loc=["layers", i, "inputs", j], msg=_unknown(one, names, i), received=one)
            if name in before:
                yield Problem(loc=["layers", i, "name"], msg=f"two layers are called {name!r}", received=name)
            before.add(name)
        used = {one for inputs in self.wiring() for one in inputs}
        for i, name in enumerate(names[:-1]):
            if name not in used:
                message = f"layer {i} ({self.layers[i].type}) is not used: no other layer takes from {name!r}"
                yield Problem(loc=["layers", i], msg=message, received=name)

    def _integer_problems(self) -> Iterator[Problem]:
        """Whole numbers are looked up, everything else is computed with: one does not do for the other."""
        integers = {INPUT} if self.takes_integers else set()
        numbers = {INPUT} - integers
        for i, (layer, name, inputs) in enumerate(zip(self.layers, self.names(), self.wiring(), strict=True)):
            keeps = layer.keeps_integers and integers.issuperset(inputs)
            (integers if keeps else numbers).add(name)
            message = None
            if layer.takes_integers and numbers.intersection(inputs):
                message = f"layer {i} ({layer.type}): looks up whole numbers, but what it is given was computed"
            elif integers.intersection(inputs) and not (layer.takes_integers or layer.keeps_integers):
                message = (
                    f"layer {i} ({layer.type}): is given whole numbers to look up; an embedding makes vectors of them"
                )
            elif layer.takes_columns and inputs != (INPUT,):
                message = f"layer {i} ({layer.type}): looks up the columns of a row, so it takes from the input itself"
            if message:
                yield Problem(loc=["layers", i], msg=message, received=list(inputs))


def _input_problems(shape: Shape) -> Iterator[Problem]:
    if not shape or min(shape) < 1:
        message = "a shape is one size or several, each at least 1"
        yield Problem(loc=["input_shape"], msg=message, received=list(shape))


def _unknown(name: str, names: list[str], index: int) -> str:
    if name in names[index:]:
        return f"layer {index} takes from {name!r}, which comes later: layers can only look back"
    return f"layer {index} takes from {name!r}, but no layer is called that"


def _at(index: int, layer: Layer, error: ShapeError) -> Problem:
    loc: Loc = ["layers", index, *([error.field] if error.field else [])]
    received: Any = getattr(layer, error.field) if error.field else None
    return Problem(loc=loc, msg=f"layer {index} ({layer.type}): {error}", received=received)
