"""Which jobs HEAD has changed since jobsync last applied them. Pure: lists in, a cause out.

What changed is never computed from hook arguments, ORIG_HEAD or reflogs: hooks are skipped, doubled and killed.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

from jobsync.values import dataclass

REGULAR, EXECUTABLE, LINK, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o160000
"""git's modes of what a commit holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a commit holds it."""

    mode: int
    """`REGULAR`, `EXECUTABLE`, `LINK` or `SUBMODULE`."""
    blob: str
    """Object id; of a submodule: the commit that it points to."""


def is_under(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or in it; `""` and `"."` are the whole repository."""
    return directory in ("", ".") or path == directory or path.startswith(directory + "/")


class Entries(dict[str, Entry]):
    """All that a commit holds, by path; not to be changed once `under` was asked."""

    __slots__ = ("_paths", "_trees")

    def __init__(self, entries: Mapping[str, Entry] | None = None, trees: Mapping[str, str] | None = None) -> None:
        """`trees`: ids of the directories, where they are known."""
        super().__init__(entries or {})
        self._paths: list[str] = []
        self._trees = trees or {}

    def id_of(self, path: str) -> str | None:
        """The id of what is at this path, a file or a directory; equal ids mean equal content, to the last file below.

        None where nothing is, and for a file that sparse checkout leaves out.
        """
        entry = self.get(path)
        return entry.blob if entry else self._trees.get(path)

    def under(self, inputs: Iterable[str]) -> dict[str, Entry]:
        """The entries of one job: those that are one of its inputs or in one; finds them without a look at the rest."""
        if not self._paths:
            self._paths = sorted(self)
        return {path: self[path] for one in inputs for path in self._found(one)}

    def _found(self, place: str) -> list[str]:
        if place in ("", "."):
            return self._paths
        first, behind = (bisect_left(self._paths, f"{place}{end}") for end in ("/", "0"))  # "0" comes right after "/"
        return [*([place] if place in self else ()), *self._paths[first:behind]]


def lines(entries: Mapping[str, Entry]) -> list[str]:
    """All that is to be known of these entries, in order of path: what a digest of them is made of."""
    return [f"{path}\0{entry.mode:o}\0{entry.blob}" for path, entry in sorted(entries.items())]


def _difference(path: str, now: Entry | None, before: Entry | None) -> str:
    if before is None:
        return f"added: {path}"
    if now is None:
        return f"removed: {path}"
    if now.blob == before.blob:
        return f"mode: {path} ({before.mode:06o} to {now.mode:06o})"
    return f"changed: {path}"


def affected(head: Mapping[str, Entry], ledger: Mapping[str, Entry] | None) -> str | None:
    """Why a job must be rendered again, for people (`changed: jobs/backup/run`); None when it need not be.

    `head` are HEAD's entries of the job's inputs, `ledger` those recorded when it was last applied (None: never).
    The first difference in order of path is named, the number of the others is added.
    """
    if ledger is None:
        return "new"
    differing = sorted(path for path in head.keys() | ledger.keys() if head.get(path) != ledger.get(path))
    if not differing:
        return None
    first = differing[0]
    cause = _difference(first, head.get(first), ledger.get(first))
    return cause if len(differing) == 1 else f"{cause} and {len(differing) - 1} more"
