"""What every job did: records, and the runs that did not come, side by side. Reads only."""

from datetime import datetime

from jobsync import files
from jobsync.reconcile.expected import missed_runs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.planning import Planned, plan
from jobsync.runs import records
from jobsync.runs.records import Run
from jobsync.runs.timeline import Timeline, events_of


def still_running(origin: Origin, name: str, runs: tuple[Run, ...]) -> frozenset[str]:
    """The id of the one that still goes on, if any: its launcher lives. Others without an end were killed."""
    last = records.last(runs)
    return frozenset({last.id}) if last and records.goes_on(last, origin.paths.launcher(name)) else frozenset()


def _one(origin: Origin, planned: Planned, name: str, since: datetime, now: datetime) -> Timeline:
    job, record = planned.want.definitions.get(name), planned.ledger.records.get(name)
    runs, hidden = records.known(origin.paths.runs(name))
    gaps = (
        missed_runs(origin, job, record, planned.observed.answer, now, only_open=False)
        if job is not None and record is not None and job.unwanted is None
        else ()
    )
    recent = tuple(gap for gap in gaps if gap.last >= since)
    slots = job.schedule.slots if job is not None else ()
    # Of what is gone nobody knows whether it was a daemon; and what a removal has stopped did not fail.
    is_daemon = job.daemon is not None if job is not None else record is None or record.is_daemon
    return Timeline(
        name=name,
        label=record.label if record else origin.scheduler.label(name),
        schedule=job.triggers if job is not None else "",
        events=events_of(runs, recent, slots, since, still_running(origin, name, runs), is_daemon=is_daemon),
        missed=recent,
        hidden=hidden.line if hidden else "",
    )


def gather(origin: Origin, since: datetime, now: datetime) -> tuple[Timeline, ...]:
    """Every job that is defined or installed, and every other one that ran since then. Both aware, machine's zone."""
    planned = plan(origin, Orders())
    defined = {*planned.want.definitions, *planned.ledger.records}
    recorded = {*files.names(origin.paths.runs("x").parent)}
    names = [name for name in sorted(defined | recorded) if not is_own(name)]
    found = [_one(origin, planned, name, since, now) for name in names]
    return tuple(one for one in found if one.events or one.hidden or one.name in defined)
