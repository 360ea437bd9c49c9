"""A run: one training of one model on one dataset; and whether the three fit one another.

`check` knows the dataset by its columns alone, so the server can say everything that does not fit before a worker has
seen a row, and all of it at once.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.specs.base import Problem, Shape, Spec, SpecError, option
from app.specs.columns import Column
from app.specs.data import ColumnSplit, DataSpec, SharesSplit
from app.specs.layers.base import written
from app.specs.model import Inspection, ModelSpec
from app.specs.training import BINARY_LOSSES, CLASS_LOSSES, CLASS_METRICS, REGRESSION_LOSSES, TrainingSpec


class BuiltinSource(Spec):
    """A dataset that Traindeck knows how to make."""

    type: Literal["builtin"] = "builtin"
    name: str
    """celsius, xor, random_sequences, iris, wine, breast_cancer, diabetes, digits"""


class UploadSource(Spec):
    """A dataset that was brought in as a file: the newest of that file name."""

    type: Literal["upload"] = "upload"
    name: str
    """the file's name, as heart.csv"""


class DatasetDefinition(Spec):
    """A dataset described rather than named by its id."""

    name: str = Field(min_length=1, max_length=200)
    source: Annotated[BuiltinSource | UploadSource, Field(discriminator="type")]


Id = Annotated[str, option("an id")]


class RunSpec(Spec):
    """Everything that a run is: the body of POST /runs."""

    name: str = Field(min_length=1, max_length=200)
    """how it is called in lists"""
    tags: tuple[str, ...] = Field(default=(), max_length=50)
    dataset: Id | Annotated[DatasetDefinition, option("its definition")]
    """the id of a dataset, or its definition"""
    model: Id | Annotated[ModelSpec, option("its definition")]
    """the id of a model, or its definition"""
    data: DataSpec
    training: TrainingSpec


class Target(BaseModel):
    """What is predicted: a number, or one of `classes`, which are sorted."""

    name: str
    kind: Literal["number", "binary", "classes"]
    classes: list[bool | int | float | str] | None


class Checked(BaseModel):
    """A run that fits: what follows from its specification and its dataset."""

    input_shape: tuple[int, ...]
    input_dtype: Literal["float32", "int64"]
    target: Target
    inspection: Inspection
    num_rows: dict[str, int] | None  # by part; None where a column says it


def check(spec: RunSpec, columns: Sequence[Column], num_rows: int) -> Checked:
    """Hold a run against its dataset's columns. Raises SpecError with every problem.

    `spec.model` must be written out.
    """
    assert isinstance(spec.model, ModelSpec)
    known = {column.name: column for column in columns}
    found = [*_column_problems(spec.data, known), *_missing_problems(spec.data, known)]
    found += _split_problems(spec.data, known, num_rows)
    target = known.get(spec.data.target)
    if target is not None:
        found += _loss_problems(spec, target)
    inspection = None
    try:
        shape = input_shape(spec.data, columns)
        inspection = spec.model.inspect(shape)
    except SpecError as error:
        inner = {"input_shape", "features", "target"}
        new = [
            one if one.loc[0] == "data" else one.under("data" if one.loc[0] in inner else "model")
            for one in error.errors
        ]
        found += [one for one in new if one not in found]
    if inspection and target is not None:
        found += _output_problems(spec, inspection, target)
        found += _token_problems(spec, known)
    found += _metric_problems(spec, target)
    if found or inspection is None or target is None:
        raise SpecError(found)
    return Checked(
        input_shape=tuple(inspection.input_shape),
        input_dtype="int64" if spec.model.takes_integers else "float32",
        target=_target(spec, target),
        inspection=inspection,
        num_rows=_num_rows(spec.data, num_rows),
    )


def feature_names(data: DataSpec, columns: Sequence[Column]) -> list[str]:
    """The columns that are fed, in their order: those named, else all but the target and the one that splits."""
    if data.features is not None:
        return list(data.features)
    left_out = {data.target} | ({data.split.column} if isinstance(data.split, ColumnSplit) else set())
    return [column.name for column in columns if column.name not in left_out]


def width(data: DataSpec, column: Column) -> int:
    """How many numbers a column becomes."""
    if column.is_numeric or data.categories == "ordinal":
        return 1
    return len(column.values or [])


def input_shape(data: DataSpec, columns: Sequence[Column]) -> Shape:
    """The shape that a model is fed. Raises SpecError when the features do not make it."""
    known = {column.name: column for column in columns}
    names = [name for name in feature_names(data, columns) if name in known]
    found = list(_text_problems(data, [known[name] for name in names]))
    total = sum(width(data, known[name]) for name in names)
    if data.input_shape is not None and prod(data.input_shape) != total:
        message = f"{written(data.input_shape)} holds {prod(data.input_shape)} numbers, the features are {total}"
        found.append(Problem(loc=["data", "input_shape"], msg=message, received=list(data.input_shape)))
    if total == 0:
        found.append(Problem(loc=["data", "features"], msg="no column is left to learn from", received=None))
    if found:
        raise SpecError(found)
    return data.input_shape or (total,)


def _text_problems(data: DataSpec, columns: Sequence[Column]) -> Iterator[Problem]:
    for column in columns:
        if not column.is_numeric and column.values is None:
            message = f"the column {column.name!r} holds text, or more than a thousand categories: leave it out"
            yield Problem(loc=["data", "features"], msg=message, received=column.name)


def _column_problems(data: DataSpec, known: dict[str, Column]) -> Iterator[Problem]:
    if data.target not in known:
        message = f"there is no column {data.target!r}; there are {_listed(known)}"
        yield Problem(loc=["data", "target"], msg=message, received=data.target)
    for i, name in enumerate(data.features or ()):
        if name not in known:
            message = f"there is no column {name!r}; there are {_listed(known)}"
            yield Problem(loc=["data", "features", i], msg=message, received=name)
        elif name == data.target:
            message = f"{name!r} is the target: a model that is shown the answer learns nothing"
            yield Problem(loc=["data", "features", i], msg=message, received=name)
        elif name in data.features[:i]:  # type: ignore[index]
            yield Problem(loc=["data", "features", i], msg=f"{name!r} is named twice", received=name)


def _missing_problems(data: DataSpec, known: dict[str, Column]) -> Iterator[Problem]:
    target = known.get(data.target)
    if target is not None and target.num_missing and data.missing.type != "drop":
        message = (
            f"{target.num_missing:,} rows have no {target.name}: a missing target cannot be filled; "
            'with missing "drop" these rows are left out'
        )
        yield Problem(loc=["data", "target"], msg=message, received=target.name)
    names = [name for name in feature_names(data, list(known.values())) if name in known]
    for name in names:
        column = known[name]
        if column.num_missing and data.missing.type == "error":
            message = f"{column.num_missing:,} values are missing in {name!r}; say how they are filled"
            yield Problem(loc=["data", "missing"], msg=message, received=name)
        if column.num_missing and not column.is_numeric and data.missing.type in ("mean", "median"):
            message = f"{name!r} holds categories, which have no {data.missing.type}; most_frequent fits"
            yield Problem(loc=["data", "missing"], msg=message, received=data.missing.type)
    for name in [*names, data.target]:
        if name in known and known[name].num_infinite:
            message = f"{known[name].num_infinite:,} values of {name!r} are infinite: nothing can be learned from them"
            yield Problem(loc=["data", "target" if name == data.target else "features"], msg=message, received=name)


def _split_problems(data: DataSpec, known: dict[str, Column], num_rows: int) -> Iterator[Problem]:
    split = data.split
    if isinstance(split, ColumnSplit):
        yield from _column_split_problems(split, known)
        return
    counts = _num_rows(data, num_rows) or {}
    for part in ("train", "validation", "test"):
        share = getattr(split, part)
        if share and not counts[part]:
            message = f"{share:.0%} of {num_rows} rows is not one row"
            yield Problem(loc=["data", "split", part], msg=message, received=share)
    target = known.get(data.target)
    if split.stratify and target is not None and target.values is None:
        message = f"{target.name!r} has too many different values to keep their mix"
        yield Problem(loc=["data", "split", "stratify"], msg=message, received=True)


def _column_split_problems(split: ColumnSplit, known: dict[str, Column]) -> Iterator[Problem]:
    column = known.get(split.column)
    if column is None:
        message = f"there is no column {split.column!r}; there are {_listed(known)}"
        yield Problem(loc=["data", "split", "column"], msg=message, received=split.column)
        return
    for part in ("train", "validation", "test"):
        for i, value in enumerate(getattr(split, part)):
            if column.values is not None and value not in column.values:
                message = f"the column {split.column!r} has no value {value!r}; it has {_listed(column.values)}"
                yield Problem(loc=["data", "split", part, i], msg=message, received=value)


def _loss_problems(spec: RunSpec, target: Column) -> Iterator[Problem]:
    loss = spec.training.loss.type
    place: list[str | int] = ["training", "loss", "type"]
    if loss in REGRESSION_LOSSES and not target.is_numeric:
        message = f"{loss} needs numbers, but {target.name!r} holds {target.type} values; cross_entropy fits"
        yield Problem(loc=place, msg=message, received=loss)
    if loss in BINARY_LOSSES and target.num_distinct != 2:
        message = f"{loss} needs two different values, but {target.name!r} has {target.num_distinct:,}"
        yield Problem(loc=place, msg=message, received=loss)
    if loss in CLASS_LOSSES and target.values is None:
        message = (
            f"{loss} needs classes, but {target.name!r} has {target.num_distinct:,} different values; mse_loss fits"
        )
        yield Problem(loc=place, msg=message, received=loss)
    if spec.data.scale_target != "none" and loss not in REGRESSION_LOSSES:
        message = "classes cannot be scaled: this is for losses of numbers"
        yield Problem(loc=["data", "scale_target"], msg=message, received=spec.data.scale_target)


def _output_problems(spec: RunSpec, inspection: Inspection, target: Column) -> Iterator[Problem]:
    assert isinstance(spec.model, ModelSpec)
    loss, shape = spec.training.loss.type, tuple(inspection.output_shape)
    last = len(spec.model.layers) - 1
    if len(shape) != 1:
        message = f"the model ends with {written(shape)}, a row's answer is one list of numbers; flatten, or pool first"
        yield Problem(loc=["model", "layers", last], msg=message, received=list(shape))
        return
    wanted = target.num_distinct if loss in CLASS_LOSSES else 1
    if shape[0] != wanted and not (loss in CLASS_LOSSES and target.values is None):
        what = f"{target.name!r} has {wanted} classes" if loss in CLASS_LOSSES else f"{loss} takes one number a row"
        message = f"the model ends with {shape[0]} outputs, but {what}"
        yield Problem(loc=["model", "layers", last], msg=message, received=shape[0])
    ends = spec.model.layers[last].type
    if loss == "binary_cross_entropy" and ends != "sigmoid":
        message = "binary_cross_entropy takes probabilities: end with sigmoid, or use binary_cross_entropy_with_logits"
        yield Problem(loc=["training", "loss", "type"], msg=message, received=loss)
    if loss == "nll_loss" and ends != "log_softmax":
        message = "nll_loss takes logarithms of probabilities: end with log_softmax, or use cross_entropy"
        yield Problem(loc=["training", "loss", "type"], msg=message, received=loss)


def _token_problems(spec: RunSpec, known: dict[str, Column]) -> Iterator[Problem]:
    """An embedding looks its inputs up, so they must be whole numbers within its vocabulary."""
    assert isinstance(spec.model, ModelSpec)
    if not spec.model.takes_integers:
        return
    sizes = [(i, layer.num_embeddings) for i, layer in enumerate(spec.model.layers) if layer.type == "embedding"]
    for name in feature_names(spec.data, list(known.values())):
        column = known.get(name)
        if column is None:
            continue
        if column.type != "integer" or spec.data.scale != "none":
            why = "is scaled" if column.type == "integer" else f"holds {column.type} values"
            message = f"an embedding needs whole numbers, but {name!r} {why}"
            yield Problem(loc=["data", "scale" if column.type == "integer" else "features"], msg=message, received=name)
            return
        low, high = column.min or 0, column.max or 0
        if low < 0 or high >= sizes[0][1]:
            message = f"{name!r} goes from {low:g} to {high:g}: the embedding has places for 0 to {sizes[0][1] - 1}"
            yield Problem(loc=["model", "layers", sizes[0][0], "num_embeddings"], msg=message, received=sizes[0][1])
            return


def _metric_problems(spec: RunSpec, target: Column | None) -> Iterator[Problem]:
    loss = spec.training.loss.type
    parts = {"train", *(part for part in ("validation", "test") if getattr(spec.data.split, part))}
    seen: set[Any] = set()
    for i, metric in enumerate(spec.training.metrics):
        place: list[str | int] = ["training", "metrics", i]
        if metric in seen:
            yield Problem(loc=place, msg=f"{metric.type} is named twice", received=metric.type)
        seen.add(metric)
        regression = loss in REGRESSION_LOSSES
        two_valued = target is not None and target.num_distinct == 2 and (target.min, target.max) == (0, 1)
        if regression and metric.type in CLASS_METRICS and not (two_valued and metric.type != "top_k_accuracy"):
            yield Problem(loc=place, msg=f"{metric.type} needs classes, {loss} predicts a number", received=metric.type)
        if not regression and metric.type not in CLASS_METRICS:
            yield Problem(loc=place, msg=f"{metric.type} needs numbers, {loss} predicts a class", received=metric.type)
        if metric.type == "top_k_accuracy" and loss in CLASS_LOSSES and target and metric.k > target.num_distinct:
            message = f"there are {target.num_distinct} classes, so no {metric.k} likeliest"
            yield Problem(loc=[*place, "k"], msg=message, received=metric.k)
        if metric.type == "top_k_accuracy" and loss in BINARY_LOSSES:
            yield Problem(loc=place, msg="of two classes both are among the likeliest", received=metric.type)
    stopping = spec.training.early_stopping
    if stopping is not None:
        names = {"loss", *(_metric_name(metric) for metric in spec.training.metrics)}
        part, _, name = stopping.series.partition("/")
        if part not in parts - {"test"} or name not in names:
            known = ", ".join(f"{p}/{n}" for p in sorted(parts - {"test"}) for n in sorted(names))
            message = f"there will be no curve {stopping.series!r}; there are {known}"
            yield Problem(loc=["training", "early_stopping", "series"], msg=message, received=stopping.series)


def _metric_name(metric: Any) -> str:
    return f"top_{metric.k}_accuracy" if metric.type == "top_k_accuracy" else str(metric.type)


def _target(spec: RunSpec, column: Column) -> Target:
    loss = spec.training.loss.type
    if loss in REGRESSION_LOSSES:
        return Target(name=column.name, kind="number", classes=None)
    return Target(name=column.name, kind="binary" if loss in BINARY_LOSSES else "classes", classes=column.values)


def _num_rows(data: DataSpec, num_rows: int) -> dict[str, int] | None:
    """Rows in each part: validation and test are rounded, the training has the rest. (`worker.data` deals the same.)"""
    if not isinstance(data.split, SharesSplit):
        return None
    validation, test = (round(num_rows * share) for share in (data.split.validation, data.split.test))
    return {"train": num_rows - validation - test, "validation": validation, "test": test}


def _listed(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
