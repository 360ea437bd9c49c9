"""Whatever is written, rewound, cut, slowed and summed up: a client holds what was written up to its place.

Two hubs, as two servers have them, on one database. The clients are those of `examples/live_client.py`. They are
checked after every step, and at the end the curves that the database gives are, too.
"""

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app import columns, curves, events, queue
from app.access.service import Principal
from app.columns import Points
from app.db import Database
from app.live import feeds, hub, tail
from app.live.buffer import Buffer
from app.live.follower import Follower
from app.live.hub import Hub
from app.settings import Settings
from examples.live_client import Mirror

CAPACITY = 60  # points that a server keeps of a stream: so few that snapshots are common
MOST_POINTS = 900  # of a stream: a snapshot has room for each of them
SETTLE_S = 10
CLIENTS = st.integers(0, 3)
HUBS = st.integers(0, 1)
VALUES = st.lists(st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 0.1, 1e300]), min_size=1, max_size=20)
BATCHES = st.tuples(st.sampled_from(["train/loss", "validation/loss"]), st.integers(1, 5), VALUES)

T = TypeVar("T")
Held = dict[str, dict[int, float | str]]
happened: Counter[str] = Counter()


class Client(Mirror):
    """A client and its socket, which may be cut, and may be slow: then `gate` is shut."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.gate = asyncio.Event()
        self.follower: Follower | None = None
        self.telling: asyncio.Task[None] | None = None

    def take(self, message: dict[str, Any]) -> None:
        """Besides what every client does: nothing may be missing."""
        assert message["type"] in ("events", "reset"), message
        happened[message["type"]] += 1
        if message["type"] == "reset":
            assert all(series["raw"] for series in message["snapshot"]["series"].values())
        else:
            seqs = [event["seq"] for event in message["events"]]
            assert seqs == list(range(seqs[0], message["last_seq"] + 1)) and seqs[0] <= self.last_seq + 1
        super().take(message)

    async def _send(self, text: str) -> None:
        await self.gate.wait()
        self.take(json.loads(text))

    async def connect(self, to: Hub) -> None:
        """Go on with one of the servers."""
        await self.cut()
        self.gate.set()
        self.follower = Follower(to, Principal("nobody", ""), self._send)
        await self.subscribe()
        self.telling = asyncio.create_task(self.follower.tell())

    async def subscribe(self) -> None:
        """Say from where on."""
        if self.follower is not None:
            asked = {"type": "subscribe", "stream": self.stream, "after": self.last_seq}
            await self.follower.hear(json.dumps(asked))

    async def cut(self) -> None:
        """The connection is gone, and a message that was on its way with it."""
        if self.follower is None or self.telling is None:
            return
        self.check()
        self.follower.leave()
        self.telling.cancel()
        await asyncio.gather(self.telling, return_exceptions=True)
        self.follower = self.telling = None

    def check(self) -> None:
        """Raise what the socket has raised."""
        if self.telling is not None and self.telling.done():
            self.telling.result()


class Machine(RuleBasedStateMachine):
    """Writers, two servers, and up to four clients."""

    db: Database
    app_settings: Settings

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.hubs = [Hub(self.db, self.app_settings) for _ in range(2)]
        self.clients: list[Client] = []
        self.told: list[tuple[int, events.New]] = []  # what was written, by number
        self.next_step, self.num_points = 0, 0
        self.lines = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def start(self) -> None:
        with self.db.write() as session:
            self.claim = queue.hold(session, {}, lease_s=600)
        self.last_seq = 1
        for one in self.hubs:
            self.run(one.start())

    def write(self, *new: events.New) -> None:
        """In a thread, as another process would: the hubs go on meanwhile."""

        def work() -> None:
            with self.db.write() as session:
                fence = queue.fence(session, self.claim, lease_s=600, num_events=len(new))
                events.insert(session, self.claim.job_id, fence.last_seq, fence.time, new)

        self.run(asyncio.to_thread(work))
        self.told += [(self.last_seq + 1 + i, event) for i, event in enumerate(new)]
        self.last_seq += len(new)

    def batch(self, name: str, gap: int, values: Sequence[float]) -> events.New:
        steps = range(self.next_step, self.next_step + gap * len(values), gap)
        self.next_step, self.num_points = steps[-1] + 1, self.num_points + len(values)
        return events.New(events.METRICS, points=[Points.of(name, list(steps), list(values))])

    def back(self, share: float) -> events.New:
        to_step = int(self.next_step * share)
        self.next_step = min(self.next_step, to_step + 1)
        return events.New(events.REWIND, {"to_step": to_step})

    @precondition(lambda self: self.num_points < MOST_POINTS - 20)
    @rule(batch=BATCHES)
    def append(self, batch: tuple[str, int, list[float]]) -> None:
        self.write(self.batch(*batch))

    @precondition(lambda self: self.num_points < MOST_POINTS - 120)
    @rule(batches=st.lists(BATCHES, min_size=2, max_size=6), share=st.none() | st.floats(0, 1))
    def burst(self, batches: list[tuple[str, int, list[float]]], share: float | None) -> None:
        new = [self.batch(*batch) for batch in batches[1:]]
        new += [] if share is None else [self.back(share)]
        self.write(*new, self.batch(*batches[0]))

    @rule(share=st.floats(0, 1))
    def rewind(self, share: float) -> None:
        self.write(self.back(share))

    @rule(count=st.sampled_from([1, 3, 70]))
    def log(self, count: int) -> None:
        self.write(*(events.New("log", {"level": "info", "text": str(i)}) for i in range(count)))

    @rule(which=CLIENTS, to=HUBS)
    def connect(self, which: int, to: int) -> None:
        """A new client, or one whose connection is replaced."""
        if which >= len(self.clients):
            self.clients.append(Client(self.claim.job_id))
        self.run(self.clients[min(which, len(self.clients) - 1)].connect(self.hubs[to]))

    @precondition(lambda self: self.clients)
    @rule(which=CLIENTS)
    def cut(self, which: int) -> None:
        self.run(self.clients[which % len(self.clients)].cut())

    @precondition(lambda self: self.clients)
    @rule(which=CLIENTS, is_slow=st.booleans())
    def slow_down(self, which: int, is_slow: bool) -> None:
        gate = self.clients[which % len(self.clients)].gate
        _ = gate.clear() if is_slow else gate.set()

    @precondition(lambda self: self.clients)
    @rule(which=CLIENTS)
    def subscribe_again(self, which: int) -> None:
        self.run(self.clients[which % len(self.clients)].subscribe())

    @rule(pause_s=st.sampled_from([0, 0.003, 0.02]))
    def wait(self, pause_s: float) -> None:
        self.run(asyncio.sleep(pause_s))

    @invariant()
    def clients_hold_what_was_written(self) -> None:
        for client in self.clients:
            client.check()
            assert client.last_seq <= self.last_seq
            assert client.series == self.written(client.last_seq)

    def written(self, upto: int) -> Held:
        """What the events up to a number come to."""
        held: Held = {}
        for seq, event in self.told:
            if seq > upto:
                break
            for points in event.points:
                steps, values = points.steps.tolist(), columns.spell(points.values)
                held.setdefault(points.name, {}).update(zip(steps, values, strict=True))
            if event.kind == events.REWIND:
                held = {n: {at: v for at, v in s.items() if at <= event.body["to_step"]} for n, s in held.items()}
        return {name: points for name, points in held.items() if points}

    def teardown(self) -> None:
        try:
            if hasattr(self, "claim"):
                self.run(self.settle())
                self.clients_hold_what_was_written()
                self.database_holds_what_was_written()
        finally:
            self.run(self.stop())
            self.loop.close()

    async def settle(self) -> None:
        """Let every client come to the end."""
        for client in self.clients:
            client.gate.set()
            if client.follower is None:
                await client.connect(self.hubs[0])
        deadline = time.monotonic() + SETTLE_S
        while any(client.last_seq < self.last_seq for client in self.clients):
            for client in self.clients:
                client.check()
            assert time.monotonic() < deadline, [(client.last_seq, self.last_seq) for client in self.clients]
            await asyncio.sleep(0.002)

    def database_holds_what_was_written(self) -> None:
        job_id, truth = self.claim.job_id, self.written(self.last_seq)
        with self.db.read() as session:
            assert curves.list_series(session, [job_id])[job_id].keys() == truth.keys()
            for name, points in truth.items():
                found = curves.read_points(session, job_id, name, 0, 1 << 40)
                assert dict(zip(found.steps.tolist(), columns.spell(found.values), strict=True)) == points

    async def stop(self) -> None:
        for client in self.clients:
            await client.cut()
        for one in self.hubs:
            await one.stop()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Little room and short times: so everything that is rare comes to pass."""
    monkeypatch.setattr(tail, "CAPACITY", CAPACITY)
    monkeypatch.setattr(tail, "MAX_NEW", 10)
    monkeypatch.setattr(tail, "_PIECE", 4)
    monkeypatch.setitem(Buffer.__init__.__kwdefaults__, "capacity", CAPACITY)
    monkeypatch.setattr(feeds, "RESET_EVERY_S", 0.005)
    monkeypatch.setattr(hub, "IDLE_S", 0.01)
    monkeypatch.setattr(hub, "SQLITE_PERIOD_S", 0.002)
    monkeypatch.setattr(hub, "POSTGRES_PERIOD_S", 0.002)
    happened.clear()
    yield


def explore(db: Database, app_settings: Settings, max_examples: int, num_steps: int) -> None:
    machine = type("Machine", (Machine,), {"db": db, "app_settings": app_settings})
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=max_examples,
            stateful_step_count=num_steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert happened["events"] and happened["reset"]


@pytest.mark.usefixtures("small")
def test_clients_hold_what_the_database_holds(db: Database, settings: Settings) -> None:
    explore(db, settings, max_examples=25, num_steps=30)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("small")
def test_clients_hold_what_the_database_holds_for_long(db: Database, settings: Settings) -> None:
    explore(db, settings, max_examples=400, num_steps=60)
