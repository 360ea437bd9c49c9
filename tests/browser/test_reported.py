"""Runs from elsewhere on their pages: reported by a script, imported from TensorBoard."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.tensorboard import messages, records
from tests.browser.looking import look
from tests.deck import Deck

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run_id(running: Deck, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The example, run as it stands."""
    environment = os.environ | {
        "TRAINDECK_URL": running.url,
        "TRAINDECK_TOKEN": running.settings.token or "",
        "TRAINDECK_SPOOL_DIR": str(tmp_path_factory.mktemp("spool")),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "examples/report_from_a_script.py"]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    return told.split("/runs/")[1].strip()


def event_file(path: Path, num_points: int) -> Path:
    made = [messages.scalar_event(1.7e9 + i, i, b"loss", 1 / (i + 1), is_short=True) for i in range(num_points)]
    path.write_bytes(b"".join(records.frame(one) for one in made))
    return path


def test_a_reported_run_shows_what_its_script_said_and_nothing_else(page: Page, running: Deck, run_id: str) -> None:
    page.goto(f"{running.url}/runs/{run_id}")
    expect(page.locator("#run-name")).to_have_text("two clouds")
    expect(page.locator("#facts")).to_contain_text("step 39")
    assert page.get_by_role("tab").all_inner_texts() == ["Overview", "Files", "Log"]
    expect(page.locator("#settings")).to_contain_text("num_epochs")
    expect(page.get_by_text("Clone", exact=True)).to_have_count(0)
    look(page, "reported")
    page.get_by_role("tab", name="Log").click()
    expect(page.locator("#panel-log")).to_contain_text("learned:")
    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        page.get_by_text("tensorboard.zip").click()
    assert download.value.suggested_filename == f"{run_id}-tensorboard.zip"
    look(page, "files")


def test_a_long_log_is_read_to_its_beginning_and_searched(page: Page, running: Deck) -> None:
    run = running.post("/runs/reported", {"name": "talks much"})
    many = {"name": "loss", "steps": list(range(20_000)), "values": [0.5] * 20_000}  # too many to be told one by one
    running.post(f"/runs/{run['id']}/points", {"series": [many]})
    for k in range(3):
        lines = [{"text": f"line {i}"} for i in range(500 * k, 500 * k + 500)]
        running.post(f"/runs/{run['id']}/points", {"batch": k + 1, "log": lines})
    page.goto(f"{running.url}/runs/{run['id']}#log")
    panel, log = page.locator("#panel-log"), page.get_by_label("Log", exact=True).last
    expect(panel).to_contain_text("700 lines, the newest; scroll up for more")  # 200 came with the stream
    expect(log.get_by_text("line 1499", exact=True)).to_be_in_viewport()
    for first in ("line 800", "line 300"):
        expect(log.get_by_text(first, exact=True)).to_have_count(1)
        log.evaluate("list => (list.scrollTop = 0)")
    expect(panel).to_contain_text("1,500 lines")
    expect(panel).not_to_contain_text("scroll up")
    assert log.locator("li .text").all_inner_texts() == [f"line {i}" for i in range(1500)]
    expect(log.get_by_text("line 300", exact=True)).to_be_in_viewport()  # what was read stays where it was
    running.post(f"/runs/{run['id']}/points", {"batch": 4, "log": [{"text": "line 1500"}]})
    expect(panel).to_contain_text("1,501 lines")
    expect(log.get_by_text("line 300", exact=True)).to_be_in_viewport()
    panel.get_by_role("button", name="Go to the newest").click()
    expect(log.get_by_text("line 1500", exact=True)).to_be_in_viewport()
    panel.get_by_role("searchbox").fill("LINE 1")
    expect(panel).to_contain_text("612 lines")  # 1, 10 to 19, 100 to 199, 1000 to 1500
    panel.get_by_role("searchbox").fill("nowhere")
    expect(panel).to_contain_text("No line has that.")
    page.route("**/logs?*", lambda route: route.abort("connectionrefused"))
    panel.get_by_role("searchbox").fill("LINE 7")
    expect(panel).to_contain_text("those before could not be read")
    page.unroute("**/logs?*")
    expect(panel).to_contain_text("111 lines")  # 7, 70 to 79, 700 to 799: it asks again by itself


def test_event_files_are_imported_from_the_list_of_runs(page: Page, running: Deck, tmp_path: Path) -> None:
    page.goto(f"{running.url}/runs")
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import runs")
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("status")).to_contain_text("Choose event files")
    path = event_file(tmp_path / "events.out.tfevents.1", 50)
    path.write_bytes(path.read_bytes()[:-3])
    dialog.get_by_label("Event files, or a zip of folders").set_input_files(path)
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("status")).to_contain_text("49 points")
    expect(dialog.get_by_role("status")).to_contain_text("ends within a record")
    look(page, "import")
    dialog.get_by_role("link", name="Open the run").click()
    expect(page.locator(".crumbs")).to_contain_text("imported from TensorBoard")
    look(page, "imported")
