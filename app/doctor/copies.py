"""Rows that come more than once: in the table, across the split, and with answers that differ."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.doctor.findings import MAX_ROWS_SHOWN, Finding, Fix, Severity, share
from app.doctor.sample import Sample
from app.doctor.target import UNREAD
from app.splitting import BITS, Rows

_SHARE = 0.01  # of the rows: fewer are no reason to act
_MIN_COUNT = 3
_FEW_COMBINATIONS = 20  # times as many rows as there could be different ones: then some come again by chance

_WITHOUT = Fix(label="Use each row once", patch={"data": {"repeats": "drop"}})


def repeated_rows(sample: Sample) -> Iterator[Finding]:
    """The same features with the same target, more than once."""
    if not len(sample.repeats.again) or sample.data.repeats == "drop":
        return
    again = sample.repeats.again
    part = len(again) / len(sample.compared)
    yield Finding(
        kind="duplicate_rows",
        severity=_severity(sample, len(again), part),
        title=f"{_rows(len(again))} {'repeats' if len(again) == 1 else 'repeat'} an earlier one",
        explanation=f"{_rows(len(again))} of {len(sample.compared):,} ({share(part)}) "
        f"{'is' if len(again) == 1 else 'are'} a copy of an earlier row in all that is read.{_by_chance(sample)} "
        "What is there twice counts twice.",
        evidence={"count": len(again), "share": round(part, 6), **sample.compared_extent},
        rows=sample.compared[again[:MAX_ROWS_SHOWN]].tolist(),
        fix=_WITHOUT,
    )


def rows_across_parts(sample: Sample) -> Iterator[Finding]:
    """Rows that are kept to test or to validate, and stand among the training rows as well."""
    if sample.parts is None or not len(sample.repeats.again):
        return
    groups, parts = sample.repeats.groups, sample.parts[sample.compared]
    train = np.flatnonzero(parts & BITS["train"])
    is_trained = np.zeros(len(sample.repeats.first), np.bool_)
    is_trained[groups[train]] = True
    for part in ("test", "validation"):
        kept = np.flatnonzero((parts & BITS[part] > 0) & (parts & BITS["train"] == 0))
        seen = kept[is_trained[groups[kept]]]
        if not len(seen):
            continue
        portion = len(seen) / len(kept)
        yield Finding(
            kind=f"rows_in_train_and_{part}",
            severity=_severity(sample, len(seen), portion),
            title=f"{share(portion)} of the {part} rows {'is' if len(seen) == 1 else 'are'} trained on too",
            explanation=f"{_rows(len(seen))} of {len(kept):,} kept for {part} {'has' if len(seen) == 1 else 'have'} a "
            f"copy among the training rows.{_by_chance(sample)} A model that knows its rows by heart looks better "
            "there than it is.",
            evidence={
                "count": len(seen),
                "share": round(portion, 6),
                "pairs": _pairs(sample, groups, train, seen[:MAX_ROWS_SHOWN]),
                **sample.compared_extent,
            },
            rows=sample.compared[seen[:MAX_ROWS_SHOWN]].tolist(),
            fix=_WITHOUT,
        )


def contradictions(sample: Sample) -> Iterator[Finding]:
    """The same features with different targets; with numbers that are far apart, where numbers are predicted."""
    if not sample.has_alike:
        return
    known = np.isfinite(sample.target.compared)
    if not known.any():
        return
    rows = sample.compared[known]
    _, groups, counts = np.unique(sample.prints[known], return_inverse=True, return_counts=True)
    targets = sample.target.compared[known]
    highest, lowest = (_of_groups(pick, groups, targets, len(counts)) for pick in (np.maximum, np.minimum))
    # Numbers are never quite the same: those of a group count as different from one deviation on.
    mixed = (highest - lowest > (0 if sample.is_class else targets.std()))[groups]
    count = int(np.count_nonzero(mixed))
    if not count:
        return
    part = count / len(rows)
    ceiling, evidence = "", {"count": count, "share": round(part, 6), **sample.compared_extent}
    if sample.is_class:
        best = _best(groups, targets)
        ceiling = f" No model that sees these columns alone can be right in more than {share(best)} of the rows."
        evidence["best_accuracy"] = round(best, 6)
    together = np.flatnonzero(mixed)[np.argsort(groups[mixed], kind="stable")]
    yield Finding(
        kind="contradictions",
        severity=_severity(sample, count, part),
        title=f"{_rows(count)} {'has' if count == 1 else 'have'} the same features, but another {sample.predicted}",
        explanation=f"{_rows(count)} of {len(rows):,} ({share(part)}) share all features with a row of another "
        f"{sample.predicted}.{_by_chance(sample)}{ceiling}",
        evidence=evidence,
        rows=rows[together[:MAX_ROWS_SHOWN]].tolist(),
    )


def _of_groups(pick: np.ufunc, groups: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[Any]:
    found = np.full(count, -np.inf if pick is np.maximum else np.inf)
    pick.at(found, groups, values)
    return found


def _best(groups: NDArray[np.int64], targets: NDArray[np.float64]) -> float:
    """The accuracy of saying for each group its most frequent class."""
    num_classes = int(targets.max()) + 1
    pairs, counts = np.unique(groups * num_classes + targets.astype(np.int64), return_counts=True)
    best = np.zeros(int(groups.max()) + 1, np.int64)
    np.maximum.at(best, pairs // num_classes, counts)
    return float(best.sum() / len(groups))


def _pairs(sample: Sample, groups: NDArray[np.int64], train: Rows, seen: Rows) -> list[list[int]]:
    """Some of the rows, each with its copy among the training rows."""
    copy_of = {int(groups[one]): int(sample.compared[one]) for one in train[np.isin(groups[train], groups[seen])][::-1]}
    return [[int(sample.compared[one]), copy_of[int(groups[one])]] for one in seen]


def _num_combinations(sample: Sample) -> float:
    """How many different rows there could be: of images, arrays and free text, as many as anyone likes."""
    known = [sample.known[name] for name in sample.features]
    if any(one.type in UNREAD or one.type == "text" for one in known):
        return math.inf
    return math.exp(min(700.0, math.fsum(math.log(max(1, one.num_distinct)) for one in known)))


def _is_by_chance(sample: Sample) -> bool:
    return _num_combinations(sample) < _FEW_COMBINATIONS * sample.num_rows


def _by_chance(sample: Sample) -> str:
    if not _is_by_chance(sample):
        return ""
    return f" The columns allow {_num_combinations(sample):,.0f} different rows, so some come again by chance."


def _severity(sample: Sample, count: int, part: float) -> Severity:
    serious = count >= _MIN_COUNT and part >= _SHARE and not _is_by_chance(sample)
    return "warning" if serious else "info"


def _rows(count: int) -> str:
    return "One row" if count == 1 else f"{count:,} rows"
