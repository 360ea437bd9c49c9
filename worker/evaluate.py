"""Evaluation: how good a trained model is on each part of the data, and how good one needs to be to beat nothing."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from app.columns import spell_one
from worker.train.balance import weight_of
from worker.train.batches import AnyPart, targets_of
from worker.train.losses import Loss
from worker.train.metrics import Accumulator, Answers, Metric, class_scores
from worker.train.places import ROWS, Places
from worker.train.ranking import Ranking

_BATCH_BYTES = 16 << 20
_MIN_ROWS, _MAX_ROWS = 64, 4096
_LISTED_NUMBERS = 1000
LISTED_CLASSES = 200

Cut = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # outputs and targets of one of several


@dataclass(frozen=True)
class Judge:
    """By what a model is judged: its loss, the metrics asked for, and how its outputs are read as classes, if so."""

    loss: Loss
    metrics: Sequence[Metric]
    answers: Answers | None
    classes: list[Any] | None
    places: Places = ROWS
    weight: Tensor | None = None  # (K,): what the rows of each class count, where the loss is divided by that

    def count(self, targets: Tensor, num_answers: int | Tensor | None = None) -> int | Tensor:
        """By what the loss of a batch is divided: its answers, which may be counted already, or what they count."""
        if self.weight is not None:
            return weight_of(targets, self.weight)
        return self.places.count(targets) if num_answers is None else num_answers

    @property
    def is_uneven(self) -> bool:
        """Whether the loss of all rows is another one than the mean of those of batches, weighed as `count` says."""
        return False

    def whole(self, values: dict[str, Tensor]) -> Tensor:
        """The loss of all rows, 0-d, where it is uneven, from their other figures."""
        raise NotImplementedError

    def accumulator(self) -> Accumulator:
        """Where the metrics gather."""
        return Accumulator(self.metrics, self.places)

    def share_of(self, targets: Tensor) -> Loss:
        """The loss of some rows of a batch as what they add to the batch's; `targets` are those of all its rows."""
        whole = self.count(targets)
        return lambda outputs, own: self.loss(outputs, own) * _share(self.count(own), whole)


def _share(count: int | Tensor, whole: int | Tensor) -> float | Tensor:
    if isinstance(whole, Tensor):
        return (count / torch.where(whole > 0, whole, 1)).float()  # of empty texts alone there is nothing to share
    return count / whole


def pieces(part: AnyPart) -> Iterator[slice]:
    """The rows of a part, as many at a time as are judged together."""
    num_rows = max(_MIN_ROWS, min(_MAX_ROWS, _BATCH_BYTES // max(1, part.row_bytes)))
    num_rows = min(num_rows, part.judged_at_once or num_rows)
    for start in range(0, len(part), num_rows):
        yield slice(start, min(start + num_rows, len(part)))


def outputs_of(model: nn.Module, part: AnyPart, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs and targets of all rows in evaluation mode, some rows at a time, on the device."""
    model.eval()
    for rows in pieces(part):
        inputs, targets = part.take(rows)
        yield model(part.ready(inputs.to(device))), part.ready_targets(targets.to(device))
        part.release()


@torch.no_grad()
def measure(model: nn.Module, part: AnyPart, judge: Judge, device: torch.device) -> dict[str, Tensor]:
    """The loss and the metrics over a part, 0-d each, on the device."""
    return _measure(outputs_of(model, part, device), judge)


def _measure(batches: Iterator[tuple[Tensor, Tensor]], judge: Judge) -> dict[str, Tensor]:
    accumulator = judge.accumulator()
    total: Tensor = torch.zeros(())
    weighed: int | Tensor = 0
    for outputs, targets in batches:
        count = judge.count(targets, accumulator.add(outputs, targets))
        total = total.to(outputs.device) + judge.loss(outputs, targets).double() * count
        weighed = weighed + count
    values = accumulator.values()
    return {"loss": judge.whole(values) if judge.is_uneven else total / weighed, **values}


@torch.no_grad()
def report(
    model: nn.Module, part: AnyPart, judge: Judge, device: torch.device, cut: Cut | None = None
) -> dict[str, Any]:
    """All there is to say about a part, as JSON: what `measure` gives and, with classes, which are taken for which.

    Of several outputs, `cut` gives those that are judged, with their targets.
    """
    answers, classes = judge.answers, judge.classes
    batches: Iterator[tuple[Tensor, Tensor]] = outputs_of(model, part, device)
    if cut is not None:
        batches = itertools.starmap(cut, batches)
    if answers is None or classes is None or len(classes) > LISTED_CLASSES:
        return {name: _number(value) for name, value in _measure(batches, judge).items()}
    table = _Table(answers, judge.places)
    measured = _measure(table.watching(batches), judge)
    figures: dict[str, Any] = {name: _number(value) for name, value in measured.items()}
    confusion = table.confusion.cpu()
    figures["confusion"] = confusion.long().tolist()
    figures["per_class"] = _per_class(confusion, classes)
    if answers.threshold is not None:
        figures["roc_auc"] = table.ranking.roc_auc()
    return figures


class _Table:
    """What a report takes of batches as they pass: counts, and of one output alone its ranking."""

    def __init__(self, answers: Answers, places: Places) -> None:
        self.answers, self.places = answers, places
        self.confusion = torch.zeros(())  # (K, K) counts, once a batch has passed
        self.ranking = Ranking()

    def watching(self, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batches."""
        for outputs, targets in batches:
            rows = self.places.rows(outputs, targets)
            self.confusion = self.confusion.to(outputs.device) + self.answers.confusion(*rows)
            if self.answers.threshold is not None:
                self.ranking.add(outputs, self.answers.of_targets(targets))
            yield outputs, targets


def _per_class(confusion: Tensor, classes: list[Any]) -> list[dict[str, Any]]:
    scores = {name: values.tolist() for name, values in class_scores(confusion).items()}
    support = confusion.sum(1).long().tolist()
    return [
        {"class": name, **{score: values[i] for score, values in scores.items()}, "support": support[i]}
        for i, name in enumerate(classes)
    ]


def baseline(
    outputs: Tensor, part: AnyPart, judge: Judge, saying: str, cut: Callable[[Tensor], Tensor] | None = None
) -> dict[str, Any]:
    """The figures of a model that gives every row of a part the same `outputs` (K,), or those of its places.

    Of several outputs, `cut` gives the targets of the one that is judged.
    """
    # Targets alone: inputs may be where they are because the device has no room for them.
    some: Iterable[Tensor] = (targets.to(outputs.device) for targets in targets_of(part))
    if cut is not None:
        some = map(cut, some)
    figures = _measure(((outputs.expand(len(targets), *outputs.shape), targets) for targets in some), judge)
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
