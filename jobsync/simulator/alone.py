"""One daemon for a directory: a lock that goes with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobsync.simulator.errors import SimulatorError

_FILE = "lock"


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Have the directory to oneself meanwhile; children do not. SimulatorError when another process has it.

    With any descriptor of its file that this process closes, the lock is gone: no `refuse_second` meanwhile.
    """
    lock = os.open(directory / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, directory)
        yield
    finally:
        os.close(lock)


def refuse_second(directory: Path) -> None:
    """SimulatorError when another process serves that directory, be it one that is stopped and answers nothing."""
    try:
        lock = os.open(directory / _FILE, os.O_RDWR)
    except OSError:
        return
    try:
        _take(lock, directory)
    finally:
        os.close(lock)


def _take(lock: int, directory: Path) -> None:
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = f"a simulated launchd runs in {directory} already; end it, or name another directory"
        raise SimulatorError(text) from None
