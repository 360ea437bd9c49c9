"""A run, followed as it happens: `TRAINDECK_TOKEN=… python examples/live_client.py RUN_ID` (docs/live-protocol.md)."""

import asyncio
import json
import os
import sys
import urllib.request
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

URL = os.environ.get("TRAINDECK_URL", "http://127.0.0.1:8000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('TRAINDECK_TOKEN', '')}"}


class Mirror:
    """What a stream has said so far: the value at each step of each series, and where the run stands."""

    def __init__(self, stream: str) -> None:
        self.stream, self.last_seq, self.status = stream, 0, "unknown"
        self.series: dict[str, dict[int, float | str]] = {}

    def take(self, message: dict[str, Any]) -> None:
        """Bring it up to date with a message of its stream."""
        if message["type"] == "error":
            raise LookupError(message["message"])
        if message["type"] == "reset":
            self.status, series = message["snapshot"]["status"], message["snapshot"]["series"]
            self.series = {name: dict(zip(s["steps"], s["values"], strict=True)) for name, s in series.items()}
        for event in message.get("events", ()):
            if event["seq"] > self.last_seq:
                self._apply(event["kind"], event["body"])
        self.last_seq = message["last_seq"]

    def _apply(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "status":
            self.status = body["status"]
        elif kind == "rewind":
            kept = {n: {at: v for at, v in s.items() if at <= body["to_step"]} for n, s in self.series.items()}
            self.series = {name: points for name, points in kept.items() if points}
        elif kind == "metrics":
            for s in body["series"]:
                self.series.setdefault(s["name"], {}).update(zip(s["steps"], s["values"], strict=True))


async def follow(run_id: str) -> None:
    """Print the last value of each series as it changes, until the run has ended. Survives the server's restarts."""
    with urllib.request.urlopen(urllib.request.Request(f"{URL}/api/v1/runs/{run_id}", headers=HEADERS)) as answer:
        mirror = Mirror(json.load(answer)["job_id"])
    address = URL.replace("http", "ws", 1) + "/api/v1/live"
    async for socket in connect(address, additional_headers=HEADERS, max_size=None):  # again and again, with pauses
        try:
            await socket.send(json.dumps({"type": "subscribe", "stream": mirror.stream, "after": mirror.last_seq}))
            async for text in socket:
                mirror.take(json.loads(text))
                last = {name: f"{next(reversed(points.values()))}" for name, points in mirror.series.items()}
                print(mirror.last_seq, mirror.status, last, flush=True)  # noqa: T201
                if mirror.status in ("succeeded", "failed", "cancelled"):
                    return
        except ConnectionClosedError as error:
            if error.rcvd is not None and error.rcvd.code == 4401:  # the token was revoked: trying again is no use
                raise


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1]))
