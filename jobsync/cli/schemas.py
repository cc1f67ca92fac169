"""`schema`: JSON schemas of all that jobsync reads and prints, for editors and programs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click

from jobsync import columns, files
from jobsync.cli import manual
from jobsync.cli.console import ExitCode, JsonOption, say, say_all
from jobsync.cli.groups import cli
from jobsync.cli.tree import contexts
from jobsync.definitions.schema import Schema, job_schema, settings_schema
from jobsync.documents import schema_of
from jobsync.errors import UsageError

JOB_SCHEMA = "schemas/job.schema.json"
"""Where `init` and `schema --write schemas` put it, from the root of the repository."""

_FILES = {"job": job_schema, "jobsync": settings_schema}
"""Files that users write: `job` is job.toml."""


def documents() -> Iterator[tuple[str, type]]:
    """Each command that prints JSON, with what it prints: `hooks status`, its `TypedDict`."""
    for path, context in contexts(cli, "jobsync"):
        for option in context.command.params:
            if isinstance(option, JsonOption):
                yield path.removeprefix("jobsync "), option.document


def _schema(name: str) -> Schema:
    if (file := name.removesuffix(".toml")) in _FILES:
        return _FILES[file](manual.of_definitions())
    found = dict(documents())
    if name not in found:
        raise UsageError(f"there is no schema {name!r}", hint=f"known: {', '.join([*_FILES, *found])}")
    return {"title": f"jobsync {name} --json", **schema_of(found[name], manual.of_document(name))}


def schema_of_a_job(root: Path, directory: Path) -> str | None:
    """What the first line of the job.toml of a directory names; None where the repository has no schema."""
    return os.path.relpath(root / JOB_SCHEMA, directory) if (root / JOB_SCHEMA).is_file() else None


def as_text(schema: Schema) -> str:
    """A schema as a file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_into(directory: Path) -> list[Path]:
    """Write the schemas of the files that users write; gives those that were not so already."""
    files.make_directory(directory, 0o755)
    texts = {directory / f"{name}.schema.json": as_text(_schema(name)) for name in _FILES}
    return [file for file, text in texts.items() if files.write_if_changed(file, text.encode(), 0o644)]


@click.command()
@click.argument("name", nargs=-1, metavar="[NAME]...")
@click.option("--write", "directory", metavar="DIRECTORY", help="Write job.schema.json and jobsync.schema.json there.")
def schema(name: tuple[str, ...], directory: str | None) -> int:
    """Print the JSON schema NAME: of a file that you write, or of what a command prints with --json.

    Without NAME, list them. An editor checks and completes a job.toml whose first line names its schema.

    \b
    Examples:
      jobsync schema                    which there are
      jobsync schema job                of job.toml
      jobsync schema hooks status       of `jobsync hooks status --json`
      jobsync schema --write schemas    then: #:schema ../../schemas/job.schema.json
    """
    if directory is not None:
        changed = write_into(Path(os.path.abspath(directory)))  # noqa: PTH100 - links stay links
        for file in changed:
            say(f"wrote {file}")
        if not changed:
            say("the schemas are there already")
    elif name:
        say(as_text(_schema(" ".join(name))).rstrip("\n"))
    else:
        rows = [(file, f"{file}.toml") for file in _FILES]
        say_all(columns.table(rows + [(command, f"jobsync {command} --json") for command, _ in documents()]))
    return ExitCode.OK
