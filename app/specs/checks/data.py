"""Whether a dataset has the columns that a run reads, and whether they can be read so."""

from collections.abc import Iterator

from app.specs.base import Loc, Problem
from app.specs.checks.inputs import column_problems
from app.specs.checks.splits import split_problems
from app.specs.checks.windows import window_problems
from app.specs.checks.words import Columns, listed, no_column
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import features, is_coded, is_embedded, place_of, steps_of
from app.specs.heads import data_of_heads, placed
from app.specs.steps import ColumnSteps


def data_problems(data: DataSpec, columns: Columns, num_rows: int) -> Iterator[Problem]:
    """Everything in `data` that does not fit the columns of a dataset of so many rows."""
    for output, own in data_of_heads(data):
        yield from (placed(output, problem) for problem in _target_problems(own, columns, num_rows))
    yield from _feature_problems(data, columns)
    yield from column_problems(data, columns)
    yield from _missing_problems(data, columns)
    yield from _infinite_problems(data, columns)
    yield from _step_problems(data, columns)
    yield from split_problems(data, columns, num_rows)
    yield from window_problems(data, columns, num_rows)


def _target_problems(data: DataSpec, columns: Columns, num_rows: int) -> Iterator[Problem]:
    for i, name in enumerate(data.targets):
        place: Loc = ["data", "target"] if isinstance(data.target, str) else ["data", "target", i]
        target, message = columns.get(name), None
        if target is None:
            message = no_column(name, columns)
        elif name in data.targets[:i]:
            message = f"{name!r} is named twice"
        elif target.num_missing >= num_rows:
            message = f"no row has a {name}: there is nothing to learn"
        if message:
            yield Problem(loc=place, msg=message, received=name)


def _feature_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    named = data.features or ()
    for i, name in enumerate(named):
        message = None
        if name not in columns:
            message = no_column(name, columns)
        elif name in data.targets:
            message = _shown(data, columns[name])
        if message is None and name in named[:i]:
            message = f"{name!r} is named twice"
        if message:
            yield Problem(loc=["data", "features", i], msg=message, received=name)


def _shown(data: DataSpec, column: Column) -> str | None:
    """Why a target may not be fed: it may where what was is told of what comes, and to be made again of less."""
    if data.outputs is not None:
        owns = [own for _, own in data_of_heads(data) if column.name in own.targets]
        return next(filter(None, (_shown(own, column) for own in owns)), None)
    if data.window is not None:
        return None if data.window.sees_target else _SHOWN.format(column.name)
    if isinstance(data.target, str):
        has_places = column.type in ("image", "array", "text") and data.features == (data.target,)
        return None if has_places else _SHOWN.format(column.name)
    others = [name for name in data.features or () if name not in data.targets]
    if others:
        return f"{column.name!r} is a target too: fed beside {listed(others)}, which are none, it gives itself away"
    return None


_SHOWN = "{!r} is the target: a model that is shown the answer learns nothing"


def _missing_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    for column in features(data, columns.values()):
        missing = steps_of(data, column.name).missing
        if missing is None or not column.num_missing or is_embedded(data, column):  # which has a place for it
            continue
        message = None
        if missing.type == "error":
            message = f"{column.num_missing:,} values are missing in {column.name!r}; say how they are filled"
        elif (not column.is_numeric or is_coded(data, column)) and missing.type in ("mean", "median"):
            message = f"{column.name!r} holds categories, which have no {missing.type}; most_frequent fits"
        elif column.type in ("image", "array") and missing.type != "drop":
            message = f"nothing stands in for a missing {column.type}: drop such rows"
        if message:
            yield Problem(loc=_place(data, column, "missing"), msg=message, received=missing.type)


def _infinite_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    target = [columns[name] for name in data.targets if name in columns]
    fed = features(data, columns.values())
    for is_fed, some in ((True, fed), (False, target)):
        for column in some:
            if column.num_infinite:
                message = (
                    f"{column.num_infinite:,} values of {column.name!r} are infinite: nothing can be learned of them"
                )
                said = "target" if data.outputs is None else "outputs"
                place: Loc = place_of(data, column.name) if is_fed else ["data", said]
                yield Problem(loc=place, msg=message, received=column.name)


def _place(data: DataSpec, column: Column, field: str) -> list[str | int]:
    """Where a step is said: of the one column, or of all."""
    own = data.columns.get(column.name)
    alone = own is not None and getattr(own, field) is not None
    return ["data", "columns", column.name, field] if alone else ["data", field]


# Which of a column's steps fit which types of columns; the others do not apply.
_FITTING: dict[str, tuple[frozenset[str], str]] = {
    "log": (frozenset({"integer", "float"}), "numbers"),
    "low": (frozenset({"integer", "float"}), "numbers"),
    "high": (frozenset({"integer", "float"}), "numbers"),
    "clip_share": (frozenset({"integer", "float"}), "numbers"),
    "scale": (frozenset({"integer", "float", "timestamp", "array"}), "numbers"),
    "categories": (frozenset({"category", "text"}), "words"),
    "parts": (frozenset({"timestamp"}), "times"),
    "tokens": (frozenset({"text", "category"}), "text"),
    "pixels": (frozenset({"image"}), "images"),
}

_CODED = {"categories": (frozenset({"category", "text", "integer"}), "words and whole numbers")}


def _step_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    for name, steps in data.columns.items():
        if name not in columns:
            yield Problem(loc=["data", "columns", name], msg=no_column(name, columns), received=name)
            continue
        for field, message in _misfits(steps, columns[name]):
            yield Problem(loc=["data", "columns", name, field], msg=message, received=getattr(steps, field))


def _misfits(steps: ColumnSteps, column: Column) -> Iterator[tuple[str, str]]:
    fitting = _FITTING | (_CODED if steps.categories in ("one_hot", "embedded") else {})
    for field, (types, kind) in fitting.items():
        if getattr(steps, field) not in (None, False) and column.type not in types:
            yield field, f"{field} is for {kind}, but {column.name!r} holds {column.type} values"
    if steps.log and column.type in ("integer", "float") and (column.min or 0) < 0 and (steps.low or -1) < 0:
        yield "log", f"{column.name!r} goes down to {column.min:g}: the logarithm of 1 + x needs 0 at least"
