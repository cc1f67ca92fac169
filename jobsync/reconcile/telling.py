"""Tells what no launcher can: runs that did not come, and runs that were killed. Each change of state once.

What a job's user was last told of stands in a file that the launcher reads and writes too.
"""

import time
from collections.abc import Iterable

from jobsync import files, process
from jobsync.config import SYSTEM_PATH
from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import Argv, Event, Job, Notify
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.standing import JobStatus, State, missed_words
from jobsync.runs import launcher, records
from jobsync.runs.records import Run

_FAILED = (State.FAILING, State.NOT_RUNNING)
_SAY_NOTHING_OF_RUNS = (State.RUNNING, State.UNKNOWN)
"""It is at it, or nobody could be asked."""


def _stale(origin: Origin, job: Job) -> str:
    """Why the last success is too old; empty where it is not, or where there was none yet."""
    within = job.expect.success_within
    success = records.last_success(records.read(origin.paths.runs(job.name))) if within is not None else None
    if within is None or success is None or success.ended is None or time.time() - success.ended <= within:
        return ""
    return f"no success within {format_duration(within)}"


def _news(origin: Origin, one: JobStatus, job: Job) -> tuple[Event, str] | None:
    """What there is to tell of a job, if nobody has been told."""
    if one.state in _FAILED:
        return Event.FAILED, one.detail
    if stale := _stale(origin, job):
        return Event.FAILED, stale
    # Not only where that is its state: what is not loaded, or not as defined, misses its runs without a launcher.
    if one.missed is None or one.state in _SAY_NOTHING_OF_RUNS:
        return None
    return Event.MISSED, missed_words(one.missed)


def _run(origin: Origin, job: Job, notify: Notify, event: Event, detail: str, run: Run | None) -> None:
    """The command of `[notify]`. `JobsyncError` where it could not be run to its end in time, or failed."""
    command = notify.run or launcher.OWN_TELLER
    argv = command.arguments if isinstance(command, Argv) else ("/bin/sh", "-eu", "-c", command.text)
    path = ":".join((*job.path, origin.config.path or SYSTEM_PATH))
    label = origin.scheduler.label(job.name)
    environment = {
        "HOME": origin.config.home,
        "PATH": path,
        **dict(job.environment),
        "JOBSYNC_EVENT": event.value,
        "JOBSYNC_MESSAGE": f"{job.name} {event.value}: {detail}",
        "JOBSYNC_JOB": job.name,
        "JOBSYNC_DIR": job.home_directory,
        "JOBSYNC_LABEL": label,
        "JOBSYNC_STATUS": "",
        "JOBSYNC_REASON": detail,
        "JOBSYNC_RUN": run.id if run else "",
        "JOBSYNC_LOG": str(origin.paths.job_logs(label) / f"{run.id}.log") if run else "",
    }
    change = ("/bin/sh", "-uc", launcher.telling(job, origin.paths.env(job.name)), "sh", *argv)
    try:
        done = process.run(change, env=environment, timeout=launcher.NOTIFY_LIMIT)
    except process.TimedOut as late:  # it would quote all of the program that we wrote around the command
        raise JobsyncError(f"the command of [notify] did not end within {launcher.NOTIFY_LIMIT} seconds") from late
    if done.status:
        why = f": {done.complaint}" if done.complaint else ""
        raise JobsyncError(f"the command of [notify] ended with status {done.status}{why}")


def _tell(origin: Origin, one: JobStatus, job: Job, notify: Notify) -> str:
    """A line about what was told; empty where there was nothing new."""
    news = _news(origin, one, job)
    if news is None:
        return ""
    event, detail = news[0], " ".join(news[1].split())
    path = origin.paths.announced(job.name)
    known = files.read(path)
    former = (known or b"").decode("ascii", "replace").strip()
    if former in (event.value, Event.FAILED.value):
        return ""
    files.make_directory(path.parent)
    files.write_atomically(path, f"{event.value}\n".encode(), 0o600)
    if event not in notify.on:
        return ""
    try:
        _run(origin, job, notify, event, detail, one.last if one.state in _FAILED else None)
    except JobsyncError as error:
        # The next look, or the next run, tries it again.
        if known is None:
            files.remove(path)
        else:
            files.write_atomically(path, known, 0o600)
        return f"{job.name} {event.value}: could not tell: {error.message}"
    return f"{job.name} {event.value}: told"


def _attempt(origin: Origin, one: JobStatus, job: Job, notify: Notify) -> str:
    """As `_tell`, where a file of the state cannot be read or written too."""
    try:
        return _tell(origin, one, job, notify)
    except JobsyncError as error:
        return f"{job.name}: could not tell: {error.message}"


def tell(origin: Origin, found: Iterable[JobStatus]) -> tuple[str, ...]:
    """Run the command of `[notify]` of each job that changed for the worse; a line for each. Never raises for one."""
    lines = [_attempt(origin, one, one.job, one.job.notify) for one in found if one.job and one.job.notify]
    return tuple(line for line in lines if line)
