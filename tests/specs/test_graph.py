"""Blocks: written once, used many times with arguments; what is wrong in them is told at its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.specs import graph
from app.specs.base import SpecError, problems
from app.specs.model import ModelSpec

RESIDUAL: dict[str, Any] = {
    "arguments": {"width": None, "stride": 1},
    "layers": [
        {"type": "conv2d", "out_channels": "$width", "kernel_size": 3, "stride": "$stride", "padding": 1, "name": "a"},
        {"type": "relu"},
        {"type": "conv2d", "out_channels": "$width", "kernel_size": 3, "padding": 1, "name": "b"},
        {"type": "conv2d", "out_channels": "$width", "kernel_size": 1, "stride": "$stride", "inputs": ["input"]},
        {"type": "add", "inputs": ["b", "3"]},
    ],
}


def model(layers: list[dict[str, Any]], **blocks: Any) -> ModelSpec:
    return ModelSpec.model_validate({"layers": layers, "blocks": blocks})


def use(block: str, repeat: int = 1, **arguments: Any) -> dict[str, Any]:
    return {"type": "block", "block": block, "repeat": repeat, "arguments": arguments}


def told(spec: ModelSpec, shape: tuple[int, ...] = (3, 8, 8)) -> list[tuple[list[str | int], str]]:
    with pytest.raises(SpecError) as caught:
        spec.inspect(shape)
    return [(problem.loc, problem.msg) for problem in caught.value.errors]


def test_a_block_stands_where_it_is_used_with_its_arguments() -> None:
    found = model(
        [use("residual", width=4) | {"name": "first"}, use("residual", width=6, stride=2), {"type": "flatten"}],
        residual=RESIDUAL,
    ).inspect((3, 8, 8))
    assert [layer.name for layer in found.layers] == [
        *("first.a", "first.1", "first.b", "first.3", "first.4"),
        *("1.a", "1.1", "1.b", "1.3", "1.4"),
        "2",
    ]
    assert [layer.index for layer in found.layers] == [0] * 5 + [1] * 5 + [2]
    assert found.layers[3].inputs == ["input"] and found.layers[8].inputs == ["first.4"]
    assert found.layers[4].output_shape == [4, 8, 8] and found.output_shape == [6 * 4 * 4]


def test_a_repeated_block_takes_what_the_one_before_gives() -> None:
    found = model([use("residual", repeat=3, width=3)], residual=RESIDUAL).inspect((3, 8, 8))
    assert [layer.name for layer in found.layers if layer.type == "add"] == ["0.0.4", "0.1.4", "0.2.4"]
    assert [layer.inputs for layer in found.layers if layer.name.endswith(".a")] == [["input"], ["0.0.4"], ["0.1.4"]]


def test_blocks_are_made_of_blocks_and_take_several_inputs() -> None:
    gated = {
        "inputs": ["x", "gate"],
        "layers": [
            {"type": "sigmoid", "inputs": ["gate"], "name": "open"},
            {"type": "multiply", "inputs": ["x", "open"]},
        ],
    }
    twice = {
        "arguments": {"size": 4},
        "layers": [
            {"type": "linear", "out_features": "$size", "name": "first"},
            {"type": "linear", "out_features": "$size", "inputs": ["input"], "name": "second"},
            use("gated") | {"inputs": ["first", "second"], "name": "both"},
        ],
    }
    found = model([use("twice", repeat=2, size=5)], gated=gated, twice=twice).inspect((3,))
    assert [layer.name for layer in found.layers][-4:] == ["0.1.first", "0.1.second", "0.1.both.open", "0.1.both.1"]
    assert found.layers[-2].inputs == ["0.1.second"] and found.layers[-1].inputs == ["0.1.first", "0.1.both.open"]
    assert found.output_shape == [5]


@pytest.mark.parametrize(
    ("layers", "blocks", "loc", "words"),
    [
        ([use("residue")], {"residual": RESIDUAL}, ["layers", 0, "block"], "there is no block 'residue'; there are"),
        ([use("residual")], {"residual": RESIDUAL}, ["layers", 0, "arguments", "width"], "needs the argument 'width'"),
        (
            [use("residual", width=2, widht=3)],
            {"residual": RESIDUAL},
            ["layers", 0, "arguments", "widht"],
            "has no argument 'widht'",
        ),
        (
            [use("residual", width=2) | {"inputs": ["input", "input"]}],
            {"residual": RESIDUAL},
            ["layers", 0, "inputs"],
            "takes one input, but gets 2",
        ),
        (
            [{"type": "relu"}, use("wide", width=0)],
            {"wide": {"arguments": {"width": 3}, "layers": [{"type": "linear", "out_features": "$width"}]}},
            ["blocks", "wide", "layers", 0, "out_features"],
            "layer 1 (block wide): layer 0: out_features should be greater than or equal to 1",
        ),
        (
            [use("deep")],
            {"deep": {"layers": [{"type": "relu"}, use("deeper")]}, "deeper": {"layers": [use("deep")]}},
            ["blocks", "deeper", "layers", 0, "block"],
            "a block cannot be made of itself: deep → deeper → deep",
        ),
        (
            [use("odd")],
            {"odd": {"layers": [{"type": "conv2d", "out_channels": 1, "kernel_size": 9}]}},
            ["blocks", "odd", "layers", 0, "kernel_size"],
            "layer 0 (block odd): layer 0 (conv2d): kernel 9 does not fit input 8×8",
        ),
        (
            [use("odd")],
            {"odd": {"layers": [{"type": "relu", "inputs": ["nobody"]}]}},
            ["blocks", "odd", "layers", 0, "inputs", 0],
            "no layer is called that",
        ),
        (
            [use("odd")],
            {"odd": {"layers": [{"type": "relu"}, {"type": "tanh", "inputs": ["input"]}]}},
            ["blocks", "odd", "layers", 0],
            "layer 0 (block odd): layer 0 (relu) is not used",
        ),
        (
            [use("odd") | {"inputs": ["input", "input"]}],
            {"odd": {"inputs": ["x", "y"], "layers": [{"type": "relu"}]}},
            ["blocks", "odd", "inputs"],
            "no layer takes from the input 'y'",
        ),
        ([{"type": "relu"}], {"residual": RESIDUAL}, ["blocks", "residual"], "the block 'residual' is not used"),
        (
            [use("many", repeat=1000)],
            {"many": {"layers": [use("more", repeat=1000)]}, "more": {"layers": [{"type": "relu"}]}},
            ["layers"],
            "the blocks come to more than 2,000 layers",
        ),
        (
            [use("word")],
            {"word": {"layers": [{"type": "quux"}]}},
            ["blocks", "word", "layers", 0, "type"],
            "there is no 'quux' here",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_block_is_told_at_its_place(
    layers: list[dict[str, Any]], blocks: dict[str, Any], loc: list[str | int], words: str
) -> None:
    found = told(model(layers, **blocks))
    assert [place for place, message in found if words in message] == [loc], found
    assert len(found) == 1, found


def test_what_is_wrong_in_a_block_of_many_uses_is_told_once() -> None:
    block = {"layers": [{"type": "conv2d", "out_channels": 1, "kernel_size": 9}]}
    found = told(model([use("odd", repeat=3), use("odd")], odd=block))
    assert len(found) == 1, found


@pytest.mark.parametrize(
    ("block", "loc", "words"),
    [
        ({"layers": [{"type": "linear", "out_features": "$size"}]}, [], "$size is no argument of this block"),
        ({"arguments": {"size": 3}, "layers": [{"type": "relu"}]}, [], "the argument 'size' is not used"),
        ({"layers": []}, ["layers"], "layers should have at least 1 item"),
        ({"arguments": {"a b": 3}, "layers": [{"type": "relu"}]}, ["arguments"], "is no name"),
        ({"inputs": ["x", "x"], "layers": [{"type": "relu"}]}, ["inputs"], "each input has a name of its own"),
        ({"layers": [3]}, ["layers", 0], "should be an object"),
    ],
)
def test_a_block_that_does_not_hold_is_told_at_its_place(block: Any, loc: list[str | int], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model([use("it")], it=block)
    found = problems(caught.value)
    assert [one.loc for one in found if words in one.msg] == [["blocks", "it", *loc]], found


def test_a_block_looks_whole_numbers_up() -> None:
    spec = model(
        [use("words", size=9), {"type": "mean"}],
        words={
            "arguments": {"size": None},
            "layers": [
                {"type": "embedding", "num_embeddings": "$size", "embedding_dim": 4},
                {"type": "learned_position"},
            ],
        },
    )
    assert spec.takes_integers and spec.vocabularies == {"input": 9}
    assert spec.inspect((6,)).output_shape == [4]


def all_of_all(count: int) -> dict[str, Any]:
    """Blocks of which each uses all others."""
    names = [f"b{i}" for i in range(count)]
    return {name: {"layers": [use(other) for other in names if other != name]} for name in names}


@pytest.mark.parametrize(
    ("layers", "blocks"),
    [
        ([use("b0")], all_of_all(14)),
        ([use("a", repeat=1000)], {"a": {"layers": [use("b", repeat=1000)]}, "b": {"layers": [{"type": "nope"}]}}),
        ([use("a", repeat=1000)], {"a": {"layers": [use("b", repeat=1000)]}, "b": {"layers": [use("nobody")]}}),
    ],
    ids=["circles", "a type that is not there", "a block that is not there"],
)
def test_what_is_wrong_takes_no_longer_than_what_holds(
    layers: list[dict[str, Any]], blocks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    placed = graph._Wiring._count_one

    def count(self: Any) -> None:
        nonlocal looks
        looks += 1
        placed(self)

    monkeypatch.setattr(graph._Wiring, "_count_one", count)
    found = told(model(layers, **blocks))
    assert looks <= graph.MAX_PLACED + 1
    assert len(found) < 300


@pytest.mark.parametrize("value", [[["a"]], {"a": 1}, [1] * 101])
def test_an_argument_is_a_value_or_a_list_of_values(value: Any) -> None:
    with pytest.raises(ValidationError, match="neither a value nor a list"):
        model([use("it", a=value)], it={"arguments": {"a": None}, "layers": [{"type": "reshape", "shape": "$a"}]})


def test_arguments_do_not_grow_on_their_way_through_blocks() -> None:
    depth = 12
    blocks = {f"b{i}": {"arguments": {"a": 1}, "layers": [use(f"b{i + 1}", a=["$a"] * 10)]} for i in range(depth)} | {
        f"b{depth}": {"arguments": {"a": 1}, "layers": [{"type": "reshape", "shape": "$a"}]}
    }
    found = told(model([use("b0")], **blocks))
    assert ["blocks", "b1", "layers", 0, "arguments"] in [loc for loc, _ in found]


def test_a_list_may_be_an_argument() -> None:
    block = {"arguments": {"size": None}, "layers": [{"type": "reshape", "shape": "$size"}]}
    assert model([use("it", size=[4, -1])], it=block).inspect((3, 8, 8)).output_shape == [4, 48]


def test_text_in_blocks_holds_no_nul() -> None:
    for block in (
        {"arguments": {"w": "\x00"}, "layers": [{"type": "linear", "out_features": "$w"}]},
        {"layers": [{"type": "relu", "name": "a\x00"}]},
    ):
        with pytest.raises(ValidationError, match="NUL"):
            model([use("it")], it=block)


@pytest.mark.parametrize("name", ["a.b →", "x" * 61, "1st"])
def test_a_block_has_a_name_that_can_be_written(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model([use(name[:60])], **{name: {"layers": [{"type": "relu"}]}})
    (problem,) = problems(caught.value)
    assert problem.loc == ["blocks"] and "is no name" in problem.msg


def test_of_very_much_that_is_wrong_enough_is_told() -> None:
    nowhere = tuple(f"x{i}" for i in range(200))
    layers: list[Any] = [{"type": "concat", "inputs": nowhere} for _ in range(2000)]
    found = model(layers).graph.problems
    assert len(found) == graph.MOST_TOLD
    assert found[0].msg == "layer 0 takes from 'x0', but no layer is called that"
