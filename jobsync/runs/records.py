"""Reads what launchers recorded: one line when a run starts, one when it ends, one for a start that was skipped.

The lines are appended by sh and may be cut short at any byte by a power cut: a line that makes no sense is passed over.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from jobsync import files

HELD = "held"
"""Skipped, because a sync was just replacing the job."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a job, in the launcher's words."""

    id: str
    """Start in UTC and the launcher's pid: `20261123T070000Z-4711`. Names the log too."""
    started: int
    """Second (epoch)."""
    pid: int | None = None
    ended: int | None = None
    """Second (epoch); None: still running, killed, or the machine went down."""
    status: int | None = None
    """The command's exit status as sh sees it: above 128 it may be a signal."""
    skipped: str = ""
    """Why the command was not started."""


def _integer(field: str) -> int | None:
    return int(field) if field.isascii() and field.isdigit() else None


def _read_line(runs: dict[str, Run], line: str) -> None:
    word, _, rest = line.partition(" ")
    fields = rest.split(" ", 2)
    if len(fields) < 3 or (second := _integer(fields[1])) is None:
        return
    run, _, detail = fields
    if word == "start":
        runs[run] = Run(run, second, pid=_integer(detail))
    elif word == "skip":
        runs[run] = Run(run, second, ended=second, skipped=detail)
    elif word == "end" and run in runs:
        runs[run] = replace(runs[run], ended=second, status=_integer(detail.partition(" ")[0]))


def parse(content: bytes) -> tuple[Run, ...]:
    """All runs, in the order in which they were recorded."""
    runs: dict[str, Run] = {}
    for line in content.decode("utf-8", "replace").split("\n"):
        _read_line(runs, line)
    return tuple(runs.values())


def read(path: Path) -> tuple[Run, ...]:
    """The runs in a record file; none when there is no such file."""
    return parse(files.read(path) or b"")


def last(runs: tuple[Run, ...]) -> Run | None:
    """The newest start that was not skipped."""
    return next((run for run in reversed(runs) if not run.skipped), None)
