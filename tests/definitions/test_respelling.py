"""The clock's entries of a definition, made to mean other slots."""

import pytest

from jobsync.definitions.job import Slot
from jobsync.definitions.respelling import respelled, unspread
from jobsync.errors import JobsyncError

NINE, TEN = Slot(hour=9, minute=0), Slot(hour=10, minute=0)
QUARTERS = tuple(Slot(minute=minute) for minute in (0, 15, 30, 45))


@pytest.mark.parametrize(
    ("schedule", "slots", "texts"),
    [
        ({}, (NINE,), {"at": ["09:00"]}),
        ({"at": "09:00"}, (NINE, TEN), {"at": ["09:00,10:00"]}),
        ({"at": ["09:00"]}, (NINE, TEN), {"at": ["09:00", "10:00"]}),
        ({"at": "09:00", "cron": "0 10 * * *"}, (TEN,), {"cron": ["0 10 * * *"]}),
        ({"at": "09:07"}, QUARTERS, {"every": ["15m"]}),
        ({"every": "15m", "at": "09:07"}, QUARTERS, {"every": ["15m"]}),
    ],
)
def test_what_still_holds_stays_and_the_rest_is_said(
    schedule: dict[str, object], slots: tuple[Slot, ...], texts: dict[str, list[str]]
) -> None:
    assert {key: value for key, value in respelled(schedule, slots).items() if value} == texts


def test_a_spread_is_taken_back_over_midnight() -> None:
    assert unspread((Slot(weekday=1, hour=0, minute=5),), 10) == (Slot(weekday=0, hour=23, minute=55),)
    assert unspread((NINE,), 0) == (NINE,)
    with pytest.raises(JobsyncError, match="from a day nobody can name"):
        unspread((Slot(day=1, hour=0, minute=5),), 10)
