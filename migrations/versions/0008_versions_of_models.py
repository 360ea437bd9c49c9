"""versions of models: which belong together, in which order, of which each was made, and for what input

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("models", sa.Column("family_id", sa.String(length=26), nullable=False, server_default=""))
    op.add_column("models", sa.Column("version", _COUNT, nullable=False, server_default="1"))
    op.add_column("models", sa.Column("parent_id", sa.String(length=26), nullable=True))
    op.add_column("models", sa.Column("input_shape", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("models", sa.Column("num_parameters", _COUNT, nullable=True))
    op.execute("UPDATE models SET family_id = id")  # whatever there is, is the first of its family
    op.create_index("ix_models_family", "models", ["family_id", "version"], unique=True)
    op.create_index("ix_runs_model", "runs", ["model_id", "id"])
