"""The values that a definition becomes. Inside this border a Job is valid because it exists.

Everything is resolved here: `~` is the machine's recorded home, paths are absolute, schedules are slots on the
clock. Nothing in these values depends on the environment of whoever calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from jobsync.errors import Fault


@dataclass(frozen=True, slots=True)
class Machine:
    """What a definition may know of the machine it is read on; all of it from `config.toml`."""

    name: str
    tags: tuple[str, ...]
    os: str
    """`macos` or `linux`."""
    home: str
    """Absolute; what `~` stands for."""
    prefix: str
    """The label prefix of the repository."""
    work_tree: str
    """Absolute path of the repository's work tree: where the files of a job live when it runs."""


class Tree(Protocol):
    """The repository's files as one moment holds them: the work tree's, or HEAD's. Paths are relative, with `/`.

    Errors: `JobsyncError` when something is there but cannot be read.
    """

    def names(self, directory: str) -> tuple[str, ...] | None:
        """Entries of a directory, sorted; None when there is no such directory."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a regular file, links followed inside the repository; None when there is none."""
        ...

    def mode(self, path: str) -> int | None:
        """git's mode: 0o100644, 0o100755, 0o120000 (link), 0o040000 (directory); None when there is nothing."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One `StartCalendarInterval` dict: local wall-clock fields; None means every value.

    `day` and `weekday` both given = either matches, as in cron and launchd.plist(5). `weekday` 0 is Sunday.
    """

    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None


class Restart(Enum):
    """When a daemon is started again after it ended."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"


class Priority(Enum):
    """How much of the machine a job may take."""

    NORMAL = "normal"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Line:
    """`run = "text"`: one line for `sh -eu -c`."""

    text: str


@dataclass(frozen=True, slots=True)
class Argv:
    """`run = ["cmd", "arg"]`: no shell."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """No `run` key: the executable file `run` beside `job.toml`; absolute path in the work tree."""

    path: str


Command = Line | Argv | Script


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job starts by itself. No trigger at all: only `jobsync run NAME` starts it."""

    slots: tuple[Slot, ...] = ()
    """Sorted, without repetition, `spread` already applied."""
    at_login: bool = False
    on_change: tuple[str, ...] = ()
    on_files: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Each trigger as a person would say it, in the order of the definition."""


@dataclass(frozen=True, slots=True)
class Job:
    """One definition, valid and complete."""

    name: str
    description: str
    command: Command
    directory: str
    """Absolute: where the command runs."""
    home_directory: str
    """Absolute: the job's own directory in the work tree (`$JOBSYNC_DIR`)."""
    path: tuple[str, ...] = ()
    """Absolute directories in front of the machine's PATH."""
    inputs: tuple[str, ...] = ()
    """Repository-relative paths that count as the job's own files; its directory first."""
    schedule: Schedule = field(default_factory=Schedule)
    daemon: Restart | None = None
    environment: tuple[tuple[str, str], ...] = ()
    """Sorted by name."""
    priority: Priority = Priority.NORMAL
    launchd: Mapping[str, object] = field(default_factory=dict)
    """Raw launchd.plist keys, each of the type that launchd.plist(5) gives it."""
    systemd: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Raw unit lines: `service`, `timer` or `path` -> key -> what stands behind `=`, a text for each line."""
    unwanted: str | None = None
    """Why this machine shall not have it (`enabled = false`, `only.os is "macos"`), or None: it shall."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that one reading of a tree found."""

    jobs: tuple[Job, ...] = ()
    """Valid definitions in order of name, those that are unwanted here included."""
    faults: tuple[Fault, ...] = ()
    faulty: frozenset[str] = frozenset()
    """Names whose definition has a fault: their jobs stay as they are on the machine."""
    jobs_missing: bool = False
    """There is no jobs directory, or `jobsync.toml` does not say where: nothing may be concluded about removals."""
