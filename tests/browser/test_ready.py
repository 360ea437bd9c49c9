"""Columns made ready one by one, from the page: a text is cut into words, and the model answers raw sentences."""

import pytest
from playwright.sync_api import Page, expect

from tests.deck import Deck

pytestmark = pytest.mark.browser


@pytest.fixture
def reviews(running: Deck) -> str:
    """Four hundred short reviews, each with a word that says it all; and a column that only a person would leave in."""
    words = ("a film", "the plot", "its music", "this cast", "every scene", "one idea")
    rows = ["review,stars,liked"]
    for i in range(400):
        verdict = ("awful", "great")[i % 2]
        rows.append(f"{words[i % 6]} number {i} was {verdict} and {words[i % 5]} too,{i % 7},{('no', 'yes')[i % 2]}")
    return running.add_file("reviews.csv", "\n".join(rows).encode())


def test_a_text_is_cut_into_words_and_learned_from(page: Page, running: Deck, reviews: str) -> None:
    page.goto(f"{running.url}/runs/new?dataset={reviews}")
    page.get_by_label("Target: what is to be predicted").select_option("liked")
    review, stars = (page.get_by_role("checkbox", name=name) for name in ("review", "stars"))
    expect(stars).to_be_checked()  # beside numbers a text is left out
    stars.uncheck()
    review.check()
    steps = page.get_by_role("group", name="How review is made ready")
    steps.get_by_label("length").fill("12")
    steps.get_by_label("vocabulary size").fill("50")
    page.get_by_role("button", name="Embedding and LSTM").click()
    expect(page.get_by_label("num embeddings")).to_have_value("50")
    page.get_by_label("Epochs", exact=True).fill("12")
    page.get_by_label("Split").select_option("k_fold")
    page.get_by_label("num folds").fill("4")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    page.get_by_text("Rows before and after").click()
    before_and_after = page.get_by_role("group", name="Rows before and after")
    expect(before_and_after).to_contain_text("a · film · number · [UNK] · was · awful")
    page.get_by_role("button", name="Start the run").click()

    expect(page.locator("#run-status")).to_have_attribute("data-status", "succeeded", timeout=120_000)
    run = running.run(page.url.rpartition("/")[2].partition("#")[0])
    assert run["evaluation"]["parts"]["validation"]["accuracy"] > 0.95
    assert run["spec"]["data"]["columns"]["review"]["tokens"]["length"] == 12
    running.wait_until_exported(run["id"])
    page.get_by_role("tab", name="Try it").click()
    page.get_by_label("review").fill("the weather was great")
    expect(page.locator("#panel-try .answer")).to_contain_text("yes")
    page.get_by_label("review").fill("the weather was awful")
    expect(page.locator("#panel-try .answer")).to_contain_text("no")
