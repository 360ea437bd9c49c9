"""Runs that are one experiment."""

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class RunGroup(Base):
    """One run trained several times: over the folds of its split, or over seeds. Its runs name it."""

    __tablename__ = "run_groups"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    over: Mapped[str]  # "folds" or "seeds"
    members: Mapped[list[Any]]  # the fold or the seed of each run, in order; of deleted ones too
    created_at: Mapped[float]
