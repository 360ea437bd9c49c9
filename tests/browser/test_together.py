"""Files that belong together are chosen together, and are one dataset: MNIST's four, and a folder of images."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.deck import Deck

pytestmark = pytest.mark.browser


def idx(path: Path, array: np.ndarray) -> Path:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))
    return path


def added(page: Page, running: Deck) -> dict[str, object]:
    """The dataset of the page that has opened."""
    page.wait_for_url("**/datasets/0*")
    expect(page.locator("#facts")).to_contain_text("rows", timeout=60_000)
    return running.get(f"/datasets/{page.url.rpartition('/')[2]}")


def test_the_files_of_mnist_are_one_dataset(page: Page, running: Deck, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    files = []
    for part, num_rows in (("train", 30), ("t10k", 10)):
        files.append(idx(tmp_path / f"{part}-images-idx3-ubyte.gz", random.integers(0, 256, (num_rows, 28, 28))))
        files.append(idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(num_rows) % 10))
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(files)
    item = page.locator(".upload-item")
    expect(item).to_contain_text("These 4 files make one dataset.")
    look(page, "mnist")
    item.get_by_label("Name of the dataset").fill("digits as they come")
    item.get_by_role("button", name="Add", exact=True).click()
    dataset = added(page, running)
    assert dataset["num_rows"] == 40
    rows = running.get(f"/datasets/{dataset['id']}/rows?limit=40")["rows"]
    assert [row["part"] for row in rows] == ["train"] * 30 + ["test"] * 10
    assert [row["label"] for row in rows][:12] == [*range(10), 0, 1]
    # What is trained on and what is tested, the files have said; what is seen of a run's data are pictures.
    page.goto(f"{running.url}/runs/new?dataset={dataset['id']}")
    split = page.locator("[data-loc='data.split']").first
    expect(split.get_by_label("Split", exact=True)).to_have_value("column")
    expect(page.locator("#summary-pairs")).to_contain_text("30")
    page.locator("[data-loc='training.num_epochs'] input").fill("1")
    expect(page.locator("#start")).to_have_attribute("aria-disabled", "false")
    page.locator("#start").click()
    page.wait_for_url("**/runs/0*")
    expect(page.locator("#run-status, #facts").first).to_be_visible()
    page.get_by_role("tab", name="Data", exact=True).click()
    first = page.get_by_role("group", name="First rows").locator("img").first
    expect(first).to_be_visible()
    assert first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 28


def test_a_folder_of_images_is_one_dataset_whose_folders_are_classes(page: Page, running: Deck, tmp_path: Path) -> None:
    for name, colour in (("apples", "red"), ("limes", "green")):
        folder = tmp_path / "fruit" / name
        folder.mkdir(parents=True)
        for i in range(6):
            Image.new("RGB", (24 + i, 24), colour).save(folder / f"{i}.png")
    (tmp_path / "fruit" / ".DS_Store").write_bytes(b"x")
    page.goto(f"{running.url}/datasets")
    page.locator("#folder").set_input_files(tmp_path / "fruit")
    item = page.locator(".upload-item")
    expect(item).to_contain_text("These 12 files make one dataset.")
    look(page, "folder")
    item.get_by_role("button", name="Add", exact=True).click()
    dataset = added(page, running)
    assert (dataset["name"], dataset["num_rows"], dataset["num_set_aside"]) == ("fruit", 12, 0)
    rows = running.get(f"/datasets/{dataset['id']}/rows")["rows"]
    assert {(row["label"], row["file"]) for row in rows} == {
        (name, f"{name}/{i}.png") for name in ("apples", "limes") for i in range(6)
    }


def test_tables_that_are_chosen_together_stay_datasets_of_their_own(page: Page, running: Deck, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("x,y\n1,2\n3,4\n")
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files([tmp_path / "a.csv", tmp_path / "b.csv"])
    expect(page.locator(".upload-item")).to_have_count(2)
    expect(page.get_by_label("Name of the dataset")).to_have_count(2)
    for _ in range(2):
        page.get_by_role("button", name="Discard").first.click()
    expect(page.locator(".upload-item")).to_have_count(0)
