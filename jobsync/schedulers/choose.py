"""Which scheduler a machine's configuration names, and which one a machine has."""

import os
from collections.abc import Mapping
from pathlib import Path

from jobsync import process
from jobsync.config import Config, Repo, UserManager, home_directory
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.schedulers.protocol import Scheduler

NAMES = ("launchd", "systemd")
_USUAL = {"macos": "launchd", "linux": "systemd"}
_PATH = "/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin"
_TIMEOUT = 10.0


def scheduler_for(config: Config, repo: Repo, paths: Paths) -> Scheduler:
    """The scheduler for one repository. `JobsyncError` for a name that this jobsync does not know."""
    if config.scheduler not in NAMES:
        raise JobsyncError(
            f'{config.file}: scheduler: "{config.scheduler}" is not one of {", ".join(NAMES)}',
            hint="upgrade jobsync, or mend the file",
        )
    # One of them only: launchd's modules and plistlib take 3 ms to import, systemd's 1.5.
    if config.scheduler == "systemd":
        from jobsync.schedulers.systemd import Systemd

        return Systemd(config, repo, paths)
    from jobsync.schedulers.launchd import Launchd

    return Launchd(config, repo, paths)


def usual(system: str) -> str:
    """The scheduler of most machines with a system, for where none has been chosen yet."""
    return _USUAL[system]


def _place(environ: Mapping[str, str], name: str, standard: str, searched: list[str]) -> str | None:
    """The user's own directory of units, if the manager looks there: XDG's or the standard one, as the manager calls
    it. It may know the home by another name than the caller, where a link leads to that."""
    bases = (environ.get(name), f"{home_directory(environ)}/{standard}")
    wanted = [f"{base}/systemd/user" for base in bases if base]
    physical = {os.path.realpath(place): place for place in reversed(searched)}
    found = (place if place in searched else physical.get(os.path.realpath(place)) for place in wanted)
    return next((place for place in found if place), None)


def _places(environ: Mapping[str, str], runtime: str, searched: list[str]) -> tuple[str, str, str] | None:
    """Where units, links and stamps go. For a home that the manager does not look into (a throwaway one) units and
    links go where it forgets them at logout."""
    own = [place for place in searched if place.endswith("/share/systemd/user") and not place.startswith("/usr/")]
    data = _place(environ, "XDG_DATA_HOME", ".local/share", searched)
    stamps = f"{(data or (own or [runtime])[0]).removesuffix('/user')}/timers"
    links = _place(environ, "XDG_CONFIG_HOME", ".config", searched)
    if links is not None:
        return data or links, links, stamps
    passing = f"{runtime}/systemd/user"
    return (passing, passing, stamps) if passing in searched else None


def _runtime(environ: Mapping[str, str]) -> str:
    """XDG_RUNTIME_DIR, but where that is another user's (su keeps what it finds) or none (sudo, ssh without PAM): then
    where logind puts one's own."""
    given, user = environ.get("XDG_RUNTIME_DIR", ""), os.getuid()
    return given if given.startswith("/") and _may_be_of(given, user) else f"/run/user/{user}"


def _may_be_of(directory: str, user: int) -> bool:
    """What is gone was nobody else's."""
    try:
        return Path(directory).stat().st_uid == user
    except FileNotFoundError:
        return True
    except OSError:
        return False


def user_manager(environ: Mapping[str, str]) -> UserManager | None:
    """The systemd user manager of whoever calls, as it describes itself; None when none answers."""
    systemctl = process.find("systemctl", f"{environ.get('PATH', '')}:{_PATH}")
    if systemctl is None or not systemctl.startswith("/"):
        return None
    runtime = _runtime(environ)
    env = {"HOME": str(home_directory(environ)), "XDG_RUNTIME_DIR": runtime, "PATH": _PATH, "LC_ALL": "C"}
    try:
        answer = process.run([systemctl, "--user", "show", "-p", "UnitPath", "--value"], env=env, timeout=_TIMEOUT)
    except JobsyncError:
        return None
    places = _places(environ, runtime, answer.stdout.decode("utf-8", "surrogateescape").split())
    return None if answer.status or places is None else UserManager(systemctl, runtime, *places)


def in_words(config: Config) -> list[tuple[str, str]]:
    """What `init` says of the scheduler: rows of a name and a sentence."""
    manager = config.systemd
    if manager is None:
        return [("scheduler", f"{config.scheduler} ({config.launchctl})")]
    from jobsync.schedulers.systemd import lingers

    staying = (
        "jobs go on (you linger)"
        if lingers()
        else "jobs wait for your next login; `loginctl enable-linger` lets them run"
    )
    return [("scheduler", f"systemd ({manager.systemctl} --user, units in {manager.units})"), ("logged out", staying)]
