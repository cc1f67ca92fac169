"""Calendar slots against an independent, slow reading of the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsync.simulator.schedule import CalendarSlot, next_fire

BERLIN = ZoneInfo("Europe/Berlin")
HOWE = ZoneInfo("Australia/Lord_Howe")


def fires(slot: CalendarSlot, begin: datetime, days: int, zone: tzinfo) -> list[datetime]:
    """All firings in some days."""
    end, moment, found = begin.timestamp() + days * 86400, next_fire([slot], begin.timestamp(), zone), []
    while moment is not None and moment < end:
        found.append(datetime.fromtimestamp(moment, zone))
        moment = next_fire([slot], moment, zone)
    return found


def minutes(begin: datetime, count: int) -> Iterator[float]:
    first = begin.timestamp() // 60 * 60
    return (first + 60 * step for step in range(1, count + 1))


def matches(slot: CalendarSlot, at: datetime) -> bool:
    """A second reading of the man page, minute by minute."""
    weekday = at.isoweekday() % 7
    days = [at.day == slot.day] if slot.day is not None else []
    days += [weekday == slot.weekday % 7] if slot.weekday is not None else []
    pairs = ((slot.minute, at.minute), (slot.hour, at.hour), (slot.month, at.month))
    return all(wanted is None or wanted == got for wanted, got in pairs) and (not days or any(days))


def maybe(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(low, high)


SLOTS = st.builds(
    CalendarSlot,
    minute=maybe(0, 59),
    hour=maybe(0, 23),
    day=maybe(1, 31),
    weekday=maybe(0, 7),
    month=st.none(),
)


@settings(max_examples=60, deadline=None)
@given(slot=SLOTS, zone=st.sampled_from([UTC, BERLIN, HOWE, ZoneInfo("America/St_Johns")]), day=st.integers(0, 365))
def test_the_next_firing_is_the_first_minute_that_matches(slot: CalendarSlot, zone: tzinfo, day: int) -> None:
    begin = datetime(2026, 1, 1, 13, 7, 31, tzinfo=UTC) + timedelta(days=day)
    slow = (moment for moment in minutes(begin, 3 * 1440) if matches(slot, datetime.fromtimestamp(moment, zone)))
    expected = next(slow, None)
    found = next_fire([slot], begin.timestamp(), zone)
    assert found == expected or (expected is None and (found is None or found > begin.timestamp() + 3 * 86400))


def test_a_slot_in_the_hour_that_is_skipped_does_not_fire_that_day() -> None:
    found = fires(CalendarSlot(minute=30, hour=2), datetime(2026, 3, 28, 12, tzinfo=BERLIN), 2, BERLIN)
    assert [at.day for at in found] == [30]


def test_a_slot_in_the_hour_that_is_repeated_fires_twice() -> None:
    found = fires(CalendarSlot(minute=30, hour=2), datetime(2026, 10, 24, 12, tzinfo=BERLIN), 1, BERLIN)
    assert [(at.day, at.hour, at.fold) for at in found] == [(25, 2, 0), (25, 2, 1)]


def test_day_and_weekday_together_mean_either() -> None:
    slot = CalendarSlot(minute=0, hour=0, day=13, weekday=5)
    found = fires(slot, datetime(2026, 2, 1, tzinfo=UTC), 28, UTC)
    assert [at.day for at in found] == [6, 13, 20, 27]


@pytest.mark.parametrize("weekday", [0, 7])
def test_both_0_and_7_are_sunday(weekday: int) -> None:
    found = next_fire(
        [CalendarSlot(minute=0, hour=9, weekday=weekday)], datetime(2026, 1, 1, tzinfo=UTC).timestamp(), UTC
    )
    assert found == datetime(2026, 1, 4, 9, tzinfo=UTC).timestamp()


def test_an_empty_dict_is_every_minute() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert next_fire([CalendarSlot()], begin + 59, UTC) == begin + 60
    assert next_fire([CalendarSlot()], begin, UTC) == begin + 60


def test_an_hour_without_a_minute_is_every_minute_of_it() -> None:
    assert len(fires(CalendarSlot(hour=3), datetime(2026, 1, 1, tzinfo=UTC), 1, UTC)) == 60


def test_29_february_is_found_eight_years_ahead() -> None:
    begin = datetime(2096, 3, 1, tzinfo=UTC).timestamp()
    found = next_fire([CalendarSlot(minute=0, hour=0, day=29, month=2)], begin, UTC)
    assert found == datetime(2104, 2, 29, tzinfo=UTC).timestamp()


def test_a_day_that_never_comes_never_fires() -> None:
    slot = CalendarSlot(minute=0, hour=0, day=30, month=2)
    assert next_fire([slot], datetime(2026, 1, 1, tzinfo=UTC).timestamp(), UTC) is None


def test_no_slots_never_fire() -> None:
    assert next_fire([], 0.0, UTC) is None


def test_of_several_slots_the_first_counts() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    slots = [CalendarSlot(minute=0, hour=17), CalendarSlot(minute=0, hour=9)]
    assert next_fire(slots, begin.timestamp(), UTC) == (begin + timedelta(hours=9)).timestamp()
