"""The target: classes that are rare or missing, and whether it is taken for what it is."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.doctor.findings import MAX_ROWS_SHOWN, Finding, Fix, named, share, with_split
from app.doctor.sample import FEW_CLASSES, Sample
from app.specs.columns import Column
from app.specs.losses import CLASS_LOSSES, LOSSES, PLAIN_LOSSES, WEIGHTS
from app.specs.splits import KFoldSplit, SharesSplit, mixes_rows
from app.splitting import BITS
from app.transforms import word

_MAJORITY = 0.8
_RARE = 0.2  # of what a class had if all had the same: of two classes a tenth of the rows
_MIN_ROWS = 50
_LIKE_CLASSES = 10  # whole numbers of so few values are rather names than amounts


def class_imbalance(sample: Sample) -> Iterator[Finding]:
    """One class has nearly all rows, so that always saying it looks like success."""
    if not sample.is_class or not sample.classes:
        return
    counts = sample.target.num_rows()
    if counts.sum() < _MIN_ROWS or counts.max() < _MAJORITY * counts.sum() or np.count_nonzero(counts) < 2:
        return
    kept = {
        f"the {part} rows": sample.target.num_rows(part) for part in ("test", "validation") if sample.sizes.get(part)
    }
    where, there = next(iter(kept.items()), ("the rows", counts))
    if not there.sum():
        return
    most = int(counts.argmax())
    baseline = float(there[most] / there.sum())
    yield Finding(
        kind="class_imbalance",
        severity="warning",
        title=f"Always saying {word(sample.classes[most])} gives {share(baseline)}",
        explanation=f"{share(counts[most] / counts.sum())} of all rows and {share(baseline)} of {where} are "
        f"{word(sample.classes[most])}. An accuracy of {share(baseline)} means that nothing was learned: look at "
        "f1, precision and recall.",
        evidence={
            "baseline_accuracy": round(baseline, 4),
            "counts": _listed(sample, counts),
            "num_in_part": int(there.sum()),
        },
        columns=[sample.predicted],
        fix=_stratified(sample, counts),
    )


def rare_class(sample: Sample) -> Iterator[Finding]:
    """A class with so few rows that a loss hardly notices it."""
    argument = WEIGHTS.get(sample.loss or "")
    if argument is None or sample.is_weighed or not sample.is_class or not sample.classes:
        return
    counts = sample.target.num_rows("train") if sample.sizes.get("train") else sample.target.num_rows()
    there = counts[counts > 0]
    if counts.sum() < _MIN_ROWS or len(there) < 2 or there.min() >= _RARE / len(there) * counts.sum():
        return
    rarest = int(np.where(counts > 0, counts, counts.sum()).argmin())
    part = share(counts[rarest] / counts.sum())
    yield Finding(
        kind="rare_class",
        severity="info",
        title=f"{part} of the rows are {word(sample.classes[rarest])}",
        explanation=f"Of {len(there):,} classes {word(sample.classes[rarest])} has {int(counts[rarest]):,} of "
        f"{int(counts.sum()):,} rows that are trained on: a loss that counts every row the same gains little by "
        "telling it. Balanced, all classes count the same together; the frequent ones are then mistaken more often.",
        evidence={"counts": _listed(sample, counts), "share": round(float(counts[rarest] / counts.sum()), 6)},
        columns=[sample.predicted],
        fix=Fix(label="Let all classes count the same", patch={"training": {"loss": {argument: "balanced"}}}),
    )


def missing_classes(sample: Sample) -> Iterator[Finding]:
    """A class that a part of the split has no row of."""
    if not sample.is_class or not sample.classes or sample.parts is None:
        return
    counts = sample.target.num_rows()
    for part, bit in BITS.items():
        num_rows = np.count_nonzero(sample.parts & bit)
        if not num_rows:
            continue
        absent = np.flatnonzero((sample.target.num_rows(part) == 0) & (counts > 0))
        if not len(absent):
            continue
        names = [word(sample.classes[i]) for i in absent]
        untaught = part == "train"
        yield Finding(
            kind=f"classes_missing_from_{part}",
            severity="error" if untaught else "warning",
            title=f"No {part} row is {named(names)}",
            explanation=f"Of {num_rows:,} {part} rows none is {named(names)}, of which the table has "
            f"{int(counts[absent].sum()):,}. "
            + ("What is never shown cannot be learned." if untaught else "How well it is told stays unknown."),
            evidence={"classes": names[:MAX_ROWS_SHOWN], "counts": counts[absent][:MAX_ROWS_SHOWN].tolist()},
            columns=[sample.predicted],
            rows=_rows_of(sample, absent),
            fix=_stratified(sample, counts),
        )


def class_as_number(sample: Sample) -> Iterator[Finding]:
    """Few whole numbers, of which the loss thinks that 2 lies between 1 and 3."""
    target = sample.known[sample.predicted]
    if sample.loss not in PLAIN_LOSSES or sample.num_rows < _MIN_ROWS or not _looks_like_class(sample, target):
        return
    is_binary = target.num_distinct == 2
    loss = "binary_cross_entropy_with_logits" if is_binary else "cross_entropy"
    outputs = "" if is_binary else f", and {target.num_distinct} outputs"
    yield Finding(
        kind="class_as_number",
        severity="warning",
        title=f"{target.name} looks like a class, and is taken for a number",
        explanation=f"{target.name} has {target.num_distinct} values in {sample.num_rows:,} rows. {sample.loss} takes "
        f"them for amounts, of which one is twice another; where they are names, {loss} fits{outputs}.",
        evidence={"num_distinct": target.num_distinct, "values": list(target.values or [])},
        columns=[target.name],
        fix=_other_loss(sample, loss, "accuracy", "Predict a class"),
    )


def _looks_like_class(sample: Sample, target: Column) -> bool:
    """Whether a target has few values, all of them whole: 1.0 is 1, which a gap in the column made a fraction."""
    if target.type not in ("integer", "boolean", "float") or not 2 <= target.num_distinct <= _LIKE_CLASSES:
        return False
    if target.type != "float":
        return True
    return all((np.isnan(found) | (found == np.round(found))).all() for _, found in sample.whole_target())


def number_as_class(sample: Sample) -> Iterator[Finding]:
    """A quantity of which each value is a class of its own."""
    target = sample.known[sample.predicted]
    if sample.loss not in CLASS_LOSSES or target.type not in ("integer", "float", "timestamp"):
        return
    if target.num_distinct <= (FEW_CLASSES if target.type == "integer" else _LIKE_CLASSES):
        return
    yield Finding(
        kind="number_as_class",
        severity="warning",
        title=f"{target.name} looks like a number, and is taken for a class",
        explanation=f"{target.name} has {target.num_distinct:,} values in {sample.num_rows:,} rows. {sample.loss} "
        "learns each of them by itself and does not know which are near to one another; mse_loss predicts the number.",
        evidence={"num_distinct": target.num_distinct, "num_rows": sample.num_rows},
        columns=[target.name],
        fix=_other_loss(sample, "mse_loss", "mae", "Predict a number"),
    )


def _other_loss(sample: Sample, loss: str, metric: str, label: str) -> Fix:
    gone = dict.fromkeys(LOSSES[sample.loss].model_fields) if sample.loss is not None else {}
    patch: dict[str, Any] = {"training": {"loss": gone | {"type": loss}, "metrics": [{"type": metric}]}}
    split = sample.data.split
    if metric == "accuracy":
        patch["data"] = {"scale_target": "none"}
    elif isinstance(split, SharesSplit | KFoldSplit) and split.stratify:  # each number would be a class of its own
        patch["data"] = {"split": {"stratify": False}}
    return Fix(label=label, patch=patch)


def _rows_of(sample: Sample, classes: NDArray[np.int64]) -> list[int]:
    """The first rows of these classes."""
    found: list[int] = []
    for place, target in sample.whole_target():
        found += (place.start + np.flatnonzero(np.isin(target, classes))).tolist()
        if len(found) >= MAX_ROWS_SHOWN:
            break
    return found[:MAX_ROWS_SHOWN]


def _stratified(sample: Sample, counts: NDArray[np.int64]) -> Fix | None:
    """The same split with the mix of classes kept, where that can be and is not so already."""
    split = sample.data.split
    if not isinstance(split, SharesSplit | KFoldSplit) or split.stratify or not mixes_rows(split):
        return None
    num_folds = split.num_folds if isinstance(split, KFoldSplit) else 0
    num_parts = num_folds + sum(1 for part in ("train", "validation", "test") if getattr(split, part, None))
    if counts[counts > 0].min() < num_parts:
        return None
    return with_split(sample.data, "Give each part the same mix of classes", **split.model_dump() | {"stratify": True})


def _listed(sample: Sample, counts: NDArray[np.int64]) -> dict[str, int]:
    most = np.argsort(-counts, kind="stable")[:MAX_ROWS_SHOWN]
    return {word(sample.classes[i]): int(counts[i]) for i in most}
