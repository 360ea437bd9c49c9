"""What a run's page says of a training that is ill: the finding, what mends it, and the layers that it is about."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.looking import look
from tests.deck import Deck
from tests.worker.train.findings.programs import dense, program

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ill(running: Deck) -> dict[str, Any]:
    """Ten layers of sigmoids under plain descent: no gradient reaches the first."""
    body = program("moons", dense(*[8] * 9, 1, between="sigmoid"), num_epochs=24, optimizer={"type": "sgd", "lr": 0.1})
    return running.wait_until_ended(running.post("/runs", body)["id"])


def test_a_finding_is_tried_in_the_form(page: Page, running: Deck, ill: dict[str, Any]) -> None:
    page.goto(f"{running.url}/runs/{ill['id']}")
    finding = page.locator(".finding[data-kind=vanishing_gradients]")
    expect(finding).to_contain_text("Proposed: optimizer sgd → adam, lr 0.01")
    look(page, "finding")
    finding.get_by_role("button", name="Try this").click()
    expect(page).to_have_url(re.compile("/runs/new"))
    expect(page.locator("#check-state")).to_have_text("Ready to start")
    expect(page.get_by_label("Optimizer", exact=True)).to_have_value("adam")
    expect(page.get_by_label("Name", exact=True)).to_have_value("moons 2")


def test_a_finding_is_tried_at_once(page: Page, running: Deck, ill: dict[str, Any]) -> None:
    page.goto(f"{running.url}/runs/{ill['id']}")
    page.locator(".finding").get_by_role("button", name="Start it now").click()
    expect(page).not_to_have_url(re.compile(ill["id"]))
    expect(page.get_by_role("heading", name="moons 2")).to_be_visible()
    made = running.run(page.url.rpartition("/")[2].partition("#")[0])
    assert made["spec"]["training"]["optimizer"]["type"] == "adam"


def test_the_layers_of_a_finding_are_shown(page: Page, running: Deck, ill: dict[str, Any]) -> None:
    page.goto(f"{running.url}/runs/{ill['id']}")
    page.locator(".finding").get_by_role("button", name="Show the layer").click()
    panel = page.locator("#panel-layers")
    row = panel.get_by_role("row").nth(1)
    expect(row).to_contain_text(re.compile(r"0 linear.*\de−\d"))
    expect(panel.get_by_label("Layer", exact=True)).to_have_value("0")
    for picture in panel.locator(".layer-picture").all():
        expect(picture.locator("canvas").first).to_be_visible()
    panel.get_by_label("Numbers", exact=True).select_option("gradients")
    panel.get_by_label("Figure", exact=True).select_option("saturated")
    panel.locator(".layer-picture").first.hover()
    expect(panel.locator(".layer-words").first).to_contain_text(re.compile("sigmoid, step"))
    look(page, "layers")


def test_nothing_is_said_of_layers_before_the_stream_has_told_what_there_is(
    page: Page, running: Deck, ill: dict[str, Any]
) -> None:
    held: list[Callable[[], None]] = []  # what the server has said, and nobody has heard
    is_open = False

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: socket.send(said) if is_open else held.append(lambda: socket.send(said)))

    page.route_web_socket("**/live*", between)
    page.goto(f"{running.url}/runs/{ill['id']}#layers")
    panel = page.locator("#panel-layers")
    expect(panel).to_have_text("Reading what was recorded…")
    page.get_by_role("tab", name="Log").click()
    expect(page.locator("#panel-log")).to_contain_text("Reading what was recorded…")
    page.get_by_role("tab", name="Layers").click()
    is_open = True
    for say in held:
        say()
    expect(panel.get_by_role("row").nth(1)).to_contain_text("0 linear")
