"""The example is what it says: it runs as it stands, also where there is no server."""

import os
import subprocess
import sys
from pathlib import Path

from tests.deck import free_port

ROOT = Path(__file__).parents[2]


def test_the_example_runs_as_it_stands(tmp_path: Path) -> None:
    environment = os.environ | {
        "TRAINDECK_URL": f"http://127.0.0.1:{free_port()}",
        "TRAINDECK_SPOOL_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "examples/report_from_a_script.py"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "see it at" in ended.stdout and "python -m traindeck sync" in ended.stderr
    assert len(list(tmp_path.iterdir())) == 1
