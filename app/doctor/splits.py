"""Whether the split asks what will be asked later, and whether the rows are enough."""

import re
from collections.abc import Iterator

import numpy as np

from app.association import pearson
from app.doctor.findings import Finding, Fix, figure, with_split
from app.doctor.sample import Sample
from app.doctor.target import UNREAD
from app.prints import Numbers
from app.specs.splits import SharesSplit, mixes_rows
from app.splitting import BITS, Rows, evenly

_MIN_ROWS = 50
_MIN_TEST_ROWS = 30
_PARAMETERS_A_ROW = 10
_AUTOCORRELATION = 0.8
_IN_ORDER = 0.99  # of the steps from row to row lead the same way
_FEW_VALUES = 50
_UNTAUGHT = 0.02  # of the rows that are held back
_FEW_UNTAUGHT = 5
_WINDOW = 32  # rows that a forecast sees
_DEGREE = 5  # of the curve that a sorted feature may explain
_MAX_PAIRS = 100_000  # of neighbours
_NAMES_A_TIME = re.compile(
    r"(?i:year|yr|quarter|month|week|day|date|hour|minute|second|time|period|epoch|timestamp)$"
    r"|.+((?i:[_.\s-](date|time|timestamp))|[a-z](Date|Time|Timestamp))$"
)
_HELD = BITS["validation"] | BITS["test"]
_SHARES = ("train", "validation", "test")


def time_order(sample: Sample) -> Iterator[Finding]:
    """Rows follow one another in time, and the split mixes them."""
    split = sample.data.split
    if not mixes_rows(split) or sample.num_rows < _MIN_ROWS:
        return
    times = [one.name for one in sample.known.values() if one.type == "timestamp" and one.num_distinct > 2]
    in_order = next((name for name in times if _is_in_order(sample.at(name, sample.rows))), _counted_time(sample))
    if in_order is not None:
        yield Finding(
            kind="time_order",
            severity="warning",
            title=f"Rows go by {in_order}, and the split mixes them",
            explanation=f"The rows stand in the order of {in_order}, and are dealt out at random: the model is "
            "tested on moments between those that it was trained on. When it is used, it will only know "
            "what came before.",
            evidence={"num_times": sample.known[in_order].num_distinct},
            columns=[in_order],
            fix=_by_time(sample, in_order),
        )
        return
    unread = sample.is_class or sample.known[sample.predicted].type in UNREAD
    correlation = 0.0 if unread or _is_in_blocks(sample) else _autocorrelation(*_neighbours(sample))
    if correlation > _AUTOCORRELATION and not _is_explained(sample):
        yield Finding(
            kind="time_order",
            severity="warning",
            title=f"{sample.predicted} hardly changes from row to row, and the split mixes them",
            explanation=f"Neighbouring rows have similar values of {sample.predicted} (correlation "
            f"{correlation:.2f}), as in a series. Dealt out at random, each test row has its neighbours "
            "among the training rows, and the "
            "test is easier than what comes later.",
            evidence={"autocorrelation": figure(correlation)},
            columns=[sample.predicted],
            fix=_in_row_order(sample),
        )
    elif times:
        yield Finding(
            kind="time_order",
            severity="info",
            title=f"Should later rows be kept for the test, by {times[0]}?",
            explanation=f"{times[0]} says when, and rows are dealt out at random. If the model is to be used on later "
            "rows than it was trained on, test it on later ones.",
            evidence={"num_times": sample.known[times[0]].num_distinct},
            columns=times,
            fix=_by_time(sample, times[0]),
        )


def _is_in_order(values: Numbers) -> bool:
    """Whether nearly all steps along some rows (n,) lead the same way, or nowhere."""
    return _is_one_way(np.diff(values[np.isfinite(values)]))


def _is_one_way(steps: Numbers) -> bool:
    return bool(steps.any() and max(np.mean(steps >= 0), np.mean(steps <= 0)) >= _IN_ORDER)


def _firsts(sample: Sample) -> Rows:
    """Some rows, evenly chosen, each of which has a next one."""
    return evenly(sample.num_rows - 1, _MAX_PAIRS)


def _neighbours(sample: Sample) -> tuple[Numbers, Numbers]:
    """The target (k,) of some rows, and of the next ones."""
    first = _firsts(sample)
    return sample.at(sample.predicted, first), sample.at(sample.predicted, first + 1)


def _autocorrelation(first: Numbers, second: Numbers) -> float:
    """The correlation of some rows (k,) with the next; 0 for a table that is only sorted, or too short to tell."""
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    if len(first) < _MIN_ROWS - 1 or _is_one_way(second - first):
        return 0.0
    return pearson(first, second) or 0.0


def _counted_time(sample: Sample) -> str | None:
    """A column of whole numbers that is named like a time and only rises, or only falls, from row to row."""
    for one in sample.known.values():
        is_time = one.type == "integer" and one.name != sample.predicted and _NAMES_A_TIME.match(one.name)
        if is_time and one.num_distinct > 2:
            steps = np.diff(sample.at(one.name, sample.rows))
            if (steps >= 0).all() or (steps <= 0).all():
                return one.name
    return None


def _is_explained(sample: Sample) -> bool:
    """Whether neighbours are alike because the rows are sorted by a feature that goes with the target.

    What a smooth curve of that feature leaves of the target is then no longer alike. A feature that only counts the
    rows, or is named like a time, explains nothing: what comes later has other values of it.
    """
    for name in sample.numeric:
        if not _is_in_order(sample.of(name)) or _NAMES_A_TIME.match(name) or _counts_rows(sample, name):
            continue
        first = _firsts(sample)
        (y, y_next), x, x_next = _neighbours(sample), sample.at(name, first), sample.at(name, first + 1)
        both = np.isfinite(x) & np.isfinite(y)
        if np.count_nonzero(both) < _MIN_ROWS or np.ptp(x[both]) == 0:
            continue
        curve = np.polynomial.Polynomial.fit(x[both], y[both], _DEGREE)
        if _autocorrelation(y - curve(x), y_next - curve(x_next)) <= _AUTOCORRELATION:
            return True
    return False


def _counts_rows(sample: Sample, name: str) -> bool:
    """Whether a feature holds whole numbers whose steps from row to row are all about the same."""
    steps = np.abs(np.diff(sample.of(name)[np.isfinite(sample.of(name))]))
    return sample.known[name].type == "integer" and bool(steps.max() <= 2 * np.median(steps))


def _is_in_blocks(sample: Sample) -> bool:
    """Whether the table is sorted by a column of few values: then neighbours are alike, and it is no series."""
    for name in sample.places:
        if not 2 <= sample.known[name].num_distinct <= _FEW_VALUES:
            continue
        present = sample.of(name)[np.isfinite(sample.of(name))]
        if np.count_nonzero(np.diff(present)) == len(np.unique(present)) - 1:
            return True
    return False


def _shares(sample: Sample) -> dict[str, float]:
    split = sample.data.split
    if isinstance(split, SharesSplit):
        return {part: getattr(split, part) for part in _SHARES}
    return {"train": 0.7, "validation": 0.15, "test": 0.15}


def _by_time(sample: Sample, column: str) -> Fix | None:
    if sample.known[column].num_missing or column == sample.predicted:
        return None
    split = with_split(
        sample.data, f"Split by {column}: the latest test", type="time", column=column, **_shares(sample)
    )
    if sample.data.features is not None or sample.features != [column]:
        return split
    # Nothing would be left to be fed: what the target has been so far is what there is to learn from.
    window = {"length": max(1, min(_WINDOW, sample.num_rows // 10)), "time": column}
    patch = {"data": split.patch["data"] | {"window": window, "features": None, "repeats": None}}
    return Fix(label=f"Forecast {sample.predicted} along {column}, from the rows before", patch=patch)


def _in_row_order(sample: Sample) -> Fix:
    split = {"type": "shares", "shuffle": False, "stratify": False, **_shares(sample)}
    return with_split(sample.data, "Split in the order of the rows: the last ones test", **split)


def too_few_rows(sample: Sample) -> Iterator[Finding]:
    """A table, or a test, that is too small to tell."""
    if sample.num_rows < _MIN_ROWS:
        yield Finding(
            kind="too_few_rows",
            severity="warning",
            title=f"The table has {sample.num_rows:,} rows",
            explanation=f"{sample.num_rows:,} rows are soon learned by heart, and a part of them says little about "
            "rows that are not there.",
            evidence={"num_rows": sample.num_rows},
        )
        return
    num_test = sample.sizes.get("test", 0)
    what = "rows" if sample.data.window is None else "windows"
    if 0 < num_test < _MIN_TEST_ROWS:
        yield Finding(
            kind="small_test",
            severity="info",
            title=f"{num_test:,} {what} test",
            explanation=f"With {num_test:,} test {what} each counts {1 / num_test:.1%} of the result: "
            "what a few of them change is chance. A split by folds tests on all of them in turn.",
            evidence={"num_test": num_test},
        )


def too_many_parameters(sample: Sample) -> Iterator[Finding]:
    """A model that could learn every training row by heart."""
    num_train = sample.sizes.get("train", 0)
    what = "row" if sample.data.window is None else "window"
    if sample.num_parameters is None or not num_train or sample.num_parameters <= _PARAMETERS_A_ROW * num_train:
        return
    if sample.known[sample.predicted].type in (*UNREAD, "text"):  # a row teaches as much as it has pixels or tokens
        return
    ratio = sample.num_parameters / num_train
    yield Finding(
        kind="too_many_parameters",
        severity="warning",
        title=f"{ratio:,.0f} parameters for each training {what}",
        explanation=f"The model has {sample.num_parameters:,} parameters and {num_train:,} {what}s to learn them from: "
        f"it can learn every {what} by heart. A smaller model, dropout, an l2 penalty or early stopping hold it back.",
        evidence={"num_parameters": sample.num_parameters, "num_train": num_train, "ratio": figure(ratio)},
    )
