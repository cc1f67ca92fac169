"""The repository's files at one moment: the work tree's as they are on the disk, or HEAD's. Both are `job.Tree`.

Both follow links inside the repository only, and neither looks into a repository inside the repository (a submodule,
a clone): its files are not in this HEAD. Nothing is written.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from jobsync.errors import JobsyncError
from jobsync.repo.affected import EXECUTABLE, LINK, REGULAR, SUBMODULE, Entries, Entry, is_under
from jobsync.repo.repository import Repository

DIRECTORY = 0o040000
# As many as Linux follows before it says ELOOP.
_MOST_LINKS = 40

Target = Callable[[str], str | None]
"""What the link at a path points to; None when there is no link."""


def _leads_out(path: str) -> JobsyncError:
    return JobsyncError(
        f"{path} leads out of the repository",
        hint="put the file itself into the repository, or link to one that is in it",
    )


def _elsewhere(directory: str) -> JobsyncError:
    return JobsyncError(
        f"{directory} is a repository of its own (a submodule, a clone), and not looked into; "
        "register that one: `jobsync init` there"
    )


def _inside(target: str, root: str, path: str) -> deque[str]:
    """The components of an absolute link target below the work tree."""
    try:
        return deque(PurePosixPath(target).relative_to(root).parts)
    except ValueError:
        raise _leads_out(f"{path} (a link to {target})") from None


def resolve(path: str, root: str, target: Target, *, whole: bool = True) -> str:
    """`path` without links, `.` and `..`; with `whole=False` a link at its very end stays.

    `JobsyncError` when it leads out of the work tree at `root`, or round in circles.
    """
    done: list[str] = []
    pending = deque(path.split("/"))
    links = 0
    while pending:
        name = pending.popleft()
        if name in ("", "."):
            continue
        if name == "..":
            if not done:
                raise _leads_out(path)
            done.pop()
            continue
        pointed = target("/".join((*done, name))) if pending or whole else None
        if pointed is None:
            done.append(name)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise JobsyncError(f"{path} is a link that goes round in circles")
        if pointed.startswith("/"):
            done, rest = [], _inside(pointed, root, path)
        else:
            rest = deque(pointed.split("/"))
        pending = rest + pending
    return "/".join(done)


class WorkTree:
    """The files as they lie on the disk, uncommitted and untracked ones included."""

    is_gits = False

    def __init__(self, root: str) -> None:
        """`root`: the work tree, absolute and physical."""
        self._root = root

    def names(self, directory: str) -> tuple[str, ...] | None:
        """See `Tree.names`; `.git` of the repository itself is left out."""
        resolved = self._resolved(directory)
        if resolved is None:
            raise _elsewhere(directory)
        try:
            found = [_text(os.fsencode(one.name)) for one in self._on_disk(resolved).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(directory, error) from error
        return tuple(sorted(name for name in found if name != ".git"))

    def read(self, path: str) -> bytes | None:
        """See `Tree.read`."""
        resolved = self._resolved(path)
        if resolved is None:
            return None
        status = self._status(resolved)
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        try:
            return self._on_disk(resolved).read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error

    def mode(self, path: str) -> int | None:
        """See `Tree.mode`; what git cannot hold (a pipe, a socket, a device) is nothing."""
        resolved = self._resolved(path, whole=False)
        status = None if resolved is None else self._status(resolved)
        if status is None:
            return None
        if stat.S_ISLNK(status.st_mode):
            return LINK
        if stat.S_ISDIR(status.st_mode):
            return DIRECTORY
        if not stat.S_ISREG(status.st_mode):
            return None
        return EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR

    def real(self, path: str) -> str:
        """See `Tree.real`."""
        return resolve(path, self._root, self._target)

    def _resolved(self, path: str, *, whole: bool = True) -> str | None:
        """Without links; None when that is in a repository inside the repository."""
        resolved = resolve(path, self._root, self._target, whole=whole)
        parts = resolved.split("/") if resolved else []
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        return None if any(map(self._is_repository, above)) else resolved

    def _is_repository(self, directory: str) -> bool:
        # A directory that cannot be searched is named by whoever asks for what is in it.
        return os.path.lexists(self._on_disk(f"{directory}/.git"))

    def _target(self, path: str) -> str | None:
        try:
            return _text(os.fsencode(self._on_disk(path).readlink()))
        except OSError as error:
            # EINVAL: there, and not a link.
            if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                return None
            raise _unreadable(path, error) from error

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return self._on_disk(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(path, error) from error

    def _on_disk(self, path: str) -> Path:
        # By way of bytes: a name must be the same text whatever the caller's locale is.
        return Path(self._root, os.fsdecode(path.encode("utf-8", "surrogateescape")))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _unreadable(path: str, error: OSError) -> JobsyncError:
    return JobsyncError(f"cannot read {path}: {error.strerror}")


class HeadTree:
    """The files as HEAD holds them, read from git as late as possible and as many at a time as sensible."""

    is_gits = True

    def __init__(
        self,
        repository: Repository,
        paths: Iterable[str],
        entries: Entries | None = None,
        together: Iterable[str] | None = None,
    ) -> None:
        """`paths`: what will mostly be asked for. Anything else costs further processes when it is asked for.

        `entries`: all that HEAD holds, where that has been asked already; then nothing is asked again but contents.
        `together`: directories whose files of one name are read at once; None: all.
        """
        self._repository = repository
        self._all = entries
        self._wanted = tuple(paths)
        self._together = None if together is None else tuple(together)
        self._listed: list[str] = []
        self._entries: dict[str, Entry] = {}
        self._directories: dict[str, set[str]] = {}
        self._contents: dict[str, bytes] = {}
        self._targets: dict[str, str] = {}

    def names(self, directory: str) -> tuple[str, ...] | None:
        """See `Tree.names`."""
        resolved = self._resolved(directory)
        entry = self._entry(resolved)
        if entry is not None and entry.mode == SUBMODULE:
            raise _elsewhere(directory)
        found = self._directories.get(resolved)
        return None if found is None else tuple(sorted(found))

    def read(self, path: str) -> bytes | None:
        """See `Tree.read`; as a checkout would write it (filters, line ends)."""
        resolved = self._resolved(path)
        entry = self._entry(resolved)
        if entry is None or entry.mode == SUBMODULE:
            return None
        if resolved not in self._contents:
            self._fetch(resolved)
        return self._contents[resolved]

    def mode(self, path: str) -> int | None:
        """See `Tree.mode`."""
        resolved = self._resolved(path, whole=False)
        entry = self._entry(resolved)
        if entry is not None:
            return None if entry.mode == SUBMODULE else entry.mode
        return DIRECTORY if resolved in self._directories else None

    def real(self, path: str) -> str:
        """See `Tree.real`."""
        return self._resolved(path)

    def _resolved(self, path: str, *, whole: bool = True) -> str:
        return resolve(path, self._repository.work_tree, self._target, whole=whole)

    def _entry(self, path: str) -> Entry | None:
        self._list(path)
        return self._entries.get(path)

    def _target(self, path: str) -> str | None:
        if path in self._directories:
            return None
        entry = self._entry(path)
        if entry is None or entry.mode != LINK:
            return None
        if path not in self._targets:
            self._targets[path] = _text(self._repository.raw(entry.blob))
        return self._targets[path]

    def _list(self, path: str) -> None:
        """Know what HEAD holds at and below `path`."""
        if self._wanted:
            wanted, self._wanted = self._wanted, ()
            self._learn(wanted)
        if not any(is_under(path, known) for known in self._listed):
            self._learn((path,))

    def _learn(self, paths: tuple[str, ...]) -> None:
        for path, entry in self._held(paths).items():
            self._entries[path] = entry
            self._place(path)
        self._listed.extend(paths)

    def _held(self, paths: tuple[str, ...]) -> dict[str, Entry]:
        return self._repository.entries(paths) if self._all is None else self._all.under(paths)

    def _place(self, path: str) -> None:
        """Note a file in its directory, and that in its own, up to the top."""
        while path:
            directory, _, name = path.rpartition("/")
            names = self._directories.setdefault(directory, set())
            if name in names:  # and so is all above it
                return
            names.add(name)
            path = directory

    def _fetch(self, path: str) -> None:
        """Read a file, and the unread ones of the same name with it: whoever reads one `job.toml` reads others too."""
        found = {other: self._entries[other] for other in (path, *self._others_named(path.rpartition("/")[2]))}
        alike = [
            (other, entry.blob)
            for other, entry in found.items()
            if other not in self._contents and entry.mode in (REGULAR, EXECUTABLE)
        ]
        try:
            self._contents |= self._repository.blobs(alike)
        except JobsyncError:
            # One that cannot be had (a filter that fails) must not take the others with it.
            self._contents |= self._repository.blobs([(path, self._entries[path].blob)])

    def _others_named(self, name: str) -> Iterable[str]:
        if self._together is None:
            return (other for other in self._entries if other.rpartition("/")[2] == name)
        return (other for directory in self._together if (other := f"{directory}/{name}") in self._entries)


class IndexTree(HeadTree):
    """The files as the next commit will hold them."""

    def _held(self, paths: tuple[str, ...]) -> dict[str, Entry]:
        return self._repository.staged_entries(paths)
