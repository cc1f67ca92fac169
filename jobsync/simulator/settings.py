"""What a simulated Mac is like: whose it is, which macOS, who is logged in, and the answers to what is not known.

Kept as `settings.json` in the simulator's directory. The switches below `caller` stand for the open points of
docs/simulator.md; each default is the one that is harder on the caller, so that what passes here passes there.
"""

import dataclasses
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.files import write_whole
from jobsync.simulator.plain import check_types
from jobsync.simulator.texts import Version, parse_version

FILE = "settings.json"


class Caller(StrEnum):
    """As whom launchctl's callers count."""

    USER = "user"
    ROOT = "root"
    OTHER = "other"


class Session(StrEnum):
    """From where callers call; `auto` = background when SSH_CONNECTION or SSH_TTY is set, else the GUI session."""

    AUTO = "auto"
    GUI = "gui"
    BACKGROUND = "background"


class SkippedSlot(StrEnum):
    """What becomes of a slot that lies in the hour which a change to summer time skips."""

    LOST = "lost"
    SHIFTED = "shifted"
    """It fires as much later as the clock was moved on."""


class RepeatedSlot(StrEnum):
    """How often a slot that names its hour fires where that hour comes twice."""

    TWICE = "twice"
    ONCE = "once"


class MonthBesideWeekday(StrEnum):
    """What a slot means that names both a weekday and a month."""

    HEEDED = "heeded"
    IGNORED = "ignored"
    """That weekday of every month."""


class EmptyStore(StrEnum):
    """How `print-disabled` shows that there is no override."""

    BRACES = "braces"
    WORDS = "words"


class LoginItemOff(StrEnum):
    """What a bootstrap by hand meets when the user has switched the job off in the Login Items."""

    REFUSED = "refused"
    ALLOWED = "allowed"
    REMOVED = "removed"
    """It is loaded, and removed when it is to start."""
    DISABLED = "disabled"
    """The switch shows up as a disabled override."""


_CHOICES: dict[str, type[StrEnum]] = {
    "caller": Caller,
    "session": Session,
    "skipped_slot": SkippedSlot,
    "repeated_slot": RepeatedSlot,
    "month_beside_weekday": MonthBesideWeekday,
    "empty_overrides": EmptyStore,
    "login_item_off": LoginItemOff,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One simulated Mac."""

    home: str
    """Absolute; the user's home with `Library/LaunchAgents`."""
    uid: int
    """The user's uid as launchd's domains name it; files are still owned by whoever runs the simulator."""
    user: str = "me"
    version: str = "15.5"
    gui: bool = True
    """Whether the user logs in when the machine comes up."""
    prefixes: tuple[str, ...] = ()
    """Only labels `PREFIX` and `PREFIX.…` are loaded; none = every label."""
    tz: str | None = None
    asid: int = 100003
    other_uids: tuple[int, ...] = ()
    """Users that exist beside ours."""
    dry: bool = False
    """Starts are counted, but nothing is executed; every run ends at once with 0."""
    caller: Caller = Caller.USER
    session: Session = Session.AUTO
    disabled_code: int = 5
    """What a user's bootstrap of a disabled label shows: 5 or 119; both are reported, and 5 says less."""
    loaded_code: int | None = None
    """launchd's inner code for a label that is loaded: 17 or 37; None = 37 from the same path, 17 from another."""
    missing_file_code: int = 2
    """What root sees when the plist does not exist: 2 or 5."""
    running_kickstart_code: int = 37
    """kickstart of a running job without `-k`: 37 or 0."""
    kick_skips_throttle: bool = False
    """Whether `kickstart -k` starts at once; waiting is the slower answer."""
    skipped_slot: SkippedSlot = SkippedSlot.LOST
    repeated_slot: RepeatedSlot = RepeatedSlot.TWICE
    month_beside_weekday: MonthBesideWeekday = MonthBesideWeekday.HEEDED
    past_slot_runs_at_load: bool = False
    """Whether loading a job runs it when a slot of today is past."""
    creates_log_directories: bool = False
    """Whether missing parents of log paths are made; without them the job fails with 78."""
    login_item_off: LoginItemOff = LoginItemOff.REFUSED
    empty_overrides: EmptyStore = EmptyStore.BRACES
    pends_reloads_within: float = 0.0
    """Real seconds after a bootout in which a new start at load is held back; 0 = only `pend` holds one back."""
    home_in_environment: bool = True
    """Whether agents get HOME, USER, LOGNAME, SHELL and TMPDIR."""
    bootout_waits: bool = False
    """Whether plain bootout answers only when the job is gone."""
    teardown: float = 0.3
    """Real seconds for which a booted-out job that had a process stays registered at least: an immediate bootstrap
    was measured to fail 8 of 8 times."""

    @property
    def macos(self) -> Version:
        """The version as numbers."""
        return parse_version(self.version)

    @property
    def agents_directory(self) -> Path:
        """Where the login looks for agents."""
        return Path(self.home, "Library", "LaunchAgents")

    def allows(self, label: str) -> bool:
        """Whether this machine may load that label."""
        return not self.prefixes or has_prefix(label, self.prefixes)


def has_prefix(label: str, prefixes: Iterable[str]) -> bool:
    """Whether a label is one of these prefixes, or begins with one and a dot."""
    names = [prefix.rstrip(".") for prefix in prefixes]
    return any(label == name or label.startswith(f"{name}.") for name in names)


def make_settings(values: dict[str, Any]) -> Settings:
    """Settings from plain values, as JSON holds them. SimulatorError for an unknown name or an impossible value."""
    known = {field.name for field in dataclasses.fields(Settings)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SimulatorError(f"no such setting: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    try:
        check_types(Settings, plain)
        if "version" in plain:
            parse_version(plain["version"])
        plain |= {name: kind(plain[name]) for name, kind in _CHOICES.items() if name in plain}
        return Settings(**plain)
    except (ValueError, TypeError) as fault:
        raise SimulatorError(f"settings of the simulated Mac: {fault}") from None


def changed(settings: Settings, changes: dict[str, Any]) -> Settings:
    """The settings with some values replaced; errors as `make_settings`."""
    return make_settings({**dataclasses.asdict(settings), **changes})


def save_settings(settings: Settings, directory: Path) -> None:
    """Write them into the simulator's directory."""
    text = json.dumps(dataclasses.asdict(settings), indent=2)
    write_whole(directory / FILE, f"{text}\n".encode())


def load_settings(directory: Path) -> Settings:
    """Read them back; SimulatorError when the directory is no simulator's."""
    try:
        values = json.loads((directory / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SimulatorError(f"{directory} holds no simulated launchd ({FILE} is missing)") from None
    except ValueError as fault:
        raise SimulatorError(f"{directory / FILE} is not JSON: {fault}") from None
    if not isinstance(values, dict):
        raise SimulatorError(f"{directory / FILE} holds no settings; start in another directory")
    return make_settings(values)


def default_uid() -> int:
    """The uid of a simulated user who is not chosen: whoever runs this."""
    return os.getuid()
