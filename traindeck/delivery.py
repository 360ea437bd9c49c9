"""From the spool to the server, line by line and in order: the same for a process that lives and for one that died."""

import json
from typing import Any

from traindeck.say import forget, say, warn_once
from traindeck.server import Away, Gone, Refused, Server
from traindeck.spool import Spool

BEGIN, POINTS, FINISH = "begin", "points", "finish"


class Delivery:
    """Brings the lines of one spool to the server. For one thread."""

    def __init__(self, spool: Spool, server: Server) -> None:
        self.spool, self.server = spool, server
        self.run_id = ""
        self.writer = ""
        self.is_begun = self.is_finished = False
        self.is_gone = False  # the server takes no more of this run
        self.lease_s = 60.0
        self.request: str | None = None

    def deliver_next(self) -> bool:
        """Send the first line that waits; False when none does. Raises Away."""
        line = None if self.is_gone else self.spool.peek()
        if line is None:
            return False
        try:
            self._send(line)
        except Gone as error:
            if line["type"] != FINISH:
                self._give_up(error)
        except Refused as error:
            warn_once(f"the server refused a part of what was reported: {error}", f"refused {error}")
        self.spool.advance()
        return True

    def beat(self) -> None:
        """Tell the server that the script is still there. Raises Away."""
        if self.is_begun and not self.is_gone:
            try:
                self._hear(self._post("points", {"writer": self.writer}))
            except Refused as error:
                self._give_up(error)

    def end_for_the_dead(self) -> None:
        """End a run whose process died without a word. Raises Away."""
        error = "Its process ended without saying how. What it had noted was delivered afterwards."
        if self.is_begun and not self.is_finished and not self.is_gone:
            try:
                self._post("finish", {"status": "failed", "error": error, "writer": self.writer})
            except Refused:
                return  # it has ended otherwise meanwhile

    def _send(self, line: dict[str, Any]) -> None:
        body = line["body"]
        if line["type"] == BEGIN:
            self.run_id, self.writer = body["id"], body["writer"]
            self.server.post("/runs/reported", json.dumps(body).encode())
            self.is_begun = True
        elif line["type"] == FINISH:
            self._post("finish", body)
            self.is_finished = True
        else:
            self._hear(self._post("points", body))

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.server.post(f"/runs/{self.run_id}/{what}", json.dumps(body).encode())

    def _hear(self, receipt: dict[str, Any]) -> None:
        self.lease_s = float(receipt.get("lease_s") or self.lease_s)
        self.request = receipt.get("request")
        if receipt.get("num_skipped"):
            warn_once(
                f"{receipt['num_skipped']} points were left out: their series had come to their step already "
                "(one value a step, and steps only grow)",
                "skipped",
            )
        forget("away")

    def _give_up(self, error: Refused) -> None:
        self.is_gone = True
        aside = self.spool.set_aside()
        say(f"the server takes no more of this run ({error}); what it has not taken is kept in {aside}")


__all__ = ["BEGIN", "FINISH", "POINTS", "Away", "Delivery"]
