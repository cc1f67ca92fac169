"""Programs of ours in forks of one process that has imported everything already: the same code without Python's start.

A campaign runs thousands of syncs, and most of a short sync's time is the interpreter's start. Each fork has its own
environment, working directory and streams, and may be killed or do what it likes to its own modules.
"""

import importlib
import os
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import jobsync
from jobsync.__main__ import main

from .forkserver import CONTEXT, become
from .laptop import Laptop, Ran
from .scratch import SCRATCH

Program = Callable[[list[str]], None]
"""What a script would be; it gets its arguments. A function of a module, for the fork finds it by name."""
PATIENCE = 120
"""Seconds."""
_IMPORTED_WHERE_NEEDED = ("getpass", "git", "hashlib", "platform", "tomlkit", "yaml")
"""By functions of ours: each fork would import them anew."""

for _module in pkgutil.walk_packages(jobsync.__path__, "jobsync."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)
for _name in _IMPORTED_WHERE_NEEDED:
    importlib.import_module(_name)


def commands(arguments: list[str]) -> None:
    """`jobsync` with these arguments."""
    sys.argv = [str(Path(sys.executable).with_name("jobsync")), *arguments]
    main()


def _begin(program: Program, arguments: list[str], at: str, env: Mapping[str, str], streams: tuple[str, str]) -> None:
    become(Path(at), env, *map(Path, streams))
    program(arguments)


def run(program: Program, *arguments: str, at: Path, env: Mapping[str, str]) -> Ran:
    """How a fork that runs this program ended; -9 where it was killed."""
    with tempfile.TemporaryDirectory(prefix="jobsync-fork-", dir=SCRATCH) as directory:
        streams = (f"{directory}/out", f"{directory}/err")
        process = CONTEXT.Process(target=_begin, args=(program, list(arguments), str(at), dict(env), streams))
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
        if any(name.startswith("COVERAGE_") for name in os.environ):
            return super().jobsync(*arguments, at=at, env=env, status=status)  # coverage knows nothing of forks
        return command(self, *arguments, at=at, env=env, status=status)
