import json
import math

from hypothesis import given
from hypothesis import strategies as st

from worker.train.history import History


def history_of(losses: list[float]) -> History:
    history = History()
    for i, loss in enumerate(losses):
        history.add_step(i + 1, loss, lr=0.1)
    return history


@given(st.lists(st.floats(0, 10), min_size=1, max_size=2000))
def test_windows_are_bounded_and_keep_the_mean(losses: list[float]) -> None:
    history = history_of(losses)
    assert len(history.windows) <= 128
    assert sum(window.num_steps for window in history.windows) == len(losses)
    assert history.windows[-1].last_step == len(losses)
    mean = sum(window.loss * window.num_steps for window in history.windows) / len(losses)
    assert math.isclose(mean, sum(losses) / len(losses), rel_tol=1e-9, abs_tol=1e-12)


def test_all_windows_but_the_last_are_equally_wide() -> None:
    history = history_of([1.0] * 1000)
    assert {window.num_steps for window in history.windows[:-1]} == {history.width}


def test_few_steps_are_kept_one_by_one() -> None:
    assert [window.loss for window in history_of([3.0, 2.0, 1.0]).windows] == [3.0, 2.0, 1.0]


def test_the_state_survives_json() -> None:
    history = history_of([0.1 * i for i in range(300)])
    for loss in (0.1, 1 / 3, math.inf):
        history.add_epoch("validation/loss", loss)
    again = History.of_state(json.loads(json.dumps(history.state(), allow_nan=False)))
    assert again == history
    again.add_step(301, 1.0, 0.1)
    history.add_step(301, 1.0, 0.1)
    assert again == history


def test_a_series_that_never_was_has_no_last_value() -> None:
    assert math.isnan(History().last("validation/loss"))
