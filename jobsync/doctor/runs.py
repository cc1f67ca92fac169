"""Checks of what happens at job time: how runs end, and whether their logs can be kept."""

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from jobsync import files
from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import Job, Restart
from jobsync.doctor.check import Check
from jobsync.doctor.view import View
from jobsync.findings import Finding, error, warning
from jobsync.reconcile.expected import is_unwanted, missed_runs
from jobsync.reconcile.own import FINISH, LOGIN, is_own
from jobsync.reconcile.standing import HABIT, crash_loop, ended_badly, ending, habit, missed_words
from jobsync.runs import logs, records
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.runs.words import age, size

_SHORT_RUN = 10
"""Seconds; launchd's ThrottleInterval: a daemon that ends sooner is held back."""
_LARGE = 200_000_000
"""Bytes of logs of one job that nobody can mean to keep."""

_LAST_WORDS = 65_536
"""Bytes of a log in which a failure is looked for."""
_LITTLE = 1_000_000
"""Bytes with which a disk is as good as full: a ledger and the log of a run want more."""

_OWN = {
    FINISH: "what a sync inside a job left to it is still to do: `jobsync sync`",
    LOGIN: "what was missed while this machine was off was not made up for",
}
_MEANINGS = {
    78: "its directory, log or env file could not be had and nothing was started, unless the command itself ends so",
    126: "what it starts is there and cannot be executed; macOS also says so of places that it guards",
    127: "what it starts is not in the job's PATH",
}


def _ended_for_good(view: View, name: str, job: Job) -> Iterator[Finding]:
    """A daemon that ends well may mean it, and one that shall always run is started again presently."""
    loaded, last = view.loaded(name), records.last(view.runs(name))
    is_over = last is not None and last.ended is not None and not ended_badly(last)
    if job.daemon is Restart.ON_FAILURE and is_over and loaded is not None and loaded.pid is None:
        yield warning(
            "the daemon ended well, and does not run",
            name,
            meaning="it is started again after a failure only",
            command=f"jobsync restart {name}",
        )


def _end_of_output(view: View, name: str, run: Run) -> bytes:
    return logs.end_of(view.origin.paths.job_logs(view.label(name)) / f"{run.id}.log", _LAST_WORDS)


def _last_run(view: View) -> Iterable[Finding]:
    for name, job in view.jobs.items():
        yield from _ended_for_good(view, name, job)
    own = [name for name in view.planned.ledger.records if is_own(name) and not view.only]
    for name in (*view.jobs, *own):
        wanted = view.jobs.get(name)
        loaded, last = view.loaded(name), records.last(view.runs(name))
        if last is None or not ended_badly(last) or _goes_on(view, name):
            continue
        told = wanted is not None and last.was_told_to_end(is_daemon=wanted.daemon is not None)
        if told and loaded is None:
            continue  # paused, disabled, logged out: said elsewhere, or nothing to say
        ago = age(view.now.timestamp() - last.started)
        plain = _OWN.get(name) or _MEANINGS.get(last.status or 0, "it did not do its work")
        meaning = view.origin.scheduler.explain(_end_of_output(view, name, last)) or plain
        yield error(
            f"its last run, {ago} ago, {ending(last)}",
            name,
            meaning="it does not run now" if told else meaning,
            command=f"jobsync restart {name}" if told else f"jobsync logs {name}",
        )


def _goes_on(view: View, name: str) -> bool:
    loaded = view.loaded(name)
    return loaded is not None and loaded.pid is not None


def _crash_loop(view: View) -> Iterable[Finding]:
    now = view.now.timestamp()
    for name, job in view.jobs.items():
        is_daemon = job.daemon is not None
        loop = crash_loop(view.runs(name), now, goes_on=_goes_on(view, name), is_daemon=is_daemon)
        if loop is not None:
            yield error(
                f"failed {HABIT} times within {age(loop)}",
                name,
                meaning="it is started again and again" if is_daemon else "whatever starts it will not stop",
                command=f"jobsync pause {name} && jobsync logs {name}",
            )


def _held_back(view: View) -> Iterable[Finding]:
    """Ends well and at once: nothing fails, and the scheduler lets it wait longer and longer."""
    for name, job in view.jobs.items():
        newest = habit(view.runs(name), view.now.timestamp(), goes_on=_goes_on(view, name))
        short = all(run.ended is not None and run.ended - run.started < _SHORT_RUN for run in newest)
        if newest and short and not any(map(ended_badly, newest)) and job.daemon is not None:
            yield warning(
                f"its last {HABIT} runs ended by themselves within {_SHORT_RUN} s",
                name,
                meaning="the scheduler throttles a daemon that does not stay",
                command=f"jobsync logs {name}",
            )


def _open_gaps(view: View) -> Iterator[tuple[str, Missed]]:
    """Expected runs that did not come, that nobody wanted so, and that nothing has made up for."""
    for name, job in view.jobs.items():
        record = view.planned.ledger.records.get(name)
        gaps = missed_runs(view.origin, job, record, view.answer, view.now, only_open=True) if record else ()
        yield from ((name, gap) for gap in gaps[-1:] if is_unwanted(gap))


def _missed(view: View) -> Iterable[Finding]:
    for name, gap in _open_gaps(view):
        if records.last(view.runs(name)) is not None:
            yield warning(
                missed_words(gap),
                name,
                meaning="its work was not done then, and nothing has made up for it",
                command=f"jobsync run {name}",
            )


def _never_ran(view: View) -> Iterable[Finding]:
    for name, gap in _open_gaps(view):
        if records.last(view.runs(name)) is None:
            yield error(
                f"has never run: {missed_words(gap)}",
                name,
                meaning="it is scheduled, and does nothing",
                command=f"jobsync run {name}",
            )


def _overdue(view: View) -> Iterable[Finding]:
    for name, job in view.jobs.items():
        within = job.expect.success_within
        if within is None or view.planned.ledger.records.get(name) is None or view.hidden(name):
            continue
        success = records.last_success(view.runs(name))
        since = success.started if success else records.known_since(files.read(view.origin.paths.runs(name)) or b"")
        if since is not None and view.now.timestamp() - since > within:
            ago = age(view.now.timestamp() - since)
            yield error(
                f"has not succeeded for {ago}, and expect.success_within is {format_duration(within)}",
                name,
                meaning="whatever it should have done is that old",
                command=f"jobsync history {name}",
            )


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest parent that is there."""
    return next((one for one in (path, *path.parents) if os.path.lexists(one)), path)


def _disk(place: Path) -> Iterator[Finding]:
    if files.is_read_only(place):
        yield error(
            f"the file system that holds {place} is read-only",
            meaning="no run is recorded, and no sync can write; after an error of the disk the kernel makes it so",
            command=f"df {shlex.quote(str(place))}",
        )
        return
    try:
        disk = os.statvfs(place)
    except OSError:
        return  # then something else is wrong with it
    if disk.f_bavail * disk.f_frsize < _LITTLE or (disk.f_files and not disk.f_favail):
        yield error(
            f"the disk is full that holds {place}",
            meaning="no run is recorded, and no sync can write",
            command=f"df -h {shlex.quote(str(place))}",
        )


def _hidden(view: View) -> Iterator[Finding]:
    """Records that cannot be read, for which the other checks know of no runs; not where their directory is closed."""
    is_open = os.access(view.origin.paths.runs("x").parent, os.X_OK)
    for name in view.names if is_open else ():
        if trouble := view.hidden(name):
            yield error(
                trouble.message,
                name,
                meaning="nobody can tell whether its runs came and ended well, and new ones may go unrecorded",
                command=trouble.hint or "",
            )


def _logs(view: View) -> Iterable[Finding]:
    state = view.origin.paths.state
    if state.is_dir() and not os.access(state, os.W_OK | os.X_OK) and not files.is_read_only(state):
        yield error(
            f"{state} cannot be written to",
            meaning="no sync can note what it does, so none does anything",
            command=f"chmod u+rwx {shlex.quote(str(state))}",
        )
    yield from _hidden(view)
    seen: set[Path] = set()
    disks: set[int] = set()
    for name in view.jobs:
        for wanted in (view.origin.paths.job_logs(view.label(name)), view.origin.paths.runs(name).parent):
            place = _nearest(wanted)
            if place in seen:
                continue
            seen.add(place)
            if (disk := place.lstat().st_dev) not in disks:
                disks.add(disk)
                yield from _disk(place)
            if not place.is_dir():
                yield error(
                    f"{place} is in the way of the directory {wanted}",
                    meaning="no run can be recorded",
                    command=f"mv {shlex.quote(str(place))} {shlex.quote(f'{place}.old')}",
                )
            elif not os.access(place, os.W_OK | os.X_OK) and not files.is_read_only(place):
                yield error(
                    f"{place} cannot be written to",
                    "" if place != wanted else name,
                    meaning="runs end with 78 (EX_CONFIG), or are not recorded",
                    command=f"chmod u+rwx {shlex.quote(str(place))}",
                )


def _size_of(log: Path) -> int:
    """0 where a run has taken it away meanwhile."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _log_size(view: View) -> Iterable[Finding]:
    for name in view.jobs:
        directory = view.origin.paths.job_logs(view.label(name))
        total = sum(map(_size_of, logs.all_of(directory)))
        if total > _LARGE:
            yield warning(
                f"its logs take {size(total)}",
                name,
                meaning="the disk fills up",
                command=f"rm {shlex.quote(str(directory))}/*.log",
            )


CHECKS = (
    Check("last-run", "every last run ended well", _last_run),
    Check("missed", "every run that was due has come", _missed),
    Check("never-ran", "every job that was due has run", _never_ran),
    Check("overdue", "every success is as young as it should be", _overdue),
    Check("crash-loop", "no job fails again and again", _crash_loop),
    Check("throttled", "no daemon ends at once", _held_back),
    Check("logs", "runs can be recorded", _logs),
    Check("log-size", "logs are bounded", _log_size),
)
