"""What can be said before the first step: of the first loss, and of weights that will never learn."""

from collections.abc import Iterator

from app.specs.layers.backbone import Backbone
from app.specs.model import ModelSpec
from app.words import brief
from worker.train.findings import patches
from worker.train.findings.finding import Case, Finding
from worker.train.findings.layers import called

_FAR = 2.0  # times


def findings(case: Case, loss: float, even: float | None) -> Iterator[Finding]:
    """Everything there is to say. `even` is the loss were every class as likely, None where no classes are told."""
    if (found := _high_first_loss(case, loss, even)) is not None:
        yield found
    if (found := _frozen_chance(case)) is not None:
        yield found


def _high_first_loss(case: Case, loss: float, even: float | None) -> Finding | None:
    """The first loss is twice that of outputs that hold every class alike, ln K of K classes.

    Weights as torch draws them give outputs near 0 for inputs near 0 of spread 1 (He et al., 2015).
    """
    if even is None or not loss > _FAR * even or _begins_with_others(case):
        return None
    return Finding(
        "high_first_loss",
        "The first loss is far above chance",
        f"Before the first step the loss is {brief(loss)}; an answer that holds every class alike has {brief(even)}. "
        "So the model begins very sure of what it does not know: its inputs are large, or its first weights are.",
        0,
        "Scale the inputs (standardize), or begin with smaller weights; else the first steps go into unlearning it.",
        series=("train/loss",),
        patch=patches.standardized(case.spec) or patches.begun_anew(case.spec),
    )


def _begins_with_others(case: Case) -> bool:
    return case.spec is not None and case.spec.training.start_from is not None


def _frozen_chance(case: Case) -> Finding | None:
    """A known network that is held as chance drew it."""
    model = case.spec.model if case.spec is not None else None
    if not isinstance(model, ModelSpec) or _begins_with_others(case):
        return None
    frozen = [node for node in model.nodes if node.pace.frozen_epochs]
    names = tuple(one.name for one in frozen if isinstance(one.layer, Backbone) and one.layer.weights is None)
    if not names:
        return None
    return Finding(
        "frozen_chance",
        "Frozen random weights learn nothing",
        f"The weights of {called(case, names)} are drawn by chance, and frozen: what the network makes of an image has "
        "been learned from nothing, and stays so.",
        0,
        "Let it begin with weights that were trained (weights: hub, or a file), or do not freeze it.",
        layers=names,
        patch=patches.trained_backbones(case.spec),
    )
