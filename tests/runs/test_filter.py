"""The language of filters: what is read, what is refused and where, and that it is written as it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unprocessable
from app.runs.filter import OPERATORS, And, Compare, FilterError, Node, Not, Or, Word, parse, terms, written


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", And(())),
        ("mnist", Word("mnist")),
        ("status:running", Compare("status", ":", ("running",))),
        ("status:running,queued", Compare("status", ":", ("running", "queued"))),
        ("optimizer.lr>=0.01", Compare("optimizer.lr", ">=", ("0.01",))),
        ("train/loss<1e-3", Compare("train/loss", "<", ("1e-3",))),
        ("validation/accuracy.max>0.9", Compare("validation/accuracy.max", ">", ("0.9",))),
        ("loss>-0.5", Compare("loss", ">", ("-0.5",))),
        ('name~"two words"', Compare("name", "~", ("two words",))),
        ('"a:b"', Word("a:b")),
        ("-tag:bad", Not(Compare("tag", ":", ("bad",)))),
        ("NOT tag:bad", Not(Compare("tag", ":", ("bad",)))),
        ("--x", Word("x")),
        ("a b", And((Word("a"), Word("b")))),
        ("a AND b", And((Word("a"), Word("b")))),
        ("a OR b c", Or((Word("a"), And((Word("b"), Word("c")))))),
        ("(a OR b) c", And((Or((Word("a"), Word("b"))), Word("c")))),
        ("status:OR", Compare("status", ":", ("OR",))),
    ],
)
def test_what_is_written_is_read(text: str, tree: Node) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("status:", 6, "value is missing"),
        ("status: running", 6, "value is missing"),
        ('name~"open', 5, "not closed"),
        ("(a OR b", 7, "closing parenthesis"),
        ("a )", 2, "closes nothing"),
        ("a OR", 4, "term is missing"),
        (":x", 0, "term is expected"),
        ("a !", 2, "means nothing"),
        ("1key:3", 0, "no key"),
        ("(" * 40 + "a" + ")" * 40, 30, "deep"),
        ("a" * 2001, 2000, "at most"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_place(text: str, at: int, words: str) -> None:
    with pytest.raises(FilterError, match=words) as refused:
        parse(text)
    assert refused.value.errors[0].loc == ["query", "filter", at]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.text('a:-()"\\ ,<>=~!OR.0', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        node = parse(text)
    except Unprocessable:
        return
    assert parse(written(node)) == node


_KEYS = st.sampled_from(["status", "optimizer.lr", "train/loss", "tag", "loss.min"])
_TEXTS = st.text(min_size=1, max_size=12)
_LEAVES = st.builds(Word, _TEXTS) | st.builds(
    Compare, _KEYS, st.sampled_from(OPERATORS), st.lists(_TEXTS, min_size=1).map(tuple)
)


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(And, some) | st.builds(Or, some) | inner.filter(lambda one: not isinstance(one, Not)).map(Not)


@given(st.recursive(_LEAVES, _grown, max_leaves=8))
def test_a_tree_is_written_so_that_it_reads_as_itself(tree: Node) -> None:
    assert parse(written(tree)) == tree


def test_terms_are_found_wherever_they_stand() -> None:
    found = terms(parse("a -(status:queued OR (b tag:x)) loss<1"))
    assert [term.key for term in found] == ["status", "tag", "loss"]
