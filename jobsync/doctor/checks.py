"""The door: all checks, in the order in which they are made, and their making."""

from collections.abc import Iterable
from pathlib import Path

from jobsync import files
from jobsync.doctor import definitions, git, installed, machine, runs, scripts
from jobsync.doctor.check import Check, Result
from jobsync.doctor.view import View
from jobsync.errors import JobsyncError
from jobsync.findings import Finding, Level, Reload, Sync, warning
from jobsync.values import replace

SECTIONS = {
    "Definitions": definitions.CHECKS,
    "What jobs run": scripts.CHECKS,
    "What is installed": installed.CHECKS,
    "Runs": runs.CHECKS,
    "Git": git.CHECKS,
    "This machine": machine.CHECKS,
}
CHECKS = tuple(check for checks in SECTIONS.values() for check in checks)
_SYNC = "jobsync sync"


def _look(check: Check, view: View) -> Iterable[Finding]:
    """What one check finds. Could not look: that is no health."""
    try:
        return tuple(check.look(view))
    except JobsyncError as trouble:
        return (_could_not(trouble),)
    except OSError as trouble:  # of a place that a check did not expect to be closed: the others go on
        return (_could_not(files.complaint("look at", Path(trouble.filename or "/"), trouble)),)


def _could_not(trouble: JobsyncError) -> Finding:
    return warning(f"could not look: {trouble.message}", command=trouble.hint or "")


def _put_off(found: Finding, view: View) -> Finding:
    """The finding without its sync, where one by hand would refuse: what lies there now is not wanted for good."""
    needs_sync = isinstance(found.repair, Sync | Reload) or found.command.startswith(_SYNC)
    if not needs_sync or not view.unrest:
        return found
    meaning = f"{found.meaning}; {view.unrest}, so `{_SYNC}` waits"
    return replace(found, meaning=meaning, command="", repair=None)


def examine(view: View, checks: Iterable[Check] = CHECKS) -> tuple[Result, ...]:
    """Every check's result, in order. Reads only.

    `JobsyncError` where there is nothing to look at: the repository cannot be read, or a newer jobsync was here.
    """
    _ = view.planned
    return tuple(Result(check, tuple(_put_off(one, view) for one in _look(check, view))) for check in checks)


def has_errors(results: Iterable[Result]) -> bool:
    """Whether `doctor` exits with 1."""
    return any(result.level is Level.ERROR for result in results)
