"""What is measured beside the loss."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.specs.base import Spec


class Accuracy(Spec):
    """The share of right answers."""

    type: Literal["accuracy"] = "accuracy"


class TopKAccuracy(Spec):
    """The share of rows whose class is among the k likeliest."""

    type: Literal["top_k_accuracy"] = "top_k_accuracy"
    also_called: ClassVar[tuple[str, ...]] = ("top_k",)
    k: int = Field(default=3, ge=1)
    """how many count as right"""


class Precision(Spec):
    """Of those called positive, the share that is; for several classes, the mean over classes."""

    type: Literal["precision"] = "precision"


class Recall(Spec):
    """Of those that are positive, the share that was found; for several classes, the mean over classes."""

    type: Literal["recall"] = "recall"


class F1(Spec):
    """The harmonic mean of precision and recall."""

    type: Literal["f1"] = "f1"
    also_called: ClassVar[tuple[str, ...]] = ("f1_score",)


class TokenError(Spec):
    """Of tokens in order, how many to insert, leave out or change for each that there is: the character error rate."""

    type: Literal["token_error"] = "token_error"
    also_called: ClassVar[tuple[str, ...]] = (
        "token_error_rate",
        "character_error_rate",
        "cer",
        "word_error_rate",
        "wer",
    )


class MAE(Spec):
    """The mean absolute error, in the target's own unit."""

    type: Literal["mae"] = "mae"
    also_called: ClassVar[tuple[str, ...]] = ("mean_absolute_error",)


class MSE(Spec):
    """The mean squared error."""

    type: Literal["mse"] = "mse"
    also_called: ClassVar[tuple[str, ...]] = ("mean_squared_error",)


class RMSE(Spec):
    """The root of the mean squared error, in the target's own unit."""

    type: Literal["rmse"] = "rmse"
    also_called: ClassVar[tuple[str, ...]] = ("root_mean_squared_error",)


class R2(Spec):
    """The share of the target's variance that is explained: 1 is perfect, 0 is the mean's."""

    type: Literal["r2"] = "r2"
    also_called: ClassVar[tuple[str, ...]] = ("r2_score", "r_squared")


AnyMetric = Annotated[
    Accuracy | TopKAccuracy | Precision | Recall | F1 | TokenError | MAE | MSE | RMSE | R2,
    Field(discriminator="type"),
]
# Those that need classes. Of a number they make sense where it is 0 or 1.
CLASS_METRICS = frozenset({"accuracy", "top_k_accuracy", "precision", "recall", "f1"})
# Those of tokens whose places nobody knows.
ORDER_METRICS = frozenset({"accuracy", "token_error"})
