"""Takes over from what ran a job before jobsync: the old one is unloaded and its definition kept as a copy.

Order: copy, unload, confirmed gone, definition away. Whatever interrupts it, a job runs once or not at all, and never
twice; what is left is named, and a copy of it is there.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from jobsync import files, process
from jobsync.definitions import from_crontab
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin
from jobsync.schedulers.protocol import Survey
from jobsync.values import dataclass

_PATIENCE = 30.0
"""Seconds within which the old job must be gone."""
_PAUSE = 0.1
_TIMEOUT = 60.0


class Former(Protocol):
    """Who runs a job so far."""

    def why_not_now(self) -> str | None:
        """Why it cannot be taken over at this moment, such as a run that would be cut off; None: it can."""
        ...

    def retire(self) -> list[Path]:
        """Unload it and take its definition away; gives the copies. Nothing to unload is fine. `JobsyncError`."""
        ...


def copies_of(origin: Origin) -> Path:
    """The directory of copies of what was taken over. `uninstall` leaves it."""
    return origin.paths.kept / "taken-over"


def keep(origin: Origin, name: str, content: bytes) -> Path:
    """Keep a copy of what is taken over, and say where."""
    directory = copies_of(origin)
    files.make_directory(directory)
    copy = directory / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"
    number = 1
    while files.is_there(copy):
        number += 1
        copy = directory / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{number}-{name}"
    files.write_atomically(copy, content, 0o600)
    return copy


def content_of(path: Path) -> bytes:
    """Of a definition that was there a moment ago. `JobsyncError`: it is not."""
    found = files.read(path)
    if found is None:
        raise JobsyncError(f"{path} is gone", hint="try again")
    return found


def systemctl(
    origin: Origin, environ: Mapping[str, str], *arguments: str, timeout: float = _TIMEOUT
) -> process.Finished:
    """Ask the user manager, the one of the configuration where it names one. `JobsyncError`: no answer."""
    manager = origin.config.systemd
    program, around = "systemctl", {**environ, "LC_ALL": "C"}
    if manager is not None:
        program, around["XDG_RUNTIME_DIR"] = manager.systemctl, manager.runtime
    return process.run([program, "--user", *arguments], env=around, timeout=timeout)


@dataclass(frozen=True, slots=True)
class Agent:
    """A LaunchAgent: its file, and its label at launchd."""

    origin: Origin
    label: str
    path: Path
    is_daemon: bool

    def why_not_now(self) -> str | None:
        """See the protocol."""
        if self.origin.config.scheduler != "launchd":
            return None
        answer = self.origin.scheduler.survey()
        if not isinstance(answer, Survey):
            return answer.reason
        loaded = answer.services.get(self.label)
        if loaded is None or loaded.pid is None or self.is_daemon:
            return None
        return f"{self.label} is running (pid {loaded.pid}), and taking it over would stop it; wait for its end"

    def retire(self) -> list[Path]:
        """See the protocol."""
        copy = keep(self.origin, self.path.name, content_of(self.path))
        if self.origin.config.scheduler == "launchd":
            failure = self.origin.scheduler.unload([self.label]).failures.get(self.label)
            if failure is not None:
                raise failure
            self._wait_until_gone()
        files.remove(self.path)
        return [copy]

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            answer = self.origin.scheduler.survey()
            if isinstance(answer, Survey) and self.label not in answer.services:
                return
            time.sleep(_PAUSE)
        raise JobsyncError(f"{self.label} is still loaded after {_PATIENCE:g} seconds", hint="try again")


@dataclass(frozen=True, slots=True)
class CrontabLines:
    """Lines of the user's crontab, which stay there as comments."""

    origin: Origin
    environ: Mapping[str, str]
    before: str
    """The whole crontab, as it was read."""
    names: Mapping[int, str]
    """Number of the line -> the job that it became."""

    def why_not_now(self) -> str | None:
        """See the protocol. cron does not tell what runs."""
        return None

    def retire(self) -> list[Path]:
        """See the protocol."""
        if crontab(self.environ) != self.before:
            raise JobsyncError("the crontab was changed meanwhile", hint="try again")
        copy = keep(self.origin, "crontab", self.before.encode("utf-8", "surrogateescape"))
        after = from_crontab.without(self.before, self.names)
        content = after.encode("utf-8", "surrogateescape")
        answer = process.run(["crontab", "-"], env=self.environ, timeout=_TIMEOUT, stdin=content)
        if answer.status or crontab(self.environ) != after:
            raise JobsyncError(f"the crontab could not be written: {answer.complaint}", hint=f"its copy is {copy}")
        return [copy]


def crontab(environ: Mapping[str, str]) -> str:
    """The user's crontab, bytes that are no UTF-8 as surrogates; empty where there is none, or no cron.

    `JobsyncError` when it cannot be read.
    """
    try:
        answer = process.run(["crontab", "-l"], env={**environ, "LC_ALL": "C"}, timeout=_TIMEOUT)
    except process.NotStarted:
        return ""
    if answer.status:
        if b"no crontab" in answer.stderr:
            return ""
        raise JobsyncError(f"`crontab -l` failed: {answer.complaint}", hint="give its text as a file instead")
    return answer.stdout.decode("utf-8", "surrogateescape")
