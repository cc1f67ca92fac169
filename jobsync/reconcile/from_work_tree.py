"""What this machine shall have by hand: everything that the work tree defines, as it is."""

from collections.abc import Mapping

from jobsync.definitions.job import Job, Script
from jobsync.definitions.load import SETTINGS_FILE as SETTINGS
from jobsync.definitions.load import load
from jobsync.errors import JobsyncError
from jobsync.reconcile.causes import cause_of, concerns_all
from jobsync.reconcile.desired import (
    are_missing,
    desired_of,
    digest_of,
    faulty_jobs,
    is_paused,
    pause_words,
    read_from,
    renamed_jobs,
)
from jobsync.reconcile.head import HeadState, head_tree
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import LOGIN, needs_login, own_jobs
from jobsync.reconcile.sources import blob_id
from jobsync.reconcile.state import Absence, Desired, Record, Source, Unwanted, Want, Wanted
from jobsync.repo.affected import LINK
from jobsync.repo.trees import WorkTree
from jobsync.schedulers.protocol import Rendering
from jobsync.values import replace


def by_hand(origin: Origin, ledger: Ledger, head: HeadState) -> Want:
    """Everything that the work tree defines now; what it does not define and jobsync once installed is unwanted."""
    tree = WorkTree(origin.repo.work_tree)
    definitions = load(tree, origin.machine)
    comparison = _Comparison(origin, tree, head)
    everything = concerns_all(origin, ledger, head)
    defined = {job.name: job for job in definitions.jobs}
    names = {*defined, *definitions.faulty}
    renamed = renamed_jobs(origin, ledger, head.jobs, names, origin.repository.work_tree_entries)
    jobs: dict[str, Desired] = {name: Unwanted("no longer defined") for name in ledger.records}
    for name, job in defined.items():
        paused = pause_words(origin, renamed.get(name, name))
        jobs[name] = _one(origin, job, ledger.records.get(name), comparison, everything, paused)
    faulty = faulty_jobs(definitions, ledger)
    jobs |= faulty
    # A faulty job stays as it was, and what it needs with it.
    is_partial = bool(faulty) and LOGIN in ledger.records
    own = own_jobs(origin, needs_login=is_partial or needs_login(origin, definitions.jobs))
    jobs |= {name: replace(one, cause=everything or one.cause) for name, one in own.items()}
    are_known = not (definitions.jobs_missing and definitions.faults)
    absent = _absent(head, jobs, defined, comparison) if are_known else {}
    missing = are_missing(definitions, tree, ledger)
    return Want(jobs, definitions.faults, missing, absent=absent, definitions=defined, renamed=renamed)


def _one(
    origin: Origin, job: Job, record: Record | None, comparison: "_Comparison", everything: str, paused: str
) -> Desired:
    """`everything`: the cause that concerns every job; `paused`: as `Wanted`'s."""
    inputs = origin.repository.work_tree_entries(job.inputs) if job.daemon is not None else {}
    desired = desired_of(origin, job, Source.WORK_TREE, comparison.head, inputs, paused)
    if not isinstance(desired, Wanted):
        return desired
    source = comparison.source(job, desired.rendering)
    # Of an edit nobody knows what it alone would have changed.
    common = everything if record is not None and record.source is source is Source.HEAD else ""
    cause = cause_of(desired.entries, record.entries if record else None, record) or common
    desired = replace(desired, source=source, cause=cause)
    if source is Source.HEAD:
        return desired
    is_heads, definition = comparison.is_wanted_in_head(job.name), comparison.definition(job.name)
    return replace(desired, in_head=is_heads, definition=definition)


def _absent(
    head: HeadState, jobs: Mapping[str, Desired], defined: Mapping[str, Job], comparison: "_Comparison"
) -> dict[str, Absence]:
    """What the ledger shall remember of the jobs that HEAD defines, and this machine shall not have."""
    return {
        name: Absence(
            Source.HEAD if name in defined and comparison.is_committed(name) else Source.WORK_TREE,
            head.entries.under(defined[name].inputs if name in defined else (f"{head.jobs}/{name}",)),
            is_paused(jobs.get(name)),
        )
        for name in head.names()
        if isinstance(jobs.get(name, Unwanted("")), Unwanted)
    }


class _Comparison:
    """Whether HEAD renders the same bytes as the work tree, asked job by job and answered cheaply where it can be."""

    def __init__(self, origin: Origin, tree: WorkTree, head: HeadState) -> None:
        self._origin = origin
        self._tree = tree
        self.head = head
        self._head_tree = head_tree(origin, head)
        self._settings_same = self._same(SETTINGS)
        self._loaded: dict[str, Rendering] | None = None

    def _same(self, path: str) -> bool:
        """The file is in HEAD with this very content (filters aside: then the answer is no, and HEAD is rendered)."""
        entry = self.head.entries.get(path)
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
        return self._settings_same and self.head.holds(name) and self._same(f"{self.head.jobs}/{name}/job.toml")

    def source(self, job: Job, rendering: Rendering) -> Source:
        """HEAD, if it renders `rendering` for this job; else the work tree."""
        if self.is_committed(job.name) and self._has_script(job):
            return Source.HEAD
        if not self.head.holds(job.name):
            return Source.WORK_TREE
        return Source.HEAD if self._renderings().get(job.name) == rendering else Source.WORK_TREE

    def is_wanted_in_head(self, name: str) -> bool:
        """HEAD's own definition is valid, and has the job here."""
        return self.head.holds(name) and name in self._renderings()

    def _has_script(self, job: Job) -> bool:
        """HEAD has the file that the job runs: one that git ignores, and where a link leads, may be here alone."""
        if not isinstance(job.command, Script):
            return True
        path = f"{self.head.jobs}/{job.name}/run"
        entry = self.head.entries.get(path)
        return entry is not None and (entry.mode != LINK or self._leads_to_a_file(path))

    def _leads_to_a_file(self, link: str) -> bool:
        try:
            return self.head.entries.get(self._head_tree.real(link)) is not None
        except JobsyncError:
            return False

    def definition(self, name: str) -> str:
        """As `definition_in`, of the work tree. Where a link or a filter is in the way they differ."""
        files = {path: self._tree.read(path) for path in read_from(self.head, name)}
        blobs = {path: "" if one is None else blob_id(one, self.head.tree) for path, one in files.items()}
        return digest_of(blobs)

    def _renderings(self) -> dict[str, Rendering]:
        if self._loaded is None:
            jobs = load(self._head_tree, self._origin.machine).jobs
            self._loaded = {job.name: self._origin.scheduler.render(job) for job in jobs if job.unwanted is None}
        return self._loaded
