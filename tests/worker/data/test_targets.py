"""Answers of many places as arrays: what lies at each place, and what fails in words."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from app.errors import JobFailure
from app.specs.data import DataSpec
from app.transforms import Preprocessing, Target, decode
from worker.data.formats.fields import array_field, image_field
from worker.data.prepare import Prepared, prepare
from worker.data.statistics import describe_table

ALL = {"type": "shares", "train": 1.0, "validation": 0.0, "test": 0.0, "shuffle": False}


def prepared(folder: Path, table: pa.Table, loss: str, num_classes: int | None = None, **data: Any) -> Prepared:
    pq.write_table(table, path := folder / "data.parquet")
    spec = DataSpec.model_validate({"split": ALL} | data)
    dtype = "int64" if loss == "cross_entropy" and "columns" in data and "text" in data["columns"] else "float32"
    return prepare(path, spec, loss, describe_table(path), dtype, num_classes=num_classes)  # type: ignore[arg-type]


def png(pixels: Any, mode: str | None = None) -> bytes:
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def images(*columns: tuple[str, list[bytes]]) -> pa.Table:
    return pa.table([pa.array(cells) for _, cells in columns], pa.schema([image_field(name) for name, _ in columns]))


def test_several_numbers_are_scaled_each_by_itself(tmp_path: Path) -> None:
    table = pa.table({"a": [0.0, 2.0, 4.0], "b": [10, 20, 30], "yes": [True, False, True]})
    found = prepared(tmp_path, table, "mse_loss", features=["a"], target=["a", "b", "yes"], scale_target="min_max")
    np.testing.assert_allclose(found.train[1], [[0, 0, 1], [0.5, 0.5, 0], [1, 1, 1]])
    back = decode(found.preprocessing, found.train[1])
    assert back[1] == {"value": {"a": 2.0, "b": 20.0, "yes": 0.0}}


def test_a_row_that_lacks_one_of_several_targets_is_not_used(tmp_path: Path) -> None:
    table = pa.table({"a": [0.0, 2.0, 4.0], "b": [10.0, None, 30.0]})
    found = prepared(tmp_path, table, "mse_loss", features=["a"], target=["a", "b"])
    assert found.train[1].tolist() == [[0, 10], [4, 30]]


def test_an_array_is_its_own_answer_scaled_as_targets_are(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(4, 6)
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 6)
    table = pa.table([column], pa.schema([array_field("x", pa.float64(), (2, 3))]))
    found = prepared(tmp_path, table, "mse_loss", features=["x"], target="x", scale_target="standardize")
    np.testing.assert_allclose(found.train[0].reshape(4, 6), values)
    np.testing.assert_allclose(found.train[1], ((values - values.mean()) / values.std()).reshape(4, 2, 3), rtol=1e-6)
    (first, *_) = decode(found.preprocessing, found.train[1])
    np.testing.assert_allclose(first["value"], values[0].reshape(2, 3), atol=1e-5)


def test_an_image_that_is_standardised_when_fed_is_answered_as_it_is(tmp_path: Path) -> None:
    pictures = [[[0, 51], [102, 255]], [[255, 0], [0, 0]]]
    table = images(("image", [png(one) for one in pictures]))
    steps = {"image": {"pixels": {"normalize": "standardize"}}}
    found = prepared(tmp_path, table, "mse_loss", features=["image"], target="image", columns=steps)
    assert found.train[1].dtype == np.uint8
    assert found.train[1][:, 0].tolist() == pictures
    assert found.preprocessing.pixels is not None and found.preprocessing.pixels.mean != [0.0]


@pytest.mark.parametrize("mode", [None, "P"])
def test_the_bytes_of_a_mask_are_classes_at_any_size(tmp_path: Path, mode: str | None) -> None:
    mask = np.repeat(np.repeat([[0, 2], [1, 2]], 4, axis=0), 4, axis=1)
    table = images(("image", [png(mask)] * 2), ("mask", [png(mask, mode)] * 2))
    size = {"pixels": {"height": 4, "width": 4}}
    found = prepared(tmp_path, table, "cross_entropy", 3, features=["image"], target="mask", columns={"mask": size})
    assert found.train[1][0].tolist() == mask[::2, ::2].tolist(), "no value between two classes is made up"


def test_a_class_that_the_model_does_not_know_names_its_row(tmp_path: Path) -> None:
    masks = [png([[0, 1]]), png([[1, 1]]), png([[0, 7]])]
    table = images(("image", masks), ("mask", masks))
    told = "'mask' has the value 7 in row 3, and the model tells 3 classes apart"
    with pytest.raises(JobFailure, match=told) as raised:
        prepared(tmp_path, table, "cross_entropy", 3, features=["image"], target="mask")
    assert raised.value.as_error()["rows"] == [2]


TEXTS = ["a b c d e", "a b", "", "c"]
LENGTH = 3


def followed(folder: Path, **how: Any) -> tuple[list[list[str]], list[list[str]]]:
    """Of each text the tokens that are seen, and those that are to be said; nothing is a point."""
    tokens = {"level": "words", "length": LENGTH, "vocabulary_size": 9, **how}
    table = pa.table({"text": pa.array(TEXTS * 9)})
    found = prepared(
        folder,
        table.replace_schema_metadata(None).cast(
            pa.schema([pa.field("text", pa.string(), metadata={b"traindeck": b"text"})])
        ),
        "cross_entropy",
        9,
        features=["text"],
        target="text",
        next_token=True,
        columns={"text": {"tokens": tokens}},
    )
    words = found.preprocessing.target.step.words(9)  # type: ignore[union-attr]
    inputs, targets = ([["." if i == 0 else words[i] for i in row] for row in one[:4].tolist()] for one in found.train)
    return inputs, targets


@pytest.mark.parametrize(
    ("how", "seen", "said"),
    [
        ({"pad": "end"}, ["abc", "ab.", "...", "c.."], ["bcd", "b..", "...", "..."]),
        ({"pad": "start"}, ["abc", ".ab", "...", "..c"], ["bcd", ".b.", "...", "..."]),
        ({"pad": "end", "keep": "end"}, ["cde", "ab.", "...", "c.."], ["de.", "b..", "...", "..."]),
    ],
    ids=str,
)
def test_each_token_is_held_to_the_one_that_follows(
    tmp_path: Path, how: dict[str, str], seen: list[str], said: list[str]
) -> None:
    inputs, targets = followed(tmp_path, **how)
    assert ["".join(row) for row in inputs] == seen
    assert ["".join(row) for row in targets] == said


def test_what_was_fitted_before_answers_had_places_is_read() -> None:
    kept = {"name": "y", "classes": None, "center": 1.0, "spread": 2.0}
    target = Target.model_validate(kept)
    assert target.shape is None and target.unit == (1.0, 2.0) and target.names == ["y"]
    how = Preprocessing.model_validate(
        {"steps": [], "input_shape": [1], "input_dtype": "float32", "target": kept, "loss": "mse_loss"}
    )
    assert decode(how, [[3.0]]) == [{"value": 7.0}]
