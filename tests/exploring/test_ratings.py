"""Who rated what, counted in another way."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.exploring.ratings import count_ratings
from tests.exploring.conftest import Stored


def test_users_and_items_are_counted_with_their_ratings(store: Callable[..., Stored]) -> None:
    random = np.random.default_rng(0)
    users = [int(one) for one in random.zipf(1.6, 900).clip(max=60)]
    items = [f"film {one}" for one in random.integers(0, 30, 900)]
    values = [float(one) for one in random.integers(1, 11, 900) / 2]
    gaps: dict[int, Any] = {
        0: (None, "film 1", 1.0),
        1: (1, None, 1.0),
        2: (1, "film 1", None),
        3: (1, "film 1", np.inf),
    }
    for row, (user, item, value) in gaps.items():
        users[row], items[row], values[row] = user, item, value
    place, _ = store({"who": users, "what": items, "stars": values})

    found = count_ratings(place, "who", "what", "stars")

    given = list(zip(users, items, values, strict=True))[4:]
    pairs = Counter((user, item) for user, item, _ in given)
    said: dict[Any, set[float]] = {}
    for user, item, value in given:
        said.setdefault((user, item), set()).add(value)
    assert (found.num_ratings, found.num_left_out) == (896, 4)
    assert found.num_repeated == 896 - len(pairs)
    assert found.num_contradicted == sum(pairs[pair] for pair, values in said.items() if len(values) > 1)
    for side, counts, names in (
        (found.users, Counter(user for user, _, _ in given), users),
        (found.items, Counter(item for _, item, _ in given), items),
    ):
        assert side.num == len(counts)
        assert side.num_few == sum(1 for count in counts.values() if count < 5)
        assert (side.least, side.most) == (min(counts.values()), max(counts.values()))
        assert side.median == np.median(list(counts.values()))
        assert side.doublings == Counter(count.bit_length() - 1 for count in counts.values())
        assert [one.count for one in side.frequent] == sorted(counts.values(), reverse=True)[:10]
        first = side.frequent[0]
        theirs = [value for (user, item, value) in given if str(user if names is users else item) == first.value]
        assert len(theirs) == first.count and first.mean == pytest.approx(np.mean(theirs))
    assert found.density == pytest.approx(len(pairs) / (found.users.num * found.items.num))


def test_a_table_without_a_rating_has_no_density(store: Callable[..., Stored]) -> None:
    place, _ = store({"who": [None, 1], "what": ["a", None], "stars": [1.0, 2.0]})
    found = count_ratings(place, "who", "what", "stars")
    assert (found.num_ratings, found.num_left_out, found.density) == (0, 2, None)
    assert found.users.num == found.items.most == 0 and found.users.frequent == []
