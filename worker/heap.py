"""The process's heap, where large arrays come and go."""

import ctypes
import sys

_KEPT_BYTES = 32 << 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def keep_freed() -> None:
    """Keep up to 32 MB of what is freed for what comes next.

    By itself glibc gives arrays of some hundred kilobytes back at once, and for the next block of a file, or the next
    step of a training, the system maps in as many pages again, each of them cleared: a third of the time of a check or
    of a step. See mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:  # other C libraries have none
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
