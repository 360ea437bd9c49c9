"""How the outputs of a run are read and judged, as its target and its loss say; and what needs no model at all."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from app.errors import JobFailure
from app.specs.columns import word
from app.specs.losses import (
    BINARY_LOSSES,
    CLASS_LOSSES,
    ORDERED_LOSSES,
    RANKING_LOSSES,
    REGRESSION_LOSSES,
    CTCLoss,
    KLDiv,
    PoissonNLLLoss,
    threshold_of,
)
from app.specs.metrics import CLASS_METRICS, AnyMetric
from app.specs.training import TrainingSpec
from app.transforms import ImageStep, Target, TextStep
from worker.evaluate import LISTED_CLASSES, Judge
from worker.train import losses, metrics
from worker.train.balance import weights_of
from worker.train.constants import constant_outputs, perfect_rates
from worker.train.doctor import Chance
from worker.train.losses import Loss
from worker.train.metrics import Answers, OfRead
from worker.train.places import ROWS, Places
from worker.train.reading import numbers_of
from worker.train.sequences import Exact, TokenError

# What the best number is called that ignores the inputs, where it is not the mean.
_CENTRES = {"l1_loss": "median", "smooth_l1_loss": "best number", "huber_loss": "best number"}
_CENTRES |= {"hinge_loss": "more frequent value", "multilabel_margin_loss": "rank"}

_MOST_AMISS = 0.01  # of a whole, by which its shares may miss it: they are rounded


@dataclass(frozen=True)
class Judging:
    """By what a run is judged, and what a model reaches at best that ignores its inputs."""

    judge: Judge
    loss: Loss  # the same of answers that `Places` has brought to rows
    constant: Tensor  # the outputs of such a model
    constant_name: str  # what they say, in words
    chance: Chance


def judging_of(
    training: TrainingSpec, target: Target, targets: Callable[[], Iterable[Tensor]], device: torch.device
) -> Judging:
    """By what the answers of one output are judged; `targets` gives those of the training rows, some at a time."""
    places, answers = _places(training, target), _answers(training, target)

    def every() -> Iterable[Tensor]:
        return (some.to(device) for some in targets())

    def told() -> Iterable[Tensor]:
        return places.told(every())

    _refuse_without_answers(target, told())
    if isinstance(training.only_loss, KLDiv):
        _refuse_unless_whole(training.only_loss, target, told())
    weights = weights_of(training.only_loss, told, names_of(target), of_places=target.step is not None)
    weights = {name: weight.to(device) for name, weight in weights.items()}
    loss = losses.build(**training.only_loss.model_dump() | weights)
    asked = [_metric(metric, answers, target, device) for metric in training.metrics]
    counted = weights.get("weight") if getattr(training.only_loss, "by_weight", False) else None
    judge = Judge(places.loss(loss), asked, answers, _classes(target, answers), places, counted)
    num_outputs, num_places = len(names_of(target)), target.num_places or 1
    weight = next(iter(weights.values()), None)
    best = constant_outputs(training.only_loss, told(), num_outputs, weight, num_places)
    constant = places.spread(best)
    chance = losses.chance(judge.loss, constant, every(), judge.count)
    if isinstance(training.only_loss, CTCLoss) and math.isinf(chance):
        raise _no_room(target)
    least = 0.0
    if isinstance(training.only_loss, PoissonNLLLoss):
        perfect = ((perfect_rates(training.only_loss, some), some) for some in every())
        least = losses.mean(judge.loss, perfect, judge.count)
    told_as = in_words(constant, training.loss_type, target)
    return Judging(judge, loss, constant, told_as, Chance.of(chance, training.loss_type, least))


def names_of(target: Target) -> list[str]:
    """What the classes of each place are called; of tokens, by their numbers."""
    return [word(value) for value in target.classes or range(target.num_classes or 0)]


def _refuse_without_answers(target: Target, told: Iterable[Tensor]) -> None:
    if target.next_token and not any(len(some) for some in told):
        raise JobFailure(
            "data",
            f"No training text of {target.name!r} has a second token, so none comes next.",
            "Cut the text otherwise: into characters, where there are no spaces between words.",
        )


def _no_room(target: Target) -> JobFailure:
    return JobFailure(
        "data",
        f"A training text of {target.name!r} does not fit into {target.num_places} places: each token takes one, and "
        "one more lies between two that are the same.",
        "Let the model answer at more places, or zero_infinity be true: then such texts count nothing.",
    )


def _refuse_unless_whole(loss: KLDiv, target: Target, told: Iterable[Tensor]) -> None:
    for some in told:
        wholes = (some.exp() if loss.log_target else some).sum(dim=1)
        farthest = wholes[(wholes - 1).abs().argmax()]
        if abs(farthest - 1) > _MOST_AMISS:
            raise JobFailure(
                "data",
                f"{target.name} are to be shares of a whole, and in a training row they add up to {farthest:.4g}.",
                "Divide the numbers of each row by their sum.",
            )


def _places(training: TrainingSpec, target: Target) -> Places:
    """How the places of an answer are counted."""
    if target.num_places is not None:
        return Places("sequence", (target.num_places,))
    if target.num_classes is not None and target.shape is not None:
        return Places("tokens" if isinstance(target.step, TextStep) else "pixels", target.shape)
    return Places("binary") if target.shape is not None and training.loss_type in BINARY_LOSSES else ROWS


def _classes(target: Target, answers: Answers | None) -> list[Any] | None:
    """What the classes are called, but for those of a large vocabulary."""
    if target.num_classes is None:
        return target.classes if target.classes is not None else [0, 1] if answers else None
    if isinstance(target.step, TextStep):
        return target.step.words(target.num_classes) if target.num_classes <= LISTED_CLASSES else None
    return list(range(target.num_classes))


def _answers(training: TrainingSpec, target: Target) -> Answers | None:
    """How outputs are read as classes; of a number, where a metric asks for it, above or below a half."""
    loss = training.loss_type
    if loss in ORDERED_LOSSES:
        return None
    if loss in CLASS_LOSSES:
        return Answers(target.num_classes or len(target.classes or ()), ignores=isinstance(target.step, TextStep))
    if loss in REGRESSION_LOSSES:
        asked = any(metric.type in CLASS_METRICS for metric in training.metrics)
        return Answers(2, (0.5 - target.center) / target.spread) if asked else None
    return None if loss in RANKING_LOSSES else Answers(2, threshold_of(loss), truth=0.5)


def _metric(metric: AnyMetric, answers: Answers | None, target: Target, device: torch.device) -> metrics.Metric:
    if target.num_places is not None:
        return Exact() if metric.type == "accuracy" else TokenError()
    _, spread = target.unit
    scale = spread if isinstance(spread, float) else torch.from_numpy(spread).to(device)
    found = metrics.build(answers=answers, scale=scale, of_places=target.shape is not None, **metric.model_dump())
    return found if target.reading is None else OfRead(found, partial(numbers_of, reading=target.reading))


def in_words(outputs: Tensor, loss: str, target: Target) -> str:
    """What a model says that always gives these outputs."""
    if target.num_classes is not None:
        return _frequent(outputs, target)
    if target.shape is not None:
        return f"the {_CENTRES.get(loss, 'mean')} of each {_place(target)}"
    if target.classes is None:
        value = float(numbers_of(outputs.unsqueeze(0), target.reading).mean()) * target.spread + target.center
        return f"the {_CENTRES.get(loss, 'mean')}, {value:.4g}"
    if loss in CLASS_LOSSES:
        return str(target.classes[int(outputs.argmax())])
    return str(target.classes[int(outputs[0] > threshold_of(loss))])


def _frequent(outputs: Tensor, target: Target) -> str:
    """The class that most places have, as outputs (K, H, W) or (L, K) say that are the same at each."""
    if target.num_places is not None and not outputs[0].argmax():
        return "nothing"
    if isinstance(target.step, TextStep):
        return repr(target.step.words(outputs.shape[-1])[int(outputs[0].argmax())])
    return f"class {int(outputs.flatten(1)[:, 0].argmax())}"


def _place(target: Target) -> str:
    return "column" if target.numbers is not None else "pixel" if isinstance(target.step, ImageStep) else "place"
