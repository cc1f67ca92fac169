"""`cat`, `logs`: looking, without touching anything."""

import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click

from jobsync import columns, local_zone
from jobsync.cli.console import ExitCode, say, say_all, say_bytes, seconds_of
from jobsync.cli.context import Context, pass_context
from jobsync.cli.running import record_of
from jobsync.errors import JobsyncError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import status as statuses
from jobsync.reconcile.history import still_running
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.standing import ended_badly, how_it_ended
from jobsync.runs import logs as log_files
from jobsync.runs import records
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Survey
from jobsync.tones import Tone, paint


@click.command()
@click.argument("job")
@pass_context
def cat(context: Context, /, job: str) -> int:
    """Print the files that a sync writes for JOB.

    \b
    Examples:
      jobsync cat backup   its launcher, and its plist or units
    """
    origin = context.origin_of(job)
    planned, _ = statuses.gather(origin, local_zone.now())
    definition = planned.want.definitions.get(job)
    if definition is None:
        raise JobsyncError(f"{job} has no valid definition", hint="`jobsync check` says what is wrong")
    for artefact in origin.scheduler.render(definition).artefacts:
        say(paint(f"# {artefact.path}", Tone.QUIET))
        say(artefact.content.decode("utf-8", "replace"))
    return ExitCode.OK


def _failed(origin: Origin, job: str, runs: Iterable[Run]) -> set[str]:
    """The ids of those that failed, or were killed."""
    recorded = tuple(runs)
    running = still_running(origin, job, recorded)
    return {run.id for run in recorded if ended_badly(run) and run.id not in running}


def _chosen(origin: Origin, job: str, number: int | None, since: str | None, *, failed: bool) -> list[Path]:
    """The logs that were asked for, oldest first: by default the last run's."""
    directory = origin.paths.job_logs(_label(origin, job))
    found = list(log_files.all_of(directory))
    if not found and is_own(job):
        raise JobsyncError(f"{job} has no log yet: nothing has started it", hint="it is jobsync's, and needs no start")
    if not found:
        is_daemon = record_of(origin, job).is_daemon
        raise JobsyncError(
            f"{job} has no log yet: it has not run",
            hint=f"`jobsync restart {job}` starts it" if is_daemon else f"`jobsync run {job}` runs it now",
        )
    runs = {run.id: run for run in records.read(origin.paths.runs(job))}
    if failed:
        bad = _failed(origin, job, runs.values())
        found = [log for log in found if log.stem in bad]
    if since is not None:
        earliest = time.time() - seconds_of("--since", since)
        found = [log for log in found if (run := runs.get(log.stem)) is not None and run.started >= earliest]
    which = " that failed" if failed else ""
    when = f" in the last {since}" if since is not None else ""
    if not found:
        raise JobsyncError(f"{job} has no log of a run{which}{when}", hint=f"`jobsync history {job}` lists its runs")
    if since is not None and number is None:
        return found
    number = number or 1
    if number > len(found):
        raise JobsyncError(
            f"{job} has {columns.plural(len(found), 'log')} of runs{which}{when}, so none is number {number}",
            hint=f"`jobsync logs --path --since {since or '52w'}{' --failed' if failed else ''} {job}` lists them",
        )
    return [found[-number]]


def _heading(log: Path, run: Run | None) -> str:
    if run is None:
        return f"==> {log.stem}"
    started = datetime.fromtimestamp(run.started, local_zone.LOCAL)
    end = "no end" if run.ended is None else how_it_ended(run)
    return f"==> {started:%a %d %b %Y %H:%M:%S}: {columns.cell(end)}"


@click.command()
@click.argument("job")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, until the run ends.")
@click.option("--run", "number", type=click.IntRange(min=1), metavar="N", help="Of the N-th last run; 1 is the last.")
@click.option("--failed", is_flag=True, help="Only of runs that failed.")
@click.option("--since", metavar="DURATION", help="Of all runs that started since then, such as 2d.")
@click.option("--path", "path_only", is_flag=True, help="Print the path of the log, not what is in it.")
@pass_context
def logs(context: Context, /, job: str, *, follow: bool, number: int | None, failed: bool, since: str | None,
         path_only: bool) -> int:  # fmt: skip
    """Print the log of the last run of JOB, or of those that you name.

    \b
    Examples:
      jobsync logs -f backup           as it grows
      jobsync logs --failed backup     the last failure's
      jobsync logs --since 2d backup   all of the last two days
    """
    origin = context.origin_of(job, or_had=True)
    found = _chosen(origin, job, number, since, failed=failed)
    if path_only:
        say_all([str(log) for log in found])
        return ExitCode.OK
    runs = {run.id: run for run in records.read(origin.paths.runs(job))}
    for log in found:
        if since is not None and number is None:
            say(paint(_heading(log, runs.get(log.stem)), Tone.QUIET))
        _show(origin, job, log, follow=follow and log == found[-1])
    return ExitCode.OK


def _show(origin: Origin, job: str, log: Path, *, follow: bool) -> None:
    label = _label(origin, job)

    def is_over() -> bool:
        run = next((one for one in records.read(origin.paths.runs(job)) if one.id == log.stem), None)
        return not follow or run is None or run.ended is not None or not _is_running(origin, label)

    for chunk in log_files.follow(log, is_over):
        say_bytes(chunk)


def _label(origin: Origin, job: str) -> str:
    """Under which the scheduler has the job: a former one, as long as a run puts off its change."""
    known = ledgers.read(origin.paths.ledger)
    record = known.records.get(job) if known else None
    return record.label if record else origin.scheduler.label(job)


def _is_running(origin: Origin, label: str) -> bool:
    answer = origin.scheduler.survey()
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    return loaded is not None and loaded.pid is not None
