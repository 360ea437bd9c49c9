"""What each layer does while a model learns: how long its gradients, weights and steps are, and what comes out of it.

It looks at some steps, which follow from the specification alone. On all others nothing is attached to the model and
nothing is computed. What is seen stays on the device and leaves with the recorder's batches.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from app.histograms import EDGES
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec

MAX_LAYERS = 64  # of a deeper model, as many at equal distances, the first and the last among them
NUM_LOOKS = 5  # a unit is dead that gave zero for every row of so many looks
MAX_SAMPLE = 1 << 11  # numbers that a histogram counts: of more, every so manieth
LEAST_RHYTHM = 50
MAX_HISTOGRAMS = 400  # of a layer in a run
_HISTOGRAMS = 5  # of so many looks one has histograms

_ALL_EDGES = (torch.finfo(torch.float32).min, *EDGES, math.inf)
_RECTIFIED = (nn.ReLU, nn.ReLU6)
# Where the slope is below a twenty-fifth of its greatest: σ' = y(1−y) ≤ 0.01 of 0.25, tanh' = 1−y² ≤ 0.04 of 1.
_SATURATED: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.0101, 0.9899),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Tanh: (-0.98, 0.98),
    nn.Hardtanh: (-1.0, 1.0),
}


def rhythm(num_steps: int) -> int:
    """Every how many steps one looks: a hundred times a run, but not more often than every 50 steps."""
    return max(LEAST_RHYTHM, num_steps // 100)


@dataclass(frozen=True)
class Rhythm:
    """Every how many steps layers are looked at, and histograms taken; 0 is never. The first step is one of them."""

    every: int = 0
    histograms_every: int = 0

    @classmethod
    def of(cls, training: TrainingSpec, num_steps: int) -> "Rhythm":
        """That of a run. Histograms are large, so however often they are asked for, there are a few hundred at most."""
        every = rhythm(num_steps) if training.watch_every is None else training.watch_every
        asked = training.histograms_every
        if asked is None:
            return cls(every, _HISTOGRAMS * every)
        return cls(every, asked and max(asked, -(-num_steps // MAX_HISTOGRAMS)))

    def looks_at(self, step: int) -> bool:
        """Whether a step, from 1, is looked at."""
        return _falls_on(step, self.every)

    def counts_at(self, step: int) -> bool:
        """Whether histograms are taken of it."""
        return _falls_on(step, self.histograms_every)


def _falls_on(step: int, every: int) -> bool:
    return bool(every) and (step % every == 0 or step == 1)


@dataclass(frozen=True)
class Layer:
    """A layer that is looked at."""

    name: str
    module: nn.Module
    is_heard: bool = True  # what comes out of it is looked at


class Figure(NamedTuple):
    """What a number says: of which layer, and what. A norm is of one parameter of several."""

    layer: str
    what: str
    over: float = 1.0  # what it is still to be divided by


class Look(NamedTuple):
    """What was seen in one step. Tensors stay on the device."""

    figures: list[Figure]
    values: Tensor  # (F,) of each
    counted: list[tuple[Figure, int]]  # histograms, and of how many numbers each is
    below: list[Tensor]  # (bins + 1,) of each how many numbers lie below an edge


@dataclass
class _Weights:
    """Parameters: each with the layer that it is of, and as it was before the step."""

    layers: list[str]
    parameters: list[nn.Parameter]
    before: list[Tensor]

    def learning(self) -> "_Weights":
        """Those that a gradient has reached."""
        each = zip(self.layers, self.parameters, self.before, strict=True)
        kept = [(layer, one, was) for layer, one, was in each if one.grad is not None]
        return _Weights([layer for layer, _, _ in kept], [one for _, one, _ in kept], [was for _, _, was in kept])


class Watch:
    """Looks at layers: `begin` before a step, and `end` after it where `begin` says so."""

    def __init__(self, layers: Sequence[Layer], optimizer: Optimizer | None, rhythm: Rhythm) -> None:
        self.layers = _spread(layers)
        self.optimizer, self.rhythm = optimizer, rhythm
        self._alive: dict[str, list[Tensor]] = {}  # which units gave more than zero, at each of the last looks
        self._reads_channels = any(isinstance(one, nn.Conv1d) for layer in layers for one in layer.module.modules())
        self._attached: list[Any] = []
        self._counts = False
        self._begin_anew()

    @classmethod
    def of(
        cls, model: ModelSpec, module: nn.Module, optimizer: Optimizer, rhythm: Rhythm, *, hears: bool = True
    ) -> "Watch":
        """That of a model's layers with weights, and of its activations.

        What goes into an activation is seen by what comes out of it. Of a model that is compiled nothing that comes out
        is seen (`hears` False): to attach something would have it compiled anew.
        """
        activations = [node for node in model.nodes if node.layer.group == "activation"]
        heard = {node.name for node in activations}
        silent = {name for node in activations for name in node.inputs}
        layers = [
            Layer(node.name, module.get_submodule(node.name), hears and node.name not in silent) for node in model.nodes
        ]
        kept = [one for one in layers if one.name in heard or any(True for _ in one.module.parameters())]
        return cls(kept, optimizer, rhythm)

    @classmethod
    def none(cls) -> "Watch":
        """One that looks at nothing."""
        return cls([], None, Rhythm())

    def begin(self, step: int) -> bool:
        """Attach to the model for the step with this number, from 1. Whether it is one that is looked at."""
        looks, self._counts = self.rhythm.looks_at(step), self.rhythm.counts_at(step)
        if not (looks or self._counts) or self.optimizer is None:
            return False
        self._begin_anew()
        self._attached = [one.module.register_forward_hook(self._seer(one)) for one in self.layers if one.is_heard]
        self._attached.append(self.optimizer.register_step_pre_hook(self._before_weights_move))
        return True

    def end(self) -> Look:
        """Let go of the model, and give what was seen."""
        for one in self._attached:
            one.remove()
        self._attached = []
        if self._weights is not None and (weights := self._weights.learning()).layers:
            self._after_weights_moved(weights)
        counted = [(figure, len(sample)) for figure, sample in self._samples]
        values = torch.stack(self._values) if self._values else torch.empty(0)
        below = [_below_edges(sample) for _, sample in self._samples]
        look = Look(self._figures, values, counted, below)
        self._begin_anew()
        return look

    def state(self) -> dict[str, Tensor]:
        """What has to be known to go on: which units were alive, by layer."""
        return {name: torch.stack(looks) for name, looks in self._alive.items()}

    def restore(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Take up what `state` gave."""
        self._alive = {name: list(looks.to(device).unbind()) for name, looks in state.items()}

    def _begin_anew(self) -> None:
        self._figures: list[Figure] = []
        self._values: list[Tensor] = []
        self._samples: list[tuple[Figure, Tensor]] = []
        self._weights: _Weights | None = None
        self._heard: set[str] = set()

    def _add(self, layer: str, what: str, value: Tensor, over: float = 1.0) -> None:
        self._figures.append(Figure(layer, what, over))
        self._values.append(value)

    def _seer(self, layer: Layer) -> Callable[..., None]:
        def see(module: nn.Module, inputs: Any, output: Any) -> None:
            # A layer that is used again, or a batch that comes in pieces: the first says enough.
            if layer.name not in self._heard and isinstance(output, Tensor) and output.is_floating_point():
                self._heard.add(layer.name)
                self._see(layer, output.detach().float())

        return see

    def _see(self, layer: Layer, output: Tensor) -> None:
        """What comes out of a layer (N, …). It is computed now, for what follows may work in place.

        Written in what is quick: torch.std_mean, count_nonzero and amax take ten times as long on a CPU.
        """
        mean = output.mean()
        self._add(layer.name, "mean", mean)
        self._add(layer.name, "std", torch.linalg.vector_norm(output - mean), math.sqrt(output.numel()))
        if isinstance(layer.module, _RECTIFIED):
            self._add(layer.name, "zeros", 1 - output.sign().mean())
            self._see_alive(layer.name, output)
        bounds = _SATURATED.get(type(layer.module))
        if bounds is not None:
            middle, reach = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
            self._add(layer.name, "saturated", (output - middle).abs_().ge_(reach).mean())
        if self._counts:
            self._samples.append((Figure(layer.name, "outputs"), _sample([output])))

    def _see_alive(self, name: str, output: Tensor) -> None:
        """The share of units that gave more than zero for no row of the last looks; a channel is one unit."""
        if output.dim() < 2:
            return
        kept = output.dim() - 1 if output.dim() == 3 and not self._reads_channels else 1
        looks = self._alive.setdefault(name, [])
        looks.append(output.sum([axis for axis in range(output.dim()) if axis != kept]) > 0)
        del looks[:-NUM_LOOKS]
        if len(looks) == NUM_LOOKS:
            self._add(name, "dead", 1 - torch.stack(looks).any(0).float().mean())

    @cached_property
    def _parameters(self) -> list[tuple[str, nn.Parameter]]:
        """All parameters, each with the first layer that it is of."""
        owned = ((layer.name, one) for layer in self.layers for one in layer.module.parameters())
        return list({id(one): (name, one) for name, one in reversed(list(owned))}.values())[::-1]

    def _before_weights_move(self, *_: Any) -> None:
        """Keep the weights as they are right before the optimizer's step, when what the layers gave is gone."""
        learning = [(name, one) for name, one in self._parameters if one.requires_grad]
        if learning and self._weights is None:
            layers, parameters = map(list, zip(*learning, strict=True))
            self._weights = _Weights(layers, parameters, [one.detach().clone() for one in parameters])

    def _after_weights_moved(self, weights: _Weights) -> None:
        """Gradients are still as the optimizer took them, those of one that tries several weights the last."""
        layers, gradients = weights.layers, [one.grad for one in weights.parameters if one.grad is not None]
        self._add_norms("grad_norm", layers, gradients)
        self._add_norms("weight_norm", layers, weights.before)
        moved = torch._foreach_sub([one.detach() for one in weights.parameters], weights.before)
        self._add_norms("update_norm", layers, moved)
        for what, tensors in (("weights", weights.before), ("gradients", gradients)) if self._counts else ():
            for layer in dict.fromkeys(layers):
                own = [one for one, name in zip(tensors, layers, strict=True) if name == layer]
                self._samples.append((Figure(layer, what), _sample(own)))

    def _add_norms(self, what: str, layers: Sequence[str], tensors: Sequence[Tensor]) -> None:
        self._figures += [Figure(layer, what) for layer in layers]
        self._values += torch._foreach_norm(list(tensors), dtype=torch.float32)


def _sample(tensors: Sequence[Tensor]) -> Tensor:
    """Their numbers (M,), or of many every so manieth, as they are now."""
    stride = -(-sum(one.numel() for one in tensors) // MAX_SAMPLE) | 1
    return torch.cat([one.flatten()[::stride].float() for one in tensors])


def _below_edges(sample: Tensor) -> Tensor:
    """How many lie below each edge, the least and the greatest number there are among them; NaN counts as infinite.

    Sorted, for that gives the same counts on every device and waits for none.
    """
    ordered = sample.nan_to_num(math.inf, math.inf, -math.inf).sort().values
    return torch.searchsorted(ordered, torch.tensor(_ALL_EDGES, device=sample.device))


def _spread(layers: Sequence[Layer]) -> list[Layer]:
    if len(layers) <= MAX_LAYERS:
        return list(layers)
    last = len(layers) - 1
    return [layers[round(i * last / (MAX_LAYERS - 1))] for i in range(MAX_LAYERS)]
