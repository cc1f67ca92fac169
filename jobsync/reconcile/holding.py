"""The hold file: while a sync replaces a job, no start of its launcher may run the command (promise 7)."""

import time
from contextlib import suppress

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.runs import records
from jobsync.schedulers.protocol import Scheduler, Survey

_LIFETIME = 120
"""Seconds after which launchers pass over a hold file: a sync that was killed must not silence a job for good."""
_PATIENCE = 2.0
"""Seconds for a launcher that has just been started to say whether it found the hold file."""
_PAUSE = 0.05


class Deferred(JobsyncError):
    """A run started between plan and apply; it is not stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"running (pid {pid}); finished when it ends")
        self.pid = pid


class Hold:
    """The hold file of one job, during one change."""

    def __init__(self, job: str, paths: Paths, scheduler: Scheduler) -> None:
        self._path = paths.hold(job)
        self._runs = paths.runs(job)
        self._scheduler = scheduler
        self._since = 0.0
        self._is_there = False

    def close(self, label: str) -> None:
        """Close the window between the survey and the bootout. `Deferred` when a run is under way all the same.

        With the hold file in place no launcher starts its command any more, so a second look at the pid is final. A
        launcher that is there only to find the hold ends at once: that one is waited for.
        """
        files.make_directory(self._path.parent)
        self._since = self._since or time.time()
        files.write_atomically(self._path, f"{int(self._since) + _LIFETIME}\n".encode(), 0o600)
        self._is_there = True
        deadline = time.monotonic() + _PATIENCE
        while (pid := self._pid(label)) is not None:
            if self._is_at_work(pid) or time.monotonic() > deadline:
                raise Deferred(pid)
            time.sleep(_PAUSE)

    def _pid(self, label: str) -> int | None:
        answer = self._scheduler.survey()
        if not isinstance(answer, Survey):
            raise JobsyncError(f"could not ask the scheduler again: {answer.reason}")
        loaded = answer.services.get(label)
        return loaded.pid if loaded else None

    def _is_at_work(self, pid: int) -> bool:
        """The launcher with this pid has recorded a start, so it runs its command."""
        return any(run.pid == pid and run.ended is None for run in records.read(self._runs))

    @property
    def swallowed_a_start(self) -> bool:
        """A slot fired while the hold file was there: that start is owed."""
        if not self._since:
            return False
        runs = records.read(self._runs)
        return any(run.skipped == records.HELD and run.started >= int(self._since) for run in runs)

    def release(self) -> None:
        """Let launchers start their command again."""
        if self._is_there:
            files.remove(self._path)
            self._is_there = False

    def make_up(self, label: str) -> None:
        """Start what was kept from starting, where the change failed and the old job remains."""
        if self.swallowed_a_start:
            with suppress(JobsyncError):
                self._scheduler.start(label)


def drop_stale_holds(paths: Paths) -> None:
    """For who has the lock: no hold file that is there now belongs to anybody."""
    for path in files.listing(paths.hold("x").parent):
        files.remove(path)
