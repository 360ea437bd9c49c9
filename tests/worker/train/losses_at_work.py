"""Every loss with arguments of each kind: its own formula in plain torch, and rows that it is for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app.specs.losses import LOSSES
from app.transforms import Target
from app.transforms.answers import Scaled
from worker.train import losses
from worker.train.balance import weights_of
from worker.train.losses import Loss

NUM_CLASSES = 5
WEIGHTS = [0.5, 2.0, 1.0, 0.05, 3.0]

Formula = Callable[[Tensor, Tensor], Tensor]

_ENDS = {"log_softmax": lambda scores: scores.log_softmax(1), "sigmoid": torch.sigmoid, "softplus": F.softplus}


@dataclass(frozen=True)
class Case:
    """A loss, what it is by another hand, its targets, and how a model must end."""

    type: str
    formula: Formula
    targets: Callable[[int, torch.Generator], Tensor]
    num_outputs: int = 1
    arguments: dict[str, Any] = field(default_factory=dict)
    ends_with: str | None = None  # the layer that makes of scores what the loss takes
    is_torchs: bool = True  # the same function, so that every bit is the same

    def __str__(self) -> str:
        said = [f"{name}={value}" for name, value in self.arguments.items()]
        return ", ".join([self.type, *said])

    def ends(self, scores: Tensor) -> Tensor:
        """What a model makes of scores (N, num_outputs) in the end."""
        return scores if self.ends_with is None else _ENDS[self.ends_with](scores)

    @property
    def target(self) -> Target:
        """What is predicted."""
        if LOSSES[self.type].group == "classes" or self.num_outputs == 1:
            return Target(name="y", classes=list(range(max(2, self.num_outputs))))
        columns = "ab" if self.type == "gaussian_nll_loss" else "abc"[: self.num_outputs]
        return Target(name="y", numbers=[Scaled(name=name) for name in columns], reading=self.spec.reading)

    def weights(self, targets: Tensor) -> dict[str, Tensor]:
        """What classes count, by the argument that says so."""
        return weights_of(self.spec, lambda: [targets], list("abcde"))

    def loss(self, targets: Tensor) -> Loss:
        """It, for a training on these rows."""
        return losses.build(**self.spec.model_dump() | self.weights(targets))

    @property
    def spec(self) -> Any:
        """As a training says it."""
        return LOSSES[self.type](**self.arguments)


def numbers(num_rows: int, generator: torch.Generator) -> Tensor:
    """Of two columns, one far from 0 and with outliers."""
    found = torch.randn(num_rows, 2, generator=generator)
    found[::7, 1] *= 30
    return found + torch.tensor([0.0, 3.0])


def counts(num_rows: int, generator: torch.Generator) -> Tensor:
    """Of two columns, one of which is mostly 0."""
    return torch.poisson(torch.tensor([0.2, 6.0]).expand(num_rows, 2), generator=generator)


def shares(num_rows: int, generator: torch.Generator) -> Tensor:
    """Of a whole, three columns."""
    return (2 * torch.randn(num_rows, 3, generator=generator)).softmax(1)


def classes(num_rows: int, generator: torch.Generator) -> Tensor:
    """Few of the last, none of the first but one."""
    return (torch.rand(num_rows, generator=generator) * 4.9).sqrt().mul(2).long().clamp_max(NUM_CLASSES - 1)


def yes_no(num_rows: int, generator: torch.Generator) -> Tensor:
    return (torch.rand(num_rows, 1, generator=generator) < 0.3).float()


def labels(num_rows: int, generator: torch.Generator) -> Tensor:
    """Of three columns, one of which is mostly yes."""
    return (torch.rand(num_rows, 3, generator=generator) < torch.tensor([0.1, 0.9, 0.4])).float()


def _normal(outputs: Tensor, targets: Tensor, full: bool = False, eps: float = 1e-6) -> Tensor:
    """torch's own, with variances."""
    return F.gaussian_nll_loss(outputs[:, :2], targets, outputs[:, 2:].exp(), full=full, eps=eps)


def _focal(outputs: Tensor, targets: Tensor, gamma: float, weight: Tensor | None = None) -> Tensor:
    """As the paper writes it, row by row."""
    weight = torch.ones(NUM_CLASSES) if weight is None else weight
    own = outputs.softmax(1)[range(len(targets)), targets]
    return (weight[targets] * (1 - own) ** gamma * -own.log()).sum() / weight[targets].sum()


def _binary_focal(outputs: Tensor, targets: Tensor, alpha: float | None, gamma: float) -> Tensor:
    """As torchvision writes it."""
    p = torch.sigmoid(outputs)
    loss = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    loss = loss * (1 - (p * targets + (1 - p) * (1 - targets))) ** gamma
    if alpha is not None:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return loss.mean()


def _hinge(outputs: Tensor, targets: Tensor, margin: float) -> Tensor:
    return torch.stack([F.relu(margin - o if t else margin + o) for o, t in zip(outputs, targets, strict=True)]).mean()


def _multilabel_margin(outputs: Tensor, targets: Tensor) -> Tensor:
    """The numbers of the labels that are there, and then -1, as torch takes them."""
    found = torch.full(targets.shape, -1)
    for row, own in zip(found, targets, strict=True):
        there = own.nonzero().flatten()
        row[: len(there)] = there
    return F.multilabel_margin_loss(outputs, found)


def _cases() -> list[Case]:
    return [
        Case("mse_loss", F.mse_loss, numbers, 2),
        Case("l1_loss", F.l1_loss, numbers, 2),
        Case("smooth_l1_loss", F.smooth_l1_loss, numbers, 2),
        Case("smooth_l1_loss", lambda o, t: F.smooth_l1_loss(o, t, beta=0.2), numbers, 2, arguments={"beta": 0.2}),
        Case("huber_loss", F.huber_loss, numbers, 2),
        Case("huber_loss", lambda o, t: F.huber_loss(o, t, delta=4.0), numbers, 2, arguments={"delta": 4.0}),
        Case("poisson_nll_loss", F.poisson_nll_loss, counts, 2),
        Case(
            "poisson_nll_loss",
            lambda o, t: F.poisson_nll_loss(o, t, log_input=False, full=True, eps=1e-6),
            counts,
            2,
            {"log_input": False, "full": True, "eps": 1e-6},
            ends_with="softplus",
        ),
        Case("gaussian_nll_loss", _normal, numbers, 4, is_torchs=False),
        Case(
            "gaussian_nll_loss",
            lambda o, t: _normal(o, t, full=True, eps=0.5),
            numbers,
            4,
            {"full": True, "eps": 0.5},
            is_torchs=False,
        ),
        Case("kl_div", lambda o, t: F.kl_div(o, t, reduction="batchmean"), shares, 3, ends_with="log_softmax"),
        Case(
            "kl_div",
            lambda o, t: F.kl_div(o, t, reduction="batchmean", log_target=True),
            lambda count, generator: shares(count, generator).log(),
            3,
            {"log_target": True},
            ends_with="log_softmax",
        ),
        Case("cross_entropy", F.cross_entropy, classes, NUM_CLASSES),
        Case(
            "cross_entropy",
            lambda o, t: F.cross_entropy(o, t, label_smoothing=0.1),
            classes,
            NUM_CLASSES,
            arguments={"label_smoothing": 0.1},
        ),
        Case(
            "cross_entropy",
            lambda o, t: F.cross_entropy(o, t, weight=torch.tensor(WEIGHTS), label_smoothing=0.3),
            classes,
            NUM_CLASSES,
            arguments={"weight": WEIGHTS, "label_smoothing": 0.3},
        ),
        Case("nll_loss", F.nll_loss, classes, NUM_CLASSES, ends_with="log_softmax"),
        Case(
            "nll_loss",
            lambda o, t: F.nll_loss(o, t, weight=torch.tensor(WEIGHTS)),
            classes,
            NUM_CLASSES,
            ends_with="log_softmax",
            arguments={"weight": WEIGHTS},
        ),
        Case("focal_loss", lambda o, t: _focal(o, t, 2.0), classes, NUM_CLASSES, is_torchs=False),
        Case("focal_loss", lambda o, t: _focal(o, t, 0.4), classes, NUM_CLASSES, {"gamma": 0.4}, is_torchs=False),
        Case(
            "focal_loss",
            lambda o, t: _focal(o, t, 1.0, torch.tensor(WEIGHTS)),
            classes,
            NUM_CLASSES,
            {"gamma": 1.0, "weight": WEIGHTS},
            is_torchs=False,
        ),
        Case("focal_loss", F.cross_entropy, classes, NUM_CLASSES, {"gamma": 0.0}, is_torchs=False),
        Case("multi_margin_loss", F.multi_margin_loss, classes, NUM_CLASSES),
        Case(
            "multi_margin_loss",
            lambda o, t: F.multi_margin_loss(o, t, p=2, margin=0.5, weight=torch.tensor(WEIGHTS)),
            classes,
            NUM_CLASSES,
            {"p": 2, "margin": 0.5, "weight": WEIGHTS},
        ),
        Case("sigmoid_focal_loss", lambda o, t: _binary_focal(o, t, 0.25, 2.0), yes_no, is_torchs=False),
        Case(
            "sigmoid_focal_loss",
            lambda o, t: _binary_focal(o, t, None, 0.5),
            labels,
            3,
            {"alpha": None, "gamma": 0.5},
            is_torchs=False,
        ),
        Case("hinge_loss", lambda o, t: _hinge(o, t, 1.0), yes_no, is_torchs=False),
        Case(
            "hinge_loss",
            lambda o, t: F.relu(0.7 - o * torch.where(t > 0, 1, -1)).square().mean(),
            labels,
            3,
            {"p": 2, "margin": 0.7},
            is_torchs=False,
        ),
        Case("soft_margin_loss", lambda o, t: F.soft_margin_loss(o, torch.where(t > 0, 1.0, -1.0)), yes_no),
        Case("multilabel_soft_margin_loss", F.multilabel_soft_margin_loss, labels, 3),
        Case("multilabel_margin_loss", _multilabel_margin, labels, 3),
        Case("binary_cross_entropy", F.binary_cross_entropy, yes_no, ends_with="sigmoid"),
        Case("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits, yes_no),
        Case(
            "binary_cross_entropy_with_logits",
            lambda o, t: F.binary_cross_entropy_with_logits(o, t, pos_weight=torch.tensor(3.5)),
            yes_no,
            arguments={"pos_weight": 3.5},
        ),
    ]


CASES = _cases()
