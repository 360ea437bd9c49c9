"""`python -m bench [name …]`: runs the measurements one after the other, each in a process of its own."""

import platform
import subprocess
import sys
from pathlib import Path

import psutil

NAMES = (
    "startup",
    "inspecting",
    "recording",
    "chart",
    "painting",
    "listing",
    "submission",
    "live",
    "training",
    "together",
)


def main() -> None:
    print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    )
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True, cwd=Path(__file__).parents[1])


if __name__ == "__main__":
    main()
