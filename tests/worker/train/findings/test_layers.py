from typing import Any

import pytest

from worker.train.findings.finding import Finding
from worker.train.findings.layers import called, dead_relus, longest_gradient, saturated_units, vanishing_gradients
from worker.train.history import History

from .curves import CLASSES, case, steps

STUCK, LEARNED = [2.3] * 300, [2.3] * 50 + [0.3] * 250
NAMES = {"a": "linear", "b": "linear", "c": "linear", "r": "relu", "s": "sigmoid"}


def seen(losses: list[float], looks: int = 5, **figures: float | list[float]) -> History:
    """A history with looks at layers: `a_grad_norm=0.1` is at each of them the same."""
    history = steps(losses)
    for i in range(looks):
        values = {}
        for name, value in figures.items():
            layer, what = name.split("_", 1)
            values[f"layers/{layer}/{what}"] = value[i] if isinstance(value, list) else value
        history.add_look(values)
    return history


def weights(**gradients: float) -> dict[str, float]:
    """Layers whose weights are 2 long, with these gradients, by steps of a tenth of them."""
    found: dict[str, float] = {}
    for layer, gradient in gradients.items():
        found |= {f"{layer}_grad_norm": gradient, f"{layer}_weight_norm": 2.0, f"{layer}_update_ratio": gradient / 20}
    return found


def vanishing(history: History, **more: Any) -> Finding | None:
    return vanishing_gradients(case(CLASSES, layers=NAMES, **more), history, ended=False)


def test_layers_that_hardly_any_gradient_reaches_are_named() -> None:
    finding = vanishing(seen(STUCK, **weights(a=1e-9, b=1e-5, c=0.1)))
    assert finding is not None
    assert finding.layers == ("a", "b")
    assert finding.title == "Hardly any gradient reaches layers a (linear) and b (linear)"
    assert "layers/a/grad_norm" in finding.series


@pytest.mark.parametrize(
    "history",
    [
        seen(STUCK, **weights(a=1e-3, b=0.01, c=0.1)),  # smaller, but it arrives
        seen(LEARNED, **weights(a=1e-9, b=0.01, c=0.1)),  # it learns all the same
        seen(STUCK, **(weights(a=1e-9, b=0.01, c=0.1) | {"a_update_ratio": 1e-3})),  # Adam makes up for it
        seen(STUCK, looks=2, **weights(a=1e-9, b=0.01, c=0.1)),  # too few looks to say
        seen(STUCK, **weights(a=1e-9)),  # there is none to compare it with
        seen(STUCK, r_zeros=1.0, **weights(a=0.0, c=0.1)),  # dead units are the reason
        steps(STUCK),
    ],
)
def test_other_gradients_do_not_vanish(history: History) -> None:
    assert vanishing(history) is None


def test_one_look_is_no_evidence() -> None:
    gradients: dict[str, Any] = weights(a=0.01, c=0.1)
    gradients |= {"a_grad_norm": [0.01, 0.01, 0.01, 0.01, 1e-9], "a_update_ratio": [1e-3, 1e-3, 1e-3, 1e-3, 1e-10]}
    assert vanishing(seen(STUCK, **gradients)) is None


def test_rows_of_an_embedding_that_are_not_in_a_batch_have_no_gradient() -> None:
    history = seen(STUCK, **weights(a=1e-9, c=0.1))
    assert vanishing_gradients(case(CLASSES, layers={"a": "embedding", "c": "linear"}), history, ended=False) is None


@pytest.mark.parametrize(
    ("losses", "dead", "is_said"),
    [(STUCK, 0.6, True), (STUCK, 0.4, False), (LEARNED, 0.6, False), (LEARNED, 0.95, True)],
)
def test_dead_units_are_said_where_they_do_harm_or_are_nearly_all(
    losses: list[float], dead: float, *, is_said: bool
) -> None:
    finding = dead_relus(case(CLASSES, layers=NAMES), seen(losses, r_dead=dead), ended=False)
    assert (finding is not None) == is_said
    if finding is not None:
        assert f"{dead:.0%}" in finding.text
        assert finding.layers == ("r",)


@pytest.mark.parametrize(
    ("losses", "share", "outputs", "is_said"),
    [(STUCK, 0.9, (), True), (STUCK, 0.6, (), False), (LEARNED, 0.9, (), False), (STUCK, 0.9, ("s",), False)],
)
def test_saturated_units_are_said_of_hidden_layers_that_learn_little(
    losses: list[float], share: float, outputs: tuple[str, ...], *, is_said: bool
) -> None:
    known = case(CLASSES, layers=NAMES, outputs=outputs)
    finding = saturated_units(known, seen(losses, s_saturated=share), ended=False)
    assert (finding is not None) == is_said
    if finding is not None:
        assert finding.title == "Layer s (sigmoid) is saturated"


def test_the_longest_gradient_is_told_next_to_the_weights() -> None:
    assert longest_gradient(case(CLASSES), seen(STUCK, **weights(a=0.3, b=7.0, c=0.1))) == "b"
    assert longest_gradient(case(CLASSES), steps(STUCK)) is None


def test_of_many_layers_some_are_called_by_name() -> None:
    known = case(CLASSES, layers={str(i): "linear" for i in range(9)})
    assert called(known, ["3"]) == "layer 3 (linear)"
    assert called(known, ["1", "2"]) == "layers 1 (linear) and 2 (linear)"
    assert called(known, list("012345")) == "layers 0 (linear), 1 (linear), 2 (linear), 3 (linear) and 2 more"
    assert called(case(CLASSES), ["x"]) == "layer x"
