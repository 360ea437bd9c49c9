"""The append-only stream of a job, and the roll-ups written beside it."""

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base


class Event(Base):
    """One entry of a stream. `body` is JSON, but for metrics: the columnar form of `app.columns`."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_kind", "job_id", "kind", "seq"),
        Index(
            "ix_events_steps",
            "job_id",
            "to_step",
            "from_step",
            "seq",
            sqlite_where=text("to_step IS NOT NULL"),
            postgresql_where=text("to_step IS NOT NULL"),
        ),
    )

    job_id: Mapped[str] = mapped_column(ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[float]
    kind: Mapped[str]
    body: Mapped[bytes]
    # The steps a batch of points covers, so that a zoomed-in chart reads only what it shows.
    from_step: Mapped[int | None]
    to_step: Mapped[int | None]


class Series(Base):
    """A named curve of a job, with the summary that lists show. Finite values only, but for the counts and `last`."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("job_id", "name"), Index("ix_series_last", "name", "last", "job_id"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ID, ForeignKey("jobs.id", ondelete="CASCADE"))
    name: Mapped[str]
    num_points: Mapped[int]
    last_step: Mapped[int]
    # A non-finite last value is NULL in `last` and spelled in `last_word`: SQLite has no NaN, and lists sort by `last`.
    last: Mapped[float | None]
    last_word: Mapped[str | None]
    min: Mapped[float | None]
    max: Mapped[float | None]
    num_nan: Mapped[int]
    num_pos_inf: Mapped[int]
    num_neg_inf: Mapped[int]


class Rollup(Base):
    """One bucket of 16**level steps of a series. Sums and extremes are of finite values; the rest is counted."""

    __tablename__ = "rollups"
    __table_args__ = {"sqlite_with_rowid": False}

    series_id: Mapped[int] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    first_step: Mapped[int]
    last_step: Mapped[int]
    first: Mapped[float | None]
    last: Mapped[float | None]
    min: Mapped[float | None]
    max: Mapped[float | None]
    sum: Mapped[float]
    num_finite: Mapped[int]
    num_nan: Mapped[int]
    num_pos_inf: Mapped[int]
    num_neg_inf: Mapped[int]
