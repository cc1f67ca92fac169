"""`run`, `stop`, `restart`: one job, now, on this machine."""

import os
import pwd
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from jobsync import files, process
from jobsync.cli.console import ExitCode, Progress, note, say, say_bytes
from jobsync.cli.context import Context, as_defined, check_is_for_here, pass_context
from jobsync.config import SYSTEM_PATH
from jobsync.definitions.job import Restart
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.standing import ending
from jobsync.reconcile.state import Record
from jobsync.runs import logs as log_files
from jobsync.runs import pauses, records, tokens
from jobsync.runs.launcher import NOTIFY_LIMIT
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Loaded, NoSession, Survey

START_PATIENCE = 20.0
"""Seconds within which a kickstarted launcher must have recorded its start; launchd may throttle it for ten."""

_QUIET = 2.0
"""Seconds of that after which we say what we wait for."""

_THROTTLE = 10
"""Seconds that launchd leaves between two starts of a job, where its plist does not say."""

_LONGEST_RUN = 7 * 86_400.0
"""Seconds after which even a run on a terminal has ended."""

_PAUSE = 0.1

_LINGER = NOTIFY_LIMIT + 5.0
"""Seconds for a launcher that has recorded the end to be gone: it may have somebody told first."""


def record_of(origin: Origin, job: str) -> Record:
    """The job as jobsync installed it. `JobsyncError` when it did not."""
    known = ledgers.read(origin.paths.ledger)
    record = known.records.get(job) if known else None
    if record is None:
        _check_not_paused(origin, job)  # of a daemon that is, nothing is installed
        check_is_for_here(origin, job)
        raise JobsyncError(f"{job} is not installed on this machine", hint=_way_to_a_job(origin, job))
    return record


def _way_to_a_job(origin: Origin, job: str) -> str:
    """What to type where it is not installed."""
    defined = as_defined(origin, {job})
    if defined.faults:
        return "`jobsync check` says what is wrong with it"
    return f"`jobsync sync {job}` installs it" if defined.jobs else "`jobsync status` lists the jobs"


def _restarts_on_failure(origin: Origin, job: str) -> bool:
    """Whether the definition says so; a repository that this jobsync cannot read says nothing."""
    with suppress(JobsyncError):
        return any(one.daemon is Restart.ON_FAILURE for one in as_defined(origin, {job}).jobs)
    return False


def _loaded(origin: Origin, record: Record, *, to_start: bool = False) -> Loaded:
    """The job as the scheduler has it. `to_start`: what its user disabled cannot be started, loaded or not."""
    answer = origin.scheduler.survey()
    if not isinstance(answer, Survey):
        login = "log in at the machine itself" if origin.config.scheduler == "launchd" else "log in as this user"
        raise JobsyncError(
            answer.reason,
            hint=login if isinstance(answer, NoSession) else "try again; `jobsync doctor` looks for the cause",
        )
    loaded = answer.services.get(record.label)
    if record.label in answer.disabled and (to_start or loaded is None):
        raise JobsyncError(f"{record.name} is disabled by you", hint=f"`{answer.disabled[record.label]}` ends that")
    if loaded is None:
        raise JobsyncError(f"{record.name} is not loaded", hint=f"`jobsync sync {record.name}` loads it")
    return loaded


def _check_startable(origin: Origin, record: Record) -> None:
    """The scheduler can start it: it is no daemon, not paused, loaded and idle."""
    if record.is_daemon:
        raise UsageError(
            f"{record.name} is a daemon: it runs all the time", hint=f"`jobsync restart {record.name}` starts it anew"
        )
    _check_not_paused(origin, record.name)
    _check_idle(origin, record, _loaded(origin, record, to_start=True))


def _check_idle(origin: Origin, record: Record, loaded: Loaded | None) -> None:
    """A job never overlaps with itself; of a run on somebody's terminal the scheduler knows nothing."""
    shows = f"`jobsync logs -f {record.name}` shows its log"
    if loaded is not None and loaded.pid is not None:
        raise JobsyncError(
            f"{record.name} is running already (pid {loaded.pid})",
            hint=f"{shows}, `jobsync stop {record.name}` ends it",
        )
    last = records.last(records.read(origin.paths.runs(record.name)))
    if last is not None and records.goes_on(last, origin.paths.launcher(record.name)):
        raise JobsyncError(
            f"{record.name} is running already, on a terminal (pid {last.pid})",
            hint=f"{shows}, Ctrl-C there ends it",
        )


def _check_not_paused(origin: Origin, job: str) -> None:
    words = pauses.words(origin.paths.pause(job))
    if words:
        raise JobsyncError(f"{job} is {words}", hint=f"`jobsync resume {job}` ends that")


def _check_launcher(origin: Origin, job: str) -> None:
    """There is something to start: a scheduler says of a program that is gone only that it ended."""
    path = origin.paths.launcher(job)
    if not os.access(path, os.X_OK):
        if way := files.way_in(path):
            raise JobsyncError(f"the launcher of {job} may not be run: {path}", hint=way)
        if files.is_without_programs(path):
            raise JobsyncError(f"nothing can be started in {path.parent}: its file system is mounted noexec")
        raise JobsyncError(
            f"the launcher of {job} is gone, or may not be run: {path}", hint=f"`jobsync sync {job}` mends that"
        )


def _wait_for(look: Callable[[], Run | None], patience: float) -> Run | None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if (run := look()) is not None:
            return run
        time.sleep(_PAUSE)
    return None


def _started(origin: Origin, record: Record, known: set[str], *, is_here: bool) -> Run:
    """The run that was just asked for, as soon as its launcher has recorded it."""
    path = origin.paths.runs(record.name)

    def look() -> Run | None:
        return next((one for one in records.read(path) if one.id not in known), None)

    run = _wait_for(look, _QUIET)
    if run is None:
        before = max((one.started for one in records.read(path)), default=0)
        if not is_here and origin.config.scheduler == "launchd" and time.time() - before < _THROTTLE:
            note(f"jobsync: launchd leaves {_THROTTLE} seconds between two starts; `--here` does not wait for them")
        run = _wait_for(look, START_PATIENCE - _QUIET)
    if run is None:
        raise JobsyncError(
            f"{record.name} was asked to start and did not within {START_PATIENCE:g} seconds",
            hint=f"`jobsync status {record.name}` says how it stands",
        )
    if run.skipped:
        raise JobsyncError(
            f"{record.name} was skipped: {run.skipped}", hint=f"`jobsync status {record.name}` says how it stands"
        )
    return run


def _follow(origin: Origin, record: Record, known: set[str], has_ended: Callable[[], bool] | None = None) -> int:
    """Show the log of the run that was just asked for, and give its status. `has_ended`: whether its process has."""
    path = origin.paths.runs(record.name)
    run = _started(origin, record, known, is_here=has_ended is not None)

    def is_over() -> bool:
        return _now(path, run).ended is not None or (has_ended() if has_ended else not _is_alive(run))

    for chunk in log_files.follow(origin.paths.job_logs(record.label) / f"{run.id}.log", is_over):
        say_bytes(chunk)
    ended = _now(path, run)
    if ended.status is None:
        raise JobsyncError(
            f"{record.name} was killed before it could say how it ended",
            hint=f"`jobsync logs {record.name}` has what it printed until then",
        )
    if ended.status:
        note(f"jobsync: {record.name} {ending(ended)}")
    if has_ended is None:
        _wait_until_gone(origin, record, run)
    return ended.status


def _now(path: Path, run: Run) -> Run:
    """The same run, as its record says now."""
    return next((one for one in records.read(path) if one.id == run.id), run)


def _wait_until_gone(origin: Origin, record: Record, run: Run) -> None:
    """So that who starts the job again at once, or looks, finds it idle: a launcher outlives its record."""
    begun = time.monotonic()
    with Progress() as progress:
        while (waited := time.monotonic() - begun) < _LINGER:
            answer = origin.scheduler.survey()
            found = answer.services.get(record.label) if isinstance(answer, Survey) else None
            if found is None or found.pid != run.pid:
                break
            if waited > _QUIET:
                progress(f"{record.name} has ended; waiting for the command of [notify]")
            time.sleep(_PAUSE)


def _is_alive(run: Run) -> bool:
    return run.pid is not None and process.is_alive(run.pid)


def _stored_definition(origin: Origin, record: Record) -> bytes:
    path = origin.scheduler.definition_path(record.label)
    store = ledgers.Store(origin.paths.store)
    found = next((store.get(one.digest) for one in record.artefacts if one.path == path), None)
    if found is None:
        raise JobsyncError(
            f"what is installed for {record.name} is not known", hint=f"`jobsync sync {record.name}` mends that"
        )
    return found


def _account() -> dict[str, str]:
    """What every login gives: names and shell of the user, whatever the caller's environment says."""
    try:
        account = pwd.getpwuid(os.getuid())
    except KeyError:
        return {}
    return {"USER": account.pw_name, "LOGNAME": account.pw_name, "SHELL": account.pw_shell or "/bin/sh"}


def _run_here(origin: Origin, record: Record) -> int:
    """Run the launcher as our child, in the environment that the scheduler would give it, and show its log.

    Needs no scheduler; where there is one, it is asked whether the job runs already.
    """
    _check_not_paused(origin, record.name)
    answer = origin.scheduler.survey()
    _check_idle(origin, record, answer.services.get(record.label) if isinstance(answer, Survey) else None)
    environment = {
        "PATH": SYSTEM_PATH,
        **_account(),
        **origin.scheduler.session_environment(record.label),
        "HOME": origin.config.home,
        **origin.scheduler.environment(_stored_definition(origin, record)),
    }
    known = {one.id for one in records.read(origin.paths.runs(record.name))}
    os.chdir("/")
    child = process.start((str(origin.paths.launcher(record.name)),), env=environment, new_session=True)
    # Somebody must reap it while we read its log: an unreaped process looks alive.
    reaper = threading.Thread(target=child.finish, args=(_LONGEST_RUN,), daemon=True)
    reaper.start()
    try:
        return _follow(origin, record, known, lambda: not reaper.is_alive())
    except KeyboardInterrupt:
        # All of it, as a scheduler does: a shell that is told to end leaves behind what it is just running.
        child.tell(signal.SIGTERM)
        raise
    finally:
        reaper.join()


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
      jobsync run --here backup as a child of this terminal: Ctrl-C stops it
    """
    if detach and here:
        raise UsageError("--detach and --here exclude each other")
    origin = context.origin_of(job)
    record = record_of(origin, job)
    _check_launcher(origin, job)
    if here:
        tokens.remove(origin.paths.token(job))
        tokens.ask(origin.paths.asked(job))
        return _run_here(origin, record)
    _check_startable(origin, record)
    tokens.remove(origin.paths.token(job))
    tokens.ask(origin.paths.asked(job))
    known = {one.id for one in records.read(origin.paths.runs(job))}
    origin.scheduler.start(record.label)
    if detach:
        return ExitCode.OK
    try:
        return _follow(origin, record, known)
    except KeyboardInterrupt:
        note(f"\njobsync: {job} goes on; `jobsync logs -f {job}` follows it, `jobsync stop {job}` ends it")
        raise


@click.command()
@click.argument("job")
@pass_context
def stop(context: Context, /, job: str) -> int:
    """Stop the running JOB; it stays scheduled. A daemon that restarts always comes back: see `pause`.

    \b
    Examples:
      jobsync stop backup   end its run; it stays scheduled
    """
    origin = context.origin_of(job)
    record = record_of(origin, job)
    loaded = _loaded(origin, record)
    if loaded.pid is None:
        say(f"{job} is not running")
        return ExitCode.OK
    origin.scheduler.stop(record.label)
    say(f"told {job} (pid {loaded.pid}) to stop")
    if record.is_daemon:
        unless = " unless it ended well" if _restarts_on_failure(origin, job) else ""
        note(f"it is a daemon and starts again{unless}; `jobsync pause {job}` keeps it away")
    return ExitCode.OK


@click.command()
@click.argument("job")
@pass_context
def restart(context: Context, /, job: str) -> int:
    """Stop JOB where it runs, and start it anew.

    \b
    Examples:
      jobsync restart tunnel   a daemon, after its settings changed
    """
    origin = context.origin_of(job)
    record = record_of(origin, job)
    _check_launcher(origin, job)
    _loaded(origin, record, to_start=True)
    _check_not_paused(origin, job)
    tokens.remove(origin.paths.token(job))
    if not record.is_daemon:
        tokens.ask(origin.paths.asked(job))
    # A daemon is up before that ends; a run may take hours.
    wait = START_PATIENCE if record.is_daemon else None
    with Progress() as progress:
        progress(f"restarting {job}")
        failure = origin.scheduler.restart([record.label], wait).get(record.label)
    if failure is not None:
        raise failure
    say(f"restarted {job}")
    return ExitCode.OK
