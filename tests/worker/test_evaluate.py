import json
import weakref

import pytest
import torch
from sklearn import metrics as reference
from torch import nn

from app.specs.losses import LOSSES
from worker import evaluate
from worker.evaluate import Judge
from worker.train import constants, losses, metrics
from worker.train.batches import Part, targets_of
from worker.train.metrics import Answers

CPU = torch.device("cpu")


@pytest.fixture
def binary() -> tuple[nn.Module, Part, Judge]:
    torch.manual_seed(0)
    part = Part(torch.randn(70, 3), (torch.rand(70, 1) < 0.3).float())
    answers = Answers(2, threshold=0.0)
    judge = Judge(
        losses.build("binary_cross_entropy_with_logits"),
        [metrics.build(name, answers, 1.0) for name in ("accuracy", "precision", "recall", "f1")],
        answers,
        ["no", "yes"],
    )
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1)), part, judge


def answers_of(model: nn.Module, part: Part) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(part.inputs)


def test_a_report_is_scikit_learns(binary: tuple[nn.Module, Part, Judge]) -> None:
    model, part, judge = binary
    report = evaluate.report(model, part, judge, CPU)
    truth, logits = part.targets.flatten().int().numpy(), answers_of(model, part).flatten().numpy()
    said = (logits > 0).astype(int)
    assert report["confusion"] == reference.confusion_matrix(truth, said).tolist()
    assert report["roc_auc"] == pytest.approx(reference.roc_auc_score(truth, logits))
    assert report["loss"] == pytest.approx(reference.log_loss(truth, torch.tensor(logits).sigmoid().numpy()), rel=1e-5)
    assert report["f1"] == pytest.approx(reference.f1_score(truth, said, zero_division=0))
    precision, recall, f1, support = reference.precision_recall_fscore_support(truth, said, zero_division=0)
    for i, row in enumerate(report["per_class"]):
        assert row["class"] == ["no", "yes"][i]
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision[i], recall[i], f1[i]))
        assert row["support"] == support[i]


def test_measuring_is_without_dropout_and_without_gradients(binary: tuple[nn.Module, Part, Judge]) -> None:
    model, part, judge = binary
    model.train()
    first, second = (evaluate.measure(model, part, judge, CPU) for _ in range(2))
    assert first == second
    assert not first["loss"].requires_grad


def test_measuring_does_not_depend_on_how_rows_fall_into_batches(
    binary: tuple[nn.Module, Part, Judge], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, part, judge = binary
    whole = evaluate.measure(model, part, judge, CPU)
    monkeypatch.setattr(evaluate, "_MIN_ROWS", 8)
    monkeypatch.setattr(evaluate, "_BATCH_BYTES", 1)
    parts = evaluate.measure(model, part, judge, CPU)
    assert {name: float(value) for name, value in parts.items()} == pytest.approx(
        {name: float(value) for name, value in whole.items()}
    )


def test_the_baseline_is_the_best_constant(binary: tuple[nn.Module, Part, Judge]) -> None:
    _, part, judge = binary
    constant = constants.constant_outputs(LOSSES["binary_cross_entropy_with_logits"](), targets_of(part), 1)
    baseline = evaluate.baseline(constant, part, judge, "no")
    assert baseline["name"] == "always saying no"
    assert baseline["accuracy"] == pytest.approx(float((part.targets == 0).float().mean()))
    assert baseline["recall"] == 0


def test_a_regression_is_judged_by_numbers_alone() -> None:
    torch.manual_seed(0)
    part = Part(torch.randn(40, 2), torch.randn(40, 1) * 10 + 50)
    judge = Judge(
        losses.build("mse_loss"), [metrics.build("mae", None, 1.0), metrics.build("r2", None, 1.0)], None, None
    )
    model = nn.Linear(2, 1)
    report = evaluate.report(model, part, judge, CPU)
    said = answers_of(model, part).numpy()
    assert set(report) == {"loss", "mae", "r2"}
    assert report["mae"] == pytest.approx(reference.mean_absolute_error(part.targets.numpy(), said), rel=1e-5)
    constant = constants.constant_outputs(LOSSES["mse_loss"](), targets_of(part), 1)
    assert evaluate.baseline(constant, part, judge, "the mean")["r2"] == pytest.approx(0, abs=1e-5)


def test_few_parameters_are_listed_and_many_are_summarised() -> None:
    model = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 600))
    weight, _, large, _ = evaluate.parameters(model)
    assert weight["values"] == model[0].weight.tolist()
    assert (large["values"], large["shape"]) == (None, [600, 2])
    assert large["std"] == pytest.approx(float(model[1].weight.detach().std(correction=0)), rel=1e-4)


def test_figures_that_are_not_finite_are_spelled_in_json() -> None:
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, float("inf"))
    part = Part(torch.ones(3, 1), torch.ones(3, 1))
    judge = Judge(losses.build("mse_loss"), [], None, None)
    assert evaluate.report(model, part, judge, CPU) == {"loss": "Infinity"}
    assert evaluate.baseline(torch.tensor([float("nan")]), part, judge, "nothing")["loss"] == "NaN"
    (weight, _) = evaluate.parameters(model)
    assert weight["max"] == "Infinity"
    json.dumps({key: weight[key] for key in ("mean", "std", "min", "max")}, allow_nan=False)


def test_no_output_outlives_its_batch_unless_rows_are_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands of classes the outputs of all rows are larger than the data."""
    monkeypatch.setattr(evaluate, "_MAX_ROWS", 64)
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    class Watched(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            nonlocal most
            outputs = super().forward(inputs)
            alive.append(weakref.ref(outputs))
            most = max(most, sum(one() is not None for one in alive))
            return outputs

    part = Part(torch.randn(64 * 10, 3), torch.randint(4, (64 * 10,)))
    judge = Judge(losses.build("cross_entropy"), [], Answers(4), list("abcd"))
    report = evaluate.report(Watched(3, 4), part, judge, CPU)
    assert sum(map(sum, report["confusion"])) == 640
    assert len(alive) == 10
    assert most <= 2
