"""`import --take-over`: the jobs are written, who ran them goes, and comes back where that fails."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path

from jobsync import files, lock
from jobsync.cli.candidates import Candidate
from jobsync.cli.console import ExitCode, Progress, note, say
from jobsync.cli.syncing import refusal, show_report
from jobsync.definitions.foreign import Draft, env_file
from jobsync.errors import JobsyncError
from jobsync.reconcile import sync as syncing
from jobsync.reconcile import takeover
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Outcome, Report
from jobsync.reconcile.takeover_services import Service
from jobsync.values import replace

_INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interruptions:
    """`kill` and a closed terminal interrupt as Ctrl-C does, once; and not at all while they are held."""

    def __init__(self) -> None:
        self._is_held = False
        self._has_come = False

    def come(self, *_: object) -> None:
        """The handler of the signals."""
        is_first, self._has_come = not self._has_come, True
        if is_first and not self._is_held:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is done in here is done as a whole; `has_come` says later whether one did."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    @property
    def has_come(self) -> bool:
        """Whether one has."""
        return self._has_come


@contextmanager
def _interruptible() -> Iterator[_Interruptions]:
    found = _Interruptions()
    former = {one: signal.getsignal(one) for one in _INTERRUPTING}
    for one, handler in former.items():
        if handler is not signal.SIG_IGN:  # as with nohup
            signal.signal(one, found.come)
    try:
        yield found
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)


def write(origin: Origin, one: Candidate) -> None:
    """Write the job, and its secrets into the env file of this machine. `JobsyncError`."""
    root = Path(origin.repo.work_tree)
    for path, (mode, content) in one.files:
        files.make_directory((root / path).parent, 0o755)
        files.write_atomically(root / path, content, mode & 0o777)
    assert isinstance(one.found, Draft)  # noqa: S101 - whoever calls has looked
    if one.found.secrets:
        file = origin.paths.env(one.found.name)
        if files.is_there(file):
            note(f"{file} is there already; see that it holds {', '.join(one.found.secrets)}")
            return
        files.make_directory(file.parent)
        files.write_atomically(file, env_file(one.found.secrets).encode(), 0o600)


def _take_back(origin: Origin, one: Candidate) -> None:
    files.remove_tree(Path(origin.repo.work_tree, one.directory))
    file, secrets = origin.paths.env(one.found.name), one.found.secrets if isinstance(one.found, Draft) else {}
    if secrets and files.read(file) == env_file(secrets).encode():
        files.remove(file)


def _ready(candidates: list[Candidate]) -> list[Candidate]:
    """Those that can be taken over now; of the others a line says why not."""
    ready = []
    for one in candidates:
        why = one.former.why_not_now() if one.former else None
        if why:
            note(f"not now: {why}")
        else:
            ready.append(one)
    return ready


def _groups(candidates: list[Candidate]) -> list[tuple[takeover.Former | None, list[Candidate]]]:
    """What is taken over in one go: lines of one crontab together, everything else but services by itself."""
    lines = [one for one in candidates if isinstance(one.former, takeover.CrontabLines)]
    groups = [(one.former, [one]) for one in candidates if one not in lines and not isinstance(one.former, Service)]
    if lines:
        formers = [one.former for one in lines if isinstance(one.former, takeover.CrontabLines)]
        names = {number: name for former in formers for number, name in former.names.items()}
        groups.append((replace(formers[0], names=names), lines))
    return groups


def _tell(error: JobsyncError) -> None:
    note(f"not taken over: {error.message}" + (f"; {error.hint}" if error.hint else ""))


def _hand_over(origin: Origin, former: takeover.Former | None, candidates: list[Candidate]) -> bool:
    """Write the jobs and retire who ran them; where that fails, the jobs are taken back and the others go on."""
    written = []
    try:
        for one in candidates:
            written.append(one)
            write(origin, one)
        for copy in former.retire() if former else ():
            say(f"kept a copy: {copy}")
    except (JobsyncError, KeyboardInterrupt) as error:
        # Whatever was interrupted: a job that is there and a former one that may be, too, would both run one day.
        for one in written:
            _take_back(origin, one)
        if isinstance(error, KeyboardInterrupt):
            raise
        _tell(error)
        return False
    return True


def _begin(origin: Origin, one: Candidate) -> Report:
    """Write the job and sync it. `JobsyncError`: it does not run."""
    write(origin, one)
    done = syncing.sync(origin, Orders(), [one.found.name])
    bad = (Outcome.FAILED, Outcome.CONFLICT, Outcome.DEFERRED)
    why = [result.cause for result in done.results if result.outcome in bad] + [str(fault) for fault in done.faults]
    if why:
        raise JobsyncError(f"{one.found.name} could not be started: {why[0]}")
    return done


def _end(origin: Origin, one: Candidate) -> None:
    """As if the job had never been written: whatever of it there is must not run beside the former one."""
    with suppress(JobsyncError):
        _take_back(origin, one)
        syncing.sync(origin, Orders(), [one.found.name])  # most often nobody knows it yet
    origin.scheduler.unload([origin.scheduler.label(one.found.name)])


def _relieve(origin: Origin, one: Candidate, former: Service, interruptions: _Interruptions) -> Report | None:
    """Stop a service and start the job in its place; where that fails, the service is started again.

    The job is written once the service's file is gone, so that not even a power cut leaves two that would run.
    """
    before = former.standing()
    try:
        copy = former.keep()
        # Another sync under way would keep the job from starting: that one ends before the service does.
        with lock.hold(origin.paths.lock, timeout=syncing.LOCK_PATIENCE):
            former.stop()
        with interruptions.held():
            former.remove()
            done = _begin(origin, one)
    except BaseException as error:
        with interruptions.held():
            _end(origin, one)
            former.bring_back(before)
        if not isinstance(error, JobsyncError):
            raise
        _tell(error)
        return None
    former.forget()
    say(f"kept a copy: {copy}")
    return done


_Taken = tuple[list[str], Report]
"""Names of jobs that were taken over, and the report of the sync that began them."""


def _relieve_each(origin: Origin, candidates: list[Candidate], interruptions: _Interruptions) -> Iterator[_Taken]:
    """Services, one by one: each is gone while it lasts."""
    for one in candidates:
        if isinstance(one.former, Service) and not interruptions.has_come:
            done = _relieve(origin, one, one.former, interruptions)
            if done is not None:
                yield [one.found.name], done


def _take_over(origin: Origin, candidates: list[Candidate], interruptions: _Interruptions) -> Iterator[_Taken]:
    names = [
        one.found.name for former, group in _groups(candidates) if _hand_over(origin, former, group) for one in group
    ]
    if names:
        progress = Progress()
        done = syncing.sync(origin, Orders(), names, progress)
        progress.clear()
        yield names, done
    yield from _relieve_each(origin, candidates, interruptions)


def take_over(origin: Origin, candidates: list[Candidate]) -> int:
    """Take over what can be taken over now, show what became of it, and give the exit status."""
    if why := refusal(origin):
        raise JobsyncError(f"nothing taken over: {why}", hint="when that is over, try again")
    with _interruptible() as interruptions:
        taken = list(_take_over(origin, _ready(candidates), interruptions))
    if not taken:
        return ExitCode.FAILURE
    done = reduce(syncing.joined, (report for _, report in taken))
    show_report(done)
    say("next: look at them with `jobsync status`, then commit")
    if interruptions.has_come:
        raise KeyboardInterrupt
    count = sum(len(names) for names, _ in taken)
    return ExitCode.FAILURE if done.has_failures or count < len(candidates) else ExitCode.OK
