"""Time series: how rows in order are cut into windows, of which a model sees one and predicts what comes after it.

The terms are those of the field: `length` is the input width of TensorFlow's tutorial on time series and the context
length of GluonTS, `horizon` the label width and the prediction length, `ahead` the shift of the first label.
(tensorflow.org/tutorials/structured_data/time_series; Alexandrov et al., "GluonTS: Probabilistic and Neural Time
Series Modeling in Python", JMLR 21, 2020.)
"""

from typing import ClassVar

from pydantic import Field

from app.specs.base import Spec
from app.specs.layers.base import Example

MAX_LENGTH = 8_192
MAX_HORIZON = 1_024


class Window(Spec):
    """So many rows in a row are one input; what is predicted are values of the target that come after them."""

    length: int = Field(default=32, ge=1, le=MAX_LENGTH)
    """how many rows a model sees at once"""
    horizon: int = Field(default=1, ge=1, le=MAX_HORIZON)
    """how many values of the target are predicted, one row after the other"""
    ahead: int = Field(default=1, ge=0, le=MAX_LENGTH)
    """how far the first of them lies ahead of the last row seen: 1 is the next row, 0 that row itself"""
    stride: int = Field(default=1, ge=1, le=MAX_LENGTH)
    """how many rows after one window the next begins"""
    time: str | None = None
    """the column that orders the rows; the order of the table if empty"""
    series: str | None = None
    """the column that says which series a row belongs to: no window reaches from one into another"""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"length": 32, "horizon": 8}, ((1,),)),
        Example({"length": 24, "horizon": 12, "ahead": 1, "stride": 6, "time": "hour", "series": "store"}, ((3,),)),
        Example({"length": 128, "ahead": 0, "stride": 64, "series": "person"}, ((6,),)),
    )

    @property
    def span(self) -> int:
        """Rows from the first that is seen to the last that is predicted."""
        return self.length - 1 + self.ahead + self.horizon

    @property
    def sees_target(self) -> bool:
        """Whether the target may be among the features: what is predicted lies behind all that is seen."""
        return self.ahead > 0
