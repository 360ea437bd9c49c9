"""The example client, as a program of its own, against a server that is killed on the way; the protocol in words."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.live import follower, protocol
from app.settings import Settings
from examples.live_client import Mirror
from tests.deck import Deck, deck, wait_for

ROOT = Path(__file__).parents[2]
DOCUMENT = re.sub(r"(?<=\S)\n(?=[^\s|])", " ", (ROOT / "docs/live-protocol.md").read_text())  # lines may break anywhere


def _report(one: Deck, run_id: str, batch: int, steps: list[int], values: list[float | str]) -> None:
    series = [{"name": "train/loss", "steps": steps, "values": values}]
    one.post(f"/runs/{run_id}/points", {"batch": batch, "series": series})


def _says(output: Path, words: str) -> bool:
    return words in output.read_text()


@pytest.mark.full_on_postgres
def test_the_example_follows_a_run_to_its_end_through_a_restart(settings: Settings) -> None:
    with deck(settings, num_workers=0) as one:
        run = one.post("/runs/reported", {"name": "followed"})
        output = settings.data_dir / "client.txt"
        environment = os.environ | {"TRAINDECK_URL": one.url, "TRAINDECK_TOKEN": settings.token or ""}
        with output.open("wb") as file:
            client = subprocess.Popen(
                [sys.executable, ROOT / "examples/live_client.py", run["id"]],
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            _report(one, run["id"], 1, [1, 2], [0.5, "NaN"])
            wait_for(lambda: _says(output, "running {'train/loss': 'NaN'}"), timeout_s=20)
            one.kill("server")
            one.start("server")
            _report(one, run["id"], 2, [3], [0.25])
            one.post(f"/runs/{run['id']}/finish", {"status": "succeeded"})
            assert client.wait(30) == 0
            last = output.read_text().splitlines()[-1]
            assert last == f"{one.run(run['id'])['last_seq']} succeeded {{'train/loss': '0.25'}}"
        finally:
            client.kill()
            client.wait()


def test_the_example_says_what_the_server_says() -> None:
    with pytest.raises(LookupError, match="no stream"):
        Mirror("x").take({"type": "error", "stream": "x", "message": "There is no stream x."})


def test_the_document_has_the_codes_and_bounds_of_the_server() -> None:
    codes = {protocol.SIGNED_OUT, protocol.TOO_SLOW, protocol.TRY_AGAIN}
    assert codes < {int(code) for code in re.findall(r"\d{4}", "".join(re.findall(r"^\| [\d, ]+ \|", DOCUMENT, re.M)))}
    assert f"up to {protocol.MAX_STREAMS} streams" in DOCUMENT
    assert f"at most {protocol.MAX_MESSAGE_CHARACTERS} characters" in DOCUMENT
    assert follower.SEND_TIMEOUT_S == 10 and "nothing for ten seconds" in DOCUMENT
