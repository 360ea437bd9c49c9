"""versions of datasets: which belong together, in which order, and how each was made of the one before

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("datasets", sa.Column("family_id", sa.String(length=26), nullable=False, server_default=""))
    op.add_column("datasets", sa.Column("version", _COUNT, nullable=False, server_default="1"))
    op.add_column("datasets", sa.Column("made", sa.JSON(none_as_null=True), nullable=True))
    op.execute("UPDATE datasets SET family_id = id")  # whatever there is, is the first of its family
    op.create_index("ix_datasets_family", "datasets", ["family_id", "version"], unique=True)
