"""The lines of a script that deal with weights beside the optimizer: what holds, pulls at and bounds them."""

import math
from collections.abc import Iterator
from itertools import groupby

from app.codegen.writing import WIDTH, Script, Trained
from app.specs.layers import Weighted


class Weights:
    """Those of one run."""

    def __init__(self, script: Script, trained: Trained) -> None:
        self.script, self.trained = script, trained
        self.nodes = trained.model.nodes

    def _at(self, name: str) -> str:
        """The module of a layer, by its name in Traindeck."""
        return f"model{self.script.places[name]}"

    def measured(self) -> Iterator[str]:
        """Normalization layers take the figures of the training rows."""
        names = [node.name for node in self.nodes if node.layer.measures]
        if names:
            measure = self.script.use("weights", "measure")
            layers = ", ".join(map(self._at, names))
            each = "0" if self.trained.inputs else ":1"
            yield f"{measure}(model, [{layers}], num_rows, lambda rows: taken(train, rows)[{each}])"

    def held(self) -> Iterator[str]:
        """What is frozen in an epoch, once the model was set to training."""
        frozen = [node for node in self.nodes if node.pace.frozen_epochs]
        for epochs, some in groupby(frozen, key=lambda node: node.pace.frozen_epochs):
            hold = self.script.use("weights", "hold")
            told = "True" if epochs == math.inf else f"epoch < {int(epochs)}"
            yield from self._each([node.name for node in some], f"{hold}({{layer}}, is_frozen={told})")

    def pulled(self) -> Iterator[str]:
        """Penalties, and the bound of the gradient."""
        layers = [(node.name, node.layer) for node in self.nodes if isinstance(node.layer, Weighted)]
        penalties = [(name, (layer.l1, layer.l2)) for name, layer in layers if layer.l1 or layer.l2]
        for (l1, l2), some in groupby(penalties, key=lambda one: one[1]):
            pull = self.script.use("weights", "pull")
            yield from self._each([name for name, _ in some], f"{pull}({{layer}}, l1={l1!r}, l2={l2!r})")
        max_norm = self.trained.spec.training.max_grad_norm
        if max_norm is not None:
            self.script.constant("MAX_GRAD_NORM", max_norm)
            yield "nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)"
        max_value = self.trained.spec.training.max_grad_value
        if max_value is not None:
            self.script.constant("MAX_GRAD_VALUE", max_value)
            yield "nn.utils.clip_grad_value_(model.parameters(), MAX_GRAD_VALUE)"

    def bounded(self) -> Iterator[str]:
        """The bounds of weights, after a step."""
        calls = [
            (node.name, self._bound(node.layer))
            for node in self.nodes
            if isinstance(node.layer, Weighted) and node.layer.max_norm is not None
        ]
        for call, some in groupby(calls, key=lambda one: one[1]):
            yield from self._each([name for name, _ in some], call)

    def _bound(self, layer: Weighted) -> str:
        if not layer.type.startswith("conv_transpose"):
            return f"{self.script.use('weights', 'bound')}({{layer}}, {layer.max_norm!r})"
        told = f"{layer.max_norm!r}, groups={layer.own_fields()['groups']}"
        return f"{self.script.use('weights', 'bound_transposed')}({{layer}}, {told})"

    def _each(self, names: list[str], call: str) -> Iterator[str]:
        """The same for one layer, or for several."""
        if len(names) == 1:
            yield call.replace("{layer}", self._at(names[0]))
            return
        yield from called("for layer in ", ", ".join(map(self._at, names)), ":")
        yield f"    {call.replace('{layer}', 'layer')}"


def called(start: str, told: str, end: str = "") -> Iterator[str]:
    """A call, or a tuple, on one line or on three."""
    if len(start) + len(told) + len(end) + 10 <= WIDTH:
        yield f"{start}({told}){end}"
        return
    yield f"{start}("
    yield f"    {told}{',' if end and not told.endswith(',') else ''}"
    yield f"){end}"
