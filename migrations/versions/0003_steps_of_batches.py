"""where the batches of a stream lie on its axis, so that a window of a long run is found without reading the rest

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    has_steps = sa.text("to_step IS NOT NULL")
    op.create_index(
        "ix_events_steps",
        "events",
        ["job_id", "to_step", "from_step", "seq"],
        unique=False,
        sqlite_where=has_steps,
        postgresql_where=has_steps,
    )
