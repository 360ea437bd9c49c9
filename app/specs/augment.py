"""How training images are changed a little each time they are seen, so that a model learns what does not matter.

The names are torchvision's (transforms v2) where it has them. Images are changed one by one, anew in each epoch, and
only in training.
"""

from typing import Annotated, Literal

from pydantic import Field

from app.specs.base import Spec

Chance = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, le=1)]


class RandomHorizontalFlip(Spec):
    """Left and right change places."""

    also_called = ("flip", "mirror")
    type: Literal["random_horizontal_flip"] = "random_horizontal_flip"
    p: Chance = 0.5
    """how likely it is"""


class RandomVerticalFlip(Spec):
    """Above and below change places."""

    type: Literal["random_vertical_flip"] = "random_vertical_flip"
    p: Chance = 0.5
    """how likely it is"""


class RandomRotation(Spec):
    """The image is turned about its middle."""

    also_called = ("rotate", "rotation")
    type: Literal["random_rotation"] = "random_rotation"
    degrees: float = Field(default=15.0, gt=0, le=180)
    """by so many at most, either way"""


class RandomCrop(Spec):
    """The image is moved: a part of its own size is cut out after a border was added."""

    also_called = ("crop", "shift", "translate")
    type: Literal["random_crop"] = "random_crop"
    padding: int = Field(default=4, ge=1, le=512)
    """the border on each side, in pixels"""


class ColorJitter(Spec):
    """Light and colours change."""

    also_called = ("colour", "color", "brightness", "contrast")
    type: Literal["color_jitter"] = "color_jitter"
    brightness: Strength = 0.2
    """0.2: from 0.8 to 1.2 times as bright"""
    contrast: Strength = 0.2
    """0.2: from 0.8 to 1.2 times the contrast"""
    saturation: Strength = 0.0
    """the same of colours, of images that have them"""


class GaussianNoise(Spec):
    """Each pixel is a little off."""

    also_called = ("noise",)
    type: Literal["gaussian_noise"] = "gaussian_noise"
    sigma: float = Field(default=0.05, gt=0, le=1)
    """the deviation, where pixels go from 0 to 1"""


class RandomErasing(Spec):
    """A rectangle is wiped out (Zhong et al. 2017; Cutout, DeVries and Taylor 2017)."""

    also_called = ("cutout", "erase")
    type: Literal["random_erasing"] = "random_erasing"
    p: Chance = 0.5
    """how likely it is"""
    scale: float = Field(default=0.25, gt=0, le=1)
    """its largest area, as a share of the image's"""


class Mixup(Spec):
    """Two images are laid over one another, and so are their targets (Zhang et al. 2017)."""

    type: Literal["mixup"] = "mixup"
    alpha: float = Field(default=0.2, gt=0, le=10)
    """of the Beta distribution of the share: the larger, the nearer to half and half"""


class Cutmix(Spec):
    """A rectangle comes from another image, and the target in the same share (Yun et al. 2019)."""

    type: Literal["cutmix"] = "cutmix"
    alpha: float = Field(default=1.0, gt=0, le=10)
    """of the Beta distribution of the share: the larger, the nearer to half and half"""


AnyAugmentation = Annotated[
    RandomHorizontalFlip
    | RandomVerticalFlip
    | RandomRotation
    | RandomCrop
    | ColorJitter
    | GaussianNoise
    | RandomErasing
    | Mixup
    | Cutmix,
    Field(discriminator="type"),
]
