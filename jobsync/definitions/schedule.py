"""What `at`, `every` and `spread` mean: exact slots, and words for people.

Pure, and the same on every machine (but `spread_of`, which is meant to differ).
"""

import re
from collections.abc import Iterable, Sequence
from itertools import product

from jobsync.definitions.clock import WEEKDAYS, Clock, check_count, day_parts, plain_text, sentence, time_words
from jobsync.definitions.duration import format_duration, parse_duration
from jobsync.definitions.job import Slot
from jobsync.definitions.slots import MINUTES_A_DAY, shift, simplify
from jobsync.errors import JobsyncError

LONGEST_EVERY = 12 * 60
INTERVALS = tuple(n for n in range(1, LONGEST_EVERY + 1) if MINUTES_A_DAY % n == 0)
"""Minutes that divide a day: only these give the same slots every day."""

_USUAL = '"15m", "1h" or "12h"'
"""Durations that both `every` and `spread` may be."""

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
_TWELVE_HOURS = r"(1[0-2]|0?[1-9])(?::([0-5][0-9]))?([ap])\.?m\.?"


# --- at ---------------------------------------------------------------------------------------------------------


def _time(text: str) -> tuple[int, int]:
    if match := _TIME.fullmatch(text):
        return int(match[1]), int(match[2])
    raise JobsyncError(f'"{text}" is not a time of day; write {_time_hint(text)}')


def _time_hint(text: str) -> str:
    if text in _WORDS_AS_TIMES:
        return f'"{_WORDS_AS_TIMES[text]}"'
    if match := re.fullmatch(_TWELVE_HOURS, text):
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
    first, dash, last = text.partition("-")
    start = _weekday(first)
    length = (_weekday(last) - start) % 7 if dash else 0
    return [(start + number) % 7 for number in range(length + 1)]


def _monthday_span(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    start, end = _monthday(first), _monthday(last if dash else first)
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


def _days_fault(text: str) -> str:
    """What is wrong with one word that begins with a weekday: a mark joins it to the time, or there is none."""
    has_dash = re.search(f"-(?:{_TIME.pattern})", text)
    terms = [term for term in re.sub(f"-+({_TIME.pattern})", r",\1", text).split(",") if term]
    times = [term for term in terms if _TIME.fullmatch(term)]
    days = ",".join(re.sub("[a-z]+", _short, term.strip("-")) for term in terms if term not in times)
    proposed = f"{days} {','.join(times) or '09:00'}"
    write = proposed if _is_readable(proposed) else "mon-fri 09:00"
    if not times:
        return f'has no time of day; write "{write}"'
    if has_dash:
        return f'has a dash between days and times; write "{write}"'
    return f'has a comma between days and times; write "{write}"'


def _is_readable(text: str) -> bool:
    try:
        read_at(text)
    except JobsyncError:
        return False
    return True


def _short(name: re.Match[str]) -> str:
    """`monday` as `mon`."""
    return name[0][:3] if name[0][:3] in WEEKDAYS else name[0]


def read_at(text: str) -> Clock:
    """`[DAYS] TIMES`: `09:00,17:30`, `mon-fri 09:00`, `1,15 06:00`. Errors: `JobsyncError` with what to write."""
    plain = plain_text(text, 'it as "mon-fri 09:00"')
    parts = re.sub(r"\s*([,-])\s*", r"\1", plain).split()
    if len(parts) > 2:
        raise JobsyncError(f'"{text}" is not [DAYS] TIMES; write it as "mon-fri 09:00" or "1,15 06:00,18:00"')
    if len(parts) == 1 and parts[0][:3] in WEEKDAYS:
        raise JobsyncError(f'"{text}" {_days_fault(parts[0])}')
    if len(parts) == 2 and all(map(_TIME.fullmatch, parts[0].split(","))):
        raise JobsyncError(f'"{text}" names the time before the days; write "{parts[1]} {parts[0]}"')
    times = {_time(term) for term in parts[-1].split(",")}
    monthdays, weekdays = _days(parts[0]) if len(parts) == 2 else (set[int](), set[int]())
    return Clock(
        slots=simplify(
            Slot(day=day, weekday=weekday, hour=hour, minute=minute)
            for (day, weekday), (hour, minute) in product(day_parts(monthdays, weekdays), times)
        ),
        words=sentence(monthdays, weekdays, time_words(times)),
    )


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


def _every_fault(seconds: int) -> str | None:
    """What is wrong with so many seconds between two starts, or None."""
    if seconds > LONGEST_EVERY * 60:
        when = "mon 09:00" if seconds % 604_800 == 0 else "09:00"
        return f'is longer than 12h; say when: at = "{when}"'
    if seconds % 60 or not seconds:
        return f"is not one or more whole minutes; write {_neighbours(seconds / 60)}"
    if seconds // 60 not in INTERVALS:
        return f"does not divide a day into equal parts; write {_neighbours(seconds // 60)}"
    return None


def read_every(text: str) -> Clock:
    """Slots on the clock, counted from midnight: whole minutes that divide a day, at most 12 hours.

    Errors: `JobsyncError` with what to write.
    """
    minutes = parse_duration(text, _every_fault, _USUAL) // 60
    starts = range(0, MINUTES_A_DAY, minutes)
    return Clock(
        slots=simplify(Slot(hour=start // 60, minute=start % 60) for start in starts),
        words=_every_words(minutes),
    )


# --- all of them together ---------------------------------------------------------------------------------------


def merge(clocks: Iterable[Clock]) -> tuple[Slot, ...]:
    """The slots of several triggers as one set. Errors: `JobsyncError` for more than launchd should carry."""
    slots = simplify(slot for clock in clocks for slot in clock.slots)
    check_count(len(slots))
    return slots


def _spread_fault(seconds: int) -> str | None:
    """What is wrong with a spread of so many seconds, or None."""
    if seconds > LONGEST_EVERY * 60:
        return 'is longer than 12h; write "12h" or less'
    if seconds % 60:
        return f'is not one or more whole minutes; write "{format_duration(max(round(seconds / 60), 1) * 60)}"'
    return None


def read_spread(text: str) -> int:
    """Minutes, 0 (for a job that shall not have what is the default) to 720.

    Errors: `JobsyncError` with what to write.
    """
    return parse_duration(text, _spread_fault, _USUAL) // 60


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
        raise JobsyncError(f'{error.message}; {way_out}, or write spread = "0m"') from None
    moved = shift(slots, later)
    check_count(len(moved))
    return moved
