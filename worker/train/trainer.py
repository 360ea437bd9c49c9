"""Training: the loop, and what surrounds each step of it.

Where a run stands is one number, `step`: epoch and place in the epoch follow from it. Values are judged and recorded
when they reach the CPU (`recorder`), so nothing in the loop waits for the device.
"""

import math
import time
from dataclasses import replace
from typing import Any

from torch import Tensor

from app.queue import Request
from app.specs.controls import Profile, SaveCheckpoint, SetLr, SetNumEpochs, Stop, TimeLimit
from worker import evaluate
from worker.job import Cancelled, Job
from worker.train import checkpoints, optimizers
from worker.train.checkpoints import Checkpoints, Snapshot, Written
from worker.train.closely import Closely
from worker.train.doctor import Doctor, case_of
from worker.train.history import History
from worker.train.learner import Learned, Learner
from worker.train.plan import Plan
from worker.train.readings import Readings
from worker.train.recorder import EPOCH_LOSS, Pace, Recorder
from worker.train.several import Alone, Lead
from worker.train.shortage import Fitted
from worker.train.steering import Kept, Order, Steering
from worker.train.stopping import sign

TEND_EVERY_S = 0.05  # how often values leave the device and requests are looked at
PROGRESS_EVERY_S = 0.2
JUDGE_EVERY_S = 0.005  # of epochs that are shorter, only some are looked at: a look waits for the device
HOLD_SHARE = 0.05  # of the time that may go into holding the best epoch's state


class Trainer:
    """One training, from wherever it stands to its end."""

    def __init__(self, job: Job, plan: Plan) -> None:
        self.job, self.plan = job, plan
        self.closely = Closely(job, Learner(plan))
        self.readings: Readings | None = None
        self.step = 0  # steps done
        self.stopped = False  # early
        self.stop: Stop | TimeLimit | None = None  # why, where that was asked
        self.kept: Kept | None = None  # by that
        self.steering = Steering(job)
        self.lead = Alone() if plan.team is None else Lead(plan.team, self.closely.plain, self._due)
        self.history = History()
        # The loss of one step an epoch is that of the epoch.
        self.sums_losses = plan.steps_per_epoch == 1 or not plan.judge.is_uneven
        self.recorder = Recorder(job, self.history, plan.steps_per_epoch, self._examine, sums_losses=self.sums_losses)
        self.metrics = plan.judge.accumulator()
        self.checkpoints = Checkpoints(job, plan.run_id, plan.keep_checkpoints)
        self.best_score: float | None = None  # of the epochs that were looked at
        self._best: Snapshot | None = None  # after the best of them, as long as it is not written
        self.doctor = Doctor(job, case_of(plan))
        self.pace = Pace(0, plan.num_steps)
        self._tend_at = self._progress_at = self._judge_at = 0.0
        self._save_at = time.monotonic() + plan.checkpoint_every_s

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.step // self.plan.steps_per_epoch

    @property
    def finished(self) -> bool:
        """Whether no step is left to take."""
        return self.stopped or self.step >= self.plan.num_steps

    def read_along(self) -> Readings:
        """To be entered while it trains: readings of the machine and of the time that steps take."""
        on_gpu = [self.plan.device] if self.plan.device.type == "cuda" else []
        self.readings = Readings(self.job, self.closely.timing, self.pace, on_gpu, self.step)
        return self.readings

    def fit(self) -> None:
        """Train to the end. Raises Cancelled when asked to stop, JobFailure when the loss is no longer a number."""
        self.plan.model.train()
        self.pace.begin()
        if self.steering.has_news:  # asked while it waited
            self._steer()
        try:
            while not self.finished:
                self._freeze()
                self._go_through_epoch()
        except BaseException:
            self.closely.drop()
            raise
        self.closely.end()
        self.recorder.flush(whole=True)

    def _go_through_epoch(self) -> None:
        """From wherever the training stands in it, to its end unless it is stopped."""
        for inputs, targets in self.plan.batches.epoch(self.epoch, first=self.step % self.plan.steps_per_epoch):
            self.lead.begin(self.step)
            self._learn(inputs, targets)
            if not self.lead.meets(self.step, self.recorder, self.metrics):
                continue
            if self.step % self.plan.steps_per_epoch == 0:
                self._close_epoch()
            self._tend()
            self.closely.begin(self.step)
            if self.stopped:
                break

    def _freeze(self) -> None:
        """Hold what is frozen in the epoch that begins or goes on, and let go of the rest."""
        learning = self.plan.freezing.set(self.epoch)
        if learning:
            self.recorder.flush()  # the epochs before it are told of first
        for name in learning:
            self.job.log(f"{name} learns from epoch {self.epoch + 1:,} on")

    def _learn(self, inputs: Tensor, targets: Tensor) -> Learned:
        watches = self.plan.watch.begin(self.step + 1)
        learned = self.closely.learner.learn(inputs, targets, self.step)
        self.step += 1
        count = self.plan.judge.count(learned.targets, self.metrics.add(learned.outputs, learned.targets))
        self.recorder.add_step(self.step, count, learned.loss, learned.grad_norm, learned.lr)
        if watches:
            self.recorder.add_look(self.step, self.plan.watch.end())
        self.pace.add(len(targets))
        self.closely.close()
        return learned

    def _take_profile(self, num_steps: int) -> None:
        self.closely.take_profile(self.step, num_steps)

    def _due(self) -> float:
        """The step after which something is known to be due."""
        return self.steering.next_step

    def _examine(self, step: int) -> None:
        """The curves up to this step are known."""
        if self.doctor.looks_at(step):
            self.doctor.look(self.history)
        epoch, more_steps = divmod(step, self.plan.steps_per_epoch)
        if not more_steps and self._is_told(epoch) and self.plan.team is None:
            self.job.log(self._line(epoch))

    def _is_told(self, epoch: int) -> bool:
        """Whether the log has a line of such an epoch: as soon as its values are known.

        Of a team's, the last step is known before the other values are.
        """
        return epoch % self.plan.log_every_epochs == 0

    def _close_epoch(self) -> None:
        values = self.lead.whole(self.metrics).values()
        if not self.sums_losses:
            self.recorder.add_epoch(EPOCH_LOSS, self.step, self.plan.judge.whole(values))
        for name, value in values.items():
            self.recorder.add_epoch(f"train/{name}", self.step, value)
        self.metrics = self.plan.judge.accumulator()
        for name, value in self.plan.precision.figures().items():
            self.recorder.add_epoch(name, self.step, value)
        if "validation" in self.plan.parts or self.plan.stopping is not None:
            with self.plan.averaging.in_place(self.step):
                self._look()
        if self.plan.watched is not None:
            self.recorder.flush()
            self.plan.watched.look(self.history)
        if self.finished or time.monotonic() >= self._judge_at or self.steering.best_step is not None:
            self._hold_best()
        is_told = self._is_told(self.epoch)
        if (is_told and self.plan.team is not None) or (self.finished and not is_told):
            self.recorder.flush()
            self.job.log(self._line(self.epoch))

    def _look(self) -> None:
        """Judge the weights that the training would leave if it ended now."""
        for name, value in self._validate().items():
            self.recorder.add_epoch(f"validation/{name}", self.step, value)
        if self.plan.stopping is not None:
            self.recorder.flush()
            latest = self.history.last(self.plan.monitored)
            self.stopped = self.plan.stopping.judge(self.epoch, latest, self.plan.model)

    def _validate(self) -> dict[str, Tensor]:
        part = self.plan.parts.get("validation")
        if part is None:
            return {}
        values = evaluate.measure(self.plan.model, part, self.plan.judge, self.plan.device)
        self.plan.model.train()
        return values

    def _line(self, epoch: int) -> str:
        names = {EPOCH_LOSS: "train/loss"}
        values = [f"{names.get(name, name)} {series[-1]:.4g}" for name, series in self.history.epochs.items()]
        return f"epoch {epoch:,} of {self.plan.num_epochs:,}: {', '.join(values)}"

    def _tend(self) -> None:
        """Every 50 ms between two steps: let values leave, say how far it is, obey, save."""
        now = time.monotonic()
        if self.steering.is_due(self.step):
            self._steer()
        if now < self._tend_at or self.finished:
            return
        self._tend_at = now + TEND_EVERY_S
        self.recorder.flush()
        if self.readings is not None:
            self.readings.step = self.step
        self.closely.ask(self.step)
        if now >= self._progress_at:
            self._progress_at = now + PROGRESS_EVERY_S
            self.job.progress(self.progress())
        if self.job.requested:
            if self.job.requested == Request.CANCEL:  # nobody will look at these curves again
                self.doctor.look(self.history, ended=True)
            self.save()
            if self.job.requested:  # a pause may have been taken back meanwhile
                raise Cancelled
        if self.plan.time_limit_s is not None and self.pace.trained_s >= self.plan.time_limit_s:
            self.steering.ask_once(TimeLimit())
        if self.steering.has_news:
            self._steer()
        if now >= self._save_at:
            self.save()
            self._save_at = time.monotonic() + self.plan.checkpoint_every_s

    def _steer(self) -> None:
        """Do what people ask, or did here before, and say so; the next step is taken when that is durable."""
        self.recorder.flush()
        if self.step % self.plan.steps_per_epoch == 0 and self.step > 0 and self.steering.best_step is None:
            self._hold_best()  # it may be the last epoch
        done = [order.done(self.step, self._follow(order, self.step)) for order in self.steering.due(self.step)]
        for order in done:
            self.job.log(order.in_words())
        told = [order.event(self.epoch) for order in done]
        self.job.commit(lambda session: self.steering.settle(session, done), events=told)
        if any(isinstance(order.said, SaveCheckpoint) for order in done):
            self.save()

    def _follow(self, order: Order, step: int) -> dict[str, Any]:
        """Let an order hold from a step on. Returns what came of it."""
        match order.said:
            case SetLr(lr=lr):
                self.plan.changes.set_lr(step, lr)
            case SetNumEpochs(num_epochs=num_epochs):
                self.plan.lengthen(step, num_epochs)
                self.pace.num_steps = self.plan.num_steps
                self.doctor.case = replace(self.doctor.case, num_steps=self.plan.num_steps)
                return {"num_epochs": self.plan.num_epochs}
            case Profile(num_steps=num_steps):
                if step == self.step:  # else its steps were taken before
                    self._take_profile(num_steps)
            case Stop(keep=keep) | TimeLimit(keep=keep):
                if isinstance(order.said, TimeLimit):
                    self.doctor.say_time_limit(step, self.plan.time_limit_s or 0.0)
                self.stop, self.stopped = order.said, True
                self.kept = self._best_weights() if keep == "best" else None
                return {"best_step": self.kept.step, "best_epoch": self.kept.epoch} if self.kept else {}
        return {}

    def _best_weights(self) -> Kept | None:
        """Those of the best epoch so far; None where none was finished."""
        stopping = self.plan.stopping
        if stopping is not None and stopping.best_weights:
            epoch = stopping.best_epoch
            return Kept(stopping.best_weights, {}, epoch * self.plan.steps_per_epoch, epoch)
        best = self._best or self.checkpoints.best(self.step)
        return Kept(best.group("weights"), best.group("averages"), best.step, best.epoch) if best else None

    def progress(self) -> dict[str, Any]:
        """Where the training stands, and how fast it goes."""
        return {
            "epoch": self.epoch,
            "num_epochs": self.plan.num_epochs,
            "step": self.step,
            "num_steps": self.plan.num_steps,
            "device": self.plan.device.type,
            **self.pace.figures(self.step),
        }

    def save(self) -> None:
        """Make everything so far durable: what was recorded, the best epoch, and the state to go on from."""
        self.recorder.flush(whole=True)
        self.checkpoints.save(self.write())

    def write(self) -> list[Written]:
        """The files of what is to be kept: the best epoch's, unless they are there, and those to go on from."""
        best, self._best = self._best, None
        if best is not None and best.step == self.step:
            return [self.checkpoints.write(best, is_best=True)]
        earlier = [] if best is None else [self.checkpoints.write(best, is_best=True)]
        return [*earlier, self.checkpoints.write(self.snapshot(), is_best=False)]

    def _hold_best(self) -> None:
        """Right after an epoch: keep its state in memory if it is the best so far, until there is time to write it.

        Later would be too late, for the weights go on. How often is a matter of time alone: an epoch that takes no
        longer than the copy is not always looked at.
        """
        begun_at = time.monotonic()
        self.recorder.flush()
        best_step = self.steering.best_step  # by which an earlier attempt went
        if self._judge() if best_step is None else best_step == self.step:
            self._best = self.snapshot().held()
        took_s = time.monotonic() - begun_at
        self._judge_at = begun_at + max(JUDGE_EVERY_S, took_s / HOLD_SHARE)

    def _judge(self) -> bool:
        """Whether the epoch just done beats every one that was looked at; from then on it is the one to beat."""
        series = self.plan.monitored
        score = self.history.last(series) * sign(series)
        better = math.isfinite(score) and (self.best_score is None or score < self.best_score)
        self.best_score = score if better else self.best_score
        return better

    def snapshot(self) -> Snapshot:
        """The whole state. Nothing may be waiting in the recorder."""
        stopping = self.plan.stopping
        tensors = checkpoints.grouped(
            weights=self.plan.model.state_dict(),
            optimizer=optimizers.state_tensors(self.plan.optimizer),
            best=stopping.best_weights if stopping else {},
            averages=self.plan.averaging.tensors(),
            metrics=self.metrics.sums,
            watch=self.plan.watch.state(),
            random=checkpoints.random_state(),
            **self.lead.tensors(),
        )
        state = {
            "step": self.step,
            "epoch": self.epoch,
            "stopped": self.stopped,
            "stopping": stopping.state() if stopping else None,
            "precision": self.plan.precision.state(),
            "metric_rows": int(self.metrics.num_rows),
            "epoch_loss": self.recorder.state(),
            "history": self.history.copy(),
            "findings": sorted(self.doctor.said),
            "best_score": self.best_score,
            "micro_batch_size": self.plan.micro_batch_size,
            "judged_at_once": self.plan.judged_at_once,
            **self.lead.state(),
        }
        return Snapshot(tensors, state)

    def resume(self, before: float = math.inf) -> None:
        """Take up the newest sound checkpoint before a step, and take back the points that lie after it.

        Where there is none, the weights begin with what the run says.
        """
        snapshot, damaged = self.checkpoints.newest(before)
        if snapshot is not None:
            self._restore(snapshot)
            self.job.log(f"going on from the checkpoint at step {self.step:,}")
        elif self.plan.beginning is not None:
            for finding in self.plan.beginning.take(self.plan.model):
                self.doctor.say(finding)
        self.pace = Pace(self.step, self.plan.num_steps, (self.job.claim.progress or {}).get("trained_s", 0.0))
        for order in self.steering.take_up(self.step):
            self._follow(order, order.at)
        if self.plan.watched is not None:
            self.plan.watched.look(self.history)
        if self.job.claim.attempt > 1 or snapshot is not None:
            self.job.event("rewind", {"to_step": self.step})
            for row in damaged:
                self.doctor.say_damaged(row.step, self.step)
            self.job.commit(lambda session: self.checkpoints.drop(session, damaged))

    def fit_into(self, fitted: Fitted) -> None:
        """Go on with fewer rows at once, where memory ran out in this very attempt."""
        self.plan.fit_into(fitted.rows_at_once, fitted.judged_at_once)
        if self.job.claim.attempt == 1 and self.step == 0 and fitted.finding.step > 0:
            self.job.event("rewind", {"to_step": 0})
        self.pace.before_s = fitted.trained_s
        self.doctor.say(replace(fitted.finding, found_at=self.step))

    def _restore(self, snapshot: Snapshot) -> None:
        state, plan = snapshot.state, self.plan
        plan.fit_into(state.get("micro_batch_size"), state.get("judged_at_once"))
        self.step, self.stopped = state["step"], state["stopped"]
        self.history = self.recorder.history = History.of_state(state["history"])
        self.recorder.restore(state["epoch_loss"])
        self.doctor.said = set(state["findings"])
        self.best_score = state["best_score"]
        plan.watch.restore(snapshot.group("watch"), plan.device)
        self.metrics.restore(snapshot.group("metrics"), state["metric_rows"], plan.device)
        if plan.stopping is not None:
            plan.stopping.restore(state["stopping"], snapshot.group("best"), plan.device)
        self.lead.restore(snapshot)
        checkpoints.restore_learned(plan, snapshot)
        checkpoints.restore_random_state(snapshot.group("random"))
