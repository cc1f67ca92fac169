"""How every job stands: the plan, the scheduler's answer and the run records, put side by side. Reads only."""

from datetime import datetime

from jobsync.definitions.job import Job
from jobsync.definitions.slots import next_runs
from jobsync.errors import JobsyncError
from jobsync.reconcile.expected import is_unwanted, missed_runs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.planning import Planned, plan
from jobsync.reconcile.standing import JobStatus, State, failing_since, run_state
from jobsync.reconcile.state import Change, Faulty, Outcome, Record, Source, Unwanted, Wanted
from jobsync.runs import pauses, records
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Answer, Loaded, Survey, Unknown
from jobsync.values import dataclass

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
_EDITED = "your work tree and what is installed differ"
"""Where HEAD is the one that was synced: an edit, or one that was taken back."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of one job."""

    name: str
    change: Change | None
    desired: object
    job: Job | None
    record: Record | None
    loaded: Loaded | None
    runs: tuple[Run, ...]
    missed: Missed | None
    hidden: JobsyncError | None
    """Why its runs cannot be told; None where they can."""


def _state(seen: _Seen, planned: Planned, now: datetime) -> tuple[State, str]:
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
        state = _BEFORE_A_SYNC[change.outcome]
        cause = change.cause or (_EDITED if state is State.NOT_SYNCED else "")
        return state, _NEW if cause == "new" else cause
    # Unchanged and without a definition: one of jobsync's own. Whether it ever ran is nobody's concern.
    if seen.job is None:
        return State.OK, ""
    if seen.hidden:
        return State.UNKNOWN, seen.hidden.line
    is_local = seen.record is not None and seen.record.source is Source.WORK_TREE
    is_daemon, pid = seen.job.daemon is not None, seen.loaded.pid if seen.loaded else None
    return run_state(pid, seen.runs, seen.missed, now, is_daemon=is_daemon, is_local=is_local)


def _loaded(answer: Answer, label: str, record: Record | None) -> Loaded | None:
    """The job as the scheduler has it, under its former label too: a prefix changes under a run that goes on."""
    services = answer.services if isinstance(answer, Survey) else {}
    return services.get(label) or (services.get(record.label) if record else None)


def _one(origin: Origin, planned: Planned, name: str, change: Change | None, now: datetime) -> JobStatus:
    desired, job = planned.want.jobs.get(name), planned.want.definitions.get(name)
    record = planned.ledger.records.get(name)
    label = change.label if change and change.label else origin.scheduler.label(name)
    answer = planned.observed.answer
    loaded = _loaded(answer, label, record)
    runs, hidden = records.known(origin.paths.runs(name))
    is_whole = job is not None and record is not None and isinstance(desired, Wanted) and not desired.paused
    gaps = missed_runs(origin, job, record, answer, now, only_open=True) if is_whole and job and record else ()
    gaps = tuple(gap for gap in gaps if is_unwanted(gap))
    seen = _Seen(name, change, desired, job, record, loaded, runs, gaps[-1] if gaps else None, hidden)
    state, detail = _state(seen, planned, now)
    is_daemon = job is not None and job.daemon is not None
    fires = isinstance(desired, Wanted) and loaded is not None and state not in (State.PAUSED, State.DISABLED)
    upcoming = next_runs(job.schedule.slots, now, 1) if job is not None and fires else ()
    unread = pauses.trouble(origin.paths.pause(name)) if state is State.PAUSED else None
    if unread is not None:
        state, detail = State.UNKNOWN, unread.line
    return JobStatus(
        name=name,
        label=label,
        schedule=job.triggers if job is not None else "",
        state=state,
        detail=detail,
        pid=loaded.pid if loaded else None,
        last=records.last(runs),
        next=upcoming[0] if upcoming else None,
        job=job,
        change=change,
        since=failing_since(runs, is_daemon=is_daemon) if state is State.FAILING else None,
        until=(pauses.read(origin.paths.pause(name)) or None) if state is State.PAUSED else None,
        missed=seen.missed,
        tells_how=state is State.UNKNOWN and isinstance(answer, Survey),
        is_held=state is State.DEFERRED and name in planned.plan.held,
    )


def _concerns_people(own: JobStatus) -> bool:
    """Whether one of jobsync's own jobs stands beside theirs. Where the scheduler is silent, it is so for all."""
    return not (own.is_healthy or own.state in (State.DEFERRED, State.UNKNOWN))


def gather(origin: Origin, now: datetime) -> tuple[Planned, tuple[JobStatus, ...]]:
    """The status of every job of a repository, those in trouble first. `now`: aware, in the machine's zone.

    Asks the scheduler once, however many jobs there are.
    """
    planned = plan(origin, Orders())
    changes = {one.name: one for one in planned.plan.changes}
    names = sorted({*planned.want.jobs, *planned.want.definitions, *changes})
    every = [_one(origin, planned, name, changes.get(name), now) for name in names]
    found = [one for one in every if not is_own(one.name) or _concerns_people(one)]
    return planned, tuple(sorted(found, key=lambda one: (one.is_healthy, one.state is State.ELSEWHERE, one.name)))
