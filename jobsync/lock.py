"""One sync at a time for each repository: a record lock, which the system drops when its holder dies.

Nothing is ever written into the lock file, so that a sync with nothing to do leaves no trace at all; who holds it is
what fcntl(2) `F_GETLK` answers.
"""

import errno
import fcntl
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobsync import files, process
from jobsync.errors import JobsyncError

_PAUSE = 0.05
# struct flock, fcntl(2) of macOS and of Linux on 64-bit machines: (format, index of l_pid, fields before packing).
_MACOS = ("qqihh", 2)
_LINUX = ("hhqqi", 4)


class Locked(JobsyncError):
    """Somebody else held the lock for the whole time that we were ready to wait."""


def _try(descriptor: int, path: Path) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise files.complaint("lock", path, error) from error
    return True


def _holder_pid(descriptor: int) -> int:
    if sys.platform == "darwin":
        layout, index = _MACOS
        query = struct.pack(layout, 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
    else:
        layout, index = _LINUX
        query = struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    answer = struct.unpack(layout, fcntl.fcntl(descriptor, fcntl.F_GETLK, query))
    return int(answer[index])


def _holder(descriptor: int) -> str:
    pid = _holder_pid(descriptor)
    if pid <= 0:
        return "another process"
    command = process.command_line(pid)
    return f"process {pid} ({command})" if command else f"process {pid}"


@contextmanager
def hold(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold the lock file at `path` for the block; waits up to `timeout` seconds, then `Locked` names the holder.

    The file stays for ever: removing it would race with whoever waits for it. `JobsyncError` when it cannot
    be opened, and where the file system knows no locks (a home on a server).
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise files.complaint("open", path, error) from error
    deadline = time.monotonic() + timeout
    try:
        while not _try(descriptor, path):
            if time.monotonic() >= deadline:
                raise Locked(
                    f"{_holder(descriptor)} is syncing this repository and did not end within {timeout:g} s",
                    hint="run the command again when that has ended",
                )
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def hold_directory(path: Path) -> Iterator[None]:
    """For the block, for as long as it takes to read a file in there and write it anew: nobody else does meanwhile.

    It is made if need be, and goes again where nothing was put into it. Waits for whoever is at it. Where a file system
    locks no directories (NFS; flock(2)) nothing is held. `JobsyncError` when it cannot be opened.
    """
    files.make_directory(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise files.complaint("open", path, error) from error
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        files.remove_if_empty(path)
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at this moment. Creates nothing, takes nothing."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _holder_pid(descriptor) > 0
    finally:
        os.close(descriptor)
