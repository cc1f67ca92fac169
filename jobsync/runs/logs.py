"""Finds, reads and follows the logs that launchers keep, one for each run."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError

CUT = b"\njobsync: at least %d bytes were cut here\n"
SEAM = b"\njobsync: some of them may have been cut here\n"
"""What a launcher writes too: the bytes of the moment in which it empties the log are lost and in no number."""

_PAUSE = 0.1
_MOST_DIGITS = 20
"""What has more is no count of bytes, and Python refuses some of it."""
_LOG = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]+\.log(\.[a-z]+)?")


def all_of(directory: Path) -> tuple[Path, ...]:
    """The logs of a job, oldest first. `JobsyncError` where that cannot be told."""
    return tuple(path for path in files.listing(directory) if path.suffix == ".log")


def are_all_in(directory: Path) -> bool:
    """Whether launchers made this directory: logs and their parts are in it, and nothing else. `JobsyncError`."""
    names = files.names(directory)
    return bool(names) and not files.is_link(directory) and all(_LOG.fullmatch(name) for name in names)


def end_of(log: Path, most: int) -> bytes:
    """The last bytes of a log, `most` of them at most; none of a log that is not there or cannot be read."""
    try:
        with files.opened(log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most))
            return file.read(most)
    except (OSError, JobsyncError):
        return b""


def take_along(former: Path, directory: Path) -> None:
    """Move a job's logs to where they are looked for under its present label; what cannot be moved stays where it is.

    A run under that label may have begun a log there already: names hold second and process, so they never meet.
    """
    for name in files.names(former):
        with suppress(JobsyncError):
            files.move(former / name, directory / name)
    files.remove_if_empty(former)


def _part(log: Path, end: str) -> bytes:
    return files.read(log.with_name(log.name + end)) or b""


def before(log: Path) -> bytes:
    """What left a log that is cut while its run goes on, or whose launcher was killed; empty where nothing did.

    The beginning, a line that says how much is missing, and what is kept of the end so far.
    """
    head, tail, cut = (_part(log, end) for end in (".head", ".tail", ".cut"))
    gone = int(cut) if cut.strip().isdigit() and len(cut) < _MOST_DIGITS else 0
    if not gone:
        return b""
    lost = max(gone - len(head) - len(tail), 0)
    return head + CUT % lost + tail + SEAM


def follow(path: Path, is_over: Callable[[], bool]) -> Iterator[bytes]:
    """What is in the log and what comes into it, until `is_over` says that nothing more will come.

    Asked before each reading, so that the last bytes are never lost. Waits in between. A log that its launcher cuts
    meanwhile is read on from its new beginning.
    """
    while not (is_last := is_over()) and not files.is_file(path):  # its record comes a moment before its log
        time.sleep(_PAUSE)
    if is_last and not files.is_file(path):
        return  # it could not have one, and its record says so
    if parts := before(path):
        yield parts
    with files.opened(path) as file:
        while True:
            over = is_over()
            # Of the file that is open, not of the path: where the parts became one file, all of them was shown.
            if os.fstat(file.fileno()).st_size < file.tell() and not over:
                file.seek(0)
            if chunk := file.read():
                yield chunk
            elif over:
                return
            else:
                time.sleep(_PAUSE)
