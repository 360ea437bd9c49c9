"""Memory that a block needed is there for the next one."""

import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from worker.heap import keep_freed

if sys.argv[1] == "kept":
    keep_freed()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    for _ in range(50):
        [np.ones(1_000_000, np.uint8) for _ in range(8)]

work()
before = faults()
work()
print(faults() - before)
"""


def faults(how: str) -> int:
    told = subprocess.run([sys.executable, "-c", CODE, how], check=True, capture_output=True, text=True)
    return int(told.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
def test_freed_arrays_are_not_mapped_in_again() -> None:
    assert faults("kept") < 1000 < faults("given back")
