"""A run as a script: in a process that knows nothing of Traindeck it has the run's own losses, to the last bit."""

import ast
import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from app.codegen import refusals
from app.main import create_app
from app.specs.data import DataSpec
from app.specs.training import TrainingSpec
from tests.codegen.cases import FILES, FULL, IN_FILES, PACED, SUITE, of_mobilenet, stepping
from tests.conftest import TOKEN
from tests.inline import TRAINING, Inline
from tests.uploads.test_routes import send
from worker.train import weights

API = "/api/v1"
NUM_LOSSES = 10
FETCHED = re.compile(r"-o (\S+) http://localhost(\S+)")  # what a script says is to lie beside it

# Runs the scripts that it is told, one after the other, and says what each has printed. Nothing of ours is found there.
HARNESS = """
import contextlib, io, json, runpy, sys, traceback

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("app", "worker", "traindeck", "tests"):
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

sys.meta_path.insert(0, Blocked())
for name in ("app", "worker"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is found")
said = {}
for name in json.load(sys.stdin):
    sys.argv = [f"{name}.py", f"{name}.parquet"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_path(f"{name}.py", run_name="__main__")
        except Exception:
            out.write(traceback.format_exc())
    said[name] = out.getvalue()
print(json.dumps(said))
"""


def client_of(inline: Inline) -> TestClient:
    """A client of a server with its settings."""
    client = TestClient(create_app(inline.settings.model_copy(update={"token": TOKEN})), base_url="http://localhost")
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    return client


class Trained:
    """Runs that are trained, and their scripts in a process of their own."""

    def __init__(self, folder: Path) -> None:
        self.inline = Inline(folder)
        self.client = client_of(self.inline)
        self.uploaded: dict[str, str] = {}
        self.runs: dict[str, str] = {}
        self.evaluations: dict[str, Any] = {}
        self.epochs: dict[str, list[float]] = {}
        self.scripts = folder / "scripts"
        self.scripts.mkdir()

    def script(self, name: str, body: dict[str, Any]) -> list[float]:
        """Train a run, and fetch its script and its table, as a user does. Returns its first losses."""
        dataset = body["dataset"]
        body = self.named(body) | {"dataset": self.upload(dataset) if isinstance(dataset, str) else dataset}
        run = self.inline.train(body)
        self.fetch(f"{API}/runs/{run.id}/script", f"{name}.py")
        for filename, path in FETCHED.findall((self.scripts / f"{name}.py").read_text()):
            self.fetch(path, filename.replace("table", name))
        self.runs[name], self.evaluations[name] = run.id, run.evaluation
        steps = self.inline.series(run, "train/loss")[1]
        self.epochs[name] = self.inline.series(run, "train/epoch_loss")[1] or steps
        return steps[:NUM_LOSSES]

    @contextmanager
    def little_memory(self) -> Iterator[None]:
        """Server and worker with room for few rows in memory."""
        before = self.inline.settings, self.client
        self.inline.settings = before[0].model_copy(update={"data_in_memory_bytes": 500})
        self.client = client_of(self.inline)
        yield
        self.inline.settings, self.client = before

    def upload(self, filename: str) -> str:
        if filename not in self.uploaded:
            answer = self.client.post(f"{API}/datasets", files=[("file", (filename, FILES[filename]()))])
            assert answer.status_code == 201, answer.text
            self.uploaded[filename] = answer.json()["id"]
            self.inline.work(TRAINING)
        return self.uploaded[filename]

    def named(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same with ids, where a run or a file that weights are taken from is called by name."""
        body = copy.deepcopy(body)
        for layer in body["model"].get("layers", ()):
            if "id" in (named := layer.get("weights") or {}):
                named["id"] = self.keep(named["id"])
        if start := body["training"].get("start_from"):
            start["run_id"] = self.runs[start["run_id"]]
        return body

    def keep(self, filename: str) -> str:
        """The id of a file of weights."""
        sent = send(self.client, FILES[filename](), filename)
        answer = self.client.post(f"{API}/weights", json={"upload": sent})
        assert answer.status_code == 201, answer.text
        weights_id: str = answer.json()["id"]
        return weights_id

    def lay_on_the_hub(self) -> None:
        """Weights where worker and script look for those of the hub before they ask for them."""
        filename = weights.hub_url("mobilenet_v3_small").rpartition("/")[2]
        for folder in (self.inline.storage.folder("hub"), self.scripts / "hub" / "checkpoints"):
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(of_mobilenet(), folder / filename)

    def fetch(self, path: str, filename: str) -> None:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        (self.scripts / filename).write_bytes(answer.content)

    def said(self, names: list[str]) -> dict[str, str]:
        """What the scripts print."""
        asked = {"input": json.dumps(names), "cwd": self.scripts, "capture_output": True, "text": True}
        asked["env"] = os.environ | {"TORCH_HOME": str(self.scripts)}
        ended = subprocess.run([sys.executable, "-I", "-c", HARNESS], check=False, **asked)  # type: ignore[call-overload]
        assert ended.returncode == 0, ended.stderr
        found: dict[str, str] = json.loads(ended.stdout)
        return found


def losses(said: str) -> list[float]:
    """The losses of single steps, as the numbers of four bytes that they are."""
    steps = [line for line in said.splitlines() if line.startswith("step ")]
    return [float(np.float32(line.split()[-1])) for line in steps]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    one = Trained(tmp_path_factory.mktemp("scripts"))
    yield one
    one.inline.close()


@pytest.fixture(scope="module")
def suite(trained: Trained) -> dict[str, tuple[list[float], str]]:
    """Of each run its losses, and what its script says: all in one process, whose start is most of the time."""
    expected = {name: trained.script(name, body) for name, body in SUITE.items()}
    with trained.little_memory():
        expected |= {name: trained.script(name, body) for name, body in IN_FILES.items()}
    said = trained.said(list(expected))
    return {name: (expected[name], said[name]) for name in expected}


@pytest.mark.parametrize("name", [*SUITE, *IN_FILES])
def test_a_script_has_the_losses_of_its_run(name: str, suite: dict[str, tuple[list[float], str]]) -> None:
    expected, said = suite[name]
    assert len(expected) == NUM_LOSSES
    assert losses(said) == expected, said[-2000:]


def test_a_script_has_the_mean_losses_of_the_epochs_of_its_run(
    trained: Trained, suite: dict[str, tuple[list[float], str]]
) -> None:
    for name, (_, said) in suite.items():
        lines = [line.split() for line in said.splitlines() if line.startswith("epoch ")]
        found = {int(words[1]): float(words[words.index("train/loss") + 1]) for words in lines}
        assert found == pytest.approx({epoch: trained.epochs[name][epoch - 1] for epoch in found}, rel=1e-5), name
        assert len(trained.epochs[name]) in found


def assert_same_figures(parts: dict[str, dict[str, Any]], said: str) -> None:
    """What a script prints of each part in the end is what its run has."""
    lines = dict(line.split(": ", 1) for line in said.splitlines() if line.split(":")[0] in parts)
    assert set(lines) == set(parts)
    for part, line in lines.items():
        words = line.split()
        for figure, value in zip(words[::2], words[1::2], strict=True):
            assert float(value) == pytest.approx(parts[part][figure], rel=2e-5), (part, figure)


@pytest.mark.parametrize("name", [*SUITE, *IN_FILES])
def test_a_script_ends_with_the_figures_of_its_run(
    name: str, trained: Trained, suite: dict[str, tuple[list[float], str]]
) -> None:
    assert_same_figures(trained.evaluations[name]["parts"], suite[name][1])


def assert_nothing_unused(folder: Path) -> None:
    lint = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", "--output-format", "concise"]
    ended = subprocess.run([*lint, str(folder)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_scripts_hold_nothing_that_they_do_not_use(trained: Trained, suite: dict[str, Any]) -> None:
    assert_nothing_unused(trained.scripts)


def test_a_script_without_its_table_says_how_it_is_run(trained: Trained, suite: dict[str, Any]) -> None:
    script = next(trained.scripts.glob("*.py"))
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "python train.py table.parquet" in ended.stderr, ended.stderr


@pytest.mark.full
def test_no_script_holds_anything_that_it_does_not_use(trained: Trained, full: dict[str, Any]) -> None:
    assert_nothing_unused(trained.scripts)


def refused(trained: Trained, run_id: str) -> list[list[Any]]:
    """Where the server says that no script can say a run."""
    answer = trained.client.get(f"{API}/runs/{run_id}/script")
    assert answer.status_code == 422, answer.text
    return [error["loc"] for error in answer.json()["errors"]]


def test_rows_that_may_lie_in_files_are_refused_where_their_number_is_not_known(trained: Trained) -> None:
    body = SUITE["tokens_and_embedded"]
    run_id = trained.inline.submit(body | {"dataset": trained.upload(body["dataset"])})
    with trained.little_memory():
        assert refused(trained, run_id) == [["data"]]


def test_a_penalty_beside_an_optimizer_that_compares_losses_is_refused(trained: Trained) -> None:
    body = stepping(PACED | {"layers": PACED["layers"][-3:]}, optimizer={"type": "lbfgs"})
    run_id = trained.inline.submit(body | {"dataset": trained.upload(body["dataset"])})
    assert refused(trained, run_id) == [["model", "layers", 0, "l2"]]


def test_a_script_is_refused_whose_weights_are_gone(trained: Trained) -> None:
    first = trained.inline.train(SUITE["celsius"])
    begun = SUITE["begun"]["training"] | {"start_from": {"run_id": first.id}}
    run_id = trained.inline.submit(SUITE["begun"] | {"training": begun})
    assert trained.client.delete(f"{API}/runs/{first.id}").is_success
    assert refused(trained, run_id) == [["training", "start_from", "run_id"]]
    body = trained.named(SUITE["backbone_of_a_file"])
    run_id = trained.inline.submit(body | {"dataset": trained.upload(body["dataset"])})
    weights_id = body["model"]["layers"][0]["weights"]["id"]
    assert trained.client.get(f"{API}/runs/{run_id}/script").status_code == 200
    assert trained.client.delete(f"{API}/weights/{weights_id}").is_success
    assert refused(trained, run_id) == [["model", "layers", 0, "weights", "id"]]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (SUITE["celsius"] | {"training": SUITE["celsius"]["training"] | {"precision": "float16"}}, [["precision"]]),
        (SUITE["celsius"] | {"training": SUITE["celsius"]["training"] | {"num_processes": 2}}, [["num_processes"]]),
        (FULL["paced"] | {"training": FULL["paced"]["training"] | {"swa": {"start_epoch": 1}}}, [["swa"]]),
        (
            SUITE["two-heads"]
            | {"training": SUITE["two-heads"]["training"] | {"compile": True, "precision": "bfloat16"}},
            [["precision"], ["compile"]],
        ),
    ],
    ids=["float16", "several processes", "mean of frozen layers", "several outputs"],
)
def test_steps_that_no_script_takes_are_refused(
    trained: Trained, body: dict[str, Any], places: list[list[str]]
) -> None:
    dataset = body["dataset"]
    named = trained.upload(dataset) if isinstance(dataset, str) else dataset
    run_id = trained.inline.submit(body | {"dataset": named})
    assert refused(trained, run_id) == [["training", *place] for place in places]


def test_every_field_of_a_run_is_said_or_refused() -> None:
    """A field that is new is neither, and so it is refused until a script can say it."""
    said = f"{refusals._SAID_OF_DATA} {refusals._SAID_OF_TRAINING}".split()
    fields = {*DataSpec.model_fields, *TrainingSpec.model_fields}
    assert fields.difference(said) == {"time_limit_s"}
    assert not set(said).difference(fields)


def test_a_run_that_a_script_reported_has_none(trained: Trained) -> None:
    answer = trained.client.post(f"{API}/runs/reported", json={"name": "elsewhere"})
    assert answer.status_code == 201, answer.text
    assert trained.client.get(f"{API}/runs/{answer.json()['id']}/script").status_code == 404


@pytest.fixture(scope="module")
def full(trained: Trained, suite: dict[str, Any]) -> dict[str, tuple[list[float], str]]:
    """The same of all the others."""
    trained.lay_on_the_hub()
    expected = {name: trained.script(name, body) for name, body in FULL.items()}
    said = trained.said(list(FULL))
    return {name: (expected[name], said[name]) for name in FULL}


@pytest.mark.full
@pytest.mark.parametrize("name", list(FULL))
def test_every_script_has_the_losses_and_figures_of_its_run(
    name: str, trained: Trained, full: dict[str, tuple[list[float], str]]
) -> None:
    expected, said = full[name]
    assert losses(said) == expected, said[-2000:]
    assert_same_figures(trained.evaluations[name]["parts"], said)


HOSTILE = 'g"""\n    pwned()\n    """'


@pytest.mark.parametrize(
    "split",
    [
        {"type": "grouped", "column": HOSTILE, "train": 0.6, "validation": 0.2, "test": 0.2},
        {"type": "time", "column": HOSTILE, "train": 0.6, "validation": 0.2, "test": 0.2},
        {"type": "column", "column": HOSTILE, "train": [0, 1], "test": [2]},
    ],
    ids=lambda split: split["type"],
)
def test_what_columns_are_called_is_no_code(trained: Trained, split: dict[str, Any]) -> None:
    body = {
        "name": HOSTILE,
        "dataset": trained.upload("hostile.csv"),
        "model": {"name": HOSTILE, "layers": [{"type": "linear", "out_features": 1}]},
        "data": {"target": "y", "split": split},
        "training": {"loss": {"type": "mse_loss"}},
    }
    answer = trained.client.get(f"{API}/runs/{trained.inline.submit(body)}/script")
    assert answer.status_code == 200, answer.text
    called = {
        node.func.id
        for node in ast.walk(ast.parse(answer.text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "pwned" not in called and "holds" not in called
    assert answer.text.count("pwned") >= 1, "the column is named"
