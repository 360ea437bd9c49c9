"""How fast a training is said to be, while it goes on and once it is over."""

import pytest

from worker.train import recorder
from worker.train.recorder import Pace


def test_the_pace_that_stays_is_that_of_the_whole_training(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 12.0, 20.0])
    monkeypatch.setattr(recorder.time, "monotonic", lambda: next(clock))
    pace = Pace(0, 40, before_s=5.0)
    pace.add(1000)
    assert pace.figures(20) == {"samples_per_s": 100.0, "left_s": 10.0, "trained_s": 15.0}
    pace.add(20)
    assert pace.figures(30)["samples_per_s"] == 10.0  # since the last time it was said
    pace.add(980)
    assert pace.figures(40) == {"samples_per_s": 100.0, "left_s": 0.0, "trained_s": 25.0}  # 2,000 in 20 s
