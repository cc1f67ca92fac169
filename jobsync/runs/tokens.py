"""One-use tokens: where a scheduler cannot tell a load from a login, they tell the launcher that it was a load."""

import time
from pathlib import Path

from jobsync import files, process
from jobsync.errors import JobsyncError

LIFETIME = 60
"""Seconds. launchd may keep a start back after a load; later than this it is taken for a login."""


def boot_id() -> str:
    """What tells this boot from any other; the launcher asks the same sources. Empty when there is none."""
    content = files.read(Path("/proc/sys/kernel/random/boot_id"))
    if content is not None:
        return content.decode("ascii").strip()
    try:
        answer = process.run(["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], env={"LC_ALL": "C"}, timeout=5)
    except JobsyncError:
        return ""
    return answer.stdout.decode("ascii", "replace").strip()


def ask(path: Path) -> None:
    """Tell the next start of the job, within the next minute, that its user asked for it: no condition counts then."""
    files.make_directory(path.parent)
    files.write_atomically(path, f"{int(time.time()) + LIFETIME}\n".encode(), 0o600)


def write(path: Path) -> None:
    """Leave a token for the next start of the job, within this boot and the next minute."""
    files.make_directory(path.parent)
    # After a power cut it is another boot: what that leaves of the file is no token, whole or not.
    files.write_atomically(path, f"{boot_id()} {int(time.time()) + LIFETIME}\n".encode(), 0o600, files.Safety.NONE)


def remove(path: Path) -> None:
    """Take an unused token back: the next start counts."""
    files.remove(path)
