"""What a repository begins with that has no `jobsync.toml` yet: settings, schemas for its editor, and one job."""

from pathlib import Path

from jobsync import files
from jobsync.cli.console import ask, is_interactive, note, say
from jobsync.cli.schemas import write_into
from jobsync.definitions.load import JOB_FILE, SETTINGS_FILE
from jobsync.demo import template
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.origin import Origin

EXAMPLE = "hello"
_JOBS = "jobs"
_DEFINITION = """\
#:schema ../../schemas/job.schema.json
description = "Say hello on working days"

[schedule]
at = "mon-fri 09:00"           # or every = "15m", cron = "0 9 * * 1-5", at_login = true
"""
_SCRIPT = """\
#!/usr/bin/env bash
# An example: make it do something for you, or delete the directory, and the job is gone.
set -euo pipefail

echo "hello from jobs/hello/run"
"""


def _question(*, with_job: bool) -> str:
    also = f", and the example job `{EXAMPLE}`" if with_job else ""
    return f"there is no {SETTINGS_FILE} yet; write one to begin with, JSON schemas for your editor{also}?"


def _write_example(directory: Path) -> list[Path]:
    files.make_directory(directory, 0o755)
    written = [(directory / JOB_FILE, _DEFINITION, 0o644), (directory / "run", _SCRIPT, 0o755)]
    for path, text, mode in written:
        files.write_atomically(path, text.encode(), mode)
    return [path for path, _, _ in written]


def offer(root: Path, *, wants: bool | None, asks: bool) -> bool:
    """Write the skeleton where there is no settings file; the example only where there is no jobs directory either.

    `wants`: None asks on a terminal where it `asks`, else writes nothing. Says whether the example was written.
    """
    settings = root / SETTINGS_FILE
    if files.is_there(settings) or wants is False:
        return False
    with_job = not files.is_there(root / _JOBS)
    question = _question(with_job=with_job)
    if wants is None and not (asks and is_interactive() and ask(question)):
        return False
    files.write_atomically(settings, files.read(template() / SETTINGS_FILE) or b"", 0o644)
    example = _write_example(root / _JOBS / EXAMPLE) if with_job else []
    for file in (settings, *write_into(root / "schemas"), *example):
        say(f"wrote {file.relative_to(root)}")
    if copied := _chezmois(root):
        note(f"chezmoi would copy {', '.join(copied)} into your home: give each a line in .chezmoiignore")
    return with_job


def _chezmois(root: Path) -> list[str]:
    """What of ours `chezmoi apply` would copy into the home, where this is the directory of its sources."""
    is_source = any(name.startswith((".chezmoi", "dot_")) for name in files.names(root))
    if not is_source or files.is_there(root / ".chezmoiroot"):
        return []
    ignored = {
        line.strip().rstrip("/*")
        for line in (files.read(root / ".chezmoiignore") or b"").decode("utf-8", "replace").splitlines()
    }
    ours = (SETTINGS_FILE, "schemas", _JOBS)
    return [name for name in ours if name not in ignored and files.is_there(root / name)]


def tell_what_is_next(origin: Origin) -> None:
    """What to type when the example was written: see it run, then keep it. The first commit syncs what is left."""
    known = ledgers.read(origin.paths.ledger)
    if known and EXAMPLE in known.records:
        note(f"next: `jobsync run {EXAMPLE}`; committed and pushed, it runs on every machine that pulls")
    else:
        note(f"next: `git add {SETTINGS_FILE} schemas {_JOBS}`, and commit: a hook installs what you committed")
