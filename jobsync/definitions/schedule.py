"""What `at`, `cron`, `every` and `spread` mean: exact slots, and words for people.

cronsim reads the fields of a cron line; whatever it takes beyond plain five-field cron is refused before, because
no list of `StartCalendarInterval` dicts could say it. Pure, and the same on every machine (but `spread_of`, which is
meant to differ).
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING

from jobsync.definitions.duration import format_duration, parse_duration
from jobsync.definitions.job import Slot
from jobsync.definitions.slots import MINUTES_A_DAY, MOST_SLOTS, next_runs, shift, simplify
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

if TYPE_CHECKING:
    from cronsim import CronSim

__all__ = [
    "Clock",
    "format_duration",
    "merge",
    "next_runs",
    "parse_duration",
    "read_at",
    "read_cron",
    "read_every",
    "read_spread",
    "spread_of",
    "spread_out",
]

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONGEST_EVERY = 12 * 60
INTERVALS = tuple(n for n in range(1, LONGEST_EVERY + 1) if MINUTES_A_DAY % n == 0)
"""Minutes that divide a day: only these give the same slots every day."""

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_CRON_FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31",
    "month": "1 to 12 or jan to dec",
    "day-of-week": "0 to 7 (0 and 7 are Sunday) or sun to sat",
}
_CRON_BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day-of-month": (1, 31),
    "month": (1, 12),
    "day-of-week": (0, 6),
}
_CRON_TERM = re.compile(r"(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?")
_OTHER_CRONS = {
    "l": "`L` (the last …) is not cron's; start on days 28 to 31 and let the script check",
    "w": "`W` (the nearest working day) is not cron's; start on several days and let the script check",
    "#": "`#` (the n-th weekday) is not cron's; start on that weekday and let the script check its day of the month",
    "?": "`?` is not cron's; write `*`",
    "h": "`H` is not cron's; write a number, and `spread` beside it",
    "~": "`~` (a random value) is not understood; write a number, and `spread` beside it",
}
_WORDS_AS_DAYS = {
    "daily": "leave the days out",
    "everyday": "leave the days out",
    "weekday": 'write "mon-fri"',
    "weekdays": 'write "mon-fri"',
    "weekend": 'write "sat,sun"',
    "weekends": 'write "sat,sun"',
    "last": "launchd cannot say it; start on days 28 to 31 (28-31) and let the script check",
}
_WORDS_AS_TIMES = {"midnight": "00:00", "noon": "12:00", "midday": "12:00", "24:00": "00:00"}
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_TWELVE_HOURS = re.compile(r"(1[0-2]|0?[1-9])(?::([0-5][0-9]))?([ap])\.?m\.?")
_MOST_TIMES_IN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Clock:
    """A trigger on the clock: the slots it means (sorted, simplified), and how a person would say it."""

    slots: tuple[Slot, ...]
    words: str


def _listed(items: Sequence[str], last: str = "and") -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def _weekday_words(weekdays: Iterable[int]) -> str:
    """`mon-fri`, `sat and sun`: runs of three and more become ranges; the week starts on Monday."""
    runs: list[list[int]] = []
    for day in sorted((weekday - 1) % 7 for weekday in weekdays):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names: list[str] = []
    for run in runs:
        spelled = [WEEKDAYS[(day + 1) % 7] for day in run]
        names += [f"{spelled[0]}-{spelled[-1]}"] if len(run) > 2 else spelled
    return _listed(names)


def _day_words(days: Iterable[int]) -> str:
    return f"on day {_listed([str(day) for day in sorted(days)])}"


def _time_words(times: Iterable[tuple[int, int]]) -> str:
    return "at " + _listed([f"{hour:02}:{minute:02}" for hour, minute in sorted(times)])


# --- at ---------------------------------------------------------------------------------------------------------


def _time(text: str) -> tuple[int, int]:
    if match := _TIME.fullmatch(text):
        return int(match[1]), int(match[2])
    raise JobsyncError(f'"{text}" is not a time of day; write {_time_hint(text)}')


def _time_hint(text: str) -> str:
    if text in _WORDS_AS_TIMES:
        return f'"{_WORDS_AS_TIMES[text]}"'
    if match := _TWELVE_HOURS.fullmatch(text):
        hour = int(match[1]) % 12 + (12 if match[3] == "p" else 0)
        return f'"{hour:02}:{match[2] or "00"}"'
    if re.fullmatch(r"(?:[01]?[0-9]|2[0-3])", text):
        return f'"{int(text):02}:00"'
    if re.fullmatch(r"(?:[01][0-9]|2[0-3])[0-5][0-9]", text):
        return f'"{text[:2]}:{text[2:]}"'
    if match := _TIME.match(text):
        return f'"{int(match[1]):02}:{match[2]}"'
    return 'hours and minutes of 24 hours: "09:00"'


def _weekday(text: str) -> int:
    if text in WEEKDAYS:
        return WEEKDAYS.index(text)
    hint = _WORDS_AS_DAYS.get(text)
    if hint is None and text[:3] in WEEKDAYS:
        hint = f'write "{text[:3]}"'
    if hint is None and (ordinal := re.fullmatch(r"([0-9]{1,2})(?:st|nd|rd|th|\.)", text)):
        hint = f'write "{ordinal[1]}"'
    raise JobsyncError(f'"{text}" is not a day; {hint or "days are mon, tue, … sun or numbers from 1 to 31"}')


def _monthday(text: str) -> int:
    if re.fullmatch(r"0?[1-9]|[12][0-9]|3[01]", text):
        return int(text)
    raise JobsyncError(f'"{text}" is not a day of the month; write numbers from 1 to 31')


def _weekday_span(text: str) -> list[int]:
    """`mon-fri`, over the end of the week too: `fri-mon`."""
    first, _, last = text.partition("-")
    start = _weekday(first)
    length = (_weekday(last) - start) % 7 if last else 0
    return [(start + number) % 7 for number in range(length + 1)]


def _monthday_span(text: str) -> list[int]:
    first, _, last = text.partition("-")
    start, end = _monthday(first), _monthday(last or first)
    if end < start:
        raise JobsyncError(f'"{text}" runs over the end of the month; write "{start}-31,1-{end}"')
    return list(range(start, end + 1))


def _days(text: str) -> tuple[set[int], set[int]]:
    """Days of the month and weekdays; one of the two is empty."""
    terms = text.split(",")
    numbers = [term for term in terms if re.fullmatch(r"[0-9]+(?:-[0-9]*)?", term)]
    names = [term for term in terms if term not in numbers]
    if numbers and names:
        lines = f'["{",".join(numbers)} …", "{",".join(names)} …"]'
        raise JobsyncError(f'"{text}" mixes days of the month with weekdays; write two entries: at = {lines}')
    return (
        {day for term in numbers for day in _monthday_span(term)},
        {day for term in names for day in _weekday_span(term)},
    )


def _plain(text: str, what: str) -> str:
    """The text in lower case. Errors: `JobsyncError` for what no schedule can hold, so that messages stay short."""
    if not text.strip():
        raise JobsyncError(f"is empty; write {what}")
    if len(text) > 500 or not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise JobsyncError(f"is not a schedule; write {what}")
    return text.lower()


def read_at(text: str) -> Clock:
    """`[DAYS] TIMES`: `09:00,17:30`, `mon-fri 09:00`, `1,15 06:00`. Errors: `JobsyncError` with what to write."""
    plain = _plain(text, 'it as "mon-fri 09:00"')
    parts = re.sub(r"\s*([,-])\s*", r"\1", plain).split()
    if len(parts) > 2:
        raise JobsyncError(f'"{text}" is not [DAYS] TIMES; write it as "mon-fri 09:00" or "1,15 06:00,18:00"')
    if len(parts) == 1 and parts[0][:3] in WEEKDAYS:
        raise JobsyncError(f'"{text}" has no time of day; write "{parts[0]} 09:00"')
    times = {_time(term) for term in parts[-1].split(",")}
    monthdays, weekdays = _days(parts[0]) if len(parts) == 2 else (set[int](), set[int]())
    return Clock(
        slots=simplify(
            Slot(day=day, weekday=weekday, hour=hour, minute=minute)
            for (day, weekday), (hour, minute) in product(_day_parts(monthdays, weekdays), times)
        ),
        words=_sentence(monthdays, weekdays, _time_words(times)),
    )


def _day_parts(monthdays: Iterable[int], weekdays: Iterable[int]) -> list[tuple[int | None, int | None]]:
    """(day, weekday) of each slot. Never both in one: only one source says what launchd makes of that."""
    parts: list[tuple[int | None, int | None]] = [(day, None) for day in monthdays]
    parts += [(None, weekday) for weekday in weekdays]
    return parts or [(None, None)]


def _sentence(monthdays: set[int], weekdays: set[int], time_words: str) -> str:
    every_day = "" if time_words.startswith(("every", "hourly")) else "daily"
    if len(monthdays) == 31 or len(weekdays) == 7:
        monthdays, weekdays = set(), set()
    parts = [_day_words(monthdays)] if monthdays else []
    parts += [_weekday_words(weekdays)] if weekdays else []
    return f"{' or '.join(parts) or every_day} {time_words}".strip()


# --- cron -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cron:
    """A cron line taken apart; an empty set means every value."""

    minutes: frozenset[int]
    hours: frozenset[int]
    monthdays: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]


def _a(name: str) -> str:
    return f"an {name}" if name == "hour" else f"a {name}"


def _number(text: str) -> int:
    if text in WEEKDAYS:
        return WEEKDAYS.index(text)
    return MONTHS.index(text) + 1 if text in MONTHS else int(text) if text.isdigit() else -1


def _spelled(number: int, name: str, like: str) -> str:
    """The number as a name where its neighbour in the range was one."""
    if like.isdigit():
        return str(number)
    return WEEKDAYS[number] if name == "day-of-week" else MONTHS[number - 1]


def _over_the_end(low: str, high: str, step: str | None, name: str) -> str:
    """How to write a range that runs over the end of its field."""
    first, last = _CRON_BOUNDS[name]
    size = last - first + 1
    length = (_number(high) - _number(low)) % size + 1
    values = [(_number(low) - first + n) % size + first for n in range(0, length, int(step or 1))]
    if step or name == "day-of-week":
        return ",".join(_spelled(value, name, low) for value in values)
    return f"{low}-{_spelled(last, name, low)},{_spelled(first, name, low)}-{high}"


def _check_term(term: str, name: str) -> None:
    """Errors: `JobsyncError` where cronsim would read something that is not plain cron, or read it in its own way."""
    match = _CRON_TERM.fullmatch(term)
    if match is None:
        raise JobsyncError(f'"{term}" is not {_a(name)}; {_term_hint(term, name)}')
    low, high, step = match.groups()
    first, last = _CRON_BOUNDS[name]
    if low is None or not first <= _number(low) <= last:
        return  # `*`, or cronsim's to refuse
    if step and high is None:
        better = f"{low}-{_spelled(last, name, low)}/{step}"
        raise JobsyncError(f'"{term}" means different things to different crons; write "{better}" or "{low}"')
    if high and first <= _number(high) <= _number(low) and step != "0":
        better = low if _number(low) == _number(high) else _over_the_end(low, high, step, name)
        raise JobsyncError(f'"{term}" is not a range from low to high; write "{better}"')


def _term_hint(term: str, name: str) -> str:
    for sign, hint in _OTHER_CRONS.items():
        if sign in re.sub(r"[a-z]{3}", "", term):
            return hint
    return f"it is {_CRON_FIELDS[name]}, in the form 5 or 1-5 or 1,5 or */5"


def _check_fields(text: str, fields: list[str]) -> None:
    if len(fields) == 6 and fields[0] == "0" and all(_CRON_TERM.match(field) for field in fields):
        raise JobsyncError(f'"{text}" has six fields; without seconds it is "{" ".join(fields[1:])}"')
    if len(fields) > 5:
        raise JobsyncError(
            f'"{text}" has {len(fields)} fields; write five (minute hour day month weekday), and what to run in `run`'
        )
    if len(fields) < 5:
        raise JobsyncError(
            f'"{text}" has {len(fields)} of the five fields minute hour day month weekday; write all five'
        )
    for field, name in zip(fields, _CRON_FIELDS, strict=True):
        for term in field.split(","):
            _check_term(term, name)


def _shorthand(text: str) -> str:
    if text == "@reboot":
        raise JobsyncError('"@reboot" is not a time; write at_login = true')
    if text not in SHORTHANDS:
        raise JobsyncError(f'"{text}" is not known; known are {", ".join(SHORTHANDS)}')
    return SHORTHANDS[text]


def _cronsim(text: str, fields: list[str]) -> "CronSim":
    from cronsim import CronSim, CronSimError  # and with it calendar: 3 ms that only cron lines need

    try:
        # The date is of no consequence: only the fields are read.
        return CronSim(" ".join(fields), datetime(2000, 1, 1))
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        wrong = dict(zip(_CRON_FIELDS, fields, strict=True))[name]
        numbers = re.findall("[0-9]+", wrong)
        if name == "day-of-month" and numbers and all(1 <= int(number) <= 31 for number in numbers):
            raise JobsyncError(
                f'"{text}" never happens: no such month has a day {wrong}; write one that it has'
            ) from None
        raise JobsyncError(f'"{wrong}" is not {_a(name)}; it is {_CRON_FIELDS[name]}') from None


def _restricted(values: Iterable[object], every: int) -> frozenset[int]:
    """The values, or none where they are all there are."""
    numbers = frozenset(value for value in values if isinstance(value, int))
    return frozenset() if len(numbers) == every else numbers


def _parse_cron(text: str, fields: list[str]) -> _Cron:
    parsed = _cronsim(text, fields)
    days = _restricted(parsed.days, 31)
    weekdays = _restricted({value % 7 for value in parsed.weekdays if isinstance(value, int)}, 7)
    starred = fields[2].startswith("*") or fields[4].startswith("*")
    if starred and days and weekdays:
        raise JobsyncError(
            f'the day "{fields[2]}" beside the weekday "{fields[4]}" means both at once to cron, which launchd '
            "cannot say; keep one of them and let the script check the other"
        )
    if not starred and not (days and weekdays):
        days = weekdays = frozenset()  # either of them, and one of them is every day
    return _Cron(
        minutes=_restricted(parsed.minutes, 60),
        hours=_restricted(parsed.hours, 24),
        monthdays=days,
        months=_restricted(parsed.months, 12),
        weekdays=weekdays,
    )


def _cron_slots(cron: _Cron) -> tuple[Slot, ...]:
    days = _day_parts(cron.monthdays, cron.weekdays)
    months, hours, minutes = (values or (None,) for values in (cron.months, cron.hours, cron.minutes))
    _check_count(len(days) * len(months) * len(hours) * len(minutes))
    return simplify(
        Slot(month=month, day=day, weekday=weekday, hour=hour, minute=minute)
        for (day, weekday), (month, hour, minute) in product(days, product(months, hours, minutes))
    )


def _cron_time_words(cron: _Cron) -> str | None:
    """None where a sentence would be harder to read than the cron line."""
    minutes = sorted(cron.minutes)
    if not cron.hours:
        if not minutes:
            return "every minute"
        if len(minutes) == 1:
            return f"hourly at :{minutes[0]:02}"
        step = 60 // len(minutes)
        return f"every {step} minutes" if minutes == list(range(0, 60, step)) else None
    times = tuple(product(cron.hours, cron.minutes))
    return _time_words(times) if 0 < len(times) <= _MOST_TIMES_IN_WORDS else None


def _cron_words(cron: _Cron, text: str) -> str:
    time_words = _cron_time_words(cron)
    if time_words is None:
        return f'cron "{text}"'
    months = f" in {_listed([MONTHS[month - 1] for month in sorted(cron.months)])}" if cron.months else ""
    return _sentence(set(cron.monthdays), set(cron.weekdays), time_words) + months


def read_cron(text: str) -> Clock:
    """Five fields with names, lists, ranges and steps, or `@daily` and its like.

    Restricted day and weekday: either, as in cron. Errors: `JobsyncError` with what to write.
    """
    plain = _plain(text, 'five fields, as "0 9 * * 1-5"').strip()
    fields = (_shorthand(plain) if plain.startswith("@") else plain).split()
    _check_fields(text, fields)
    cron = _parse_cron(text, fields)
    return Clock(slots=_cron_slots(cron), words=_cron_words(cron, " ".join(fields)))


# --- every ------------------------------------------------------------------------------------------------------


def _neighbours(minutes: float) -> str:
    lower = [interval for interval in INTERVALS if interval < minutes][-1:]
    higher = [interval for interval in INTERVALS if interval > minutes][:1]
    return " or ".join(f'"{format_duration(interval * 60)}"' for interval in lower + higher)


def _every_words(minutes: int) -> str:
    if minutes == 1:
        return "every minute"
    if minutes == 60:
        return "every hour"
    if minutes % 60 == 0:
        return f"every {minutes // 60} hours"
    return f"every {minutes} minutes" if minutes < 60 else f"every {format_duration(minutes * 60)}"


def read_every(text: str) -> Clock:
    """Slots on the clock, counted from midnight: whole minutes that divide a day, at most 12 hours.

    Errors: `JobsyncError` with what to write.
    """
    seconds = parse_duration(text)
    if seconds > LONGEST_EVERY * 60:
        when = "mon 09:00" if seconds % 604_800 == 0 else "09:00"
        raise JobsyncError(f'"{text}" is longer than 12h; say when: at = "{when}"')
    if seconds % 60 or not seconds:
        raise JobsyncError(f'"{text}" is not one or more whole minutes; write {_neighbours(seconds / 60)}')
    minutes = seconds // 60
    if minutes not in INTERVALS:
        raise JobsyncError(f'"{text}" does not divide a day into equal parts; write {_neighbours(minutes)}')
    starts = range(0, MINUTES_A_DAY, minutes)
    return Clock(
        slots=simplify(Slot(hour=start // 60, minute=start % 60) for start in starts),
        words=_every_words(minutes),
    )


# --- all of them together ---------------------------------------------------------------------------------------


def _check_count(count: int) -> None:
    if count > MOST_SLOTS:
        raise JobsyncError(
            f"needs {count:,} entries in launchd's list of times, and {MOST_SLOTS:,} are the most; "
            'write fewer times, or start more often (every = "5m") and let the script check'
        )


def merge(clocks: Iterable[Clock]) -> tuple[Slot, ...]:
    """The slots of several triggers as one set. Errors: `JobsyncError` for more than launchd should carry."""
    slots = simplify(slot for clock in clocks for slot in clock.slots)
    _check_count(len(slots))
    return slots


def read_spread(text: str) -> int:
    """Minutes, 1 to 720. Errors: `JobsyncError` with what to write."""
    seconds = parse_duration(text)
    if seconds > LONGEST_EVERY * 60:
        raise JobsyncError(f'"{text}" is longer than 12h; write "12h" or less')
    if seconds % 60 or not seconds:
        whole = format_duration(max(round(seconds / 60), 1) * 60)
        raise JobsyncError(f'"{text}" is not one or more whole minutes; write "{whole}"')
    return seconds // 60


def spread_of(minutes: int, machine: str, label: str) -> int:
    """How many minutes of a spread this job on this machine gets, 0 to `minutes`: always the same."""
    if not minutes:
        return 0
    import hashlib  # and with it OpenSSL: 5 ms that only `spread` needs

    digest = hashlib.sha256(f"{machine}\0{label}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (minutes + 1)


def spread_out(slots: Sequence[Slot], minutes: int, later: int) -> tuple[Slot, ...]:
    """The slots `later` minutes later.

    Errors: `JobsyncError` where *any* share of the spread could not be said exactly, so that a definition is right
    or wrong on all machines alike; or for more slots than launchd should carry.
    """
    try:
        shift(slots, minutes)
    except JobsyncError as error:
        way_out = f"start {format_duration(minutes * 60)} before midnight at the latest"
        raise JobsyncError(f"{error.message}; {way_out}, or leave `spread` out") from None
    moved = shift(slots, later)
    _check_count(len(moved))
    return moved
