"""Files on their way in, a piece at a time."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class Upload(Base):
    """A file of which `num_received` bytes have come and are durable. It lies at `uploads/<id>`."""

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_touched", "touched_at"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    filename: Mapped[str]
    size_bytes: Mapped[int]
    num_received: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[float]
    touched_at: Mapped[float]  # when a piece came last
