"""Versions of a dataset in Chromium: files are added, images and cells relabelled, versions compared and deleted."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.looking import look
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser
CSV = "size,kind,note\n" + "".join(f"{i},{('small', 'large')[i > 5]},note {i}\n" for i in range(12))


def archive(*names: str) -> bytes:
    packed, random = io.BytesIO(), np.random.default_rng(0)
    with zipfile.ZipFile(packed, "w") as file:
        for i, name in enumerate(names):
            pixels = random.integers(0, 256, (10, 14, 3), np.uint8)
            Image.fromarray(pixels).save(picture := io.BytesIO(), "PNG")
            file.writestr(f"{name}/{i:02}.png", picture.getvalue())
    return packed.getvalue()


def relabel(running: Deck, dataset_id: str, column: str, row: int, value: str) -> str:
    body = {"relabel": {"column": column, "values": [{"row": row, "value": value}]}}
    made: str = running.post(f"/datasets/{dataset_id}/versions", body)["id"]
    wait_for(lambda: running.get(f"/datasets/{made}")["status"] == "ready")
    return made


def wait_until_made(page: Page, version: int) -> None:
    expect(page.get_by_label("Version", exact=True)).to_contain_text(f"v{version}, newest")
    expect(page.locator("#status")).to_have_text("ready")


def test_files_are_added_and_what_changed_is_told(page: Page, running: Deck, tmp_path: Path) -> None:
    dataset_id = running.add_file("things.csv", CSV.encode())
    page.goto(f"{running.url}/datasets/{dataset_id}")
    page.get_by_role("button", name="Add data").click()
    more, wrong = tmp_path / "more.csv", tmp_path / "wrong.csv"
    more.write_text("note;kind;size\nnew;huge;40\nnewer;huge;41\n")
    wrong.write_text("size,sort\n1,a\n")
    page.locator("#more-files").set_input_files([more, wrong])
    region = page.locator("#add-data")
    expect(region.get_by_label("Preview of wrong.csv")).to_contain_text("sort")
    region.get_by_role("button", name="Save as version 2, with 2 files").click()
    expect(region.get_by_role("alert")).to_contain_text("wrong.csv has other columns")
    look(page, "versions-refused")
    region.get_by_label("Preview of wrong.csv").get_by_role("button", name="Discard").click()
    region.get_by_role("button", name="Save as version 2", exact=True).click()
    page.wait_for_url(lambda url: dataset_id not in url)
    wait_until_made(page, 2)
    card = page.locator("#versions")
    expect(card).to_contain_text("2 rows added from more.csv")
    expect(card).to_contain_text("are shared with other versions")
    expect(card.get_by_role("row", name="kind")).to_contain_text("rows of huge 0 → 2")
    look(page, "versions-added")
    page.get_by_label("Version", exact=True).select_option(label="v1")
    page.wait_for_url(f"**/datasets/{dataset_id}")
    expect(card).to_contain_text("There is a newer one: version 2")
    expect(page.get_by_role("button", name="Add data")).to_be_hidden()
    page.goto(f"{running.url}/datasets")
    expect(page.locator("#datasets tr", has_text="things")).to_contain_text("v2")


def test_images_are_chosen_by_mouse_and_keys_and_given_another_class(page: Page, running: Deck) -> None:
    dataset_id = running.add_file("animals.zip", archive(*["cats", "dogs", "owls"] * 4))
    page.goto(f"{running.url}/datasets/{dataset_id}")
    picks = page.locator(".wall-pick")
    expect(picks).to_have_count(12)
    picks.nth(0).click()
    picks.nth(2).click(modifiers=["Shift"])
    expect(page.locator(".wall-count")).to_have_text("3 images chosen")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator(".wall-count")).to_have_text("4 images chosen")
    page.get_by_label("label of the chosen images").fill("lynxes")
    page.get_by_role("button", name="Set label").click()
    expect(page.locator(".wall-tile figcaption.is-edited")).to_have_text(["lynxes"] * 4)
    bar = page.get_by_role("region", name="Changes")
    expect(bar).to_contain_text("4 cells changed")
    picks.nth(7).click()
    look(page, "versions-wall")
    bar.get_by_role("button", name="Undo").click()
    expect(bar).to_contain_text("3 cells changed")
    bar.get_by_role("button", name="Save as version 2").click()
    wait_until_made(page, 2)
    page.get_by_role("group", name="Images by label").get_by_role("button", name="lynxes").click()
    expect(page.locator(".wall-tile")).to_have_count(3)
    expect(page.locator("#versions").get_by_role("row", name="label")).to_contain_text("rows of lynxes 0 → 3")


def test_values_are_typed_over_and_saved_together(page: Page, running: Deck) -> None:
    dataset_id = running.add_file("cells.csv", CSV.encode())
    page.goto(f"{running.url}/datasets/{dataset_id}")
    page.get_by_role("button", name="Edit values").click()
    page.get_by_role("button", name="kind of row 0: small").click()
    page.get_by_label("kind of row 0").fill("tiny")
    page.get_by_label("kind of row 0").press("Enter")
    expect(page.get_by_role("button", name="kind of row 0: tiny, was small")).to_be_focused()
    page.get_by_role("button", name="size of row 3: 3").click()
    page.get_by_label("size of row 3", exact=True).fill("2.5")
    page.get_by_label("size of row 3", exact=True).press("Enter")  # the column holds whole numbers
    page.get_by_label("size of row 3", exact=True).press("Escape")
    page.get_by_role("button", name="note of row 1: note 1").click()
    page.get_by_label("note of row 1", exact=True).fill("")
    page.get_by_role("button", name="kind of row 2: small").click()  # leaving a cell keeps it
    page.get_by_label("kind of row 2").press("Escape")
    bar = page.get_by_role("region", name="Changes")
    expect(bar).to_contain_text("2 cells changed")
    look(page, "versions-cells")
    bar.get_by_role("button", name="Save as version 2").click()
    wait_until_made(page, 2)
    first = page.locator("#rows tbody tr").first
    expect(first).to_contain_text("tiny")
    page.get_by_label("Column to look in").select_option("kind")
    page.get_by_label("What its value must be").fill("small")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Edit values").click()
    page.get_by_label("Column to set").select_option("kind")
    page.get_by_label("What all these rows are to hold").fill("little")
    page.get_by_role("button", name="Save as a version").click()
    wait_until_made(page, 3)
    expect(page.locator("#versions")).to_contain_text("5 cells of kind changed: little where kind:small")
    page.get_by_label("Changes since").select_option(label="version 1")
    expect(page.locator("#versions").get_by_role("row", name="kind")).to_contain_text("6")


def test_what_is_half_said_outlives_a_slow_answer(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/datasets/{running.add_file('slow.csv', CSV.encode())}")
    page.get_by_role("button", name="Edit values").click()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/rows?*", hold)
    page.get_by_label("Column to look in").select_option("kind")
    page.get_by_label("What its value must be").fill("small")
    page.get_by_role("button", name="Filter").click()
    for _ in range(2):  # draws what is there, each time
        page.get_by_role("button", name="Edit values").click()
    page.get_by_label("Column to set").select_option("kind")
    page.get_by_label("What all these rows are to hold").press_sequentially("lit")
    save = page.get_by_role("button", name="Save as a version")
    expect(save).to_be_disabled()  # of how many rows nobody knows yet
    assert len(held) == 1
    page.unroute("**/rows?*")  # which lets it go
    expect(page.locator("#rows")).to_contain_text("In 6 rows, set")
    expect(page.get_by_label("What its value must be")).to_have_value("")
    expect(page.get_by_label("Column to set")).to_have_value("kind")
    page.keyboard.type("tle")  # nobody has taken the focus away
    expect(page.get_by_label("What all these rows are to hold")).to_have_value("little")
    save.click()
    wait_until_made(page, 2)
    expect(page.locator("#versions")).to_contain_text("6 cells of kind changed: little where kind:small")


def test_deleting_a_version_says_what_it_frees(page: Page, running: Deck) -> None:
    first = running.add_file("gone.csv", CSV.encode())
    second = relabel(running, first, "kind", 0, "x")
    page.goto(f"{running.url}/datasets/{second}")
    wait_until_made(page, 2)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("stay, for other versions hold them too")
    look(page, "versions-delete")
    page.get_by_role("button", name="Delete this version").click()
    page.wait_for_url(f"**/datasets/{first}")
    expect(page.locator("#versions")).to_be_hidden()


def test_a_new_run_takes_the_newest_and_a_run_keeps_its_own(page: Page, running: Deck) -> None:
    first = running.add_file("flowers.csv", CSV.encode())
    spec = {
        "dataset": first,
        "model": {"layers": [{"type": "linear", "out_features": 1}]},
        "data": {"target": "size", "features": ["kind"]},
        "training": {"num_epochs": 2, "loss": {"type": "mse_loss"}},
    }
    run = running.post("/runs", spec)["id"]
    running.wait_until_ended(run)
    second = relabel(running, first, "kind", 0, "x")
    page.goto(f"{running.url}/runs/new?dataset={second}")
    expect(page.get_by_label("Dataset", exact=True)).to_have_value(second)
    expect(page.get_by_label("Dataset", exact=True).locator("option:checked")).to_have_text("flowers v2, 12 rows")
    page.goto(f"{running.url}/runs/new?from={run}")
    expect(page.get_by_label("Dataset", exact=True)).to_have_value(first)
    expect(page.get_by_text("version 2 is newer")).to_be_visible()
    page.goto(f"{running.url}/runs/{run}")
    expect(page.locator(".crumbs")).to_contain_text("flowers (version 2 is newer)")
    page.get_by_role("tab", name="Data").click()
    look(page, "versions-run")
    expect(page.locator("#panel-data")).to_contain_text("There is a newer version: version 2")
