"""Runs `jobsync sync` and SIGKILLs it at the Nth effect boundary: argv is N, then jobsync's own arguments.

`finish REPO` as arguments is what `jobsync-hook finish REPO` does: the end of a deferred change.

An effect is a file that is written or removed, or a call of launchctl. Boundary 2k is before effect k, 2k+1 after it.
Prints nothing; ends with jobsync's status when there were not that many boundaries.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from jobsync import entry, files, process
from jobsync.cli import main

LEFT = int(sys.argv[1])


def _boundary() -> None:
    global LEFT  # noqa: PLW0603 - one counter for the whole life of this short process
    if LEFT == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    LEFT -= 1


def _mined(effect: Callable[..., Any], is_effect: Callable[..., bool]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        counts = is_effect(*args)
        if counts:
            _boundary()
        result = effect(*args, **kwargs)
        if counts:
            _boundary()
        return result

    return wrapped


def _always(*_: Any) -> bool:
    return True


def _is_launchctl(argv: Any, *_: Any) -> bool:
    return str(argv[0]).endswith("launchctl")


files.write_atomically = _mined(files.write_atomically, _always)
files.remove = _mined(files.remove, _always)
process.run = _mined(process.run, _is_launchctl)
sys.argv = ["jobsync", *sys.argv[2:]]
entry.main() if sys.argv[1] == "finish" else main()
