"""what people ask of a training while it goes on

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("num_controls", _COUNT, nullable=False, server_default="0"))
    op.create_table(
        "controls",
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("number", _COUNT, nullable=False),
        sa.Column("said", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("step", _COUNT, nullable=True),
        sa.Column("outcome", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_controls_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_controls")),
    )
