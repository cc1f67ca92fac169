"""Run as a program: a sync with systemd that is killed right before its n-th effect on the world.

`python -m tests.contract.killed ROOT RUNTIME N WISH`. Effects are what Python tells its audit hooks of: processes
started, files opened for writing, renamed, linked or removed. Ends with 0 when there were fewer.
"""

import os
import signal
import sys
from pathlib import Path

from jobsync.definitions.job import Restart, Schedule

from ..reconcile.bench import SLEEP, job
from ..user_manager import UserManager
from .rig import linux_at

_EFFECTS = ("os.posix_spawn", "os.rename", "os.remove", "os.symlink", "os.utime")
DAEMON = job("daemon", schedule=Schedule(), daemon=Restart.ALWAYS, command=SLEEP)
WISHES = {
    "first": (job(), DAEMON, job("login", schedule=Schedule(at_login=True))),
    "later": (job(hour=10), DAEMON, job("login", schedule=Schedule(at_login=True))),
    "other": (job(hour=10, line="false"), job("login", hour=7)),
}
_seen = 0


def _count(limit: int, event: str, arguments: tuple[object, ...]) -> None:
    global _seen  # noqa: PLW0603 - an audit hook cannot be taken away, so there is one for the whole process
    is_write = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_CREAT))
    if event in _EFFECTS or is_write:
        _seen += 1
        if _seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)


def main(root: Path, runtime: Path, limit: int, wish: str) -> None:
    """Sync those jobs."""
    manager = UserManager.__new__(UserManager)
    manager.runtime = runtime
    rig = linux_at(root, manager)
    sys.addaudithook(lambda event, arguments: _count(limit, event, arguments))
    rig.sync(*WISHES[wish])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
