"""What tells two models apart, layer by layer: without torch, from their definitions alone.

Layers are matched by their names; those that have none, by how they follow one another. A layer that takes from others
by their places in the list ("3") takes from the same ones where only the places have moved.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.specs.base import brief
from app.specs.layers import LAYERS
from app.specs.model import ModelSpec

_GROUPS = {layer.model_fields["type"].default: layer.group for layer in LAYERS}

_Layer = Mapping[str, Any]
_Pairs = dict[int, int]  # places of layers before -> after

Change = Literal["same", "added", "removed", "changed"]


class FieldChange(BaseModel):
    """A setting that is another. What is not said is null."""

    name: str
    before: Any
    after: Any


class LayerChange(BaseModel):
    """What became of a layer."""

    change: Change
    is_moved: bool = Field(default=False, description="whether it stands elsewhere among the others")
    before: int | None = Field(description="its place, from 0 on; null of one that is added")
    after: int | None = Field(description="its place; null of one that is removed")
    name: str | None
    type: str
    fields: list[FieldChange] = []


class BlockChange(BaseModel):
    """What became of a block."""

    name: str
    change: Change
    fields: list[FieldChange] = []
    layers: list[LayerChange]


class Difference(BaseModel):
    """What tells one model from another: its layers in the order of the newer, those removed where they stood."""

    layers: list[LayerChange]
    blocks: list[BlockChange]


def difference(before: ModelSpec, after: ModelSpec) -> Difference:
    """What `after` has otherwise than `before`. Settings that are not said count as what holds without them."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    names = [*new["blocks"], *(name for name in old["blocks"] if name not in new["blocks"])]
    blocks = [_of_block(name, old["blocks"].get(name), new["blocks"].get(name)) for name in names]
    return Difference(layers=_of_layers(old["layers"], new["layers"]), blocks=blocks)


def _of_block(name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> BlockChange:
    old, new = before or {}, after or {}
    fields = [] if before is None or after is None else list(_fields(_without(old, "layers"), _without(new, "layers")))
    layers = _of_layers(old.get("layers", ()), new.get("layers", ()))
    is_same = not fields and all(one.change == "same" and not one.is_moved for one in layers)
    change: Change = "added" if before is None else "removed" if after is None else "same" if is_same else "changed"
    return BlockChange(name=name, change=change, fields=fields, layers=layers)


def _of_layers(before: Sequence[_Layer], after: Sequence[_Layer]) -> list[LayerChange]:
    pairs = _matched(before, after)
    moved = _moved(pairs)
    backwards = {j: i for i, j in pairs.items()}
    meant = {_called(after, j): _called(before, i) for i, j in pairs.items()}  # names after -> before
    found: list[LayerChange] = []
    gone = 0
    for j, layer in enumerate(after):
        i = backwards.get(j)
        if i is not None and i not in moved:
            found += [_removed(before, k) for k in range(gone, i) if k not in pairs]
            gone = i + 1
        if i is None:
            found.append(LayerChange(change="added", before=None, after=j, name=layer.get("name"), type=layer["type"]))
        else:
            found.append(_changed(before, after, i, j, meant, is_moved=i in moved))
    return [*found, *(_removed(before, k) for k in range(gone, len(before)) if k not in pairs)]


def _removed(before: Sequence[_Layer], i: int) -> LayerChange:
    return LayerChange(change="removed", before=i, after=None, name=before[i].get("name"), type=str(before[i]["type"]))


def _changed(
    before: Sequence[_Layer], after: Sequence[_Layer], i: int, j: int, meant: Mapping[str, str], *, is_moved: bool
) -> LayerChange:
    old, new = before[i], dict(after[j])
    if new.get("inputs") and [meant.get(one, one) for one in new["inputs"]] == list(old.get("inputs") or ()):
        new["inputs"] = old["inputs"]
    fields = list(_fields(old, new))
    if old["type"] != new["type"]:  # what only one of the two types has says nothing
        fields = [one for one in fields if one.name.split(".")[0] in old.keys() & new.keys()]
    return LayerChange(
        change="changed" if fields else "same",
        is_moved=is_moved,
        before=i,
        after=j,
        name=new.get("name"),
        type=str(new["type"]),
        fields=fields,
    )


def _fields(before: _Layer, after: _Layer, within: str = "") -> Iterator[FieldChange]:
    """Settings of either that are not the same; of arguments and the like, each by itself."""
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _fields(old, new, f"{within}{name}.")
        elif old != new:
            yield FieldChange(name=within + name, before=brief(old), after=brief(new))


# which layer is which


def _called(layers: Sequence[_Layer], i: int) -> str:
    return str(layers[i].get("name") or i)


def _matched(before: Sequence[_Layer], after: Sequence[_Layer]) -> _Pairs:
    """By name, then the rest by what they are, in their order."""
    named = {layer["name"]: j for j, layer in enumerate(after) if layer.get("name")}
    pairs = {i: named[layer["name"]] for i, layer in enumerate(before) if layer.get("name") in named}
    taken = set(pairs.values())
    left = [i for i in range(len(before)) if i not in pairs]
    right = [j for j in range(len(after)) if j not in taken]
    return pairs | _aligned(before, after, left, right, (_written, _type, _group))


def _aligned(
    before: Sequence[_Layer],
    after: Sequence[_Layer],
    left: Sequence[int],
    right: Sequence[int],
    alike: Sequence[Callable[[_Layer], str]],
) -> _Pairs:
    """Pairs of what is alike by the first measure; of what lies between those, by the next."""
    if not left or not right or not alike:
        return {}
    common = _common([alike[0](before[i]) for i in left], [alike[0](after[j]) for j in right])
    pairs = {left[i]: right[j] for i, j in common}
    starts, ends = [(-1, -1), *common], [*common, (len(left), len(right))]
    for (i1, j1), (i2, j2) in zip(starts, ends, strict=True):
        pairs |= _aligned(before, after, left[i1 + 1 : i2], right[j1 + 1 : j2], alike[1:])
    return pairs


def _common(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Places of a longest common subsequence.

    All of a row of the table at once, as the bits of a number (Hyyrö, "Bit-parallel LCS-length computation revisited",
    2004): two thousand layers take milliseconds whatever they are, where difflib may take minutes.
    """
    places: dict[str, int] = {}
    for i, one in enumerate(a):
        places[one] = places.get(one, 0) | 1 << i
    row = everything = (1 << len(a)) - 1
    rows = []
    for one in b:
        found = row & places.get(one, 0)
        row = ((row + found) | (row - found)) & everything
        rows.append(row)
    pairs = []
    i, j = len(a), len(b)
    while i and j:
        if rows[j - 1] >> (i - 1) & 1:
            i -= 1
            continue
        j -= 1
        if j == 0 or rows[j - 1] >> (i - 1) & 1:
            i -= 1
            pairs.append((i, j))
    return pairs[::-1]


def _written(layer: _Layer) -> str:
    return json.dumps(_without(layer, "name", "inputs"), sort_keys=True)


def _type(layer: _Layer) -> str:
    return f"{layer['type']} {layer.get('block', '')}"


def _group(layer: _Layer) -> str:
    """A relu that becomes a gelu is the same layer, changed."""
    return str(_GROUPS.get(layer["type"], layer["type"]))


def _without(layer: _Layer, *names: str) -> dict[str, Any]:
    return {name: value for name, value in layer.items() if name not in names}


def _moved(pairs: _Pairs) -> set[int]:
    """Places before of what stands elsewhere now: all but the longest series that kept its order."""
    order = sorted(pairs)
    ends: list[int] = []  # the least place after at which a series of each length can end
    last: list[int] = []  # the place before that it is of
    previous: dict[int, int | None] = {}
    for i in order:
        length = bisect_left(ends, pairs[i])
        previous[i] = last[length - 1] if length else None
        ends[length : length + 1] = [pairs[i]]
        last[length : length + 1] = [i]
    kept: set[int] = set()
    place = last[-1] if last else None
    while place is not None:
        kept.add(place)
        place = previous[place]
    return set(order) - kept
