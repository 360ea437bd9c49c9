"""Runs in groups: asked for in the form, watched as one, found from each run and in the list."""

import pytest
from playwright.sync_api import Page, expect

from app import gallery
from tests.browser.looking import look
from tests.deck import Deck

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def run(running: Deck) -> str:
    """A short training, to be described again."""
    body = gallery.definition("heart-builtin")
    short = body["training"] | {"num_epochs": 12, "early_stopping": None}
    return str(running.post("/runs", body | {"name": "hearts", "training": short})["id"])


def test_all_folds_are_started_from_the_form_and_shown_as_one(page: Page, running: Deck, run: str) -> None:
    page.goto(f"{running.url}/runs/new?from={run}")
    page.get_by_label("Name").fill("hearts")
    page.get_by_label("Train", exact=True).select_option("folds")
    expect(page.get_by_label("Split")).to_have_value("k_fold")
    page.get_by_label("num folds").fill("3")
    page.get_by_role("button", name="Start 3 runs").click()
    page.wait_for_url("**/groups/*")
    expect(page.locator("#statuses")).to_have_text("3 succeeded", timeout=120_000)
    figures = page.get_by_role("region", name="Results of the group")
    accuracy = figures.get_by_role("row", name="Accuracy, validation")
    group = running.get(f"/groups/{page.url.rpartition('/')[2]}")
    (found,) = [one for one in group["figures"] if (one["part"], one["metric"]) == ("validation", "accuracy")]
    expect(accuracy.get_by_role("cell").nth(0)).to_have_attribute("title", f"{found['mean']}")
    expect(accuracy.get_by_role("cell").nth(1)).to_contain_text("±")
    expect(page.locator(".compare-charts figure")).to_have_count(4)
    look(page, "group")
    page.get_by_label("Draw").select_option("")
    expect(page.get_by_label("Around the mean of a group")).to_have_count(0)
    page.get_by_role("link", name="Fold 2 of 3").click()
    page.get_by_role("link", name="fold 2 of 3").click()
    page.get_by_role("link", name="In the list").click()
    expect(page.get_by_role("link", name="group", exact=True)).to_have_count(3)
    expect(page.locator("#summary")).to_contain_text("3")


def test_several_seeds_are_started_and_cancelled_together(page: Page, running: Deck, run: str) -> None:
    page.goto(f"{running.url}/runs/new?from={run}")
    page.get_by_label("Train", exact=True).select_option("seeds")
    page.get_by_label("Number of seeds").fill("1")
    expect(page.get_by_text("2 to 100 seeds")).to_be_visible()
    page.get_by_label("Number of seeds").fill("2")
    look(page, "new-run-repeated")
    page.get_by_role("button", name="Start 2 runs").click()
    page.wait_for_url("**/groups/*")
    expect(page.get_by_role("link", name="Seed 1, 2 of 2")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel its runs").click()
    expect(page.locator("#statuses")).to_contain_text("cancelled")
