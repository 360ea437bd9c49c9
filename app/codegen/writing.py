"""A script while it is written: constants, functions of ours that it quotes, imports, functions of its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from app.codegen.module import classes_of
from app.codegen.sources import Quotes
from app.specs.answers import Answer, Kind, answer_of
from app.specs.base import Fed, Problem, Shape, SpecError
from app.specs.checks.sizes import part_sizes
from app.specs.columns import Column
from app.specs.features import features, fed_shape, input_shape, steps_of
from app.specs.heads import Head, heads_of
from app.specs.inspection import Inspection
from app.specs.layers import Recipe
from app.specs.layers.backbone import Backbone
from app.specs.model import ModelSpec
from app.specs.run import RunSpec
from app.specs.splits import validates
from app.specs.steps import Pixels

WIDTH = 116  # of a line, in characters
LOWER_IS_BETTER = ("loss", "mae", "mse", "error")  # series, rmse with them
_MIN_RUN = 4  # names that differ in a number are written as a rule


@dataclass(frozen=True)
class Beginning:
    """A file of weights that a run begins with: what it is called beside the script, and where it is fetched."""

    filename: str
    url: str


@dataclass(frozen=True)
class Trained:
    """A run as it was submitted, what is known of its table, and how its worker was set."""

    spec: RunSpec
    columns: Sequence[Column]
    num_rows: int
    table_url: str
    slots: int = 1
    data_in_memory_bytes: int = 1 << 30
    beginnings: Mapping[str, Beginning] = field(default_factory=dict)  # by the id of the file, or of the run
    head: Head | None = None  # of several outputs the one that this is about, as if it were the only one
    label: str = ""  # what the names of its functions and constants end with

    @property
    def model(self) -> ModelSpec:
        """The run's model."""
        assert isinstance(self.spec.model, ModelSpec), "a run's specification is written out when it is submitted"
        return self.spec.model

    @property
    def backbones(self) -> list[Backbone]:
        """Those of torchvision's networks that the model is made of."""
        return [node.layer for node in self.model.nodes if isinstance(node.layer, Backbone)]

    @property
    def target(self) -> str:
        """The column that is predicted, or the first of several."""
        return self.spec.data.first_target

    @cached_property
    def answer(self) -> Answer:
        """What a row's answer is."""
        found = answer_of(self.spec.data, self.spec.training.loss_type, self.known)
        assert found is not None, "a run names columns that there are"
        return found

    @property
    def kind(self) -> Kind | None:
        """Of which kind it is; None of several outputs, which are each of their own."""
        return None if self.heads else self.answer.kind

    @cached_property
    def heads(self) -> list["Trained"]:
        """Each of several outputs as if it were the only one, as the model has them; none where there is one."""
        if self.spec.data.outputs is None:
            return []
        found = {str(head.name): head for head in heads_of(self.spec.data, self.spec.training)}
        labels = labelled(self.inspection.outputs or ())
        return [self._alone(found[name], label) for name, label in labels.items()]

    @property
    def output(self) -> str:
        """What the output is called that this is about, one of several."""
        assert self.head is not None and self.head.name is not None, "the only output has no name"
        return self.head.name

    def _alone(self, head: Head, label: str) -> "Trained":
        spec = self.spec.model_copy(update={"data": head.data, "training": head.training})
        return replace(self, spec=spec, head=head, label=label)

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Of several inputs, what the names end with of what is theirs; none where there is one."""
        return labelled(self.spec.data.inputs or ())

    @cached_property
    def fed(self) -> Fed:
        """What the model is fed, without the batch."""
        return fed_shape(self.spec.data, self.columns)

    @cached_property
    def input_shape(self) -> Shape:
        """The same as one row of numbers, where there are several inputs."""
        return input_shape(self.spec.data, self.columns)

    @cached_property
    def inspection(self) -> Inspection:
        """What there is to say of the model's layers."""
        return self.model.inspect(self.fed)

    @cached_property
    def recipes(self) -> list[Recipe]:
        """Those of the model's modules."""
        return classes_of(self.model, self.fed).recipes

    @cached_property
    def parameters(self) -> dict[str, int]:
        """How many each layer has, by its name."""
        return {layer.name: layer.num_parameters for layer in self.inspection.layers}

    @property
    def num_train(self) -> int | None:
        """How many rows or windows train, where the columns tell it."""
        sizes = part_sizes(self.spec.data, self.known, self.num_rows)
        return sizes["train"] if sizes else None

    @property
    def is_one_batch(self) -> bool:
        """Whether a batch holds all training rows, of which some may still be left out."""
        batch_size = self.spec.training.batch_size
        return batch_size is None or (self.num_train is not None and self.num_train <= batch_size)

    @property
    def validates(self) -> bool:
        """Whether some rows are kept to validate."""
        return validates(self.spec.data.split)

    @property
    def pixels(self) -> Pixels | None:
        """How images are made ready, where the model is fed images and nothing else: they stay bytes until a batch."""
        data = self.spec.data
        fed = features(data, self.columns)
        if len(fed) != 1 or fed[0].type != "image":
            return None
        return steps_of(data, fed[0].name).pixels or Pixels()

    @property
    def known(self) -> dict[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}


@dataclass
class Script:
    """What has been written so far."""

    constants: dict[str, str] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    imports: set[tuple[str, str]] = field(default_factory=set)  # module, and the name there
    quotes: Quotes = field(default_factory=Quotes)
    places: dict[str, str] = field(default_factory=dict)  # of the model's layers, by their names in Traindeck

    def constant(self, name: str, value: Any) -> str:
        """A constant at the top of the script. Returns its name."""
        self.constants[name] = literal(value)
        return name

    def names(self, name: str, values: Sequence[str]) -> str:
        """Names of columns: in place where they are few, else as a constant. Returns how they are said."""
        told = listed(values)
        if len(told) < WIDTH // 2:
            return told
        taken = sum(one == name or one.startswith(f"{name}_") for one in self.constants)
        own = f"{name}_{taken + 1}" if taken else name
        self.constants[own] = told
        return own

    def use(self, place: str, name: str) -> str:
        """A function of `worker.scripted`, with all that it needs. Returns its name."""
        self.quotes.add(f"worker.scripted.{place}", name)
        return name

    def need(self, *modules: str) -> None:
        """Modules that are imported: "numpy as np"."""
        self.imports |= {(module, "") for module in modules}


def labelled(names: Iterable[str]) -> dict[str, str]:
    """What the names of Python end with that are about each of these, where capitals tell none apart."""
    found: dict[str, str] = {}
    for name in names:
        label = "_" + re.sub(r"\W", "_", name)
        while label.lower() in map(str.lower, found.values()):
            label += "_"
        found[name] = label
    return found


def spread(before: str, items: Sequence[str], after: str = "", brackets: tuple[str, str] = ("", "")) -> list[str]:
    """Several values in a line of a function, or each in its own where they are too many."""
    opened, closed = brackets
    line = f"    {before}{opened}{', '.join(items)}{closed}{after}"
    if len(line) <= WIDTH:
        return [line]
    opened, closed = brackets if any(brackets) else ("(", ")")
    return [f"    {before}{opened}", *(f"        {one}," for one in items), f"    {closed}{after}"]


def tensors(script: Script) -> str:
    """The type of what there is one of for each input, or for each output."""
    return script.use("heads", "Tensors")


def listed(values: Sequence[str]) -> str:
    """A list of names: those that differ in a number alone as a rule."""
    found = re.fullmatch(r"(.*?)(\d+)", values[0]) if len(values) >= _MIN_RUN else None
    if found is not None and not set("{}") & set(found[1]):
        first = int(found[2])
        if list(values) == [f"{found[1]}{i}" for i in range(first, first + len(values))]:
            bounds = f"{first}, {first + len(values)}" if first else str(len(values))
            text = literal(found[1])
            return f"[f{text[:-1]}{{i}}{text[-1]} for i in range({bounds})]"
    return literal(list(values))


def literal(value: Any) -> str:
    """A value as Python, with its texts in double quotes where they hold none."""
    match value:
        case str():
            told = repr(value)
            return f'"{told[1:-1]}"' if told[0] == "'" and '"' not in told else told
        case dict():
            return "{" + ", ".join(f"{literal(key)}: {literal(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def wrapped(start: str, told: str) -> str:
    """`start`, which ends with "= ", and a list or dictionary, on as many lines as it takes."""
    if len(start) + len(told) <= WIDTH or told[0] not in "[{(" or " for i in range(" in told:
        return start + told
    lines, line = [start + told[0]], "   "
    for one in _items(told):
        if len(line) + len(one) + 2 > WIDTH and line.strip():
            lines.append(line)
            line = "   "
        line += f" {one},"
    return "\n".join([*lines, line, told[-1]])


def _items(told: str) -> Iterable[str]:
    value = eval(told, {"__builtins__": {}})  # noqa: S307, a literal that was written by repr a moment ago
    if isinstance(value, Mapping):
        return [f"{literal(key)}: {literal(one)}" for key, one in value.items()]
    return [literal(one) for one in value]


def refuse(loc: Sequence[str | int], message: str, received: Any) -> SpecError:
    """Why a run cannot be said as a script."""
    return SpecError([Problem(loc=list(loc), msg=message, received=received)])
