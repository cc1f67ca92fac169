"""One loaded job: its definition, where it stands in its life, and what is due for it. Starts and signals nothing."""

from dataclasses import dataclass, field
from enum import Enum

from jobsync.simulator.definition import Definition, KeepAlive
from jobsync.simulator.texts import CRASH_SIGNALS

_LONGEST_THROTTLE = 1200
_TAGS = {"OS_REASON_CODESIGNING": "(cs)", "JETSAM": "(jt)"}


class State(Enum):
    """What `print` shows after `state = `."""

    IDLE = "not running"
    SCHEDULED = "spawn scheduled"
    SPAWNING = "xpcproxy"
    RUNNING = "running"
    TERMED = "SIGTERMed"
    KILLED = "SIGKILLed"
    EXITED = "exited"
    """Its process is gone, and it is about to be forgotten."""


class Reason(Enum):
    """Why a job starts; what `print` shows as `immediate reason`. That of calendar and paths is not known: inferred."""

    LOAD = "speculative"
    KEEP_ALIVE = "semaphore"
    INTERVAL = "interval"
    CALENDAR = "xpc event"
    PATHS = "xpc event (paths)"
    DEMAND = "non-ipc demand"
    INEFFICIENT = "inefficient"

    @property
    def text(self) -> str:
        """As `print` and the log show it."""
        return self.value.partition(" (")[0]

    @property
    def is_remembered(self) -> bool:
        """Whether it waits for a running job to end; an interval that finds the job running is lost."""
        return self in (Reason.CALENDAR, Reason.PATHS)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, in Darwin's numbers: an exit code, or the signal that killed it."""

    code: int = 0
    signal: int = 0
    why: str | None = None
    """The kernel's reason for killing it, such as `OS_REASON_CODESIGNING`."""

    @property
    def wait_status(self) -> int:
        """The raw status, as `list LABEL` shows it."""
        return self.signal or self.code << 8

    @property
    def short(self) -> str:
        """As the `list` table shows it."""
        return f"-{self.signal}" if self.signal else str(self.code)

    @property
    def tag(self) -> str:
        """As `print` of a domain shows it: some reasons have a tag of their own."""
        tags = (tag for begin, tag in _TAGS.items() if (self.why or "").startswith(begin))
        return next(tags, self.short)

    @property
    def is_crash(self) -> bool:
        """Ended by a signal that a fault raises."""
        return self.signal in CRASH_SIGNALS


@dataclass(slots=True)
class Service:
    """A registered job. Times are simulated seconds since the epoch, but those that say they are real (monotonic)."""

    definition: Definition
    loaded_at: float
    number: int
    """Which trigger number its first event trigger carries."""
    state: State = State.IDLE
    pid: int | None = None
    runs: int = 0
    ended: Ended | None = None
    crashes: int = 0
    """Crashes in a row."""
    reason: Reason | None = None
    pending: Reason | None = None
    """One trigger that came while the job ran and waits for its end."""
    pended: Reason | None = None
    """A start that launchd holds back for no reason it tells (docs/simulator.md, row 6.4)."""
    start_due: float | None = None
    started_at: float | None = None
    calendar_due: float | None = None
    interval_due: float | None = None
    kill_at: float | None = None
    """Real."""
    spawned_at: float = 0.0
    """Real."""
    gone_from: float = 0.0
    """Real: the moment before which a service that is taken down is not forgotten."""
    is_draining: bool = False
    is_suspended: bool = False
    is_stopped: bool = False
    """Its process was stopped by a signal and not continued."""
    is_denied: bool = False
    """Switched off in the Login Items and loaded nevertheless: it is removed when it is to start."""
    starts_again: bool = False
    """kickstart -k: start when the process that is being stopped has gone."""
    was_demanded: bool = False
    seen: dict[str, object] = field(default_factory=dict)
    """What the watched paths looked like."""

    @property
    def label(self) -> str:
        """Its name in the domain."""
        return self.definition.label

    @property
    def throttle(self) -> int:
        """Seconds from one start to the next; doubles with each crash in a row, up to 1200."""
        doubled = self.definition.throttle << min(max(self.crashes - 1, 0), 20)
        return min(doubled, max(_LONGEST_THROTTLE, self.definition.throttle))

    @property
    def may_start_from(self) -> float:
        """The moment before which the throttle starts nothing."""
        return 0.0 if self.started_at is None else self.started_at + self.throttle

    def plan_interval(self, now: float) -> None:
        """The next firing of StartInterval later than now, counted from the load; what lies before is lost."""
        period = self.definition.interval
        if period is not None:
            self.interval_due = self.loaded_at + ((now - self.loaded_at) // period + 1) * period

    @property
    def next_due(self) -> float | None:
        """When the clock has something to do for it."""
        dues = (self.start_due, self.calendar_due, self.interval_due)
        return min((due for due in dues if due is not None), default=None)


def is_wanted_after(keep: KeepAlive, ended: Ended) -> bool:
    """Whether KeepAlive starts the job again after this end; conditions on files and other jobs are not asked."""
    if keep.always:
        return True
    if keep.successful_exit is not None and keep.successful_exit == (ended.wait_status == 0):
        return True
    return keep.crashed is not None and keep.crashed == ended.is_crash
