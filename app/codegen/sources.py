"""The text of what torch lacks, modules and functions of ours, for code that needs Traindeck no more.

It is read as text: the server imports neither torch nor the worker.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
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
_STAND_INS: Mapping[tuple[str, str], str] = {
    ("app.errors", "JobFailure"): 'class JobFailure(Exception):\n    """The data does not do."""',
}


def called(cls: str) -> str:
    """What a recipe's class is called in code: nn.Conv2d, or Add."""
    return cls.removeprefix("torch.") if cls.startswith("torch.nn.") else cls.rpartition(".")[2]


class Quotes:
    """Definitions of ours as text, each with all that it needs, in an order that Python can read.

    `stand_ins` are texts for some of them, by module and name.
    """

    def __init__(self, stand_ins: Mapping[tuple[str, str], str] = _STAND_INS) -> None:
        self.found: dict[tuple[str, str], str] = {}
        self.imports: set[tuple[str, str]] = set()  # module, and the name there
        self._stand_ins = {**_STAND_INS, **stand_ins}
        self._begun: set[tuple[str, str]] = set()

    @property
    def texts(self) -> list[str]:
        """All of them, the same but once."""
        return list(dict.fromkeys(self.found.values()))

    @property
    def names(self) -> frozenset[str]:
        """What they define."""
        return frozenset(name for _, name in self.found)

    def add(self, module: str, name: str) -> None:
        """A definition, after those that it uses."""
        if (module, name) in self._begun:
            return
        self._begun.add((module, name))
        if (module, name) in self._stand_ins:
            self.found[module, name] = self._stand_ins[module, name]
            return
        file = _parsed(module)
        node = file.definitions[name]
        for used in _names(node):
            if used in file.definitions:
                self.add(module, used)
            elif used in file.imports:
                self._import(*file.imports[used])
        self.found[module, name] = file.text(node)

    def add_recipes(self, recipes: Iterable[Recipe]) -> None:
        """The classes of recipes that torch lacks."""
        for recipe in recipes:
            place, _, name = recipe.cls.rpartition(".")
            if place.startswith(_OURS):
                self.add(place, name)

    def _import(self, module: str, name: str) -> None:
        if module.startswith(_OURS):
            self.add(module, name)
        else:
            self.imports.add((module, name))


def sources_of(recipes: Iterable[Recipe]) -> list[str]:
    """The text of every class that torch lacks, with all that it needs, in an order that Python can read."""
    return _quoted(recipes).texts


def names_of(recipes: Iterable[Recipe]) -> frozenset[str]:
    """What is defined by those texts."""
    return _quoted(recipes).names


def imports_of(recipes: Iterable[Recipe], *, ordered: bool) -> str:
    """The lines that import what the code needs, as isort sorts them. `ordered`: whether an OrderedDict is."""
    always = {(module, name) for module, names in _ALWAYS.items() for name in names}
    needed = always if ordered else always - {("collections", "OrderedDict")}
    return import_lines(needed | _quoted(recipes).imports)


def import_lines(needed: Iterable[tuple[str, str]]) -> str:
    """The lines that import names of modules, as isort sorts them. The name "" is the module itself."""
    names: dict[str, set[str]] = {}
    for module, name in needed:
        names.setdefault(module, set()).add(name)
    groups = [[one for one in names if _is_standard(one) is standard] for standard in (True, False)]
    return "\n\n".join("\n".join(_lines(group, names)) for group in groups if group)


def _is_standard(module: str) -> bool:
    return re.split(r"[. ]", module)[0] in sys.stdlib_module_names


def _lines(modules: Iterable[str], names: dict[str, set[str]]) -> Iterator[str]:
    yield from (f"import {one}" for one in sorted(modules) if "" in names[one])
    for module in sorted(modules):
        plain = sorted((name for name in names[module] if name and " as " not in name), key=_as_isort)
        if plain:
            yield f"from {module} import {', '.join(plain)}"
        yield from (f"from {module} import {name}" for name in sorted(names[module]) if " as " in name)


def _as_isort(name: str) -> tuple[bool, bool, str]:
    """Constants first, then classes, then the rest."""
    return not (name.isupper() and len(name) > 1), not name[:1].isupper(), name


def _quoted(recipes: Iterable[Recipe]) -> Quotes:
    quotes = Quotes()
    quotes.add_recipes(recipes)
    return quotes


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
                for one in node.names:
                    alias = f" as {one.asname}" if one.asname else ""
                    self.imports[one.asname or one.name] = (one.name + alias, "")

    def text(self, node: ast.stmt) -> str:
        """The lines of a definition."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        start = min([node.lineno, *(one.lineno for one in decorators)])
        return "\n".join(self._lines[start - 1 : node.end_lineno])


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
