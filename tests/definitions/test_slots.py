"""Slots keep their meaning when they are simplified and moved, and next runs are what a clock would show."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsync.definitions.job import Slot
from jobsync.definitions.slots import next_runs, shift, simplify
from jobsync.errors import JobsyncError

from .clock_oracle import as_dict, fires, matching, moments, steady

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour of summer time
HAVANA = ZoneInfo("America/Havana")  # its clock skips and repeats midnight
ST_JOHNS = ZoneInfo("America/St_Johns")  # in 2006 its clock went back over midnight, at 00:01

days_of_month = st.one_of(st.none(), st.sampled_from([1, 2, 15, 28, 29, 30, 31]))
hours = st.one_of(st.none(), st.sampled_from([0, 1, 2, 3, 12, 23]))
minutes = st.one_of(st.none(), st.sampled_from([0, 1, 30, 59]))


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    day = draw(days_of_month)
    return Slot(
        month=draw(st.one_of(st.none(), st.sampled_from([2, 3, 12]))),
        day=day,
        weekday=draw(st.one_of(st.none(), st.integers(0, 6))) if day is None else None,
        hour=draw(hours),
        minute=draw(minutes),
    )


@given(st.lists(slots(), min_size=1, max_size=6))
@settings(steady, max_examples=25)
def test_simplified_slots_mean_the_same_minutes(given_slots: list[Slot]) -> None:
    simple = simplify(given_slots)
    assert len(simple) <= len(set(given_slots))
    for first in (datetime(2024, 2, 27), datetime(2025, 12, 30)):  # over a leap day, and over New Year
        assert matching(simple, first, 5) == matching(given_slots, first, 5)


@pytest.mark.parametrize(
    ("scattered", "simple"),
    [
        ([Slot(hour=9, minute=minute) for minute in range(60)], [Slot(hour=9)]),
        ([Slot(hour=hour, minute=5) for hour in range(24)], [Slot(minute=5)]),
        ([Slot(weekday=day, hour=9, minute=0) for day in range(7)], [Slot(hour=9, minute=0)]),
        ([Slot(day=day, hour=9, minute=0) for day in range(1, 32)], [Slot(hour=9, minute=0)]),
        ([Slot(month=month, day=1, hour=9, minute=0) for month in range(1, 13)], [Slot(day=1, hour=9, minute=0)]),
        ([Slot(hour=hour, minute=minute) for hour in range(24) for minute in range(60)], [Slot()]),
        ([Slot(hour=9, minute=0), Slot(weekday=1, hour=9, minute=0)], [Slot(hour=9, minute=0)]),
        (
            [Slot(minute=0), *(Slot(hour=9, minute=minute) for minute in range(1, 60))],
            [Slot(minute=0), Slot(hour=9)],
        ),
        ([Slot(), Slot(month=2)], [Slot()]),
        ([], []),
    ],
)
def test_slots_that_are_all_there_are_become_open_fields(scattered: list[Slot], simple: list[Slot]) -> None:
    assert simplify(scattered) == tuple(simple)


@given(st.lists(slots(), min_size=1, max_size=4), st.integers(0, 720))
@settings(steady, max_examples=25)
def test_shifted_slots_start_just_that_much_later(given_slots: list[Slot], later: int) -> None:
    try:
        shifted = shift(given_slots, later)
    except JobsyncError:
        return
    first = datetime(2024, 2, 27)
    expected = {reading + timedelta(minutes=later) for reading in matching(given_slots, first - timedelta(days=1), 6)}
    assert matching(shifted, first, 5) == {reading for reading in expected if reading >= first and reading.day != 3}


@pytest.mark.parametrize("slot", [Slot(day=1, hour=23, minute=59), Slot(month=2, hour=23, minute=59)])
def test_a_shift_past_midnight_is_refused_where_the_next_day_has_no_name(slot: Slot) -> None:
    with pytest.raises(JobsyncError, match="past midnight"):
        shift([slot], 1)


def test_a_shift_past_midnight_takes_the_weekday_along() -> None:
    assert shift([Slot(weekday=6, hour=23, minute=55)], 10) == (Slot(weekday=0, hour=0, minute=5),)
    assert shift([Slot(hour=23, minute=55)], 10) == (Slot(hour=0, minute=5),)


TRANSITIONS = [
    (datetime(2025, 3, 29, 22, 10, tzinfo=BERLIN), 2),
    (datetime(2025, 10, 25, 22, 10, tzinfo=BERLIN), 2),
    (datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=0), 1),
    (datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=1), 1),
    (datetime(2025, 3, 8, 20, tzinfo=NEW_YORK), 2),
    (datetime(2025, 11, 1, 20, tzinfo=NEW_YORK), 2),
    (datetime(2025, 4, 5, 20, tzinfo=LORD_HOWE), 2),
    (datetime(2025, 10, 4, 20, tzinfo=LORD_HOWE), 2),
    (datetime(2025, 3, 8, 20, tzinfo=HAVANA), 2),
    (datetime(2025, 11, 1, 20, tzinfo=HAVANA), 2),
    (datetime(2006, 10, 28, 20, tzinfo=ST_JOHNS), 2),
    (datetime(2006, 10, 29, 0, 0, tzinfo=ST_JOHNS), 1),
    (datetime(2024, 2, 28, 12, tzinfo=UTC), 2),
]


@pytest.mark.parametrize(("start", "days"), TRANSITIONS)
@pytest.mark.parametrize(
    "meant",
    [
        [Slot(minute=0), Slot(minute=30)],
        [Slot(hour=2, minute=30), Slot(hour=0, minute=15), Slot(hour=1, minute=45)],
        [Slot(day=29, hour=23, minute=45), Slot(weekday=0, hour=0, minute=0)],
        [Slot(day=26, weekday=6, hour=2)],
    ],
)
def test_next_runs_are_the_moments_when_the_clock_shows_a_slot(start: datetime, days: int, meant: list[Slot]) -> None:
    entries = [as_dict(slot) for slot in meant]
    end = start.astimezone(UTC) + timedelta(days=days)
    expected = moments(lambda reading: any(fires(entry, reading) for entry in entries), start, end)
    found = next_runs(meant, start, len(expected))
    assert [run.astimezone(UTC) for run in found] == expected
    assert all(run.tzinfo is start.tzinfo for run in found)


def test_a_slot_in_the_skipped_hour_is_not_named_and_one_in_the_repeated_hour_is_named_twice() -> None:
    spring = next_runs([Slot(hour=2, minute=30)], datetime(2025, 3, 29, 12, tzinfo=BERLIN), 2)
    assert [run.isoformat() for run in spring] == ["2025-03-31T02:30:00+02:00", "2025-04-01T02:30:00+02:00"]
    autumn = next_runs([Slot(hour=2, minute=30)], datetime(2025, 10, 25, 12, tzinfo=BERLIN), 3)
    assert [run.isoformat() for run in autumn] == [
        "2025-10-26T02:30:00+02:00",
        "2025-10-26T02:30:00+01:00",
        "2025-10-27T02:30:00+01:00",
    ]


def test_the_next_run_is_later_than_the_moment_asked_for() -> None:
    at_nine = datetime(2025, 6, 2, 9, tzinfo=UTC)
    assert next_runs([Slot(hour=9, minute=0)], at_nine, 1) == (at_nine + timedelta(days=1),)
    assert next_runs([Slot(hour=9, minute=0)], at_nine - timedelta(seconds=1), 1) == (at_nine,)


def test_a_leap_day_is_found_over_a_century_without_one() -> None:
    found = next_runs([Slot(month=2, day=29, hour=4, minute=0)], datetime(2096, 3, 1, tzinfo=UTC), 2)
    assert [run.year for run in found] == [2104, 2108]


def test_a_day_that_never_comes_has_no_next_run() -> None:
    assert next_runs([Slot(month=2, day=30, hour=4, minute=0)], datetime(2025, 3, 1, tzinfo=UTC), 2) == ()
    assert next_runs([], datetime(2025, 3, 1, tzinfo=UTC), 2) == ()
    assert next_runs([Slot()], datetime(9999, 12, 31, 12, tzinfo=UTC), 1) == ()


def test_no_runs_are_named_when_none_are_asked_for() -> None:
    assert next_runs([Slot()], datetime(2025, 3, 1, tzinfo=UTC), 0) == ()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_runs([Slot()], datetime(2025, 3, 1), 1)
