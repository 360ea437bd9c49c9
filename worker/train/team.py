"""The processes that train one run together (torch.distributed): what each takes of a batch, and what they tell.

Gradients and sums go by the device's own backend, NCCL or Gloo; what the processes tell one another goes by Gloo, from
CPU to CPU, so that no step waits for a device. Rank 0 leads.
"""

import gc
import json
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch._C._distributed_c10d import FileStore
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from app.errors import JobFailure

# While rank 0 judges, saves or waits for the database the others wait for its word. One that dies is noticed at once.
_PATIENCE = timedelta(days=7)
_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "gloo", "NCCL")


@dataclass(frozen=True)
class Team:
    """The processes of a run, as one of them knows them."""

    rank: int
    size: int
    run_seed: int = 0  # that of the run

    @classmethod
    def join(cls, folder: Path, wanted: str, seed: int) -> "Team":
        """Meet the others, as torch's launcher says in the environment, by files of `folder`.

        `wanted` is the device of the specification. Raises JobFailure `no_device` where there are too few GPUs.
        """
        team = cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), seed)
        on_gpus = wanted != "cpu" and torch.cuda.is_available()
        if on_gpus:
            _refuse_too_few(team.size, torch.cuda.device_count())
            torch.cuda.set_device(team.rank)
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # nobody on the network is to hear
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if on_gpus else "gloo",
            store=FileStore(str(folder / "team"), team.size),
            rank=team.rank,
            world_size=team.size,
            timeout=_PATIENCE,
        )
        return team

    def rows(self, num_rows: int) -> slice:
        """Which rows of a batch are this process's: the shares follow one another, the first are the larger ones."""
        return slice(-(-num_rows * self.rank // self.size), -(-num_rows * (self.rank + 1) // self.size))

    def tell(self, said: Any) -> None:
        """Tell all others something that JSON can say."""
        words = torch.frombuffer(bytearray(json.dumps(said).encode()), dtype=torch.uint8)
        distributed.broadcast(torch.tensor(len(words)), 0)
        distributed.broadcast(words, 0)

    def hear(self) -> Any:
        """What rank 0 tells."""
        length = torch.zeros((), dtype=torch.int64)
        distributed.broadcast(length, 0)
        words = torch.empty(int(length), dtype=torch.uint8)
        distributed.broadcast(words, 0)
        return json.loads(words.numpy().tobytes())

    def gather(self, values: Tensor) -> Tensor:
        """The values (N,) of all, (size, N): whoever adds them up does so in the order of the ranks."""
        found = [torch.empty_like(values) for _ in range(self.size)]
        distributed.all_gather(found, values)
        return torch.stack(found)

    def total(self, value: Tensor) -> Tensor:
        """The sum of what all have, the same bits for each."""
        return self.gather(value.reshape(1)).sum()

    def seed(self, step: int) -> None:
        """Before a step: let chance follow from rank and step, so that there is nothing to save.

        But rank 0 goes on drawing as a single process does.
        """
        if self.rank:
            sequence = np.random.SeedSequence((self.run_seed, step, self.rank))
            torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))

    def joined(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module with batch normalization over the rows of all. Raises JobFailure where the device has none."""
        if not any(isinstance(one, _BatchNorm) for one in module.modules()):
            return module
        if device.type == "cpu":
            raise JobFailure(
                "no_sync_batch_norm",
                "Batch normalization needs all rows of a batch, and on CPUs torch has none for several processes.",
                hint="Set num_processes to 1, or take layer_norm or group_norm in its place.",
            )
        joined: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return joined

    @staticmethod
    def leave() -> None:
        """Part from the others. Nothing may be replicated any more (`Replicated.part`)."""
        gc.collect()
        distributed.destroy_process_group()


def is_lost(error: BaseException) -> bool:
    """Whether what failed is that another process is no longer there."""
    if isinstance(error, distributed.DistError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _LOST)


class Replicated:
    """A model of which every process has its own, with gradients that are those of all rows: DistributedDataParallel.

    Made anew when other layers learn than before, for it looks for gradients where it found some at first.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._parameters = list(model.parameters())
        self._learning: list[bool] = []
        self._made: DistributedDataParallel | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """The model's outputs (N, …)."""
        outputs: Tensor = self._module()(inputs)
        return outputs

    def adding(self, *, is_last: bool) -> AbstractContextManager[None]:
        """Gradients of pieces add up, and go to the others with the last."""
        return nullcontext() if is_last else self._module().no_sync()

    def part(self) -> None:
        """Let go of the others.

        Were this the last to know the group, its threads would be waited for with the interpreter locked, which they
        want too: a deadlock in torch. So this has to be gone before the group is.
        """
        self._made = None

    def _module(self) -> DistributedDataParallel:
        learning = [parameter.requires_grad for parameter in self._parameters]
        if self._made is None or learning != self._learning:
            self._learning, self._made = learning, None  # first the old one lets go of the parameters
            # With `find_unused_parameters` the order in which gradients are added up stays that of the first step:
            # it would be another after it, so a run that goes on would come to other bits.
            self._made = DistributedDataParallel(self._model, forward_sync_buffers=False, find_unused_parameters=True)
        return self._made


def _refuse_too_few(size: int, num_devices: int) -> None:
    if size > num_devices:
        raise JobFailure(
            "no_device",
            f"The run asks for {size} processes, each with a GPU of its own, and this machine has {num_devices}.",
            hint='Set num_processes to as many as there are, or device to "cpu".',
        )
