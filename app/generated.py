"""Datasets that follow a rule: points in a plane, a series, texts and small pictures, made of a seed.

Server and worker make the same table. The server needs it before a worker has seen it, to check a run against its
columns; the worker writes it down. A table has at most `specs.sources.MAX_CELLS` values.
"""

import io
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from app.pictures import decode_image
from app.specs.columns import Column, ColumnType, Images, TopValue
from app.specs.sources import GeneratedSource

Columns = dict[str, NDArray[Any]]
Numbers = NDArray[np.float64]
Make = Callable[[GeneratedSource, Generator], Columns]

VERSION = 1  # another one makes other rows of the same source
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))

_NUM_STATES = 8  # letters of a Markov chain
_CONCENTRATION = 0.3  # of its transitions (Dirichlet): small, so that each letter has its few likely followers

_TOPICS = (  # words of equal number
    "cat dog horse cow sheep goat bird fish",
    "bread milk cheese apple soup rice salt honey",
    "rain snow wind cloud storm sun fog ice",
    "drum flute piano song choir violin horn tune",
    "hammer nail saw rope wheel drill axe glue",
    "king sword castle knight queen crown tower siege",
)
_SHAPES = np.array(["square", "circle", "triangle"])
_NUM_TASTES = 3  # that films serve and people have

# As the ingestion lists values; a test holds the two to one another.
_MAX_VALUES = 1000
_MAX_VALUES_OF_TABLE = 100_000
_FEW = 20
_MAX_CLASSES = 50


def make(source: GeneratedSource) -> Columns:
    """The columns of a generated dataset, each (N,), in an order that says nothing.

    They are int64, float64, text, or objects: encoded images.
    """
    random = np.random.default_rng(source.seed)
    columns = GENERATORS[source.name](source, random)
    if source.name in ("sines", "waves"):  # their rows follow one another in time
        return columns
    order = random.permutation(source.num_rows)
    return {name: values[order] for name, values in columns.items()}


# points in a plane, as TensorFlow Playground makes them (dataset.ts): x and y about 0, at most some 6 away


def circle(source: GeneratedSource, random: Generator) -> Columns:
    """Points within a disk and on a ring around it."""
    is_inner = _halves(source.num_rows)
    radius = np.where(is_inner, _uniform(random, source, 0, 2.5), _uniform(random, source, 3.5, 5))
    angle = _uniform(random, source, 0, 2 * math.pi)
    x, y = radius * np.sin(angle), radius * np.cos(angle)
    seen_x, seen_y = _shaken(x, y, 5, source, random)
    return {"x": x, "y": y, "label": _labels(np.hypot(seen_x, seen_y) < 2.5)}


def exclusive_or(source: GeneratedSource, random: Generator) -> Columns:
    """Points in four quarters, of which opposite ones belong together."""
    x, y = (_uniform(random, source, -5, 5) for _ in range(2))
    x, y = x + 0.3 * np.where(x > 0, 1, -1), y + 0.3 * np.where(y > 0, 1, -1)
    seen_x, seen_y = _shaken(x, y, 5, source, random)
    return {"x": x, "y": y, "label": _labels(seen_x * seen_y >= 0)}


def gaussians(source: GeneratedSource, random: Generator) -> Columns:
    """Two clouds of points, which noise makes wider."""
    is_upper = _halves(source.num_rows)
    center, std = np.where(is_upper, 2, -2), math.sqrt(0.5 + 7 * source.noise)
    x, y = (random.normal(center, std) for _ in range(2))
    return {"x": x, "y": y, "label": _labels(is_upper)}


def spiral(source: GeneratedSource, random: Generator) -> Columns:
    """Two spirals wound into one another."""
    is_second = _halves(source.num_rows)
    turn = random.uniform(0, 1, source.num_rows)
    angle = 1.75 * turn * 2 * math.pi + np.where(is_second, math.pi, 0)
    x, y = (5 * turn * wave(angle) + source.noise * _uniform(random, source, -1, 1) for wave in (np.sin, np.cos))
    return {"x": x, "y": y, "label": _labels(is_second)}


def moons(source: GeneratedSource, random: Generator) -> Columns:
    """Two half circles that reach into one another, as scikit-learn's make_moons."""
    is_lower = _halves(source.num_rows)
    angle = _uniform(random, source, 0, math.pi)
    x = np.where(is_lower, 1 - np.cos(angle), np.cos(angle))
    y = np.where(is_lower, 0.5 - np.sin(angle), np.sin(angle))
    x, y = (values + random.normal(0, source.noise, source.num_rows) for values in (x, y))
    return {"x": x, "y": y, "label": _labels(is_lower)}


def plane(source: GeneratedSource, random: Generator) -> Columns:
    """A number that grows with x and y alike."""
    x, y = (_uniform(random, source, -6, 6) for _ in range(2))
    seen_x, seen_y = _shaken(x, y, 6, source, random)
    return {"x": x, "y": y, "value": (seen_x + seen_y) / 10}


def multi_gaussian(source: GeneratedSource, random: Generator) -> Columns:
    """A number with three hills and three valleys over the plane."""
    x, y = (_uniform(random, source, -6, 6) for _ in range(2))
    seen_x, seen_y = _shaken(x, y, 6, source, random)
    value = np.zeros(source.num_rows)
    for center_x, center_y, sign in (
        (-4, 2.5, 1),
        (0, 2.5, -1),
        (4, 2.5, 1),
        (-4, -2.5, -1),
        (0, -2.5, 1),
        (4, -2.5, -1),
    ):
        height = sign * np.clip(1 - np.hypot(seen_x - center_x, seen_y - center_y) / 2, 0, 1)
        value = np.where(np.abs(height) > np.abs(value), height, value)
    return {"x": x, "y": y, "value": value}


# series, texts, pictures


def sines(source: GeneratedSource, random: Generator) -> Columns:
    """A series of two waves: some values in a row, and the one that comes next."""
    phases = random.uniform(0, 2 * math.pi, 2)
    t = np.arange(source.num_rows + source.length)
    series = sum(np.sin(2 * math.pi * t / period + phase) for period, phase in zip((25, 60), phases, strict=True)) / 2
    series = series + random.normal(0, source.noise, len(t))
    windows = np.lib.stride_tricks.sliding_window_view(series, source.length + 1)
    columns: Columns = {"t": t[: source.num_rows]}
    columns |= {f"x{i}": windows[:, i].copy() for i in range(source.length)}
    return columns | {"next": windows[:, -1].copy()}


def waves(source: GeneratedSource, random: Generator) -> Columns:
    """A series, one value a row: three waves laid over one another, and noise."""
    t = np.arange(source.num_rows)
    phases = random.uniform(0, 2 * math.pi, 3)
    heights = zip((12, 30, 75), (0.3, 0.5, 1.0), phases, strict=True)
    series = sum(height * np.sin(2 * math.pi * t / period + phase) for period, height, phase in heights)
    return {"t": t, "value": series + random.normal(0, source.noise, source.num_rows)}


def markov_text(source: GeneratedSource, random: Generator) -> Columns:
    """Texts whose letters follow one of two chains of chances, and which of the two it was."""
    chain = _labels(_halves(source.num_rows))
    chances = random.dirichlet(np.full(_NUM_STATES, _CONCENTRATION), (2, _NUM_STATES)).cumsum(-1)
    states = np.empty((source.num_rows, source.length), np.int64)
    states[:, 0] = random.integers(0, _NUM_STATES, source.num_rows)
    for i in range(1, source.length):
        drawn = random.uniform(0, 1, source.num_rows)
        following = (chances[chain, states[:, i - 1]] < drawn[:, None]).sum(-1).clip(max=_NUM_STATES - 1)
        states[:, i] = _replaced(following, _NUM_STATES, source, random)
    return {"text": _texts(states), "label": chain}


def reversed_strings(source: GeneratedSource, random: Generator) -> Columns:
    """Random words, and the same words backwards."""
    letters = random.integers(0, len(LETTERS), (source.num_rows, source.length))
    lengths = random.integers(3, source.length + 1, source.num_rows)
    answers = _replaced(letters, len(LETTERS), source, random)
    return {
        "text": np.array([word[:n] for word, n in zip(_texts(letters), lengths.tolist(), strict=True)]),
        "reversed": np.array([word[:n][::-1] for word, n in zip(_texts(answers), lengths.tolist(), strict=True)]),
    }


def text_pairs(source: GeneratedSource, random: Generator) -> Columns:
    """Two texts each, and whether they speak of the same thing."""
    num_words, num_topics = source.length // 2, len(_TOPICS)
    is_same = random.permutation(_halves(source.num_rows))
    first = random.integers(0, num_topics, source.num_rows)
    other = (first + random.integers(1, num_topics, source.num_rows)) % num_topics
    texts = (_said(topic, num_words, source, random) for topic in (first, np.where(is_same, first, other)))
    return dict(zip(("first", "second"), texts, strict=True)) | {"same": _labels(is_same)}


def _said(topic: NDArray[np.int64], num_words: int, source: GeneratedSource, random: Generator) -> NDArray[np.str_]:
    """Texts (N,) about topics (N,), each of up to so many words."""
    words = np.array([topic.split() for topic in _TOPICS])
    topics = _replaced(np.repeat(topic[:, None], num_words, 1), len(words), source, random)
    drawn = words[topics, random.integers(0, words.shape[1], topics.shape)]
    lengths = random.integers(2, num_words + 1, source.num_rows)
    return np.array([" ".join(row[:n]) for row, n in zip(drawn.tolist(), lengths.tolist(), strict=True)])


def ratings(source: GeneratedSource, random: Generator) -> Columns:
    """What people think of films, from 0.5 to 5: tastes meet, and a few films are seen by most."""
    num_users, num_items = (math.ceil(factor * math.sqrt(source.num_rows)) for factor in (3, 1.5))
    tastes, kinds = (random.normal(0, 0.6, (count, _NUM_TASTES)) for count in (num_users, num_items))
    mildness, quality = random.normal(0, 0.3, num_users), random.normal(0, 0.5, num_items)
    # A person rates a film once: the pairs with the largest keys are a draw without replacement (Efraimidis, 2006).
    popularity = -np.log(np.arange(1, num_items + 1)) / 2
    keys = random.gumbel(0, 1, (num_users, num_items)) + popularity + random.normal(0, 0.7, (num_users, 1))
    pairs = np.argpartition(keys.ravel(), -source.num_rows)[-source.num_rows :]
    user, item = pairs // num_items, pairs % num_items
    liked = 3.4 + mildness[user] + quality[item] + (tastes[user] * kinds[item]).sum(-1)
    liked = liked + 2 * source.noise * random.standard_normal(source.num_rows)
    return {
        "user": user + 1,
        "film": np.array([f"film {number}" for number in (item + 1).tolist()]),
        "rating": (2 * liked).round().clip(1, 10) / 2,
    }


def shapes(source: GeneratedSource, random: Generator) -> Columns:
    """Small gray pictures of a square, a circle or a triangle, and which pixels are its own."""
    label, pixels, masks = _drawn_shapes(source, random)
    pixels, masks = (one.astype(np.int64).reshape(source.num_rows, -1) for one in (pixels, masks))
    return (
        {"label": label}
        | {f"pixel{i}": pixels[:, i] for i in range(source.length**2)}
        | {f"mask{i}": masks[:, i] for i in range(source.length**2)}
    )


def shape_images(source: GeneratedSource, random: Generator) -> Columns:
    """The same as images: the picture, and a mask with 1 where a square is, 2 a circle, 3 a triangle, 0 elsewhere."""
    label, pixels, masks = _drawn_shapes(source, random)
    numbers = (label[:, None] == _SHAPES).argmax(axis=1) + 1
    classes = masks * numbers[:, None, None]
    return {"image": _images(pixels), "mask": _images(classes), "label": label}


def _images(pixels: NDArray[Any]) -> NDArray[np.object_]:
    """Gray pictures (N, H, W), each encoded as PNG."""
    from PIL import Image

    found = np.empty(len(pixels), object)
    for i, one in enumerate(pixels.astype(np.uint8)):
        Image.fromarray(one).save(file := io.BytesIO(), "PNG", compress_level=1)
        found[i] = file.getvalue()
    return found


def _drawn_shapes(source: GeneratedSource, random: Generator) -> tuple[NDArray[np.str_], NDArray[Any], NDArray[Any]]:
    """Names (N,), gray pictures and masks of zeros and ones (N, H, W)."""
    side, num_rows = source.length, source.num_rows
    label = random.integers(0, 3, num_rows)
    radius = random.uniform(side / 6, side / 3, num_rows)[:, None, None]
    center_y, center_x = (random.uniform(side / 3, side * 2 / 3, num_rows)[:, None, None] for _ in range(2))
    rows, columns = np.mgrid[:side, :side] + 0.5
    y, x = rows - center_y, columns - center_x
    drawn = [
        np.maximum(np.abs(x), np.abs(y)) <= radius * 0.9,
        np.hypot(x, y) <= radius,
        (np.abs(x) <= (y + radius) * 0.6) & (y <= radius),
    ]
    masks = np.select([label[:, None, None] == i for i in range(3)], drawn)
    light = random.uniform(120, 230, num_rows)[:, None, None]
    gray = np.where(masks, light, 20) + source.noise * 255 * random.standard_normal(masks.shape)
    return _SHAPES[label], gray.round().clip(0, 255), masks


def _halves(num_rows: int) -> NDArray[np.bool_]:
    """False for the first half of the rows (N,), true for the rest."""
    return np.arange(num_rows) >= num_rows // 2


def _labels(is_one: NDArray[np.bool_]) -> NDArray[np.int64]:
    return is_one.astype(np.int64)


def _uniform(random: Generator, source: GeneratedSource, low: float, high: float) -> Numbers:
    return random.uniform(low, high, source.num_rows)


def _shaken(
    x: Numbers, y: Numbers, reach: float, source: GeneratedSource, random: Generator
) -> tuple[Numbers, Numbers]:
    """Where the rule sees a point: noise moves that, not the point, so labels near a border are wrong."""
    return x + source.noise * _uniform(random, source, -reach, reach), y + source.noise * _uniform(
        random, source, -reach, reach
    )


def _replaced(letters: NDArray[np.int64], num_letters: int, source: GeneratedSource, random: Generator) -> Any:
    """With a share of letters that chance alone has written."""
    is_noise = random.uniform(0, 1, letters.shape) < source.noise
    return np.where(is_noise, random.integers(0, num_letters, letters.shape), letters)


def _texts(letters: NDArray[np.int64]) -> NDArray[np.str_]:
    """Rows of letters (N, L) as words (N,)."""
    words: NDArray[np.str_] = np.ascontiguousarray(LETTERS[letters]).view(f"<U{letters.shape[1]}").ravel()
    return words


GENERATORS: dict[str, Make] = {
    one.__name__: one
    for one in (
        circle,
        exclusive_or,
        gaussians,
        spiral,
        moons,
        plane,
        multi_gaussian,
        sines,
        waves,
        markov_text,
        reversed_strings,
        text_pairs,
        ratings,
        shapes,
        shape_images,
    )
}


def titles() -> dict[str, str]:
    """What each rule makes, in words."""
    return {name: (one.__doc__ or "").strip() for name, one in GENERATORS.items()}


# what the server knows of the columns


@lru_cache(maxsize=32)
def describe(source: GeneratedSource) -> tuple[Column, ...]:
    """The columns as their ingestion will find them: types, ranges and values; histograms come with the ingestion."""
    columns = make(source)
    max_values = min(_MAX_VALUES, max(_FEW, _MAX_VALUES_OF_TABLE // len(columns)))
    return tuple(_describe(name, values, max_values) for name, values in columns.items())


def _describe(name: str, values: NDArray[Any], max_values: int) -> Column:
    if values.dtype == object:
        return _describe_images(name, values)
    distinct, counts = np.unique(values, return_counts=True)
    kind = _kind(values, len(distinct))
    common: dict[str, Any] = {"name": name, "type": kind, "num_distinct": len(distinct)}
    if kind != "text" and len(distinct) <= max_values:
        common["values"] = distinct.tolist()
    if kind == "category" or (kind == "integer" and len(distinct) <= min(_MAX_CLASSES, max_values // _FEW)):
        most = np.argsort(-counts, kind="stable")[:_MAX_CLASSES]
        common["top_values"] = [TopValue(value=str(distinct[i]), count=int(counts[i])) for i in most]
    if kind in ("text", "category"):
        return Column(**common)
    figures = {"min": distinct[0].item(), "max": distinct[-1].item(), "mean": float(values.mean())}
    return Column(**common, **figures, std=float(values.std()))


def _describe_images(name: str, images: NDArray[np.object_]) -> Column:
    """Of encoded gray images of one size; means and deviations come with the ingestion."""
    side = decode_image(images[0]).width
    size = {"min_height": side, "max_height": side, "min_width": side, "max_width": side}
    found = Images.model_validate({"channels": "gray", **size, "mean": [0.0] * 3, "std": [0.0] * 3})
    return Column(name=name, type="image", num_distinct=len(set(images.tolist())), images=found)


def _kind(values: NDArray[Any], num_distinct: int) -> ColumnType:
    if values.dtype.kind == "i":
        return "integer"
    if values.dtype.kind == "f":
        return "float"
    return "category" if num_distinct <= min(_MAX_VALUES, max(_FEW, len(values) / 5)) else "text"
