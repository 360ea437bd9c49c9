"""Evaluation: how good a trained model is on each part of the data, and how good one needs to be to beat nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from app.columns import spell_one
from worker.train.batches import Part
from worker.train.losses import Loss
from worker.train.metrics import Accumulator, Answers, Metric, class_scores, roc_auc

_BATCH_BYTES = 16 << 20
_MIN_ROWS, _MAX_ROWS = 64, 4096
_LISTED_NUMBERS = 1000
_LISTED_CLASSES = 200


@dataclass(frozen=True)
class Judge:
    """By what a model is judged: its loss, the metrics asked for, and how its outputs are read as classes, if so."""

    loss: Loss
    metrics: Sequence[Metric]
    answers: Answers | None
    classes: list[Any] | None


def outputs_of(model: nn.Module, part: Part, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs and targets of all rows in evaluation mode, some rows at a time, on the device."""
    model.eval()
    num_rows = max(_MIN_ROWS, min(_MAX_ROWS, _BATCH_BYTES // max(1, part.inputs[:1].nbytes)))
    for start in range(0, len(part), num_rows):
        rows = slice(start, start + num_rows)
        yield model(part.inputs[rows].to(device)), part.targets[rows].to(device)


@torch.no_grad()
def measure(model: nn.Module, part: Part, judge: Judge, device: torch.device) -> dict[str, Tensor]:
    """The loss and the metrics over a part, 0-d each, on the device."""
    return _measure(outputs_of(model, part, device), judge)


def _measure(batches: Iterator[tuple[Tensor, Tensor]], judge: Judge) -> dict[str, Tensor]:
    accumulator = Accumulator(judge.metrics)
    total = torch.zeros(())
    for outputs, targets in batches:
        total = total.to(outputs.device) + judge.loss(outputs, targets).double() * len(targets)
        accumulator.add(outputs, targets)
    return {"loss": total / accumulator.num_rows, **accumulator.values()}


@torch.no_grad()
def report(model: nn.Module, part: Part, judge: Judge, device: torch.device) -> dict[str, Any]:
    """All there is to say about a part, as JSON: what `measure` gives and, with classes, which are taken for which."""
    batches = list(outputs_of(model, part, device))
    figures: dict[str, Any] = {name: _number(value) for name, value in _measure(iter(batches), judge).items()}
    if judge.answers is None or judge.classes is None or len(judge.classes) > _LISTED_CLASSES:
        return figures
    confusion = torch.stack([judge.answers.confusion(*batch) for batch in batches]).sum(0).cpu()
    figures["confusion"] = confusion.long().tolist()
    figures["per_class"] = _per_class(confusion, judge.classes)
    if judge.answers.threshold is not None:
        outputs, targets = (torch.cat(column).flatten().cpu() for column in zip(*batches, strict=True))
        figures["roc_auc"] = roc_auc(outputs, judge.answers.of_targets(targets))
    return figures


def _per_class(confusion: Tensor, classes: list[Any]) -> list[dict[str, Any]]:
    scores = {name: values.tolist() for name, values in class_scores(confusion).items()}
    support = confusion.sum(1).long().tolist()
    return [
        {"class": name, **{score: values[i] for score, values in scores.items()}, "support": support[i]}
        for i, name in enumerate(classes)
    ]


def baseline(outputs: Tensor, part: Part, judge: Judge, saying: str) -> dict[str, Any]:
    """The figures of a model that gives every row the same `outputs` (K,), judged on `part`."""
    everywhere = outputs.expand(len(part), *outputs.shape)
    figures = _measure(iter([(everywhere, part.targets)]), judge)
    return {"name": f"always saying {saying}", **{name: _number(value) for name, value in figures.items()}}


def parameters(model: nn.Module) -> list[dict[str, Any]]:
    """Each parameter: its values when they are few enough to read, its spread in any case."""
    return [_parameter(name, tensor.detach().cpu()) for name, tensor in model.named_parameters()]


def _parameter(name: str, tensor: Tensor) -> dict[str, Any]:
    numbers = tensor.double()
    return {
        "name": name,
        "shape": list(tensor.shape),
        "values": tensor.tolist() if tensor.numel() <= _LISTED_NUMBERS else None,
        "mean": _number(numbers.mean()),
        "std": _number(numbers.std(correction=0)),
        "min": _number(numbers.min()),
        "max": _number(numbers.max()),
    }


def _number(value: Tensor) -> float | str:
    """For JSON: what is not finite is spelled out, as it is in the curves."""
    return spell_one(float(value))
