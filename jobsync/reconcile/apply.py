"""Carries a plan out. Decides nothing: every step is one effect, in the order that the plan gives.

The order cannot lie (promise 6): the old job is out and confirmed gone before its artefacts change, and the ledger
hears of a change only after the scheduler was asked whether it took. Killed between any two effects, the next sync
converges. Several jobs drain at once: one survey per interval serves them all.
"""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, assert_never

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.reconcile import kept
from jobsync.reconcile.budget import UNLIMITED, Budget
from jobsync.reconcile.holding import Deferred, Hold, drop_stale_holds
from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import Ledger, Store, placed
from jobsync.reconcile.loading import FORGOTTEN, RETRY_PAUSE, UNCONFIRMED, Loader, SessionEnded
from jobsync.reconcile.state import (
    Change,
    Load,
    Outcome,
    Plan,
    Record,
    Remove,
    Reread,
    Restart,
    Result,
    Step,
    Unload,
    Write,
)
from jobsync.runs import tokens
from jobsync.schedulers.protocol import LINK, Artefact, Failures, NoSession, Scheduler, SchedulerError, Survey
from jobsync.values import dataclass, field, replace

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5
_UNFINISHED = (Outcome.FAILED, Outcome.DEFERRED)

Progress = Callable[[str], None]
_Kind = TypeVar("_Kind", Load, Restart)


class _InTheWay(JobsyncError):
    """A file that is not ours came into the place of ours while the sync was under way."""


@dataclass(slots=True)
class Applied:
    """What became of a plan: the results in order of name, the ledger as it is on the disk, the copies made."""

    ledger: Ledger
    results: dict[str, Result] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """A change under way."""

    change: Change
    steps: list[Step]
    hold: Hold
    deadline: float = 0.0
    failure: JobsyncError | None = None
    """What the scheduler answered to the last thing that was asked for it."""
    owes_start: bool = False
    """A start was swallowed by the hold, and is made up for once the job is loaded."""
    is_gone: bool = False
    """The old job is out of the scheduler, and nothing has taken its place."""
    refused: bool = False
    """The scheduler would not load it: hooks do not try that again."""


class Applier:
    """One application of one plan. `save` puts a ledger on the disk; `progress` hears what takes time."""

    def __init__(
        self,
        scheduler: Scheduler,
        paths: Paths,
        save: Callable[[Ledger], None],
        progress: Progress,
        retry_pause: float = RETRY_PAUSE,
        budget: Budget = UNLIMITED,
    ) -> None:
        self._scheduler = scheduler
        self._loader = Loader(scheduler, progress, retry_pause)
        self._paths = paths
        self._save = save
        self._progress = progress
        self._budget = budget
        self._shared = frozenset(paths.shared)
        self._store = Store(paths.store)
        self._unsynced: set[Path] = set()
        """Directories with names of ours that a power cut may still take."""

    def apply(self, plan: Plan, ledger: Ledger) -> Applied:
        """Carry out `plan`. A change that fails does not stop the others; only its own result says so.

        `JobsyncError` only where nothing more can be done at all (the state directory cannot be written). `OutOfTime`
        in the middle, as if it were killed there: the next sync finds what is left to do.
        """
        done = Applied(ledger)
        drop_stale_holds(self._paths)
        for change in plan.changes:
            if not change.steps:
                self._settle(done, change)
        works = [self._work(change) for change in plan.changes if change.steps]
        self._announce(works)
        try:
            self._carry_out(done, works)
        finally:
            for work in works:
                with suppress(JobsyncError):  # launchers pass over a hold that has grown old
                    work.hold.release()
        self._announce([work for work in works if done.results[work.change.name].outcome in _UNFINISHED])
        for leftover in plan.leftovers:
            self._tidy(done, leftover)
        kept.prune(self._paths, done.kept)
        return done

    def _carry_out(self, done: Applied, works: list[_Work]) -> None:
        going = [work for work in works if _unloaded(work.change)]
        staying = [work for work in works if not _unloaded(work.change)]
        gone = [work for batch in self._batches(going) for work in self._unload(done, batch, is_alone=len(going) == 1)]
        ready = self._drain(done, [*staying, *gone])
        finished = [work for batch in self._batches(ready) for work in self._replace(done, batch)]
        self._verify(done, finished)

    def _work(self, change: Change) -> _Work:
        return _Work(change, list(change.steps), Hold(change.name, self._paths, self._scheduler))

    def _tidy(self, done: Applied, leftover: Remove) -> None:
        path = Path(leftover.path)
        try:
            if leftover.keeps:
                self._keep(done, path)
            files.remove(path)
        except JobsyncError as error:
            done.results[path.name] = Result(path.name, "", Outcome.FAILED, error.message)

    def _attempt(self, done: Applied, work: _Work, act: Callable[[Applied, _Work], None]) -> bool:
        """Do one part of a change; False when the change ended there."""
        try:
            act(done, work)
        except Deferred as error:
            work.hold.release()
            result = Result(work.change.name, work.change.label, Outcome.DEFERRED, error.message, error.pid)
            done.results[work.change.name] = result
            return False
        except SessionEnded as error:
            self._settle_unloaded(done, work.change, error.message)
            return False
        except _InTheWay as error:
            done.results[work.change.name] = Result(
                work.change.name, work.change.label, Outcome.CONFLICT, error.message
            )
            return False
        except JobsyncError as error:
            work.hold.release()
            if not work.is_gone:
                work.hold.make_up(work.change.label)
            self._fail(done, work, error.message)
            return False
        return True

    def _batches(self, works: list[_Work]) -> list[list[_Work]]:
        """Where one call serves all, all at once; else each on its own, so that none is out longer than it must."""
        if self._scheduler.manners.loads_together:
            return [works] if works else []
        return [[work] for work in works]

    def _announce(self, works: list[_Work]) -> None:
        """Leave word of the jobs that lose links on the way: what a kill leaves of that is no wish of anyone."""
        labels = sorted(work.change.label for work in works if _has_links(work.change))
        if labels:
            files.write_atomically(self._paths.changing, "\n".join(labels).encode(), 0o600)
        else:
            files.remove(self._paths.changing)

    def _unload(self, done: Applied, batch: list[_Work], *, is_alone: bool) -> list[_Work]:
        """Send the old jobs away; those that were told to. Whether they are gone is for `_drain` to see."""
        told = [work for work in batch if self._attempt(done, work, self._close)]
        steps = [step for work in told for step in _unloads(work)]
        is_whole = is_alone or self._scheduler.manners.loads_together
        answer = self._scheduler.unload(
            [step.label for step in steps],
            sparing=[step.label for step in steps if step.spares],
            wait=self._wait(steps) if is_whole else None,
        )
        for work in told:
            work.failure = next(
                (answer.failures[one.label] for one in _unloads(work) if one.label in answer.failures), None
            )
            work.deadline = 0.0 if answer.are_gone else time.monotonic() + max(one.limit for one in _unloads(work))
        return [work for work in told if self._attempt(done, work, self._told)]

    def _wait(self, steps: Iterable[Unload | Restart]) -> float:
        """Seconds that the scheduler may block until all these have ended."""
        return min(max((step.limit for step in steps), default=0.0), self._budget.left_for_waiting)

    def _close(self, done: Applied, work: _Work) -> None:
        """Keep a run from starting while the job is replaced, where loading anew would end it."""
        del done
        for step in _unloads(work):
            if step.spares and not self._scheduler.manners.spares_runs:
                work.hold.close(step.label)
            self._progress(f"unloading {step.label}")

    def _told(self, done: Applied, work: _Work) -> None:
        del done
        if work.failure is not None:
            raise work.failure
        work.steps = [step for step in work.steps if not isinstance(step, Unload)]

    def _drain(self, done: Applied, works: list[_Work]) -> list[_Work]:
        """Wait until the unloaded jobs are gone; the ones that are not in time fail."""
        waiting = [work for work in works if work.deadline]
        ready = [work for work in works if not work.deadline]
        pause = _FIRST_PAUSE
        while waiting:
            gone = self._gone(waiting)
            ready += gone
            waiting = [work for work in waiting if work not in gone]
            late = [work for work in waiting if time.monotonic() > work.deadline]
            for work in late:
                work.hold.release()
                self._fail(done, work, "it did not end in time after it was told to; the old job may still be loaded")
            waiting = [work for work in waiting if work not in late]
            if waiting:
                self._budget.check_waiting()
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        return sorted(ready, key=lambda work: work.change.name)

    def _gone(self, waiting: Iterable[_Work]) -> list[_Work]:
        """Those whose labels the scheduler does not know any more. Could not ask: none."""
        answer = self._scheduler.survey()
        if isinstance(answer, NoSession):
            return list(waiting)
        if not isinstance(answer, Survey):
            return []
        return [work for work in waiting if not any(self._holds(answer, step) for step in _unloads_of(work.change))]

    def _holds(self, answer: Survey, step: Unload) -> bool:
        """Whether an unloaded job is there yet. A run that is spared is beside the point."""
        found = answer.services.get(step.label)
        is_spared = step.spares and self._scheduler.manners.spares_runs
        return found is not None and (found.is_armed or not is_spared)

    def _replace(self, done: Applied, batch: list[_Work]) -> list[_Work]:
        """New files, then the scheduler reads them, then what claims that it did; those of which all went well."""
        self._budget.check_working()
        placed_ = [work for work in batch if self._attempt(done, work, self._place)]
        placed_ = [work for work in placed_ if self._attempt(done, work, self._sync_directories)]
        failures = {**self._load(placed_), **self._restart(placed_)}
        for work in placed_:
            work.failure = next((failures[label] for label in _labels(work.change) if label in failures), None)
        completed = [work for work in placed_ if self._attempt(done, work, self._complete)]
        return [work for work in completed if self._attempt(done, work, self._sync_directories)]

    def _load(self, works: list[_Work]) -> Failures:
        loading = {step.label: _meant(work.change) for work in works for step in _next(work, Load)}
        reread = [label for work in works for label in _reread(work.change)]
        return self._loader.load(loading, reread) if loading or reread else {}

    def _restart(self, works: list[_Work]) -> Failures:
        steps = [step for work in works for step in _next(work, Restart)]
        return self._scheduler.restart([step.label for step in steps], self._wait(steps)) if steps else {}

    def _sync_directories(self, done: Applied, work: _Work) -> None:
        """What was written so far survives a power cut: once for all files of a directory, for each costs a write."""
        del done, work
        while self._unsynced:
            files.sync_directory(max(self._unsynced))
            self._unsynced.remove(max(self._unsynced))

    def _place(self, done: Applied, work: _Work) -> None:
        """Everything up to the moment at which the scheduler reads it."""
        work.is_gone = True
        while work.steps and isinstance(step := work.steps[0], Write | Remove):
            self._put(done, work.change, step)
            work.steps.pop(0)
        if work.steps and isinstance(step := work.steps[0], Load):
            self._prepare(work, step)

    def _put(self, done: Applied, change: Change, step: Write | Remove) -> None:
        match step:
            case Write():
                self._write(done, change, step)
            case Remove():
                self._remove(done, step)
            case _:
                assert_never(step)

    def _complete(self, done: Applied, work: _Work) -> None:
        """What follows once the scheduler has read it, or the reason why it did not."""
        step = work.steps[0] if work.steps else None
        if work.failure is not None:
            # Of a session that ended nothing is known that would forbid the next try.
            work.refused = isinstance(step, Load | Reread) and isinstance(work.failure, SchedulerError)
            tokens.remove(self._paths.token(work.change.name))
            raise work.failure
        if isinstance(step, Load) and work.owes_start:
            # A job that starts whenever it is loaded has just had the start that is owed.
            work.hold.make_up(step.label, by_load=step.as_sync)
        for step in work.steps:
            if isinstance(step, Write | Remove):
                self._put(done, work.change, step)
        work.steps = []

    def _write(self, done: Applied, change: Change, step: Write) -> None:
        path = Path(step.artefact.path)
        content = _content(path)
        if content is not None and digest(content) != step.saw:
            self._check_is_ours(done, change, path, content)
        self._keep_edit(done, path, content, step)
        self._store.put(step.artefact.content)
        _put_artefact(step.artefact, self._shared)
        self._unsynced.add(path.parent)

    def _remove(self, done: Applied, step: Remove) -> None:
        path = Path(step.path)
        self._keep_edit(done, path, _content(path), step)
        files.remove(path)

    def _keep_edit(self, done: Applied, path: Path, content: bytes | None, step: Write | Remove) -> None:
        """Copy an edit before it goes: the one that the plan saw, or one that was made since."""
        if content is not None and (step.keeps or digest(content) != step.saw):
            self._keep(done, path)

    def _check_is_ours(self, done: Applied, change: Change, path: Path, content: bytes) -> None:
        """What came into the place of a definition after the plan was made may be somebody else's."""
        former = done.ledger.records.get(change.name)
        is_known = former is not None and any(one.path == str(path) for one in former.artefacts)
        is_definition = str(path) in self._scheduler.definitions(change.label)
        if is_definition and not is_known and not self._scheduler.is_ours(content):
            raise _InTheWay(f"{path} is not jobsync's; move it away, or rename the job")

    def _keep(self, done: Applied, path: Path) -> None:
        if copy := kept.keep(self._paths, path):
            done.kept.append(str(copy))

    def _prepare(self, work: _Work, step: Load) -> None:
        name = work.change.name
        files.make_directory(self._paths.job_logs(step.label))
        files.make_directory(self._paths.runs(name).parent)
        # The old job is gone, so nothing can find the hold any more.
        work.owes_start = work.hold.swallowed_a_start
        work.hold.release()
        if step.as_sync and not work.owes_start:
            tokens.write(self._paths.token(name))
        self._progress(f"loading {step.label}")

    def _verify(self, done: Applied, works: list[_Work]) -> None:
        """Ask once whether everything took, and tell the ledger of what did."""
        if not works:
            return
        daemons = [work.change.label for work in works if _loads(work.change) and _is_daemon(work.change)]
        is_told = any(_loads(work.change) or _unloaded(work.change) for work in works)
        answer = self._loader.kick_pended(daemons, self._scheduler.survey()) if is_told else None
        for work in works:
            complaint = _complaint(work.change, answer)
            if complaint:
                work.refused = work.is_gone = isinstance(answer, Survey)
                self._fail(done, work, complaint)
            elif isinstance(answer, NoSession) and _loads(work.change):
                self._settle_unloaded(done, work.change, answer.reason)
            else:
                self._settle(done, work.change)
        self._save(done.ledger)

    def _settle(self, done: Applied, change: Change) -> None:
        done.results[change.name] = Result(change.name, change.label, change.outcome, change.cause, change.pid)
        done.ledger = done.ledger.with_record(change.name, change.record)

    def _settle_unloaded(self, done: Applied, change: Change, reason: str) -> None:
        """All is in place but nothing is loaded: the next login does it, or the next sync after that."""
        record = replace(change.record, load_digest="") if change.record else None
        done.results[change.name] = Result(change.name, change.label, Outcome.DEFERRED, reason)
        done.ledger = done.ledger.with_record(change.name, record)

    def _fail(self, done: Applied, work: _Work, message: str) -> None:
        """Report the failure, bring the former job back where there is one, and remember what is on the disk now."""
        change = work.change
        former, meant = done.ledger.records.get(change.name), change.record
        record: Record | None
        if meant is None:
            record = former
        elif former is not None and _is_replaced(work, former, meant):
            record, fate = self._bring_back(done, work, former, message)
            message = f"{message}; {fate}"
        else:
            record = _failed_record(former, meant, message, work)
        done.results[change.name] = Result(change.name, change.label, Outcome.FAILED, message)
        done.ledger = done.ledger.with_record(change.name, record)
        self._save(done.ledger)

    def _bring_back(self, done: Applied, work: _Work, former: Record, message: str) -> tuple[Record, str]:
        """Put bytes and job last known loaded in place again: the record of what is there now, and what to say."""
        meant = work.change.record or former
        refused = meant.load_digest if work.refused else ""
        try:
            self._put_back(done, former, meant)
            if former.at_login and not self._scheduler.manners.tells_login:
                tokens.write(self._paths.token(former.name))
            labels = {former.label, meant.label}
            if failure := self._loader.load({former.label: former.load_digest}, labels).get(former.label):
                raise failure
            self._loader.confirm(former.label, is_daemon=former.is_daemon)
            self._put_links_back(former)
        except JobsyncError as error:
            tokens.remove(self._paths.token(former.name))
            record = _failed_record(former, meant, message, work)
            return record, f"the former job could not be brought back: {error.message}"
        work.hold.make_up(former.label)
        return replace(former, failed=refused, message=message), "the former job is back"

    def _put_back(self, done: Applied, former: Record, meant: Record) -> None:
        """The former artefacts, from the store. `JobsyncError` before anything is touched when one is lost."""
        contents = {one: self._store.get(one.digest) for one in former.artefacts}
        ours = {one.digest for one in (*former.artefacts, *meant.artefacts)}
        for one, content in contents.items():
            if content is None:
                raise JobsyncError(f"the bytes of {one.path} are lost")
        for one, content in contents.items():
            if one.mode == LINK:
                continue
            found = files.read(Path(one.path))
            if found is not None and digest(found) not in ours:
                self._keep(done, Path(one.path))
            files.write_if_changed(Path(one.path), content or b"", one.mode)
        for path in {one.path for one in meant.artefacts} - {one.path for one in former.artefacts}:
            files.remove(Path(path))

    def _put_links_back(self, former: Record) -> None:
        """Behind the loading, as in every change."""
        for one in former.artefacts:
            if one.mode == LINK:
                _put_artefact(Artefact(one.path, self._store.get(one.digest) or b"", one.mode), self._shared)
                files.sync_directory(Path(one.path).parent)


def _content(path: Path) -> bytes | None:
    """What would go with the file at `path`. With a link nothing goes: what it leads to stays where it is."""
    return None if files.is_link(path) else files.read(path)


def _put_artefact(artefact: Artefact, shared: frozenset[Path]) -> None:
    path = Path(artefact.path)
    # ~/Library/LaunchAgents and systemd's places may not exist on a fresh account; 0755 is what a system gives them.
    files.make_directory(path.parent, 0o755 if path.parent in shared else 0o700)
    if artefact.is_link:
        files.link_atomically(path, artefact.content)
    else:
        files.write_atomically(path, artefact.content, artefact.mode, files.Safety.NAME)


def _is_replaced(work: _Work, former: Record, meant: Record) -> bool:
    """The job last known loaded was another one, and this failure came after it had been sent away."""
    is_another = (former.label, former.load_digest) != (meant.label, meant.load_digest)
    return work.is_gone and is_another and bool(former.load_digest) and bool(_loads(work.change))


def _is_daemon(change: Change) -> bool:
    return change.record is not None and change.record.is_daemon


def _loads(change: Change) -> list[str]:
    return [step.label for step in change.steps if isinstance(step, Load | Reread | Restart)]


def _restarted(change: Change) -> list[str]:
    return [step.label for step in change.steps if isinstance(step, Restart)]


def _unloaded(change: Change) -> list[str]:
    return [step.label for step in _unloads_of(change)]


def _unloads_of(change: Change) -> list[Unload]:
    return [step for step in change.steps if isinstance(step, Unload)]


def _unloads(work: _Work) -> list[Unload]:
    """Those that are left."""
    return [step for step in work.steps if isinstance(step, Unload)]


def _next(work: _Work, kind: type[_Kind]) -> list[_Kind]:
    """Its next step, if that is one of this kind."""
    step = work.steps[0] if work.steps else None
    return [step] if isinstance(step, kind) else []


def _meant(change: Change) -> str:
    """The load digest that shall be loaded."""
    return change.record.load_digest if change.record else ""


def _reread(change: Change) -> list[str]:
    """Labels whose definitions the scheduler holds and shall read again, or find gone."""
    return [step.label for step in change.steps if isinstance(step, Unload | Load | Reread)]


def _labels(change: Change) -> set[str]:
    return {change.label, *_loads(change), *_unloaded(change)}


def _has_links(change: Change) -> bool:
    return any(isinstance(step, Write) and step.artefact.is_link for step in change.steps)


def _complaint(change: Change, answer: object) -> str:
    """Why a change that was carried out did not take; empty when it did."""
    loads = _loads(change)
    if not loads and not _unloaded(change):
        return ""
    if isinstance(answer, NoSession):
        return ""
    if not isinstance(answer, Survey):
        return UNCONFIRMED
    known = [answer.services.get(label) for label in loads]
    # A restart that was not waited for may be ending still.
    restarted = _restarted(change)
    if any(one is None or not (one.is_armed or label in restarted) for label, one in zip(loads, known, strict=True)):
        return FORGOTTEN
    if any(one is not None and one.digest not in ("", _meant(change)) for one in known):
        return "the scheduler accepted it and holds another definition"
    if not loads and any(label in answer.services for label in _unloaded(change)):
        return "it is still loaded"
    return ""


def _failed_record(former: Record | None, meant: Record, message: str, work: _Work) -> Record:
    """What the ledger holds of a job that could not be applied: its files as they are, and no other claim."""
    written = tuple(
        placed(step.artefact) for step in work.change.steps if isinstance(step, Write) and _is_there(step.artefact)
    )
    paths = {one.path for one in written}
    kept = tuple(one for one in former.artefacts if one.path not in paths) if former else ()
    unchanged = tuple(one for one in meant.artefacts if one.path not in paths | {old.path for old in kept})
    return replace(
        meant,
        artefacts=tuple(sorted((*written, *kept, *unchanged), key=lambda one: one.path)),
        load_digest="",
        launch_digest=former.launch_digest if former else "",
        entries={},
        failed=meant.load_digest if work.refused else "",
        message=message,
    )


def _is_there(artefact: Artefact) -> bool:
    path = artefact.path
    try:
        found = os.fsencode(Path(path).readlink()) if artefact.is_link else Path(path).read_bytes()
    except OSError:
        return False
    return found == artefact.content
