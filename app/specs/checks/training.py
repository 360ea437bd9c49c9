"""Whether loss, metrics and the curves that are watched fit what is to be predicted."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.specs.answers import Answer, answer_of
from app.specs.base import Problem
from app.specs.checks.losses import weight_problems
from app.specs.checks.places import next_problems, place_problems, unscalable
from app.specs.checks.windows import answer_problems
from app.specs.checks.words import Columns
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.heads import Head
from app.specs.losses import (
    BINARY_LOSSES,
    CLASS_LOSSES,
    MULTILABEL_LOSSES,
    ORDERED_LOSSES,
    PLAIN_LOSSES,
    RANKING_LOSSES,
    REGRESSION_LOSSES,
    UNSCALED_LOSSES,
)
from app.specs.metrics import CLASS_METRICS, ORDER_METRICS, AnyMetric
from app.specs.schedules import PlateauSchedule
from app.specs.splits import validates
from app.specs.training import TrainingSpec


def training_problems(training: TrainingSpec, data: DataSpec, columns: Columns) -> Iterator[Problem]:
    """Everything in `training` that does not fit what is to be predicted, as far as there are such columns."""
    answer = answer_of(data, training.loss_type, columns)
    target = columns[data.target] if answer is not None and answer.is_plain and isinstance(data.target, str) else None
    if target is not None:
        yield from _loss_problems(training.loss_type, data, target)
        yield from answer_problems(data, target, is_number=training.loss_type in REGRESSION_LOSSES)
    elif answer is not None:
        yield from place_problems(training, data, columns, answer)
    if answer is not None and answer.kind in ("classes", "tokens"):
        yield from weight_problems(training.only_loss, answer.num_classes, target.values if target else None)
    yield from next_problems(data, answer)
    yield from _metrics_problems(training, data, target, answer)


def _metrics_problems(
    training: TrainingSpec, data: DataSpec, target: Column | None, answer: Answer | None
) -> Iterator[Problem]:
    num_classes = answer.num_classes if answer is not None else None
    seen: set[AnyMetric] = set()
    for i, metric in enumerate(training.metrics):
        if metric in seen:
            yield Problem(loc=["training", "metrics", i], msg=f"{metric.type} is named twice", received=metric.type)
        seen.add(metric)
        for problem in _metric_problems(metric, training.loss_type, target, num_classes, _horizon(data)):
            yield problem.under("training", "metrics", i)


def _loss_problems(loss: str, data: DataSpec, target: Column) -> Iterator[Problem]:
    if loss in CLASS_LOSSES:
        message = _unfit_classes(loss, target)
    else:
        message = _unfit_numbers(loss, target) if loss in REGRESSION_LOSSES else _unfit_others(loss, target)
    if message:
        yield Problem(loc=["training", "loss", "type"], msg=message, received=loss)
    if data.scale_target != "none" and loss not in REGRESSION_LOSSES:
        yield unscalable(data, "classes cannot be scaled: this is for losses of numbers")
    elif data.scale_target != "none" and loss in UNSCALED_LOSSES:
        yield unscalable(data, f"{loss} takes numbers as they are: leave it out")


def _unfit_classes(loss: str, target: Column) -> str | None:
    if target.num_distinct < 2:
        return f"{loss} needs two classes at least, but {target.name!r} has {target.num_distinct}"
    if target.type == "float":
        return f"{loss} needs classes, but {target.name!r} holds numbers with fractions; mse_loss fits"
    if target.values is None:
        return f"{loss} needs classes, but {target.name!r} has {target.num_distinct:,} different values; mse_loss fits"
    return None


def _unfit_numbers(loss: str, target: Column) -> str | None:
    if loss == "kl_div":
        return f"{loss} is for shares of a whole: let target be a list of their columns"
    if not target.is_numeric:
        return f"{loss} needs numbers, but {target.name!r} holds {target.type} values; cross_entropy fits"
    if loss == "poisson_nll_loss" and (target.min or 0) < 0:
        return f"{loss} needs counts, or other numbers from 0 up, but {target.name!r} goes down to {target.min:g}"
    return None


def _unfit_others(loss: str, target: Column) -> str | None:
    if loss in ORDERED_LOSSES:
        return f"{loss} needs a text that is cut into tokens, and {target.name!r} is none; cross_entropy fits"
    if loss in MULTILABEL_LOSSES:
        return f"{loss} is for several columns of 0 and 1: let target be a list of them; of one, hinge_loss fits"
    if target.num_distinct != 2:
        return f"{loss} needs two different values, but {target.name!r} has {target.num_distinct:,}"
    return None


def _horizon(data: DataSpec) -> int:
    return data.window.horizon if data.window else 1


def _metric_problems(
    metric: AnyMetric, loss: str, target: Column | None, num_classes: int | None, horizon: int
) -> Iterator[Problem]:
    """Of a number, what is said of classes makes sense where it is 0 or 1: then a half divides them."""
    two_valued = target is not None and target.num_distinct == 2 and (target.min, target.max) == (0, 1)
    two_valued &= horizon == 1 and loss in PLAIN_LOSSES and metric.type != "top_k_accuracy"
    if message := _unfit_metric(metric.type, loss, two_valued=two_valued):
        yield Problem(loc=[], msg=message, received=metric.type)
    if metric.type == "top_k_accuracy" and loss in CLASS_LOSSES and num_classes and metric.k > num_classes:
        message = f"there are {num_classes} classes, so no {metric.k} likeliest"
        yield Problem(loc=["k"], msg=message, received=metric.k)


def _unfit_metric(metric: str, loss: str, *, two_valued: bool) -> str | None:
    """Why a metric says nothing of what a loss learns."""
    if loss in ORDERED_LOSSES:
        fits = metric in ORDER_METRICS
        return None if fits else f"{metric} is of places, of which {loss} knows none; accuracy and token_error fit"
    if metric == "token_error":
        return f"{metric} is of tokens in order, which ctc_loss learns"
    if loss in REGRESSION_LOSSES and metric in CLASS_METRICS and not two_valued:
        return f"{metric} needs classes, {loss} predicts a number"
    if loss not in REGRESSION_LOSSES and metric not in CLASS_METRICS:
        return f"{metric} needs numbers, {loss} predicts a class"
    if loss in RANKING_LOSSES:
        return f"{loss} puts columns in an order, and does not say from where on they are true"
    if metric == "top_k_accuracy" and loss in BINARY_LOSSES:
        return "of two classes both are among the likeliest"
    return None


def watching_problems(training: TrainingSpec, heads: Sequence[Head], data: DataSpec) -> Iterator[Problem]:
    """Whether there are the curves that a training is stopped by, and that its rate follows."""
    if training.early_stopping is not None:
        yield from _curve_problems("early_stopping", training.early_stopping.series, heads, data)
    if isinstance(training.schedule, PlateauSchedule):
        yield from _curve_problems("schedule", training.schedule.series, heads, data)


def _curve_problems(place: str, series: str, heads: Sequence[Head], data: DataSpec) -> Iterator[Problem]:
    parts = ["train", *(["validation"] if validates(data.split) else [])]
    names = ["loss", *curves_of(heads)]
    curves = [f"{part}/{name}" for part in parts for name in names]
    if series not in curves:
        message = f"there will be no curve {series!r}; there are {', '.join(curves)}"
        yield Problem(loc=["training", place, "series"], msg=message, received=series)


def curves_of(heads: Sequence[Head]) -> list[str]:
    """The curves beside the loss: metrics, and of several outputs the loss of each too."""
    several = [head.series("loss") for head in heads if head.name is not None]
    return several + [head.series(_series(metric)) for head in heads for metric in head.training.metrics]


def _series(metric: Any) -> str:
    return f"top_{metric.k}_accuracy" if metric.type == "top_k_accuracy" else str(metric.type)
