"""The figures of normalization layers that were given none: measured on the training rows, before the first step."""

import torch
from torch import Tensor, nn

from app.specs.model import ModelSpec
from worker.nn.build import inputs_of
from worker.nn.modules import Normalization
from worker.train.batches import AnyPart

NUMBERS_AT_ONCE = 1 << 21  # of the input: their moments are taken in numbers of eight bytes


class _Moments:
    """Count, mean and sum of squared differences (C,), batch by batch (Chan, Golub, LeVeque, 1983)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean_C: Tensor | float = 0.0
        self.squares_C: Tensor | float = 0.0

    def add(self, x: Tensor, dim: int) -> None:
        rows_NC = x.movedim(dim, -1).flatten(0, -2).double()
        count, mean_C = len(rows_NC), rows_NC.mean(0)
        total = self.count + count
        apart_C = mean_C - self.mean_C
        self.squares_C = self.squares_C + ((rows_NC - mean_C) ** 2).sum(0) + apart_C**2 * self.count * count / total
        self.mean_C = self.mean_C + apart_C * count / total
        self.count = total


@torch.no_grad()
def measure(model: ModelSpec, module: nn.Module, part: AnyPart, device: torch.device) -> None:
    """Set mean and deviation of every normalization layer of `module` that asks for it to those of all rows of `part`.

    Nothing but what rearranges the input for such a layer is computed; the specification has nothing else before one.
    What does not vary is divided by 1, as scikit-learn's StandardScaler does.
    """
    nodes = {node.name: node for node in model.nodes}
    asking = [node for node in model.nodes if node.layer.measures]
    if not asking:
        return

    def value(name: str, fed: dict[str, Tensor]) -> Tensor:
        if name in fed:
            return fed[name]
        given = [value(one, fed) for one in nodes[name].inputs]
        found: Tensor = module.get_submodule(name)(*given)
        return found

    moments = [_Moments() for _ in asking]
    num_rows = max(1, NUMBERS_AT_ONCE // part.ready(part.take(slice(0, 1))[0].to(device)).numel())
    for start in range(0, len(part), num_rows):
        inputs, _ = part.take(slice(start, start + num_rows))
        fed = inputs_of(model, module, part.ready(inputs.to(device)))
        for node, found in zip(asking, moments, strict=True):
            found.add(value(node.inputs[0], fed), _layer(module, node.name).dim)
        part.release()
    for node, found in zip(asking, moments, strict=True):
        layer = _layer(module, node.name)
        std_C = torch.as_tensor(found.squares_C / found.count).sqrt()
        layer.mean.copy_(torch.as_tensor(found.mean_C))
        layer.std.copy_(torch.where(std_C > 0, std_C, torch.ones_like(std_C)))


def _layer(module: nn.Module, name: str) -> Normalization:
    layer = module.get_submodule(name)
    assert isinstance(layer, Normalization)
    return layer
