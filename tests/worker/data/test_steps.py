"""Each kind of step: what it makes of values, that the server makes the same, and that only training rows count."""

import base64
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.preprocessing import RobustScaler

from app.datasets.tables import read_rows
from app.preparing.fitting import Sample
from app.specs.columns import Column, Images
from app.specs.data import DataSpec
from app.specs.features import input_shape
from app.specs.splits import ColumnSplit
from app.transforms import Preprocessing, encode
from worker.data.prepare import Prepared, first_inputs, prepare
from worker.data.shelf import Shelf, is_mapped
from worker.data.statistics import describe_table

NUM_ROWS, NUM_TRAIN = 90, 50
PART = pa.array(["train"] * NUM_TRAIN + ["validation"] * 20 + ["test"] * 20)
SPLIT = ColumnSplit(column="part", train=("train",), validation=("validation",), test=("test",))
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog,", "and", "Ünïcode", "too!"]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


def values(random: np.random.Generator) -> dict[str, pa.Array]:
    holes = random.random(NUM_ROWS) < 0.15
    return {
        "amount": pa.array(np.exp(random.normal(3, 2, NUM_ROWS)), mask=holes),
        "count": pa.array(random.integers(0, 50, NUM_ROWS)),
        "kind": pa.array(random.choice(["a", "b", "c"], NUM_ROWS), mask=holes),
        "code": pa.array([f"item {i % 37}" for i in range(NUM_ROWS)]),
        "seen": pa.array([datetime(2023, 11, 5) + timedelta(hours=37 * i) for i in range(NUM_ROWS)]),  # noqa: DTZ001
        "review": pa.array([" ".join(random.choice(WORDS, i % 9)) for i in range(NUM_ROWS)]),
    }


def as_columns(path: Path) -> list[Column]:
    """As the ingestion describes them; what repeats is text here all the same."""
    texts = {"review", "code"}
    return [
        one.model_copy(update={"type": "text", "values": None}) if one.name in texts else one
        for one in describe_table(path)
    ]


def prepared(
    folder: Path, table: dict[str, Any], dtype: Any = "float32", shelf: Shelf | None = None, **data: Any
) -> Prepared:
    path = folder / "data.parquet"
    target = pa.array(np.linspace(0, 1, NUM_ROWS))
    pq.write_table(pa.table(table | {"part": PART, "y": target}), path, row_group_size=32)
    spec = DataSpec.model_validate({"target": "y", "split": SPLIT, "features": tuple(table)} | data)
    columns = as_columns(path)
    found = prepare(path, spec, "mse_loss", columns, dtype, shelf=shelf or Shelf())
    assert tuple(found.preprocessing.input_shape) == tuple(input_shape(spec, columns))
    return found


MEDIAN = {"type": "median", "indicator": True}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "robust": ("count", {"scale": "robust"}),
    "log": ("amount", {"missing": {"type": "mean"}, "log": True, "scale": "standardize"}),
    "clipped": ("amount", {"missing": MEDIAN, "clip_share": 0.1, "scale": "min_max"}),
    "limited": ("count", {"low": 10, "high": 20}),
    "indicator of words": ("kind", {"missing": {"type": "most_frequent", "indicator": True}}),
    "hashed": ("code", {"categories": "hashed", "num_buckets": 16}),
    "hashed words": ("kind", {"categories": "hashed", "num_buckets": 8, "missing": {"type": "constant"}}),
    "ordinal": ("kind", {"categories": "ordinal", "missing": {"type": "constant"}}),
    "codes": ("count", {"categories": "one_hot", "scale": "standardize"}),
    "embedded": ("code", {"categories": "embedded"}),
    "embedded words with gaps": ("kind", {"categories": "embedded"}),
    "embedded numbers": ("count", {"categories": "embedded", "max_categories": 12}),
    "parts of a time": (
        "seen",
        {
            "parts": ["year", "month", "day", "weekday", "hour", "minute", "day_of_year", "elapsed"],
            "scale": "standardize",
        },
    ),
    "characters": ("review", {"tokens": {"level": "characters", "length": 20, "vocabulary_size": 30}}),
    "words": ("review", {"tokens": {"level": "words", "length": 6, "vocabulary_size": 12, "keep": "end"}}),
    "pieces": ("review", {"tokens": {"level": "bpe", "length": 12, "vocabulary_size": 60, "lowercase": False}}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_server_makes_of_plain_values_what_the_worker_made(
    tmp_path: Path, random: np.random.Generator, case: str
) -> None:
    name, steps = CASES[case]
    dtype = "int64" if "tokens" in steps else "float32"
    found = prepared(tmp_path, {name: values(random)[name]}, dtype, columns={name: steps})
    kept = Preprocessing.model_validate_json(found.preprocessing.model_dump_json())
    rows = json.loads(json.dumps(read_rows(tmp_path / "data.parquet", 0, NUM_ROWS)))
    encoded = encode(kept, {name: [row[name] for row in rows]})
    assert found.validation and found.test
    for part, (inputs, _) in zip(found.rows, (found.train, found.validation, found.test), strict=True):
        np.testing.assert_allclose(encoded[found.rows[part]], inputs, atol=1e-5)
    assert np.ptp(found.train[0]) > 0
    first = first_inputs(tmp_path / "data.parquet", kept, as_columns(tmp_path / "data.parquet"), NUM_TRAIN)
    np.testing.assert_array_equal(first, found.train[0])


@pytest.mark.parametrize("case", CASES)
def test_the_other_rows_change_nothing_that_is_fitted(tmp_path: Path, random: np.random.Generator, case: str) -> None:
    name, steps = CASES[case]
    column = values(random)[name]
    if case in ("indicator of words", "ordinal"):
        wild = pa.array(["c"] * (NUM_ROWS - NUM_TRAIN))  # the table's categories are known: they are its vocabulary
    elif pa.types.is_string(column.type):
        wild = pa.array([f"zzz {i} qqq" for i in range(NUM_ROWS - NUM_TRAIN)])
    elif pa.types.is_timestamp(column.type):
        wild = pa.array([datetime(2099, 1, 1)] * (NUM_ROWS - NUM_TRAIN))  # noqa: DTZ001
    elif case == "codes":
        wild = pa.array([5] * (NUM_ROWS - NUM_TRAIN))  # of the table's values there are as many as before
        column = pa.concat_arrays([column[: NUM_TRAIN - 1], pa.array([5] + [5] * (NUM_ROWS - NUM_TRAIN))])
    else:
        wild = pa.array(np.full(NUM_ROWS - NUM_TRAIN, 10**9), column.type)
    dtype = "int64" if "tokens" in steps else "float32"
    before = prepared(tmp_path, {name: column}, dtype, columns={name: steps})
    changed = pa.concat_arrays([column[:NUM_TRAIN], wild.cast(column.type)])
    after = prepared(tmp_path, {name: changed}, dtype, columns={name: steps})
    assert after.preprocessing == before.preprocessing
    np.testing.assert_array_equal(after.train[0], before.train[0])


def test_words_that_no_training_row_has_are_unknown(tmp_path: Path) -> None:
    seen = ["b", "a", "c", "a", "b"] * 10
    first, second = (prepared(tmp_path, {"kind": pa.array(seen + [new, "a"] * 20)}) for new in ("aa", "zzz"))
    assert first.preprocessing == second.preprocessing
    (step,) = second.preprocessing.steps
    assert step.values == ["a", "b", "c"] and step.width == 4  # type: ignore[union-attr]
    assert second.validation is not None
    assert second.validation[0][:2].tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]
    assert encode(second.preprocessing, {"kind": ["zzz", "a"]}).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]


def test_embedded_columns_come_first_and_share_no_number(tmp_path: Path, random: np.random.Generator) -> None:
    columns = {"count": {"categories": "embedded", "max_categories": 5}, "kind": {"categories": "embedded"}}
    table = {name: values(random)[name] for name in ("amount", "count", "kind")}
    found = prepared(tmp_path, table, columns=columns, missing={"type": "mean"})
    amount, count, kind = (table[name].to_pylist() for name in table)
    frequent = sorted(set(count[:NUM_TRAIN]), key=lambda one: (-count[:NUM_TRAIN].count(one), one))[:5]
    common = sorted({"a", "b", "c"}, key=lambda one: (-kind[:NUM_TRAIN].count(one), one))
    assert found.preprocessing.columns == ["count", "kind", "amount"]
    inputs = np.concatenate([found.train[0], found.validation[0], found.test[0]])  # type: ignore[index]
    assert inputs[:, 0].tolist() == [frequent.index(one) + 1 if one in frequent else 0 for one in count]
    assert inputs[:, 1].tolist() == [7 + common.index(one) if one else 6 for one in kind]  # after 0 to 5
    assert inputs[0, 2] == pytest.approx(amount[0])
    rows = {"count": [frequent[2], None, 999, None], "kind": ["c", "unheard of", None, "c "]}
    rows["amount"] = [1.0, 2.0, 3.0, 4.0]
    encoded = encode(found.preprocessing, rows)
    # With a space it may be another word, of those that the training had not, or had too seldom.
    assert encoded.tolist() == [[3, 7 + common.index("c"), 1], [0, 6, 2], [0, 6, 3], [0, 6, 4]]


def test_texts_that_are_cut_alike_share_a_vocabulary(tmp_path: Path) -> None:
    first = pa.array(["red green", "green blue", "red"] * 30)
    second = pa.array(["blue", "red yellow", "green"] * 30)
    cut = {"tokens": {"length": 3, "vocabulary_size": 20, "pad": "end"}}
    found = prepared(tmp_path, {"review": first, "code": second}, "int64", columns={"review": cut, "code": cut})
    told = {tuple(row) for row in found.train[0].tolist()}
    red, green, blue, yellow = (
        encode(found.preprocessing, {"review": [one], "code": [""]})[0, 0] for one in ("red", "green", "blue", "yellow")
    )
    assert told == {
        (red, green, 0, blue, 0, 0),
        (green, blue, 0, red, yellow, 0),
        (red, 0, 0, green, 0, 0),
    }
    assert len({red, green, blue, yellow, 0, 1}) == 6
    assert encode(found.preprocessing, {"review": [""], "code": ["yellow"]})[0, 3] == yellow


def test_medians_and_quartiles_are_those_of_scikit_learn(tmp_path: Path, random: np.random.Generator) -> None:
    column = values(random)["count"]
    found = prepared(tmp_path, {"count": column}, columns={"count": {"scale": "robust"}})
    scaler = RobustScaler().fit(column.to_numpy()[:NUM_TRAIN, None])
    assert found.test
    np.testing.assert_allclose(found.test[0], scaler.transform(column.to_numpy()[-20:, None]), rtol=1e-5)


def test_the_sample_of_a_table_that_repeats_itself_has_all_of_its_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sample, "LIMIT", 1000)
    sample, again = Sample(), Sample()
    for start in range(0, 50_000, 777):
        values = np.arange(start, min(50_000, start + 777)) % 2 * 1000.0
        sample.add(values)
        again.add(values)
    kept = sample.values()
    assert 250 <= len(kept) <= 1000 and (kept == again.values()).all()
    assert 0.4 < (kept == 0).mean() < 0.6


def test_one_column_is_made_ready_otherwise_than_the_rest(tmp_path: Path, random: np.random.Generator) -> None:
    table = {name: values(random)[name] for name in ("amount", "count")}
    options: dict[str, Any] = {"scale": "standardize", "missing": {"type": "mean"}}
    found = prepared(tmp_path, table, columns={"count": {"scale": "none"}}, **options)
    np.testing.assert_array_equal(found.train[0][:, 1], table["count"].to_numpy()[:NUM_TRAIN])
    assert found.train[0][:, 0].mean() == pytest.approx(0, abs=1e-6)


def test_an_indicator_says_what_was_missing(tmp_path: Path, random: np.random.Generator) -> None:
    column = values(random)["amount"]
    found = prepared(tmp_path, {"amount": column}, columns={"amount": {"missing": MEDIAN}})
    np.testing.assert_array_equal(found.train[0][:, 1], column.is_null().to_numpy(zero_copy_only=False)[:NUM_TRAIN])
    median = np.nanmedian(column.to_numpy(zero_copy_only=False)[:NUM_TRAIN])
    np.testing.assert_allclose(found.train[0][found.train[0][:, 1] == 1, 0], median, rtol=1e-6)


def test_parts_of_times_come_round(tmp_path: Path) -> None:
    times = pa.array([datetime(2024, 2, 29, 18, 45) + timedelta(days=i) for i in range(NUM_ROWS)])  # noqa: DTZ001
    found = prepared(tmp_path, {"at": times}, columns={"at": {"parts": ["weekday", "hour", "year", "month"]}})
    first = found.train[0][0]
    thursday, six = 2 * np.pi * 3 / 7, 2 * np.pi * 18 / 24
    np.testing.assert_allclose(first[:4], [np.sin(thursday), np.cos(thursday), np.sin(six), np.cos(six)], atol=1e-6)
    np.testing.assert_allclose(first[4:], [2024, np.sin(2 * np.pi / 12), np.cos(2 * np.pi / 12)], atol=1e-6)


def test_tokens_are_numbered_by_how_often_they_occur(tmp_path: Path) -> None:
    texts = pa.array(["b a a", "A c", "zebra"] * 30)
    tokens = {"length": 4, "vocabulary_size": 5}
    found = prepared(tmp_path, {"review": texts}, "int64", columns={"review": {"tokens": tokens}})
    assert found.train[0][:3].tolist() == [[0, 3, 2, 2], [0, 0, 2, 4], [0, 0, 0, 1]]  # a, b, c; zebra is unknown


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def picture_column() -> Column:
    images = Images(channels="rgb", min_height=8, max_height=8, min_width=6, max_width=6, mean=[0.5] * 3, std=[0.3] * 3)
    return Column(name="image", type="image", num_distinct=NUM_ROWS, images=images)


@pytest.mark.parametrize(
    ("pixels", "shape"),
    [
        ({}, (3, 8, 6)),
        ({"height": 4, "width": 5, "channels": "gray", "normalize": "standardize"}, (1, 4, 5)),
        ({"height": 9, "width": 9, "fit": "pad"}, (3, 9, 9)),
        ({"height": 2, "width": 3, "fit": "stretch", "normalize": "standardize"}, (3, 2, 3)),
    ],
)
def test_images_are_made_one_size_and_kept_as_bytes_until_the_device(
    tmp_path: Path, random: np.random.Generator, pixels: dict[str, Any], shape: tuple[int, ...]
) -> None:
    pictures = [png(random.integers(0, 256, (8, 6, 3), np.uint8)) for _ in range(NUM_ROWS)]
    path = tmp_path / "data.parquet"
    table = pa.table({"image": pa.array(pictures, pa.binary()), "part": PART, "y": np.arange(NUM_ROWS) * 1.0})
    pq.write_table(table, path)
    columns = [picture_column(), *describe_table_without_images(path)]
    data = DataSpec.model_validate(
        {"target": "y", "split": SPLIT, "features": ("image",), "columns": {"image": {"pixels": pixels}}}
    )
    found = prepare(path, data, "mse_loss", columns)
    assert (found.train[0].dtype, found.train[0].shape) == (np.uint8, (NUM_TRAIN, *shape))
    (step,) = found.preprocessing.steps
    rows = [base64.b64encode(picture).decode() for picture in pictures]
    encoded = encode(found.preprocessing, {"image": rows})
    np.testing.assert_array_equal(encoded[:NUM_TRAIN], step.scaled(found.train[0]))
    if pixels.get("normalize"):
        assert encoded[:NUM_TRAIN].mean(axis=(0, 2, 3)) == pytest.approx(0, abs=1e-5)
        assert encoded[:NUM_TRAIN].std(axis=(0, 2, 3)) == pytest.approx(1, abs=1e-5)
    else:
        assert encoded.min() >= 0 and encoded.max() <= 1


def describe_table_without_images(path: Path) -> list[Column]:
    table = pq.read_table(path).drop_columns(["image"])
    pq.write_table(table, path.with_name("rest.parquet"))
    return describe_table(path.with_name("rest.parquet"))


@pytest.mark.parametrize("memory_bytes", [0, 1 << 30])
def test_a_table_that_memory_would_not_hold_gives_the_same_numbers(
    tmp_path: Path, random: np.random.Generator, memory_bytes: int
) -> None:
    table = {name: values(random)[name] for name in ("amount", "count", "kind")}
    options: dict[str, Any] = {"scale": "standardize", "missing": {"type": "most_frequent"}}
    plain = prepared(tmp_path, table, **options)
    found = prepared(tmp_path, table, shelf=Shelf(tmp_path, memory_bytes), **options)
    assert found.validation and found.test and plain.validation and plain.test
    parts, others = (found.train, found.validation, found.test), (plain.train, plain.validation, plain.test)
    for part, other in zip(parts, others, strict=True):
        assert is_mapped(part[0]) == (memory_bytes == 0)
        np.testing.assert_array_equal(part[0], other[0])
        np.testing.assert_array_equal(part[1], other[1])
    assert [path.name for path in tmp_path.iterdir()] == ["data.parquet"]
