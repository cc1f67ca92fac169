"""Checks of the machine: its scheduler's own ways, versions, clock and zone."""

import os
import platform
import re
import shlex
import shutil
import zoneinfo
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobsync import process
from jobsync.config import SYSTEM_PATH
from jobsync.definitions.job import Job
from jobsync.doctor.check import Check
from jobsync.doctor.view import View
from jobsync.findings import Finding, Subject, error, info, skipped, warning
from jobsync.reconcile.state import Outcome
from jobsync.repo.events import NULL_ID
from jobsync.schedulers.protocol import NoSession

_OLDEST_GIT = (2, 31)
"""`rev-parse --path-format` came with it."""
_HOOK_LIMIT = 20.0
_ZONE_FILE = Path("/etc/localtime")


def _all(view: View) -> Collection[Job]:
    return view.jobs.values()


def _as_defined(view: View) -> Collection[Job]:
    """Those whose files are, or should be, those that they render to: of the others it is said elsewhere."""
    others = {one.name for one in view.changes(Outcome.INSTALLED, Outcome.UPDATED)}
    return [job for name, job in view.jobs.items() if name not in others and not view.is_unwanted(name)]


def _asks(subject: Subject, jobs: Callable[[View], Collection[Job]] = _all) -> Callable[[View], Iterable[Finding]]:
    """A check that the scheduler itself makes."""

    def look(view: View) -> Iterable[Finding]:
        found = view.origin.scheduler.inspect(subject, tuple(jobs(view)), view.answer)
        return [skipped(f"{view.origin.config.scheduler} has no such thing")] if found is None else found

    return look


def _number(text: str) -> tuple[int, ...]:
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _git_version(view: View) -> Iterable[Finding]:
    text = view.origin.repository.version()
    if _number(text) < _OLDEST_GIT:
        yield error(
            f"{text} is older than {'.'.join(map(str, _OLDEST_GIT))}",
            meaning="jobsync cannot read the repository with it",
            command="git --version",
        )


def _installation(view: View) -> Iterable[Finding]:
    """The jobsync that hooks and `jobsync-finish` wake up."""
    hook = view.origin.config.hook
    if not os.access(hook, os.X_OK):
        yield error(
            f"{hook}, which the git hooks call, is gone",
            meaning="pulls change nothing here any more",
            command="jobsync init",
        )
        return
    try:
        with Path(hook).open("rb") as file:
            first = file.readline(512)
    except OSError as trouble:
        yield error(f"{hook} cannot be read: {trouble.strerror}", command="jobsync init")
        return
    words = first[2:].split() if first.startswith(b"#!") else []
    if words and not os.access(words[0], os.X_OK):
        interpreter = os.fsdecode(words[0])
        yield error(
            f"{hook} needs {interpreter}, which is gone",
            meaning="pulls change nothing here any more",
            command="jobsync init",
        )


def _gui_path(view: View) -> Iterable[Finding]:
    """GUI clients start hooks with the system's PATH. Started that way, at an event that it skips, it says nothing."""
    config = view.origin.config
    if not os.access(config.hook, os.X_OK):
        yield skipped("the jobsync that hooks call is gone")
        return
    environment = {"HOME": config.home, "PATH": SYSTEM_PATH, "LC_ALL": "C", "JOBSYNC_CONFIG": str(config.file)}
    answer = process.run((config.hook, "post-checkout", NULL_ID, NULL_ID, "0"), env=environment, timeout=_HOOK_LIMIT)
    if answer.status or answer.stdout or answer.stderr:
        said = answer.complaint or answer.stdout.decode("utf-8", "replace").strip()
        yield error(
            f"{config.hook} does not work with a GUI client's PATH: {said}",
            meaning="pulls from such a client change nothing here",
            command="jobsync init",
        )
    elif shutil.which("git", path=SYSTEM_PATH) is None:
        yield warning(
            f"git is not in a GUI client's PATH ({SYSTEM_PATH})",
            meaning="pulls from a client that brings no git of its own change nothing here",
        )


def _clock(view: View) -> Iterable[Finding]:
    """A clock that went back makes ages wrong and lets slots come twice."""
    later = view.now.timestamp() + timedelta(minutes=5).total_seconds()
    stamps = {"the last sync": view.planned.ledger.changed_at}
    stamps |= {f"the last run of {name}": run.started for name in view.names for run in view.runs(name)[-1:]}
    for what, second in stamps.items():
        if second > later:
            moment = datetime.fromtimestamp(second, UTC)
            yield warning(
                f"{what} was at {moment:%Y-%m-%d %H:%M} UTC, which is still to come",
                meaning="the clock was set back; ages are wrong until then",
                command="date",
            )


def _zone_data(name: str) -> bytes | None:
    """What the system knows of a zone, by name or path; None of one that it does not know."""
    for place in (Path(directory, name) for directory in zoneinfo.TZPATH):  # of a path, the path itself
        with suppress(OSError, ValueError):
            return place.read_bytes()
    return None


def _zone(view: View) -> Iterable[Finding]:
    """Jobs run in the machine's zone; what this shell shows may be another one's time. One zone may have two names."""
    told = view.environment.get("TZ", "")
    if not told:
        return
    name, here = told.removeprefix(":"), _zone_data(str(_ZONE_FILE))
    there = _zone_data(name)
    if there is not None and there == (here or _zone_data("UTC")):
        return
    # It may be a copy, which has no name.
    named = os.path.realpath(_ZONE_FILE).partition("zoneinfo/")[2]
    machine = named or (str(_ZONE_FILE) if here else "UTC")
    if name != machine:
        yield info(
            f"this shell has TZ={told}, the machine's zone is {machine}",
            meaning=f"jobs run by {machine}; the times that you see here are {told}'s",
            command="unset TZ",
        )


def versions(view: View) -> str:
    """For the head of a report that somebody will paste: what this is all made of."""
    parts = (
        f"Python {platform.python_version()}",
        view.origin.repository.version(),
        view.scheduler_version or view.origin.config.scheduler,
    )
    return ", ".join(parts)


def _scheduler_version(view: View) -> Iterable[Finding]:
    if isinstance(view.answer, NoSession):
        yield skipped("nobody is there to be asked")
    elif not view.scheduler_version:
        command = shlex.join(view.origin.scheduler.query().argv[:1])
        yield warning(
            f"{view.origin.config.scheduler} does not say which version it is",
            meaning="it may behave as no version that jobsync knows",
            command=f"ls -l {command}",
        )


CHECKS = (
    Check(Subject.REBOOT.value, "jobs run again after a reboot", _asks(Subject.REBOOT)),
    Check(Subject.DOMAIN.value, "jobs are loaded in one domain only", _asks(Subject.DOMAIN)),
    Check(Subject.LINKS.value, "the links that start jobs are there", _asks(Subject.LINKS, _as_defined)),
    Check(Subject.OVERRIDES.value, "nothing of yours overrides a job", _asks(Subject.OVERRIDES)),
    Check(Subject.PRIVACY.value, "no job needs a place that the system guards", _asks(Subject.PRIVACY)),
    Check(Subject.NOTIFICATIONS.value, "what `[notify]` tells is shown", _asks(Subject.NOTIFICATIONS)),
    Check("installation", "the jobsync that hooks call is there", _installation),
    Check("gui-path", "hooks work with a GUI client's PATH", _gui_path),
    Check("git-version", "git is new enough", _git_version),
    Check("scheduler-version", "the scheduler says its version", _scheduler_version),
    Check("clock", "no sync or run lies in the future", _clock),
    Check("zone", "this shell has the machine's zone", _zone),
)
