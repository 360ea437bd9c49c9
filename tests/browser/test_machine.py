"""A run's page shows what the machine does while it trains, and a profile of some steps when it is asked for."""

import gzip
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import look
from tests.deck import Deck, wait_for
from tests.test_killed import LONG

pytestmark = pytest.mark.browser


def test_the_machine_is_seen_at_work_and_a_profile_is_taken(page: Page, running: Deck, tmp_path: Path) -> None:
    run_id = running.post("/runs", LONG)["id"]
    page.goto(f"{running.url}/runs/{run_id}#machine")
    panel = page.locator("#panel-machine")
    expect(panel.locator("[data-chart='system/memory'][data-painted-step]")).to_be_visible(timeout=60_000)
    for name in ("Samples per second", "Time of a step", "Processor", "Free disk space"):
        expect(panel.get_by_role("heading", name=name, exact=True)).to_be_visible()
    expect(panel.locator(".time-bar")).to_have_attribute("aria-label", re.compile(r"^waiting for data \d+%, forward"))
    expect(panel.locator("[data-chart='system/memory'] .legend")).to_contain_text("B")

    panel.get_by_role("button", name="Profile 10 steps").click()
    expect(panel.get_by_role("region", name="Operators")).to_contain_text("aten::", timeout=60_000)
    with page.expect_download() as found:
        panel.get_by_role("link", name="Download the trace").click()
    found.value.save_as(tmp_path / "trace.json.gz")
    trace = json.loads(gzip.decompress((tmp_path / "trace.json.gz").read_bytes()))
    steps = [event for event in trace["traceEvents"] if str(event.get("name")).startswith("ProfilerStep#")]
    assert len({event["name"] for event in steps}) == 10
    running.post(f"/runs/{run_id}/cancel")
    wait_for(lambda: running.run(run_id)["status"] == "cancelled")
    expect(panel.get_by_role("button", name="Profile 10 steps")).to_be_hidden()
    look(page, "machine")

    page.get_by_role("tab", name="Overview").click()
    expect(page.locator("[data-chart='loss'][data-painted-step]")).to_be_visible()
    assert page.locator("#small-charts [data-chart^='system/']").count() == 0


def test_a_worker_tells_how_fast_its_devices_are(page: Page, running: Deck) -> None:
    wait_for(lambda: [one for one in running.get("/workers")["items"] if one["exp_timing"]])
    page.goto(f"{running.url}/workers")
    expect(page.get_by_text("1,000 × exp on cpu")).to_be_visible()
