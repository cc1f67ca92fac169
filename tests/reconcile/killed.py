"""A program for `forks`: a sync that is killed right before its n-th effect on the world. Arguments: ROOT, N.

Effects are what Python tells its audit hooks of: processes started, files opened for writing, renamed or removed,
directories made. Ends with 0 when there were fewer.
"""

import os
import signal
import sys
from pathlib import Path

from jobsync.simulator import Simulator

from .bench import at, job

_EFFECTS = ("os.posix_spawn", "os.rename", "os.remove", "os.mkdir", "os.chmod")
_seen = 0


def _is_effect(event: str, arguments: tuple[object, ...]) -> bool:
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in _EFFECTS


def _count(limit: int, event: str, arguments: tuple[object, ...]) -> None:
    global _seen  # noqa: PLW0603 - an audit hook cannot be taken away, so there is one for the whole process
    if _is_effect(event, arguments):
        _seen += 1
        if _seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(arguments: list[str]) -> None:
    """The program: syncs the changed job."""
    root, limit = Path(arguments[0]), int(arguments[1])
    mac = Simulator.__new__(Simulator)
    mac.launchctl = root / "mac" / "bin" / "launchctl"
    bench = at(root, mac)
    sys.addaudithook(lambda event, arguments: _count(limit, event, arguments))
    bench.sync(job(hour=10, line="false"))
