"""how long jobs took, in order: for a list that is sorted by it

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("ix_jobs_duration", "jobs", [sa.text("(finished_at - started_at)"), "id"], unique=False)
