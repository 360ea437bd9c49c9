"""What a person does: bring a table, build a model, start, watch, judge, use."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import TOKEN
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser


def num_points(page: Page) -> int:
    """How many points the loss chart says it has."""
    words = page.locator(".chart").first.inner_text().replace(",", "").split()
    return next((int(words[i - 1]) for i, word in enumerate(words) if word.startswith("point")), 0)


def test_from_a_file_to_a_prediction(page: Page, running: Deck, table: Path) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))

    page.goto(f"{running.url}/?token={TOKEN}")
    page.get_by_role("link", name="Datasets").click()
    page.locator("#files").set_input_files(table)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="New run with this dataset").click()

    page.get_by_label("Target: what is to be predicted").select_option("fits")
    page.get_by_label("Scale of features").select_option("standardize")
    page.get_by_role("button", name="One neuron").click()
    page.get_by_label("Type of the new layer").select_option("tanh")
    page.get_by_role("button", name="Add layer").click()
    page.get_by_role("button", name="Move up layer 1").click()
    page.get_by_label("Type of the new layer").select_option("linear")
    page.get_by_role("button", name="Add layer").click()
    page.get_by_role("button", name="Move up layer 2").click()
    page.get_by_role("button", name="Move up layer 1").click()
    page.get_by_label("out features").first.fill("16")
    expect(page.locator('[data-shape="0"]')).to_have_text("16")
    expect(page.locator('[data-parameters="0"]')).to_have_text("96 parameters")  # 2 numbers and 3 towns, and a bias
    page.get_by_label("Epochs", exact=True).fill("1200")
    page.get_by_label("Name", exact=True).fill("who fits")
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    page.get_by_role("button", name="Start the run").click()

    expect(page.get_by_role("heading", name="who fits")).to_be_visible()
    expect(page.locator("#run-status")).to_have_attribute("data-status", "running", timeout=60_000)
    first = wait_for(lambda: num_points(page), timeout_s=60)
    second = wait_for(lambda: num_points(page) if num_points(page) > first else None, timeout_s=60)
    assert second > first
    assert any('"events"' in frame and "train/loss" in frame for frame in frames), "points came over the socket"

    expect(page.locator("#run-status")).to_have_attribute("data-status", "succeeded", timeout=240_000)
    page.get_by_role("tab", name="Evaluation").click()
    row = page.get_by_role("row", name="accuracy").first
    expect(row).to_be_visible()
    run = running.run(page.url.rpartition("/")[2].partition("#")[0])
    assert run["evaluation"]["parts"]["test"]["accuracy"] > 0.9
    expect(page.get_by_role("heading", name="Confusion")).to_be_visible()

    page.get_by_role("tab", name="Try it").click()
    running.wait_until_exported(run["id"])
    page.get_by_label("height").fill("190")
    page.get_by_label("weight").fill("55")
    expect(page.locator("#panel-try .answer")).to_have_text(re.compile("^yes"))
    page.get_by_label("height").fill("150")
    page.get_by_label("weight").fill("99")
    expect(page.locator("#panel-try .answer")).to_have_text(re.compile("^no"))


def test_a_mistake_is_told_at_its_layer_and_nothing_starts(page: Page, running: Deck, table: Path) -> None:
    dataset = running.add_file("mistaken.csv", table.read_bytes())
    before = len(running.get("/runs")["items"])
    page.goto(f"{running.url}/runs/new?dataset={dataset}")
    page.get_by_role("button", name="One neuron").click()
    page.get_by_label("Type of the new layer").select_option("conv2d")
    page.get_by_role("button", name="Add layer").click()
    layer = page.locator('[data-loc="model.layers.1"]')
    expect(layer).to_contain_text("needs an image")
    layer.get_by_label("out channels").fill("")
    expect(layer).to_contain_text("missing")
    layer.get_by_label("out channels").fill("4")
    expect(layer).to_contain_text("needs an image")
    expect(page.locator("#start")).to_have_attribute("aria-disabled", "true")
    assert len(running.get("/runs")["items"]) == before


def test_a_broken_row_is_told_with_its_line(page: Page, running: Deck, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1,2\n3,4,5\n6,7\n")
    page.goto(f"{running.url}/datasets")
    page.locator("#files").set_input_files(broken)
    expect(page.locator("#uploads")).to_contain_text("Line 3")
