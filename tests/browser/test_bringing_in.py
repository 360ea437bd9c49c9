"""Files on their way in, as a person sees them: the guess, its correction, what did not fit, a lost connection."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.looking import look
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser


def test_a_guess_is_shown_corrected_and_what_does_not_fit_is_set_aside(
    page: Page, running: Deck, tmp_path: Path
) -> None:
    table = tmp_path / "cities.csv"
    lines = ["city;size;day", *(f"Zürich {i};{i},5;2024-01-02" for i in range(40)), "Plzeň;1", "Bern;2,5;2024-01-03"]
    table.write_bytes("\n".join(lines).encode("cp1250"))
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(table)
    item = page.locator(".upload-item")
    expect(item.get_by_label("Encoding")).to_have_value("cp1252")
    expect(item.get_by_label("Delimiter")).to_have_value(";")
    expect(item.get_by_label("Decimal mark")).to_have_value(",")
    expect(item.locator("tbody tr")).to_have_count(10)
    expect(item.get_by_label("What size holds").locator("option").first).to_have_text("as guessed: float")
    expect(item).to_contain_text("Line 42: 3 fields expected")
    look(page, "guess")
    item.get_by_label("Delimiter").select_option("|")
    expect(item.locator("thead")).to_contain_text("city;size;day")
    item.get_by_label("Delimiter").select_option(";")
    expect(item.get_by_label("What size holds").locator("option").first).to_have_text("as guessed: float")
    item.get_by_label("Encoding").select_option("cp1250")
    expect(item.locator(".note:not(.warn)")).to_have_count(0)
    item.get_by_label("Name of the dataset").fill("towns")
    item.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="towns")).to_be_visible()
    text = "1 row of the file did not fit and was set aside."
    expect(page.locator("#set-aside")).to_contain_text(text, timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the list").click()
    assert "Plzeň;1" in download.value.path().read_text()


def test_what_a_column_holds_is_said_where_it_was_misjudged(page: Page, running: Deck, tmp_path: Path) -> None:
    table = tmp_path / "parcels.csv"
    lines = [f"{4000 + i},{i}.5,2024-01-{i % 28 + 1:02d},0{i % 3},some note about parcel {i}" for i in range(40)]
    table.write_text("\n".join(["postcode,weight,sent,zone,note", *lines, "4041,heavy,2024-01-03,01,none"]))
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(table)
    item = page.locator(".upload-item")
    for column, guessed in (("postcode", "integer"), ("weight", "category"), ("zone", "category"), ("note", "text")):
        expect(item.get_by_label(f"What {column} holds").locator("option").first).to_have_text(
            re.compile(f"as guessed: ({guessed}|text)")
        )
    look(page, "guessed")
    item.get_by_label("What postcode holds").select_option("category")
    expect(item.get_by_label("What postcode holds")).to_have_value("category")
    item.get_by_label("What weight holds").select_option("float")
    expect(item).to_contain_text("One row of the file does not fit and will be set aside.")
    expect(item).to_contain_text("Line 42: weight is no number: 'heavy'")
    item.get_by_label("What zone holds").focus()
    item.get_by_label("What zone holds").select_option("integer")
    expect(item.get_by_label("What zone holds")).to_have_value("integer")
    expect(item.get_by_label("What zone holds")).to_be_focused()
    look(page, "said")
    item.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("40 rows", timeout=60_000)
    columns = running.get(f"/datasets/{page.url.rpartition('/')[2]}")["columns"]
    assert [column["type"] for column in columns] == ["category", "float", "timestamp", "integer", "text"]


def kept(running: Deck) -> set[Path]:
    """What is kept of files that are being sent, or wait for a word."""
    return set((running.settings.data_dir / "uploads").glob("*"))


def test_several_files_are_added_one_by_one_or_discarded(page: Page, running: Deck, tmp_path: Path) -> None:
    before = kept(running)
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("a,b\n1,2\n3,4\n")
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files([tmp_path / "one.csv", tmp_path / "two.csv"])
    one = page.locator(".upload-item").filter(has_text="one.csv")
    two = page.locator(".upload-item").filter(has_text="two.csv")
    one.get_by_role("button", name="Add", exact=True).click()
    expect(one.get_by_role("link", name="Open one")).to_be_visible()
    two.get_by_role("button", name="Discard").click()
    expect(two).to_have_count(0)
    names = [dataset["name"] for dataset in running.get("/datasets")["items"]]
    assert "one" in names and "two" not in names
    wait_for(lambda: kept(running) <= before, timeout_s=10)


def test_a_lost_connection_is_waited_for_and_the_file_goes_on(page: Page, running: Deck, tmp_path: Path) -> None:
    table = tmp_path / "long.csv"
    table.write_text("a,b\n" + "1,2\n" * 3_000_000)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) < 2 and "offset=0" not in route.request.url:
            lost.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/uploads/*?offset=*", lose)
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(table)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="long")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("3,000,000 rows", timeout=60_000)
    assert len(lost) == 2


def test_a_file_that_is_being_sent_can_be_stopped(page: Page, running: Deck, tmp_path: Path) -> None:
    before = kept(running)
    table = tmp_path / "slow.csv"
    table.write_text("a,b\n" + "1,2\n" * 3_000_000)
    page.route("**/api/v1/uploads/*?offset=8388608", lambda route: route.abort("connectionreset"))
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(table)
    expect(page.locator(".upload-item")).to_contain_text("trying again")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".upload-item")).to_contain_text("stopped")
    wait_for(lambda: kept(running) <= before, timeout_s=10)


def test_a_file_that_cannot_be_read_tells_why_and_can_be_corrected(page: Page, running: Deck, tmp_path: Path) -> None:
    table = tmp_path / "odd.csv"
    table.write_text('a\tb\n"x" y\t1\n"z" w\t2\n')
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(table)
    item = page.locator(".upload-item")
    expect(item.get_by_label("Quotes", exact=True)).to_be_visible()
    item.get_by_label("Quotes", exact=True).select_option("'")
    expect(item.locator("tbody")).to_contain_text('"x" y')
    item.get_by_label("Quotes", exact=True).select_option('"')
    expect(item).to_contain_text("Line 2: text follows a closing quote")
    expect(item.get_by_role("button", name="Add", exact=True)).to_be_disabled()
    item.get_by_label("Quotes", exact=True).select_option("")
    expect(item.get_by_role("button", name="Add", exact=True)).to_be_enabled()


def test_a_single_image_is_refused_with_what_to_do_and_nothing_else_is_asked(
    page: Page, running: Deck, tmp_path: Path
) -> None:
    picture = tmp_path / "scan.tif"
    picture.write_bytes(b"II*\0" + bytes(100))
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(picture)
    item = page.locator(".upload-item")
    expect(item.get_by_role("alert")).to_contain_text("scan.tif is a single image, and a dataset has many.")
    expect(item.get_by_role("alert")).to_contain_text("zip archive, with a folder for each class")
    expect(item.get_by_role("combobox")).to_have_count(0)
    expect(item.get_by_role("button")).to_have_text("Discard")


def test_an_archive_says_what_becomes_of_it_and_what_was_left_out(page: Page, running: Deck, tmp_path: Path) -> None:
    path = tmp_path / "letters.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good/1.txt", "one")
        archive.writestr("bad/2.txt", "two")
        archive.writestr("../3.txt", "three")
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(path)
    item = page.locator(".upload-item")
    expect(item).to_contain_text("This is a ZIP archive.")
    expect(item).to_contain_text("the folder that it lies in its class")
    item.get_by_role("button", name="Add", exact=True).click()
    text = "1 part of the file could not be used and was set aside."
    expect(page.locator("#set-aside")).to_contain_text(text, timeout=60_000)
    expect(page.locator("#facts")).to_contain_text("2 rows")


def test_a_table_alone_in_a_zip_is_shown_and_corrected_like_the_table(
    page: Page, running: Deck, tmp_path: Path
) -> None:
    path = tmp_path / "train.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", "month;sold\n1949-01;1,5\n1949-02;2,5\n")
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(path)
    item = page.locator(".upload-item")
    expect(item.get_by_label("Delimiter")).to_have_value(";")
    expect(item.get_by_label("What month holds").locator("option").first).to_have_text("as guessed: timestamp")
    expect(item.get_by_label("Name of the dataset")).to_have_value("train")
    item.get_by_label("First row", exact=True).select_option("false")
    expect(item.locator("tbody tr")).to_have_count(3)
    item.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("3 rows", timeout=60_000)


def test_the_reading_of_a_file_is_cancelled_and_the_file_goes(page: Page, running: Deck, tmp_path: Path) -> None:
    table = tmp_path / "long.csv"
    table.write_text("a,b\n" + "1,2\n" * 6_000_000)
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(table)
    page.get_by_role("button", name="Add", exact=True).click()
    (reading,) = wait_for(running.job_processes, every_s=0.01)
    reading.suspend()
    try:
        expect(page.get_by_role("heading", name="long")).to_be_visible()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Stop reading").click()
        expect(page.locator("#ingest-text")).to_have_text("Asked the worker to stop.")
    finally:
        reading.resume()
    expect(page.locator("#failure")).to_contain_text("Reading it was cancelled.")
    expect(page.locator("#ingest")).to_be_hidden()
    dataset_id = page.url.rpartition("/")[2]
    assert not (running.settings.data_dir / "datasets" / dataset_id).exists()
