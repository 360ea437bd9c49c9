"""What is learned of the training rows, and of them alone: what fills, clips and scales; which words are known.

The rows come in batches, as often as a column needs them: a first time for what fills and clips it, a second time, now
without gaps, for what scales it. Memory is bounded, so that of more than `Sample.LIMIT` rows medians, quantiles and the
most frequent value are those of as many rows, chosen by chance; means, deviations and ranges are always of all.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.errors import JobFailure
from app.moments import Moments
from app.preparing import vocabulary
from app.preparing.lookups import CategoryFitter, TextFitter
from app.preparing.table import numbers_of
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import embedded_places, image_shape, is_coded, steps_of
from app.specs.steps import ColumnSteps, Pixels
from app.transforms import UNKNOWN, AnyStep, ArrayStep, ImageStep, Step
from app.transforms.steps import Numbers, fill, prepared

_SCALED = frozenset({"integer", "float", "timestamp"})


class Fitter(Protocol):
    """Learns what becomes of one column."""

    name: str

    @property
    def wants_more(self) -> bool:
        """Whether the rows are to come once more."""
        ...

    def see(self, column: pa.Array) -> None:
        """Training rows of a batch."""
        ...

    def turn(self) -> None:
        """All rows have come."""
        ...

    def steps(self) -> list[AnyStep]:
        """What was learned."""
        ...


def fitters(data: DataSpec, fed: Sequence[Column]) -> list[Fitter]:
    """Who learns of each column. Texts that are cut alike share a vocabulary: one embedding looks all of them up."""
    places = embedded_places(data, fed)
    builders: dict[tuple[str, int, bool], vocabulary.Builder] = {}
    found: list[Fitter] = []
    for column in fed:
        steps = steps_of(data, column.name)
        if column.name in places:
            found.append(CategoryFitter(column, places[column.name]))
        elif steps.tokens is not None and column.type in ("text", "category"):
            builder = builders.setdefault(steps.tokens.cut, vocabulary.Builder(steps.tokens))
            found.append(TextFitter(column.name, steps.tokens, builder))
        else:
            found.append(_fitter(column, steps, is_coded=is_coded(data, column)))
    return found


def _fitter(column: Column, steps: ColumnSteps, *, is_coded: bool) -> Fitter:
    if column.type == "image":
        return ImageFitter(column, steps.pixels or Pixels())
    if column.type == "array":
        return ArrayFitter(column, steps)
    return NumberFitter(unfitted(column, steps, is_coded=is_coded), steps)


def unfitted(column: Column, steps: ColumnSteps, *, is_coded: bool = False) -> list[Step]:
    """What becomes of a column of numbers or words, before anything is learned: several steps for parts of a time."""
    indicator = bool(steps.missing and steps.missing.indicator and column.num_missing)
    if column.type == "timestamp" and steps.parts:
        own = [Step(name=column.name, type="timestamp", part=part) for part in steps.parts]
        return [*own[:-1], own[-1].model_copy(update={"indicator": indicator})]
    if is_coded:
        return [Step(name=column.name, type="integer", values=column.values or [], one_hot=True, indicator=indicator)]
    if column.is_numeric:
        return [Step(name=column.name, type=column.type, indicator=indicator, log=steps.log)]
    if steps.categories == "hashed":
        return [Step(name=column.name, type="category", num_buckets=steps.num_buckets, indicator=indicator)]
    one_hot = steps.categories == "one_hot"
    values = column.values or []
    return [Step(name=column.name, type="category", values=values, one_hot=one_hot, indicator=indicator)]


class Sample:
    """Up to a million numbers, each of all that come as likely as any other; the same of the same numbers."""

    LIMIT = 1_000_000

    def __init__(self) -> None:
        self._kept: list[Numbers] = []
        self._share = 1.0  # of what comes
        self._num_kept = 0
        self._random = np.random.default_rng(0)

    def add(self, values: Numbers) -> None:
        """More of them, (N,)."""
        self._keep(self._some(values, self._share))
        while self._num_kept > self.LIMIT:
            kept, self._kept, self._num_kept = self.values(), [], 0
            self._share /= 2
            self._keep(self._some(kept, 0.5))

    def _some(self, values: Numbers, share: float) -> Numbers:
        return values.copy() if share == 1 else values[self._random.random(len(values)) < share]

    def _keep(self, values: Numbers) -> None:
        self._kept.append(values)
        self._num_kept += len(values)

    def values(self) -> Numbers:
        """Those that were kept, in their order."""
        return np.concatenate(self._kept) if self._kept else np.empty(0)


class NumberFitter:
    """Learns what fills, clips and scales a column of numbers, words or times."""

    def __init__(self, unfitted: list[Step], steps: ColumnSteps) -> None:
        self.name = unfitted[0].name
        self._steps, self._how = unfitted, steps
        self._moments, self._sample = Moments(), Sample()
        self._scales = [(Moments(), Sample()) for _ in unfitted]
        self._codes: set[int] = set()
        self._passes: list[Callable[[Numbers], None]] = []
        if unfitted[0].one_hot:
            self._passes.append(self._see_values)
        if self._fills or steps.clip_share is not None:
            self._passes.append(self._see_raw)
        is_amount = self._steps[0].type in _SCALED and not self._steps[0].one_hot
        if steps.scale not in (None, "none") and is_amount:
            self._passes.append(self._see_prepared)
        if self._see_raw not in self._passes:
            self._learn_raw()

    @property
    def _fills(self) -> bool:
        missing = self._how.missing
        return missing is not None and missing.type in ("mean", "median", "most_frequent")

    @property
    def wants_more(self) -> bool:
        """Whether the rows are to come once more."""
        return bool(self._passes)

    def see(self, column: pa.Array) -> None:
        """Training rows of a batch."""
        self._passes[0](numbers_of(self._steps[0], column))

    def turn(self) -> None:
        """All rows have come. Raises JobFailure where there was nothing to learn from."""
        done = self._passes.pop(0)
        if done == self._see_values:
            self._learn_values()
        elif done == self._see_raw:
            self._learn_raw()
        else:
            scaled = zip(self._steps, self._scales, strict=True)
            self._steps = [_scaled(step, self._how, *scales) for step, scales in scaled]

    def steps(self) -> list[AnyStep]:
        """What was learned."""
        return list(self._steps)

    def _see_values(self, found: Numbers) -> None:
        self._codes.update(np.unique(found[found >= 0]).astype(int).tolist())

    def _learn_values(self) -> None:
        """What no training row has is unknown: the weights of its input would be what chance made them."""
        values = self._steps[0].values or []
        seen = [values[code] for code in sorted(self._codes)]
        self._steps = [self._steps[0].model_copy(update={"values": seen, "num_places": len(values)})]

    def _see_raw(self, found: Numbers) -> None:
        present = found[~np.isnan(found)]
        self._moments.add(present)
        self._sample.add(present)

    def _see_prepared(self, found: Numbers) -> None:
        for step, (moments, sample) in zip(self._steps, self._scales, strict=True):
            ready = prepared(step, fill(step, found))
            moments.add(ready)
            if self._how.scale == "robust":
                sample.add(ready)

    def _learn_raw(self) -> None:
        first = self._steps[0]
        changes: dict[str, Any] = {"fill": self._filling(first)}
        if first.type in ("integer", "float") and not first.one_hot:
            changes |= self._limits()
        self._steps = [step.model_copy(update=changes) for step in self._steps]

    def _filling(self, step: Step) -> float | None:
        missing = self._how.missing
        if missing is None or missing.type in ("error", "drop"):
            return None
        is_code = step.type == "category" or step.one_hot
        if missing.type == "constant":  # a category that is none of the known ones is a category of its own
            return UNKNOWN if is_code else missing.value
        if not self._moments.count:
            raise JobFailure("data", f"The column {self.name} has no value in the training rows to fill gaps with.")
        if missing.type == "most_frequent" or is_code or step.type == "boolean":
            values, counts = np.unique(self._sample.values(), return_counts=True)
            return float(values[counts.argmax()])
        return _told(self._moments.mean) if missing.type == "mean" else float(np.median(self._sample.values()))

    def _limits(self) -> dict[str, float | None]:
        low, high, share = self._how.low, self._how.high, self._how.clip_share
        values = self._sample.values()
        if share is not None and len(values):
            cut_low, cut_high = np.quantile(values, [share, 1 - share]).tolist()
            low = cut_low if low is None else max(low, cut_low)
            high = cut_high if high is None else min(high, cut_high)
        return {"low": low, "high": high}


def _scaled(step: Step, how: ColumnSteps, moments: Moments, sample: Sample) -> Step:
    center, spread = scaling(how.scale, moments, sample)
    return step.model_copy(update={"center": center, "spread": spread})


def scaling(scale: str | None, moments: Moments, sample: Sample) -> tuple[float, float]:
    """What is taken off and what divides. A column of one value is only moved."""
    if scale in (None, "none") or not moments.count:
        return 0.0, 1.0
    if scale == "standardize":
        center, spread = _told(moments.mean), _told(moments.std)
    elif scale == "min_max":
        center, spread = float(moments.low), float(moments.high) - float(moments.low)
    else:
        low, center, high = np.quantile(sample.values(), [0.25, 0.5, 0.75]).tolist()
        spread = high - low
    # A spread that is rounding alone would blow it up.
    tiny = 10 * np.finfo(np.float64).eps * max(abs(center), 1e-300)
    return center, spread if spread > tiny else 1.0


def _told(figure: float | None) -> float:
    """A mean or a deviation. Raises JobFailure where it leaves the range of a float."""
    if figure is None:
        message = "Some numbers are too large to be averaged."
        raise JobFailure("data", message, "Clip them, or put them on a logarithmic scale.")
    return figure


class ImageFitter:
    """Learns mean and deviation of each channel, if images are standardised."""

    def __init__(self, column: Column, pixels: Pixels) -> None:
        self.name = column.name
        channels, height, width = image_shape(pixels, column)
        self._step = ImageStep(
            name=column.name,
            channels="gray" if channels == 1 else "rgb",
            height=height,
            width_px=width,
            fit=pixels.fit,
        )
        self.wants_more = pixels.normalize == "standardize"
        self._count = 0
        self._sums = np.zeros((2, channels))

    def see(self, column: pa.Array) -> None:
        """Training rows of a batch."""
        pixels = self._step.pixels(column.to_pylist()).astype(np.float64) / 255
        self._count += pixels.size // pixels.shape[1]
        self._sums += pixels.sum(axis=(0, 2, 3)), np.square(pixels).sum(axis=(0, 2, 3))

    def turn(self) -> None:
        """All rows have come."""
        mean, squares = self._sums / max(1, self._count)
        std = np.sqrt(np.maximum(0, squares - mean**2))
        std[std < 1e-6] = 1.0  # a channel of one value is only moved
        self._step = self._step.model_copy(update={"mean": mean.tolist(), "std": std.tolist()})
        self.wants_more = False

    def steps(self) -> list[AnyStep]:
        """What was learned."""
        return [self._step]


class ArrayFitter:
    """Learns one center and one spread for all numbers of an array."""

    def __init__(self, column: Column, how: ColumnSteps) -> None:
        self.name, self._how = column.name, how
        self._step = ArrayStep(name=column.name, shape=column.shape or [])
        self._moments, self._sample = Moments(), Sample()
        self.wants_more = how.scale not in (None, "none")

    def see(self, column: pa.Array) -> None:
        """Training rows of a batch."""
        found = array_numbers(column).ravel()
        self._moments.add(found)
        if self._how.scale == "robust":
            self._sample.add(found)

    def turn(self) -> None:
        """All rows have come."""
        center, spread = scaling(self._how.scale, self._moments, self._sample)
        self._step = self._step.model_copy(update={"center": center, "spread": spread})
        self.wants_more = False

    def steps(self) -> list[AnyStep]:
        """What was learned."""
        return [self._step]


def array_numbers(column: pa.Array) -> NDArray[np.float64]:
    """A column of lists of one length as (N, width)."""
    found: NDArray[np.float64] = column.flatten().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found.reshape(len(column), -1)
