"""The client that a training imports: never in its way, and nothing lost, whatever dies."""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import traindeck
from app.settings import Settings
from tests.deck import Deck, deck, free_port, wait_for
from traindeck import sync as syncing
from traindeck.settings import Settings as ClientSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Deck]:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "traindeck.sqlite3").write_bytes(sqlite_template.read_bytes())
    settings = Settings(data_dir=data_dir, database_url="", token="a-token-for-tests-only", report_lease_s=4)
    with deck(settings, num_workers=0) as running:
        yield running


def begin(server: Deck, spool_dir: Path, **said: Any) -> traindeck.Run:
    return traindeck.init(url=server.url, token=server.settings.token, spool_dir=str(spool_dir), **said)


def points(server: Deck, run_id: str, name: str) -> list[tuple[int, Any]]:
    found = server.get(f"/runs/{run_id}/metrics", params={"name": name, "max_points": 10_000})["series"][0]
    assert found["num_points"] == len(found["steps"])
    return list(zip(found["steps"], found["values"], strict=True))


def as_expected(num_points: int) -> list[tuple[int, float]]:
    return [(step, step / 2) for step in range(num_points)]


def left_in(spool_dir: Path) -> list[str]:
    return [path.name for path in spool_dir.iterdir()]


def test_what_a_training_says_arrives_and_nothing_is_left(server: Deck, spool_dir: Path) -> None:
    config = {"lr": 0.1, "layers": [1, 2], "where": Path("a"), "limit": math.inf, "dropout": np.float32(0.5)}
    with begin(server, spool_dir, name="mine", project="p", tags=["t"], config=config, num_steps=3) as run:
        run.log({"train/loss": 1, "train/accuracy": np.float32(0.25)})
        run.log({"train/loss": math.nan, "grad norm": np.array(2.0)})
        run.log({"train/loss": -math.inf}, step=7)
        run.log_text("half way", level="warning")
    found = server.run(run.id)
    assert (found["status"], found["name"], found["progress"]) == ("succeeded", "mine", {"step": 7, "num_steps": 3})
    assert found["spec"]["config"] == config | {"where": "a", "limit": "inf"}
    assert points(server, run.id, "train/loss") == [(0, 1), (1, "NaN"), (7, "-Infinity")]
    assert points(server, run.id, "grad norm") == [(1, 2)]
    assert server.get(f"/runs/{run.id}/logs")["lines"][0]["text"] == "half way"
    assert left_in(spool_dir) == []


def test_a_server_that_is_killed_and_started_again_has_every_point_once(server: Deck, spool_dir: Path) -> None:
    run = begin(server, spool_dir)
    for step in range(6000):
        if step in (1000, 3000):
            server.kill("server")
        if step in (2000, 4500):
            server.start("server")
        run.log({"loss": step / 2}, step)
        time.sleep(0.0005)
    run.finish(timeout_s=60)
    assert points(server, run.id, "loss") == as_expected(6000)
    assert server.run(run.id)["status"] == "succeeded" and left_in(spool_dir) == []


SCRIPT = """
import os, sys, time, traindeck
run = traindeck.init("killed", url=sys.argv[1], token="a-token-for-tests-only", spool_dir=sys.argv[2])
for step in range(500):
    run.log({"loss": step / 2}, step)
print(run.id, flush=True)
time.sleep(1.5 if sys.argv[3] == "kill" else 0)
if sys.argv[3] == "kill":
    os.kill(os.getpid(), 9)
if sys.argv[3] == "raise":
    raise ValueError("too bad")
"""


def run_script(url: str, spool_dir: Path, how: str) -> tuple[str, str]:
    command = [sys.executable, "-c", SCRIPT, url, str(spool_dir), how]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)
    return ended.stdout.split()[0], ended.stderr


def sync_from_shell(server: Deck, spool_dir: Path) -> str:
    command = [sys.executable, "-m", "traindeck", "sync", "--spool-dir", str(spool_dir), "--url", server.url]
    environment = os.environ | {"TRAINDECK_TOKEN": "a-token-for-tests-only"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, env=environment).stdout


def test_without_a_server_everything_waits_on_disk_and_is_delivered_later(server: Deck, spool_dir: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    ended, told = run_script(nowhere, spool_dir, "end")
    assert told.count("cannot be reached") == 1 and "python -m traindeck sync" in told
    killed, _ = run_script(nowhere, spool_dir, "kill")
    assert len(left_in(spool_dir)) == 2
    assert sync_from_shell(server, spool_dir).count("delivered") == 2
    for run_id in (ended, killed):
        assert points(server, run_id, "loss") == as_expected(500)
    assert server.run(ended)["status"] == "succeeded"
    assert "ended without saying how" in server.run(killed)["error"]["message"]
    assert left_in(spool_dir) == [] and "nothing waits" in sync_from_shell(server, spool_dir)


def test_a_script_that_is_killed_is_silent_then_failed_with_all_it_said(server: Deck, spool_dir: Path) -> None:
    run_id, _ = run_script(server.url, spool_dir, "kill")
    assert server.wait_until_ended(run_id)["error"]["kind"] == "silent"
    assert points(server, run_id, "loss") == as_expected(500)
    sync_from_shell(server, spool_dir)
    assert points(server, run_id, "loss") == as_expected(500)


def test_a_script_that_raises_has_failed_with_what_it_raised(server: Deck, spool_dir: Path) -> None:
    run_id, _ = run_script(server.url, spool_dir, "raise")
    found = server.run(run_id)
    assert (found["status"], found["error"]["message"]) == ("failed", "ValueError: too bad")


def test_a_run_is_resumed_from_a_step_after_what_an_earlier_process_left(server: Deck, spool_dir: Path) -> None:
    killed, _ = run_script(f"http://127.0.0.1:{free_port()}", spool_dir, "kill")
    with begin(server, spool_dir, resume=killed, rewind_to=99) as run:
        for step in range(100, 200):
            run.log({"loss": -step}, step)
    assert points(server, killed, "loss") == [*as_expected(100), *((step, -step) for step in range(100, 200))]
    assert left_in(spool_dir) == []


def test_a_run_resumed_while_the_server_is_away_is_not_lost_to_what_an_earlier_process_left(
    server: Deck, spool_dir: Path
) -> None:
    killed, _ = run_script(f"http://127.0.0.1:{free_port()}", spool_dir, "kill")
    server.kill("server")
    with begin(server, spool_dir, resume=killed) as run:
        run.log({"loss": 250.0}, 500)
        wait_for(lambda: run._is_away)
        server.start("server")
        outcomes = syncing.sync(ClientSettings.of(server.url, server.settings.token, spool_dir), url=server.url)
        assert all("a process still reports this run" in outcome.problem for outcome in outcomes)
        wait_for(lambda: server.http.get(f"/runs/{killed}").is_success and not run._is_away)
        run.log({"loss": 250.5}, 501)
    assert points(server, killed, "loss") == as_expected(502)
    assert server.run(killed)["status"] == "succeeded" and left_in(spool_dir) == []


def test_what_several_processes_of_a_run_have_left_is_delivered_in_their_order(server: Deck, spool_dir: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    run_id, _ = run_script(nowhere, spool_dir, "end")
    (first,) = spool_dir.iterdir()
    begun, *_ = first.read_bytes().splitlines(keepends=True)
    line = json.loads(begun)
    line["body"] |= {"writer": "0" * 16, "resume": "must"}
    late = {"batch": 1, "writer": "0" * 16, "series": [{"name": "loss", "steps": [500], "values": [250.0]}]}
    lines = [line, {"type": "points", "body": late}]
    second = first.with_name(f"{run_id}-{'0' * 16}.jsonl")
    second.write_text("".join(json.dumps(one) + "\n" for one in lines))
    settings = ClientSettings.of(nowhere, server.settings.token, spool_dir)
    assert all(outcome.is_away for outcome in syncing.sync(settings, url=nowhere))
    assert [outcome.problem for outcome in syncing.sync(settings, url=server.url)] == ["", ""]
    assert points(server, run_id, "loss") == as_expected(501)


def test_a_silent_script_beats_and_learns_that_it_should_stop(server: Deck, spool_dir: Path) -> None:
    with begin(server, spool_dir) as run:
        run.log({"loss": 1})
        wait_for(lambda: server.http.get(f"/runs/{run.id}").is_success)
        time.sleep(6)
        assert server.run(run.id)["status"] == "running", "its lease of four seconds is renewed"
        server.post(f"/runs/{run.id}/cancel")
        wait_for(lambda: run.should_stop)
    assert server.run(run.id)["status"] == "cancelled"


def test_a_run_that_was_deleted_stops_reporting_and_keeps_what_was_not_taken(server: Deck, spool_dir: Path) -> None:
    run = begin(server, spool_dir)
    run.log({"loss": 1})
    wait_for(lambda: server.http.get(f"/runs/{run.id}").is_success)
    server.post(f"/runs/{run.id}/finish", {"status": "succeeded"})
    assert server.http.delete(f"/runs/{run.id}").is_success
    run.log({"loss": 2})
    run.finish()
    assert [Path(name).suffix for name in left_in(spool_dir)] == [".refused"]


def test_nothing_that_is_logged_raises(server: Deck, spool_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with begin(server, spool_dir) as run:
        run.log({"loss": 1, "text": "much", 'a"<b>': 2, 5: 6, "none": None})  # type: ignore[dict-item]
        run.log(3)  # type: ignore[arg-type]
        run.log({"loss": 1}, step="soon")  # type: ignore[arg-type]
        run.log({"loss": 1}, step=-1)
    run.log({"loss": 3})
    assert sorted(server.run(run.id)["metrics"]) == ["5", "a__b_", "loss"]
    assert points(server, run.id, "loss") == [(0, 1)]
    assert capsys.readouterr().err.count("traindeck:") >= 6


@pytest.mark.parametrize(
    "said",
    [{"config": [1]}, {"tags": "a"}, {"name": 3}, {"url": "ftp://a"}, {"resume": "x"}, {"rewind_to": -1}],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_once(said: dict[str, Any], spool_dir: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(said))):
        traindeck.init(**{"spool_dir": str(spool_dir)} | said)


def test_threads_may_log_and_a_forked_process_does_not(server: Deck, spool_dir: Path) -> None:
    with begin(server, spool_dir) as run:

        def work(name: str) -> None:
            for step in range(2000):
                run.log({name: step / 2}, step)

        threads = [threading.Thread(target=work, args=(f"series {i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for i in range(4):
        assert points(server, run.id, f"series {i}") == as_expected(2000)


FORK = """
import os, sys, traindeck
run = traindeck.init(url=sys.argv[1], token="a-token-for-tests-only", spool_dir=sys.argv[2])
run.log({"loss": 1}, 1)
if os.fork() == 0:
    run.log({"loss": 2}, 2)
    sys.exit(0)
os.wait()
run.log({"loss": 3}, 3)
print(run.id)
"""


def test_a_forked_process_leaves_the_report_to_its_parent(server: Deck, spool_dir: Path) -> None:
    command = [sys.executable, "-c", FORK, server.url, str(spool_dir)]
    run_id = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=60).stdout.strip()
    assert points(server, run_id, "loss") == [(1, 1), (3, 3)]
    assert server.run(run_id)["status"] == "succeeded"


def test_without_a_disk_it_reports_all_the_same(server: Deck, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with begin(server, tmp_path / "file") as run:
        run.log({"loss": 0})
    assert points(server, run.id, "loss") == [(0, 0)]


def test_a_line_that_a_crash_has_torn_is_passed_over(server: Deck, spool_dir: Path) -> None:
    run_id, _ = run_script(f"http://127.0.0.1:{free_port()}", spool_dir, "end")
    (path,) = spool_dir.iterdir()
    begun, *_ = path.read_bytes().splitlines(keepends=True)
    line = {"type": "points", "body": {"batch": 9, "series": [{"name": "late", "steps": [1], "values": [1]}]}}
    path.write_bytes(begun + b'{"type": "poi\n' + json.dumps(line).encode() + b"\n" + b'{"torn')
    settings = ClientSettings.of(server.url, server.settings.token, spool_dir)
    (outcome,) = syncing.sync(settings, url=server.url)
    assert not outcome.problem and points(server, run_id, "late") == [(1, 1)]


def test_it_is_copied_as_it_is_and_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    program = "import sys; before = set(sys.modules); import traindeck, traindeck.sync, traindeck.__main__\n"
    program += "print([m for m in set(sys.modules) - before if m.partition('.')[0] not in sys.stdlib_module_names])"
    (tmp_path / "traindeck").symlink_to(ROOT / "traindeck")
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert all(name.startswith("'traindeck") for name in found.strip()[1:-1].split(", "))
