"""Where the weights of a run begin, where that is not chance: taken from what others have left, by name and shape.

A run that goes on from a checkpoint takes nothing: what it began with is in the checkpoint.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from sqlalchemy import select
from torch import Tensor, nn

from app.db.tables import Artifact, Run, WeightsFile
from app.errors import JobFailure
from app.specs.layers.backbone import AnyWeights, Backbone, FileWeights
from app.specs.layers.base import written
from app.specs.model import ModelSpec
from app.specs.training import StartFrom, TrainingSpec
from worker.job import Job
from worker.train import weights
from worker.train.doctor import Finding

_TOLD = 20  # tensors, in words; a log need not list a network


@dataclass(frozen=True)
class Taken:
    """What became of the tensors of some layers: the names of those taken, and of the others why not."""

    taken: list[str]
    left: dict[str, str]


@dataclass(frozen=True)
class Beginning:
    """What a run says of it."""

    job: Job
    model: ModelSpec
    start_from: StartFrom | None

    @classmethod
    def of(cls, job: Job, model: ModelSpec, training: TrainingSpec) -> "Beginning":
        """That of a run."""
        return cls(job, model, training.start_from)

    def take(self, module: nn.Module) -> Iterator[Finding]:
        """Give the module its first weights. Yields what was left out; raises JobFailure where nothing can be taken."""
        for node in self.model.nodes:
            if isinstance(node.layer, Backbone) and node.layer.weights is not None:
                yield from self._backbone(module, node.name, node.layer, node.layer.weights)
        if self.start_from is not None:
            yield from self._from_run(module, self.start_from)

    def _backbone(self, module: nn.Module, layer: str, spec: Backbone, said: AnyWeights) -> Iterator[Finding]:
        """Weights as torchvision names them: what belongs to the classifier, which is not here, is left."""
        source, tensors = self._from_file(said.id) if isinstance(said, FileWeights) else self._from_hub(spec)
        tensors = weights.named_today(tensors)
        found = take(module, {f"{layer}.{name}": one for name, one in tensors.items()}, [layer])
        unused = sorted(tensors.keys() - {name.removeprefix(f"{layer}.") for name in (*found.taken, *found.left)})
        self.job.log(f"{layer}: took {len(found.taken):,} tensors from {source}{_without(unused)}")
        yield from _judged(found, source, f"those of torchvision's {spec.architecture}")

    def _from_hub(self, spec: Backbone) -> tuple[str, dict[str, Tensor]]:
        url = weights.hub_url(spec.architecture)
        return url, weights.fetch(url, self.job.storage.folder("hub"))

    def _from_file(self, weights_id: str) -> tuple[str, dict[str, Tensor]]:
        """What a file is called, and its tensors. Raises JobFailure."""
        with self.job.db.read() as session:
            row = session.get(WeightsFile, weights_id)
        if row is None:
            raise JobFailure(
                "weights_gone",
                "The weights that this run begins with are gone.",
                "Send the file again, and name its new id.",
                details={"weights_id": weights_id},
            )
        place = self.job.storage.path("weights", row.id)
        return f"the file {row.name}", weights.read(place, f"The weights {row.name}", row.format)

    def _from_run(self, module: nn.Module, start: StartFrom) -> Iterator[Finding]:
        name, tensors = self._left_by(start.run_id)
        layers = [node.name for node in self.model.layers_up_to(start.up_to)]
        found = take(module, tensors, layers)
        self.job.log(f"took {len(found.taken):,} tensors from the run {name}{_up_to(start)}")
        yield from _judged(found, f"the run {name}", "this model's layers")

    def _left_by(self, run_id: str) -> tuple[str, dict[str, Tensor]]:
        """The name of a run, and its weights. Raises JobFailure."""
        query = select(Run.name, Artifact).join(Artifact, Artifact.run_id == Run.id)
        with self.job.db.read() as session:
            row = session.execute(query.where(Run.id == run_id, Artifact.name == "model.safetensors")).first()
        if row is None:
            raise JobFailure(
                "weights_gone",
                "The run whose weights this one begins with is gone.",
                "Start it again without start_from, or from another run.",
                details={"run_id": run_id},
            )
        name, artifact = row
        return name, weights.read(self.job.storage.resolve(artifact.path), f"The weights of the run {name}")


@torch.no_grad()
def take(module: nn.Module, tensors: Mapping[str, Tensor], layers: Iterable[str]) -> Taken:
    """Copy into the layers of these names what has the names and shapes of their own tensors."""
    taken, left = [], {}
    for layer in layers:
        for inner, own in module.get_submodule(layer).state_dict().items():
            name = f"{layer}.{inner}"
            given = tensors.get(name)
            if given is None and inner.endswith("num_batches_tracked"):
                continue  # older files know no such count, and nothing depends on it
            if given is None:
                left[name] = "not there"
            elif given.shape != own.shape:
                left[name] = f"{written(tuple(own.shape))} here, {written(tuple(given.shape))} there"
            else:
                own.copy_(given)
                taken.append(name)
    return Taken(taken, left)


def _up_to(start: StartFrom) -> str:
    return f", up to the layer {start.up_to}" if start.up_to else ""


def _without(unused: list[str]) -> str:
    """The tensors that nothing here takes, in words."""
    if not unused:
        return ""
    more = f" and {len(unused) - _TOLD:,} more" if len(unused) > _TOLD else ""
    return f"; not used: {', '.join(unused[:_TOLD])}{more}"


def _judged(found: Taken, source: str, wanted: str) -> Iterator[Finding]:
    """What is said of tensors that were left out. Raises JobFailure where nothing was taken."""
    if not found.taken:
        raise JobFailure(
            "no_weights_fit",
            f"In {source} nothing is called and shaped as {wanted}.",
            "Weights are taken by name: the layers have to be called alike.",
            details={"left": dict(list(found.left.items())[:_TOLD])},
        )
    if found.left:
        yield _left_out(source, found)


def _left_out(source: str, found: Taken) -> Finding:
    """What is said of tensors that begin anew though they were to be taken."""
    told = ", ".join(f"{name} ({why})" for name, why in list(found.left.items())[:_TOLD])
    more = f", and {len(found.left) - _TOLD:,} more" if len(found.left) > _TOLD else ""
    return Finding(
        "weights_left_out",
        f"{len(found.left):,} of {len(found.left) + len(found.taken):,} tensors were not taken over",
        f"These begin anew, for in {source} they are not there, or of another shape: {told}{more}.",
        0,
        "That is as it should be for a new head. Otherwise name the layers alike, or end with up_to before them.",
    )
