"""Which columns a model is fed, what each becomes, and the shape that they make."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

from app.specs.base import Fed, Loc, Problem, Shape, SpecError, packed
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.layers.base import written
from app.specs.splits import split_column
from app.specs.steps import MAX_CATEGORIES, ColumnSteps, Pixels

CYCLIC_PARTS = frozenset({"month", "day", "weekday", "hour", "minute", "day_of_year"})  # two inputs: sine and cosine


def feature_names(data: DataSpec, columns: Sequence[Column]) -> list[str]:
    """The columns that are fed, in their order: those named, else all but the target and the one that splits.

    Of a time series, what the target has been so far is fed too, and what orders rows or tells series apart is not.
    """
    if data.inputs is not None:
        return list(data.input_of)
    if data.features is not None:
        return list(data.features)
    left_out = {*data.targets, split_column(data.split)}
    if data.window is not None:
        left_out = {split_column(data.split), data.window.time, data.window.series}
        left_out |= set() if data.window.sees_target else {*data.targets}
    return [column.name for column in columns if column.name not in left_out]


def features(data: DataSpec, columns: Iterable[Column]) -> list[Column]:
    """The columns that are fed, as far as there are such columns: first those that are embedded, then the others.

    Of several inputs, those of the first, then those of the next.
    """
    known = {column.name: column for column in columns}
    fed = [known[name] for name in feature_names(data, list(known.values())) if name in known]
    place = {name: i for i, name in enumerate(data.inputs or ())}
    of = data.input_of
    return sorted(fed, key=lambda column: (place[of[column.name]] if of else 0, not is_embedded(data, column)))


def fed_to(data: DataSpec, fed: Iterable[Column], name: str) -> list[Column]:
    """Of the columns that are fed, those that feed one input: all where there are no several."""
    of = data.input_of
    return [column for column in fed if of.get(column.name, name) == name]


def place_of(data: DataSpec, name: str) -> Loc:
    """Where it is said that a column is fed."""
    return ["data", "inputs", data.input_of[name]] if name in data.input_of else ["data", "features"]


def steps_of(data: DataSpec, name: str) -> ColumnSteps:
    """What happens to a column: what is said of it, and where nothing is, what is said of all."""
    own = data.columns.get(name, ColumnSteps())
    return own.model_copy(
        update={
            "missing": own.missing or data.missing,
            "scale": own.scale or data.scale,
            "categories": own.categories or data.categories,
        }
    )


def is_coded(data: DataSpec, column: Column) -> bool:
    """Whether whole numbers are codes: where it is said of this very column. What is said of all is said of words."""
    own = data.columns.get(column.name)
    return column.type == "integer" and own is not None and own.categories in ("one_hot", "embedded")


def is_embedded(data: DataSpec, column: Column) -> bool:
    """Whether a column is fed as one whole number that an embedding looks up: words, or codes."""
    steps = steps_of(data, column.name)
    is_words = column.type in ("text", "category") and steps.tokens is None
    return steps.categories == "embedded" and (is_words or is_coded(data, column))


def embedded_places(data: DataSpec, fed: Iterable[Column]) -> dict[str, range]:
    """The numbers that each embedded column is fed as, so that one embedding looks all of them up.

    The first of a range stands for what is missing or unknown. Columns follow one another, as in the field-wise offsets
    of factorization machines (Rendle, 2010); each of several inputs begins anew.
    """
    places: dict[str, range] = {}
    of, start, before = data.input_of, 0, None
    for column in fed:
        start, before = (start if of.get(column.name) == before else 0), of.get(column.name)
        if is_embedded(data, column):
            most = steps_of(data, column.name).max_categories or MAX_CATEGORIES
            places[column.name] = range(start, start + 1 + min(most, column.num_distinct))
            start = places[column.name].stop
    return places


def dropping(data: DataSpec, fed: Iterable[Column]) -> list[str]:
    """The columns whose gaps are not filled: the rows that have one are dropped."""
    gaps = [(column.name, steps_of(data, column.name).missing) for column in fed if column.num_missing]
    return [name for name, missing in gaps if missing is not None and missing.type == "drop"]


def shape_of(data: DataSpec, column: Column) -> Shape:
    """The shape that the values of a column take in a row, without the input that says that one was missing."""
    steps = steps_of(data, column.name)
    if is_embedded(data, column):
        return (1,)
    match column.type:
        case "image":
            return image_shape(steps.pixels or Pixels(), column)
        case "array":
            return tuple(column.shape or ())
        case "timestamp" if steps.parts:
            return (sum(2 if part in CYCLIC_PARTS else 1 for part in steps.parts),)
        case "text" if steps.tokens:
            return (steps.tokens.length,)
        case "text" | "category" if steps.categories == "hashed":
            return (steps.num_buckets,)
        case "integer" if is_coded(data, column):
            return (len(column.values or ()),)
        case "text" | "category" if steps.categories == "one_hot":
            return (len(column.values or ()),)
    return (1,)


def image_shape(pixels: Pixels, column: Column) -> Shape:
    """Channels, height and width that the images of a column are made; 0 for a size that is nowhere said."""
    found = column.images
    sizes = [pixels.height or 0, pixels.width or 0]
    if found is not None and not pixels.height and found.min_height == found.max_height:
        sizes[0] = found.min_height
    if found is not None and not pixels.width and found.min_width == found.max_width:
        sizes[1] = found.min_width
    channels = pixels.channels or (found.channels if found else "rgb")
    return (1 if channels == "gray" else 3, *sizes)


def width(data: DataSpec, column: Column) -> int:
    """How many numbers a column becomes."""
    missing = None if is_embedded(data, column) else steps_of(data, column.name).missing
    return prod(shape_of(data, column)) + bool(missing and missing.indicator and column.num_missing)


def input_shape(data: DataSpec, columns: Sequence[Column]) -> Shape:
    """The shape of a row that a model is fed; of several inputs, that of all of them one after the other.

    Raises SpecError when the features do not make it.
    """
    shapes = fed_shape(data, columns)
    return packed(shapes) if isinstance(shapes, Mapping) else shapes


def fed_shape(data: DataSpec, columns: Sequence[Column]) -> Fed:
    """What a model is fed: a shape, of a window its length and the width of a row; or one for each of several inputs.

    Raises SpecError when the features do not make it.
    """
    fed = features(data, columns)
    found = [problem for column in fed for problem in _unfit(data, column)]
    if found:
        raise SpecError(found)
    if data.inputs is None:
        return _shape(data, fed, ["data", "features"])
    return {name: _shape(data, fed_to(data, fed, name), ["data", "inputs", name]) for name in data.inputs}


def _shape(data: DataSpec, fed: Sequence[Column], place: Loc) -> Shape:
    """The shape that columns make together, which are named at `place`."""
    total = sum(width(data, column) for column in fed)
    if data.window is not None and total:
        return (data.window.length, total)
    if data.input_shape is not None and prod(data.input_shape) != total:
        message = f"{written(data.input_shape)} holds {prod(data.input_shape):,} numbers, the features are {total:,}"
        raise SpecError([Problem(loc=["data", "input_shape"], msg=message, received=list(data.input_shape))])
    if total == 0:
        raise SpecError([Problem(loc=place, msg="no column is left to learn from", received=None)])
    if data.input_shape is None and len(fed) == 1 and width(data, fed[0]) == prod(shape_of(data, fed[0])):
        return shape_of(data, fed[0])
    return data.input_shape or (total,)


def _unfit(data: DataSpec, column: Column) -> Iterator[Problem]:
    """Why a column cannot be fed as it is."""
    steps = steps_of(data, column.name)
    if column.type == "image" and 0 in image_shape(steps.pixels or Pixels(), column):
        message = f"the images of {column.name!r} have different sizes: say which height and width they are made"
        yield Problem(loc=["data", "columns", column.name, "pixels"], msg=message, received=None)
    if is_coded(data, column) and not is_embedded(data, column) and column.values is None:
        message = f"the column {column.name!r} has more values than become a column each: let them be embedded"
        yield Problem(loc=["data", "columns", column.name, "categories"], msg=message, received="one_hot")
    if column.type not in ("text", "category") or steps.categories in ("hashed", "embedded"):
        return
    if column.type == "text" and steps.tokens is not None:
        return
    if column.values is None:
        message = (
            f"the column {column.name!r} holds text, or more than a thousand categories: leave it out, cut it into "
            "tokens, or let its values be hashed or embedded"
        )
        yield Problem(loc=place_of(data, column.name), msg=message, received=column.name)
