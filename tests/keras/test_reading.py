"""What Keras wrote is here what it is there: shapes, parameters, and what it computes, held to Keras's own answers.

The models and their answers were made by `make_models.py`.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Unprocessable
from app.keras.reading import Reading, read
from app.specs.base import Problem, SpecError
from app.specs.layers import LSTM, RNN
from tests.keras.carrying import carry
from worker.nn.build import build

FOLDER = Path(__file__).parent / "models"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
TOLD = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in NAMES}


def moved(shape: list[int], name: str) -> list[int]:
    """A shape without the batch, the channels of images and volumes first."""
    return shape if len(shape) < 3 or name == "channels_first" else [shape[-1], *shape[:-1]]


def tensor(array: Any, name: str) -> torch.Tensor:
    axes = moved(list(range(1, array.ndim)), name)
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, *axes)))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_computes_what_keras_computes_with_the_same_weights(name: str) -> None:
    with np.load(FOLDER / f"{name}.npz") as held:
        arrays = dict(held)
    x, y = (tensor(arrays.pop(one), name) for one in "xy")
    found = read(TOLD[name]["model"])
    module = build(found.model, found.input_shape).eval()
    shapes = [found.input_shape, *[tuple(layer.output_shape) for layer in found.inspection.layers]]
    taken = {layer.name: shape for layer, shape in zip(found.inspection.layers, shapes, strict=False)}
    assert carry(module, arrays, taken) == len(arrays)
    with torch.no_grad():
        answer = module(x)
    assert answer.shape == y.shape
    assert (answer - y).abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_the_shapes_and_the_parameters_that_keras_says(name: str) -> None:
    told, found = TOLD[name], read(TOLD[name]["model"])
    assert found.inspection.output_shape == moved(told["output_shape"], name)
    here = {tuple(sorted(layer.output_shape)) for layer in found.inspection.layers}
    here.add(tuple(sorted(found.input_shape)))
    assert {tuple(sorted(shape)) for _, shape, _ in told["layers"]} <= here
    second_biases = sum(
        layer.gates * layer.hidden_size * (2 if layer.bidirectional else 1)
        for layer in found.model.layers
        if isinstance(layer, LSTM | RNN)
    )
    learned = found.inspection.num_parameters - found.inspection.num_frozen
    assert learned == told["num_trainable"] + second_biases
    assert found.inspection.num_frozen == (6 * 8 + 8 if name == "nested" else 0)


def as_keras_2(value: Any) -> Any:
    """What Keras 3 wrote, as Keras 2 would have written it."""
    if isinstance(value, list):
        return [as_keras_2(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    others = {"module", "registered_name", "build_config", "build_input_shape", "compile_config"}
    kept = {key: as_keras_2(one) for key, one in value.items() if key not in others}
    return {"batch_input_shape" if key == "batch_shape" else key: one for key, one in kept.items()}


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name != "nested"]
)  # which says what comes in at another place
def test_keras_2_writes_less_and_says_the_same(name: str) -> None:
    model = TOLD[name]["model"]
    old = as_keras_2(model) | {"keras_version": "2.10.0", "backend": "tensorflow"}
    assert read(old).model == read(model).model
    assert read({"class_name": "Sequential", "config": old["config"]["layers"]}).input_shape == read(model).input_shape
    assert read(json.dumps(old)).model == read(model).model


def keras(*layers: tuple[str, dict[str, Any]], shape: list[int | None] | None = None, **more: Any) -> dict[str, Any]:
    """A model as Keras writes it, of classes and what they say."""
    first = [("InputLayer", {"batch_shape": [None, *shape]})] if shape else []
    written = [{"module": "keras.layers", "class_name": name, "config": config} for name, config in (*first, *layers)]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": written}} | more


def types(found: Reading) -> list[str]:
    return [layer.type for layer in found.model.layers]


def refusal(model: Any, **more: Any) -> list[Problem]:
    with pytest.raises(SpecError) as refused:
        read(model, **more)
    return refused.value.errors


def test_axes_are_put_in_order_only_where_the_next_layer_needs_it() -> None:
    conv = ("Conv1D", {"filters": 4, "kernel_size": [3], "padding": "same"})
    pool = ("MaxPooling1D", {"pool_size": [2]})
    turned, back = ("Permute", {"dims": [2, 1]}), ("Permute", {"dims": [2, 1]})
    gru = ("GRU", {"units": 3, "reset_after": True, "return_sequences": True})
    found = read(keras(conv, ("Dropout", {"rate": 0.1}), conv, pool, gru, gru, turned, back, gru, shape=[8, 2]))
    assert types(found) == [
        *["permute", "conv1d", "dropout", "conv1d", "max_pool1d"],
        *["permute", "gru", "gru", "gru"],
    ]


def test_the_order_of_a_flatten_is_put_right_where_it_matters_and_else_told() -> None:
    flatten, dense = ("Flatten", {}), ("Dense", {"name": "head", "units": 2})
    free = read(keras(flatten, ("BatchNormalization", {}), dense, shape=[4, 4, 3]))
    assert types(free) == ["flatten", "batch_norm", "linear"] and "head: what is flattened" in free.notes[0]
    bound = read(keras(flatten, ("Dropout", {"rate": 0.1}), ("Reshape", {"target_shape": [6, 8]}), shape=[4, 4, 3]))
    assert types(bound) == ["permute", "flatten", "dropout", "reshape"]
    last = read(keras(flatten, shape=[4, 4, 3]))
    assert types(last) == ["permute", "flatten"]
    grey = read(keras(flatten, dense, shape=[4, 4, 1]))
    assert types(grey) == ["flatten", "linear"] and not grey.notes


def test_everything_without_a_counterpart_is_told_at_once_at_its_place() -> None:
    dense = {"units": 0, "activation": "squareplus", "colour": 1, "kernel_initializer": {"class_name": "Identity"}}
    inner = keras(("Masking", {}), ("GRU", {"units": 2, "reset_after": True, "return_state": True}))
    own = {"module": None, "class_name": "Mine", "config": {}, "registered_name": "My>Mine"}
    model = keras(
        ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "padding": "full", "strides": [1, 1, 1]}),
        ("Dense", dense),
        ("Lambda", {"function": "x"}),
        ("Bidirectional", {"layer": inner["config"]["layers"][1], "merge_mode": "sum"}),
        shape=[8, 8, 3],
    )
    model["config"]["layers"] += [own, inner, "what", {"class_name": "Dense"}]
    places = [(one.loc[2:], one.received) for one in refusal(model)]
    assert [loc for loc, _ in places] == [
        [1, "config", "padding"],
        [1, "config", "strides"],
        [2, "config", "activation"],
        [2, "config", "colour"],
        [2, "config", "kernel_initializer"],
        [2, "config", "units"],
        [3, "class_name"],
        [4, "config", "layer", "config", "return_state"],
        [4, "config", "merge_mode"],
        [5, "class_name"],
        [6, "config", "layers", 0, "class_name"],
        [6, "config", "layers", 1, "config", "return_state"],
        [7],
        [8, "config"],
    ]
    assert {"full", "squareplus", "Lambda", "My>Mine", "what"} <= {str(received) for _, received in places}


@pytest.mark.parametrize(
    ("layer", "place", "words"),
    [
        (("GRU", {"units": 2, "reset_after": False}), "reset_after", "resets after the matrix product"),
        (("GRU", {"units": 2}), "reset_after", "is missing"),
        (("LSTM", {"units": 2, "bias_initializer": "ones"}), "bias_initializer", "zeros"),
        (("LSTM", {"units": 2, "activation": "relu"}), "activation", "tanh"),
        (("LSTM", {"units": 2, "activation": "linear"}), "activation", "tanh"),
        (("LSTM", {"units": 2, "use_bias": False}), "use_bias", "only true"),
        (("LSTM", {"units": 2, "go_backwards": True}), "go_backwards", "only false"),
        (("BatchNormalization", {"center": True, "scale": False}), "scale", "together"),
        (("Dropout", {"rate": 1.0}), "rate", "less than 1"),
        (("Dropout", {"rate": 0.1, "noise_shape": [1, 2]}), "noise_shape", "no counterpart"),
        (("Dense", {"units": 2, "bias_regularizer": "l2"}), "bias_regularizer", "no counterpart"),
        (("Dense", {"units": 2, "kernel_constraint": "NonNeg"}), "kernel_constraint", "no counterpart"),
        (("ReLU", {"max_value": 3, "negative_slope": 0.1}), "negative_slope", "together"),
        (("Softmax", {"axis": 4}), "axis", "no axis 4"),
        (("Reshape", {"target_shape": [5]}), "target_shape", "cannot become"),
        (("Conv1D", {"filters": 2, "kernel_size": [9]}), "kernel_size", "does not fit"),
        (("Cropping1D", {"cropping": [4, 4]}), "cropping", "nothing is left"),
        (("RandomFlip", {}), None, "augment"),
        (("Functional", {}), None, "Functional"),
    ],
)
def test_what_has_no_counterpart_or_does_not_fit_is_told_in_words(
    layer: tuple[str, dict[str, Any]], place: str | None, words: str
) -> None:
    (problem,) = refusal(keras(layer, shape=[8, 3]))
    assert problem.loc == ["config", "layers", 1, *(["config", place] if place else ["class_name"])]
    assert words in problem.msg


def test_only_a_sequential_model_is_read() -> None:
    (problem,) = refusal({"module": "keras", "class_name": "Functional", "config": {"layers": []}})
    assert problem.loc == ["class_name"] and "Functional" in problem.msg
    for odd in (None, 3, [], "{", {}, {"class_name": "Sequential"}, {"class_name": "Sequential", "config": {}}):
        assert refusal(odd)


def test_a_size_that_is_left_open_has_to_be_given() -> None:
    text = ("Embedding", {"input_dim": 10, "output_dim": 4})
    model = keras(text, ("GlobalMaxPooling1D", {}), shape=[None])
    assert refusal(model)[0].loc == ["config", "layers", 0, "config", "batch_shape"]
    assert read(model, (30,)).input_shape == (30,)
    assert refusal(model, input_shape=(30, 2))[0].loc == ["input_shape"]
    assert refusal(keras(text))[0].loc == ["config", "layers"]
    assert read(keras(text), (5,)).inspection.output_shape == [5, 4]
    picture = keras(("GlobalMaxPooling2D", {}), ("Dense", {"units": 1}), shape=[None, 8, 3])
    assert read(picture, (9, 8, 3)).input_shape == (3, 9, 8)
    assert refusal(picture, input_shape=(9, 9, 3))[0].loc == ["input_shape"]


def test_what_differs_is_told() -> None:
    frozen = ("LSTM", {"name": "memory", "units": 4, "trainable": False})
    text = ("Embedding", {"input_dim": 10, "output_dim": 4, "mask_zero": True})
    end = ("Dense", {"units": 3, "activation": "softmax", "dtype": "mixed_float16"})
    notes = " ".join(read(keras(text, frozen, end, shape=[6], compile_config={"loss": "mse"})).notes)
    for words in (
        "in Keras: memory.",
        "two biases",
        "forget gate",
        "mask_zero",
        "softmax",
        "float16",
        "a run says",
    ):
        assert words in notes


def scaled(scale: float, mode: str, distribution: str) -> dict[str, Any]:
    config = {"scale": scale, "mode": mode, "distribution": distribution, "seed": None}
    return {"class_name": "VarianceScaling", "config": config}


@pytest.mark.parametrize(
    ("initializer", "fan"),
    [
        ("glorot_uniform", 250),
        ({"module": "keras.initializers", "class_name": "GlorotNormal", "config": {"seed": 1}}, 250),
        ("HeNormal", 300 / 2),
        ("he_uniform", 300 / 2),
        ("lecun_normal", 300),
        ("LecunUniform", 300),
        (scaled(0.5, "fan_out", "uniform"), 200 / 0.5),
        (scaled(1.5, "fan_in", "untruncated_normal"), 300 / 1.5),
        (scaled(3.0, "fan_avg", "truncated_normal"), 250 / 3),
    ],
)
def test_weights_begin_with_the_deviation_that_keras_gives_them(initializer: Any, fan: float) -> None:
    dense = {"units": 200, "kernel_initializer": initializer}
    found = read(keras(("Dense", dense), shape=[300]))
    weight = next(build(found.model, found.input_shape).parameters())
    assert weight.std().item() == pytest.approx(fan**-0.5, rel=0.02)


def test_a_table_begins_as_in_keras() -> None:
    table = {"input_dim": 400, "output_dim": 50, "embeddings_initializer": "he_uniform"}
    found = read(keras(("Embedding", table), shape=[3]))
    weight = next(build(found.model, found.input_shape).parameters())
    assert weight.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.02)


def test_filters_of_one_channel_begin_as_in_keras() -> None:
    depthwise = {"kernel_size": [5, 5], "depth_multiplier": 8}
    found = read(keras(("DepthwiseConv2D", depthwise), shape=[9, 9, 64]))
    weight = next(build(found.model, found.input_shape).parameters())
    assert weight.std().item() == pytest.approx((2 / (25 * (64 + 8))) ** 0.5, rel=0.03)


def test_penalties_and_bounds_are_those_of_keras() -> None:
    penalty = {"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.25}}
    bound = {"class_name": "MaxNorm", "config": {"max_value": 3, "axis": [0, 1, 2]}}
    conv = {"filters": 2, "kernel_size": 3, "kernel_regularizer": penalty, "kernel_constraint": bound}
    (layer,) = read(keras(("Conv2D", conv), shape=[5, 5, 1])).model.model_dump()["layers"]
    assert (layer["l1"], layer["l2"], layer["max_norm"]) == (0.5, 0.25, 3.0)
    bound["config"] = {"max_value": 3, "axis": 0}
    assert "axis should be [0, 1, 2]" in refusal(keras(("Conv2D", conv), shape=[5, 5, 1]))[0].msg


def test_names_are_kept_as_far_as_they_can_be() -> None:
    names = ["block1/conv-a", "input", "7th", "input"]
    model = keras(*[("Dense", {"name": name, "units": 2}) for name in names], shape=[2])
    assert [layer.name for layer in read(model).model.layers] == ["block1_conv_a", "input_2", "layer_7th", "input_3"]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*place, key))


SPOTS = {name: list(places(TOLD[name]["model"])) for name in NAMES}
WORDS = ["", "same", "relu", "linear", "\x00", "\ud800", "Lambda", "channels_first", "Sequential", "L2"]
ODD = st.one_of(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.sampled_from([10**30, 2**31, 1e-300]),
    st.sampled_from(WORDS) | st.lists(st.integers(-1, 4) | st.none(), max_size=4),
    st.sampled_from([{}, {"class_name": "Dense", "config": {}}, {"class_name": [], "config": 3}, [[1, 2], [3]]]),
)


@settings(max_examples=250)
@given(name=st.sampled_from(NAMES), data=st.data())
def test_whatever_comes_is_read_or_refused_in_words(name: str, data: st.DataObject) -> None:
    model = copy.deepcopy(TOLD[name]["model"])
    *outer, key = data.draw(st.sampled_from(SPOTS[name]))
    holder: Any = model
    for part in outer:
        holder = holder[part]
    holder[key] = data.draw(ODD)
    if isinstance(holder, dict) and data.draw(st.booleans()):
        holder[data.draw(st.sampled_from([*WORDS, "axis", "shared_axes", "config"]))] = data.draw(ODD)
    try:
        assert read(model).inspection.num_parameters >= 0
    except SpecError as error:
        assert error.errors
        json.dumps(Unprocessable.of(error).problem(), allow_nan=False, ensure_ascii=False).encode()
