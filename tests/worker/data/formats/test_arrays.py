# ruff: noqa: DTZ001, tables keep times without a zone
"""Arrays as tables, out of the files of NumPy and safetensors and out of IDX."""

import gzip
import io
import pickle
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from app.errors import JobFailure
from tests.worker.data.formats.made import found_in, pixels_of, tarred, zipped
from worker.data.formats import Limits, arrays

RANDOM = np.random.default_rng(0)


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def idx(array: Any) -> bytes:
    code = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}[array.dtype.str[1:]]
    return (
        bytes([0, 0, code, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (np.array([1, 2], np.int8), "int64", [1, 2]),
        (np.array([1, 2], ">u4"), "int64", [1, 2]),
        (np.array([0.5, np.nan], np.float16)[:1], "double", [0.5]),
        (np.array([True, False]), "bool", [True, False]),
        (np.array(["a", "bc"]), "string", ["a", "bc"]),
        (np.array([b"a", b"\xff"]), "string", ["a", "\ufffd"]),
        (np.array(["2024-01-02T03"], "M8[ns]"), "timestamp[us]", [datetime(2024, 1, 2, 3)]),
        (np.array([[1], [2]]), "int64", [1, 2]),
        (np.asfortranarray(RANDOM.random((2, 3, 2), np.float32)), "fixed_size_list<element: float>[6]", None),
        (np.ones((2, 3, 2), np.int16), "fixed_size_list<element: int64>[6]", [[1] * 6] * 2),
        (np.ones((2, 2, 2), np.bool_), "fixed_size_list<element: uint8>[4]", [[1] * 4] * 2),
        (np.ones((2, 3, 2, 2), np.uint8), "fixed_size_list<element: uint8>[12]", [[1] * 12] * 2),
        (np.ones((2, 2001)), "fixed_size_list<element: double>[2001]", [[1.0] * 2001] * 2),
    ],
)
def test_an_array_is_a_column(tmp_path: Path, array: Any, kind: str, values: list[Any] | None) -> None:
    found = found_in(tmp_path, npy(array), "x.npy")
    assert found.types() == {"x": kind}
    expected = values if values is not None else array.reshape(len(array), -1).tolist()
    assert found.table.column("x").to_pylist() == expected
    if "list" in kind:
        shape = ",".join(map(str, array.shape[1:])).encode()
        assert found.table.schema.field("x").metadata == {b"traindeck": b"array", b"shape": shape}


def test_the_columns_of_a_matrix_are_columns(tmp_path: Path) -> None:
    array = RANDOM.random((5, 3))
    found = found_in(tmp_path, npy(array), "x.npy")
    assert [list(row.values()) for row in found.rows] == array.tolist()
    assert found.table.column_names == ["x0", "x1", "x2"]


def test_fields_with_names_are_columns(tmp_path: Path) -> None:
    array = np.array([(1, 0.5), (2, 1.5)], [("n", np.int32), ("y", np.float32)])
    assert found_in(tmp_path, npy(array), "x.npy").rows == [{"n": 1, "y": 0.5}, {"n": 2, "y": 1.5}]


@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5, 6, 3), (4, 5, 6, 1)])
def test_bytes_in_two_dimensions_are_images_without_loss(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = RANDOM.integers(0, 256, shape, np.uint8)
    found = found_in(tmp_path, npy(array), "x.npy")
    assert found.marks() == {"image": "image"}
    kept = np.stack([pixels_of(row["image"]) for row in found.rows])
    assert (kept == array.reshape(kept.shape)).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(np.array([{"a": 1}], object)), "Python objects"),
        (npy(np.array([1j])), "type complex128"),
        (npy(np.float64(1)), "no array with rows"),
        (npy(np.empty((0, 3))), "no rows"),
        (npy(np.empty((3, 0))), "holds nothing"),
        (npy(np.array([2**63 + 1], np.uint64)), "9223372036854775809"),
        (npy(np.arange(100))[:-1], "cannot be read"),
        (npy(np.arange(100))[:20], "cannot be read"),
        (npy(np.arange(100)).replace(b"'shape': (100,), }", b"'shape': (100,), \xe1 "), "cannot be read"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "cannot be read"),
        (npy(np.arange(3)).replace(b"(3,)", b"(9" + b"9" * 17 + b",)"), "cannot be read"),
    ],
)
def test_arrays_that_no_column_can_hold_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, data, "x.npy")


class Trap:
    """An object whose unpickling would be noticed."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/tmp/traindeck-was-unpickled"),))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    for number, data in enumerate((npy(np.array([Trap()], object)), npz(x=np.array([Trap()], object)))):
        (folder := tmp_path / str(number)).mkdir()
        with pytest.raises(JobFailure, match="Python objects") as refused:
            found_in(folder, data, "x.npy")
        assert "unpickled" in (refused.value.hint or "")
    assert b"touch" in pickle.dumps(Trap())
    assert not Path("/tmp/traindeck-was-unpickled").exists()


def test_arrays_of_one_file_are_columns_by_their_names(tmp_path: Path) -> None:
    found = found_in(tmp_path, npz(x=np.ones((3, 2, 2), np.float32), y=np.arange(3), scale=np.float64(2)), "x.npz")
    assert found.types() == {"x": "fixed_size_list<element: float>[4]", "y": "int64"}
    assert found.read.notes == ["The array 'scale' is a single value, and was passed over."]


def test_arrays_of_different_lengths_are_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(JobFailure, match="different numbers of rows: a 3, b 4"):
        found_in(tmp_path, npz(a=np.arange(3), b=np.arange(4)), "x.npz")


@pytest.mark.parametrize(
    "names", [("x_train", "y_train", "x_test", "y_test"), ("train_x", "train_y", "test_x", "test_y")]
)
def test_train_and_test_pairs_are_put_under_each_other(tmp_path: Path, names: tuple[str, ...]) -> None:
    arrays = (RANDOM.integers(0, 256, (3, 4, 4), np.uint8), np.arange(3), np.zeros((2, 4, 4), np.uint8), np.arange(2))
    found = found_in(tmp_path, npz(**dict(zip(names, arrays, strict=True))), "x.npz")
    assert found.marks() == {"x": "image", "part": "category"}
    assert [(row["y"], row["part"]) for row in found.rows] == [
        *((i, "train") for i in range(3)),
        (0, "test"),
        (1, "test"),
    ]


def test_a_test_part_may_lack_its_labels_but_not_have_another_shape(tmp_path: Path) -> None:
    found = found_in(tmp_path, npz(x_train=np.ones(2), y_train=np.arange(2), x_test=np.ones(1)), "x.npz")
    assert [row["y"] for row in found.rows] == [0, 1, None]
    (tmp_path / "other").mkdir()
    with pytest.raises(JobFailure, match="'x' have different shapes: 2×3×3 and 1×4×3"):
        found_in(tmp_path / "other", npz(x_train=np.ones((2, 3, 3)), x_test=np.ones((1, 4, 3))), "x.npz")


def test_tensors_are_columns(tmp_path: Path) -> None:
    array = RANDOM.random((5, 3, 2), np.float32)
    found = found_in(tmp_path, save({"x": array, "y": np.arange(5)}), "x.safetensors")
    assert found.types() == {"x": "fixed_size_list<element: float>[6]", "y": "int64"} or found.types() == {
        "y": "int64",
        "x": "fixed_size_list<element: float>[6]",
    }
    assert found.table.column("x").to_pylist() == array.reshape(5, 6).tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (save({"x": np.arange(5)})[:-1], "cannot be read"),
        (save({"x": np.arange(5)}).replace(b'"I64"', b'"BF16"'), "cannot be read|BF16"),
        (
            struct.pack("<Q", 50) + b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'.ljust(50) + b"1234",
            "cannot be read|BF16",
        ),
        (struct.pack("<Q", 1 << 26) + b"{}", "cannot be read"),
    ],
)
def test_damaged_tensors_and_types_without_a_column_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, data, "x.safetensors")


IMAGES, LABELS = RANDOM.integers(0, 256, (3, 5, 4), np.uint8), np.array([7, 1, 2], np.uint8)


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
@pytest.mark.parametrize("archive", [zipped, tarred, lambda members: tarred(members, "w:gz")])
def test_mnist_as_it_comes_is_images_with_labels_and_parts(tmp_path: Path, pack: Any, archive: Any) -> None:
    ending = ".gz" if pack is gzip.compress else ""
    members = {
        f"mnist/train-images-idx3-ubyte{ending}": pack(idx(IMAGES)),
        f"mnist/train-labels-idx1-ubyte{ending}": pack(idx(LABELS)),
        f"mnist/t10k-images-idx3-ubyte{ending}": pack(idx(IMAGES[:1])),
        f"mnist/t10k-labels-idx1-ubyte{ending}": pack(idx(LABELS[:1])),
        "mnist/LICENSE": b"free",
    }
    data = archive(members)
    found = found_in(tmp_path, data, "mnist.tar.gz" if data[:2] == b"\x1f\x8b" else "mnist.zip")
    assert [(row["label"], row["part"]) for row in found.rows] == [
        (7, "train"),
        (1, "train"),
        (2, "train"),
        (7, "test"),
    ]
    assert (pixels_of(found.rows[1]["image"]) == IMAGES[1]).all()
    assert found.marks() == {"image": "image", "part": "category"}
    assert found.aside == {"mnist/LICENSE": "it is not an IDX file"}


def test_one_part_needs_no_column_that_says_so(tmp_path: Path) -> None:
    found = found_in(tmp_path, zipped({"images-idx3-ubyte": idx(IMAGES), "labels-idx1-ubyte": idx(LABELS)}), "x.zip")
    assert found.table.column_names == ["image", "label"]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_a_single_file_of_images_or_labels_is_a_table(tmp_path: Path, pack: Any) -> None:
    for number, (array, name) in enumerate([(IMAGES, "image"), (LABELS.astype(np.int32) - 5, "label")]):
        (folder := tmp_path / str(number)).mkdir()
        data = pack(idx(array))
        found = found_in(folder, data, "data-ubyte.gz" if data[0] else "data-ubyte")
        assert found.table.column_names == [name]
        assert "alone" in found.read.notes[0]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a-idx3-ubyte": idx(IMAGES), "b-idx3-ubyte": idx(IMAGES)}, "both images of one part"),
        ({"a-idx3-ubyte": idx(IMAGES), "b-idx1-ubyte": idx(LABELS[:2])}, "different numbers of rows: image 3, label 2"),
        ({"a-idx3-ubyte": idx(IMAGES)[:-1]}, "says that it holds 3×5×4 values of 1 bytes, but has 59"),
        ({"a-idx3-ubyte": b"nothing of the kind"}, "does not begin as an IDX file does"),
        ({"a-idx3-ubyte": idx(IMAGES)[:6]}, "breaks off in its header"),
        ({"a-idx3-ubyte.gz": gzip.compress(idx(IMAGES))[:-9]}, "a-idx3-ubyte.gz cannot be read"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, zipped(members), "x.zip")


def test_a_bomb_inside_is_stopped_at_the_limit(tmp_path: Path) -> None:
    data = zipped({"a-idx1-ubyte.gz": gzip.compress(idx(np.zeros(1 << 20, np.uint8)))})
    with pytest.raises(JobFailure, match="more than 100 times its size"):
        found_in(tmp_path, data, "x.zip", Limits(ratio=100, ratio_from_bytes=1000))


def test_many_rows_are_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "GROUP_BYTES", 10_000)
    array = RANDOM.random((200, 2, 100))
    found = found_in(tmp_path, npy(array), "x.npy")
    assert found.num_groups == 34
    assert found.table.column("x").to_pylist() == array.reshape(200, 200).tolist()
    assert found.progress[-1] == len(npy(array))
