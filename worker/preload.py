"""Imported by the forkserver: all that a job's process needs is there before the first job comes.

How the heap is kept passes to every process that is forked.
"""

import gc

from worker import child
from worker.heap import keep_freed

keep_freed()
child.preload()
# A million objects that stay: no process has to look through them, nor copy the memory in which they would be marked.
gc.collect()
gc.freeze()
