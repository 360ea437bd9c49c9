"""What disturbs a network while it trains, so that it relies on nothing alone. In evaluation they change nothing."""

from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape
from app.specs.layers.activation import Elementwise
from app.specs.layers.base import Example, Recipe, documented, need_axes


class _Dropout(Elementwise):
    p: float = Field(default=0.5, ge=0, lt=1)
    """the share that is dropped"""
    group: ClassVar[str] = "regularisation"
    keeps_inputs: ClassVar[bool] = False
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.2}, ((5,),)), Example({}, ((3, 4, 4),)))

    def num_kept(self, *inputs: Shape) -> int:
        return self._num_drawn(inputs[0]) if self.p else 0

    def _num_drawn(self, shape: Shape) -> int:
        """For how many numbers of a row it is drawn whether they are dropped."""
        return prod(shape)


class Dropout(_Dropout):
    """Sets a random share to 0 while training, so that nothing is relied on alone (Srivastava et al., 2014)."""

    type: Literal["dropout"] = "dropout"
    source: ClassVar[str] = documented("Dropout")

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.disturb.Dropout", {"p": self.p})


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and deviation, for selu (Klambauer et al., 2017)."""

    type: Literal["alpha_dropout"] = "alpha_dropout"
    module: ClassVar[str] = "AlphaDropout"
    source: ClassVar[str] = documented("AlphaDropout")


class _ChannelDropout(_Dropout):
    axes: ClassVar[int]
    meaning: ClassVar[str]

    def output_shape(self, *inputs: Shape) -> Shape:
        need_axes(inputs[0], self.axes + 1, self.meaning)
        return inputs[0]

    def _num_drawn(self, shape: Shape) -> int:
        return shape[0]


class Dropout1d(_ChannelDropout):
    """Drops whole channels of a series, for neighbours say nearly the same (Tompson et al., 2014)."""

    type: Literal["dropout1d"] = "dropout1d"
    also_called: ClassVar[tuple[str, ...]] = ("spatial_dropout1d",)
    axes: ClassVar[int] = 1
    meaning: ClassVar[str] = "a series (channels×length)"
    module: ClassVar[str] = "Dropout1d"
    source: ClassVar[str] = documented("Dropout1d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.2}, ((3, 5),)),)


class Dropout2d(_ChannelDropout):
    """Drops whole channels of an image, for neighbours say nearly the same (Tompson et al., 2014)."""

    type: Literal["dropout2d"] = "dropout2d"
    also_called: ClassVar[tuple[str, ...]] = ("spatial_dropout2d", "channel_dropout")
    axes: ClassVar[int] = 2
    meaning: ClassVar[str] = "an image (channels×height×width)"
    module: ClassVar[str] = "Dropout2d"
    source: ClassVar[str] = documented("Dropout2d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.2}, ((3, 4, 5),)),)


class Dropout3d(_ChannelDropout):
    """Drops whole channels of a volume, for neighbours say nearly the same (Tompson et al., 2014)."""

    type: Literal["dropout3d"] = "dropout3d"
    also_called: ClassVar[tuple[str, ...]] = ("spatial_dropout3d",)
    axes: ClassVar[int] = 3
    meaning: ClassVar[str] = "a volume (channels×depth×height×width)"
    module: ClassVar[str] = "Dropout3d"
    source: ClassVar[str] = documented("Dropout3d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.2}, ((3, 4, 5, 2),)),)


class FeatureAlphaDropout(_Dropout):
    """Drops whole channels, and keeps mean and deviation, for selu (Klambauer et al., 2017)."""

    type: Literal["feature_alpha_dropout"] = "feature_alpha_dropout"
    module: ClassVar[str] = "FeatureAlphaDropout"
    source: ClassVar[str] = documented("FeatureAlphaDropout")
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.2}, ((3, 5),)), Example({}, ((3, 4, 4),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) < 2:
            need_axes(inputs[0], 2, "channels with several numbers each")
        return inputs[0]

    def _num_drawn(self, shape: Shape) -> int:
        return shape[0]


class DropPath(_Dropout):
    """Drops a whole branch for a random share of rows: before an add, stochastic depth (Huang et al., 2016)."""

    type: Literal["drop_path"] = "drop_path"
    also_called: ClassVar[tuple[str, ...]] = ("stochastic_depth",)
    source: ClassVar[str] = "https://arxiv.org/abs/1603.09382"

    def _num_drawn(self, shape: Shape) -> int:
        return 1

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.disturb.DropPath", {"p": self.p})


class GaussianNoise(Elementwise):
    """Adds noise from a normal distribution while training, so that small differences are not relied on."""

    type: Literal["gaussian_noise"] = "gaussian_noise"
    also_called: ClassVar[tuple[str, ...]] = ("noise",)
    std: float = Field(default=0.1, ge=0)
    """the standard deviation of the noise"""
    group: ClassVar[str] = "regularisation"
    keeps_inputs: ClassVar[bool] = False
    source: ClassVar[str] = "https://doi.org/10.1162/neco.1995.7.1.108"

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.disturb.GaussianNoise", {"std": self.std})
