"""Memory that runs out: how much was asked for and where, how many rows at once would fit, and going on with those.

Where is read from the traceback, so that no step pays for it. How many rows fit is tried on the device itself, beside
as much memory as the optimizer will keep.
"""

import itertools
import re
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import nn
from torch.optim import Optimizer

from app.db.tables import Run
from app.errors import JobFailure
from app.specs.model import ModelSpec
from app.specs.run import RunSpec
from worker import evaluate
from worker.evaluate import pieces
from worker.job import Job
from worker.train import device as devices
from worker.train import preflight as looks
from worker.train.findings import patches
from worker.train.findings.finding import Case, Chance, Finding
from worker.train.findings.layers import called
from worker.train.learner import Learner
from worker.train.plan import Plan
from worker.train.preflight import in_bytes, optimizer_bytes
from worker.train.quiet import Quiet

_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_BY_ROWS = frozenset({"forward", "backward", "evaluation"})  # what takes less there with fewer rows at once

_NOWHERE = Case(Chance(0.0, 0.0))


@dataclass(frozen=True)
class Shortage:
    """An allocation that failed. It holds no tensor."""

    device: torch.device
    free: int  # bytes, when it failed
    needed: int | None  # bytes, where that is told
    place: str = ""  # "forward", "backward", "optimizer" or "evaluation"; empty where that does not show
    layer: str = ""
    step: int = 0
    num_rows: int = 0  # that went through the model at once
    case: Case = field(default=_NOWHERE)
    trained_s: float = 0.0  # seconds so far

    @classmethod
    def of(cls, error: BaseException, training: tuple[Plan, Case, int] | None) -> "Shortage":
        """What an error tells of it, in a training at some step if it has come so far."""
        device = devices.full_device(error)
        found = cls(device, devices.free_bytes(device), _needed(str(error)))
        if training is None:
            return found
        plan, case, step = training
        place, layer = _place(error, {id(plan.model.get_submodule(name)): name for name in plan.layers})
        batch_size = min(plan.batches.batch_size, len(plan.batches.part))
        if plan.team is not None:
            batch_size = -(-batch_size // plan.team.size)
        num_rows = min(batch_size, plan.micro_batch_size or batch_size)
        if place == "evaluation":
            num_rows = max(rows.stop for part in plan.parts.values() for rows in itertools.islice(pieces(part), 1))
        return replace(found, place=place, layer=layer, step=step, num_rows=num_rows, case=case)

    @property
    def where(self) -> str:
        """In words."""
        layer = called(self.case, [self.layer]) if self.layer else ""
        return {
            "forward": f"in {layer or 'the loss'}, on the way forward",
            "backward": "on the way back through the layers",
            "optimizer": "in the optimizer's step, which keeps figures of each weight",
            "evaluation": f"in the evaluation{f', in {layer}' if layer else ''}",
        }.get(self.place, "")

    @property
    def in_words(self) -> str:
        """How much, where, and what there is."""
        needed = "More memory was" if self.needed is None else f"{in_bytes(self.needed)} more were"
        where = f" {self.where}" if self.where else ""
        total = devices.total_bytes(self.device)
        return f"{needed} needed{where}, when {in_bytes(self.free)} of {in_bytes(total)} were free."


@dataclass(frozen=True)
class Fitted:
    """With how many rows at once a training goes on, and what is said of it."""

    rows_at_once: int | None  # while it learns; None where that does not matter
    judged_at_once: int
    finding: Finding
    trained_s: float = 0.0  # seconds, before memory ran out

    def after(self, earlier: "Fitted | None") -> "Fitted":
        """The same where memory has run out in this attempt before: what was found then holds on."""
        if earlier is None or earlier.rows_at_once is None:
            return self
        return replace(self, rows_at_once=min(earlier.rows_at_once, self.rows_at_once or earlier.rows_at_once))


def answered(job: Job, short: Shortage, make_plan: Callable[[Job], Plan]) -> Fitted:
    """With how many rows at once to go on, if the run allows it. Raises JobFailure `out_of_memory`, with a proposal."""
    devices.let_go()
    rows_at_once = _fitting(job, short, make_plan) if short.place in _BY_ROWS else None
    devices.let_go()
    spec = short.case.spec
    if rows_at_once is not None and spec is not None and spec.training.fit_memory:
        if short.place == "evaluation":
            return Fitted(None, rows_at_once, _fitted_judging(short, rows_at_once))
        return Fitted(rows_at_once, rows_at_once, _fitted(short, rows_at_once))
    if rows_at_once is not None:
        finding = _proposed(short, rows_at_once)
        job.event("finding", asdict(finding))
        job.log(f"{finding.title}: {finding.text}", "warning")
    raise _failure(job, short, rows_at_once)


def out_of_memory(job: Job, device: torch.device) -> JobFailure:
    """The failure of a run that took more memory than there is, with the figures that decide what to change."""
    with job.db.read() as session:
        run = session.get_one(Run, job.claim.payload["run_id"])
    return devices.out_of_memory(device, run.spec["training"]["batch_size"], run.num_parameters)


def _failure(job: Job, short: Shortage, rows_at_once: int | None) -> JobFailure:
    plain = out_of_memory(job, short.device)
    found = {
        "needed_bytes": short.needed,
        "free_bytes": short.free,
        "place": short.place or None,
        "layer": short.layer or None,
        "rows_at_once": rows_at_once,
    }
    hint = plain.hint
    if rows_at_once is not None:
        what = "To judge" if short.place == "evaluation" else "A micro_batch_size of"
        hint = f"{what} {rows_at_once:,} rows at once fits, tried here. fit_memory lets the run do so by itself."
    elif short.place in _BY_ROWS:
        hint = "Not even the fewest rows at once fit: take a smaller model, or smaller inputs."
    elif short.place == "optimizer":
        hint = "Take an optimizer that keeps less, as sgd or adafactor, or a smaller model: batches do not matter here."
    return JobFailure(plain.kind, f"{plain.message} {short.in_words}", hint, plain.details | found)


def _proposed(short: Shortage, rows_at_once: int) -> Finding:
    judged = short.place == "evaluation"
    what = f"judged {rows_at_once:,} rows at a time" if judged else f"with a micro_batch_size of {rows_at_once:,}"
    return Finding(
        "out_of_memory",
        f"{rows_at_once:,} rows at once would fit",
        f"{short.in_words} With {rows_at_once:,} rows at once, not {short.num_rows:,}, there is room, as was tried.",
        short.step,
        f"Let it train {what}; fit_memory lets a run find that out by itself.{_of_pieces(short)}",
        layers=(short.layer,) if short.layer else (),
        patch=patches.in_memory(short.case.spec, None if judged else rows_at_once),
    )


def _fitted(short: Shortage, rows_at_once: int) -> Finding:
    return Finding(
        "fitted_memory",
        f"Memory ran out, so {rows_at_once:,} rows go through the model at once",
        f"{_goes_on(short, rows_at_once)}{_of_pieces(short)}",
        short.step,
        f"A run with micro_batch_size {rows_at_once:,} trains so from the beginning.",
        patch=patches.in_memory(short.case.spec, rows_at_once),
    )


def _fitted_judging(short: Shortage, rows_at_once: int) -> Finding:
    return Finding(
        "fitted_judging",
        f"Memory ran out, so {rows_at_once:,} rows are judged at once",
        _goes_on(short, rows_at_once),
        short.step,
        "Nothing needs to be done: figures are those of all rows together.",
    )


def _goes_on(short: Shortage, rows_at_once: int) -> str:
    return (
        f"{short.in_words} The run may fit itself into memory (fit_memory): it goes on with {rows_at_once:,} rows at "
        f"once in place of {short.num_rows:,}."
    )


def _of_pieces(short: Shortage) -> str:
    """What becomes of a step that is taken in pieces."""
    if short.place == "evaluation":
        return ""
    adds = " Gradients of the pieces add up to those of the batch, but for rounding."
    return adds + _of_norms(short.case.spec)


def _of_norms(spec: RunSpec | None) -> str:
    normalises = spec is not None and isinstance(spec.model, ModelSpec) and spec.model.normalises_by_batch
    return " Batch normalization sees the rows of a piece alone, so its figures are others." if normalises else ""


def _fitting(job: Job, short: Shortage, make_plan: Callable[[Job], Plan]) -> int | None:
    """Half of the rows, or half of those, and so on: as many as go through the model."""
    job.log(f"{short.in_words} Trying how many rows at once would fit")
    plan = make_plan(Quiet(job))
    try_rows, least = (_judge, 1) if short.place == "evaluation" else (_learn, plan.batches.min_rows)
    num_rows = short.num_rows // 2
    while num_rows >= least:
        if _fits(plan, num_rows, try_rows):
            return num_rows
        num_rows //= 2
    return None


def _fits(plan: Plan, num_rows: int, try_rows: Callable[[Plan, int], None]) -> bool:
    try:
        try_rows(plan, num_rows)
    except (MemoryError, RuntimeError) as error:
        if not devices.is_out_of_memory(error):
            raise
    else:
        return True
    plan.gradients.clear()
    devices.let_go()
    return False


def _learn(plan: Plan, num_rows: int) -> None:
    """Twice forward and back: the second time beside gradients, and both beside what the optimizer will keep."""
    plan.gradients.clear()
    plan.model.train()
    plan.freezing.set(0)
    learner = Learner(replace(plan, forward=None))
    batch = learner.batch(*next(iter(plan.batches.epoch(0))), 0)
    piece = batch.of(slice(0, num_rows))
    reserved = torch.empty(optimizer_bytes(plan), dtype=torch.uint8, device=plan.device)
    for _ in range(2):
        plan.precision.backward(piece.loss(plan.judge.loss, learner.forward(piece.inputs)))
    del reserved


def _judge(plan: Plan, num_rows: int) -> None:
    """Once forward, beside what the optimizer keeps."""
    part = max(plan.parts.values(), key=len)
    some = replace(part, judged_at_once=num_rows)
    reserved = torch.empty(optimizer_bytes(plan), dtype=torch.uint8, device=plan.device)
    with torch.no_grad():
        next(evaluate.outputs_of(plan.model, some, plan.device))
    del reserved


def _needed(message: str) -> int | None:
    """How much was asked for, as torch's allocators say it."""
    found = re.search(r"tried to allocate ([\d.]+) (bytes|KiB|MiB|GiB)", message, re.IGNORECASE)
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def _place(error: BaseException, layers: dict[int, str]) -> tuple[str, str]:
    """Where it came from: forward, back, the optimizer or an evaluation; and the innermost layer on the way."""
    place, layer, learns = "", "", False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        own = frame.f_locals.get("self")
        if frame.f_code.co_filename == evaluate.__file__:
            place = place or "evaluation"
        elif isinstance(own, Optimizer):
            place = place or "optimizer"
        elif frame.f_code.co_name == "_engine_run_backward":
            place = place or "backward"
        elif isinstance(own, nn.Module):
            place, layer = place or "forward", layers.get(id(own), layer)
        elif isinstance(own, Learner) or frame.f_code.co_filename == looks.__file__:
            learns = True
    if not place and learns:
        return "forward", ""  # losses are no modules
    return place, layer
