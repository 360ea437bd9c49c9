"""How a table's file marks columns that are more than plain: as metadata of the Arrow field, under `traindeck`.

`image`: cells are encoded bytes. `array`: cells are lists of fixed size, and `shape` says what they are, as 3,32,32.
`category`: words are classes, however few rows each has. `text`: words are none, however often they come again.
"""

from typing import Any

MARK, SHAPE = b"traindeck", b"shape"


def mark_of(field: Any) -> str | None:
    """What a column is marked as: image, array, category, text, or None. `field` is Arrow's."""
    mark: bytes | None = (field.metadata or {}).get(MARK)
    return mark.decode() if mark else None


def shape_of(field: Any) -> list[int]:
    """The shape of each value of a column that is marked as an array."""
    return [int(size) for size in field.metadata[SHAPE].decode().split(",")]
