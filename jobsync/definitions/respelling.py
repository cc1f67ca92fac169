"""The clock's entries below [schedule], as they must read for other slots: what still holds stays as it is. Pure.

Whether the words mean exactly those slots is proved by reading them again, which is up to whoever calls.
"""

from collections.abc import Iterator, Mapping, Sequence

from jobsync.definitions.cron import read_cron
from jobsync.definitions.document import Table
from jobsync.definitions.job import Slot
from jobsync.definitions.schedule import read_at, read_every
from jobsync.definitions.slots import MINUTES_A_DAY, simplify
from jobsync.definitions.spelling import spell_clock, spell_every
from jobsync.definitions.triggers import CLOCK_KEYS
from jobsync.errors import JobsyncError
from jobsync.values import replace

_READERS = {"at": read_at, "cron": read_cron, "every": read_every}

_Entry = tuple[str, str, tuple[Slot, ...]]
"""Key, text, and the slots that it means."""


def texts_of(value: object) -> list[str]:
    """The texts of a key that takes one or a list of them."""
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _earlier(slot: Slot, minutes: int) -> Iterator[Slot]:
    """What a spread of so many minutes moved to the slot."""
    for hour in range(24) if slot.hour is None else (slot.hour,):
        for minute in range(60) if slot.minute is None else (slot.minute,):
            days, start = divmod(hour * 60 + minute - minutes, MINUTES_A_DAY)
            if days and (slot.day is not None or slot.month is not None):
                raise JobsyncError(f"`spread` moves this job's starts by {minutes} minutes, from a day nobody can name")
            weekday = slot.weekday if slot.weekday is None or not days else (slot.weekday - 1) % 7
            yield replace(slot, weekday=weekday, hour=start // 60, minute=start % 60)


def unspread(slots: tuple[Slot, ...], minutes: int) -> tuple[Slot, ...]:
    """The slots that a spread of so many minutes moved to these. `JobsyncError` where no slot can say one of them."""
    return simplify(start for slot in slots for start in _earlier(slot, minutes)) if minutes else slots


def _is_within(slot: Slot, wide: Slot) -> bool:
    pairs = (
        (slot.month, wide.month),
        (slot.day, wide.day),
        (slot.weekday, wide.weekday),
        (slot.hour, wide.hour),
        (slot.minute, wide.minute),
    )
    return all(theirs is None or theirs == mine for mine, theirs in pairs)


def _are_within(slots: Sequence[Slot], wide: Sequence[Slot]) -> bool:
    return all(any(_is_within(slot, one) for one in wide) for slot in slots)


def _spelled(slots: Sequence[Slot], known: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Texts for `at`, `cron` and `every`: the known ones, and behind them what says the slots."""
    texts = {key: [text for one, text in known if one == key] for key in CLOCK_KEYS}
    every = spell_every(slots) if slots and not texts["every"] else None
    if every:
        texts["every"] = [every]
    elif slots:
        at, cron = spell_clock(slots)
        texts["at"] += at
        texts["cron"] += cron
    return texts


def _count(texts: Mapping[str, Sequence[str]]) -> int:
    return sum(len(one) for one in texts.values())


def _kept(schedule: Table, slots: tuple[Slot, ...]) -> list[_Entry]:
    """The entries that still hold."""
    known = [(key, text, _READERS[key](text).slots) for key in CLOCK_KEYS for text in texts_of(schedule.get(key))]
    return [entry for entry in known if simplify((*slots, *entry[2])) == slots]


def respelled(schedule: Table, slots: tuple[Slot, ...]) -> dict[str, list[str]]:
    """Texts for `at`, `cron` and `every` of this [schedule] that mean the slots.

    Entries that still hold stay; where that takes more texts than saying it all anew, it is said anew.
    """
    kept = _kept(schedule, slots)
    covered = simplify(slot for _, _, found in kept for slot in found)
    rest = tuple(slot for slot in slots if not _are_within((slot,), covered))
    kept = [entry for entry in kept if not rest or not _are_within(entry[2], rest)]
    texts = _spelled(rest, [(key, text) for key, text, _ in kept])
    anew = _spelled(slots, [])
    is_plain = not any(key == "every" or isinstance(schedule[key], list) for key, _, _ in kept)
    return anew if is_plain and _count(anew) < _count(texts) else texts
