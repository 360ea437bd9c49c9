"""What a run's page shows of what was seen before the first step."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.deck import Deck
from tests.worker.train.findings.programs import dense, program

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tried(running: Deck) -> dict[str, Any]:
    body = program("moons", dense(16, 1), num_epochs=2, lr_range_test={"num_steps": 100})
    return running.wait_until_ended(running.post("/runs", body)["id"])


def test_what_was_seen_before_the_first_step_is_shown(page: Page, running: Deck, tried: dict[str, Any]) -> None:
    page.goto(f"{running.url}/runs/{tried['id']}")
    panel = page.get_by_role("region", name="Before the first step")
    expect(panel).to_contain_text(re.compile(r"first loss0\.[67].*every class alike0\.693"))
    expect(panel.locator("canvas")).to_be_visible()
    panel.get_by_text("3 layers, as they ran").click()
    expect(panel.get_by_role("row").nth(2)).to_contain_text(re.compile("1 relu16"))
    look(page, "preflight")
    panel.get_by_role("button", name="Try this").click()
    expect(page).to_have_url(re.compile("/runs/new"))
    expect(page.get_by_label("try learning rates first")).not_to_be_checked()
