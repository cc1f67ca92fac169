"""`[schedule]`: its triggers as slots and absolute paths, and all of them in words."""

from collections.abc import Mapping

from jobsync.definitions.clock import Clock
from jobsync.definitions.cron import read_cron
from jobsync.definitions.document import shown
from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import Schedule, Slot
from jobsync.definitions.places import Surroundings
from jobsync.definitions.schedule import merge, read_at, read_every, read_spread, spread_of, spread_out
from jobsync.definitions.section import Section

CLOCK_KEYS = ("at", "cron", "every")
PLACE_KEYS = ("on_change", "on_files")

Clocks = Mapping[str, tuple[Clock, ...]]


def _read_clocks(section: Section) -> Clocks:
    return {
        "at": section.parsed("at", section.text_or_texts("at"), read_at),
        "cron": section.parsed("cron", section.text_or_texts("cron"), read_cron),
        "every": section.parsed("every", [section.text("every")], read_every),
    }


def read_minutes(section: Section) -> int | None:
    """`spread` in minutes; 0 when absent, None when faulty."""
    found = section.parsed("spread", [section.text("spread")], read_spread)
    return found[0] if found else None if "spread" in section.values else 0


def _slots(section: Section, clocks: Clocks, around: Surroundings) -> tuple[tuple[Slot, ...], int]:
    """The slots of all clock triggers, moved by this job's part of the spread; and that part, in minutes."""
    slots = section.attempt("", lambda: merge(clock for found in clocks.values() for clock in found)) or ()
    spread = read_minutes(section)
    if spread != 0 and not section.values.keys() & set(CLOCK_KEYS):
        section.fault("spread", f"moves times, and there are none; leave it out or write {section.example('at')}")
    spread = spread or 0
    later = spread_of(spread, around.machine.name, around.label)
    moved = section.attempt("spread", lambda: spread_out(slots, spread, later))
    return moved or (), later


def read_catch_up(section: Section) -> int | None:
    """Seconds that the run of a missed slot may be late: None is any time, 0 is never."""
    value = section.values.get("catch_up")
    if isinstance(value, bool) or value is None:
        return 0 if value is False else None
    if not isinstance(value, str):
        section.fault("catch_up", f'{shown(value)} is not true, false or a duration; write catch_up = "3h"')
    elif value in {"true", "false"}:
        section.fault("catch_up", f"{shown(value)} is a text; without quotes it is: catch_up = {value}")
    else:
        return section.seconds("catch_up", 60, 366 * 86_400)
    return None


def _check_catch_up(section: Section) -> None:
    """Whether a start is late can be told only where every start has a time."""
    is_limited = section.values.get("catch_up", True) is not True
    others = [key for key in ("at_login", *PLACE_KEYS) if section.values.get(key)]
    if is_limited and others:
        section.fault(
            "catch_up",
            f"cannot tell a late start from one by {others[0]}; make two jobs of it, or write catch_up = true",
        )
    elif is_limited and not section.values.keys() & set(CLOCK_KEYS):
        section.fault("catch_up", f"is about times, and there are none; leave it out or write {section.example('at')}")


def _words(section: Section, key: str, clocks: Clocks, suffix: str) -> tuple[str, ...]:
    if key in CLOCK_KEYS:
        return tuple(f"{clock.words}{suffix}" for clock in clocks[key])
    if key == "at_login":
        return ("at login",) if section.values[key] is True else ()
    if key in PLACE_KEYS:
        what = "changes" if key == "on_change" else "is not empty"
        paths = section.values[key]
        return tuple(f"when {path} {what}" for path in paths) if isinstance(paths, list) else ()
    return ()


def read_schedule(section: Section, around: Surroundings) -> Schedule:
    """Every trigger of the table. Of no use where faults were noted."""
    clocks = _read_clocks(section)
    slots, later = _slots(section, clocks, around)
    catch_up = read_catch_up(section)
    _check_catch_up(section)
    places = {key: section.parsed(key, section.texts(key), around.place) for key in PLACE_KEYS}
    suffix = f" (+{format_duration(later * 60)})" if later else ""
    return Schedule(
        slots=slots,
        at_login=section.flag("at_login") or False,
        on_change=tuple(dict.fromkeys(places["on_change"])),
        on_files=tuple(dict.fromkeys(places["on_files"])),
        catch_up=catch_up if slots else None,
        words=tuple(word for key in section.values for word in _words(section, key, clocks, suffix)),
    )
