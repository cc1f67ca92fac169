"""The sentence the package exists for: want, observe, plan, apply, verify, remember, report."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from jobsync import config as configuration
from jobsync import files, lock
from jobsync.errors import JobsyncError
from jobsync.reconcile import background, changing, deferred, holding, index, observe, settling
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.apply import Applied, Applier, Progress
from jobsync.reconcile.budget import UNLIMITED, Budget
from jobsync.reconcile.causes import affected_jobs
from jobsync.reconcile.head import HeadState
from jobsync.reconcile.ledger import Ledger, Store
from jobsync.reconcile.origin import Origin, not_registered, situation_now
from jobsync.reconcile.own import FINISH, is_own
from jobsync.reconcile.plan import Orders, make_plan
from jobsync.reconcile.planning import Planned, plan, remembered, shown
from jobsync.reconcile.state import (
    UNDONE,
    Caller,
    FileState,
    Outcome,
    Plan,
    Remove,
    Report,
    Result,
    Unwanted,
    Want,
    Wanted,
    Write,
)
from jobsync.repo.affected import Entries, Entry
from jobsync.repo.verdict import decide
from jobsync.runs import pauses, records
from jobsync.schedulers.protocol import Unknown
from jobsync.values import replace

LOCK_PATIENCE = 60.0
"""Seconds that a sync by hand waits for another one of the same repository."""
_NO_SETTINGS = Entry(0, "")
"""An entry that no `jobsync.toml` has."""


def no_progress(message: str) -> None:
    """For callers that show none."""
    del message


class Unanswered(JobsyncError):
    """The scheduler could not be asked, so that this sync changed nothing."""


def _with_absent(planned: Planned, ledger: Ledger) -> Ledger:
    """The ledger, with what is defined and not here on purpose."""
    absent = {**planned.ledger.absent, **planned.want.absent}
    kept = {name: one for name, one in absent.items() if name not in ledger.records and planned.head.holds(name)}
    return replace(ledger, absent=kept)


def _with_held(planned: Planned, ledger: Ledger) -> Ledger:
    """The ledger, with what the brake holds; of jobs that this sync did not look at, what it held before."""
    looked_at = {change.name for change in planned.plan.changes}
    others = () if planned.whole else (name for name in planned.ledger.held if name not in looked_at)
    return replace(ledger, held=tuple(sorted({*others, *planned.plan.held})))


def _as_of(planned: Planned, origin: Origin, ledger: Ledger) -> Ledger:
    """The ledger of a complete sync: no cause that concerns every job is left."""
    return replace(
        ledger,
        render_format=ledgers.RENDER_FORMAT,
        rendering=origin.rendering,
        settings=planned.head.settings,
    )


def _in_part(planned: Planned, origin: Origin, ledger: Ledger) -> Ledger:
    """The ledger of a sync that is not complete: where some jobs have what concerns all of them and others do not, it
    is that of neither. Else nobody would look at the former once that is taken back."""
    if ledger.records == planned.ledger.records:
        return ledger
    return replace(
        ledger,
        rendering=ledger.rendering if ledger.rendering == origin.rendering else "",
        settings=ledger.settings if ledger.settings == planned.head.settings else _NO_SETTINGS,
    )


def _has_changed(planned: Planned, results: Mapping[str, Result]) -> bool:
    """Something was done to a job of the user's, and it came off."""
    return any(
        change.steps and not is_own(change.name) and results[change.name].outcome is not Outcome.FAILED
        for change in planned.plan.changes
        if change.name in results
    )


def _stamped(planned: Planned, origin: Origin, done: Applied) -> Ledger:
    """The ledger with the commit that it speaks of. Commits that touch nothing of ours leave no trace in it."""
    ledger = done.ledger
    if _has_changed(planned, done.results):
        ledger = replace(ledger, changed_at=int(time.time()), changed_in=planned.head.commit)
    is_new = ledger != planned.ledger or (planned.whole and affected_jobs(origin, planned.ledger, planned.head))
    return replace(ledger, commit=planned.head.commit) if is_new else ledger


def _begin_records(planned: Planned, origin: Origin, done: Applied) -> None:
    """Say since when each job that this sync brought is here, for what is missed counts from then.

    A job that was here before keeps its records, under another name too.
    """
    for name in done.ledger.records.keys() - planned.ledger.records.keys():
        path = origin.paths.runs(name)
        with suppress(JobsyncError):  # without it the age of the installed definition has to do
            if not is_own(name) and records.known_since(files.read(path) or b"") is None:
                records.begin(path, int(time.time()))


def _is_complete(planned: Planned, done: Applied) -> bool:
    """Every job was looked at and none was left behind: only then may causes that concern all of them be forgotten.

    What became of them counts, not the plan: a run may have begun since.
    """
    return planned.whole and not any(result.outcome in UNDONE for result in done.results.values())


def _execute(planned: Planned, origin: Origin, progress: Progress, budget: Budget = UNLIMITED) -> Applied:
    paths = origin.paths

    def save(ledger: Ledger) -> None:
        ledgers.write(paths.ledger, _in_part(planned, origin, ledger), None)

    for name, former in planned.want.renamed.items():
        pauses.take_along(paths.pause(former), paths.pause(name))
    applier = Applier(origin.scheduler, paths, save, progress, budget=budget)
    done = applier.apply(planned.plan, planned.ledger)
    for former in planned.want.renamed.values():
        if former not in done.ledger.records:  # the brake may hold it
            files.remove(paths.pause(former))
    try:
        _conclude(planned, origin, done)
    except BaseException:  # interrupted, no room: what was done and verified shall be known all the same
        with suppress(JobsyncError):
            save(done.ledger)
        raise
    changing.write(paths, done.changing)
    if planned.plan.would_change:
        Store(paths.store).sweep(done.ledger, _left_standing(planned, done))
    configuration.refresh_index(origin.config)
    deferred.write(origin, _waiting(planned, origin, done))
    return done


def _left_standing(planned: Planned, done: Applied) -> set[str]:
    """Digests of the installed files that this sync has left as they were. What a killed one wrote may be among them:
    only the store tells that from an edit."""
    over = (
        one for one in planned.plan.changes if one.name in done.results and done.results[one.name].outcome not in UNDONE
    )
    replaced = {
        step.artefact.path if isinstance(step, Write) else step.path
        for one in over
        for step in one.steps
        if isinstance(step, Write | Remove)
    }
    seen = planned.observed.files.items()
    return {index.digest(one.content) for path, one in seen if one.content is not None and path not in replaced}


def _conclude(planned: Planned, origin: Origin, done: Applied) -> None:
    """Pay what is owed, and write down how everything stands, for the next sync and for whoever asks before it."""
    paths = origin.paths
    holding.pay_debts(paths, origin.scheduler, done.ledger.records)
    failed = any(result.outcome is Outcome.FAILED for result in done.results.values())
    _begin_records(planned, origin, done)
    done.ledger = _with_held(planned, _with_absent(planned, done.ledger))
    at_last = _as_of if _is_complete(planned, done) else _in_part
    done.ledger = at_last(planned, origin, done.ledger)
    done.ledger = _stamped(planned, origin, done)
    if planned.whole or done.ledger != planned.ledger:
        settled = planned.whole and not failed and _becomes_settled(planned.plan, done)
        settled = settled and not holding.is_in_debt(paths) and not _ends_a_pause(origin, done.ledger)
        seen = planned.want, planned.observed, planned.ledger
        known = settling.settle(origin, done.ledger, planned.head, *seen) if settled else None
        plain = known if _is_plain(planned.plan) else None
        settling.remember_work_tree(origin, done.ledger, planned.head, plain, planned.want.definitions)
        ledgers.write(paths.ledger, done.ledger, known)


def _waiting(planned: Planned, origin: Origin, done: Applied) -> dict[str, deferred.Request]:
    """What a run still stands in the way of; of jobs that this sync did not look at, what was known before."""
    known = deferred.read(origin)
    if planned.caller is Caller.HOOK:
        # An edit that a sync by hand has put off is none of HEAD's: that a hook finds nothing to do says nothing of it.
        idle = {name for name, result in done.results.items() if result.outcome in (Outcome.UNCHANGED, Outcome.PAUSED)}
        kept = {name: one for name, one in known.items() if one.caller is Caller.HAND and name in idle}
    else:
        kept = {} if planned.whole else {name: one for name, one in known.items() if name not in done.results}
    # For the end of `jobsync-finish` nobody waits: it is the very one that does, and the next sync changes it.
    waiting = {name: result.pid for name, result in done.results.items() if result.pid and name != FINISH}
    wanted = {name for name, one in planned.want.jobs.items() if isinstance(one, Wanted)}
    found = {name: deferred.Request(planned.caller, pid, name not in wanted) for name, pid in waiting.items()}
    return {**kept, **found}


def _becomes_settled(plan: Plan, done: Applied) -> bool:
    """After this application nothing is outstanding."""
    if plan.faults or plan.brake:
        return False
    if any(result.outcome in UNDONE for result in done.results.values()):
        return False
    return all(change.is_settled for change in plan.changes if change.outcome is Outcome.PAUSED)


def _ends_a_pause(origin: Origin, ledger: Ledger) -> bool:
    """A daemon that is away comes back at some moment, which only the next hook will notice."""
    away = (name for name, one in ledger.absent.items() if one.paused)
    return any(pauses.read(origin.paths.pause(name)) != pauses.FOR_EVER for name in away)


def _is_plain(plan: Plan) -> bool:
    """The next sync will have nothing to say but `unchanged`."""
    return not plan.notices and not any(change.outcome is Outcome.PAUSED for change in plan.changes)


def _remember_bytes(planned: Planned, origin: Origin) -> None:
    """Have the bytes of every record in the store, also where nothing has to be written (a lost ledger or store)."""
    store = Store(origin.paths.store)
    for change in planned.plan.changes:
        for one in change.record.artefacts if change.record else ():
            content = planned.observed.files.get(one.path, FileState()).content
            if content is not None and index.digest(content) == one.digest and not store.holds(one.digest):
                store.put(content)


def _check_answer(planned: Planned, command: str = "jobsync sync") -> None:
    """Could not ask: nothing is written, and no health is claimed (promise 5). `command`: what to run again."""
    answer = planned.observed.answer
    if isinstance(answer, Unknown):
        raise Unanswered(
            f"could not ask the scheduler: {answer.reason}",
            hint=f"nothing was changed; run `{command}` again when it answers",
        )


def _locked(
    origin: Origin, orders: Orders, names: Collection[str], progress: Progress, patience: float,
    budget: Budget = UNLIMITED,
) -> Report:  # fmt: skip
    with lock.hold(origin.paths.lock, timeout=patience), origin.repository.kept_open() as repository:
        _check_registered(origin)
        origin = replace(origin, repository=repository)
        if orders.caller is Caller.HOOK and not names:
            # Before HEAD is read: this sync answers every hook that has come so far, and none that comes later.
            files.remove(origin.paths.note)
        planned = plan(origin, orders, names)
        _check_answer(planned)
        _remember_bytes(planned, origin)
        done = _execute(planned, origin, progress, budget)
        if planned.whole and orders.caller is Caller.HAND:
            # What went on in the background is old news: this report is the newer one.
            files.remove(origin.paths.background)
        if planned.plan.would_change and _has_moved(origin, planned.head):
            # Its hook may have found that nothing is left to do, for nothing had been changed by then.
            _leave_note(origin)
    deferred.arrange(origin, deferred.read(origin))
    return Report(
        results=shown(done.results.values()),
        faults=planned.plan.faults,
        brake=planned.plan.brake,
        notices=planned.plan.notices,
        kept=tuple(done.kept),
        would_change=planned.plan.would_change,
    )


def _check_registered(origin: Origin) -> None:
    """`JobsyncError` where an uninstall had the lock before us: what we would bring now nobody could take away."""
    content = files.read(origin.config.file)
    known = configuration.parse(content, origin.config.file).repos if content is not None else ()
    if all(repo.id != origin.repo.id for repo in known):
        for path in (origin.paths.note, origin.paths.lock):  # there again because of us
            files.remove(path)
        for directory in (origin.paths.state, origin.paths.state.parent):
            files.remove_if_empty(directory)
        raise not_registered(origin.repo)


def _has_moved(origin: Origin, head: HeadState) -> bool:
    """HEAD is no longer what this sync was about, and is one that a hook would sync: no rebase's, for example."""
    commit = origin.repository.commit()
    if (commit.id if commit else "") == head.commit:
        return False
    return decide(situation_now(origin, {}, wanted_branch=origin.repo.branch)).sync


def _leave_note(origin: Origin) -> None:
    files.touch(origin.paths.note)


def _follow_up(origin: Origin, progress: Progress, budget: Budget = UNLIMITED) -> Report | None:
    """Answer the wake-ups that came during a sync; None when there was none, or somebody else got the lock first."""
    done = None
    origin = replace(origin, seen="", heard=None)  # what that hook saw is old by now
    while files.is_file(origin.paths.note):
        try:
            next_one = _locked(origin, Orders(caller=Caller.HOOK), (), progress, 0, budget)
        except KeyboardInterrupt:
            _leave_note(origin)
            raise
        except lock.Locked:  # whoever holds it looks for the note after releasing it
            return done
        done = next_one if done is None else joined(done, next_one)
    return done


def _with_wake_ups(origin: Origin, progress: Progress, act: Callable[[], Report], budget: Budget = UNLIMITED) -> Report:
    """A sync, and what came while it held the lock: whoever came relies on us, also where ours failed."""
    try:
        done = act()
    except lock.Locked:
        raise
    except JobsyncError:
        with suppress(JobsyncError):  # the sync that came first failed, and that is what its caller shall hear
            _follow_up(origin, progress, budget)
        raise
    try:
        later = _follow_up(origin, progress, budget)
    except JobsyncError as error:  # what was done is done; and that is no longer so of all that is wanted
        return replace(done, notices=(*done.notices, f"what came meanwhile was not synced: {error.message}"))
    return done if later is None else joined(done, later)


def sync(origin: Origin, orders: Orders, names: Collection[str] = (), progress: Progress = no_progress) -> Report:
    """Bring the machine in line, under the repository's lock, and say what became of each job.

    `JobsyncError` when nothing could be done at all (locked, no repository, no scheduler); then nothing was changed.
    What fails for one job is in the report, and the others are done.
    """
    files.make_directory(origin.paths.state)
    try:
        return _with_wake_ups(origin, progress, lambda: _locked(origin, orders, names, progress, LOCK_PATIENCE))
    except KeyboardInterrupt:
        # A hook that found the lock held went away: what it came for was not asked to stop.
        if files.is_file(origin.paths.note):
            with suppress(JobsyncError):
                background.hand_on(origin)
        raise


def sync_from_hook(origin: Origin, budget: Budget = UNLIMITED) -> Report | None:
    """As `sync`, but never waits for another one: None when that one will look again for us.

    `OutOfTime` when the budget is used up: something is left to do, and the ledger is true all the same.

    No wake-up is lost: the note is left before the lock is tried for the last time, and whoever holds the lock looks
    for notes after releasing it.
    """
    files.make_directory(origin.paths.state)
    try:
        return _with_wake_ups(origin, no_progress, lambda: _at_once(origin, budget), budget)
    except lock.Locked:
        return None


def _at_once(origin: Origin, budget: Budget) -> Report:
    """A hook's sync. `Locked`: another one is under way, and finds our note when it ends."""
    orders = Orders(caller=Caller.HOOK)
    try:
        return _locked(origin, orders, (), no_progress, 0, budget)
    except lock.Locked:
        _leave_note(origin)
        return _locked(replace(origin, heard=None), orders, (), no_progress, 0, budget)


def joined(first: Report, second: Report) -> Report:
    """Two syncs in a row as one report: of each job the last thing that was not `unchanged`."""
    results = {result.name: result for result in first.results}
    for result in second.results:
        if result.outcome is not Outcome.UNCHANGED or result.name not in results:
            results[result.name] = result
    return Report(
        results=tuple(results[name] for name in sorted(results)),
        faults=tuple(dict.fromkeys((*first.faults, *second.faults))),
        brake=second.brake or first.brake,
        notices=tuple(dict.fromkeys((*first.notices, *second.notices))),
        kept=(*first.kept, *second.kept),
        would_change=first.would_change or second.would_change,
    )


@contextmanager
def alone(origin: Origin) -> Iterator[None]:
    """For the block, nobody syncs this repository. `Locked` where somebody does for a minute."""
    files.make_directory(origin.paths.state)
    with lock.hold(origin.paths.lock, timeout=LOCK_PATIENCE):
        yield


def uninstall(origin: Origin, progress: Progress = no_progress) -> Report:
    """Take every job of this repository out of the scheduler and off the disk, in the order of any removal. For who is
    `alone`, until the registration is gone too.

    `JobsyncError` when the scheduler cannot be asked. A job that this very process runs in is in the report as
    deferred: then not everything is gone.
    """
    known = remembered(origin)
    want = Want({name: Unwanted("uninstalled") for name in known.records})
    observed = observe.observe(want, known, origin.paths, origin.scheduler, whole=True)
    orders = Orders(now=True, allow_removals=True)
    planned = make_plan(want, observed, known, origin.scheduler, orders)
    everything = Planned(planned, want, observed, known, HeadState("", Entries(), "jobs"), whole=False)
    _check_answer(everything, "jobsync uninstall")
    done = _execute(everything, origin, progress)
    return Report(shown(done.results.values()), kept=tuple(done.kept), would_change=True)
