"""systemd's calendar expressions -> slots. systemd.time(7) is the grammar; what slots cannot say is refused. Pure."""

import re
from collections.abc import Iterable
from itertools import product

from jobsync.definitions.clock import WEEKDAYS
from jobsync.definitions.job import Slot
from jobsync.definitions.slots import simplify
from jobsync.errors import JobsyncError

_SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
    "anually": "*-01-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    **dict.fromkeys(("semiannually", "semi-annually", "biannually", "bi-annually"), "*-01,07-01 00:00:00"),
}
_TERM = re.compile(r"(?P<low>[0-9]+)(?:\.\.(?P<high>[0-9]+))?(?:/(?P<step>[0-9]+))?")
_TIME = re.compile(r"(?P<hour>[^:\s]+):(?P<minute>[^:\s]+)(?::(?P<second>[^:\s]+))?")
_DATE = re.compile(r"(?:(?P<year>[^-\s]+)-)?(?P<month>[^-~\s]+)(?P<mark>[-~])(?P<day>[^-~\s]+)")

Field = frozenset[int] | None
"""The values of one part; None: all of them."""


def _term(text: str, low: int, high: int) -> Iterable[int]:
    match = _TERM.fullmatch(text)
    if match is None:
        raise JobsyncError(f"{text!r} is not understood; write numbers, lists, ranges or steps")
    start = int(match["low"])
    # A single value with a step goes on to the end.
    end = high if match["high"] is None and match["step"] else int(match["high"] or start)
    step = int(match["step"] or 1)
    if not (low <= start <= end <= high) or step < 1:
        raise JobsyncError(f"{text!r} is outside of {low} to {high}; correct it")
    return range(start, end + 1, step)


def _field(text: str, low: int, high: int) -> Field:
    if text == "*":
        return None
    if "*" in text:
        raise JobsyncError(f"{text!r}: systemd takes no list and no step with `*`, and starts nothing; write 0/5 or *")
    found = frozenset(value for term in text.split(",") for value in _term(term, low, high))
    return None if len(found) == high - low + 1 else found


def _weekday(text: str) -> int:
    name = text.lower()
    full = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
    if name in WEEKDAYS:
        return WEEKDAYS.index(name)
    if name in full:
        return full.index(name)
    raise JobsyncError(f"{text!r} is no day of the week; write Mon to Sun")


def _weekdays(text: str) -> Field:
    found: set[int] = set()
    for part in text.strip(",").split(","):
        first, *last = re.split(r"\.\.|-", part)
        start, end = _weekday(first), _weekday(last[0] if last else first)
        # systemd's week begins on Monday, and no range runs over its end.
        low, high = (start - 1) % 7, (end - 1) % 7
        if low > high:
            raise JobsyncError(f"{part!r} is no range of days from Monday on; write two of it")
        found |= {(day + 1) % 7 for day in range(low, high + 1)}
    return None if len(found) == 7 else frozenset(found)


def _date(text: str) -> tuple[Field, Field]:
    match = _DATE.fullmatch(text)
    if match is None:
        raise JobsyncError(f"{text!r} is no date; write *-*-01")
    if match["year"] not in (None, "*"):
        raise JobsyncError(f"the year {match['year']} cannot be said; let the script look at it")
    if match["mark"] == "~":
        raise JobsyncError("days from the end of a month (`~`) cannot be said; let the script look at the day")
    return _field(match["month"], 1, 12), _field(match["day"], 1, 31)


def _time(text: str) -> tuple[Field, Field]:
    match = _TIME.fullmatch(text)
    if match is None:
        raise JobsyncError(f"{text!r} is no time; write 09:00")
    second = match["second"] or "0"
    if not re.fullmatch(r"0+(\.0+)?", second):
        raise JobsyncError(f"seconds ({second}) cannot be said; let the script sleep for them")
    return _field(match["hour"], 0, 23), _field(match["minute"], 0, 59)


def _slots(month: Field, day: Field, weekday: Field, hour: Field, minute: Field) -> Iterable[Slot]:
    parts = [(None,) if values is None else sorted(values) for values in (month, day, weekday, hour, minute)]
    return (Slot(*values) for values in product(*parts))


def read_on_calendar(text: str) -> tuple[Slot, ...]:
    """The simplified slots of one expression. `JobsyncError`: what in it slots cannot say."""
    words = _SHORTHANDS.get(text.strip().lower(), text).split()
    weekday: Field = None
    month: Field = None
    day: Field = None
    hour: Field = frozenset({0})
    minute: Field = frozenset({0})
    if words and re.match(r"[A-Za-z]", words[0]):
        weekday = _weekdays(words.pop(0))
    if words and ":" not in words[0]:
        month, day = _date(words.pop(0))
    if words and ":" in words[0]:
        hour, minute = _time(words.pop(0))
    if words:
        raise JobsyncError(f"{' '.join(words)!r} is left over; write times as the machine's own clock shows them")
    if weekday is not None and day is not None:
        raise JobsyncError(
            "a weekday and a day of the month mean both to systemd, and either to slots; let the script look at one"
        )
    return simplify(_slots(month, day, weekday, hour, minute))
