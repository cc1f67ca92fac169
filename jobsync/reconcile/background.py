"""What a hook had no time for goes on in the background (`finish.py`); what came of it waits for the next hook and for
`status`.

The file says what is owed before anybody sets about it: whoever is killed, the next hook sees that something is owed.
"""

import json
import time
from contextlib import AbstractContextManager

from jobsync import files, lock
from jobsync.reconcile import deferred
from jobsync.reconcile.origin import Origin
from jobsync.values import dataclass

_PATIENCE = 10.0
"""Seconds for another one to write a line."""
_START = 10
"""Seconds until whoever was started for it must have its lock."""


@dataclass(frozen=True, slots=True)
class Background:
    """A sync that a hook has handed on."""

    begun: int
    """Second (epoch)."""
    ended: int = 0
    """Second (epoch); 0: not yet."""
    lines: tuple[str, ...] = ()
    """What came of it, in the words of a hook; none when nothing was left to do."""
    errand: int = 0
    """Process of git's command, where a job runs it: a sync from outside of that job would cut it off. 0: elsewhere."""

    @property
    def is_over(self) -> bool:
        """Its result is known."""
        return self.ended > 0


def read(origin: Origin) -> Background | None:
    """What was handed on and has not been told yet. A file that makes no sense is none."""
    content = files.read(origin.paths.background)
    if content is None:
        return None
    try:
        table = json.loads(content)
        times, lines = (int(table["begun"]), int(table["ended"])), tuple(map(str, table["lines"]))
        errand = int(table.get("errand", 0))  # younger than the file
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return Background(*times, lines, errand) if 0 <= errand < deferred.PIDS else None


def alone(origin: Origin) -> AbstractContextManager[None]:
    """For whoever writes down what was said or handed on without the lock of a sync. `Locked` after some seconds."""
    return lock.hold(origin.paths.telling, timeout=_PATIENCE)


def write(origin: Origin, value: Background) -> None:
    """Put what is owed, or what came of it. `Locked` where others are at it for seconds; `JobsyncError` of the disk."""
    files.make_directory(origin.paths.state)
    table = {"begun": value.begun, "ended": value.ended, "lines": value.lines, "errand": value.errand}
    with alone(origin):
        files.write_atomically(origin.paths.background, json.dumps(table).encode(), 0o600)


def lines(origin: Origin) -> list[str]:
    """What `status` says of it; nothing once a hook has told it, or a later sync by hand."""
    found = read(origin)
    if found is None:
        return []
    if found.is_over:
        return [f"in the background: {line}" for line in found.lines]
    if is_at_work(origin) or time.time() - found.begun < _START:
        return ["in the background: at work on what a hook had no time for"]
    return ["what a hook had no time for was not finished; `jobsync sync` finishes it"]


def is_at_work(origin: Origin) -> bool:
    """Whether a process is about it now."""
    return lock.is_held(origin.paths.worker)


def forget(origin: Origin) -> None:
    """It has been told, or a later sync has made it untrue."""
    files.remove(origin.paths.background)


def hand_on(origin: Origin) -> None:
    """Have the sync done by a process of its own session, or from outside of the job that we run in.

    `JobsyncError` when nobody could be started; then the next hook or sync does it.
    """
    begun = int(time.time())
    write(origin, Background(begun))
    errand = deferred.errand_inside(origin)
    if errand is not None:
        write(origin, Background(begun, errand=errand))
    deferred.start_finishing(origin, from_outside=errand is not None)
