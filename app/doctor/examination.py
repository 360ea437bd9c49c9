"""The examination: a table is read once, and every rule has a look."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.doctor.classes import class_as_number, class_imbalance, missing_classes, number_as_class, rare_class
from app.doctor.copies import contradictions, repeated_rows, rows_across_parts
from app.doctor.findings import Finding
from app.doctor.groups import groups_across_parts, untaught_values
from app.doctor.leaks import identifiers, near_duplicate_columns, target_leaks
from app.doctor.sample import Sample, take
from app.doctor.sizes import outliers, unscaled
from app.doctor.splits import time_order, too_few_rows, too_many_parameters
from app.doctor.target import UNREAD
from app.doctor.values import constant_columns, many_categories, missing_target, missing_values
from app.specs.columns import Column
from app.specs.data import DataSpec

Rule = Callable[[Sample], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    target_leaks,
    missing_classes,
    class_as_number,
    number_as_class,
    rows_across_parts,
    time_order,
    identifiers,
    contradictions,
    repeated_rows,
    class_imbalance,
    rare_class,
    unscaled,
    outliers,
    missing_values,
    missing_target,
    constant_columns,
    near_duplicate_columns,
    many_categories,
    groups_across_parts,
    untaught_values,
    too_few_rows,
    too_many_parameters,
)
# What they say of a row holds where a row is an input by itself: of a time series it is part of many.
_OF_SINGLE_ROWS = frozenset({rows_across_parts, contradictions, repeated_rows})
_SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Examination:
    """What was found, the gravest first, and in how many of the rows it was looked for."""

    findings: list[Finding]
    num_rows: int
    num_examined: int


def _rules(data: DataSpec) -> Iterator[Rule]:
    window = data.window
    for rule in RULES:
        if window is None or not (rule in _OF_SINGLE_ROWS or (rule is target_leaks and window.sees_target)):
            yield rule


def examine(
    place: Path,
    columns: Sequence[Column],
    data: DataSpec,
    loss: str | None = None,
    num_parameters: int | None = None,
    *,
    is_weighed: bool = False,
) -> Examination:
    """Everything the rules find in the table in `place`, whose columns are `columns`.

    `is_weighed` says that classes do not all count the same in the loss. `data` names only columns that there are.
    Large tables are looked at in an even choice of rows.
    """
    from app.preparing.table import Table  # pyarrow takes a tenth of a second, and the server starts without
    from app.stored.table import open_table

    known = {column.name: column for column in columns}
    words = [name for name, column in known.items() if column.type == "category"]
    stored = open_table(place, words)
    unread = [name for name, column in known.items() if column.type in UNREAD]
    cell_bytes = {name: stored.num_bytes(name) // max(1, stored.num_rows) for name in unread}
    sample = take(Table(stored, known), columns, data, loss, num_parameters, cell_bytes, is_weighed=is_weighed)
    found = [finding for rule in _rules(data) for finding in rule(sample)]
    found.sort(key=lambda finding: _SEVERITIES.index(finding.severity))
    return Examination(found, sample.num_rows, len(sample.rows))
