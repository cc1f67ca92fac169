"""What watched paths look like: WatchPaths, QueueDirectories and KeepAlive's PathState. Only looks."""

import os
import stat
from pathlib import Path

from jobsync.simulator.definition import Definition
from jobsync.simulator.files import status_of


def look(path: str) -> object:
    """A value that differs when the path was made, removed, written, or (a directory) got or lost an entry."""
    found = status_of(path)
    if found is None:
        return None
    try:
        names = tuple(sorted(entry.name for entry in Path(path).iterdir())) if stat.S_ISDIR(found.st_mode) else ()
    except OSError:
        names = ()
    return found.st_ino, found.st_mtime_ns, found.st_size, names


def is_filled(directory: str) -> bool:
    """Whether a queue directory holds anything."""
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is not None
    except (OSError, ValueError):
        return False


def is_path_state_met(definition: Definition) -> bool:
    """Whether any PathState entry wants the job alive now."""
    return any((status_of(path) is not None) == wanted for path, wanted in definition.keep_alive.path_state)


def needs_watching(definition: Definition) -> bool:
    """Whether somebody must look now and then."""
    keep = definition.keep_alive
    return bool(definition.watch_paths or definition.queue_directories or keep.path_state or keep.other_jobs)
