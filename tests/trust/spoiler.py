"""A program for `forks`: jobsync on a disk that fails. Arguments: `once` or `ever`, N, an error's name, then jobsync's.

From the Nth call on (`ever`), or at that call only (`once`), what touches a file of jobsync's own in HOME fails with
that error. Only calls that the error can hit count: EIO hits reading too. `write` ends half-way, as on a full disk.
The number of calls that came is left in the file that `JOBSYNC_SPOILER` names; the repository's own files never count.
"""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobsync.cli import main

PLACES = (".config/jobsync", ".local/state", ".local/share", "Library/LaunchAgents", "Library/Logs")
CHANGING = {"open", "write", "fsync", "mkdir", "rename", "chmod", "fchmod", "unlink", "rmdir"}
READING = {"read", "scandir", "stat"}
HIT = {
    "ENOSPC": {"open", "write", "fsync", "mkdir", "rename"},
    "EACCES": {"open", "read", "scandir", "mkdir", "rename", "unlink", "rmdir"},
    "EROFS": CHANGING,
    "EIO": CHANGING | READING,
}
REAL_OPEN = os.open


class _Disk:
    """The disk, and how many calls have come to it that could fail."""

    def __init__(self, mode: str, number: int, error: str) -> None:
        self.count = 0
        self._is_for_good = mode == "ever"
        self._number = number
        self._error = getattr(errno, error)
        self._hit = HIT[error]
        self._ours = tuple(f"{os.environ['HOME']}/{place}" for place in PLACES)
        self._descriptors: set[int] = set()
        """Those of our own files."""

    def _is_ours(self, path: Any) -> bool:
        return path in self._descriptors if isinstance(path, int) else os.fsdecode(path).startswith(self._ours)

    def call(self, kind: str, path: Any) -> None:
        """One call that may fail."""
        if kind not in self._hit or not self._is_ours(path):
            return
        self.count += 1
        if (self._number < self.count) if self._is_for_good else (self._number + 1 == self.count):
            raise OSError(self._error, os.strerror(self._error), str(path))

    def mend(self) -> None:
        """It fails no more."""
        self._number = 10**9

    def _spoilt(self, kind: str, effect: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
            self.call(kind, path)
            return effect(path, *args, **kwargs)

        return wrapped

    def _opening(self, path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        self.call("open" if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) else "read", path)
        descriptor = REAL_OPEN(path, flags, *args, **kwargs)
        (self._descriptors.add if self._is_ours(path) else self._descriptors.discard)(descriptor)
        return descriptor

    def _fdopen(self, descriptor: int, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode == "wb":
            return io.BufferedWriter(_Half(descriptor, self))
        return io.open(descriptor, mode, *args, **kwargs)  # noqa: UP020 - `open` is no descriptor's business here

    def spoil(self) -> None:
        """For the rest of this process."""
        os.open = self._opening
        setattr(os, "fdopen", self._fdopen)  # noqa: B010 - mypy would want every overload
        io.open = self._spoilt("read", io.open)
        for name, kind in (("fsync", "fsync"), ("mkdir", "mkdir"), ("rename", "rename"), ("chmod", "chmod"),
                           ("fchmod", "fchmod"), ("unlink", "unlink"), ("rmdir", "rmdir"), ("scandir", "scandir"),
                           ("listdir", "scandir"), ("lstat", "stat"), ("stat", "stat")):  # fmt: skip
            setattr(os, name, self._spoilt(kind, getattr(os, name)))


class _Half(io.FileIO):
    """Takes the first half of what is written before it fails."""

    def __init__(self, descriptor: int, disk: _Disk) -> None:
        super().__init__(descriptor, "wb")
        self._disk = disk

    def write(self, content: Any, /) -> int:
        try:
            self._disk.call("write", self.fileno())
        except OSError:
            super().write(bytes(content)[: len(content) // 2])
            raise
        return super().write(content)


def spoilt(arguments: list[str]) -> None:
    """The program."""
    mode, number, error, *rest = arguments
    disk = _Disk(mode, int(number), error)
    disk.spoil()
    sys.argv = ["jobsync", *rest]
    try:
        sys.exit(main())
    finally:
        disk.mend()
        Path(os.environ["JOBSYNC_SPOILER"]).write_text(str(disk.count))
