"""Training by several processes: rank 0 leads, and the others take the same steps.

Rank 0 alone knows what is asked, judges, records and saves. It says for some steps ahead how many come and at which
rates; after these all tell what they have lost and measured, and only then anything is decided. So no step waits for
another process but for gradients, and what is decided holds for all after the same step.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from worker.train import checkpoints
from worker.train.checkpoints import Snapshot
from worker.train.learner import Learner
from worker.train.metrics import Accumulator
from worker.train.plan import Plan
from worker.train.recorder import Recorder
from worker.train.team import Team

STRETCH_S = 0.05  # of steps that are taken without a word, about
MOST_STEPS = 1024  # of one stretch: fewer than the recorder has room for

Measured = tuple[dict[str, Tensor], int]  # the sums of metrics, and of how many answers


class Alone:
    """A process that has a run to itself: everything may be decided after every step."""

    def begin(self, step: int) -> None:
        """The step with this number, from 0, is taken next."""

    def meets(self, step: int, recorder: Recorder, own: Accumulator) -> bool:
        """Whether after so many steps everything is known, and something may be decided."""
        return True

    def whole(self, own: Accumulator) -> Accumulator:
        """The metrics of all rows; those that were gathered elsewhere are forgotten."""
        return own

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """What others have gathered, for a checkpoint, by groups."""
        return {}

    def state(self) -> dict[str, Any]:
        """The same of what is no tensor."""
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Take up what a checkpoint has of both."""

    def __enter__(self) -> None:
        """Steps are taken from now on."""

    def __exit__(self, *error: object) -> None:
        """No step is left."""


class Lead(Alone):
    """What rank 0 says and hears. `due` gives the step after which something is known to be due."""

    def __init__(self, team: Team, learner: Learner, due: Callable[[], float]) -> None:
        self.team, self.learner, self.plan, self._due = team, learner, learner.plan, due
        self._first = self._until = 0
        self._is_apart = True  # no stretch is under way
        self._most = 1  # steps of the next stretch
        self._begun_at = 0.0
        self._others: list[Measured] = []

    def begin(self, step: int) -> None:
        """Where a stretch begins, say what comes."""
        if not self._is_apart:
            return
        self._is_apart = False
        self._first, self._until = step, step + self._length(step)
        steps = range(step, self._until)
        momentum = self.plan.momentum
        self.team.tell(
            {
                "step": step,
                "rates": [self.plan.rate(one) for one in steps],
                "momenta": [momentum(one) for one in steps] if momentum else None,
            }
        )
        self._begun_at = time.monotonic()

    def _length(self, step: int) -> int:
        left = self.plan.steps_per_epoch - step % self.plan.steps_per_epoch
        return int(max(1, min(self._most, left, self._due() - step)))

    def meets(self, step: int, recorder: Recorder, own: Accumulator) -> bool:
        """At the end of a stretch, let what all have lost and measured come together."""
        if step < self._until:
            return False
        gathered = self.team.gather(_flat(*recorder.pending, own))
        num_steps = step - self._first
        recorder.complete(*gathered[:, : 2 * num_steps].sum(0).reshape(2, num_steps).unbind())
        self._others = [_measured(one[2 * num_steps :], own) for one in gathered[1:]]
        self._is_apart = True
        recorder.flush()
        took_s = time.monotonic() - self._begun_at
        fitting = int(num_steps * STRETCH_S / max(took_s, 1e-6))
        self._most = max(1, min(2 * num_steps, fitting, MOST_STEPS))
        return True

    def whole(self, own: Accumulator) -> Accumulator:
        """The metrics of all rows, added up in the order of the ranks."""
        found = self.plan.judge.accumulator()
        all_sums = [own.sums, *(sums for sums, _ in self._others)]
        sums = {name: torch.stack([one[name].double() for one in all_sums]).sum(0) for name in own.sums}
        num_rows = int(own.num_rows) + sum(count for _, count in self._others)
        found.restore(sums, num_rows, self.plan.device)
        self._others = []
        return found

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """The sums of each other rank."""
        return {_group(i + 1): sums for i, (sums, _) in enumerate(self._others)}

    def state(self) -> dict[str, Any]:
        """Their counts."""
        return {"metric_rows_of_others": [num_rows for _, num_rows in self._others]}

    def restore(self, snapshot: Snapshot) -> None:
        """Take up what a checkpoint has of others."""
        counts = snapshot.state["metric_rows_of_others"]
        device = self.plan.device
        self._others = [
            ({name: one.to(device) for name, one in snapshot.group(_group(i + 1)).items()}, counts[i])
            for i in range(len(counts))
        ]

    def __exit__(self, *error: object) -> None:
        """Let the others go, unless they are in the midst of a stretch: then something has failed."""
        if self._is_apart:
            self.team.tell(None)
            self.learner.part()
            self.team.leave()


class Follower:
    """A process that takes the steps that rank 0 says, from wherever the newest checkpoint stands."""

    def __init__(self, plan: Plan, newest: Callable[[], Snapshot | None]) -> None:
        assert plan.team is not None
        self.plan, self.team, self._newest = plan, plan.team, newest
        self.learner = Learner(plan)
        self.metrics = plan.judge.accumulator()
        self._batches: Iterator[tuple[Tensor, Tensor]] = iter(())

    def follow(self) -> None:
        """Take part to the end."""
        self.plan.model.train()
        said = self.team.hear()
        if said is not None and said["step"] > 0 and (snapshot := self._newest()) is not None:
            assert snapshot.step == said["step"], "rank 0 goes on from the newest checkpoint, too"
            self._restore(snapshot)
        if said is not None:
            self._open(said["step"])
        while said is not None:
            self._go(said["step"], said["rates"], said["momenta"])
            said = self.team.hear()
        self.learner.part()
        self.team.leave()

    def _go(self, first: int, rates: list[float], momenta: list[float] | None) -> None:
        self.plan.rate = lambda step: rates[step - first]
        self.plan.momentum = None if momenta is None else lambda step: momenta[step - first]
        if first % self.plan.steps_per_epoch == 0:
            self._open(first)
        took = [self._learn(step) for step in range(first, first + len(rates))]
        counts, losses = zip(*took, strict=True)
        self.team.gather(_flat(list(counts), list(losses), self.metrics))
        if (first + len(rates)) % self.plan.steps_per_epoch == 0:
            self.metrics = self.plan.judge.accumulator()

    def _open(self, step: int) -> None:
        """An epoch begins, or goes on."""
        epoch, done = divmod(step, self.plan.steps_per_epoch)
        self.plan.model.train()
        self.plan.freezing.set(epoch)
        self._batches = self.plan.batches.epoch(epoch, first=done)

    def _learn(self, step: int) -> tuple[int | Tensor, Tensor]:
        learned = self.learner.learn(*next(self._batches), step)
        if not len(learned.targets):  # of a small batch that is left over there was nothing for this rank
            return 0, learned.loss
        return self.plan.judge.count(learned.targets, self.metrics.add(learned.outputs, learned.targets)), learned.loss

    def _restore(self, snapshot: Snapshot) -> None:
        checkpoints.restore_learned(self.plan, snapshot)
        counts = snapshot.state["metric_rows_of_others"]
        if counts:
            self.metrics.restore(snapshot.group(_group(self.team.rank)), counts[self.team.rank - 1], self.plan.device)


def _group(rank: int) -> str:
    return f"metrics-{rank}"


def _flat(counts: list[Any], losses: list[Tensor], measured: Accumulator) -> Tensor:
    """What a stretch has given, float64: of each step the loss and its count, then the sums of the epoch so far."""
    device = losses[0].device
    sums = [measured.sums[name].double().flatten() for name in sorted(measured.sums)]
    return torch.cat([_stacked(losses, device), _stacked(counts, device), *sums, _stacked([measured.num_rows], device)])


def _stacked(values: Sequence[Any], device: torch.device) -> Tensor:
    if all(isinstance(value, Tensor) for value in values):
        return torch.stack(list(values)).double()
    return torch.tensor([float(value) for value in values], dtype=torch.float64, device=device)


def _measured(flat: Tensor, like: Accumulator) -> Measured:
    """The sums of another rank, shaped as this one's."""
    names = sorted(like.sums)
    sizes = [like.sums[name].numel() for name in names]
    parts = torch.split(flat[:-1], sizes) if names else ()
    return {name: part.reshape(like.sums[name].shape) for name, part in zip(names, parts, strict=True)}, int(flat[-1])
