"""Reads what `systemctl list-units` and `systemctl show` print. Pure, total, and light: `jobsync-hook` imports it.

The plain table is asked for, not JSON: reading it costs the hook no import, and its columns have been the same from
systemd 240 to 262. A unit's digest is at the end of its description (see `units.py`).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ARGUMENTS = ("--user", "--no-pager", "--plain", "--full", "--no-legend", "--all")
"""What a call needs so that the table is whole and bare."""

UP = ("active", "activating", "reloading", "refreshing")
"""States of a unit that does what it is there for; a daemon between two starts is `activating`."""

_LONG = 10
"""Digits: no process id has as many."""


RESTING = "start-pre"
"""What systemd calls a service while what comes before a run goes on (`units.REST`)."""


class Unit:
    """One line of the table."""

    __slots__ = ("active", "description", "load", "sub")

    def __init__(self, load: str, active: str, sub: str, description: str) -> None:
        self.load = load
        self.active = active
        self.sub = sub
        self.description = description

    @property
    def is_up(self) -> bool:
        """It waits for its moment, or runs."""
        return self.active in UP and not self.is_over

    @property
    def is_waiting(self) -> bool:
        """A timer, or a path unit, that does nothing until its moment comes."""
        return self.load == "loaded" and self.active == "active" and self.sub == "waiting"

    @property
    def is_over(self) -> bool:
        """A timer without a next moment, as after the load of a definition that has none: it stays so until a stop."""
        return self.active == "active" and self.sub == "elapsed"

    @property
    def has_process(self) -> bool:
        """A process of it runs, or is about to end. The rest before a run is none."""
        return self.active in (*UP, "deactivating") and self.sub not in ("exited", "auto-restart", "dead", RESTING)

    @property
    def is_resting(self) -> bool:
        """Somebody started it, and the run has to wait."""
        return self.sub == RESTING

    @property
    def digest(self) -> str:
        """What the loaded definition says of itself; empty when it says nothing."""
        start, _, end = self.description.rpartition("(jobsync ")
        return end[:-1] if start and end.endswith(")") else ""


def units(text: str) -> "dict[str, Unit]":
    """Unit name -> what the manager holds. Lines that make no sense are passed over."""
    found = {}
    for line in text.split("\n"):
        fields = line.removeprefix("● ").removeprefix("* ").split(None, 4)
        if len(fields) >= 4:
            name, load, active, sub, *rest = fields
            found[name] = Unit(load, active, sub, rest[0].rstrip() if rest else "")
    return found


def table(text: str, starts: "tuple[str, ...]") -> "dict[str, Unit] | None":
    """As `units`; None where the text is not the table of units whose names begin with one of these."""
    rows = [line for line in text.split("\n") if line.strip()]
    found = units(text)
    return found if len(found) == len(rows) and all(name.startswith(starts) for name in found) else None


def evidence(label: str, load_digest: str) -> "tuple[str, ...]":
    """What `all_loaded` must find for a job: a line for each unit, with the digest that it must be loaded with.

    A service beside a timer or path unit is held by that; one that nothing starts need not be in memory at all.
    """
    parts = [part.partition("=")[::2] for part in load_digest.split()]
    found = []
    for kind, digest in parts:
        if kind == "daemon":
            found.append(f"{label}.service {digest} up")
        elif kind in ("timer", "path"):
            found.append(f"{label}.{kind} {digest} up")
        else:
            found.append(f"{label}.service {digest} {'held' if len(parts) > 1 else 'if held'}")
    return tuple(found)


def all_loaded(lines: "Iterable[str]", text: str) -> bool:
    """Whether the table shows all that these lines of evidence ask for."""
    known = units(text)
    for line in lines:
        name, digest, must = [*line.split(" ", 2), "", ""][:3]
        unit = known.get(name)
        if unit is None:
            if must == "if held":
                continue
            return False
        if unit.digest != digest or (must == "up" and not unit.is_up):
            return False
    return True


def has_others(lines: "Iterable[str]", text: str, start: str) -> bool:
    """Whether the table holds a unit whose job no line of evidence speaks of. `start`: nothing else was asked for."""
    del start
    known = {line.partition(" ")[0].rpartition(".")[0] for line in lines}
    return not {name.rpartition(".")[0] for name in units(text)} <= known


def running(text: str) -> "frozenset[str]":
    """The labels in the table that have a process."""
    found = units(text).items()
    return frozenset(
        name.removesuffix(".service") for name, unit in found if name.endswith(".service") and unit.has_process
    )


def shown(text: str) -> "dict[str, dict[str, str]]":
    """Unit name -> properties, of the blocks that `systemctl show -p Id,…` prints."""
    found: dict[str, dict[str, str]] = {}
    for block in text.split("\n\n"):
        properties = {
            key: value for key, equals, value in (line.partition("=") for line in block.split("\n")) if equals
        }
        if "Id" in properties:
            found[properties["Id"]] = properties
    return found


def pids(text: str) -> "dict[str, int] | None":
    """Service -> its process, of what `systemctl show -p Id,MainPID` prints; None where that makes no sense."""
    found = {name: one.get("MainPID", "") for name, one in shown(text).items()}
    if not all(pid.isascii() and pid.isdigit() and len(pid) < _LONG for pid in found.values()):
        return None
    return {name: int(pid) for name, pid in found.items() if int(pid)}
