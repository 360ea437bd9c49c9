"""Files as they are found in the world, each brought in through the page as a person would, and over REST.

They are no part of the project: TRAINDECK_TEST_FILES names their folder. Of the files that are known here by name, the
page must tell so many rows, or refuse them; any other must get an answer in words, whatever it is.
"""

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import PICTURES, pictures
from tests.deck import Deck, wait_for

NAMED = os.environ.get("TRAINDECK_TEST_FILES")
FOLDER = Path(NAMED or "no-folder-is-named")
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
SPECTRUM = sorted(FOLDER.glob("csv_spectrum/csvs/*.csv"))
BAD_IMAGES = sorted(path for path in FOLDER.glob("bad_images/**/*") if path.is_file())
ARCHIVES_THAT_CLIMB = sorted(path for path in FOLDER.glob("zip_slip/*") if path.is_file())

pytestmark = [
    pytest.mark.browser,
    pytest.mark.full,
    pytest.mark.skipif(not NAMED, reason="TRAINDECK_TEST_FILES names no folder"),
]

NUM_ROWS = {
    "ag_news_test.csv": 7_600,
    "airline-passengers.csv": 144,
    "california_housing.csv": 20_640,
    "cifar10_small.zip": 6_000,
    "daily-min-temperatures.csv": 3_650,
    "heart.csv": 303,
    "iris.csv": 150,
    "kaggle_test_1k.csv.gz": 1_000,
    "kaggle_train_5k.csv.gz": 5_000,
    "mpg.csv": 398,
    "penguins.csv": 344,
    "sms_spam.tsv": 5_574,
    "t10k-images-idx3-ubyte.gz": 10_000,
    "t10k-labels-idx1-ubyte.gz": 10_000,
    "train-images-idx3-ubyte.gz": 60_000,
    "train-labels-idx1-ubyte.gz": 60_000,
    "zip-slip-win.tar": 1,
    "zip-slip-win.zip": 1,
    "zip-slip.tar": 1,
    "zip-slip.zip": 1,
}
TYPES = {
    "airline-passengers.csv": {"Month": "timestamp", "Passengers": "integer"},
    "daily-min-temperatures.csv": {"Date": "timestamp", "Temp": "float"},
    "penguins.csv": {"species": "category", "bill_length_mm": "float", "sex": "category"},
}
PAIRS = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "t10k": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def _note(line: str) -> None:
    """What became of a file, for a person to read beside the pictures."""
    if folder := PICTURES:
        with (Path(folder) / "answers.txt").open("a") as file:
            file.write(f"{line}\n")


def _slug(path: Path) -> str:
    return re.sub(r"\W+", "-", path.name)[:60]


def _choose(page: Page, running: Deck, *paths: Path) -> Locator:
    """Choose files, and wait until each is shown as what it seems to be, or refused."""
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(paths)
    items = page.locator(".upload-item")
    expect(items).to_have_count(len(paths))
    for i in range(len(paths)):
        seen = items.nth(i).locator("tbody tr, .upload-format, [role=alert]")
        expect(seen.first).to_be_visible(timeout=120_000)
    return items.first


def _refusal(place: Locator) -> list[str]:
    """The words of a refusal: what is wrong, and then what to do about it."""
    words = [text for text in place.locator("p").all_inner_texts() if text]
    assert len(words) >= 2, f"nothing says what to do: {words}"
    assert "Traceback" not in " ".join(words)
    return words


def _bring_in(page: Page, running: Deck, path: Path) -> dict[str, Any] | None:
    """The dataset that became of a file; None where it was refused, on the form or on the dataset's page."""
    item = _choose(page, running, path)
    pictures(page, f"form-{_slug(path)}")
    add = item.locator("button.primary")  # hidden where nothing could make a dataset of the file
    if item.get_by_role("alert").count():
        expect(add).to_be_disabled()
        _note(f"{path.name} | refused on the form: {_refusal(item.get_by_role('alert'))}")
        return None
    add.click()
    page.wait_for_url("**/datasets/0*", timeout=60_000)
    return _settled(page, running, path)


def _settled(page: Page, running: Deck, path: Path) -> dict[str, Any] | None:
    expect(page.locator("#status")).to_have_attribute("data-status", re.compile("ready|failed"), timeout=120_000)
    dataset = running.get(f"/datasets/{page.url.rpartition('/')[2]}")
    if dataset["status"] == "failed":
        expect(page.locator("#failure")).to_be_visible()
        pictures(page, f"page-{_slug(path)}")
        _note(f"{path.name} | refused by the worker: {_refusal(page.locator('#failure'))}")
        return None
    num_rows = dataset["num_rows"]
    expect(page.locator("#facts")).to_contain_text(f"{num_rows:,} row{'' if num_rows == 1 else 's'}")
    expect(page.locator("#rows tbody tr").first).to_be_visible()
    pictures(page, f"page-{_slug(path)}")
    columns = [(column["name"], column["type"]) for column in dataset["columns"][:6]]
    _note(f"{path.name} | {num_rows} rows, {dataset['num_set_aside']} set aside, {columns}, {dataset['source']}")
    return dataset


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_file_becomes_a_dataset_or_is_refused_in_words(page: Page, running: Deck, path: Path) -> None:
    dataset = _bring_in(page, running, path)
    if path in BAD_IMAGES:
        assert dataset is None, "a single image is no dataset"
    if path.name in NUM_ROWS:
        assert dataset is not None and dataset["num_rows"] == NUM_ROWS[path.name]
    for name, kind in TYPES.get(path.name, {}).items():
        assert dataset is not None
        assert {column["name"]: column["type"] for column in dataset["columns"]}[name] == kind
    if path in ARCHIVES_THAT_CLIMB:
        expect(page.locator("#set-aside")).to_contain_text("1 part of the file could not be used and was set aside.")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert "its name leads out of the archive" in download.value.path().read_text()


def _whole(running: Deck, path: Path) -> Response:
    with path.open("rb") as file:
        return running.http.post("/datasets", files={"file": (path.name, file)}, timeout=120)


def _in_pieces(running: Deck, path: Path) -> Response:
    asked = {"filename": path.name, "size_bytes": path.stat().st_size}
    answer = running.http.post("/uploads", json=asked)
    if answer.is_error:
        return answer
    upload = answer.json()["id"]
    content = path.read_bytes()
    for start in range(0, len(content), 4 << 20):
        sent = running.http.put(f"/uploads/{upload}?offset={start}", content=content[start : start + (4 << 20)])
        assert sent.is_success, sent.text
    source = {"type": "upload", "upload": upload}
    return running.http.post("/datasets", json={"name": path.name, "source": source}, timeout=120)


def _outcome(running: Deck, answer: Response) -> dict[str, Any] | None:
    """The dataset that became of what was sent; None where it was refused in words, at once or by the worker."""
    if answer.is_error:
        problem = answer.json()
        assert 400 <= answer.status_code < 500 and problem["detail"] and problem["hint"], answer.text
        return None
    address = f"/datasets/{answer.json()['id']}"
    wait_for(lambda: running.get(address)["status"] != "ingesting", 120)
    dataset = running.get(address)
    if dataset["status"] == "failed":
        assert dataset["error"]["message"] and dataset["error"]["hint"]
        return None
    return dataset


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_file_becomes_the_same_over_rest_whole_or_in_pieces(running: Deck, path: Path) -> None:
    whole, pieces = (_outcome(running, send(running, path)) for send in (_whole, _in_pieces))
    if path in BAD_IMAGES:
        assert whole is None
    if path.name in NUM_ROWS:
        assert whole is not None and whole["num_rows"] == NUM_ROWS[path.name]
    if whole is None or pieces is None:
        assert whole is pieces
        return
    for fact in ("num_rows", "num_set_aside", "columns", "content_hash"):
        assert whole[fact] == pieces[fact], fact
    if path in ARCHIVES_THAT_CLIMB:
        told = running.http.get(f"/datasets/{whole['id']}/set_aside").text
        assert "its name leads out of the archive" in told


# Where the truth of csv-spectrum is not that of its own files. The table has another number than its JSON, and what is
# called newlines_crlf has lost its carriage returns, as Git takes them off, while its JSON still has one.
UNTRUE = {
    "location_coordinates": ("Contact Phone Number", "2095257564", "1234567890"),
    "newlines_crlf": ("a", "Once upon \na time", "Once upon \r\na time"),
}


@pytest.mark.parametrize("path", SPECTRUM, ids=lambda path: path.stem)
def test_an_awkward_table_holds_what_its_truth_says(page: Page, running: Deck, path: Path) -> None:
    truth = json.loads((FOLDER / f"csv_spectrum/json/{path.stem}.json").read_text())
    truth = truth if isinstance(truth, list) else [truth]
    if path.stem in UNTRUE:
        name, written, told = UNTRUE[path.stem]
        content = path.read_bytes().decode()
        assert written in content and told not in content
        (row,) = (row for row in truth if row[name] == told)
        row[name] = written
    dataset = _bring_in(page, running, path)
    assert dataset is not None
    rows = running.get(f"/datasets/{dataset['id']}/rows")["rows"]
    words = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in rows]
    assert words == truth


def test_the_bad_images_in_folders_are_rows_or_are_set_aside_with_a_reason(
    page: Page, running: Deck, tmp_path: Path
) -> None:
    path = tmp_path / "bad_images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for image in BAD_IMAGES:
            archive.write(image, f"{image.parent.name}/{image.name}")
    dataset = _bring_in(page, running, path)
    assert dataset is not None
    assert dataset["num_rows"] + dataset["num_set_aside"] == len(BAD_IMAGES)
    expect(page.locator("#set-aside")).to_contain_text(
        f"{dataset['num_set_aside']} parts of the file could not be used"
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    told = download.value.path().read_text()
    _note(told)
    kept = {row["file"] for row in running.get(f"/datasets/{dataset['id']}/rows")["rows"]}
    for image in BAD_IMAGES:
        name = f"{image.parent.name}/{image.name}"
        assert (name in told) is (name not in kept)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_images_and_labels_of_mnist_go_together(page: Page, running: Deck, tmp_path: Path, pair: str) -> None:
    path = tmp_path / f"mnist-{pair}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in PAIRS[pair]:
            archive.write(FOLDER / "mnist" / name, name)
    dataset = _bring_in(page, running, path)
    assert dataset is not None and dataset["num_rows"] == NUM_ROWS[PAIRS[pair][0]]
    assert [column["name"] for column in dataset["columns"]] == ["image", "label"]
