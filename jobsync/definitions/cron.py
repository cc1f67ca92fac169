"""What a cron line means: exact slots, and words for people.

cronsim reads the fields; whatever it takes beyond plain five-field cron is refused before, because no list of
`StartCalendarInterval` dicts could say it.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING

from jobsync.definitions.clock import WEEKDAYS, Clock, check_count, day_parts, listed, plain_text, sentence, time_words
from jobsync.definitions.job import Slot
from jobsync.definitions.slots import simplify
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

if TYPE_CHECKING:
    from cronsim import CronSim

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31",
    "month": "1 to 12 or jan to dec",
    "day-of-week": "0 to 7 (0 and 7 are Sunday) or sun to sat",
}
_BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day-of-month": (1, 31),
    "month": (1, 12),
    "day-of-week": (0, 6),
}
# Compiled by the first one that is read, as all patterns of definitions that few of them need.
_TERM = r"(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?"
_OTHERS = {
    "l": "`L` (the last …) is not cron's; start on days 28 to 31 and let the script check",
    "w": "`W` (the nearest working day) is not cron's; start on several days and let the script check",
    "#": "`#` (the n-th weekday) is not cron's; start on that weekday and let the script check its day of the month",
    "?": "`?` is not cron's; write `*`",
    "h": "`H` is not cron's; write a number, and `spread` beside it",
    "~": "`~` (a random value) is not understood; write a number, and `spread` beside it",
}
_MOST_TIMES_IN_WORDS = 4


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
    first, last = _BOUNDS[name]
    size = last - first + 1
    length = (_number(high) - _number(low)) % size + 1
    values = [(_number(low) - first + n) % size + first for n in range(0, length, int(step or 1))]
    if step or name == "day-of-week":
        return ",".join(_spelled(value, name, low) for value in values)
    return f"{low}-{_spelled(last, name, low)},{_spelled(first, name, low)}-{high}"


def _check_term(term: str, name: str) -> None:
    """Errors: `JobsyncError` where cronsim would read something that is not plain cron, or read it in its own way."""
    match = re.fullmatch(_TERM, term)
    if match is None:
        raise JobsyncError(f'"{term}" is not {_a(name)}; {_term_hint(term, name)}')
    low, high, step = match.groups()
    first, last = _BOUNDS[name]
    if low is None or not first <= _number(low) <= last:
        return  # `*`, or cronsim's to refuse
    if step and high is None:
        better = f"{low}-{_spelled(last, name, low)}/{step}"
        raise JobsyncError(f'"{term}" means different things to different crons; write "{better}" or "{low}"')
    if high and first <= _number(high) <= _number(low) and step != "0":
        better = low if _number(low) == _number(high) else _over_the_end(low, high, step, name)
        raise JobsyncError(f'"{term}" is not a range from low to high; write "{better}"')


def _term_hint(term: str, name: str) -> str:
    for sign, hint in _OTHERS.items():
        if sign in re.sub(r"[a-z]{3}", "", term):
            return hint
    return f"it is {_FIELDS[name]}, in the form 5 or 1-5 or 1,5 or */5"


def _is_read(fields: list[str]) -> bool:
    try:
        read_cron(" ".join(fields))
    except JobsyncError:
        return False
    return True


def _check_fields(text: str, fields: list[str]) -> None:
    if len(fields) == 6 and fields[0] == "0" and _is_read(fields[1:]):
        raise JobsyncError(f'"{text}" has six fields; without seconds it is "{" ".join(fields[1:])}"')
    if len(fields) > 5:
        raise JobsyncError(
            f'"{text}" has {len(fields)} fields; write five (minute hour day month weekday), and what to run in `run`'
        )
    if len(fields) < 5:
        raise JobsyncError(
            f'"{text}" has {len(fields)} of the five fields minute hour day month weekday; write all five'
        )
    for field, name in zip(fields, _FIELDS, strict=True):
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
        wrong = dict(zip(_FIELDS, fields, strict=True))[name]
        numbers = re.findall("[0-9]+", wrong)
        if name == "day-of-month" and numbers and all(1 <= int(number) <= 31 for number in numbers):
            raise JobsyncError(
                f'"{text}" never happens: no such month has a day {wrong}; write one that it has'
            ) from None
        raise JobsyncError(f'"{wrong}" is not {_a(name)}; it is {_FIELDS[name]}') from None


def _restricted(values: Iterable[object], every: int) -> frozenset[int]:
    """The values, or none where they are all there are."""
    numbers = frozenset(value for value in values if isinstance(value, int))
    return frozenset() if len(numbers) == every else numbers


def _parse(text: str, fields: list[str]) -> _Cron:
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


def _slots(cron: _Cron) -> tuple[Slot, ...]:
    days = day_parts(cron.monthdays, cron.weekdays)
    months, hours, minutes = (values or (None,) for values in (cron.months, cron.hours, cron.minutes))
    check_count(len(days) * len(months) * len(hours) * len(minutes))
    return simplify(
        Slot(month=month, day=day, weekday=weekday, hour=hour, minute=minute)
        for (day, weekday), (month, hour, minute) in product(days, product(months, hours, minutes))
    )


def _spoken(cron: _Cron) -> str | None:
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
    return time_words(times) if 0 < len(times) <= _MOST_TIMES_IN_WORDS else None


def _words(cron: _Cron, text: str) -> str:
    time_words = _spoken(cron)
    if time_words is None:
        return f'cron "{text}"'
    months = f" in {listed([MONTHS[month - 1] for month in sorted(cron.months)])}" if cron.months else ""
    return sentence(set(cron.monthdays), set(cron.weekdays), time_words) + months


def read_cron(text: str) -> Clock:
    """Five fields with names, lists, ranges and steps, or `@daily` and its like.

    Restricted day and weekday: either, as in cron. Errors: `JobsyncError` with what to write.
    """
    plain = plain_text(text, 'five fields, as "0 9 * * 1-5"').strip()
    fields = (_shorthand(plain) if plain.startswith("@") else plain).split()
    _check_fields(text, fields)
    cron = _parse(text, fields)
    return Clock(slots=_slots(cron), words=_words(cron, " ".join(fields)))
