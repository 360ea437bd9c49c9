"""The trainer: claims jobs, runs each in a process of its own, reports through the queue and the event log."""

import os

# Read when torch is first loaded, so set before: for how many turns a thread that waits for another spins before it
# sleeps. Torch's own 300,000 take the cores from whoever is waited for: on two cores with other work on them a step of
# the digits network took 900 ms in place of 130, and no less time on two idle ones (22 ms).
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
