"""Files of weights, for models to begin with."""

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class WeightsFile(Base):
    """A file of tensors that a user has sent. It lies at `weights/<id>`."""

    __tablename__ = "weights"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    format: Mapped[str]  # safetensors, or pth: what torch.save writes
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[float]
