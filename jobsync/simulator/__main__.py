"""`python -m jobsync.simulator DIRECTORY`: the daemon of a simulator that `Simulator.start` has prepared."""

import argparse
from pathlib import Path

from jobsync.simulator.daemon import serve


def main() -> None:
    """Serve until the end."""
    parser = argparse.ArgumentParser(prog="jobsync.simulator")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--at", type=float)
    parser.add_argument("--still", action="store_true")
    parser.add_argument("--lifeline", type=int)
    options = parser.parse_args()
    serve(options.directory, at=options.at, still=options.still, lifeline=options.lifeline)


if __name__ == "__main__":
    main()
