"""Several outputs: each is judged by itself, and the training makes the weighted sum of their losses small.

Outputs and targets come packed, (N, all of them), those of one output after those of another; numbers of four bytes,
in which classes below 2**24 are exact.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from app import transforms
from app.specs.heads import training_of
from app.specs.losses import CLASS_LOSSES
from app.specs.training import TrainingSpec
from app.transforms import ImageStep, Target, TextStep
from worker.evaluate import Judge
from worker.train.doctor import Chance
from worker.train.judging import Judging, judging_of
from worker.train.losses import Loss
from worker.train.metrics import Accumulator
from worker.train.places import as_shares, as_tokens

SEVERAL = "weighted_sum"  # the loss of several outputs

Targets = Callable[[], Iterable[Tensor]]  # all of a part, some at a time


@dataclass(frozen=True)
class Cut:
    """Where one output lies among all of a row, and its target."""

    outputs: slice
    shape: tuple[int, ...]
    targets: slice
    target_shape: tuple[int, ...]
    ready: Callable[[Tensor], Tensor]

    def of_outputs(self, packed: Tensor) -> Tensor:
        """Its own (N, *shape), of those of all."""
        return packed[:, self.outputs].reshape(-1, *self.shape)

    def of_targets(self, packed: Tensor) -> Tensor:
        """The same of targets, as its loss takes them."""
        return self.ready(packed[:, self.targets].reshape(-1, *self.target_shape))

    def of(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Both."""
        return self.of_outputs(outputs), self.of_targets(targets)


@dataclass(frozen=True)
class Head:
    """One output: by what it is judged, and how much that counts."""

    name: str
    weight: float
    cut: Cut
    loss: "LossOfRows"
    judging: Judging

    def series(self, metric: str) -> str:
        """What a figure of it is called beside those of others."""
        return f"{self.name}_{metric}"

    def share(self, outputs: Tensor, targets: Tensor, of_all: Tensor) -> Tensor:
        """What some rows, packed, add to the weighted sum; `of_all` are the targets of all."""
        found = self.judging.judge.share_of(self.cut.of_targets(of_all))
        return self.weight * found(*self.cut.of(outputs, targets))

    def accumulator(self) -> Accumulator:
        """Where its metrics gather, and its loss."""
        judge = self.judging.judge
        return Accumulator([self.loss, *judge.metrics], judge.places)


@dataclass(frozen=True)
class LossOfRows:
    """A loss as a metric, of answers that `Places` has brought to rows."""

    loss: Loss
    judge: Judge
    name: str = "loss"

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        count = self.judge.count(targets)
        total = self.loss(outputs, targets).double() * count
        if isinstance(count, int):
            return total
        total = torch.where(count > 0, total, 0.0)
        return total if self.judge.weight is None else torch.stack([total, count])

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return sums / num_rows if self.judge.weight is None else sums[0] / sums[1]


@dataclass(frozen=True)
class HeadsJudge(Judge):
    """Judges several outputs, packed, all at once."""

    heads: Sequence[Head] = ()

    def count(self, targets: Tensor, num_answers: int | Tensor | None = None) -> int | Tensor:
        """Of several outputs, the rows."""
        return len(targets)

    @property
    def is_uneven(self) -> bool:
        """Whether the loss of an output is the mean of something else than of rows."""
        judges = [head.judging.judge for head in self.heads]
        return any(judge.weight is not None or judge.places.kind == "tokens" for judge in judges)

    def whole(self, values: dict[str, Tensor]) -> Tensor:
        """The sum of what the outputs have lost, each by itself."""
        each = [head.weight * values[head.series(head.loss.name)] for head in self.heads]
        return torch.stack(each).sum()

    def accumulator(self) -> Accumulator:
        """Where the metrics of all gather."""
        return HeadsAccumulator(self.heads)

    def share_of(self, targets: Tensor) -> Loss:
        """The same of the weighted sum, each output by its own count."""

        def share(outputs: Tensor, own: Tensor) -> Tensor:
            return torch.stack([head.share(outputs, own, targets) for head in self.heads]).sum()

        return share


class HeadsAccumulator(Accumulator):
    """The sums of every output's metrics and loss over the rows seen so far, each with a count of its own."""

    def __init__(self, heads: Sequence[Head]) -> None:
        super().__init__([])
        self._each = [(head, head.accumulator()) for head in heads]

    def add(self, outputs: Tensor, targets: Tensor) -> int:
        """Count one batch in. Returns its rows, of which each output may have more or fewer answers."""
        for head, gathered in self._each:
            gathered.add(*head.cut.of(outputs, targets))
            rows = torch.as_tensor(gathered.num_rows, device=outputs.device)
            self.sums |= {f"{head.name}/{name}": one for name, one in gathered.sums.items()}
            self.sums[f"{head.name}/rows"] = rows
        self.num_rows = self.num_rows + len(targets)
        return len(targets)

    def values(self) -> dict[str, Tensor]:
        """Each metric by the name of its output and its own."""
        found = ((head.series(name), one) for head, gathered in self._each for name, one in gathered.values().items())
        return dict(found)

    def restore(self, sums: dict[str, Tensor], num_rows: int, device: torch.device) -> None:
        """Take up sums gathered before."""
        super().restore(sums, num_rows, device)
        for head, gathered in self._each:
            prefix = f"{head.name}/"
            own = {key.removeprefix(prefix): one for key, one in sums.items() if key.startswith(prefix)}
            if own:
                gathered.restore(own, int(own.pop("rows")), device)


def judging_of_heads(training: TrainingSpec, target: Target, targets: Targets, device: torch.device) -> Judging:
    """By what several outputs are judged, and what a model reaches that ignores its inputs."""
    heads = [
        _head(training, head, cut, targets, device) for head, cut in zip(target.heads or (), _cuts(target), strict=True)
    ]

    def loss(outputs: Tensor, wanted: Tensor) -> Tensor:
        each = [head.weight * head.judging.judge.loss(*head.cut.of(outputs, wanted)) for head in heads]
        return torch.stack(each).sum()

    return Judging(
        HeadsJudge(loss, [], None, None, heads=heads),
        loss,
        torch.cat([head.judging.constant.to(device).float().flatten() for head in heads]),
        "; ".join(f"{head.name} {head.judging.constant_name}" for head in heads),
        Chance(
            sum(head.weight * head.judging.chance.loss for head in heads),
            sum(head.weight * head.judging.chance.unlearned for head in heads),
            _least(heads),
        ),
    )


def _head(training: TrainingSpec, head: transforms.Head, cut: Cut, targets: Targets, device: torch.device) -> Head:
    own, weight = training_of(training, head.name)
    judging = judging_of(own, head.target, lambda: map(cut.of_targets, targets()), device)
    return Head(head.name, weight, cut, LossOfRows(judging.loss, judging.judge), judging)


def _least(heads: list[Head]) -> float | None:
    """No loss of all is below this; None: there is no such bound."""
    least = [head.judging.chance.least for head in heads]
    return None if None in least else sum(head.weight * (one or 0.0) for head, one in zip(heads, least, strict=True))


def _cuts(target: Target) -> list[Cut]:
    """Where each output and its target lie."""
    found: list[Cut] = []
    for head in target.heads or ():
        usual = () if head.loss in CLASS_LOSSES else (1,)
        shape, target_shape = tuple(head.shape), head.target.shape or usual
        at, target_at = (found[-1].outputs.stop, found[-1].targets.stop) if found else (0, 0)
        places = slice(at, at + prod(shape)), slice(target_at, target_at + prod(target_shape))
        found.append(Cut(places[0], shape, places[1], target_shape, _ready(head)))
    return found


def _ready(head: transforms.Head) -> Callable[[Tensor], Tensor]:
    finish = ready_targets(head.target)
    if isinstance(head.target.step, TextStep):
        return lambda numbers: as_tokens(numbers.long())
    if finish is not None:
        return finish
    return Tensor.long if head.loss in CLASS_LOSSES else lambda numbers: numbers


def ready_targets(target: Target) -> Callable[[Tensor], Tensor] | None:
    """What targets become on the device: the bytes of images numbers, those of masks classes, fillers no tokens."""
    if isinstance(target.step, TextStep):
        return as_tokens
    if isinstance(target.step, ImageStep):
        return as_shares if target.num_classes is None else Tensor.long
    return None
