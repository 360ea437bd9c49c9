"""Augmentation: training images changed a little, a batch at a time, each image in its own way, on the device.

What happens at a step follows from the seed and the step's number alone, so training goes on bit for bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from app.specs.augment import (
    AnyAugmentation,
    ColorJitter,
    Cutmix,
    GaussianNoise,
    Mixup,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomRotation,
    RandomVerticalFlip,
)
from worker.train.losses import Loss

_PURPOSE = 0xA6  # no other draw of a run begins with this number
_MIXING = (Mixup, Cutmix)
_MOVING = (RandomHorizontalFlip, RandomVerticalFlip, RandomCrop)  # the checks let nothing else move what has a target


@dataclass(frozen=True)
class Mix:
    """Each image is, in a share of it, another of the batch, whose target counts for that share."""

    others: Tensor  # targets (N,) or (N, 1)
    share: float  # of the image itself

    def loss(self, loss: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss against both targets, each by its share; 0-d."""
        return self.share * loss(outputs, targets) + (1 - self.share) * loss(outputs, self.others)

    def of(self, rows: slice) -> "Mix":
        """The same of some rows."""
        return Mix(self.others[rows], self.share)


class Augment:
    """Changes batches of images (N, C, H, W) as `kinds` say, in their order.

    `mean` and `std` of each channel undo what the inputs were scaled by: colours change where they go from 0 to 1.
    Where targets are images, `moves_targets`, what moves pixels moves theirs too.
    """

    def __init__(
        self,
        kinds: Sequence[AnyAugmentation],
        seed: int,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        *,
        moves_targets: bool = False,
    ) -> None:
        self._moves_targets = moves_targets
        self._single = [one for one in kinds if not isinstance(one, _MIXING)]
        self._mixing = [one for one in kinds if isinstance(one, _MIXING)]
        self._seed = seed
        self._mean, self._std = (torch.tensor(one, dtype=torch.float32).view(-1, 1, 1) for one in (mean, std))

    def __call__(self, inputs: Tensor, targets: Tensor, step: int) -> tuple[Tensor, Tensor, Mix | None]:
        """The images of a step, changed, their targets, and how they were mixed if they were."""
        drawn = np.random.default_rng((_PURPOSE, self._seed, step))
        random = torch.Generator(inputs.device).manual_seed(int(drawn.integers(2**63)))
        if self._single:
            mean, std = self._mean.to(inputs.device), self._std.to(inputs.device)
            images = inputs * std + mean
            for one in self._single:
                before = random.get_state() if self._moves_targets else None
                images = _CHANGES[type(one)](one, images, random)
                if before is not None and isinstance(one, _MOVING):
                    targets = _moved(one, targets, random, before)
            inputs = (images - mean) / std
        if not self._mixing:
            return inputs, targets, None
        kind = self._mixing[int(drawn.integers(len(self._mixing)))]
        inputs, mix = _mixed(kind, inputs, targets, drawn, random)
        return inputs, targets, mix


def _moved(kind: AnyAugmentation, targets: Tensor, random: torch.Generator, before: Tensor) -> Tensor:
    """Targets (N, C, H, W) or (N, H, W) moved as the images of the same step were: by the same draws."""
    after = random.get_state()
    random.set_state(before)
    images = targets if targets.dim() == 4 else targets.unsqueeze(1)
    moved = _CHANGES[type(kind)](kind, images, random)
    random.set_state(after)
    return moved.reshape(targets.shape)


def _draw(images: Tensor, random: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    """A number for each image, (N, 1, 1, 1)."""
    drawn = torch.rand(len(images), 1, 1, 1, generator=random, device=images.device)
    return low + (high - low) * drawn


def _flip(dimension: int) -> Callable[[Any, Tensor, torch.Generator], Tensor]:
    return lambda kind, images, random: torch.where(_draw(images, random) < kind.p, images.flip(dimension), images)


def _rotate(kind: RandomRotation, images: Tensor, random: torch.Generator) -> Tensor:
    angles = torch.deg2rad(_draw(images, random, -kind.degrees, kind.degrees)).view(-1)
    height, width = images.shape[2:]
    turned = torch.zeros(len(images), 2, 3, device=images.device)
    turned[:, 0, 0] = turned[:, 1, 1] = torch.cos(angles)
    turned[:, 0, 1] = -torch.sin(angles) * height / width  # the grid goes from -1 to 1 whatever the sides are
    turned[:, 1, 0] = torch.sin(angles) * width / height
    grid = F.affine_grid(turned, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def _crop(kind: RandomCrop, images: Tensor, random: torch.Generator) -> Tensor:
    height, width = images.shape[2:]
    padded = F.pad(images, [kind.padding] * 4)
    moves = torch.randint(2 * kind.padding + 1, (2, len(images), 1), generator=random, device=images.device)
    rows = torch.arange(height, device=images.device) + moves[0]
    columns = torch.arange(width, device=images.device) + moves[1]
    each = torch.arange(len(images), device=images.device).view(-1, 1, 1)
    return padded[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _jitter(kind: ColorJitter, images: Tensor, random: torch.Generator) -> Tensor:
    images = images * _draw(images, random, 1 - kind.brightness, 1 + kind.brightness)
    gray = images.mean(dim=(1, 2, 3), keepdim=True)
    images = gray + (images - gray) * _draw(images, random, 1 - kind.contrast, 1 + kind.contrast)
    if images.shape[1] == 3 and kind.saturation:
        gray = images.mean(dim=1, keepdim=True)
        images = gray + (images - gray) * _draw(images, random, 1 - kind.saturation, 1 + kind.saturation)
    return images


def _noise(kind: GaussianNoise, images: Tensor, random: torch.Generator) -> Tensor:
    return images + kind.sigma * torch.randn(images.shape, generator=random, device=images.device)


def _erase(kind: RandomErasing, images: Tensor, random: torch.Generator) -> Tensor:
    sides = torch.sqrt(_draw(images, random, 0.02, kind.scale))
    inside = _rectangle(images, sides, _draw(images, random), _draw(images, random))
    return torch.where(inside & (_draw(images, random) < kind.p), torch.zeros_like(images[:1]), images)


def _rectangle(images: Tensor, sides: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """The pixels (N, 1, H, W) of a rectangle, a share of each side, that lies so far down and right, 0 to 1."""
    inside = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=images.device)
    for dimension, place in ((2, down), (3, right)):
        size = images.shape[dimension]
        start = place * (1 - sides) * size
        pixels = torch.arange(size, device=images.device).view([-1 if i == dimension else 1 for i in range(4)])
        inside = inside & (pixels >= start.floor()) & (pixels < (start + sides * size).ceil())
    return inside


_CHANGES: dict[type[Any], Callable[[Any, Tensor, torch.Generator], Tensor]] = {
    RandomHorizontalFlip: _flip(3),
    RandomVerticalFlip: _flip(2),
    RandomRotation: _rotate,
    RandomCrop: _crop,
    ColorJitter: _jitter,
    GaussianNoise: _noise,
    RandomErasing: _erase,
}


def _mixed(
    kind: Mixup | Cutmix, inputs: Tensor, targets: Tensor, drawn: np.random.Generator, random: torch.Generator
) -> tuple[Tensor, Mix]:
    share = float(drawn.beta(kind.alpha, kind.alpha))
    others = torch.randperm(len(inputs), generator=random, device=inputs.device)
    if isinstance(kind, Mixup):
        return share * inputs + (1 - share) * inputs[others], Mix(targets[others], share)
    down, right = (torch.tensor(float(one), device=inputs.device) for one in drawn.random(2))
    side = torch.tensor((1 - share) ** 0.5, device=inputs.device)
    inside = _rectangle(inputs, side, down, right)
    share = 1 - float(inside.float().mean())  # as many pixels as there are after rounding
    return torch.where(inside, inputs[others], inputs), Mix(targets[others], share)
