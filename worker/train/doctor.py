"""The doctor: looks at a training's curves while it learns, and says each thing that it finds once.

It looks at fixed steps, with what was known up to them and no more: what it says hangs on the curves alone, not on when
they arrived. The rules are in `findings`; a rule that is unsure says nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from app.specs.model import ModelSpec
from worker.job import Job
from worker.train.findings import fit, layers, rates
from worker.train.findings.finding import Case, Chance, Finding
from worker.train.history import History
from worker.train.layerstats import rhythm

if TYPE_CHECKING:
    from worker.train.plan import Plan

__all__ = ["Case", "Chance", "Doctor", "Finding", "diagnose"]

Rule = Callable[..., Finding | None]  # of a case and a history, and whether the training has `ended`

# Of the rules in a row the first one speaks that has something to say, and those after it are silent from then on: they
# see the same from further away. Each is called by the kind of what it finds.
RULES: tuple[tuple[Rule, ...], ...] = (
    (rates.exploding_gradients,),
    (
        rates.diverging,
        rates.learning_rate_died,
        rates.oscillating,
        layers.saturated_units,
        layers.dead_relus,
        layers.vanishing_gradients,
        rates.not_learning,
        fit.underfitting,
        rates.plateau,
    ),
    (rates.diverging, rates.oscillating, fit.overfitting),
)
_LEAST_STEPS = 20  # between two looks, which cost as much as the smallest steps
# Of a model that learns nothing, it is said already that it is no better than chance.
_HOPELESS = frozenset(rule.__name__ for rule in RULES[1]) - {"underfitting", "plateau"}


def case_of(plan: "Plan") -> Case:
    """What rules know of a training beside its curves."""
    model = plan.spec.model if plan.spec is not None and isinstance(plan.spec.model, ModelSpec) else None
    return Case(
        chance=plan.chance,
        num_steps=plan.num_steps,
        steps_per_epoch=plan.steps_per_epoch,
        rate=plan.rate,
        num_rows={name: len(part) for name, part in plan.parts.items()},
        num_parameters=plan.num_parameters,
        num_outputs=plan.constant.numel(),
        spec=plan.spec,
        layers={node.name: node.layer.type for node in model.nodes} if model else {},
        outputs=set(model.graph.outputs.values()) if model else (),
        restores_best=plan.restores_best,
        is_clipped=plan.gradients.max_norm is not None,
    )


def diagnose(
    case: Case, history: History, *, ended: bool = True, said: Collection[str] = frozenset()
) -> Iterator[Finding]:
    """Everything that the curves show, less what was said before."""
    told = set(said)
    for row in RULES if history.windows else ():
        for rule in row:
            if rule.__name__ in told:
                break
            if (finding := rule(case, history, ended=ended)) is not None:
                told.add(finding.kind)
                yield finding
                break


class Doctor:
    """Says each finding once on the job's stream."""

    def __init__(self, job: Job, case: Case) -> None:
        self.job, self.case = job, case
        self.said: set[str] = set()
        self._every = rhythm(case.num_steps)
        num_epochs, few = case.num_steps // case.steps_per_epoch, -(-_LEAST_STEPS // case.steps_per_epoch)
        self._epoch_every = case.steps_per_epoch * max(few, num_epochs // 100)

    def looks_at(self, step: int) -> bool:
        """Whether the curves up to this step are looked at: by the rhythm, and after epochs, of short ones some."""
        return step % self._every == 0 or step % self._epoch_every == 0

    def look(self, history: History, *, ended: bool = False) -> None:
        """At the curves as they are, or as they have become when the training ends."""
        for finding in list(diagnose(self.case, history, ended=ended, said=self.said)):
            self.say(replace(finding, found_at=history.windows[-1].last_step))

    def judge(self, step: int, evaluation: Mapping[str, Any]) -> None:
        """At the evaluation of what a training has left."""
        found = fit.validation_too_small(self.case, step, evaluation)
        worse = None if self.said & _HOPELESS else fit.worse_than_baseline(step, evaluation)
        for finding in (found, worse):
            if finding is not None:
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
        f"It has trained for {limit_s:,.3g} s, all attempts together: training.time_limit_s allows no more. What it "
        "keeps are the weights of the best epoch that was looked at.",
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
