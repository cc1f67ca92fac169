"""What a repository begins with that has no `jobsync.toml` yet: the template's settings, and schemas for its editor."""

from pathlib import Path

import click

from jobsync import files
from jobsync.cli.console import is_interactive, say
from jobsync.cli.schemas import write_into
from jobsync.definitions.load import SETTINGS_FILE
from jobsync.demo import template

_QUESTION = "there is no jobsync.toml yet; write one to begin with, and JSON schemas for your editor?"


def offer(root: Path, *, wants: bool | None, asks: bool) -> None:
    """Write the skeleton where there is none. `wants`: None asks on a terminal where it `asks`, else writes nothing."""
    settings = root / SETTINGS_FILE
    if files.is_there(settings) or wants is False:
        return
    if wants is None and not (asks and is_interactive() and click.confirm(_QUESTION, default=True, err=True)):
        return
    files.write_atomically(settings, files.read(template() / SETTINGS_FILE) or b"", 0o644)
    for file in (settings, *write_into(root / "schemas")):
        say(f"wrote {file.relative_to(root)}")
