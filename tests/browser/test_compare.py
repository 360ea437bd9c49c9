"""Runs side by side in a real Chromium: what is chosen, drawn, pointed at and linked to."""

import math
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app import queue
from app.db import Database
from tests.browser.looking import violations
from tests.browser.test_pages import FIRST_LOOKS
from tests.conftest import TOKEN
from tests.deck import Deck
from tests.recorded import add_points, record

pytestmark = pytest.mark.browser

SWEEP = {"slow": 0.01, "good": 0.1, "wild": 1.0}
STEPS = range(1, 201)


@pytest.fixture(scope="module")
def ids(running: Deck) -> Iterator[dict[str, str]]:
    """Three runs that differ in one setting, and one that shares no series with them."""
    database = Database(running.settings.database_url)
    found = {}
    for name, lr in SWEEP.items():
        loss = [0.1 + lr / 10 + math.exp(-step * lr / 10) for step in STEPS]
        layers = [{"type": "linear", "out_features": 8 if lr < 1 else 16}, {"type": "relu"}]
        series = {"train/loss": loss, "validation/accuracy": [1 - value / 2 for value in loss]}
        found[name] = record(database, name, series, {"optimizer.lr": lr, "optimizer.type": "sgd"}, layers=layers)
    found["reward"] = record(database, "reward", {"reward": [1.0, 2.0]})
    database.dispose()
    yield found


def open_comparison(page: Page, running: Deck, ids: dict[str, str], more: str = "") -> None:
    page.goto(f"{running.url}/compare?ids={','.join(ids[name] for name in SWEEP)}{more}")
    expect(page.locator("#compare-runs [data-run]")).to_have_count(3)


def names(rows: Locator) -> list[str]:
    return rows.locator(".row-link").all_inner_texts()


def test_three_runs_are_drawn_over_one_another(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids)
    charts = page.locator("#panel-curves .chart")
    expect(charts).to_have_count(2)
    expect(charts.first).to_contain_text("Loss, train")
    expect(charts.first).to_contain_text("600 points")


def test_whoever_is_pointed_at_stands_out_everywhere(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids, "&view=table")
    row = page.locator("#panel-table tr[data-run]").filter(has_text="wild")
    row.hover()
    expect(page.locator(f'#compare-runs [data-run="{ids["wild"]}"]')).to_have_attribute("data-pointed", "")
    expect(page.locator(f'#compare-runs [data-run="{ids["good"]}"]')).to_have_attribute("data-faded", "")


def test_the_table_shows_what_differs_sorts_and_marks_the_best(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids, "&view=table")
    table = page.locator(".compare-table")
    expect(table).to_contain_text("optimizer.lr")
    expect(table).not_to_contain_text("optimizer.type")
    page.get_by_role("button", name="train/loss, lowest").click()
    assert names(table.locator("tbody tr")) == ["wild", "good", "slow"]
    best = table.locator("tbody tr").first.locator("td[data-best]")
    expect(best.first).to_contain_text("(best)")
    expect(page.get_by_role("region", name="Layers that differ")).to_contain_text("out_features=16")


def test_a_link_restores_the_comparison_for_someone_else(
    browser: Browser, page: Page, running: Deck, ids: dict[str, str]
) -> None:
    open_comparison(page, running, ids)
    page.locator("#group-by").select_option("optimizer.lr")
    page.get_by_label("Vertical axis").select_option("Logarithmic")
    page.get_by_label("Close the chart of validation/accuracy").click()
    page.get_by_label("Draw slow").click()
    page.get_by_role("tab", name="Scatter").click()
    page.get_by_role("button", name="log x").click()
    link = page.url
    other = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    other.goto(f"{running.url}/?token={TOKEN}")
    other.goto(link)
    expect(other.get_by_role("tab", name="Scatter")).to_have_attribute("aria-selected", "true")
    expect(other.get_by_role("button", name="log x")).to_have_attribute("aria-pressed", "true")
    expect(other.locator("#group-by")).to_have_value("optimizer.lr")
    expect(other.get_by_label("Draw slow")).to_have_attribute("aria-pressed", "false")
    other.get_by_role("tab", name="Curves").click()
    expect(other.locator("#panel-curves .chart")).to_have_count(1)
    expect(other.get_by_label("Vertical axis")).to_have_value("true")
    other.reload()
    expect(other.locator("#group-by")).to_have_value("optimizer.lr")
    other.context.close()


def test_a_brush_chooses_runs_everywhere(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids, "&view=parallel")
    expect(page.locator("#panel-parallel canvas").first).to_be_visible()
    page.get_by_label("optimizer.lr, from").fill("0.05")
    page.keyboard.press("Tab")
    expect(page.locator("#compare-chosen")).to_contain_text("2 of 3 runs chosen")
    expect(page.locator(f'#compare-runs [data-run="{ids["slow"]}"]')).to_have_attribute("data-faded", "")
    page.get_by_role("button", name="Compare only these").click()
    expect(page.locator("#compare-runs [data-run]")).to_have_count(2)


def test_charts_appear_with_the_first_points(page: Page, running: Deck) -> None:
    database = Database(running.settings.database_url)
    run_id = record(database, "beginning", {}, is_running=True)
    page.goto(f"{running.url}/compare?ids={run_id}")
    expect(page.locator("#panel-curves")).to_contain_text("No run here has a curve yet")
    claim = queue.Claim(running.run(run_id)["job_id"], 1, queue.JobKind.REPORT, {}, "")
    add_points(database, claim, {"train/loss": [2.0, 1.0]})
    expect(page.locator("#panel-curves .chart")).to_contain_text("2 points", timeout=15_000)
    database.dispose()


def test_dragging_along_an_axis_chooses_runs_too(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids, "&view=parallel")
    canvas = page.locator("#panel-parallel canvas").first
    box = canvas.bounding_box()
    assert box is not None
    axis, top = box["x"] + 64, box["y"] + 40  # the learning rate: from 0.01 at the foot to 1 at the head
    page.mouse.move(axis, top - 8)
    page.mouse.down()
    page.mouse.move(axis, top + 0.7 * (box["height"] - 60), steps=5)
    page.mouse.up()
    expect(page.locator("#compare-chosen")).to_contain_text("2 of 3 runs chosen")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("#compare-chosen")).to_be_hidden()


def test_a_curve_under_the_pointer_says_whose_it_is(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids)
    plot = page.locator('[data-series="train/loss"] .u-over')
    expect(page.locator("#panel-curves .chart").first).to_contain_text("600 points")
    box = plot.bounding_box()
    assert box is not None
    for share in range(1, 20):  # down a line through the middle: the slow run lies above the others
        plot.hover(position={"x": box["width"] / 2, "y": box["height"] * share / 20})
        if page.locator(f'#compare-runs [data-run="{ids["slow"]}"][data-pointed]').count():
            break
    expect(page.locator(".compare-readout").first).to_contain_text("slow")


def test_what_still_runs_goes_on_growing(page: Page, running: Deck) -> None:
    database = Database(running.settings.database_url)
    run_id = record(database, "growing", {"train/loss": [3.0, 2.0]}, is_running=True)
    page.goto(f"{running.url}/compare?ids={run_id}")
    expect(page.locator("#panel-curves .chart")).to_contain_text("2 points")
    claim = queue.Claim(running.run(run_id)["job_id"], 1, queue.JobKind.REPORT, {}, "")
    add_points(database, claim, {"train/loss": [1.0] * 8}, first_step=3)
    expect(page.locator("#panel-curves .chart")).to_contain_text("10 points")
    database.dispose()


def test_runs_are_added_and_left_out_by_hand(page: Page, running: Deck, ids: dict[str, str]) -> None:
    page.goto(f"{running.url}/compare")
    expect(page.get_by_role("heading", name="No runs to compare yet")).to_be_visible()
    page.get_by_role("button", name="Add runs").last.click()
    for name in ("slow", "wild"):
        page.locator("#add-list").get_by_label(name).check()
    page.get_by_role("button", name="Add 2 runs").click()
    expect(page.locator("#compare-runs [data-run]")).to_have_count(2)
    page.get_by_label("Leave out slow").click()
    expect(page.locator("#compare-one")).to_be_visible()
    assert page.url.split("ids=")[1].startswith(ids["wild"])


def test_runs_selected_in_the_list_are_compared(page: Page, running: Deck, ids: dict[str, str]) -> None:
    page.goto(f"{running.url}/runs")
    for name in ("slow", "good"):
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("link", name="Compare", exact=True).last.click()
    expect(page.locator("#compare-runs [data-run]")).to_have_count(2)


def test_a_filter_that_cannot_be_read_is_told(page: Page, running: Deck, ids: dict[str, str]) -> None:
    page.goto(f"{running.url}/compare?filter=(name~slow")
    expect(page.locator("#compare-note")).to_contain_text("parenthesis")
    expect(page.locator("#compare-filter input")).to_have_attribute("aria-invalid", "true")


def test_a_filter_chooses_runs(page: Page, running: Deck, ids: dict[str, str]) -> None:
    page.goto(f"{running.url}/compare")
    page.locator("#compare-filter input").fill("good")
    page.keyboard.press("Enter")
    expect(page.locator("#compare-runs [data-run]")).to_have_count(1)
    page.locator("#compare-filter input").fill("nothing of that name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()


def test_runs_without_a_series_in_common_are_told_so(page: Page, running: Deck, ids: dict[str, str]) -> None:
    page.goto(f"{running.url}/compare?ids={ids['good']},{ids['reward']}&y=reward")
    expect(page.locator("#panel-curves")).to_contain_text("1 of 2 runs has reward")


def test_two_specifications_are_held_against_each_other(page: Page, running: Deck, ids: dict[str, str]) -> None:
    open_comparison(page, running, ids, "&view=difference")
    panel = page.locator("#panel-difference")
    expect(panel).to_contain_text("1 of")
    page.get_by_label("Second run").select_option(label="wild")
    expect(panel.get_by_role("row").filter(has_text="out_features")).to_contain_text("16")


@pytest.mark.parametrize(("width", "theme"), FIRST_LOOKS)
def test_every_view_is_accessible_and_fits(
    browser: Browser, running: Deck, ids: dict[str, str], theme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{running.url}/?token={TOKEN}")
    found: dict[str, list[str]] = {}
    for view in ("curves", "table", "scatter", "parallel", "difference"):
        open_comparison(page, running, ids, f"&view={view}&by=optimizer.lr")
        page.wait_for_load_state("networkidle")
        if problems := violations(page):
            found[view] = problems
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{view} is {over} px too wide at {width}"
    page.goto(f"{running.url}/compare")
    found |= {"empty": problems} if (problems := violations(page)) else {}
    context.close()
    assert not found
