"""What is measured beside the loss."""

import math
import re
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from app.specs.base import Spec


class _Metric(Spec):
    """`bounds` are the least and the greatest that it can be."""

    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)


class _Share(_Metric):
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)


class _Error(_Metric):
    bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)


class Accuracy(_Share):
    """The share of right answers."""

    type: Literal["accuracy"] = "accuracy"


class TopKAccuracy(_Share):
    """The share of rows whose class is among the k likeliest."""

    type: Literal["top_k_accuracy"] = "top_k_accuracy"
    also_called: ClassVar[tuple[str, ...]] = ("top_k",)
    k: int = Field(default=3, ge=1)
    """how many count as right"""


class Precision(_Share):
    """Of those called positive, the share that is; for several classes, the mean over classes."""

    type: Literal["precision"] = "precision"


class Recall(_Share):
    """Of those that are positive, the share that was found; for several classes, the mean over classes."""

    type: Literal["recall"] = "recall"


class F1(_Share):
    """The harmonic mean of precision and recall."""

    type: Literal["f1"] = "f1"
    also_called: ClassVar[tuple[str, ...]] = ("f1_score",)


class TokenError(_Error):
    """Of tokens in order, how many to insert, leave out or change for each that there is: the character error rate."""

    type: Literal["token_error"] = "token_error"
    also_called: ClassVar[tuple[str, ...]] = (
        "token_error_rate",
        "character_error_rate",
        "cer",
        "word_error_rate",
        "wer",
    )


class MAE(_Error):
    """The mean absolute error, in the target's own unit."""

    type: Literal["mae"] = "mae"
    also_called: ClassVar[tuple[str, ...]] = ("mean_absolute_error",)


class MSE(_Error):
    """The mean squared error."""

    type: Literal["mse"] = "mse"
    also_called: ClassVar[tuple[str, ...]] = ("mean_squared_error",)


class RMSE(_Error):
    """The root of the mean squared error, in the target's own unit."""

    type: Literal["rmse"] = "rmse"
    also_called: ClassVar[tuple[str, ...]] = ("root_mean_squared_error",)


class R2(_Metric):
    """The share of the target's variance that is explained: 1 is perfect, 0 is the mean's."""

    type: Literal["r2"] = "r2"
    also_called: ClassVar[tuple[str, ...]] = ("r2_score", "r_squared")
    bounds: ClassVar[tuple[float, float]] = (-math.inf, 1.0)


AnyMetric = Annotated[
    Accuracy | TopKAccuracy | Precision | Recall | F1 | TokenError | MAE | MSE | RMSE | R2,
    Field(discriminator="type"),
]
# Those that need classes. Of a number they make sense where it is 0 or 1.
CLASS_METRICS = frozenset({"accuracy", "top_k_accuracy", "precision", "recall", "f1"})
# Those of tokens whose places nobody knows.
ORDER_METRICS = frozenset({"accuracy", "token_error"})
_BOUNDS: dict[str, tuple[float, float]] = {
    kind.model_fields["type"].default: kind.bounds for kind in get_args(get_args(AnyMetric)[0])
}
_BOUNDS["roc_auc"] = _Share.bounds  # which comes with every evaluation of two classes


def bounds_of(name: str) -> tuple[float, float]:
    """The least and the greatest that a figure of an evaluation can be, by its name; a loss can be anything."""
    return _BOUNDS.get(re.sub(r"^top_\d+_", "top_k_", name), _Metric.bounds)
