"""What a dataset's page shows of its table: relations, classes, texts, series, images; also of tables read long ago."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from app.db import Database
from app.db.tables import Dataset
from tests.browser.looking import look, violations
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser
RANDOM = np.random.default_rng(0)
WORDS = ["good", "bad", "film", "plot", "the", "a", "never", "again", "slow", "bright"]


@pytest.fixture(scope="module")
def shop(running: Deck) -> str:
    """Days of a shop: sales hang on the weather and on visitors; one day they were out of all measure."""
    lines = ["day,visitors,weather,town,note,closed,sold"]
    for i in range(400):
        weather = ("sun", "rain", "snow")[i % 3]
        visitors = "" if i % 40 == 7 else f"{100 + 40 * np.sin(i / 20) + RANDOM.normal(0, 8):.1f}"
        sold = 20 + 4 * (i % 3) + 15 * np.sin(i / 20) + RANDOM.normal(0, 2)
        note = " ".join(RANDOM.choice(WORDS, RANDOM.integers(3, 9)))
        town = ("Aarau", "Basel", "Chur", "Davos")[(i * i) % 4 if i % 10 else 3]
        day = np.datetime64("2023-01-01") + i
        lines.append(f"{day},{visitors},{weather},{town},{note},{i % 9 == 0},{500 if i == 321 else sold:.2f}")
    return running.add_file("shop.csv", "\n".join(lines).encode())


def test_columns_are_ranked_against_a_target_and_any_is_pictured(page: Page, running: Deck, shop: str) -> None:
    page.goto(f"{running.url}/datasets/{shop}")
    page.get_by_role("tab", name="Relations").click()
    panel = page.locator("#panel-relations")
    bars = panel.get_by_role("list", name="Columns by how closely they go together with").get_by_role("link")
    expect(bars.first).to_contain_text("visitors")
    expect(bars.first).to_have_attribute("aria-current", "true")
    pair = panel.get_by_role("region", name="Two columns")
    expect(pair.get_by_role("heading")).to_have_text("visitors and sold")
    expect(pair).to_contain_text("10 left out, where one of the two is missing")
    expect(pair.get_by_role("img")).to_have_attribute("aria-label", "sold against visitors: 390 points, evenly chosen")
    expect(pair.locator("canvas")).to_be_visible()
    expect(panel).to_contain_text("Not compared: note. Texts are not compared.")
    look(page, "relations-scatter")
    bars.filter(has_text="weather").focus()
    page.keyboard.press("Enter")
    expect(pair.get_by_role("heading")).to_have_text("weather and sold")
    expect(bars.filter(has_text="weather")).to_be_focused()
    expect(pair.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("sold by weather, medians: rain .*, snow .*, sun ")
    )
    look(page, "relations-boxes")
    panel.get_by_label("With", exact=True).select_option("town")
    bars.filter(has_text="weather").click()  # at once: what is chosen meanwhile stays
    expect(pair.locator(".legend li")).to_have_text(["Aarau", "Basel", "Davos"])
    pair.get_by_text("Values as a table").click()
    expect(pair.get_by_role("region", name="Values of the picture").get_by_role("row")).to_have_count(4)
    look(page, "relations-shares")
    page.reload()
    expect(pair.get_by_role("heading")).to_have_text("weather and town")
    pair.get_by_role("link", name="See weather among the columns").click()
    expect(page.get_by_role("tab", name="Table")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#columns tr[data-column=weather]")).to_be_focused()


def test_classes_are_counted_with_what_always_the_same_answer_gets(page: Page, running: Deck, shop: str) -> None:
    page.goto(f"{running.url}/datasets/{shop}#classes")
    panel = page.locator("#panel-classes")
    panel.get_by_label("Of", exact=True).select_option("closed")
    expect(panel).to_contain_text(
        "Always saying false is right in 0.887 of the rows. false comes 7.9 times as often as true."
    )
    bars = panel.get_by_role("list", name="Rows of each class of closed").get_by_role("listitem")
    expect(bars).to_have_count(2)
    expect(bars.last).to_contain_text("45 11.3%")
    look(page, "classes")


def test_texts_have_lengths_and_frequent_words(page: Page, running: Deck, shop: str) -> None:
    page.goto(f"{running.url}/datasets/{shop}#texts")
    card = page.locator("#panel-texts").get_by_role("region", name="note")
    expect(card).to_contain_text("a vocabulary of 10")
    expect(card.get_by_role("list", name="Most frequent words of note").get_by_role("listitem")).to_have_count(10)
    expect(card.get_by_role("img", name="Distribution of words of note")).to_be_visible()
    look(page, "texts")


def test_numbers_along_time_hide_no_spike_at_any_width(page: Page, running: Deck, shop: str) -> None:
    page.goto(f"{running.url}/datasets/{shop}#series")
    panel = page.locator("#panel-series")
    picture = panel.get_by_role("img")
    expect(picture).to_have_attribute(
        "aria-label", re.compile("sold: 400 values, lowest .*, highest 500 at 2023-11-18")
    )
    expect(panel.get_by_label("Along", exact=True)).to_have_value("day")
    panel.get_by_label("With", exact=True).select_option("weather")
    expect(panel.locator(".legend li")).to_have_text(["sun", "rain", "snow"])
    panel.get_by_label("Add a column").select_option("visitors")
    expect(picture).to_have_count(2)
    expect(panel.locator("canvas")).to_have_count(2)
    look(page, "series")
    panel.get_by_label("With", exact=True).select_option("")
    panel.get_by_role("button", name="Zoom in").click()
    expect(panel).to_contain_text("200 rows from 2023-04-10")
    panel.get_by_role("button", name="Earlier").click()
    expect(panel).to_contain_text("rows from 2023-01-01 to")
    panel.get_by_role("button", name="All").click()
    expect(panel).to_contain_text("400 rows from 2023-01-01 to 2024-02-04")
    box = picture.first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    expect(panel).not_to_contain_text("400 rows")
    panel.get_by_role("button", name="visitors ×").click()
    expect(picture).to_have_count(1)


def test_quantiles_stand_under_the_histograms_and_in_figures(page: Page, running: Deck, shop: str) -> None:
    page.goto(f"{running.url}/datasets/{shop}")
    columns = page.locator("#columns")
    expect(columns.get_by_role("img", name="Median")).to_have_count(3)
    columns.get_by_text("Quantiles as a table").click()
    quantiles = columns.get_by_role("region", name="Quantiles")
    expect(quantiles.get_by_role("columnheader")).to_have_text(
        ["Column", "1%", "5%", "25%", "50%", "75%", "95%", "99%"]
    )
    expect(quantiles.get_by_role("row").nth(1)).to_contain_text("2023-07-19")
    look(page, "table")


def test_images_have_sizes_and_channels_under_their_wall(page: Page, running: Deck) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for i in range(9):
            picture = io.BytesIO()
            size = (10, 14, 3) if i % 3 else (12, 12, 3)
            Image.fromarray(RANDOM.integers(0, 256, size, np.uint8)).save(picture, "PNG")
            file.writestr(f"{('cats', 'dogs')[i % 2]}/{i}.png", picture.getvalue())
    page.goto(f"{running.url}/datasets/{running.add_file('animals.zip', archive.getvalue())}")
    sizes = page.get_by_role("list", name="Most frequent sizes").get_by_role("listitem")
    expect(sizes.locator(".bar-name")).to_have_text(["14 × 10", "12 × 12"])
    expect(sizes.locator(".bar-figure")).to_have_text(["6 66.7%", "3 33.3%"])
    expect(page.get_by_role("region", name="Channels").get_by_role("rowheader")).to_have_text(["red", "green", "blue"])
    look(page, "images")


def test_a_table_that_was_read_long_ago_shows_what_is_known(page: Page, running: Deck, shop: str) -> None:
    database = Database(running.settings.database_url)
    with database.write() as session:
        old = session.get_one(Dataset, shop)
        kept = ("name", "type", "num_missing", "num_infinite", "num_distinct", "min", "max", "mean", "std", "histogram")
        before = old.columns
        old.columns = [{key: column[key] for key in kept} for column in before or []]
    try:
        page.goto(f"{running.url}/datasets/{shop}")
        expect(page.locator("#columns tbody tr")).to_have_count(7)
        expect(page.locator("#columns").get_by_role("img", name="Median")).to_have_count(0)
        for tab in ("Relations", "Classes", "Texts", "Series"):
            page.get_by_role("tab", name=tab).click()
            assert violations(page) == [], tab
        expect(page.locator("#panel-texts")).to_contain_text("add it again to see them")
        expect(page.locator("#panel-classes")).to_contain_text("No column holds classes")
        expect(page.locator("#panel-relations .bar").first).to_contain_text("visitors")
        expect(page.locator("#panel-series").get_by_role("img")).to_have_count(1)
    finally:
        with database.write() as session:
            session.get_one(Dataset, shop).columns = before
        database.dispose()


def test_where_there_is_nothing_to_show_the_page_says_what_would_be(page: Page, running: Deck) -> None:
    lines = [f"text {i} of many" for i in range(60)]
    dataset_id = running.add_file("texts.csv", ("note\n" + "\n".join(lines)).encode())
    page.goto(f"{running.url}/datasets/{dataset_id}#relations")
    expect(page.locator("#panel-relations")).to_contain_text("A relation needs two columns")
    page.get_by_role("tab", name="Classes").click()
    expect(page.locator("#panel-classes")).to_contain_text("Classes are words that come again")
    page.get_by_role("tab", name="Series").click()
    expect(page.locator("#panel-series")).to_contain_text("Series are of columns of numbers")
    look(page, "nothing")


def test_ratings_are_counted_by_who_and_what(page: Page, running: Deck) -> None:
    source = {"type": "generated", "name": "ratings", "num_rows": 4000, "seed": 1}
    dataset = running.post("/datasets", {"name": "films", "source": source})
    wait_for(lambda: running.get(f"/datasets/{dataset['id']}")["status"] == "ready")
    page.goto(f"{running.url}/datasets/{dataset['id']}")
    page.get_by_role("tab", name="Ratings").click()
    panel = page.locator("#panel-ratings")
    found = running.get(f"/datasets/{dataset['id']}/ratings?user=user&item=film&value=rating")
    expect(panel.get_by_role("status")).to_contain_text("4,000 ratings: ")
    expect(panel.get_by_role("status")).to_contain_text(f"{found['users']['num']} × {found['items']['num']}")
    most = panel.get_by_role("list", name="With the most ratings: film").get_by_role("listitem")
    expect(most).to_have_count(10)
    expect(most.first).to_contain_text(found["items"]["frequent"][0]["value"])
    look(page, "ratings")
    page.get_by_role("link", name="New run with this dataset").click()
    expect(page.locator("#model-step")).to_contain_text("entity_embedding")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    look(page, "ratings-new-run")
