"""A model's graph: each layer under its full name, with what it takes from, and blocks put in where they are used.

Names of layers in a block are those of the places that they stand in: "stage.2.conv" is the layer "conv" of the third
time that the use "stage" repeats its block.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, ValidationError

from app.specs.base import Loc, Problem, Spec, SpecError, problems
from app.specs.layers import AnyLayer, Layer
from app.specs.layers.base import USUAL_PACE, Pace
from app.specs.layers.block import MAX_DEPTH, Block, Use

MAX_LAYERS = 2000  # of a model, in all its blocks
MOST_TOLD = 200  # problems
MAX_PLACED = 2 * MAX_LAYERS  # with the uses of blocks themselves


class _One(Spec):
    """A layer where `problems` knows layers to stand."""

    model_config = ConfigDict(defer_build=True)  # most models have no blocks

    layers: tuple[AnyLayer]


@dataclass(frozen=True)
class Node:
    """A layer in its place."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]  # full names
    index: int  # of the model's own layer that it is, or is part of
    loc: Loc = field(hash=False)  # where it is written
    place: str  # the same in words
    pace: Pace = USUAL_PACE  # its own, within those of the uses that it stands in


@dataclass(frozen=True)
class Graph:
    """All layers in the order of computation, and what is wrong with how they are wired."""

    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]
    outputs: dict[str, str] = field(default_factory=dict, hash=False)  # as the model calls them: their layers


def wire(
    layers: Sequence[Layer],
    blocks: Mapping[str, Block],
    inputs: Sequence[str],
    outputs: Sequence[str] | None = None,
) -> Graph:
    """Put blocks in where they are used, and resolve what each layer takes from. The last layer is the usual output."""
    if circles := list(_circles(blocks)):
        return Graph((), tuple(circles))
    wiring = _Wiring(blocks)
    scope = {name: name for name in inputs}
    kept = tuple(outputs or ())
    try:
        wiring.place(list(layers), scope, prefix="", loc=["layers"], index=None, within="", stack=(), kept=kept)
    except _EnoughError:
        pass  # whoever mends so many will ask again
    except _TooManyError:
        message = f"the blocks come to more than {MAX_LAYERS:,} layers"
        wiring.problems.append(Problem(loc=["layers"], msg=message, received=None))
    else:
        wiring.problems += _output_problems(kept, inputs, scope)
    for name in [] if wiring.problems else sorted(blocks.keys() - wiring.used):
        message = f"the block {name!r} is not used: no layer of type block names it"
        wiring.problems.append(Problem(loc=["blocks", name], msg=message, received=name))
    found = {name: scope[name] for name in kept or list(scope)[-1:] if name in scope}
    return Graph(tuple(wiring.nodes), tuple(each_once(wiring.problems)), found)


def _output_problems(outputs: Sequence[str], inputs: Sequence[str], scope: Mapping[str, str]) -> Iterator[Problem]:
    """Which names of outputs are those of no layer."""
    for i, name in enumerate(outputs):
        message = None
        if name in inputs:
            message = f"{name!r} is an input: an output is what a layer makes"
        elif name not in scope:
            message = f"no layer is called {name!r}, so nothing comes out of it"
        if message:
            yield Problem(loc=["outputs", i], msg=message, received=name)


def _circles(blocks: Mapping[str, Block]) -> Iterator[Problem]:
    """Each use of a block that closes a circle, told once."""
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> Iterator[Problem]:
        for i, layer in enumerate(blocks[name].layers):
            used = layer.get("block") if layer.get("type") == Use.model_fields["type"].default else None
            if used in path:
                message = f"a block cannot be made of itself: {' → '.join((*path[path.index(used) :], used))}"
                yield Problem(loc=["blocks", name, "layers", i, "block"], msg=message, received=used)
            elif isinstance(used, str) and used in blocks and used not in done and len(path) < MAX_DEPTH:
                yield from follow(used, (*path, used))
        done.add(name)

    for name in blocks:
        if name not in done:
            yield from follow(name, (name,))


class _TooManyError(Exception):
    pass


class _EnoughError(Exception):
    """So much is wrong that no more is told."""


class _Wiring:
    """What is gathered on the way through a model."""

    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self.blocks = blocks
        self.nodes: list[Node] = []
        self.problems: list[Problem] = []
        self.told: set[str] = set()
        self.used: set[str] = set()
        self.num_placed = 0

    def place(
        self,
        layers: Sequence[Layer | None],
        scope: dict[str, str],
        *,
        prefix: str,
        loc: Loc,
        index: int | None,
        within: str,
        stack: tuple[str, ...],
        kept: Sequence[str] = (),
        pace: Pace = USUAL_PACE,
    ) -> str | None:
        """Add layers that are written at `loc`; None stands for one that does not hold.

        `kept` are those that are read from outside, the last one if none is said. `scope` maps what they may take from
        to full names. Returns the full name of what comes out last.
        """
        names = [layer.name or str(i) if layer else str(i) for i, layer in enumerate(layers)]
        known = {name: i for i, name in enumerate(names)}  # of two that are called alike, the last
        read: set[str] = set(kept or names[-1:])
        given = list(scope)
        before = given[0]
        for i, (layer, name) in enumerate(zip(layers, names, strict=True)):
            self._count_one()
            place = f"{within}layer {i}"
            if name in scope:
                message = f"{name!r} is an input" if name in given else f"two layers are called {name!r}"
                self.problems.append(Problem(loc=[*loc, i, "name"], msg=message, received=name))
            if layer is not None:
                taken = layer.inputs or (before,)
                read.update(taken)
                found = [self._resolve(one, known, i, j, scope, loc, place) for j, one in enumerate(taken)]
                at = i if index is None else index
                if isinstance(layer, Use):
                    full = self._use(layer, found, prefix + name, [*loc, i], at, place, stack, pace)
                else:
                    at_pace = layer.pace.within(pace)
                    full = self._add(Node(prefix + name, layer, _known(found), at, [*loc, i], place, at_pace), found)
                scope[name] = full or prefix + name
            else:
                scope[name] = prefix + name
            before = name
        if None not in layers and read <= scope.keys():  # else it is not known what would be read
            self.problems += _unread(layers, names, given, read, loc, within)
        return scope[before]

    def _count_one(self) -> None:
        """Whatever becomes of a layer it is counted, so that what is wrong takes no longer than what holds."""
        self.num_placed += 1
        if self.num_placed > MAX_PLACED:
            raise _TooManyError

    def _add(self, node: Node, found: Sequence[str | None]) -> str:
        if len(self.nodes) >= MAX_LAYERS:
            raise _TooManyError
        if None not in found:
            self.nodes.append(node)
        return node.name

    def _resolve(
        self, one: str, known: Mapping[str, int], i: int, j: int, scope: Mapping[str, str], loc: Loc, place: str
    ) -> str | None:
        if one in scope:
            return scope[one]
        if known.get(one, -1) >= i:
            message = f"{place} takes from {one!r}, which comes later: layers can only look back"
        else:
            message = f"{place} takes from {one!r}, but no layer is called that"
        self._refuse([*loc, i, "inputs", j], message, one)
        return None

    def _use(
        self,
        use: Use,
        inputs: Sequence[str | None],
        name: str,
        loc: Loc,
        index: int,
        place: str,
        stack: tuple[str, ...],
        pace: Pace,
    ) -> str | None:
        """The layers of a block in the place of `use`. Returns what comes out, None where nothing does."""
        block = self._block_of(use, inputs, loc, place, stack)
        if block is None:
            return None
        arguments = {**block.arguments, **use.arguments}
        layers = self._validated(block.filled(arguments), use.block, place)
        first, *others = [one or name for one in inputs]
        for k in range(use.repeat):
            prefix = f"{name}." if use.repeat == 1 else f"{name}.{k}."
            scope = dict(zip(block.inputs, (first, *others), strict=True))
            first = (
                self.place(
                    layers,
                    scope,
                    prefix=prefix,
                    loc=["blocks", use.block, "layers"],
                    index=index,
                    within=f"{place} (block {use.block}): ",
                    stack=(*stack, use.block),
                    pace=use.pace.within(pace),
                )
                or name
            )
        return first

    def _block_of(
        self, use: Use, inputs: Sequence[str | None], loc: Loc, place: str, stack: tuple[str, ...]
    ) -> Block | None:
        """The block that is used, when it can be."""
        self.used.add(use.block)
        block = self.blocks.get(use.block)
        if block is None:
            there = f"; there are {', '.join(self.blocks)}" if self.blocks else ""
            self._refuse([*loc, "block"], f"{place}: there is no block {use.block!r}{there}", use.block)
            return None
        if len(stack) >= MAX_DEPTH:
            self._refuse([*loc, "block"], f"{place}: blocks lie in one another {MAX_DEPTH} deep at most", use.block)
            return None
        if len(inputs) != len(block.inputs):
            wanted = "one input" if len(block.inputs) == 1 else f"{len(block.inputs)} inputs"
            message = f"{place}: {use.block!r} takes {wanted}, but gets {len(inputs)}"
            self._refuse([*loc, "inputs"], message, len(inputs))
            return None
        unknown = [name for name in use.arguments if name not in block.arguments]
        missing = [name for name, default in block.arguments.items() if default is None and name not in use.arguments]
        for name in unknown:
            self._refuse([*loc, "arguments", name], f"{place}: {use.block!r} has no argument {name!r}", name)
        for name in missing:
            self._refuse([*loc, "arguments", name], f"{place}: {use.block!r} needs the argument {name!r}", None)
        return None if unknown or missing else block

    def _validated(self, layers: Sequence[dict[str, Any]], block: str, place: str) -> list[Layer | None]:
        found: list[Layer | None] = []
        for i, layer in enumerate(layers):
            try:
                found.append(read_layer(layer))
            except ValidationError as error:
                found.append(None)
                for problem in problems(error):
                    loc: Loc = ["blocks", block, "layers", i, *problem.loc[2:]]
                    message = f"{place} (block {block}): layer {i}: {problem.msg}"
                    self._refuse(loc, message, problem.received)
        return found

    def _refuse(self, loc: Loc, message: str, received: Any) -> None:
        problem = Problem(loc=loc, msg=message, received=received)
        if _key(problem) in self.told:
            return
        self.told.add(_key(problem))
        self.problems.append(problem)
        if len(self.problems) >= MOST_TOLD:
            raise _EnoughError


def _known(found: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(one for one in found if one is not None)


def _unread(
    layers: Sequence[Layer | None], names: Sequence[str], given: Sequence[str], read: set[str], loc: Loc, within: str
) -> Iterator[Problem]:
    """What is computed for nothing."""
    for i, (layer, name) in enumerate(zip(layers, names, strict=True)):
        if layer is not None and name not in read:
            message = f"{within}layer {i} ({layer.type}) is not used: no other layer takes from {name!r}"
            yield Problem(loc=[*loc, i], msg=message, received=name)
    for name in given:
        if name not in read:
            message = f"{within}no layer takes from the input {name!r}"
            yield Problem(loc=[*loc[:-1], "inputs"], msg=message, received=name)


def each_once(found: Iterable[Problem]) -> Iterator[Problem]:
    """Of a block that is used many times, each thing once: a message begins with the place of the use."""
    seen: set[str] = set()
    for problem in found:
        if (key := _key(problem)) not in seen:
            seen.add(key)
            yield problem


def _key(problem: Problem) -> str:
    return repr((problem.loc, problem.msg.rpartition("): ")[2] if problem.loc[0] == "blocks" else problem.msg))


def read_layer(layer: Any) -> Layer:
    """A layer as it is written in a block, filled with arguments. Raises ValidationError."""
    return _One(layers=(layer,)).layers[0]


def nodes_of(graph: Graph) -> tuple[Node, ...]:
    """The layers of a graph that holds. Raises SpecError with everything that is wrong."""
    if graph.problems:
        raise SpecError(graph.problems)
    return graph.nodes
