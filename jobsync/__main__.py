"""The command `jobsync`, and `python -m jobsync`: what can be answered at once is, all else is for the command line."""

import sys

from jobsync import at_once


def main() -> None:
    """The console script."""
    at_once.answer(sys.argv[1:])
    from jobsync import cli  # click, and with it all commands

    cli.main()


if __name__ == "__main__":
    main()
