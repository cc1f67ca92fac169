"""What `jobsync-login` does about runs that were missed while the machine was off: launchd itself forgets them.

systemd does not (`Persistent=`), and after a sleep launchd does not either. Whether a start is too late, or a condition
forbids it, the launcher decides once more.
"""

from datetime import datetime

from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.reconcile.expected import missed_runs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.planning import plan
from jobsync.reconcile.state import Desired, Record, Wanted
from jobsync.runs import tokens
from jobsync.runs.missed import AWAY, REPLACED
from jobsync.schedulers.protocol import Survey


def is_owed(origin: Origin, job: Job, record: Record, answer: Survey, now: datetime) -> bool:
    """Whether the job missed a run that its definition wants made up for, and nothing has done so."""
    loaded = answer.services.get(record.label)
    if job.schedule.catch_up == 0 or loaded is None or loaded.pid is not None:
        return False
    missed = missed_runs(origin, job, record, answer, now, only_open=True)
    if not missed or missed[-1].reason not in (AWAY, REPLACED):
        return False
    late = (now - missed[-1].last).total_seconds()
    return job.schedule.catch_up is None or late <= job.schedule.catch_up


def _is_in_force(desired: Desired | None, record: Record) -> bool:
    """What is installed starts it at these very times: an edit that no sync has brought promises nothing."""
    return isinstance(desired, Wanted) and desired.rendering.load_digest == record.load_digest


def _start(origin: Origin, job: Job, record: Record) -> str:
    try:
        # It is due: what a sync left against a start by a load must not stop it.
        tokens.remove(origin.paths.token(job.name))
        origin.scheduler.start(record.label)
    except JobsyncError as error:
        return f"{job.name}: {error.message}"
    return f"{job.name}: started, for a run that was missed"


def catch_up(origin: Origin, now: datetime) -> list[str]:
    """Start each job that is owed a run; a line for each. Nothing where the scheduler remembers by itself."""
    if origin.config.scheduler != "launchd":
        return []
    planned = plan(origin, Orders())
    answer = planned.observed.answer
    if not isinstance(answer, Survey):
        return []
    records, wanted = planned.ledger.records, planned.want.jobs
    known = [(job, records[name]) for name, job in sorted(planned.want.definitions.items()) if name in records]
    owed = [
        (job, record)
        for job, record in known
        if job.schedule.slots
        and _is_in_force(wanted.get(job.name), record)
        and is_owed(origin, job, record, answer, now)
    ]
    return [_start(origin, job, record) for job, record in owed]
