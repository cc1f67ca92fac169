"""Want + observed + ledger -> plan. Pure and total: makes no call, touches nothing, and decides everything.

The plan is a value that dry run, `status`, `diff`, the hook and `apply` share, so a dry run is no mode that code must
remember. The order inside a change is fixed (promise 6): old job out and gone, artefacts, load; `apply` verifies and
only then writes the ledger.
"""

from collections.abc import Collection, Mapping
from typing import assert_never

from jobsync.reconcile.ledger import Ledger, placed
from jobsync.reconcile.look import Going, Look, installed_definition, is_strange, saw, unidentified, unreadable
from jobsync.reconcile.own import is_own
from jobsync.reconcile.renamed import notices
from jobsync.reconcile.state import (
    Caller,
    Change,
    Desired,
    Faulty,
    Load,
    Observed,
    Outcome,
    Plan,
    Record,
    Remove,
    Reread,
    Restart,
    Step,
    Unload,
    Unwanted,
    Want,
    Wanted,
    Write,
)
from jobsync.schedulers.protocol import Artefact, NoSession, Scheduler, Unknown
from jobsync.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class Orders:
    """What the caller allows."""

    caller: Caller = Caller.HAND
    now: bool = False
    """Stop a running job rather than defer its change."""
    allow_removals: bool = False
    removes: bool = True
    """False: nobody asked for a removal, so what is wanted no longer waits for the next sync."""


_NO_MOVE = Unwanted("its prefix was taken back before a sync was done")
"""Of what that sync has left under the other prefix."""


def _blocked_by(look: Look) -> tuple[str, int] | None:
    """Why a loaded job must not be unloaded or restarted now, and the process behind that; None when it may."""
    is_spared = look.scheduler.manners.spares_runs and not look.is_daemon_now
    # Where a run goes on beside a change, a daemon's start would wait for its end: both are one service's process.
    becomes_daemon = look.want.is_daemon and look.needs_load
    stops = (look.needs_unload and not is_spared) or look.needs_restart or becomes_daemon
    loaded = look.former or (look.known if stops else None)
    if loaded is None or loaded.pid is None:
        return None
    if loaded.pid in look.observed.ancestors:
        return _from_inside(loaded.pid, look.observed, "finished", is_daemon=look.is_daemon_now)
    if not look.spares_runs:
        return None
    return _waits_for(loaded.pid), loaded.pid


def _waits_for(pid: int) -> str:
    return f"running (pid {pid}); finished when it ends"


def _from_inside(pid: int, observed: Observed, done: str, *, is_daemon: bool) -> tuple[str, int]:
    """A job that this sync runs inside, and whose end it waits for. A daemon has none: there it is the end of what the
    daemon runs now, for git must not be cut off half way."""
    why = f"this sync runs inside it (pid {pid})"
    if is_daemon:
        return f"{why}; {done} when this command has ended (pid {observed.errand})", observed.errand
    return f"{why}; {done} when that has ended", pid


def _foreign(look: Look) -> str:
    """What stands in our place and is not ours; empty when the place is free or ours."""
    for artefact in look.want.rendering.artefacts:
        if not look.is_ours(artefact):
            if owner := look.scheduler.owner_of(look.file(artefact.path).content or b""):
                whose = f"of another registration of jobsync ({owner})"
                return f"{artefact.path} is {whose}; uninstall that one, or move the file away if it is gone"
            return f"{artefact.path} is not jobsync's; move it away, or rename the job"
        if (state := look.file(artefact.path)).is_in_the_way:
            return f"{artefact.path} {state.problem}; move it away"
    identity = look.observed.identities.get(look.label)
    if identity is not None and is_strange(identity, look.label, look.record, look.scheduler):
        name = look.scheduler.manners.name
        if identity.owner:
            whose = f"another registration of jobsync ({identity.owner})"
            return f"{look.label} is loaded by {whose}; uninstall that one, or take it out of {name} if it is gone"
        return f"{look.label} is loaded, and not by jobsync; take it out of {name}, or rename the job"
    return ""


def _steps(look: Look) -> tuple[Step, ...]:
    """Links go before a job is loaded and come back behind it: they claim for the next login that all is in place."""
    rendering = look.want.rendering
    files = [one for one in rendering.artefacts if not one.is_link]
    links = [one for one in rendering.artefacts if one.is_link and not look.is_disabled]
    steps: list[Step] = []
    if look.record is not None and look.former is not None:
        steps.append(_unload(look, look.record.label))
    if look.needs_unload:
        steps.append(_unload(look, look.label))
    if look.needs_load:
        steps += [Remove(one.path, keeps=False) for one in links if look.file(one.path).target is not None]
    steps += [_write(look, one) for one in files if look.differs(one)]
    kept = {one.path for one in rendering.artefacts}
    steps += [
        Remove(one.path, look.was_edited(one.path), saw(look.observed, one.path))
        for one in look.record_artefacts()
        if one.path not in kept and not look.file(one.path).is_missing
    ]
    if look.needs_load:
        steps.append(Load(look.label, as_sync=look.want.at_login and not look.scheduler.manners.tells_login))
    elif look.changes_in_place:
        steps.append(Reread(look.label))
    elif look.needs_restart:
        installed = installed_definition(look.observed, look.label, look.scheduler)
        steps.append(Restart(look.label, look.scheduler.unload_limit(installed)))
    steps += [_write(look, one) for one in links if look.needs_load or look.differs(one)]
    return tuple(steps)


def _write(look: Look, artefact: Artefact) -> Write:
    return Write(artefact, look.was_edited(artefact.path), saw(look.observed, artefact.path))


def _unload(look: Look, label: str) -> Unload:
    installed = installed_definition(look.observed, label, look.scheduler)
    return Unload(label, look.scheduler.unload_limit(installed), look.spares_runs)


def _name_of(look: Look, steps: tuple[Step, ...]) -> Outcome:
    """The one word for what these steps amount to."""
    if not steps:
        return Outcome.UNCHANGED
    if look.record is None and look.loaded is None:
        return Outcome.INSTALLED
    # Links are taken away and put back around every load.
    writes = any(isinstance(step, Write) and look.differs(step.artefact) for step in steps)
    if look.is_changed and writes:
        return Outcome.UPDATED
    if writes:
        return Outcome.REPAIRED
    if any(isinstance(step, Load | Reread) for step in steps):
        return Outcome.RELOADED
    return Outcome.RESTARTED


def _repair_cause(look: Look) -> str:
    paths = [one.path for one in look.want.rendering.artefacts]
    if edited := [path for path in paths if look.was_edited(path)]:
        return f"edited by hand: {', '.join(edited)}"
    if gone := [path for path in paths if look.file(path).is_missing]:
        return f"was missing: {', '.join(gone)}"
    if any(look.file(one.path).content not in (None, one.content) for one in look.want.rendering.artefacts):
        return "a sync was stopped before it was done"
    return "mode or kind of the file was changed"


def _cause(look: Look, outcome: Outcome) -> str:
    match outcome:
        case Outcome.REPAIRED:
            return _repair_cause(look)
        case Outcome.RELOADED:
            return "was not loaded" if look.loaded is None else "another definition was loaded"
        case Outcome.RESTARTED:
            return look.want.cause or "its inputs changed"
        case Outcome.UNCHANGED:
            return ""
        case _:
            return look.want.cause


def _fresh_record(look: Look, *, is_loaded: bool) -> Record:
    """What the ledger holds once every step succeeded."""
    want, old = look.want, look.record
    if not want.advances and old is not None:
        return replace(old, load_digest=want.rendering.load_digest if is_loaded else "", failed="", message="")
    return Record(
        name=look.name,
        label=look.label,
        source=want.source,
        load_digest=want.rendering.load_digest if is_loaded else "",
        launch_digest=want.launch_digest,
        artefacts=tuple(placed(one) for one in want.rendering.artefacts),
        entries=want.entries,
        inputs=want.inputs,
        in_head=want.in_head,
        is_daemon=want.is_daemon,
        at_login=want.at_login,
        needs_login=want.needs_login,
        definition=want.definition,
    )


def _hindrance(look: Look, caller: Caller) -> tuple[Outcome, str, int] | None:
    """Why nothing at all is done for this job now; None when nothing stands in the way."""
    answer, record = look.observed.answer, look.record
    if isinstance(answer, Unknown):
        return Outcome.FAILED, answer.reason, 0
    paths = [one.path for one in look.want.rendering.artefacts]
    if complaint := unreadable(look.observed, paths) or unidentified(look.observed, look.label):
        return Outcome.FAILED, complaint, 0
    if foreign := _foreign(look):
        return Outcome.CONFLICT, foreign, 0
    if record is not None and look.would_be_enabled:
        switched = f"{record.label} is disabled by you, and {look.label} would not be"
        return Outcome.DEFERRED, f"{switched}; `jobsync pause {look.name}` first", 0
    if record is not None and caller is Caller.HOOK and look.gave_up:
        return Outcome.FAILED, f"{record.message} (not tried again until something changes)", 0
    if blocked := _blocked_by(look):
        return Outcome.DEFERRED, *blocked
    return None


def _for_wanted(look: Look, caller: Caller) -> Change:
    if hindrance := _hindrance(look, caller):
        outcome, cause, pid = hindrance
        return Change(look.name, look.label, outcome, cause, record=look.record, pid=pid)
    steps = _steps(look)
    outcome = _name_of(look, steps)
    cause = _cause(look, outcome)
    if isinstance(look.observed.answer, NoSession):
        outcome, cause = Outcome.DEFERRED, look.observed.answer.reason
    elif look.is_disabled and not look.is_loaded_as_wanted:
        outcome, cause = Outcome.PAUSED, f"disabled by you; `{look.way_to_enable}` ends that"
    elif look.want.paused and outcome is Outcome.UNCHANGED:
        outcome, cause = Outcome.PAUSED, look.want.paused
    is_loaded = look.needs_load or look.changes_in_place or look.is_loaded_as_wanted
    return Change(look.name, look.label, outcome, cause, steps, _fresh_record(look, is_loaded=is_loaded))


def _for_unwanted(going: Going, unwanted: Unwanted, *, now: bool) -> Change:
    answer, loaded = going.observed.answer, going.loaded
    if isinstance(answer, Unknown):
        return Change(going.name, going.label, Outcome.FAILED, answer.reason, record=going.record)
    paths = [one.path for one in going.artefacts]
    if complaint := unreadable(going.observed, paths) or unidentified(going.observed, going.label):
        return Change(going.name, going.label, Outcome.FAILED, complaint, record=going.record)
    if loaded and loaded.pid and loaded.pid in going.observed.ancestors:
        cause, pid = _from_inside(loaded.pid, going.observed, "removed", is_daemon=going.is_daemon_now)
        return Change(going.name, going.label, Outcome.DEFERRED, cause, record=going.record, pid=pid)
    is_spared = unwanted.outcome is Outcome.PAUSED or unwanted is _NO_MOVE
    if loaded and loaded.pid and is_spared and not (now or going.is_daemon_now):
        # It has become a daemon: a pause stops that, and no run of what it was before. Nor is a job gone that has its
        # former label again.
        return Change(going.name, going.label, Outcome.DEFERRED, _waits_for(loaded.pid), record=going.record,
                      pid=loaded.pid)  # fmt: skip
    stopped = f"; stopped (pid {loaded.pid})" if loaded and loaded.pid else ""
    if going.is_a_strangers:
        stopped = f"; the {going.label} that is loaded is not jobsync's and stays"
    return Change(going.name, going.label, unwanted.outcome, unwanted.cause + stopped, going.steps())


def _for_faulty(name: str, faulty: Faulty, record: Record | None) -> Change:
    label = record.label if record else ""
    kept = "; the installed job stays as it is" if record else ""
    count = len(faulty.faults)
    return Change(name, label, Outcome.FAILED, f"{count} fault{'s' * (count != 1)} in its definition{kept}",
                  record=record)  # fmt: skip


def _brake(installed: int, going: int, held: list[str], *, jobs_missing: bool) -> str:
    """Why no removal may happen: too much is gone at once for it to be meant."""
    if not going:
        return ""
    if jobs_missing:
        return "the jobs directory is missing"
    if installed >= 2 and going >= installed:
        return f"all {installed} jobs are gone at once"
    if going >= max(3, -(-installed // 3)):
        return f"{going} of {installed} jobs are gone at once"
    # Other jobs that came since do not make it meant.
    return f"{', '.join(held)} went when too many were gone at once" if held else ""


def _for(view: "_View", name: str, desired: Desired) -> Change | None:
    """The change for one job; None when there is nothing of it on this machine and nothing to say."""
    record = view.ledger.records.get(name)
    observed, scheduler = view.observed, view.scheduler
    match desired:
        case Wanted():
            return _for_wanted(Look(name, desired, record, observed, scheduler, view.orders.now), view.orders.caller)
        case Unwanted():
            label = record.label if record else observed.orphans.get(name)
            if label is not None:
                going = Going(name, label, record, observed, scheduler)
                return _for_unwanted(going, desired, now=view.orders.now)
            is_paused = desired.outcome is Outcome.PAUSED
            return Change(name, scheduler.label(name), Outcome.PAUSED, desired.cause) if is_paused else None
        case Faulty():
            return _for_faulty(name, desired, record)
        case _:
            assert_never(desired)


@dataclass(frozen=True, slots=True)
class _View:
    """What every decision may look at."""

    observed: Observed
    ledger: Ledger
    scheduler: Scheduler
    orders: Orders


def _with_brake(change: Change, brake: str, going: Collection[str], records: Mapping[str, Record]) -> Change:
    if change.name not in going or not brake or change.outcome is Outcome.FAILED:
        return change
    if is_own(change.name):  # it stays with the jobs that need it, and nobody has to decide about it
        return replace(change, outcome=Outcome.UNCHANGED, cause="", steps=(), record=records.get(change.name))
    return _unremoved(change, brake, records)


def _unremoved(change: Change, why: str, records: Mapping[str, Record]) -> Change:
    """Nothing happens to the job, instead of its removal."""
    return replace(change, outcome=Outcome.DEFERRED, cause=f"not removed: {why}", steps=(), pid=0,
                   record=records.get(change.name))  # fmt: skip


def _leftover(path: str, observed: Observed) -> Remove:
    """A killed sync's own is known to the store; anything else in there is somebody's."""
    seen = saw(observed, path)
    return Remove(path, keeps=bool(seen) and seen not in observed.stored, saw=seen)


def _gone(jobs: Mapping[str, Desired]) -> set[str]:
    """The jobs that this machine shall not have, and not because their user paused them."""
    return {name for name, one in jobs.items() if isinstance(one, Unwanted) and one.outcome is Outcome.REMOVED}


def make_plan(want: Want, observed: Observed, ledger: Ledger, scheduler: Scheduler, orders: Orders) -> Plan:
    """The plan for everything that is wanted. `scheduler` is asked for pure answers only."""
    strays = {name for name, label in observed.orphans.items() if label != scheduler.label(name)}
    orphans = {name: _NO_MOVE if name in strays else Unwanted("no longer defined") for name in observed.orphans}
    jobs = sorted({**orphans, **want.jobs}.items())
    view = _View(observed, ledger, scheduler, orders)
    found = (_for(view, name, desired) for name, desired in jobs)
    changes = [change for change in found if change is not None]
    changes += [Change(name, one.label, Outcome.UNCHANGED, record=one) for name, one in want.untouched.items()]
    changes.sort(key=lambda change: change.name)
    if not orders.removes:
        unasked = "nobody asked for that"
        changes = [
            _unremoved(one, unasked, ledger.records) if one.outcome is Outcome.REMOVED else one for one in changes
        ]
    gone = _gone(dict(jobs)) - strays if orders.removes else set()
    # Also one that cannot go now, for this sync runs inside it: it would go when that has ended.
    going = [one.name for one in changes if one.name in gone and not is_own(one.name)]
    installed = sum(not is_own(name) for name in ledger.records.keys() | orphans.keys() - strays)
    held = [name for name in going if name in ledger.held]
    brake = "" if orders.allow_removals else _brake(installed, len(going), held, jobs_missing=want.jobs_missing)
    return Plan(
        changes=tuple(_with_brake(change, brake, gone, ledger.records) for change in changes),
        faults=want.faults,
        brake=brake,
        held=tuple(going) if brake else (),
        notices=(*want.notices, *notices(want.renamed)),
        leftovers=tuple(_leftover(path, observed) for path in observed.leftovers),
    )
