"""`status`, `cat`, `logs`: looking, without touching anything."""

from datetime import datetime
from typing import TypedDict

import click

from jobsync import local_zone, report
from jobsync.cli.console import ExitCode, json_option, note, paint, say, say_all, say_bytes, say_json
from jobsync.cli.context import Context, pass_context
from jobsync.definitions.job import Job
from jobsync.definitions.slots import next_runs
from jobsync.errors import JobsyncError
from jobsync.reconcile import status as statuses
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.status import JobStatus
from jobsync.reconcile.sync import Planned
from jobsync.report import Tone
from jobsync.runs import logs as log_files
from jobsync.runs import records
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Survey


class LastRun(TypedDict):
    """The last run of a job that was not skipped."""

    id: str
    started: float
    ended: float | None
    status: int | None


class JobState(TypedDict):
    """How one job stands."""

    name: str
    label: str
    schedule: str
    state: str
    detail: str
    healthy: bool
    pid: int | None
    last_run: LastRun | None
    next_run: str | None


class RepoState(TypedDict):
    """How the jobs of one repository stand."""

    work_tree: str
    prefix: str
    scheduler: str
    jobs: list[JobState]


class StatusDocument(TypedDict):
    """`status --json`."""

    version: int
    repos: list[RepoState]


_UPCOMING = 5
_RECENT = 5


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(int(seconds), 0)}s"


def _outcome(run: Run, now: datetime, *, is_running: bool) -> str:
    ago = _age(now.timestamp() - run.started)
    if run.skipped:
        return f"{ago} ago, skipped: {run.skipped}"
    if run.ended is None:
        return f"running for {ago}" if is_running else f"{ago} ago, killed"
    return f"{ago} ago, {'ok' if run.status == 0 else f'exit {run.status}'} in {_age(run.ended - run.started)}"


def _last(one: JobStatus, now: datetime) -> str:
    return _outcome(one.last, now, is_running=one.pid is not None) if one.last else "-"


def _next(one: JobStatus, now: datetime) -> str:
    if one.next is None:
        return "-"
    same_day = one.next.date() == now.date()
    return f"{one.next:%H:%M}" if same_day else f"{one.next:%a %d %b %H:%M}"


def _tone(one: JobStatus) -> Tone | None:
    if one.state in ("ok", "running"):
        return Tone.GOOD
    return Tone.QUIET if one.is_healthy else Tone.BAD


def _table(found: tuple[JobStatus, ...], now: datetime) -> list[str]:
    head = ("JOB", "SCHEDULE", "STATE", "LAST RUN", "NEXT RUN")
    rows = [head] + [(one.name, one.schedule or "-", one.state, _last(one, now), _next(one, now)) for one in found]
    lines = report.table(rows)
    # Coloured after the widths are known: escape sequences have a length, and no width.
    return [lines[0], *(_coloured(line, one) for line, one in zip(lines[1:], found, strict=True))]


def _coloured(line: str, one: JobStatus) -> str:
    start = line.index(one.state, len(one.name) + 2 + len(one.schedule))
    return line[:start] + paint(one.state, _tone(one)) + line[start + len(one.state) :]


def _summary(planned: Planned, found: tuple[JobStatus, ...]) -> str:
    here = [one for one in found if one.state != "not here"]
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


def _run_json(run: Run | None) -> LastRun | None:
    if run is None:
        return None
    return {"id": run.id, "started": run.started, "ended": run.ended, "status": run.status}


def _job_json(one: JobStatus) -> JobState:
    return {
        "name": one.name,
        "label": one.label,
        "schedule": one.schedule,
        "state": one.state,
        "detail": one.detail,
        "healthy": one.is_healthy,
        "pid": one.pid,
        "last_run": _run_json(one.last),
        "next_run": one.next.isoformat() if one.next else None,
    }


def _repo_json(origin: Origin, planned: Planned, found: tuple[JobStatus, ...]) -> RepoState:
    return {
        "work_tree": origin.repo.work_tree,
        "prefix": origin.repo.prefix,
        "scheduler": "ok" if isinstance(planned.observed.answer, Survey) else planned.observed.answer.reason,
        "jobs": [_job_json(one) for one in found],
    }


def _recent(runs: tuple[Run, ...], one: JobStatus, now: datetime) -> list[str]:
    rows = []
    for run in runs[-_RECENT:][::-1]:
        started = datetime.fromtimestamp(run.started, local_zone.LOCAL)
        is_running = one.pid is not None and run == one.last
        rows.append((f"{started:%a %d %b %H:%M:%S}", _outcome(run, now, is_running=is_running)))
    return report.table(rows)


def _job_fields(origin: Origin, one: JobStatus, job: Job, now: datetime) -> list[tuple[str, list[str]]]:
    """What the definition says. When it is not here, nothing about runs that will not come."""
    if one.state == "not here":
        return [("schedule", [one.schedule]), ("directory", [job.directory])]
    upcoming = next_runs(job.schedule.slots, now, _UPCOMING) if one.next else ()
    return [
        ("schedule", [one.schedule, *origin.scheduler.away_meaning(job)]),
        ("next runs", [f"{moment:%a %d %b %Y %H:%M}" for moment in upcoming]),
        ("directory", [job.directory]),
    ]


def _screen(origin: Origin, one: JobStatus, now: datetime) -> list[str]:
    job = one.job
    runs = records.read(origin.paths.runs(one.name))
    fields = [("state", [one.state, *one.detail.splitlines()])]
    fields += _job_fields(origin, one, job, now) if job is not None else []
    fields += [("last runs", _recent(runs, one, now) or ["none yet"])]
    fields += [("logs", [str(origin.paths.job_logs(one.label))])] if runs else []
    rows = [(name if not number else "", line) for name, lines in fields for number, line in enumerate(lines)]
    title = f"{one.name} ({one.label})" + (f": {job.description}" if job and job.description else "")
    state, *rest = report.table(rows, indent="  ")
    return [report.printable(title), state.removesuffix(one.state) + paint(one.state, _tone(one)), *rest]


@click.command()
@click.argument("job", required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 3 when some job is not well.")
@json_option(StatusDocument)
@pass_context
def status(context: Context, /, job: str | None, *, exit_code: bool, as_json: bool) -> int:
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
        sick = sick or bool(planned.plan.faults and not job) or not all(one.is_healthy for one in shown)
        if as_json:
            documents.append(_repo_json(origin, planned, shown))
        elif job is not None:
            say_all(_screen(origin, shown[0], now))
        else:
            _show_all(origin, planned, shown, now, heading=len(origins) > 1)
    if as_json:
        say_json(StatusDocument(version=report.JSON_VERSION, repos=documents))
    return ExitCode.WOULD_CHANGE if exit_code and sick else ExitCode.OK


def _show_all(origin: Origin, planned: Planned, found: tuple[JobStatus, ...], now: datetime, *, heading: bool) -> None:
    if heading:
        say(f"{origin.repo.work_tree}:")
    if found:
        say_all(_table(found, now))
    for line in [*_troubles(found), *_faults_of_none(planned, found)]:
        note(line)
    say(_summary(planned, found) if found or planned.plan.faults else "no jobs; `jobs/NAME/job.toml` defines one")


def _faults_of_none(planned: Planned, found: tuple[JobStatus, ...]) -> list[str]:
    """Faults that no row tells: of `jobsync.toml`, or of what was to be a job."""
    told = {line for one in found if one.state == "faulty" for line in one.detail.splitlines()}
    return [line for line in map(str, planned.plan.faults) if line not in told]


def _troubles(found: tuple[JobStatus, ...]) -> list[str]:
    """Why jobs are not well; a fault names its file itself."""
    sick = [one for one in found if not one.is_healthy]
    lines = [(one, line) for one in sick for line in one.detail.splitlines()]
    return [line if one.state == "faulty" else f"{one.name}: {line}" for one, line in lines]


@click.command()
@click.argument("job")
@pass_context
def cat(context: Context, /, job: str) -> int:
    """Print the files that a sync writes for JOB."""
    origin = context.origin_of(job)
    planned, _ = statuses.gather(origin, local_zone.now())
    definition = planned.want.definitions.get(job)
    if definition is None:
        raise JobsyncError(f"{job} has no valid definition", hint="`jobsync check` says what is wrong")
    for artefact in origin.scheduler.render(definition).artefacts:
        say(paint(f"# {artefact.path}", Tone.QUIET))
        say(artefact.content.decode("utf-8", "replace"))
    return ExitCode.OK


@click.command()
@click.argument("job")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, until the run ends.")
@click.option("--path", "path_only", is_flag=True, help="Print the path of the log, not what is in it.")
@pass_context
def logs(context: Context, /, job: str, *, follow: bool, path_only: bool) -> int:
    """Print the log of the last run of JOB."""
    origin = context.origin_of(job)
    label = origin.scheduler.label(job)
    log = log_files.newest(origin.paths.job_logs(label), job)
    if path_only:
        say(str(log))
        return ExitCode.OK

    def is_over() -> bool:
        run = next((one for one in records.read(origin.paths.runs(job)) if one.id == log.stem), None)
        return not follow or run is None or run.ended is not None or not _is_running(origin, label)

    for chunk in log_files.follow(log, is_over):
        say_bytes(chunk)
    return ExitCode.OK


def _is_running(origin: Origin, label: str) -> bool:
    answer = origin.scheduler.survey()
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    return loaded is not None and loaded.pid is not None
