"""Missed runs: the schedule held against the records."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.definitions.job import TOLERANCE, Slot
from jobsync.definitions.slots import longest_gap, next_runs, runs_between
from jobsync.runs.missed import AWAY, REPLACED, STILL_RUNNING, Missed, missed
from jobsync.runs.records import Run

DAILY = (Slot(hour=9, minute=0),)
HOURLY = (Slot(minute=0),)
BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int, minute: int = 0, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=zone)


def ran(moment: datetime, seconds: int = 10, **more: object) -> Run:
    started = int(moment.timestamp())
    return Run(f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-1", started, pid=1, ended=started + seconds, status=0, **more)  # type: ignore[arg-type]  # names of Run's fields


def skipped(moment: datetime, why: str) -> Run:
    started = int(moment.timestamp())
    return Run("x", started, ended=started, skipped=why)


def test_a_job_that_ran_at_every_slot_missed_nothing() -> None:
    runs = [ran(at(day, 9)) for day in range(1, 6)]
    assert missed(DAILY, runs, at(1, 0), at(5, 23)) == ()


def test_a_slot_without_a_run_is_missed_and_open_until_a_later_run_makes_up_for_it() -> None:
    (found,) = missed(DAILY, [ran(at(1, 9))], at(1, 0), at(2, 12))
    assert found == Missed(at(2, 9), at(2, 9), 1, AWAY, None)
    assert found.is_open
    late = ran(at(2, 14))
    assert missed(DAILY, [ran(at(1, 9)), late], at(1, 0), at(2, 20)) == (), "late, and before the next slot: served"
    (found,) = missed(DAILY, [ran(at(1, 9)), ran(at(3, 9))], at(1, 0), at(3, 20))
    assert (found.first, found.is_open, found.made_up) == (at(2, 9), False, ran(at(3, 9)))


def test_a_night_asleep_is_one_gap_made_up_by_the_run_at_wake() -> None:
    wake = ran(at(2, 7, 10))
    (found,) = missed(HOURLY, [ran(at(1, 22)), wake], at(1, 21, 30), at(2, 7, 30))
    assert (found.first, found.last, found.count, found.reason, found.made_up) == (at(1, 23), at(2, 6), 8, AWAY, wake)


def test_a_slot_whose_run_may_still_come_is_not_missed_yet() -> None:
    assert missed(DAILY, [], at(1, 0), at(1, 9) + timedelta(seconds=TOLERANCE - 1)) == ()
    assert len(missed(DAILY, [], at(1, 0), at(1, 9) + timedelta(seconds=TOLERANCE))) == 1


def test_what_was_due_before_the_first_sync_does_not_count() -> None:
    assert missed(DAILY, [], at(1, 10), at(2, 8)) == ()


@pytest.mark.parametrize("why", ["paused", "on battery", "offline"])
def test_a_skipped_start_gives_its_own_reason(why: str) -> None:
    (found,) = missed(DAILY, [skipped(at(1, 9), why)], at(1, 0), at(1, 12))
    assert found.reason == why and found.is_open


def test_a_start_that_a_sync_caused_is_no_reason() -> None:
    (found,) = missed(DAILY, [skipped(at(1, 9), "loaded by sync")], at(1, 0), at(1, 12))
    assert found.reason == AWAY


@pytest.mark.parametrize("why", ["on battery", "offline", "fresh enough", "too late"])
def test_a_start_that_is_skipped_late_is_the_reason_of_all_slots_that_it_stood_for(why: str) -> None:
    """Asleep from 9 to 11; the one start at wake meets a condition."""
    found = missed(HOURLY, [ran(at(1, 8)), skipped(at(1, 11, 20), why)], at(1, 7, 30), at(1, 11, 50))
    assert found == (Missed(at(1, 9), at(1, 11), 3, why, None),)
    caught_up = ran(at(1, 12))
    found = missed(HOURLY, [ran(at(1, 8)), skipped(at(1, 11, 20), why), caught_up], at(1, 7, 30), at(1, 12, 30))
    assert [(one.count, one.reason, one.made_up) for one in found] == [(2, AWAY, caught_up), (1, why, caught_up)]


def test_a_start_that_a_sync_kept_back_for_good_is_one() -> None:
    (found,) = missed(DAILY, [skipped(at(1, 9), "held")], at(1, 0), at(1, 12))
    assert found.reason == REPLACED


def test_slots_in_a_long_run_were_kept_by_it() -> None:
    (found,) = missed(HOURLY, [ran(at(1, 9), seconds=9000), ran(at(1, 12))], at(1, 8, 30), at(1, 12, 30))
    assert (found.first, found.last, found.reason, found.is_open) == (at(1, 10), at(1, 11), STILL_RUNNING, False)


def test_what_the_caller_knows_explains_only_what_nothing_followed() -> None:
    runs = [ran(at(1, 9)), ran(at(3, 9))]
    early, late = missed(DAILY, runs, at(1, 0), at(4, 12), "not loaded")
    assert (early.first, early.reason) == (at(2, 9), AWAY)
    assert (late.first, late.reason) == (at(4, 9), "not loaded")


def test_a_run_that_goes_on_explains_its_slots() -> None:
    going_on = Run("x", int(at(1, 9).timestamp()), pid=1)
    assert missed(HOURLY, [going_on], at(1, 8, 30), at(1, 12, 30), STILL_RUNNING) == ()
    (found,) = missed(HOURLY, [going_on], at(1, 8, 30), at(1, 12, 30))
    assert found.reason == AWAY, "killed, and the machine went down"


def test_different_reasons_are_different_gaps() -> None:
    runs = [skipped(at(1, 10), "on battery"), skipped(at(1, 11), "on battery")]
    found = missed(HOURLY, runs, at(1, 9, 30), at(1, 13, 30))
    assert [(one.first, one.last, one.reason) for one in found] == [
        (at(1, 10), at(1, 11), "on battery"),
        (at(1, 12), at(1, 13), AWAY),
    ]


def test_a_clock_that_was_set_back_confuses_nobody() -> None:
    runs = [ran(at(2, 9)), ran(at(1, 9))]
    assert missed(DAILY, runs, at(1, 0), at(2, 20)) == ()


def test_the_hour_that_summer_time_skips_is_not_missed() -> None:
    night = (Slot(hour=2, minute=30),)
    after = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert missed(night, [], after, datetime(2026, 3, 29, 12, tzinfo=BERLIN)) == ()


@pytest.mark.parametrize("slots", [(Slot(hour=2, minute=30),), (Slot(minute=30),)])
def test_of_the_hour_that_comes_twice_one_run_is_enough(slots: tuple[Slot, ...]) -> None:
    """systemd starts nothing the second time, neither what is daily nor what is hourly; launchd promises nothing."""
    before, behind = (datetime(2026, 10, 25, hour, 40, tzinfo=BERLIN) for hour in (1, 2))
    behind = behind.replace(fold=1)
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1))
    (none,) = missed(slots, [], before, behind)
    assert (none.first, none.last, none.count) == (first, first, 1)
    assert missed(slots, [ran(first)], before, behind) == ()
    assert missed(slots, [ran(second)], before, behind) == ()


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 3, 29, 3, 1, tzinfo=BERLIN), []),
        (datetime(2026, 10, 25, 2, 1, tzinfo=BERLIN, fold=1), [datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)]),
        (datetime(2026, 10, 25, 2, 40, tzinfo=BERLIN, fold=1),
         [datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)]),
    ],
)  # fmt: skip
def test_the_grace_is_as_long_as_ever_while_the_clocks_change(now: datetime, due: list[datetime]) -> None:
    """Three minutes before 03:01 of that night no clock shows 02:58, and three before the second 02:01 it is 02:58."""
    after = datetime.fromtimestamp(now.timestamp() - 4_800, BERLIN)
    at_half_past = (Slot(hour=2, minute=30), Slot(hour=3, minute=30))
    found = missed(at_half_past, [], after, now)
    assert [(one.first, one.last) for one in found] == ([(due[0], due[-1])] if due else [])
    assert sum(one.count for one in found) == len(due)


SLOTS = st.lists(
    st.builds(Slot, hour=st.one_of(st.none(), st.integers(0, 23)), minute=st.sampled_from([0, 15, 30]),
              weekday=st.one_of(st.none(), st.integers(0, 6))), min_size=1, max_size=3,
)  # fmt: skip


@given(SLOTS, st.lists(st.integers(0, 3 * 1440), max_size=12))
def test_each_slot_is_served_or_missed_once(slots: list[Slot], minutes: list[int]) -> None:
    begin, now = at(2, 0), at(5, 0)
    runs = [ran(begin + timedelta(minutes=minute)) for minute in minutes]
    due = runs_between(slots, begin, now - timedelta(seconds=TOLERANCE))
    found = missed(slots, runs, begin, now)
    gone = [slot for one in found for slot in due if one.first <= slot <= one.last]
    assert sum(one.count for one in found) == len(gone) == len(set(gone))
    for number, slot in enumerate(due):
        end = due[number + 1] if number + 1 < len(due) else now
        served = any(slot <= datetime.fromtimestamp(run.started, UTC) < end - timedelta(seconds=6) for run in runs)
        assert not (served and slot in gone)


@given(SLOTS)
def test_runs_between_are_the_next_runs_up_to_the_end(slots: list[Slot]) -> None:
    begin, end = datetime(2026, 10, 24, tzinfo=BERLIN), datetime(2026, 10, 27, tzinfo=BERLIN)
    between = runs_between(slots, begin, end)
    assert between == tuple(one for one in next_runs(slots, begin, len(between) + 3) if one <= end)


@pytest.mark.parametrize(
    ("slots", "days"),
    [
        (DAILY, 1.0),
        (HOURLY, 1 / 24),
        ((Slot(),), 1 / 1440),
        ((Slot(weekday=1, hour=9, minute=0),), 7.0),
        (tuple(Slot(weekday=day, hour=9, minute=0) for day in range(1, 6)), 3.0),
        ((Slot(day=1, hour=6, minute=0),), 31.0),
        ((Slot(day=31, hour=6, minute=0),), 61.0),
        ((Slot(month=6, day=1, hour=6, minute=0),), 4 * 366.0),
        ((Slot(hour=9, minute=0), Slot(hour=17, minute=30)), 15.5 / 24),
    ],
)
def test_the_longest_gap_of_a_schedule(slots: tuple[Slot, ...], days: float) -> None:
    assert longest_gap(slots) == round(days * 86_400)
    assert longest_gap(()) is None
