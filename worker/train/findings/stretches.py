"""Stretches of a training's steps, as rules compare them: a tenth, a quarter."""

import math
from collections.abc import Sequence

from worker.train.history import Window


def num_steps(windows: Sequence[Window]) -> int:
    """How many steps they hold."""
    return sum(window.num_steps for window in windows)


def mean_loss(windows: Sequence[Window]) -> float:
    """The mean over their steps."""
    return math.fsum(window.loss * window.num_steps for window in windows) / max(num_steps(windows), 1)


def last(windows: Sequence[Window], parts: int) -> Sequence[Window]:
    """The last of so many equal parts, of one window at least."""
    return windows[-max(1, len(windows) // parts) :]


def before(windows: Sequence[Window], parts: int) -> Sequence[Window]:
    """The part before the last."""
    width = max(1, len(windows) // parts)
    return windows[-2 * width : -width]


def back(windows: Sequence[Window], first: int, count: int) -> Sequence[Window]:
    """So many windows, the first of them so many from the end."""
    start = len(windows) - first
    return windows[start : start + count]


def recent_loss(windows: Sequence[Window]) -> float:
    """The mean over the last tenth."""
    return mean_loss(last(windows, 10))


def lowest_loss(windows: Sequence[Window]) -> float:
    """The least mean of a tenth that came before the last; infinite where there was none."""
    width = max(1, len(windows) // 10)
    starts = range(0, len(windows) - 2 * width + 1, width)
    return min((mean_loss(windows[start : start + width]) for start in starts), default=math.inf)


def highest_rate(windows: Sequence[Window]) -> float:
    """The highest learning rate so far."""
    return max(window.peak_lr for window in windows)
