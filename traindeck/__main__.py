"""`python -m traindeck sync`: deliver what is left of runs whose processes have ended."""

import argparse
import sys

from traindeck.settings import Settings
from traindeck.sync import sync


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status, 1 when something could not be delivered."""
    parser = argparse.ArgumentParser(prog="python -m traindeck", description="The client of Traindeck.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("sync", help="deliver what waits on this disk")
    command.add_argument("--url", help="the server, where not the one that each run was meant for")
    command.add_argument("--token", help="the access token; otherwise TRAINDECK_TOKEN")
    command.add_argument("--spool-dir", help="where it waits; otherwise TRAINDECK_SPOOL_DIR, or ~/.traindeck/spool")
    given = parser.parse_args(arguments)
    try:
        settings = Settings.of(given.url, given.token, given.spool_dir)
    except ValueError as error:
        parser.error(str(error))
    outcomes = sync(settings, url=given.url and settings.url)
    for outcome in outcomes:
        told = outcome.problem or f"delivered, {outcome.num_lines} lines"
        print(f"{outcome.path.name}: {told}")  # noqa: T201
    if not outcomes:
        print(f"nothing waits in {settings.spool_dir}")  # noqa: T201
    return 1 if any(outcome.problem for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
