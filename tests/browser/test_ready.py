"""Columns made ready one by one, from the page: a text is cut into words, and the model answers raw sentences."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.looking import look
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


def squares(folder: Path) -> bytes:
    """Sixty images of 12 by 9 pixels, half of them reddish and half bluish, in two folders."""
    random = np.random.default_rng(0)
    path = folder / "colours.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(60):
            archive.writestr(f"{('red', 'blue')[i % 2]}/{i}.png", square(i % 2, random))
    return path.read_bytes()


def square(is_blue: int, random: np.random.Generator) -> bytes:
    pixels = random.integers(0, 60, (9, 12, 3), np.uint8)
    pixels[..., 2 * is_blue] += 180
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_an_image_is_seen_as_it_is_fed_and_judged_from_a_file(page: Page, running: Deck, tmp_path: Path) -> None:
    dataset = running.add_file("colours.zip", squares(tmp_path))
    page.goto(f"{running.url}/runs/new?dataset={dataset}")
    steps = page.get_by_role("group", name="How image is made ready")
    steps.get_by_label("height").fill("6")
    steps.get_by_label("width").fill("6")
    expect(steps.get_by_label("channels")).to_have_value("")
    page.get_by_label("Epochs", exact=True).fill("30")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    page.get_by_text("Rows before and after").click()
    preview = page.get_by_role("group", name="Rows before and after")
    fed = preview.get_by_role("img", name="image as it is fed")
    expect(fed).to_have_count(6)
    assert fed.first.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [6, 6]
    before = preview.get_by_role("img", name="12 × 9 PNG")
    assert before.first.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 12
    look(page, "image-preview")
    page.get_by_role("button", name="Start the run").click()

    expect(page.locator("#run-status")).to_have_attribute("data-status", "succeeded", timeout=120_000)
    running.wait_until_exported(page.url.rpartition("/")[2].partition("#")[0])
    page.get_by_role("tab", name="Try it").click()
    answer = page.locator("#panel-try .answer")
    expect(answer).to_contain_text("take a row")
    random = np.random.default_rng(1)
    for is_blue, name in enumerate(("red", "blue")):
        file = {"name": "mine.png", "mimeType": "image/png", "buffer": square(is_blue, random)}
        page.get_by_label("image", exact=True).set_input_files(file)  # type: ignore[arg-type]
        expect(answer.locator(".answer-value")).to_have_text(name)
    look(page, "image-try")
    page.get_by_role("button", name="Take a row from the dataset").click()
    truth = page.locator("#panel-try").get_by_text(re.compile("label is (red|blue)"))
    expect(truth).to_be_visible()
    expect(answer.locator(".answer-value")).to_have_text(truth.inner_text().rpartition(" ")[2])
