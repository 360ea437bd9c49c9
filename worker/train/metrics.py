"""Metrics: sums gathered batch by batch on the device, a value when someone asks.

A metric is two functions. `sums(outputs, targets)` gives float64 sums over the rows of a batch, which add up across
batches; `value(sums, num_rows)` turns the total into a number. So the value does not depend on how rows fell into
batches, and nothing waits for the device between steps. Formulas and their edge cases are scikit-learn's, with
`zero_division=0`; precision, recall and F1 are of the positive class for two classes, unweighted means above.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from worker.train.places import IGNORED, ROWS, Places


class Metric(Protocol):
    """A number that judges outputs by targets."""

    @property
    def name(self) -> str:
        """How the metric is called in the names of series."""

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sums of one batch, float64, of any fixed shape."""

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        """The metric, 0-d, of all rows whose sums were added up."""


@dataclass(frozen=True)
class Answers:
    """How outputs and targets are read as class indices.

    `threshold` None: outputs `(N, K, …)`, the largest wins, targets are indices, `IGNORED` where there is none if some
    are to be ignored. Else one output, above it is class 1, as targets are above `truth`, the same if nothing is said.
    """

    num_classes: int
    threshold: float | None = None
    truth: float | None = None
    ignores: bool = False

    def of_outputs(self, outputs: Tensor) -> Tensor:
        """Class indices `(N,)`, or whether each is class 1, in the shape of `outputs`."""
        return outputs.argmax(dim=1) if self.threshold is None else outputs > self.threshold

    def of_targets(self, targets: Tensor) -> Tensor:
        """The same of the truth."""
        if self.threshold is None:
            return targets
        return targets > (self.threshold if self.truth is None else self.truth)

    def confusion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Counts `(K, K)`, float64: rows are the truth, columns the answers."""
        cells = self.of_targets(targets).long() * self.num_classes + self.of_outputs(outputs)
        num_cells = self.num_classes**2
        if self.ignores:
            cells = torch.where(targets == IGNORED, num_cells, cells)
        counts = torch.bincount(cells.flatten(), minlength=num_cells)[:num_cells]
        return counts.reshape(self.num_classes, self.num_classes).double()

    def counts(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of each class how often it was rightly said, was true, was said: (3, K), float64; no table of all pairs."""
        said, true = self.of_outputs(outputs).long().flatten(), self.of_targets(targets).long().flatten()
        if self.ignores:
            asked = targets.flatten() != IGNORED
            said, true = torch.where(asked, said, self.num_classes), torch.where(asked, true, self.num_classes)
        right = torch.where(said == true, true, self.num_classes)
        found = [torch.bincount(one, minlength=self.num_classes + 1)[: self.num_classes] for one in (right, true, said)]
        return torch.stack(found).double()


@dataclass(frozen=True)
class Accuracy:
    """The share of rows answered rightly."""

    answers: Answers
    name: str = "accuracy"

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (self.answers.of_outputs(outputs) == self.answers.of_targets(targets)).sum(dtype=torch.float64)

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return sums / num_rows


@dataclass(frozen=True)
class TopK:
    """The share of rows whose class is among the `k` largest outputs."""

    k: int
    name: str

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        k = min(self.k, outputs.shape[1])
        return (outputs.topk(k, dim=1).indices == targets.unsqueeze(1)).sum(dtype=torch.float64)

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return sums / num_rows


@dataclass(frozen=True)
class OfClasses:
    """Precision, recall or F1, from what was said of each class."""

    answers: Answers
    name: str

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.answers.counts(outputs, targets)

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        right, true, said = sums
        per_class = scores(right, true, said)[self.name]
        if self.answers.num_classes == 2:
            return per_class[1]
        # As scikit-learn: a class that occurs neither in the truth nor in the answers has no say in the mean.
        return per_class[(true + said) > 0].mean()


@dataclass(frozen=True)
class Error:
    """The mean of a function of the error, in the target's own unit: `scale` undoes what preprocessing did.

    Of several columns it is a tensor, of each its own.
    """

    name: str
    scale: float | Tensor
    of_error: Callable[[Tensor], Tensor]
    of_mean: Callable[[Tensor], Tensor] = lambda mean: mean

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        errors = outputs.double() - targets
        if isinstance(self.scale, Tensor) or self.scale != 1:
            errors = errors * self.scale
        return self.of_error(errors).sum() / (errors.numel() // len(errors))

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return self.of_mean(sums / num_rows)


@dataclass(frozen=True)
class R2:
    """The share of the targets' variance that the outputs explain; 0 for always saying the mean."""

    name: str = "r2"

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        targets = targets.double()
        squared_errors = (outputs - targets).square().sum()
        sums = torch.stack([squared_errors, targets.sum(), targets.square().sum()])
        return sums / targets[0].numel()  # of several values a row, their mean: then `value` need not know how many

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        squared_errors, total, squares = sums
        spread = squares - total.square() / num_rows
        perfect = (squared_errors == 0).double()
        return torch.where(spread > 0, 1 - squared_errors / spread.clamp_min(1e-300), perfect)


@dataclass(frozen=True)
class R2OfPlaces:
    """The same of several numbers a row, where the mean is that of each place, as the baseline says it.

    scikit-learn's `r2_score` with `multioutput="variance_weighted"`, of numbers as the model has them.
    """

    name: str = "r2"

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        targets = targets.double()
        squared_errors = (outputs - targets).square().sum()
        return torch.cat([torch.stack([squared_errors, targets.square().sum()]), targets.sum(0).flatten()])

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        squared_errors, squares, totals = sums[0], sums[1], sums[2:]
        spread = squares - totals.square().sum() / num_rows
        perfect = (squared_errors == 0).double()
        return torch.where(spread > 0, 1 - squared_errors / spread.clamp_min(1e-300), perfect)


@dataclass(frozen=True)
class OfRead:
    """A metric of outputs that become numbers first."""

    metric: Metric
    read: Callable[[Tensor], Tensor]

    @property
    def name(self) -> str:
        return self.metric.name

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.metric.sums(self.read(outputs), targets)

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return self.metric.value(sums, num_rows)


def class_scores(confusion: Tensor) -> dict[str, Tensor]:
    """Precision, recall and F1 of each class `(K,)` from counts `(K, K)`."""
    return scores(confusion.diagonal(), confusion.sum(1), confusion.sum(0))


def scores(right: Tensor, true: Tensor, said: Tensor) -> dict[str, Tensor]:
    """The same of how often each was rightly said, was true, was said; 0 where there is nothing to divide by."""
    return {
        "precision": right / said.clamp_min(1),
        "recall": right / true.clamp_min(1),
        "f1": 2 * right / (true + said).clamp_min(1),
    }


def build(type: str, answers: Answers | None, scale: float | Tensor, k: int = 1, *, of_places: bool = False) -> Metric:
    """The metric of that name. `answers` is None where outputs are plain numbers; `of_places`: several of a row."""
    match type:
        case "mae":
            return Error("mae", scale, torch.abs)
        case "mse":
            return Error("mse", scale, torch.square)
        case "rmse":
            return Error("rmse", scale, torch.square, torch.sqrt)
        case "r2":
            return R2OfPlaces() if of_places else R2()
        case "top_k_accuracy":
            return TopK(k, f"top_{k}_accuracy")
    assert answers is not None, f"{type} needs classes"
    return Accuracy(answers) if type == "accuracy" else OfClasses(answers, type)


class Accumulator:
    """The sums of several metrics over the rows seen so far, on the device."""

    def __init__(self, metrics: Sequence[Metric], places: Places = ROWS) -> None:
        self.metrics, self.places = metrics, places
        self.sums: dict[str, Tensor] = {}
        self.num_rows: int | Tensor = 0  # or of answers of many places, how many of these; on the device where counted

    def add(self, outputs: Tensor, targets: Tensor) -> int | Tensor:
        """Count one batch in. Returns how many answers it has, which is what its loss is the mean of."""
        num_rows = self.places.count(targets)
        outputs, targets = self.places.rows(outputs, targets)
        for metric in self.metrics:
            sums = metric.sums(outputs, targets)
            total = self.sums.get(metric.name)
            self.sums[metric.name] = sums if total is None else total + sums
        self.num_rows = self.num_rows + num_rows
        return num_rows

    def values(self) -> dict[str, Tensor]:
        """Each metric by name, 0-d, on the device."""
        return {metric.name: metric.value(self.sums[metric.name], self.num_rows) for metric in self.metrics}

    def restore(self, sums: dict[str, Tensor], num_rows: int, device: torch.device) -> None:
        """Take up sums gathered before."""
        self.sums = {name: tensor.to(device) for name, tensor in sums.items()}
        self.num_rows = num_rows
