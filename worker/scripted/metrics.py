"""Metrics of all rows of a part at once. Formulas and their edge cases are scikit-learn's, with zero_division=0."""

import torch
from torch import Tensor

from worker.train.metrics import class_scores


def accuracy(answers: Tensor, truth: Tensor) -> float:
    """The share of right answers."""
    return (answers == truth).double().mean().item()


def top_k_accuracy(outputs: Tensor, targets: Tensor, k: int) -> float:
    """The share of rows (N,) whose class is among the k largest of their outputs (N, K)."""
    likeliest = outputs.topk(min(k, outputs.shape[1]), dim=1).indices
    return (likeliest == targets.unsqueeze(1)).any(dim=1).double().mean().item()


def confusion(answers: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Counts (K, K): rows are the truth, columns the answers."""
    cells = truth.long().flatten() * num_classes + answers.flatten()
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes).double()


def score_of_positive(name: str, answers: Tensor, truth: Tensor) -> float:
    """Precision, recall or f1 of the second of two classes."""
    return class_scores(confusion(answers, truth, 2))[name][1].item()


def mean_score(name: str, answers: Tensor, truth: Tensor, num_classes: int) -> float:
    """The mean precision, recall or f1 of the classes that occur."""
    counts = confusion(answers, truth, num_classes)
    return class_scores(counts)[name][(counts.sum(0) + counts.sum(1)) > 0].mean().item()


def r2(outputs: Tensor, targets: Tensor) -> float:
    """The share of the targets' variance that the outputs explain; 0 for always saying the mean."""
    targets = targets.double()
    errors = (outputs - targets).square().sum()
    spread = (targets - targets.mean()).square().sum()
    return (1 - errors / spread).item() if spread > 0 else float(errors == 0)


def r2_of_places(outputs: Tensor, targets: Tensor) -> float:
    """The same of several numbers a row, against the mean of each."""
    targets = targets.double()
    errors = (outputs - targets).square().sum()
    spread = (targets - targets.mean(dim=0)).square().sum()
    return (1 - errors / spread).item() if spread > 0 else float(errors == 0)
