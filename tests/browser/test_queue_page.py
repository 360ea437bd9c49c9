"""The queue in a real Chromium before a real server: seen, put in another order by hand, by key and by mouse, live.

Workers and jobs are written into the database, as the programs themselves would: no torch is needed.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import update

from app import queue
from app.causes import Cause
from app.db import Database, now
from app.db.tables import Job, Worker
from app.settings import Settings
from tests import staged
from tests.browser.looking import violations
from tests.browser.test_pages import LOOKS
from tests.conftest import TOKEN
from tests.deck import Deck, wait_for

pytestmark = pytest.mark.browser

HALFWAY = {"step": 620, "num_steps": 1000, "epoch": 6, "num_epochs": 10, "left_s": 112.0, "device": "cuda"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    """A server, and no worker but those that are written."""
    one = Deck(Settings(data_dir=tmp_path_factory.mktemp("deck"), token=TOKEN, slots=1))
    try:
        one.start("server")
        yield one
    finally:
        one.stop()


@pytest.fixture
def db(running: Deck) -> Iterator[Database]:
    """The server's database, with nothing left of the test before."""
    database = Database(running.settings.database_url)
    with database.write() as session:
        session.execute(update(Job).values(status="cancelled", after_id=None, worker_id=None))
        session.query(Worker).delete()
    yield database
    database.dispose()


@pytest.fixture
def three(page: Page, running: Deck, db: Database) -> Page:
    """The page with "held" on a worker, and a, b, c behind it."""
    worker_id = staged.add_worker(db, "gpu box")
    for name in ("held", "a", "b", "c"):
        staged.submit(db, name)
    staged.claim(db, worker_id, progress=HALFWAY)
    page.goto(f"{running.url}/queue")
    expect(rows(page)).to_have_count(3)
    return page


def rows(page: Page) -> Locator:
    return page.locator("#waiting > li")


def names(page: Page) -> list[str]:
    return [name.strip() for name in page.locator("#waiting .what a").all_inner_texts()]


def expect_order(page: Page, running: Deck, expected: str) -> None:
    """On the page, and in the database."""
    expect(page.locator("#waiting .what a")).to_have_text(list(expected))
    page.wait_for_function("() => !document.querySelector('.is-dragged')")
    wait_for(lambda: [job["name"] for job in running.get("/queue")["waiting"]] == list(expected), timeout_s=20)


def test_who_holds_what_and_what_waits_for_what(three: Page) -> None:
    holder = three.locator("#devices > li")
    expect(holder).to_contain_text("gpu box")
    expect(holder).to_contain_text("cuda · 62%")
    expect(holder.locator("progress")).to_have_js_property("value", 0.62)
    expect(holder).to_contain_text("left")
    expect(rows(three).nth(0)).to_contain_text("next, once a slot is free")
    expect(rows(three).nth(0)).to_contain_text("starts in about")
    expect(rows(three).nth(2)).to_contain_text("2 runs before it")
    expect(three.locator('[data-count="queue"]')).to_have_text("3")


def test_keys_and_buttons_change_the_order(three: Page, running: Deck) -> None:
    rows(three).nth(2).focus()
    three.keyboard.press("Alt+ArrowUp")
    expect_order(three, running, "acb")
    expect(three.locator("#said")).to_have_text("c is now 2 of 3")
    three.keyboard.press("Alt+ArrowUp")
    expect_order(three, running, "cab")
    expect(rows(three).nth(0)).to_be_focused()
    three.get_by_role("button", name="Move c down", exact=True).click()
    expect_order(three, running, "acb")
    three.get_by_role("button", name="Move b to the front").click()
    expect_order(three, running, "bac")
    three.get_by_role("button", name="Move b to the back").click()
    expect_order(three, running, "acb")


def test_a_row_is_dragged_to_its_place(three: Page, running: Deck) -> None:
    grip, target = rows(three).nth(2).locator(".grip"), rows(three).nth(0)
    grip.drag_to(target, target_position={"x": 200, "y": 4})
    expect_order(three, running, "cab")
    rows(three).nth(0).locator(".grip").drag_to(rows(three).nth(1), target_position={"x": 200, "y": 40})
    expect_order(three, running, "acb")


def test_the_page_follows_what_happens(three: Page, running: Deck, db: Database) -> None:
    another = three.context.new_page()
    another.goto(f"{running.url}/queue")
    staged.submit(db, "d")
    expect(rows(three)).to_have_count(4)
    expect(three.locator('[data-count="queue"]')).to_have_text("4")
    another.get_by_role("button", name="Cancel a", exact=True).click()
    another.get_by_role("button", name="Cancel it").click()
    expect(rows(three)).to_have_count(3)
    assert names(three) == ["b", "c", "d"]
    staged.claim(db, staged.add_worker(db, "laptop"))
    expect(three.locator("#devices > li")).to_have_count(2)
    expect(rows(three)).to_have_count(2)
    another.close()


def test_a_silent_worker_is_told_as_such_before_it_is_lost(page: Page, running: Deck, db: Database) -> None:
    silent = {"heartbeat_at": now() - 15}
    run_id, _ = staged.submit(db, "held")
    staged.claim(db, staged.add_worker(db, "gpu box", **silent), progress=HALFWAY, **silent, lease_until=now() + 15)
    page.goto(f"{running.url}/queue")
    expect(page.locator("#devices > li")).to_contain_text("it is taken over after 30 s")
    page.goto(f"{running.url}/runs/{run_id}")
    expect(page.locator("#evidence-note")).to_contain_text("gpu box on rack-7: no sign of life for 1")
    expect(page.locator("#evidence-note")).to_contain_text("it is taken over after 30 s")
    expect(page.locator("#facts")).to_contain_text("process 1234 on rack-7")
    page.goto(f"{running.url}/workers")
    expect(page.locator(".worker .card-head .status")).to_have_text("silent")


def test_why_an_attempt_ended_and_why_it_waits_are_on_the_runs_page(three: Page, running: Deck, db: Database) -> None:
    held = running.get("/queue")["running"][0]
    three.goto(f"{running.url}/runs/{held['run_id']}")
    expect(three.locator("#facts")).to_contain_text("gpu box, cuda")
    with db.read() as session:
        job = session.get_one(Job, held["job_id"])
        taken = queue.Claim(job.id, job.attempt, job.kind, job.payload, job.worker_id or "")
    with db.write() as session:
        queue.crash(session, taken, Cause("killed", "Its process was killed (SIGKILL).", "It goes on."))
    expect(three.locator("#evidence-note")).to_contain_text("Attempt 1 ended. Its process was killed (SIGKILL).")
    expect(three.locator("#facts")).to_contain_text("starts at once")


def test_a_worker_that_is_gone_can_be_forgotten(page: Page, running: Deck, db: Database) -> None:
    staged.add_worker(db, "here")
    staged.add_worker(db, "gone", heartbeat_at=now() - 100)
    page.goto(f"{running.url}/workers")
    expect(page.locator(".worker .card-head .status")).to_have_text(["alive", "lost"])
    expect(page.get_by_role("button", name="Forget here")).to_be_hidden()
    page.get_by_role("button", name="Forget gone").click()
    page.get_by_role("button", name="Forget it").click()
    expect(page.locator(".worker")).to_have_count(1)
    assert [worker["name"] for worker in running.get("/workers")["items"]] == ["here"]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_a_full_queue_is_accessible_and_fits(
    browser: Browser, running: Deck, db: Database, theme: str, width: int
) -> None:
    worker_id = staged.add_worker(db, "gpu box", slots=2)
    staged.add_worker(db, "laptop", heartbeat_at=now() - 15)
    for name in ("held", "a name that is much too long for a line on a telephone, whatever one does", "b"):
        staged.submit(db, name)
    taken = staged.claim(db, worker_id, progress=HALFWAY)
    with db.write() as session:
        queue.crash(session, taken, Cause("out_of_memory", "It was killed."))
    staged.export(db)
    staged.claim(db, worker_id, progress=HALFWAY)
    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{running.url}/?token={TOKEN}")
    for path in ("/queue", "/workers"):
        page.goto(running.url + path)
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    context.close()
