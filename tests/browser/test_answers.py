"""Answers of many places on the run's page: pictures beside one another, tokens below one another, and a try."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app import gallery
from tests.browser.looking import look
from tests.deck import Deck

pytestmark = pytest.mark.browser

SIZES: dict[str, dict[str, Any]] = {"num_rows": 400, "length": 16}
LETTERS = {"num_rows": 400}


@pytest.fixture(scope="module")
def trained(running: Deck) -> dict[str, str]:
    """Short runs of the gallery's programs, exported, by their names."""
    ids = {}
    for name, few in (("autoencoder", SIZES), ("unet", SIZES), ("decoder", LETTERS)):
        body = gallery.definition(name)
        body["dataset"]["source"] |= few
        body["training"]["num_epochs"] = 4
        ids[name] = running.post("/runs", body)["id"]
    for run_id in ids.values():
        running.wait_until_exported(run_id)
    return ids


def test_images_stand_beside_what_was_wanted(page: Page, running: Deck, trained: dict[str, str]) -> None:
    for name, error in (("autoencoder", "mean error"), ("unet", "of the pixels wrong")):
        page.goto(f"{running.url}/runs/{trained[name]}#evaluation")
        pictures = page.get_by_role("img", name="output of row")
        expect(pictures).to_have_count(6)
        size = "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
        assert pictures.first.evaluate(size) == [16, 16]
        expect(page.get_by_text(error).first).to_be_visible()
        look(page, f"evaluation-{name}")
        page.get_by_role("tab", name="Try it").click()
        page.get_by_role("button", name="Take a row from the dataset").click()
        answer = page.get_by_role("img", name="The model's answer")
        expect(answer).to_be_visible()
        drawn = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 16, 16).data).size"
        assert answer.evaluate(drawn) > 3, "an empty picture"
        look(page, f"try-{name}")


def test_a_text_stands_above_what_was_said(page: Page, running: Deck, trained: dict[str, str]) -> None:
    page.goto(f"{running.url}/runs/{trained['decoder']}#evaluation")
    expect(page.locator(".said").first.locator(".token")).to_have_count(23)
    expect(page.get_by_text("of 23 right").first).to_be_visible()
    look(page, "evaluation-decoder")
    page.get_by_role("tab", name="Try it").click()
    page.get_by_label("text", exact=True).fill("abab")
    expect(page.get_by_role("list", name="Probabilities").get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_text("At each place it says")).to_be_visible()
    look(page, "try-decoder")
