"""A dataset is generated from the datasets page."""

import pytest
from playwright.sync_api import Page, expect

from tests.deck import Deck

pytestmark = pytest.mark.browser


def test_a_dataset_is_generated_by_rule_rows_noise_and_seed(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/datasets")
    form = page.locator("#generate-form")
    expect(form.get_by_label("Length")).to_be_hidden()
    form.get_by_label("Rule").select_option("sines")
    expect(form.locator("#generate-help")).to_contain_text("two waves")
    form.get_by_label("Length").fill("5")
    form.get_by_label("Rows").fill("120")
    form.get_by_label("Noise").fill("0.05")
    form.get_by_label("Seed").fill("3")
    form.get_by_role("button", name="Generate").click()
    expect(page.locator("#status")).to_have_attribute("data-status", "ready", timeout=60_000)
    expect(page.locator("#facts")).to_contain_text("120 rows")
    dataset = running.get("/datasets")["items"][0]
    fields = {"name": "sines", "num_rows": 120, "noise": 0.05, "seed": 3, "length": 5}
    assert dataset["source"] == {"type": "generated", **fields}


def test_what_is_too_large_is_said_in_the_form(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/datasets")
    form = page.locator("#generate-form")
    form.get_by_label("Rule").select_option("shapes")
    form.get_by_label("Rows").fill("100000")
    form.get_by_role("button", name="Generate").click()
    expect(form.get_by_role("alert")).to_contain_text("rows fit")
    assert page.url.endswith("/datasets")
