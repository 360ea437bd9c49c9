"""Charts in a real Chromium: the view that is set stays, no point and no spike is lost, pictures leave as files."""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app import events, queue
from app.db import Database
from app.db.tables import Job, Run
from tests.deck import Deck
from tests.recorded import add_points, record

pytestmark = pytest.mark.browser

LONG = 60_000
SPIKE_AT, NAN_AT = 41_234, 41_240
CUTS = 10
# The page keeps its sockets where a test finds them.
KEEP_SOCKETS = """
  window.sockets = [];
  const Socket = WebSocket;
  window.WebSocket = class extends Socket { constructor(...given) { super(...given); window.sockets.push(this); } };
"""


@pytest.fixture(scope="module")
def database(running: Deck) -> Iterator[Database]:
    one = Database(running.settings.database_url)
    yield one
    one.dispose()


@pytest.fixture(scope="module")
def long_run(database: Database) -> str:
    losses = [2 * math.exp(-step / 20_000) + 0.05 * math.sin(step * 7.3) for step in range(1, LONG + 1)]
    losses[SPIKE_AT - 1], losses[NAN_AT - 1] = 50.0, math.nan
    return record(database, "long", {"train/loss": losses, "train/accuracy": [1 - one / 60 for one in losses]})


def _claim(database: Database, run_id: str) -> queue.Claim:
    with database.read() as session:
        run = session.get_one(Run, run_id)
        job = session.get_one(Job, run.job_id)
        return queue.Claim(job.id, job.attempt, job.kind, job.payload, job.worker_id or "")


def _loss(page: Page) -> Locator:
    return page.locator('figure[data-chart="loss"]')


def _open(page: Page, running: Deck, address: str, last_step: int) -> None:
    page.goto(f"{running.url}{address}")
    expect(_loss(page)).to_have_attribute("data-painted-step", str(last_step))


def _window(page: Page) -> list[float]:
    return [float(x) for x in (_loss(page).get_attribute("data-painted-window") or "").split()]


def _drag(page: Page, begin: float, end: float) -> None:
    box = _loss(page).locator(".u-over").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + begin * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=5)
    page.mouse.up()


def _save(page: Page, name: str, path: Path) -> bytes:
    _loss(page).get_by_role("button", name="More for Loss").click()
    with page.expect_download() as caught:
        page.get_by_role("menuitem", name=name).click()
    caught.value.save_as(path)
    return path.read_bytes()


def _rows(page: Page, path: Path) -> list[dict[str, Any]]:
    _save(page, "Figures (CSV)", path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_a_rewind_superseded_stays_as_a_ghost(page: Page, running: Deck, database: Database) -> None:
    """Also of a run so long that its page is told of it in brief, and when the rewind lies inside a bucket."""
    run_id = record(database, "rewound", {"train/loss": [1.0] * 20_000}, is_running=True)
    claim = _claim(database, run_id)
    _rewind(database, claim, 12_345)
    add_points(database, claim, {"train/loss": [0.5] * 1_000}, first_step=12_346)
    _open(page, running, f"/runs/{run_id}", 13_345)
    expect(_loss(page)).to_have_attribute("data-painted-ghosts", "1")
    assert [row["step"] for row in _rows(page, Path(running.settings.data_dir) / "ghost.csv")][-1] == "13345"
    _rewind(database, claim, 10_001)
    expect(_loss(page)).to_have_attribute("data-painted-step", "10001")
    expect(_loss(page)).to_have_attribute("data-painted-ghosts", "2")
    page.reload()
    expect(_loss(page)).to_have_attribute("data-painted-ghosts", "2")
    expect(_loss(page)).to_have_attribute("data-painted-step", "10001")


def _rewind(database: Database, claim: queue.Claim, to_step: int) -> None:
    with database.write() as session:
        fence = queue.fence(session, claim, lease_s=600, num_events=1)
        rewind = events.New(events.REWIND, {"to_step": to_step})
        events.insert(session, claim.job_id, fence.last_seq, fence.time, [rewind])


def test_a_reload_restores_the_very_view(page: Page, running: Deck, long_run: str) -> None:
    _open(page, running, f"/runs/{long_run}", LONG)
    _drag(page, 0.2, 0.6)
    slider = page.get_by_role("slider", name="Smoothing")
    slider.focus()
    page.keyboard.press("ArrowRight")
    _loss(page).get_by_role("button", name="log y").click()
    page.get_by_role("button", name="log x").click()
    _loss(page).get_by_role("button", name="enlarge").click()
    expect(page).to_have_url(re.compile("big=loss"))
    before, weight = _window(page), slider.get_attribute("aria-valuetext")
    assert before[0] == pytest.approx(0.2 * LONG, rel=0.05) and before[1] == pytest.approx(0.6 * LONG, rel=0.05)
    page.reload()
    expect(_loss(page)).to_have_attribute("data-painted-window", " ".join(f"{x:.8g}" for x in before))
    assert page.get_by_role("slider", name="Smoothing").get_attribute("aria-valuetext") == weight
    for name in ("log y", "enlarge"):
        expect(_loss(page).get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="log x")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("big="))


@pytest.mark.parametrize("unit", ["time", "relative"])
def test_a_view_along_time_is_restored_too(page: Page, running: Deck, long_run: str, unit: str) -> None:
    _open(page, running, f"/runs/{long_run}", LONG)
    page.get_by_role("combobox", name="Horizontal axis").select_option(unit)
    expect(page).to_have_url(re.compile(f"x={unit}"))
    _drag(page, 0.3, 0.7)
    expect(page).to_have_url(re.compile("w="))
    before = _loss(page).get_attribute("data-painted-window") or ""
    page.reload()
    expect(_loss(page)).to_have_attribute("data-painted-window", before)


def test_points_that_arrive_do_not_move_a_view_that_is_set(page: Page, running: Deck, database: Database) -> None:
    run_id = record(database, "moving", {"train/loss": [1.0] * 500}, is_running=True)
    claim = _claim(database, run_id)
    _open(page, running, f"/runs/{run_id}", 500)
    _drag(page, 0.2, 0.5)
    expect(page).to_have_url(re.compile("w="))
    before = _window(page)
    for i in range(5):
        add_points(database, claim, {"train/loss": [3.0] * 400}, first_step=501 + 400 * i)
    expect(_loss(page)).to_have_attribute("data-painted-step", "2500")
    assert _window(page) == before
    page.keyboard.press("Escape")
    _loss(page).get_by_role("button", name="Whole run").click()
    expect(page).not_to_have_url(re.compile("w="))
    assert _window(page)[1] >= 2500


def test_zooming_in_shows_raw_points_and_no_spike_hides_on_the_way(
    page: Page, running: Deck, long_run: str, tmp_path: Path
) -> None:
    _open(page, running, f"/runs/{long_run}", LONG)
    page.get_by_role("slider", name="Smoothing").focus()
    page.keyboard.press("Home")
    whole = _rows(page, tmp_path / "whole.csv")
    assert len(whole) < 2000
    assert max(float(row["highest"]) for row in whole) == 50
    assert "of 60,000 points drawn" in _loss(page).inner_text()
    page.goto(f"{running.url}/runs/{long_run}?w=41000~41500")
    expect(_loss(page)).to_contain_text("each as it was recorded")
    rows = _rows(page, tmp_path / "part.csv")
    assert [int(row["step"]) for row in rows] == list(range(41_000, 41_501))
    values = {int(row["step"]): float(row["value"]) for row in rows}
    assert values[SPIKE_AT] == 50 and math.isnan(values[NAN_AT])


def test_a_socket_that_is_cut_ten_times_loses_nothing(
    page: Page, running: Deck, database: Database, tmp_path: Path
) -> None:
    run_id = record(database, "cut", {"train/loss": [0.5] * 10}, is_running=True)
    claim = _claim(database, run_id)
    page.add_init_script(KEEP_SOCKETS)
    _open(page, running, f"/runs/{run_id}", 10)
    values = [math.sin(step) for step in range(11, 811)]
    for i in range(CUTS):
        add_points(database, claim, {"train/loss": values[80 * i : 80 * i + 40]}, first_step=11 + 80 * i)
        page.evaluate("window.sockets.at(-1).close()")
        add_points(database, claim, {"train/loss": values[80 * i + 40 : 80 * i + 80]}, first_step=51 + 80 * i)
        expect(_loss(page)).to_have_attribute("data-painted-step", str(90 + 80 * i))
    assert page.evaluate("window.sockets.length") > CUTS
    rows = _rows(page, tmp_path / "held.csv")
    kept = running.get(f"/runs/{run_id}/metrics", params={"name": "train/loss", "max_points": 5000})["series"][0]
    assert [int(row["step"]) for row in rows] == kept["steps"] == list(range(1, 811))
    assert [float(row["value"]) for row in rows] == pytest.approx(kept["values"])


def test_a_chart_leaves_as_a_file_and_fills_the_screen(
    page: Page, running: Deck, long_run: str, tmp_path: Path
) -> None:
    _open(page, running, f"/runs/{long_run}", LONG)
    assert _save(page, "Picture (PNG)", tmp_path / "loss.png").startswith(b"\x89PNG")
    svg = _save(page, "Picture (SVG)", tmp_path / "loss.svg").decode()
    assert svg.startswith("<svg") and "Loss" in svg and svg.count("<path") > 3
    _loss(page).get_by_role("button", name="More for Loss").click()
    page.get_by_role("menuitem", name="Full screen").click()
    expect(page.locator("figure:fullscreen")).to_have_attribute("data-chart", "loss")
    page.evaluate("document.exitFullscreen()")


def test_panels_are_arranged_and_the_arrangement_is_kept_and_shared(page: Page, running: Deck, long_run: str) -> None:
    _open(page, running, f"/runs/{long_run}", LONG)
    rate, accuracy = (page.locator(f'figure[data-chart="{key}"]') for key in ("optimizer/lr", "accuracy"))
    rate.hover()
    rate.get_by_role("button", name="More for Learning rate").click()
    page.get_by_role("menuitem", name="Hide").click()
    expect(rate).to_have_count(0)
    accuracy.hover()
    accuracy.get_by_role("button", name="More for Accuracy").click()
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.get_by_role("menuitemcheckbox", name="Pinned to the top").click()
    page.reload()
    expect(page.locator('[data-section="pinned"] figure')).to_have_count(1)
    expect(page.get_by_role("button", name="Show 1 hidden")).to_be_visible()
    with page.expect_response(lambda answer: "/views/share" in answer.url) as shared:
        page.get_by_role("button", name="Share view").click()
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.get_by_role("button", name="Reset layout").click()
    expect(rate).to_be_visible()
    page.goto(f"{running.url}/runs/{long_run}?layout={shared.value.json()['id']}")
    expect(page.locator('[data-section="pinned"] figure')).to_have_count(1)


OVERLAPS = """charts => charts.flatMap(chart => {
  const parts = [...chart.querySelectorAll("h3, .legend, summary, .chart-tools")];
  const boxes = parts.map(part => part.getBoundingClientRect());
  const { left, right } = chart.getBoundingClientRect();
  const isOver = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return parts.flatMap((part, i) => [
    ...parts.slice(i + 1).filter((_, j) => isOver(boxes[i], boxes[i + 1 + j])).map(one => `${one.className} over it`),
    (boxes[i].left < left || boxes[i].right > right) && `${part.className} over the edge`,
  ]).filter(Boolean);
})"""


def test_the_words_of_small_charts_do_not_lie_over_one_another(page: Page, running: Deck, long_run: str) -> None:
    _open(page, running, f"/runs/{long_run}", LONG)
    small = page.locator(".small-charts .chart")
    expect(small.first.locator("summary")).to_be_attached()
    for width in (1440, 1400, 1100, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert small.count() > 0
        assert small.evaluate_all(OVERLAPS) == [], width
