"""A real Chromium, let in with the link that the terminal shows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

from app.settings import Settings
from tests.conftest import TOKEN
from tests.deck import Deck, deck
from tests.install_browser import installed

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Whose tests look at nothing but what they have made themselves: for them one deck does.
SHARING = {
    "answers",
    "bringing_in",
    "builder",
    "control",
    "dataset_page",
    "doctor",
    "exploring",
    "generated",
    "machine",
    "models",
    "optimizers",
    "ready",
    "stepping",
    "together",
    "training_doctor",
    "versions",
    "windows",
}

# Whose runs are written into the database or reported: no worker has anything to do, and its start takes seconds.
WITHOUT_WORKER = {"charts", "compare", "reported", "run_list"}


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=20_000)  # as long as a busy machine needs; what never comes fails all the same
    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    one = playwright.chromium.launch(executable_path=installed(), headless=True, args=list(ARGUMENTS))
    yield one
    one.close()


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    """One deck for the files of tests that can share it."""
    with deck(Settings(data_dir=tmp_path_factory.mktemp("shared"), token=TOKEN, slots=1)) as one:
        yield one


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    """One deck for a file of tests at least: a browser's tests are of pages, not of an empty database."""
    name = request.module.__name__.rpartition("test_")[2]
    if name in SHARING:
        yield request.getfixturevalue("shared")
        return
    settings = Settings(data_dir=tmp_path_factory.mktemp("deck"), token=TOKEN, slots=1)
    with deck(settings, num_workers=0 if name in WITHOUT_WORKER else 1) as one:
        yield one


@pytest.fixture
def page(browser: Browser, running: Deck) -> Iterator[Page]:
    """A blank page that is signed in. An error of a script, or a complaint on the console, fails the test.

    Of what Chromium itself notes there, a refused upload and a server that is away are no faults; nor is an
    answer that breaks off, where the test killed the server that was giving it.
    """
    killed = len(running.killed)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        no_fault = r"WebSocket|ERR_CONNECTION|status of 4(15|22)"
        if "server" in running.killed[killed:]:
            no_fault += r"|ERR_(CONTENT_LENGTH_MISMATCH|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)"
        if message.type in ("error", "warning") and not re.search(no_fault, message.text):
            said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    # As the link does it, but no page is drawn that no test looks at.
    assert context.request.get(f"{running.url}/?token={TOKEN}", max_redirects=0).status == 303
    yield page
    context.close()
    assert not said


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Four hundred rows whose answer lies in two of their three columns."""
    lines = ["height,weight,town,fits"]
    towns = ("Aarau", "Basel", "Chur")
    for i in range(400):
        height, weight = 150 + i * 37 % 50, 50 + i * 61 % 50
        lines.append(f"{height},{weight},{towns[i % 3]},{'yes' if height - weight > 100 else 'no'}")
    path = tmp_path / "people.csv"
    path.write_text("\n".join(lines))
    return path
