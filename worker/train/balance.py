"""What the rows of each class count in a loss: as it was said, or so that all classes count the same.

torch divides a weighted mean by the sum of the weights of its rows. So does whoever joins the means of several batches.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from app.specs.losses import AnyLoss, BinaryCrossEntropyWithLogits, ClassLoss
from worker.train.places import IGNORED


def weights_of(
    loss: AnyLoss, targets: Callable[[], Iterable[Tensor]], names: Sequence[str], *, of_places: bool = False
) -> dict[str, Tensor]:
    """What each class counts (K,), or a yes, by the name of the argument that says so; nothing where all are alike.

    `targets` gives those of the training rows; of a row that has many `of_places` alike, a yes is one whichever it is.
    """
    match loss:
        case ClassLoss(weight=str()):
            return {"weight": balanced(counts_of(targets(), len(names)))}
        case ClassLoss(weight=dict(said)):
            return {"weight": torch.tensor([said.get(name, 1.0) for name in names])}
        case ClassLoss(weight=tuple(said)):
            return {"weight": torch.tensor(said)}
        case BinaryCrossEntropyWithLogits(pos_weight=str()):
            share = mean_of(targets())
            return {"pos_weight": balanced_yes(share.mean() if of_places else share)}
        case BinaryCrossEntropyWithLogits(pos_weight=float(said)):
            return {"pos_weight": torch.tensor(said)}
    return {}


def balanced(counts: Tensor) -> Tensor:
    """Of each class (K,) n / (k · its rows), as scikit-learn's compute_class_weight; 1 of one that has none."""
    there = counts > 0
    weights = counts.sum() / (there.sum() * counts.clamp_min(1).double())
    return torch.where(there, weights, 1.0).float()


def balanced_yes(share: Tensor) -> Tensor:
    """How many no there are for each yes, by the share of these; 1 where there is only one of the two."""
    share = share.double()
    return torch.where((share > 0) & (share < 1), (1 - share) / share, 1.0).float()


def counts_of(targets: Iterable[Tensor], num_classes: int) -> Tensor:
    """How often each class (K,) is the target."""
    counts = torch.zeros(num_classes, dtype=torch.int64)
    for some in targets:
        counts = counts.to(some.device) + torch.bincount(some.flatten(), minlength=num_classes)
    return counts


def mean_of(targets: Iterable[Tensor]) -> Tensor:
    """Of the numbers at each place."""
    total, num_rows = torch.zeros(()), 0
    for some in targets:
        total = total.to(some.device) + some.sum(dim=0, dtype=torch.float64)
        num_rows += len(some)
    return (total / num_rows).float()


def weight_of(targets: Tensor, weight: Tensor) -> Tensor:
    """What some targets count together, 0-d, by the weight of each class (K,)."""
    told = targets != IGNORED
    return torch.where(told, weight[targets.where(told, 0)], 0.0).sum(dtype=torch.float64)
