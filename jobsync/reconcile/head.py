"""HEAD at one moment: what jobs it holds, and where their definitions are read from."""

from collections.abc import Collection

from jobsync.definitions.job import Tree
from jobsync.definitions.load import SETTINGS_FILE as SETTINGS
from jobsync.definitions.load import read_settings
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin
from jobsync.repo.affected import Entries, Entry
from jobsync.repo.trees import HeadTree
from jobsync.values import dataclass


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
