"""A run of ten million points in a real browser: how soon it is painted, and how smoothly it is panned."""

import json
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from app import events, queue
from app.columns import Points
from app.db import Database, now
from app.db.tables import Worker
from app.queue import JobKind
from app.settings import Settings
from bench.chart import BATCH, NAN_AT, NUM_STEPS, SPIKE_AT
from bench.table import show, spread
from tests.browser.conftest import ARGUMENTS
from tests.deck import Deck, deck
from tests.install_browser import installed

ROUNDS = 5
SPIKE = 1000.0
PLOT = "figure.chart.large .chart-plot .u-over"
# When the curve stood there, in milliseconds since the click.
PAINTED = """async (selector) => {
  while (!document.querySelector(selector)) await new Promise(requestAnimationFrame);
  return performance.now();
}"""
# Drags the picture to and fro, a little each frame, and notes how long each frame took.
PAN = """async (selector) => {
  const over = document.querySelector(selector), box = over.getBoundingClientRect(), gaps = [];
  const at = (x) => ({clientX: box.left + x, clientY: box.top + box.height / 2, bubbles: true, shiftKey: true,
    button: 0, buttons: 1, pointerId: 1, isPrimary: true});
  const send = (name, x) => {
    over.dispatchEvent(new PointerEvent("pointer" + name, at(x)));
    over.dispatchEvent(new MouseEvent("mouse" + name, at(x)));
  };
  send("down", box.width / 2);
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < 240; i += 1) {
    send("move", box.width / 2 + 200 * Math.sin(i / 20));
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  send("up", box.width / 2);
  return gaps;
}"""


def main() -> None:
    program = json.loads((Path(__file__).parents[1] / "examples" / "celsius.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), token="for-the-benchmark-only")
        with deck(settings, num_workers=0) as one, sync_playwright() as playwright:
            run = one.post("/runs", program)
            _record(one.settings, run["job_id"])
            browser = playwright.chromium.launch(executable_path=installed(), headless=True, args=list(ARGUMENTS))
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(f"{one.url}/?token={settings.token}")
            rows = [*_paint(page, one, run["id"]), *_pan(page)]
            browser.close()
    show(f"A run of {NUM_STEPS:,} points in Chromium", ["what", "figure", "budget"], rows)


def _record(settings: Settings, job_id: str) -> None:
    """The points, as a worker would bring them, and the run's end."""
    database = Database(settings.database_url)
    values = np.random.default_rng(0).random(NUM_STEPS).astype(np.float32)
    values[SPIKE_AT - 1], values[NAN_AT - 1] = SPIKE, np.nan
    with database.write() as session:
        session.add(
            Worker(
                id="bench", name="bench", host="", pid=0, slots=1, devices=[], versions={},
                started_at=now(), heartbeat_at=now(),
            )
        )  # fmt: skip
    with database.write() as session:
        ingest = queue.claim(session, "bench", lease_s=600, kinds=[JobKind.INGEST])
        assert ingest
        queue.succeed(session, ingest)
        claim = queue.claim(session, "bench", lease_s=600, kinds=[JobKind.TRAIN])
    assert claim and claim.job_id == job_id
    for start in range(0, NUM_STEPS, BATCH):
        points = Points.of("train/loss", np.arange(start + 1, start + BATCH + 1), values[start : start + BATCH])
        with database.write() as session:
            fence = queue.fence(session, claim, lease_s=600, num_events=1)
            events.insert(session, job_id, fence.last_seq, fence.time, [events.New("metrics", points=[points])])
    with database.write() as session:
        queue.succeed(session, claim)
    database.dispose()


def _paint(page: Page, one: Deck, run_id: str) -> list[list[str]]:
    times_s = []
    for _ in range(ROUNDS):
        page.goto("about:blank")
        page.goto(f"{one.url}/runs/{run_id}", wait_until="commit")
        times_s.append(page.evaluate(PAINTED, f'figure.chart[data-painted-step="{NUM_STEPS}"]') / 1000)
    series = one.get(f"/runs/{run_id}/metrics", params={"name": "train/loss", "max_points": 1000})["series"][0]
    assert max(value for value in series["max"] if value is not None) == SPIKE
    return [["from the click to the curve painted", spread(times_s), "1,000 ms"]]


def _pan(page: Page) -> list[list[str]]:
    page.locator(PLOT).first.wait_for()
    page.locator("figure.chart.large .chart-plot").first.focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_timeout(1500)
    gaps_ms = np.array(page.evaluate(PAN, PLOT))
    return [
        ["frames a second while panning", f"{1000 / gaps_ms.mean():.0f}", "60"],
        ["a frame at the 95th percentile", f"{np.percentile(gaps_ms, 95):.1f} ms", "16.7 ms"],
    ]


if __name__ == "__main__":
    main()
