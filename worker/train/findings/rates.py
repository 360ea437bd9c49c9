"""What the loss of the training rows says of the steps: too large, too small, or none that helps."""

import math
from itertools import pairwise
from statistics import fmean, median

from app.words import brief
from worker.train.findings import patches, stretches
from worker.train.findings.finding import Case, Chance, Finding
from worker.train.findings.layers import called, longest_gradient
from worker.train.history import History, Window
from worker.train.recorder import EPOCH_LOSS

FEW_STEPS = 20
_LONG = 200
_LOSS = ("train/loss", "optimizer/lr")
_DEAD_RATE = 0.01
_LOW_RATE = 0.1
_FALLING = 0.98
_LOST = 2.0
_SWINGING = 0.25
_SWINGING_EPOCHS = 12
_SPIKE = 100.0
HARM = 0.05  # of what a constant answer loses: by less nobody is worse off
_FLAT = 0.01
_FLAT_EPOCHS = 10
_LEARNED = 0.05


def not_learning(case: Case, history: History, *, ended: bool) -> Finding | None:
    """The loss stayed at what a constant answer gives.

    Before the end it is said once half of all steps are done, two hundred at least, unless the loss falls or the
    schedule has taken the rate below a tenth: many a training rests there before it gets going (Dauphin et al., 2014).
    """
    windows = history.windows
    final = stretches.recent_loss(windows)
    if stretches.num_steps(windows) < FEW_STEPS or not case.chance.reached_by(final):
        return None
    falls = still_falls(case.chance, windows)
    is_early = windows[-1].last_step < max(_LONG, case.num_steps / 2)
    if not ended and (falls or is_early or _rate_is_low(windows)):
        return None
    return Finding(
        "not_learning",
        "It does not learn",
        f"After {windows[-1].last_step:,} steps the training loss is {brief(final)}. A model that gives every row the "
        f"same answer reaches {brief(case.chance.loss)}, so what went in hardly matters for what comes out.",
        windows[-1].last_step,
        "The loss was still falling: more epochs, or a larger learning rate, may be all it needs."
        if falls
        else "Try a learning rate ten times larger or smaller, adam if it is another optimizer, scaled inputs, other "
        "first weights. Or there is nothing in these columns to learn the target from.",
        series=_LOSS,
        patch=patches.more_epochs(case.spec) if falls else patches.other_steps(case.spec),
    )


def learning_rate_died(case: Case, history: History, *, ended: bool) -> Finding | None:
    """The schedule took the learning rate away, to a hundredth and for good, before the loss had moved."""
    windows = history.windows
    if stretches.num_steps(windows) < FEW_STEPS or not case.chance.reached_by(stretches.recent_loss(windows)):
        return None
    highest = stretches.highest_rate(windows)
    dead = _died(windows, highest)
    if dead is None or not (ended or _stays_dead(case, windows[-1].last_step, highest)):
        return None
    window = windows[dead]
    return Finding(
        "learning_rate_died",
        "The learning rate died before it learned",
        f"The schedule took the learning rate from {brief(highest, 3)} to {brief(window.lr, 2)} by step "
        f"{window.last_step:,}, less than a hundredth. The loss was {brief(window.loss)} then and is "
        f"{brief(stretches.recent_loss(windows))} now; the same answer for every row gives {brief(case.chance.loss)}. "
        "Steps that small no longer move the weights.",
        window.last_step,
        "Let the rate fall more slowly (gamma nearer to 1, or a larger every), or start with a larger one: inputs "
        "scaled to small numbers give small gradients, and need it.",
        series=("optimizer/lr", "train/loss"),
        patch=patches.slower_schedule(case.spec),
    )


def diverging(case: Case, history: History, *, ended: bool) -> Finding | None:
    """The loss has risen to twice what it was and twice what a constant answer gives; or from half of that back to it.

    Beyond 2 over the greatest curvature each step of gradient descent leads further away (LeCun et al., 1998,
    "Efficient BackProp", 4.1). A constant answer is what a model falls back to; twice its loss is no wavering.
    """
    windows = history.windows
    if stretches.num_steps(windows) < FEW_STEPS:
        return None
    recent, lowest = stretches.recent_loss(windows), stretches.lowest_loss(windows)
    earlier = stretches.mean_loss(stretches.before(windows, 10))
    share = case.chance.share
    grows = share(recent) >= _LOST * max(1.0, share(lowest)) and recent >= earlier
    forgot = _LOST * share(lowest) <= 1 and case.chance.reached_by(min(recent, earlier))
    if not (grows or forgot):
        return None
    return Finding(
        "diverging",
        f"The learning rate is too high: {'the loss grows' if grows else 'what was learned is lost again'}",
        f"Around step {windows[-1].last_step:,} the training loss is {brief(recent)}; it was {brief(lowest)} before, "
        f"and the same answer for every row gives {brief(case.chance.loss)}. The steps, at a rate of "
        f"{brief(windows[-1].lr, 3)}, lead away from where the loss is low.",
        windows[-1].last_step,
        "Try a tenth of the learning rate, or let it climb over the first steps (warmup_steps).",
        series=("train/loss", "optimizer/lr", "optimizer/grad_norm"),
        patch=patches.lower_rate(case.spec),
    )


def oscillating(case: Case, history: History, *, ended: bool) -> Finding | None:
    """Over twelve epochs the loss of the training rows goes up and down by a quarter, and comes no lower.

    An epoch's loss is a mean over all rows, so that chance in the batches explains little of it: by less than three
    standard errors of as many rows nothing is said. Steps that are too long jump across the valley (LeCun et al.).
    """
    losses = history.epochs.get(EPOCH_LOSS, [])[-_SWINGING_EPOCHS:]
    if len(losses) < _SWINGING_EPOCHS or not all(map(math.isfinite, losses)):
        return None
    lacks = [case.chance.share(loss) for loss in losses]
    level = fmean(lacks)
    changes = [after - before for before, after in pairwise(lacks)]
    turns = sum(one * other < 0 for one, other in pairwise(changes))
    half = len(losses) // 2
    least = max(_SWINGING, 3 / math.sqrt(max(1, case.num_rows.get("train", 1))))
    is_high = level >= 0.3
    comes_lower = fmean(lacks[half:]) < 0.95 * fmean(lacks[:half])
    if not is_high or comes_lower or turns < half or fmean(map(abs, changes)) < least * level:
        return None
    step = history.windows[-1].last_step
    return Finding(
        "oscillating",
        "The learning rate is too high: the loss swings",
        f"In the twelve epochs up to step {step:,} the training loss went up and down between {brief(min(losses))} and "
        f"{brief(max(losses))}, by {brief(_mean_change(losses), 2)} from one epoch to the next, and came no lower. At "
        f"a rate of {brief(history.windows[-1].lr, 3)} the steps jump across the low places.",
        step,
        "Try a tenth of the learning rate, or a schedule that lowers it.",
        series=("train/epoch_loss", "train/loss", "optimizer/lr"),
        patch=patches.lower_rate(case.spec),
    )


def exploding_gradients(case: Case, history: History, *, ended: bool) -> Finding | None:
    """Gradients a hundred times as long as they usually are, and the loss the worse for it; unless they are bounded.

    Pascanu et al., 2013, "On the difficulty of training recurrent neural networks": the gradient meets a wall, one step
    along it undoes many, and a bound near the usual norm prevents that.
    """
    windows = history.windows
    if stretches.num_steps(windows) < 2 * FEW_STEPS or case.is_clipped:
        return None
    usual = median(window.grad_norm for window in windows)
    tenth = stretches.last(windows, 10)
    highest = max(tenth, key=lambda window: window.peak_grad_norm)
    layer = longest_gradient(case, history)
    begun = fmean(window.grad_norm for window in windows[: len(tenth)])
    recent, lowest = stretches.recent_loss(windows), stretches.lowest_loss(windows)
    lacks, lacked = case.chance.share(recent), case.chance.share(lowest)
    is_worse = lacks >= max(1.2 * lacked, lacked + HARM)
    if highest.peak_grad_norm < max(_SPIKE * usual, 10 * begun) or usual == 0 or not is_worse:
        return None
    bound = max(usual, begun)  # late in a training that went well the usual ones are too short to begin with
    return Finding(
        "exploding_gradients",
        "The gradients explode",
        f"Around step {highest.last_step:,} the gradient was {brief(highest.peak_grad_norm, 3)} long; usually it is "
        f"{brief(usual, 2)}. The training loss is {brief(recent)} since, and was {brief(lowest)} before: one such step "
        "undoes what many have learned."
        + ("" if layer is None else f" Next to its weights, {called(case, [layer])} has the longest gradient."),
        highest.last_step,
        f"Bound it: max_grad_norm {patches.rounded(bound):g} leaves the usual ones as they are.",
        series=("optimizer/grad_norm", "train/loss", *([f"layers/{layer}/grad_norm"] if layer is not None else [])),
        layers=() if layer is None else (layer,),
        patch=patches.bound_gradients(case.spec, bound),
    )


def plateau(case: Case, history: History, *, ended: bool) -> Finding | None:
    """Half of the steps so far brought less than one percent, at a rate of a tenth of its highest or more.

    As torch's ReduceLROnPlateau, it waits for ten epochs; of those and of a quarter of all steps the loss is compared,
    not of single ones. A loss of a twentieth of chance has little left to lose. Early stopping sees to it by itself.
    """
    windows = history.windows
    flat_steps = stretches.num_steps(windows) / 2
    if flat_steps < max(_FLAT_EPOCHS * case.steps_per_epoch, case.num_steps / 4, FEW_STEPS) or _rate_is_low(windows):
        return None
    quarter = max(1, len(windows) // 4)
    second, third, fourth = (
        case.chance.share(stretches.mean_loss(stretches.back(windows, k * quarter, quarter))) for k in (3, 2, 1)
    )
    level = stretches.mean_loss(stretches.back(windows, quarter, quarter))
    is_halfway = fourth > _LEARNED and not case.chance.reached_by(level)
    if not is_halfway or case.restores_best or max(abs(third - fourth), abs(second - third)) > _FLAT * fourth:
        return None
    step = windows[-3 * quarter].last_step if len(windows) > 3 * quarter else windows[0].last_step
    return Finding(
        "plateau",
        f"No progress since step {step:,}",
        f"From step {step:,} to {windows[-1].last_step:,} the training loss stayed at {brief(level)}, within one "
        f"percent, at a learning rate of {brief(windows[-1].lr, 3)}. More of the same will not lower it.",
        step,
        "Let the rate fall towards the end (a cosine schedule), which lets it settle lower; or stop early. If it is "
        "too high still, the model is too small for what is to be learned, or the columns say no more.",
        series=("train/loss", "optimizer/lr"),
        patch=patches.falling_rate(case.spec),
    )


def still_falls(chance: Chance, windows: list[Window], to: float = _FALLING) -> bool:
    """Whether the last quarter is clearly below the one before."""
    fourth, third = (stretches.mean_loss(of(windows, 4)) for of in (stretches.last, stretches.before))
    return chance.share(fourth) < to * chance.share(third)


def _mean_change(losses: list[float]) -> float:
    return fmean(abs(after - before) for before, after in pairwise(losses))


def _rate_is_low(windows: list[Window]) -> bool:
    return windows[-1].lr < _LOW_RATE * stretches.highest_rate(windows)


def _died(windows: list[Window], highest: float) -> int | None:
    """The window from which on the rate is down and stays there. (A warm-up starts low, and comes up.)"""
    num_alive = max((i for i, window in enumerate(windows, 1) if window.lr >= _DEAD_RATE * highest), default=0)
    return num_alive if num_alive < len(windows) else None


def _stays_dead(case: Case, step: int, highest: float) -> bool:
    """Whether the schedule leaves it there; a hundred steps to come are asked."""
    if case.rate is None:
        return False
    to_come = range(step, case.num_steps, max(1, (case.num_steps - step) // 100))
    return all(case.rate(one) < _DEAD_RATE * highest for one in to_come)
