"""Every page, in both themes and on a phone: axe-core finds nothing, nothing reaches over the edge."""

import pytest
from playwright.sync_api import Browser, Page, expect

from app import gallery
from tests.browser.looking import show, violations
from tests.conftest import TOKEN
from tests.deck import Deck

pytestmark = pytest.mark.browser

PAGES = ("/runs", "/runs/new", "/datasets", "/models", "/gallery", "/queue", "/workers")
PAGES += ("/runs/{run}", "/datasets/{dataset}", "/groups/{group}")
TABS = ("overview", "evaluation", "try", "model", "data", "log")
DATASET_TABS = ("table", "relations", "classes", "series")


@pytest.fixture(scope="module")
def places(running: Deck) -> dict[str, str]:
    run = running.post("/gallery/celsius")
    running.wait_until_exported(run["id"])
    body = gallery.definition("celsius") | {"over": {"type": "seeds", "num_seeds": 2}}
    return {"run": run["id"], "dataset": run["dataset"]["id"], "group": running.post("/groups", body)["id"]}


# Each width and each theme; the other two pairs are of the full run.
# One wide, one narrow, one light, one dark; where pages are alike the first of them does.
LOOKS = [
    (1440, "light"),
    (390, "dark"),
    pytest.param(1440, "dark", marks=pytest.mark.full),
    pytest.param(390, "light", marks=pytest.mark.full),
]
FIRST_LOOKS = [
    LOOKS[0],
    *(pytest.param(*look, marks=pytest.mark.full) for look in [(390, "dark"), (1440, "dark"), (390, "light")]),
]


@pytest.mark.parametrize(
    "looks",
    [[(390, "dark"), (1440, "light")], pytest.param([(390, "light"), (1440, "dark")], marks=pytest.mark.full)],
    ids=["narrow and dark, wide and light", "narrow and light, wide and dark"],
)
def test_every_page_is_accessible_and_fits(
    page: Page, running: Deck, places: dict[str, str], looks: list[tuple[int, str]]
) -> None:
    paths = [path.format(**places) for path in PAGES]
    paths += [f"/runs/{places['run']}#{tab}" for tab in TABS[1:]]
    paths += [f"/datasets/{places['dataset']}#{tab}" for tab in DATASET_TABS[1:]]
    found: dict[str, list[str]] = {}
    for path in paths:
        page.goto("about:blank")
        show(page, *looks[0])  # before it is loaded: a phone's page has never been wide
        page.goto(running.url + path)
        for width, theme in looks:
            show(page, width, theme)
            page.wait_for_load_state("networkidle")
            if problems := violations(page):
                found[f"{path}, {width}, {theme}"] = problems
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{path} is {over} px too wide at {width}"
    assert not found


def test_who_has_no_token_sees_the_login_page_and_gets_back_to_where_they_were(browser: Browser, running: Deck) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{running.url}/gallery")
    expect(page).to_have_url(f"{running.url}/login?next=%2Fgallery")
    assert violations(page) == []
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{running.url}/gallery")
    context.close()


def test_keys_lead_everywhere(page: Page, running: Deck) -> None:
    page.goto(f"{running.url}/runs")
    page.keyboard.press("/")
    expect(page.locator(":focus")).to_have_attribute("type", "search")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{running.url}/runs/new")


def test_the_page_goes_on_where_it_was_when_the_server_comes_back(page: Page, running: Deck) -> None:
    program = running.get("/gallery")  # a run of some seconds
    definition = next(entry for entry in program if entry["name"] == "xor-descent")["definition"]  # type: ignore[index]
    definition["training"]["num_epochs"] = 15_000
    run = running.post("/runs", definition)
    page.goto(f"{running.url}/runs/{run['id']}")
    expect(page.locator("#run-status")).to_have_attribute("data-status", "running", timeout=60_000)
    running.kill("server")
    running.start("server")
    expect(page.locator("#run-status")).to_have_attribute("data-status", "succeeded", timeout=120_000)
    expect(page.locator(".chart").first).to_contain_text("15,000 points")
