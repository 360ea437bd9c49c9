import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from app.histograms import EDGES, NUM_BINS
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from worker.nn.build import build
from worker.train.layerstats import (
    MAX_LAYERS,
    MAX_SAMPLE,
    NUM_LOOKS,
    Layer,
    Look,
    Rhythm,
    Watch,
    _below_edges,
    _sample,
    _spread,
)
from worker.train.looks import series_of

LAYERS: list[dict[str, Any]] = [
    {"type": "linear", "out_features": 6},
    {"type": "relu"},
    {"type": "linear", "out_features": 5, "name": "second"},
    {"type": "tanh"},
    {"type": "dropout"},
    {"type": "linear", "out_features": 2},
]


def made(
    layers: list[dict[str, Any]] = LAYERS, shape: tuple[int, ...] = (3,), **rhythm: int
) -> tuple[nn.Module, Watch]:
    torch.manual_seed(0)
    model = ModelSpec.model_validate({"layers": layers})
    module = build(model, shape)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    return module, Watch.of(model, module, optimizer, Rhythm(**({"every": 1} | rhythm)))


def step(module: nn.Module, watch: Watch, inputs: torch.Tensor, number: int = 1) -> Look | None:
    watches = watch.begin(number)
    module(inputs).square().sum().backward()
    assert watch.optimizer is not None
    watch.optimizer.step()
    look = watch.end() if watches else None
    watch.optimizer.zero_grad()
    return look


def figures(look: Look | None) -> dict[str, float]:
    assert look is not None
    return series_of(zip(look.figures, look.values.tolist(), strict=True))


def norm(tensors: Any) -> float:
    return float(torch.cat([one.flatten() for one in tensors]).norm())


def test_what_is_told_of_weights_is_what_torch_says_by_hand() -> None:
    module, watch = made()
    first = module.get_submodule("0")
    before = [one.detach().clone() for one in first.parameters()]
    found = figures(step(module, watch, torch.randn(20, 3)))
    moved = [one.detach() - was for one, was in zip(first.parameters(), before, strict=True)]
    assert found["layers/0/weight_norm"] == pytest.approx(norm(before), rel=1e-5)
    assert found["layers/0/update_ratio"] == pytest.approx(norm(moved) / norm(before), rel=1e-4)
    assert found["layers/0/grad_norm"] == pytest.approx(norm(moved) / 0.5, rel=1e-4)
    assert {name.split("/")[1] for name in found if name.endswith("grad_norm")} == {"0", "second", "5"}


def test_what_is_told_of_outputs_is_what_torch_says_by_hand() -> None:
    module, watch = made()
    inputs = torch.randn(20, 3) * 3
    with torch.no_grad():
        rectified = module.get_submodule("1")(module.get_submodule("0")(inputs))
        squashed = module.get_submodule("3")(module.get_submodule("second")(rectified))
    found = figures(step(module, watch, inputs))
    assert found["layers/1/mean"] == pytest.approx(float(rectified.mean()), rel=1e-5)
    assert found["layers/1/std"] == pytest.approx(float(rectified.std(correction=0)), rel=1e-4)
    assert found["layers/1/zeros"] == pytest.approx(float((rectified == 0).float().mean()), abs=1e-6)
    assert found["layers/3/saturated"] == pytest.approx(float((squashed.abs() >= 0.98).float().mean()), abs=1e-6)
    assert "layers/5/mean" in found
    assert "layers/0/mean" not in found, "what goes into an activation is seen behind it"
    assert "layers/3/zeros" not in found


def test_nothing_stays_on_the_model_and_nothing_is_attached_on_other_steps() -> None:
    module, watch = made(every=3)

    def num_hooks() -> int:
        assert watch.optimizer is not None
        return sum(len(one._forward_hooks) for one in module.modules()) + len(watch.optimizer._optimizer_step_pre_hooks)

    assert not watch.begin(2)
    assert num_hooks() == 0
    assert watch.begin(3)
    assert num_hooks() == 4
    watch.end()
    assert num_hooks() == 0


def test_layers_that_do_not_learn_have_no_gradient_to_tell() -> None:
    module, watch = made()
    module.get_submodule("0").requires_grad_(False)
    found = figures(step(module, watch, torch.randn(20, 3)))
    assert "layers/0/grad_norm" not in found
    assert "layers/second/grad_norm" in found


def test_weights_of_zero_have_no_ratio() -> None:
    module, watch = made()
    with torch.no_grad():
        for one in module.get_submodule("second").parameters():
            one.zero_()
    found = figures(step(module, watch, torch.randn(20, 3)))
    assert found["layers/second/weight_norm"] == 0
    assert "layers/second/update_ratio" not in found


def test_a_unit_is_dead_that_gave_zero_for_every_row_of_five_looks() -> None:
    module, watch = made()
    with torch.no_grad():
        module.get_parameter("0.bias")[:2] = -1000.0  # two of six
    watch.optimizer = torch.optim.SGD(module.parameters(), lr=0.0)
    told = [figures(step(module, watch, torch.randn(40, 3))).get("layers/1/dead") for _ in range(NUM_LOOKS + 1)]
    assert told[: NUM_LOOKS - 1] == [None] * (NUM_LOOKS - 1)
    assert told[NUM_LOOKS - 1 :] == pytest.approx([2 / 6, 2 / 6])


@pytest.mark.parametrize(
    ("layers", "shape", "num_units"),
    [
        ([{"type": "conv2d", "out_channels": 4, "kernel_size": 3}], (2, 6, 6), 4),
        ([{"type": "conv1d", "out_channels": 4, "kernel_size": 3}], (2, 9), 4),
        ([{"type": "linear", "out_features": 7}], (5, 2), 7),
    ],
)
def test_a_channel_is_one_unit(layers: list[dict[str, Any]], shape: tuple[int, ...], num_units: int) -> None:
    module, watch = made([*layers, {"type": "relu"}, {"type": "flatten"}], shape)
    step(module, watch, torch.randn(8, *shape))
    assert watch.state()["1"].shape == (1, num_units)


def test_which_units_were_alive_survives() -> None:
    module, watch = made()
    for _ in range(NUM_LOOKS + 2):
        step(module, watch, torch.randn(4, 3))
    _, other = made()
    other.restore(watch.state(), torch.device("cpu"))
    assert all(torch.equal(one, other.state()[name]) for name, one in watch.state().items())
    assert watch.state()["1"].shape == (NUM_LOOKS, 6)


def test_histograms_count_what_numpy_counts() -> None:
    module, watch = made(histograms_every=1)
    inputs = torch.randn(20, 3)
    weights = torch.cat([one.detach().flatten() for one in module.get_submodule("0").parameters()]).numpy().copy()
    look = step(module, watch, inputs)
    assert look is not None
    below = {(one.layer, one.what): edges for (one, _), edges in zip(look.counted, look.below, strict=True)}
    counts = below["0", "weights"].diff().tolist()
    expected, _ = np.histogram(weights, bins=[-math.inf, *np.float32(EDGES), math.inf])
    assert counts == expected.tolist()
    assert len(counts) == NUM_BINS
    assert {kind for _, kind in below} == {"weights", "gradients", "outputs"}


def test_what_is_not_finite_lies_in_no_bin_and_of_many_numbers_some_are_counted() -> None:
    spoiled = torch.tensor([math.nan, math.inf, -math.inf, 0.0, 5.0, -5.0])
    below = _below_edges(_sample([spoiled]))
    assert int(below[-1] - below[0]) == 3
    many = _sample([torch.randn(MAX_SAMPLE * 9), torch.randn(70, 80)])
    assert MAX_SAMPLE / 2 < len(many) <= MAX_SAMPLE


def test_of_a_deep_model_layers_at_equal_distances_are_looked_at() -> None:
    layers = [Layer(str(i), nn.Linear(1, 1)) for i in range(200)]
    names = [int(one.name) for one in _spread(layers)]
    assert len(names) == MAX_LAYERS
    assert (names[0], names[-1]) == (0, 199)
    assert {b - a for a, b in pairwise(names)} == {3, 4}


@pytest.mark.parametrize(
    ("said", "num_steps", "looks", "counts"),
    [
        ({}, 1000, [1, 50, 100, 150, 200, 250], [1, 250]),
        ({}, 30_000, [1, 300, 600], [1]),
        ({"watch_every": 100, "histograms_every": 200}, 1000, [1, 100, 200, 300, 400], [1, 200, 400]),
        ({"watch_every": 0}, 1000, [], []),
        ({"histograms_every": 0}, 1000, [1, 50, 100], []),
    ],
)
def test_when_it_looks_follows_from_the_specification(
    said: dict[str, int], num_steps: int, looks: list[int], counts: list[int]
) -> None:
    spec = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}, **said})
    rhythm = Rhythm.of(spec, num_steps)
    upto = max([*looks, *counts, 99]) + 1
    assert [step for step in range(1, upto) if rhythm.looks_at(step)] == looks
    assert [step for step in range(1, upto) if rhythm.counts_at(step)] == counts


def test_what_it_leaves_out_is_not_in_what_is_stored() -> None:
    said = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}}).model_dump(mode="json")
    assert not {"watch_every", "histograms_every"} & said.keys()
