"""Cases of a layer that nobody wrote: its examples, with other arguments and other sizes.

Each argument is drawn from what its field allows, and each size of a shape is another; sizes that are equal in an
example stay equal, for a layer may ask that they are.
"""

from importlib.util import find_spec
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.specs.base import Shape, ShapeError
from app.specs.layers import Layer, Weighted

Case = tuple[Layer, tuple[Shape, ...]]
SPREAD = 5  # how far above its least value a whole number may be


def skip_unbuildable(cls: type[Layer]) -> None:
    """Skip where a layer is made by a library that is not installed; `make install-test` installs all."""
    if kind(cls) == "backbone" and find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: pip install 'traindeck[vision]'")


def kind(cls: type[Layer]) -> str:
    """What a layer is called."""
    return str(cls.model_fields["type"].default)


@st.composite
def cases(draw: st.DrawFn, cls: type[Layer]) -> Case:
    """A layer and shapes that it takes. What does not fit is brought nearer to the example until it does."""
    example = draw(st.sampled_from(cls.examples))
    own = [name for name in cls.model_fields if name not in Weighted.model_fields]
    changed = draw(st.lists(st.sampled_from(own), unique=True)) if own else []
    args = dict(example.args) | {name: draw(_values(cls.model_fields[name])) for name in changed}
    inputs = draw(_shapes(example.inputs))
    for tried_args, tried_inputs in ((args, inputs), (example.args, inputs), (args, example.inputs)):
        try:
            layer = cls.model_validate({"type": kind(cls), **tried_args})
            layer.output_shape(*tried_inputs)
        except (ValidationError, ShapeError):
            continue
        return layer, tried_inputs
    return cls.model_validate({"type": kind(cls), **example.args}), example.inputs


@st.composite
def _shapes(draw: st.DrawFn, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
    sizes = sorted({size for shape in inputs for size in shape})
    factor = draw(st.sampled_from([1, 1, 2, 3]))
    new = {size: size * factor + draw(st.integers(0, 3)) * draw(st.integers(0, 1)) for size in sizes}
    return tuple(tuple(new[size] for size in shape) for shape in inputs)


def _values(field: FieldInfo) -> st.SearchStrategy[Any]:
    return _of(field.annotation, list(field.metadata))


def _of(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    """What a type with its bounds allows, small."""
    if hasattr(annotation, "__metadata__"):
        inner = [one for meta in annotation.__metadata__ for one in getattr(meta, "metadata", [meta])]
        return _of(annotation.__origin__, [*metadata, *inner])
    if annotation is NoneType:
        return st.none()
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        least, most = _bound(metadata, Ge, "ge"), _bound(metadata, Le, "le")
        least = -3 if least is None else int(least)
        return st.integers(least, least + SPREAD if most is None else min(int(most), least + SPREAD))
    if annotation is float:
        return _floats(metadata)
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if get_origin(annotation) is tuple:
        return _tuples(get_args(annotation), metadata)
    return st.one_of([_of(one, metadata) for one in get_args(annotation)])


def _floats(metadata: list[Any]) -> st.SearchStrategy[float]:
    least = max((b for b in (_bound(metadata, Ge, "ge"), _bound(metadata, Gt, "gt")) if b is not None), default=-2.0)
    most = min((b for b in (_bound(metadata, Le, "le"), _bound(metadata, Lt, "lt")) if b is not None), default=2.0)
    return st.floats(least, max(most, least), exclude_min=True, exclude_max=most > least, width=32)


def _tuples(members: tuple[Any, ...], metadata: list[Any]) -> st.SearchStrategy[Any]:
    if members[-1] is not Ellipsis:
        return st.tuples(*[_of(one, []) for one in members])
    least = int(_bound(metadata, MinLen, "min_length") or 0)
    most = min(int(_bound(metadata, MaxLen, "max_length") or 6), 6)
    return st.lists(_of(members[0], []), min_size=least, max_size=most).map(tuple)


def _bound(metadata: list[Any], kind: type, name: str) -> float | None:
    found = [getattr(one, name) for one in metadata if isinstance(one, kind)]
    return found[0] if found else None
