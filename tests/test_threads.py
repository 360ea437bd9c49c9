"""Threads that meet a statement for the first time all at once: a server's first requests, as a page sends them."""

import subprocess
import sys

CODE = """
import sys, threading
from app.db import Database
from app.runs import service

sys.setswitchinterval(1e-6)
database, together, failed = Database(sys.argv[1]), threading.Barrier(8), []

def look():
    together.wait()
    try:
        with database.read() as session:
            service.summaries(session, ["x"])
    except Exception as error:
        failed.append(repr(error)[:200])

threads = [threading.Thread(target=look) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit("; ".join(failed) or 0)
"""


def test_the_first_requests_of_a_server_come_at_once(sqlite_url: str) -> None:
    for _ in range(4):
        ended = subprocess.run(
            [sys.executable, "-c", CODE, sqlite_url], capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
