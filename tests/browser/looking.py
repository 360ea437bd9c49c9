"""How a page is looked at: by axe, by whether it fits, and by a person, who names a folder for pictures."""

import os
from collections.abc import Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PICTURES = os.environ.get("TRAINDECK_TEST_PICTURES")
_WIDE, _NARROW = 1440, 390


def violations(page: Page) -> list[str]:
    """What axe complains of: the rule and the element."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def look(page: Page, name: str) -> None:
    """Nothing that axe complains of and nothing over the edge, wide and light, narrow and dark; and pictures."""
    for width, theme in _in_turn(page, (_WIDE, "light"), (_NARROW, "dark")):
        assert violations(page) == [], (width, theme)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{over} px too wide at {width}"
    pictures(page, name)


def pictures(page: Page, name: str) -> None:
    """The page in a light, a dark and a narrow picture, where a folder for them is named."""
    if PICTURES:
        for width, theme in _in_turn(page, (_WIDE, "light"), (_WIDE, "dark"), (_NARROW, "light")):
            page.wait_for_timeout(600)
            page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{theme}.png", full_page=True)


def show(page: Page, width: int, theme: str) -> None:
    """Show the page in this width and theme."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]


def _in_turn(page: Page, *looks: tuple[int, str]) -> Iterator[tuple[int, str]]:
    """Show the page in each of these widths and themes, and then as it was."""
    was = page.viewport_size
    assert was is not None
    for width, theme in looks:
        show(page, width, theme)
        yield width, theme
    page.set_viewport_size(was)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
