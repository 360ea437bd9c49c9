"""Generated datasets: the same numbers make the same rows, rules hold, and the server knows what a worker finds."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app import generated
from app.specs.sources import MAX_CELLS, GeneratedSource
from worker.data.ingest import table_of
from worker.data.statistics import describe_table

TOLD = ("name", "type", "num_missing", "num_infinite", "num_distinct", "min", "max", "values", "top_values")


def of(name: str, **fields: object) -> GeneratedSource:
    return GeneratedSource.model_validate({"name": name, **fields})


@pytest.mark.parametrize("num_rows", [10, 600])
@pytest.mark.parametrize("name", generated.GENERATORS)
def test_the_server_is_told_what_the_ingestion_finds(name: str, num_rows: int, tmp_path: Path) -> None:
    source = of(name, num_rows=num_rows, length=5)
    pq.write_table(table_of(generated.make(source)), path := tmp_path / "data.parquet")
    found = describe_table(path)
    known = generated.describe(source)
    assert [[getattr(one, field) for field in TOLD] for one in known] == [
        [getattr(one, field) for field in TOLD] for one in found
    ]
    for one, other in zip(known, found, strict=True):
        if one.images is not None and other.images is not None:
            sizes = ("channels", "min_height", "max_height", "min_width", "max_width")
            assert [getattr(one.images, name) == getattr(other.images, name) for name in sizes] == [True] * 5
            continue
        assert (one.mean, one.std) == pytest.approx((other.mean, other.std))


@given(
    name=st.sampled_from(sorted(generated.GENERATORS)),
    num_rows=st.integers(10, 200),
    noise=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(4, 8),
)
@settings(max_examples=60, deadline=None)
def test_a_source_makes_the_same_rows_each_time(name: str, num_rows: int, noise: float, seed: int, length: int) -> None:
    source = of(name, num_rows=num_rows, noise=noise, seed=seed, length=length)
    first, second = generated.make(source), generated.make(source)
    assert len(first) == source.num_columns
    for column, values in first.items():
        assert values.shape == (num_rows,)
        assert (values == second[column]).all(), "a NaN, or another value"


def test_another_seed_makes_other_rows() -> None:
    for name in generated.GENERATORS:
        some, others = (generated.make(of(name, seed=seed)) for seed in (0, 1))
        assert any((values != others[column]).any() for column, values in some.items()), name


@pytest.mark.parametrize("name", ["circle", "exclusive_or", "gaussians", "spiral", "moons"])
def test_points_are_of_two_classes_of_about_one_size_mixed_along_the_rows(name: str) -> None:
    label = generated.make(of(name, num_rows=1000))["label"]
    assert set(label.tolist()) == {0, 1}
    assert 0.4 < label[:500].mean() < 0.6 and 0.4 < label[500:].mean() < 0.6


def test_without_noise_the_rules_hold() -> None:
    points = generated.make(of("circle", noise=0))
    assert ((np.hypot(points["x"], points["y"]) < 2.5) == points["label"]).all()
    points = generated.make(of("exclusive_or", noise=0))
    assert ((points["x"] * points["y"] >= 0) == points["label"]).all()
    points = generated.make(of("plane", noise=0))
    np.testing.assert_allclose((points["x"] + points["y"]) / 10, points["value"])
    words = generated.make(of("reversed_strings", noise=0))
    assert [word[::-1] for word in words["text"].tolist()] == words["reversed"].tolist()


def test_noise_breaks_them_here_and_there() -> None:
    points = generated.make(of("circle", noise=0.2, num_rows=2000))
    wrong = (np.hypot(points["x"], points["y"]) < 2.5) != points["label"]
    assert 0.01 < wrong.mean() < 0.3
    words = generated.make(of("reversed_strings", noise=0.2))
    assert [word[::-1] for word in words["text"].tolist()] != words["reversed"].tolist()


def test_a_series_goes_on_from_row_to_row() -> None:
    columns = generated.make(of("sines", noise=0, length=4))
    assert list(columns) == ["t", "x0", "x1", "x2", "x3", "next"]
    np.testing.assert_array_equal(columns["x3"][1:], columns["next"][:-1])
    np.testing.assert_array_equal(columns["t"], np.arange(500))


def test_waves_are_one_value_a_row() -> None:
    columns = generated.make(of("waves", noise=0, num_rows=600))
    assert list(columns) == ["t", "value"]
    # All three waves come round after 300 rows.
    np.testing.assert_allclose(columns["value"][300:], columns["value"][:300], atol=1e-9)
    noisy = generated.make(of("waves", noise=0.5, num_rows=600))["value"]
    assert 0.4 < (noisy - columns["value"]).std() < 0.6


def test_chains_write_with_frequencies_of_their_own() -> None:
    columns = generated.make(of("markov_text", num_rows=2000, noise=0))
    shares = [
        np.mean([text.count("a") + text.count("b") for text in columns["text"][columns["label"] == i]]) for i in (0, 1)
    ]
    assert abs(shares[0] - shares[1]) > 0.2


def test_a_mask_covers_what_is_light_in_a_picture() -> None:
    columns = generated.make(of("shapes", num_rows=50, noise=0, length=12))
    pixels, masks = (np.column_stack([columns[f"{word}{i}"] for i in range(144)]) for word in ("pixel", "mask"))
    np.testing.assert_array_equal(pixels >= 120, masks == 1)
    assert (masks.sum(1) > 8).all()
    assert set(columns["label"].tolist()) == {"square", "circle", "triangle"}


@pytest.mark.parametrize(
    "fields", [{"num_rows": 9}, {"num_rows": 100_001}, {"noise": 1.1}, {"name": "circles"}, {"seed": -1}], ids=str
)
def test_what_is_out_of_bounds_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GeneratedSource.model_validate({"name": "circle", **fields})


def test_a_table_that_is_too_large_says_how_many_rows_fit() -> None:
    columns = 2 * 32 * 32 + 1
    with pytest.raises(ValidationError, match=f"{MAX_CELLS // columns:,} rows fit"):
        of("shapes", num_rows=50_000, length=32)


def test_pairs_of_texts_are_of_one_topic_where_they_are_the_same() -> None:
    columns = generated.make(of("text_pairs", num_rows=300, noise=0, length=16))
    topics = [set(topic.split()) for topic in generated._TOPICS]
    assert {len(topic) for topic in topics} == {8} and len(set.union(*topics)) == 48
    about = [
        [next(i for i, topic in enumerate(topics) if set(text.split()) <= topic) for text in columns[name]]
        for name in ("first", "second")
    ]
    assert [int(a == b) for a, b in zip(*about, strict=True)] == columns["same"].tolist()
    assert min(len(text.split()) for text in columns["first"]) >= 2
    assert max(len(text.split()) for text in columns["second"]) == 8


def test_nobody_rates_a_film_twice_and_tastes_explain_ratings() -> None:
    columns = generated.make(of("ratings", num_rows=5000, noise=0))
    user, film, rating = columns["user"], columns["film"], columns["rating"]
    assert len(set(zip(user.tolist(), film.tolist(), strict=True))) == 5000
    assert set(np.unique(rating).tolist()) <= {half / 2 for half in range(1, 11)}
    counts = np.unique(film, return_counts=True)[1]
    assert counts.max() > 3 * np.median(counts)
    means = {name: rating[film == name].mean() for name in np.unique(film)}
    left = rating - np.array([means[name] for name in film])
    assert 0 < left.var() < 0.75 * rating.var()
