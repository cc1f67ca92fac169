"""`run`, `stop`, `restart`, `pause`, `resume`: one job, now, on this machine."""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import click

from jobsync import process
from jobsync.cli.console import ExitCode, note, say
from jobsync.cli.context import Context, pass_context
from jobsync.config import SYSTEM_PATH
from jobsync.definitions.duration import parse_duration
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Record
from jobsync.runs import logs as log_files
from jobsync.runs import pauses, records, tokens
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Loaded, NoSession, Survey

START_PATIENCE = 20.0
"""Seconds within which a kickstarted launcher must have recorded its start; launchd may throttle it for ten."""

_PAUSE = 0.1


def _record(origin: Origin, job: str) -> Record:
    """The job as jobsync installed it. `JobsyncError` when it did not."""
    known = ledgers.read(origin.paths.ledger)
    record = known.records.get(job) if known else None
    if record is None:
        raise JobsyncError(f"{job} is not installed on this machine", hint=f"jobsync sync {job}")
    return record


def _loaded(origin: Origin, record: Record) -> Loaded:
    answer = origin.scheduler.survey()
    if not isinstance(answer, Survey):
        hint = "log in at the machine itself" if isinstance(answer, NoSession) else "try again"
        raise JobsyncError(answer.reason, hint=hint)
    loaded = answer.services.get(record.label)
    if loaded is None:
        raise JobsyncError(f"{record.name} is not loaded", hint=f"jobsync sync {record.name}")
    return loaded


def _check_runnable(origin: Origin, record: Record, loaded: Loaded) -> None:
    if record.is_daemon:
        raise UsageError(f"{record.name} is a daemon: it runs all the time", hint=f"jobsync restart {record.name}")
    if loaded.pid is not None:
        raise JobsyncError(
            f"{record.name} is running already (pid {loaded.pid})", hint=f"jobsync logs -f {record.name}"
        )
    _check_not_paused(origin, record.name)


def _check_not_paused(origin: Origin, job: str) -> None:
    until = pauses.read(origin.paths.pause(job))
    if until is not None:
        raise JobsyncError(f"{job} is {pauses.in_words(until)}", hint=f"jobsync resume {job}")


def _wait_for(look: Callable[[], Run | None], patience: float) -> Run | None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if (run := look()) is not None:
            return run
        time.sleep(_PAUSE)
    return None


def _follow(origin: Origin, record: Record, known: set[str]) -> int:
    """Show the log of the run that was just asked for, and give its status."""
    path = origin.paths.runs(record.name)

    def find() -> Run | None:
        return next((run for run in records.read(path) if run.id not in known), None)

    run = _wait_for(find, START_PATIENCE)
    if run is None:
        raise JobsyncError(
            f"{record.name} was asked to start and did not within {START_PATIENCE:g} seconds",
            hint=f"jobsync status {record.name}",
        )
    if run.skipped:
        raise JobsyncError(f"{record.name} was skipped: {run.skipped}")
    for chunk in log_files.follow(origin.paths.job_logs(record.label) / f"{run.id}.log", lambda: _is_over(path, run)):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    ended = next(one for one in records.read(path) if one.id == run.id)
    if ended.status is None:
        raise JobsyncError(f"{record.name} was killed before it could say how it ended")
    if ended.status:
        note(f"jobsync: {record.name} ended with status {ended.status}")
    return ended.status


def _is_over(path: os.PathLike[str], run: Run) -> bool:
    from pathlib import Path

    now = next((one for one in records.read(Path(path)) if one.id == run.id), run)
    return now.ended is not None or not _is_alive(run.pid)


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _run_here(origin: Origin, record: Record) -> None:
    """Become the launcher, in the environment that the scheduler would give it, on this terminal."""
    definition = origin.scheduler.definition_path(record.label)
    content = next((one for one in record.artefacts if one.path == definition), None)
    stored = ledgers.Store(origin.paths.store).get(content.digest) if content else None
    if stored is None:
        raise JobsyncError(f"what is installed for {record.name} is not known", hint=f"jobsync sync {record.name}")
    user = os.environ.get("USER", "")
    base = {"HOME": origin.config.home, "USER": user, "LOGNAME": user, "PATH": SYSTEM_PATH, "JOBSYNC_HERE": "1"}
    environment = {**base, **origin.scheduler.environment(stored)}
    os.chdir("/")
    process.hand_over((str(origin.paths.launcher(record.name)),), env=environment)


@click.command()
@click.argument("job")
@click.option("-d", "--detach", is_flag=True, help="Start it and return at once.")
@click.option("--here", is_flag=True, help="Run it on this terminal, in the environment of the scheduler.")
@pass_context
def run(context: Context, /, job: str, *, detach: bool, here: bool) -> int:
    """Start JOB now, through the scheduler, show its log, and end with its status.

    \b
    Examples:
      jobsync run backup        as the scheduler would, followed to its end
      jobsync run -d backup     only start it
    """
    if detach and here:
        raise UsageError("--detach and --here exclude each other")
    origin = context.origin_of(job)
    record = _record(origin, job)
    if here:
        _check_not_paused(origin, job)
        _run_here(origin, record)
    _check_runnable(origin, record, _loaded(origin, record))
    known = {one.id for one in records.read(origin.paths.runs(job))}
    tokens.remove(origin.paths.token(job))
    origin.scheduler.start(record.label)
    return ExitCode.OK if detach else _follow(origin, record, known)


@click.command()
@click.argument("job")
@pass_context
def stop(context: Context, /, job: str) -> int:
    """Stop the running JOB; it stays scheduled. A daemon that restarts always comes back: see `pause`."""
    origin = context.origin_of(job)
    record = _record(origin, job)
    loaded = _loaded(origin, record)
    if loaded.pid is None:
        say(f"{job} is not running")
        return ExitCode.OK
    origin.scheduler.stop(record.label)
    say(f"told {job} (pid {loaded.pid}) to stop")
    return ExitCode.OK


@click.command()
@click.argument("job")
@pass_context
def restart(context: Context, /, job: str) -> int:
    """Stop JOB where it runs, and start it anew."""
    origin = context.origin_of(job)
    record = _record(origin, job)
    _loaded(origin, record)
    _check_not_paused(origin, job)
    tokens.remove(origin.paths.token(job))
    origin.scheduler.restart(record.label)
    say(f"restarted {job}")
    return ExitCode.OK


def _end(text: str) -> int:
    seconds = parse_duration(text)
    return int(time.time() + timedelta(seconds=seconds).total_seconds())


def _names(context: Context, jobs: tuple[str, ...]) -> list[tuple[Origin, str]]:
    if jobs:
        return [(context.origin_of(job), job) for job in jobs]
    found = []
    for origin in context.origins():
        known = ledgers.read(origin.paths.ledger)
        found += [(origin, name) for name in (known.records if known else ())]
    return found


def _is_daemon(origin: Origin, job: str) -> bool:
    known = ledgers.read(origin.paths.ledger)
    record = known.records.get(job) if known else None
    return record is not None and record.is_daemon


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--for", "duration", metavar="DURATION", help="End by itself after this, such as 2d or 1h30m.")
@pass_context
def pause(context: Context, /, jobs: tuple[str, ...], *, duration: str | None) -> int:
    """Keep JOB (default: every job) from running on this machine, until `resume`. Survives syncs and reboots.

    A daemon is stopped and unloaded until it is resumed.
    """
    until = _end(duration) if duration else pauses.FOR_EVER
    chosen = _names(context, jobs)
    daemons = [job for origin, job in chosen if _is_daemon(origin, job)]
    if daemons and duration:
        raise UsageError(
            f"--for: {', '.join(daemons)} is a daemon, and nothing would start it again", hint="leave --for out"
        )
    for origin, job in chosen:
        pauses.write(origin.paths.pause(job), until)
        if job in daemons:
            syncing.sync(origin, Orders(), [job])
        say(f"{job}: {pauses.in_words(until)}")
    return ExitCode.OK


def _paused(origin: Origin) -> list[str]:
    directory = origin.paths.pause("x").parent
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@pass_context
def resume(context: Context, /, jobs: tuple[str, ...]) -> int:
    """End the pause of JOB (default: every paused job)."""
    from jobsync import files

    chosen = [(context.origin_of(job), job) for job in jobs]
    chosen = chosen or [(origin, job) for origin in context.origins() for job in _paused(origin)]
    for origin, job in chosen:
        if not origin.paths.pause(job).exists():
            say(f"{job} is not paused")
            continue
        files.remove(origin.paths.pause(job))
        syncing.sync(origin, Orders(), [job])
        say(f"{job}: resumed")
    return ExitCode.OK
