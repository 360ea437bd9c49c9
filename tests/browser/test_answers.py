"""Answers of many places on the run's page: pictures beside one another, tokens below one another, and a try."""

import re
from collections.abc import Callable
from functools import cache

import pytest
from playwright.sync_api import Page, expect

from app import gallery
from tests.browser.looking import look
from tests.deck import Deck

pytestmark = pytest.mark.browser

PICTURES = {"num_rows": 300, "length": 16}
LETTERS = {"num_rows": 300}
FEW: dict[str, dict[str, int]] = {"unet": PICTURES, "decoder": LETTERS, "two-heads": {}}


@pytest.fixture(scope="module")
def trained(running: Deck) -> Callable[[str], str]:
    """The id of a short run of one of the gallery's programs, exported."""

    @cache
    def train(name: str) -> str:
        body = gallery.definition(name)
        body["dataset"]["source"] |= FEW[name]
        body["training"]["num_epochs"] = 3
        run_id: str = running.post("/runs", body)["id"]
        running.wait_until_exported(run_id)
        return run_id

    return train


def test_images_stand_beside_what_was_wanted(page: Page, running: Deck, trained: Callable[[str], str]) -> None:
    page.goto(f"{running.url}/runs/{trained('unet')}#evaluation")
    pictures = page.get_by_role("img", name="output of row")
    expect(pictures).to_have_count(6)
    size = "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    assert pictures.first.evaluate(size) == [16, 16]
    expect(page.get_by_text("of the pixels wrong").first).to_be_visible()
    look(page, "evaluation-unet")
    page.get_by_role("tab", name="Try it").click()
    page.get_by_role("button", name="Take a row from the dataset").click()
    answer = page.get_by_role("img", name="The model's answer")
    expect(answer).to_be_visible()
    drawn = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 16, 16).data).size"
    assert answer.evaluate(drawn) > 3, "an empty picture"
    look(page, "try-unet")


@pytest.mark.full
def test_a_text_stands_above_what_was_said(page: Page, running: Deck, trained: Callable[[str], str]) -> None:
    page.goto(f"{running.url}/runs/{trained('decoder')}#evaluation")
    expect(page.locator(".said").first.locator(".token")).to_have_count(23)
    expect(page.get_by_text("of 23 right").first).to_be_visible()
    look(page, "evaluation-decoder")
    page.get_by_role("tab", name="Try it").click()
    page.get_by_label("text", exact=True).fill("abab")
    expect(page.get_by_role("list", name="Probabilities").get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_text("At each place it says")).to_be_visible()
    look(page, "try-decoder")


@pytest.mark.full
def test_each_of_several_outputs_is_judged_and_answers_by_itself(
    page: Page, running: Deck, trained: Callable[[str], str]
) -> None:
    page.goto(f"{running.url}/runs/{trained('two-heads')}#evaluation")
    species = page.get_by_role("region", name="Output species")
    expect(species.get_by_role("row", name="accuracy")).to_be_visible()
    expect(species.get_by_role("group", name="Confusion matrix")).to_be_visible()
    width = page.get_by_role("region", name="Output petal_width")
    expect(width.get_by_role("row", name="mean absolute error")).to_be_visible()
    expect(width.get_by_text("counts 0.5 times in the loss")).to_be_visible()
    look(page, "evaluation-heads")
    page.get_by_role("tab", name="Try it").click()
    page.get_by_role("button", name="Take a row from the dataset").click()
    answer = page.get_by_role("region", name="species", exact=True)
    expect(answer.get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_role("region", name="petal_width", exact=True).locator(".answer-value")).to_have_text(
        re.compile(r"\d")
    )
    look(page, "try-heads")
