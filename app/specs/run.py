"""A run: one training of one model on one dataset; and whether the three fit one another.

`check` knows the dataset by its columns alone, so the server can say everything that does not fit before a worker has
seen a row, and all of it at once. What is checked is in `checks`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.specs.answers import Answer, Kind, answer_of
from app.specs.base import Spec, SpecError, option
from app.specs.checks.data import data_problems
from app.specs.checks.lookups import lookup_problems
from app.specs.checks.model import augment_problems, beginning_problems, learning_problems, output_problems
from app.specs.checks.sizes import part_sizes
from app.specs.checks.training import training_problems
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import feature_names, features, input_shape, width
from app.specs.memory import Memory, training_memory
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
    target: Target
    inspection: Inspection
    memory: Memory | None  # that a step takes; None where the batch is all rows, and a column says how many those are
    num_rows: dict[str, int] | None  # by part, or windows; None where a column says it


def check(spec: RunSpec, columns: Sequence[Column], num_rows: int) -> Checked:
    """Hold a run against its dataset's columns. Raises SpecError with every problem.

    `spec.model` must be written out.
    """
    assert isinstance(spec.model, ModelSpec)
    known = {column.name: column for column in columns}
    target = known.get(spec.data.first_target)
    answer = answer_of(spec.data, spec.training.loss.type, known)
    sizes = part_sizes(spec.data, known, num_rows)
    found = [*data_problems(spec.data, known, num_rows), *training_problems(spec.training, spec.data, known)]
    fed = features(spec.data, columns)
    inspection = None
    try:
        inspection = spec.model.inspect(input_shape(spec.data, columns))
    except SpecError as error:
        found += [one if one.loc[0] == "data" else one.under("model") for one in error.errors]
    if inspection is not None:
        found += learning_problems(spec.model, inspection, spec.training, sizes["train"] if sizes else None)
        found += beginning_problems(spec.model, spec.training)
        found += augment_problems(spec.model, inspection, spec.data, fed, answer)
        found += lookup_problems(spec.model, spec.data, fed)
        if target is not None and answer is not None:
            found += output_problems(spec.model, inspection, spec.training, target, answer)
    if found or inspection is None or target is None or answer is None:
        raise SpecError(found)
    batch_size = spec.training.batch_size or (sizes["train"] if sizes else None)
    return Checked(
        input_shape=tuple(inspection.input_shape),
        input_dtype="int64" if spec.model.takes_integers else "float32",
        output_shape=answer.output_shape,
        target=_target(spec.data, target, answer),
        inspection=inspection,
        memory=training_memory(inspection, spec.training.optimizer, batch_size) if batch_size else None,
        num_rows=sizes,
    )


def _target(data: DataSpec, column: Column, answer: Answer) -> Target:
    if not answer.is_plain:
        return Target(name=", ".join(data.targets), kind=answer.kind, classes=None, shape=list(answer.shape))
    return Target(name=column.name, kind=answer.kind, classes=None if answer.kind == "number" else column.values)
