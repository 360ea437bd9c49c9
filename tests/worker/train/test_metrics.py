import pytest
import torch
from sklearn import metrics as reference

from worker.train import metrics
from worker.train.metrics import Accumulator, Answers

BINARY = Answers(2, threshold=0.0)


def value(metric: metrics.Metric, outputs: torch.Tensor, targets: torch.Tensor, batch_size: int = 7) -> float:
    accumulator = Accumulator([metric])
    for rows in torch.arange(len(outputs)).split(batch_size):
        accumulator.add(outputs[rows], targets[rows])
    return float(accumulator.values()[metric.name])


def many_classes(num_rows: int = 200, num_classes: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(num_classes - 1, (num_rows,), generator=generator)  # the last class never occurs
    outputs = torch.randn(num_rows, num_classes, generator=generator)
    outputs[:, 4] -= 100  # and this one is never said
    return outputs, targets


def two_classes(num_rows: int = 150) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    targets = (torch.rand(num_rows, 1, generator=generator) < 0.4).float()
    return torch.randn(num_rows, 1, generator=generator) + targets, targets


def numbers(num_rows: int = 100) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    targets = torch.randn(num_rows, 1, generator=generator) * 5 + 40
    return targets + torch.randn(num_rows, 1, generator=generator), targets


def test_accuracy_of_many_classes_is_scikit_learns() -> None:
    outputs, targets = many_classes()
    ours = value(metrics.build("accuracy", Answers(6), 1.0), outputs, targets)
    assert ours == reference.accuracy_score(targets, outputs.argmax(1))


@pytest.mark.parametrize("k", [1, 3, 5, 20])
def test_top_k_accuracy_is_scikit_learns(k: int) -> None:
    outputs, targets = many_classes()
    theirs = 1.0 if k >= 6 else reference.top_k_accuracy_score(targets, outputs, k=k, labels=range(6))
    assert value(metrics.build("top_k_accuracy", None, 1.0, k), outputs, targets) == pytest.approx(theirs)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_class_metrics_are_scikit_learns(name: str) -> None:
    score = getattr(reference, f"{name}_score")
    outputs, targets = many_classes()
    theirs = score(targets, outputs.argmax(1), average="macro", zero_division=0)
    assert value(metrics.build(name, Answers(6), 1.0), outputs, targets) == pytest.approx(theirs)
    outputs, targets = two_classes()
    theirs = score(targets.flatten(), outputs.flatten() > 0, zero_division=0)
    assert value(metrics.build(name, BINARY, 1.0), outputs, targets) == pytest.approx(theirs)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_nothing_to_divide_by_gives_zero(name: str) -> None:
    outputs, targets = torch.full((4, 1), -1.0), torch.zeros(4, 1)
    assert value(metrics.build(name, BINARY, 1.0), outputs, targets) == 0


def test_errors_are_scikit_learns_in_the_targets_own_unit() -> None:
    outputs, targets = numbers()
    truth, said = targets.flatten().numpy() * 3.0, outputs.flatten().numpy() * 3.0
    theirs = {
        "mae": reference.mean_absolute_error(truth, said),
        "mse": reference.mean_squared_error(truth, said),
        "rmse": reference.root_mean_squared_error(truth, said),
        "r2": reference.r2_score(truth, said),
    }
    for name, expected in theirs.items():
        assert value(metrics.build(name, None, 3.0), outputs, targets) == pytest.approx(expected, rel=1e-5), name


def test_r2_survives_a_large_offset() -> None:
    outputs, targets = numbers()
    outputs, targets = outputs.double() + 1e7, targets.double() + 1e7
    expected = reference.r2_score(targets.numpy(), outputs.numpy())
    assert value(metrics.build("r2", None, 1.0), outputs, targets) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("said", "expected"), [(2.0, 1.0), (3.0, 0.0)])
def test_r2_of_equal_targets_is_scikit_learns(said: float, expected: float) -> None:
    targets = torch.full((5, 1), 2.0)
    outputs = torch.full((5, 1), said)
    assert value(metrics.build("r2", None, 1.0), outputs, targets) == expected
    assert reference.r2_score(targets.numpy(), outputs.numpy()) == expected


def test_a_value_does_not_depend_on_the_batches() -> None:
    outputs, targets = many_classes()
    for name in ("accuracy", "precision", "f1"):
        metric = metrics.build(name, Answers(6), 1.0)
        assert value(metric, outputs, targets, 1) == value(metric, outputs, targets, 200)
