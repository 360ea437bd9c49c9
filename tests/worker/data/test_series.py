"""A time series made ready: rows lie once and in order, nothing is learned of what comes later, gaps tear nothing."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.datasets.tables import read_rows
from app.errors import JobFailure
from app.specs.data import DataSpec
from app.specs.features import input_shape
from app.transforms import Preprocessing, encode
from worker.data.series import PreparedSeries, first_windows, prepare_series
from worker.data.shelf import Shelf, is_mapped
from worker.data.statistics import describe_table
from worker.train.setup import windowed

NUM_DAYS, SHOPS = 60, ("a", "b")
WINDOW = {"length": 5, "horizon": 3, "time": "day", "series": "shop"}
BY_TIME = {"type": "time", "column": "day", "train": 0.6, "validation": 0.2, "test": 0.2}
SPEC: dict[str, Any] = {"target": "sold", "window": WINDOW, "split": BY_TIME, "scale": "standardize"}
START = datetime(2024, 1, 1)  # noqa: DTZ001


def shops(random: np.random.Generator, shuffled: bool = False) -> dict[str, pa.Array]:
    """What two shops sold on each of sixty days, in the order of the days, or in none."""
    rows = [(day, shop) for day in range(NUM_DAYS) for shop in SHOPS]
    order = random.permutation(len(rows)) if shuffled else np.arange(len(rows))
    sold = np.array([10 * SHOPS.index(shop) + day / 7 + np.sin(day) for day, shop in rows])
    price = np.array([1 + 0.1 * np.cos(day + SHOPS.index(shop)) for day, shop in rows])
    return {
        "day": pa.array([START + timedelta(days=rows[i][0]) for i in order]),
        "shop": pa.array([rows[i][1] for i in order]),
        "sold": pa.array(sold[order]),
        "price": pa.array(price[order]),
        "kind": pa.array([("weekday", "weekend")[rows[i][0] % 7 > 4] for i in order]),
    }


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def prepared(
    folder: Path, table: dict[str, pa.Array], loss: str = "mse_loss", shelf: Shelf | None = None, **data: Any
) -> PreparedSeries:
    path = folder / "data.parquet"
    pq.write_table(pa.table(table), path, row_group_size=32)
    spec, columns = DataSpec.model_validate(SPEC | data), describe_table(path)
    found = prepare_series(path, spec, loss, columns, shelf=shelf or Shelf())
    assert tuple(found.preprocessing.input_shape) == tuple(input_shape(spec, columns))
    return found


def taken(found: PreparedSeries, part: str) -> tuple[Any, Any]:
    """Inputs and targets of every window of a part."""
    inputs, targets = windowed(found)[part].take(slice(None))
    return inputs.numpy(), targets.numpy()


def scaled(values: Any, num_train: int = 36) -> Any:
    """As the training rows of both shops together have it: (days, shops)."""
    train = values[:num_train]
    return (values - train.mean()) / train.std()


def by_shop(table: dict[str, pa.Array], name: str) -> Any:
    """A column in the order of the days, (days, shops)."""
    rows = sorted(zip(table["day"].to_pylist(), table["shop"].to_pylist(), table[name].to_pylist(), strict=True))
    return np.array([value for _, _, value in rows]).reshape(NUM_DAYS, len(SHOPS))


@pytest.mark.parametrize("shuffled", [False, True])
def test_windows_are_those_of_a_plain_loop(tmp_path: Path, random: np.random.Generator, shuffled: bool) -> None:
    table = shops(random, shuffled)
    found = prepared(tmp_path, table, features=["sold", "price"])
    sold, price = (scaled(by_shop(table, name)) for name in ("sold", "price"))
    raw = by_shop(table, "sold")
    first_shop = table["shop"].to_pylist()[0]
    order = [SHOPS.index(first_shop), 1 - SHOPS.index(first_shop)]  # as they are met in the table
    for part, days in (("train", range(36)), ("validation", range(36, 48)), ("test", range(48, 60))):
        begins = [day for day in range(NUM_DAYS) if all(day + 5 + i in days for i in range(3))]
        seen = [
            np.column_stack([sold[day : day + 5, shop], price[day : day + 5, shop]]) for shop in order for day in begins
        ]
        told = [raw[day + 5 : day + 8, shop] for shop in order for day in begins]
        inputs, targets = taken(found, part)
        np.testing.assert_allclose(inputs, np.array(seen), atol=1e-5)
        np.testing.assert_allclose(targets, np.array(told), rtol=1e-6)


def test_rows_lie_once_however_many_windows_see_them(tmp_path: Path, random: np.random.Generator) -> None:
    found = prepared(tmp_path, shops(random))
    assert found.inputs.shape == (2 * NUM_DAYS, 4)  # sold, price, and a column for each kind
    assert found.targets.shape == (2 * NUM_DAYS,)
    parts = windowed(found)
    assert len({part.rows_RF.data_ptr() for part in parts.values()}) == 1
    assert parts["train"].rows_RF.data_ptr() == found.inputs.ctypes.data


@pytest.mark.parametrize(
    "split",
    [
        BY_TIME,
        {"type": "grouped", "column": "shop", "train": 0.5, "validation": 0.0, "test": 0.5},
        {"type": "column", "column": "part", "train": ["train"], "validation": [], "test": ["test"]},
    ],
    ids=lambda split: str(split["type"]),
)
def test_wild_test_rows_change_nothing_that_is_fitted_and_no_training_window(
    tmp_path: Path, random: np.random.Generator, split: dict[str, Any]
) -> None:
    table = shops(random)
    # The test lies in the middle, so that what trains comes after it too.
    table["part"] = pa.array(["test" if 40 <= i < 80 else "train" for i in range(2 * NUM_DAYS)])
    options: dict[str, Any] = {"features": ["sold", "price", "kind"], "split": split, "scale_target": "robust"}
    options["columns"] = {"price": {"clip_share": 0.1}, "sold": {"missing": {"type": "median"}}}
    before = prepared(tmp_path, table, **options)
    kept = before.starts["test"]
    in_order = np.lexsort((table["day"].to_numpy(), np.array(table["shop"].to_pylist())))
    is_test = np.zeros(2 * NUM_DAYS, np.bool_)
    for begin in kept:
        is_test[in_order[begin + 5 : begin + 8]] = True
    for name in ("sold", "price"):
        wild = np.where(is_test, 1e6 * random.standard_normal(len(is_test)), table[name].to_numpy())
        table[name] = pa.array(wild)
    after = prepared(tmp_path, table, **options)
    assert after.preprocessing == before.preprocessing
    np.testing.assert_array_equal(after.starts["train"], before.starts["train"])
    for one, other in zip(taken(after, "train"), taken(before, "train"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(taken(after, "test")[1], taken(before, "test")[1])


def test_a_dropped_row_leaves_a_hole_and_not_a_seam(tmp_path: Path, random: np.random.Generator) -> None:
    table = shops(random)
    holes = np.zeros(2 * NUM_DAYS, np.bool_)
    holes[20] = True  # the shop a on day 10
    table["price"] = pa.array(table["price"].to_numpy(), mask=holes)
    found = prepared(tmp_path, table, features=["sold", "price"], missing={"type": "drop"})
    train = set(found.starts["train"].tolist())
    every = {day for day in range(NUM_DAYS - 7) if day + 7 < 36}
    assert {begin for begin in train if begin < NUM_DAYS} == every - set(range(6, 11))
    assert {begin - NUM_DAYS for begin in train if begin >= NUM_DAYS} == every
    assert np.isfinite(taken(found, "train")[0]).all()


def test_a_target_that_is_not_told_is_not_predicted_and_may_be_seen_filled(
    tmp_path: Path, random: np.random.Generator
) -> None:
    table = shops(random)
    holes = np.zeros(2 * NUM_DAYS, np.bool_)
    holes[20] = True
    table["sold"] = pa.array(table["sold"].to_numpy(), mask=holes)
    options: dict[str, Any] = {"features": ["sold"], "missing": {"type": "drop"}, "scale_target": "standardize"}
    found = prepared(tmp_path, table, columns={"sold": {"missing": {"type": "mean"}}}, **options)
    train = {begin for begin in found.starts["train"].tolist() if begin < NUM_DAYS}
    every = {day for day in range(NUM_DAYS - 7) if day + 7 < 36}
    assert train == every - {10 - 5 - i for i in range(3)}  # day 10 is none of the three that are predicted
    inputs, targets = taken(found, "train")
    assert np.isfinite(inputs).all() and np.isfinite(targets).all()
    assert np.isnan(found.targets).sum() == 1


def test_the_row_itself_can_be_what_is_asked_for(tmp_path: Path, random: np.random.Generator) -> None:
    table = shops(random)
    window = WINDOW | {"horizon": 1, "ahead": 0, "stride": 4}
    found = prepared(tmp_path, table, "cross_entropy", target="kind", features=["sold"], window=window)
    inputs, targets = taken(found, "train")
    assert targets.dtype == np.int64 and targets.shape == (len(inputs),)
    days = [begin + 4 for begin in range(0, NUM_DAYS, 4) if begin + 4 < 36]
    assert targets[: len(days)].tolist() == [int(day % 7 > 4) for day in days]


def test_too_short_series_are_said_to_be_so(tmp_path: Path, random: np.random.Generator) -> None:
    with pytest.raises(JobFailure, match="No window is left") as refused:
        prepared(tmp_path, shops(random), window=WINDOW | {"length": 50})
    assert "takes 53 rows of one series" in str(refused.value.hint)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_table_that_memory_would_not_hold_gives_the_same_windows(
    tmp_path: Path, random: np.random.Generator, shuffled: bool
) -> None:
    table = shops(random, shuffled)
    plain, found = prepared(tmp_path, table), prepared(tmp_path, table, shelf=Shelf(tmp_path, 0))
    assert is_mapped(found.inputs) and windowed(found)["train"].mapped
    for part in plain.starts:
        for one, other in zip(taken(plain, part), taken(found, part), strict=True):
            np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["data.parquet"]


def test_the_server_makes_of_plain_rows_what_the_worker_made(tmp_path: Path, random: np.random.Generator) -> None:
    found = prepared(tmp_path, shops(random), columns={"price": {"log": True}})
    kept = Preprocessing.model_validate_json(found.preprocessing.model_dump_json())
    rows = json.loads(json.dumps(read_rows(tmp_path / "data.parquet", 0, 2 * NUM_DAYS)))
    one_shop = [row for row in rows if row["shop"] == "a"]
    encoded = encode(kept, {name: [row[name] for row in one_shop] for name in kept.columns})
    assert encoded.shape == (NUM_DAYS - 4, 5, 4)
    for part in ("train", "validation", "test"):
        begins = found.starts[part][found.starts[part] < NUM_DAYS]
        np.testing.assert_allclose(encoded[begins], taken(found, part)[0][: len(begins)], atol=1e-5)


def test_people_are_shown_windows_of_one_series_with_their_places(tmp_path: Path, random: np.random.Generator) -> None:
    found = prepared(tmp_path, shops(random))
    shown = found.shown
    assert (shown.part, shown.series, shown.axis) == ("test", "a", "timestamp")
    begins = found.starts["test"][shown.which]
    assert begins.max() < NUM_DAYS
    np.testing.assert_array_equal(shown.places, begins + 4)
    start = (START - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001
    np.testing.assert_array_equal(shown.first, start + 86_400 * (begins + 5))
    np.testing.assert_array_equal(shown.last, start + 86_400 * (begins + 7))


@pytest.mark.parametrize("num_rows", [6, 10, 1000])
def test_first_windows_are_enough_to_compare_two_runtimes(
    tmp_path: Path, random: np.random.Generator, num_rows: int
) -> None:
    found = prepared(tmp_path, shops(random))
    columns = describe_table(tmp_path / "data.parquet")
    first = first_windows(tmp_path / "data.parquet", found.preprocessing, columns, num_rows)
    assert first.dtype == np.float32
    assert first.shape == (min(num_rows, 2 * NUM_DAYS - 4), 5, 4)
    long = found.preprocessing.model_copy(update={"input_shape": [500, 4]})
    assert first_windows(tmp_path / "data.parquet", long, columns, num_rows).shape == (2, 500, 4)
