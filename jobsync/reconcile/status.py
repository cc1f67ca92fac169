"""How every job stands: the plan, the scheduler's answer and the run records, put side by side. Reads only."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from jobsync.definitions.job import Job
from jobsync.definitions.slots import next_runs
from jobsync.reconcile.expected import is_unwanted, missed_runs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Change, Faulty, Outcome, Record, Source, Unwanted, Wanted
from jobsync.reconcile.sync import Planned, plan
from jobsync.runs import pauses, records
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.runs.words import exit_words
from jobsync.schedulers.protocol import Loaded, Survey, Unknown
from jobsync.values import dataclass


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

_BEFORE_A_SYNC = {
    Outcome.INSTALLED: State.NOT_SYNCED,
    Outcome.UPDATED: State.NOT_SYNCED,
    Outcome.REPAIRED: State.DRIFT,
    Outcome.RELOADED: State.NOT_LOADED,
    Outcome.RESTARTED: State.NOT_SYNCED,
    Outcome.REMOVED: State.TO_BE_REMOVED,
    Outcome.PAUSED: State.PAUSED,
    Outcome.DEFERRED: State.DEFERRED,
    Outcome.CONFLICT: State.CONFLICT,
    Outcome.FAILED: State.FAILED,
}

_NEW = "is defined and not installed"

_REMEDIES = {
    State.FAILING: "jobsync logs {}",
    State.NOT_RUNNING: "jobsync logs {}",
    State.MISSED: "jobsync run {}",
    State.NOT_SYNCED: "jobsync sync",
    State.NOT_LOADED: "jobsync sync",
    State.DRIFT: "jobsync sync",
    State.TO_BE_REMOVED: "jobsync sync",
    State.FAILED: "jobsync doctor {}",
    State.UNKNOWN: "jobsync doctor",
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
    last: Run | None
    next: datetime | None
    """Local time; None where no slot is set or nothing will fire."""
    job: Job | None
    change: Change | None = None
    """What a sync would do with it; None: it has nothing of it here and wants nothing."""
    since: int | None = None
    """Second (epoch) of the first of the failures in a row."""
    until: int | None = None
    """Second (epoch) at which its pause ends; None: not paused, or until resumed."""
    missed: Missed | None = None
    """The expected runs that did not come and that nothing has made up for."""

    @property
    def is_healthy(self) -> bool:
        """Nothing that the user must look at."""
        return self.state in _HEALTHY

    @property
    def remedy(self) -> str:
        """What to type next; empty where nothing is wrong, or `detail` says it."""
        return _REMEDIES.get(self.state, "").format(self.name)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of one job."""

    name: str
    change: Change | None
    desired: object
    job: Job | None
    record: Record | None
    loaded: Loaded | None
    last: Run | None
    missed: Missed | None

    @property
    def is_running(self) -> bool:
        return self.loaded is not None and self.loaded.pid is not None


def schedule_words(job: Job) -> str:
    """All triggers of a job in one line."""
    if job.daemon is not None:
        return "daemon" if job.daemon.value == "always" else "daemon, restarted on failure"
    return "; ".join(job.schedule.words) or "only by hand"


def ended_badly(run: Run) -> bool:
    """It failed, or it has no end though nothing of it runs any more."""
    return not run.skipped and not run.is_success


def how_it_ended(run: Run) -> str:
    """The end of a run that is over, or was cut off: `ok`, `exit 78 (EX_CONFIG)`, `timeout`, `killed`."""
    if run.ended is None:
        return "killed"
    return run.reason or (exit_words(run.status) if run.status is not None else "no status")


def failing_since(runs: Iterable[Run]) -> int | None:
    """Start of the first of the failures in a row at the end; None where the last run was none."""
    since = None
    for run in reversed(tuple(runs)):
        if run.skipped:
            continue
        if not ended_badly(run):
            break
        since = run.started
    return since


def missed_words(one: Missed) -> str:
    """`2 runs did not come, the last due Mon 23 Nov 09:00: asleep or off`."""
    if one.count == 1:
        return f"the run due {one.last:%a %d %b %H:%M} did not come: {one.reason}"
    return f"{one.count} runs did not come, the last due {one.last:%a %d %b %H:%M}: {one.reason}"


def _run_state(seen: _Seen) -> tuple[State, str]:
    is_daemon = seen.job is not None and seen.job.daemon is not None
    if seen.is_running and seen.loaded is not None:
        return State.RUNNING, f"pid {seen.loaded.pid}"
    if seen.last is not None and ended_badly(seen.last):
        if seen.last.ended is None:
            return State.FAILING, "the last run was killed, or the machine went down"
        return State.FAILING, f"the last run ended with {how_it_ended(seen.last)}"
    if is_daemon:
        return State.NOT_RUNNING, "the daemon ended" if seen.last else "a daemon that has not started"
    if seen.missed is not None:
        return State.MISSED, missed_words(seen.missed)
    if seen.record is not None and seen.record.source is Source.WORK_TREE:
        return State.LOCAL, "installed from your work tree; pulls leave it alone until it is committed"
    return (State.OK if seen.last else State.NEVER_RAN), ""


def _state(seen: _Seen, planned: Planned) -> tuple[State, str]:
    answer, change = planned.observed.answer, seen.change
    if isinstance(seen.desired, Faulty):
        return State.FAULTY, "\n".join(str(fault) for fault in seen.desired.faults)
    if change is None:
        return State.ELSEWHERE, seen.desired.cause if isinstance(seen.desired, Unwanted) else ""
    if isinstance(answer, Unknown):
        return State.UNKNOWN, answer.reason
    if change.steps and seen.record is not None and seen.record.message:
        # A failure stays visible until a sync can apply it.
        return State.FAILED, seen.record.message
    if change.outcome is Outcome.PAUSED and isinstance(answer, Survey) and change.label in answer.disabled:
        return State.DISABLED, change.cause
    if change.outcome is not Outcome.UNCHANGED:
        return _BEFORE_A_SYNC[change.outcome], _NEW if change.cause == "new" else change.cause
    # Unchanged and without a definition: one of jobsync's own. Whether it ever ran is nobody's concern.
    return _run_state(seen) if seen.job is not None else (State.OK, "")


def _one(origin: Origin, planned: Planned, name: str, change: Change | None, now: datetime) -> JobStatus:
    desired, job = planned.want.jobs.get(name), planned.want.definitions.get(name)
    record = planned.ledger.records.get(name)
    label = change.label if change and change.label else origin.scheduler.label(name)
    answer = planned.observed.answer
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    runs = records.read(origin.paths.runs(name))
    is_whole = job is not None and record is not None and isinstance(desired, Wanted) and not desired.paused
    gaps = missed_runs(origin, job, record, answer, now, only_open=True) if is_whole and job and record else ()
    gaps = tuple(gap for gap in gaps if is_unwanted(gap))
    seen = _Seen(name, change, desired, job, record, loaded, records.last(runs), gaps[-1] if gaps else None)
    state, detail = _state(seen, planned)
    fires = isinstance(desired, Wanted) and loaded is not None and state not in (State.PAUSED, State.DISABLED)
    upcoming = next_runs(job.schedule.slots, now, 1) if job is not None and fires else ()
    return JobStatus(
        name=name,
        label=label,
        schedule=schedule_words(job) if job is not None else "",
        state=state,
        detail=detail,
        pid=loaded.pid if loaded else None,
        last=seen.last,
        next=upcoming[0] if upcoming else None,
        job=job,
        change=change,
        since=failing_since(runs) if state is State.FAILING else None,
        until=(pauses.read(origin.paths.pause(name)) or None) if state is State.PAUSED else None,
        missed=seen.missed,
    )


def gather(origin: Origin, now: datetime) -> tuple[Planned, tuple[JobStatus, ...]]:
    """The status of every job of a repository, those in trouble first. `now`: aware, in the machine's zone.

    Asks the scheduler once, however many jobs there are.
    """
    planned = plan(origin, Orders())
    changes = {one.name: one for one in planned.plan.changes}
    names = sorted({*planned.want.jobs, *planned.want.definitions, *changes})
    every = [_one(origin, planned, name, changes.get(name), now) for name in names]
    found = [one for one in every if not is_own(one.name) or not one.is_healthy]
    return planned, tuple(sorted(found, key=lambda one: (one.is_healthy, one.state is State.ELSEWHERE, one.name)))
