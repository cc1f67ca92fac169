"""The process that has imported everything already, one for each process of tests, and what its forks become."""

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([f"{__package__}.forks"])


def become(at: Path, env: Mapping[str, str], out: Path, err: Path) -> None:
    """Take on this working directory, this environment and these streams, and no other."""
    os.chdir(at)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - as long as it lives
