"""`status`: how every job stands, or everything about one."""

from datetime import datetime
from typing import TypedDict

import click

from jobsync import local_zone, overview, report
from jobsync.cli.console import ExitCode, json_option, note, say, say_all, say_json
from jobsync.cli.context import Context, pass_context
from jobsync.cli.screen import screen
from jobsync.reconcile import background
from jobsync.reconcile import status as statuses
from jobsync.reconcile.ahead import Ahead, ahead
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.planning import Planned
from jobsync.reconcile.standing import SYNC, JobStatus, State
from jobsync.reconcile.telling import tell
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Survey
from jobsync.tones import width


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


def _summary(planned: Planned, found: tuple[JobStatus, ...]) -> str:
    answer = planned.observed.answer
    unanswered = "" if isinstance(answer, Survey) else f"{answer.reason}; `jobsync doctor`"
    return overview.summary(found, len(planned.plan.faults), unanswered)


def _refused(origin: Origin, found: tuple[JobStatus, ...], further: Ahead | None = None) -> str:
    """Why a sync by hand would not do now what is asked of it; empty where it would, or there is nothing to do."""
    if further is None and not any(one.remedy == SYNC for one in found):
        return ""
    from jobsync.cli.syncing import refusal  # where all is well, nobody asks

    return refusal(origin) or ""


def _history(origin: Origin, planned: Planned, further: Ahead | None, now: datetime, *, waits: bool) -> str:
    """When a sync last changed something, and what HEAD holds beyond it."""
    ledger = planned.ledger
    if not ledger.changed_at:
        return ""
    subject = origin.repository.subject(ledger.changed_in) if ledger.changed_in else None
    beyond = f"; {further.words}{'' if waits else f': `{SYNC}`'}" if further else ""
    return overview.history(ledger.changed_at, ledger.changed_in, subject, now) + beyond


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
        "last_change": LastChange(at=ledger.changed_at, commit=ledger.changed_in) if ledger.changed_at else None,
        "ahead": further.commits if further else 0,
        "jobs": [_job_json(one) for one in found],
    }


def _show_all(origin: Origin, planned: Planned, found: tuple[JobStatus, ...], now: datetime, *, heading: bool) -> None:
    if heading:
        say(f"{origin.repo.work_tree}:")
    if found:
        say_all(overview.table(found, now, width()))
    answer = planned.observed.answer
    unanswered = "" if isinstance(answer, Survey) else answer.reason
    further = ahead(origin, planned)
    refused = _refused(origin, found, further)
    troubles = _troubles(found, unanswered, waits=bool(refused))
    for line in [*background.lines(origin), *troubles, *_faults_of_none(planned, found)]:
        note(line)
    if refused:
        note(f"{refused}, so `{SYNC}` waits; with `--force` it takes the files as they are")
    elif further:
        from jobsync.cli.hooks import unheard  # where no commit was missed, nobody asks

        for line in unheard(origin):
            note(line)
    past = _history(origin, planned, further, now, waits=bool(refused)) if found else ""
    if past:
        say(past)
    say(_summary(planned, found) if found or planned.plan.faults else "no jobs; `jobsync new NAME` makes one")


def _faults_of_none(planned: Planned, found: tuple[JobStatus, ...]) -> list[str]:
    """Faults that no row tells: of `jobsync.toml`, or of what was to be a job."""
    told = {line for one in found if one.state is State.FAULTY for line in one.detail.splitlines()}
    return [line for line in map(str, planned.plan.faults) if line not in told]


def _troubles(found: tuple[JobStatus, ...], unanswered: str, *, waits: bool) -> list[str]:
    """Why jobs are not well; a fault names its file itself, and one of `jobsync.toml` is told once.

    `unanswered`: of a scheduler that does not answer the last line tells. `waits`: a sync would do nothing now.
    """
    sick = [
        one for one in found if not one.is_healthy and not (one.state is State.UNKNOWN and one.detail == unanswered)
    ]
    lines = [(one, line) for one in sick for line in one.detail.splitlines() if line != unanswered]
    told = [
        line if one.state is State.FAULTY else f"{one.name}: {line}{_remedy(one, waits=waits)}" for one, line in lines
    ]
    return list(dict.fromkeys(told))


def _remedy(one: JobStatus, *, waits: bool) -> str:
    return f"; `{one.remedy}`" if one.remedy and not (waits and one.remedy == SYNC) else ""


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
    origins = (context.origin_of(job),) if job is not None else context.reached()
    now = local_zone.now()
    sick = False
    documents = []
    for origin in origins:
        with context.apart(origin.repo):
            planned, found = statuses.gather(origin, now)
            shown = tuple(one for one in found if job in (None, one.name))
            for line in tell(origin, shown) if notify else ():
                note(line)
            sick = sick or bool(planned.plan.faults and not job) or not all(one.is_healthy for one in shown)
            if as_json:
                documents.append(_repo_json(origin, planned, shown))
            elif job is not None:
                say_all(screen(origin, planned, shown[0], now, refused=_refused(origin, shown)))
            else:
                _show_all(origin, planned, shown, now, heading=len(origins) > 1)
    if as_json:
        say_json(StatusDocument(version=report.JSON_VERSION, repos=documents))
    return ExitCode.WOULD_CHANGE if exit_code and sick else ExitCode.OK
