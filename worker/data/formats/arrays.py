"""Arrays whose first axis are the rows, as columns of one table: what NumPy, safetensors and IDX files have in common.

N values are a column; (N, H, W) and (N, H, W, 3) of uint8 are images; anything else is a column of arrays.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from worker.data.formats.base import Limits, Progress, Read, unreadable
from worker.data.formats.fields import GROUP_BYTES, GROUP_ROWS, array_field, category_field, image_field, open_writer
from worker.data.formats.pictures import encode_png

PART = "part"
_PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
_MAX_PIXELS = 64_000_000


class Source(Protocol):
    """An array of which rows can be read: NumPy's, or one that stays in its file."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __getitem__(self, rows: slice) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Made:
    """A column that an array makes: of rows (n, …) its `make` gives n cells."""

    field: pa.Field
    bytes_of_row: int
    make: Callable[[NDArray[Any]], pa.Array]


def part_of(word: str) -> str | None:
    """train, validation or test, where a word is a name of one."""
    return _PARTS.get(word.lower())


def write_arrays(arrays: Mapping[str, Source], target: BinaryIO, progress: Progress, size: int, limits: Limits) -> Read:
    """Write arrays of the same N as the columns of a table; train and test pairs are put under each other.

    `size` is that of the file, in bytes, which is what `progress` counts. Raises JobFailure, with the names of the
    arrays, when they do not make a table.
    """
    found = Read()
    used = {}
    for name, array in arrays.items():
        if array.shape:
            used[name] = array
        else:
            found.note(f"The array {name!r} is a single value, and was passed over.")
    if not used:
        raise unreadable("The file holds no array with rows.")
    stacks = split_parts(used)
    made = {name: _columns_of(name, [stack[name] for _, stack in stacks if name in stack]) for name in _names(stacks)}
    fields = [one.field for columns in made.values() for one in columns]
    if len(fields) > limits.columns:
        raise unreadable(f"The arrays make {len(fields):,} columns; there may be up to {limits.columns:,}.")
    if len(stacks) > 1:
        fields.append(category_field(PART))
    schema = pa.schema(fields)
    num_rows = sum(_num_rows(stack) for _, stack in stacks)
    if not num_rows:
        raise unreadable("The arrays have no rows.")
    with open_writer(target, schema) as writer:
        for part, rows in _blocks(stacks, made):
            columns = [column for name, several in made.items() for column in _cells(several, rows, name)]
            length = _num_rows(rows)
            if len(stacks) > 1:
                columns.append(pa.array([part] * length, pa.string()))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            found.num_rows += length
            progress(size * found.num_rows // num_rows)
    return found


def holds_images(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    """Whether values of this shape are images: (H, W), (H, W, 1) or (H, W, 3) of bytes."""
    return bool(dtype == np.uint8) and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))


def split_parts(arrays: Mapping[str, Source]) -> list[tuple[str, dict[str, Source]]]:
    """Arrays by part, those of one part under the names that are left: x_train and x_test are both x.

    Arrays that are not named so make one part without a name. Raises JobFailure when those of a part differ in rows.
    """
    split = {name: _split_name(name) for name in arrays}
    parts = {found[1] for found in split.values() if found}
    if len(parts) < 2 or not all(split.values()):
        stacks = [("", dict(arrays))]
    else:
        stacks = [
            (part, {found[0]: arrays[name] for name, found in split.items() if found and found[1] == part})
            for part in sorted(parts, key=("train", "validation", "test").index)
        ]
    for part, stack in stacks:
        if len({array.shape[0] for array in stack.values()}) > 1:
            listed = ", ".join(f"{name} {array.shape[0]:,}" for name, array in stack.items())
            message = f"The arrays{f' of {part}' * bool(part)} have different numbers of rows: {listed}."
            raise unreadable(
                message, "All arrays of a file are columns of one table, so each needs a value for each row."
            )
    return stacks


def _split_name(name: str) -> tuple[str, str] | None:
    """What an array is, and of which part."""
    words = re.split(r"[_\-. /]", name)
    if len(words) > 1 and (part := part_of(words[-1])):
        return name[: -len(words[-1]) - 1], part
    if len(words) > 1 and (part := part_of(words[0])):
        return name[len(words[0]) + 1 :], part
    return None


def _names(stacks: Sequence[tuple[str, Mapping[str, Source]]]) -> list[str]:
    return list(dict.fromkeys(name for _, stack in stacks for name in stack))


def _num_rows(stack: Mapping[str, Any]) -> int:
    return next(len(one) if isinstance(one, np.ndarray) else one.shape[0] for one in stack.values())


def _blocks(
    stacks: Sequence[tuple[str, Mapping[str, Source]]], made: Mapping[str, Sequence[Made]]
) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """The rows of all parts, as many at a time as make a row group."""
    bytes_of_row = sum(one.bytes_of_row for columns in made.values() for one in columns)
    at_once = max(1, min(GROUP_ROWS, GROUP_BYTES // max(1, bytes_of_row)))
    for part, stack in stacks:
        num_rows = _num_rows(stack)
        for start in range(0, num_rows, at_once):
            yield part, {name: array[start : min(num_rows, start + at_once)] for name, array in stack.items()}


def _cells(columns: Sequence[Made], rows: Mapping[str, NDArray[Any]], name: str) -> list[pa.Array]:
    if name in rows:
        return [one.make(rows[name]) for one in columns]
    return [pa.nulls(_num_rows(rows), one.field.type) for one in columns]  # as the labels of a test part often are


def _columns_of(name: str, arrays: Sequence[Source]) -> list[Made]:
    """The columns that the arrays of one name make, one array for each part."""
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        listed = " and ".join("×".join(map(str, array.shape)) for array in arrays)
        raise unreadable(f"The arrays of {name!r} have different shapes: {listed}.")
    shape = shapes.pop()
    if 0 in shape:
        raise unreadable(f"The array {name!r} has the shape (N, {', '.join(map(str, shape))}), which holds nothing.")
    if len({array.dtype.kind in "US" for array in arrays}) > 1:
        raise unreadable(f"The arrays of {name!r} hold numbers in one part and text in another.")
    dtype = np.result_type(*(array.dtype for array in arrays))
    if dtype.names:
        return _of_fields(name, dtype, shape)
    if not shape or shape == (1,):
        return [_plain(name, dtype)]
    if holds_images(dtype, shape):
        return [_image(name, shape)]
    return [_array(name, dtype, shape)]


def _of_fields(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> list[Made]:
    """The columns of an array whose values have named fields."""
    if shape:
        raise unreadable(f"The array {name!r} has fields and {len(shape) + 1} axes; with fields it may have one.")
    assert dtype.names is not None
    made = []
    for key in dtype.names:
        inner = dtype[key]
        if inner.shape or inner.names:
            raise unreadable(f"The field {key!r} of the array {name!r} is not a single value.")
        made.append(_of_field(key, _plain(key, inner)))
    return made


def _of_field(key: str, column: Made) -> Made:
    return Made(column.field, column.bytes_of_row, lambda rows: column.make(rows[key]))


def _plain(name: str, dtype: np.dtype[Any]) -> Made:
    """A column of single values."""
    match dtype.kind:
        case "b":
            kind = pa.bool_()
        case "i" | "u":
            kind = pa.int64()
        case "f":
            kind = pa.float64()
        case "U" | "S":
            kind = pa.string()
        case "M":
            kind = pa.timestamp("us")
        case _:
            raise _unknown(name, dtype)
    return Made(pa.field(name, kind), max(8, dtype.itemsize), lambda rows: _single(name, rows, kind))


def _single(name: str, rows: NDArray[Any], kind: pa.DataType) -> pa.Array:
    values = rows.reshape(len(rows))
    match values.dtype.kind:
        case "S":
            return pa.array([one.decode("utf-8", "replace") for one in values.tolist()], kind)
        case "U":
            return pa.array(values.tolist(), kind)
        case "M":
            return pa.array(values.astype("datetime64[us]"), kind)
        case "u" if values.dtype.itemsize == 8 and len(values) and values.max() > 2**63 - 1:
            message = f"The array {name!r} holds {values.max()}, which is larger than any integer that is kept."
            raise unreadable(message, "Write it as float64.")
    numbers = {pa.int64(): np.int64, pa.float64(): np.float64, pa.bool_(): np.bool_}[kind]
    return pa.array(np.ascontiguousarray(values, numbers))


def _image(name: str, shape: tuple[int, ...]) -> Made:
    if shape[0] * shape[1] > _MAX_PIXELS:
        raise unreadable(f"The images of {name!r} have more than {_MAX_PIXELS:,} pixels each.")
    gray = len(shape) == 3 and shape[2] == 1
    return Made(
        image_field(name),
        prod(shape),
        lambda rows: pa.array([encode_png(one[..., 0] if gray else one) for one in rows], pa.binary()),
    )


def _array(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Made:
    if dtype.kind not in "biuf":
        raise _unknown(name, dtype)
    numbers: type[np.generic] = np.int64
    if dtype in (np.uint8, np.bool_):
        numbers = np.uint8
    elif dtype.kind == "f":
        numbers = np.float32 if dtype.itemsize <= 4 else np.float64
    kind = pa.from_numpy_dtype(numbers)
    if prod(shape) > 1 << 27:
        raise unreadable(f"The values of the array {name!r} have {prod(shape):,} numbers each.")

    def make(rows: NDArray[Any]) -> pa.Array:
        flat = np.ascontiguousarray(rows, numbers).reshape(-1)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), prod(shape))

    return Made(array_field(name, kind, shape), prod(shape) * np.dtype(numbers).itemsize, make)


def _unknown(name: str, dtype: np.dtype[Any]) -> Exception:
    return unreadable(
        f"The array {name!r} holds values of the type {dtype}, which no column can.",
        "Save it as numbers, truth values, times or text.",
    )
