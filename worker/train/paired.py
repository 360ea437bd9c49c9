"""Several optimizers, each of some of the parameters, as one."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer


class Paired(Optimizer):
    """Takes the steps of its parts. Groups and state are theirs: what is set of one is set of the other."""

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts = list(parts)
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Hold the groups of the parts themselves, and one state with them."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]
        for part in self.parts:
            self.state.update(part.state)
            part.state = self.state

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Each part's step, after the loss where there is a closure for it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Give each part what is its own."""
        groups = list(state_dict["param_groups"])
        self.state.clear()
        for part in self.parts:
            own, groups = groups[: len(part.param_groups)], groups[len(part.param_groups) :]
            indices = {index for group in own for index in group["params"]}
            state = {index: values for index, values in state_dict["state"].items() if index in indices}
            part.load_state_dict({"state": state, "param_groups": own})
        self._share()
