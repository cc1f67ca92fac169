"""Deferred changes: what a sync had to leave because a run stood in its way, kept true by every sync."""

import json
from collections.abc import Mapping
from contextlib import suppress

from jobsync import config as configuration
from jobsync import files, process
from jobsync.errors import JobsyncError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import observe
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import FINISH
from jobsync.reconcile.state import Caller
from jobsync.values import dataclass

PIDS = 1 << 31
"""No process id is as high: pid_t has 32 bits."""


@dataclass(frozen=True, slots=True)
class Request:
    """One deferred change: whose rules it was made under, and the process that stands in its way."""

    caller: Caller
    pid: int
    removes: bool = False
    """The job shall go. Whoever finishes a change must not take it away for what has become of it since."""


def read(origin: Origin) -> dict[str, Request]:
    """What waits to be finished, by job. A file that makes no sense is none: the next sync writes a true one."""
    return parse(files.read(origin.paths.deferred) or b"")


def parse(content: bytes) -> dict[str, Request]:
    """The file's content as requests; none where it makes no sense."""
    try:
        rows = json.loads(content)
        found = {
            str(name): Request(Caller(caller), int(pid), any(removes))  # younger than the file
            for name, (caller, pid, *removes) in rows.items()
        }
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
    return found if all(0 < request.pid < PIDS for request in found.values()) else {}


def dumps(requests: Mapping[str, Request]) -> bytes:
    """The file's content."""
    rows = {name: [one.caller.value, one.pid, one.removes] for name, one in sorted(requests.items())}
    return json.dumps(rows).encode()


def write(origin: Origin, requests: Mapping[str, Request]) -> None:
    """Remember what waits; an equal file is not written."""
    if not requests:
        files.remove(origin.paths.deferred)
        return
    files.write_if_changed(origin.paths.deferred, dumps(requests), 0o600)


def errand_inside(origin: Origin) -> int | None:
    """See `observe`."""
    return observe.errand_inside(ledgers.read(origin.paths.ledger) or Ledger(), origin.paths, origin.scheduler)


def finisher(origin: Origin) -> tuple[str, ...]:
    """What runs `finish.py`, as an argv: of the installation that the configuration names."""
    return origin.config.hook, "finish", origin.repo.id


def environment(origin: Origin) -> dict[str, str]:
    """In which what asks for the configuration finds this one, and nothing of git's command around us."""
    return {**origin.repository.environment, configuration.VARIABLE: str(origin.config.file)}


def start_finishing(origin: Origin, *, from_outside: bool) -> None:
    """Have `finish.py` run on its own, in a session of its own. `from_outside`: of the job that we are in.

    `JobsyncError` when nobody could be started.
    """
    if from_outside:
        origin.scheduler.start(origin.scheduler.label(FINISH))
        return
    process.start_detached(finisher(origin), env=environment(origin))


def arrange(origin: Origin, requests: Mapping[str, Request]) -> None:
    """See to it that deferred changes are finished. Never raises: the next sync finishes them too."""
    if requests:
        with suppress(JobsyncError):
            start_finishing(origin, from_outside=errand_inside(origin) is not None)
