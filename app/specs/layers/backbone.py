"""A known network as one layer: torchvision's, without its classifier."""

from math import prod
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from app.specs.base import Shape, ShapeError, Spec
from app.specs.layers.base import Example, Learned, Recipe, need_axes, written
from app.specs.layers.networks import NETWORKS, WITHOUT_MAPS, Architecture, Output, costs
from app.specs.layers.networks.sketch import Costs


class HubWeights(Spec):
    """Those that torchvision offers for the network, fetched when the run starts."""

    type: Literal["hub"] = "hub"


class FileWeights(Spec):
    """Those of a file that was sent to POST /weights."""

    type: Literal["file"] = "file"
    id: str = Field(min_length=1, max_length=60)
    """its id, as GET /weights lists it"""


AnyWeights = Annotated[HubWeights | FileWeights, Field(discriminator="type")]


class Backbone(Learned):
    """A known network without its classifier; a linear layer after it makes answers of what it sees."""

    type: Literal["backbone"] = "backbone"
    also_called: ClassVar[tuple[str, ...]] = ("pretrained", "torchvision", *get_args(Architecture))
    architecture: Architecture
    """which network, as torchvision calls it"""
    output: Output = "features"
    """one list of numbers an image, or the maps (channels×height×width) before they are averaged"""
    weights: AnyWeights | None = None
    """where its weights begin: drawn anew if empty, as torchvision does"""

    group: ClassVar[str] = "backbone"
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = "https://docs.pytorch.org/vision/stable/models.html"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"architecture": "resnet18"}, ((3, 40, 32),)),
        Example({"architecture": "mobilenet_v3_small", "output": "maps"}, ((3, 64, 64),)),
    )

    @field_validator("output")
    @classmethod
    def _has_maps(cls, output: Output, info: ValidationInfo) -> Output:
        if output == "maps" and info.data.get("architecture") in WITHOUT_MAPS:
            raise ValueError(f"{info.data['architecture']} has no maps: its output is features")
        return output

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, 3, "images of 3 channels")
        if shape[0] != 3:
            again = "; a concat of the same layer three times makes 3 of 1" if shape[0] == 1 else ""
            raise ShapeError(f"needs images of 3 channels, but gets {written(shape)}{again}", "architecture")
        network = NETWORKS[self.architecture]
        if network.only_side and set(shape[1:]) != {network.only_side}:
            side = network.only_side
            raise ShapeError(f"{self.architecture} takes {side}×{side} alone, not {written(shape)}", "architecture")
        if min(shape[1:]) < network.least_side:
            side = network.least_side
            message = f"{self.architecture} needs {side}×{side} at least, but gets {written(shape)}"
            raise ShapeError(message, "architecture")
        return self._costs(shape).output_shape

    def num_parameters(self, *inputs: Shape) -> int:
        return self._costs(inputs[0]).num_parameters

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return self._costs(inputs[0]).num_multiply_adds

    def num_kept(self, *inputs: Shape) -> int:
        return self._costs(inputs[0]).num_kept

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.backbone.backbone", {"architecture": self.architecture, "output": self.output})

    @property
    def normalises(self) -> bool:
        """Whether it does by the figures of a batch."""
        return NETWORKS[self.architecture].normalises

    def compares_rows(self, shape: Shape) -> bool:
        """Whether it normalises what is one number a channel: of a row alone nothing is left."""
        return self.normalises and prod(costs(self.architecture, "maps", shape).output_shape[1:]) == 1

    def _costs(self, shape: Shape) -> Costs:
        return costs(self.architecture, self.output, shape)
