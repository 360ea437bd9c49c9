"""A time series from the page: windows are set up, a model follows, the forecast is looked at and asked for."""

import math
import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import violations
from tests.browser.test_pages import FIRST_LOOKS
from tests.conftest import TOKEN
from tests.deck import Deck

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shops(running: Deck) -> str:
    """What two shops sold, hour by hour, four hundred hours long."""
    rows = ["hour,shop,sold,staff"]
    for hour in range(400):
        for i, shop in enumerate(("north", "south")):
            sold = 20 + 5 * i + 3 * math.sin(hour / 4 + i) + math.sin(hour * 7.3 + i) / 5
            rows.append(f"2024-01-{1 + hour // 24:02}T{hour % 24:02}:00,{shop},{sold:.3f},{2 + hour % 3}")
    return running.add_file("shops.csv", "\n".join(rows).encode())


def test_windows_are_set_up_trained_on_and_predicted(page: Page, running: Deck, shops: str) -> None:
    page.goto(f"{running.url}/runs/new?dataset={shops}")
    page.get_by_label("Target: what is to be predicted").select_option("sold")
    page.get_by_label("Rows follow one another in time").check()
    window = page.locator('[data-loc="data.window"]')
    expect(window.get_by_label("Order of the rows")).to_have_value("hour")
    expect(page.get_by_label("Split", exact=True)).to_have_value("time")
    window.get_by_label("Series").select_option("shop")
    expect(page.get_by_role("checkbox", name="sold")).to_be_checked()  # what it has been is fed
    expect(page.get_by_role("checkbox", name="shop")).not_to_be_checked()
    window.get_by_label("length").fill("12")
    window.get_by_label("horizon").fill("4")
    expect(page.get_by_label("out features")).to_have_value("4")  # the model follows
    expect(page.locator("#model-step")).to_contain_text("input 12 × 2 → output 4")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    window.get_by_label("horizon").fill("390")
    expect(page.locator("#problems")).to_contain_text("a window takes")
    window.get_by_label("horizon").fill("4")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    page.get_by_text("Rows before and after").click()
    before_and_after = page.get_by_role("group", name="Rows before and after")
    expect(before_and_after.get_by_role("row")).to_have_count(8)
    expect(page.locator("#data-step")).to_contain_text("2 numbers a row (a model is fed 12 × 2)")
    page.get_by_label("Epochs", exact=True).fill("15")
    page.get_by_role("button", name="Start the run").click()

    expect(page.locator("#run-status")).to_have_attribute("data-status", "succeeded", timeout=120_000)
    run = running.run(page.url.rpartition("/")[2].partition("#")[0])
    assert run["spec"]["data"]["window"] | {"stride": 1} == {
        "length": 12,
        "horizon": 4,
        "ahead": 1,
        "stride": 1,
        "time": "hour",
        "series": "shop",
    }
    forecast = run["evaluation"]["forecast"]
    assert forecast["whole"]["mae"] < forecast["naive"]["mae"]
    page.get_by_role("tab", name="Evaluation").click()
    panel = page.locator("#panel-evaluation")
    expect(panel).to_contain_text("naive forecast: MAE")
    expect(panel.get_by_role("group", name="Error by how far ahead").get_by_role("row")).to_have_count(5)
    expect(panel.get_by_role("img", name="What came and what was predicted")).to_be_visible()

    running.wait_until_exported(run["id"])
    page.get_by_role("tab", name="Try it").click()
    answer = page.locator("#panel-try .answer")
    expect(answer.get_by_role("row")).to_have_count(5)
    expect(answer).to_contain_text("what came")
    rows = page.locator("#panel-try textarea")
    assert len(rows.input_value().splitlines()) == 12
    rows.fill("\n".join(rows.input_value().splitlines()[:5]))
    expect(answer).to_contain_text("a prediction takes 12 rows of one 'shop', one after the other; there are 5")


def look(page: Page, name: str) -> None:
    """No complaint of axe, nothing over the edge; a picture, where a folder for them is named."""
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    if folder := os.environ.get("LOOK"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.fixture(scope="module")
def waves(running: Deck) -> str:
    """A trained forecast that can be asked."""
    identity: str = running.post("/gallery/waves")["id"]
    running.wait_until_exported(identity)
    return identity


@pytest.mark.parametrize(("width", "theme"), FIRST_LOOKS)
def test_windows_can_be_read_by_everyone(
    browser: Browser, running: Deck, shops: str, waves: str, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{running.url}/?token={TOKEN}")
    page.goto(f"{running.url}/runs/new?dataset={shops}")
    page.get_by_label("Rows follow one another in time").check()
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    look(page, f"new-{theme}-{width}")
    page.goto(f"{running.url}/runs/{waves}#evaluation")
    expect(page.locator("#panel-evaluation")).to_contain_text("naive forecast: MAE")
    look(page, f"evaluation-{theme}-{width}")
    page.get_by_role("tab", name="Try it").click()
    expect(page.locator("#panel-try .answer")).to_contain_text("what came")
    look(page, f"try-{theme}-{width}")
    context.close()
