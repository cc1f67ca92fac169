"""A repository's files in memory, for definitions that need no disk, and a machine to read them on."""

import posixpath
from collections.abc import Mapping

from jobsync.definitions.job import Job, Machine
from jobsync.definitions.load import load
from jobsync.errors import JobsyncError

FILE, EXECUTABLE, LINK, DIRECTORY = 0o100644, 0o100755, 0o120000, 0o040000

MACHINE = Machine(
    name="mbp-nils",
    tags=("home", "laptop"),
    os="macos",
    home="/Users/nils",
    prefix="org.nils",
    work_tree="/Users/nils/dotfiles",
    scheduler="launchd",
)
SCRIPT = (EXECUTABLE, b"#!/bin/sh\necho hello\n")


class MemoryTree:
    """A `Tree` made of {path: (mode, bytes)}; a link's bytes are its target, from its own directory.

    Paths in `unreadable` are there and raise.
    """

    is_gits = False

    def __init__(self, files: Mapping[str, tuple[int, bytes]], unreadable: frozenset[str] = frozenset()) -> None:
        self.files = dict(files)
        self.unreadable = unreadable

    def _refuse(self, path: str) -> None:
        if path in self.unreadable:
            raise JobsyncError(f"{path}: permission denied")

    def _resolved(self, path: str) -> str:
        parts = path.split("/")
        for number in range(1, len(parts) + 1):
            head = "/".join(parts[:number])
            if self.files.get(head, (FILE, b""))[0] == LINK:
                target = posixpath.normpath(posixpath.join(posixpath.dirname(head), self.files[head][1].decode()))
                return self._resolved("/".join([target, *parts[number:]]))
        return path

    def names(self, directory: str) -> tuple[str, ...] | None:
        self._refuse(directory)
        start = f"{self._resolved(directory)}/"
        found = {path[len(start) :].split("/")[0] for path in self.files if path.startswith(start)}
        return tuple(sorted(found)) or None

    def read(self, path: str) -> bytes | None:
        self._refuse(path)
        mode, content = self.files.get(self._resolved(path), (DIRECTORY, b""))
        return content if mode in {FILE, EXECUTABLE} else None

    def mode(self, path: str) -> int | None:
        self._refuse(path)
        above, slash, name = path.rpartition("/")
        resolved = f"{self._resolved(above)}{slash}{name}"
        if resolved in self.files:
            return self.files[resolved][0]
        return DIRECTORY if any(other.startswith(f"{resolved}/") for other in self.files) else None

    def real(self, path: str) -> str:
        self._refuse(path)
        return self._resolved(path)


def tree(
    definitions: Mapping[str, str], settings: str | None = "", files: Mapping[str, tuple[int, bytes]] | None = None
) -> MemoryTree:
    """A repository with a `jobsync.toml` and a directory with `job.toml` and `run` for each definition."""
    found = {} if settings is None else {"jobsync.toml": (FILE, settings.encode())}
    for name, text in definitions.items():
        found[f"jobs/{name}/job.toml"] = (FILE, text.encode())
        found[f"jobs/{name}/run"] = SCRIPT
    return MemoryTree(found | dict(files or {}))


def job(text: str, settings: str = "", machine: Machine = MACHINE) -> Job:
    """The job `backup` of a definition that has no fault."""
    found = load(tree({"backup": text}, settings, {"lib/retry.sh": SCRIPT}), machine)
    assert found.faults == ()
    return found.jobs[0]


def faults(text: str, settings: str = "", machine: Machine = MACHINE) -> list[str]:
    """The faults of the definition `backup`, without the name of its file."""
    found = load(tree({"backup": text}, settings, {"lib/retry.sh": SCRIPT}), machine)
    return [str(fault).removeprefix("jobs/backup/job.toml: ") for fault in found.faults]
