"""The command `jobsync`, and `python -m jobsync`: what can be answered at once is, all else is for the command line."""

import sys

from jobsync import at_once

_INTERRUPTED = 130


def main() -> None:
    """The console script."""
    try:
        at_once.answer(sys.argv[1:])
        from jobsync import cli  # click, and with it all commands
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("jobsync: interrupted\n")
        sys.exit(_INTERRUPTED)
    cli.main()


if __name__ == "__main__":
    main()
