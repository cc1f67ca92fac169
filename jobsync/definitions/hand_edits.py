"""What a hand changed in an installed launchd property list. Pure: three readings in, the changes out.

Three of them count: what jobsync wrote last, what the definition wants now, and what is installed. Only what a hand
changed since jobsync wrote is taken for an edit.
"""

import posixpath
from collections.abc import Iterator, Mapping

from jobsync.definitions.document import shown
from jobsync.definitions.job import Restart, Slot
from jobsync.definitions.slots import MOST_SLOTS, simplify
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

Plist = Mapping[str, object]

ENV = "EnvironmentVariables"
OWN = "JOBSYNC_"
DIGEST = f"{ENV}.{OWN}DIGEST"
"""Says what the rest means, so an edit of it means nothing."""

PLACES = {"WatchPaths": "on_change", "QueueDirectories": "on_files"}
_ON_FAILURE = {"SuccessfulExit": False}
_FIELDS = {"Month": (1, 12), "Day": (1, 31), "Weekday": (0, 7), "Hour": (0, 23), "Minute": (0, 59)}


@dataclass(frozen=True, slots=True)
class Plists:
    """The three views of one job, parsed."""

    written: Plist
    """What jobsync wrote last; where that is lost, what it would write now."""
    wanted: Plist
    """What the definition renders now."""
    installed: Plist


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change by hand that no job.toml can say, by the property list's key."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.key if self.key.isprintable() else shown(self.key)}: {self.reason}"


def _slot(table: object) -> Iterator[Slot]:
    """One dict of StartCalendarInterval. Day and weekday both given is either of them (launchd.plist(5))."""
    if not isinstance(table, dict):
        raise JobsyncError("holds something that is no dict; correct it")
    for key, value in table.items():
        low, high = _FIELDS.get(key, (0, -1))
        if type(value) is not int or not low <= value <= high:
            raise JobsyncError(f"{shown(key)} with {shown(value)} is nothing that launchd documents; correct it")
    month, day, weekday, hour, minute = (table.get(key) for key in _FIELDS)
    weekday = None if weekday is None else weekday % 7
    if day is None or weekday is None:
        yield Slot(month, day, weekday, hour, minute)
    else:
        yield from (Slot(month, day, None, hour, minute), Slot(month, None, weekday, hour, minute))


def read_calendar(value: object) -> tuple[Slot, ...]:
    """The slots of StartCalendarInterval, simplified. `JobsyncError`: launchd documents no meaning for it."""
    tables = value if isinstance(value, list) else [value]
    if len(tables) > MOST_SLOTS:
        raise JobsyncError(f"has more than {MOST_SLOTS:,} dicts; write fewer times")
    return simplify(slot for table in tables for slot in _slot(table))


def plain(value: object) -> str:
    """Equal for values that are equal and of one type, whatever the order of keys: 1 is not true."""
    if isinstance(value, dict):
        return repr(sorted((repr(key), plain(one)) for key, one in value.items()))
    return repr([plain(one) for one in value]) if isinstance(value, list) else repr(value)


def are_texts(value: object) -> bool:
    """A list of texts only."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _keep_alive(value: object) -> object:
    """`Crashed` beside `SuccessfulExit = false` adds nothing: one condition is enough, and a crash is no success."""
    return _ON_FAILURE if plain(value) == plain({**_ON_FAILURE, "Crashed": True}) else value


_RESTARTS = {plain(True): Restart.ALWAYS, plain(_ON_FAILURE): Restart.ON_FAILURE}


def restart_of(value: object) -> Restart | None:
    """When KeepAlive starts a daemon again; None where `[daemon]` has no word for that."""
    return _RESTARTS.get(plain(_keep_alive(value)))


def meaning(key: str, value: object) -> str:
    """What a key's value means to launchd, as a text to compare; empty where it means nothing."""
    if value is None or (key in {"RunAtLoad", "KeepAlive"} and value is False):
        return ""
    if key == "KeepAlive":
        return plain(_keep_alive(value))
    if key == "StartCalendarInterval":
        try:
            slots = read_calendar(value)
        except JobsyncError:
            return plain(value)
        return repr(slots) if slots else ""
    if key in PLACES and isinstance(value, list) and are_texts(value):
        return repr(sorted({posixpath.normpath(path) for path in value})) if value else ""
    if key == "WorkingDirectory" and isinstance(value, str):
        return repr(posixpath.normpath(value))
    return plain(value)


def _command(plist: Plist) -> dict[str, object]:
    """Program and ProgramArguments as one list, where they mean one."""
    program, arguments = plist.get("Program"), plist.get("ProgramArguments")
    found = {key: plist[key] for key in ("Program", "ProgramArguments") if key in plist}
    if isinstance(program, str) and (arguments is None or (isinstance(arguments, list) and arguments[:1] == [program])):
        return {"ProgramArguments": arguments or [program]}
    return found


def facets(plist: Plist) -> dict[str, object]:
    """A property list by keys that can be changed one by one: variables are `EnvironmentVariables.NAME`."""
    found = {key: value for key, value in plist.items() if key not in {"Program", "ProgramArguments"}} | _command(plist)
    environment = found.get(ENV)
    if isinstance(environment, Mapping):
        del found[ENV]
        found |= {f"{ENV}.{name}": value for name, value in environment.items() if f"{ENV}.{name}" != DIGEST}
    if restart_of(found.get("KeepAlive")):
        # Both forms start the job when it is loaded (launchd.plist(5)).
        found.pop("RunAtLoad", None)
    return found


def differing(one: Plist, two: Plist) -> list[str]:
    """Keys whose values mean different things to launchd, in order."""
    return [key for key in sorted({*one, *two}) if meaning(key, one.get(key)) != meaning(key, two.get(key))]


def by_hand(plists: Plists) -> tuple[dict[str, object], list[Refusal]]:
    """What a hand changed since jobsync wrote, less what the definition says by now as well."""
    written, wanted, installed = (facets(one) for one in (plists.written, plists.wanted, plists.installed))
    changes: dict[str, object] = {}
    refusals = []
    for key in differing(written, installed):
        now = meaning(key, wanted.get(key))
        if now == meaning(key, installed.get(key)):
            continue
        changes[key] = installed.get(key)
        if now != meaning(key, written.get(key)):
            refusals.append(
                Refusal(key, "was changed in job.toml too since the last sync; make one of them as the other")
            )
    return changes, refusals
