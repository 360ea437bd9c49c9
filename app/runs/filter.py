"""The language in which runs are filtered: read into a tree, and written again. Pure; nothing is ever evaluated.

    status:running loss<0.2 tag:baseline optimizer.lr>=0.01 (name~mnist OR project:heart) -tag:bad "free words"

Terms that stand side by side must all hold; `OR` stands between alternatives; `-` or `NOT` before a term denies it;
parentheses group. A term is `key operator value`, or words to be found in a name or a tag. `a,b` is either of two.
"""

import re
from dataclasses import dataclass, field

from app.errors import Unprocessable
from app.specs.base import Problem

MAX_CHARACTERS = 2000
MAX_DEPTH = 30
OPERATORS = ("!=", "<=", ">=", ":", "=", "<", ">", "~")  # longer ones first


@dataclass(frozen=True)
class Word:
    """Something that a name, a tag or a project holds."""

    text: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Compare:
    """A key held against values, any of which will do."""

    key: str
    operator: str
    values: tuple[str, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Not:
    """What must not hold."""

    item: "Node"


@dataclass(frozen=True)
class And:
    """What must hold together. Of nothing: everything matches."""

    items: tuple["Node", ...]


@dataclass(frozen=True)
class Or:
    """Of which one must hold."""

    items: tuple["Node", ...]


Node = Word | Compare | Not | And | Or


class FilterError(Unprocessable):
    """The filter cannot be read."""

    def __init__(self, message: str, text: str, at: int) -> None:
        super().__init__(
            message, errors=[Problem(loc=["query", "filter", at], msg=message, received=text[at : at + 40])]
        )


@dataclass(frozen=True)
class Token:
    """A piece of a filter: its kind, its text, and where it begins and ends."""

    kind: str  # "(" ")" "-" "not" "or" "and" "word" "quoted" "operator" ","
    text: str
    at: int
    end: int


_SPACE = re.compile(r"\s+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPERATOR = re.compile("|".join(re.escape(one) for one in OPERATORS))
_BARE = re.compile(r'[^\s()":=<>~!,]+')
_KEYWORDS = {"OR": "or", "AND": "and", "NOT": "not"}
_KEY = re.compile(r"[^\W\d][\w./@-]*$")


def tokens(text: str) -> list[Token]:
    """The pieces of a filter. Raises FilterError at a quotation mark that is not closed, or a sign of no meaning."""
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"a filter has at most {MAX_CHARACTERS:,} characters", text, MAX_CHARACTERS)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        found.append(_token(text, at, found[-1] if found else None))
        at = found[-1].end
    return found


def _token(text: str, at: int, before: Token | None) -> Token:
    sign = text[at]
    if sign in "(),":
        return Token(sign, sign, at, at + 1)
    if sign == '"':
        quoted = _QUOTED.match(text, at)
        if quoted is None:
            raise FilterError("this quotation mark is not closed", text, at)
        return Token("quoted", re.sub(r"\\(.)", r"\1", quoted[1]), at, quoted.end())
    if operator := _OPERATOR.match(text, at):
        return Token("operator", operator[0], at, operator.end())
    is_value = before is not None and before.kind in ("operator", ",") and before.end == at
    if sign == "-" and not is_value:
        return Token("-", "-", at, at + 1)
    bare = _BARE.match(text, at)
    if bare is None:
        raise FilterError(f"{sign!r} means nothing here; put words in quotation marks", text, at)
    kind = "word" if is_value else _KEYWORDS.get(bare[0], "word")
    return Token(kind, bare[0], at, bare.end())


def parse(text: str) -> Node:
    """A filter as a tree. Raises FilterError with the place and what was expected."""
    return _Parser(text).whole()


class _Parser:
    """Reads tokens from left to right, a method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.depth = 0

    def whole(self) -> Node:
        if not self.tokens:
            return And(())
        node = self.alternatives()
        if token := self.peek():
            raise self.error(f"{token.text!r} closes nothing" if token.kind == ")" else f"unexpected {token.text!r}")
        return node

    def alternatives(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"parentheses go at most {MAX_DEPTH} deep")
        items = [self.together()]
        while self.take("or"):
            items.append(self.together())
        self.depth -= 1
        return items[0] if len(items) == 1 else Or(tuple(items))

    def together(self) -> Node:
        items = [self.denied()]
        while (token := self.peek()) and token.kind not in ("or", ")"):
            self.take("and")
            items.append(self.denied())
        return items[0] if len(items) == 1 else And(tuple(items))

    def denied(self) -> Node:
        times = 0
        while self.take("-") or self.take("not"):
            times += 1
        node = self.term()
        return Not(node) if times % 2 else node

    def term(self) -> Node:
        token = self.peek()
        if token is None:
            raise self.error("a term is missing, as status:running")
        if self.take("("):
            node = self.alternatives()
            if not self.take(")"):
                raise self.error("a closing parenthesis is missing")
            return node
        if token.kind not in ("word", "quoted"):
            raise self.error(f"a term is expected, as status:running, not {token.text!r}")
        self.place += 1
        operator = self.peek()
        if operator is None or operator.kind != "operator" or operator.at != token.end or token.kind == "quoted":
            return Word(token.text, token.at)
        if not _KEY.match(token.text):
            raise self.error(f"{token.text!r} is no key", token)
        self.place += 1
        return Compare(token.text, operator.text, self.values(operator), token.at)

    def values(self, before: Token) -> tuple[str, ...]:
        found = [self.value(before)]
        while (comma := self.peek()) and comma.kind == "," and comma.at == self.tokens[self.place - 1].end:
            self.place += 1
            found.append(self.value(comma))
        return tuple(found)

    def value(self, before: Token) -> str:
        token = self.peek()
        if token is None or token.kind not in ("word", "quoted") or token.at != before.end:
            raise self.error(f"a value is missing after {before.text!r}", before)
        self.place += 1
        return token.text

    def peek(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, kind: str) -> bool:
        token = self.peek()
        if token is None or token.kind != kind:
            return False
        self.place += 1
        return True

    def error(self, message: str, token: Token | None = None) -> FilterError:
        token = token or self.peek()
        return FilterError(message, self.text, token.at if token else len(self.text))


def written(node: Node) -> str:
    """The filter that reads as this tree."""
    match node:
        case And(items):
            return " ".join(map(_inside, items))
        case Or(items):
            return " OR ".join(map(_inside, items))
        case Not(item):
            return f"-{_inside(item)}"
        case Compare(key, operator, values):
            return f"{key}{operator}{','.join(_quoted(value) for value in values)}"
        case Word(text):
            return _quoted(text, is_word=True)


def _inside(node: Node) -> str:
    return f"({written(node)})" if isinstance(node, And | Or) else written(node)


def _quoted(text: str, *, is_word: bool = False) -> str:
    plain = _BARE.fullmatch(text) and not (is_word and (text in _KEYWORDS or text.startswith("-")))
    if plain:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def terms(node: Node) -> list[Compare]:
    """Every comparison in a tree."""
    match node:
        case And(items) | Or(items):
            return [term for item in items for term in terms(item)]
        case Not(item):
            return terms(item)
        case Compare():
            return [node]
        case _:
            return []
