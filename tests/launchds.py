"""Simulated Macs whose daemon needs no start of Python: it is a fork, and the same code.

For tests that want a launchd. Those of the daemon's own start and end take `jobsync.simulator.Simulator`.
"""

import os
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self

from jobsync.simulator import Simulator
from jobsync.simulator.__main__ import main
from jobsync.simulator.control import OUTPUT, DaemonProcess

from .forkserver import CONTEXT, become
from .hours import lunch


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
