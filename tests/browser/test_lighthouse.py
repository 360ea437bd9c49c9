"""What Lighthouse thinks of the pages that are looked at all day: at least 95 of 100 in each of three categories.

Marked full: it fetches Lighthouse from the npm registry, and its figure for performance needs a machine that is quiet.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright

from tests.browser.conftest import ARGUMENTS
from tests.conftest import TOKEN
from tests.deck import Deck, free_port
from tests.install_browser import installed

LIGHTHOUSE = "lighthouse@12.8.2"  # the last that runs on Node 20
CATEGORIES = ("performance", "accessibility", "best-practices")
AT_LEAST = 95
PROGRAM: dict[str, Any] = json.loads((Path(__file__).parents[2] / "examples" / "celsius.json").read_text())

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def lighthouse(tmp_path_factory: pytest.TempPathFactory) -> str:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm")
    folder = tmp_path_factory.mktemp("lighthouse")
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent", LIGHTHOUSE], cwd=folder, check=True)
    return str(folder / "node_modules" / ".bin" / "lighthouse")


@pytest.fixture(scope="module")
def debugging_port(playwright: Playwright, running: Deck, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a browser that is signed in, and in which Lighthouse opens its own page."""
    port = free_port()
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=installed(),
        headless=True,
        args=[*ARGUMENTS, f"--remote-debugging-port={port}"],
    )
    context.new_page().goto(f"{running.url}/?token={TOKEN}")
    yield port
    context.close()


@pytest.fixture(scope="module")
def run_id(running: Deck) -> str:
    ids = [str(running.post("/runs", PROGRAM | {"name": f"celsius {i}"})["id"]) for i in range(5)]
    for one in ids:
        running.wait_until_exported(one)
    return ids[-1]


@pytest.mark.parametrize("preset", ["desktop", "mobile"])
@pytest.mark.parametrize("name", ["the list", "a run"])
def test_lighthouse_is_content(
    lighthouse: str, debugging_port: int, running: Deck, run_id: str, name: str, preset: str, tmp_path: Path
) -> None:
    url = f"{running.url}/runs" + (f"/{run_id}" if name == "a run" else "")
    report = tmp_path / "report.json"
    command = [lighthouse, url, f"--port={debugging_port}", "--output=json", f"--output-path={report}", "--quiet"]
    command += ["--disable-storage-reset", f"--only-categories={','.join(CATEGORIES)}"]
    subprocess.run(command + (["--preset=desktop"] if preset == "desktop" else []), check=True, timeout=300)
    found = json.loads(report.read_text())
    scores = {key: round(100 * found["categories"][key]["score"]) for key in CATEGORIES}
    weak = [
        (audit["id"], audit["title"], audit.get("displayValue"))
        for audit in found["audits"].values()
        if audit.get("score") is not None and audit["score"] < 0.9
    ]
    assert min(scores.values()) >= AT_LEAST, (scores, weak)
