"""A dataset's page: its rows are filtered, sorted and turned, its images hang on a wall by class."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser


def test_rows_are_found_sorted_and_turned(page: Page, running: Deck) -> None:
    lines = "".join(f"{i},{'odd' if i % 2 else 'even'},{(i * 7) % 60}\n" for i in range(60))
    dataset_id = running.add_file("numbers.csv", f"id,kind,other\n{lines}".encode())
    page.goto(f"{running.url}/datasets/{dataset_id}")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="Next", exact=True).click()
    expect(rows.first).to_contain_text("20")
    page.get_by_label("Column to look in").select_option("kind")
    page.get_by_label("What its value must be").fill("odd")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#rows")).to_contain_text("1–20 of 30 rows")
    page.get_by_role("button", name="other", exact=True).click()
    expect(page.get_by_role("columnheader", name="other")).to_have_attribute("aria-sort", "ascending")
    expect(rows.first.locator("td").last).to_have_text("1")
    page.get_by_role("button", name="other ↑").click()
    expect(rows.first.locator("td").last).to_have_text("59")
    page.get_by_role("button", name="kind:odd ×").click()
    expect(page.locator("#rows")).to_contain_text("of 60 rows")


def test_images_hang_on_a_wall_by_class(page: Page, running: Deck) -> None:
    archive = io.BytesIO()
    random = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as file:
        for i in range(12):
            picture = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (10, 14, 3), np.uint8)).save(picture, "PNG")
            file.writestr(f"{('cats', 'dogs', 'owls')[i % 3]}/{i}.png", picture.getvalue())
    page.goto(f"{running.url}/datasets/{running.add_file('animals.zip', archive.getvalue())}")
    tiles = page.locator(".wall-tile")
    expect(tiles).to_have_count(12)
    expect(page.get_by_role("region", name="Images")).to_contain_text("12 images, 14 × 10 pixels")
    page.get_by_role("group", name="Images by label").get_by_role("button", name="owls").click()
    expect(tiles).to_have_count(4)
    expect(tiles.locator("figcaption").first).to_have_text("owls")
    wait_for(
        lambda: page.evaluate("[...document.querySelectorAll('.wall-tile img')].every((one) => one.naturalWidth > 0)")
    )
    expect(page.locator("#rows .cell-image").first).to_be_visible()


def test_images_alone_are_not_asked_to_be_looked_through_by_value(page: Page, running: Deck) -> None:
    pixels = io.BytesIO()
    np.save(pixels, np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8))
    page.goto(f"{running.url}/datasets/{running.add_file('digits.npy', pixels.getvalue())}")
    expect(page.locator("#rows .cell-image").first).to_be_visible()
    expect(page.get_by_role("button", name="Filter")).to_be_hidden()
