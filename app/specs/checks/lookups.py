"""Whether what a model looks up is whole numbers that its embeddings have places for."""

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice

from app.specs.base import Loc, Problem
from app.specs.checks.words import listed
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import embedded_places, fed_to, is_coded, is_embedded, place_of, steps_of
from app.specs.inspection import lookups
from app.specs.layers.embedding import Embedding, EntityEmbedding
from app.specs.model import ModelSpec


def lookup_problems(model: ModelSpec, data: DataSpec, features: Sequence[Column]) -> Iterator[Problem]:
    """An embedding looks its inputs up, so they must be whole numbers within its vocabulary."""
    for name in model.inputs:
        yield from _entity_problems(model, name, data, embedded_places(data, fed_to(data, features, name)))
    unfit = {name: _unfit_problem(data, fed_to(data, features, name)) for name in model.vocabularies}
    yield from (problem for problem in unfit.values() if problem is not None)
    looked_up = [one for one in lookups(model.nodes, model.inputs) if not any(unfit.get(name) for name in one[1])]
    for names in dict.fromkeys(names for _, names in looked_up):
        yield from _cut_problems(data, _read(model, data, features, names))
    for node, names in looked_up:
        if isinstance(node.layer, Embedding):
            found = _vocabulary_problems(node.layer.num_embeddings, data, _read(model, data, features, names))
            yield from (one.under("model", *node.loc) for one in islice(found, 1))


def _read(model: ModelSpec, data: DataSpec, features: Sequence[Column], names: Set[str]) -> list[Column]:
    """The columns that some inputs are fed."""
    return [column for name in model.inputs if name in names for column in fed_to(data, features, name)]


def _unfit_problem(data: DataSpec, features: Sequence[Column]) -> Problem | None:
    """Why the columns of an input that is looked up are no whole numbers; of a thousand of one kind, one is told."""
    places = embedded_places(data, features)
    for column in features:
        message, field = _alone(places, column) or _not_whole(data, column)
        if message:
            place = place_of(data, column.name) if field == "features" else ["data", field]
            return Problem(loc=place, msg=message, received=column.name)
    return None


def _entity_problems(model: ModelSpec, name: str, data: DataSpec, places: Mapping[str, range]) -> Iterator[Problem]:
    """Embedded columns of an input are looked up by the first layer, all of them, each within its places."""
    looks_up = name in model.vocabularies
    size = max((place.stop for place in places.values()), default=0)
    for node in model.nodes:
        layer, loc = node.layer, ["model", *node.loc]
        if not isinstance(layer, EntityEmbedding) or name not in node.inputs:
            continue
        looks_up = True
        if layer.num_columns != len(places):
            message = f"{_embedded(places)}, and num_columns is {layer.num_columns}"
            yield Problem(loc=[*loc, "num_columns"], msg=message, received=layer.num_columns)
        elif layer.num_embeddings < size:
            message = f"{_embedded(places)} and need {size:,} places: one for each value, and one for what is unknown"
            yield Problem(loc=[*loc, "num_embeddings"], msg=message, received=layer.num_embeddings)
    if places and not looks_up:
        first = next(iter(places))
        own = data.columns.get(first)
        field: Loc = ["data", "columns", first, "categories"] if own and own.categories else ["data", "categories"]
        message = f"{_embedded(places)}: begin the model with entity_embedding, which looks them up"
        yield Problem(loc=field, msg=message, received="embedded")


def _embedded(places: Mapping[str, range]) -> str:
    return f"{listed(places)} {'is' if len(places) == 1 else 'are'} embedded" if places else "no column is embedded"


def _alone(places: Mapping[str, range], column: Column) -> tuple[str, str] | None:
    """Why a column cannot stand beside embedded ones, whose numbers it would share."""
    if not places or column.name in places:
        return None
    first = next(iter(places))
    return f"{first!r} is embedded and {column.name!r} is not: entity_embedding takes both, embedding one", "columns"


def _cut_problems(data: DataSpec, features: Sequence[Column]) -> Iterator[Problem]:
    """Texts that are cut differently have vocabularies of their own, whose numbers mean different words."""
    cut = {column.name: steps.tokens.cut for column in features if (steps := steps_of(data, column.name)).tokens}
    first = next(iter(cut), "")
    for name, how in cut.items():
        if how != cut[first]:
            message = f"one embedding looks up {first!r} and {name!r}: give them the same level, vocabulary and case"
            yield Problem(loc=["data", "columns", name, "tokens"], msg=message, received=name)


def _vocabulary_problems(num_embeddings: int, data: DataSpec, features: Sequence[Column]) -> Iterator[Problem]:
    places = embedded_places(data, features)
    for column in features:
        place = places.get(column.name)
        low, high = _range(data, column) if place is None else (place.start, place.stop - 1)
        if low < 0 or high >= num_embeddings:
            room = f"the embedding has places for 0 to {num_embeddings - 1}"
            message = f"{column.name!r} goes from {low:g} to {high:g}: {room}"
            yield Problem(loc=["num_embeddings"], msg=message, received=num_embeddings)


def _range(data: DataSpec, column: Column) -> tuple[float, float]:
    """The least and the greatest number that a column is fed as, gaps that are filled included."""
    steps = steps_of(data, column.name)
    if steps.tokens is not None:
        return 0, steps.tokens.vocabulary_size - 1
    numeric = column.is_numeric
    ends = (column.min or 0, column.max or 0) if numeric else (0, max(0, len(column.values or ()) - 1))
    if not column.num_missing or steps.missing is None or steps.missing.type != "constant":
        return ends
    filled = steps.missing.value if numeric else -1  # a category of its own
    return min(ends[0], filled), max(ends[1], filled)


def _not_whole(data: DataSpec, column: Column) -> tuple[str | None, str]:
    """Why a column's inputs are not the whole numbers that it holds, and the field of `data` to change."""
    steps = steps_of(data, column.name)
    if is_embedded(data, column):
        return None, ""
    if column.type == "text" and steps.tokens is not None:
        return None, ""
    if column.type in ("image", "array"):
        return f"an embedding needs whole numbers, but {column.name!r} holds {column.type} values", "features"
    if column.is_numeric and column.type not in ("integer", "boolean"):
        return f"an embedding needs whole numbers, but {column.name!r} holds {column.type} values", "features"
    if is_coded(data, column) or (not column.is_numeric and steps.categories != "ordinal"):
        return f"an embedding needs whole numbers, but {column.name!r} becomes a column for each category", "categories"
    if (steps.scale != "none" or steps.log) and column.type == "integer":
        return f"an embedding needs whole numbers, but {column.name!r} is scaled", "scale"
    filling = steps.missing.type if steps.missing else "error"
    if column.num_missing and filling in ("mean", "median"):
        return f"an embedding needs whole numbers, but gaps of {column.name!r} become a {filling}", "missing"
    return None, ""
