"""Time series in a run: what fits, and every refusal at its place."""

from typing import Any

import pytest

from app.specs.base import SpecError
from app.specs.columns import Column, Images, TopValue
from app.specs.run import RunSpec, check, feature_names

COLUMNS = [
    Column(name="day", type="timestamp", num_distinct=1000, min=0, max=4e7),
    Column(
        name="shop",
        type="category",
        num_distinct=3,
        values=["a", "b", "c"],
        top_values=[TopValue(value="b", count=400), TopValue(value="a", count=350), TopValue(value="c", count=250)],
    ),
    Column(name="sold", type="float", num_distinct=900, min=0, max=9),
    Column(name="price", type="float", num_distinct=50, min=1, max=2),
    Column(name="part", type="category", num_distinct=2, values=["test", "train"]),
    Column(name="gaps", type="timestamp", num_distinct=300, num_missing=4),
    Column(name="name", type="text", num_distinct=900),
    Column(name="open", type="integer", num_distinct=2, min=0, max=1, values=[0, 1]),
    Column(
        name="photo",
        type="image",
        num_distinct=900,
        images=Images(
            channels="rgb", min_height=8, max_height=8, min_width=8, max_width=8, mean=[0.5] * 3, std=[0.5] * 3
        ),
    ),
]
BY_TIME = {"type": "time", "column": "day"}


def spec(loss: str = "mse_loss", outputs: int = 4, **data: Any) -> RunSpec:
    fed: dict[str, Any] = {"features": ["sold", "price"], "target": "sold", "split": BY_TIME}
    fed["window"] = {"length": 10, "horizon": 4, "time": "day"}
    return RunSpec.model_validate(
        {
            "dataset": "x",
            "model": {"layers": [{"type": "lstm", "hidden_size": 3}, {"type": "linear", "out_features": outputs}]},
            "data": fed | data,
            "training": {"loss": {"type": loss}},
        }
    )


def told(run: RunSpec, num_rows: int = 1000) -> list[tuple[list[str | int], str]]:
    try:
        check(run, COLUMNS, num_rows)
    except SpecError as error:
        return [(one.loc, one.msg) for one in error.errors]
    return []


def test_a_window_that_fits_says_its_shape_and_how_many_there_are() -> None:
    checked = check(spec(), COLUMNS, 1000)
    assert checked.input_shape == (10, 2)
    assert checked.inspection.output_shape == [4]
    assert checked.num_rows == {"train": 687, "validation": 147, "test": 147}


def test_what_has_been_of_the_target_is_fed_unless_it_is_of_the_row_that_is_asked_for() -> None:
    some = [column for column in COLUMNS if column.name in ("day", "shop", "sold", "price")]
    window = {"length": 10, "horizon": 4, "time": "day", "series": "shop"}
    assert feature_names(spec(features=None, window=window).data, some) == ["sold", "price"]
    assert feature_names(spec(features=None, window=window | {"ahead": 0}).data, some) == ["price"]
    assert feature_names(spec(features=["day", "sold"], window=window).data, some) == ["day", "sold"]


RANDOM = "split by time, by a column, or by whole series"


@pytest.mark.parametrize(
    ("data", "loc", "words"),
    [
        ({"split": {"type": "shares"}}, ["data", "split", "type"], RANDOM),
        ({"split": {"type": "shares", "stratify": True}}, ["data", "split", "type"], RANDOM),
        ({"split": {"type": "k_fold"}}, ["data", "split", "type"], RANDOM),
        ({"split": {"type": "k_fold", "time": "sold"}}, ["data", "split", "time"], "split by the same column"),
        ({"split": {"type": "k_fold", "group": "shop"}}, ["data", "split", "group"], "the window's series"),
        ({"split": {"type": "shares", "shuffle": False}}, ["data", "split", "type"], "not of the table"),
        ({"split": {"type": "grouped", "column": "shop"}}, ["data", "split", "column"], "the window's series"),
        (
            {"split": {"type": "grouped", "column": "part"}, "window": {"length": 2, "horizon": 4, "series": "shop"}},
            ["data", "split", "column"],
            "group by 'shop'",
        ),
        ({"window": {"length": 10, "horizon": 4}}, ["data", "split", "column"], "the window's time too"),
        ({"window": {"horizon": 4, "time": "sold"}}, ["data", "split", "column"], "in the order of 'sold'"),
        ({"window": {"horizon": 4, "time": "when"}}, ["data", "window", "time"], "there is no column 'when'"),
        ({"window": {"horizon": 4, "time": "shop"}}, ["data", "window", "time"], "no order in time"),
        ({"window": {"horizon": 4, "time": "gaps"}}, ["data", "window", "time"], "no place in the order"),
        (
            {"window": {"horizon": 4, "time": "day", "series": "price"}},
            ["data", "window", "series"],
            "categories or whole numbers",
        ),
        (
            {"target": "open", "window": {"horizon": 4, "time": "day", "series": "open"}},
            ["data", "window", "series"],
            "is the target",
        ),
        ({"input_shape": [20]}, ["data", "input_shape"], "leave it out"),
        ({"features": ["photo"]}, ["data", "features"], "holds images"),
        (
            {"window": {"length": 10, "horizon": 4, "ahead": 0, "time": "day"}},
            ["data", "features", 0],
            "shown the answer learns nothing",
        ),
        ({"window": {"length": 998, "horizon": 4, "time": "day"}}, ["data", "window", "length"], "there are 1,000"),
        (
            {"window": {"length": 398, "horizon": 4, "time": "day", "series": "shop"}},
            ["data", "window", "length"],
            "a window takes 402 rows of one 'shop' with those it predicts; there are 400",
        ),
        ({"window": {"length": 700, "horizon": 4, "time": "day"}}, ["data", "window", "length"], "train part"),
        (
            {"split": BY_TIME | {"train": 0.998, "validation": 0.0, "test": 0.002}},
            ["data", "window", "horizon"],
            "no window fits into the test part",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(data: dict[str, Any], loc: list[str | int], words: str) -> None:
    found = told(spec(**data))
    assert [msg for place, msg in found if place == loc and words in msg], found


def test_a_split_that_keeps_series_whole_fits() -> None:
    window = {"length": 10, "horizon": 4, "series": "shop"}
    for split in (
        {"type": "grouped", "column": "shop"},
        {"type": "column", "column": "part"},
        {"type": "shares", "shuffle": False},
    ):
        assert told(spec(window=window, split=split)) == []


def test_the_model_gives_as_many_numbers_as_are_predicted() -> None:
    assert told(spec(outputs=3)) == [
        (["model", "layers", 1], "the model ends with 3 outputs, but 4 values of 'sold' are predicted")
    ]


def test_of_classes_one_is_predicted() -> None:
    window = {"length": 10, "time": "day"}
    asked: dict[str, Any] = {"target": "shop", "features": ["sold"]}
    assert told(spec("cross_entropy", 3, window=window, **asked)) == []
    found = told(spec("cross_entropy", 3, window=window | {"horizon": 2}, **asked))
    assert [place for place, _ in found] == [["data", "window", "horizon"]]
    assert "mse_loss" in found[0][1]


def test_figures_of_classes_are_not_asked_of_several_numbers() -> None:
    training = {"loss": {"type": "mse_loss"}, "metrics": [{"type": "accuracy"}]}
    several = spec(target="open", features=["sold"]).model_dump() | {"training": training}
    assert [place for place, _ in told(RunSpec.model_validate(several))] == [["training", "metrics", 0]]
    one = spec(outputs=1, target="open", features=["sold"], window={"length": 10, "time": "day"})
    assert told(RunSpec.model_validate(one.model_dump() | {"training": training})) == []
