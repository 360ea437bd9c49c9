"""The values of single columns: too many missing, always the same, too many different ones."""

from collections.abc import Iterator

import numpy as np

from app.doctor.findings import (
    MAX_COLUMNS_SHOWN,
    MAX_ROWS_SHOWN,
    Finding,
    and_more,
    figure,
    named,
    share,
    with_steps,
    without,
)
from app.doctor.sample import Sample
from app.specs.features import is_embedded, steps_of
from app.specs.steps import Missing

_MIN_ROWS = 30
_MOSTLY_MISSING = 0.5
_OF_GAPS = ", apart from gaps, which are filled with it or left out"
_NEARLY_CONSTANT = 0.995
_MANY_CATEGORIES = 100
_NUM_BUCKETS = 64


def missing_values(sample: Sample) -> Iterator[Finding]:
    """Columns of which more than half is missing."""
    shares = {name: sample.known[name].num_missing / max(1, sample.num_rows) for name in sample.features}
    names = [name for name, part in shares.items() if part > _MOSTLY_MISSING]
    if not names:
        return
    yield Finding(
        kind="missing_values",
        severity="warning",
        title=f"Most of {named(names)} is missing",
        explanation=f"{names[0]} has no value in {sample.known[names[0]].num_missing:,} of {sample.num_rows:,} rows "
        f"({share(shares[names[0]])}){and_more(len(names) - 1)}. What fills that many gaps is mostly guessed.",
        evidence={"shares": {name: round(shares[name], 4) for name in names[:MAX_COLUMNS_SHOWN]}},
        columns=names[:MAX_COLUMNS_SHOWN],
        fix=without(sample.data, sample.features, names),
    )


def missing_target(sample: Sample) -> Iterator[Finding]:
    """Rows that nothing can be learned of."""
    target = sample.known[sample.predicted]
    if not target.num_missing:
        return
    yield Finding(
        kind="missing_target",
        severity="info",
        title=f"{target.num_missing:,} {'row has' if target.num_missing == 1 else 'rows have'} no {target.name}",
        explanation="Nothing can be learned of them, and nothing judged by them: they are left out of every part.",
        evidence={"num_missing": target.num_missing, "share": figure(target.num_missing / max(1, sample.num_rows))},
        columns=[target.name],
    )


def constant_columns(sample: Sample) -> Iterator[Finding]:
    """Columns whose value is always the same, or nearly always."""
    if sample.is_picture or sample.num_rows < _MIN_ROWS:
        return
    constant = [name for name in sample.features if _is_constant(sample, name)]
    if constant:
        gaps = any(sample.known[name].num_missing for name in constant)
        yield Finding(
            kind="constant_columns",
            severity="warning",
            title=f"{named(constant)} {'is' if len(constant) == 1 else 'are'} always the same",
            explanation=f"{named(constant)} {'has' if len(constant) == 1 else 'have'} one value in all "
            f"{sample.num_rows:,} rows{_OF_GAPS if gaps else ''}: nothing can be told by it.",
            evidence={"num_columns": len(constant)},
            columns=constant[:MAX_COLUMNS_SHOWN],
            fix=without(sample.data, sample.features, constant),
        )
    shares = {name: _most_frequent(sample, name) for name in sample.places if name not in constant}
    nearly = [name for name, part in shares.items() if _NEARLY_CONSTANT <= part < 1]
    if nearly:
        yield Finding(
            kind="nearly_constant_columns",
            severity="info",
            title=f"{named(nearly)} {'is' if len(nearly) == 1 else 'are'} nearly always the same",
            explanation=f"{nearly[0]} has one value in {share(shares[nearly[0]])} of the rows"
            f"{and_more(len(nearly) - 1)}. The few others may be the ones that count, or a slip.",
            evidence={
                "shares": {name: round(shares[name], 5) for name in nearly[:MAX_COLUMNS_SHOWN]},
                **sample.extent,
            },
            columns=nearly[:MAX_COLUMNS_SHOWN],
            rows=_exceptions(sample, nearly[0]),
            fix=without(sample.data, sample.features, nearly),
        )


def _is_constant(sample: Sample, name: str) -> bool:
    """Whether a column is always the same once its gaps are filled, or the rows that have one are left out."""
    column, missing = sample.known[name], steps_of(sample.data, name).missing or Missing()
    if column.num_distinct > 1 or not column.num_missing:
        return column.num_distinct <= 1
    if column.num_distinct == 0 or missing.indicator or is_embedded(sample.data, column):
        return False
    return missing.type != "constant" or (column.is_numeric and missing.value == column.min)


def _most_frequent(sample: Sample, name: str) -> float:
    """The share of a column's most frequent value among those that are there; 0 where that is certainly small."""
    column, found = sample.known[name], sample.of(name)
    present = found[np.isfinite(found)]
    if not len(present) or column.num_distinct > (1 - _NEARLY_CONSTANT) * sample.num_rows + 1:
        return 0.0
    return float(np.count_nonzero(present == _mode(sample, name)) / len(present))


def _mode(sample: Sample, name: str) -> float:
    """What a column that hardly changes is: its median."""
    found = sample.of(name)
    return float(np.nanquantile(found, 0.5, method="lower"))


def _exceptions(sample: Sample, name: str) -> list[int]:
    found = sample.of(name)
    others = np.flatnonzero(np.isfinite(found) & (found != _mode(sample, name)))
    return [int(row) for row in sample.rows[others[:MAX_ROWS_SHOWN]]]


def many_categories(sample: Sample) -> Iterator[Finding]:
    """Words that become hundreds of inputs."""
    many = {
        name: sample.known[name].num_distinct
        for name in sample.features
        if sample.known[name].type == "category"
        and sample.known[name].num_distinct > _MANY_CATEGORIES
        and (steps := steps_of(sample.data, name)).categories == "one_hot"
        and steps.tokens is None
    }
    if not many:
        return
    names = list(many)
    yield Finding(
        kind="many_categories",
        severity="warning",
        title=f"{named(names)} {'becomes' if len(names) == 1 else 'become'} {sum(many.values()):,} inputs",
        explanation=f"{names[0]} has {many[names[0]]:,} categories, and each becomes an input of its own"
        f"{and_more(len(names) - 1)}. With {sample.num_rows / many[names[0]]:,.1f} rows for each, most of these "
        "weights see hardly a row.",
        evidence={"num_categories": dict(list(many.items())[:MAX_COLUMNS_SHOWN])},
        columns=names[:MAX_COLUMNS_SHOWN],
        fix=with_steps(names, f"Let {_NUM_BUCKETS} buckets share them", categories="hashed", num_buckets=_NUM_BUCKETS),
    )
