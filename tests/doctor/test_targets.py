"""Classes that are rare, missing or no classes; and whether there are rows enough."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from app import generated
from app.doctor.findings import Fix, share
from app.specs.data import DataSpec
from app.specs.sources import GeneratedSource
from app.specs.training import TrainingSpec
from tests.doctor.conftest import Columns, Practice, clean_table, number_table
from worker.data.ingest import table_of


def patched(data: DataSpec, fix: Fix | None) -> DataSpec:
    """The specification with the fix merged into it, as RFC 7396 has it. It must hold."""
    assert fix is not None

    def merge(target: object, patch: object) -> object:
        if not isinstance(patch, dict):
            return patch
        merged = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = merge(merged.get(key), value)
        return merged

    return DataSpec.model_validate(merge(data.model_dump(mode="json"), fix.patch["data"]))


def rare(num_ones: int, num_rows: int = 1000) -> Columns:
    """A clean table whose class 1 has so many rows."""
    table = clean_table(num_rows)
    label = np.zeros(num_rows, int)
    label[np.argsort(-(table["a"] + np.random.default_rng(5).normal(0, 1, num_rows)))[:num_ones]] = 1
    return table | {"label": label}


def test_always_saying_the_frequent_class_is_given_its_figure(practice: Practice) -> None:
    found = practice.find("class_imbalance", rare(100))
    baseline = found.evidence["baseline_accuracy"]
    assert 0.82 < baseline < 0.97 and found.evidence["num_in_part"] == 150
    assert found.title == f"Always saying 0 gives {share(baseline)}"
    assert found.evidence["counts"] == {"0": 900, "1": 100}
    spec = patched(DataSpec(target="label"), found.fix)
    assert spec.split.model_dump()["stratify"] is True
    again = practice.find("class_imbalance", rare(100), split={"stratify": True, "type": "shares"})
    assert again.evidence["baseline_accuracy"] == 0.9 and again.fix is None


@pytest.mark.parametrize(
    ("loss", "argument"),
    [
        ("cross_entropy", "weight"),
        ("focal_loss", "weight"),
        ("binary_cross_entropy_with_logits", "pos_weight"),
        ("hinge_loss", None),
        ("binary_cross_entropy", None),
    ],
)
def test_a_rare_class_can_count_more(practice: Practice, loss: str, argument: str | None) -> None:
    split = {"type": "shares", "stratify": True}
    found = [one for one in practice.findings(rare(50), loss, split=split) if one.kind == "rare_class"]
    if argument is None:
        assert found == []
        return
    (one,) = found
    assert (one.severity, one.title) == ("info", "5% of the rows are 1") and one.evidence["counts"] == {
        "0": 665,
        "1": 35,
    }
    assert one.fix is not None and one.fix.patch == {"training": {"loss": {argument: "balanced"}}}
    loss_of = {"type": loss} | one.fix.patch["training"]["loss"]
    assert TrainingSpec.model_validate({"loss": loss_of}).loss is not None
    assert "rare_class" not in [
        one.kind for one in practice.look(rare(50), loss, is_weighed=True, split=split).findings
    ]


def test_of_many_classes_each_has_few_rows_and_none_is_rare(practice: Practice) -> None:
    table = clean_table()
    table["label"] = np.arange(1000) % 20
    assert "rare_class" not in [one.kind for one in practice.findings(table, "cross_entropy")]
    table["label"] = np.where((np.arange(1000) % 20 == 7) & (np.arange(1000) > 150), 8, table["label"])
    found = practice.find("rare_class", table, "cross_entropy", split={"type": "shares", "stratify": True})
    assert "are 7" in found.title


def test_a_baseline_just_under_1_is_not_called_1(practice: Practice) -> None:
    table = {"x": np.arange(3000) % 7, "label": np.arange(3000) % 600 == 1}
    found = practice.find("class_imbalance", table, split={"type": "shares", "stratify": True})
    assert found.title == "Always saying false gives 99.8%" and "1.00" not in found.explanation


def test_classes_of_about_one_size_are_no_finding(practice: Practice) -> None:
    assert practice.findings(rare(400)) == []


@pytest.mark.parametrize(("part", "severity"), [("train", "error"), ("test", "warning"), ("validation", "warning")])
def test_a_class_that_a_part_has_not_is_found(practice: Practice, part: str, severity: str) -> None:
    table = clean_table()
    table["label"] = np.where(table["label"] == 1, "b", "a")
    table["part"] = np.random.default_rng(0).choice(["train", "validation", "test"], 1000)
    rows = np.flatnonzero(table["part"] != part)[:40]
    table["label"] = table["label"].astype("<U4")
    table["label"][rows] = "rare"
    split = {"type": "column", "column": "part", "train": ["train"], "validation": ["validation"], "test": ["test"]}
    found = practice.find(f"classes_missing_from_{part}", table, split=split)
    assert (found.severity, found.evidence) == (severity, {"classes": ["rare"], "counts": [40]})
    assert found.rows == rows[:20].tolist() and found.fix is None


def test_a_class_that_chance_left_out_is_brought_in_by_the_same_mix(practice: Practice) -> None:
    table = clean_table(300)
    table["label"][:4] = 2
    seed = next(
        seed
        for seed in range(50)
        if any(
            one.kind == "classes_missing_from_test"
            for one in practice.findings(table, split={"type": "shares", "seed": seed})
        )
    )
    data = DataSpec.model_validate({"target": "label", "split": {"type": "shares", "seed": seed}})
    found = practice.find("classes_missing_from_test", table, split={"type": "shares", "seed": seed})
    mended = patched(data, found.fix).model_dump(mode="json")["split"]
    assert mended == {**mended, "stratify": True, "seed": seed}
    assert "classes_missing_from_test" not in [one.kind for one in practice.findings(table, split=mended)]


def test_classes_that_are_taken_for_numbers_are_found(practice: Practice, clean: Columns) -> None:
    found = practice.find("class_as_number", clean, "mse_loss")
    assert found.fix is not None
    assert found.fix.patch["training"]["loss"]["type"] == "binary_cross_entropy_with_logits"
    clean["label"] = clean["label"] + np.arange(1000) % 3
    three = practice.find("class_as_number", clean, "l1_loss")
    assert three.fix is not None and three.fix.patch["training"]["loss"]["type"] == "cross_entropy"
    assert practice.findings(clean, "cross_entropy") == []


def test_classes_that_a_gap_made_fractions_are_found(practice: Practice, clean: Columns) -> None:
    clean["label"] = (clean["label"] + np.arange(1000) % 3).astype(float)
    found = practice.find("class_as_number", clean, "mse_loss")
    assert found.fix is not None and found.fix.patch["training"]["loss"]["type"] == "cross_entropy"
    assert practice.findings(clean, "cross_entropy") == []
    assert practice.findings(clean | {"label": clean["label"] / 4}, "mse_loss") == []


def test_numbers_that_are_taken_for_classes_are_found(practice: Practice) -> None:
    table = number_table()
    table["label"] = (table["label"] * 40).round().astype(int)
    found = practice.find("number_as_class", table, "cross_entropy", split={"type": "shares"})
    assert found.evidence["num_distinct"] > 50
    assert found.fix is not None and found.fix.patch["training"]["loss"]["type"] == "mse_loss"
    assert practice.findings(table, "mse_loss") == []


def test_a_value_along_a_time_alone_is_to_be_forecast(practice: Practice) -> None:
    months = np.datetime64("1949-01") + np.arange(144)
    table = {
        "month": months.astype("datetime64[us]"),
        "label": 100 + np.arange(144.0) + np.random.default_rng(0).normal(size=144),
    }
    found = practice.find("time_order", table, "mse_loss")
    mended = patched(DataSpec(target="label"), found.fix)
    assert mended.window is not None and (mended.window.time, mended.window.length) == ("month", 14)
    assert mended.split.type == "time"
    kinds = {one.kind for one in practice.findings(table, "mse_loss", **mended.model_dump(exclude={"target"}))}
    assert not kinds & {"time_order", "duplicate_rows", "contradictions"}
    nothing_fed = {"features": None, "split": mended.split.model_dump()}
    assert not {one.kind for one in practice.findings(table, "mse_loss", **nothing_fed)} & {
        "duplicate_rows",
        "contradictions",
        "rows_in_train_and_test",
    }


def test_rows_that_go_by_time_are_not_to_be_mixed(practice: Practice, clean: Columns) -> None:
    clean["when"] = np.datetime64("2026-01-01T00:00:00", "us") + np.arange(1000) * np.timedelta64(3600, "s")
    features = {"features": ["a", "b", "c", "town"]}
    found = practice.find("time_order", clean, **features)
    assert (found.severity, found.columns) == ("warning", ["when"])
    mended = patched(DataSpec(target="label"), found.fix)
    assert mended.split.model_dump() == {
        "type": "time",
        "column": "when",
        "train": 0.7,
        "validation": 0.15,
        "test": 0.15,
    }
    assert practice.findings(clean, split=mended.split.model_dump(), **features) == []
    order = np.random.default_rng(0).permutation(1000)
    mixed = practice.find("time_order", {name: values[order] for name, values in clean.items()}, **features)
    assert mixed.severity == "info"


def test_rows_in_the_order_of_a_year_are_not_to_be_mixed(practice: Practice, clean: Columns) -> None:
    clean["year"] = np.arange(1000) // 20 + 1970
    found = practice.find("time_order", clean, scale="standardize")
    assert (found.severity, found.columns) == ("warning", ["year"])
    assert patched(DataSpec(target="label"), found.fix).split.model_dump()["column"] == "year"
    shuffled = clean | {"year": np.random.default_rng(0).permutation(clean["year"])}
    assert practice.findings(shuffled, scale="standardize") == []


@pytest.mark.parametrize("name", ["candidate", "birth_year", "yearly", "Update"])
def test_only_what_is_named_like_a_time_is_one(practice: Practice, clean: Columns, name: str) -> None:
    clean[name] = np.arange(1000) // 20 + 1970
    assert "time_order" not in [one.kind for one in practice.findings(clean, scale="standardize")]
    clean["saleDate"] = clean[name]
    assert practice.find("time_order", clean, scale="standardize").columns == ["saleDate"]


def test_a_series_beside_its_count_is_a_series(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {"n": np.arange(800), "x": np.sort(random.normal(size=800)), "label": np.cumsum(random.normal(size=800))}
    assert practice.find("time_order", table, "mse_loss").columns == ["label"]
    table["label"] = np.arange(800) + random.normal(0, 20, 800)
    table["x"] = random.normal(size=800)
    assert practice.find("time_order", table, "mse_loss").columns == ["label"]


def test_a_series_is_not_to_be_mixed(practice: Practice) -> None:
    random = np.random.default_rng(0)
    walk = np.cumsum(random.normal(size=800))
    table = {"x": random.normal(size=800), "label": walk}
    found = practice.find("time_order", table, "mse_loss")
    assert found.evidence["autocorrelation"] > 0.9
    mended = patched(DataSpec(target="label"), found.fix)
    assert practice.findings(table, "mse_loss", split=mended.split.model_dump()) == []
    assert practice.findings(table | {"label": np.sort(walk)}, "mse_loss") == []
    folds = practice.find("time_order", table, "mse_loss", split={"type": "k_fold"})
    assert patched(DataSpec.model_validate({"target": "label", "split": {"type": "k_fold"}}), folds.fix)


def rated(num_users: int, num_rows: int = 1000) -> dict[str, Any]:
    random = np.random.default_rng(3)
    user, item = random.integers(0, num_users, num_rows), random.choice(list("abcdefgh"), num_rows)
    return {"user": user, "item": item, "label": random.normal(0, 1, num_rows)}


EMBEDDED = {"user": {"categories": "embedded"}, "item": {"categories": "embedded"}}


def test_values_that_training_never_sees_are_found(practice: Practice) -> None:
    table = rated(num_users=20)
    table["part"] = np.array(["train"] * 700 + ["validation"] * 150 + ["test"] * 150)
    table["user"][800:900] += 1000  # a third of what is held back
    split = {"type": "column", "column": "part", "validation": ["validation"]}
    found = practice.find("untaught_values", table, columns=EMBEDDED, split=split)
    assert found.columns == ["user"] and found.rows == list(range(800, 820))
    assert found.evidence["shares"] == {"user": pytest.approx(1 / 3, rel=1e-3)}
    assert found.title == "33.3% of the rows that are held back have a user that training never sees"


def test_values_are_sought_in_all_training_rows(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.preparing.table._MAX_ROWS", 16)
    table = rated(num_users=1000)
    split = {"type": "shares", "shuffle": False}
    found = practice.find("untaught_values", table, columns=EMBEDDED, split=split)
    new = ~np.isin(table["user"][700:], table["user"][:700])
    assert found.rows == (700 + np.flatnonzero(new))[:20].tolist()
    assert found.evidence["shares"] == {"user": pytest.approx(new.mean(), rel=1e-3)}


def test_values_that_training_has_seen_are_no_finding(practice: Practice) -> None:
    kinds = [one.kind for one in practice.findings(rated(num_users=20), columns=EMBEDDED)]
    assert "untaught_values" not in kinds and "unscaled_inputs" not in kinds and "outliers" not in kinds
    split = {"type": "grouped", "column": "user"}
    assert "untaught_values" not in [
        one.kind for one in practice.findings(rated(num_users=900), columns=EMBEDDED, split=split)
    ]


def test_the_same_patient_on_both_sides_of_the_split_is_found(practice: Practice, clean: Columns) -> None:
    patients = np.random.default_rng(0).integers(0, 80, len(clean["a"]))
    table = clean | {"patient_id": patients}
    found = practice.find("groups_across_parts", table, features=["a", "b", "c"])
    assert found.columns == ["patient_id"] and found.evidence["num_groups"] == 80
    assert found.evidence["share"] > 0.95
    data = DataSpec.model_validate({"target": "label", "features": ["a", "b", "c"]})
    mended = patched(data, found.fix)
    assert mended.split.type == "grouped"
    kinds = [
        one.kind for one in practice.findings(table, **mended.model_dump(mode="json", include={"split", "features"}))
    ]
    assert "groups_across_parts" not in kinds
    alone = clean | {"patient_id": np.arange(len(patients))}
    assert "groups_across_parts" not in [one.kind for one in practice.findings(alone)]
    other = clean | {"visits": patients}
    assert "groups_across_parts" not in [one.kind for one in practice.findings(other)]


def test_too_few_rows_are_said(practice: Practice) -> None:
    assert practice.find("too_few_rows", clean_table(49)).severity == "warning"
    found = practice.find("small_test", clean_table(120))
    assert (found.severity, found.evidence) == ("info", {"num_test": 18})


def test_more_parameters_than_the_rows_can_teach_are_said(practice: Practice, clean: Columns) -> None:
    (found,) = practice.look(clean, num_parameters=7001).findings
    assert found.kind == "too_many_parameters" and found.evidence["num_train"] == 700
    assert practice.look(clean, num_parameters=7000).findings == []


def test_every_kind_of_split_is_looked_at(practice: Practice, clean: Columns) -> None:
    for split in (
        {"type": "k_fold", "test": 0.2},
        {"type": "grouped", "column": "town"},
        {"type": "time", "column": "c"},
    ):
        assert not [one for one in practice.findings(clean, split=split) if one.severity == "error"]
    # A split that cannot be made is for the check of the run to refuse.
    assert practice.findings(clean, split={"type": "column", "column": "a", "train": ["x"]}) == []


def test_dropped_rows_are_in_no_part(practice: Practice, clean: Columns) -> None:
    table = {**clean, "a": [None if i % 2 else value for i, value in enumerate(clean["a"].tolist())]}
    found = practice.look(table, num_parameters=9000, missing={"type": "drop"}).findings
    assert [one.evidence["num_train"] for one in found if one.kind == "too_many_parameters"] == [350]


@pytest.mark.parametrize(
    ("data", "num_train"),
    [
        ({"missing": {"type": "mean"}, "columns": {"a": {"missing": {"type": "drop"}}}}, 350),
        ({"missing": {"type": "drop"}, "columns": {"a": {"missing": {"type": "mean"}}}}, 700),
    ],
    ids=str,
)
def test_what_is_said_of_one_column_decides_whether_its_gaps_drop_rows(
    practice: Practice, clean: Columns, data: dict[str, Any], num_train: int
) -> None:
    table = {**clean, "a": [None if i % 2 else value for i, value in enumerate(clean["a"].tolist())]}
    found = practice.look(table, num_parameters=9000, **data).findings
    assert [one.evidence["num_train"] for one in found if one.kind == "too_many_parameters"] == [num_train]


def test_of_a_time_series_windows_are_counted_and_a_gap_drops_no_row(practice: Practice) -> None:
    random = np.random.default_rng(0)
    x = [None if i == 100 else value for i, value in enumerate(random.normal(0, 1, 200).tolist())]
    table = {"day": np.arange(200), "x": x, "sold": random.choice(["a", "b"], 200)}
    split = {"type": "time", "column": "day", "train": 0.8, "validation": 0, "test": 0.2}
    window = {"length": 10, "stride": 5, "time": "day"}
    data = {"target": "sold", "missing": {"type": "drop"}, "split": split, "window": window}
    found = {one.kind: one for one in practice.look(table, "cross_entropy", 9000, **data).findings}
    # Windows begin at 0, 5 … 145; of these the ones from 95 and 100 on hold the gap.
    assert found["too_many_parameters"].evidence["num_train"] == 30 - 2
    assert "28 windows" in found["too_many_parameters"].explanation
    assert found["small_test"].title == "8 windows test"


def test_a_fix_that_is_no_patch_is_seen() -> None:
    with pytest.raises(ValidationError):
        patched(DataSpec(target="label"), Fix(label="", patch={"data": {"split": {"type": "time"}}}))


def test_a_target_of_arrays_is_looked_at_without_an_error(practice: Practice) -> None:
    label = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(400, dtype=np.float64)), 2)
    table = pa.table({"x": pa.array(np.random.default_rng(0).normal(size=200)), "label": label})
    assert practice.look(table, loss="mse_loss").num_rows == 200


@pytest.mark.parametrize(
    ("name", "loss", "data"),
    [
        ("shape_images", "mse_loss", {"features": ["image"], "target": "image"}),
        ("shape_images", "cross_entropy", {"features": ["image"], "target": "mask"}),
        (
            "markov_text",
            "cross_entropy",
            {"features": ["text"], "target": "text", "next_token": True, "columns": {"text": {"tokens": {}}}},
        ),
    ],
    ids=["autoencoder", "mask", "next token"],
)
def test_answers_of_many_places_are_no_finding(practice: Practice, name: str, loss: str, data: dict[str, Any]) -> None:
    source = GeneratedSource.model_validate({"name": name, "num_rows": 300, "length": 8})
    assert practice.look(table_of(generated.make(source)), loss, num_parameters=50_000, **data).findings == []


def test_several_targets_are_none_of_the_features(practice: Practice) -> None:
    table = {key: value for key, value in clean_table().items() if key not in ("town", "label")}
    assert practice.findings(table, "mse_loss", features=["a", "b", "c"], target=["a", "b", "c"]) == []
    alone = practice.look(table, "mse_loss", target=["a", "b"])
    assert [one.kind for one in alone.findings] == []


def test_counts_are_no_classes(practice: Practice, clean: Columns) -> None:
    clean["label"] = clean["label"] + np.arange(1000) % 3
    kinds = {loss: [one.kind for one in practice.findings(clean, loss)] for loss in ("poisson_nll_loss", "mse_loss")}
    assert kinds == {"poisson_nll_loss": [], "mse_loss": ["class_as_number"]}
