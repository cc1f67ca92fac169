"""How one job stands, as a value and in words. Light: `at_once` says with it that all is well."""

from datetime import datetime
from enum import Enum
from itertools import pairwise

from jobsync.runs import records
from jobsync.runs.missed import Missed
from jobsync.runs.records import EXPECTATION, NO_LOCK, NO_LOG, STOPPED, TIMEOUT, Run
from jobsync.runs.words import age, exit_words
from jobsync.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from jobsync.definitions.job import Job
    from jobsync.reconcile.state import Change


class State(Enum):
    """How a job stands, in a word; the first ones need nobody's attention."""

    OK = "ok"
    RUNNING = "running"
    NEVER_RAN = "never ran"
    LOCAL = "local"
    PAUSED = "paused"
    DISABLED = "disabled"
    ELSEWHERE = "not here"
    FAILING = "failing"
    MISSED = "missed"
    NOT_RUNNING = "not running"
    FAULTY = "faulty"
    NOT_SYNCED = "not synced"
    NOT_LOADED = "not loaded"
    DRIFT = "drift"
    TO_BE_REMOVED = "to be removed"
    DEFERRED = "deferred"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "unknown"


_HEALTHY = (State.OK, State.RUNNING, State.NEVER_RAN, State.LOCAL, State.PAUSED, State.DISABLED, State.ELSEWHERE)

SYNC = "jobsync sync"
RELEASE = "jobsync sync --allow-removals"
_REMEDIES = {
    State.FAILING: "jobsync logs {}",
    State.NOT_RUNNING: "jobsync logs {}",
    State.MISSED: "jobsync run {}",
    State.NOT_SYNCED: SYNC,
    State.NOT_LOADED: SYNC,
    State.DRIFT: SYNC,
    State.TO_BE_REMOVED: SYNC,
    State.FAILED: "jobsync doctor {}",
    State.UNKNOWN: "jobsync doctor",
}


HABIT = 3
"""So many runs in a row make a habit."""
_HABIT_SECONDS = 600
_RECOVERY = 60
"""Seconds that the next run must last at least, for the habit to be over."""

_WITHOUT = {NO_LOG: "no log", NO_LOCK: "no lock"}
_ENDINGS = {
    STOPPED: "was stopped",
    TIMEOUT: "ran into its timeout",
    NO_LOG: "could not have a log",
    NO_LOCK: "could not have its lock",
}


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job, as a person wants to know it."""

    name: str
    label: str
    schedule: str
    """In words."""
    state: State
    detail: str
    """Why it is in this state, a line for each reason; or empty."""
    pid: int | None
    """Of its process; 0: it has one, and nobody asked which."""
    last: Run | None
    next: datetime | None
    """Local time; None where no slot is set or nothing will fire."""
    job: "Job | None"
    change: "Change | None" = None
    """What a sync would do with it; None: it has nothing of it here and wants nothing."""
    since: int | None = None
    """Second (epoch) of the first of the failures in a row."""
    until: int | None = None
    """Second (epoch) at which its pause ends; None: not paused, or until resumed."""
    missed: Missed | None = None
    """The expected runs that did not come and that nothing has made up for."""
    tells_how: bool = False
    """`detail` says what to type next."""
    is_held: bool = False
    """Its removal waits for somebody to release the brake."""

    @property
    def is_healthy(self) -> bool:
        """Nothing that the user must look at."""
        return self.state in _HEALTHY

    @property
    def remedy(self) -> str:
        """What to type next; empty where nothing is wrong, or `detail` says it."""
        if self.tells_how:
            return ""
        return RELEASE if self.is_held else _REMEDIES.get(self.state, "").format(self.name)


def ended_badly(run: Run) -> bool:
    """It failed, or it has no end though nothing of it runs any more."""
    return not run.skipped and not run.is_success


def how_it_ended(run: Run) -> str:
    """The end of a run that is over, or was cut off: `ok`, `exit 78 (EX_CONFIG)`, `timeout`, `killed`."""
    if run.ended is None:
        return "killed"
    if run.reason:
        return _WITHOUT.get(run.reason, run.reason)
    return exit_words(run.status) if run.status is not None else "no status"


def ending(run: Run) -> str:
    """The same as the rest of a sentence about it: `ended with exit 78 (EX_CONFIG)`, `was stopped`."""
    if run.ended is None:
        return "was killed, or the machine went down"
    if run.reason.startswith(EXPECTATION):
        return f"broke an {run.reason}"
    return _ENDINGS.get(run.reason) or f"ended with {how_it_ended(run)}"


def failing_since(runs: "Iterable[Run]", *, is_daemon: bool) -> int | None:
    """Start of the first of the failures in a row at the end; None where the last run was none.

    A daemon that was told to end did not fail.
    """
    since = None
    for run in reversed(tuple(runs)):
        if run.skipped:
            continue
        if not ended_badly(run) or run.was_told_to_end(is_daemon=is_daemon):
            break
        since = run.started
    return since


def habit(runs: "Iterable[Run]", now: float, *, goes_on: bool) -> tuple[Run, ...]:
    """The newest three runs that are over, where they began within ten minutes; none where there is no such habit.

    `now`: second (epoch). `goes_on`: the newest run is not over. Where it has lasted for a minute, and twice as long as
    it took from one start to the next, it has got rid of the habit.
    """
    started = [run for run in runs if not run.skipped]
    present = started.pop() if goes_on and started and not started[-1].is_over else None
    newest = tuple(started[-HABIT:])
    if len(newest) < HABIT or newest[-1].started - newest[0].started > _HABIT_SECONDS:
        return ()
    if present is not None:
        between = max(later.started - former.started for former, later in pairwise((*newest, present)))
        if now - present.started >= max(_RECOVERY, 2 * between):
            return ()
    return newest


def crash_loop(runs: "Iterable[Run]", now: float, *, goes_on: bool, is_daemon: bool) -> int | None:
    """Within how many seconds `HABIT` runs began, where the habit is to fail; None where it is not, and where somebody
    tries that by hand."""
    newest = habit(runs, now, goes_on=goes_on)
    if not newest or not all(map(ended_badly, newest)):
        return None
    if any(run.by_hand or run.was_told_to_end(is_daemon=is_daemon) for run in newest):
        return None
    return newest[-1].started - newest[0].started


def missed_words(one: Missed) -> str:
    """`2 runs did not come, the last due Mon 23 Nov 09:00: asleep or off`."""
    if one.count == 1:
        return f"the run due {one.last:%a %d %b %H:%M} did not come: {one.reason}"
    return f"{one.count} runs did not come, the last due {one.last:%a %d %b %H:%M}: {one.reason}"


def run_state(
    pid: int | None,
    runs: "Collection[Run]",
    missed: Missed | None,
    now: datetime,
    *,
    is_daemon: bool,
    is_local: bool,
) -> tuple[State, str]:
    """State and detail of a job that is installed and loaded as it should be."""
    last = records.last(runs)
    if pid is not None:
        # A daemon is started again at once, and has a process most of the time although it does nothing but fail.
        loop = crash_loop(runs, now.timestamp(), goes_on=True, is_daemon=True) if is_daemon else None
        if loop is not None:
            return State.FAILING, f"failed {HABIT} times within {age(loop)}, and is started again and again"
        return State.RUNNING, f"pid {pid}"
    if last is not None and last.was_told_to_end(is_daemon=is_daemon):
        return State.NOT_RUNNING, "it was told to end, and the scheduler has not started it again yet"
    if last is not None and ended_badly(last):
        return State.FAILING, f"the last run {ending(last)}"
    if is_daemon:
        return State.NOT_RUNNING, "the daemon ended" if last else "a daemon that has not started"
    if missed is not None:
        return State.MISSED, missed_words(missed)
    if is_local:
        return State.LOCAL, "installed from your work tree; pulls leave it alone until it is committed"
    return (State.OK if last else State.NEVER_RAN), ""
