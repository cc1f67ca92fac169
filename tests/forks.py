"""Programs of ours in forks of one process that has imported everything already: the same code without Python's start.

A campaign runs thousands of syncs, and most of a short sync's time is the interpreter's start. Each fork has its own
environment, working directory and streams, and may be killed or do what it likes to its own modules.
"""

import importlib
import multiprocessing
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import jobsync
from jobsync.__main__ import main

from .laptop import Laptop, Ran

Program = Callable[[list[str]], None]
"""What a script would be; it gets its arguments. A function of a module, for the fork finds it by name."""
PATIENCE = 120
"""Seconds."""
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])

for _module in pkgutil.walk_packages(jobsync.__path__, "jobsync."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)


def commands(arguments: list[str]) -> None:
    """`jobsync` with these arguments."""
    sys.argv = [str(Path(sys.executable).with_name("jobsync")), *arguments]
    main()


def _begin(program: Program, arguments: list[str], at: str, env: Mapping[str, str], streams: tuple[str, str]) -> None:
    os.chdir(at)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    for descriptor, path in enumerate((os.devnull, *streams)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - as long as it lives
    program(arguments)


def run(program: Program, *arguments: str, at: Path, env: Mapping[str, str]) -> Ran:
    """How a fork that runs this program ended; -9 where it was killed."""
    with tempfile.TemporaryDirectory(prefix="jobsync-fork-") as directory:
        streams = (f"{directory}/out", f"{directory}/err")
        process = _CONTEXT.Process(target=_begin, args=(program, list(arguments), str(at), dict(env), streams))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{arguments} took longer than {PATIENCE} seconds")
        out, err = (Path(path).read_text(errors="replace") if Path(path).exists() else "" for path in streams)
    return Ran(arguments, process.exitcode, out, err)


def command(laptop: Laptop, *arguments: str, at: Path | None = None, env: Mapping[str, str] | None = None,
            status: int | None = 0) -> Ran:  # fmt: skip
    """As `Laptop.jobsync`, in a fork."""
    ran = run(commands, *arguments, at=at or laptop.work, env={**laptop.environment, **(env or {})})
    return ran.checked(status)


class Warm(Laptop):
    """A machine whose `jobsync` commands run in forks. Hooks, waiters and launchers are processes as ever."""

    def jobsync(self, *arguments: str, at: Path | None = None, env: Mapping[str, str] | None = None,
                status: int | None = 0) -> Ran:  # fmt: skip
        return command(self, *arguments, at=at, env=env, status=status)
