"""Tables as tensors: what is fitted knows the training rows alone, and a row is the same to worker and server."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from app.datasets.tables import read_rows
from app.errors import JobFailure
from app.specs.data import DataSpec
from app.specs.run import input_shape
from app.specs.splits import ColumnSplit, SharesSplit
from app.specs.steps import Missing
from app.transforms import UNKNOWN, columns_of, decode, encode
from worker.data.prepare import Prepared, first_inputs, prepare
from worker.data.statistics import describe_table

NUM_ROWS = 200
EPOCH = datetime.fromisoformat("2024-01-01")


def mixed_table(random: np.random.Generator, gaps: bool = False) -> pa.Table:
    """A column of each type; with `gaps`, a tenth of the values of some are missing."""

    def holes() -> Any:
        return random.random(NUM_ROWS) < 0.1 if gaps else None

    return pa.table(
        {
            "size": pa.array(random.normal(50, 20, NUM_ROWS), mask=holes()),
            "count": pa.array(random.integers(0, 9, NUM_ROWS), mask=holes()),
            "kind": pa.array(random.choice(["a", "b", "c"], NUM_ROWS), mask=holes()),
            "open": pa.array(random.random(NUM_ROWS) < 0.5, mask=holes()),
            "seen": pa.array([EPOCH + timedelta(hours=int(h)) for h in random.integers(0, 9999, NUM_ROWS)]),
            "part": pa.array(["train"] * 120 + ["validation"] * 40 + ["test"] * 40),
            "price": pa.array(random.normal(1000, 100, NUM_ROWS)),
            "grade": pa.array(random.integers(1, 4, NUM_ROWS)),
            "good": pa.array(random.choice(["no", "yes"], NUM_ROWS)),
        }
    )


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


FEATURES = ("size", "count", "kind", "open", "seen")
BY_PART = ColumnSplit(column="part", train=("train",), validation=("validation",), test=("test",))


def prepared(folder: Path, table: pa.Table, loss: str = "mse_loss", dtype: Any = "float32", **data: Any) -> Prepared:
    path = folder / "data.parquet"
    pq.write_table(table, path, row_group_size=64)
    spec = DataSpec(**{"target": "price", "features": FEATURES, "split": BY_PART} | data)
    columns = describe_table(path)
    result = prepare(path, spec, loss, columns, dtype)
    assert tuple(result.preprocessing.input_shape) == tuple(input_shape(spec, columns))
    return result


def test_numbers_are_scaled_as_scikit_learn_scales_them(tmp_path: Path, random: np.random.Generator) -> None:
    table = mixed_table(random)
    raw = np.column_stack([table["size"].to_numpy(), table["count"].to_numpy()])
    for scale, scaler in (("standardize", StandardScaler()), ("min_max", MinMaxScaler())):
        found = prepared(tmp_path, table, features=("size", "count"), scale=scale)
        scaler.fit(raw[:120])
        assert found.validation and found.test
        for (inputs, _), rows in zip(
            (found.train, found.validation, found.test), (raw[:120], raw[120:160], raw[160:]), strict=True
        ):
            np.testing.assert_allclose(inputs, scaler.transform(rows), rtol=1e-5, atol=1e-6)


def test_categories_take_a_column_each_or_their_number(tmp_path: Path, random: np.random.Generator) -> None:
    table = mixed_table(random)
    kinds = table["kind"].to_numpy(zero_copy_only=False)[:, None]
    spread = prepared(tmp_path, table, features=("kind",))
    np.testing.assert_array_equal(spread.train[0], OneHotEncoder().fit_transform(kinds).toarray()[:120])
    ordinal = prepared(tmp_path, table, features=("kind",), categories="ordinal")
    assert ordinal.train[0][:3, 0].tolist() == ["abc".index(kind) for kind in kinds[:3, 0]]


@pytest.mark.parametrize(
    ("missing", "filled"),
    [("mean", lambda x: x.mean()), ("median", np.median), ("constant", lambda x: 7.0)],
)
def test_gaps_are_filled_from_the_training_rows(
    tmp_path: Path, random: np.random.Generator, missing: Any, filled: Any
) -> None:
    table = mixed_table(random, gaps=True)
    found = prepared(tmp_path, table, features=("size",), missing=Missing(type=missing, value=7.0))
    raw: NDArray[np.float64] = table["size"].to_numpy()
    present = raw[:120][~np.isnan(raw[:120])]
    (step,) = found.preprocessing.steps
    assert step.fill == pytest.approx(filled(present))
    assert found.test
    expected = np.nan_to_num(raw[160:], nan=step.fill or 0)
    np.testing.assert_array_equal(found.test[0][:, 0], expected.astype(np.float32))


def test_gaps_among_categories_take_the_most_frequent_or_none(tmp_path: Path) -> None:
    table = pa.table({"kind": ["b", "b", "a", None], "y": [1.0, 2, 3, 4]})
    data: dict[str, Any] = {"target": "y", "features": ("kind",), "split": SharesSplit(train=1, validation=0, test=0)}
    frequent = prepared(tmp_path, table, missing=Missing(type="most_frequent"), **data)
    assert frequent.train[0][3].tolist() == [0, 1]
    constant = prepared(tmp_path, table, missing=Missing(type="constant"), **data)
    assert constant.preprocessing.steps[0].fill == UNKNOWN
    assert constant.train[0][3].tolist() == [0, 0]


def test_rows_with_gaps_are_dropped_before_the_rest_is_dealt_out(tmp_path: Path, random: np.random.Generator) -> None:
    table = mixed_table(random, gaps=True)
    found = prepared(tmp_path, table, missing=Missing(type="drop"), split=SharesSplit())
    whole = np.all([table[name].is_valid().to_numpy() for name in FEATURES], axis=0)
    used = np.concatenate(list(found.rows.values()))
    assert sorted(used.tolist()) == np.flatnonzero(whole).tolist()
    assert len(found.rows["test"]) == round(whole.sum() * 0.15)


@pytest.mark.parametrize("missing", ["drop", "most_frequent"])
@pytest.mark.parametrize("categories", ["one_hot", "ordinal"])
def test_the_first_inputs_are_those_of_the_whole_table(
    tmp_path: Path, random: np.random.Generator, missing: Any, categories: Any
) -> None:
    data: dict[str, Any] = {"missing": Missing(type=missing), "categories": categories, "scale": "standardize"}
    found = prepared(tmp_path, mixed_table(random, gaps=True), **data)
    columns = describe_table(tmp_path / "data.parquet")
    for num_rows in (2, 50, 90):  # rows of one row group, of two, and nearly all that are whole
        first = first_inputs(tmp_path / "data.parquet", found.preprocessing, columns, num_rows)
        assert (first.shape[1:], first.dtype) == (found.train[0].shape[1:], np.float32)
        assert min(num_rows, len(found.train[0])) <= len(first) <= num_rows
        common = min(len(first), len(found.train[0]))  # training rows come first in this table
        np.testing.assert_array_equal(first[:common], found.train[0][:common])


@pytest.mark.parametrize("missing", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("scale", ["standardize", "min_max"])
def test_nothing_leaks_from_other_rows_into_what_is_fitted(
    tmp_path: Path, random: np.random.Generator, scale: Any, missing: Any
) -> None:
    table = mixed_table(random, gaps=True)
    features, options = ("size", "count", "open", "seen"), {"scale": scale, "missing": Missing(type=missing)}
    before = prepared(tmp_path, table, features=features, scale_target=scale, **options)
    wild = {name: table[name].to_pylist() for name in table.column_names}
    for row in range(120, NUM_ROWS):
        wild["size"][row], wild["count"][row], wild["price"][row] = 1e12, -(10**9), 1e15
        wild["open"][row], wild["seen"][row] = True, EPOCH + timedelta(days=300_000)
    after = prepared(tmp_path, pa.table(wild, schema=table.schema), features=features, scale_target=scale, **options)
    assert after.preprocessing == before.preprocessing
    np.testing.assert_array_equal(after.train[0], before.train[0])
    np.testing.assert_array_equal(after.train[1], before.train[1])


@pytest.mark.parametrize("categories", ["one_hot", "ordinal"])
@pytest.mark.parametrize("scale", ["none", "standardize", "min_max"])
def test_the_server_makes_the_same_inputs_of_rows_in_json(
    tmp_path: Path, random: np.random.Generator, scale: Any, categories: Any
) -> None:
    table = mixed_table(random, gaps=True)
    found = prepared(tmp_path, table, scale=scale, categories=categories, missing=Missing(type="most_frequent"))
    rows = json.loads(json.dumps(read_rows(tmp_path / "data.parquet", 0, NUM_ROWS)))
    encoded = encode(found.preprocessing, columns_of(rows))
    assert found.validation and found.test
    for part, (inputs, _) in zip(found.rows, (found.train, found.validation, found.test), strict=True):
        np.testing.assert_array_equal(encoded[found.rows[part]], inputs)


@pytest.mark.parametrize(
    ("loss", "target", "dtype", "shape", "classes"),
    [
        ("mse_loss", "price", "float32", (120, 1), None),
        ("l1_loss", "open", "float32", (120, 1), None),
        ("cross_entropy", "grade", "int64", (120,), [1, 2, 3]),
        ("nll_loss", "good", "int64", (120,), ["no", "yes"]),
        ("binary_cross_entropy", "good", "float32", (120, 1), ["no", "yes"]),
        ("binary_cross_entropy_with_logits", "open", "float32", (120, 1), [False, True]),
    ],
)
def test_targets_are_what_the_loss_takes(
    tmp_path: Path, random: np.random.Generator, loss: str, target: str, dtype: str, shape: Any, classes: Any
) -> None:
    table = mixed_table(random)
    found = prepared(tmp_path, table, loss, target=target, features=("size",))
    targets = found.train[1]
    assert (targets.dtype, targets.shape) == (np.dtype(dtype), shape)
    assert found.preprocessing.target.classes == classes
    raw = table[target].to_pylist()[:120]
    expected = raw if classes is None else [classes.index(value) for value in raw]
    np.testing.assert_allclose(targets.ravel(), np.array(expected, np.float32), rtol=1e-6)


def test_a_target_that_was_scaled_is_scaled_back(tmp_path: Path, random: np.random.Generator) -> None:
    table = mixed_table(random)
    found = prepared(tmp_path, table, scale_target="standardize")
    assert found.train[1].mean() == pytest.approx(0, abs=1e-5)
    back = [answer["value"] for answer in decode(found.preprocessing, found.train[1])]
    np.testing.assert_allclose(back, table["price"].to_numpy()[:120], rtol=1e-5)


def test_tokens_stay_whole_numbers(tmp_path: Path, random: np.random.Generator) -> None:
    table = pa.table({f"token_{i}": random.integers(0, 1000, 30) for i in range(5)} | {"y": random.random(30)})
    found = prepared(tmp_path, table, target="y", features=None, split=SharesSplit(), dtype="int64")
    assert (found.train[0].dtype, found.train[0].shape[1:]) == (np.dtype(np.int64), (5,))
    np.testing.assert_array_equal(found.train[0][:, 2], table["token_2"].to_numpy()[found.rows["train"]])


def test_pixels_are_put_into_the_shape_of_a_picture(tmp_path: Path, random: np.random.Generator) -> None:
    pixels = random.integers(0, 256, (50, 784))
    table = pa.table({"label": np.arange(50) % 10} | {f"pixel{i}": pixels[:, i] for i in range(784)})
    options: dict[str, Any] = {"target": "label", "features": None, "input_shape": (1, 28, 28), "split": SharesSplit()}
    found = prepared(tmp_path, table, "cross_entropy", **options)
    np.testing.assert_array_equal(found.train[0].reshape(-1, 784), pixels[found.rows["train"]])
    assert found.train[0].shape[1:] == (1, 28, 28)


def test_a_column_of_one_value_is_moved_and_not_blown_up(tmp_path: Path) -> None:
    table = pa.table({"same": [0.1] * 40, "y": np.arange(40.0)})
    for scale in ("standardize", "min_max"):
        found = prepared(tmp_path, table, target="y", features=("same",), split=SharesSplit(), scale=scale)
        assert np.abs(found.train[0]).max() < 1e-6


def test_parts_without_rows_are_none_and_the_same_rows_may_serve_twice(
    tmp_path: Path, random: np.random.Generator
) -> None:
    table = mixed_table(random)
    found = prepared(tmp_path, table, split=SharesSplit(train=0.5, validation=0, test=0.5))
    assert found.validation is None
    twice = prepared(tmp_path, table, split=ColumnSplit(column="part", validation=("test",), test=("test",)))
    assert twice.validation and twice.test
    np.testing.assert_array_equal(twice.validation[0], twice.test[0])


def test_what_cannot_be_learned_from_is_said(tmp_path: Path, random: np.random.Generator) -> None:
    table = mixed_table(random)
    with pytest.raises(JobFailure, match="No row is left"):
        prepared(tmp_path, table, split=ColumnSplit(column="part", train=("never",)))
    with pytest.raises(JobFailure, match="'first' is not"):
        prepared(tmp_path, table, split=ColumnSplit(column="grade", train=("first",)))
    infinite = table.set_column(0, "size", pa.array([float("inf")] * NUM_ROWS))
    with pytest.raises(JobFailure, match="size holds infinite values"):
        prepared(tmp_path, infinite)
    empty = table.set_column(0, "size", pa.array([None] * 120 + [1.0] * 80, pa.float64()))
    with pytest.raises(JobFailure, match="size has no value in the training rows"):
        prepared(tmp_path, empty, missing=Missing(type="mean"))


def test_rows_without_a_target_are_left_out_and_other_gaps_are_filled(
    tmp_path: Path, random: np.random.Generator
) -> None:
    table = mixed_table(random)
    gaps = table.set_column(6, "price", pa.array([None, None, *table["price"].to_pylist()[2:]], pa.float64()))
    found = prepared(tmp_path, gaps, missing=Missing(type="most_frequent"))
    assert (found.dealt[:2] == 0).all() and (found.dealt[2:] > 0).all()
    assert sum(map(len, found.rows.values())) == NUM_ROWS - 2


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_a_row_that_repeats_an_earlier_one_is_used_once_where_that_is_asked(
    tmp_path: Path, random: np.random.Generator, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = mixed_table(random, gaps=True)
    twice = pa.concat_tables([table, table.slice(10, 30), table]).combine_chunks()
    split = {"type": "shares", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 3}
    options: dict[str, Any] = {"missing": {"type": missing}, "split": split}
    once = prepared(tmp_path, table, **options)
    found = prepared(tmp_path, twice, **options, repeats="drop")
    # The first of each is used, and these are dealt as if the others were not there.
    assert (found.dealt[: len(table)] == once.dealt).all() and not found.dealt[len(table) :].any()
    assert np.array_equal(found.train[0], once.train[0])
    monkeypatch.setattr("app.prints._COMPARED_AT_ONCE", 7)
    assert (prepared(tmp_path, twice, **options, repeats="drop").dealt == found.dealt).all()
    other = twice.set_column(0, twice.column_names[0], pa.array(np.arange(len(twice), dtype=np.float64)))
    assert (prepared(tmp_path, other, **options, repeats="drop").dealt > 0).sum() > (once.dealt > 0).sum()


def test_identifiers_that_no_float_tells_apart_are_no_repeats(tmp_path: Path) -> None:
    users = pa.array([2**60 + i for i in range(20)] * 2 + [None, None])
    table = pa.table({"user": users, "price": pa.array([1.0] * 42)})
    found = prepared(
        tmp_path,
        table,
        features=("user",),
        split=SharesSplit(train=1, validation=0, test=0),
        repeats="drop",
        missing=Missing(type="mean"),
    )
    assert np.flatnonzero(found.dealt).tolist() == [*range(20), 40]


def test_a_row_of_no_part_takes_no_others_place(tmp_path: Path) -> None:
    table = pa.table(
        {"size": [1.0, 2.0, 1.0, 3.0, 4.0], "part": ["-", "test", "train", "train", "train"], "price": [1.0] * 5}
    )
    split = ColumnSplit(column="part", train=("train",), test=("test",))
    found = prepared(tmp_path, table, features=("size",), split=split, repeats="drop")
    assert found.dealt.tolist() == [0, 4, 1, 1, 1]
