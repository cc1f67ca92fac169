"""Pauses: this machine's word on a job, a file with an end time that the launcher reads. Survives sync and reboot."""

import time
from datetime import datetime
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError

FOR_EVER = 0
_LONG = 12
"""Digits: what has as many is no second that a calendar, or every sh, can count. The launcher agrees."""


def read(path: Path) -> int | None:
    """Second (epoch) until which the job is paused, 0 = until resumed, None = not paused (any more).

    A file that cannot be read is a pause until resumed, as it is for the launcher; what is no file is none.
    `JobsyncError` where nobody can tell whether there is one.
    """
    try:
        content = files.read(path)
    except JobsyncError:
        return FOR_EVER if files.is_file(path) else None
    if content is None:
        return None
    text = content.decode("ascii", "replace").strip()
    until = int(text) if text.isdigit() and len(text) < _LONG else FOR_EVER
    return None if until != FOR_EVER and until <= time.time() else until


def trouble(path: Path) -> JobsyncError | None:
    """Why nobody can tell until when the job is paused, though it is; None where it is told, or no pause."""
    try:
        files.read(path)
    except JobsyncError as error:
        return error if files.is_file(path) else None
    return None


def write(path: Path, until: int) -> None:
    """Pause until that second; 0 = until resumed."""
    files.make_directory(path.parent)
    files.write_if_changed(path, f"{until}\n".encode(), 0o600)


def take_along(former: Path, path: Path) -> None:
    """Pause another job, or this one by another name, until the same moment."""
    until = read(former)
    if until is not None:
        write(path, until)


def words(path: Path) -> str:
    """Until when the job is paused, for people; empty where it is not. `JobsyncError` as `read`."""
    until = read(path)
    if until is None:
        return ""
    why = trouble(path) if until == FOR_EVER else None
    return f"paused until `jobsync resume`: {why.message}" if why else in_words(until)


def in_words(until: int) -> str:
    """For people."""
    if until == FOR_EVER:
        return "paused by you until `jobsync resume`"
    end = datetime.fromtimestamp(until)
    year = "" if end.year == datetime.now().year else f" {end.year}"
    return f"paused by you until {end:%a %d %b}{year} {end:%H:%M}"
