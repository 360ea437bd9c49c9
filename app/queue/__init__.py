"""The queue: the only place where a job changes state. At-least-once execution, effectively-once record.

A claim adds one to the job's `attempt`, and every later write of that worker begins with `fence`: an UPDATE that
holds only while the job is running under that very attempt. It renews the lease, shuts out a worker that was thought
dead, and hands out the numbers of the events, in one statement. All times are the database's own.
"""

from app.queue.claims import beat, claim, fence, hold, overdue, sound, take_up
from app.queue.controls import CONTROL, control, control_event, list_controls, settle_control
from app.queue.endings import any_silent, break_off, crash, fail, obey, rescue, succeed
from app.queue.requests import LEAST_GAP_S, cancel, enqueue, pause, resume
from app.queue.states import ENDED, SILENT, WORK, Claim, Fence, JobKind, JobStatus, LeaseLost, Request

__all__ = [
    "CONTROL",
    "ENDED",
    "LEAST_GAP_S",
    "SILENT",
    "WORK",
    "Claim",
    "Fence",
    "JobKind",
    "JobStatus",
    "LeaseLost",
    "Request",
    "any_silent",
    "beat",
    "break_off",
    "cancel",
    "claim",
    "control",
    "control_event",
    "crash",
    "enqueue",
    "fail",
    "fence",
    "hold",
    "list_controls",
    "obey",
    "overdue",
    "pause",
    "rescue",
    "resume",
    "settle_control",
    "sound",
    "succeed",
    "take_up",
]
