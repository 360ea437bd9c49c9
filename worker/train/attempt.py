"""An attempt at a run, from its plan to its end, or to what is said of a training that came to none."""

from dataclasses import replace

from app.errors import JobFailure
from worker.job import Ending, Job
from worker.train import device as devices
from worker.train import nonfinite, shortage
from worker.train.finish import finish
from worker.train.nonfinite import NON_FINITE, Broken
from worker.train.preflight import is_told, preflight
from worker.train.setup import make_plan
from worker.train.shortage import Fitted, Shortage
from worker.train.team import Team
from worker.train.trainer import Trainer


def run(job: Job, team: Team | None = None) -> Ending:
    """Train what the job's run specifies, from its newest checkpoint if it has one. Returns what ends the job well.

    Of a team this process is the one that leads.
    """
    fitted: Fitted | None = None
    while True:
        ended = _train(job, team, fitted)
        if isinstance(ended, Ending):
            return ended
        if isinstance(ended, Broken):
            raise nonfinite.explained(job, ended, make_plan)
        # Only now: the traceback held every tensor of the step that failed.
        answer = shortage.answered(job, ended, make_plan).after(fitted)
        fitted = replace(answer, trained_s=ended.trained_s)


def _train(job: Job, team: Team | None, fitted: Fitted | None) -> Ending | Broken | Shortage:
    trainer: Trainer | None = None
    try:
        trainer = Trainer(job, make_plan(job, team))
        with devices.inexact(job.log), trainer.lead:
            trainer.resume()
            if fitted is not None:
                trainer.fit_into(fitted)
            if trainer.step == 0 and team is None and not is_told(job, again=fitted is not None):
                preflight(trainer)
            with trainer.read_along():
                trainer.fit()
        return finish(trainer)
    except JobFailure as failure:
        if trainer is None or failure.kind not in NON_FINITE:
            raise
        bounds = trainer.plan.micro_batch_size, trainer.plan.judged_at_once
        return Broken(failure.with_traceback(None), trainer.doctor, trainer.history, bounds)
    except (MemoryError, RuntimeError) as error:
        if not devices.is_out_of_memory(error):
            raise
        if trainer is None:
            return Shortage.of(error, None)
        found = Shortage.of(error, (trainer.plan, trainer.doctor.case, trainer.step))
        return replace(found, trained_s=trainer.pace.trained_s)
