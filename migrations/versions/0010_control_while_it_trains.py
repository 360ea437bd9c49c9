"""what people ask of a training while it goes on; how often it is tried, and after which others

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_index("ix_jobs_duration", table_name="jobs")  # of an expression, which a table made anew would lose
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("num_controls", _COUNT, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("max_crashes", _COUNT, nullable=False, server_default="3"))
        jobs.add_column(sa.Column("then_after_id", sa.String(length=26), nullable=True))
        jobs.create_foreign_key(op.f("fk_jobs_then_after_id"), "jobs", ["then_after_id"], ["id"], ondelete="SET NULL")
        jobs.create_index(op.f("ix_jobs_then_after_id"), ["then_after_id"])
    op.create_index("ix_jobs_duration", "jobs", [sa.text("(finished_at - started_at)"), "id"], unique=False)
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
