"""The command `jobsync`, and `python -m jobsync`: what can be answered at once is, all else is for the command line."""

import gc
import sys

from jobsync import at_once, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

_INTERRUPTED = 130


def _command_line() -> "ModuleType":
    """click, and with it all commands."""
    from jobsync import cli

    gc.freeze()
    gc.enable()
    return cli


def main() -> "NoReturn":
    """The console script."""
    # What is imported stays until the end: looking for garbage in it finds none, and takes 12 ms.
    gc.disable()
    try:
        at_once.answer(sys.argv[1:])
        cli = _command_line()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("jobsync: interrupted\n")
        process.end(_INTERRUPTED)
    process.end(cli.main())


if __name__ == "__main__":
    main()
