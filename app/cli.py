"""The command line: `traindeck up` for one person, `serve` and `worker` apart for a team."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.db import Database
from app.db.migrate import migrate as migrate_database
from app.errors import AppError
from app.settings import Settings

cli = typer.Typer(help="A self-hosted deep-learning training service.", no_args_is_help=True, add_completion=False)
token_cli = typer.Typer(help="The access tokens of this deck.", no_args_is_help=True)
cli.add_typer(token_cli, name="token")
console = Console()

DataDir = Annotated[Path | None, typer.Option(help="Where files and the SQLite database live.")]
Host = Annotated[str | None, typer.Option(help="The address to bind to.")]
Port = Annotated[int | None, typer.Option(help="The port to bind to.")]
DatabaseUrl = Annotated[str | None, typer.Option(help="postgresql://… instead of SQLite.")]
Slots = Annotated[int | None, typer.Option(help="How many trainings a worker runs at a time.")]


def main() -> None:
    """The `traindeck` command: mistakes are told in words, not in tracebacks."""
    try:
        cli()
    except AppError as error:
        console.print(f"[red]{error.message}[/red]")
        sys.exit(1)


def _say(text: str) -> None:
    """A line as it is: an address that is broken into two cannot be clicked."""
    console.print(text, soft_wrap=True, highlight=False)


def _settings(**given: Any) -> Settings:
    return Settings(**{name: value for name, value in given.items() if value is not None})


@cli.command()
def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    workers: Annotated[int, typer.Option(min=0, help="How many worker processes.")] = 1,
    slots: Slots = None,
    demo: Annotated[bool, typer.Option(help="Queue the gallery's first programs when the deck is empty.")] = False,
) -> None:
    """Run server and worker together, and start again whichever dies."""
    from app.processes import run_together

    settings = _settings(host=host, port=port, data_dir=data_dir, slots=slots)
    if not run_together(settings, num_workers=workers, demo=demo, say=_say):
        raise typer.Exit(1)


@cli.command()
def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    fd: Annotated[int | None, typer.Option(help="A socket that listens already, in place of host and port.")] = None,
) -> None:
    """Run the server alone."""
    with _kept():
        from app.server import serve as serve_forever

    _log_to_terminal()
    serve_forever(_settings(host=host, port=port, data_dir=data_dir, database_url=database_url), say=_say, fd=fd)


@contextmanager
def _kept() -> Iterator[None]:
    """What is imported stays: it is not looked through for garbage, which took a tenth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@cli.command()
def worker(data_dir: DataDir = None, database_url: DatabaseUrl = None, slots: Slots = None) -> None:
    """Run a worker alone."""
    from app.processes import environment

    settings = _settings(data_dir=data_dir, database_url=database_url, slots=slots)
    # The worker is a program of its own: the server never imports it, and its children import nothing of this one.
    os.execve(sys.executable, [sys.executable, "-m", "worker"], environment(settings))


@cli.command()
def demo(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Queue the gallery's first programs."""
    from app import gallery

    with _migrated(_settings(data_dir=data_dir, database_url=database_url)).write() as session:
        for name in gallery.queue_demo(session):
            console.print(f"queued {name}")


@cli.command()
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema up to date. Server and worker do it at start, too."""
    _migrated(_settings(data_dir=data_dir, database_url=database_url))
    console.print("the schema is up to date")


@cli.command()
def repair(
    job: Annotated[str | None, typer.Option(help="The id of a job or of its run; without it, all of them.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Rebuild curves' summaries and buckets from the recorded points, and say what differed."""
    from app.repair import repair as repair_series

    database = _migrated(_settings(data_dir=data_dir, database_url=database_url))
    num_series = num_repaired = 0
    for finding in repair_series(database, job):
        num_series += 1
        num_repaired += bool(finding.differences)
        if finding.differences:
            _say(f"{finding.job_id} {finding.name}: {'; '.join(finding.differences)}")
    database.dispose()
    _say(f"{num_series} series looked through, {num_repaired} repaired")


@cli.command("import-tensorboard")
def import_tensorboard(
    folder: Annotated[Path, typer.Argument(exists=True, help="An event file, or a folder that holds some.")],
    project: Annotated[str, typer.Option(help="The project of the runs.")] = "",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a run of each folder of TensorBoard's event files."""
    from app.tensorboard import folders

    database = _migrated(_settings(data_dir=data_dir, database_url=database_url))
    for line in folders.import_folder(database, folder, project):
        console.print(line, highlight=False)
    database.dispose()


@token_cli.command("list")
def list_tokens(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show which tokens there are; they are kept as hashes, so not the tokens themselves."""
    from app.access import service

    table = Table("name", "made", "revoked")
    with _migrated(_settings(data_dir=data_dir, database_url=database_url)).read() as session:
        for token in service.list_tokens(session):
            table.add_row(token.name, _day(token.created_at), _day(token.revoked_at))
    console.print(table)


@token_cli.command("new")
def new_token(
    name: Annotated[str, typer.Argument(help="Whom or what it is for.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a further token and show it, this once."""
    from app.access import service

    with _migrated(_settings(data_dir=data_dir, database_url=database_url)).write() as session:
        clear = service.create_named(session, name)
    console.print(clear, highlight=False)


@token_cli.command("rotate")
def rotate_token(
    name: Annotated[str, typer.Argument(help="Which one.")] = "main",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Replace a token by a new one, shown this once; whoever used the old one is out at once."""
    from app.access import service

    with _migrated(_settings(data_dir=data_dir, database_url=database_url)).write() as session:
        clear = service.rotate(session, name)
    console.print(clear, highlight=False)


@token_cli.command("revoke")
def revoke_token(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Shut out whoever has this token, at once."""
    from app.access import service

    with _migrated(_settings(data_dir=data_dir, database_url=database_url)).write() as session:
        service.revoke(session, name)
    console.print("revoked")


def _migrated(settings: Settings) -> Database:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url)
    migrate_database(database)
    return database


def _day(at: float | None) -> str:
    from datetime import UTC, datetime

    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _log_to_terminal() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S")


if __name__ == "__main__":
    main()
