"""The lines of a script that take steps: the optimizer, its groups, its rate and momentum."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.codegen.weights import called
from app.codegen.writing import WIDTH, Script, Trained
from app.specs.hidden import hidden_layers
from app.specs.optimizers import FASTEST, LBFGS, Muon

_CLASSES = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "rmsprop": "RMSprop",
    "nadam": "NAdam",
    "radam": "RAdam",
    "adamax": "Adamax",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "asgd": "ASGD",
    "rprop": "Rprop",
    "lbfgs": "LBFGS",
    "muon": "Muon",
}


class Optimizing:
    """That of one run; `rate` and `momentum` are how these are called where they change."""

    def __init__(self, script: Script, trained: Trained, rate: str, momentum: str) -> None:
        self.script, self.trained, self.rate, self.momentum = script, trained, rate, momentum
        self.spec: Any = trained.spec.training.optimizer
        self.searches = isinstance(self.spec, LBFGS)
        layers = [node for node in trained.model.nodes if trained.parameters.get(node.name)]
        self.num_layers = len(layers)
        if self.searches:
            layers = [node for node in layers if node.pace.learns]
        factors = dict.fromkeys(node.pace.lr_factor for node in layers)
        self.layers = {one: [node.name for node in layers if node.pace.lr_factor == one] for one in factors}
        self.hidden = hidden_layers(trained.model.graph) if isinstance(self.spec, Muon) else frozenset()
        self.is_apart = not getattr(self.spec, "decay_norms_and_biases", True)
        self.is_paced = list(factors) != [1.0] or isinstance(self.spec, Muon)
        self.is_one_group = not self.is_paced and not self.is_apart

    def made(self) -> Iterator[str]:
        """The optimizer, or both of them."""
        if self.is_apart:
            self.script.quotes.add("worker.train.groups", "norms_and_biases")
            yield "undecayed = list(norms_and_biases(model))"
        if isinstance(self.spec, Muon):
            yield from self._made_of_two(self.spec)
        elif self.is_one_group:
            parameters = self._parameters(next(iter(self.layers.values())))
            yield from called(f"optimizer = {self._class(self.spec.type)}", f"{parameters}, {self._told(self.spec)}")
        else:
            yield from self._groups("groups", [one for each in self.layers.items() for one in self._group(*each)])
            yield from called(f"optimizer = {self._class(self.spec.type)}", f"groups, {self._told(self.spec)}")
        if self.is_paced and not self.rate:
            yield from self._paced("LEARNING_RATE")

    def rates(self) -> Iterator[str]:
        """Before each step, what changes."""
        if self.rate and self.is_paced:
            yield from self._paced(self.rate)
        elif self.rate and self.is_one_group:
            yield f'optimizer.param_groups[0]["lr"] = {self.rate}'
        elif self.rate:
            yield from self._each("optimizer", f'group["lr"] = {self.rate}')
        if self.momentum and isinstance(self.spec, Muon):
            yield from self._each("muon", f'group["momentum"] = {self.momentum}')
            yield from self._each("adamw", f'group["betas"] = ({self.momentum}, *group["betas"][1:])')
        elif self.momentum and hasattr(self.spec, "betas"):
            yield from self._each("optimizer", f'group["betas"] = ({self.momentum}, *group["betas"][1:])')
        elif self.momentum:
            yield from self._each("optimizer", f'group["momentum"] = {self.momentum}')

    def cleared(self) -> str:
        """Gradients are."""
        return "model.zero_grad()" if isinstance(self.spec, Muon) else "optimizer.zero_grad()"

    def taken(self) -> list[str]:
        """Steps are."""
        return ["muon.step()", "adamw.step()"] if isinstance(self.spec, Muon) else ["optimizer.step()"]

    def _each(self, optimizer: str, line: str) -> Iterator[str]:
        yield f"for group in {optimizer}.param_groups:"
        yield f"    {line}"

    def _paced(self, rate: str) -> Iterator[str]:
        optimizers = ("muon", "adamw") if isinstance(self.spec, Muon) else ("optimizer",)
        for one in optimizers:
            yield from self._each(one, f'group["lr"] = {rate} * group["factor"]')

    def _made_of_two(self, spec: Muon) -> Iterator[str]:
        """Muon for hidden matrices, AdamW for all else."""
        self.script.quotes.add("worker.train.groups", "matrices")
        hidden = [name for names in self.layers.values() for name in names if name in self.hidden]
        layers = ", ".join(map(self._at, hidden)) + ("," if len(hidden) == 1 else "")
        yield from called("hidden = [one for layer in ", layers, " for one in matrices(layer)]")
        self.script.constant("ADAMW_RATE", spec.adamw_lr)
        turned = [
            self._dict(self._chosen("among", self._parameters(names), "hidden"), factor)
            for factor, names in self.layers.items()
            if self.hidden.intersection(names)
        ]
        rest = [one for each in self.layers.items() for one in self._group(*each, "hidden")]
        yield from self._groups("groups", turned)
        own = spec.model_dump(include=set(Muon.model_fields) - {"type", "lr", "decay_norms_and_biases", *_OF_ADAMW})
        own = {name: value for name, value in own.items() if value != Muon.model_fields[name].default}
        yield from called("muon = torch.optim.Muon", ", ".join(["groups", "lr=LEARNING_RATE", *_listed(own)]))
        yield from self._groups("others", rest)
        told = {name.removeprefix("adamw_"): getattr(spec, name) for name in _OF_ADAMW if name != "adamw_lr"}
        arguments = ["others", "lr=ADAMW_RATE", *_listed(told), "fused=True"]
        yield from called("adamw = torch.optim.AdamW", ", ".join(arguments))

    def _group(self, factor: float, names: Sequence[str], besides: str = "") -> Iterator[list[str]]:
        """The groups of some layers' parameters: one, or two where norms and biases do not decay."""
        parameters = self._parameters(names)
        if not self.is_apart:
            yield self._dict(self._chosen("without", parameters, besides) if besides else parameters, factor, besides)
            return
        left = f"[*{besides}, *undecayed]" if besides else "undecayed"
        yield self._dict(self._chosen("without", parameters, left), factor, besides)
        yield [*self._dict(self._chosen("among", parameters, "undecayed"), factor, besides), '"weight_decay": 0.0']

    def _dict(self, parameters: str, factor: float, besides: str = "") -> list[str]:
        """The members of a group; what is left `besides` has a rate of its own."""
        ratio = "ADAMW_RATE / LEARNING_RATE"
        told = repr(factor) if not besides else ratio if factor == 1 else f"{factor!r} * ({ratio})"
        return [f'"params": {parameters}', *([f'"factor": {told}'] if self.is_paced else [])]

    def _groups(self, name: str, groups: Sequence[list[str]]) -> Iterator[str]:
        yield f"{name} = ["
        for group in groups:
            line = f"    {{{', '.join(group)}}},"
            if len(line) + 4 <= WIDTH:
                yield line
            else:
                yield from ("    {", *(f"        {one}," for one in group), "    },")
        yield "]"

    def _chosen(self, how: str, parameters: str, chosen: str) -> str:
        return f"{self.script.use('weights', how)}({parameters}, {chosen})"

    def _parameters(self, names: Sequence[str]) -> str:
        """Those of some layers."""
        if len(names) == self.num_layers:
            return "model.parameters()"
        layers = ", ".join(map(self._at, names))
        return f"nn.ModuleList([{layers}]).parameters()" if len(names) > 1 else f"{layers}.parameters()"

    def _at(self, name: str) -> str:
        return f"model{self.script.places[name]}"

    def _class(self, type: str) -> str:
        return f"torch.optim.{_CLASSES[type]}"

    def _told(self, spec: Any) -> str:
        """The arguments of the optimizer, and by which way torch is fastest."""
        own = spec.model_dump(exclude={"type", "lr", "decay_norms_and_biases"}, exclude_defaults=True)
        ways = []
        cpu, cuda = (FASTEST[device].get(spec.type) for device in ("cpu", "cuda"))
        if cpu:
            ways.append(f"{cpu}=True")
        if cuda and cuda != cpu and self.trained.spec.training.device != "cpu":
            ways.append(f'{cuda}=DEVICE.type == "cuda"')
        return ", ".join(["lr=LEARNING_RATE", *_listed(own), *ways])


_OF_ADAMW = [name for name in Muon.model_fields if name.startswith("adamw_")]


def _listed(arguments: dict[str, Any]) -> list[str]:
    return [f"{name}={_written(value)}" for name, value in arguments.items()]


def _written(value: Any) -> str:
    """A value as Python; a tuple stays one."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
