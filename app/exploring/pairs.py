"""A picture of two columns: points of two numbers, boxes of a number by classes, shares of classes in classes."""

from pathlib import Path

import numpy as np

from app.association import Numbers
from app.exploring.relations import measure, rows_to_look_at
from app.exploring.schemas import Box, Boxes, PairOut, Scatter, Shares
from app.exploring.sides import ReadAs, Side, side_of
from app.exploring.table import read_rows
from app.splitting import evenly

MAX_POINTS = 2_000
MAX_BOXES = 20
MAX_VALUES, MAX_PARTS = 20, 8  # bars, and what they are divided into
_WHISKER = 1.5  # of the distance between the quartiles


def picture_of(place: Path, num_rows: int, column: tuple[str, ReadAs], target: tuple[str, ReadAs]) -> PairOut:
    """What two columns of the table in `place` look like together, by name and how each is read."""
    rows = rows_to_look_at(num_rows, 2)
    (name, kind), (target_name, target_kind) = column, target
    cells = read_rows(place, [name, target_name], rows)
    side, goal = side_of(cells[name], kind), side_of(cells[target_name], target_kind)
    relation = measure(name, side, goal)
    both = side.present & goal.present
    side, goal = Side(side.values[both], side.names), Side(goal.values[both], goal.names)
    return PairOut(
        target=target_name,
        relation=relation,
        picture=_picture(name, side, target_name, goal) if both.any() else None,
        num_rows=num_rows,
        num_examined=len(rows),
    )


def _picture(name: str, side: Side, target: str, goal: Side) -> Scatter | Boxes | Shares:
    if side.names is None and goal.names is None:
        return _scatter(side.values, goal.values)
    if side.names is not None and goal.names is not None:
        return _shares(side, goal, side.names, goal.names)
    if side.names is None:
        return _boxes(name, side.values, target, goal)
    return _boxes(target, goal.values, name, side)


def _scatter(x: Numbers, y: Numbers) -> Scatter:
    some = evenly(len(x), MAX_POINTS)
    return Scatter(x=x[some].tolist(), y=y[some].tolist())


def _boxes(number: str, values: Numbers, category: str, classes: Side) -> Boxes:
    """A box for each class, as Tukey draws it: quartiles, and how far values reach.

    J. W. Tukey, "Exploratory data analysis" (1977).
    """
    names = classes.names or []
    groups = [(name, values[classes.values == i]) for i, name in enumerate(names[:MAX_BOXES])]
    boxes = [_box(name, group) for name, group in groups if len(group)]
    return Boxes(number=number, category=category, boxes=boxes, num_others=max(0, len(names) - MAX_BOXES))


def _box(name: str, values: Numbers) -> Box:
    with np.errstate(over="ignore", invalid="ignore"):
        q1, median, q3 = np.nan_to_num(np.quantile(values, [0.25, 0.5, 0.75])).tolist()
        reach = _WHISKER * (q3 - q1)
        inside = values[(values >= q1 - reach) & (values <= q3 + reach)]
    inside = inside if len(inside) else values
    return Box(
        value=name,
        count=len(values),
        low=float(inside.min()),
        q1=q1,
        median=median,
        q3=q3,
        high=float(inside.max()),
        num_outside=len(values) - len(inside),
    )


def _shares(side: Side, goal: Side, names: list[str], goal_names: list[str]) -> Shares:
    """How often each value of a column meets each class of the target; the rarer classes together as the last one."""
    num_parts = min(len(goal_names), MAX_PARTS)
    has_other = len(goal_names) > MAX_PARTS
    parts = np.minimum(goal.values, num_parts).astype(int)
    shown = side.values < MAX_VALUES
    width = num_parts + has_other
    cells = side.values[shown].astype(int) * width + parts[shown]
    height = min(len(names), MAX_VALUES)
    counts = np.bincount(cells, minlength=height * width).reshape(height, width)
    return Shares(
        values=names[:height],
        classes=goal_names[:num_parts],
        has_other=has_other,
        counts=counts.tolist(),
        num_others=len(names) - height,
    )
