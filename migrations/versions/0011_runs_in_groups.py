"""runs that are one experiment: the folds of a split, or several seeds

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "run_groups",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("over", sa.Text(), nullable=False),
        sa.Column("members", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_groups")),
    )
    # Making `runs` anew looks at the table that it refers to, whose index of an expression would not be understood.
    op.drop_index("ix_jobs_duration", table_name="jobs")
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("group_id", sa.String(length=26), nullable=True))
        runs.create_foreign_key(op.f("fk_runs_group_id"), "run_groups", ["group_id"], ["id"], ondelete="SET NULL")
        runs.create_index("ix_runs_group", ["group_id", "id"], unique=False)
    op.create_index("ix_jobs_duration", "jobs", [sa.text("(finished_at - started_at)"), "id"], unique=False)
