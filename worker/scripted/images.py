"""Images of any size as arrays of one."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.Image import Resampling
from torch import Tensor

from app.pictures import upright

Pixels = NDArray[np.uint8]
Fit = Callable[..., Image.Image]  # an image, the width and height to fit it to, and how it is sampled


def pixels_of(table: pa.Table, name: str, mode: str, fit: Fit, size: tuple[int, int]) -> Pixels:
    """The images of a column (N, channels, height, width), each upright and fitted to a width and height."""
    found = []
    for cell in table[name]:
        image = upright(Image.open(io.BytesIO(cell.as_py()))).convert(mode)
        pixels = np.asarray(image if image.size == size else fit(image, size), np.uint8)
        found.append(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
    return np.stack(found)


def masks_of(table: pa.Table, name: str, fit: Fit, size: tuple[int, int]) -> Pixels:
    """The masks of a column (N, height, width): the gray value of a pixel, or its colour's number, is its class."""
    found = []
    for cell in table[name]:
        image = upright(Image.open(io.BytesIO(cell.as_py())))
        image = image if image.mode == "P" else image.convert("L")
        found.append(np.asarray(image if image.size == size else fit(image, size, Resampling.NEAREST), np.uint8))
    return np.stack(found)


def stretched(image: Image.Image, size: tuple[int, int], how: Resampling = Resampling.BICUBIC) -> Image.Image:
    """The image made that size, whatever becomes of its proportions."""
    return image.resize(size, how)


def cropped(image: Image.Image, size: tuple[int, int], how: Resampling = Resampling.BICUBIC) -> Image.Image:
    """The middle of the image, in that size."""
    return ImageOps.fit(image, size, how)


def padded(image: Image.Image, size: tuple[int, int], how: Resampling = Resampling.BICUBIC) -> Image.Image:
    """The whole image with borders, in that size."""
    return ImageOps.pad(image, size, how)


def both(
    change: Callable[..., Tensor], kind: Any, images: Tensor, targets: Tensor, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images moved, and their targets (N, C, H, W) or (N, H, W) by the same draws."""
    before = random.get_state()
    moved = change(kind, images, random)
    after = random.get_state()
    random.set_state(before)
    alike = change(kind, targets if targets.dim() == 4 else targets.unsqueeze(1), random)
    random.set_state(after)
    return moved, alike.reshape(targets.shape)


def channel_figures(pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of each channel, each (channels, 1, 1), where pixels go from 0 to 1."""
    found = pixels.astype(np.float64) / 255
    count = found.size // found.shape[1]
    mean, squares = found.sum(axis=(0, 2, 3)) / count, np.square(found).sum(axis=(0, 2, 3)) / count
    std = np.sqrt(np.maximum(0, squares - mean**2))
    std[std < 1e-6] = 1.0  # a channel of one value is only moved
    return mean.astype(np.float32)[:, None, None], std.astype(np.float32)[:, None, None]
