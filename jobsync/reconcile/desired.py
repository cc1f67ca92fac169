"""What this machine shall have: by hand from the work tree as it is, in a hook from HEAD, where HEAD changed."""

from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath

from jobsync import files
from jobsync.definitions.job import Definitions, Job, Script, Tree
from jobsync.definitions.load import SETTINGS_FILE as SETTINGS
from jobsync.definitions.load import is_of, load, read_settings
from jobsync.errors import Fault, JobsyncError
from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import RENDER_FORMAT, Ledger, Store, placed
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import LOGIN, is_own, needs_login, own_jobs
from jobsync.reconcile.renamed import former_names
from jobsync.reconcile.sources import blob_id
from jobsync.reconcile.state import Absence, Desired, Faulty, Outcome, Record, Source, Unwanted, Want, Wanted
from jobsync.reconcile.untouched import find_untouched
from jobsync.repo.affected import LINK, Entries, Entry, affected, lines
from jobsync.repo.trees import HeadTree, WorkTree
from jobsync.runs import pauses
from jobsync.schedulers.protocol import Answer, Artefact, Rendering
from jobsync.values import dataclass, replace

_SHORT = 7
"""Digits of a commit's id that people are shown."""


@dataclass(frozen=True, slots=True)
class HeadState:
    """HEAD at one moment: what the ledger is compared with and will remember."""

    commit: str
    entries: Entries
    jobs: str
    """The jobs directory, as HEAD's `jobsync.toml` names it."""
    tree: str = ""
    """Id of the commit's tree."""
    parents: tuple[str, ...] = ()
    """Ids of the commits before it."""

    @property
    def settings(self) -> Entry | None:
        """HEAD's entry of `jobsync.toml`."""
        return self.entries.get(SETTINGS)

    def holds(self, name: str) -> bool:
        """HEAD defines a job of this name."""
        return f"{self.jobs}/{name}/job.toml" in self.entries

    def names(self) -> tuple[str, ...]:
        """All jobs that HEAD defines."""
        start, end = f"{self.jobs}/", "/job.toml"
        middles = (
            path[len(start) : -len(end)] for path in self.entries if path.startswith(start) and path.endswith(end)
        )
        return tuple(sorted(name for name in middles if name and "/" not in name))


def head_state(origin: Origin) -> HeadState:
    """Read HEAD, once: what is asked about it later is asked about that commit. An unborn one holds nothing."""
    commit = origin.repository.commit()
    if commit is None:
        return HeadState("", Entries(), "jobs")
    skipped = origin.skipped if origin.seen == commit.id else None
    entries = origin.repository.entries([""], commit=commit.id, skipped=skipped)
    jobs = _jobs_directory(HeadTree(origin.repository, [SETTINGS], entries))
    return HeadState(commit.id, entries, jobs, commit.tree, commit.parents)


def _jobs_directory(tree: Tree) -> str:
    try:
        return read_settings(tree).jobs or "jobs"
    except JobsyncError:
        return "jobs"


def head_tree(origin: Origin, head: HeadState, names: Collection[str] | None = None) -> HeadTree:
    """The files that definitions are read from, as HEAD holds them; git is asked for their contents only.

    `names`: the jobs that will be read; None: all.
    """
    together = None if names is None else [f"{head.jobs}/{name}" for name in names]
    return HeadTree(origin.repository, [head.jobs, SETTINGS], head.entries, together)


def _faults_of(definitions: Definitions, name: str) -> tuple[Fault, ...]:
    return tuple(fault for fault in definitions.faults if is_of(fault, name) or fault.file == SETTINGS)


def _faulty(definitions: Definitions, ledger: Ledger) -> dict[str, Desired]:
    """The jobs that stay as they are: those with a fault, or all where one hides which jobs there are."""
    if definitions.jobs_missing and definitions.faults:
        return {name: Faulty(definitions.faults) for name in ledger.records if not is_own(name)}
    return {name: Faulty(_faults_of(definitions, name)) for name in definitions.faulty}


def _launch_digest(job: Job, rendering: Rendering, entries: Mapping[str, Entry]) -> str:
    if job.daemon is None:
        return ""
    launchers = [placed(one).digest for one in rendering.artefacts[:1]]
    return digest("\n".join(launchers + lines(entries)).encode("utf-8", "surrogateescape"))


def _pause_words(origin: Origin, name: str) -> str:
    return pauses.words(origin.paths.pause(name))


def _renamed(
    origin: Origin, ledger: Ledger, jobs: str, names: Collection[str],
    entries_of: Callable[[Collection[str]], Mapping[str, Entry]],
) -> dict[str, str]:  # fmt: skip
    """See `former_names`. `names`: all that is defined, with faults too."""
    paused = (name for name in files.names(origin.paths.pause("x").parent) if _pause_words(origin, name))
    found = former_names(ledger, jobs, names, paused, entries_of)
    return {name: former for name, former in found.items() if not _pause_words(origin, name)}


def _desired(
    origin: Origin, job: Job, source: Source, head: HeadState, inputs: Mapping[str, Entry], paused: str
) -> Desired:
    """One valid definition; `inputs` are the entries that a daemon's restart depends on, `paused` as `Wanted`'s."""
    if job.unwanted is not None:
        return Unwanted(job.unwanted)
    if paused and job.daemon is not None:
        return Unwanted(paused, Outcome.PAUSED)
    rendering = origin.scheduler.render(job)
    return Wanted(
        rendering=rendering,
        source=source,
        entries=head.entries.under(job.inputs),
        inputs=job.inputs,
        in_head=head.holds(job.name),
        launch_digest=_launch_digest(job, rendering, inputs),
        is_daemon=job.daemon is not None,
        at_login=job.schedule.at_login,
        needs_login=needs_login(origin, [job]),
        paused=paused,
    )


def _is_paused(desired: Desired | None) -> bool:
    return isinstance(desired, Unwanted) and desired.outcome is Outcome.PAUSED


def _read_from(head: HeadState, name: str) -> tuple[str, str]:
    """All that a job's rendering depends on, beside the machine's configuration and jobsync itself."""
    return SETTINGS, f"{head.jobs}/{name}/job.toml"


def _digest_of(blobs: Mapping[str, str]) -> str:
    return digest("\n".join(f"{blob} {path}" for path, blob in blobs.items()).encode("utf-8", "surrogateescape"))


def _definition_in(head: HeadState, name: str) -> str:
    """Digest of what HEAD's definition of a job is read from: of two that are equal the renderings are."""
    return _digest_of({path: head.entries.id_of(path) or "" for path in _read_from(head, name)})


class _Comparison:
    """Whether HEAD renders the same bytes as the work tree, asked job by job and answered cheaply where it can be."""

    def __init__(self, origin: Origin, tree: WorkTree, head: HeadState) -> None:
        self._origin = origin
        self._tree = tree
        self._head = head
        self._head_tree = head_tree(origin, head)
        self._settings_same = self._same(SETTINGS)
        self._loaded: dict[str, Rendering] | None = None

    def _same(self, path: str) -> bool:
        """The file is in HEAD with this very content (filters aside: then the answer is no, and HEAD is rendered)."""
        entry = self._head.entries.get(path)
        if entry is not None and entry.mode == LINK:
            return self._leads_to_the_same(path)
        content = self._tree.read(path)
        if entry is None or content is None:
            return entry is None and content is None
        return blob_id(content, entry.blob) == entry.blob

    def _leads_to_the_same(self, link: str) -> bool:
        try:
            real = self._tree.real(link)
            return real != link and real == self._head_tree.real(link) and self._same(real)
        except JobsyncError:
            return False

    def is_committed(self, name: str) -> bool:
        """HEAD's definition of this job is the work tree's, to the byte."""
        return self._settings_same and self._head.holds(name) and self._same(f"{self._head.jobs}/{name}/job.toml")

    def source(self, job: Job, rendering: Rendering) -> Source:
        """HEAD, if it renders `rendering` for this job; else the work tree."""
        if self.is_committed(job.name) and self._has_script(job):
            return Source.HEAD
        if not self._head.holds(job.name):
            return Source.WORK_TREE
        return Source.HEAD if self._renderings().get(job.name) == rendering else Source.WORK_TREE

    def is_wanted_in_head(self, name: str) -> bool:
        """HEAD's own definition is valid, and has the job here."""
        return self._head.holds(name) and name in self._renderings()

    def _has_script(self, job: Job) -> bool:
        """HEAD has the file that the job runs: one that git ignores, and where a link leads, may be here alone."""
        if not isinstance(job.command, Script):
            return True
        path = f"{self._head.jobs}/{job.name}/run"
        entry = self._head.entries.get(path)
        return entry is not None and (entry.mode != LINK or self._leads_to_a_file(path))

    def _leads_to_a_file(self, link: str) -> bool:
        try:
            return self._head.entries.get(self._head_tree.real(link)) is not None
        except JobsyncError:
            return False

    def definition(self, name: str) -> str:
        """As `_definition_in`, of the work tree. Where a link or a filter is in the way they differ."""
        files = {path: self._tree.read(path) for path in _read_from(self._head, name)}
        blobs = {path: "" if one is None else blob_id(one, self._head.tree) for path, one in files.items()}
        return _digest_of(blobs)

    def _renderings(self) -> dict[str, Rendering]:
        if self._loaded is None:
            jobs = load(self._head_tree, self._origin.machine).jobs
            self._loaded = {job.name: self._origin.scheduler.render(job) for job in jobs if job.unwanted is None}
        return self._loaded


def by_hand(origin: Origin, ledger: Ledger, head: HeadState) -> Want:
    """Everything that the work tree defines now; what it does not define and jobsync once installed is unwanted."""
    tree = WorkTree(origin.repo.work_tree)
    definitions = load(tree, origin.machine)
    comparison = _Comparison(origin, tree, head)
    everything = _concerns_all(origin, ledger, head)
    names = {*(job.name for job in definitions.jobs), *definitions.faulty}
    renamed = _renamed(origin, ledger, head.jobs, names, origin.repository.work_tree_entries)
    jobs: dict[str, Desired] = {name: Unwanted("no longer defined") for name in ledger.records}
    for job in definitions.jobs:
        inputs = origin.repository.work_tree_entries(job.inputs) if job.daemon is not None else {}
        paused = _pause_words(origin, renamed.get(job.name, job.name))
        desired = _desired(origin, job, Source.WORK_TREE, head, inputs, paused)
        if isinstance(desired, Wanted):
            record = ledger.records.get(job.name)
            source = comparison.source(job, desired.rendering)
            # Of an edit nobody knows what it alone would have changed.
            common = everything if record is not None and record.source is source is Source.HEAD else ""
            cause = _cause(desired.entries, record.entries if record else None, record) or common
            desired = replace(desired, source=source, cause=cause)
            if source is Source.WORK_TREE:
                is_heads, definition = comparison.is_wanted_in_head(job.name), comparison.definition(job.name)
                desired = replace(desired, in_head=is_heads, definition=definition)
        jobs[job.name] = desired
    faulty = _faulty(definitions, ledger)
    jobs |= faulty
    # A faulty job stays as it was, and what it needs with it.
    is_partial = bool(faulty) and LOGIN in ledger.records
    own = own_jobs(origin, needs_login=is_partial or needs_login(origin, definitions.jobs))
    jobs |= {name: replace(one, cause=everything or one.cause) for name, one in own.items()}
    defined = {job.name: job for job in definitions.jobs}
    are_known = not (definitions.jobs_missing and definitions.faults)
    absent = {
        name: Absence(
            Source.HEAD if name in defined and comparison.is_committed(name) else Source.WORK_TREE,
            head.entries.under(defined[name].inputs if name in defined else (f"{head.jobs}/{name}",)),
            _is_paused(jobs.get(name)),
        )
        for name in head.names()
        if are_known and isinstance(jobs.get(name, Unwanted("")), Unwanted)
    }
    missing = _are_missing(definitions, tree, ledger)
    return Want(jobs, definitions.faults, missing, absent=absent, definitions=defined, renamed=renamed)


def _cause(entries: Mapping[str, Entry], known: Mapping[str, Entry] | None, record: Record | None) -> str | None:
    """`affected`, but of a job whose entries were forgotten, for it failed, no file is `added`."""
    cause = affected(entries, known)
    return _FAILED if cause and record and record.message and not record.entries else cause


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
        paused=_pause_words(origin, record.name),
    )


_RECONFIGURED = "this machine's configuration changed"
_UPGRADED = "this jobsync renders differently"
_LOST = "its stored bytes were lost"
_FAILED = "the last sync of it failed"
_RESUMED = "its pause is over"
_NO_COMMITS_DOING = (_RECONFIGURED, _UPGRADED, _LOST, _FAILED, _RESUMED)


def _concerns_all(origin: Origin, ledger: Ledger, head: HeadState) -> str:
    """The cause that concerns every job; empty where there is none."""
    if ledger.rendering != origin.rendering:
        return _RECONFIGURED
    if ledger.render_format != RENDER_FORMAT:
        return _UPGRADED
    return f"changed: {SETTINGS}" if ledger.settings != head.settings else ""


def affected_jobs(origin: Origin, ledger: Ledger, head: HeadState) -> dict[str, str]:
    """Names and causes of the jobs that HEAD, the configuration, the render format or the end of a pause concern."""
    causes = {}
    everything = _concerns_all(origin, ledger, head)
    for name in sorted({*head.names(), *ledger.records}):
        record, absence = ledger.records.get(name), ledger.absent.get(name)
        known = record.entries if record else absence.entries if absence else None
        inputs = record.inputs if record else (f"{head.jobs}/{name}", *(known or ()))
        is_over = record is None and absence is not None and absence.paused and not _pause_words(origin, name)
        resumed = _RESUMED if is_over else ""
        if cause := _cause(head.entries.under(inputs), known, record) or everything or resumed:
            causes[name] = cause
    return causes


def in_hook(origin: Origin, ledger: Ledger, head: HeadState, answer: Answer, compared: str = "") -> Want:
    """What HEAD wants of the affected jobs, and of all others what the ledger says that they were.

    `answer`: the scheduler's, for those that need not be looked at again; `compared` as in `find_untouched`.
    """
    causes = affected_jobs(origin, ledger, head)
    untouched = find_untouched(origin, ledger, causes.keys(), answer, compared)
    found = {name: _from_ledger(origin, one) for name, one in ledger.records.items() if name not in untouched}
    jobs: dict[str, Desired] = {name: wanted for name, wanted in found.items() if wanted is not None}
    jobs.update({name: Unwanted("no longer needed") for name in found if is_own(name)})
    causes = dict.fromkeys(found.keys() - jobs.keys(), _LOST) | causes
    if not causes:
        return Want(jobs | own_jobs(origin, needs_login=LOGIN in ledger.records), untouched=untouched)
    tree = head_tree(origin, head, causes.keys())
    definitions = load(tree, origin.machine, names=causes.keys())
    faulty = _faulty(definitions, ledger)
    jobs |= faulty
    defined = {job.name: job for job in definitions.jobs}
    renamed = _renamed(origin, ledger, head.jobs, head.names(), head.entries.under)
    placing = _Placing(origin, ledger, head, jobs, renamed)
    for name, cause in _attributed(origin, ledger, head, causes).items():
        if name in defined:
            placing.place(defined[name], cause)
        elif name not in faulty:
            placing.place_undefined(name, cause)
    jobs |= own_jobs(origin, needs_login=_is_login_needed(ledger, jobs))
    missing = _are_missing(definitions, tree, ledger)
    notices = tuple(placing.notices)
    return Want(jobs, definitions.faults, missing, notices, placing.absent, defined, renamed, untouched)


def _is_login_needed(ledger: Ledger, jobs: Mapping[str, Desired]) -> bool:
    """Whether `jobsync-login` is there for one of these jobs, or for one that stays as the ledger has it."""
    new = {name: one for name, one in jobs.items() if isinstance(one, Wanted) and one.advances}
    gone = {name for name, one in jobs.items() if isinstance(one, Unwanted)}
    stay = (one for name, one in ledger.records.items() if name not in new.keys() | gone)
    had_login = LOGIN in ledger.records
    return any(one.needs_login for one in new.values()) or (had_login and any(one.needs_login for one in stay))


def _are_missing(definitions: Definitions, tree: Tree, ledger: Ledger) -> bool:
    """Whether the jobs directory should be there and is not.

    git keeps no empty directories: with a repository's only job its directory goes, and that is no accident.
    """
    if definitions.faults or not definitions.jobs_missing:
        return definitions.jobs_missing
    directory = read_settings(tree).jobs
    known = [record for record in ledger.records.values() if not is_own(record.name)]
    return len(known) != 1 or f"{directory}/{known[0].name}" not in known[0].inputs


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a job is looked at, and which commit brought it."""

    text: str
    commit: str
    """Short id; empty where no commit did it."""

    def with_commit(self, text: str) -> str:
        return f"{text} in {self.commit}" if self.commit else text


def _attributed(origin: Origin, ledger: Ledger, head: HeadState, causes: Mapping[str, str]) -> dict[str, _Cause]:
    """Every cause with the newest commit since the last sync that touched the job, in order of name.

    Where there is none to be found (history is gone, or HEAD went back to something older), HEAD itself is named.
    """
    touched: dict[str, list[str]] = {}
    for name in (name for name, cause in causes.items() if cause not in _NO_COMMITS_DOING):
        record = ledger.records.get(name)
        for path in record.inputs if record else (f"{head.jobs}/{name}",):
            touched.setdefault(path, []).append(name)
    commits: dict[str, str] = {}
    # One commit since then: whatever has changed, that one did it.
    is_asked = bool(touched) and head.parents != (ledger.commit,)
    found = origin.repository.commits_by_path(ledger.commit, [*touched, SETTINGS]) if is_asked else {}
    for path, commit in found.items():
        for above in (path, *map(str, PurePosixPath(path).parents)):
            for name in touched.get(above, ()):
                commits.setdefault(name, commit)
    otherwise = found.get(SETTINGS, head.commit[:_SHORT])
    return {
        name: _Cause(cause, "" if cause in _NO_COMMITS_DOING else commits.get(name, otherwise))
        for name, cause in sorted(causes.items())
    }


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

    def place_undefined(self, name: str, cause: _Cause) -> None:
        """HEAD lacks it: gone, if HEAD ever held it; else it is the user's uncommitted one and stays."""
        record = self._ledger.records.get(name)
        if record is not None and record.in_head:
            self._jobs[name] = Unwanted(cause.with_commit("gone from HEAD"))

    def place(self, job: Job, cause: _Cause) -> None:
        """HEAD defines it."""
        record, absence = self._ledger.records.get(job.name), self._ledger.absent.get(job.name)
        entries = self._head.entries.under(job.inputs)
        paused = _pause_words(self._origin, self._renamed.get(job.name, job.name))
        desired = _desired(self._origin, job, Source.HEAD, self._head, entries, paused)
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
        return _renders(desired, record) or record.definition == _definition_in(self._head, record.name)

    def _place_unwanted(
        self, name: str, desired: Unwanted, record: Record | None, entries: Mapping[str, Entry]
    ) -> None:
        if record is None or record.in_head or desired.outcome is Outcome.PAUSED:
            self._jobs[name] = desired
            self.absent[name] = Absence(Source.HEAD, entries, _is_paused(desired))
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
