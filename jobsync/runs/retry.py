"""Runs a command, and again when it fails: what `jobsync retry` does, as `[retry]` does it inside the launcher."""

import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType

from jobsync import process
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

NOT_FOUND = 127
"""Status of a command that could not be started, as sh has it; no further attempt would find it."""
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try; seconds."""

    attempts: int
    delay: float
    max_delay: float
    on_codes: tuple[int, ...] = ()
    """Statuses worth another attempt; empty: every failure."""


class _Stopped(Exception):
    """A signal came while nothing ran."""


class _Attempts:
    """The command of the moment, and the signals that are meant for it."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        self._argv = argv
        self._environ = environ
        self._pid = 0
        self._is_starting = False
        self._early: list[int] = []
        self.stopped = 0
        """The last signal that came."""
        self.status: int | None = None
        """Of the last attempt, as sh sees it; None: there was none yet."""

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Hand it on; the command decides. Where none runs, the waiting ends."""
        del frame
        self.stopped = number
        if self._pid:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self._pid, number)
        elif self._is_starting:
            self._early.append(number)
        else:
            raise _Stopped

    def run(self) -> int:
        """One attempt: its status."""
        # From here on it may run, though its pid is not known yet: what comes now is for it too.
        self._is_starting = True
        try:
            self._pid = process.start_on_terminal(self._argv, env=self._environ)
        finally:
            self._is_starting = False
        for number in self._early:
            os.kill(self._pid, number)
        status = process.wait_for(self._pid)
        self.status = status if status >= 0 else 128 - status
        self._pid = 0
        return self.status


def wait_after(effort: Effort, attempt: int, share: float) -> float:
    """Seconds between an attempt (from 1) and the next; `share` (0 to 1) of a quarter is taken off, for jitter."""
    usual: float = min(effort.delay * 2.0 ** (attempt - 1), effort.max_delay)
    return usual * (1 - share / 4)


def run(argv: Sequence[str], effort: Effort, environ: Mapping[str, str]) -> int:
    """The status of the last attempt. A signal is the command's to hear; during a wait it ends the waiting.

    `process.NotStarted` where the command cannot be started at all.
    """
    attempts = _Attempts(argv, environ)
    former = {number: signal.signal(number, attempts.on_signal) for number in _SIGNALS}
    try:
        return _run(attempts, argv[0], effort)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _run(attempts: _Attempts, name: str, effort: Effort) -> int:
    for attempt in range(1, effort.attempts + 1):
        try:
            status = attempts.run()
            if not status or attempts.stopped:
                return status
            what = f"jobsync retry: {name}: attempt {attempt} of {effort.attempts} failed with status {status}"
            if effort.on_codes and status not in effort.on_codes:
                sys.stderr.write(f"{what}, which is worth no other\n")
                return status
            if attempt == effort.attempts:
                sys.stderr.write(f"{what}; giving up\n")
                return status
            wait = wait_after(effort, attempt, random.random())  # noqa: S311 - jitter is no secret
            sys.stderr.write(f"{what}; next in {wait:.3g} s\n")
            time.sleep(wait)
        except _Stopped:
            return 128 + attempts.stopped if attempts.status is None else attempts.status
    raise JobsyncError("no attempt was asked for")
