"""A program for `forks`: jobsync, SIGKILLed at the Nth effect boundary. Arguments: N, then jobsync's own.

`finish REPO` as arguments is what `jobsync-hook finish REPO` does: the end of a deferred change.

An effect is a file that is written or removed, or a call of launchctl. Boundary 2k is before effect k, 2k+1 after it.
Prints nothing; ends with jobsync's status when there were not that many boundaries.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobsync import entry, files, process
from jobsync.cli import main


class _Mine:
    """Goes off at the boundary that it was laid for."""

    def __init__(self, boundary: int) -> None:
        self._left = boundary

    def _boundary(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def lay(self, effect: Callable[..., Any], is_effect: Callable[..., bool]) -> Callable[..., Any]:
        """The same effect with a boundary before and behind it."""

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            counts = is_effect(*args)
            if counts:
                self._boundary()
            result = effect(*args, **kwargs)
            if counts:
                self._boundary()
            return result

        return wrapped


def _always(*_: Any) -> bool:
    return True


def _is_launchctl(argv: Any, *_: Any) -> bool:
    return str(argv[0]).endswith("launchctl")


def killed_holding(arguments: list[str]) -> None:
    """The program, killed the moment that the first hold file is in its place."""
    write = files.write_atomically

    def written(path: Path, content: bytes, mode: int, safety: files.Safety = files.Safety.WHOLE) -> None:
        write(path, content, mode, safety)
        if path.parent.name == "hold":
            os.kill(os.getpid(), signal.SIGKILL)

    files.write_atomically = written
    sys.argv = ["jobsync", *arguments]
    sys.exit(main())


def killed(arguments: list[str]) -> None:
    """The program."""
    boundary, *rest = arguments
    mine = _Mine(int(boundary))
    files.write_atomically = mine.lay(files.write_atomically, _always)
    files.remove = mine.lay(files.remove, _always)
    process.run = mine.lay(process.run, _is_launchctl)
    sys.argv = ["jobsync", *rest]
    entry.main() if rest[0] == "finish" else sys.exit(main())
