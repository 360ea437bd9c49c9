"""Sessions of Postgres that hold jobs although nobody is behind them any more."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import IDLE_IN_TRANSACTION_S

# Who has locked a row is in the row itself: `xmax` is the transaction's number, and each transaction locks its own.
_END = text("""
    SELECT pg_terminate_backend(activity.pid)
    FROM jobs
    JOIN pg_locks held ON held.locktype = 'transactionid' AND held.granted AND held.transactionid = jobs.xmax
    JOIN pg_stat_activity activity ON activity.pid = held.pid
    WHERE jobs.id = ANY(:ids)
      AND activity.pid <> pg_backend_pid()
      AND activity.xact_start < clock_timestamp() - make_interval(secs => :held_s)
""")


def cut_off(session: Session, job_ids: Collection[str]) -> None:
    """End every session whose transaction has locked one of these jobs for longer than any of ours should.

    A client that froze between two statements is cut off by Postgres itself (`idle_in_transaction_session_timeout`).
    One that froze in the middle of a batch is not: to Postgres it is at work, for it has not said that the batch ends.
    Source: "Pipelining" in https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
    """
    if job_ids and session.get_bind().dialect.name == "postgresql":
        session.execute(_END, {"ids": list(job_ids), "held_s": IDLE_IN_TRANSACTION_S})
