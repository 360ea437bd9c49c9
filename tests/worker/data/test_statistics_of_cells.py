"""What is said of images, arrays and texts, and of columns that are too long to be read whole."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from app.specs.columns import QUANTILES, Column
from app.stored.table import open_table
from worker.data import cells, figures, long, statistics
from worker.data.formats.fields import array_field, category_field, image_field
from worker.data.statistics import describe, describe_table

RANDOM = np.random.default_rng(0)


def encoded(pixels: Any, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


def described(folder: Path, field: pa.Field, values: Any, **options: Any) -> Column:
    array = values if isinstance(values, pa.Array) else pa.array(values, field.type)
    pq.write_table(pa.table([array], pa.schema([field])), folder / "t.parquet", **options)
    (column,) = describe_table(folder / "t.parquet")
    return column


def test_images_have_sizes_formats_and_colours(tmp_path: Path) -> None:
    colours = [RANDOM.integers(0, 256, shape, np.uint8) for shape in ((4, 6, 3), (5, 3, 3))]
    gray = RANDOM.integers(0, 256, (2, 2), np.uint8)
    values = [encoded(colours[0]), encoded(colours[1]), encoded(gray, "BMP"), None, encoded(gray, "BMP")]
    column = described(tmp_path, image_field("x"), [*values, encoded(colours[0])], row_group_size=2)
    assert (column.type, column.num_missing, column.num_distinct, column.values) == ("image", 1, 3, None)
    found = column.images
    assert found is not None
    assert (found.min_height, found.max_height, found.min_width, found.max_width) == (2, 5, 2, 6)
    assert (found.channels, found.formats) == ("rgb", {"PNG": 3, "BMP": 2})
    assert [(one.width, one.height, one.count) for one in found.sizes] == [(6, 4, 2), (2, 2, 2), (3, 5, 1)]
    assert found.num_sizes == 3
    shown = [*colours, colours[0], *[np.stack([gray] * 3, -1)] * 2]
    pixels = np.concatenate([one.reshape(-1, 3) for one in shown]) / 255
    assert found.mean == pytest.approx(pixels.mean(0).tolist())
    assert found.std == pytest.approx(pixels.std(0).tolist())


def test_most_images_say_how_many_channels_there_are(tmp_path: Path) -> None:
    gray, colour = encoded(np.zeros((2, 2), np.uint8)), encoded(np.zeros((2, 2, 3), np.uint8))
    found = described(tmp_path, image_field("x"), [gray, gray, colour]).images
    assert found is not None and found.channels == "gray"


def test_of_many_images_a_sample_from_all_over_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "NUM_SAMPLED", 11)
    decoded: list[float] = []
    whole = cells._rgb
    monkeypatch.setattr(cells, "_rgb", lambda data: decoded.append(len(data)) or whole(data))
    values = [encoded(np.full((1, 1 + i), i, np.uint8)) for i in range(101)]
    found = described(tmp_path, image_field("x"), values).images
    assert len(decoded) == 11
    assert found is not None and found.max_width == 101
    weights = np.arange(1, 102, 10)
    assert found.mean[0] == pytest.approx(np.average(np.arange(0, 101, 10), weights=weights) / 255)


def test_a_column_without_images_is_one_of_images_still(tmp_path: Path) -> None:
    column = described(tmp_path, image_field("x"), [None, None])
    assert (column.type, column.num_missing, column.images) == ("image", 2, None)


@pytest.mark.parametrize(
    ("kind", "dtype"), [(pa.float32(), np.float32), (pa.float64(), np.float64), (pa.uint8(), np.uint8)]
)
def test_arrays_have_figures_over_all_numbers(tmp_path: Path, kind: pa.DataType, dtype: Any) -> None:
    values = (RANDOM.random((500, 6)) * 200).astype(dtype)
    cells_of = [*values.tolist(), None, values[0].tolist()]
    column = described(tmp_path, array_field("x", kind, [2, 3]), cells_of, row_group_size=64)
    values = np.concatenate([values, values[:1]]).astype(np.float64)
    assert (column.type, column.shape, column.num_missing, column.num_distinct) == ("array", [2, 3], 1, 500)
    assert (column.min, column.max) == (values.min(), values.max())
    assert (column.mean, column.std) == (pytest.approx(values.mean()), pytest.approx(values.std()))


def test_arrays_with_gaps_and_infinities_are_counted_by_row(tmp_path: Path) -> None:
    values = [[1.0, float("nan")], [2.0, float("inf")], [3.0, 5.0], [float("nan"), float("inf")]]
    column = described(tmp_path, array_field("x", pa.float64(), [2]), values)
    assert (column.num_missing, column.num_infinite) == (2, 1)
    assert (column.min, column.max, column.mean) == (1.0, 5.0, 2.75)


def test_texts_have_lengths_and_words() -> None:
    texts = ["one two", "  three\tfour\nfive ", "", None, "süß", "six", "six"] + [f"w{i} w" for i in range(30)]
    column = describe("x", pa.chunked_array([pa.array(texts[:3]), pa.array(texts[3:])]))
    present = [text for text in texts if text is not None]
    assert column.type == "text"
    assert column.num_words == sum(len(text.split()) for text in present)
    assert column.num_distinct == len(set(present))
    assert column.lengths is not None
    assert sum(column.lengths.counts) == len(present)
    assert column.lengths.edges[0] < 0 < column.lengths.edges[1]
    assert column.lengths.edges[-1] > max(map(len, present))


def test_a_slice_of_texts_has_its_own_words() -> None:
    texts = pa.array(["a b c", "d", "e f", None, "g h"])
    assert [
        describe("x", pa.chunked_array([texts.slice(start)] * 21 + [pa.array(map(str, range(30)))])).num_words
        for start in (1, 2)
    ] == [21 * 5 + 30, 21 * 4 + 30]


def test_classes_are_categories_however_few_rows_each_has(tmp_path: Path) -> None:
    words = [f"class {i}" for i in range(50)]
    assert described(tmp_path, category_field("x"), words).type == "category"
    assert described(tmp_path, pa.field("x", pa.string()), words).type == "text"
    assert described(tmp_path, category_field("x"), [f"class {i}" for i in range(1001)]).type == "text"


@pytest.mark.parametrize(
    "values",
    [RANDOM.normal(size=777), np.arange(100), np.array([3]), np.array([1e308, -1e308]), np.array([5, 5, 5, 5, 9])],
)
def test_quantiles_are_those_of_the_rows(values: Any) -> None:
    found = describe("x", pa.chunked_array([pa.array(values)])).quantiles
    with np.errstate(over="ignore"):
        expected = np.quantile(values.astype(np.longdouble), QUANTILES)
    assert found == pytest.approx(expected.astype(float).tolist())


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows are many."""
    monkeypatch.setattr(statistics, "MAX_WHOLE", 10)
    monkeypatch.setattr(statistics, "_BLOCK_BYTES", 4000)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "array",
    [
        pa.array([None if i % 7 == 0 else i * 3 - 500 for i in range(3000)]),
        pa.array([None if i % 7 == 0 else float(x) for i, x in enumerate(RANDOM.normal(1e9, 1, 3000))]),
        pa.array([1.5, -0.0, 0.0, float("nan"), float("inf"), None] * 500),
        pa.array(RANDOM.integers(0, 10**15, 3000), pa.timestamp("us")),
        pa.array([None] * 3000, pa.float64()),
        pa.array(RANDOM.integers(0, 5, 3000)),
        pa.array([2**62, -(2**62), 0] * 1000),
        pa.array([i % 70 * 10**12 for i in range(3000)]),
        pa.array([None] * 1400 + [float("nan")] * 700 + [0.5, 2.5] * 450),
        pa.array([None] * 2999 + [7]),
    ],
)
def test_a_long_column_has_the_figures_of_a_short_one(tmp_path: Path, array: pa.Array) -> None:
    expected = describe("x", pa.chunked_array([array]))
    column = described(tmp_path, pa.field("x", array.type), array, row_group_size=700)
    exact = {"mean", "std", "quantiles", "num_sampled"}
    assert column.model_dump(exclude=exact) == expected.model_dump(exclude=exact)
    if expected.mean is None or expected.std is None:
        assert (column.mean, column.std) == (expected.mean, expected.std)
    else:
        assert (column.mean, column.std) == (pytest.approx(expected.mean), pytest.approx(expected.std, rel=1e-6))


@pytest.mark.usefixtures("short")
def test_quantiles_of_a_long_column_are_those_of_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long, "SAMPLED", 5_000)
    column = described(tmp_path, pa.field("x", pa.float64()), pa.array(np.arange(50_000.0)))
    assert column.quantiles == pytest.approx([q * 50_000 for q in QUANTILES], abs=1_500)
    assert column.num_sampled == pytest.approx(5_000, abs=400)
    assert column.quantiles == described(tmp_path, pa.field("x", pa.float64()), pa.array(np.arange(50_000.0))).quantiles
    assert column.quantiles != [q * 49_999 for q in QUANTILES]


@pytest.mark.usefixtures("short")
def test_whole_numbers_close_together_are_known_exactly_however_many(tmp_path: Path) -> None:
    array = pa.array([None if i % 5 == 0 else int(x) for i, x in enumerate(RANDOM.normal(-30_000, 9_000, 3000))])
    assert described(tmp_path, pa.field("x", pa.int64()), array) == describe("x", pa.chunked_array([array]))


@pytest.mark.parametrize("share", [0.001, 0.2, 1.0, 7.0])
def test_a_sample_is_the_same_however_the_values_come(share: float) -> None:
    values = np.arange(50_000)
    whole = figures.Sample(share).of(values)
    piecemeal = figures.Sample(share)
    cuts = np.sort(RANDOM.integers(0, 50_000, 60))
    assert np.concatenate([piecemeal.of(some) for some in np.split(values, cuts)]).tolist() == whole.tolist()
    assert (np.diff(whole) > 0).all()
    assert len(whole) == pytest.approx(min(share, 1) * 50_000, abs=5 * (share * 50_000) ** 0.5)
    assert share < 1 or whole.tolist() == values.tolist()


@pytest.mark.parametrize("num_kinds", [3, 900, 1_200, 4_000])
def test_words_are_the_same_whether_they_lie_as_codes_or_not(tmp_path: Path, num_kinds: int) -> None:
    array = pa.array([None if i % 9 == 0 else f"kind number {i * i % num_kinds}" for i in range(20_000)])
    field, found = pa.field("x", pa.string()), []
    for coded in (True, False):
        path = tmp_path / f"{coded}.parquet"
        pq.write_table(pa.table([array], pa.schema([field])), path, use_dictionary=coded, row_group_size=6_000)
        assert statistics._has_codes(open_table(path), "x") is coded
        found.append(statistics.describe_table(path)[0])
    assert found[0] == found[1] == describe("x", pa.chunked_array([array]))


def test_distinct_values_are_exact_up_to_the_bound_and_estimated_beyond() -> None:
    distinct = figures.Distinct(bound=20_000)
    for start in range(0, 20_000, 1000):
        distinct.add(np.repeat(np.arange(start, start + 1000, dtype=np.uint64), 2))
    assert (distinct.count(), distinct.is_exact) == (20_000, True)
    for start in range(10_000, 200_000, 5_000):
        distinct.add(np.arange(start, start + 5_000, dtype=np.uint64))
    assert not distinct.is_exact
    assert distinct.count() == pytest.approx(200_000, rel=0.03)
    assert distinct.values() is None


def test_a_table_of_every_kind_keeps_the_order_of_its_columns(tmp_path: Path) -> None:
    fields = [
        pa.field("text", pa.string()),
        image_field("image"),
        pa.field("n", pa.int64()),
        array_field("array", pa.float32(), [2]),
        category_field("label"),
        pa.field("is", pa.bool_()),
    ]
    values = [
        ["a", None],
        [encoded(np.zeros((2, 2), np.uint8)), None],
        [1, 2],
        [[1, 2], None],
        ["x", "y"],
        [True, None],
    ]
    arrays = [pa.array(one, field.type) for one, field in zip(values, fields, strict=True)]
    pq.write_table(pa.table(arrays, pa.schema(fields)), tmp_path / "t.parquet")
    done: list[int] = []
    columns = describe_table(tmp_path / "t.parquet", done.append)
    assert [(one.name, one.type) for one in columns] == [
        ("text", "category"),
        ("image", "image"),
        ("n", "integer"),
        ("array", "array"),
        ("label", "category"),
        ("is", "boolean"),
    ]
    assert done == sorted(done) and done[-1] == 6


def test_memory_is_bounded_by_blocks_not_by_rows(tmp_path: Path) -> None:
    field = pa.field("x", pa.string())
    with pq.ParquetWriter(tmp_path / "t.parquet", pa.schema([field])) as writer:
        for group in range(6):
            texts = [f"{group} {i} " + "word " * 400 for i in range(10_000)]
            writer.write_table(pa.table([pa.array(texts)], pa.schema([field])))
    texts = []
    before, peak = pa.total_allocated_bytes(), 0

    def look(num_columns: int) -> None:
        nonlocal peak
        peak = max(peak, pa.total_allocated_bytes() - before)

    (column,) = describe_table(tmp_path / "t.parquet", look)
    assert (column.num_words, column.num_distinct) == (60_000 * 402, 60_000)
    assert 0 < peak < 60 << 20  # of 120 MB
