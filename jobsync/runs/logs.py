"""Finds and follows the logs that launchers keep, one for each run."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jobsync.errors import JobsyncError

_PAUSE = 0.1


def all_of(directory: Path) -> tuple[Path, ...]:
    """The logs of a job, oldest first."""
    return tuple(sorted(directory.glob("*.log"))) if directory.is_dir() else ()


def newest(directory: Path, job: str) -> Path:
    """The log of the last run; `JobsyncError` when there was none yet."""
    found = all_of(directory)
    if not found:
        raise JobsyncError(f"{job} has no log yet: it has not run", hint=f"`jobsync run {job}` runs it now")
    return found[-1]


def follow(path: Path, is_over: Callable[[], bool]) -> Iterator[bytes]:
    """What is in the log and what comes into it, until `is_over` says that nothing more will come.

    Asked before each reading, so that the last bytes are never lost. Waits in between.
    """
    with path.open("rb") as file:
        while True:
            over = is_over()
            if chunk := file.read():
                yield chunk
            elif over:
                return
            else:
                time.sleep(_PAUSE)
