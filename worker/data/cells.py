"""What is known of columns whose cells are images or arrays, in bounded memory however many there are."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.moments import Moments
from app.pictures import decode_image, format_of, probe_image
from app.specs.columns import Column, Images, ImageSize
from worker.data.figures import Distinct

NUM_SAMPLED = 2_000  # images whose pixels are looked at
_SAMPLED_PIXELS = 256_000_000  # over all of them: large ones are looked at less often
_MIN_SAMPLED = 16
_NUM_SIZES = 20  # that are listed
_GRAY = frozenset({"1", "L", "LA", "La", "I", "F"})

Blocks = Callable[[], Iterable[pa.Array]]


def describe_images(name: str, blocks: Blocks) -> Column:
    """What the images of a column are. `blocks` gives its cells, encoded, in their order; it is asked twice.

    Sizes, formats and how many are distinct are those of all images, by their headers and bytes; means and deviations
    those of up to 2,000 images, evenly chosen.
    """
    seen = _Headers()
    for block in blocks():
        seen.add(block.to_pylist())
    column = Column(name=name, type="image", num_missing=seen.num_missing, num_distinct=seen.distinct.count())
    if not seen.sizes:
        return column
    mean, std = _colours(blocks, seen)
    column.images = Images(
        channels="gray" if 2 * seen.num_gray > seen.num_images else "rgb",
        min_height=min(height for _, height in seen.sizes),
        max_height=max(height for _, height in seen.sizes),
        min_width=min(width for width, _ in seen.sizes),
        max_width=max(width for width, _ in seen.sizes),
        mean=mean,
        std=std,
        formats=dict(seen.formats.most_common()),
        sizes=[
            ImageSize(width=width, height=height, count=count)
            for (width, height), count in seen.sizes.most_common(_NUM_SIZES)
        ],
        num_sizes=len(seen.sizes),
    )
    return column


def describe_arrays(name: str, shape: Sequence[int], blocks: Blocks) -> Column:
    """What the arrays of a column are. `blocks` gives its cells, lists of fixed size, in their order.

    A row counts as missing where its array is, or holds NaN, and as infinite where its array holds an infinity.
    """
    moments, distinct = Moments(), Distinct()
    num_missing = num_infinite = 0
    for block in blocks():
        present = block.drop_null()
        values = present.flatten().to_numpy(zero_copy_only=False).reshape(len(present), -1)
        num_missing += block.null_count
        if values.dtype.kind == "f":
            gaps, infinite = np.isnan(values).any(axis=1), np.isinf(values).any(axis=1)
            num_missing += int(gaps.sum())
            num_infinite += int((infinite & ~gaps).sum())
            moments.add(values[np.isfinite(values)])
            values = values[~gaps]
        else:
            moments.add(values)
        distinct.add(_digests(values))
    return Column(
        name=name,
        type="array",
        shape=list(shape),
        num_missing=num_missing,
        num_infinite=num_infinite,
        num_distinct=distinct.count(),
        min=moments.low,
        max=moments.high,
        mean=moments.mean,
        std=moments.std,
    )


class _Headers:
    """What can be told of images without their pixels."""

    def __init__(self) -> None:
        self.num_rows = self.num_missing = self.num_images = self.num_gray = self.num_pixels = 0
        self.sizes: Counter[tuple[int, int]] = Counter()  # a pair of numbers for each image at most
        self.formats: Counter[str] = Counter()
        self.distinct = Distinct()

    def add(self, cells: Sequence[bytes | None]) -> None:
        present = [data for data in cells if data is not None]
        self.num_rows += len(cells)
        self.num_missing += len(cells) - len(present)
        self.num_images += len(present)
        self.distinct.add(_bits(present))
        for data in present:
            image = probe_image(data)
            self.num_gray += image.mode.partition(";")[0] in _GRAY
            self.num_pixels += image.width * image.height
            self.sizes[image.width, image.height] += 1
            self.formats[format_of(image)] += 1


def _colours(blocks: Blocks, seen: _Headers) -> tuple[list[float], list[float]]:
    """Mean and deviation of red, green and blue, from 0 to 1, over the pixels of a sample."""
    affordable = _SAMPLED_PIXELS * seen.num_images // seen.num_pixels
    num_sampled = min(seen.num_rows, NUM_SAMPLED, max(_MIN_SAMPLED, affordable))
    chosen = set(np.linspace(0, seen.num_rows - 1, num_sampled).round().astype(int).tolist())
    channels = [Moments() for _ in range(3)]
    for data in _chosen(blocks, chosen):
        if data is None:
            continue
        pixels = _rgb(data)
        for i, channel in enumerate(channels):
            channel.add(pixels[..., i].ravel())
    return [one.mean or 0.0 for one in channels], [one.std or 0.0 for one in channels]


def _chosen(blocks: Blocks, chosen: set[int]) -> Iterator[bytes | None]:
    row = 0
    for block in blocks():
        for i in range(len(block)):
            if row + i in chosen:
                yield block[i].as_py()
        row += len(block)


def _rgb(data: bytes) -> NDArray[np.float64]:
    """The pixels (H, W, 3) of an image, from 0 to 1."""
    image = decode_image(data)
    if image.mode == "I" or image.mode.startswith("I;16"):
        gray = np.clip(np.asarray(image, np.float64) / 65535, 0, 1)
        return np.repeat(gray[..., None], 3, axis=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of palettes with transparency, which is left out
        return np.asarray(image.convert("RGB"), np.float64) / 255


def _digests(values: NDArray[Any]) -> NDArray[np.uint64]:
    """64 bits (n,) for each row of (n, d)."""
    return _bits(row.tobytes() for row in values + values.dtype.type(0))  # -0 becomes 0


def _bits(cells: Iterable[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(hashlib.blake2b(cell, digest_size=8).digest() for cell in cells), np.uint64)
