"""The queue: the only place where a job changes state. At-least-once execution, effectively-once record.

A claim adds one to the job's `attempt`, and every later write of that worker begins with `fence`: an UPDATE that
holds only while the job is running under that very attempt. It renews the lease, shuts out a worker that was thought
dead, and hands out the numbers of the events, in one statement. All times are the database's own.
"""

from app.queue.claims import beat, claim, fence, hold, overdue, sound, take_up
from app.queue.endings import MAX_CRASHES, any_silent, crash, fail, obey_cancel, release, rescue, succeed
from app.queue.requests import LEAST_GAP_S, cancel, enqueue
from app.queue.states import ENDED, SILENT, WORK, Claim, Fence, JobKind, JobStatus, LeaseLost

__all__ = [
    "ENDED",
    "LEAST_GAP_S",
    "MAX_CRASHES",
    "SILENT",
    "WORK",
    "Claim",
    "Fence",
    "JobKind",
    "JobStatus",
    "LeaseLost",
    "any_silent",
    "beat",
    "cancel",
    "claim",
    "crash",
    "enqueue",
    "fail",
    "fence",
    "hold",
    "obey_cancel",
    "overdue",
    "release",
    "rescue",
    "sound",
    "succeed",
    "take_up",
]
