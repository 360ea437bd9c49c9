"""A model as a PyTorch module that can be read: a class for each block, and one for the whole.

The parameters of a layer without a name are called by its place in Traindeck, "0.weight", which is no name of Python's.
Here it is called by its type and place, and each class says in `names` which is which, so that weights can be loaded.
"""

import keyword
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from app.codegen.sources import called, imports_of, names_of, sources_of
from app.specs.base import Fed, Shape
from app.specs.initializers import AnyInitializer, Values
from app.specs.layers import Layer, Recipe, Weighted
from app.specs.layers.block import Use
from app.specs.model import INPUT, ModelSpec

MODEL = "Model"
WIDTH = 116  # of a line of the code, in characters


@dataclass(frozen=True)
class Name:
    """A name where a value stands otherwise."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass
class Call:
    """A module that is made: by its class and keyword arguments, or as a block in one of its places."""

    cls: str
    kwargs: dict[str, Any]
    block: "Block | None" = None
    place: int = 0  # of the block


@dataclass
class Step:
    """A line of `forward`."""

    name: str  # as the specification has it: "0", "stage"
    attribute: str
    inputs: tuple[str, ...]
    calls: list[Call]  # several, of a use that repeats: each takes what the one before gives


@dataclass
class Block:
    """A block of one make in all its places: the same modules in each, with arguments that may differ."""

    cls: str
    inputs: tuple[str, ...]
    places: list[list[Step]] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)  # what each use has said
    parameters: dict[str, list[Any]] = field(default_factory=dict)  # of its class: their values in each place


def to_module(model: ModelSpec, fed: Fed) -> str:
    """Python that defines `Model`, the module of a specification, and `load`, which gives it a run's weights.

    Raises SpecError when the model does not hold.
    """
    classes = classes_of(model, fed)
    name = (model.name or "A model").replace('"', "'").replace("\\", "/")
    parts = [
        f'"""{name}, for inputs {_for(model, fed)}."""',
        imports_of(classes.recipes, ordered=model.is_chain),
        *sources_of(classes.recipes),
        *classes.texts,
        _LOAD,
    ]
    title, *others = [part.strip("\n") for part in parts]
    return title + "\n\n" + "\n\n\n".join(others) + "\n"


def _for(model: ModelSpec, fed: Fed) -> str:
    """What `forward` takes, in words."""
    shapes = model.shapes(fed)
    told = [f"(N, {', '.join(map(str, shapes[name]))})" for name in model.inputs]
    if len(told) == 1:
        return told[0]
    whole = dict.fromkeys(model.vocabularies, " of whole numbers")
    return ", ".join(f"{name} {one}{whole.get(name, '')}" for name, one in zip(model.inputs, told, strict=True))


@dataclass(frozen=True)
class Classes:
    """A model as classes: their text, the whole's last; the recipes of its modules; and where each layer is.

    `places` are by the names of Traindeck: "0" is [0], "stage.0.conv" is .stage[0].conv.
    """

    texts: list[str]
    recipes: list[Recipe]
    places: dict[str, str]


def classes_of(model: ModelSpec, fed: Fed, taken: Set[str] = frozenset(), *, trains: bool = False) -> Classes:
    """The classes of a model, none of which is called as one that is `taken`.

    `trains`: weights begin as their layers say, and none is loaded. Raises SpecError when the model does not hold.
    """
    model.inspect(fed)
    told = model.shapes(fed)
    shapes = {name: told[name] for name in model.inputs}
    first = _Walk(model, frozenset(), trains=False)  # which modules it comes to, so that no block is called as one
    first.steps(list(model.layers), dict(shapes))
    walk = _Walk(model, names_of(first.recipes) | taken, trains=trains)
    steps, _ = walk.steps(list(model.layers), dict(shapes))
    blocks = [_block_class(block, named=not trains) for block in walk.blocks.values()]
    if model.is_chain:
        return Classes([_chain(steps)], walk.recipes, {step.name: f"[{i}]" for i, step in enumerate(steps)})
    outputs = model.outputs or (steps[-1].name,)
    whole = _class(MODEL, model.inputs, steps, {}, outputs, named=not trains)
    return Classes([*blocks, whole], walk.recipes, dict(_places(steps)))


def _places(steps: Sequence[Step], name: str = "", place: str = "") -> Iterator[tuple[str, str]]:
    """Where each layer is, within a module that is at `place` and called `name`, with a point after it."""
    for step in steps:
        for i, call in enumerate(step.calls):
            is_one = len(step.calls) == 1
            here = f"{place}.{step.attribute}" + ("" if is_one else f"[{i}]")
            if call.block is None:
                yield f"{name}{step.name}", here
            else:
                inner = f"{name}{step.name}." + ("" if is_one else f"{i}.")
                yield from _places(call.block.places[call.place], inner, here)


class _Walk:
    """The way through a model that holds, block by block, those within others first."""

    def __init__(self, model: ModelSpec, taken: Set[str], *, trains: bool) -> None:
        self.model, self.taken, self.trains = model, taken, trains
        self.blocks: dict[str, Block] = {}
        self.recipes: list[Recipe] = []

    def steps(self, layers: Sequence[Layer], shapes: dict[str, Shape]) -> tuple[list[Step], Shape]:
        """What stands for layers whose inputs have `shapes`, and the shape of what comes out last."""
        found: list[Step] = []
        before = next(iter(shapes))
        for i, layer in enumerate(layers):
            name, inputs = layer.name or str(i), layer.inputs or (before,)
            given = [shapes[one] for one in inputs]
            if isinstance(layer, Use):
                calls, shapes[name] = self._use(layer, given)
            else:
                calls, shapes[name] = [self._layer(layer, given)], layer.output_shape(*given)
            word = layer.block if isinstance(layer, Use) else layer.type
            attribute = _free(layer.name or f"{word}_{i}", {*_TAKEN, *(step.attribute for step in found)})
            found.append(Step(name, attribute, inputs, calls))
            before = name
        return found, shapes[before]

    def _layer(self, layer: Layer, given: Sequence[Shape]) -> Call:
        made = self._call(layer.recipe(*given))
        if not self.trains or not isinstance(layer, Weighted):
            return made
        begins = {"weight": layer.weight_init, "bias": layer.bias_init}
        told = {name: _begin(one) for name, one in begins.items() if one is not None}
        return Call("initialised", {"module": made, **told}) if told else made

    def _call(self, recipe: Recipe) -> Call:
        self.recipes.append(recipe)
        cls = called(recipe.cls)
        plain = {name: self._call(one) if isinstance(one, Recipe) else one for name, one in recipe.kwargs.items()}
        return Call(cls, {name: _same(one) if cls.startswith(_SLIDING) else one for name, one in plain.items()})

    def _use(self, use: Use, given: list[Shape]) -> tuple[list[Call], Shape]:
        definition = self.model.blocks[use.block]
        layers = self.model.layers_of(use)
        calls = []
        for _ in range(use.repeat):
            steps, output = self.steps(layers, dict(zip(definition.inputs, given, strict=True)))
            block = self._block(use.block, definition.inputs, steps)
            block.places.append(steps)
            block.arguments.append({**definition.arguments, **use.arguments})
            calls.append(Call(block.cls, {}, block, len(block.places) - 1))
            given = [output, *given[1:]]
        return calls, given[0]

    def _block(self, name: str, inputs: tuple[str, ...], steps: list[Step]) -> Block:
        """The block of that make: places that differ in more than arguments are classes of their own."""
        make = repr((name, [(step.attribute, step.inputs, list(_makes(step.calls))) for step in steps]))
        if make not in self.blocks:
            taken = {*self.taken, *_IMPORTED, MODEL, *(one.cls for one in self.blocks.values())}
            self.blocks[make] = Block(_numbered(_camel(name), taken), inputs)
        return self.blocks[make]


def _begin(asked: AnyInitializer) -> Any:
    """What makes a weight begin: a function of torch, or the values themselves."""
    if isinstance(asked, Values):
        return asked.values
    arguments = "".join(f", {name}={value!r}" for name, value in asked.model_dump(exclude={"type"}).items())
    function = f"nn.init.{asked.type}_"
    return Name(f"partial({function}{arguments})" if arguments else function)


def _makes(calls: Sequence[Call]) -> Iterator[Any]:
    for call in calls:
        yield call.cls, [(name, list(_makes([one]))) for name, one in call.kwargs.items() if isinstance(one, Call)]


def _block_class(block: Block, *, named: bool) -> str:
    """The class of a block: what differs between its places is a parameter of it."""
    first, *_ = block.places
    steps = [
        Step(step.name, step.attribute, step.inputs, _merged(block, [place[i].calls for place in block.places], step))
        for i, step in enumerate(first)
    ]
    return _class(block.cls, block.inputs, steps, block.parameters, (steps[-1].name,), named=named)


def _merged(block: Block, each: list[list[Call]], step: Step) -> list[Call]:
    """Calls that stand for those of every place."""
    return [_one(block, list(same), step.attribute) for same in zip(*each, strict=True)]


def _one(block: Block, same: list[Call], attribute: str) -> Call:
    kwargs: dict[str, Any] = {}
    given = [_arguments(call) for call in same]
    for name, value in given[0].items():
        values = [one[name] for one in given]
        if isinstance(value, Call):
            kwargs[name] = _one(block, values, attribute)
        else:
            kwargs[name] = value if all(one == value for one in values) else _parameter(block, name, values, attribute)
    return Call(same[0].cls, kwargs)


def _arguments(call: Call) -> dict[str, Any]:
    """The keyword arguments of a call: those of a block are what differs between its places."""
    if call.block is None:
        return call.kwargs
    return {name: values[call.place] for name, values in call.block.parameters.items()}


def _parameter(block: Block, name: str, values: list[Any], attribute: str) -> Name:
    """A parameter of the block's class with these values: called as the block's own argument where it is that."""
    for known, its in block.parameters.items():
        if its == values:
            return Name(known)
    own = [word for word in block.arguments[0] if [one.get(word) for one in block.arguments] == values]
    word = next((one for one in (*own, name) if one not in block.parameters), f"{attribute}_{name}")
    word = _free(word, {*_TAKEN, *block.parameters})
    block.parameters[word] = values
    return Name(word)


def _chain(steps: Sequence[Step]) -> str:
    """A sequence, whose modules are called just as in Traindeck."""
    lines = "".join(f"{_call(f'({step.name!r}, ', step.calls[0], '),', 12)}\n" for step in steps)
    return (
        f"class {MODEL}(nn.Sequential):\n"
        f"    def __init__(self) -> None:\n"
        f"        layers: list[tuple[str, nn.Module]] = [\n{lines}        ]\n"
        f"        super().__init__(OrderedDict(layers))"
    )


def _class(
    name: str,
    inputs: Sequence[str],
    steps: Sequence[Step],
    parameters: dict[str, list[Any]],
    outputs: Sequence[str],
    *,
    named: bool,
) -> str:
    """The class of a graph; `named`, it says what its modules are called in Traindeck. Several outputs are a tuple."""
    head = "".join(f", {word}: {_type(values)}" for word, values in parameters.items())
    renamed = {step.name: step.attribute for step in steps if named and step.name != step.attribute}
    pairs = "".join(f"        {old!r}: {new!r},\n" for old, new in renamed.items())
    names = f"    names: ClassVar = {{  # in Traindeck, and here\n{pairs}    }}\n\n" if renamed else ""
    made = "\n".join(_made(step) for step in steps)
    variables = _variables(inputs, steps, outputs)
    ran = "\n".join(_ran(step, variables) for step in steps)
    signature = ", ".join(f"{variables[one]}: Tensor" for one in inputs)
    kind = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
    made_of = ", ".join(variables[one] for one in outputs)
    return (
        f"class {name}(nn.Module):\n{names}"
        f"    def __init__(self{head}) -> None:\n        super().__init__()\n{made}\n\n"
        f"    def forward(self, {signature}) -> {kind}:\n{ran}\n        return {made_of}"
    )


def _variables(inputs: Sequence[str], steps: Sequence[Step], outputs: Sequence[str]) -> dict[str, str]:
    """What each value is called in `forward`: what the next step alone takes needs no name of its own."""
    used: dict[str, list[int]] = {one: [len(steps)] for one in outputs}
    for i, step in enumerate(steps):
        for one in step.inputs:
            used.setdefault(one, []).append(i)
    found: dict[str, str] = {}
    for one in inputs:
        taken = {*_TAKEN, *found.values(), *(step.attribute for step in steps)}
        found[one] = "x" if one == INPUT else _free(one, taken)
    passing = "y" if any(used.get(one, [0]) != [0] for one in inputs) or len(inputs) > 1 else "x"
    for i, step in enumerate(steps):
        found[step.name] = passing if used.get(step.name, [i + 1]) == [i + 1] else step.attribute
    return found


def _made(step: Step) -> str:
    start = f"self.{step.attribute} = "
    if len(step.calls) == 1:
        return _call(start, step.calls[0], "", 8)
    several = [_call("", call, ",", 12) for call in step.calls]
    opened, closed = ("nn.Sequential(", ")") if len(step.inputs) == 1 else ("nn.ModuleList([", "])")
    return "\n".join([f"        {start}{opened}", *several, f"        {closed}"])


def _ran(step: Step, variables: dict[str, str]) -> str:
    given, made = [variables[one] for one in step.inputs], variables[step.name]
    if len(step.calls) == 1 or len(given) == 1:
        return f"        {made} = self.{step.attribute}({', '.join(given)})"
    rest = "".join(f", {one}" for one in given[1:])
    return (
        f"        {made} = {given[0]}\n"
        f"        for module in self.{step.attribute}:\n"
        f"            {made} = module({made}{rest})"
    )


_SLIDING = ("nn.Conv", "nn.MaxPool", "nn.AvgPool", "nn.Adaptive")  # one number says the same of every axis

# What torch's classes take where nothing is said, by how they begin.
_USUAL: dict[str, dict[str, Any]] = {
    "nn.Conv": {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1, "bias": True},
    "nn.BatchNorm": {"eps": 1e-5, "momentum": 0.1, "affine": True},
    "nn.InstanceNorm": {"eps": 1e-5, "momentum": 0.1, "affine": False, "track_running_stats": False},
    "nn.GroupNorm": {"eps": 1e-5, "affine": True},
    "nn.LayerNorm": {"eps": 1e-5, "elementwise_affine": True},
    "nn.RMSNorm": {"eps": None, "elementwise_affine": True},
    "nn.MaxPool": {"padding": 0, "ceil_mode": False},
    "nn.AvgPool": {"padding": 0, "ceil_mode": False},
    "nn.Linear": {"bias": True},
    "nn.Bilinear": {"bias": True},
    "nn.Flatten": {"start_dim": 1, "end_dim": -1},
}


def _call(before: str, call: Call, after: str, indent: int) -> str:
    """A call on one line, or with its arguments on lines of their own."""
    told = [f"{name}={_written(value)}" for name, value in _told(call).items()]
    margin = " " * indent
    line = f"{margin}{before}{call.cls}({', '.join(told)}){after}"
    if len(line) <= WIDTH:
        return line
    together = f"{margin}    {', '.join(told)}"
    inner = [together] if len(together) <= WIDTH else [f"{margin}    {one}," for one in told]
    return "\n".join([f"{margin}{before}{call.cls}(", *inner, f"{margin}){after}"])


def _told(call: Call) -> dict[str, Any]:
    """The arguments that say something."""
    usual = next((values for start, values in _USUAL.items() if call.cls.startswith(start)), {})
    told = dict(_arguments(call))
    if told.get("stride") == told.get("kernel_size") and call.cls.startswith(("nn.MaxPool", "nn.AvgPool")):
        told.pop("stride")
    return {name: value for name, value in told.items() if name not in usual or value != usual[name]}


def _same(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value


def _written(value: Any) -> str:
    if isinstance(value, Call):
        return f"{value.cls}({', '.join(f'{name}={_written(one)}' for name, one in _told(value).items())})"
    return repr(value)


def _type(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values}
    word = kinds.pop().__name__ if len(kinds) == 1 else "Any"
    return {"tuple": "tuple[int, ...]", "list": "list[int]", "NoneType": "None", "Name": "Any"}.get(word, word)


# What a name means already where it would stand: in the class, in `forward`, in the file.
_TAKEN = frozenset({"self", "names", "x", "y", "module", "torch", "nn"})


_IMPORTED = frozenset({"Any", "ClassVar", "F", "OrderedDict", "Sequence", "Tensor"})


def _free(word: str, taken: Set[str]) -> str:
    """The word, or with lines under it where Python or the code has another use for it."""
    while word in taken or keyword.iskeyword(word):
        word += "_"
    return word


def _numbered(word: str, taken: Set[str]) -> str:
    """The word, or with a number where a class is called so already."""
    numbered = (f"{word}{i}" for i in count(2))
    return next(one for one in chain([word], numbered) if one not in taken)


def _camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_")) or "Block"


_LOAD = '''
def load(path: str) -> Model:
    """The model with the weights that a run has left in model.safetensors."""
    model = Model()
    model.load_state_dict({_renamed(model, name): weight for name, weight in load_file(path).items()})
    return model.eval()


def _renamed(module: Any, name: str) -> str:
    """What a weight of Traindeck's is called here."""
    parts = []
    for part in name.split("."):
        parts.append(getattr(module, "names", {}).get(part, part))
        module = getattr(module, parts[-1])
    return ".".join(parts)
'''
