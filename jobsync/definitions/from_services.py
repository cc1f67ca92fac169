"""A systemd user service that no timer starts -> the daemon, or the job of each login, that means the same. Pure.

systemd.service(5), systemd.kill(5) and systemd.unit(5) as of version 252. What `from_units.py` says of a timer's
service holds here too; what differs is all that has to do with its end.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence

from jobsync.definitions.foreign import Found, Kind, Variables
from jobsync.definitions.from_units import ENABLED, Call, Reader, Unit, script_of
from jobsync.errors import JobsyncError

TARGET = "default.target"
"""What starts jobsync's daemons, too: it is reached when the user manager has started."""
_RESTARTS = ("always", "on-failure")
_PAUSE = "100ms"
"""systemd's own `RestartSec=`."""
_UNREACHED = ("multi-user.target", "graphical.target", "network-online.target")
"""Targets of the system's manager: the user's has none of the name, or never gets there."""
_FORCED = "RestartForceExitStatus"
_SIGNALLED = {"129", "130", "143", "SIGHUP", "SIGINT", "SIGTERM"}
"""How it ends when told to from outside, after which jobsync starts it again: another notice says so."""
_AFTER_ALL = "it is started again after these anyway"
_STATUSES = "only 0 is a good end of a daemon; let a script end with that, or write Restart=always and take it out"
_LIMITS = {f"{section}.{key}"
           for section in ("Unit", "Service")
           for key in ("StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst")}  # fmt: skip
"""systemd reads them in [Service] as well, most of them, for they stood there once."""
_ALIKE: Mapping[str, tuple[str, ...]] = {
    "Service.KillMode": ("mixed", "control-group"),
    **{key: ("0",) for key in _LIMITS if "Interval" in key},
}
"""What holds for jobs, too, or is told by another notice."""
_REFUSED: Mapping[str, str] = {
    "Install.Alias": "a job has one name; take it out, and `systemctl --user reenable` the service",
    "Service.Restart": "a job of each login is not started again by systemd; take it out, and write below [retry] of "
    "the job: attempts = 3",
    "Service.RestartPreventExitStatus": "a daemon has always and on-failure; let a script end with 0, and write "
    "Restart=on-failure",
    "Service.TimeoutSec": "write TimeoutStopSec",
    "Service.ExecStop": "TERM ends a job; take it out, where that will do, else let a script trap TERM",
}


class _Reader(Reader):
    """The service while it becomes a draft."""

    beside = "a job is one program; let a script start both"

    def __init__(self, service: Unit, home: str, variables: Variables, targets: Collection[str]) -> None:
        super().__init__(Unit(), service, home, variables)
        self.targets = targets

    def _why_not(self, target: str) -> str:
        enabled = "and `systemctl --user reenable` it"
        if target in _UNREACHED:
            return f"{target} is the machine's, which no login reaches; write {TARGET}, {enabled}"
        where = "and a job with the user manager, outside of any graphical session; keep it as it is"
        return f"it starts with {target}, {where}, or write {TARGET} where that will do, {enabled}"

    def enabling(self) -> None:
        """What starts it, where something does."""
        others = [target for target in self.targets if target != TARGET]
        self.reasons += [f"WantedBy: {self._why_not(target)}" for target in others]
        if not self.targets:
            self.reasons.append(
                "WantedBy: neither a timer of its name nor a login starts it; name the timer that does, or write below "
                f"[Install]: WantedBy={TARGET}, and `systemctl --user enable` it"
            )
        elif not others:
            self.note(Kind.LEFT_OUT, "WantedBy", ENABLED)

    def other(self, whole: str, text: str) -> None:
        """See the class above."""
        if text in _ALIKE.get(whole, ()):
            return
        if whole in _REFUSED:
            self.reasons.append(f"{whole.partition('.')[2]}: {_REFUSED[whole]}")
        else:
            super().other(whole, text)


class _Daemon(_Reader):
    """What is to run all the time."""

    def restart(self) -> str | None:
        """When it is started again; None, and a reason: at other times than jobsync's daemons."""
        text = self.service.last("Service.Restart") or "no"
        if text in _RESTARTS:
            return text
        if text == "no":
            why = "it may run all the time or end; write always or on-failure where it shall run, else Type=oneshot"
        else:
            why = f"{text} cannot be said; write always or on-failure"
        self.reasons.append(f"Restart: {why}")
        return None

    @property
    def _is_always(self) -> bool:
        return self.service.last("Service.Restart") == "always"

    def calls(self) -> list[Call]:
        """The last one is the daemon itself, and systemd takes one only."""
        *before, (marks, words) = super().calls()
        if len(self.service.values.get("Service.ExecStart", ())) > 1:
            raise JobsyncError("there are several, and systemd starts none of them; write a script")
        if marks and not self._is_always:
            raise JobsyncError("its prefix - takes every failure for a good end; drop it, or write Restart=always")
        return [*before, ("", words)]

    def script(self, calls: Sequence[Call]) -> str:
        """The daemon takes the place of its script, so that it hears TERM itself."""
        *before, (_, words) = calls
        lines = [f"{shlex.join(others)}{' || :' if marks else ''}" for marks, others in before]
        return script_of([*lines, f"exec {shlex.join(words)}"])

    def limited_by(self) -> dict[str, str]:
        """A daemon has all the time there is, but to end."""
        return {"grace": "TimeoutStopSec"}

    def ending(self) -> None:
        """What jobsync's daemons do another way when they end, or are started again."""
        text = self.service.last("Service.RestartSec") or _PAUSE
        try:
            self.keep("service", "RestartSec", text)
        except JobsyncError:
            self.note(Kind.DIFFERS, "RestartSec", f"10 s from its end to its next start, where systemd waits {text}")
        if not self._is_always:
            words = "one that TERM, HUP, INT or PIPE has ended is started again, too; `jobsync stop` stops it"
            self.note(Kind.DIFFERS, "Restart", words)
        if self.service.last("Service.KillMode") != "mixed":
            words = "TERM is sent to the program itself, and what that leaves is killed, where systemd sends it to all"
            self.note(Kind.DIFFERS, "KillMode", words)
        if self.service.last("Service.TimeoutStopSec") is None:
            words = "10 s to end after TERM, where systemd gives 90; more is to be had below [limits]: grace"
            self.note(Kind.DIFFERS, "TimeoutStopSec", words)
        if self.service.last("Service.RuntimeMaxSec") not in (None, "infinity"):
            self.reasons.append("RuntimeMaxSec: a daemon runs until it ends itself; take it out")

    def other(self, whole: str, text: str) -> None:
        """See the class above."""
        key = whole.partition(".")[2]
        if whole in ("Service.Restart", "Service.RestartSec") or (
            whole == "Service.RemainAfterExit" and not self._is_always
        ):
            return  # read above, or what holds for jobsync's daemons
        if whole in _LIMITS and text not in _ALIKE.get(whole, ()):
            self.note(Kind.DIFFERS, key, "it is started again however often it ends")
        elif whole == "Service.ExecReload":
            self.note(Kind.LEFT_OUT, key, "nothing reloads a job; `jobsync restart` starts it anew")
        elif whole in ("Service.SuccessExitStatus", f"Service.{_FORCED}"):
            self._status(key)
        else:
            super().other(whole, text)

    def _statuses(self, key: str) -> set[str]:
        return {word for text in self.service.values.get(f"Service.{key}", ()) for word in text.split()}

    def _status(self, key: str) -> None:
        """Statuses that end it well or badly: no matter where it is started again after them anyway."""
        forced = self._statuses(_FORCED)
        odd = forced & {"0"} if key == _FORCED else self._statuses(key) - forced - _SIGNALLED
        if self._is_always or not odd:
            self.note(Kind.LEFT_OUT, key, "it is started again whatever its status" if self._is_always else _AFTER_ALL)
        else:
            self.reasons.append(f"{key}: {_STATUSES}")


class _AtLogin(_Reader):
    """What runs once at each login, and ends."""

    def other(self, whole: str, text: str) -> None:
        """See the class above."""
        key = whole.partition(".")[2]
        if whole == "Service.RemainAfterExit":
            self.note(Kind.DIFFERS, key, "what a run leaves in the background ends with it")
        elif whole in _LIMITS:
            self.note(Kind.LEFT_OUT, key, "a login starts it once")
        else:
            super().other(whole, text)


def targets_of(service: Unit) -> tuple[str, ...]:
    """What starts the service where it is enabled."""
    return tuple(dict.fromkeys(word for text in service.values.get("Install.WantedBy", ()) for word in text.split()))


def read_service(
    origin: str, name: str, service: Unit, machine_path: str, home: str, targets: Collection[str]
) -> Found:
    """The draft of a service by itself. `home`: as for a timer's; `targets`: what starts it."""
    variables = Variables(machine_path, name)
    if service.last("Service.Type") == "oneshot":
        once = _AtLogin(service, home, variables, targets)
        return once.found(origin, name, once.command(), {"at_login": True})
    daemon = _Daemon(service, home, variables, targets)
    command, restart = daemon.command(), daemon.restart()
    daemon.ending()
    return daemon.found(origin, name, command, {}, restart)
