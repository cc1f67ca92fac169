"""Simulated Macs without Python's start: the daemon is a fork of the same code, launchctl a program that knows as
little as the script.

For tests that want a launchd. Those of the daemon's own start and end take `jobsync.simulator.Simulator`.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self

from jobsync.simulator import Simulator
from jobsync.simulator.__main__ import main
from jobsync.simulator.control import OUTPUT, DaemonProcess

from .forkserver import CONTEXT, become
from .hours import lunch
from .scratch import SCRATCH

_CLIENT = Path(__file__).with_name("launchctl.c")


def _serve(directory: Path, arguments: list[str], env: Mapping[str, str]) -> None:
    os.setsid()
    become(directory, env, directory / OUTPUT, directory / OUTPUT)
    raise SystemExit(main(arguments))


class _Fork:
    """A daemon's process, as `subprocess.Popen` would be one."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join()
        status = self._process.exitcode
        assert status is not None
        return status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self._process.kill()


class Forked(Simulator):
    """One whose daemon is a fork, and whose clock begins at noon: jobs have slots in the morning, and every hour is
    one at which somebody runs tests.
    """

    @classmethod
    def start(cls, directory: Path, home: Path, **settings: Any) -> Self:
        """As a `Simulator`."""
        return super().start(directory, home, **{"at": lunch(), **settings})

    @staticmethod
    def spawn(directory: Path, argv: list[str]) -> DaemonProcess:
        """Fork it; a process where coverage is measured, which such a fork would not tell."""
        if any(name.startswith("COVERAGE_") for name in os.environ):
            return Simulator.spawn(directory, argv)
        arguments = argv[argv.index(str(directory)) :]
        process = CONTEXT.Process(target=_serve, args=(directory, arguments, dict(os.environ)), daemon=True)
        process.start()
        return _Fork(process)


@cache
def client() -> Path | None:
    """launchctl as a program, compiled once; None where that cannot be, and then the script does it.

    Measured: a call takes 2 ms of processor instead of 17, and tests make some 16,000.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    directory = Path(tempfile.mkdtemp(prefix="jobsync-client-", dir=SCRATCH))
    atexit.register(shutil.rmtree, directory)
    argv = [compiler, "-O1", "-o", str(directory / "launchctl"), str(_CLIENT)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    return directory / "launchctl" if done.returncode == 0 else None


class Quick(Forked):
    """The same, and its `launchctl` is that program."""

    def _wait_until_it_answers(self) -> None:
        super()._wait_until_it_answers()
        program = client()
        if program is not None:
            beside = self.launchctl.with_name("program")
            shutil.copy(program, beside)
            beside.rename(self.launchctl)
