"""Images and texts in folders: what the folders and the tables beside them say."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.worker.data.formats.made import Found, found_in, picture, pixels_of, tarred, zipped
from worker.data.formats import base, rows


def images_in(folder: Path, *names: str, **others: bytes) -> Found:
    return found_in(folder, zipped({name: picture(seed=i) for i, name in enumerate(names)} | others), "x.zip")


def columns(found: Found, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in found.rows]


@pytest.mark.parametrize("archive", [zipped, tarred, lambda members: tarred(members, "w:gz")])
def test_a_folder_for_each_class(tmp_path: Path, archive: Any) -> None:
    members = {"pets/cat/1.png": picture(seed=1), "pets/dog/1.jpg": picture(seed=2, format="JPEG")}
    found = found_in(tmp_path, archive(members), "x.tgz")
    assert found.table.column_names == ["image", "label", "file"]
    assert found.marks() == {"image": "image", "label": "category"}
    assert columns(found, "label", "file") == [("cat", "pets/cat/1.png"), ("dog", "pets/dog/1.jpg")]
    assert [row["image"] for row in found.rows] == list(members.values())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.png", "2.png"], {}),
        (["all/1.png", "all/2.png"], {}),
        (["train/cat/1.png", "test/dog/2.png"], {"label": ["cat", "dog"], "part": ["train", "test"]}),
        (["x/Train/a/1.png", "x/val/a/b/2.png"], {"part": ["train", "validation"], "label": [None, "b"]}),
        (["train/a/1.png", "train/b/2.png"], {"label": ["a", "b"]}),
        (["train/1.png", "test/2.png"], {"part": ["train", "test"]}),
        (
            ["train/a/1.png", "train/b/2.png", "test/3.png"],
            {"label": ["a", "b", None], "part": ["train", "train", "test"]},
        ),
        (["a/deep/1.png", "b/er/2.png"], {"label": ["a", "b"]}),
        (["a/1.png", "2.png"], {"label": ["a", None]}),
        (["train/1.png", "cat/2.png"], {"label": ["train", "cat"]}),
    ],
)
def test_folders_say_class_and_part(tmp_path: Path, names: list[str], expected: dict[str, list[str]]) -> None:
    found = images_in(tmp_path, *names)
    assert set(found.table.column_names) == {"image", "file", *expected}
    assert {name: found.table.column(name).to_pylist() for name in expected} == expected


def test_broken_images_are_listed_and_the_rest_is_used(tmp_path: Path) -> None:
    cut = picture(50, 50)[:-600]
    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    others = {
        "a/cut.png": cut,
        "a/text.png": b"a text",
        "b/huge.png": bomb.getvalue(),
        "a/icon.ico": b"x",
        "a/empty.jpg": b"",
    }
    found = images_in(tmp_path, "a/1.png", "b/2.png", **others)
    assert columns(found, "label") == [("a",), ("b",)]
    assert found.aside["a/cut.png"].startswith("it is damaged")
    assert found.aside["a/text.png"].startswith("it is not an image")
    assert found.aside["b/huge.png"] == "it has 9,000 by 9,000 pixels, more than 64,000,000"
    assert found.aside["a/icon.ico"] == "images of the format ICO are not read"
    assert found.aside["a/empty.jpg"].startswith("it is not an image")


@pytest.mark.parametrize("format", ["BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"])
def test_every_format_that_is_read_is_kept_to_the_byte(tmp_path: Path, format: str) -> None:
    data = picture(format=format)
    found = found_in(tmp_path, zipped({f"1.{format.lower()}": data}), "x.zip")
    assert found.rows[0]["image"] == data


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (b"file,age,kind\n1.png,5,cat\nsub/2.png,6,dog\n", {"age": [5, 6], "kind": ["cat", "dog"]}),
        (b"\xef\xbb\xbfid;age\r\n2;0.5\r\n1;\r\n", {"age": [None, 0.5]}),
        (b"1.png,cat\n2.png,dog\n", {"column1": ["cat", "dog"]}),
        (b"age,image\n007,all/1.png\n8,nowhere.png\n", {"age": ["007", None]}),
        (b"file,when,ok\n1.png,2024-01-02,true\n2.png,,False\n", {"ok": [True, False]}),
        (b"file,a,a\n1.png,1,2\n2.png,3,4\n", {"a": [1, 3], "a_2": [2, 4]}),
        (b"file,image,label\n1.png,x,y\n2.png,z,z\n", {"image_2": ["x", "z"], "label": ["y", "z"]}),
    ],
)
def test_a_table_that_names_the_images_joins(tmp_path: Path, table: bytes, expected: dict[str, list[Any]]) -> None:
    found = images_in(
        tmp_path, "all/1.png", "all/sub/2.png" if b"sub" in table else "all/2.png", **{"all/labels.csv": table}
    )
    assert {name: found.table.column(name).to_pylist() for name in expected} == expected


def test_rows_and_tables_that_name_no_image_are_set_aside(tmp_path: Path) -> None:
    table = b"file,age\n1.png,5\n3.png,6\n1.png,7\n2.png,8\n"
    found = images_in(tmp_path, "1.png", "2.png", **{"labels.csv": table, "other.csv": b"a,b\n1x,2x\n"})
    assert columns(found, "age") == [(5,), (8,)]
    assert found.aside == {
        "labels.csv, record 3": "no file of the archive is called so",
        "labels.csv, record 4": "another record names the same file",
        "other.csv": "it is a table that names no file of the archive",
    }


@pytest.mark.parametrize("suffix", ["", "_mask"])
def test_images_and_masks_are_rows_of_both(tmp_path: Path, suffix: str) -> None:
    members = {f"set/images/{i}.jpg": picture(seed=i, format="JPEG") for i in range(3)}
    masks = {f"set/masks/{i}{suffix}.png": picture(seed=10 + i, mode="L") for i in (0, 1, 5)}
    masks[f"set/masks/1{suffix}.png"] = picture(9, 9, mode="L")
    found = found_in(tmp_path, zipped(members | masks), "x.zip")
    assert found.table.column_names == ["image", "mask", "file"]
    assert found.marks() == {"image": "image", "mask": "image"}
    assert columns(found, "image", "mask", "file") == [
        (members["set/images/0.jpg"], masks[f"set/masks/0{suffix}.png"], "set/images/0.jpg")
    ]
    assert found.aside == {
        "set/images/1.jpg": "it has 4 by 3 pixels, its mask 9 by 9",
        "set/images/2.jpg": "there is no image and mask of this name",
        f"set/masks/5{suffix}.png": "there is no image and mask of this name",
    }


@pytest.mark.parametrize("names", [("{}/{}/1.png",), ("{1}/{0}/1.png",)])
def test_masks_have_parts_too(tmp_path: Path, names: tuple[str]) -> None:
    order = names[0].replace("{}/{}", "{0}/{1}")
    found = images_in(
        tmp_path, *(order.format(part, kind) for part in ("train", "test") for kind in ("images", "masks"))
    )
    assert columns(found, "part") == [("train",), ("test",)]


def test_many_images_are_written_in_groups_of_bounded_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "GROUP_BYTES", 20_000)
    members = {f"{i}.bmp": picture(50, 50, "BMP", seed=i) for i in range(12)}
    found = found_in(tmp_path, zipped(members), "x.zip")
    assert found.num_groups == 4
    assert [row["image"] for row in found.rows] == list(members.values())


def test_of_what_is_set_aside_a_bounded_number_is_kept_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_SET_ASIDE", 3)
    found = images_in(tmp_path, "1.png", **{f"x{i}.png": b"text" for i in range(9)})
    assert (len(found.read.set_aside), found.read.num_set_aside) == (3, 9)


def test_texts_in_folders(tmp_path: Path) -> None:
    members = {
        "train/pos/1.txt": "good, für alle".encode(),
        "train/neg/2.txt": b"\xef\xbb\xbfbad",
        "test/pos/3.txt": "fein für alle".encode("cp1252"),
        "test/neg/4.txt": "schlecht".encode("utf-16"),
        "test/neg/5.txt": b"\0\1binary",
    }
    found = found_in(tmp_path, zipped(members), "x.zip")
    assert columns(found, "text", "label", "part") == [
        ("good, für alle", "pos", "train"),
        ("bad", "neg", "train"),
        ("fein für alle", "pos", "test"),
        ("schlecht", "neg", "test"),
    ]
    assert found.aside == {"test/neg/5.txt": "it is not a text"}
    assert found.read.notes == ["2 texts are not written in UTF-8; they were read as Windows-1252, or UTF-16."]


def test_gray_images_stay_gray(tmp_path: Path) -> None:
    found = found_in(tmp_path, zipped({"1.png": picture(mode="L")}), "x.zip")
    assert pixels_of(found.rows[0]["image"]).shape == (3, 4)
    assert pixels_of(found.rows[0]["image"]).dtype == np.uint8
