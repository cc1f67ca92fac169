"""Which expected runs of an installed job did not come, and why, as far as records and scheduler can tell."""

from datetime import datetime

from jobsync import files
from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.schedules import in_force_since
from jobsync.reconcile.state import Record
from jobsync.runs import missed, pauses, records
from jobsync.runs.missed import AWAY, REPLACED, STILL_RUNNING, Missed
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Answer, NoSession, Survey

NOT_LOADED = "not loaded"
DISABLED = "disabled by you"
PAUSED = "paused by you"
LOGGED_OUT = "nobody logged in"
WAITING = "waits for a condition"
_UNWANTED = frozenset({AWAY, REPLACED, STILL_RUNNING, NOT_LOADED, LOGGED_OUT})


def is_unwanted(one: Missed) -> bool:
    """Nobody asked for it: neither a pause, nor a switch, nor a condition in the definition."""
    return one.reason in _UNWANTED


def presently(origin: Origin, job: Job, label: str, answer: Answer, last: Run | None) -> str:
    """Why nothing can start now; empty where something can, or nobody knows."""
    if pauses.read(origin.paths.pause(job.name)) is not None:
        return PAUSED
    if isinstance(answer, NoSession):
        return LOGGED_OUT
    if not isinstance(answer, Survey):
        return ""
    if label in answer.disabled:
        return DISABLED
    if label not in answer.services:
        return NOT_LOADED
    is_over = last is None or last.is_over
    if is_over and answer.services[label].pid is not None and (job.when.ac_power or job.when.online):
        # Its launcher is there and has recorded no start.
        return WAITING
    return STILL_RUNNING if records.goes_on(last, origin.paths.launcher(job.name)) else ""


def missed_runs(
    origin: Origin, job: Job, record: Record, answer: Answer, now: datetime, *, only_open: bool
) -> tuple[Missed, ...]:
    """The expected runs that did not come in the last two weeks, oldest first; none where nothing is known of then.

    `only_open`: of those that nothing has made up for yet, which is quicker to tell. `now`: aware, the machine's zone.
    """
    if not job.schedule.slots:
        return ()
    try:
        content = files.read(origin.paths.runs(job.name)) or b""
    except JobsyncError:
        return ()  # whoever shows the runs says that they cannot be read
    runs = records.parse(content)
    begin = max(records.known_since(content) or 0, in_force_since(origin.scheduler.definitions(record.label)))
    why = presently(origin, job, record.label, answer, records.last(runs))
    return missed.of_late(job.schedule.slots, runs, begin, now, why, only_open=only_open)
