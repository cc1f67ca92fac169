"""`python -m jobsync.simulator DIRECTORY …`: the daemon of a simulator, and from another shell what to do to it."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobsync.simulator.by_hand import add_commands
from jobsync.simulator.daemon import serve
from jobsync.simulator.errors import SimulatorError


def _serve(directory: Path, **values: Any) -> dict[str, Any]:
    serve(directory, **values)
    return {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobsync.simulator", description=__doc__)
    parser.add_argument("directory", type=Path)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serving = commands.add_parser("serve", help="be the daemon of a directory that was prepared before")
    serving.add_argument("--at", type=float, help="seconds since the epoch at which the clock begins")
    serving.add_argument("--still", action="store_true", help="the clock stands still until it is moved")
    serving.add_argument("--resume", action="store_true", help="go on with the clock of the daemon before")
    serving.add_argument("--lifeline", type=int, help="the process with which it ends")
    serving.set_defaults(act=_serve)
    add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command; print as JSON what it gives. 1 with a sentence on stderr when it cannot be done.

    `argv` is without the program; None = the process's own. SystemExit(2) for what is no command.
    """
    values = vars(_parser().parse_args(argv))
    act = values.pop("act")
    try:
        answer = act(**values)
    except SimulatorError as trouble:
        sys.stderr.write(f"jobsync.simulator: {trouble}\n")
        return 1
    if answer:
        sys.stdout.write(f"{json.dumps(answer)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
