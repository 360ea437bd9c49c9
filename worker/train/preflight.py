"""The preflight: before the first step one batch goes through the model, forward and back, and what it took is told.

Nothing of the training is changed by it (`untouched`). Shapes, loss, times and what is kept for the way back are
measured on that batch, the first of the run; what the optimizer will keep is reckoned from the specification.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from app import events
from app.specs.memory import memory_of
from app.specs.model import ModelSpec
from worker.job import Job
from worker.train import device as devices
from worker.train import rangetest
from worker.train.findings import first
from worker.train.learner import Batch, Learner
from worker.train.plan import Plan
from worker.train.untouched import untouched

if TYPE_CHECKING:
    from worker.train.trainer import Trainer

MAX_LAYERS = 300  # that are told
AGAIN_WITHIN_S = 0.5  # of a pass: one that took longer is not gone through twice
_FREE_SHARE = 0.8  # of the memory that is free, which rows may take: what else is needed is not known
_ENTROPIES = frozenset({"cross_entropy", "binary_cross_entropy_with_logits"})  # of outputs that are all 0, chance

Body = dict[str, Any]


@dataclass
class Pass:
    """What a batch showed on its way through the model and back."""

    loss: float = 0.0
    even: float | None = None  # the loss, were every class as likely as any other
    forward_s: float = 0.0
    backward_s: float = 0.0
    rows_at_once: int = 0
    shapes: dict[str, list[int]] = field(default_factory=dict)  # of what each layer gives, without the batch
    kept: dict[str, int] = field(default_factory=dict)  # bytes for the way back, by layer; what is left is the loss's
    gradients: int = 0  # bytes
    batch: int = 0  # bytes

    @property
    def seconds(self) -> float:
        """The whole way."""
        return self.forward_s + self.backward_s


def is_told(job: Job, *, again: bool) -> bool:
    """Whether a run was looked at before: in an earlier attempt, or where this one begins again."""
    if job.claim.attempt == 1 and not again:
        return False
    job.flush()
    with job.db.read() as session:
        return bool(events.read(session, job.claim.job_id, limit=1, kinds=["preflight"]))


def preflight(trainer: "Trainer") -> None:
    """Look at what is about to begin, and tell: in the log, as an event, as findings."""
    plan, began_at = trainer.plan, time.monotonic()
    plan.model.train()
    plan.freezing.set(0)
    with untouched(plan):
        seen, is_warm = _measured(plan)
    body = _body(plan, seen, is_warm=is_warm)
    for line in _lines(body):
        trainer.job.log(line)
    for finding in first.findings(trainer.doctor.case, seen.loss, seen.even):
        trainer.doctor.say(finding)
    test = plan.spec.training.lr_range_test if plan.spec is not None else None
    if test is not None:
        body["lr_range"] = rangetest.told(trainer, test)
    body["took_s"] = round(time.monotonic() - began_at, 4)
    trainer.job.event("preflight", body)


def _measured(plan: Plan) -> tuple[Pass, bool]:
    """What the first batch showed; and whether its times are those of a second pass, which has nothing to set up."""
    learner = Learner(replace(plan, forward=None))  # what is compiled has no layers to be watched
    inputs, targets = next(iter(plan.batches.epoch(0)))
    batch = learner.batch(inputs, targets, 0)
    if plan.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(plan.device)
    seen = Pass(batch=inputs.nbytes + targets.nbytes)
    with _watched(plan, batch, seen):
        _go(learner, batch, seen)
    seen.gradients = sum(one.grad.nbytes for one in plan.gradients.parameters if one.grad is not None)
    if seen.seconds > AGAIN_WITHIN_S:
        return seen, False
    again = Pass()
    plan.gradients.clear()
    _go(learner, batch, again)
    return replace(seen, forward_s=again.forward_s, backward_s=again.backward_s), True


def _go(learner: Learner, batch: Batch, seen: Pass) -> None:
    """Forward and back, in pieces if the run goes in pieces."""
    plan, losses, evens = learner.plan, [], []
    for piece, loss_of in learner.pieces(batch):
        began_at = _clock(plan.device)
        outputs = learner.forward(piece.inputs)
        loss = piece.loss(loss_of, outputs)
        middle = _clock(plan.device)
        plan.precision.backward(loss)
        seen.backward_s += _clock(plan.device) - middle
        seen.forward_s += middle - began_at
        seen.rows_at_once = seen.rows_at_once or len(piece.inputs)
        losses.append(loss.detach())
        if plan.chance.loss_type in _ENTROPIES:
            evens.append(piece.loss(loss_of, torch.zeros_like(outputs.detach())))
    seen.loss = float(torch.stack(losses).sum())
    seen.even = float(torch.stack(evens).sum()) if evens else None


def _clock(device: torch.device) -> float:
    """Now, when the device has done what it was told to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


@contextmanager
def _watched(plan: Plan, batch: Batch, seen: Pass) -> Iterator[None]:
    """Meanwhile, what each layer gives, and what of the first piece is kept for the way back, counted once."""
    at = ""
    own = {_place(one) for one in (*plan.model.parameters(), batch.inputs, batch.targets)}

    def enter(name: str, *_: Any) -> None:
        nonlocal at
        at = name

    def leave(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal at
        at = ""  # the loss comes after the last
        if isinstance(output, Tensor):
            seen.shapes[name] = list(output.shape[1:])

    def keep(tensor: Tensor) -> Tensor:
        if not seen.rows_at_once and _place(tensor) not in own:
            own.add(_place(tensor))
            seen.kept[at] = seen.kept.get(at, 0) + tensor.untyped_storage().nbytes()
        return tensor

    layers = [(name, plan.model.get_submodule(name)) for name in plan.layers]
    hooks = [layer.register_forward_pre_hook(partial(enter, name)) for name, layer in layers]
    hooks += [layer.register_forward_hook(partial(leave, name)) for name, layer in layers]
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _place(tensor: Tensor) -> int:
    """Where it lies, and whatever shares its memory."""
    return tensor.untyped_storage().data_ptr()


def _body(plan: Plan, seen: Pass, *, is_warm: bool) -> Body:
    """All of it as JSON."""
    memory = _memory(plan, seen)
    return {
        "num_rows": min(plan.batches.batch_size, len(plan.batches.part)),
        "rows_at_once": seen.rows_at_once,
        "layers": _layers(plan, seen),
        "num_layers": len(plan.layers),
        "loss": {
            "first": _number(seen.loss),
            "even": _number(seen.even),
            "constant": _number(plan.chance.loss),
            "constant_name": plan.constant_name,
        },
        "memory": memory,
        "time": {
            "forward_s": _number(seen.forward_s),
            "backward_s": _number(seen.backward_s),
            "whole_s": _number(seen.seconds * plan.num_steps),
            "num_steps": plan.num_steps,
            "is_warm": is_warm,
        },
        "batch_size": _room(plan, seen, memory),
        "lr_range": None,
    }


def _layers(plan: Plan, seen: Pass) -> list[Body]:
    model = plan.spec.model if plan.spec is not None and isinstance(plan.spec.model, ModelSpec) else None
    types = {node.name: node.layer.type for node in model.nodes} if model else {}
    return [
        {
            "name": name,
            "type": types.get(name, ""),
            "output_shape": seen.shapes.get(name),
            "num_parameters": sum(one.numel() for one in plan.model.get_submodule(name).parameters()),
            "kept_bytes": seen.kept.get(name, 0),
        }
        for name in plan.layers[:MAX_LAYERS]
    ]


def _memory(plan: Plan, seen: Pass) -> Body:
    """In bytes: what tensors take. Libraries, and what is at work within a layer, are beside it."""
    parts = {
        "weights": sum(one.nbytes for one in (*plan.model.parameters(), *plan.model.buffers())),
        "gradients": seen.gradients,
        "optimizer": optimizer_bytes(plan),
        "activations": sum(seen.kept.values()),
        "batch": seen.batch,
    }
    is_cuda = plan.device.type == "cuda"
    return {
        **parts,
        "total": sum(parts.values()),
        "peak": torch.cuda.max_memory_allocated(plan.device) if is_cuda else None,
        "device_free": devices.free_bytes(plan.device),
        "device_total": devices.total_bytes(plan.device),
    }


def optimizer_bytes(plan: Plan) -> int:
    """What the optimizer will keep, and averages of weights: reckoned, for it has nothing before its first step."""
    if plan.spec is None or not isinstance(plan.spec.model, ModelSpec):
        return 0
    inspection = plan.spec.model.inspect(plan.preprocessing.fed)  # type: ignore[attr-defined]
    memory = memory_of(plan.spec.model, inspection, plan.spec.training, plan.batches.batch_size)
    return memory.optimizer + memory.averages


def _room(plan: Plan, seen: Pass, memory: Body) -> Body:
    """For how many rows there is memory: by what a row of this batch takes, and what is free beside it."""
    num_rows = min(plan.batches.batch_size, len(plan.batches.part))
    per_row = memory["activations"] / seen.rows_at_once + seen.batch / num_rows
    room = _FREE_SHARE * memory["device_free"] - memory["optimizer"]
    if plan.device.type == "cuda":  # of what torch has taken, this is free again
        room += _FREE_SHARE * (torch.cuda.memory_reserved(plan.device) - torch.cuda.memory_allocated(plan.device))
    fits = max(0, int(room / per_row))
    fits = min(len(plan.batches.part), _power_of_2(fits))
    return {"now": num_rows, "fits": fits, "row_bytes": round(per_row), "reason": _reason(plan, num_rows, fits)}


def _reason(plan: Plan, now: int, fits: int) -> str:
    if now == len(plan.batches.part):
        return "It holds all training rows."
    if fits <= now:
        return "It is about as large as memory allows."
    which = "all training rows at once" if fits == len(plan.batches.part) else f"batches of {fits:,} rows"
    if plan.device.type == "cuda":
        return (
            f"By memory alone there is room for {which}. A GPU takes a larger batch in hardly more time while it is "
            "not busy; an epoch has fewer steps then, which usually wants a higher learning rate."
        )
    return (
        f"By memory alone there is room for {which}. On a CPU that is seldom worth it: a step takes longer in the same "
        "measure, and an epoch has fewer of them."
    )


def _power_of_2(count: int) -> int:
    """The greatest that is no more."""
    return 1 << (count.bit_length() - 1) if count else 0


def _lines(body: Body) -> Iterator[str]:
    loss, memory, times = body["loss"], body["memory"], body["time"]
    even = "" if loss["even"] is None else f"; with every class alike it would be {loss['even']:.4g}"
    if loss["first"] is not None:
        yield f"before the first step: loss {loss['first']:.4g} on a first batch of {body['num_rows']:,} rows{even}"
    peak = "" if memory["peak"] is None else f", measured peak {in_bytes(memory['peak'])}"
    step_s = times["forward_s"] + times["backward_s"]
    about = "" if times["is_warm"] else ", set-up included"
    yield (
        f"before the first step: {in_bytes(memory['total'])} of tensors{peak}; forward and backward take "
        f"{1000 * step_s:.3g} ms{about}, so {times['num_steps']:,} steps take {times['whole_s']:,.2g} s or more"
    )


def in_bytes(count: float) -> str:
    """Bytes in words."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:,.3g} {unit}"
    return f"{count:,.0f} bytes"


def _number(value: float | None) -> float | None:
    """With six digits; None where there is none that JSON could say."""
    return None if value is None or not abs(value) < float("inf") else float(f"{value:.6g}")
