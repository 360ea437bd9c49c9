"""What a run that does not fit is told: every problem, each at its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.specs.base import SpecError, problems
from app.specs.columns import Column, TopValue
from app.specs.run import RunSpec, check, feature_names


def top(**counts: int) -> list[TopValue]:
    return [TopValue(value=value, count=count) for value, count in counts.items()]


COLUMNS = [
    Column(name="age", type="integer", num_distinct=41, min=29, max=77, mean=54, std=9),
    Column(name="chol", type="float", num_distinct=152, num_missing=3, min=126, max=564, mean=246, std=51),
    Column(name="town", type="category", num_distinct=3, values=["Aarau", "Basel", "Chur"]),
    Column(name="note", type="text", num_distinct=303),
    Column(name="kind", type="category", num_distinct=3, values=["a", "b", "c"], top_values=top(a=200, b=101, c=2)),
    Column(name="part", type="category", num_distinct=2, values=["test", "train"], top_values=top(train=200, test=103)),
    Column(name="gaps", type="category", num_distinct=2, num_missing=1, values=["x", "y"]),
    Column(name="never", type="float", num_distinct=0, num_missing=303),
    Column(name="far", type="float", num_distinct=99, num_infinite=2, min=0, max=1),
    Column(name="same", type="integer", num_distinct=1, min=4, max=4, values=[4]),
    Column(name="output", type="integer", num_distinct=2, min=0, max=1, mean=0.5, std=0.5, values=[0, 1]),
]


def spec(**changes: Any) -> dict[str, Any]:
    """A run that fits; `data__target="x"` changes one place."""
    body: dict[str, Any] = {
        "name": "heart",
        "dataset": "x",
        "model": {"layers": [{"type": "linear", "out_features": 1}]},
        "data": {"features": ["age", "town"], "target": "output"},
        "training": {"loss": {"type": "binary_cross_entropy_with_logits"}, "metrics": [{"type": "accuracy"}]},
    }
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = body
        for part in path:
            inner = inner[part]
        inner[last] = value
    return body


def told(body: dict[str, Any]) -> list[tuple[list[str | int], str]]:
    try:
        check(RunSpec.model_validate(body), COLUMNS, 303)
    except ValidationError as error:
        return [(one.loc, one.msg) for one in problems(error)]
    except SpecError as error:
        return [(one.loc, one.msg) for one in error.errors]
    return []


def test_a_run_that_fits_says_what_follows_from_it() -> None:
    checked = check(RunSpec.model_validate(spec()), COLUMNS, 303)
    assert checked.input_shape == (4,)  # a number and three towns
    assert checked.input_dtype == "float32"
    assert checked.target.kind == "binary" and checked.target.classes == [0, 1]
    assert checked.inspection.num_parameters == 5
    assert checked.num_rows == {"train": 213, "validation": 45, "test": 45}


LINEAR = {"type": "linear", "out_features": 1}
CONV = {"out_channels": 1, "kernel_size": 1}
SHARES = {"type": "shares"}
BY_PART = {"type": "column", "column": "part"}
CASES: list[tuple[dict[str, Any], list[str | int], str]] = [
    ({"model__layers": [{"type": "conv4d"}]}, ["model", "layers", 0, "type"], "did you mean conv"),
    ({"model__layers": [{"type": "linear"}]}, ["model", "layers", 0, "out_features"], "'out_features' is missing"),
    (
        {"model__layers": [{"type": "linear", "out_features": 0}]},
        ["model", "layers", 0, "out_features"],
        "greater than or equal to 1",
    ),
    (
        {"model__layers": [{"type": "linear", "out_features": 1, "units": 3}]},
        ["model", "layers", 0, "units"],
        "'units' is not known here",
    ),
    ({"model__layers": [{"out_features": 1}]}, ["model", "layers", 0, "type"], "say which type"),
    ({"data__target": "outcome"}, ["data", "target"], "no column 'outcome'"),
    ({"data__features": ["age", "size"]}, ["data", "features", 1], "no column 'size'"),
    ({"data__features": ["age", "output"]}, ["data", "features", 1], "is the target"),
    ({"data__features": ["age", "chol"]}, ["data", "missing"], "3 values are missing in 'chol'"),
    ({"data__features": ["note"]}, ["data", "features"], "holds text"),
    ({"data__input_shape": [1, 2, 3]}, ["data", "input_shape"], "1×2×3 holds 6 numbers, the features are 4"),
    ({"training__loss": {"type": "mse_loss"}, "data__target": "kind"}, ["training", "loss", "type"], "needs numbers"),
    ({"training__loss": {"type": "cross_entropy"}}, ["model", "layers", 0], "one output, but 'output' has 2 classes"),
    ({"data__target": "kind"}, ["training", "loss", "type"], "needs two different values, but 'kind' has 3"),
    ({"training__loss": {"type": "hinge"}}, ["training", "loss", "type"], "there is no 'hinge'"),
    ({"training__loss": {"type": "binary_cross_entropy"}}, ["training", "loss", "type"], "end with sigmoid"),
    ({"training__metrics": [{"type": "r2"}]}, ["training", "metrics", 0], "predicts a class"),
    ({"training__optimizer": {"type": "adam", "lr": -1}}, ["training", "optimizer", "lr"], "greater than 0"),
    ({"data__split": {"type": "shares", "train": 0.9}}, ["data", "split"], "add up to 1.2"),
    ({"data__split": {"type": "column", "column": "fold"}}, ["data", "split", "column"], "no column 'fold'"),
    (
        {"training__early_stopping": {"series": "validation/f1"}},
        ["training", "early_stopping", "series"],
        "no curve 'validation/f1'",
    ),
    ({"data__scale_target": "standardize"}, ["data", "scale_target"], "classes cannot be scaled"),
    ({"model__layers": [{"type": "relu"}]}, ["model", "layers"], "no layer has anything to learn"),
    ({"model__layers": [{"type": "conv1d", **CONV}]}, ["model", "layers", 0], "needs a series (channels×length)"),
    ({"data__target": "never"}, ["data", "target"], "no row has a never"),
    ({"data__features": ["age", "age"]}, ["data", "features", 1], "'age' is named twice"),
    ({"data__columns": {"size": {}}}, ["data", "columns", "size"], "no column 'size'"),
    ({"data__columns": {"age": {"scales": "none"}}}, ["data", "columns", "age", "scales"], "did you mean scale"),
    ({"data__columns": {"age": {"tokens": {}}}}, ["data", "columns", "age", "tokens"], "tokens is for text"),
    ({"data__columns": {"town": {"log": True}}}, ["data", "columns", "town", "log"], "log is for numbers"),
    ({"data__columns": {"age": {"low": 3, "high": 2}}}, ["data", "columns", "age"], "low is 3, which is above high"),
    (
        {"data__features": ["chol"], "data__columns": {"chol": {"missing": {"type": "error"}}}},
        ["data", "columns", "chol", "missing"],
        "3 values are missing",
    ),
    (
        {"data__columns": {"age": {"missing": {"type": "drop", "indicator": True}}}},
        ["data", "columns", "age", "missing"],
        "nothing to indicate",
    ),
    ({"data__augment": [{"type": "mixup"}, {"type": "cutmix"}]}, ["data", "augment", 1], "cutmix is for images"),
    ({"data__augment": [{"type": "flip"}]}, ["data", "augment", 0, "type"], "did you mean random_horizontal_flip"),
    ({"data__split": {"type": "k_fold", "fold": 5}}, ["data", "split"], "there is no fold 5"),
    (
        {"data__split": {"type": "k_fold", "num_folds": 400}},
        ["data", "split", "num_folds"],
        "400 folds of 303 rows",
    ),
    ({"data__split": {"type": "k_fold", "group": "part"}}, ["data", "split", "group"], "too few groups for the folds"),
    ({"data__split": {"type": "k_fold", "group": "never"}}, ["data", "split", "group"], "no 'never'"),
    ({"data__split": {"type": "k_fold", "group": "there"}}, ["data", "split", "group"], "no column 'there'"),
    ({"data__split": {"type": "k_fold", "time": "town"}}, ["data", "split", "time"], "no order in time"),
    ({"data__split": {"type": "k_fold", "time": "age", "group": "town"}}, ["data", "split"], "keep no groups"),
    (
        {"data__split": {"type": "k_fold", "time": "age", "num_folds": 303}},
        ["data", "split", "num_folds"],
        "303 folds of 303 rows",
    ),
    (
        {"data__split": {"type": "k_fold", "stratify": True, "shuffle": False, "test": 0.2}},
        ["data", "split"],
        "keeps no test",
    ),
    ({"data__split": {"type": "time", "column": "town"}}, ["data", "split", "column"], "no order in time"),
    ({"data__split": {"type": "time", "column": "chol"}}, ["data", "split", "column"], "3 rows of no 'chol'"),
    ({"data__split": {"type": "grouped", "column": "part"}}, ["data", "split", "column"], "too few groups"),
    ({"data__features": ["far"]}, ["data", "features"], "2 values of 'far' are infinite"),
    ({"data__features": ["gaps"], "data__missing": {"type": "mean"}}, ["data", "missing"], "which have no mean"),
    ({"data__split": BY_PART | {"column": "output"}}, ["data", "split", "column"], "is the target"),
    (
        {"data__split": BY_PART | {"test": ["tset"]}},
        ["data", "split", "test", 0],
        "has no value 'tset'; it has test, train",
    ),
    (
        {"data__split": SHARES | {"stratify": True}, "data__target": "kind"},
        ["data", "split", "stratify"],
        "'c' stands in 2",
    ),
    ({"data__split": SHARES | {"stratify": True}, "data__target": "age"}, ["data", "split", "stratify"], "too many"),
    ({"training__metrics": [{"type": "f1"}, {"type": "f1"}]}, ["training", "metrics", 1], "f1 is named twice"),
    ({"training__metrics": [{"type": "top_k_accuracy"}]}, ["training", "metrics", 0], "both are among the likeliest"),
    (
        {"training__loss": {"type": "cross_entropy"}, "training__metrics": [{"type": "top_k_accuracy", "k": 3}]},
        ["training", "metrics", 0, "k"],
        "there are 2 classes, so no 3 likeliest",
    ),
    ({"training__loss": {"type": "mse_loss"}, "data__target": "age"}, ["training", "metrics", 0], "predicts a number"),
    (
        {"training__loss": {"type": "cross_entropy"}, "data__target": "age"},
        ["training", "loss", "type"],
        "mse_loss fits",
    ),
    (
        {"training__loss": {"type": "cross_entropy"}, "data__target": "same"},
        ["training", "loss", "type"],
        "two classes",
    ),
    ({"training__loss": {"type": "nll_loss"}}, ["training", "loss", "type"], "end with log_softmax"),
    (
        {"model__layers": [LINEAR, {"type": "batch_norm"}], "training__batch_size": 1},
        ["training", "batch_size"],
        "needs two rows a batch",
    ),
    (
        {"data__split": {"type": "column", "column": "part"}, "training__early_stopping": {}},
        ["training", "early_stopping", "series"],
        "there are train/loss, train/accuracy",
    ),
]


@pytest.mark.parametrize(("changes", "loc", "words"), CASES, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_told_at_its_place(changes: dict[str, Any], loc: list[str | int], words: str) -> None:
    found = told(spec(**changes))
    assert any(place == loc and words in message for place, message in found), found


def test_all_problems_are_told_at_once() -> None:
    found = told(spec(data__target="outcome", data__features=["size"], training__metrics=[{"type": "r2"}]))
    assert len(found) == 4  # also: no column is left to learn from


def test_a_kernel_that_does_not_fit_is_told_with_sizes() -> None:
    columns = [Column(name=f"p{i}", type="integer", num_distinct=9, min=0, max=16) for i in range(16)]
    body = spec(
        data={"target": "output", "input_shape": [1, 4, 4]},
        model={"layers": [{"type": "relu"}, {"type": "conv2d", "out_channels": 2, "kernel_size": 6}]},
    )
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), [*columns, COLUMNS[-1]], 100)
    assert caught.value.errors[0].loc == ["model", "layers", 1, "kernel_size"]
    assert caught.value.errors[0].msg == "layer 1 (conv2d): kernel 6 does not fit input 4×4"
    assert caught.value.errors[0].received == 6


SEQUENCES = [
    {"type": "embedding", "num_embeddings": 100, "embedding_dim": 4},
    {"type": "lstm", "hidden_size": 3},
    {"type": "linear", "out_features": 1},
]
TOKEN: dict[str, Any] = {"name": "t", "type": "integer", "num_distinct": 50, "min": 0, "max": 99}


@pytest.mark.parametrize(
    ("token", "data", "loc", "words"),
    [
        ({"max": 999}, {}, ["model", "layers", 0, "num_embeddings"], "'t' goes from 0 to 999"),
        ({"min": -1}, {}, ["model", "layers", 0, "num_embeddings"], "the embedding has places for 0 to 99"),
        ({"type": "float"}, {}, ["data", "features"], "holds float values"),
        ({}, {"scale": "standardize"}, ["data", "scale"], "is scaled"),
        ({"num_missing": 1}, {"missing": {"type": "median"}}, ["data", "missing"], "become a median"),
        (
            {"num_missing": 1},
            {"missing": {"type": "constant", "value": 100}},
            ["model", "layers", 0, "num_embeddings"],
            "goes from 0 to 100",
        ),
        ({"type": "category", "values": ["a", "b"]}, {}, ["data", "categories"], "a column for each category"),
        (
            {"type": "category", "values": ["a", "b"], "num_missing": 1},
            {"categories": "ordinal", "missing": {"type": "constant"}},
            ["model", "layers", 0, "num_embeddings"],
            "goes from -1 to 1",
        ),
    ],
)
def test_tokens_are_whole_numbers_within_the_vocabulary(
    token: dict[str, Any], data: dict[str, Any], loc: list[str | int], words: str
) -> None:
    body = spec(data={"target": "output", **data}, model={"layers": SEQUENCES})
    columns = [Column.model_validate(TOKEN | token), COLUMNS[-1]]
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), columns, 100)
    (problem,) = caught.value.errors
    assert problem.loc == loc and words in problem.msg


def test_tokens_that_fit_are_read_as_whole_numbers() -> None:
    body = spec(data={"target": "output"}, model={"layers": SEQUENCES})
    checked = check(RunSpec.model_validate(body), [Column.model_validate(TOKEN), COLUMNS[-1]], 100)
    assert checked.input_dtype == "int64" and checked.input_shape == (1,)


RATED = [
    Column(name="user", type="integer", num_distinct=50, min=0, max=999),
    Column(name="item", type="text", num_distinct=20, num_missing=3),
    Column(name="age", type="float", num_distinct=9, min=0, max=1, std=1, mean=0),
    Column(name="output", type="float", num_distinct=9, min=0, max=5),
]
EMBEDDED = {"categories": "embedded"}


def rated(model: list[dict[str, Any]], **data: Any) -> list[tuple[list[str | int], str]]:
    data = {"target": "output", "columns": {"user": EMBEDDED, "item": EMBEDDED}} | data
    body = spec(data=data, model={"layers": [*model, {"type": "linear", "out_features": 1}]})
    body["training"] = {"loss": {"type": "mse_loss"}}
    try:
        checked = check(RunSpec.model_validate(body), RATED, 100)
    except SpecError as error:
        return [(one.loc, one.msg) for one in error.errors]
    assert checked.input_dtype == ("float32" if model and model[0]["type"] == "entity_embedding" else "int64")
    return []


def entity(num_embeddings: int, num_columns: int) -> dict[str, Any]:
    sizes = {"num_embeddings": num_embeddings, "num_columns": num_columns}
    return {"type": "entity_embedding", "embedding_dim": 4, **sizes}


def test_embedded_columns_are_looked_up_beside_numbers() -> None:
    assert rated([entity(51 + 21, 2)]) == []
    capped = {"user": {"categories": "embedded", "max_categories": 9}, "item": EMBEDDED}
    assert rated([entity(10 + 21, 2)], columns=capped) == []


def test_embedded_columns_alone_are_whole_numbers() -> None:
    look_up = [{"type": "embedding", "num_embeddings": 72, "embedding_dim": 4}, {"type": "flatten"}]
    assert rated(look_up, features=["user", "item"]) == []


@pytest.mark.parametrize(
    ("model", "data", "loc", "words"),
    [
        ([entity(71, 2)], {}, ["model", "layers", 0, "num_embeddings"], "user, item are embedded and need 72 places"),
        ([entity(72, 3)], {}, ["model", "layers", 0, "num_columns"], "user, item are embedded, and num_columns is 3"),
        ([entity(72, 2)], {"columns": {}, "features": ["age"]}, ["model", "layers", 0], "2 columns are looked up"),
        ([entity(72, 1)], {"columns": {}, "features": ["age"]}, ["model", "layers", 0, "num_columns"], "no column is"),
        ([], {}, ["data", "columns", "user", "categories"], "begin the model with entity_embedding"),
        ([{"type": "relu"}, entity(72, 2)], {}, ["model", "layers", 1], "takes from the input itself"),
        (
            [{"type": "embedding", "num_embeddings": 99, "embedding_dim": 4}, {"type": "flatten"}],
            {},
            ["data", "columns"],
            "'user' is embedded and 'age' is not",
        ),
        (
            [{"type": "embedding", "num_embeddings": 71, "embedding_dim": 4}, {"type": "flatten"}],
            {"features": ["user", "item"]},
            ["model", "layers", 0, "num_embeddings"],
            "'item' goes from 51 to 71",
        ),
        (
            [entity(72, 2)],
            {"columns": {"age": EMBEDDED, "user": EMBEDDED, "item": EMBEDDED}},
            ["data", "columns", "age", "categories"],
            "categories is for words and whole numbers",
        ),
        ([entity(72, 2)], {"augment": [{"type": "mixup"}]}, ["data", "augment", 0], "whole numbers to look up"),
    ],
)
def test_embedded_columns_that_do_not_fit_are_told(
    model: list[dict[str, Any]], data: dict[str, Any], loc: list[str | int], words: str
) -> None:
    found = rated(model, **data)
    assert [one for one in found if one[0][: len(loc)] == loc and words in one[1]], found


def test_whole_numbers_that_are_codes_become_a_column_each() -> None:
    codes = Column(name="cp", type="integer", num_distinct=4, min=0, max=3, values=[0, 1, 2, 3])
    many = codes.model_copy(update={"name": "zip", "values": None, "num_distinct": 5000})
    asked = {"cp": {"categories": "one_hot"}}
    body = spec(data={"target": "output", "columns": asked, "categories": "one_hot"})
    checked = check(RunSpec.model_validate(body), [codes, COLUMNS[-1]], 100)
    assert checked.input_shape == (4,)
    body["data"]["columns"] = {"zip": {"categories": "one_hot"}}
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), [many, COLUMNS[-1]], 100)
    assert caught.value.errors[0].loc == ["data", "columns", "zip", "categories"]
    for missing, loc in (("mean", ["data", "missing"]), ("most_frequent", None)):
        gaps = codes.model_copy(update={"num_missing": 3})
        body["data"] |= {"columns": asked, "missing": {"type": missing}}
        if loc is None:
            assert check(RunSpec.model_validate(body), [gaps, COLUMNS[-1]], 100).input_shape == (4,)
            continue
        with pytest.raises(SpecError, match="which have no mean"):
            check(RunSpec.model_validate(body), [gaps, COLUMNS[-1]], 100)


def test_two_texts_that_one_embedding_looks_up_are_cut_alike() -> None:
    columns = [Column(name=name, type="text", num_distinct=99) for name in ("question", "answer")]
    cut = {"question": {"tokens": {"length": 5, "vocabulary_size": 100}}, "answer": {"tokens": {"vocabulary_size": 90}}}
    body = spec(data={"target": "output", "columns": cut}, model={"layers": SEQUENCES})
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), [*columns, COLUMNS[-1]], 100)
    (problem,) = caught.value.errors
    assert problem.loc == ["data", "columns", "answer", "tokens"] and "the same level" in problem.msg


def test_the_mix_of_many_classes_is_held_against_the_rarest() -> None:
    """Fifty are listed with their counts; the one row may be of another."""
    many = Column(
        name="many",
        type="category",
        num_distinct=60,
        values=[f"c{i:02}" for i in range(60)],
        top_values=top(**{f"c{i:02}": 5 for i in range(50)}),
        rarest=TopValue(value="c59", count=1),
    )
    body = RunSpec.model_validate(spec(data__split=SHARES | {"stratify": True}, data__target="many"))
    with pytest.raises(SpecError) as caught:
        check(body, [*COLUMNS, many], 303)
    messages = [one.msg for one in caught.value.errors if one.loc == ["data", "split", "stratify"]]
    assert messages == ["'c59' stands in one row: too few for 3 parts"]
    with pytest.raises(SpecError) as caught:
        check(body, [*COLUMNS, many.model_copy(update={"rarest": None})], 303)
    assert not [one for one in caught.value.errors if one.loc == ["data", "split", "stratify"]], "it is not known"


def test_parts_that_a_column_names_are_counted() -> None:
    split = BY_PART | {"validation": ["test"]}
    checked = check(RunSpec.model_validate(spec(data__split=split)), COLUMNS, 303)
    assert checked.num_rows == {"train": 200, "validation": 103, "test": 103}
    unknown = [column.model_copy(update={"top_values": None}) for column in COLUMNS]
    assert check(RunSpec.model_validate(spec(data__split=split)), unknown, 303).num_rows is None


def test_a_number_is_predicted_of_any_numeric_column() -> None:
    body = spec(data__target="age", data__features=["town"], training={"loss": {"type": "l1_loss"}})
    checked = check(RunSpec.model_validate(body), COLUMNS, 303)
    assert checked.target.kind == "number" and checked.target.classes is None


def test_of_a_number_that_is_0_or_1_accuracy_can_be_asked() -> None:
    body = spec(training={"loss": {"type": "mse_loss"}, "metrics": [{"type": "accuracy"}, {"type": "rmse"}]})
    assert check(RunSpec.model_validate(body), COLUMNS, 303).target.kind == "number"


def test_as_many_outputs_as_classes() -> None:
    layers = [{"type": "linear", "out_features": 3}]
    body = spec(data__target="kind", model={"layers": layers}, training__loss={"type": "cross_entropy"})
    checked = check(RunSpec.model_validate(body), COLUMNS, 303)
    assert checked.target.kind == "classes" and checked.target.classes == ["a", "b", "c"]


def test_features_are_all_columns_but_the_target_and_the_one_that_splits() -> None:
    data = RunSpec.model_validate(spec(data={"target": "output", "split": BY_PART})).data
    assert feature_names(data, COLUMNS) == ["age", "chol", "town", "note", "kind", "gaps", "never", "far", "same"]
