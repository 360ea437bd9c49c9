"""How each column of a table goes together with one of them, in an even choice of rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.association import correlation_ratio, cramers_v, pearson, spearman
from app.exploring.schemas import Relation, RelationsOut
from app.exploring.sides import ReadAs, Side, reads_as, side_of
from app.exploring.table import read_rows
from app.specs.columns import Column
from app.splitting import Rows, evenly

MAX_ROWS = 50_000
MAX_CELLS = 4_000_000  # over all columns: of a wide table fewer rows are looked at
_MIN_ROWS = 3
_COLUMNS_AT_ONCE = 32
_UNREAD = {"text": "texts are not compared", "image": "images are not compared", "array": "arrays are not compared"}


def rows_to_look_at(num_rows: int, num_columns: int) -> Rows:
    """Which rows of a table are looked at, ascending."""
    return evenly(num_rows, min(MAX_ROWS, max(2_000, MAX_CELLS // max(1, num_columns))))


def relate(place: Path, columns: Sequence[Column], num_rows: int, target: Column, read_as: ReadAs) -> RelationsOut:
    """Every other column of the table in `place` against `target`, the closest first.

    A pair is measured by what both are: two numbers by Pearson's and Spearman's correlation, classes and a number by
    the correlation ratio, two classes by Cramér's V. Rows where one of the two is missing or infinite are left out.
    """
    rows = rows_to_look_at(num_rows, len(columns))
    others = [column for column in columns if column.name != target.name]
    found = list(_measured(place, others, rows, target, read_as))
    found += [_unmeasured(column) for column in others if reads_as(column) is None]
    found.sort(key=lambda one: -1.0 if one.strength is None else one.strength, reverse=True)
    return RelationsOut(target=target.name, read_as=read_as, relations=found, num_rows=num_rows, num_examined=len(rows))


def _measured(place: Path, others: Sequence[Column], rows: Rows, target: Column, read_as: ReadAs) -> Iterator[Relation]:
    readable = [(column.name, kind) for column in others if (kind := reads_as(column)) is not None]
    goal = side_of(read_rows(place, [target.name], rows)[target.name], read_as)
    for start in range(0, len(readable), _COLUMNS_AT_ONCE):
        some = readable[start : start + _COLUMNS_AT_ONCE]
        cells = read_rows(place, [name for name, _ in some], rows)
        for name, kind in some:
            yield measure(name, side_of(cells[name], kind), goal)


def measure(name: str, side: Side, goal: Side) -> Relation:
    """How closely a column (n,) goes together with the target (n,)."""
    both = side.present & goal.present
    num_both = int(both.sum())
    common: dict[str, Any] = {"column": name, "num_rows": num_both, "num_left_out": len(both) - num_both}
    if num_both < _MIN_ROWS:
        return Relation(**common, note="too few rows have a value of both")
    x, y = side.values[both], goal.values[both]
    match side.names is None, goal.names is None:
        case True, True:
            straight, ranked = pearson(x, y), spearman(x, y)
            sizes = [abs(one) for one in (straight, ranked) if one is not None]
            found = Relation(
                **common, measure="correlation", strength=max(sizes, default=None), pearson=straight, spearman=ranked
            )
        case False, False:
            found = Relation(**common, measure="cramers_v", strength=cramers_v(x.astype(int), y.astype(int)))
        case is_number, _:
            groups, values = (y, x) if is_number else (x, y)
            eta = correlation_ratio(groups.astype(int), values)
            found = Relation(**common, measure="correlation_ratio", strength=eta)
    if found.strength is None:
        return Relation(**common, note="one of the two has a single value in these rows")
    return found


def _unmeasured(column: Column) -> Relation:
    return Relation(column=column.name, num_rows=0, num_left_out=0, note=_UNREAD[column.type])
