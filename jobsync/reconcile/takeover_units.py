"""Takes over from systemd units of the user's: a timer with its service, or a service that runs by itself.

What starts is stopped, and its files go. From then until the job is there neither runs, so that never two of them do,
and all that was there can be put back by whoever knows how it stood. Any number is stopped, forgotten and put back in
as many calls as one.
"""

import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jobsync import files, process
from jobsync.errors import JobsyncError
from jobsync.reconcile import leading
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.takeover import content_of, keep, systemctl
from jobsync.schedulers import together, units_list
from jobsync.values import dataclass

_STOPPING = 150.0
"""Seconds: systemd's own patience with a service that does not end is 90."""
_ALIVE = ("active", "activating", "reloading")
_GONE = ("inactive", "failed")

_Seen = Mapping[str, Mapping[str, str]]
"""Name of a unit -> properties, as systemd tells them."""


@dataclass(frozen=True, slots=True)
class UserUnits:
    """A service of the user's, with the timer that starts it, or one that no timer starts."""

    origin: Origin
    environ: Mapping[str, str]
    service: Path
    """Where systemd has it."""
    timer: Path | None = None
    is_daemon: bool = False

    @property
    def starter(self) -> Path:
        """What systemd has started, and stops."""
        return self.timer or self.service

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of all there is."""
        return (self.timer, self.service) if self.timer else (self.service,)

    def why_not_now(self) -> str | None:
        """As `takeover.Former`. A daemon that runs is no reason: that is what it is for."""
        try:
            state = _state(_look([self]), self.service)
        except JobsyncError as error:
            return error.message
        name = self.service.name
        if name in _groups_of("self"):
            return f"{name} runs this very command, and taking it over would end it; type it elsewhere"
        if self.is_daemon or state in _GONE:
            return None
        if state == "active" and self.timer is None:  # it has ended, and RemainAfterExit keeps it so
            is_left = any(name in _groups_of(pid) for pid in files.names(Path("/proc")) if pid.isdigit())
            why = f"{name} has left processes running, and taking it over would end them; stop it first"
            return why if is_left else None
        return _is_running(self.service)

    def is_running(self) -> bool:
        """Whether systemd has it as started."""
        return _state(_look([self]), self.starter) in _ALIVE

    def is_off(self) -> bool:
        """Whether its user has switched it off: systemd neither runs it now nor would at the next login."""
        seen: Mapping[str, str] = {}
        with suppress(JobsyncError):  # nobody can say; whoever takes it over asks again
            seen = _look([self]).get(self.starter.name, {})
        return seen.get("ActiveState") == "inactive" and seen.get("UnitFileState") not in ("", "enabled")

    def keep(self) -> list[Path]:
        """Keep copies, and say where."""
        return [keep(self.origin, path.name, content_of(path)) for path in self.paths]


@dataclass(frozen=True, slots=True)
class Standing:
    """How units stood before anything was done to them."""

    units: UserUnits
    files: tuple[tuple[Path, int, bytes], ...]
    """Path, mode and content of each unit; of a link, 0 and what it leads to. So for each link that starts one."""
    is_running: bool
    """It is to run when it is back."""
    is_service_wanted: bool
    """By a timer, or the like, that is not the user's own."""

    def remove(self) -> None:
        """Take away the files and what starts them, or the link (home-manager's) that a file is.

        A service that anything else leads to stays. A power cut brings back nothing of the rest. `JobsyncError`.
        """
        units = self.units
        _remove(units.origin, units.starter)
        if units.timer and not self.is_service_wanted and not leading.is_wanted(units.origin, *units.paths):
            _remove(units.origin, units.service)

    def restore(self) -> JobsyncError | None:
        """Have the files as they were, or say why they are not."""
        try:
            for path, mode, content in self.files:
                files.make_directory(path.parent, 0o755)
                if mode:
                    files.write_if_changed(path, content, mode)
                else:
                    files.link_atomically(path, content)
        except JobsyncError as error:
            return error
        return None


def standing(group: Sequence[UserUnits]) -> list[Standing]:
    """How each of them stands now. `JobsyncError` where systemd does not answer, or a file cannot be read."""
    seen = _look(group)
    return [_standing(units, seen) for units in group]


def _standing(units: UserUnits, seen: _Seen) -> Standing:
    origin = units.origin
    # What runs once at login is not to run again because its job could not be made.
    is_running = (units.timer is not None or units.is_daemon) and _state(seen, units.starter) in _ALIVE
    there = [one for path in units.paths for one in (path, *leading.links_to(origin, path.name))]
    triggers = seen.get(units.service.name, {}).get("TriggeredBy", "").split()
    others = [name for name in triggers if not any(files.is_there(at / name) for at in leading.own_places(origin))]
    return Standing(units, tuple(_as_it_is(path) for path in there), is_running, bool(others))


def stop(group: Sequence[Standing]) -> list[float | JobsyncError]:
    """Have them stopped: of each the moment (epoch) since which its slots are the job's, or why it still runs.

    `JobsyncError`: nobody knows how they stand.
    """
    begun = time.time()
    answer = _for_all(group, "stop", [one.units.starter.name for one in group])
    ended, seen = time.time(), _look(_units(group))
    return [_why_not_stopped(one.units, seen, answer) or _since(one.units, begun, ended) for one in group]


def _since(units: UserUnits, begun: float, ended: float) -> float:
    """The moment since which the timer has started nothing, as far as that can be known.

    One with `Persistent=` leaves a stamp when it fires. Of any other, systemd may know nothing once it is stopped.
    """
    fired = files.time_of(_stamp(units))
    return max(fired, begun) if fired else ended


def _stamp(units: UserUnits) -> Path:
    return units.origin.paths.stamps / f"stamp-{units.starter.name}"


def _why_not_stopped(units: UserUnits, seen: _Seen, answer: process.Finished) -> JobsyncError | None:
    if _state(seen, units.starter) not in _GONE:
        return JobsyncError(f"{units.starter.name} could not be stopped: {answer.complaint_line}", hint="try again")
    if _state(seen, units.service) not in _GONE:  # the timer started it just then
        return JobsyncError(_is_running(units.service))
    return None


def forget(group: Sequence[Standing]) -> None:
    """Have systemd know that they are gone, and when their timers fired last be forgotten, too."""
    if not group:
        return
    _systemctl(group, "daemon-reload")
    _systemctl(group, "reset-failed", "--", *(path.name for one in group for path in one.units.paths))
    for one in group:
        # Else a timer that somebody puts back one day would make up for a slot that was the job's.
        files.remove(_stamp(one.units))


def bring_back(group: Sequence[Standing]) -> None:
    """Have them as they stood. `JobsyncError`: some do not run again, though they did, or are not there."""
    with suppress(JobsyncError):  # what follows says so, too
        _forget_stopped_timers(group)
    troubles = [error for one in group if (error := one.restore())]
    _systemctl(group, "daemon-reload")
    names = [one.units.starter.name for one in group if one.is_running]
    answer = _for_all(group, "start", names) if names else None
    if troubles:
        raise troubles[0]
    if answer and answer.status:
        raise JobsyncError(
            f"{', '.join(names)} could not be started again: {answer.complaint_line}",
            hint=f"what was there is there as before: systemctl --user start {' '.join(names)}",
        )


def _forget_stopped_timers(group: Sequence[Standing]) -> None:
    """Some systemds (#31231, before 257.13) start the service of a timer that has fired before when it starts again."""
    seen = _look(_units(group))
    stopped = [one for one in group if one.units.timer and one.is_running and _state(seen, one.units.timer) in _GONE]
    for link in (path for one in stopped for path, _, _ in one.files if path not in one.units.paths):
        files.remove(link)
    if stopped:
        _systemctl(group, "daemon-reload")


def _remove(origin: Origin, path: Path) -> None:
    for one in (*leading.links_to(origin, path.name), path):
        files.remove(one)
        files.sync_directory(one.parent)


def _is_running(service: Path) -> str:
    return f"{service.name} is running, and taking it over would stop it; wait for its end"


def _units(group: Iterable[Standing]) -> list[UserUnits]:
    return [one.units for one in group]


def _state(seen: _Seen, path: Path) -> str:
    return seen.get(path.name, {}).get("ActiveState", "")


def _look(group: Sequence[UserUnits]) -> _Seen:
    """What systemd says of all of them. `JobsyncError` where it does not answer."""
    names = dict.fromkeys(path.name for units in group for path in units.paths)
    properties = "Id,ActiveState,UnitFileState,TriggeredBy"
    answer = systemctl(group[0].origin, group[0].environ, "show", f"--property={properties}", "--", *names)
    if answer.status:
        several = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise JobsyncError(f"systemd does not say how {next(iter(names))}{several} stand: {answer.complaint_line}")
    return units_list.shown(answer.stdout.decode("utf-8", "replace"))


def _systemctl(group: Sequence[Standing], *arguments: str, timeout: float = 60.0) -> process.Finished:
    units = group[0].units
    return systemctl(units.origin, units.environ, *arguments, timeout=timeout)


def _for_all(group: Sequence[Standing], verb: str, names: Sequence[str]) -> process.Finished:
    return together.for_all(lambda some: _systemctl(group, verb, "--", *some, timeout=_STOPPING), names)


def _as_it_is(path: Path) -> tuple[Path, int, bytes]:
    try:
        if files.is_link(path):
            return path, 0, os.fsencode(path.readlink())
        return path, stat.S_IMODE(path.stat().st_mode), content_of(path)
    except OSError as error:
        raise files.complaint("read", path, error) from error


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
