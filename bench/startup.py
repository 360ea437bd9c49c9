"""How long the server takes to import and to be ready, and what it holds when idle."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from bench.table import show, spread

ROUNDS = 5
PORT = 18431


def main() -> None:
    starts, imports, memory = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            imports.append(_import())
            start_s, memory_bytes = _start(Path(folder))
            starts.append(start_s)
            memory.append(memory_bytes)
    show(
        "The server, an empty SQLite each time",
        ["what", "figure", "budget"],
        [
            ["import app.main", spread(imports, "s"), ""],
            ["process start to ready, migrations included", spread(starts, "s"), "1.5 s"],
            ["memory when idle (resident)", f"{max(memory) / 1e6:.0f} MB", "150 MB"],
        ],
    )


def _import() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import app.main"], check=True)
    return time.perf_counter() - began


def _start(folder: Path) -> tuple[float, int]:
    env = os.environ | {"TRAINDECK_DATA_DIR": str(folder), "TRAINDECK_PORT": str(PORT)}
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _ready():
            time.sleep(0.01)
        took = time.perf_counter() - began
        time.sleep(1)
        return took, psutil.Process(server.pid).memory_info().rss
    finally:
        server.terminate()
        server.wait()


def _ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=1):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
