"""Whether what a loss says of classes is so of those that there are."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.specs.base import Problem
from app.specs.checks.words import listed
from app.specs.columns import Value, word
from app.specs.losses import AnyLoss

_PLACE = ["training", "loss", "weight"]


def weight_problems(loss: AnyLoss, num_classes: int | None, classes: Sequence[Value] | None) -> Iterator[Problem]:
    """Whether weights are of as many classes as there are, or name those; `classes` is None where none has a name."""
    said: Any = getattr(loss, "weight", None)
    if isinstance(said, tuple) and num_classes is not None and len(said) != num_classes:
        message = f"there are {num_classes:,} classes, and {len(said):,} weights: say one for each"
        yield Problem(loc=list(_PLACE), msg=message, received=len(said))
    if not isinstance(said, dict):
        return
    if classes is None:
        message = "the classes have no names here: say balanced, or a weight for each in their order"
        yield Problem(loc=list(_PLACE), msg=message, received=None)
        return
    names = [word(value) for value in classes]
    for name in said:
        if name not in names:
            message = f"there is no class {name!r}; there are {listed(names)}"
            yield Problem(loc=[*_PLACE, name], msg=message, received=name)
