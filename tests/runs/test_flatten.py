"""Settings by name."""

import json
import math
from pathlib import Path

from app.runs.flatten import MAX_SETTINGS, columns_of, flatten

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_settings_go_by_the_names_that_people_use() -> None:
    found = flatten(json.loads((EXAMPLES / "digits-builtin.json").read_text()))
    assert found["optimizer.type"] == "sgd"
    assert found["loss.type"] == "cross_entropy"
    assert isinstance(found["num_epochs"], float)
    assert found["data.target"] == "label"
    assert str(found["model.layers"]).startswith("conv2d")
    assert found["metrics"] == "accuracy, top_k_accuracy 3"


def test_a_scripts_own_config_keeps_its_names() -> None:
    found = flatten({"config": {"lr": 0.1, "net": {"depth": 3, "gated": True}, "sizes": [1, 2], "none": None}})
    assert found == {"lr": 0.1, "net.depth": 3.0, "net.gated": True, "sizes": "1, 2"}


def test_there_is_an_end_to_it() -> None:
    found = flatten({"config": {f"key{i}": "x" * 1000 for i in range(1000)} | {"huge": 10**400}})
    assert len(found) == MAX_SETTINGS
    assert max(len(value) for value in found.values() if isinstance(value, str)) == 200


def test_what_the_table_keeps() -> None:
    assert columns_of(True) == (1.0, "true")
    assert columns_of("adam") == (None, "adam")
    assert columns_of(0.5) == (0.5, None)
    assert columns_of(math.inf) == (None, "inf")
