"""Layers of ours, as they follow from Keras's one by one.

Keras keeps channels last, we keep them first. So the chain knows where each of Keras's axes lies at the moment, and
puts a permute only where the next layer needs another order: what one permute undoes of another is never written.
"""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from app.specs.base import Loc, Problem, Shape, ShapeError, SpecError, brief, problems
from app.specs.graph import MAX_LAYERS, read_layer
from app.specs.layers.base import RESERVED, Learned, need_axes, written
from app.specs.layers.block import MAX_CHARACTERS
from app.specs.layers.windows import MEANING

# What Keras calls our fields; others have the same name, or none.
_THEIRS = {
    "out_features": "units",
    "hidden_size": "units",
    "out_channels": "filters",
    "stride": "strides",
    "dilation": "dilation_rate",
    "p": "rate",
    "std": "stddev",
    "eps": "epsilon",
    "num_embeddings": "input_dim",
    "embedding_dim": "output_dim",
    "num_groups": "groups",
    "shape": "target_shape",
    "scale_factor": "size",
    "weight_init": "kernel_initializer",
    "bias_init": "bias_initializer",
    "l1": "kernel_regularizer",
    "l2": "kernel_regularizer",
    "max_norm": "kernel_constraint",
    "pad": "padding",
    "input_dropout": "dropout",
}


def channels_first(rank: int, *, last: bool) -> tuple[int, ...]:
    """Keras's axes in an order that begins with the channels, which Keras has `last` or first."""
    return (rank - 1, *range(rank - 1)) if last else tuple(range(rank))


class Chain:
    """What has been put in place so far, and what comes out of it."""

    def __init__(self, keras_shape: Shape, *, last: bool, is_old: bool) -> None:
        self.layers: list[dict[str, Any]] = []
        self.places: list[Loc] = []  # of each layer, the Keras layer that it comes from
        self.notes: dict[str, None] = {}  # in the order in which they came up
        self.frozen: dict[str, None] = {}  # the names of layers that do not learn
        self.last = last  # whether Keras keeps channels last
        self.is_old = is_old  # whether Keras 2 or 1 wrote it
        self.order = self.usual_order(len(keras_shape))  # of each of our axes, which of Keras's it is
        self.shape = tuple(keras_shape[axis] for axis in self.order)
        self.input_shape = self.shape
        self._flattened: tuple[int, list[int]] | None = None  # where, and what would put it in order
        self._names: set[str] = set()
        self._loc: Loc = []
        self._config: frozenset[str] = frozenset()
        self._word = self._name = ""
        self._learns = True

    def usual_order(self, rank: int) -> tuple[int, ...]:
        """Images and volumes have their channels first, sequences are (length, features) as Keras's are."""
        return channels_first(rank, last=self.last and rank in (3, 4))

    @property
    def keras_shape(self) -> Shape:
        """What Keras has here."""
        return tuple(self.shape[self.order.index(axis)] for axis in range(len(self.shape)))

    def begin(self, loc: Loc, word: str, name: str, config: Sequence[str], *, learns: bool = True) -> None:
        """From here on a Keras layer is put in place: where it is written, its class, its name, what it says."""
        self._loc, self._word, self._config, self._learns = loc, word, frozenset(config), learns
        self._name = self._unique(name or word)

    def note(self, text: str) -> None:
        """Something to be known. Each is told once."""
        self.notes[text] = None

    def main(self, type_: str, **fields: Any) -> None:
        """The layer that stands for Keras's: it has its name."""
        self.add(type_, name=self._name, **fields)
        self._names.add(self._name)
        self._name = self._unique(self._name)

    def add(self, type_: str, order: tuple[int, ...] | None = None, **fields: Any) -> None:
        """One layer more. `order` says where Keras's axes lie behind it, where that changes.

        Raises SpecError where it does not hold.
        """
        layer = {"type": type_, **{name: value for name, value in fields.items() if value is not None}}
        if len(self.layers) >= MAX_LAYERS:
            raise SpecError([Problem(loc=self._loc, msg=f"this comes to more than {MAX_LAYERS:,} layers")])
        try:
            read = read_layer(layer)
            self.shape = read.output_shape(self.shape)
        except ValidationError as error:
            raise SpecError([self._placed(one) for one in problems(error)]) from error
        except ShapeError as error:
            raise self.misfit(error) from error
        if isinstance(read, Learned) and not self._learns:
            layer["freeze"] = True
            self.frozen[self._name] = None
        self.layers.append(layer)
        self.places.append(self._loc)
        self.order = self.order if order is None else order

    def misfit(self, error: ShapeError) -> SpecError:
        """What does not fit, where Keras says it."""
        problem = Problem(loc=["layers", 0, *([error.field] if error.field else [])], msg=str(error))
        return SpecError([self._placed(problem.model_copy(update={"received": list(self.keras_shape)}))])

    def _placed(self, problem: Problem) -> Problem:
        """A problem of our layer, at the place of Keras's."""
        field = str(problem.loc[2]) if len(problem.loc) > 2 else ""
        theirs = next((one for one in (field, _THEIRS.get(field)) if one in self._config), None)
        loc: Loc = [*self._loc, *(["config", theirs] if theirs else [])]
        return Problem(loc=loc, msg=f"{self._word}: {problem.msg}", received=brief(problem.received))

    def arrange(self, order: tuple[int, ...]) -> None:
        """Bring Keras's axes into this order."""
        self.settle()
        if order != self.order:
            self.add("permute", order=order, dims=[self.order.index(axis) + 1 for axis in order])

    def as_keras(self) -> None:
        """Bring axes into Keras's own order."""
        self.arrange(tuple(range(len(self.shape))))

    def channels_first(self, axes: int, data_format: str) -> None:
        """Bring channels to the front of a series, an image or a volume of `axes` axes beside them.

        Raises ShapeError where it is none.
        """
        need_axes(self.shape, axes + 1, MEANING[axes])
        self.arrange(channels_first(axes + 1, last=data_format == "channels_last"))

    def first(self, axis: int) -> None:
        """Bring one of Keras's axes, counted with the batch as 0, to the front."""
        at = self.keras_axis(axis)
        if self.order[0] != at:
            self.arrange((at, *[one for one in range(len(self.shape)) if one != at]))

    def to_end(self, axis: int) -> None:
        """Bring one of Keras's axes, counted with the batch as 0, to the end."""
        at = self.keras_axis(axis)
        if self.order[-1] != at:
            self.arrange((*[one for one in range(len(self.shape)) if one != at], at))

    def keras_axis(self, axis: int) -> int:
        """The place of an axis in Keras's shape without the batch. Raises ShapeError where there is none."""
        rank = len(self.shape)
        if axis == 0 or not -rank <= axis <= rank:
            shape = written(self.keras_shape)
            raise ShapeError(f"there is no axis {axis} in {shape} (the batch is axis 0)", "axis")
        return axis - 1 if axis > 0 else rank + axis

    def dim(self, axis: int) -> int:
        """Where one of Keras's axes lies with us; both are counted with the batch as 0."""
        return self.order.index(self.keras_axis(axis)) + 1

    def flatten(self, *, last: bool) -> None:
        """Everything in one row, in Keras the channels fastest. Whether that matters, what comes after it says."""
        axes = range(len(self.shape))
        wanted = tuple(axes) if last else (*axes[1:], 0)
        given, theirs = ([axis for axis in order if self.keras_shape[axis] > 1] for order in (self.order, wanted))
        if given != theirs:
            self._flattened = (len(self.layers), [self.order.index(axis) + 1 for axis in wanted])
        self.main("flatten", order=(0,))

    def settle(self) -> None:
        """The order in which values were flattened matters now: let it be Keras's."""
        if self._flattened is not None:
            at, dims = self._flattened
            self.layers.insert(at, {"type": "permute", "dims": dims})
            self.places.insert(at, self.places[at])
            self._flattened = None

    def mix(self) -> None:
        """Each value is weighed for itself now, so that the order in which they were flattened is all one."""
        if self._flattened is not None:
            self.note(
                f"{self._name}: what is flattened before it comes channel by channel here, and point by point in "
                "Keras. A model that learns anew does not mind; weights brought over would have to be put in order."
            )
            self._flattened = None

    def _unique(self, name: str) -> str:
        """A name that a layer can have and none has yet."""
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[: MAX_CHARACTERS - 5] or "layer"
        plain = plain if plain[0].isalpha() else f"layer_{plain}"
        found, count = plain, 1
        while found in self._names or found in RESERVED:
            count += 1
            found = f"{plain}_{count}"
        return found
