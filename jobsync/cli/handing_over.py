"""`import --take-over`: the jobs are written, who ran them goes, and comes back where that fails."""

import signal
from collections.abc import Container, Iterator
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
from jobsync.reconcile import takeover, takeover_units
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import UNDONE, Report
from jobsync.reconcile.takeover_units import Standing, UserUnits
from jobsync.values import dataclass, replace

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
    """What is taken over in one go: lines of one crontab together, all else but systemd's units by itself."""
    lines = [one for one in candidates if isinstance(one.former, takeover.CrontabLines)]
    groups = [(one.former, [one]) for one in candidates if one not in lines and not isinstance(one.former, UserUnits)]
    if lines:
        formers = [one.former for one in lines if isinstance(one.former, takeover.CrontabLines)]
        names = {number: name for former in formers for number, name in former.names.items()}
        groups.append((replace(formers[0], names=names), lines))
    return groups


def _tell(error: JobsyncError) -> None:
    note(f"not taken over: {error.line}")


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


_Taken = tuple[list[str], Report]
"""Names of jobs that were taken over, and the report of the sync that began them."""


@dataclass(frozen=True, slots=True)
class _Relief:
    """Units that a job takes the place of."""

    one: Candidate
    before: Standing

    @property
    def name(self) -> str:
        """Of the job."""
        return self.one.found.name


def _replace(origin: Origin, relief: _Relief) -> JobsyncError | None:
    """The units' files go and the job is written, in that order, so that not even a power cut leaves both."""
    try:
        relief.before.remove()
        write(origin, relief.one)
    except JobsyncError as error:
        return error
    return None


def _begin(origin: Origin, reliefs: list[_Relief]) -> tuple[Report, dict[str, JobsyncError]]:
    """Write the jobs and sync them: the report, and of each job that does not run, why. `JobsyncError`: none does."""
    failed = {one.name: error for one in reliefs if (error := _replace(origin, one))}
    names = [one.name for one in reliefs if one.name not in failed]
    if not names:
        return Report(()), failed
    with Progress() as progress:
        done = syncing.sync(origin, Orders(), names, progress)
    causes = {result.name: result.cause for result in done.results if result.outcome in UNDONE}
    for one in reliefs:
        faults = [str(fault) for fault in done.faults if Path(fault.file).is_relative_to(one.one.directory)]
        if one.name not in failed and (why := [causes[one.name]] if one.name in causes else faults):
            failed[one.name] = JobsyncError(f"{one.name} could not be started: {why[0]}")
    return done, failed


def _take_away(origin: Origin, label: str) -> None:
    """What a job is installed as, where it is ours: the next login must not start it."""
    scheduler = origin.scheduler
    for definition, link in zip(scheduler.definitions(label), scheduler.links(label), strict=False):
        if scheduler.is_ours(files.read(Path(definition)) or b""):
            files.remove(Path(link))
            files.remove(Path(definition))


def _put_back(origin: Origin, reliefs: list[_Relief]) -> None:
    """As if the jobs had never been written: whatever of them there is must not run beside the former ones."""
    if not reliefs:
        return
    names = [one.name for one in reliefs]
    labels = [origin.scheduler.label(name) for name in names]
    for one in reliefs:
        with suppress(JobsyncError):
            _take_back(origin, one.one)
    with suppress(JobsyncError):
        syncing.sync(origin, Orders(), names)  # most often nobody knows them yet
    origin.scheduler.unload(labels)
    for label in labels:
        with suppress(JobsyncError):
            _take_away(origin, label)
    takeover_units.bring_back([one.before for one in reliefs])


def _stop(origin: Origin, reliefs: list[_Relief]) -> dict[str, JobsyncError]:
    """Stop the units, and say of each job whose units still run, why."""
    # Another sync under way would keep the jobs from starting: that one ends before the units do.
    with lock.hold(origin.paths.lock, timeout=syncing.LOCK_PATIENCE):
        stopped = takeover_units.stop([one.before for one in reliefs])
    since = {one.name: found for one, found in zip(reliefs, stopped, strict=True)}
    labels = {origin.scheduler.label(name): at for name, at in since.items() if isinstance(at, float)}
    origin.scheduler.inherit(labels)
    return {name: found for name, found in since.items() if isinstance(found, JobsyncError)}


def _settle(origin: Origin, reliefs: list[_Relief], failed: Container[str]) -> None:
    """Put back the units whose jobs failed, and have systemd forget the others; what goes wrong is told."""
    bad, good = ([one for one in reliefs if (one.name in failed) is is_bad] for is_bad in (True, False))
    try:
        _put_back(origin, bad)
    except JobsyncError as error:
        _tell(error)
    try:
        takeover_units.forget([one.before for one in good])
    except JobsyncError as error:
        note(f"systemd was not told that what ran before is gone: {error.message}; `systemctl --user daemon-reload`")


def _relieve(origin: Origin, candidates: list[Candidate], interruptions: _Interruptions) -> _Taken | None:
    """Stop units and start jobs in their place; where that fails, the units are started again, and the others go on."""
    try:
        reliefs = _reliefs(candidates)
        copies = {one.name: one.before.units.keep() for one in reliefs}
    except JobsyncError as error:
        _tell(error)
        return None
    try:
        failed = _stop(origin, reliefs)
        with interruptions.held():
            done, unbegun = _begin(origin, [one for one in reliefs if one.name not in failed])
            failed |= unbegun
            _settle(origin, reliefs, failed)
    except BaseException as error:
        with interruptions.held():
            _put_back(origin, reliefs)
        if not isinstance(error, JobsyncError):
            raise
        _tell(error)
        return None
    for why in failed.values():
        _tell(why)
    taken = [one.name for one in reliefs if one.name not in failed]
    for copy in (copy for name in taken for copy in copies[name]):
        say(f"kept a copy: {copy}")
    return (taken, _of(done, taken)) if taken else None


def _of(done: Report, names: list[str]) -> Report:
    """The report without jobs that are gone again."""
    return replace(done, results=tuple(result for result in done.results if result.name in names), faults=())


def _reliefs(candidates: list[Candidate]) -> list[_Relief]:
    formers = [(one, one.former) for one in candidates if isinstance(one.former, UserUnits)]
    before = takeover_units.standing([former for _, former in formers]) if formers else []
    return [_Relief(one, stood) for (one, _), stood in zip(formers, before, strict=True)]


def _relieve_all(origin: Origin, candidates: list[Candidate], interruptions: _Interruptions) -> Iterator[_Taken]:
    """Timers together; services one by one, for each is gone while it lasts."""
    units = [one for one in candidates if isinstance(one.former, UserUnits)]
    timers = [one for one in units if isinstance(one.former, UserUnits) and one.former.timer]
    for group in ([timers] if timers else []) + [[one] for one in units if one not in timers]:
        if interruptions.has_come:
            return
        done = _relieve(origin, group, interruptions)
        if done is not None:
            yield done


def _take_over(origin: Origin, candidates: list[Candidate], interruptions: _Interruptions) -> Iterator[_Taken]:
    names = [
        one.found.name for former, group in _groups(candidates) if _hand_over(origin, former, group) for one in group
    ]
    if names:
        with Progress() as progress:
            done = syncing.sync(origin, Orders(), names, progress)
        yield names, done
    yield from _relieve_all(origin, candidates, interruptions)


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
