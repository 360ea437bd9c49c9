"""Workers, as they last described themselves."""

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base


class Worker(Base):
    """One supervisor process. A row outlives its process; `heartbeat_at` says whether it is there."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    slots: Mapped[int]
    devices: Mapped[list[Any]]
    versions: Mapped[dict[str, Any]]
    timings: Mapped[dict[str, Any] | None]
    started_at: Mapped[float]
    heartbeat_at: Mapped[float]
    stopped_at: Mapped[float | None]
