"""What lies on both sides of the split: the same patient; and what lies on one alone: a user never trained on."""

import re
from collections.abc import Iterator

import numpy as np

from app.doctor.findings import MAX_COLUMNS_SHOWN, MAX_ROWS_SHOWN, Finding, Fix, figure, share, with_split
from app.doctor.sample import Sample
from app.specs.features import is_coded, is_embedded, steps_of
from app.specs.splits import KFoldSplit, keeps_groups, mixes_rows, split_column
from app.splitting import BITS, Parts, Rows

_MIN_ROWS = 50
_HELD = BITS["validation"] | BITS["test"]
_UNTAUGHT = 0.02  # of the rows that are held back
_FEW_UNTAUGHT = 5
_NAMES_A_GROUP = re.compile(
    r"(^|[\s_.-])(patient|subject|person|user|customer|client|household|device|machine|session|batch|store|family|speaker"
    r"|site|plot|animal)s?([\s_.-]?(id|no|nr|number|key|code|name))?$|[a-z]I[dD]$|[\s_.-]id$",
    re.IGNORECASE,
)
_ROWS_OF_EACH = 1.5  # at least, on average
_ACROSS = 0.3  # of the rows that are held back


def groups_across_parts(sample: Sample) -> Iterator[Finding]:
    """Rows of the same patient in training and test: the test then asks for whom the model knows already."""
    split = sample.data.split
    if not mixes_rows(split) or sample.data.window is not None or sample.parts is None or sample.num_rows < _MIN_ROWS:
        return
    num_held = int(np.count_nonzero(sample.parts & _HELD))
    names = [name for name in sample.known if _names_groups(sample, name)]
    across = {name: 1 - len(_untaught(sample, name, sample.parts)) / max(1, num_held) for name in names}
    if not across or max(across.values()) < _ACROSS:
        return
    name = max(across, key=lambda one: across[one])
    column = sample.known[name]
    yield Finding(
        kind="groups_across_parts",
        severity="info",
        title=f"Do rows of one {name} belong together?",
        explanation=f"{column.num_distinct:,} different values of {name} share {sample.num_rows:,} rows, and "
        f"{share(across[name])} of the rows that are held back have one that is trained on as well. If the model is to "
        "be used on others, whole groups must be held back, or the test is easier than what will be asked.",
        evidence={"num_groups": column.num_distinct, "share": figure(across[name])},
        columns=[name],
        fix=None if column.num_missing else _together(sample, name),
    )


def _together(sample: Sample, name: str) -> Fix:
    split = sample.data.split
    if isinstance(split, KFoldSplit):
        return with_split(
            sample.data, f"Keep the rows of each {name} in one fold", **split.model_dump() | {"group": name}
        )
    return with_split(sample.data, f"Keep the rows of each {name} in one part", type="grouped", column=name)


def _names_groups(sample: Sample, name: str) -> bool:
    """Whether a column is named like what rows belong to, and several do; where it is embedded, that is meant so."""
    column = sample.known[name]
    if name == sample.predicted or column.type not in ("integer", "category", "text"):
        return False
    is_group = column.num_distinct > 1 and column.num_distinct * _ROWS_OF_EACH <= sample.num_rows
    return is_group and not is_embedded(sample.data, column) and bool(_NAMES_A_GROUP.search(name))


def untaught_values(sample: Sample) -> Iterator[Finding]:
    """Rows that are not trained on and have categories that no training row has: new users, new things, new places."""
    if sample.num_rows < _MIN_ROWS or sample.parts is None:
        return
    num_held = int(np.count_nonzero(sample.parts & _HELD))
    found = {name: rows for name in _looked_up(sample) if len(rows := _untaught(sample, name, sample.parts))}
    shares = {name: len(rows) / num_held for name, rows in found.items()}
    many = {name: one for name, one in shares.items() if one > _UNTAUGHT and len(found[name]) >= _FEW_UNTAUGHT}
    if not many:
        return
    name = max(many, key=lambda one: many[one])
    yield Finding(
        kind="untaught_values",
        severity="warning",
        title=f"{share(many[name])} of the rows that are held back have a {name} that training never sees",
        explanation=f"{len(found[name]):,} of {num_held:,} rows for validation and test have a value of {name} that "
        "is in no training row: of these values nothing is learned, and the answer rests on the other columns "
        "alone. If new ones will come in use as well, this is the honest test; if not, more rows for each value help.",
        evidence={"shares": {one: figure(many[one]) for one in sorted(many, key=lambda one: -many[one])}},
        columns=sorted(many, key=lambda one: -many[one])[:MAX_COLUMNS_SHOWN],
        rows=found[name][:MAX_ROWS_SHOWN].tolist(),
    )


def _looked_up(sample: Sample) -> Iterator[str]:
    """The features of which each value has weights of its own, but for one by which whole groups are held back."""
    grouped = split_column(sample.data.split) if keeps_groups(sample.data.split) else None
    for name in sample.features:
        column, steps = sample.known[name], steps_of(sample.data, name)
        is_words = column.type == "category" and steps.tokens is None and steps.categories != "hashed"
        if name != grouped and (is_words or is_coded(sample.data, column) or is_embedded(sample.data, column)):
            yield name


def _untaught(sample: Sample, name: str, parts: Parts) -> Rows:
    """The rows that are held back and whose value no training row has; none of those where it is missing."""
    taught = np.empty(0)
    for _, place, values in sample.table.pieces([name]):
        taught = np.union1d(taught, values[parts[place] & BITS["train"] > 0])
    found = [np.empty(0, np.int64)]
    for _, place, values in sample.table.pieces([name]):
        held = (parts[place] & _HELD > 0) & ~np.isnan(values)
        found.append(place.start + np.flatnonzero(held & ~np.isin(values, taught)))
    return np.concatenate(found)
