"""The hold file: while a sync replaces a job, no start of its launcher may run the command (promise 7)."""

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.reconcile.state import Record
from jobsync.runs import records, tokens
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Scheduler, Survey

_LIFETIME = 120
"""Seconds after which launchers pass over a hold file: a sync that was killed must not silence a job for good."""
FRESH = 30.0
"""Seconds for which `close` is to be relied on: well below that, however slowly the scheduler answers."""
_PATIENCE = 2.0
"""Seconds for a launcher that has just been started to say whether it found the hold file."""
_PAUSE = 0.05
_OLDEST_DEBT = 86_400
"""Seconds after which nobody waits any more for a start that was swallowed, of a job that is not loaded since."""

_ASKED = b"asked\n"
_SOON = 60
"""Seconds in which a start that was asked for may yet come: launchd keeps ten between two."""


class Deferred(JobsyncError):
    """A run started between plan and apply; it is not stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"running (pid {pid}); finished when it ends")
        self.pid = pid


class Hold:
    """The hold file of one job, during one change."""

    def __init__(self, job: str, paths: Paths, scheduler: Scheduler) -> None:
        self._path = paths.hold(job)
        self._owed = paths.owed(job)
        self._runs = paths.runs(job)
        self._scheduler = scheduler
        self._before: str | None = None
        """The last start that was held when this hold was placed, empty: none; None: it was not."""
        self._is_there = False

    def place(self) -> None:
        """From now on no launcher starts the command, for as long as a sync may take."""
        files.make_directory(self._path.parent)
        if self._before is None:
            # A start that is owed already goes with what was loaded: launchd puts off for ten seconds what it has just
            # started, and this was held a moment ago.
            is_owed = files.is_file(self._owed)
            self._before = "" if is_owed else _last_held(records.read(self._runs))
        # A power cut ends all runs and all patience: whatever it leaves of this file, a launcher passes over it.
        until = f"{int(time.time()) + _LIFETIME}\n".encode()
        files.write_atomically(self._path, until, 0o600, files.Safety.NONE)
        self._is_there = True

    def is_at_work(self, pid: int) -> bool:
        """The launcher with this pid has recorded a start, so it runs its command."""
        return any(run.pid == pid and run.ended is None for run in records.read(self._runs))

    @property
    def swallowed_a_start(self) -> bool:
        """A slot fired while the hold file was there: that start is owed."""
        if self._before is None:
            return False
        runs = records.read(self._runs)
        return _last_held(runs) != self._before and _is_owed(runs)

    def release(self) -> None:
        """Let launchers start their command again. What was kept from starting is noted, should we be killed."""
        if self._is_there:
            if self.swallowed_a_start:
                files.make_directory(self._owed.parent)
                files.touch(self._owed)
            files.remove(self._path)
            self._is_there = False

    def make_up(self, label: str, *, by_load: bool = False) -> None:
        """Start what was kept from starting. `by_load`: loading the job has just done so."""
        if self.swallowed_a_start:
            with suppress(JobsyncError):  # then a later sync does it
                if by_load:
                    files.remove(self._owed)
                else:
                    _start(label, self._owed, self._scheduler)


def _start(label: str, owed: Path, scheduler: Scheduler) -> None:
    """Ask for what is owed; it stays so until a sync finds its run. `JobsyncError` where that cannot be asked for."""
    # To start what runs does nothing, and the launcher that found the hold may be at its last line still.
    _wait_until_idle(label, scheduler)
    files.make_directory(owed.parent)
    files.write_atomically(owed, _ASKED, 0o600)
    scheduler.start(label)


def _wait_until_idle(label: str, scheduler: Scheduler) -> None:
    """`Deferred` where it goes on running; a scheduler that cannot be asked is not waited for."""
    deadline = time.monotonic() + _PATIENCE
    while isinstance(answer := scheduler.survey(), Survey) and (pid := _pid(answer, [label])):
        if time.monotonic() > deadline:
            raise Deferred(pid)
        time.sleep(_PAUSE)


def _is_coming(owed: Path) -> bool:
    """It was asked for by a sync that was killed right then, and may have been put off a little."""
    # A clock that was set back says nothing of how long ago that was.
    if not 0 <= time.time() - files.time_of(owed) < _SOON:
        return False
    try:
        return files.read(owed) == _ASKED
    except JobsyncError:
        return True  # for all that anybody knows; a later sync does not ask any more


def _last_held(runs: Iterable[Run]) -> str:
    """Id of the last start that found a hold; empty: none did."""
    return next((run.id for run in reversed(list(runs)) if run.skipped == records.HELD), "")


def _is_owed(runs: Iterable[Run]) -> bool:
    """The last start found a hold, and no run has followed."""
    starts = [run for run in runs if run.skipped != records.LOADED]
    return bool(starts) and starts[-1].skipped == records.HELD


def close(holds: Mapping[Hold, Collection[str]], scheduler: Scheduler) -> dict[Hold, JobsyncError]:
    """Close the window between the survey and the bootouts of these jobs. `holds`: the labels of each.

    Gives those that must not be sent away now: `Deferred` where a run is under way all the same. With the hold files in
    place no launcher starts its command any more, so a second look at the pids is final, and one survey serves all. A
    launcher that is there only to find its hold ends at once: that one is waited for.
    """
    failures: dict[Hold, JobsyncError] = {}
    for hold in holds:
        try:
            hold.place()
        except JobsyncError as error:
            failures[hold] = error
    waiting = [hold for hold in holds if hold not in failures]
    deadline = time.monotonic() + _PATIENCE
    while waiting:
        answer = scheduler.survey()
        if not isinstance(answer, Survey):
            reason = JobsyncError(f"could not ask the scheduler again: {answer.reason}")
            return failures | dict.fromkeys(waiting, reason)
        is_late = time.monotonic() > deadline
        running = {hold: pid for hold in waiting if (pid := _pid(answer, holds[hold]))}
        failures |= {hold: Deferred(pid) for hold, pid in running.items() if is_late or hold.is_at_work(pid)}
        waiting = [hold for hold in running if hold not in failures]
        if waiting:
            time.sleep(_PAUSE)
    return failures


def _pid(answer: Survey, labels: Collection[str]) -> int | None:
    found = (answer.services.get(label) for label in labels)
    return next((one.pid for one in found if one is not None and one.pid is not None), None)


def drop_stale_holds(paths: Paths) -> None:
    """For who has the lock: no hold file that is there now belongs to anybody. What it kept from starting is owed."""
    for path in files.listing(paths.hold("x").parent):
        runs, _ = records.known(paths.runs(path.name))  # nothing is owed that nobody knows of
        if _is_owed(runs):
            files.make_directory(paths.owed(path.name).parent)
            files.touch(paths.owed(path.name))
        files.remove(path)


def is_in_debt(paths: Paths) -> bool:
    """Whether a start is still owed."""
    return bool(files.names(paths.owed("x").parent))


def pay_debts(paths: Paths, scheduler: Scheduler, known: Mapping[str, Record]) -> None:
    """Start what a killed sync kept from starting. `known`: the jobs there are; one that is not loaded waits."""
    for path in files.listing(paths.owed("x").parent):
        record = known.get(path.name)
        is_old = time.time() - files.time_of(path) > _OLDEST_DEBT
        runs, hidden = records.known(paths.runs(path.name))
        if record is None or is_old or not (hidden or _is_owed(runs)):
            files.remove(path)
        elif hidden:
            continue  # a later sync may be able to tell
        elif record.load_digest and not _is_coming(path):
            # It is due: what speaks against a start by a load must not stop it.
            tokens.remove(paths.token(path.name))
            with suppress(JobsyncError):  # then a later sync does it
                _start(record.label, path, scheduler)
