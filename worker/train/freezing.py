"""Layers that stay as they begin, for some epochs or for good.

What is frozen in an epoch follows from the epoch alone, so that a run which goes on has nothing to restore.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn

from app.specs.model import ModelSpec


@dataclass(frozen=True)
class Frozen:
    """A layer that is frozen for so many epochs."""

    name: str
    module: nn.Module
    num_epochs: float


@dataclass
class Freezing:
    """The layers that are frozen at some time."""

    layers: list[Frozen] = field(default_factory=list)

    @classmethod
    def of(cls, model: ModelSpec, module: nn.Module) -> "Freezing":
        """Those of a model."""
        paced = [node for node in model.nodes if node.pace.frozen_epochs]
        return cls([Frozen(node.name, module.get_submodule(node.name), node.pace.frozen_epochs) for node in paced])

    def set(self, epoch: int) -> list[str]:
        """Hold what is frozen in this epoch, from 0: right after the whole was set to training.

        It takes no gradients, drops nothing, and its running figures do not move. Returns the names of the layers that
        learn from this epoch on.
        """
        for layer in self.layers:
            is_frozen = epoch < layer.num_epochs
            layer.module.requires_grad_(not is_frozen)
            for one in _all_but_recurrent(layer.module):
                one.training = not is_frozen
        released = (one for one in self.layers if one.num_epochs == epoch)
        return [one.name for one in released if any(True for _ in one.module.parameters())]


def _all_but_recurrent(module: nn.Module) -> Iterator[nn.Module]:
    """Those that can be in evaluation: cuDNN has no way back through a recurrent layer that is."""
    return (one for one in module.modules() if not isinstance(one, nn.RNNBase))
