"""Takes the README's pictures of the real thing: `make screenshots`.

A deck of its own, with the gallery's programs and a run that is still training, looked at in Chromium.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.settings import Settings
from tests.browser.conftest import ARGUMENTS
from tests.deck import Deck, deck, wait_for
from tests.install_browser import installed

IMAGES = Path(__file__).parent / "images"
TOKEN = "only-for-the-pictures"
SIZE = {"width": 1440, "height": 900}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), token=TOKEN, slots=1)
        with deck(settings) as one, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=installed(), headless=True, args=list(ARGUMENTS))
            for name in ("celsius", "xor-descent", "xor-adam", "heart"):
                one.wait_until_exported(one.post(f"/gallery/{name}")["id"], timeout_s=300)
            run_id = _train_for_long(one)
            for theme in ("light", "dark"):
                _take(browser, one, theme, run_id)
            browser.close()


def _train_for_long(one: Deck) -> str:
    """The digits, held at half of their epochs or later."""
    program = next(entry for entry in one.get("/gallery") if entry["name"] == "digits")["definition"]  # type: ignore[index]
    program["name"] = "digits, a convolutional network"
    program["training"]["num_epochs"] = 60
    run_id: str = one.post("/runs", program)["id"]
    wait_for(lambda: ((one.run(run_id)["progress"] or {}).get("epoch") or 0) >= 30, timeout_s=300)
    return run_id


def _take(browser: Browser, one: Deck, theme: str, run_id: str) -> None:
    context = browser.new_context(viewport=SIZE, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{one.url}/?token={TOKEN}")
    for name, path in (("run", f"/runs/{run_id}"), ("runs", "/runs"), ("gallery", "/gallery")):
        page.goto(one.url + path)
        _picture(page, f"{name}-{theme}")
    page.goto(f"{one.url}/models/new?dataset={one.run(run_id)['dataset']['id']}")
    page.locator("#panel-layers [data-template=resnet]").click()
    page.locator(".toast").get_by_role("button", name="Close").click()
    page.locator(".build-row").nth(3).click()
    _picture(page, f"builder-{theme}")
    context.close()


def _picture(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)  # one frame draws all that came; a second is many
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
