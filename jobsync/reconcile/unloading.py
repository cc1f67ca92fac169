"""Sends old jobs away: never one that runs and shall be spared, and never believed before the scheduler says so."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from jobsync.errors import JobsyncError
from jobsync.reconcile import holding
from jobsync.reconcile.state import Unload
from jobsync.reconcile.work import Work
from jobsync.schedulers.protocol import NoSession, Scheduler, Survey

_Stayed = dict[Work, JobsyncError]
"""Why an old job was not sent away: `holding.Deferred` where it runs and is spared."""


class Unloader:
    """`progress` hears what takes time."""

    def __init__(self, scheduler: Scheduler, progress: Callable[[str], None]) -> None:
        self._scheduler = scheduler
        self._progress = progress

    def begin(self, works: Collection[Work], wait: float | None) -> _Stayed:
        """Tell the old jobs to go; those that stay. Whether the others are gone is for `gone` to see.

        `wait`: nothing else is to be done meanwhile, so where the scheduler can, block up to so many seconds.
        """
        if self._scheduler.manners.loads_together:
            return self._tell(works, wait)
        stayed: _Stayed = {}
        rest = list(works)
        while rest:
            stayed |= self._close(rest)
            rest = self._tell_each([work for work in rest if work not in stayed], wait, stayed)
        return stayed

    def _tell_each(self, works: list[Work], wait: float | None, stayed: _Stayed) -> list[Work]:
        """One after the other, at least one; gives those that are left when what was seen of them has grown old."""
        deadline = time.monotonic() + holding.FRESH
        for number, work in enumerate(works, 1):
            stayed |= self._tell([work], wait)
            if time.monotonic() >= deadline:
                return works[number:]
        return []

    def _close(self, works: Iterable[Work]) -> _Stayed:
        """Keep runs from starting while jobs are replaced, where loading anew would end them."""
        spares_runs = self._scheduler.manners.spares_runs
        spared = {work: [step.label for step in work.unloads if step.spares and not spares_runs] for work in works}
        by_hold = {work.hold: work for work, labels in spared.items() if labels}
        failures = holding.close({hold: spared[work] for hold, work in by_hold.items()}, self._scheduler)
        return {by_hold[hold]: error for hold, error in failures.items()}

    def _tell(self, works: Collection[Work], wait: float | None) -> _Stayed:
        steps = [step for work in works for step in work.unloads]
        for step in steps:
            self._progress(f"unloading {step.label}")
        labels, spared = [step.label for step in steps], [step.label for step in steps if step.spares]
        answer = self._scheduler.unload(labels, sparing=spared, wait=wait)
        now = time.monotonic()
        for work in works:
            work.steps = [step for step in work.steps if not isinstance(step, Unload)]
            work.deadline = 0.0 if answer.are_gone else now + max(step.limit for step in work.unloads)
        failures = ((work, answer.failures.get(step.label)) for work in works for step in work.unloads)
        return {work: error for work, error in failures if error is not None}

    def gone(self, draining: Sequence[Work]) -> list[Work]:
        """Those whose labels the scheduler does not know any more, by one survey. Could not ask: none."""
        answer = self._scheduler.survey()
        if isinstance(answer, NoSession):
            return list(draining)
        if not isinstance(answer, Survey):
            return []
        return [work for work in draining if not any(self._holds(answer, step) for step in work.unloads)]

    def _holds(self, answer: Survey, step: Unload) -> bool:
        """Whether an unloaded job is there yet. A run that is spared is beside the point."""
        found = answer.services.get(step.label)
        is_spared = step.spares and self._scheduler.manners.spares_runs
        return found is not None and (found.is_armed or not is_spared)
