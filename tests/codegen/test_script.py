"""A run as a script: in a process that knows nothing of Traindeck it has the run's own losses, to the last bit."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app import gallery
from app.main import create_app
from tests.conftest import TOKEN
from tests.inline import TRAINING, Inline

API = "/api/v1"
NUM_LOSSES = 10

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


def table_csv() -> bytes:
    """Rows with everything that columns can be: gaps, skew, words, codes, times, groups, repeats."""
    random = np.random.default_rng(3)
    file = io.StringIO()
    writer = csv.writer(file)
    names = ("age", "income", "kind", "code", "flag", "moment", "group", "note", "part", "value", "label", "answer")
    writer.writerow(names)
    begin = datetime(2023, 5, 1, tzinfo=UTC)
    words = ["red", "green", "Blue", "sun", "rain", "n/a", "wind"]
    for i in range(230):
        age = "" if random.random() < 0.1 else f"{random.normal(40, 12):.2f}"
        income = "" if random.random() < 0.05 else f"{random.lognormal(8, 1):.1f}"
        kind = "" if random.random() < 0.08 else random.choice(["a", "b", "c", "d"], p=[0.5, 0.3, 0.19, 0.01])
        moment = (begin + timedelta(hours=7 * (i // 2))).strftime("%Y-%m-%d %H:%M")
        note = " ".join(random.choice(words, random.integers(1, 9)))
        part = random.choice(["train", "train", "train", "check", "unused"])
        score = (0 if age == "" else float(age) / 20) + (kind == "a") + random.normal(0, 0.3)
        label = "low" if score < 2 else "mid" if score < 3 else "high"
        row = [age, income, kind, random.integers(1, 6), random.random() < 0.4, moment, f"g{random.integers(0, 30)}"]
        writer.writerow([*row, note, part, f"{score:.3f}", label, "yes" if score > 2.4 else "no"])
        if i % 40 == 0:
            writer.writerow([*row, note, part, f"{score:.3f}", label, "yes" if score > 2.4 else "no"])
    return file.getvalue().encode()


def images_zip() -> bytes:
    """Pictures of two classes, of several sizes, gray and in colours, one with transparency."""
    random = np.random.default_rng(5)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(60):
            height, width = random.integers(9, 16, 2)
            pixels = random.integers(0, 120, (height, width, 4 if i == 7 else 3), np.uint8)
            bright = i % 2
            pixels[: height // 2] += np.uint8(110 * bright)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(f"{('dark', 'light')[bright]}/{i}.png", buffer.getvalue())
    return file.getvalue()


FILES = {"people.csv": table_csv, "pictures.zip": images_zip}
LINEAR: dict[str, Any] = {"layers": [{"type": "linear", "out_features": 1}]}
THREE: dict[str, Any] = {
    "layers": [{"type": "linear", "out_features": 12}, {"type": "tanh"}, {"type": "linear", "out_features": 3}]
}
SMALL_CONVOLUTION: dict[str, Any] = {
    "layers": [
        {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "max_norm": 0.9},
        {"type": "batch_norm"},
        {"type": "relu"},
        {"type": "flatten"},
        {"type": "linear", "out_features": 1},
    ]
}


def people(model: dict[str, Any], data: dict[str, Any], **training: Any) -> dict[str, Any]:
    """A run on the table."""
    return {
        "name": "people",
        "dataset": "people.csv",
        "model": model,
        "data": {"missing": {"type": "drop"}, **data},
        "training": {"num_epochs": 2, "batch_size": 16, "loss": {"type": "mse_loss"}, **training},
    }


def pictures(data: dict[str, Any], **training: Any) -> dict[str, Any]:
    """A run on the images."""
    pixels = {"height": 10, "width": 9, **data.pop("pixels", {})}
    return {
        "name": "pictures",
        "dataset": "pictures.zip",
        "model": SMALL_CONVOLUTION,
        "data": {"features": ["image"], "target": "label", "columns": {"image": {"pixels": pixels}}, **data},
        "training": {
            "num_epochs": 2,
            "batch_size": 8,
            "loss": {"type": "binary_cross_entropy_with_logits"},
            "metrics": [{"type": "accuracy"}],
            **training,
        },
    }


def program(name: str, **training: Any) -> dict[str, Any]:
    """A program of the gallery, with some of its training changed."""
    body = gallery.definition(name)
    return body | {"training": body["training"] | training}


FILLED = {
    "age": {"missing": {"type": "median", "indicator": True}, "scale": "robust"},
    "income": {"missing": {"type": "mean"}, "clip_share": 0.05, "low": 100, "log": True, "scale": "standardize"},
    "kind": {"missing": {"type": "most_frequent"}},
    "code": {"categories": "one_hot"},
    "moment": {"parts": ["year", "month", "weekday", "hour", "elapsed"], "scale": "min_max"},
    "note": {"categories": "hashed", "num_buckets": 16},
}
FED = ["age", "income", "kind", "code", "flag", "moment", "note"]
CLASSES = {"type": "cross_entropy"}
SUITE = {
    "celsius": program("celsius", num_epochs=12),
    "moons": program("moons", num_epochs=1),
    "digits": program("digits-builtin", num_epochs=1),
    "waves": program("waves", num_epochs=1),
    "every_kind_of_column": people(
        THREE,
        {
            "features": FED,
            "target": "label",
            "columns": FILLED,
            "split": {"type": "k_fold", "num_folds": 4, "fold": 2, "test": 0.1, "stratify": True, "seed": 5},
        },
        loss=CLASSES | {"label_smoothing": 0.1},
        metrics=[{"type": "f1"}, {"type": "top_k_accuracy", "k": 2}],
        optimizer={"type": "rmsprop", "lr": 0.01, "momentum": 0.5, "centered": True},
        schedule={"type": "cosine", "eta_min": 0.001, "warmup_steps": 5},
        max_grad_norm=0.7,
        early_stopping={"series": "validation/f1", "patience": 1},
    ),
    "tokens_and_embedded": people(
        {
            "layers": [
                {"type": "entity_embedding", "num_embeddings": 12, "embedding_dim": 3, "num_columns": 2, "l1": 0.01},
                {"type": "linear", "out_features": 1, "weight_init": {"type": "normal", "std": 0.3}, "max_norm": 0.4},
            ]
        },
        {
            "features": ["kind", "code", "age"],
            "target": "value",
            "scale_target": "standardize",
            "repeats": "drop",
            "columns": {
                "kind": {"categories": "embedded", "missing": {"type": "most_frequent"}},
                "code": {"categories": "embedded"},
            },
            "split": {"type": "column", "column": "part", "train": ["train"], "validation": ["check"], "test": []},
        },
        metrics=[{"type": "rmse"}, {"type": "r2"}],
        optimizer={"type": "adamw", "lr": 0.02, "amsgrad": True},
        schedule={"type": "step", "step_size": 1, "gamma": 0.5},
    ),
    "pictures": pictures(
        {
            "pixels": {"normalize": "standardize", "fit": "pad"},
            "split": {"type": "shares", "train": 0.65, "validation": 0.35, "test": 0, "seed": 9},
            "augment": [
                {"type": "random_horizontal_flip"},
                {"type": "random_rotation", "degrees": 20},
                {"type": "color_jitter", "saturation": 0.3},
                {"type": "mixup"},
                {"type": "cutmix"},
            ],
        },
        optimizer={"type": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True},
    ),
}


class Trained:
    """Runs that are trained, and their scripts in a process of their own."""

    def __init__(self, folder: Path) -> None:
        self.inline = Inline(folder)
        settings = self.inline.settings.model_copy(update={"token": TOKEN})
        self.client = TestClient(create_app(settings), base_url="http://localhost")
        self.client.headers["Authorization"] = f"Bearer {TOKEN}"
        self.uploaded: dict[str, str] = {}
        self.scripts = folder / "scripts"
        self.scripts.mkdir()

    def script(self, name: str, body: dict[str, Any]) -> list[float]:
        """Train a run, and fetch its script and its table, as a user does. Returns its first losses."""
        dataset = body["dataset"]
        run = self.inline.train(body | {"dataset": self.upload(dataset) if isinstance(dataset, str) else dataset})
        self.fetch(f"{API}/runs/{run.id}/script", f"{name}.py")
        self.fetch(f"{API}/datasets/{run.dataset_id}/table", f"{name}.parquet")
        return self.inline.series(run, "train/loss")[1][:NUM_LOSSES]

    def upload(self, filename: str) -> str:
        if filename not in self.uploaded:
            answer = self.client.post(f"{API}/datasets", files=[("file", (filename, FILES[filename]()))])
            assert answer.status_code == 201, answer.text
            self.uploaded[filename] = answer.json()["id"]
            self.inline.work(TRAINING)
        return self.uploaded[filename]

    def fetch(self, path: str, filename: str) -> None:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        (self.scripts / filename).write_bytes(answer.content)

    def said(self, names: list[str]) -> dict[str, str]:
        """What the scripts print."""
        asked = {"input": json.dumps(names), "cwd": self.scripts, "capture_output": True, "text": True}
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
    said = trained.said(list(SUITE))
    return {name: (expected[name], said[name]) for name in SUITE}


@pytest.mark.parametrize("name", list(SUITE))
def test_a_script_has_the_losses_of_its_run(name: str, suite: dict[str, tuple[list[float], str]]) -> None:
    expected, said = suite[name]
    assert len(expected) == NUM_LOSSES
    assert losses(said) == expected, said[-2000:]


def test_what_a_script_reports_of_the_end_is_what_the_run_has(suite: dict[str, tuple[list[float], str]]) -> None:
    _, said = suite["pictures"]
    assert "validation: loss" in said and "accuracy" in said
