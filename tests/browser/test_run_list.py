"""The list of runs in Chromium, with three thousand of them."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import insert, update

from app.db import Database
from app.db.tables import Job, Run, RunSetting, RunTag, Series
from app.ids import new_id
from app.runs.flatten import columns_of, flatten
from tests.browser.looking import pictures, violations
from tests.browser.test_pages import LOOKS
from tests.conftest import TOKEN
from tests.deck import Deck
from tests.recorded import record

pytestmark = pytest.mark.browser
NUM_RUNS = 3000
AT = 1_790_000_000.0
ALL = f"{NUM_RUNS:,} runs"


def fill(db: Database, num_runs: int) -> list[str]:
    """Runs that have ended, with two settings, a tag, a project and a result each. Returns their ids, oldest first."""
    ids = sorted(new_id() for _ in range(num_runs))  # made within a few ms, they have no order of their own
    jobs, runs, settings, tags, series = [], [], [], [], []
    for i, run_id in enumerate(ids):
        spec = {"config": {"lr": 10 ** -(i % 5), "width": i % 7}}
        job_id = new_id()
        status = "failed" if i % 10 == 3 else "succeeded"
        common = {"attempt": 1, "last_seq": 1, "position": AT, "payload": {}}
        times = {"created_at": AT + i, "started_at": AT + i, "finished_at": AT + 2 * i}
        jobs.append({"id": job_id, "kind": "report", "status": status, **common, **times})
        project = "hearts" if i % 3 else ""
        shown = {"name": f"run {i:04}", "project": project, "tags": [f"t{i % 4}"], "notes": "", "is_favorite": False}
        kept = {"spec": spec, "inspection": {}, "num_parameters": 0, "created_at": AT + i, "origin": "client"}
        runs.append({"id": run_id, "job_id": job_id, **shown, **kept})
        tags.append({"run_id": run_id, "tag": f"t{i % 4}"})
        for key, value in flatten(spec).items():
            number, text = columns_of(value)
            settings.append({"run_id": run_id, "key": key, "number": number, "text": text})
        loss = (i * 7919 % num_runs) / num_runs
        figures = {"last": loss, "min": loss, "max": 1.0, "last_step": 9, "num_points": 9}
        counts = {"num_nan": 0, "num_pos_inf": 0, "num_neg_inf": 0}
        series.append({"job_id": job_id, "name": "train/loss", **figures, **counts})
    with db.write() as session:
        for table, rows in ((Job, jobs), (Run, runs), (RunSetting, settings), (RunTag, tags), (Series, series)):
            session.execute(insert(table), rows)
    return ids


@pytest.fixture(scope="module")
def many(running: Deck) -> list[str]:
    db = Database(running.settings.database_url)
    try:
        return fill(db, NUM_RUNS)
    finally:
        db.dispose()


def first_row(page: Page) -> str:
    return page.locator("#runs .rows tr[data-run] .row-link").first.inner_text()


def open_list(page: Page, running: Deck, query: str = "") -> None:
    page.goto(f"{running.url}/runs{query}")
    expect(page.locator("#runs .rows tr[data-run]").first).to_be_visible()


def test_a_filter_is_completed_applied_and_kept_in_the_address(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    expect(page.locator("#summary")).to_contain_text(ALL)
    page.keyboard.press("/")
    page.keyboard.type("sta")
    expect(page.get_by_role("option").first).to_contain_text("status")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("fa")
    expect(page.get_by_role("option").first).to_contain_text("failed")
    page.keyboard.press("ArrowDown")
    pictures(page, "completing")
    page.keyboard.press("Enter")
    expect(page.locator("#filter")).to_have_value("status:failed ")
    expect(page.locator("#summary")).to_contain_text("300 runs match")
    page.keyboard.type("loss<0.1")
    expect(page.locator("#summary")).not_to_contain_text("300")
    page.reload()
    expect(page.locator("#filter")).to_have_value("status:failed loss<0.1")
    expect(page.locator("#runs .rows .status[data-status=failed]").first).to_be_visible()


def test_a_filter_that_cannot_be_read_is_told_beside_it(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    page.locator("#filter").fill("(status:failed")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-error")).to_contain_text("parenthesis")
    expect(page.locator("#filter")).to_have_attribute("aria-invalid", "true")
    page.locator("#filter").fill("nothing of that name")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    expect(page.locator("#filter-error")).to_be_empty()


def test_headers_sort_on_the_server(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    page.get_by_role("button", name="Loss", exact=True).click()
    expect(page.locator("#runs .rows .row-link").first).to_have_text("run 0000")
    page.get_by_role("button", name="Loss", exact=True).click()
    expect(page.locator('th[aria-sort="descending"]')).to_have_text("Loss")
    expect(page.locator("#runs .rows .row-link").first).not_to_have_text("run 0000")
    expect(page).to_have_url(f"{running.url}/runs?sort=-loss")


def test_columns_are_chosen_and_kept(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Setting or result").fill("width")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_label("Device", exact=True).uncheck()
    pictures(page, "columns")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("button", name="width")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Device")).to_have_count(0)
    page.get_by_role("button", name="width").click()
    expect(page.locator('#runs .rows td[data-column="width"]').first).to_have_text("0")


def test_any_row_of_thousands_is_scrolled_to(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    page.locator("#runs-scroll").evaluate("(one) => (one.scrollTop = one.scrollHeight)")
    expect(page.get_by_role("link", name="run 0000")).to_be_visible()
    assert page.locator("#runs .rows tr").count() < 60
    page.locator("#runs-scroll").evaluate("(one) => (one.scrollTop = one.scrollHeight / 2)")
    expect(page.get_by_role("link", name="run 1500")).to_be_visible()
    pictures(page, "scrolled")


def test_rows_are_chosen_with_the_keyboard_and_over_a_range(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    page.locator("h1").click()
    for key in "jjxjx":
        page.keyboard.press(key)
    expect(page.locator("#num-selected")).to_have_text("2 runs selected")
    page.locator("#runs .rows tr[data-run] input").nth(9).click(modifiers=["Shift"])
    expect(page.locator("#num-selected")).to_have_text("9 runs selected")
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#run-name")).to_be_visible()


def test_all_that_match_are_tagged_at_once(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running, "?filter=loss%3C0.01")
    page.get_by_label("Select all that match").check()
    expect(page.locator("#num-selected")).to_have_text("30 runs selected")
    pictures(page, "selected")
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tag", exact=True).fill("best of all")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("30 runs tagged")
    expect(page.locator("#runs .rows tr").first).to_contain_text("best of all")
    assert running.get("/runs", params={"filter": 'tag:"best of all"'})["num_matching"] == 30


def test_deleting_gives_the_disk_back_and_says_how_much(page: Page, running: Deck, many: list[str]) -> None:
    folder = running.settings.data_dir / "runs" / many[-1]
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * 2_000_000)
    name = f"run {NUM_RUNS - 1:04}"
    open_list(page, running)
    page.get_by_label(f"Select {name}").check()
    page.wait_for_load_state("networkidle")  # Chromium notes it when a small curve of what is gone is asked for
    bar = page.get_by_role("group", name="The selected runs")
    expect(bar.get_by_role("button", name="Cancel")).to_be_hidden()  # it has ended
    expect(bar.get_by_role("button", name="Unstar")).to_be_hidden()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#toasts")).to_contain_text("2.0 MB freed")
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    assert not folder.exists()


def test_rows_that_could_not_be_had_are_asked_for_again(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=422, json={"title": "Not now"})

    # Those far down, until that is told: what is in sight is had again by itself now and then, without a word.
    far_down = re.compile(r"/api/v1/runs\?.*offset=1\d{3}")
    page.route(far_down, refuse)
    page.locator("#runs-scroll").evaluate("(one) => (one.scrollTop = one.scrollHeight / 2)")
    expect(page.locator("#toasts")).to_contain_text("Not now")
    page.unroute(far_down)
    expect(page.get_by_role("link", name="run 1490")).to_be_visible()
    expect(page.locator("#runs .rows tr[data-waiting]")).to_have_count(0)
    assert refused


def test_rows_of_runs_that_others_delete_leave_the_page(page: Page, running: Deck, many: list[str]) -> None:
    page.route("**/api/v1/runs/*/metrics?*", lambda route: route.fulfill(json={"series": []}))  # small curves
    open_list(page, running, "?filter=loss%3E0.1")
    page.locator("#runs-scroll").evaluate("(one) => (one.scrollTop = 44 * 80)")
    shown = page.locator("#runs .rows tr[data-run]")
    expect(shown.first).to_have_attribute("aria-rowindex", "70")
    expect(page.locator("#runs .rows tr[data-waiting]")).to_have_count(0)
    row, chosen, other = shown.nth(3), shown.nth(19), shown.nth(22)
    gone = row.get_attribute("data-run")
    held, other_id = chosen.get_attribute("data-run"), other.get_attribute("data-run")
    page.locator(f'tr[data-run="{other_id}"] input').check()
    page.locator(f'tr[data-run="{held}"] .row-link').focus()
    place = page.locator(f'tr[data-run="{held}"]').bounding_box()
    running.http.delete(f"/runs/{gone}").raise_for_status()
    expect(page.locator(f'tr[data-run="{gone}"]')).to_have_count(0)
    expect(page.locator(f'tr[data-run="{held}"] .row-link')).to_be_focused()
    expect(page.locator(f'tr[data-run="{held}"]')).to_have_attribute("data-current", "")
    expect(page.locator(f'tr[data-run="{other_id}"] input')).to_be_checked()
    expect(page.locator("#num-selected")).to_have_text("1 run selected")
    assert page.locator(f'tr[data-run="{held}"]').bounding_box() == place
    running.http.delete(f"/runs/{held}").raise_for_status()
    expect(page.locator(f'tr[data-run="{held}"]')).to_have_count(0)
    expect(page.locator("tr[data-current] .row-link")).to_be_focused()


def test_a_run_that_is_cancelled_from_the_list_says_so_on_its_own_page(
    browser: Browser, page: Page, running: Deck, many: list[str]
) -> None:
    database = Database(running.settings.database_url)
    run_id = record(database, "long", {"train/loss": [3.0, 2.0]}, is_running=True)
    page.goto(f"{running.url}/runs/{run_id}")
    expect(page.locator("#run-status")).to_contain_text("running")
    running.http.post(f"/runs/{run_id}/cancel").raise_for_status()
    expect(page.locator("#run-status")).to_contain_text("stopping")
    expect(page.locator("#cancel")).to_be_disabled()
    with database.write() as session:
        session.execute(update(Job).where(Job.id == running.run(run_id)["job_id"]).values(request=None))
    expect(page.locator("#run-status")).to_contain_text("running")
    expect(page.locator("#cancel")).to_be_enabled()
    page.locator("#cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run-status")).to_contain_text("stopping")
    database.dispose()


def test_a_run_is_edited_starred_and_archived(page: Page, running: Deck, many: list[str]) -> None:
    open_list(page, running, "?filter=name%3A%22run%200042%22")
    page.get_by_label("Favourite run 0042").click()
    expect(page.get_by_label("Favourite run 0042")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Select run 0042").check()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tags").fill("one, two")
    page.get_by_label("Notes").fill("**kept**")
    pictures(page, "editing")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#runs .rows tr").first).to_contain_text("two")
    page.get_by_label("Select run 0042").check()
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    found = running.get("/runs", params={"filter": "is:archived is:favorite"})["items"]
    assert [run["tags"] for run in found] == [["one", "two"]]
    page.goto(f"{running.url}/runs/{found[0]['id']}")
    expect(page.get_by_role("region", name="Notes").locator("strong")).to_have_text("kept")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#run-name")).to_have_text("renamed")
    pictures(page, "edited")


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_it_fits(browser: Browser, running: Deck, many: list[str], theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{running.url}/?token={TOKEN}")
    expect(page.locator("#runs .rows tr[data-run]").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    pictures(page, f"list-{theme}-{width}")
    page.get_by_label("Select all that match").check()
    assert not violations(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    context.close()
