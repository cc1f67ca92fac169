"""Carries a plan out. Decides nothing: every step is one effect, in the order that the plan gives.

The order cannot lie (promise 6): the old job is out and confirmed gone before its artefacts change, and the ledger
hears of a change only after the scheduler was asked whether it took. Killed between any two effects, the next sync
converges. Several jobs drain at once: one survey per interval serves them all.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.reconcile.holding import Deferred, Hold, drop_stale_holds
from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import Ledger, Store, placed
from jobsync.reconcile.loading import RETRY_PAUSE, Loader, SessionEnded
from jobsync.reconcile.state import (
    Change,
    Load,
    Outcome,
    Plan,
    Record,
    Remove,
    Restart,
    Result,
    Step,
    Unload,
    Write,
)
from jobsync.runs import tokens
from jobsync.schedulers.protocol import NoSession, Scheduler, SchedulerError, Survey

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5
KEPT_COPIES = 20
"""Copies of hand-edited artefacts that are kept, the newest."""

Progress = Callable[[str], None]


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
    is_gone: bool = False
    """The old job is out of the scheduler, and nothing has taken its place."""
    refused: bool = False
    """The scheduler would not load it: hooks do not try that again."""
    is_alone: bool = False
    """No other job is to be unloaded at the same time."""


class Applier:
    """One application of one plan. `save` puts a ledger on the disk; `progress` hears what takes time."""

    def __init__(
        self,
        scheduler: Scheduler,
        paths: Paths,
        save: Callable[[Ledger], None],
        progress: Progress,
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._scheduler = scheduler
        self._loader = Loader(scheduler, progress, retry_pause)
        self._paths = paths
        self._save = save
        self._progress = progress
        self._store = Store(paths.store)

    def apply(self, plan: Plan, ledger: Ledger) -> Applied:
        """Carry out `plan`. A change that fails does not stop the others; only its own result says so.

        `JobsyncError` only where nothing more can be done at all (the state directory cannot be written).
        """
        done = Applied(ledger)
        drop_stale_holds(self._paths)
        for change in plan.changes:
            if not change.steps:
                self._settle(done, change)
        works = [self._work(change) for change in plan.changes if change.steps]
        unloading = [work for work in works if _unloaded(work.change)]
        for work in unloading:
            work.is_alone = len(unloading) == 1
        draining = [work for work in works if self._attempt(done, work, self._begin)]
        finished = [work for work in self._drain(done, draining) if self._attempt(done, work, self._finish)]
        self._verify(done, finished)
        for leftover in plan.leftovers:
            self._tidy(done, Path(leftover.path))
        return done

    def _work(self, change: Change) -> _Work:
        return _Work(change, list(change.steps), Hold(change.name, self._paths, self._scheduler))

    def _tidy(self, done: Applied, path: Path) -> None:
        try:
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
        except JobsyncError as error:
            work.hold.release()
            if not work.is_gone:
                work.hold.make_up(work.change.label)
            self._fail(done, work, error.message)
            return False
        return True

    def _begin(self, done: Applied, work: _Work) -> None:
        """Send the old job away; whether it is gone is for `_drain` to see."""
        del done
        while work.steps and isinstance(step := work.steps[0], Unload):
            if step.spares:
                work.hold.close(step.label)
            self._progress(f"unloading {step.label}")
            work.deadline = time.monotonic() + step.limit
            self._scheduler.unload(step.label, step.limit if work.is_alone else None)
            work.steps.pop(0)

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
        return [work for work in waiting if not any(label in answer.services for label in _unloaded(work.change))]

    def _finish(self, done: Applied, work: _Work) -> None:
        work.is_gone = True
        while work.steps:
            self._take(done, work, work.steps[0])
            work.steps.pop(0)

    def _take(self, done: Applied, work: _Work, step: Step) -> None:
        match step:
            case Write():
                self._write(done, step)
            case Remove():
                self._remove(done, step)
            case Load():
                self._load(work, step)
            case Restart():
                self._scheduler.restart(step.label)
            case Unload():
                raise AssertionError("a plan unloads before it does anything else")
            case _:
                assert_never(step)

    def _write(self, done: Applied, step: Write) -> None:
        path = Path(step.artefact.path)
        if step.keeps:
            self._keep(done, path)
        self._store.put(step.artefact.content)
        # ~/Library/LaunchAgents may not exist on a fresh account; 0755 is what macOS gives it.
        files.make_directory(path.parent, 0o755 if path.parent == self._paths.agents else 0o700)
        files.write_atomically(path, step.artefact.content, step.artefact.mode)

    def _remove(self, done: Applied, step: Remove) -> None:
        if step.keeps:
            self._keep(done, Path(step.path))
        files.remove(Path(step.path))

    def _keep(self, done: Applied, path: Path) -> None:
        """Copy a hand-edited artefact before it is overwritten."""
        content = files.read(path)
        if content is None:
            return
        files.make_directory(self._paths.kept)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        copy = self._paths.kept / f"{stamp}-{path.name}"
        files.write_atomically(copy, content, 0o600)
        done.kept.append(str(copy))
        for old in sorted(files.listing(self._paths.kept))[:-KEPT_COPIES]:
            files.remove(old)

    def _load(self, work: _Work, step: Load) -> None:
        name = work.change.name
        files.make_directory(self._paths.job_logs(step.label))
        files.make_directory(self._paths.runs(name).parent)
        # The old job is gone, so nothing can find the hold any more.
        owes_start = work.hold.swallowed_a_start
        work.hold.release()
        if step.as_sync and not owes_start:
            tokens.write(self._paths.token(name))
        self._progress(f"loading {step.label}")
        try:
            self._loader.load(step.label)
        except SchedulerError:
            work.refused = True
            tokens.remove(self._paths.token(name))
            raise
        # A job that starts whenever it is loaded has just had the start that is owed.
        if owes_start and not step.as_sync:
            self._scheduler.start(step.label)

    def _verify(self, done: Applied, works: list[_Work]) -> None:
        """Ask once whether everything took, and tell the ledger of what did."""
        if not works:
            return
        daemons = [work.change.label for work in works if _loads(work.change) and _is_daemon(work.change)]
        answer = self._loader.kick_pended(daemons, self._scheduler.survey())
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
            if former.at_login:
                tokens.write(self._paths.token(former.name))
            self._loader.load(former.label)
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
            found = files.read(Path(one.path))
            if found is not None and digest(found) not in ours:
                self._keep(done, Path(one.path))
            files.write_if_changed(Path(one.path), content or b"", one.mode)
        for path in {one.path for one in meant.artefacts} - {one.path for one in former.artefacts}:
            files.remove(Path(path))


def _is_replaced(work: _Work, former: Record, meant: Record) -> bool:
    """The job last known loaded was another one, and this failure came after it had been sent away."""
    is_another = (former.label, former.load_digest) != (meant.label, meant.load_digest)
    return work.is_gone and is_another and bool(former.load_digest) and bool(_loads(work.change))


def _is_daemon(change: Change) -> bool:
    return change.record is not None and change.record.is_daemon


def _loads(change: Change) -> list[str]:
    return [step.label for step in change.steps if isinstance(step, Load | Restart)]


def _unloaded(change: Change) -> list[str]:
    return [step.label for step in change.steps if isinstance(step, Unload)]


def _complaint(change: Change, answer: object) -> str:
    """Why a change that was carried out did not take; empty when it did."""
    loads = _loads(change)
    if not loads and not _unloaded(change):
        return ""
    if isinstance(answer, NoSession):
        return ""
    if not isinstance(answer, Survey):
        return "the scheduler did not say whether it took"
    if any(label not in answer.services for label in loads):
        return "the scheduler accepted it and does not know it"
    if not loads and any(label in answer.services for label in _unloaded(change)):
        return "it is still loaded"
    return ""


def _failed_record(former: Record | None, meant: Record, message: str, work: _Work) -> Record:
    """What the ledger holds of a job that could not be applied: its files as they are, and no other claim."""
    written = tuple(
        placed(step.artefact)
        for step in work.change.steps
        if isinstance(step, Write) and _is_there(step.artefact.path, step.artefact.content)
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


def _is_there(path: str, content: bytes) -> bool:
    try:
        return os.path.lexists(path) and Path(path).read_bytes() == content
    except OSError:
        return False
