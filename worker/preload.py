"""Imported by the forkserver: all that a job's process needs is there before the first job comes."""

from worker import child

child.preload()
