"""What only launchd and macOS know of a job's health: the login scan, overrides, Login Items, guarded places.

Reads only. Facts: launchd.plist(5); the login scan passes over links since macOS 14; the switch in Login Items leaves a
job unloaded though nothing is wrong with its file; a job has no window in which to be asked for a guarded place, so it
is refused there unless the program that runs has Full Disk Access; what osascript shows is shown in Script Editor's
name, and of a program that may show nothing it is dropped, with status 0 (cline/cline#3097).
"""

import os
import plistlib
import re
import shlex
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from xml.parsers.expat import ExpatError

from jobsync import files
from jobsync.config import Config, Repo
from jobsync.definitions.job import Argv, Job, Line, Script
from jobsync.findings import Chmod, Finding, Subject, Sync, error, info, skipped, warning
from jobsync.paths import Paths
from jobsync.runs.launcher import OSASCRIPT
from jobsync.schedulers.protocol import Answer, Survey
from jobsync.values import dataclass

_LOGIN_ITEMS = "open 'x-apple.systempreferences:com.apple.LoginItems-Settings.extension'"
_FULL_DISK = "open 'x-apple.systempreferences:com.apple.preference.security?Privacy_AllFiles'"
_NOTIFICATIONS = "open 'x-apple.systempreferences:com.apple.Notifications-Settings.extension'"
_SCRIPT_EDITOR = "com.apple.scripteditor2"
_MAY_NOTIFY = 1 << 25
"""The switch `Allow notifications` among the flags of com.apple.ncprefs, since macOS 10.15."""
_PREFERENCES = "Library/Preferences/com.apple.ncprefs.plist"
_LATER_PREFERENCES = "Library/Group Containers/group.com.apple.usernoted/Library/Preferences"
"""Where some versions keep them instead, in a form that nobody has described: then nothing is claimed."""
_GUARDED = ("Desktop", "Documents", "Downloads", "Library/Mobile Documents", "Library/CloudStorage")
_VOLUMES = "/Volumes/"
_SHELL = "/bin/sh"
_SELECTED = "/private/var/select/sh"
"""Leads to the program that macOS's sh becomes (sh(1)): bash, unless somebody has chosen another."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are of the repository whose jobs are looked at."""

    config: Config
    repo: Repo
    paths: Paths
    is_ours: Callable[[bytes], bool]
    """Whether an installed property list is of this repository."""

    def label(self, job: Job) -> str:
        """The job's label."""
        return f"{self.repo.prefix}.{job.name}"


# -- after a reboot


def _agents(places: Places) -> Iterator[Finding]:
    directory = places.paths.agents
    try:
        status = directory.stat()
    except OSError:
        return
    if directory.is_symlink():
        yield warning(
            f"{directory} is a link",
            meaning="the login scan may pass over it; nothing would be loaded",
            command=f"ls -ld {shlex.quote(str(directory))}",
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o022:
        yield error(
            f"{directory} may be written by others (mode {mode:04o})",
            meaning="they decide what runs as you",
            command=f"chmod go-w {shlex.quote(str(directory))}",
            repair=Chmod(str(directory), mode & ~0o022),
        )


def _after_reboot(job: Job, answer: Answer, places: Places) -> Iterator[Finding]:
    path = places.paths.plist(places.label(job))
    if path.is_symlink():
        yield error(
            f"{path} is a link",
            job.name,
            meaning="since macOS 14 the login passes over links: it would not be loaded",
            command="jobsync sync",
            repair=Sync(),
        )
        return
    content = files.read(path) if path.is_file() else None
    if not isinstance(answer, Survey) or content is None or not places.is_ours(content):
        return
    label = places.label(job)
    if label not in answer.services and label not in answer.disabled:
        yield warning(
            "is installed, enabled, and not loaded",
            job.name,
            meaning="if you switched it off in System Settings > General > Login Items, it stays off",
            command=_LOGIN_ITEMS,
        )


def _reboot(jobs: Collection[Job], answer: Answer, places: Places) -> Iterator[Finding]:
    yield from _agents(places)
    for job in jobs:
        yield from _after_reboot(job, answer, places)


# -- domains


def _domain(jobs: Collection[Job], background: Collection[str], places: Places) -> Iterator[Finding]:
    """The background domain keeps a set of its own: what stands in both runs twice."""
    for job in jobs:
        label = places.label(job)
        if label in background:
            yield error(
                f"is loaded in user/{os.getuid()} too",
                job.name,
                meaning=f"it runs twice, or without your login; jobsync loads it into gui/{os.getuid()} alone",
                command=f"launchctl bootout user/{os.getuid()}/{label}",
            )


# -- what the user said to launchd


def _overrides(jobs: Collection[Job], answer: Answer, places: Places) -> Iterator[Finding]:
    disabled = answer.disabled if isinstance(answer, Survey) else {}
    loaded = answer.services if isinstance(answer, Survey) else {}
    for job in jobs:
        label = places.label(job)
        if label in disabled:
            # launchd unloads nothing for that.
            here = "it is loaded all the same, until the next login"
            yield info(
                "you disabled it in launchd",
                job.name,
                meaning=here if label in loaded else "it is not loaded, and jobsync leaves it so",
                command=f"{disabled[label]} && jobsync sync",
            )


# -- guarded places


def _guard(path: str, home: str) -> str:
    """The guarded place that a path is in; empty: none."""
    if path.startswith(_VOLUMES):
        return "/".join(path.split("/")[:3])
    guarded = (f"{home}/{name}" for name in _GUARDED)
    return next((one for one in guarded if path == one or path.startswith(f"{one}/")), "")


def _shells() -> str:
    """What runs the launcher, and so what macOS asks about: sh by some reports (darktable-org/darktable#3107), by
    others the program that it becomes (theQuert/cc-reaper#23)."""
    try:
        selected = os.readlink(_SELECTED)  # noqa: PTH115 - as it stands
    except OSError:
        selected = "/bin/bash"
    return _SHELL if selected == _SHELL else f"{_SHELL} or {selected}"


def _words(job: Job) -> Iterable[str]:
    match job.command:
        case Argv(arguments):
            return arguments
        case Line(text):
            try:
                return shlex.split(text, comments=True)
            except ValueError:
                return text.split()
        case Script(path):
            return (path,)


def _paths(job: Job, home: str) -> Iterator[tuple[str, str]]:
    """What a job names: in which key, and the path."""
    yield "dir", job.directory
    for word in _words(job):
        plain = f"{home}{word[1:]}" if word.startswith("~/") else word.replace("$HOME", home)
        yield "run", plain.partition("=")[2] if "=/" in plain else plain
    yield from (("on_change", path) for path in job.schedule.on_change)
    yield from (("on_files", path) for path in job.schedule.on_files)
    yield from ((name, value) for name, value in job.environment)


def _interpreter(job: Job) -> str:
    """The program of a script's own first line; empty where sh runs it too."""
    if not isinstance(job.command, Script):
        return ""
    try:
        with Path(job.command.path).open("rb") as file:
            words = file.readline(512).decode("utf-8", "replace")[2:].split()
    except OSError:
        return ""
    names = [word for word in words if not word.startswith("-") and Path(word).name != "env"]
    return names[0] if names and names[0] != _SHELL else ""


def _privacy(jobs: Collection[Job], places: Places) -> Iterator[Finding]:
    home, asks = places.config.home, f"Full Disk Access for {_shells()}, which runs the launcher"
    meaning = "macOS refuses it to jobs, with 126 or `Operation not permitted`, and asks nobody"
    if guard := _guard(places.repo.work_tree, home):
        yield warning(
            f"the repository is in {guard}, which macOS guards; it needs {asks}", meaning=meaning, command=_FULL_DISK
        )
    if guard := _guard(places.config.logs, home):
        yield warning(f"logs are in {guard}, which macOS guards; it needs {asks}", meaning=meaning, command=_FULL_DISK)
    for job in jobs:
        named = [(key, path, _guard(path, home)) for key, path in _paths(job, home)]
        for key, path, guard in dict.fromkeys(named):
            if guard and not path.startswith(f"{places.repo.work_tree}/"):
                too = f", and for {_interpreter(job)}" if _interpreter(job) else ""
                yield warning(
                    f"{key} names {path}, and macOS guards {guard}; it needs {asks}{too}",
                    job.name,
                    meaning=meaning,
                    command=_FULL_DISK,
                )


# -- what is told


def _flags(preferences: Path) -> int | None:
    """What Script Editor may do, as macOS keeps it; 0 of a program that it does not know, None where nobody can say."""
    try:
        found = plistlib.loads(preferences.read_bytes())["apps"]
        flags = [one["flags"] for one in found if one.get("bundle-id", "").lower() == _SCRIPT_EDITOR]
        return int(flags[0]) if flags else 0
    except (OSError, plistlib.InvalidFileException, ExpatError, LookupError, TypeError, ValueError, AttributeError):
        return None


def _notifications(jobs: Collection[Job], places: Places) -> Iterator[Finding]:
    if not any(job.notify and job.notify.run is None for job in jobs) or not os.access(OSASCRIPT, os.X_OK):
        return
    elsewhere = Path(places.config.home, _LATER_PREFERENCES).exists()
    flags = None if elsewhere else _flags(Path(places.config.home, _PREFERENCES))
    whose = "Script Editor, in whose name macOS shows what [notify] tells,"
    if flags is None:
        yield skipped("it cannot be read here which programs may show notifications")
    elif not flags:
        yield info(
            f"{whose} has never shown anything here",
            meaning='macOS shows nothing of it until you allow it: run `display notification "hello"` in it once',
            command="open -a 'Script Editor'",
        )
    elif not flags & _MAY_NOTIFY:
        yield warning(
            f"{whose} may show no notifications",
            meaning="nobody is told; macOS drops them without a word",
            command=_NOTIFICATIONS,
        )


# -- what a run printed

_REFUSALS = {
    r"No route to host|EHOSTUNREACH": (
        "macOS 15 and later says so too where a job may not reach your local network: "
        "System Settings > Privacy & Security > Local Network"
    ),
    r"Operation not permitted|EPERM": (
        "macOS says so too of places that it guards: Full Disk Access for {shells} lets jobs in"
    ),
}
"""What a program prints where macOS refuses a job what it allows a terminal (TN3179; NousResearch/hermes-agent#57812)
or a program with a window."""


def explain(printed: bytes) -> str:
    """See the protocol."""
    text = printed.decode("utf-8", "replace")
    meaning = next((meaning for words, meaning in _REFUSALS.items() if re.search(words, text)), "")
    return meaning.format(shells=_shells()) if meaning else ""


def inspect(
    subject: Subject, jobs: Collection[Job], answer: Answer, places: Places, background: Callable[[], Collection[str]]
) -> Collection[Finding] | None:
    """See the protocol. `background`: asks for the labels in this user's background domain."""
    match subject:
        case Subject.DOMAIN:
            return tuple(_domain(jobs, background(), places))
        case Subject.REBOOT:
            return tuple(_reboot(jobs, answer, places))
        case Subject.OVERRIDES:
            return tuple(_overrides(jobs, answer, places))
        case Subject.PRIVACY:
            return tuple(_privacy(jobs, places))
        case Subject.NOTIFICATIONS:
            return tuple(_notifications(jobs, places))
        case Subject.LINKS:
            return None
