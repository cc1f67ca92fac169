"""`status`: how every job stands, or everything about one."""

from datetime import datetime
from typing import TypedDict

import click

from jobsync import local_zone, report
from jobsync.cli.console import ExitCode, json_option, note, paint, say, say_all, say_json, width
from jobsync.cli.context import Context, pass_context
from jobsync.cli.screen import run_words, screen, state_words, tone_of
from jobsync.reconcile import background
from jobsync.reconcile import status as statuses
from jobsync.reconcile.ahead import Ahead, ahead
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.status import JobStatus, State
from jobsync.reconcile.sync import Planned
from jobsync.reconcile.telling import tell
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.runs.words import age
from jobsync.schedulers.protocol import Survey


class LastRun(TypedDict):
    """The last run of a job that was not skipped."""

    id: str
    started: float
    ended: float | None
    status: int | None
    reason: str
    attempts: int
    success: bool


class MissedRuns(TypedDict):
    """Expected runs that did not come, and that nothing has made up for."""

    first: str
    last: str
    count: int
    reason: str


class JobState(TypedDict):
    """How one job stands."""

    name: str
    label: str
    schedule: str
    state: str
    detail: str
    remedy: str | None
    healthy: bool
    since: int | None
    until: int | None
    pid: int | None
    last_run: LastRun | None
    next_run: str | None
    missed: MissedRuns | None


class LastChange(TypedDict):
    """The last sync that changed something."""

    at: int
    commit: str


class RepoState(TypedDict):
    """How the jobs of one repository stand."""

    work_tree: str
    prefix: str
    scheduler: str
    last_change: LastChange | None
    ahead: int | None
    jobs: list[JobState]


class StatusDocument(TypedDict):
    """`status --json`."""

    version: int
    repos: list[RepoState]


_HEAD = ("JOB", "SCHEDULE", "STATE", "LAST RUN", "NEXT RUN")
_SHORTEST_SCHEDULE = 14
"""Columns; a schedule that is cut shorter says nothing."""
_ID_LENGTH = 8


def _last(one: JobStatus, now: datetime) -> str:
    return run_words(one.last, now, is_running=one.pid is not None) if one.last else "-"


def _next(one: JobStatus, now: datetime) -> str:
    if one.next is None:
        return "-"
    same_day = one.next.date() == now.date()
    return f"{one.next:%H:%M}" if same_day else f"{one.next:%a %d %b %H:%M}"


def _cells(one: JobStatus, state: str, now: datetime) -> tuple[str, ...]:
    return (one.name, one.schedule or "-", state, _last(one, now), _next(one, now))


def _fitting(rows: list[tuple[str, ...]], columns: int | None) -> list[tuple[str, ...]] | None:
    """The rows with their schedules cut so that no line is too wide; None where even that is not enough."""
    if columns is None:
        return rows
    widest = max(len(line) for line in report.table(rows))
    longest = max(len(row[1]) for row in rows)
    room = longest - max(widest - columns, 0)
    if room < min(longest, _SHORTEST_SCHEDULE):
        return None
    return [(row[0], row[1] if len(row[1]) <= room else f"{row[1][: room - 1]}…", *row[2:]) for row in rows]


def table(found: tuple[JobStatus, ...], now: datetime, columns: int | None) -> list[str]:
    """A line for each job, as wide as it likes; in so many columns with fewer words, or with a few lines for each."""
    for states in ([state_words(one, now) for one in found], [one.state.value for one in found]):
        cells = [_cells(one, state, now) for one, state in zip(found, states, strict=True)]
        rows = _fitting([_HEAD, *cells], columns)
        if rows is not None:
            return _painted(report.table(rows), found, states)
    return [line for one in found for line in _stacked(one, now)]


def _painted(lines: list[str], found: tuple[JobStatus, ...], states: list[str]) -> list[str]:
    """Coloured after the widths are known: escape sequences have a length, and no width."""
    start = lines[0].index(_HEAD[2])
    painted = lines[:1]
    for line, one, state in zip(lines[1:], found, states, strict=True):
        painted.append(line[:start] + paint(state, tone_of(one)) + line[start + len(state) :])
    return painted


def _stacked(one: JobStatus, now: datetime) -> list[str]:
    """One job on three lines, for a terminal that no table fits into."""
    lines = [f"{report.cell(one.name)}  {paint(state_words(one, now), tone_of(one))}"]
    lines += [f"  {report.cell(one.schedule)}"] if one.schedule else []
    lines += [f"  last: {_last(one, now)}"] if one.last else []
    lines += [f"  next: {_next(one, now)}"] if one.next else []
    return lines


def _summary(planned: Planned, found: tuple[JobStatus, ...]) -> str:
    here = [one for one in found if one.state is not State.ELSEWHERE]
    sick = [one for one in here if not one.is_healthy]
    answer = planned.observed.answer
    if not isinstance(answer, Survey):
        return f"{report.plural(len(here), 'job')}; {answer.reason}"
    if sick:
        return f"{report.plural(len(here), 'job')}, {len(sick)} to look at: " + ", ".join(
            report.cell(one.name) for one in sick
        )
    faults = report.plural(len(planned.plan.faults), "fault") if planned.plan.faults else ""
    return f"{report.plural(len(here), 'job')}, {faults or 'all well'}"


def _history(origin: Origin, planned: Planned, further: Ahead | None, now: datetime) -> str:
    """When a sync last changed something, and what HEAD holds beyond it."""
    ledger = planned.ledger
    if not ledger.changed_at:
        return ""
    ago = age(now.timestamp() - ledger.changed_at)
    subject = origin.repository.subject(ledger.commit) if ledger.commit else None
    at = f", at {ledger.commit[:_ID_LENGTH]}" if ledger.commit else ""
    about = f" ({report.cell(subject)})" if subject else ""
    beyond = f"; {further.words}: `jobsync sync`" if further else ""
    return f"last change by a sync {ago} ago{at}{about}{beyond}"


def _run_json(run: Run | None) -> LastRun | None:
    if run is None:
        return None
    return {
        "id": run.id,
        "started": run.started,
        "ended": run.ended,
        "status": run.status,
        "reason": run.reason,
        "attempts": run.attempts,
        "success": run.is_success,
    }


def _missed_json(one: Missed | None) -> MissedRuns | None:
    if one is None:
        return None
    return {
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "count": one.count,
        "reason": one.reason,
    }


def _job_json(one: JobStatus) -> JobState:
    return {
        "name": one.name,
        "label": one.label,
        "schedule": one.schedule,
        "state": one.state.value,
        "detail": one.detail,
        "remedy": one.remedy or None,
        "healthy": one.is_healthy,
        "since": one.since,
        "until": one.until,
        "pid": one.pid,
        "last_run": _run_json(one.last),
        "next_run": one.next.isoformat() if one.next else None,
        "missed": _missed_json(one.missed),
    }


def _repo_json(origin: Origin, planned: Planned, found: tuple[JobStatus, ...]) -> RepoState:
    ledger, further = planned.ledger, ahead(origin, planned)
    return {
        "work_tree": origin.repo.work_tree,
        "prefix": origin.repo.prefix,
        "scheduler": "ok" if isinstance(planned.observed.answer, Survey) else planned.observed.answer.reason,
        "last_change": LastChange(at=ledger.changed_at, commit=ledger.commit) if ledger.changed_at else None,
        "ahead": further.commits if further else 0,
        "jobs": [_job_json(one) for one in found],
    }


def _show_all(origin: Origin, planned: Planned, found: tuple[JobStatus, ...], now: datetime, *, heading: bool) -> None:
    if heading:
        say(f"{origin.repo.work_tree}:")
    if found:
        say_all(table(found, now, width()))
    for line in [*background.lines(origin), *_troubles(found), *_faults_of_none(planned, found)]:
        note(line)
    past = _history(origin, planned, ahead(origin, planned), now) if found else ""
    if past:
        say(past)
    say(_summary(planned, found) if found or planned.plan.faults else "no jobs; `jobsync new NAME` makes one")


def _faults_of_none(planned: Planned, found: tuple[JobStatus, ...]) -> list[str]:
    """Faults that no row tells: of `jobsync.toml`, or of what was to be a job."""
    told = {line for one in found if one.state is State.FAULTY for line in one.detail.splitlines()}
    return [line for line in map(str, planned.plan.faults) if line not in told]


def _troubles(found: tuple[JobStatus, ...]) -> list[str]:
    """Why jobs are not well; a fault names its file itself."""
    sick = [one for one in found if not one.is_healthy]
    lines = [(one, line) for one in sick for line in one.detail.splitlines()]
    return [line if one.state is State.FAULTY else f"{one.name}: {line}{_remedy(one)}" for one, line in lines]


def _remedy(one: JobStatus) -> str:
    return f"; `{one.remedy}`" if one.remedy else ""


@click.command()
@click.argument("job", required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 3 when some job is not well.")
@click.option("--notify", is_flag=True, help="Tell by [notify] which runs did not come or were killed, each once.")
@json_option(StatusDocument)
@pass_context
def status(context: Context, /, job: str | None, *, exit_code: bool, notify: bool, as_json: bool) -> int:
    """Show how every job stands, or everything about one JOB.

    \b
    Examples:
      jobsync status            a line for each job, those in trouble first
      jobsync status backup     why, when, and what it did last
    """
    origins = (context.origin_of(job),) if job is not None else context.origins()
    now = local_zone.now()
    sick = False
    documents = []
    for origin in origins:
        planned, found = statuses.gather(origin, now)
        shown = tuple(one for one in found if job in (None, one.name))
        for line in tell(origin, shown) if notify else ():
            note(line)
        sick = sick or bool(planned.plan.faults and not job) or not all(one.is_healthy for one in shown)
        if as_json:
            documents.append(_repo_json(origin, planned, shown))
        elif job is not None:
            say_all(screen(origin, planned, shown[0], now))
        else:
            _show_all(origin, planned, shown, now, heading=len(origins) > 1)
    if as_json:
        say_json(StatusDocument(version=report.JSON_VERSION, repos=documents))
    return ExitCode.WOULD_CHANGE if exit_code and sick else ExitCode.OK
