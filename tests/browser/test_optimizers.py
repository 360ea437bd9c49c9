"""Optimizers and schedules in the form of a run: in groups, with what one seldom sets behind More, and a picture."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.deck import Deck

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def heights(running: Deck) -> str:
    """A hundred rows, of which one number follows from another."""
    rows = ["height,weight", *(f"{150 + i % 50},{50.5 + i % 37}" for i in range(100))]
    return running.add_file("heights.csv", "\n".join(rows).encode())


def groups(page: Page, label: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = page.get_by_label(label, exact=True).evaluate(
        "select => Object.fromEntries([...select.querySelectorAll('optgroup')]"
        ".map(group => [group.label, [...group.querySelectorAll('option')].map(({ value }) => value)]))"
    )
    return found


def test_optimizers_and_schedules_are_chosen_by_their_kinds_and_seen(page: Page, running: Deck, heights: str) -> None:
    page.goto(f"{running.url}/runs/new?dataset={heights}")
    page.get_by_label("Target: what is to be predicted").select_option("weight")
    ready = page.locator("#check-state")
    expect(ready).to_have_text("Ready to start")
    assert groups(page, "Optimizer")["usual"] == ["sgd", "adam", "adamw", "rmsprop"]
    assert groups(page, "Schedule of the learning rate")["up and down"] == [
        "cosine_warm_restarts",
        "one_cycle",
        "cyclic",
    ]
    picture = page.locator(".rates svg")
    expect(picture).to_have_count(0)  # the rate stays

    optimizer, schedule = (page.locator(f'[data-loc="training.{name}"]') for name in ("optimizer", "schedule"))
    page.get_by_label("Optimizer", exact=True).select_option("lbfgs")
    page.get_by_label("Schedule of the learning rate", exact=True).select_option("one_cycle")
    expect(page.locator("#problems")).to_contain_text("lbfgs has no momentum to cycle")
    page.get_by_label("Optimizer", exact=True).select_option("adafactor")
    schedule.get_by_label("cycle momentum").uncheck()
    expect(ready).to_have_text("Ready to start")
    expect(picture).to_have_attribute("aria-label", "the rate over the run: from 0.0004 to 4e-8, at most 0.01")
    optimizer.get_by_text("More").click()
    optimizer.get_by_label("eps").fill("none, 0.002")
    optimizer.get_by_label("decay norms and biases").uncheck()
    expect(ready).to_have_text("Ready to start")
    look(page, "optimizers")
    assert said(page)["optimizer"] == {"type": "adafactor", "eps": [None, 0.002], "decay_norms_and_biases": False}

    page.get_by_label("Optimizer", exact=True).select_option("lbfgs")
    optimizer.get_by_label("line search fn").select_option("strong_wolfe")
    page.get_by_label("Schedule of the learning rate", exact=True).select_option("multistep")
    expect(page.locator("#problems")).to_contain_text("'milestones' is missing")
    schedule.get_by_label("milestones").fill("5, 10")
    expect(ready).to_have_text("Ready to start")
    assert said(page)["optimizer"] == {"type": "lbfgs", "line_search_fn": "strong_wolfe"}
    assert said(page)["schedule"] == {"type": "multistep", "milestones": [5, 10]}
    optimizer.get_by_label("line search fn").select_option("none")
    expect(ready).to_have_text("Ready to start")
    assert said(page)["optimizer"] == {"type": "lbfgs"}


def said(page: Page) -> dict[str, Any]:
    """What the form would send of the training."""
    with page.expect_response("**/runs/check") as caught:
        seed = page.get_by_label("Seed", exact=True)
        seed.fill("1" if seed.input_value() == "0" else "0")
    body: dict[str, Any] = caught.value.request.post_data_json
    return body["training"]
