"""What the layers say: gradients that do not reach the first ones, units that gave out."""

import math
from collections.abc import Mapping, Sequence

from app.words import brief
from worker.train.findings import patches, stretches
from worker.train.findings.finding import Case, Finding
from worker.train.history import History

_LOOKS = 3  # one after the other that have to show it
_VANISHED = 1e-3
_UNWELL = 0.5
_DEAD, _NEARLY_ALL_DEAD = 0.5, 0.9
_SILENT = 0.99
_SATURATED = 0.8
_TOLD = 4  # layers by name


def vanishing_gradients(case: Case, history: History, *, ended: bool) -> Finding | None:
    """Next to its weights a layer's gradient is a thousandth of another's, and so is its step, while little is learned.

    In deep networks of sigmoids the gradient shrinks from layer to layer towards the input (Glorot, Bengio, 2010,
    "Understanding the difficulty of training deep feedforward neural networks"). An optimizer that divides by the
    length of the gradient, as Adam, makes up for it: then steps are alike, and nothing is said.
    """
    lengths, moves = _latest(history, "weight_norm"), _latest(history, "update_ratio")
    gradients = {layer: values for layer, values in _latest(history, "grad_norm").items() if layer in moves}
    relative = {layer: _divided(values, lengths[layer]) for layer, values in gradients.items()}
    silent = any(
        min(values) >= _SILENT for values in _latest(history, "zeros").values()
    )  # then units are dead, more likely
    if len(relative) < 2 or silent or not _is_unwell(case, history):
        return None
    vanished = [
        layer
        for layer in relative
        if all(map(_is_tiny, relative[layer], _greatest(relative)))
        and all(map(_is_tiny, moves[layer], _greatest(moves)))
    ]
    if not vanished or any("embedding" in case.layers.get(layer, "") for layer in vanished):
        return None  # of a lookup, most rows are not in a batch
    least = min(vanished, key=lambda layer: relative[layer][-1])
    most = max(relative, key=lambda layer: relative[layer][-1])
    return Finding(
        "vanishing_gradients",
        f"Hardly any gradient reaches {called(case, vanished)}",
        f"In {called(case, [most])} the gradient is {brief(relative[most][-1], 2)} of the weights' length, in "
        f"{called(case, [least])} only {brief(relative[least][-1], 2)}: a step moves those weights by "
        f"{brief(moves[least][-1], 1)} of themselves. They stay as they are, and the training loss "
        f"is {brief(stretches.recent_loss(history.windows))}; the same answer for every row gives "
        f"{brief(case.chance.loss)}.",
        history.windows[-1].last_step,
        "Use relu between the layers, batch normalization or skip connections, and begin with weights as large as "
        "kaiming_normal or xavier_uniform has them; or adam, whose steps do not shrink with the gradient.",
        series=_series(vanished, "grad_norm", "update_ratio"),
        layers=tuple(vanished),
        patch=patches.begun_anew(case.spec) or patches.other_steps(case.spec) or patches.rectified(case.spec),
    )


def dead_relus(case: Case, history: History, *, ended: bool) -> Finding | None:
    """Half of a layer's units gave zero for every row of five looks while nothing is learned, or nearly all did.

    Such a unit has no gradient, so it stays dead. Initial weights can do it, and steps that are too long (Lu et al.,
    2019, "Dying ReLU and initialization"; the lecture notes of CS231n tell of 40 % by a rate that is too high).
    """
    dead = _latest(history, "dead", looks=2)
    least = _DEAD if case.chance.reached_by(stretches.recent_loss(history.windows)) else _NEARLY_ALL_DEAD
    gone = [layer for layer, values in dead.items() if min(values) >= least]
    if not gone:
        return None
    worst = max(gone, key=lambda layer: dead[layer][-1])
    return Finding(
        "dead_relus",
        f"Units of {called(case, gone)} are dead",
        f"In {called(case, [worst])} {dead[worst][-1]:.0%} of the units gave zero for every row that was looked at. "
        "Where a relu gives zero it passes no gradient back, so these units no longer learn.",
        history.windows[-1].last_step,
        "Use leaky_relu, which lets a little through; a smaller learning rate; or inputs and first weights of a size "
        "near 1.",
        series=_series(gone, "dead", "zeros"),
        layers=tuple(gone),
        patch=patches.leaky(case.spec),
    )


def saturated_units(case: Case, history: History, *, ended: bool) -> Finding | None:
    """Four fifths of what a hidden sigmoid or tanh gives lies at its ends, where it is flat, while little is learned.

    Flat is where the slope is a twenty-fifth of its greatest or less. The gradient through such a layer is a fifth at
    best (Glorot, Bengio, 2010, who show it spread through the layers). At an output, sure answers look so.
    """
    shares = {layer: own for layer, own in _latest(history, "saturated").items() if layer not in case.outputs}
    flat = [layer for layer, values in shares.items() if min(values) >= _SATURATED]
    if not flat or not _is_unwell(case, history):
        return None
    worst = max(flat, key=lambda layer: shares[layer][-1])
    return Finding(
        "saturated_units",
        f"{called(case, flat).capitalize()} {'is' if len(flat) == 1 else 'are'} saturated",
        f"{shares[worst][-1]:.0%} of what {called(case, [worst])} gives lies at the ends of its range. It is flat "
        "there: whatever comes in, hardly any gradient goes back.",
        history.windows[-1].last_step,
        "Standardize the inputs, begin with smaller weights (xavier_uniform), normalize before the layer, or use relu.",
        series=_series(flat, "saturated", "std"),
        layers=tuple(flat),
        patch=patches.begun_anew(case.spec) or patches.standardized(case.spec) or patches.rectified(case.spec),
    )


def longest_gradient(case: Case, history: History) -> str | None:
    """The layer whose gradient is longest next to its weights, at the latest look."""
    lengths = _latest(history, "weight_norm", looks=1)
    relative = {
        layer: _divided(values, lengths[layer])[-1] for layer, values in _latest(history, "grad_norm", looks=1).items()
    }
    known = {layer: value for layer, value in relative.items() if not math.isnan(value)}
    return max(known, key=known.__getitem__, default=None)


def called(case: Case, layers: Sequence[str]) -> str:
    """Layers in words: "layer 3 (linear)", or some of several."""
    named = [f"{name} ({case.layers[name]})" if name in case.layers else name for name in layers[:_TOLD]]
    more = f" and {len(layers) - _TOLD} more" if len(layers) > _TOLD else ""
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    listed = ", ".join(named) if more else listed
    return f"{'layer' if len(layers) == 1 else 'layers'} {listed}{more}"


def _latest(history: History, what: str, looks: int = _LOOKS) -> dict[str, list[float]]:
    """The last values of each layer that has as many, in the order of the model."""
    told = {name: values for name, values in history.layers.items() if name.endswith(f"/{what}")}
    known = {name[len("layers/") : -len(what) - 1]: values[-looks:] for name, values in told.items()}
    return {layer: values for layer, values in known.items() if len(values) == looks}


def _divided(values: Sequence[float], by: Sequence[float]) -> list[float]:
    return [value / length if length else math.nan for value, length in zip(values, by, strict=True)]


def _greatest(of_layers: Mapping[str, Sequence[float]]) -> list[float]:
    """At each look; what is no number is not compared."""
    at_looks = zip(*of_layers.values(), strict=True)
    return [max((value for value in values if not math.isnan(value)), default=math.nan) for values in at_looks]


def _is_tiny(value: float, greatest: float) -> bool:
    return 0 < greatest < math.inf and value <= _VANISHED * greatest


def _is_unwell(case: Case, history: History) -> bool:
    return case.chance.share(stretches.recent_loss(history.windows)) >= _UNWELL


def _series(layers: Sequence[str], *what: str) -> tuple[str, ...]:
    return tuple(f"layers/{layer}/{one}" for layer in layers[:_TOLD] for one in what)
