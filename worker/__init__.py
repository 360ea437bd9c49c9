"""The trainer: claims jobs, runs each in a process of its own, reports through the queue and the event log."""

import os

# Read when torch is first loaded, so set before: threads that wait for one another sleep. Left to spin, as they are by
# default, they take the cores from whoever they wait for: beside other work on the same two cores, a step of the
# digits network took 600 ms in place of 80.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
