"""Findings: what an experienced eye sees in the curves of a training, said in words with what to try.

Each rule is a pure function of the history. A rule that is unsure says nothing.
"""

import math
from dataclasses import asdict, dataclass

from worker.job import Job
from worker.train.history import History, Window
from worker.train.recorder import EPOCH_LOSS

# A model counts as not learning while its loss is above this share of what needs no inputs: a quarter of the variance
# explained for squares, the same for absolute values and what lies between, a tenth of the entropy for classes, of what
# is lacking to a margin the same. Where a tenth of the entropy is gone, a sixth or more of a focal loss is.
_UNLEARNED = {"mse_loss": 0.75, "l1_loss": 0.87, "smooth_l1_loss": 0.87, "huber_loss": 0.87}
_UNLEARNED |= {"focal_loss": 0.85, "sigmoid_focal_loss": 0.85, "poisson_nll_loss": 0.75}
_UNLEARNED_NATS = 0.144  # log(4 / 3) / 2: by so much the loss of a normal law falls with a quarter of the variance
_UNLEARNED_ENTROPY = 0.9
_FEW_STEPS = 20
_DEAD_RATE = 0.01
_WORSE = 0.1  # by so much of itself a loss has risen, or fallen: it may be below 0
_FALLING = 0.02


@dataclass(frozen=True)
class Finding:
    """Something worth knowing about a run, where it showed, and what to do."""

    kind: str
    title: str
    text: str
    step: int
    fix: str


@dataclass(frozen=True)
class Chance:
    """The loss that needs no inputs: what always giving the same best answer reaches on the training rows."""

    loss: float
    unlearned: float  # a loss from here up is hardly better

    @classmethod
    def of(cls, loss: float, loss_type: str, least: float = 0.0) -> "Chance":
        """What such a loss of that type means, where none is below the `least`."""
        if loss_type == "gaussian_nll_loss":
            return cls(loss, loss - _UNLEARNED_NATS)
        return cls(loss, least + (loss - least) * _UNLEARNED.get(loss_type, _UNLEARNED_ENTROPY))

    def reached_by(self, loss: float) -> bool:
        """Whether a loss is hardly better."""
        return loss >= self.unlearned


def diagnose(history: History, chance: Chance) -> list[Finding]:
    """Everything that the curves show at the end of a training."""
    dead = learning_rate_died(history, chance)
    found = [dead or not_learning(history, chance), overfitting(history)]
    return [finding for finding in found if finding is not None]


def not_learning(history: History, chance: Chance) -> Finding | None:
    """The loss stayed at what a constant answer gives."""
    windows = history.windows
    final = _final_loss(windows)
    if _num_steps(windows) < _FEW_STEPS or not chance.reached_by(final):
        return None
    return Finding(
        "not_learning",
        "It does not learn",
        f"After {windows[-1].last_step:,} steps the training loss is {final:.4g}. A model that gives every row the "
        f"same answer reaches {chance.loss:.4g}, so what went in hardly matters for what comes out.",
        windows[-1].last_step,
        "The loss was still falling: more epochs, or a larger learning rate, may be all it needs."
        if _still_falls(windows)
        else "Try a learning rate ten times larger or smaller, adam if it is another optimizer, scaled inputs, other "
        "first weights. Or there is nothing in these columns to learn the target from.",
    )


def learning_rate_died(history: History, chance: Chance) -> Finding | None:
    """The schedule took the learning rate away before the loss had moved."""
    windows = history.windows
    if _num_steps(windows) < _FEW_STEPS or not chance.reached_by(_final_loss(windows)):
        return None
    highest = max(window.peak_lr for window in windows)
    dead = next((i for i, window in enumerate(windows) if _died(windows, i, highest)), None)
    if dead is None:
        return None
    window = windows[dead]
    return Finding(
        "learning_rate_died",
        "The learning rate died before it learned",
        f"The schedule took the learning rate from {highest:.3g} to {window.lr:.2g} by step {window.last_step:,}, "
        f"less than a hundredth. The loss was {window.loss:.4g} then and is {_final_loss(windows):.4g} now; the same "
        f"answer for every row gives {chance.loss:.4g}. Steps that small no longer move the weights.",
        window.last_step,
        "Let the rate fall more slowly (gamma nearer to 1, or a larger every), or start with a larger one: inputs "
        "scaled to small numbers give small gradients, and need it.",
    )


def overfitting(history: History) -> Finding | None:
    """The validation loss rose again while the training loss went on falling."""
    train, validation = history.epochs.get(EPOCH_LOSS, []), history.epochs.get("validation/loss", [])
    if len(validation) < 5 or len(train) != len(validation):
        return None
    if not all(map(math.isfinite, validation)):  # nothing compares with NaN: what is lowest would be chance
        return None
    best = min(range(len(validation)), key=validation.__getitem__)
    recent = validation[max(best + 1, len(validation) - 3) :]
    has_risen = min(recent, default=0) >= validation[best] + _WORSE * abs(validation[best])
    if len(recent) < 3 or not has_risen or train[-1] > train[best] - _WORSE * abs(train[best]):
        return None
    return Finding(
        "overfitting",
        f"It learns its rows by heart since epoch {best + 1}",
        f"The validation loss was lowest after epoch {best + 1}, at {validation[best]:.4g}, and has risen to "
        f"{validation[-1]:.4g}, while the training loss fell from {train[best]:.4g} to {train[-1]:.4g}. What it has "
        "learned since does not hold for rows it has not seen.",
        round(history.windows[-1].last_step * (best + 1) / len(validation)),
        "Stop early with restore_best, use dropout, an l2 penalty or a smaller model, or get more data.",
    )


def _num_steps(windows: list[Window]) -> int:
    return sum(window.num_steps for window in windows)


def _mean_loss(windows: list[Window]) -> float:
    return math.fsum(window.loss * window.num_steps for window in windows) / max(_num_steps(windows), 1)


def _final_loss(windows: list[Window]) -> float:
    """The mean over the last tenth."""
    return _mean_loss(windows[-max(1, len(windows) // 10) :])


def _still_falls(windows: list[Window]) -> bool:
    """Whether the last quarter is clearly below the one before."""
    quarter = max(1, len(windows) // 4)
    before = _mean_loss(windows[-2 * quarter : -quarter])
    return _mean_loss(windows[-quarter:]) < before - _FALLING * abs(before)


def _died(windows: list[Window], i: int, highest: float) -> bool:
    """Whether the rate is down at window i and stays there. (A warm-up starts low, and comes up.)"""
    return all(window.lr < _DEAD_RATE * highest for window in windows[i:])


class Doctor:
    """Says each finding once on the job's stream."""

    def __init__(self, job: Job, chance: Chance, *, restores_best: bool) -> None:
        self.job, self.chance, self.restores_best = job, chance, restores_best
        self.said: set[str] = set()

    def look(self, history: History) -> None:
        """At the curves as they are at the end of a training."""
        for finding in diagnose(history, self.chance):
            if not (finding.kind == "overfitting" and self.restores_best):
                self.say(finding)

    def say(self, finding: Finding) -> None:
        """Put a finding on the stream unless one of its kind is there."""
        if finding.kind not in self.said:
            self.said.add(finding.kind)
            self.job.event("finding", asdict(finding))
            self.job.log(f"{finding.title}: {finding.text}", "warning")

    def say_time_limit(self, step: int, limit_s: float) -> None:
        """The training was ended because of the time that it took."""
        self.say(time_limit(step, limit_s))

    def say_damaged(self, step: int, going_on_from: int) -> None:
        """A checkpoint was passed over."""
        self.job.event("finding", asdict(damaged_checkpoint(step, going_on_from)))


def time_limit(step: int, limit_s: float) -> Finding:
    """What is said of a training that took as long as it may."""
    return Finding(
        "time_limit",
        "It was stopped at its time limit",
        f"It has trained for {limit_s:,.3g} s, all attempts together: training.time_limit_s lets it no longer. What it "
        "keeps are the weights of its best epoch.",
        step,
        "A longer limit, fewer epochs with a schedule that ends with them, or a larger batch_size.",
    )


def damaged_checkpoint(step: int, going_on_from: int) -> Finding:
    """What is said of a checkpoint whose files are not what was written, or not what is read today."""
    return Finding(
        "damaged_checkpoint",
        f"The checkpoint at step {step:,} is damaged",
        "Its files are not what was written, by their SHA-256, or another version of Traindeck wrote them. Training "
        f"goes on from step {going_on_from:,}; the result is the same, it only takes longer.",
        going_on_from,
        "Check the disk that holds the data folder.",
    )
