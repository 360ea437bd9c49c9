"""A chain of layers as steps call it: with less around each call, and in the order that costs least."""

from collections.abc import Callable, Iterator

from torch import Tensor, nn

_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)


def straight(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The model, whose layers are called by their `forward` as long as none of them has a forward hook.

    What torch looks for at each call takes a quarter of the way forward through the smallest models. Outputs and
    gradients are the model's, to the bit but for the sign of a zero.
    """
    if type(model) is not nn.Sequential:
        return model
    heard, ways = [model, *model], [layer.forward for layer in _ordered([*model])]

    def forward(x: Tensor) -> Tensor:
        for module in heard:
            if module._forward_hooks or module._forward_pre_hooks:
                outputs: Tensor = model(x)
                return outputs
        for way in ways:
            x = way(x)
        return x

    return forward


def _ordered(layers: list[nn.Module]) -> Iterator[nn.Module]:
    """A maximum is rectified rather than all that it is the maximum of: a ReLU and a pool after it change places.

    The greatest of some numbers stays the greatest, and where none is above zero the gradient ends in either order.
    """
    i = 0
    while i < len(layers):
        layer, after = layers[i], layers[i + 1] if i + 1 < len(layers) else None
        if type(layer) is nn.ReLU and isinstance(after, _POOLS) and not after.return_indices:
            yield from (after, layer)
            i += 1
        else:
            yield layer
        i += 1
