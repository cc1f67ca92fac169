"""Carries a plan out. Decides nothing: every step is one effect, in the order that the plan gives.

The order cannot lie (promise 6): the old job is out and confirmed gone before its artefacts change, and the ledger
hears of a change only after the scheduler was asked whether it took. Killed between any two effects, the next sync
converges. Several jobs drain at once, one survey per interval serves them all, and each is replaced as soon as it is
gone itself.
"""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.reconcile import changing, kept
from jobsync.reconcile.budget import UNLIMITED, Budget, OutOfTime
from jobsync.reconcile.holding import Deferred, Hold, drop_stale_holds
from jobsync.reconcile.ledger import Ledger, placed
from jobsync.reconcile.loading import FORGOTTEN, RETRY_PAUSE, UNCONFIRMED, Loader, SessionEnded
from jobsync.reconcile.placing import InTheWay, Placer, is_there
from jobsync.reconcile.state import UNDONE, Change, Load, Outcome, Plan, Record, Remove, Reread, Restart, Result, Write
from jobsync.reconcile.unloading import Unloader
from jobsync.reconcile.work import Work
from jobsync.runs import logs, tokens
from jobsync.schedulers.protocol import Failures, NoSession, Scheduler, SchedulerError, Survey
from jobsync.values import dataclass, field, replace

AT_ONCE = 50
"""Jobs that are sent away, or written and loaded, in one go where each costs a call: none is out for much longer than
those calls take, and one survey and one `bootstrap` serve them all."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5

Progress = Callable[[str], None]


@dataclass(slots=True)
class Applied:
    """What became of a plan: the results in order of name, the ledger that says so, the copies made."""

    ledger: Ledger
    records: dict[str, Record] = field(default_factory=dict)
    """What the ledger is to hold, as far as that is known by now."""
    results: dict[str, Result] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    changing: Collection[str] = ()
    """What `changing` shall say once the ledger is on the disk, and not before: else a kill in between would leave jobs
    under labels that nobody knows of."""

    def remember(self, name: str, record: Record | None) -> None:
        """Put a job's record, or take it."""
        if record is None:
            self.records.pop(name, None)
        else:
            self.records[name] = record

    def written_up(self) -> Ledger:
        """The ledger with these records. Once for many jobs: a copy for each would be quadratic."""
        self.ledger = replace(self.ledger, records=dict(sorted(self.records.items())))
        return self.ledger


class Applier:
    """One application of one plan. `save` puts a ledger on the disk; `progress` hears what takes time.

    Whoever gets an `Applied` puts its ledger on the disk: once, for that is read and written as a whole.
    """

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
        self._together = scheduler.manners.loads_together
        self._loader = Loader(scheduler, progress, retry_pause)
        self._unloader = Unloader(scheduler, progress)
        self._placer = Placer(scheduler, paths)
        self._paths = paths
        self._save = save
        self._progress = progress
        self._budget = budget

    def apply(self, plan: Plan, ledger: Ledger) -> Applied:
        """Carry out `plan`. A change that fails does not stop the others; only its own result says so.

        `JobsyncError` only where nothing more can be done at all (the state directory cannot be written). `OutOfTime`
        in the middle, as if it were killed there: the next sync finds what is left to do.
        """
        done = Applied(ledger, dict(ledger.records), kept=self._placer.copies)
        drop_stale_holds(self._paths)
        for change in plan.changes:
            if not change.steps:
                self._settle(done, change)
        works = [self._work(change) for change in plan.changes if change.steps]
        moved = {work.change.label for work in works if work.has_links or work.former_labels}
        announced = changing.read(self._paths) | moved
        changing.write(self._paths, announced)
        try:
            self._carry_out(done, works)
        finally:
            for work in works:
                with suppress(JobsyncError):  # launchers pass over a hold that has grown old
                    work.hold.release()
        finished = {one.label for one in done.results.values() if one.outcome not in UNDONE}
        done.changing = {label for label in announced - finished if self._is_installed(label)}
        for leftover in plan.leftovers:
            self._tidy(done, leftover)
        kept.prune(self._paths, done.kept)
        done.written_up()
        return done

    def _work(self, change: Change) -> Work:
        return Work(change, Hold(change.name, self._paths, self._scheduler))

    def _is_installed(self, label: str) -> bool:
        return any(files.is_there(Path(path)) for path in self._scheduler.definitions(label))

    def _tidy(self, done: Applied, leftover: Remove) -> None:
        path = Path(leftover.path)
        try:
            if leftover.keeps:
                self._placer.keep(path)
            files.remove(path)
        except JobsyncError as error:
            done.results[path.name] = Result(path.name, "", Outcome.FAILED, error.message)

    # -- the order

    def _carry_out(self, done: Applied, works: list[Work]) -> None:
        finished: list[Work] = []
        try:
            self._replace_all(done, works, finished)
        except OutOfTime:
            self._verify(done, finished)
            self._save(done.written_up())
            raise
        self._verify(done, finished)

    def _replace_all(self, done: Applied, works: list[Work], finished: list[Work]) -> None:
        """Send the old jobs away, and put the new ones in place as the old ones go. All that went well: `finished`.

        Where any number of jobs costs one call, all are sent away at once, and replaced at once.
        """
        going = [work for work in works if work.unloads]
        ready = [work for work in works if not work.unloads]
        draining: list[Work] = []
        is_whole = self._together or len(going) == 1
        most = len(works) if self._together else AT_ONCE
        pause = _FIRST_PAUSE
        while going or draining or ready:
            draining += self._unload(done, going[:most], is_whole=is_whole)
            going = going[most:]
            gone, draining = self._gone(done, draining)
            ready = sorted(ready + gone, key=lambda work: work.name)
            if ready and not (self._together and draining):
                finished += self._replace(done, ready[:most])
                ready, pause = ready[most:], _FIRST_PAUSE
            elif draining and not going:
                self._budget.check_waiting()
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _unload(self, done: Applied, works: list[Work], *, is_whole: bool) -> list[Work]:
        """Send the old jobs away; those that were told to. `is_whole`: there are no others."""
        wait = self._wait([step.limit for work in works for step in work.unloads]) if is_whole else None
        stayed = self._unloader.begin(works, wait) if works else {}
        for work, error in stayed.items():
            self._end(done, work, error)
        return [work for work in works if work not in stayed]

    def _wait(self, limits: Collection[float]) -> float:
        """Seconds that the scheduler may block until all that have these limits have ended."""
        return min(max(limits, default=0.0), self._budget.left_for_waiting)

    def _gone(self, done: Applied, draining: list[Work]) -> tuple[list[Work], list[Work]]:
        """The unloaded jobs that are gone, and the others; the ones that are not in time fail."""
        slow = [work for work in draining if work.deadline]
        there = {*slow} - {*self._unloader.gone(slow)} if slow else set[Work]()
        late = {work for work in there if time.monotonic() > work.deadline}
        for work in sorted(late, key=lambda work: work.name):
            work.hold.release()
            self._fail(done, work, "it did not end in time after it was told to; the old job may still be loaded")
        gone = [work for work in draining if work not in there]
        return gone, [work for work in draining if work in there and work not in late]

    def _replace(self, done: Applied, works: list[Work]) -> list[Work]:
        """New files, then the scheduler reads them, then what claims that it did; those of which all went well."""
        self._budget.check_working()
        written = [work for work in works if self._attempt(done, work, self._place)]
        written = [work for work in written if self._attempt(done, work, self._sync_directories)]
        failures = {**self._load(written), **self._restart(written)}
        for work in written:
            work.failure = next((failures[label] for label in work.labels if label in failures), None)
        completed = [work for work in written if self._attempt(done, work, self._complete)]
        return [work for work in completed if self._attempt(done, work, self._sync_directories)]

    def _load(self, works: list[Work]) -> Failures:
        loading = {step.label: work.meant for work in works for step in work.next(Load)}
        reread = [label for work in works for label in work.reread] if self._together else []
        self._scheduler.inherit_from({work.change.label: one for work in works for one in work.former_labels})
        return self._loader.load(loading, reread) if loading or reread else {}

    def _restart(self, works: list[Work]) -> Failures:
        steps = [step for work in works for step in work.next(Restart)]
        wait = self._wait([step.limit for step in steps])
        return self._scheduler.restart([step.label for step in steps], wait) if steps else {}

    # -- parts of one change, and its end

    def _attempt(self, done: Applied, work: Work, act: Callable[[Applied, Work], None]) -> bool:
        """Do one part of a change; False when the change ended there."""
        try:
            act(done, work)
        except JobsyncError as error:
            self._end(done, work, error)
            return False
        return True

    def _end(self, done: Applied, work: Work, error: JobsyncError) -> None:
        """A change that goes no further, and why."""
        change = work.change
        match error:
            case Deferred():
                work.hold.release()
                done.results[change.name] = Result(
                    change.name, change.label, Outcome.DEFERRED, error.message, error.pid
                )
            case SessionEnded():
                self._settle_unloaded(done, change, error.message)
            case InTheWay():
                done.results[change.name] = Result(change.name, change.label, Outcome.CONFLICT, error.message)
            case _:
                work.hold.release()
                if not work.is_gone:
                    work.hold.make_up(change.label)
                self._fail(done, work, error.message)

    def _sync_directories(self, done: Applied, work: Work) -> None:
        del done, work
        self._placer.sync_directories()

    def _put(self, done: Applied, work: Work, step: Write | Remove) -> None:
        self._placer.put(work.change, step, done.records.get(work.name))

    def _place(self, done: Applied, work: Work) -> None:
        """Everything up to the moment at which the scheduler reads it."""
        work.is_gone = True
        while work.steps and isinstance(step := work.steps[0], Write | Remove):
            self._put(done, work, step)
            work.steps.pop(0)
        if work.steps and isinstance(step := work.steps[0], Load):
            self._prepare(work, step)

    def _prepare(self, work: Work, step: Load) -> None:
        files.make_directory(self._paths.job_logs(step.label))
        files.make_directory(self._paths.runs(work.name).parent)
        # The old job is gone, so nothing can find the hold any more.
        work.owes_start = work.hold.swallowed_a_start
        work.hold.release()
        if step.as_sync and not work.owes_start:
            tokens.write(self._paths.token(work.name))
        self._progress(f"loading {step.label}")

    def _complete(self, done: Applied, work: Work) -> None:
        """What follows once the scheduler has read it, or the reason why it did not."""
        step = work.steps[0] if work.steps else None
        if work.failure is not None:
            # Of a session that ended nothing is known that would forbid the next try.
            work.refused = isinstance(step, Load | Reread) and isinstance(work.failure, SchedulerError)
            tokens.remove(self._paths.token(work.name))
            raise work.failure
        if isinstance(step, Load) and work.owes_start:
            # A job that starts whenever it is loaded has just had the start that is owed.
            work.hold.make_up(step.label, by_load=step.as_sync)
        for step in work.steps:
            if isinstance(step, Write | Remove):
                self._put(done, work, step)
        work.steps = []

    # -- what is known in the end

    def _verify(self, done: Applied, works: list[Work]) -> None:
        """Ask once whether everything took: what did is to be remembered."""
        daemons = [work.change.label for work in works if work.loads and work.is_daemon]
        is_told = any(work.loads or work.unloads for work in works)
        answer = self._loader.kick_pended(daemons, self._scheduler.survey()) if is_told else None
        for work in works:
            complaint = _complaint(work, answer)
            if complaint:
                work.refused = work.is_gone = isinstance(answer, Survey)
                self._fail(done, work, complaint)
            elif isinstance(answer, NoSession) and work.loads:
                self._settle_unloaded(done, work.change, answer.reason)
            else:
                self._settle(done, work.change)

    def _take_logs_along(self, done: Applied, change: Change) -> None:
        former, record = done.records.get(change.name), change.record
        if former is not None and record is not None and former.label != record.label:
            logs.take_along(self._paths.job_logs(former.label), self._paths.job_logs(record.label))

    def _settle(self, done: Applied, change: Change) -> None:
        self._take_logs_along(done, change)
        done.results[change.name] = Result(change.name, change.label, change.outcome, change.cause, change.pid)
        done.remember(change.name, change.record)

    def _settle_unloaded(self, done: Applied, change: Change, reason: str) -> None:
        """All is in place but nothing is loaded: the next login does it, or the next sync after that."""
        self._take_logs_along(done, change)
        record = replace(change.record, load_digest="") if change.record else None
        done.results[change.name] = Result(change.name, change.label, Outcome.DEFERRED, reason)
        done.remember(change.name, record)

    def _fail(self, done: Applied, work: Work, message: str) -> None:
        """Report the failure, bring the former job back where there is one, and remember what is on the disk now."""
        change = work.change
        former, meant = done.records.get(change.name), change.record
        record: Record | None
        if meant is None:
            record = former
        elif former is not None and _is_replaced(work, former, meant):
            record, fate = self._bring_back(work, former, message)
            message = f"{message}; {fate}"
        else:
            record = _failed_record(former, meant, message, work)
        done.results[change.name] = Result(change.name, change.label, Outcome.FAILED, message)
        done.remember(change.name, record)

    def _bring_back(self, work: Work, former: Record, message: str) -> tuple[Record, str]:
        """Put bytes and job last known loaded in place again: the record of what is there now, and what to say."""
        meant = work.change.record or former
        refused = meant.load_digest if work.refused else ""
        try:
            self._placer.put_back(former, meant)
            if former.at_login and not self._scheduler.manners.tells_login:
                tokens.write(self._paths.token(former.name))
            labels = {former.label, meant.label}
            if failure := self._loader.load({former.label: former.load_digest}, labels).get(former.label):
                raise failure
            self._loader.confirm(former.label, is_daemon=former.is_daemon)
            self._placer.put_links_back(former)
        except JobsyncError as error:
            tokens.remove(self._paths.token(former.name))
            record = _failed_record(former, meant, message, work)
            return record, f"the former job could not be brought back: {error.message}"
        work.hold.make_up(former.label)
        return replace(former, failed=refused, message=message), "the former job is back"


def _is_replaced(work: Work, former: Record, meant: Record) -> bool:
    """The job last known loaded was another one, and this failure came after it had been sent away."""
    is_another = (former.label, former.load_digest) != (meant.label, meant.load_digest)
    return work.is_gone and is_another and bool(former.load_digest) and bool(work.loads)


def _complaint(work: Work, answer: object) -> str:
    """Why a change that was carried out did not take; empty when it did."""
    loads, unloads = work.loads, [step.label for step in work.unloads]
    if not loads and not unloads:
        return ""
    if isinstance(answer, NoSession):
        return ""
    if not isinstance(answer, Survey):
        return UNCONFIRMED
    known = [answer.services.get(label) for label in loads]
    # A restart that was not waited for may be ending still.
    restarted = work.restarted
    if any(one is None or not (one.is_armed or label in restarted) for label, one in zip(loads, known, strict=True)):
        return FORGOTTEN
    if any(one is not None and one.digest not in ("", work.meant) for one in known):
        return "the scheduler accepted it and holds another definition"
    if not loads and any(label in answer.services for label in unloads):
        return "it is still loaded"
    return ""


def _failed_record(former: Record | None, meant: Record, message: str, work: Work) -> Record:
    """What the ledger holds of a job that could not be applied: its files as they are, and no other claim."""
    written = tuple(
        placed(step.artefact) for step in work.change.steps if isinstance(step, Write) and is_there(step.artefact)
    )
    paths = {one.path for one in written}
    kept = tuple(one for one in former.artefacts if one.path not in paths) if former else ()
    unchanged = tuple(one for one in meant.artefacts if one.path not in paths | {old.path for old in kept})
    artefacts = tuple(sorted((*written, *kept, *unchanged), key=lambda one: one.path))
    # Nothing came of an edit in the work tree: a hook may bring it once it is committed.
    is_former = former is not None and set(artefacts) == set(former.artefacts) != set(meant.artefacts)
    return replace(
        meant,
        source=former.source if former and is_former else meant.source,
        artefacts=artefacts,
        load_digest="",
        launch_digest=former.launch_digest if former else "",
        entries={},
        failed=meant.load_digest if work.refused else "",
        message=message,
    )
