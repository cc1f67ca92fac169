"""The way back: slots and absolute paths, as a scheduler holds them, in the words of a job.toml. Pure.

Whether the words mean exactly what they came from is proved by reading them again, which is up to whoever calls.
"""

import posixpath
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain

from jobsync.definitions.clock import WEEKDAYS
from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import Slot
from jobsync.definitions.places import Surroundings
from jobsync.definitions.schedule import INTERVALS, read_every
from jobsync.errors import JobsyncError

_MOST_AT = 4
_LONGEST_AT = 40
"""Up to here `at` reads well whatever it says; beyond, the shorter one of `at` and `cron` does."""
_LONGEST_TEXT = 500
"""What a schedule's text may be long."""

Times = frozenset[tuple[int, int]]
Days = frozenset[int]


def _runs(values: Iterable[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return runs


def _listed(values: Iterable[int], spell: Callable[[int], str]) -> str:
    """`1,3-5`: three and more in a row become a range."""
    terms = [
        [f"{spell(run[0])}-{spell(run[-1])}"] if len(run) > 2 else [spell(value) for value in run]
        for run in _runs(values)
    ]
    return ",".join(chain.from_iterable(terms))


# --- at ---------------------------------------------------------------------------------------------------------


def _time(slot: Slot) -> tuple[int, int] | None:
    """The time of day that `at` could name; None where it cannot say the slot."""
    if slot.month is not None or slot.hour is None or slot.minute is None:
        return None
    return slot.hour, slot.minute


def _weekdays(days: Days) -> str:
    # The week starts on Monday.
    return _listed(((day - 1) % 7 for day in days), lambda day: WEEKDAYS[(day + 1) % 7])


def _at(kind: str, days: Days, times: Times) -> str:
    clock = ",".join(f"{hour:02}:{minute:02}" for hour, minute in sorted(times))
    match kind:
        case "weekday":
            return f"{_weekdays(days)} {clock}"
        case "day":
            return f"{_listed(days, str)} {clock}"
        case _:
            return clock


def _pairs(slots: Iterable[Slot]) -> set[tuple[str, int, tuple[int, int]]]:
    """(kind of day, day, time) of each slot that `at` can say."""
    found = set()
    for slot in slots:
        if time := _time(slot):
            kind = "weekday" if slot.weekday is not None else "day" if slot.day is not None else ""
            found.add((kind, slot.weekday or slot.day or 0, time))
    return found


def _by_day(pairs: Collection[tuple[str, int, tuple[int, int]]]) -> list[str]:
    """Days with the same times share an entry."""
    times: dict[tuple[str, int], set[tuple[int, int]]] = {}
    for kind, day, time in pairs:
        times.setdefault((kind, day), set()).add(time)
    days: dict[tuple[str, Times], set[int]] = {}
    for (kind, day), found in times.items():
        days.setdefault((kind, frozenset(found)), set()).add(day)
    return sorted(_at(kind, frozenset(found), moments) for (kind, moments), found in days.items())


def _by_time(pairs: Collection[tuple[str, int, tuple[int, int]]]) -> list[str]:
    """Times with the same days share an entry."""
    days: dict[tuple[str, tuple[int, int]], set[int]] = {}
    for kind, day, time in pairs:
        days.setdefault((kind, time), set()).add(day)
    times: dict[tuple[str, Days], set[tuple[int, int]]] = {}
    for (kind, time), found in days.items():
        times.setdefault((kind, frozenset(found)), set()).add(time)
    return sorted(_at(kind, found, frozenset(moments)) for (kind, found), moments in times.items())


def _size(texts: Sequence[str]) -> tuple[int, int]:
    return len(texts), sum(len(text) for text in texts)


# --- cron -------------------------------------------------------------------------------------------------------

Field = frozenset[int] | None
"""The values of one field of a cron line; None: all."""


def _field(values: Field, size: int) -> str:
    if values is None:
        return "*"
    ordered = sorted(values)
    step = ordered[1] if len(ordered) > 2 and not ordered[0] else 0
    if step > 1 and ordered == list(range(0, size, step)):
        return f"*/{step}"
    return _listed(ordered, str)


def _joined(rows: set[tuple[Field, ...]], index: int) -> set[tuple[Field, ...]]:
    """Rows that differ in one restricted field only, as one row."""
    groups: dict[tuple[Field, ...], set[Field]] = {}
    for row in rows:
        rest = (*row[:index], *row[index + 1 :], None if row[index] is None else frozenset())
        groups.setdefault(rest, set()).add(row[index])
    joined = set()
    for rest, found in groups.items():
        values = None if None in found else frozenset(chain.from_iterable(one for one in found if one))
        joined.add((*rest[:index], values, *rest[index:-1]))
    return joined


def _cron(slots: Iterable[Slot]) -> list[str]:
    def one(value: int | None) -> Field:
        return None if value is None else frozenset({value})

    rows: set[tuple[Field, ...]] = {
        (one(s.minute), one(s.hour), one(s.day), one(s.month), one(s.weekday)) for s in slots
    }
    for index in range(5):
        rows = _joined(rows, index)
    texts = []
    for minute, hour, day, month, weekday in rows:
        days = (_field(day, 0), _field(month, 0), _field(weekday, 0))
        texts.append(" ".join((_field(minute, 60), _field(hour, 24), *days)))
    return sorted(texts)


# --- the door ---------------------------------------------------------------------------------------------------


@cache
def _intervals() -> Mapping[tuple[Slot, ...], str]:
    texts = [format_duration(minutes * 60) for minutes in INTERVALS]
    return {read_every(text).slots: text for text in texts}


def spell_every(slots: Collection[Slot]) -> str | None:
    """`15m`, where the simplified slots are exactly those of an interval; else None."""
    # "12h" is right for 00:00 and 12:00, and times say more.
    return _intervals().get(tuple(slots)) if len(slots) != 2 else None


def _reads_well(at: Sequence[str], cron: Sequence[str]) -> bool:
    if len(at) <= _MOST_AT and all(len(text) <= _LONGEST_AT for text in at):
        return True
    return _size(at) <= _size(cron) and all(len(text) <= _LONGEST_TEXT for text in at)


def spell_clock(slots: Collection[Slot]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts for `at` and for `cron` that together mean these slots (none with both day and weekday)."""
    sayable = [slot for slot in slots if _time(slot)]
    pairs = _pairs(sayable)
    at = min(_by_day(pairs), _by_time(pairs), key=_size)
    if _reads_well(at, _cron(sayable)):
        return tuple(at), tuple(_cron(slot for slot in slots if not _time(slot)))
    return (), tuple(_cron(slots))


def spell_place(path: str, around: Surroundings) -> str | None:
    """The shortest lasting text for an absolute path: inside the repository from the job's directory, inside the home
    from `~`. None where a definition cannot name it."""
    if not path.startswith("/"):
        return None
    path = posixpath.normpath(path)
    relative = posixpath.relpath(path, around.home_directory)
    candidates = [relative if relative.split("/")[0] in {".", ".."} else f"./{relative}"]
    if path == around.machine.home or path.startswith(f"{around.machine.home}/"):
        candidates.append(f"~{path.removeprefix(around.machine.home)}")
    for text in (*candidates, path):
        try:
            if around.place(text) == path:
                return text
        except JobsyncError:
            continue
    return None
