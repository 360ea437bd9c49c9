"""Several inputs and outputs of a model: what can be said of them, and what is wrong told at its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from app import gallery
from app.datasets.builtin import builtins
from app.generated import describe
from app.specs.base import SpecError, problems
from app.specs.model import ModelSpec
from app.specs.run import RunSpec, check
from app.specs.sources import GeneratedSource
from app.specs.traced import traced
from tests.runs.test_inputs import TOWERS

Told = list[tuple[list[str | int], str]]
LINEAR = {"type": "linear", "out_features": 2}


def model(layers: list[dict[str, Any]], inputs: tuple[str, ...] = ("a", "b"), **more: Any) -> ModelSpec:
    return ModelSpec.model_validate({"inputs": inputs, "layers": layers, **more})


def refused(spec: ModelSpec, fed: Any) -> Told:
    with pytest.raises(SpecError) as caught:
        spec.inspect(fed)
    return [(problem.loc, problem.msg) for problem in caught.value.errors]


BOTH = [{"type": "concat", "inputs": ["a", "b"]}, LINEAR]
FED = {"a": (2,), "b": (3,)}


def test_layers_take_from_inputs_by_name() -> None:
    found = model(BOTH).inspect(FED)
    assert found.inputs == {"a": [2], "b": [3]} and found.input_shape == [5]
    assert found.layers[0].inputs == ["a", "b"] and found.output_shape == [2] and found.num_parameters == 5 * 2 + 2


def test_one_input_may_have_a_name_of_its_own() -> None:
    spec = model([LINEAR, {"type": "concat", "inputs": ["0", "rows"]}], inputs=("rows",))
    found = spec.inspect((4,))
    assert found.output_shape == [6] and found.inputs is None


def test_what_a_model_with_one_input_and_one_output_is_written_as_stays() -> None:
    spec = ModelSpec.model_validate({"layers": [LINEAR]})
    assert "inputs" not in spec.model_dump() and "outputs" not in spec.model_dump()
    assert not {"inputs", "outputs"} & spec.inspect((3,)).model_dump().keys()


@pytest.mark.parametrize(
    ("layers", "fed", "loc", "said"),
    [
        (BOTH, (4,), ["input_shapes"], 'say the shape of each, as {"a": [4], "b": [4]}'),
        (BOTH, {"a": (2,)}, ["input_shapes", "b"], "the shape of the input 'b' is missing"),
        (BOTH, {**FED, "c": (1,)}, ["input_shapes", "c"], "the model has no input 'c'; it has a, b"),
        (BOTH, {"a": (2,), "b": (0,)}, ["input_shapes", "b"], "a shape is one size or several, each at least 1"),
        ([LINEAR], FED, ["inputs"], "no layer takes from the input 'b'"),
        ([*BOTH[:1], {**LINEAR, "name": "b"}], FED, ["layers", 1, "name"], "'b' is an input"),
        ([{"type": "add", "inputs": ["a", "c"]}], FED, ["layers", 0, "inputs", 1], "no layer is called that"),
    ],
)
def test_what_is_wrong_with_inputs_is_told(layers: list[Any], fed: Any, loc: Any, said: str) -> None:
    told = refused(model(layers), fed)
    assert [place for place, message in told if said in message] == [loc], told


def test_inputs_are_named_once_and_so_that_layers_can_call_them() -> None:
    for inputs, said in ((["a", "a"], "'a' is named twice"), (["a b"], "is no name"), ([], "at least 1 item")):
        with pytest.raises(ValidationError) as caught:
            model(BOTH, tuple(inputs))
        assert [problem.loc[0] for problem in problems(caught.value)] == ["inputs"]
        assert said in problems(caught.value)[0].msg


def test_each_input_is_whole_numbers_or_not() -> None:
    lookup = {"type": "embedding", "num_embeddings": 9, "embedding_dim": 3}
    spec = model([lookup, {"type": "flatten"}, {"type": "concat", "inputs": ["1", "b"]}, LINEAR])
    assert spec.vocabularies == {"a": 9} and not spec.takes_integers
    assert spec.inspect({"a": (1,), "b": (4,)}).layers[2].output_shape == [7]


def test_shapes_are_traced_up_to_what_does_not_hold() -> None:
    broken = {"inputs": ["a", "b"], "layers": [*BOTH, {"type": "linear", "out_features": "many"}]}
    assert [layer.output_shape for layer in traced(broken, FED)] == [[5], [2]]
    assert traced(broken, (5,)) == []


def told_of(**data: Any) -> Told:
    """What the check of a run on ratings says where its data are changed."""
    body = TOWERS | {"dataset": {"name": "ratings", "source": {"type": "generated", "name": "ratings"}}}
    body |= {"data": TOWERS["data"] | data}
    columns = describe(GeneratedSource.model_validate(TOWERS["dataset"]["source"]))
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), columns, 100)
    return [(problem.loc, problem.msg) for problem in caught.value.errors]


@pytest.mark.parametrize(
    ("data", "loc", "said"),
    [
        ({"inputs": None}, ["data", "inputs"], 'as {"film": ["a column"], "user": ["a column"]}'),
        ({"inputs": {"user": ["user"]}}, ["data", "inputs", "film"], "the input 'film' is fed nothing"),
        ({"inputs": {"user": ["user"], "film": ["film"], "x": ["user"]}}, ["data", "inputs", "x"], "no input 'x'"),
        (
            {"inputs": {"user": ["user"], "film": ["film", "user"]}},
            ["data", "inputs", "film", 1],
            "feeds 'user' already",
        ),
        ({"inputs": {"user": ["user"], "film": ["genre"]}}, ["data", "inputs", "film", 0], "no column 'genre'"),
        ({"inputs": {"user": ["rating"], "film": ["film"]}}, ["data", "inputs", "user", 0], "'rating' is the target"),
        ({"features": ["user"]}, ["data", "features"], "features is for a model with one input"),
        ({"input_shape": [2]}, ["data", "input_shape"], "input_shape is for a model with one input"),
        ({"window": {"length": 3}}, ["data", "window"], "window is for a model with one input"),
        ({"augment": [{"type": "mixup"}]}, ["data", "augment"], "only a single input is changed"),
        ({"scale": "standardize"}, ["data", "scale"], "an embedding needs whole numbers, but 'user' is scaled"),
    ],
)
def test_what_is_fed_to_inputs_is_held_against_the_model(data: Any, loc: Any, said: str) -> None:
    told = told_of(**data)
    assert loc in [place for place, message in told if said in message], told


def test_a_model_with_one_input_is_told_to_name_features() -> None:
    body = {
        "dataset": "iris",
        "model": {"layers": [{"type": "linear", "out_features": 3}]},
        "data": {"target": "species", "inputs": {"input": ["petal_width"]}},
        "training": {"loss": {"type": "cross_entropy"}},
    }
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), builtins()["iris"].columns, 150)
    assert [one.loc for one in caught.value.errors] == [["data", "inputs"]]
    assert "name its columns in features" in caught.value.errors[0].msg


def test_each_input_has_numbers_of_its_own() -> None:
    columns = describe(GeneratedSource.model_validate(TOWERS["dataset"]["source"]))
    found = check(RunSpec.model_validate(TOWERS), columns, 100)
    assert found.inspection.inputs == {"user": [1], "film": [1]} and found.input_dtype == "float32"
    small = {**TOWERS["model"], "layers": [dict(one) for one in TOWERS["model"]["layers"]]}
    small["layers"][0]["num_embeddings"] = small["layers"][2]["num_embeddings"] = 15
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(TOWERS | {"model": small}), columns, 100)
    assert [one.loc[1:] for one in caught.value.errors] == [
        ["layers", 0, "num_embeddings"],
        ["layers", 2, "num_embeddings"],
    ]


TRUNK = [LINEAR, {"type": "relu", "name": "trunk"}, {**LINEAR, "name": "x"}, {**LINEAR, "inputs": ["trunk"]}]


def test_outputs_are_layers_by_name_or_place() -> None:
    spec = model(TRUNK, ("input",), outputs=("3", "x"))
    found = spec.inspect((4,))
    assert found.outputs == {"3": [2], "x": [2]} and found.output_shape == [4]
    assert spec.graph.outputs == {"3": "3", "x": "x"} and not spec.is_chain
    block = {"inner": {"layers": [LINEAR, {"type": "relu"}]}}
    layers = [{"type": "block", "block": "inner", "name": "a"}, LINEAR]
    spec = model(layers, ("input",), outputs=("a", "1"), blocks=block)
    assert spec.inspect((4,)).outputs == {"a": [2], "1": [2]} and spec.graph.outputs["a"] == "a.1"


@pytest.mark.parametrize(
    ("outputs", "loc", "said"),
    [
        (("x", "y"), ["outputs", 1], "no layer is called 'y'"),
        (("input", "x"), ["outputs", 0], "'input' is an input"),
        (("x", "trunk"), ["layers", 3], "is not used"),
    ],
)
def test_what_is_wrong_with_outputs_is_told(outputs: tuple[str, ...], loc: Any, said: str) -> None:
    told = refused(model(TRUNK, ("input",), outputs=outputs), (4,))
    assert [place for place, message in told if said in message] == [loc], told


def of_iris(part: str, **changed: Any) -> Told:
    """What the check of the gallery's two heads says where its data, or its training, are changed."""
    body = gallery.definition("two-heads")
    body[part] = {name: value for name, value in (body[part] | changed).items() if value is not None}
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), builtins()["iris"].columns, 150)
    return [(problem.loc, problem.msg) for problem in caught.value.errors]


SPECIES, WIDTH = {"target": "species"}, {"target": "petal_width"}
CLASS, NUMBER = {"loss": {"type": "cross_entropy"}}, {"loss": {"type": "mse_loss"}}


@pytest.mark.parametrize(
    ("part", "changed", "loc", "said"),
    [
        ("data", {"outputs": None, "target": "species"}, ["data", "outputs"], '"petal_width": {"target": "a column"}'),
        ("data", {"outputs": {"species": SPECIES}}, ["data", "outputs", "petal_width"], "nothing is said"),
        ("data", {"target": "species"}, ["data", "target"], "is for a model with one output"),
        ("data", {"scale_target": "standardize"}, ["data", "scale_target"], "is for a model with one output"),
        (
            "data",
            {"outputs": {"species": SPECIES, "petal_width": {"target": "width"}}},
            ["data", "outputs", "petal_width", "target"],
            "no column 'width'",
        ),
        (
            "data",
            {"outputs": {"species": SPECIES | {"scale_target": "standardize"}, "petal_width": WIDTH}},
            ["data", "outputs", "species", "scale_target"],
            "classes cannot be scaled",
        ),
        (
            "data",
            {"outputs": {"species": {"target": "sepal_length"}, "petal_width": WIDTH}},
            ["data", "features", 0],
            "is the target",
        ),
        ("training", {"outputs": None, "loss": {"type": "mse_loss"}}, ["training", "outputs"], "say the loss of each"),
        ("training", {"loss": {"type": "mse_loss"}}, ["training", "loss"], "is for a model with one output"),
        (
            "training",
            {"outputs": {"species": CLASS, "petal_width": NUMBER, "more": NUMBER}},
            ["training", "outputs", "more"],
            "the model has no output 'more'",
        ),
        (
            "training",
            {"outputs": {"species": NUMBER, "petal_width": NUMBER}},
            ["training", "outputs", "species", "loss", "type"],
            "mse_loss needs numbers",
        ),
        (
            "training",
            {"outputs": {"species": CLASS, "petal_width": NUMBER | {"metrics": [{"type": "accuracy"}]}}},
            ["training", "outputs", "petal_width", "metrics", 0],
            "accuracy needs classes",
        ),
        (
            "training",
            {"early_stopping": {"series": "validation/species_f1"}},
            ["training", "early_stopping", "series"],
            "validation/species_accuracy",
        ),
    ],
)
def test_what_outputs_are_held_to_is_told_at_its_place(part: str, changed: Any, loc: Any, said: str) -> None:
    told = of_iris(part, **changed)
    assert loc in [place for place, message in told if said in message], told


def test_an_output_that_does_not_fit_its_target_is_told_at_its_layer() -> None:
    body = gallery.definition("two-heads")
    body["model"]["layers"][3] = body["model"]["layers"][3] | {"out_features": 2}
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), builtins()["iris"].columns, 150)
    assert [problem.loc for problem in caught.value.errors] == [["model", "layers", 3]]


def test_a_run_of_one_output_needs_a_target_and_a_loss() -> None:
    body = gallery.definition("two-heads")
    for part, field in (("data", "target"), ("training", "loss")):
        lacking = body | {part: {name: value for name, value in body[part].items() if name != "outputs"}}
        with pytest.raises(ValidationError) as caught:
            RunSpec.model_validate(lacking)
        assert [(one.loc, one.msg) for one in problems(caught.value)] == [([part, field], f"{field!r} is missing")]
