"""Keras's weights in a module of ours: what the two lay out differently is turned round here.

Layers keep their names, so each module is given the arrays of the Keras layer of its name, in `get_weights`' order.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from app.specs.base import Shape
from worker.nn import recurrent
from worker.nn.composed import SeparableConv2d
from worker.nn.shape import Reshape

Arrays = list[NDArray[Any]]


@torch.no_grad()
def carry(module: nn.Module, arrays: Mapping[str, NDArray[Any]], given: Mapping[str, Shape]) -> int:
    """Give every module its weights, and say how many arrays that took. `given` is what each takes, by name."""
    flat: Shape | None = None
    rest: Arrays = []  # of a separable convolution in two: what is left for the second
    used = 0
    for name, part in module.named_children():
        found = rest or [arrays[f"{name}/{i}"] for i in range(100) if f"{name}/{i}" in arrays]
        rest = []
        if isinstance(part, nn.Flatten):
            flat = given[name]
        if isinstance(part, Reshape):  # before which values were put in order
            flat = None
        if isinstance(part, nn.Linear) and flat is not None:
            found[0], flat = _point_by_point(found[0], flat), None
        if isinstance(part, nn.Conv1d | nn.Conv2d) and len(found) == 3:
            found, rest = found[:1], found[1:]
        if found:
            used += len(found)
            _fill(part, found)
    return used


def _point_by_point(kernel: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """The kernel of a dense layer behind a flatten of (C, …), where Keras flattened (…, C)."""
    channels, *sizes = shape
    moved = np.moveaxis(kernel.reshape(*sizes, channels, -1), -2, 0)
    return moved.reshape(kernel.shape)


def _fill(part: Any, arrays: Arrays) -> None:
    if isinstance(part, recurrent.LSTM | recurrent.GRU | recurrent.RNN):
        _fill_recurrent(part.core, arrays)
    elif isinstance(part, SeparableConv2d):
        depthwise, pointwise, *bias = arrays
        _fill(part.depthwise, [depthwise])
        _fill(part.pointwise, [pointwise, *bias])
    elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
        *scale, mean, var = arrays
        _copy([*part.parameters(), part.running_mean, part.running_var], [*scale, mean, var])
    else:
        weight, *bias = arrays
        _copy(list(part.parameters()), [_kernel(part, weight), *bias])


def _kernel(part: Any, kernel: NDArray[Any]) -> NDArray[Any]:
    """A kernel in torch's order of axes."""
    if isinstance(part, nn.Linear):
        return kernel.T
    if not isinstance(part, nn.modules.conv._ConvNd):
        return kernel.reshape(-1) if isinstance(part, nn.PReLU) else kernel
    sizes = tuple(range(kernel.ndim - 2))
    if part.groups == part.in_channels > 1 and kernel.shape[-2] == part.in_channels:  # depthwise: (…, C, multiplier)
        return kernel.transpose(-2, -1, *sizes).reshape(part.weight.shape)
    return kernel.transpose(-1, -2, *sizes)


def _fill_recurrent(core: Any, arrays: Arrays) -> None:
    ways = [arrays[:3], arrays[3:]] if len(arrays) == 6 else [arrays]
    for suffix, (kernel, state, bias) in zip(("", "_reverse"), ways, strict=False):
        twice = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
        for name, array in (("weight_ih", kernel), ("weight_hh", state), ("bias_ih", twice[0]), ("bias_hh", twice[1])):
            gates = np.split(array, 3, axis=-1) if isinstance(core, nn.GRU) else [array]
            ordered = [gates[1], gates[0], gates[2]] if len(gates) == 3 else gates  # Keras: z, r, h; torch: r, z, n
            _copy([getattr(core, f"{name}_l0{suffix}")], [np.concatenate(ordered, axis=-1).T])


def _copy(parameters: list[Any], arrays: Arrays) -> None:
    assert len(parameters) == len(arrays)
    for parameter, array in zip(parameters, arrays, strict=True):
        parameter.copy_(torch.from_numpy(np.array(array, np.float32)))
