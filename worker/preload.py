"""Imported by the forkserver: all that a job's process needs is there before the first job comes."""

import gc

from worker import child

child.preload()
# A million objects that stay: no process has to look through them, nor copy the memory in which they would be marked.
gc.collect()
gc.freeze()
