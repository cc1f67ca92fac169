"""What leads to a systemd user unit: links that start it, other units and names, and files that would count instead."""

import os
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path

from jobsync import files
from jobsync.definitions import from_units
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin

_PACKAGED = (
    Path("/usr/local/lib/systemd/user"),
    Path("/usr/lib/systemd/user"),
    Path("/lib/systemd/user"),
    Path("/usr/local/share/systemd/user"),
    Path("/usr/share/systemd/user"),
)
_STARTING = (".wants", ".requires", ".upholds")
_TRIGGERS = ("timer", "path", "socket")
_ORDER = {"Unit.After", "Unit.Before", "Unit.Description", "Unit.Documentation", "Install.Also"}
"""Keys that may name a unit and start or stop nothing."""


def own_places(origin: Origin) -> tuple[Path, ...]:
    """Where systemd finds the user's own units, and first what counts."""
    return origin.paths.unit_links, origin.paths.units


def other_places(origin: Origin) -> tuple[Path, ...]:
    """Where it finds others: the admin's, packaged ones, and what lasts until the machine is off."""
    manager = origin.config.systemd
    overriding = origin.paths.overriding(manager.runtime) if manager else ()
    return (*(place for place in overriding if place not in own_places(origin)), *_PACKAGED)


def is_packaged(path: Path) -> bool:
    """Whether the file, or what a link leads to, belongs to a package."""
    return Path(os.path.realpath(path)).parent in _PACKAGED


def _links_in(place: Path) -> Iterator[Path]:
    for directory in files.listing(place):
        if directory.suffix in _STARTING:
            yield from files.listing(directory)


def links_to(origin: Origin, name: str) -> list[Path]:
    """The user's own links that start the unit: those of `systemctl --user enable`, and any other."""
    return [link for place in own_places(origin) for link in _links_in(place) if link.name == name]


def started(origin: Origin) -> set[str]:
    """Names of all units that such links start."""
    return {link.name for place in own_places(origin) for link in _links_in(place)}


def starter_of(link: Path) -> str:
    """What starts a unit by this link: `default.target`."""
    return link.parent.stem


def triggers_of(origin: Origin, path: Path) -> list[Path]:
    """Timers, watched paths, sockets and names on D-Bus, all of the user's, that start the service."""
    telling = (file for file, key in _telling(origin, path.name) if key.partition(".")[0] != "Unit")
    return list(dict.fromkeys([*_of_its_stem(origin, path), *telling]))


def _of_its_stem(origin: Origin, path: Path) -> Iterator[Path]:
    """What starts the service without naming it."""
    named = (place / f"{path.stem}.{kind}" for place in own_places(origin) for kind in _TRIGGERS)
    return (one for one in named if files.is_file(one))


def _units_of(place: Path) -> Iterator[Path]:
    """Units there and their drop-ins."""
    for path in files.listing(place):
        if path.suffix == ".d":
            yield from (one for one in files.listing(path) if one.suffix == ".conf")
        else:
            yield path


def _telling(origin: Origin, name: str) -> Iterator[tuple[Path, str]]:
    """Every other unit of the user's, or name on D-Bus, that starts or stops this one by name, and the key."""
    units = [path for place in own_places(origin) for path in _units_of(place)]
    others = [path for path in units if name not in (path.name, path.parent.name.removesuffix(".d"))]
    for path in (*others, *files.listing(origin.paths.units.parent.parent / "dbus-1/services")):
        if not files.is_file(path):
            continue
        content = files.read(path) or b""
        if name.encode() not in content:  # quick: of many timers each asks all units
            continue
        with suppress(JobsyncError):  # systemd does not read it either
            unit = from_units.parse(content.decode("utf-8", "replace"))
            for key, values in unit.values.items():
                if key not in _ORDER and name in " ".join(values).split():
                    yield path, key


def _others_of_its_name(origin: Origin, path: Path) -> Iterator[str]:
    for place in (*own_places(origin), *other_places(origin)):
        other = place / path.name
        if other != path and files.is_there(other):
            yield f"{other} has its name, too, and would count once this one is gone; move one of them away"


def _other_names(origin: Origin, path: Path) -> Iterator[str]:
    target, is_link = os.path.realpath(path), files.is_link(path)
    for other in (one for place in own_places(origin) for one in files.listing(place)):
        is_alike = other.suffix == path.suffix and other.name != path.name and (is_link or files.is_link(other))
        if is_alike and os.path.realpath(other) == target:
            yield f"{other} is another name of it, and a job has one; take that link away"


def _links_that_stay(origin: Origin, name: str) -> Iterator[str]:
    for link in (link for place in other_places(origin) for link in _links_in(place) if link.name == name):
        yield f"{link} starts it, too, and is none of your own; keep it as it is"
    for link in links_to(origin, name):
        if link.parent.suffix != ".wants":
            yield f"{link}: {starter_of(link)} needs it, and jobs know nothing of each other; keep it as it is"


def _who_names_it(origin: Origin, path: Path) -> Iterator[str]:
    triggers = triggers_of(origin, path)
    for trigger in triggers:
        is_timer = trigger.suffix == ".timer"
        yield f"{trigger} starts it; " + ("name that one" if is_timer else "no job can; keep it as it is")
    yield from _who_would_miss_it(origin, path.name, triggers)


def _who_would_miss_it(origin: Origin, name: str, besides: Container[Path]) -> Iterator[str]:
    for file, key in _telling(origin, name):
        if file not in besides:
            yield f"{file}: {key.partition('.')[2]} names it, and would miss it; take that line out"


def _what_would_come_instead(origin: Origin, path: Path) -> Iterator[str]:
    yield from _others_of_its_name(origin, path)
    yield from _other_names(origin, path)
    yield from _links_that_stay(origin, path.name)


def is_wanted(origin: Origin, timer: Path, service: Path) -> bool:
    """Whether anything of the user's but this timer starts the service, or names it, so that it must stay."""
    others = (*_of_its_stem(origin, service), *(file for file, _ in _telling(origin, service.name)))
    return any(other != timer for other in others)


def why_not_timer(origin: Origin, timer: Path, service: Path) -> list[str]:
    """As `why_not`, of a timer and of the service that goes with it, unless that is wanted elsewhere, too."""
    going = () if is_wanted(origin, timer, service) else (service,)
    found = [*_what_would_come_instead(origin, timer), *_who_would_miss_it(origin, timer.name, (service,))]
    return [*found, *(f"{path.name}: {why}" for path in going for why in _what_would_come_instead(origin, path))]


def why_not(origin: Origin, path: Path) -> list[str]:
    """Why a service of the user's cannot go: what else would start it, or miss it. `path`: where systemd has it."""
    return [*_what_would_come_instead(origin, path), *_who_names_it(origin, path)]
