"""From a run's specification and its data to a plan.

The global seed is set right before the model is built, so first weights, and every mask of dropout after them, follow
from the seed alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.db.tables import Dataset, Run
from app.errors import JobFailure
from app.specs.answers import answer_of
from app.specs.averages import SWA
from app.specs.columns import Column
from app.specs.features import fed_shape
from app.specs.heads import heads_of
from app.specs.model import ModelSpec
from app.specs.run import RunSpec
from app.specs.training import TrainingSpec
from app.stored.manifest import damage
from app.transforms import ImageStep, Preprocessing
from worker.data.prepare import Prepared, prepare
from worker.data.series import PreparedSeries, Shown, prepare_series
from worker.data.shelf import Shelf, is_mapped
from worker.data.targets import Output, num_told, read_as
from worker.job import Job
from worker.nn.build import build, max_norms, penalties
from worker.train import averaging, norms, optimizers, precision
from worker.train import device as devices
from worker.train.augment import Augment
from worker.train.averaging import Averaging
from worker.train.batches import AnyPart, Batches, Part, targets_of
from worker.train.beginning import Beginning
from worker.train.changes import Changes
from worker.train.compiling import compiled
from worker.train.freezing import Freezing
from worker.train.gradients import Gradients, Limit, Penalty
from worker.train.groups import groups_of
from worker.train.heads import SEVERAL, judging_of_heads, ready_targets
from worker.train.judging import judging_of
from worker.train.layerstats import Rhythm, Watch
from worker.train.measured import measure
from worker.train.plan import Plan
from worker.train.precision import Forward
from worker.train.schedules import Rates
from worker.train.stopping import EarlyStopping
from worker.train.team import Team
from worker.train.windowed import Windowed

_PURPOSES = {"train": "train", "validation": "validate", "test": "test"}
_DEVICE_SHARE = 0.5  # of a GPU's free memory that data may take; more stays in the computer's own


@dataclass(frozen=True)
class Submitted:
    """A run as it was submitted, and the table that it names."""

    run_id: str
    spec: RunSpec
    model: ModelSpec
    table: Path
    columns: list[Column]


def read(job: Job) -> Submitted:
    """The run that a job names. Raises JobFailure where its table is not what was written."""
    run_id = job.claim.payload["run_id"]
    with job.db.read() as session:
        run = session.get_one(Run, run_id)
        dataset = session.get_one(Dataset, run.dataset_id)
    spec = RunSpec.model_validate(run.spec)
    assert isinstance(spec.model, ModelSpec), "a run's specification is written out when it is submitted"
    columns = [Column.model_validate(column) for column in dataset.columns or []]
    return Submitted(run_id, spec, spec.model, _table_of(job, dataset), columns)


def _table_of(job: Job, dataset: Dataset) -> Path:
    """Where the dataset's table is, held to its size and SHA-256: about a second for a gigabyte. Raises JobFailure."""
    place = job.storage.path("datasets", dataset.id)
    how = damage(place, dataset.size_bytes, dataset.table_sha256)
    if how is not None:
        raise _damaged(dataset, how)
    return place


def _damaged(dataset: Dataset, how: str) -> JobFailure:
    return JobFailure(
        "damaged_table",
        f"The table of the dataset {dataset.name} {how}.",
        "Check the disk that holds the data folder, and add the dataset again.",
        details={"dataset_id": dataset.id},
    )


def _prepare(submitted: Submitted, shelf: Shelf) -> Prepared | PreparedSeries:
    spec, model = submitted.spec, submitted.model
    dtype: Literal["float32", "int64"] = "int64" if model.takes_integers else "float32"
    inspection = model.inspect(fed_shape(spec.data, submitted.columns))
    heads = {head.name: head for head in heads_of(spec.data, spec.training)}
    several = [Output(heads[name], inspection.made(name)) for name in inspection.outputs or ()]  # as the model has them
    loss = SEVERAL if several else spec.training.loss_type
    asked = (submitted.table, spec.data, loss, submitted.columns, dtype, model.vocabularies, shelf)
    if several:
        return prepare(*asked, outputs=several)
    answer = answer_of(spec.data, loss, {column.name: column for column in submitted.columns})
    assert answer is not None, "a run names columns that there are"
    shape = inspection.made(None)
    prepared = prepare(*asked, num_told(answer, shape)) if spec.data.window is None else prepare_series(*asked)
    how = prepared.preprocessing
    target = how.target.model_copy(update=read_as(spec.training.only_loss, answer, shape))
    return replace(prepared, preprocessing=how.model_copy(update={"target": target}))


def _parts(prepared: Prepared | PreparedSeries) -> dict[str, AnyPart]:
    """The parts that have rows."""
    if isinstance(prepared, PreparedSeries):
        return dict(windowed(prepared))
    found = {name: getattr(prepared, name) for name in ("train", "validation", "test")}
    pixels = prepared.preprocessing.pixels
    finish = _finish(pixels) if pixels is not None else None
    finish_targets = ready_targets(prepared.preprocessing.target)
    return {name: part_of(arrays, finish, finish_targets) for name, arrays in found.items() if arrays is not None}


def part_of(
    arrays: tuple[NDArray[Any], NDArray[Any]],
    finish: Callable[[Tensor], Tensor] | None = None,
    finish_targets: Callable[[Tensor], Tensor] | None = None,
) -> Part:
    """Arrays as tensors, which share their memory."""
    inputs, targets = arrays
    mapped = tuple(array for array in arrays if is_mapped(array))
    return Part(torch.from_numpy(inputs), torch.from_numpy(targets), finish, mapped, finish_targets)


def windowed(prepared: PreparedSeries) -> dict[str, Windowed]:
    """The windows of each part; all share the rows."""
    arrays = (prepared.inputs, prepared.targets)
    rows, targets = map(torch.from_numpy, arrays)
    mapped = tuple(array for array in arrays if is_mapped(array))
    return {
        part: Windowed(rows, targets, torch.from_numpy(starts), prepared.window, mapped)
        for part, starts in prepared.starts.items()
    }


def _finish(step: ImageStep) -> Callable[[Tensor], Tensor]:
    """What `step.scaled` does, on the device: bytes (N, channels, height, width) become numbers."""
    mean, std = (torch.tensor(one, dtype=torch.float32).view(-1, 1, 1) for one in (step.mean, step.std))
    return lambda pixels: (pixels.float() / 255 - mean.to(pixels.device)) / std.to(pixels.device)


def make_plan(job: Job, team: Team | None = None) -> Plan:
    """The plan of the run that a job names, as a member of its team has it.

    Raises JobFailure where the data or the device do not do.
    """
    submitted = read(job)
    training = submitted.spec.training
    folder = job.storage.folder("runs", submitted.run_id)
    prepared = _prepare(submitted, Shelf(folder, job.settings.data_in_memory_bytes))
    parts = _parts(prepared)
    device = devices.choose(training.device)
    devices.settle(device, deterministic=training.deterministic, tf32=training.tf32)
    num_rows = training.rows_at_once(training.batch_size or len(parts["train"]))
    fed = prepared.preprocessing.fed
    size = team.size if team else 1
    num_threads = devices.num_threads(submitted.model, fed, -(-num_rows // size), job.settings.slots * size)
    torch.set_num_threads(num_threads)
    augment = _augment(submitted.spec, prepared.preprocessing)
    shown = prepared.shown if isinstance(prepared, PreparedSeries) else None
    said = (submitted.run_id, submitted.model, training, parts, prepared.preprocessing)
    plan = assemble(*said, device, augment, shown, team)
    plan.spec = submitted.spec
    plan.beginning = Beginning.of(job, submitted.model, training)
    if training.compile:
        plan.forward = _compiled(plan, job)
    several = f"{size} processes, each on its " if team else ""
    job.log(f"device: {several}{devices.describe(device)}; torch {torch.__version__}")
    rows = ", ".join(f"{len(part):,} to {_PURPOSES[name]}" for name, part in plan.parts.items())
    kind = "windows" if shown else "rows"
    job.log(f"{kind}: {rows}; {plan.num_parameters:,} parameters; {plan.num_steps:,} steps")
    return plan


def assemble(
    run_id: str,
    model: ModelSpec,
    training: TrainingSpec,
    parts: Mapping[str, AnyPart],
    preprocessing: Preprocessing,
    device: torch.device,
    augment: Augment | None = None,
    shown: Shown | None = None,
    team: Team | None = None,
) -> Plan:
    """The plan that trains `model` on `parts` as `training` says. Sets the global seed."""
    torch.manual_seed(training.seed)
    module = build(model, preprocessing.fed).to(device)
    if team is not None:
        module = team.joined(module, device)
    placed = dict(parts)
    if training.optimizer.type != "lbfgs" and _likes_channels_last(module, preprocessing):
        module, placed = _channels_last(module, placed)
    placed = _placed(placed, device)
    measure(model, module, placed["train"], device)
    batches = _batches(module, training, placed["train"], device)
    target = preprocessing.target
    judged = judging_of if target.heads is None else judging_of_heads
    judging = judged(training, target, lambda: targets_of(placed["train"]), device)
    optimizer = optimizers.build(
        parameters=groups_of(model, module, training.optimizer),
        device=device,
        **training.optimizer.model_dump(exclude={"decay_norms_and_biases"}),
    )
    steps_per_epoch = len(batches)
    changes = Changes()
    num_steps = training.num_epochs * steps_per_epoch
    rates = Rates.of(
        training.schedule,
        training.optimizer.lr,
        steps_per_epoch,
        num_steps,
        changes,
        num_watched=training.swa.start_epoch if training.swa else None,
    )
    freezing = Freezing.of(model, module)
    return Plan(
        run_id=run_id,
        device=device,
        model=module,
        judge=judging.judge,
        gradients=Gradients(
            module,
            [Penalty(*one) for one in penalties(model, module)],
            training.max_grad_norm,
            training.max_grad_value,
        ),
        optimizer=optimizer,
        freezing=freezing,
        limits=[Limit(*one) for one in max_norms(model, module)],
        rate=_rate(rates, training.swa),
        momentum=rates.momentum,
        watched=rates.watched,
        parts=placed,
        batches=batches,
        augment=augment,
        preprocessing=preprocessing,
        constant=judging.constant.to(device),
        constant_name=judging.constant_name,
        chance=judging.chance,
        shown=shown,
        stopping=EarlyStopping(**training.early_stopping.model_dump()) if training.early_stopping else None,
        num_epochs=training.num_epochs,
        checkpoint_every_s=training.checkpoint_every_s,
        keep_checkpoints=training.keep_checkpoints,
        log_every_epochs=training.log_every_epochs,
        micro_batch_size=training.micro_batch_size,
        precision=precision.build(training.precision, device, module),
        averaging=_averaging(module, training, batches, freezing),
        time_limit_s=training.time_limit_s,
        changes=changes,
        team=team,
        layers=[node.name for node in model.nodes],
        watch=Watch.of(model, module, optimizer, Rhythm.of(training, num_steps), hears=not training.compile),
    )


def _rate(rates: Rates, swa: SWA | None) -> Callable[[int], float]:
    """The learning rate of each step. One that is set while late epochs are averaged holds in place of theirs."""
    if swa is None:
        return rates.rate
    annealed = averaging.annealed(rates.rate, swa, rates.steps_per_epoch)
    first = swa.start_epoch * rates.steps_per_epoch
    return lambda step: rates.rate(step) if rates.changes.sets_lr(first, step) else annealed(step)


def _averaging(module: nn.Module, training: TrainingSpec, batches: Batches, freezing: Freezing) -> Averaging:
    """What the run leaves in place of its last weights. Those of late epochs take the figures of their own norms."""
    if training.ema is not None:
        return averaging.moving(module, training.ema)
    if training.swa is None:
        return Averaging()

    def measure_norms(step: int) -> None:
        module.train()
        freezing.set(step // len(batches) - 1)
        norms.measure(module, (inputs for inputs, _ in batches.epoch(0)), training.seed, batches.device)

    return averaging.of_epochs(module, training.swa, len(batches), measure_norms)


def _compiled(plan: Plan, job: Job) -> Forward:
    may_be = plan.spec is not None and plan.spec.training.fit_memory
    in_pieces = plan.micro_batch_size is not None or may_be
    searches = optimizers.takes_closure(plan.optimizer)
    return compiled(plan.model, job.log, plan.device, in_pieces=in_pieces, searches=searches)


def _augment(spec: RunSpec, preprocessing: Preprocessing) -> Augment | None:
    kinds, seed, pixels = spec.data.augment, spec.training.seed, preprocessing.pixels
    if not kinds:
        return None
    moves_targets = isinstance(preprocessing.target.step, ImageStep)
    scaled = () if pixels is None else (pixels.mean, pixels.std)
    return Augment(kinds, seed, *scaled, moves_targets=moves_targets)


def _likes_channels_last(module: nn.Module, preprocessing: Preprocessing) -> bool:
    """Two-dimensional convolutions over images: they take 0.75 to 0.8 of the time that way on a CPU.

    Not beside three-dimensional ones, whose weights have no such layout.
    """
    if len(preprocessing.input_shape) != 3 or any(one.dim() > 4 for one in module.parameters()):
        return False
    return any(isinstance(one, nn.Conv2d) for one in module.modules())


def _channels_last(module: nn.Module, parts: dict[str, AnyPart]) -> tuple[nn.Module, dict[str, AnyPart]]:
    layout: Any = {"memory_format": torch.channels_last}
    laid_out: dict[str, AnyPart] = {
        name: replace(part, inputs=part.inputs.contiguous(**layout))
        if isinstance(part, Part) and not part.mapped
        else part
        for name, part in parts.items()
    }
    return module.to(**layout), laid_out


def _placed(parts: dict[str, AnyPart], device: torch.device) -> dict[str, AnyPart]:
    """The parts on the device where they fit beside the model, else where batches are copied from."""
    if device.type == "cpu":
        return parts
    each = {id(tensor): tensor for part in parts.values() for tensor in part.tensors}  # windows share their rows
    if sum(tensor.nbytes for tensor in each.values()) >= _DEVICE_SHARE * devices.free_bytes(device):
        return parts
    sent = {key: tensor.to(device) for key, tensor in each.items()}
    return {name: part.of([sent[id(tensor)] for tensor in part.tensors]) for name, part in parts.items()}


def _batches(module: nn.Module, training: TrainingSpec, train: AnyPart, device: torch.device) -> Batches:
    normalises = any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in module.modules())
    batch_size = training.batch_size or len(train)
    least = max(2, training.num_processes) if normalises else 1  # of all processes each has a row then
    return Batches(train, batch_size, training.seed, training.shuffle, device, min_rows=least)
