"""How every job stands with systemd: what the manager holds and what stands on the disk become a survey.

Reads directories and the few units that names say too little of; asks no process.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.schedulers import units
from jobsync.schedulers.protocol import Loaded, Survey
from jobsync.schedulers.units_list import Unit
from jobsync.values import dataclass

_MASK = b"/dev/null"
_TRIGGERS = (units.TIMER, units.PATH)


@dataclass(frozen=True, slots=True)
class Disk:
    """What stands where the manager looks: one listing of each directory, and kinds of services without a trigger."""

    units: Mapping[str, frozenset[str]]
    """Label -> suffixes of the unit files in our place."""
    services: Mapping[str, bytes]
    """Label -> content of the service, of those that no timer or path unit starts."""
    linked: frozenset[str]
    """Units that something at login wants."""
    masked: frozenset[str]
    """Units that the user masked."""
    replaced: Mapping[str, str]
    """Units of which the user keeps a copy that counts instead of ours -> what ours means."""
    changing: frozenset[str]
    """Labels that a sync was killed at, or failed to change."""

    def is_daemon(self, label: str) -> bool:
        """It runs all the time."""
        return label in self.services and units.kind(self.services[label]) == units.DAEMON

    def startable(self, label: str) -> list[str]:
        """Suffixes of what `systemctl enable` would enable."""
        triggers = [one for one in _TRIGGERS if one in self.units.get(label, ())]
        if not triggers and label in self.services and units.is_installable(self.services[label]):
            return [units.SERVICE]
        return triggers


def split(unit: str) -> tuple[str, str]:
    """Label and suffix of a unit's name."""
    label, _, suffix = unit.rpartition(".")
    return label, suffix


def _label(unit: str) -> str:
    return split(unit)[0]


def installed(paths: Paths, prefixes: Iterable[str]) -> dict[str, frozenset[str]]:
    """Label -> suffixes of the units under these prefixes in our place. `JobsyncError` when it cannot be read."""
    starts = tuple(f"{prefix}." for prefix in prefixes)
    found: dict[str, set[str]] = {}
    for path in files.listing(paths.units):
        label, suffix = split(path.name)
        if suffix in units.SUFFIXES and label.startswith(starts):
            found.setdefault(label, set()).add(suffix)
    return {label: frozenset(suffixes) for label, suffixes in found.items()}


def _is_mask(path: Path) -> bool:
    with suppress(OSError):
        return os.fsencode(path.readlink()) == _MASK
    return False


def content(path: Path) -> bytes | None:
    """Of a unit; None where there is none, or something that systemd does not read either."""
    try:
        return files.read(path)
    except JobsyncError:
        return None


def on_disk(paths: Paths, prefixes: Collection[str], runtime: str) -> Disk:
    """Look. `JobsyncError` when a directory cannot be read, or nobody can tell what stands in a place of ours."""
    suffixes, starts = installed(paths, prefixes), tuple(f"{prefix}." for prefix in prefixes)
    alone = [label for label, ones in suffixes.items() if not ones & set(_TRIGGERS)]
    contents = {label: content(paths.units / f"{label}.{units.SERVICE}") for label in alone}
    linked = {name for target in units.TARGETS.values() for name in files.names(paths.wants(target))}
    places = [path for place in paths.overriding(runtime) for path in files.listing(place)]
    here = [path for path in places if path.name.startswith(starts)]
    copies = [path.name for path in here if files.is_file(path) and not _is_mask(path)]
    changing = (files.read(paths.changing) or b"").decode("utf-8", "replace").split("\n")
    return Disk(
        units=suffixes,
        services={label: found for label, found in contents.items() if found is not None},
        linked=frozenset(linked),
        masked=frozenset(path.name for path in here if _is_mask(path)),
        replaced={name: units.meaning(content(paths.units / name) or b"") or "" for name in copies},
        changing=frozenset(changing),
    )


def _is_up(held: Mapping[str, Unit], suffix: str) -> bool:
    return suffix in held and held[suffix].is_up


def _is_armed(label: str, held: Mapping[str, Unit], triggers: Collection[str], disk: Disk) -> bool:
    """All that starts it waits for its moment; a daemon runs; what nobody starts needs no more than its file."""
    if triggers:
        return all(_is_up(held, one) for one in triggers)
    if disk.is_daemon(label):
        return _is_up(held, units.SERVICE)
    return label in disk.services


def _digest(label: str, held: Mapping[str, Unit], triggers: Collection[str], disk: Disk) -> str:
    """What is loaded, as its own descriptions say; empty where one of them says nothing."""
    service = held.get(units.SERVICE)
    if service is None and label in disk.services:
        # Nothing of it is held: whoever starts it has the manager read what is there.
        return units.meaning(disk.services[label]) or ""
    if service is None or service.load != "loaded":
        return ""
    kind = units.DAEMON if disk.is_daemon(label) else units.SERVICE
    parts = {kind: service.digest} | {one: held[one].digest for one in triggers if one in held}
    for one in parts:
        suffix = units.SERVICE if one == kind else one
        parts[one] = disk.replaced.get(f"{label}.{suffix}", f"{one}={parts[one]}" if parts[one] else "")
    return " ".join(parts.values()) if all(parts.values()) else ""


def _loaded(label: str, held: Mapping[str, Unit], pid: int | None, disk: Disk) -> Loaded | None:
    """How one job stands; None where there is nothing of it but perhaps a file that nobody started."""
    suffixes = disk.units.get(label, frozenset())
    triggers = [one for one in _TRIGGERS if one in suffixes or _is_up(held, one)]
    is_armed = _is_armed(label, held, triggers, disk)
    if not is_armed and pid is None:
        # What is held of files that are there is no more than a memory.
        return None if all(one in suffixes for one in held) else Loaded(None, None, is_armed=False)
    service = held.get(units.SERVICE)
    ended = {"exited": 0, "auto-restart": 1}.get(service.sub) if service is not None else None
    return Loaded(pid, ended, _digest(label, held, triggers, disk), is_armed)


def _way_to_enable(label: str, held: Mapping[str, Unit], disk: Disk) -> str:
    """The command that ends what the user switched off; empty where he did not.

    Link and activity both gone, and no sync under way: that is what `systemctl disable --now` leaves.
    """
    names = {one: f"{label}.{one}" for one in units.SUFFIXES}
    masked = [
        name for one, name in names.items() if name in disk.masked or (one in held and held[one].load == "masked")
    ]
    startable = disk.startable(label)
    enable = "systemctl --user enable --now " + " ".join(names[one] for one in startable)
    is_up = any(_is_up(held, one) for one in startable)
    is_linked = any(name in disk.linked for name in names.values())
    is_enabled = not startable or is_up or is_linked or label in disk.changing
    if masked:
        # What was masked before it was installed has no link to come back by.
        return f"systemctl --user unmask {' '.join(masked)}" + ("" if is_enabled else f" && {enable}")
    return "" if is_enabled else enable


def survey(held: Mapping[str, Unit], disk: Disk, running: Mapping[str, int]) -> Survey:
    """All jobs. `held`: the manager's table; `running`: label -> pid."""
    by_label: dict[str, dict[str, Unit]] = {label: {} for label in (*disk.units, *map(_label, disk.masked))}
    for name, unit in held.items():
        label, suffix = split(name)
        if suffix in units.SUFFIXES:
            by_label.setdefault(label, {})[suffix] = unit
    found = {label: _loaded(label, one, running.get(label), disk) for label, one in sorted(by_label.items())}
    ways = {label: _way_to_enable(label, one, disk) for label, one in sorted(by_label.items())}
    return Survey(
        services={label: one for label, one in found.items() if one is not None},
        disabled={label: way for label, way in ways.items() if way},
    )
