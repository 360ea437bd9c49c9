"""What tells two models apart: each layer that is added, removed, changed or moved, in order."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.specs.difference import LayerChange, _common, difference
from app.specs.model import ModelSpec

RELU: dict[str, Any] = {"type": "relu"}
FLATTEN: dict[str, Any] = {"type": "flatten"}


def linear(size: int, **rest: Any) -> dict[str, Any]:
    return {"type": "linear", "out_features": size, **rest}


def layers_between(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[LayerChange]:
    specs = [ModelSpec.model_validate({"layers": layers}) for layers in (before, after)]
    return difference(*specs).layers


def told(changes: list[LayerChange]) -> list[tuple[str, int | None, int | None]]:
    return [(one.change, one.before, one.after) for one in changes]


def test_a_model_differs_in_nothing_from_itself_whatever_is_spelled_out() -> None:
    (change,) = layers_between([linear(4)], [linear(4, bias=True)])
    assert (change.change, change.fields) == ("same", [])


def test_a_setting_that_is_another_is_told_with_both_values() -> None:
    changes = layers_between([FLATTEN, linear(64), RELU, linear(10)], [FLATTEN, linear(128), RELU, linear(10)])
    assert told(changes) == [("same", 0, 0), ("changed", 1, 1), ("same", 2, 2), ("same", 3, 3)]
    (field,) = changes[1].fields
    assert (field.name, field.before, field.after) == ("out_features", 64, 128)


def test_what_is_put_between_and_taken_away_stands_where_it_stands() -> None:
    changes = layers_between([FLATTEN, linear(8), linear(10)], [linear(8), {"type": "dropout"}, linear(10)])
    assert told(changes) == [("removed", 0, None), ("same", 1, 0), ("added", None, 1), ("same", 2, 2)]


def test_another_activation_is_the_same_layer_changed() -> None:
    (_, change) = layers_between([linear(8), RELU], [linear(8), {"type": "gelu"}])
    assert [(field.name, field.before, field.after) for field in change.fields] == [("type", "relu", "gelu")]


def test_a_layer_is_known_by_its_name_where_it_stands_elsewhere() -> None:
    before = [linear(8, name="a"), linear(8, name="b"), linear(8, name="c"), linear(2)]
    after = [linear(8, name="b"), linear(8, name="c"), linear(16, name="a"), linear(2)]
    changes = layers_between(before, after)
    assert told(changes) == [("same", 1, 0), ("same", 2, 1), ("changed", 0, 2), ("same", 3, 3)]
    assert [one.is_moved for one in changes] == [False, False, True, False]


def test_a_layer_that_gets_a_name_is_the_same_layer() -> None:
    (change,) = layers_between([linear(8)], [linear(8, name="head")])
    assert [(field.name, field.before, field.after) for field in change.fields] == [("name", None, "head")]


def test_taking_from_a_layer_that_only_has_another_place_is_no_change() -> None:
    add = {"type": "add", "inputs": ["1", "0"]}
    later = {"type": "add", "inputs": ["2", "1"]}
    changes = layers_between([linear(4), RELU, add], [FLATTEN, linear(4), RELU, later])
    assert told(changes) == [("added", None, 0), ("same", 0, 1), ("same", 1, 2), ("same", 2, 3)]
    rewired = layers_between([linear(4), RELU, add], [linear(4), RELU, {"type": "add", "inputs": ["1", "input"]}])
    assert [field.name for field in rewired[2].fields] == ["inputs"]


def test_arguments_of_a_block_are_told_one_by_one_and_blocks_are_compared_too() -> None:
    def model(width: int, size: int) -> ModelSpec:
        block = {"arguments": {"width": None}, "layers": [linear("$width"), RELU, linear(size)]}  # type: ignore[arg-type]
        use = {"type": "block", "block": "dense", "arguments": {"width": width}}
        return ModelSpec.model_validate({"blocks": {"dense": block}, "layers": [use]})

    found = difference(model(8, 4), model(16, 5))
    assert [(one.name, one.before, one.after) for one in found.layers[0].fields] == [("arguments.width", 8, 16)]
    (block,) = found.blocks
    assert (block.name, block.change) == ("dense", "changed")
    assert told(block.layers) == [("same", 0, 0), ("same", 1, 1), ("changed", 2, 2)]
    plain = ModelSpec.model_validate({"layers": [linear(3)]})
    assert [one.change for one in difference(plain, model(8, 4)).blocks] == ["added"]
    assert [one.change for one in difference(model(8, 4), plain).blocks] == ["removed"]


def test_two_thousand_layers_that_are_alike_are_compared_with_few_steps() -> None:
    before = [RELU if i % 2 else linear(3) for i in range(2000)]
    after = [RELU if i % 3 else {"type": "gelu"} for i in range(1999)]
    changes = layers_between(before, after)
    assert sorted(one.after for one in changes if one.after is not None) == list(range(1999))
    assert sorted(one.before for one in changes if one.before is not None) == list(range(2000))


def _longest(a: list[str], b: list[str]) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


WORDS = st.lists(st.sampled_from("abc"), max_size=12)


@given(WORDS, WORDS)
def test_what_two_rows_have_in_common_is_as_long_as_can_be(a: list[str], b: list[str]) -> None:
    pairs = _common(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(pairs))
    assert len(pairs) == _longest(a, b)
