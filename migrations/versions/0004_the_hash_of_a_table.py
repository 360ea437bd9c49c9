"""the SHA-256 of a dataset's table, so that a run knows whether it reads what was written

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("datasets", sa.Column("table_sha256", sa.Text(), nullable=True))
