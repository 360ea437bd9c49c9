"""Kept models in Chromium: the graph by mouse and keyboard, versions and what changed, the runs that trained one."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looking import look
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser


def linear(size: int, **rest: Any) -> dict[str, Any]:
    return {"type": "linear", "out_features": size, **rest}


RESIDUAL = {"layers": [linear(4), {"type": "relu"}, {"type": "add", "name": "sum", "inputs": ["1", "input"]}]}
BLOCKS: dict[str, Any] = {
    "blocks": {"residual": RESIDUAL},
    "layers": [
        linear(4, name="stem"),
        {"type": "block", "block": "residual", "repeat": 2, "name": "stage"},
        linear(3),
    ],
}


def keep(running: Deck, name: str, definition: dict[str, Any], **rest: Any) -> str:
    kept: str = running.post("/models", {"name": name, "definition": definition, **rest})["id"]
    return kept


def box(page: Page, name: str) -> Locator:
    return page.locator(f'.graph-box[data-id="{name}"], .graph-frame[data-id="{name}"]')


def test_a_graph_folds_and_opens_and_is_walked_with_arrow_keys(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/models/{keep(running, 'blocks', BLOCKS, input_shape=[4])}")
    expect(box(page, "stage.1.sum")).to_have_attribute(
        "aria-label", "add stage.1.sum, output 4, takes from stage.1.1 and stage.0.sum"
    )
    look(page, "model-graph")
    page.get_by_role("button", name="Fold all").click()
    folded = page.get_by_role("button", name="stage: residual ×2, 6 layers, output 4, 40 parameters, takes from stem")
    expect(folded).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".graph-box")).to_have_count(4)
    box(page, "input").focus()
    for key, name in (("ArrowDown", "stem"), ("ArrowDown", "stage"), ("ArrowUp", "stem"), ("End", "2")):
        page.keyboard.press(key)
        expect(box(page, name)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(box(page, "stage")).to_be_focused()
    expect(box(page, "stage")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(box(page, "stage.0")).to_be_focused()
    box(page, "stage.0").click()
    box(page, "stage.0.0").click()
    expect(page.locator(".graph-chosen")).to_have_text("linear stage.0.0 output 4 · 20 parameters · 16 multiply-adds")
    page.keyboard.press("Escape")
    expect(box(page, "stage.0")).to_be_focused()
    page.keyboard.press("Enter")
    expect(box(page, "stage.0.0")).to_have_count(0)


def test_a_graph_is_zoomed_by_buttons_and_by_the_wheel_with_ctrl(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/models/{keep(running, 'blocks', BLOCKS)}")
    scale = page.locator(".graph-scale")
    expect(scale).to_have_text("100%")
    page.get_by_role("button", name="Larger").click()
    expect(scale).to_have_text("125%")
    page.get_by_role("button", name="Fit the whole graph").click()
    expect(scale).to_have_text("100%")
    page.locator(".graph-view").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, 300)
    page.keyboard.up("Control")
    expect(scale).to_have_text("36%")


def test_two_thousand_layers_are_folded_and_a_part_opens(page: Page, running: Deck) -> None:
    layers = [{"type": "relu"} if i % 2 else linear(4) for i in range(2000)]
    page.goto(f"{running.url}/models/{keep(running, 'deep', {'layers': layers})}")
    boxes = page.locator(".graph-box")
    expect(boxes).to_have_count(51)
    expect(page.locator(".graph-note")).to_have_text("2,000 layers, 2,000 of them folded")
    boxes.nth(1).click()
    expect(boxes).to_have_count(90)


def test_versions_are_switched_and_what_changed_is_told(page: Page, running: Deck) -> None:
    first = keep(running, "versioned", {"layers": [linear(8), {"type": "relu"}, linear(3)]}, input_shape=[4])
    changed = {"layers": [linear(16), {"type": "gelu"}, {"type": "dropout"}, linear(3)]}
    second = keep(running, "versioned", changed, parent_id=first)
    page.goto(f"{running.url}/models/{second}#versions")
    panel = page.locator("#panel-versions")
    expect(panel).to_contain_text("2 changed, 1 added")
    expect(panel).to_contain_text("Parameters 67 → 131 (+95%), multiply-adds of a row 56 → 112 (+100%), for input 4.")
    expect(panel.get_by_role("row", name="linear layer 0")).to_contain_text("out_features 8 → 16")
    expect(panel.get_by_role("row", name="gelu")).to_contain_text("type relu → gelu")
    look(page, "model-versions")
    page.get_by_label("Version", exact=True).select_option(first)
    page.wait_for_url(f"**/models/{first}#versions")
    expect(panel).to_contain_text("2 changed, 1 removed")
    page.goto(f"{running.url}/models")
    row = page.locator(f'[data-model="{second}"]')
    expect(page.locator(f'#models a[href="/models/{first}"]')).to_have_count(0)
    row.get_by_role("button", name="1 older version of versioned").click()
    expect(page.locator(f'#models a[href="/models/{first}"]')).to_be_visible()
    look(page, "models")
    page.goto(f"{running.url}/models/{first}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete this version").click()
    page.wait_for_url("**/models")
    assert [one["id"] for one in running.get(f"/models/{second}/versions")] == [second]


def test_a_run_of_a_kept_model_is_found_on_its_page_and_shows_its_graph(page: Page, running: Deck) -> None:
    iris = running.post("/datasets", {"name": "iris", "source": {"type": "builtin", "name": "iris"}})["id"]
    wait_for(lambda: running.get(f"/datasets/{iris}")["status"] == "ready")
    model = keep(running, "of iris", BLOCKS)
    page.goto(f"{running.url}/models/{model}#runs")
    expect(page.locator("#panel-runs")).to_contain_text("No runs yet")
    page.goto(f"{running.url}/runs/new?model={model}&dataset={iris}")
    start = page.locator("#start")
    expect(start).to_have_attribute("aria-disabled", "false")
    start.click()
    page.wait_for_url(re.compile(r"/runs/(?!new)[^/]+$"))
    page.get_by_role("tab", name="Model").click()
    expect(box(page, "stage.0.sum")).to_be_visible()
    look(page, "run-model")
    page.get_by_role("link", name="of iris", exact=True).click()
    page.wait_for_url(f"**/models/{model}")
    expect(page.locator("#shape")).to_have_value("4")
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator("#panel-runs tbody tr")).to_have_count(1)
    page.get_by_role("link", name="See them in the list").click()
    page.wait_for_url(lambda url: f"model%3A{model}" in url or f"model:{model}" in url)


def test_a_run_with_a_model_begins_with_data_that_fit_it(page: Page, running: Deck) -> None:
    def layers(num_outputs: int) -> dict[str, Any]:
        return {"layers": [{"type": "linear", "out_features": num_outputs}]}

    def expect_chosen(model: str, dataset: str, words: str) -> None:
        page.goto(f"{running.url}/runs/new?model={model}")
        field = page.locator('[data-loc="dataset"]')
        expect(field).to_contain_text(words)
        expect(field.locator("select")).to_have_value(dataset)

    kinds = "".join(f"{i / 10},{i % 7},{'abc'[i % 3]}\n" for i in range(60))
    flowers = running.add_file("flowers.csv", f"petal,sepal,species\n{kinds}".encode())
    running.add_file(
        "warm.csv", b"a,b\n" + b"".join(b"%d,%d.5\n" % (i, 2 * i) for i in range(50))
    )  # asks for one number
    three = keep(running, "three classes", layers(3))
    expect_chosen(three, flowers, "the newest that fits this model")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    expect_chosen(keep(running, "of nothing", layers(777)), "", "fits this model as it stands")
    one = keep(running, "one number", layers(1))
    body = {"name": "widths", "model": one, "dataset": flowers, "data": {"target": "petal"}}
    run = running.post("/runs", {**body, "training": {"num_epochs": 1, "loss": {"type": "l1_loss"}}})["id"]
    running.wait_until_ended(run)
    expect_chosen(one, flowers, "as in widths, the last run of this model")
    expect(page.get_by_label("Target: what is to be predicted")).to_have_value("petal")
    expect(page.get_by_label("Loss", exact=True)).to_have_value("l1_loss")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
