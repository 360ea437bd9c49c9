"""order among runs: projects, notes, settings and tags to filter by, views, places in the queue

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from app.runs.flatten import columns_of, flatten

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "views",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
        sa.UniqueConstraint("principal", "key", name=op.f("uq_views_principal_key")),
    )
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("position", sa.Double(), nullable=False, server_default="0"))
        jobs.add_column(sa.Column("pid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        jobs.add_column(sa.Column("progress_at", sa.Double(), nullable=True))
        jobs.add_column(sa.Column("cause", sa.JSON(none_as_null=True), nullable=True))
        jobs.drop_index(op.f("ix_jobs_claim"))
    op.execute("UPDATE jobs SET position = created_at")
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("position", server_default=None)
        jobs.create_index("ix_jobs_claim", ["status", "priority", "position", "id"], unique=False)
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("project", sa.Text(), nullable=False, server_default=""))
        runs.add_column(sa.Column("notes", sa.Text(), nullable=False, server_default=""))
        runs.add_column(sa.Column("is_favorite", sa.Boolean(), nullable=False, server_default=sa.false()))
        runs.add_column(sa.Column("archived_at", sa.Double(), nullable=True))
        runs.add_column(sa.Column("origin", sa.Text(), nullable=False, server_default="worker"))
        runs.alter_column("dataset_id", existing_type=sa.String(length=26), nullable=True)
    with op.batch_alter_table("runs") as runs:
        for name in ("project", "notes", "is_favorite", "origin"):
            runs.alter_column(name, server_default=None)
        runs.create_index("ix_runs_name", ["name", "id"], unique=False)
        runs.create_index("ix_runs_archived", ["archived_at", "id"], unique=False)
        runs.create_index("ix_runs_id_job", ["id", "job_id"], unique=False)
        runs.create_index("ix_runs_project", ["project", "id"], unique=False)
    with op.batch_alter_table("series") as series:
        series.create_index("ix_series_last", ["name", "last", "job_id"], unique=False)
    op.create_table(
        "run_settings",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_settings_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_run_settings")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_settings_number", "run_settings", ["key", "number", "run_id"])
    op.create_index("ix_run_settings_text", "run_settings", ["key", "text", "run_id"])
    op.create_table(
        "run_tags",
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_tags_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_tags_tag", "run_tags", ["tag", "run_id"])
    _label_what_is_there()


def _label_what_is_there() -> None:
    """Settings and tags of the runs that were there before they were kept in tables of their own."""
    runs = sa.table("runs", sa.column("id"), sa.column("spec", sa.JSON), sa.column("tags", sa.JSON))
    names = ("run_id", "key", "number", "text")
    settings = sa.table("run_settings", *(sa.column(name) for name in names))
    tags = sa.table("run_tags", sa.column("run_id"), sa.column("tag"))
    connection = op.get_bind()
    for run_id, spec, run_tags in connection.execute(sa.select(runs)).all():
        rows = [
            dict(zip(names, (run_id, key, *columns_of(value)), strict=True)) for key, value in flatten(spec).items()
        ]
        if rows:
            connection.execute(sa.insert(settings), rows)
        if run_tags:
            connection.execute(sa.insert(tags), [{"run_id": run_id, "tag": tag} for tag in dict.fromkeys(run_tags)])
