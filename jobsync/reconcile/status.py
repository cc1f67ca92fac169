"""How every job stands: the plan, the scheduler's answer and the run records, put side by side. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from jobsync.definitions.job import Job
from jobsync.definitions.slots import next_runs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Change, Faulty, Outcome, Unwanted, Wanted
from jobsync.reconcile.sync import Planned, plan
from jobsync.runs import records
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Loaded, Survey, Unknown

_BEFORE_A_SYNC = {
    Outcome.INSTALLED: "not synced",
    Outcome.UPDATED: "not synced",
    Outcome.REPAIRED: "drift",
    Outcome.RELOADED: "not loaded",
    Outcome.RESTARTED: "not synced",
    Outcome.REMOVED: "to be removed",
    Outcome.PAUSED: "paused",
    Outcome.DEFERRED: "deferred",
    Outcome.CONFLICT: "conflict",
    Outcome.FAILED: "failed",
}
HEALTHY = ("ok", "running", "never ran", "paused", "not here")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job, as a person wants to know it."""

    name: str
    label: str
    schedule: str
    """In words."""
    state: str
    detail: str
    """Why it is in this state, a line for each reason; or empty."""
    pid: int | None
    last: Run | None
    next: datetime | None
    """Local time; None where no slot is set or nothing will fire."""
    job: Job | None

    @property
    def is_healthy(self) -> bool:
        """Nothing that the user must look at."""
        return self.state in HEALTHY


def schedule_words(job: Job) -> str:
    """All triggers of a job in one line."""
    if job.daemon is not None:
        return "daemon" if job.daemon.value == "always" else "daemon, restarted on failure"
    return "; ".join(job.schedule.words) or "only by hand"


def _run_state(job: Job, loaded: Loaded | None, last: Run | None) -> tuple[str, str]:
    if loaded is not None and loaded.pid is not None:
        return "running", f"pid {loaded.pid}"
    if last is None:
        return ("not running", "a daemon that has not started") if job.daemon is not None else ("never ran", "")
    if last.ended is None:
        return "failing", "the last run was killed, or the machine went down"
    if last.status:
        return "failing", f"the last run ended with status {last.status}"
    return ("not running", "the daemon ended") if job.daemon is not None else ("ok", "")


def _last_failure(planned: Planned, name: str) -> str:
    """Why the last sync could not apply it, until one can: a failure stays visible."""
    record = planned.ledger.records.get(name)
    return record.message if record is not None and record.message else ""


def _state(change: Change | None, desired: object, job: Job | None, loaded: Loaded | None, last: Run | None,
           planned: Planned) -> tuple[str, str]:  # fmt: skip
    answer = planned.observed.answer
    if isinstance(desired, Faulty):
        return "faulty", "\n".join(str(fault) for fault in desired.faults)
    if change is None:
        return "not here", desired.cause if isinstance(desired, Unwanted) else ""
    if isinstance(answer, Unknown):
        return "unknown", answer.reason
    if change.steps and (failure := _last_failure(planned, change.name)):
        return "failed", failure
    if change.outcome is not Outcome.UNCHANGED:
        return _BEFORE_A_SYNC[change.outcome], change.cause
    # Unchanged and without a definition: one of jobsync's own. Whether it ever ran is nobody's concern.
    return _run_state(job, loaded, last) if job is not None else ("ok", "")


def _one(origin: Origin, planned: Planned, name: str, now: datetime) -> JobStatus:
    change = next((one for one in planned.plan.changes if one.name == name), None)
    desired, job = planned.want.jobs.get(name), planned.want.definitions.get(name)
    label = change.label if change and change.label else origin.scheduler.label(name)
    answer = planned.observed.answer
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    last = records.last(records.read(origin.paths.runs(name)))
    state, detail = _state(change, desired, job, loaded, last, planned)
    fires = isinstance(desired, Wanted) and loaded is not None and state != "paused"
    upcoming = next_runs(job.schedule.slots, now, 1) if job is not None and fires else ()
    words = schedule_words(job) if job is not None else ""
    pid = loaded.pid if loaded else None
    return JobStatus(name, label, words, state, detail, pid, last, upcoming[0] if upcoming else None, job)


def gather(origin: Origin, now: datetime) -> tuple[Planned, tuple[JobStatus, ...]]:
    """The status of every job of a repository, those in trouble first. `now`: aware, in the machine's zone."""
    planned = plan(origin, Orders())
    names = sorted({*planned.want.jobs, *planned.want.definitions, *(one.name for one in planned.plan.changes)})
    every = [_one(origin, planned, name, now) for name in names]
    found = [one for one in every if not is_own(one.name) or not one.is_healthy]
    return planned, tuple(sorted(found, key=lambda one: (one.is_healthy, one.state == "not here", one.name)))
