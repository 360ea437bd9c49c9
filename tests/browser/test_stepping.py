"""What a step does beside the plain one is said in the form of a run, and the run says it again."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser


def test_a_run_is_trained_in_pieces_of_half_the_size_and_leaves_a_mean(page: Page, running: Deck) -> None:
    source = {"type": "builtin", "name": "iris"}
    iris = running.post("/datasets", {"name": "for steps", "source": source})["id"]
    wait_for(lambda: running.get(f"/datasets/{iris}")["status"] == "ready")
    page.goto(f"{running.url}/runs/new?dataset={iris}")
    page.locator("[data-loc='training.num_epochs'] input").fill("2")
    page.get_by_text("How a step is taken").click()
    page.get_by_label("Micro batch size").fill("10")
    page.get_by_label("Processes").fill("200")
    expect(page.locator("[data-loc='training.num_processes'] .field-error")).to_contain_text("64")
    page.get_by_label("Processes").fill("1")
    page.get_by_label("Precision", exact=True).select_option("bfloat16")
    page.get_by_label("Weights it leaves").select_option("swa")
    start = page.locator("[data-loc='training.swa.start_epoch']")
    expect(start.locator("input")).to_have_value("1")
    start.locator("input").fill("5")
    expect(start.locator(".field-error")).to_have_text("it would begin after 5 epochs, and there are 2")
    look(page, "steps")
    page.get_by_label("Weights it leaves").select_option("ema")
    page.locator("[data-loc='training.ema.decay'] input").fill("0.9")
    expect(page.locator("#start")).to_have_attribute("aria-disabled", "false")
    page.locator("#start").click()
    page.wait_for_url("**/runs/0*")
    expect(page.locator("main")).to_contain_text("moving average", timeout=60_000)
    training = running.get(f"/runs/{page.url.rpartition('/')[2]}")["spec"]["training"]
    assert training["micro_batch_size"] == 10 and training["precision"] == "bfloat16"
    assert training["ema"] == {"decay": 0.9, "start_step": 0} and "swa" not in training
    assert "num_processes" not in training
