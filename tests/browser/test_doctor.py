"""The doctor on the page of a new run: it says what is wrong, shows the rows, and its button mends the draft."""

import json

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import violations
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def patients(running: Deck) -> str:
    """A dataset whose column verdict is its target in other words."""
    random = np.random.default_rng(0)
    lines = ["age,pressure,verdict,sick"]
    for _ in range(600):
        sick = int(random.integers(0, 2))
        lines.append(f"{random.normal(0, 1):.3f},{random.normal(0, 1):.3f},{'bad' if sick else 'good'},{sick}")
    return running.add_file("patients.csv", "\n".join(lines).encode())


def test_a_leak_is_said_and_mended_by_its_button(page: Page, running: Deck, patients: str) -> None:
    page.goto(f"{running.url}/runs/new?dataset={patients}")
    page.get_by_label("Target: what is to be predicted").select_option("sick")
    leak = page.locator("#doctor .doctor-finding[data-kind=target_leak]")
    expect(leak).to_contain_text("verdict gives the answer away")
    assert leak.get_attribute("data-severity") == "error"
    assert violations(page) == []
    leak.get_by_role("button", name="Leave out verdict").click()
    expect(leak).to_have_count(0)
    expect(page.locator("#doctor .doctor-state")).to_have_text("Nothing stood out in 600 rows.")
    expect(page.locator("#doctor .doctor-state")).to_be_focused()
    expect(page.get_by_role("checkbox", name="verdict")).not_to_be_checked()
    assert json.loads(page.locator("#json").input_value())["data"]["features"] == ["age", "pressure"]
    expect(page.locator("#start")).to_have_attribute("aria-disabled", "false")


def test_the_rows_of_a_finding_are_shown_with_their_numbers(page: Page, running: Deck, patients: str) -> None:
    page.goto(f"{running.url}/runs/new?dataset={patients}")
    page.get_by_label("Target: what is to be predicted").select_option("sick")
    with page.expect_popup() as popup:
        page.locator("[data-kind=target_leak]").get_by_role("link", name="Show 5 rows").click()
    rows = popup.value.locator("#picked-rows")
    expect(rows.get_by_role("heading")).to_have_text("Rows to look at")
    numbers = rows.locator("tbody tr td:first-child")
    expect(numbers).to_have_text(["0", "1", "2", "3", "4"])
    popup.value.close()


def test_another_split_that_the_doctor_proposes_stands_in_the_form(page: Page, running: Deck) -> None:
    source = {"type": "generated", "name": "sines", "num_rows": 600, "length": 4}
    dataset = running.post("/datasets", {"name": "waves", "source": source})
    wait_for(lambda: running.get(f"/datasets/{dataset['id']}")["status"] == "ready")
    page.goto(f"{running.url}/runs/new?dataset={dataset['id']}")
    page.get_by_label("Target: what is to be predicted").select_option("next")
    page.locator("[data-kind=time_order]").get_by_role("button").click()
    expect(page.get_by_role("checkbox", name="shuffle")).not_to_be_checked()
    expect(page.locator("[data-kind=time_order]")).to_have_count(0)
    page.locator("[data-kind=identifier]").get_by_role("button", name="Leave out t").click()
    expect(page.locator("#doctor .doctor-state")).to_have_text("Nothing stood out in 600 rows.")
    expect(page.locator("#start")).to_have_attribute("aria-disabled", "false")


def test_the_page_of_a_dataset_says_what_a_target_would_bring(page: Page, running: Deck, patients: str) -> None:
    page.goto(f"{running.url}/datasets/{patients}")
    chooser = page.get_by_label("What would spoil a run that predicts")
    chooser.select_option("sick")
    expect(page.locator("#doctor [data-kind=target_leak]")).to_contain_text("verdict gives the answer away")
    assert violations(page) == []
    chooser.select_option("age")
    expect(page.locator("#doctor")).not_to_contain_text("verdict gives the answer away")


def test_a_rare_class_counts_more_by_a_button_or_as_one_says(page: Page, running: Deck) -> None:
    random = np.random.default_rng(0)
    rows = (f"{random.normal():.3f},{'rare' if i % 25 == 3 else 'often' if i % 2 else 'also'}" for i in range(600))
    dataset = running.add_file("kinds.csv", "\n".join(["x,kind", *rows]).encode())
    page.goto(f"{running.url}/runs/new?dataset={dataset}")
    page.get_by_label("Target: what is to be predicted").select_option("kind")
    weight = page.get_by_label("weight of classes")
    expect(weight).to_have_value("")
    rare = page.locator("#doctor .doctor-finding[data-kind=rare_class]")
    rare.get_by_role("button", name="Let all classes count the same").click()
    expect(weight).to_have_value("balanced")
    expect(rare).to_have_count(0)

    def loss() -> object:
        return json.loads(page.locator("#json").input_value())["training"]["loss"]

    assert loss() == {"type": "cross_entropy", "weight": "balanced"}
    weight.select_option("own")
    page.get_by_label("rare", exact=True).fill("5")
    assert loss() == {"type": "cross_entropy", "weight": {"rare": 5}}
    expect(page.locator("#start")).to_have_attribute("aria-disabled", "false")
    assert violations(page) == []
    page.get_by_label("rare", exact=True).fill("-5")
    expect(page.locator('[data-loc="training.loss.weight.rare"] .field-error')).to_contain_text("greater than 0")
    page.get_by_label("rare", exact=True).fill("")
    weight.select_option("")
    assert loss() == {"type": "cross_entropy"}
