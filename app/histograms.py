"""Histograms of a layer's weights, gradients and outputs: the bins, the form in which they are told, and that read.

The bins lie alike on both sides of zero and widen with the distance from it, four to a power of ten: what is of use in
a gradient of 1e-5 would be one bin among those that show the weights.
"""

from collections.abc import Iterable, Sequence
from typing import Any

EVENT = "histograms"  # the kind of event that holds those of all layers at one step
KINDS = ("weights", "gradients", "outputs")

_PER_DECADE = 4
_DECADES = range(-6 * _PER_DECADE, 2 * _PER_DECADE + 1)  # from 1e-6 to 100
_SIZES = [10.0 ** (k / _PER_DECADE) for k in _DECADES]
EDGES = (*(-size for size in reversed(_SIZES)), *_SIZES)
NUM_BINS = len(EDGES) + 1  # with one below the least edge and one from the greatest on; the middle one holds zero


def packed(counts: Sequence[int]) -> dict[str, Any]:
    """The counts (B,) from the first bin that holds something to the last."""
    filled = [i for i, count in enumerate(counts) if count]
    if not filled:
        return {"first": 0, "counts": []}
    return {"first": filled[0], "counts": list(counts[filled[0] : filled[-1] + 1])}


def unpacked(body: dict[str, Any]) -> list[int]:
    """The counts of all bins, of what `packed` gave."""
    first, counts = int(body["first"]), list(body["counts"])
    return [0] * first + counts + [0] * (NUM_BINS - first - len(counts))


def of_layer(bodies: Iterable[dict[str, Any]], layer: str) -> dict[str, list[dict[str, Any]]]:
    """Of the bodies of such events what is told of one layer: by kind, the counts at each step."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for body in bodies:
        for kind, told in body["layers"].get(layer, {}).items():
            point = {"step": body["step"], "counts": unpacked(told), "num_not_finite": told.get("num_not_finite", 0)}
            found[kind].append(point)
    return found
