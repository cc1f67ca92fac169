"""Where throwaway machines are made: in memory, if there is room.

Measured: to copy the 149 files of a clone and its origin takes 150 ms of processor on ext4, and 10 on a tmpfs.
"""

import os
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes. Of what a test leaves nothing is kept unless it failed."""


def _has_room() -> bool:
    try:
        there = os.statvfs(_MEMORY)
    except OSError:
        return False
    is_usable = os.access(_MEMORY, os.W_OK | os.X_OK) and not there.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return is_usable and min(there.f_bavail * there.f_frsize, memory) > _ROOM


SCRATCH = os.environ.get("SCRATCH") or (str(_MEMORY) if _has_room() else "/tmp")
"""Short: the path of a socket may have no more than about a hundred bytes. `SCRATCH=/tmp` plays on a disk."""

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", SCRATCH)  # for pytest's own directories; everybody else's stay in /tmp
