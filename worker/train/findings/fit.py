"""How what was learned holds for other rows: learned by heart, too little learned, no better than a constant answer."""

import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from app.words import brief
from worker.train.findings import patches, stretches
from worker.train.findings.finding import Case, Finding
from worker.train.findings.rates import FEW_STEPS, HARM, still_falls
from worker.train.history import History
from worker.train.recorder import EPOCH_LOSS

_WORSE = 1.1
_STRIP = 5  # epochs
_CLEARLY = 0.01
_UNDER = 0.6
_FALLS_FAST = 0.95
_ALIKE = 1.1
_SURE = 1.96  # standard errors on either side hold 95 of 100 (normal distribution)

Figures = Mapping[str, Any]  # of one part of the data, or of the baseline


def overfitting(case: Case, history: History, *, ended: bool) -> Finding | None:
    """The validation loss rose again by a tenth, above the training loss, which went on falling by as much.

    Generalization loss as Prechelt, 1998, "Early stopping – but when?", has it (GL above 10), held over the last three
    of a strip of five epochs since the lowest, and beyond three times what it usually changes from one to the next. A
    rise of less than a twentieth of what a constant answer loses is no harm.
    """
    train, validation = history.epochs.get(EPOCH_LOSS, []), history.epochs.get("validation/loss", [])
    if case.restores_best or len(validation) < _STRIP or len(train) != len(validation):
        return None
    if not math.isfinite(math.fsum(validation)):  # nothing compares with NaN: what is lowest would be chance
        return None
    best = validation.index(min(validation))
    lacks, lacked = ([case.chance.share(loss) for loss in losses] for losses in (validation, train))
    lowest, recent = lacks[best], lacks[max(best + 1, len(lacks) - 3) :]
    if len(lacks) - 1 - best < _STRIP or min(recent) < _WORSE * max(lowest, fmean(lacked[-3:])):
        return None
    usual = median(abs(b - a) for a, b in pairwise(lacks[best:]))
    has_risen = median(recent) - lowest >= max(3 * usual, HARM)
    if not has_risen or lacked[-1] > 0.9 * lacked[best]:
        return None
    return Finding(
        "overfitting",
        f"It learns its rows by heart since epoch {best + 1:,}",
        f"The validation loss was lowest after epoch {best + 1:,}, at {brief(validation[best])}, and has risen to "
        f"{brief(validation[-1])}, while the training loss fell from {brief(train[best])} to {brief(train[-1])}. What "
        "it has learned since does not hold for rows it has not seen.",
        (best + 1) * case.steps_per_epoch,
        "Stop early with restore_best, use dropout, an l2 penalty or a smaller model, or get more data.",
        series=("validation/loss", EPOCH_LOSS),
        patch=patches.early_stopping(case.spec),
    )


def underfitting(case: Case, history: History, *, ended: bool) -> Finding | None:
    """The loss is better than chance but above three fifths of it, and no higher for rows it has not seen.

    Where training and validation error are alike and both are high, the bias is too large: the model, or the time
    (Goodfellow, Bengio, Courville, 2016, "Deep learning", 5.2). Of time it is said while the last quarter of the steps
    brought a twentieth. A model with as many numbers as rows could know each by
    heart (Zhang et al., 2017), so that of a larger one it is not said.
    """
    windows, train, validation = history.windows, history.epochs.get(EPOCH_LOSS), history.epochs.get("validation/loss")
    if not ended or not train or not validation or stretches.num_steps(windows) < FEW_STEPS:
        return None
    now, share = stretches.recent_loss(windows), case.chance.share
    is_between = share(now) >= _UNDER and not case.chance.reached_by(now)
    if not is_between or not share(validation[-1]) <= _ALIKE * share(train[-1]):
        return None
    falls = still_falls(case.chance, windows, to=_FALLS_FAST)
    if not falls and case.num_parameters >= case.num_rows.get("train", 0):
        return None
    return Finding(
        "underfitting",
        "It could learn more",
        f"The training loss ended at {brief(train[-1])}, where the same answer for every row gives "
        f"{brief(case.chance.loss)}, and the validation loss at {brief(validation[-1])}: no worse, so nothing is "
        "learned by heart. "
        + (
            "The loss was still falling at the end."
            if falls
            else f"The model has {case.num_parameters:,} numbers to set for {case.num_rows.get('train', 0):,} rows."
        ),
        windows[-1].last_step,
        "Train for more epochs."
        if falls
        else "Try a larger model: more or wider layers. If that is no better, the columns say no more.",
        series=(EPOCH_LOSS, "validation/loss"),
        patch=patches.more_epochs(case.spec) if falls else patches.wider(case.spec),
    )


def worse_than_baseline(step: int, evaluation: Mapping[str, Any]) -> Finding | None:
    """On rows it has not learned from, the model is worse than always giving the same answer.

    A loss may be worse because the model is too sure of itself where it errs; so of classes the accuracy has to be no
    better either.
    """
    baseline = evaluation["baseline"]
    part = baseline["part"]
    found, floor = evaluation["parts"][part]["loss"], baseline["loss"]
    if not _are_numbers(found, floor) or found <= floor + _CLEARLY * abs(floor):
        return None
    accuracy, least = _accuracy(evaluation["parts"][part]), _accuracy(evaluation["parts"][part], constant=True)
    if accuracy is not None and least is not None and accuracy > least:
        return None
    compared = (
        "" if accuracy is None else f" It answers {accuracy:.1%} rightly; the most frequent class is {least:.1%}."
    )
    return Finding(
        "worse_than_baseline",
        "It is no better than a constant answer",
        f"On the {_rows_of(part)} its loss is {brief(found)}, and that of {baseline['name']} is {brief(floor)}."
        f"{compared}",
        step,
        "Whatever it has learned of its training rows does not hold for others. Look for a split that is not like the "
        "rows to come, for too few rows, or for columns that say nothing of the target.",
        series=("validation/loss", "train/loss"),
    )


def validation_too_small(case: Case, step: int, evaluation: Mapping[str, Any]) -> Finding | None:
    """By so few rows it cannot be told whether half of what was learned of the training rows holds for others, or none.

    Both lie within two standard errors of what was measured. A share p of n rows has one of √(p(1−p)/n) (binomial
    distribution), a mean of squares one of √(2/n) of itself (chi-square, for normal errors). Of other losses nothing is
    said.
    """
    n = case.num_rows.get("validation", 0)
    figures, learned = evaluation["parts"].get("validation"), evaluation["parts"]["train"]
    if figures is None or n < 2 or (case.spec is not None and case.spec.data.window is not None):
        return None  # windows overlap: there is less in them than so many rows
    accuracy, least, reached = _accuracy(figures), _accuracy(learned, constant=True), _accuracy(learned)
    if accuracy is not None and least is not None and reached is not None and _num_judged(figures) == n:
        what, value, none, gain = "accuracy", accuracy, least, reached - least
        spread = max(math.sqrt(accuracy * (1 - accuracy)), 0.5 / math.sqrt(n))  # as if half a row were wrong
    elif (
        case.chance.loss_type == "mse_loss" and case.num_outputs == 1 and _are_numbers(figures["loss"], learned["loss"])
    ):
        what, value, none, gain = "loss", figures["loss"], case.chance.loss, learned["loss"] - case.chance.loss
        spread = math.sqrt(2) * value
    else:
        return None
    error = _SURE * spread / math.sqrt(n)
    better = gain if what == "accuracy" else -gain
    is_worth_it = better >= 0.1 * (1 if what == "accuracy" else case.chance.loss)
    if not is_worth_it or max(abs(value - none), abs(value - none - gain / 2)) > error:
        return None
    needed = _round_up((4 * _SURE * spread / gain) ** 2)
    return Finding(
        "validation_too_small",
        f"{n} validation rows are too few to tell",
        f"The validation {what} is {brief(value, 3)} ± {brief(error, 2)} (95 %), for it is a mean over {n} rows. Half "
        f"of what was learned of the training rows would give {brief(none + gain / 2, 3)}, nothing of it "
        f"{brief(none, 3)}: both may be. With {needed:,} rows one could tell.",
        step,
        f"Let about {needed:,} rows validate, or use a split by folds and look at the mean of all.",
        series=(f"validation/{what}",),
        patch=patches.more_validation(case.spec, needed, sum(case.num_rows.values())),
    )


def _accuracy(figures: Figures, *, constant: bool = False) -> float | None:
    """The share of right answers, or of the most frequent class; None where answers are no classes."""
    confusion = figures.get("confusion")
    if not confusion:
        return None
    total = sum(map(sum, confusion))
    right = max(map(sum, confusion)) if constant else sum(row[i] for i, row in enumerate(confusion))
    return right / total if total else None


def _num_judged(figures: Figures) -> int:
    """How many answers there are: of many places more than rows."""
    confusion: list[list[int]] = figures["confusion"]
    return sum(map(sum, confusion))


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _rows_of(part: str) -> str:
    return "training rows" if part == "train" else f"{part} rows"


def _round_up(count: float) -> int:
    """To two digits."""
    digits = int(10 ** max(0, math.ceil(math.log10(max(1.0, count))) - 2))
    return math.ceil(count / digits) * digits
