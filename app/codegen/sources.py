"""The text of modules that torch lacks, for code that needs Traindeck no more.

They are read as text: the server imports neither torch nor the worker.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from app.specs.layers import Recipe

_ROOT = Path(__file__).parents[2]
_OURS = ("worker.", "app.")
# What every module needs: names by the module that has them, "" for the module itself.
_ALWAYS = {
    "torch": {"Tensor", "nn"},
    "safetensors.torch": {"load_file"},
    "collections": {"OrderedDict"},
    "typing": {"Any", "ClassVar"},
}
_STANDARD = frozenset({"collections", "collections.abc", "typing"})


def called(cls: str) -> str:
    """What a recipe's class is called in code: nn.Conv2d, or Add."""
    return cls.removeprefix("torch.") if cls.startswith("torch.nn.") else cls.rpartition(".")[2]


def sources_of(recipes: Iterable[Recipe]) -> list[str]:
    """The text of every class that torch lacks, with all that it needs, in an order that Python can read."""
    return list(_gathered(recipes).found.values())


def names_of(recipes: Iterable[Recipe]) -> frozenset[str]:
    """What is defined by those texts."""
    return frozenset(name for _, name in _gathered(recipes).found)


def imports_of(recipes: Iterable[Recipe], *, ordered: bool) -> str:
    """The lines that import what the code needs, as isort sorts them. `ordered`: whether an OrderedDict is."""
    names = {module: set(some) for module, some in _ALWAYS.items() if ordered or module != "collections"}
    for module, name in _gathered(recipes).imports:
        names.setdefault(module, set()).add(name)
    groups = ([one for one in names if one in _STANDARD], [one for one in names if one not in _STANDARD])
    return "\n\n".join("\n".join(_lines(group, names)) for group in groups)


def _lines(modules: Iterable[str], names: dict[str, set[str]]) -> Iterator[str]:
    yield from (f"import {one}" for one in sorted(modules) if "" in names[one])
    for module in sorted(modules):
        plain = sorted(name for name in names[module] if name and " as " not in name)
        if plain:
            yield f"from {module} import {', '.join(plain)}"
        yield from (f"from {module} import {name}" for name in sorted(names[module]) if " as " in name)


class _Gathered:
    def __init__(self) -> None:
        self.found: dict[tuple[str, str], str] = {}
        self.imports: set[tuple[str, str]] = set()  # module, and the name there
        self._begun: set[tuple[str, str]] = set()

    def add(self, module: str, name: str) -> None:
        """A definition, after those that it uses."""
        if (module, name) in self._begun:
            return
        self._begun.add((module, name))
        file = _parsed(module)
        node = file.definitions[name]
        for used in _names(node):
            if used in file.definitions:
                self.add(module, used)
            elif used in file.imports:
                self._import(*file.imports[used])
        self.found[module, name] = file.text(node)

    def _import(self, module: str, name: str) -> None:
        if module.startswith(_OURS):
            self.add(module, name)
        else:
            self.imports.add((module, name))


def _gathered(recipes: Iterable[Recipe]) -> _Gathered:
    gathered = _Gathered()
    for recipe in recipes:
        place, _, name = recipe.cls.rpartition(".")
        if place.startswith(_OURS):
            gathered.add(place, name)
    return gathered


class _File:
    """What a file defines and imports, by name."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self.definitions: dict[str, ast.stmt] = {}
        self.imports: dict[str, tuple[str, str]] = {}  # module, and the name there
        for node in ast.parse(text).body:
            for name in _defined(node):
                self.definitions[name] = node
            if isinstance(node, ast.ImportFrom):
                for one in node.names:
                    alias = f" as {one.asname}" if one.asname else ""
                    self.imports[one.asname or one.name] = (node.module or "", one.name + alias)
            elif isinstance(node, ast.Import):
                self.imports |= {one.name: (one.name, "") for one in node.names}

    def text(self, node: ast.stmt) -> str:
        """The lines of a definition."""
        return "\n".join(self._lines[node.lineno - 1 : node.end_lineno])


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (one.id for one in node.targets if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _names(node: ast.stmt) -> Iterator[str]:
    yield from dict.fromkeys(one.id for one in ast.walk(node) if isinstance(one, ast.Name))


@cache
def _parsed(module: str) -> _File:
    return _File((_ROOT / f"{module.replace('.', '/')}.py").read_text())
