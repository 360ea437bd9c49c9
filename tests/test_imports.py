"""The server without torch: what its image holds is enough."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# What requirements/worker.txt brings and the server's image lacks; also what would slow its start.
BLOCKED = ("torch", "sklearn", "safetensors", "onnxscript", "pynvml", "worker")

PROGRAM = f"""
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the server's image", name=name)

sys.meta_path.insert(0, Blocked())
import app
for module in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("app.")]))
"""


def test_every_module_of_the_server_imports_with_torch_blocked() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 60


def test_the_block_is_one() -> None:
    program = PROGRAM.replace("import app\n", "import torch\n")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode != 0 and "not in the server's image" in ended.stderr


def test_the_start_of_the_server_imports_nothing_slow() -> None:
    program = "import sys, app.main; print([m for m in ('duckdb', 'pyarrow', 'onnxruntime') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert re.fullmatch(r"\[\]\s*", ended.stdout), ended.stdout
