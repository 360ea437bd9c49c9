"""Makes sure that there is a Chromium to test with: the one that is there, Debian's, or Playwright's own download."""

import os
import shutil
import subprocess
import sys

SHELL = "chromium-headless-shell"  # the same engine without windows around it: a page opens at a sixth of the cost
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome")
_IMPATIENT = ("-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20", "-o", "Acquire::Retries=1")


def installed() -> str | None:
    """The path of a Chromium that is there already."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    if shutil.which(SHELL) or _install_debians():
        return
    if not installed():
        subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], check=True)


def _install_debians() -> bool:
    """Whether the system had one to install."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    _apt("update", "-q")
    wanted = (SHELL,) if installed() else (SHELL, "chromium")
    return any(_apt("install", "-y", "-q", name) for name in wanted)


def _apt(*arguments: str) -> bool:
    return subprocess.run(["apt-get", *_IMPATIENT, *arguments], check=False).returncode == 0


if __name__ == "__main__":
    main()
