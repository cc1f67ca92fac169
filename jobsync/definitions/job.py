"""The values that a definition becomes. Inside this border a Job is valid because it exists.

Everything is resolved here: `~` is the machine's recorded home, paths are absolute, schedules are slots on the
clock. Nothing in these values depends on the environment of whoever calls.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from jobsync.errors import Fault
from jobsync.values import dataclass, field

# Assigning to one of these ends some shells (readonly in bash, which is macOS's sh) or changes how the launcher's
# own lines are read.
SHELLS_OWN = frozenset(
    {"BASHOPTS", "BASH_VERSINFO", "EUID", "IFS", "OLDPWD", "OPTARG", "OPTIND", "PPID", "PWD", "SHELLOPTS", "UID", "_"}
)
"""Names that neither `[env]` nor a job's env file may set."""


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
    scheduler: str
    """`launchd` or `systemd`."""


class Tree(Protocol):
    """The repository's files as one moment holds them: the work tree's, or HEAD's. Paths are relative, with `/`.

    Errors: `JobsyncError` when something is there but cannot be read.
    """

    @property
    def is_gits(self) -> bool:
        """These are files as git keeps them; those on the disk may have another mode already."""
        ...

    def names(self, directory: str) -> tuple[str, ...] | None:
        """Entries of a directory, sorted; None when there is no such directory. `JobsyncError` where it is not ours."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a regular file, links followed inside the repository; None when there is none."""
        ...

    def mode(self, path: str) -> int | None:
        """git's mode: 0o100644, 0o100755, 0o120000 (link), 0o040000 (directory); None when there is nothing."""
        ...

    def real(self, path: str) -> str:
        """The path with all links in it followed: the one that changes when the content does."""
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


TOLERANCE = 180
"""Seconds after its slot in which a run is on time: schedulers collect wakes, busy machines start slowly."""


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
class Retry:
    """`[retry]`: how often a failed command is started again within one run."""

    attempts: int = 3
    """In all."""
    delay: int = 1
    """Seconds before the second attempt; doubles with each further one, less up to a quarter of it at random."""
    max_delay: int = 300
    """Seconds that no wait exceeds."""
    on_codes: tuple[int, ...] = ()
    """Exit statuses worth another attempt; empty: every failure."""


@dataclass(frozen=True, slots=True)
class When:
    """`[when]`: what must hold at each start; else the start is recorded as skipped."""

    ac_power: bool = False
    online: bool = False
    """There is a default route."""
    stale_after: int | None = None
    """Seconds: skip while the last success is younger."""
    wait: int = 0
    """Seconds to wait for power and network."""


NOT_STARTED = 78
"""Status of a run whose directory, log, env file or input could not be had: sysexits' EX_CONFIG, as launchd says it."""


@dataclass(frozen=True, slots=True)
class Expect:
    """`[expect]`: what a run must show to count as a success."""

    success_codes: tuple[int, ...] = (0,)
    prints: tuple[str, ...] = ()
    """Extended regular expressions: for each of them a line matches."""
    prints_not: tuple[str, ...] = ()
    """No line matches any of them."""
    touches: tuple[str, ...] = ()
    """Absolute paths that were made or changed during the run."""
    success_within: int | None = None
    """Seconds after which the last success is too old; never less than the schedule's longest gap."""


class Event(Enum):
    """What `[notify]` may tell: changes of a job's state, each once."""

    FAILED = "failed"
    RECOVERED = "recovered"
    MISSED = "missed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class Notify:
    """`[notify]`: who is told, and of what."""

    on: tuple[Event, ...] = (Event.FAILED, Event.MISSED, Event.RECOVERED)
    run: Line | Argv | None = None
    """None: the platform's own notifier."""


GRACE = 10
"""Seconds between TERM and KILL where `limits.grace` does not say."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`[limits]` as far as the launcher keeps them."""

    timeout: int | None = None
    """Seconds that a run may take, waits and retries included; the machine's sleep does not count."""
    grace: int | None = None
    """Seconds between TERM and KILL; None: not said, which means the scheduler's own and, at a timeout, `GRACE`."""
    lock: str | None = None
    """Jobs with the same lock run one after another on a machine."""


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
    catch_up: int | None = None
    """Seconds that the run of a missed slot may be late: None is any time, 0 is never."""


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
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=lambda: Retry(attempts=1))
    """One attempt where the definition has no `[retry]`."""
    when: When = field(default_factory=When)
    expect: Expect = field(default_factory=Expect)
    notify: Notify | None = None
    launchd: Mapping[str, object] = field(default_factory=dict)
    """Raw launchd.plist keys, each of the type that launchd.plist(5) gives it."""
    systemd: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Raw unit lines: `service`, `timer` or `path` -> key -> what stands behind `=`, a text for each line."""
    unwanted: str | None = None
    """Why this machine shall not have it (`enabled = false`, `only.os is "macos"`), or None: it shall."""

    @property
    def triggers(self) -> str:
        """All that starts it, in one line."""
        if self.daemon is not None:
            return "daemon" if self.daemon is Restart.ALWAYS else "daemon, restarted on failure"
        return "; ".join(self.schedule.words) or "only by hand"


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
