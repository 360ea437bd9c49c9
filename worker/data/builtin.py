"""Datasets that come with Traindeck or with a library it stands on, by name.

What the server knows of them before they are made lies in `app/datasets/builtin_columns.json`: whoever adds one or
changes one runs `python -m worker.data.builtin`, which writes that file; a test holds it to what is made here.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from worker.data.statistics import describe_table

Columns = dict[str, NDArray[Any]]


def celsius() -> Columns:
    """Seven temperatures, in degrees Celsius and Fahrenheit."""
    return {
        "celsius": np.array([-40.0, -10, 0, 8, 15, 22, 38]),
        "fahrenheit": np.array([-40, 14, 32, 46.4, 59, 71.6, 100.4]),
    }


def xor() -> Columns:
    """The four rows of the exclusive or."""
    return {"a": np.array([0, 0, 1, 1]), "b": np.array([0, 1, 0, 1]), "xor": np.array([0, 1, 1, 0])}


def random_sequences() -> Columns:
    """1,000 sequences to train and 100 to test, each of 100 tokens below 1,000; their labels are random."""
    random = np.random.default_rng(0)
    tokens = random.integers(0, 1000, (1100, 100))
    return {f"token_{i}": tokens[:, i] for i in range(100)} | {
        "label": random.integers(0, 2, 1100),
        "part": np.repeat(["train", "test"], [1000, 100]),
    }


def iris() -> Columns:
    """Fisher's 150 irises of three species."""
    return _bundled(load_iris(), "species")


def wine() -> Columns:
    """178 wines of three growers, by their chemistry."""
    return _bundled(load_wine(), "grower")


def breast_cancer() -> Columns:
    """569 tumours of the breast, malignant or benign."""
    return _bundled(load_breast_cancer(), "diagnosis")


def diabetes() -> Columns:
    """442 patients with diabetes, and how far the disease has come a year later."""
    found = load_diabetes(scaled=False)
    return _features(found) | {"progression": _as_whole(found.target)}


def digits() -> Columns:
    """1,797 handwritten digits of 8 by 8 pixels from 0 to 16, in the layout of Kaggle's digit recogniser."""
    found = load_digits()
    return {"label": found.target.astype(np.int64)} | {f"pixel{i}": _as_whole(found.data[:, i]) for i in range(64)}


def _bundled(found: Any, target: str) -> Columns:
    """A table of scikit-learn's whose classes have names."""
    return _features(found) | {target: np.asarray(found.target_names)[found.target]}


def _features(found: Any) -> Columns:
    return {_name(name): _as_whole(found.data[:, i]) for i, name in enumerate(found.feature_names)}


def _as_whole(values: NDArray[Any]) -> NDArray[Any]:
    """Integers where all values are, as a file would give them."""
    whole = values.astype(np.int64)
    return whole if (whole == values).all() else values


def _name(words: str) -> str:
    return words.removesuffix(" (cm)").replace(" ", "_").replace("/", "_per_")


GENERATORS: dict[str, Callable[[], Columns]] = {
    make.__name__: make for make in (celsius, xor, random_sequences, iris, wine, breast_cancer, diabetes, digits)
}


METADATA = Path(__file__).parents[2] / "app" / "datasets" / "builtin_columns.json"


def make(name: str) -> Columns:
    """The columns of the built-in dataset `name`, each (N,)."""
    return GENERATORS[name]()


def content_hash(columns: Columns) -> str:
    """The SHA-256 of all values."""
    digest = hashlib.sha256()
    for name, values in columns.items():
        digest.update(f"{name}:{values.dtype.kind}:{len(values)}\n".encode())
        digest.update("\n".join(map(repr, values.tolist())).encode())
    return digest.hexdigest()


def describe() -> dict[str, Any]:
    """What the server is to know of each: the metadata file's content."""
    return {name: _describe(name) for name in GENERATORS}


def _describe(name: str) -> dict[str, Any]:
    columns = make(name)
    table = pa.table(columns)
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table, path := Path(folder) / "data.parquet")
        described = describe_table(path)
    return {
        "title": (GENERATORS[name].__doc__ or "").strip(),
        "num_rows": table.num_rows,
        "content_hash": content_hash(columns),
        "columns": [column.model_dump(mode="json", exclude_defaults=True) for column in described],
    }


if __name__ == "__main__":
    METADATA.write_text(json.dumps(describe(), separators=(",", ":")) + "\n")
