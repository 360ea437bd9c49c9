"""What disturbs a network while it trains."""

from typing import ClassVar

from app.keras.chain import Chain
from app.keras.layers.base import Format, KerasLayer
from app.keras.objects import Absent


class Dropout(KerasLayer):
    """`dropout`."""

    blind: ClassVar[bool] = True
    rate: float
    noise_shape: Absent = None

    def place(self, chain: Chain) -> None:
        chain.main("dropout", p=self.rate)


class AlphaDropout(KerasLayer):
    """`alpha_dropout`."""

    blind: ClassVar[bool] = True
    rate: float
    noise_shape: Absent = None

    def place(self, chain: Chain) -> None:
        chain.main("alpha_dropout", p=self.rate)


class GaussianNoise(KerasLayer):
    """`gaussian_noise`."""

    blind: ClassVar[bool] = True
    stddev: float

    def place(self, chain: Chain) -> None:
        chain.main("gaussian_noise", std=self.stddev)


class _Spatial(KerasLayer):
    rate: float
    data_format: Format = "channels_last"
    noise_shape: Absent = None
    axes: ClassVar[int]

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        chain.main(f"dropout{self.axes}d", p=self.rate)


class SpatialDropout1D(_Spatial):
    """`dropout1d`."""

    axes: ClassVar[int] = 1


class SpatialDropout2D(_Spatial):
    """`dropout2d`."""

    axes: ClassVar[int] = 2


class SpatialDropout3D(_Spatial):
    """`dropout3d`."""

    axes: ClassVar[int] = 3


DISTURBANCES: tuple[type[KerasLayer], ...] = (
    Dropout,
    AlphaDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
