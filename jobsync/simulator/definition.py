"""What launchd keeps of a plist: parsed and checked once, at bootstrap, and never read again.

Unknown keys and values of the wrong type are ignored, as launchd does; only what makes a service impossible refuses.
"""

import os
import plistlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobsync.simulator.errors import Refused
from jobsync.simulator.files import status_of
from jobsync.simulator.schedule import CalendarSlot

NO_FILE = 2
INVALID_PLIST = 109
INVALID_LABEL = 110
INVALID_PROGRAM = 111
BAD_OWNERSHIP = 122
RESERVED_LABEL = 154
_CALENDAR = {
    "minute": range(60),
    "hour": range(24),
    "day": range(1, 32),
    "weekday": range(8),
    "month": range(13),
}
_DEFAULT_EXIT_TIMEOUT = 5
_DEFAULT_THROTTLE = 10
_NUMBERS = range(-(2**63), 2**64)
"""What a property list can hold; Python reads longer ones, too."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When a job is kept alive; entries are ORed, None = the entry is absent."""

    always: bool = False
    successful_exit: bool | None = None
    crashed: bool | None = None
    path_state: tuple[tuple[str, bool], ...] = ()
    other_jobs: tuple[tuple[str, bool], ...] = ()
    after_demand: bool = False
    has_network_state: bool = False
    """NetworkState has no effect any more, but any KeepAlive implies RunAtLoad."""

    def __bool__(self) -> bool:
        return self != KeepAlive()


@dataclass(frozen=True, slots=True)
class Definition:
    """One job as launchd holds it."""

    label: str
    path: str
    program: str | None = None
    arguments: tuple[str, ...] = ()
    disabled: bool = False
    session_types: tuple[str, ...] = ("Aqua",)
    run_at_load: bool = False
    keep_alive: KeepAlive = KeepAlive()
    interval: int | None = None
    slots: tuple[CalendarSlot, ...] = ()
    watch_paths: tuple[str, ...] = ()
    queue_directories: tuple[str, ...] = ()
    launch_only_once: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str | None = None
    umask: int | None = None
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    exit_timeout: int = _DEFAULT_EXIT_TIMEOUT
    throttle: int = _DEFAULT_THROTTLE
    nice: int | None = None
    process_type: str | None = None
    low_priority_io: bool = False
    low_priority_background_io: bool = False
    abandons_group: bool = False
    soft_limits: tuple[tuple[str, int], ...] = ()
    hard_limits: tuple[tuple[str, int], ...] = ()
    enable_transactions: bool = False

    @property
    def executable(self) -> str:
        """The program, or where there is none the first argument."""
        return self.program or self.arguments[0]

    @property
    def triggers(self) -> int:
        """How many event triggers it has."""
        return len(self.slots) + len(self.watch_paths) + len(self.queue_directories)

    @property
    def starts_at_load(self) -> bool:
        """RunAtLoad, said or implied: any KeepAlive implies it (docs/simulator.md, row 8.2)."""
        return self.run_at_load or (bool(self.keep_alive) and not self.keep_alive.after_demand)


class _Reader:
    """Typed look-ups in a plist dict that treat a wrong type as absence."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def flag(self, key: str) -> bool:
        return self.values.get(key) is True

    def maybe_flag(self, key: str) -> bool | None:
        value = self.values.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value in _NUMBERS else None

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key)
        entries = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return tuple(entry for entry in entries if isinstance(entry, str))

    def table(self, key: str) -> Mapping[str, object]:
        value = self.values.get(key)
        return value if isinstance(value, dict) else {}


def _flags(table: Mapping[str, object]) -> tuple[tuple[str, bool], ...]:
    return tuple((name, value) for name, value in table.items() if isinstance(value, bool))


def _numbers(table: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    return tuple((name, value) for name, value in table.items() if isinstance(value, int))


def _keep_alive(reader: _Reader) -> KeepAlive:
    if reader.flag("KeepAlive") or reader.maybe_flag("OnDemand") is False:
        return KeepAlive(always=True)
    entries = _Reader(reader.table("KeepAlive"))
    return KeepAlive(
        successful_exit=entries.maybe_flag("SuccessfulExit"),
        crashed=entries.maybe_flag("Crashed"),
        path_state=_flags(entries.table("PathState")),
        other_jobs=_flags(entries.table("OtherJobEnabled")),
        after_demand=entries.flag("AfterInitialDemand"),
        has_network_state=entries.maybe_flag("NetworkState") is not None,
    )


def _slot(entry: Mapping[str, object]) -> CalendarSlot | None:
    """As launchd 842 reads it, the last whose source is public: a dict with a value that is no number, or one that its
    field cannot have, is none. What is below 0 counts as if it were not there, and so does month 0."""
    fields: dict[str, int | None] = {}
    for key, value in entry.items():
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        name = key.lower()
        if name in _CALENDAR and value >= 0:
            if value not in _CALENDAR[name]:
                return None
            fields[name] = value
    fields["month"] = fields.get("month") or None
    return CalendarSlot(**fields)


def _slots(value: object) -> tuple[CalendarSlot, ...]:
    entries = value if isinstance(value, list) else [value]
    slots = (_slot(entry) for entry in entries if isinstance(entry, dict))
    return tuple(slot for slot in slots if slot is not None)


def _umask(value: object) -> int | None:
    if isinstance(value, str):
        try:
            return int(value, 8 if value.startswith("0") else 10)
        except ValueError:
            return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _positive(value: int | None) -> int | None:
    return value if value is not None and value > 0 else None


def _label(reader: _Reader) -> str:
    label = reader.text("Label")
    if not label:
        raise Refused(INVALID_LABEL)
    if label.startswith("com.apple."):
        raise Refused(RESERVED_LABEL)
    return label


def _require_program(reader: _Reader) -> None:
    program, arguments = reader.text("Program"), reader.texts("ProgramArguments")
    if not program and not arguments:
        raise Refused(INVALID_PROGRAM)


def make_definition(values: Mapping[str, object], path: str) -> Definition:
    """A definition from a plist's dict. Refused(110) without a Label, (111) without a program, (154) for com.apple."""
    reader = _Reader(values)
    label = _label(reader)
    _require_program(reader)
    exit_timeout = reader.number("ExitTimeOut")
    environment = reader.table("EnvironmentVariables").items()
    return Definition(
        label=label,
        path=path,
        program=reader.text("Program"),
        arguments=reader.texts("ProgramArguments"),
        disabled=reader.flag("Disabled"),
        session_types=reader.texts("LimitLoadToSessionType") or ("Aqua",),
        run_at_load=reader.flag("RunAtLoad"),
        keep_alive=_keep_alive(reader),
        interval=_positive(reader.number("StartInterval")),
        slots=_slots(values.get("StartCalendarInterval")),
        watch_paths=reader.texts("WatchPaths"),
        queue_directories=reader.texts("QueueDirectories"),
        launch_only_once=reader.flag("LaunchOnlyOnce"),
        environment=tuple((name, value) for name, value in environment if isinstance(value, str)),
        working_directory=reader.text("WorkingDirectory"),
        umask=_umask(values.get("Umask")),
        stdin=reader.text("StandardInPath"),
        stdout=reader.text("StandardOutPath"),
        stderr=reader.text("StandardErrorPath"),
        exit_timeout=_DEFAULT_EXIT_TIMEOUT if exit_timeout is None or exit_timeout < 0 else exit_timeout,
        throttle=_positive(reader.number("ThrottleInterval")) or _DEFAULT_THROTTLE,
        nice=reader.number("Nice"),
        process_type=reader.text("ProcessType"),
        low_priority_io=reader.flag("LowPriorityIO"),
        low_priority_background_io=reader.flag("LowPriorityBackgroundIO"),
        abandons_group=reader.flag("AbandonProcessGroup"),
        soft_limits=_numbers(reader.table("SoftResourceLimits")),
        hard_limits=_numbers(reader.table("HardResourceLimits")),
        enable_transactions=reader.flag("EnableTransactions"),
    )


def _read_plist(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            values = plistlib.load(file)
    except FileNotFoundError:
        raise Refused(NO_FILE) from None
    # plistlib promises nothing of bytes that are none: a wrong date is an AttributeError, an encoding that nobody knows
    # a LookupError, a deep tree a RecursionError.
    except Exception:
        raise Refused(INVALID_PLIST) from None
    if not isinstance(values, dict):
        raise Refused(INVALID_PLIST)
    return values


def check_file(path: Path) -> None:
    """Refused(2) when it does not exist, (122) when others may write it or own it, (109) when it is no file."""
    found = status_of(path)
    if found is None:
        raise Refused(NO_FILE)
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Refused(BAD_OWNERSHIP)
    if not stat.S_ISREG(found.st_mode):  # who opens a pipe waits for whoever writes to it
        raise Refused(INVALID_PLIST)


def read_definition(path: Path) -> Definition:
    """Check and parse a plist in launchd's order: exists, owner and mode, property list, Label, program."""
    check_file(path)
    return make_definition(_read_plist(path), str(path))
