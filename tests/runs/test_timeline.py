"""Marks on the days of a calendar, where a day is no whole day."""

from datetime import datetime
from zoneinfo import ZoneInfo

from jobsync.definitions.job import Slot
from jobsync.runs.missed import AWAY, Missed
from jobsync.runs.records import STOPPED, Run
from jobsync.runs.timeline import Event, Mark, events_of

BERLIN = ZoneInfo("Europe/Berlin")
HOURLY = (Slot(minute=0),)
MIDNIGHT = datetime(2026, 10, 25, tzinfo=BERLIN)
FIRST, SECOND = (datetime(2026, 10, 25, 2, tzinfo=BERLIN, fold=fold) for fold in (0, 1))
"""The clocks show 02:00 twice in that night."""


def marks(events: tuple[Event, ...]) -> list[tuple[float, Mark]]:
    return [(one.at.timestamp(), one.mark) for one in events]


def test_of_an_hour_that_comes_twice_one_mark_is_missed() -> None:
    gap = Missed(FIRST, datetime(2026, 10, 25, 3, tzinfo=BERLIN), 2, AWAY, None)
    found = events_of([], [gap], HOURLY, MIDNIGHT, ())
    assert marks(found) == [(FIRST.timestamp(), Mark.MISSED), (gap.last.timestamp(), Mark.MISSED)]


def test_a_skipped_start_speaks_for_its_own_reading_of_the_clock_only() -> None:
    skipped = Run("x", int(SECOND.timestamp()), ended=int(SECOND.timestamp()), skipped="on battery")
    gap = Missed(FIRST, FIRST, 1, "on battery", None)
    found = events_of([skipped], [gap], HOURLY, MIDNIGHT, ())
    assert marks(found) == [(FIRST.timestamp(), Mark.MISSED), (SECOND.timestamp(), Mark.SKIPPED)]


def test_a_daemon_that_was_told_to_end_did_not_fail() -> None:
    start = int(FIRST.timestamp())
    ended = [
        Run("told", start, ended=start + 5, status=143, reason=STOPPED),
        Run("by itself", start + 9, ended=start + 10, status=4),
    ]
    assert [one.mark for one in events_of(ended, [], (), MIDNIGHT, (), is_daemon=True)] == [Mark.OK, Mark.FAILED]
    assert [one.mark for one in events_of(ended, [], (), MIDNIGHT, ())] == [Mark.FAILED, Mark.FAILED]
