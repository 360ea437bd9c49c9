"""A run: one training of one model on one dataset; and whether the three fit one another.

`check` knows the dataset by its columns alone, so the server can say everything that does not fit before a worker has
seen a row, and all of it at once. What is checked is in `checks`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.specs.answers import Answer, Kind, answer_of
from app.specs.base import Problem, Spec, SpecError, option
from app.specs.checks.data import data_problems
from app.specs.checks.ends import end_warnings
from app.specs.checks.inputs import feeding_problems
from app.specs.checks.lookups import lookup_problems
from app.specs.checks.model import (
    Ending,
    augment_problems,
    beginning_problems,
    learning_problems,
    output_problems,
)
from app.specs.checks.optimizing import optimizing_problems
from app.specs.checks.outputs import curve_problems, heading_problems
from app.specs.checks.several import sharing_problems
from app.specs.checks.sizes import part_sizes
from app.specs.checks.stepping import stepping_problems
from app.specs.checks.training import training_problems, watching_problems
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import feature_names, features, fed_shape, input_shape, width
from app.specs.graph import Node
from app.specs.heads import Head, heads_of
from app.specs.memory import Memory, memory_of
from app.specs.model import Inspection, ModelSpec
from app.specs.sources import BuiltinSource, DatasetDefinition, GeneratedSource, UploadSource
from app.specs.training import TrainingSpec

__all__ = [
    "BuiltinSource",
    "Checked",
    "DatasetDefinition",
    "GeneratedSource",
    "RunSpec",
    "Target",
    "UploadSource",
    "check",
    "feature_names",
    "input_shape",
    "width",
]


Id = Annotated[str, option("an id")]


class RunSpec(Spec):
    """Everything that a run is: the body of POST /runs."""

    name: str = Field(default="untitled", min_length=1, max_length=200)
    """how it is called in lists"""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), max_length=50)
    """words to find it by"""
    project: str = Field(default="", max_length=200)
    """what it belongs to; lists can be held to one"""
    dataset: Id | Annotated[DatasetDefinition, option("its definition")]
    """the id of a dataset, or its definition"""
    model: Id | Annotated[ModelSpec, option("its definition")]
    """the id of a model, or its definition"""
    data: DataSpec
    """how the dataset is read"""
    training: TrainingSpec
    """how the model is trained"""
    after: str | None = Field(default=None, min_length=1, max_length=60, exclude=True)
    """a run that must have succeeded before this one begins; no part of what this one is, so it is not kept with it"""


class Target(BaseModel):
    """What is predicted: a number, one of `classes`, which are sorted, or an answer of many places."""

    name: str  # of several columns, all names
    kind: Kind
    classes: list[bool | int | float | str] | None
    shape: list[int] = []  # of an answer of many places


class Checked(BaseModel):
    """A run that fits: what follows from its specification and its dataset."""

    input_shape: tuple[int, ...]
    input_dtype: Literal["float32", "int64"]
    output_shape: tuple[int | None, ...]  # that is asked for; None for a size that is the model's to say
    targets: list[Target]  # of each output
    inspection: Inspection
    memory: Memory | None  # that a step takes; None where the batch is all rows, and a column says how many those are
    num_rows: dict[str, int] | None  # by part, or windows; None where a column says it
    warnings: list[Problem] = []  # what fits, but is rarely meant

    @property
    def target(self) -> Target:
        """Of the only output, or the first."""
        return self.targets[0]


def check(spec: RunSpec, columns: Sequence[Column], num_rows: int) -> Checked:
    """Hold a run against its dataset's columns. Raises SpecError with every problem.

    `spec.model` must be written out.
    """
    assert isinstance(spec.model, ModelSpec)
    known = {column.name: column for column in columns}
    heads = heads_of(spec.data, spec.training)
    answers = [(head, answer_of(head.data, head.training.loss_type, known)) for head in heads]
    sizes = part_sizes(spec.data, known, num_rows)
    found = [*data_problems(spec.data, known, num_rows), *_head_problems(spec, spec.model, heads, known)]
    fed = features(spec.data, columns)
    inspection = None
    num_train = sizes["train"] if sizes else None
    found += stepping_problems(spec.training, num_train)
    found += sharing_problems(spec.model, spec.training, num_train)
    unfed = list(feeding_problems(spec.model, spec.data))
    found += unfed
    try:
        shape = fed_shape(spec.data, columns)
        inspection = None if unfed else spec.model.inspect(shape)
    except SpecError as error:
        found += [one if one.loc[0] == "data" else one.under("model") for one in error.errors]
    if inspection is not None:
        found += learning_problems(spec.model, inspection, spec.training, sizes["train"] if sizes else None)
        found += beginning_problems(spec.model, spec.training)
        found += optimizing_problems(spec.model, spec.training)
        told = [answer for _, answer in answers if answer is not None]
        found += augment_problems(spec.model, inspection, spec.data, fed, told)
        found += lookup_problems(spec.model, spec.data, fed)
        found += _ending_problems(spec.model, inspection, answers, known)
    targets = [_target(head, known[head.data.first_target], answer) for head, answer in answers if answer is not None]
    if found or inspection is None or not targets or len(targets) < len(answers):
        raise SpecError(found)
    batch_size = spec.training.batch_size or (sizes["train"] if sizes else None)
    return Checked(
        input_shape=tuple(inspection.input_shape),
        input_dtype="int64" if spec.model.takes_integers else "float32",
        output_shape=told[0].output_shape if len(told) == 1 else tuple(inspection.output_shape),
        targets=targets,
        inspection=inspection,
        memory=memory_of(spec.model, inspection, spec.training, batch_size) if batch_size else None,
        num_rows=sizes,
        warnings=list(_ending_warnings(spec.model, heads)),
    )


def _head_problems(
    spec: RunSpec, model: ModelSpec, heads: Sequence[Head], known: Mapping[str, Column]
) -> Iterator[Problem]:
    """Whether each output is held to something that fits it, and a training ends by a curve that there is."""
    yield from heading_problems(model, spec.data, spec.training)
    yield from curve_problems(heads)
    for head in heads:
        yield from map(head.placed, training_problems(head.training, head.data, known))
    yield from watching_problems(spec.training, heads, spec.data)


def _ending_problems(
    model: ModelSpec,
    inspection: Inspection,
    answers: Sequence[tuple[Head, Answer | None]],
    known: Mapping[str, Column],
) -> Iterator[Problem]:
    """Whether what comes out is what each loss takes."""
    for head, answer in answers:
        node = _last(model, head)
        if answer is None or node is None or inspection.is_split(head.name):
            continue
        ending = Ending(node, inspection.made(head.name))
        found = output_problems(ending, head.training, known[head.data.first_target], answer)
        yield from map(head.placed, found)


def _ending_warnings(model: ModelSpec, heads: Sequence[Head]) -> Iterator[Problem]:
    for head in heads:
        if (node := _last(model, head)) is not None:
            yield from end_warnings(head.training.only_loss, node)


def _last(model: ModelSpec, head: Head) -> Node | None:
    """The layer that an output comes from."""
    if head.name is None:
        return model.nodes[-1]
    outputs = model.graph.outputs
    return next((node for node in model.nodes if node.name == outputs.get(head.name)), None)


def _target(head: Head, column: Column, answer: Answer) -> Target:
    data = head.data
    if not answer.is_plain:
        return Target(name=", ".join(data.targets), kind=answer.kind, classes=None, shape=list(answer.shape))
    return Target(name=column.name, kind=answer.kind, classes=None if answer.kind == "number" else column.values)
