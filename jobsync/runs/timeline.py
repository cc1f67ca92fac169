"""Runs, and those that did not come, as marks on the days of a calendar: what a picture of a week is made of. Pure."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from enum import Enum

from jobsync.definitions.job import TOLERANCE, Slot
from jobsync.runs.missed import Missed, expected
from jobsync.runs.records import HELD, LOADED, Run
from jobsync.values import dataclass


class Mark(Enum):
    """What became of one start. Of several, the first of these tells most."""

    FAILED = "failed"
    MISSED = "missed"
    RUNNING = "running"
    OK = "ok"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Event:
    """One mark."""

    at: datetime
    """Local time: of the start, or of the slot that had none."""
    mark: Mark
    run: Run | None = None
    reason: str = ""
    """Why it was missed."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One job in some days."""

    name: str
    label: str
    schedule: str
    """In words; empty where the job is gone."""
    events: tuple[Event, ...]
    """In order of time."""
    missed: tuple[Missed, ...] = ()
    hidden: str = ""
    """Why its runs cannot be told; empty where they can."""

    def on(self, day: date) -> tuple[Event, ...]:
        """The marks of one day."""
        return tuple(one for one in self.events if one.at.date() == day)


def mark_of(run: Run, *, is_running: bool, is_daemon: bool) -> Mark:
    """What became of a run. `is_running`: where it has no end, whether that is still to come.

    A daemon that was told to end did not fail: by itself it has no other end.
    """
    if run.skipped:
        return Mark.SKIPPED
    if run.ended is None:
        return Mark.RUNNING if is_running else Mark.FAILED
    return Mark.OK if run.is_success or run.was_told_to_end(is_daemon=is_daemon) else Mark.FAILED


def worst(events: Iterable[Event]) -> Mark | None:
    """The one mark that tells most of several; None for none."""
    found = {one.mark for one in events}
    return next((mark for mark in Mark if mark in found), None)


def events_of(
    runs: Iterable[Run], missed: Iterable[Missed], slots: Collection[Slot], since: datetime, running: Collection[str],
    *, is_daemon: bool = False,
) -> tuple[Event, ...]:  # fmt: skip
    """All marks later than `since` (aware, in the machine's zone). `running`: ids of runs that still go on."""
    found = [
        Event(
            datetime.fromtimestamp(run.started, since.tzinfo),
            mark_of(run, is_running=run.id in running, is_daemon=is_daemon),
            run,
        )
        for run in runs
        # Of what a sync held for a moment, or kept from taking for a login, nobody wants a mark.
        if run.started >= since.timestamp() and run.skipped not in (HELD, LOADED)
    ]
    told = [(one.at.timestamp(), one.run.skipped) for one in found if one.run is not None and one.run.skipped]
    for gap in missed:
        # By the epoch: on the wall clock, a second before the second 02:00 of a night is the first 01:59.
        before = datetime.fromtimestamp(gap.first.timestamp() - 1, since.tzinfo)
        due = expected(slots, before, gap.last)
        # A start that was skipped says so itself.
        starts = [at for at, reason in told if reason == gap.reason]
        found += [
            Event(slot, Mark.MISSED, reason=gap.reason)
            for slot in due
            if slot >= since and not any(0 <= at - slot.timestamp() < TOLERANCE for at in starts)
        ]
    return tuple(sorted(found, key=lambda one: one.at.timestamp()))


def days_between(since: datetime, now: datetime) -> tuple[date, ...]:
    """Every date from one moment's to the other's."""
    count = (now.date() - since.date()).days
    return tuple(since.date() + timedelta(days=number) for number in range(count + 1))
