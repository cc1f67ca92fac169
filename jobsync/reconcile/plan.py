"""Want + observed + ledger -> plan. Pure and total: makes no call, touches nothing, and decides everything.

The plan is a value that dry run, `status`, `diff`, the hook and `apply` share, so a dry run is no mode that code must
remember. The order inside a change is fixed (promise 6): old job out and gone, artefacts, load; `apply` verifies and
only then writes the ledger.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import Ledger, placed
from jobsync.reconcile.own import is_own
from jobsync.reconcile.state import (
    Caller,
    Change,
    Desired,
    Faulty,
    FileState,
    Load,
    Observed,
    Outcome,
    Placed,
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
from jobsync.schedulers.protocol import Artefact, Identity, Loaded, NoSession, Scheduler, Survey, Unknown
from jobsync.values import dataclass, replace

_NOTHING = FileState()


def _is_edit(
    content: bytes, written: Iterable[str], observed: Observed, scheduler: Scheduler, *, is_definition: bool
) -> bool:
    """Whether these bytes are somebody else's: neither the ledger nor the store knows them.

    The store is asked first: a sync that was killed wrote what no ledger has heard of. Without a record a definition
    still says what it was; of anything else a copy too many is better than one too few.
    """
    if digest(content) in observed.stored:
        return False
    if known := tuple(written):
        return digest(content) not in known
    return not is_definition or _is_altered(content, scheduler)


def _is_altered(content: bytes, scheduler: Scheduler) -> bool:
    """Without a record: a definition of ours that no longer means what it claims to mean was edited."""
    return scheduler.is_ours(content) and scheduler.is_altered(content)


@dataclass(frozen=True, slots=True)
class Orders:
    """What the caller allows."""

    caller: Caller = Caller.HAND
    now: bool = False
    """Stop a running job rather than defer its change."""
    allow_removals: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    """One job as seen now: everything that the decisions below ask about."""

    name: str
    want: Wanted
    record: Record | None
    observed: Observed
    scheduler: Scheduler
    orders: Orders

    @property
    def label(self) -> str:
        return self.want.rendering.label

    def file(self, path: str) -> FileState:
        return self.observed.files.get(path, _NOTHING)

    def is_ours(self, artefact: Artefact) -> bool:
        """By ledger entry for that very path, by place (launchers), or by owner mark."""
        state = self.file(artefact.path)
        if state.is_missing or any(one.path == artefact.path for one in self.record_artefacts()):
            return True
        if artefact.path not in self.definitions:
            return state.target is not None or not artefact.is_link
        return state.content is not None and self.scheduler.is_ours(state.content)

    def record_artefacts(self) -> tuple[Artefact, ...]:
        """Paths of the record, as artefacts without content."""
        return tuple(Artefact(one.path, b"", one.mode) for one in self.record.artefacts) if self.record else ()

    @property
    def definitions(self) -> tuple[str, ...]:
        return self.scheduler.definitions(self.label)

    def differs(self, artefact: Artefact) -> bool:
        state = self.file(artefact.path)
        if artefact.is_link:
            return state.target != artefact.content
        return state.content != artefact.content or state.mode != artefact.mode

    def written(self, path: str) -> list[str]:
        """Digest of what the ledger says that we wrote there; none when it says nothing."""
        return [one.digest for one in self.record.artefacts if one.path == path] if self.record else []

    def was_edited(self, path: str) -> bool:
        """Somebody else changed what jobsync wrote there (bytes; a mode is mended without a copy)."""
        content = self.file(path).content
        if content is None or content in [one.content for one in self.want.rendering.artefacts if one.path == path]:
            return False
        is_definition = path in self.definitions
        return _is_edit(content, self.written(path), self.observed, self.scheduler, is_definition=is_definition)

    @property
    def known(self) -> Loaded | None:
        """What the scheduler has of it, armed or not."""
        answer = self.observed.answer
        return answer.services.get(self.label) if isinstance(answer, Survey) else None

    @property
    def loaded(self) -> Loaded | None:
        return self.known if self.known is not None and self.known.is_armed else None

    @property
    def moves(self) -> bool:
        """Its label is another one than last time (the prefix was changed): the old one goes first."""
        return self.record is not None and self.record.label != self.label

    @property
    def former(self) -> Loaded | None:
        """The job under its former label."""
        answer = self.observed.answer
        if self.record is None or not isinstance(answer, Survey):
            return None
        return answer.services.get(self.record.label) if self.moves else None

    @property
    def is_disabled(self) -> bool:
        return bool(self.way_to_enable)

    @property
    def way_to_enable(self) -> str:
        answer = self.observed.answer
        return answer.disabled.get(self.label, "") if isinstance(answer, Survey) else ""

    @property
    def meaning_drifted(self) -> bool:
        """What is installed means something else than what we loaded: a login may have loaded that."""
        if self.record is None or not self.record.load_digest:
            return False
        return any(self._has_drifted(path, self.record.load_digest.split()) for path in self.definitions)

    def _has_drifted(self, path: str, meant: list[str]) -> bool:
        content = self.file(path).content
        wanted = [one.content for one in self.want.rendering.artefacts if one.path == path]
        if content is None or content in wanted or digest(content) in self.written(path):
            return False
        return self.scheduler.meaning(content) not in meant

    @property
    def loaded_digest(self) -> str:
        """Digest of what is loaded, as far as the scheduler can tell; empty when nobody can."""
        if self.meaning_drifted:
            return ""
        if self.loaded is not None and self.loaded.digest:
            return self.loaded.digest if self.record is not None or self.is_as_it_claims(self.loaded.digest) else ""
        if self.record is not None and self.record.load_digest:
            return self.record.load_digest
        identity = self.observed.identities.get(self.label)
        return identity.digest if identity and self.is_as_it_claims(identity.digest) else ""

    def is_as_it_claims(self, claimed: str) -> bool:
        """An edited definition still claims the digest that we wrote into it, and a login may have loaded it."""
        contents = (self.file(path).content for path in self.definitions)
        return all(content is None or self.scheduler.meaning(content) in claimed.split() for content in contents)

    @property
    def changes_in_place(self) -> bool:
        """It is loaded with another definition, which the scheduler can replace while it stays loaded."""
        if self.loaded is None or self.want.is_daemon or self.loaded_digest == self.want.rendering.load_digest:
            return False
        return self.scheduler.takes_in_place(self.loaded_digest, self.want.rendering.load_digest)

    @property
    def is_loaded_as_wanted(self) -> bool:
        return self.loaded is not None and self.loaded_digest == self.want.rendering.load_digest

    @property
    def needs_unload(self) -> bool:
        """A job that the user switched off is not unloaded behind his back: it could not be loaded again."""
        if self.loaded is None or self.changes_in_place or self.is_disabled:
            return False
        return not self.is_loaded_as_wanted

    @property
    def needs_load(self) -> bool:
        if isinstance(self.observed.answer, NoSession) or self.is_disabled:
            return False
        return self.needs_unload or self.loaded is None

    @property
    def gave_up(self) -> bool:
        """This very definition could not be loaded last time."""
        failed = self.record.failed if self.record else ""
        is_due = self.needs_load or self.changes_in_place
        return bool(failed) and failed == self.want.rendering.load_digest and is_due

    @property
    def needs_restart(self) -> bool:
        if not self.want.is_daemon or self.needs_load or self.loaded is None or self.record is None:
            return False
        return bool(self.record.launch_digest) and self.record.launch_digest != self.want.launch_digest

    @property
    def is_daemon_now(self) -> bool:
        """What is loaded is a daemon, whatever is wanted: waiting for its end would be waiting for ever."""
        content = _contents(self.observed, self.record.label if self.record else self.label, self.scheduler)
        if self.record is not None and self.record.load_digest:
            return self.record.is_daemon
        return self.want.is_daemon if content is None else self.scheduler.keeps_running(content)

    @property
    def spares_runs(self) -> bool:
        """A run of what is loaded goes on to its end before the job is replaced."""
        return not (self.is_daemon_now or self.orders.now)

    @property
    def is_changed(self) -> bool:
        """The definition is another one than last time."""
        if self.record is None or self.record.failed:
            return True
        return {placed(one) for one in self.want.rendering.artefacts} != set(self.record.artefacts)


def _blocked_by(look: _Look) -> tuple[str, int] | None:
    """Why a loaded job must not be unloaded or restarted now, and the process behind that; None when it may."""
    is_spared = look.scheduler.manners.spares_runs and not look.is_daemon_now
    stops = (look.needs_unload and not is_spared) or look.needs_restart
    loaded = look.former or (look.loaded if stops else None)
    if loaded is None or loaded.pid is None:
        return None
    if loaded.pid in look.observed.ancestors:
        return f"this sync runs inside it (pid {loaded.pid}); finished when that has ended", loaded.pid
    if not look.spares_runs:
        return None
    return f"running (pid {loaded.pid}); finished when it ends", loaded.pid


def _unreadable(observed: Observed, paths: Iterable[str]) -> str:
    """What is there and could not be read: nobody knows whether it is an edit that a write would lose."""
    states = ((path, observed.files.get(path, _NOTHING)) for path in paths)
    return "; ".join(f"{path} {state.problem}" for path, state in states if state.is_unreadable)


def _foreign(look: _Look) -> str:
    """What stands in our place and is not ours; empty when the place is free or ours."""
    for artefact in look.want.rendering.artefacts:
        if not look.is_ours(artefact):
            return f"{artefact.path} is not jobsync's; move it away, or rename the job"
    identity = look.observed.identities.get(look.label)
    if identity is not None and _is_strange(identity, look.label, look.record, look.scheduler):
        name = look.scheduler.manners.name
        return f"{look.label} is loaded, and not by jobsync; take it out of {name}, or rename the job"
    return ""


def _is_strange(identity: Identity, label: str, record: Record | None, scheduler: Scheduler) -> bool:
    """What is loaded neither bears our mark nor came from a file that the ledger knows as ours."""
    is_from_our_place = record is not None and identity.path in ("", scheduler.definition_path(label))
    return identity.owner != scheduler.owner and not is_from_our_place


def _steps(look: _Look) -> tuple[Step, ...]:
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
        Remove(one.path, look.was_edited(one.path), _saw(look.observed, one.path))
        for one in look.record_artefacts()
        if one.path not in kept and not look.file(one.path).is_missing
    ]
    if look.needs_load:
        steps.append(Load(look.label, as_sync=look.want.at_login and not look.scheduler.manners.tells_login))
    elif look.changes_in_place:
        steps.append(Reread(look.label))
    elif look.needs_restart:
        installed = _contents(look.observed, look.label, look.scheduler)
        steps.append(Restart(look.label, look.scheduler.unload_limit(installed)))
    steps += [_write(look, one) for one in links if look.needs_load or look.differs(one)]
    return tuple(steps)


def _write(look: _Look, artefact: Artefact) -> Write:
    return Write(artefact, look.was_edited(artefact.path), _saw(look.observed, artefact.path))


def _saw(observed: Observed, path: str) -> str:
    """Digest of what is at `path` now, for who comes to write there later."""
    content = observed.files.get(path, _NOTHING).content
    return "" if content is None else digest(content)


def _contents(observed: Observed, label: str, scheduler: Scheduler) -> bytes | None:
    return observed.files.get(scheduler.definition_path(label), _NOTHING).content


def _unload(look: _Look, label: str) -> Unload:
    installed = _contents(look.observed, label, look.scheduler)
    return Unload(label, look.scheduler.unload_limit(installed), look.spares_runs)


def _name_of(look: _Look, steps: tuple[Step, ...]) -> Outcome:
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


def _repair_cause(look: _Look) -> str:
    paths = [one.path for one in look.want.rendering.artefacts]
    if edited := [path for path in paths if look.was_edited(path)]:
        return f"edited by hand: {', '.join(edited)}"
    if gone := [path for path in paths if look.file(path).is_missing]:
        return f"was missing: {', '.join(gone)}"
    if any(look.file(one.path).content not in (None, one.content) for one in look.want.rendering.artefacts):
        return "a sync was stopped before it was done"
    return "mode or kind of the file was changed"


def _cause(look: _Look, outcome: Outcome) -> str:
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


def _fresh_record(look: _Look, *, is_loaded: bool) -> Record:
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
    )


def _hindrance(look: _Look) -> tuple[Outcome, str, int] | None:
    """Why nothing at all is done for this job now; None when nothing stands in the way."""
    answer, record = look.observed.answer, look.record
    if isinstance(answer, Unknown):
        return Outcome.FAILED, answer.reason, 0
    if unreadable := _unreadable(look.observed, [one.path for one in look.want.rendering.artefacts]):
        return Outcome.FAILED, unreadable, 0
    if foreign := _foreign(look):
        return Outcome.CONFLICT, foreign, 0
    if record is not None and look.orders.caller is Caller.HOOK and look.gave_up:
        return Outcome.FAILED, f"{record.message} (not tried again until something changes)", 0
    if blocked := _blocked_by(look):
        return Outcome.DEFERRED, *blocked
    return None


def _for_wanted(look: _Look) -> Change:
    if hindrance := _hindrance(look):
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


@dataclass(frozen=True, slots=True)
class _Going:
    """One job that this machine shall not have, as seen now."""

    name: str
    label: str
    record: Record | None
    observed: Observed
    scheduler: Scheduler

    @property
    def loaded(self) -> Loaded | None:
        answer = self.observed.answer
        return answer.services.get(self.label) if isinstance(answer, Survey) else None

    @property
    def artefacts(self) -> tuple[Placed, ...]:
        """All of it: by its record, or by mark and place (without digests)."""
        own = tuple(Placed(path, 0, 0, "") for path in self.observed.belongings.get(self.name, ()))
        return self.record.artefacts if self.record else own

    def removals(self) -> tuple[Remove, ...]:
        """Every artefact of it that is there; one that was edited by hand is copied first."""
        return tuple(
            Remove(one.path, keeps=self.was_edited(one), saw=_saw(self.observed, one.path))
            for one in self.artefacts
            if not self.observed.files.get(one.path, _NOTHING).is_missing
        )

    def was_edited(self, one: Placed) -> bool:
        """Somebody else changed what jobsync wrote there."""
        content = self.observed.files.get(one.path, _NOTHING).content
        if content is None:
            return False
        is_definition = one.path in self.scheduler.definitions(self.label)
        written = [one.digest] if one.digest else []
        return _is_edit(content, written, self.observed, self.scheduler, is_definition=is_definition)

    @property
    def is_a_strangers(self) -> bool:
        """What is loaded under its label is somebody else's."""
        identity = self.observed.identities.get(self.label)
        return identity is not None and _is_strange(identity, self.label, self.record, self.scheduler)

    def steps(self) -> tuple[Step, ...]:
        """Removing a job stops it."""
        if self.loaded is None or self.is_a_strangers:
            return self.removals()
        installed = _contents(self.observed, self.label, self.scheduler)
        return (Unload(self.label, self.scheduler.unload_limit(installed), spares=False), *self.removals())


def _for_unwanted(going: _Going, unwanted: Unwanted) -> Change:
    answer, loaded = going.observed.answer, going.loaded
    if isinstance(answer, Unknown):
        return Change(going.name, going.label, Outcome.FAILED, answer.reason, record=going.record)
    if unreadable := _unreadable(going.observed, [one.path for one in going.artefacts]):
        return Change(going.name, going.label, Outcome.FAILED, unreadable, record=going.record)
    if loaded and loaded.pid in going.observed.ancestors:
        blocked = f"this sync runs inside it (pid {loaded.pid}); removed when that has ended"
        return Change(going.name, going.label, Outcome.DEFERRED, blocked, record=going.record, pid=loaded.pid or 0)
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
            return _for_wanted(_Look(name, desired, record, observed, scheduler, view.orders))
        case Unwanted():
            label = record.label if record else observed.orphans.get(name)
            if label is not None:
                return _for_unwanted(_Going(name, label, record, observed, scheduler), desired)
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


def _with_brake(change: Change, brake: str, records: Mapping[str, Record]) -> Change:
    if change.outcome is not Outcome.REMOVED or not brake:
        return change
    return replace(change, outcome=Outcome.DEFERRED, cause=f"not removed: {brake}", steps=(),
                   record=records.get(change.name))  # fmt: skip


def _leftover(path: str, observed: Observed) -> Remove:
    """A killed sync's own is known to the store; anything else in there is somebody's."""
    saw = _saw(observed, path)
    return Remove(path, keeps=bool(saw) and saw not in observed.stored, saw=saw)


def make_plan(want: Want, observed: Observed, ledger: Ledger, scheduler: Scheduler, orders: Orders) -> Plan:
    """The plan for everything that is wanted. `scheduler` is asked for pure answers only."""
    orphans = {name: Unwanted("no longer defined") for name in observed.orphans}
    jobs = sorted({**orphans, **want.jobs}.items())
    view = _View(observed, ledger, scheduler, orders)
    found = (_for(view, name, desired) for name, desired in jobs)
    changes = [change for change in found if change is not None]
    going = [one.name for one in changes if one.outcome is Outcome.REMOVED and not is_own(one.name)]
    installed = sum(not is_own(name) for name in ledger.records.keys() | orphans.keys())
    held = [name for name in going if name in ledger.held]
    brake = "" if orders.allow_removals else _brake(installed, len(going), held, jobs_missing=want.jobs_missing)
    return Plan(
        changes=tuple(_with_brake(change, brake, ledger.records) for change in changes),
        faults=want.faults,
        brake=brake,
        held=tuple(going) if brake else (),
        notices=want.notices,
        leftovers=tuple(_leftover(path, observed) for path in observed.leftovers),
    )
