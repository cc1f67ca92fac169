"""Runs jobsync on a disk that fails: argv is `once` or `ever`, N, an error's name, then jobsync's own arguments.

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

MODE, NUMBER, NAME = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ERROR = getattr(errno, NAME)
OURS = tuple(
    f"{os.environ['HOME']}/{place}"
    for place in (".config/jobsync", ".local/state", ".local/share", "Library/LaunchAgents", "Library/Logs")
)
CHANGING = {"open", "write", "fsync", "mkdir", "rename", "chmod", "fchmod", "unlink", "rmdir"}
READING = {"read", "scandir", "stat"}
HIT = {
    "ENOSPC": {"open", "write", "fsync", "mkdir", "rename"},
    "EACCES": {"open", "read", "scandir", "mkdir", "rename", "unlink", "rmdir"},
    "EROFS": CHANGING,
    "EIO": CHANGING | READING,
}[NAME]
COUNT = 0
DESCRIPTORS: set[int] = set()
"""Those of our own files."""
REAL_OPEN = os.open


def _is_ours(path: Any) -> bool:
    return path in DESCRIPTORS if isinstance(path, int) else os.fsdecode(path).startswith(OURS)


def _call(kind: str, path: Any) -> None:
    """One call that may fail."""
    global COUNT  # noqa: PLW0603 - one counter for the whole life of this short process
    if kind not in HIT or not _is_ours(path):
        return
    COUNT += 1
    if (NUMBER < COUNT) if MODE == "ever" else (NUMBER + 1 == COUNT):
        raise OSError(ERROR, os.strerror(ERROR), str(path))


def _spoilt(kind: str, effect: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
        _call(kind, path)
        return effect(path, *args, **kwargs)

    return wrapped


def _opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
    _call("open" if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) else "read", path)
    descriptor = REAL_OPEN(path, flags, *args, **kwargs)
    (DESCRIPTORS.add if _is_ours(path) else DESCRIPTORS.discard)(descriptor)
    return descriptor


class _Half(io.FileIO):
    """Takes the first half of what is written before it fails."""

    def write(self, content: Any, /) -> int:
        try:
            _call("write", self.fileno())
        except OSError:
            super().write(bytes(content)[: len(content) // 2])
            raise
        return super().write(content)


def _fdopen(descriptor: int, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
    if mode == "wb":
        return io.BufferedWriter(_Half(descriptor, "wb"))
    return io.open(descriptor, mode, *args, **kwargs)  # noqa: UP020 - `open` is no descriptor's business here


def _spoil() -> None:
    os.open = _opening
    setattr(os, "fdopen", _fdopen)  # noqa: B010 - mypy would want every overload
    io.open = _spoilt("read", io.open)
    for name, kind in (("fsync", "fsync"), ("mkdir", "mkdir"), ("rename", "rename"), ("chmod", "chmod"),
                       ("fchmod", "fchmod"), ("unlink", "unlink"), ("rmdir", "rmdir"), ("scandir", "scandir"),
                       ("listdir", "scandir"), ("lstat", "stat"), ("stat", "stat")):  # fmt: skip
        setattr(os, name, _spoilt(kind, getattr(os, name)))


try:
    _spoil()
    sys.argv = ["jobsync", *sys.argv[4:]]
    main()
finally:
    NUMBER = 10**9
    Path(os.environ["JOBSYNC_SPOILER"]).write_text(str(COUNT))
