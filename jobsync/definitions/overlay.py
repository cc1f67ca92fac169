"""A tree as it would be with some files changed or added. Pure."""

from collections.abc import Mapping

from jobsync.definitions.job import Tree
from jobsync.definitions.places import DIRECTORY, LINK
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class Overlay:
    """A tree as it would be with some more files: path -> mode and content."""

    tree: Tree
    files: Mapping[str, tuple[int, bytes]]

    @property
    def is_gits(self) -> bool:
        """See the protocol."""
        return self.tree.is_gits

    def names(self, directory: str) -> tuple[str, ...] | None:
        """See the protocol."""
        start = f"{directory}/"
        more = {path.removeprefix(start).split("/")[0] for path in self.files if path.startswith(start)}
        found = self.tree.names(directory)
        return found if not more else tuple(sorted({*(found or ()), *more}))

    def read(self, path: str) -> bytes | None:
        """See the protocol."""
        return self.files[path][1] if path in self.files else self.tree.read(path)

    def mode(self, path: str) -> int | None:
        """See the protocol."""
        if path in self.files and not self._is_link(path):
            return self.files[path][0]
        return DIRECTORY if any(one.startswith(f"{path}/") for one in self.files) else self.tree.mode(path)

    def real(self, path: str) -> str:
        """See the protocol."""
        return path if path in self.files and not self._is_link(path) else self.tree.real(path)

    def _is_link(self, path: str) -> bool:
        """What is written there comes to where the link leads."""
        return self.tree.mode(path) == LINK
