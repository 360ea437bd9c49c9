"""Columns that give the answer away, name the rows, or say again what another column says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.association import spearman
from app.doctor.findings import MAX_COLUMNS_SHOWN, MAX_ROWS_SHOWN, Finding, and_more, figure, named, share, without
from app.doctor.sample import Sample
from app.prints import Numbers
from app.splitting import evenly
from app.transforms import word

_MIN_ROWS = 20
_MIN_OTHERS = 10  # rows whose target is not the most frequent one
_RANK_CORRELATION = 0.999
_PURITY = 0.995
_LEFT_WRONG = 0.05  # of what always saying the most frequent class gets wrong
_FEW_VALUES = 50
_NUM_FIRST = 512  # rows that decide whether a column is worth a closer look
_LOG_CHANCE = log(1e-9)  # that rows of one class alone are there by chance
_SLACK = 10.0  # how much looser the first look is
_DISTINCT = 0.98
_NUM_READ = 200  # texts that decide whether they are prose
_ALIKE = 0.9999
_FAR = 10  # times the range between the quartiles: values beyond count as if they lay there
_MAX_PAIRED = 200  # columns that are held against one another
_MAX_PAIRED_ROWS = 5_000
_NAMES_A_ROW = re.compile(r"(^|[\s_.-])(id|uuid|guid|idx|index|key|rowid|row_number)$|[a-z]I[dD]$", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """How a feature gives the target away."""

    words: str
    evidence: dict[str, Any]
    by_itself: bool = False  # whether it is the answer, not only as good as it


def target_leaks(sample: Sample) -> Iterator[Finding]:
    """A feature that is the target in another dress, or predicts it alone almost perfectly."""
    target, alone = sample.target.closely, len(sample.features) == 1
    first = evenly(len(target), _NUM_FIRST)
    for name in sample.places:
        found = sample.of(name)
        link = _gap_link(found, target, sample, name)
        if link is None and (len(first) == len(target) or _may_link(found[first], target[first], sample, name)):
            link = _link(found, target, sample, name)
        if link is None or (alone and not link.by_itself):
            continue
        yield Finding(
            kind="target_leak",
            severity="error",
            title=f"{name} gives the answer away",
            explanation=f"{name} {link.words}. A model learns to read that column and nothing else; if its value is "
            f"not known before {sample.predicted} is, predictions will be far worse than the test says.",
            evidence=link.evidence | sample.extent,
            columns=[name],
            rows=sample.rows[:5].tolist(),
            fix=without(sample.data, sample.features, [name]),
        )


def _may_link(x: Numbers, y: Numbers, sample: Sample, name: str) -> bool:
    """Whether a first look at a few rows of a feature (n,) and the target (n,) leaves open that they are tied.

    Where nearly all of these rows have the same target it does, whatever stands in them.
    """
    answers = y[np.isfinite(x) & np.isfinite(y)]
    counts = np.unique(answers, return_counts=True)[1]
    return len(answers) - counts.max(initial=0) < _MIN_OTHERS or _link(x, y, sample, name, _SLACK) is not None


def _link(x: Numbers, y: Numbers, sample: Sample, name: str, slack: float = 1.0) -> Link | None:
    """What ties a feature (n,) to the target (n,); with `slack` also what may turn out to be less."""
    both = np.isfinite(x) & np.isfinite(y)
    if np.count_nonzero(both) < max(_MIN_ROWS, len(x) / 2 / slack):
        return None
    x, y, target = x[both], y[both], sample.predicted
    xs, x_codes = np.unique(x, return_inverse=True)
    ys, y_codes = np.unique(y, return_inverse=True)
    if len(ys) < 2 or len(xs) < 2:
        return None
    numeric = sample.known[name].is_numeric and sample.known[target].is_numeric
    if numeric and _equal(x, y, sample):
        return Link(f"holds the same value as {target} in every row", {"equal_share": 1.0}, by_itself=True)
    if len(xs) == len(ys) and len(xs) <= len(x) / 4 and len(np.unique(x_codes * len(ys) + y_codes)) == len(xs):
        words = f"has {len(xs):,} values, and each stands for one value of {target}: it is the same under other names"
        return Link(words, {"num_values": len(xs)}, by_itself=True)
    if not sample.is_class:
        return _rank_link(x, y, target, slack) if numeric else None
    if len(xs) <= min(_FEW_VALUES, len(x) / 10):
        return _purity_link(x_codes, y_codes, len(ys), target, slack)
    return _order_link(x, y_codes, len(ys), target, slack) if sample.known[name].is_numeric else None


def _gap_link(x: Numbers, y: Numbers, sample: Sample, name: str) -> Link | None:
    """Whether the class (n,) can be told by where a feature (n,) has gaps, or has none."""
    known = np.isfinite(y)
    present = np.isfinite(x[known])
    if not sample.is_class or not sample.known[name].num_missing or present.all() or not present.any():
        return None
    ys, codes = np.unique(y[known], return_inverse=True)
    counts = np.bincount(codes)
    if len(codes) - counts.max() < _MIN_OTHERS:
        return None
    link = _purity_link(present.astype(np.int64), codes, len(ys), sample.predicted, slack=1.0)
    if link is not None:
        return Link(f"has gaps, and where they are {link.words}", link.evidence)
    there = np.bincount(codes[present])
    only = int(there.argmax())
    num_present, usual = int(there.sum()), float(counts[only] / len(codes))
    if num_present < _MIN_ROWS or there[only] < num_present or num_present * log(usual) > _LOG_CHANCE:
        return None
    answer = word(sample.classes[int(ys[only])]) if sample.classes else f"{ys[only]:g}"
    words = f"is there in {num_present:,} rows: {sample.predicted} is {answer} in all of them, in {share(usual)} of all"
    return Link(words, {"num_present": num_present, "class": answer})


def _equal(x: Numbers, y: Numbers, sample: Sample) -> bool:
    if sample.classes and sample.is_class:
        y = np.asarray(sample.classes, np.float64)[y.astype(np.int64)]
    return bool((x == y).all())


def _rank_link(x: Numbers, y: Numbers, target: str, slack: float) -> Link | None:
    correlation = spearman(x, y) or 0.0
    if abs(correlation) <= 1 - slack * (1 - _RANK_CORRELATION):
        return None
    direction = "grows" if correlation > 0 else "falls"
    words = f"{direction} with {target} in nearly every pair of rows (rank correlation {correlation:.4f})"
    return Link(words, {"rank_correlation": figure(correlation)})


def _purity_link(
    x: NDArray[np.int64], y: NDArray[np.int64], num_classes: int, target: str, slack: float
) -> Link | None:
    """Whether saying for each value its most frequent class is nearly always right."""
    counts = np.bincount(x * num_classes + y, minlength=(int(x.max()) + 1) * num_classes).reshape(-1, num_classes)
    purity, majority = counts.max(1).sum() / len(x), counts.sum(0).max() / len(x)
    if purity <= 1 - slack * (1 - _PURITY) or 1 - purity > slack * _LEFT_WRONG * (1 - majority):
        return None
    words = f"alone tells {target} in {share(purity)} of the rows, where always the same answer gets {share(majority)}"
    return Link(words, {"purity": figure(purity), "majority_share": figure(majority)})


def _order_link(x: Numbers, y: NDArray[np.int64], num_classes: int, target: str, slack: float) -> Link | None:
    """Whether the classes lie one after the other along a number."""
    in_order = y[np.lexsort((y, x))]
    num_changes = int(np.count_nonzero(np.diff(in_order)))
    num_others = len(y) - int(np.bincount(y).max())
    if num_others < _MIN_OTHERS or num_changes > num_classes - 1 + slack * 0.01 * num_others:
        return None
    words = f"divides the values of {target} by its size alone: sorted by it, they follow one another in blocks"
    return Link(words, {"num_changes": num_changes, "num_classes": num_classes})


def identifiers(sample: Sample) -> Iterator[Finding]:
    """A feature that only says which row it is."""
    for name in sample.features:
        column = sample.known[name]
        present = sample.num_rows - column.num_missing
        if present < _MIN_ROWS or column.num_distinct < _DISTINCT * present:
            continue
        reason = _reason(sample, name)
        if reason is None:
            continue
        yield Finding(
            kind="identifier",
            severity="warning",
            title=f"{name} names the rows",
            explanation=f"{name} has {column.num_distinct:,} different values in {present:,} rows and {reason}. "
            "What a model learns of it holds for these rows alone.",
            evidence={"num_distinct": column.num_distinct, "num_present": present},
            columns=[name],
            fix=without(sample.data, sample.features, [name]),
        )


def _reason(sample: Sample, name: str) -> str | None:
    """Why a column with a value of its own in each row names the rows rather than measures them."""
    column = sample.known[name]
    steps = sample.data.columns.get(name)
    if column.type in ("text", "category"):
        is_read = steps is not None and steps.tokens is not None
        return None if is_read or _is_prose(sample, name) else "none of them comes again"
    if column.type != "integer":
        return None
    if _NAMES_A_ROW.search(name):
        return "is named like an identifier"
    if column.min is not None and column.max is not None and column.max - column.min + 1 <= 1.2 * column.num_distinct:
        return f"counts from {column.min:,.0f} to {column.max:,.0f}"
    steps_between = np.diff(sample.of(name)[np.isfinite(sample.of(name))])
    return "rises from row to row" if (steps_between > 0).all() else None


def _is_prose(sample: Sample, name: str) -> bool:
    """Whether most texts are of several words."""
    some = [one for one in sample.table.first(name, _NUM_READ) if one]
    return sum(" " in one.strip() for one in some) > len(some) / 2


def near_duplicate_columns(sample: Sample) -> Iterator[Finding]:
    """Numbers that say the same as those of a column before them, up to a factor."""
    names = [name for name in sample.numeric if sample.known[name].num_distinct > 2][:_MAX_PAIRED]
    if sample.is_picture or len(names) < 2 or len(sample.rows) < _MIN_ROWS:
        return
    step = max(1, len(sample.rows) // _MAX_PAIRED_ROWS)
    rows = [_centered(sample.of(name)[::step]) for name in names]
    correlations = np.abs(np.stack(rows) @ np.stack(rows).T)
    pairs = list(_alike(names, correlations))
    if not pairs:
        return
    first, second, correlation = pairs[0]
    again = [second for _, second, _ in pairs]
    yield Finding(
        kind="near_duplicate_columns",
        severity="warning",
        title=f"{named(again)} {'says' if len(again) == 1 else 'say'} nothing new",
        explanation=f"{second} says what {first} says, in another unit at most (correlation {correlation:.6f})"
        f"{and_more(len(pairs) - 1)}. The same twice makes learning slower "
        "and weights harder to read.",
        evidence={
            "pairs": [{"columns": [a, b], "correlation": round(c, 6)} for a, b, c in pairs[:MAX_ROWS_SHOWN]],
            **sample.extent,
        },
        columns=again[:MAX_COLUMNS_SHOWN],
        fix=without(sample.data, sample.features, again),
    )


def _alike(names: list[str], correlations: Numbers) -> Iterator[tuple[str, str, float]]:
    """Each column that says again what an earlier one says, with that one and the correlation."""
    for j in range(1, len(names)):
        i = int(correlations[:j, j].argmax())
        if correlations[i, j] > _ALIKE:
            yield names[i], names[j], float(correlations[i, j])


def _centered(x: Numbers) -> Numbers:
    """Of mean 0 and length 1, so that products are correlations; 0 where missing or constant."""
    present = np.isfinite(x)
    if not present.any():
        return np.zeros_like(x)
    x = np.clip(x, *_reach(x[present]))
    moved = np.where(present, x - x[present].mean(), 0.0)
    length = float(np.linalg.norm(moved))
    return moved / length if length > 0 and np.isfinite(length) else np.zeros_like(x)


def _reach(present: Numbers) -> tuple[float, float]:
    """How far values count: a row of totals would be all that there is to two columns that have nothing in common.

    Of columns that are mostly the same value, the others say how far.
    """
    low, middle, high = np.quantile(present, (0.25, 0.5, 0.75))
    others = present if low < high else present[present != middle]
    if not len(others):
        return middle, middle
    low, high = np.quantile(others, (0.25, 0.75))
    reach = _FAR * (high - low)
    return min(middle, low - reach), max(middle, high + reach)
