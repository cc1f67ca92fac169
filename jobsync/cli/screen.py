"""The screen of one job: what starts it, when next, what happens meanwhile, what it did, and why it did not."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from jobsync import columns, local_zone
from jobsync.definitions.job import Job
from jobsync.definitions.rules import rules_in_words
from jobsync.definitions.slots import next_runs
from jobsync.overview import run_words, state_words, tone_of
from jobsync.reconcile.expected import missed_runs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.planning import Planned
from jobsync.reconcile.standing import JobStatus, State, missed_words
from jobsync.reconcile.state import Outcome
from jobsync.runs import records
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.tones import paint, printable

_UPCOMING = 5
_RECENT = 5

_WOULD = {
    Outcome.INSTALLED: "install it",
    Outcome.UPDATED: "update it",
    Outcome.RELOADED: "load it",
    Outcome.RESTARTED: "restart it",
    Outcome.REPAIRED: "repair it",
    Outcome.REMOVED: "remove it",
    Outcome.DEFERRED: "wait",
    Outcome.PAUSED: "leave it paused",
    Outcome.CONFLICT: "leave it alone",
    Outcome.FAILED: "fail",
}

Field = tuple[str, list[str]]


def upcoming_words(moments: Iterable[datetime], now: datetime) -> Iterator[str]:
    """Runs to come, with their zone, and marked where the clocks change before them or show them twice."""
    former = now
    for moment in moments:
        marks = []
        change = (moment.utcoffset() or timedelta()) - (former.utcoffset() or timedelta())
        if change:
            hours = f"{abs(change) / timedelta(hours=1):g} h"
            marks.append(f"the clocks go {'forward' if change > timedelta() else 'back'} {hours} before it")
        if moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset():
            marks.append("the second time the clocks show it" if moment.fold else "the first time the clocks show it")
        yield f"{moment:%a %d %b %Y %H:%M %Z}" + (f" ({'; '.join(marks)})" if marks else "")
        former = moment


def _recent(runs: tuple[Run, ...], one: JobStatus, now: datetime) -> list[str]:
    rows = []
    for run in runs[-_RECENT:][::-1]:
        started = datetime.fromtimestamp(run.started, local_zone.LOCAL)
        is_running = one.pid is not None and run == one.last
        rows.append((f"{started:%a %d %b %H:%M:%S}", run_words(run, now, is_running=is_running)))
    return columns.table(rows)


def _definition(origin: Origin, one: JobStatus, job: Job, now: datetime) -> Iterator[Field]:
    """What the definition says. When it is not here, nothing about runs that will not come."""
    yield "starts", list(job.schedule.words) if job.daemon is None and job.schedule.words else [one.schedule]
    if one.state is not State.ELSEWHERE:
        upcoming = next_runs(job.schedule.slots, now, _UPCOMING) if one.next else ()
        yield "next runs", list(upcoming_words(upcoming, now))
        yield "away", list(origin.scheduler.away_meaning(job))
        yield from ((title, list(sentences)) for title, sentences in rules_in_words(job).items())
    yield "directory", [job.directory]


def _missed_line(one: Missed) -> str:
    if one.made_up is None:
        return missed_words(one)
    made_up = datetime.fromtimestamp(one.made_up.started, local_zone.LOCAL)
    return f"{missed_words(one)}; made up for at {made_up:%a %d %b %H:%M}"


def _expected(origin: Origin, planned: Planned, one: JobStatus, now: datetime) -> list[str]:
    """Why the last expected run did not happen; empty where it did, or none was expected."""
    record = planned.ledger.records.get(one.name)
    if one.job is None or record is None or one.state is State.ELSEWHERE:
        return []
    found = missed_runs(origin, one.job, record, planned.observed.answer, now, only_open=False)
    return [_missed_line(found[-1])] if found else []


def _would(one: JobStatus) -> list[str]:
    change = one.change
    if change is None or change.outcome is Outcome.UNCHANGED:
        return ["change nothing"]
    cause = f": {change.cause}" if change.cause not in ("", "new", *one.detail.splitlines()) else ""
    return [f"{_WOULD[change.outcome]}{cause}"]


def screen(origin: Origin, planned: Planned, one: JobStatus, now: datetime, *, refused: str = "") -> list[str]:
    """The lines of it, coloured where stdout is a terminal. `refused`: why a sync by hand would do nothing now."""
    job = one.job
    runs, hidden = records.known(origin.paths.runs(one.name))
    words = state_words(one, now)
    why = [] if one.state is State.PAUSED else one.detail.splitlines()
    fields: list[Field] = [("state", [words, *why]), ("try", [one.remedy] if one.remedy and not refused else [])]
    fields += list(_definition(origin, one, job, now)) if job is not None else []
    fields += [("last runs", [] if hidden else _recent(runs, one, now) or ["none yet"])]
    fields += [("missed", _expected(origin, planned, one, now))]
    fields += [("logs", [str(origin.paths.job_logs(one.label))] if runs else [])]
    fields += [("sync would", [f"wait: {refused}"] if refused else _would(one))]
    rows = [(name if not number else "", line) for name, lines in fields for number, line in enumerate(lines)]
    title = f"{one.name} ({one.label})" + (f": {job.description}" if job and job.description else "")
    state, *rest = columns.table(rows, indent="  ")
    return [printable(title), state.removesuffix(words) + paint(words, tone_of(one)), *rest]
