"""Where the numbers broke: a training whose loss is no number is gone through again, and its last steps layer by layer.

The loss is judged some steps late, when the weights are long spoiled. But a training is a function of its seed: from
the newest checkpoint it comes to the same step again. What cannot be found within a minute is not told.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from app.errors import JobFailure
from worker.job import Job
from worker.train import device as devices
from worker.train.doctor import Doctor
from worker.train.findings import patches
from worker.train.findings.finding import Case, Finding
from worker.train.findings.layers import called
from worker.train.history import History
from worker.train.learner import Learned, Learner
from worker.train.plan import Plan
from worker.train.quiet import Quiet
from worker.train.trainer import Trainer

LIMIT_S = 60.0  # checkpoints are made every 30 s, unless a run says otherwise
NON_FINITE = frozenset({"non_finite_loss", "non_finite_weights"})  # failures whose place is looked for


class Broken(NamedTuple):
    """A training whose numbers are none any more, and what is left to say of it."""

    failure: JobFailure
    doctor: Doctor
    history: History
    bounds: tuple[int | None, int | None] = (None, None)  # of the rows that went through the model at once


class Found(Exception):
    """Where the numbers broke: at which step, in which layer if any, and in what of it."""

    def __init__(self, step: int, what: str, layer: str | None = None, size: float = 0.0) -> None:
        super().__init__(what)
        self.step, self.what, self.layer = step, what, layer
        self.size = size  # of the largest output


class _GaveUp(Exception):
    """It takes too long, or somebody asked for something else."""


class Replay(Trainer):
    """A training up to the step whose loss was no number, where `fit` raises Found."""

    def __init__(self, job: Job, plan: Plan, bad_step: int) -> None:
        super().__init__(job, plan)
        self.bad_step, self._until = bad_step, time.monotonic() + LIMIT_S
        self._before: Found | None = None  # what broke in the step before, which its loss did not show
        self._by_layers = Learner(replace(plan, forward=None))  # what is compiled has no layers to be watched

    def _learn(self, inputs: Tensor, targets: Tensor) -> Learned:
        if self.step + 1 < self.bad_step - 1:
            return super()._learn(inputs, targets)
        step, self.closely.learner = self.step + 1, self._by_layers
        if spoiled := self._spoiled_weights():
            raise self._before or Found(step, "weights", spoiled)
        for what, tensor in (("inputs", inputs), ("targets", targets)):
            if not _is_finite(tensor):
                raise Found(step, what)
        with _watched(self.plan) as seen:
            learned = super()._learn(inputs, targets)
        if not _is_finite(learned.loss):
            size = float(learned.outputs.abs().max())
            raise Found(step, *seen[0]) if seen and seen[0][0] == "outputs" else Found(step, "loss", size=size)
        if step == self.bad_step:
            raise _GaveUp  # a device that gives other bits the second time
        if spoiled := self._spoiled_weights():
            back = next((one for one in seen if one[0] != "outputs"), None)
            self._before = Found(step, *(back or ("step", spoiled)))
        return learned

    def _spoiled_weights(self) -> str | None:
        """The first layer with weights, or figures of a norm, that are no numbers."""
        for name, layer in _layers(self.plan):
            if not all(map(_is_finite, layer.state_dict().values())):
                return name
        return None

    def _tend(self) -> None:
        if time.monotonic() > self._until or self.job.requested:
            raise _GaveUp
        if self.steering.is_due(self.step):
            self._steer()

    def _hold_best(self) -> None: ...

    def save(self) -> None: ...

    def _take_profile(self, num_steps: int) -> None: ...


def explained(job: Job, broken: Broken, make_plan: Callable[[Job], Plan]) -> JobFailure:
    """The failure with the place where the numbers broke, if it is found; what else the curves show is said, too."""
    failure, doctor, history, bounds = broken
    devices.let_go()

    def plan_of(job: Job) -> Plan:
        plan = make_plan(job)
        plan.fit_into(*bounds)
        return plan

    doctor.look(history)
    step = int(failure.details["step"])
    if failure.kind == "non_finite_weights":
        step += 1  # the step that would have shown it
    job.log("going back to the newest checkpoint, to see where the numbers broke")
    found = _find(job, step, plan_of)
    if found is None:
        job.log("where the numbers broke did not show")
        return failure
    finding = _finding(doctor.case, found)
    doctor.say(finding)
    details = failure.details | {"place": found.what, "layer": found.layer}
    return JobFailure(failure.kind, f"{failure.message} {finding.text}", finding.fix, details)


def _find(job: Job, step: int, make_plan: Callable[[Job], Plan]) -> Found | None:
    quiet = Quiet(job)
    try:
        replay = Replay(quiet, make_plan(quiet), step)
        replay.resume(before=step - 1)  # the step before is where it may have begun
        replay.steering.forget_news()
        replay.fit()
    except Found as found:
        return found
    except (_GaveUp, JobFailure):
        return None
    except (MemoryError, RuntimeError) as error:
        if not devices.is_out_of_memory(error):
            raise
        return None
    return replay._before


@contextmanager
def _watched(plan: Plan) -> Iterator[list[tuple[str, str]]]:
    """Meanwhile, what is no number in which layer, in the order of its coming: outputs, then what goes back."""
    seen: list[tuple[str, str]] = []

    def see_gradient(what: str, name: str, gradient: Tensor) -> None:
        if not _is_finite(gradient):
            seen.append((what, name))

    def see_output(name: str) -> Callable[..., None]:
        def see(module: nn.Module, inputs: Any, output: Any) -> None:
            if not isinstance(output, Tensor):
                return
            if not _is_finite(output):
                seen.append(("outputs", name))
            elif output.requires_grad:
                output.register_hook(partial(see_gradient, "returned", name))  # type: ignore[no-untyped-call]

        return see

    hooks = [module.register_forward_hook(see_output(name)) for name, module in _layers(plan)]
    hooks += [
        parameter.register_hook(partial(see_gradient, "gradients", name))  # type: ignore[no-untyped-call]
        for name, module in _layers(plan)
        for parameter in module.parameters()
        if parameter.requires_grad
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _layers(plan: Plan) -> list[tuple[str, nn.Module]]:
    return [(name, plan.model.get_submodule(name)) for name in plan.layers]


def _is_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _finding(case: Case, found: Found) -> Finding:
    is_data = found.what in {"inputs", "targets"}
    layer = "the loss" if found.layer is None else called(case, [found.layer])
    return Finding(
        "not_finite",
        "The data holds what is no number" if is_data else f"The numbers broke in {layer}",
        _in_words(found, layer),
        found.step,
        "Look for NaN, infinities or enormous values in the columns that are read."
        if is_data
        else "Try a tenth of the learning rate, standardized inputs, or gradients that are bounded (max_grad_norm 1).",
        series=("train/loss", "optimizer/grad_norm"),
        layers=() if found.layer is None else (found.layer,),
        patch=None if is_data else patches.calmer(case.spec),
        found_at=found.step,
    )


def _in_words(found: Found, layer: str) -> str:
    backwards = f"In step {found.step:,} the loss was still finite; on the way back the first gradient that is not is"
    return {
        "inputs": "Rows of this batch hold inputs that are not finite.",
        "targets": "Rows of this batch hold targets that are not finite.",
        "outputs": f"Weights and inputs were still finite; the first outputs that are not come from {layer}.",
        "loss": f"All layers gave finite outputs, up to {found.size:.2g}; the loss of them is not.",
        "gradients": f"{backwards} that of the weights of {layer}.",
        "returned": f"{backwards} the one that reaches the outputs of {layer}.",
        "step": f"In step {found.step:,} loss and gradients were still finite; the step itself took the weights of "
        f"{layer} beyond the largest number.",
        "weights": f"The weights of {layer} were no longer finite when step {found.step:,} began.",
    }[found.what]
