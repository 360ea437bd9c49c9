"""A run under way in a real Chromium: paused, resumed, changed, and stopped with its best weights."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look, pictures
from tests.deck import Deck, wait_for
from tests.test_killed import LONG

pytestmark = pytest.mark.browser


def choose(page: Page, what: str) -> None:
    page.get_by_role("button", name="Control").click()
    page.get_by_role("menuitem", name=what).click()


def test_a_run_is_paused_resumed_changed_and_stopped(page: Page, running: Deck) -> None:
    run_id = running.post("/runs", LONG)["id"]
    status, facts = page.locator("#run-status"), page.locator("#facts")
    page.goto(f"{running.url}/runs/{run_id}")
    running.wait_for_step(run_id, 100)
    page.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("paused")
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    expect(facts).to_contain_text("its state is saved")

    choose(page, "Learning rate…")
    page.get_by_role("spinbutton").fill("0.002")
    page.get_by_role("button", name="Set it").click()
    expect(facts).to_contain_text("asked, and done when it goes on: a learning rate of 0.002")
    look(page, "control-paused")
    page.goto(f"{running.url}/queue")
    expect(page.locator("#paused")).to_contain_text(LONG["name"])
    look(page, "control-queue")
    page.get_by_role("button", name=f"Resume {LONG['name']}").click()
    expect(page.locator("#paused-section")).to_be_hidden()

    page.goto(f"{running.url}/runs/{run_id}")
    expect(status).to_contain_text("running")
    expect(facts).not_to_contain_text("asked")
    page.get_by_role("button", name="Control").press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    pictures(page, "control-menu")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Control")).to_be_focused()
    choose(page, "Epochs…")
    page.get_by_role("spinbutton").fill("9000")
    page.get_by_role("button", name="Set them").click()
    expect(facts).to_contain_text("/ 9,000")
    expect(page.locator("#settings")).to_contain_text("9,000, at first 10,000")
    choose(page, "Stop, keep the best epoch")
    page.get_by_role("button", name="Stop it").click()
    expect(status).to_contain_text("succeeded")
    expect(facts).to_contain_text("stopped, as was asked")
    page.get_by_text("Values and events").first.click()
    told = page.locator(".chart-events").first
    for words in (
        "Learning rate set to 0.002 after step",
        "Epochs set to 9,000 after step",
        "as was asked, keeping epoch",
    ):
        expect(told).to_contain_text(words)
    look(page, "control-stopped")
    wait_for(lambda: running.run(run_id)["export"]["status"] == "succeeded")


def test_a_run_is_said_to_begin_after_another(page: Page, running: Deck) -> None:
    first = running.post("/runs", LONG | {"name": "goes first"})["id"]
    page.goto(f"{running.url}/runs/new?from={first}")
    page.get_by_label("Begin").select_option(value=first)
    pictures(page, "control-after")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("#facts")).to_contain_text("waits for the run goes first to succeed")
    running.post(f"/runs/{first}/cancel")
    expect(page.locator("#failure")).to_contain_text("What it waited for ended as cancelled.")
