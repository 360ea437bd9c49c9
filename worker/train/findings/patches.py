"""What may mend a run, as a JSON merge patch (RFC 7396) of its specification: whoever likes it sends it with a clone.

Each is None where there is no specification, or nothing in it that the patch would change.
"""

import math
from collections.abc import Callable
from typing import Any

from app.specs.layers import Layer
from app.specs.model import ModelSpec
from app.specs.optimizers import Adam
from app.specs.run import RunSpec
from app.specs.splits import SharesSplit

Patch = dict[str, Any]

_MORE_EPOCHS = 3
_WIDER = 4
_PATIENCE = 10
_MOST_VALIDATION = 0.4  # of all rows
_SIGMOIDAL = frozenset({"sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign"})


def lower_rate(spec: RunSpec | None) -> Patch | None:
    """A tenth of the learning rate."""
    return None if spec is None else _training(optimizer={"lr": rounded(spec.training.optimizer.lr / 10)})


def tried_rate(lr: float) -> Patch:
    """The learning rate that was found by trying, which need not be tried again."""
    return _training(optimizer={"lr": lr}, lr_range_test=None)


def in_memory(spec: RunSpec | None, rows_at_once: int | None) -> Patch | None:
    """No more rows go through the model at once, if any number is told; and what does not fit then is found out."""
    if spec is None:
        return None
    pieces = {} if rows_at_once is None else {"micro_batch_size": rows_at_once}
    if spec.training.num_processes > 1:  # of which none finds anything out by itself
        return _training(**pieces) if pieces else None
    return _training(**pieces, fit_memory=True)


def calmer(spec: RunSpec | None) -> Patch | None:
    """A tenth of the learning rate, and gradients that are bounded."""
    if spec is None:
        return None
    bound = min(1.0, spec.training.max_grad_norm or 1.0)
    return _training(optimizer={"lr": rounded(spec.training.optimizer.lr / 10)}, max_grad_norm=bound)


def other_steps(spec: RunSpec | None) -> Patch | None:
    """Adam where steps are plain, whose length does not hang on that of the gradient (Kingma, Ba, 2015)."""
    if spec is None or spec.training.optimizer.type != "sgd":
        return None
    return _training(optimizer=_replacing(spec.training.optimizer, Adam(lr=0.01).model_dump(mode="json")))


def slower_schedule(spec: RunSpec | None) -> Patch | None:
    """Half a cosine over the whole run, which is at half the rate when half of the steps are done."""
    if spec is None:
        return None
    schedule = spec.training.schedule
    return _training(schedule=_replacing(schedule, {"type": "cosine", "warmup_steps": schedule.warmup_steps}))


def falling_rate(spec: RunSpec | None) -> Patch | None:
    """The same where the rate stays as it is."""
    return slower_schedule(spec) if spec is not None and spec.training.schedule.type == "constant" else None


def more_epochs(spec: RunSpec | None) -> Patch | None:
    """Three times as many."""
    return None if spec is None else _training(num_epochs=_MORE_EPOCHS * spec.training.num_epochs)


def early_stopping(spec: RunSpec | None) -> Patch | None:
    """An end when rows that it has not seen get worse, with the best weights."""
    if spec is None:
        return None
    if spec.training.early_stopping is not None:
        return _training(early_stopping={"restore_best": True})
    return _training(early_stopping={"series": "validation/loss", "patience": _PATIENCE, "restore_best": True})


def bound_gradients(spec: RunSpec | None, longest: float) -> Patch | None:
    """Gradients no longer than that."""
    return None if spec is None else _training(max_grad_norm=rounded(longest))


def standardized(spec: RunSpec | None) -> Patch | None:
    """Inputs around 0, of spread 1."""
    return {"data": {"scale": "standardize"}} if spec is not None and spec.data.scale == "none" else None


def wider(spec: RunSpec | None) -> Patch | None:
    """Hidden linear layers of four times the width, in a model whose layers follow one another."""
    linear = [] if spec is None else [i for i, layer in enumerate(_chain(spec)) if layer["type"] == "linear"]
    hidden = set(linear[:-1])
    return _layers(
        spec, lambda i, layer: {**layer, "out_features": _WIDER * layer["out_features"]} if i in hidden else layer
    )


def begun_anew(spec: RunSpec | None) -> Patch | None:
    """Layers that begin with weights of a user's choice begin as torch has them."""
    return _layers(spec, lambda i, layer: {name: value for name, value in layer.items() if name != "weight_init"})


def rectified(spec: RunSpec | None) -> Patch | None:
    """Hidden sigmoids and their like become relu, whose slope is 1 wherever it is not 0 (Glorot et al., 2011)."""
    last = len(_chain(spec)) - 1
    return _layers(
        spec, lambda i, layer: _other_type(layer, "relu") if layer["type"] in _SIGMOIDAL and i < last else layer
    )


def leaky(spec: RunSpec | None) -> Patch | None:
    """A relu that lets a little through below 0, so that no unit is lost for good (Maas et al., 2013)."""
    return _layers(
        spec, lambda i, layer: _other_type(layer, "leaky_relu") if layer["type"] in {"relu", "relu6"} else layer
    )


def trained_backbones(spec: RunSpec | None) -> Patch | None:
    """Known networks that are frozen begin with torchvision's weights."""
    return _layers(spec, lambda i, layer: {**layer, "weights": {"type": "hub"}} if _is_frozen_chance(layer) else layer)


def _is_frozen_chance(layer: dict[str, Any]) -> bool:
    return layer["type"] == "backbone" and bool(layer.get("freeze")) and layer.get("weights") is None


def more_validation(spec: RunSpec | None, num_rows: int, of: int) -> Patch | None:
    """About so many rows to validate, taken from those to train on, unless those are too few then."""
    if spec is None or not isinstance(spec.data.split, SharesSplit) or not of:
        return None
    split = spec.data.split
    share = math.ceil(100 * num_rows / of) / 100
    train = round(1 - share - split.test, 6)
    if share > _MOST_VALIDATION or train < _MOST_VALIDATION:
        return None
    return {"data": {"split": {"train": train, "validation": share}}}


def rounded(value: float) -> float:
    """To one digit."""
    return float(f"{value:.1g}")


def _training(**changes: Any) -> Patch:
    return {"training": changes}


def _replacing(old: Any, new: Patch) -> Patch:
    """A patch that leaves nothing of the old."""
    return {**{name: None for name in old.model_dump(mode="json") if name not in new}, **new}


def _chain(spec: RunSpec | None) -> list[dict[str, Any]]:
    """The layers of a model that follow one another, outside of blocks, with what is said of each."""
    if spec is None or not isinstance(spec.model, ModelSpec) or not spec.model.is_chain:
        return []
    return [_said(layer) for layer in spec.model.layers]


def _said(layer: Layer) -> dict[str, Any]:
    said = layer.model_dump(mode="json")
    others = {name for name, field in type(layer).model_fields.items() if getattr(layer, name) != field.default}
    return {name: value for name, value in said.items() if name == "type" or name in others}


def _layers(spec: RunSpec | None, change: Callable[[int, dict[str, Any]], dict[str, Any]]) -> Patch | None:
    """A patch knows no places in a list: it has all layers."""
    layers = _chain(spec)
    changed = [change(i, layer) for i, layer in enumerate(layers)]
    return {"model": {"layers": changed}} if changed != layers else None


def _other_type(layer: dict[str, Any], type: str) -> dict[str, Any]:
    return {"type": type, **{name: layer[name] for name in ("name", "inputs") if layer.get(name) is not None}}
