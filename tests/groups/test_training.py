"""A group as a worker trains it: what it came to is what its runs came to, reckoned apart from them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from app.groups import service
from app.specs.groups import GroupSpec
from tests.inline import TRAINING, Inline

FITTED: dict[str, Any] = {
    "name": "least squares",
    "dataset": {"name": "diabetes", "source": {"type": "builtin", "name": "diabetes"}},
    "model": {"layers": [{"type": "linear", "out_features": 1}]},
    "data": {
        "target": "progression",
        "features": ["bmi"],
        "scale": "standardize",
        "split": {"type": "k_fold", "num_folds": 3, "shuffle": False},
    },
    "training": {
        "num_epochs": 20,
        "batch_size": None,
        "loss": {"type": "mse_loss"},
        "optimizer": {"type": "lbfgs"},
        "metrics": [{"type": "mae"}],
    },
    "over": {"type": "folds"},
}


def test_the_mean_over_folds_is_that_of_the_same_models_on_the_folds_of_scikit_learn(tmp_path: Path) -> None:
    inline = Inline(tmp_path)
    with inline.db.write() as session:
        group_id = service.create_group(session, GroupSpec.model_validate(FITTED)).id
    inline.work(TRAINING)
    with inline.db.read() as session:
        group = service.get_group(session, group_id)
    inline.close()
    table = load_diabetes(scaled=False)
    x, y = table.data[:, table.feature_names.index("bmi"), None], table.target
    errors = []
    for train, validation in KFold(3).split(x):
        model = LinearRegression().fit(x[train], y[train])
        errors.append(np.abs(model.predict(x[validation]) - y[validation]).mean())
    assert group.statuses == {"succeeded": 3}
    (mae,) = [one for one in group.figures if (one.part, one.metric) == ("validation", "mae")]
    assert mae.values == pytest.approx(errors, abs=2e-3)
    assert mae.mean == pytest.approx(np.mean(errors), abs=1e-3) and mae.num_runs == 3
    assert mae.std == pytest.approx(np.std(errors, ddof=1), abs=2e-3)
