"""One job as seen now: everything that a plan's decisions ask about. Pure."""

from collections.abc import Iterable

from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import placed
from jobsync.reconcile.state import FileState, Observed, Placed, Record, Remove, Step, Unload, Wanted
from jobsync.schedulers.protocol import Artefact, Identity, Loaded, NoSession, Scheduler, Survey
from jobsync.values import dataclass

NOTHING = FileState()


def is_edit(
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


def unreadable(observed: Observed, paths: Iterable[str]) -> str:
    """What is there and could not be read: nobody knows whether it is an edit that a write would lose."""
    states = ((path, observed.files.get(path, NOTHING)) for path in paths)
    return "; ".join(f"{path} {state.problem}" for path, state in states if state.is_unreadable)


def is_strange(identity: Identity, label: str, record: Record | None, scheduler: Scheduler) -> bool:
    """What is loaded neither bears our mark nor came from a file that the ledger knows as ours."""
    is_from_our_place = record is not None and identity.path in ("", scheduler.definition_path(label))
    return identity.owner != scheduler.owner and not is_from_our_place


def unidentified(observed: Observed, label: str) -> str:
    """Why nobody knows whose the job is that is loaded under this label; empty where it is known, or none is."""
    identity = observed.identities.get(label)
    return identity.problem if identity is not None else ""


def saw(observed: Observed, path: str) -> str:
    """Digest of what is at `path` now, for who comes to write there later."""
    content = observed.files.get(path, NOTHING).content
    return "" if content is None else digest(content)


def installed_definition(observed: Observed, label: str, scheduler: Scheduler) -> bytes | None:
    """The definition of a label as it stands in its place; None where there is none."""
    return observed.files.get(scheduler.definition_path(label), NOTHING).content


def _is_daemon(observed: Observed, label: str, record: Record | None, scheduler: Scheduler) -> bool | None:
    """Whether what is loaded is a daemon; None where nothing tells."""
    if record is not None and record.load_digest:
        return record.is_daemon
    content = installed_definition(observed, label, scheduler)
    return None if content is None else scheduler.keeps_running(content)


@dataclass(frozen=True, slots=True)
class Look:
    """One job as seen now: everything that the decisions below ask about."""

    name: str
    want: Wanted
    record: Record | None
    observed: Observed
    scheduler: Scheduler
    now: bool
    """A run is stopped rather than waited for."""

    @property
    def label(self) -> str:
        """As it shall be."""
        return self.want.rendering.label

    def file(self, path: str) -> FileState:
        """What stands at `path`."""
        return self.observed.files.get(path, NOTHING)

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
        """Where definitions of it can be."""
        return self.scheduler.definitions(self.label)

    def differs(self, artefact: Artefact) -> bool:
        """What stands in its place is not this artefact, or has another mode."""
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
        return is_edit(content, self.written(path), self.observed, self.scheduler, is_definition=is_definition)

    @property
    def known(self) -> Loaded | None:
        """What the scheduler has of it, armed or not."""
        answer = self.observed.answer
        return answer.services.get(self.label) if isinstance(answer, Survey) else None

    @property
    def loaded(self) -> Loaded | None:
        """As the scheduler knows it; None where nothing of it would start by itself."""
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
        """The user switched it off in the scheduler."""
        return bool(self.way_to_enable)

    @property
    def way_to_enable(self) -> str:
        """The command that ends that; empty where he did not."""
        answer = self.observed.answer
        return answer.disabled.get(self.label, "") if isinstance(answer, Survey) else ""

    @property
    def would_be_enabled(self) -> bool:
        """The user switched it off under its former label, and nothing would keep it off under the new one."""
        answer = self.observed.answer
        if self.record is None or not self.moves or self.want.paused or not isinstance(answer, Survey):
            return False
        return self.record.label in answer.disabled and not self.is_disabled

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
        if self.record is not None and self.is_disabled:
            # What is installed was mended and could not be loaded: it no longer shows that a login took an edit of it.
            return ""
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
        """It is loaded, with the definition that is wanted."""
        return self.loaded is not None and self.loaded_digest == self.want.rendering.load_digest

    @property
    def needs_unload(self) -> bool:
        """A job that the user switched off is not unloaded behind his back: it could not be loaded again."""
        if self.loaded is None or self.changes_in_place or self.is_disabled:
            return False
        return not self.is_loaded_as_wanted

    @property
    def needs_load(self) -> bool:
        """It must be loaded, for the first time or anew."""
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
        """A daemon's process must make room for another one, with the same definition."""
        if not self.want.is_daemon or self.needs_load or self.loaded is None or self.record is None:
            return False
        return bool(self.record.launch_digest) and self.record.launch_digest != self.want.launch_digest

    @property
    def is_daemon_now(self) -> bool:
        """What is loaded is a daemon, whatever is wanted: waiting for its end would be waiting for ever."""
        label = self.record.label if self.record else self.label
        known = _is_daemon(self.observed, label, self.record, self.scheduler)
        return self.want.is_daemon if known is None else known

    @property
    def spares_runs(self) -> bool:
        """A run of what is loaded goes on to its end before the job is replaced."""
        return not (self.is_daemon_now or self.now)

    @property
    def is_changed(self) -> bool:
        """The definition is another one than last time."""
        if self.record is None or self.record.failed:
            return True
        return {placed(one) for one in self.want.rendering.artefacts} != set(self.record.artefacts)


@dataclass(frozen=True, slots=True)
class Going:
    """One job that this machine shall not have, as seen now."""

    name: str
    label: str
    record: Record | None
    observed: Observed
    scheduler: Scheduler

    @property
    def loaded(self) -> Loaded | None:
        """As the scheduler knows it; None where it does not."""
        answer = self.observed.answer
        return answer.services.get(self.label) if isinstance(answer, Survey) else None

    @property
    def is_daemon_now(self) -> bool:
        """What is loaded is a daemon, or nobody knows: then it is stopped, as what goes is."""
        return _is_daemon(self.observed, self.label, self.record, self.scheduler) is not False

    @property
    def artefacts(self) -> tuple[Placed, ...]:
        """All of it: by its record, or by mark and place (without digests)."""
        own = tuple(Placed(path, 0, 0, "") for path in self.observed.belongings.get(self.name, ()))
        return self.record.artefacts if self.record else own

    def removals(self) -> tuple[Remove, ...]:
        """Every artefact of it that is there; one that was edited by hand is copied first."""
        return tuple(
            Remove(one.path, keeps=self.was_edited(one), saw=saw(self.observed, one.path))
            for one in self.artefacts
            if not self.observed.files.get(one.path, NOTHING).is_missing
        )

    def was_edited(self, one: Placed) -> bool:
        """Somebody else changed what jobsync wrote there."""
        content = self.observed.files.get(one.path, NOTHING).content
        if content is None:
            return False
        is_definition = one.path in self.scheduler.definitions(self.label)
        written = [one.digest] if one.digest else []
        return is_edit(content, written, self.observed, self.scheduler, is_definition=is_definition)

    @property
    def is_a_strangers(self) -> bool:
        """What is loaded under its label is somebody else's."""
        identity = self.observed.identities.get(self.label)
        return identity is not None and is_strange(identity, self.label, self.record, self.scheduler)

    def steps(self) -> tuple[Step, ...]:
        """Removing a job stops it."""
        if self.loaded is None or self.is_a_strangers:
            return self.removals()
        installed = installed_definition(self.observed, self.label, self.scheduler)
        return (Unload(self.label, self.scheduler.unload_limit(installed), spares=False), *self.removals())
