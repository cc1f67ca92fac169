"""What this machine shall have in a hook: what HEAD wants of the jobs that it changed, and all others as they were."""

from collections.abc import Mapping

from jobsync.definitions.job import Job
from jobsync.definitions.load import load
from jobsync.reconcile.causes import LOST, Cause, affected_jobs, attributed
from jobsync.reconcile.desired import (
    are_missing,
    definition_in,
    desired_of,
    faulty_jobs,
    is_paused,
    pause_words,
    renamed_jobs,
)
from jobsync.reconcile.head import HeadState, head_tree
from jobsync.reconcile.ledger import Ledger, Store, placed
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import LOGIN, is_own, own_jobs
from jobsync.reconcile.state import Absence, Desired, Outcome, Record, Source, Unwanted, Want, Wanted
from jobsync.reconcile.untouched import find_untouched
from jobsync.repo.affected import Entry
from jobsync.schedulers.protocol import Answer, Artefact, Rendering
from jobsync.values import replace


def in_hook(origin: Origin, ledger: Ledger, head: HeadState, answer: Answer, compared: str = "") -> Want:
    """What HEAD wants of the affected jobs, and of all others what the ledger says that they were.

    `answer`: the scheduler's, for those that need not be looked at again; `compared` as in `find_untouched`.
    """
    causes = affected_jobs(origin, ledger, head)
    untouched = find_untouched(origin, ledger, causes.keys(), answer, compared)
    found = {name: _from_ledger(origin, one) for name, one in ledger.records.items() if name not in untouched}
    jobs: dict[str, Desired] = {name: wanted for name, wanted in found.items() if wanted is not None}
    jobs.update({name: Unwanted("no longer needed") for name in found if is_own(name)})
    causes = dict.fromkeys(found.keys() - jobs.keys(), LOST) | causes
    if not causes:
        return Want(jobs | own_jobs(origin, needs_login=LOGIN in ledger.records), untouched=untouched)
    tree = head_tree(origin, head, causes.keys())
    definitions = load(tree, origin.machine, names=causes.keys())
    faulty = faulty_jobs(definitions, ledger)
    jobs |= faulty
    defined = {job.name: job for job in definitions.jobs}
    renamed = renamed_jobs(origin, ledger, head.jobs, head.names(), head.entries.under)
    placing = _Placing(origin, ledger, head, jobs, renamed)
    for name, cause in attributed(origin, ledger, head, causes).items():
        if name in defined:
            placing.place(defined[name], cause)
        elif name not in faulty:
            placing.place_undefined(name, cause)
    jobs |= own_jobs(origin, needs_login=_is_login_needed(ledger, jobs))
    missing = are_missing(definitions, tree, ledger)
    notices = tuple(placing.notices)
    return Want(jobs, definitions.faults, missing, notices, placing.absent, defined, renamed, untouched)


def _from_ledger(origin: Origin, record: Record) -> Wanted | None:
    """The job as it was applied last; None when its bytes are lost and it must be rendered anew."""
    store = Store(origin.paths.store)
    artefacts = []
    for one in record.artefacts:
        content = store.get(one.digest)
        if content is None:
            return None
        artefacts.append(Artefact(one.path, content, one.mode))
    definitions = origin.scheduler.definitions(record.label)
    meanings = (origin.scheduler.meaning(one.content) for one in artefacts if one.path in definitions)
    load_digest = record.load_digest or " ".join(meaning or "" for meaning in meanings)
    return Wanted(
        rendering=Rendering(record.label, tuple(artefacts), load_digest),
        source=record.source,
        entries=record.entries,
        inputs=record.inputs,
        in_head=record.in_head,
        launch_digest=record.launch_digest,
        is_daemon=record.is_daemon,
        at_login=record.at_login,
        needs_login=record.needs_login,
        advances=False,
        paused=pause_words(origin, record.name),
    )


def _is_login_needed(ledger: Ledger, jobs: Mapping[str, Desired]) -> bool:
    """Whether `jobsync-login` is there for one of these jobs, or for one that stays as the ledger has it."""
    new = {name: one for name, one in jobs.items() if isinstance(one, Wanted) and one.advances}
    gone = {name for name, one in jobs.items() if isinstance(one, Unwanted)}
    stay = (one for name, one in ledger.records.items() if name not in new.keys() | gone)
    had_login = LOGIN in ledger.records
    return any(one.needs_login for one in new.values()) or (had_login and any(one.needs_login for one in stay))


class _Placing:
    """Decides on the affected jobs, one by one (promise 3: two sources, no fight)."""

    def __init__(
        self, origin: Origin, ledger: Ledger, head: HeadState, jobs: dict[str, Desired], renamed: Mapping[str, str]
    ) -> None:
        self._origin = origin
        self._ledger = ledger
        self._head = head
        self._jobs = jobs
        self._renamed = renamed
        self.notices: list[str] = []
        self.absent: dict[str, Absence] = {}

    def place_undefined(self, name: str, cause: Cause) -> None:
        """HEAD lacks it: gone, if HEAD ever held it; else it is the user's uncommitted one and stays."""
        record = self._ledger.records.get(name)
        if record is not None and record.in_head:
            self._jobs[name] = Unwanted(cause.with_commit("gone from HEAD"))

    def place(self, job: Job, cause: Cause) -> None:
        """HEAD defines it."""
        record, absence = self._ledger.records.get(job.name), self._ledger.absent.get(job.name)
        entries = self._head.entries.under(job.inputs)
        paused = pause_words(self._origin, self._renamed.get(job.name, job.name))
        desired = desired_of(self._origin, job, Source.HEAD, self._head, entries, paused)
        if isinstance(desired, Wanted):
            desired = replace(desired, cause=cause.with_commit(cause.text))
            self._place_wanted(job.name, desired, record, absence)
        elif isinstance(desired, Unwanted):
            desired = replace(desired, cause=cause.with_commit(desired.cause))
            self._place_unwanted(job.name, desired, record, entries)

    def _place_wanted(self, name: str, desired: Wanted, record: Record | None, absence: Absence | None) -> None:
        if record is None and absence is not None and absence.source is Source.WORK_TREE:
            self.notices.append(_absent(name, absence, desired))
        elif record is not None and record.source is Source.WORK_TREE and not self._is_committed(desired, record):
            self.notices.append(_local(name))
        else:
            self._jobs[name] = desired

    def _is_committed(self, desired: Wanted, record: Record) -> bool:
        """HEAD renders what is installed, or would, had neither jobsync nor this machine's configuration changed."""
        return _renders(desired, record) or record.definition == definition_in(self._head, record.name)

    def _place_unwanted(
        self, name: str, desired: Unwanted, record: Record | None, entries: Mapping[str, Entry]
    ) -> None:
        if record is None or record.in_head or desired.outcome is Outcome.PAUSED:
            self._jobs[name] = desired
            self.absent[name] = Absence(Source.HEAD, entries, is_paused(desired))
        else:
            self.notices.append(_local(name))


def _local(name: str) -> str:
    return f"{name}: local: installed from your work tree"


def _absent(name: str, absence: Absence, desired: Wanted) -> str:
    if not absence.paused:
        return f"{name}: local: removed in your work tree"
    if desired.paused:
        return f"{name}: local: paused as your work tree has it"
    return f"{name}: local: its pause is over; `jobsync sync` starts it as your work tree has it"


def _renders(desired: Wanted, record: Record) -> bool:
    return {placed(one) for one in desired.rendering.artefacts} == set(record.artefacts)
