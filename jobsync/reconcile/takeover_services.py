"""Takes over from a systemd user service that runs by itself, or runs at each login: stopped, and its files away.

A daemon is gone from its stop until the new one has started, so that never two of them run. Until then everything that
was there can be put back, by whoever knows how it stood.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jobsync import files, process
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.takeover import content_of, keep, systemctl
from jobsync.values import dataclass

_STOPPING = 150.0
"""Seconds: systemd's own patience with a service that does not end is 90."""
_ALIVE = ("active", "activating", "reloading")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service stood before anything was done to it."""

    files: tuple[tuple[Path, int, bytes], ...]
    """Path, mode and content of the unit; of a link, 0 and what it leads to. So for each link that starts it."""
    is_running: bool
    """It is to run when it is back."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the user's that no timer starts."""

    origin: Origin
    environ: Mapping[str, str]
    path: Path
    """Where systemd has it."""
    links: tuple[Path, ...]
    """What starts it."""
    is_daemon: bool

    def why_not_now(self) -> str | None:
        """As `takeover.Former`. A daemon that runs is no reason: that is what it is for."""
        try:
            state = self._state()
        except JobsyncError as error:
            return error.message
        if self.path.name in _groups_of("self"):
            return f"{self.path.name} runs this very command, and taking it over would end it; type it elsewhere"
        if self.is_daemon or state in ("inactive", "failed"):
            return None
        if state == "active":  # it has ended, and RemainAfterExit keeps it so
            is_left = any(self.path.name in _groups_of(pid) for pid in files.names(Path("/proc")) if pid.isdigit())
            why = f"{self.path.name} has left processes running, and taking it over would end them; stop it first"
            return why if is_left else None
        return f"{self.path.name} is running, and taking it over would stop it; wait for its end"

    def is_running(self) -> bool:
        """Whether systemd has it as started."""
        return self._state() in _ALIVE

    def standing(self) -> Standing:
        """How it stands, for `bring_back`."""
        # What runs once at login is not to run again because its job could not be made.
        is_running = self.is_daemon and self.is_running()
        return Standing(tuple(_as_it_is(path) for path in (self.path, *self.links)), is_running)

    def keep(self) -> Path:
        """Keep a copy, and say where."""
        return keep(self.origin, self.path.name, content_of(self.path))

    def stop(self) -> None:
        """Have it gone. `JobsyncError`: it is not, as far as anybody knows."""
        answer = self._systemctl("stop", self.path.name, timeout=_STOPPING)
        if answer.status or self._state() not in ("inactive", "failed"):
            raise JobsyncError(f"{self.path.name} could not be stopped: {answer.complaint}", hint="try again")

    def remove(self) -> None:
        """Take away its file and what starts it, or the link (home-manager's) that its file is."""
        for path in (*self.links, self.path):
            files.remove(path)

    def forget(self) -> None:
        """Have systemd know that it is gone."""
        self._systemctl("daemon-reload")
        self._systemctl("reset-failed", self.path.name)

    def bring_back(self, before: Standing) -> None:
        """Have it as it stood. `JobsyncError`: it does not run again, though it did."""
        for path, mode, content in before.files:
            files.make_directory(path.parent, 0o755)
            if mode:
                files.write_if_changed(path, content, mode)
            else:
                files.link_atomically(path, content)
        self._systemctl("daemon-reload")
        if before.is_running:
            answer = self._systemctl("start", self.path.name, timeout=_STOPPING)
            if answer.status:
                raise JobsyncError(
                    f"{self.path.name} was stopped and could not be started again: {answer.complaint}",
                    hint=f"its file is {self.path} as before: systemctl --user start {self.path.name}",
                )

    def _state(self) -> str:
        """Its `ActiveState`. `JobsyncError` where systemd does not answer."""
        answer = self._systemctl("show", "--property=ActiveState", "--value", self.path.name)
        if answer.status:
            raise JobsyncError(f"systemd does not say how {self.path.name} stands: {answer.complaint}")
        return answer.stdout.decode("utf-8", "replace").strip()

    def _systemctl(self, *arguments: str, timeout: float = 60.0) -> process.Finished:
        return systemctl(self.origin, self.environ, *arguments, timeout=timeout)


def _as_it_is(path: Path) -> tuple[Path, int, bytes]:
    if files.is_link(path):
        return path, 0, os.fsencode(path.readlink())
    return path, stat.S_IMODE(path.stat().st_mode), content_of(path)


def _groups_of(pid: str) -> set[str]:
    """Names of the control groups that a process is in: a service's is named after it."""
    groups = b""
    with suppress(JobsyncError):  # it has just ended
        groups = files.read(Path("/proc", pid, "cgroup")) or b""
    return {part for line in groups.decode("utf-8", "replace").splitlines() for part in line.split("/")}


def running(origin: Origin, environ: Mapping[str, str]) -> set[str]:
    """Names of the services that run now; none where systemd does not answer."""
    try:
        answer = systemctl(
            origin, environ, "list-units", "--plain", "--no-legend", "--type=service", f"--state={','.join(_ALIVE)}"
        )
    except JobsyncError:
        return set()
    return {line.split()[0] for line in answer.stdout.decode("utf-8", "replace").splitlines() if line.strip()}
