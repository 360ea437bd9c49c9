"""Every setting of server and worker, read once at start from `TRAINDECK_*` and handed down from there."""

import os
import socket
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What can be set, with its unit in its name. `docs/settings.md` lists them for users."""

    model_config = SettingsConfigDict(env_prefix="TRAINDECK_", extra="ignore")

    data_dir: Path = Field(default=Path("traindeck-data"), description="where files and the SQLite database live")
    database_url: str = Field(default="", description="empty: SQLite in data_dir; else postgresql://…")

    host: str = Field(default="127.0.0.1", description="the address the server binds to")
    port: int = Field(default=8000, description="the port the server binds to; 0 takes a free one")
    token: str | None = Field(default=None, description="the access token; made and shown at first start if absent")
    allowed_hosts: list[str] = Field(default=[], description="further Host names that the server answers to")
    allowed_origins: list[str] = Field(default=[], description="further Origins that may write and listen")
    max_upload_bytes: int = Field(default=4 << 30, description="the largest file taken, also when unpacked")
    max_field_bytes: int = Field(default=1 << 20, description="the largest single field of a table")

    worker_name: str = Field(default_factory=socket.gethostname, description="how a worker is called on the page")
    slots: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2), description="jobs at a time")
    lease_s: float = Field(default=30, description="a job silent for this long is given to another worker")
    beat_s: float = Field(default=10, description="how often a worker renews its leases")
    report_lease_s: float = Field(default=60, description="a script that reports counts as silent after this long")
    data_in_memory_bytes: int = Field(default=1 << 30, description="a run whose rows take more reads them from a file")
    cancel_grace_s: float = Field(default=15, description="how long a cancelled run may take to save its state")
    poll_s: float = Field(default=0.02, description="how often an idle worker looks for a job")
    flush_s: float = Field(default=0.1, description="how often a run's points are written")

    def model_post_init(self, context: object) -> None:
        """Resolve what follows from other settings."""
        self.data_dir = self.data_dir.expanduser().absolute()
        if not self.database_url:
            self.database_url = f"sqlite:///{self.data_dir / 'traindeck.sqlite3'}"

    @property
    def reachable_host(self) -> str:
        """How a program on this machine writes the address that the server is bound to."""
        if self.host in ("0.0.0.0", "::"):
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host
