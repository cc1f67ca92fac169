"""`at`, `cron`, `every` and `spread` mean what they say, held against a second computation over a whole year."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobsync.definitions import cron as crons
from jobsync.definitions import schedule
from jobsync.definitions.clock import Clock
from jobsync.definitions.cron import SHORTHANDS
from jobsync.definitions.job import Slot
from jobsync.definitions.schedule import INTERVALS
from jobsync.definitions.slots import next_runs
from jobsync.errors import JobsyncError

from .clock_oracle import matching, moments, shown_moments, steady

ZONES = ("Europe/Berlin", "America/New_York", "UTC")
WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
YEARS = (2024, 2025)
CHANGES = {  # two days before each change of the clock
    "Europe/Berlin": [datetime(2025, 3, 28), datetime(2025, 10, 24)],
    "America/New_York": [datetime(2025, 3, 7), datetime(2025, 10, 31)],
    "UTC": [datetime(2024, 2, 27), datetime(2025, 12, 30)],
}


def field(low: int, high: int, *, most: int) -> st.SearchStrategy[str]:
    """A cron field of at most so many values: numbers, ranges, steps and lists of them."""
    number = st.integers(low, high)
    span = st.tuples(number, st.integers(1, most - 1)).map(lambda pair: f"{pair[0]}-{min(pair[0] + pair[1], high)}")
    single = number.map(str)
    ranges = span.filter(lambda text: text.split("-")[0] != text.split("-")[1])
    stepped = st.tuples(ranges, st.integers(1, 4)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    lists = st.lists(single, min_size=1, max_size=most).map(",".join)
    return st.one_of(single, ranges, stepped, lists)


months = st.one_of(st.just("*"), field(1, 12, most=4), st.sampled_from(["jan,JUL", "feb-apr", "*/3"]))
monthdays = field(1, 28, most=6)
weekdays = st.one_of(
    field(0, 6, most=4), st.sampled_from(["7", "mon-fri", "Sat,sun", "5-7", "0,7", "1-7", "*/2", "*/3"])
)


@st.composite
def cron_days(draw: st.DrawFn) -> tuple[str, str]:
    kind = draw(st.sampled_from(["every", "monthday", "weekday", "either", "starred"]))
    match kind:
        case "monthday":
            return draw(monthdays), "*"
        case "weekday":
            return "*", draw(weekdays)
        case "either":
            return draw(monthdays), draw(weekdays.filter(lambda text: not text.startswith("*")))
        case "starred":
            return draw(st.sampled_from(["*/2", "*/7", "*/1", "31", "29,30"])), "*"
        case _:
            return "*", "*"


@st.composite
def sparse_crons(draw: st.DrawFn) -> str:
    """Cron lines with few starts a day, so that a year of them can be walked."""
    day, weekday = draw(cron_days())
    minute, hour = draw(field(0, 59, most=2)), draw(field(0, 23, most=3))
    return f"{minute} {hour} {day} {draw(months)} {weekday}"


@st.composite
def dense_crons(draw: st.DrawFn) -> str:
    day, weekday = draw(cron_days())
    minute = draw(st.sampled_from(["*", "*/5", "*/7", "0", "59", "0-10/2,30", "*/45"]))
    hour = draw(st.one_of(st.just("*"), st.sampled_from(["*/2", "1-3", "0,2,23", "*/5"])))
    return f"{minute} {hour} {day} * {weekday}"


def croniter_readings(cron: str, first: datetime, days: int) -> list[datetime]:
    """What croniter makes of the line on a clock without summer time."""
    found, last = [], first + timedelta(days=days)
    iterator = croniter(cron, first - timedelta(minutes=1), day_or=True, max_years_between_matches=8)
    while (reading := iterator.get_next(datetime)) < last:
        found.append(reading)
    return found


def slots_of(cron: str) -> tuple[Slot, ...]:
    """What we make of the line; lines that are refused for what they are, and not for how, are passed over."""
    try:
        return crons.read_cron(cron).slots
    except JobsyncError as refusal:
        assume("never happens" not in refusal.message and "entries" not in refusal.message)
        raise


@given(sparse_crons(), st.sampled_from(YEARS), st.sampled_from(ZONES))
@settings(steady, max_examples=60)
def test_cron_starts_a_whole_year_through_when_croniter_says(cron: str, year: int, zone_name: str) -> None:
    zone, slots = ZoneInfo(zone_name), slots_of(cron)
    after = datetime(year, 1, 1, tzinfo=zone) - timedelta(minutes=1)
    expected = shown_moments(croniter_readings(cron, datetime(year, 1, 1), 365), zone, after)
    found = next_runs(slots, after, len(expected))
    assert [run.astimezone(UTC) for run in found] == expected


@given(dense_crons(), st.sampled_from(ZONES), st.integers(0, 1))
@settings(steady, max_examples=40)
def test_cron_starts_around_a_change_of_the_clock_when_croniter_says(cron: str, zone_name: str, number: int) -> None:
    zone, slots, first = ZoneInfo(zone_name), slots_of(cron), CHANGES[zone_name][number]
    after = first.replace(tzinfo=zone) - timedelta(minutes=1)
    expected = shown_moments(croniter_readings(cron, first, 4), zone, after)
    found = next_runs(slots, after, len(expected))
    assert [run.astimezone(UTC) for run in found] == expected


@given(dense_crons(), st.sampled_from([datetime(2024, 2, 27), datetime(2025, 8, 30), datetime(2025, 12, 30)]))
@settings(steady, max_examples=20)
def test_the_dicts_of_a_cron_line_fire_in_the_minutes_croniter_says(cron: str, first: datetime) -> None:
    slots = slots_of(cron)
    assert matching(slots, first, 4) == set(croniter_readings(cron, first, 4))
    assert all(slot.day is None or slot.weekday is None for slot in slots)


@st.composite
def ats(draw: st.DrawFn) -> tuple[str, Callable[[datetime], bool]]:
    """A text for `at`, and what a person understands by it."""
    times = draw(st.lists(st.tuples(st.integers(0, 23), st.sampled_from([0, 1, 30, 59])), min_size=1, max_size=3))
    times_text = ",".join(f"{hour:02}:{minute:02}" for hour, minute in times)
    kind = draw(st.sampled_from(["daily", "weekdays", "span", "monthdays"]))
    if kind == "weekdays":
        named = draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
        return (
            f"{','.join(WEEK[day] for day in named)} {times_text}",
            lambda reading: reading.isoweekday() % 7 in named and (reading.hour, reading.minute) in times,
        )
    if kind == "span":
        start, length = draw(st.integers(0, 6)), draw(st.integers(1, 6))
        meant = {(start + number) % 7 for number in range(length + 1)}
        return (
            f"{WEEK[start]}-{WEEK[(start + length) % 7]} {times_text}",
            lambda reading: reading.isoweekday() % 7 in meant and (reading.hour, reading.minute) in times,
        )
    if kind == "monthdays":
        first = draw(st.integers(1, 31))
        last = draw(st.integers(first, 31))
        return (
            f"{first}-{last},15 {times_text}",
            lambda reading: (
                (first <= reading.day <= last or reading.day == 15) and (reading.hour, reading.minute) in times
            ),
        )
    return times_text, lambda reading: (reading.hour, reading.minute) in times


@given(ats(), st.sampled_from(ZONES))
@settings(steady, max_examples=4)
def test_at_starts_a_whole_year_through_when_a_reader_of_the_clock_would(
    at: tuple[str, Callable[[datetime], bool]], zone_name: str
) -> None:
    text, is_meant = at
    start = datetime(2025, 1, 1, tzinfo=ZoneInfo(zone_name))
    expected = moments(is_meant, start, datetime(2026, 1, 1, tzinfo=ZoneInfo(zone_name)))
    found = next_runs(schedule.read_at(text).slots, start, len(expected))
    assert [run.astimezone(UTC) for run in found] == expected


@pytest.mark.parametrize("minutes", INTERVALS)
def test_every_allowed_interval_counts_from_midnight(minutes: int) -> None:
    clock = schedule.read_every(f"{minutes}m")
    midnight = datetime(2025, 6, 2)
    found = matching(clock.slots, midnight, 1)
    assert found == {midnight + timedelta(minutes=start) for start in range(0, 1_440, minutes)}
    assert len(clock.slots) <= 180


@pytest.mark.parametrize(
    ("read", "text", "slots"),
    [
        (schedule.read_at, "09:00", [Slot(hour=9, minute=0)]),
        (schedule.read_at, " 9:00 , 17:30 ", [Slot(hour=9, minute=0), Slot(hour=17, minute=30)]),
        (schedule.read_at, "SAT,sun 10:00", [Slot(weekday=0, hour=10, minute=0), Slot(weekday=6, hour=10, minute=0)]),
        (schedule.read_at, "1,15 06:00", [Slot(day=1, hour=6, minute=0), Slot(day=15, hour=6, minute=0)]),
        (schedule.read_at, "mon-sun 06:00", [Slot(hour=6, minute=0)]),
        (schedule.read_at, "1-31 06:00", [Slot(hour=6, minute=0)]),
        (schedule.read_at, "sat-mon 06:00", [Slot(weekday=day, hour=6, minute=0) for day in (0, 1, 6)]),
        (crons.read_cron, "* * * * *", [Slot()]),
        (crons.read_cron, "* 9 * * *", [Slot(hour=9)]),
        (crons.read_cron, "5 * * * *", [Slot(minute=5)]),
        (crons.read_cron, "0 9 * * 7", [Slot(weekday=0, hour=9, minute=0)]),
        (crons.read_cron, "0 9 1 * mon", [Slot(weekday=1, hour=9, minute=0), Slot(day=1, hour=9, minute=0)]),
        (crons.read_cron, "0 9 1-31 * mon", [Slot(hour=9, minute=0)]),
        (crons.read_cron, "0 9 1 * 0-6", [Slot(hour=9, minute=0)]),
        (crons.read_cron, "0 9 */1 * mon", [Slot(weekday=1, hour=9, minute=0)]),
        (crons.read_cron, "0 9 1 * */1", [Slot(day=1, hour=9, minute=0)]),
        (crons.read_cron, "0 9 */16 * *", [Slot(day=1, hour=9, minute=0), Slot(day=17, hour=9, minute=0)]),
        (crons.read_cron, "0 0 29 2 *", [Slot(month=2, day=29, hour=0, minute=0)]),
        (schedule.read_every, "1m", [Slot()]),
        (schedule.read_every, "60m", [Slot(minute=0)]),
        (schedule.read_every, "30m", [Slot(minute=0), Slot(minute=30)]),
        (schedule.read_every, "12h", [Slot(hour=0, minute=0), Slot(hour=12, minute=0)]),
    ],
)
def test_a_schedule_becomes_the_fewest_slots(read: Callable[[str], Clock], text: str, slots: list[Slot]) -> None:
    assert read(text).slots == tuple(slots)


@pytest.mark.parametrize(("shorthand", "cron"), SHORTHANDS.items())
def test_a_shorthand_is_its_cron_line(shorthand: str, cron: str) -> None:
    assert crons.read_cron(shorthand.upper()).slots == crons.read_cron(cron).slots


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (schedule.read_at, "09:00", "daily at 09:00"),
        (schedule.read_at, "17:30,09:00,9:00", "daily at 09:00 and 17:30"),
        (schedule.read_at, "mon-fri 09:00", "mon-fri at 09:00"),
        (schedule.read_at, "fri-mon 09:00", "mon and fri-sun at 09:00"),
        (schedule.read_at, "sat,sun 10:00", "sat and sun at 10:00"),
        (schedule.read_at, "1,2,15 06:00", "on day 1, 2 and 15 at 06:00"),
        (schedule.read_at, "mon-sun 06:00", "daily at 06:00"),
        (crons.read_cron, "0 9 * * 1-5", "mon-fri at 09:00"),
        (crons.read_cron, "0 9 1 1,7 mon", "on day 1 or mon at 09:00 in jan and jul"),
        (crons.read_cron, "*/15 * * * *", "every 15 minutes"),
        (crons.read_cron, "*/15 * * * 1", "mon every 15 minutes"),
        (crons.read_cron, "* * * * *", "every minute"),
        (crons.read_cron, "5 * * * *", "hourly at :05"),
        (crons.read_cron, "1-30  * * * *", 'cron "1-30 * * * *"'),
        (crons.read_cron, "* 9 * * *", 'cron "* 9 * * *"'),
        (crons.read_cron, "0 9-17 * * *", 'cron "0 9-17 * * *"'),
        (crons.read_cron, "@daily", "daily at 00:00"),
        (schedule.read_every, "1m", "every minute"),
        (schedule.read_every, "15m", "every 15 minutes"),
        (schedule.read_every, "1h", "every hour"),
        (schedule.read_every, "6h", "every 6 hours"),
        (schedule.read_every, "90m", "every 1h30m"),
    ],
)
def test_a_schedule_is_said_as_a_person_would(read: Callable[[str], Clock], text: str, words: str) -> None:
    assert read(text).words == words


AT_FAULTS = {
    "": 'is empty; write it as "mon-fri 09:00"',
    "ab ü": 'is not a schedule; write it as "mon-fri 09:00"',
    "9am": '"9am" is not a time of day; write "09:00"',
    "12:30pm": '"12:30pm" is not a time of day; write "12:30"',
    "9": '"9" is not a time of day; write "09:00"',
    "0900": '"0900" is not a time of day; write "09:00"',
    "24:00": '"24:00" is not a time of day; write "00:00"',
    "midnight": '"midnight" is not a time of day; write "00:00"',
    "midday": '"midday" is not a time of day; write "12:00"',
    "noon": '"noon" is not a time of day; write "12:00"',
    "09:00:00": '"09:00:00" is not a time of day; write "09:00"',
    "25:00": '"25:00" is not a time of day; write hours and minutes of 24 hours: "09:00"',
    "mon": '"mon" has no time of day; write "mon 09:00"',
    "monday-friday": '"monday-friday" has no time of day; write "mon-fri 09:00"',
    "mon- 09:00": '"mon- 09:00" has a dash between days and times; write "mon 09:00"',
    "mon-fri-9:00,10:00": '"mon-fri-9:00,10:00" has a dash between days and times; write "mon-fri 9:00,10:00"',
    "tuesday-": '"tuesday-" has no time of day; write "tue 09:00"',
    "mon-fre": '"mon-fre" has no time of day; write "mon-fri 09:00"',
    "mon--thu,9:00": '"mon--thu,9:00" has a comma between days and times; write "mon-fri 09:00"',
    "mon, 09:00": '"mon, 09:00" has a comma between days and times; write "mon 09:00"',
    "Sat, Sunday, 9:00,10:00": '"Sat, Sunday, 9:00,10:00" has a comma between days and times; write '
    '"sat,sun 9:00,10:00"',
    "9:00 mon-fri": '"9:00 mon-fri" names the time before the days; write "mon-fri 9:00"',
    "mon at 09:00": '"mon at 09:00" is not [DAYS] TIMES; write it as "mon-fri 09:00" or "1,15 06:00,18:00"',
    "monday 09:00": '"monday" is not a day; write "mon"',
    "weekdays 09:00": '"weekdays" is not a day; write "mon-fri"',
    "daily 09:00": '"daily" is not a day; leave the days out',
    "1st 09:00": '"1st" is not a day; write "1"',
    "someday 09:00": '"someday" is not a day; days are mon, tue, … sun or numbers from 1 to 31',
    "mon-,fri 09:00": '"" is not a day; days are mon, tue, … sun or numbers from 1 to 31',
    "1-,5 09:00": '"" is not a day of the month; write numbers from 1 to 31',
    "32 09:00": '"32" is not a day of the month; write numbers from 1 to 31',
    "28-3 09:00": '"28-3" runs over the end of the month; write "28-31,1-3"',
    "1,mon 09:00": '"1,mon" mixes days of the month with weekdays; write two entries: at = ["1 …", "mon …"]',
}
CRON_FAULTS = {
    " ": 'is empty; write five fields, as "0 9 * * 1-5"',
    "@reboot": '"@reboot" is not a time; write at_login = true',
    "@never": '"@never" is not known; known are ' + ", ".join(SHORTHANDS),
    "0 9 * *": '"0 9 * *" has 4 of the five fields minute hour day month weekday; write all five',
    "0 0 9 * * 1": '"0 0 9 * * 1" has six fields; without seconds it is "0 9 * * 1"',
    "0 0 9 * * mon,tue": '"0 0 9 * * mon,tue" has six fields; without seconds it is "0 9 * * mon,tue"',
    "0 9 * * 1 git": '"0 9 * * 1 git" has 6 fields; write five (minute hour day month weekday), and what to run in '
    "`run`",
    "0 9 * * 1 root": '"0 9 * * 1 root" has 6 fields; write five (minute hour day month weekday), and what to run in '
    "`run`",
    "0 9 * * 1 /bin/x": '"0 9 * * 1 /bin/x" has 6 fields; write five (minute hour day month weekday), and what to '
    "run in `run`",
    "0 0 L * *": '"l" is not a day-of-month; `L` (the last …) is not cron\'s; start on days 28 to 31 and let the '
    "script check",
    "0 0 LW * *": '"lw" is not a day-of-month; `L` (the last …) is not cron\'s; start on days 28 to 31 and let the '
    "script check",
    "0 0 * * 1#2": '"1#2" is not a day-of-week; `#` (the n-th weekday) is not cron\'s; start on that weekday and let '
    "the script check its day of the month",
    "0 0 ? * *": '"?" is not a day-of-month; `?` is not cron\'s; write `*`',
    "0~9 0 * * *": '"0~9" is not a minute; `~` (a random value) is not understood; write a number, and `spread` '
    "beside it",
    "0, 0 * * *": '"" is not a minute; it is 0 to 59, in the form 5 or 1-5 or 1,5 or */5',
    "5/10 * * * *": '"5/10" means different things to different crons; write "5-59/10" or "5"',
    "0 0 * * mon/2": '"mon/2" means different things to different crons; write "mon-sat/2" or "mon"',
    "5-5/10 * * * *": '"5-5/10" is not a range from low to high; write "5"',
    "0 22-4 * * *": '"22-4" is not a range from low to high; write "22-23,0-4"',
    "0 22-4/2 * * *": '"22-4/2" is not a range from low to high; write "22,0,2,4"',
    "0 0 * nov-feb *": '"nov-feb" is not a range from low to high; write "nov-dec,jan-feb"',
    "0 0 * * fri-mon": '"fri-mon" is not a range from low to high; write "fri,sat,sun,mon"',
    "60 * * * *": '"60" is not a minute; it is 0 to 59',
    "*/0 * * * *": '"*/0" is not a minute; it is 0 to 59',
    "0 24 * * *": '"24" is not an hour; it is 0 to 23',
    "0 0 32 * *": '"32" is not a day-of-month; it is 1 to 31',
    "0 0 mon * *": '"mon" is not a day-of-month; it is 1 to 31',
    "0 0 31 2,4 *": '"0 0 31 2,4 *" never happens: no such month has a day 31; write one that it has',
    "0 0 * 13 *": '"13" is not a month; it is 1 to 12 or jan to dec',
    "0 0 */2 * 1-5": 'the day "*/2" beside the weekday "1-5" means both at once to cron, which launchd cannot say; '
    "keep one of them and let the script check the other",
    "0 0 1 * */2": 'the day "1" beside the weekday "*/2" means both at once to cron, which launchd cannot say; '
    "keep one of them and let the script check the other",
    "0-40 0-22 2-3 * *": "needs 1,886 entries in launchd's list of times, and 1,000 are the most; write fewer times, "
    'or start more often (every = "5m") and let the script check',
}
EVERY_FAULTS = {
    "7m": '"7m" does not divide a day into equal parts; write "6m" or "8m"',
    "11h": '"11h" does not divide a day into equal parts; write "8h" or "12h"',
    "90s": '"90s" is not one or more whole minutes; write "1m" or "2m"',
    "30s": '"30s" is not one or more whole minutes; write "1m"',
    "0s": '"0s" is not one or more whole minutes; write "1m"',
    "1d": '"1d" is longer than 12h; say when: at = "09:00"',
    "13h": '"13h" is longer than 12h; say when: at = "09:00"',
    "1w": '"1w" is longer than 12h; say when: at = "mon 09:00"',
    "5 min": '"5 min" is not a duration; write "5m"',
    "24 hours": '"24 hours" is not a duration; 1d is longer than 12h; say when: at = "09:00"',
    "30 sec": '"30 sec" is not a duration; 30s is not one or more whole minutes; write "1m"',
    "daily": '"daily" is not a duration; write it as "15m", "1h" or "12h"',
}
SPREAD_FAULTS = {
    "20s": '"20s" is not one or more whole minutes; write "1m"',
    "90s": '"90s" is not one or more whole minutes; write "2m"',
    "13h": '"13h" is longer than 12h; write "12h" or less',
    "1 day": '"1 day" is not a duration; 1d is longer than 12h; write "12h" or less',
    "some": '"some" is not a duration; write it as "15m", "1h" or "12h"',
}


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read, text, message)
        for read, faults in (
            (schedule.read_at, AT_FAULTS),
            (crons.read_cron, CRON_FAULTS),
            (schedule.read_every, EVERY_FAULTS),
            (schedule.read_spread, SPREAD_FAULTS),
        )
        for text, message in faults.items()
    ],
)
def test_what_cannot_be_said_exactly_is_refused_with_what_to_write(
    read: Callable[[str], object], text: str, message: str
) -> None:
    with pytest.raises(JobsyncError) as refusal:
        read(text)
    assert refusal.value.message == message


@given(st.text(max_size=60) | st.text("0123456789*/,-@:lw# mondayjfe", max_size=30))
@settings(steady, max_examples=100)
def test_any_text_is_a_schedule_or_a_refusal(text: str) -> None:
    for read in (schedule.read_at, crons.read_cron, schedule.read_every, schedule.read_spread):
        try:
            read(text)
        except JobsyncError as refusal:
            assert refusal.message


def test_triggers_are_merged_into_one_list_without_repetition() -> None:
    clocks = [schedule.read_at("09:00"), crons.read_cron("0 9 * * 1-5"), schedule.read_at("mon 10:00")]
    assert schedule.merge(clocks) == (Slot(hour=9, minute=0), Slot(weekday=1, hour=10, minute=0))


def test_triggers_that_are_too_many_together_are_refused() -> None:
    clocks = [crons.read_cron(f"0-30 0-14 * {month} *") for month in (1, 2, 3)]
    with pytest.raises(JobsyncError, match="1,395 entries"):
        schedule.merge(clocks)


def test_a_spread_is_the_same_always_and_differs_between_machines_and_jobs() -> None:
    shares = {
        schedule.spread_of(600, machine, label) for machine in ("one", "two") for label in ("jobsync.a", "jobsync.b")
    }
    assert len(shares) == 4
    assert schedule.spread_of(600, "one", "jobsync.a") == 352
    assert all(0 <= schedule.spread_of(5, f"machine-{number}", "jobsync.a") <= 5 for number in range(50))


def test_a_spread_is_right_or_wrong_on_all_machines_alike() -> None:
    slots = schedule.read_at("1 23:55").slots
    for later in (0, 3, 10):
        with pytest.raises(JobsyncError, match='start 10m before midnight at the latest, or write spread = "0m"'):
            schedule.spread_out(slots, 10, later)


def test_a_spread_that_would_need_too_many_entries_is_refused() -> None:
    slots = crons.read_cron("* 9-17 * 1,2,3 1-5").slots
    with pytest.raises(JobsyncError, match="entries"):
        schedule.spread_out(slots, 30, 7)
