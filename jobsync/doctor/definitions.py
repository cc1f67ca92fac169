"""Checks of what the user wrote: definitions, secrets, and the files that hold them."""

import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from jobsync import files
from jobsync.definitions.job import Argv, Job, Line
from jobsync.definitions.load import SETTINGS_FILE, is_of
from jobsync.definitions.secrets import known_secret
from jobsync.doctor.check import Check
from jobsync.doctor.view import View, typed
from jobsync.errors import JobsyncError
from jobsync.findings import Chmod, Finding, error, warning
from jobsync.repo.place import locate, open_repository

_PRIVATE = (0o600, 0o400)
"""Modes of an env file that launchers take."""


def _valid(view: View) -> Iterable[Finding]:
    for fault in view.planned.plan.faults:
        name = next((name for name in view.names if is_of(fault, name)), "")
        if not view.only or name or fault.file == SETTINGS_FILE:
            yield error(str(fault), name, meaning="the job stays as it was", command="jobsync check")


def _texts(job: Job) -> Iterator[tuple[str, str]]:
    """Every text of a definition that ends up in a file of this machine: where it stands, and the text."""
    match job.command:
        case Line(text):
            yield "run", text
        case Argv(arguments):
            yield from (("run", one) for one in arguments)
        case _:
            pass
    yield "description", job.description


def _secrets(view: View) -> Iterable[Finding]:
    for name, job in view.jobs.items():
        for key, text in _texts(job):
            if what := known_secret(text):
                yield error(
                    f"{key} holds what looks like {what}",
                    name,
                    meaning="git keeps what was ever committed; take it back where it was issued",
                    command=f"vi {shlex.quote(str(view.origin.paths.env(name)))}",
                )


_HOME = re.compile(r"(?:^|(?<=[:=, ]))(~(?=/|$)|\$HOME\b|\$\{HOME\})")
_EXPANDERS = frozenset({"sh", "bash", "zsh", "ksh", "dash", "fish", "ssh", "env"})
"""Programs that may be handed such a word on purpose."""


def _literal(job: Job) -> Iterator[tuple[str, str]]:
    """What the command gets letter by letter, and where it stands."""
    yield from ((f"env.{name}", value) for name, value in job.environment)
    if isinstance(job.command, Argv) and Path(job.command.arguments[0]).name not in _EXPANDERS:
        yield from (("run", word) for word in job.command.arguments[1:])


def _unexpanded(view: View) -> Iterable[Finding]:
    for name, job in view.jobs.items():
        for key, text in _literal(job):
            if found := _HOME.search(text):
                yield warning(
                    f"{key} holds {found[1]}, which nothing expands there",
                    name,
                    meaning="the job gets these very letters; a script, or a `run` of one line, knows $HOME",
                    command=f"jobsync edit {name}",
                )


def _env_files(view: View) -> Iterator[tuple[str, Path]]:
    for name in view.jobs:
        path = view.origin.paths.env(name)
        if os.path.lexists(path):
            yield name, path


def _env_modes(view: View) -> Iterable[Finding]:
    secrets = view.origin.paths.secrets
    if secrets.is_dir() and not os.access(secrets, os.X_OK):
        yield error(
            f"{secrets} cannot be looked into",
            meaning="launchers cannot tell which jobs have an env file there, so each ends with 78 and does nothing",
            command=f"chmod 700 {shlex.quote(str(secrets))}",
            repair=Chmod(str(secrets), 0o700),
        )
    for name, path in _env_files(view):
        try:
            status = path.stat()
        except OSError as trouble:
            yield error(
                f"{path} cannot be read: {trouble.strerror}", name, meaning="the job ends with 78 and does nothing"
            )
            continue
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid != os.getuid():
            yield error(
                f"{path} belongs to uid {status.st_uid}",
                name,
                meaning="the job ends with 78 and does nothing",
                command=f"sudo chown {os.getuid()} {shlex.quote(str(path))}",
            )
        elif mode not in _PRIVATE:
            why = "others may read secrets there" if mode & 0o077 else "launchers take 0600 and 0400 alone"
            yield error(
                f"{path} has mode {mode:04o}, and {why}",
                name,
                meaning="the job ends with 78 (EX_CONFIG) and does nothing",
                command=f"chmod 600 {shlex.quote(str(path))}",
                repair=Chmod(str(path), 0o600),
            )


def _env_tracked(view: View) -> Iterable[Finding]:
    directory = view.origin.paths.secrets
    if not directory.is_dir():
        return
    repositories = [view.origin.repository]
    place = locate(view.environment, str(directory))
    if place is not None and place.git_dir != view.origin.repo.git_dir:
        repositories.append(open_repository(place.git_dir, place.work_tree, view.environment))
    for repository in repositories:
        for path in repository.tracked(directory):
            name = Path(path).name.removesuffix(".env")
            if view.is_meant(name):
                yield error(
                    f"{path} is tracked by the repository {repository.work_tree}",
                    name if name in view.jobs else "",
                    meaning="whoever has the repository has the secrets, also the old ones",
                    command=f"{typed(repository.git_dir, repository.work_tree)} rm --cached -- {shlex.quote(path)}",
                )


def _settings(view: View) -> Iterable[Finding]:
    """`config.toml` is written 0600; what stands there decides what runs."""
    for path in (view.origin.config.file, view.origin.config.file.parent):
        try:
            status = path.stat()
        except OSError as trouble:
            raise JobsyncError(f"cannot look at {path}: {trouble.strerror}") from trouble
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid != os.getuid():
            yield error(
                f"{path} belongs to uid {status.st_uid}",
                meaning="somebody else decides what runs here",
                command=f"sudo chown {os.getuid()} {shlex.quote(str(path))}",
            )
        elif mode & 0o022:
            better = mode & ~0o022
            yield error(
                f"{path} may be written by others (mode {mode:04o})",
                meaning="they decide what runs as you",
                command=f"chmod go-w {shlex.quote(str(path))}",
                repair=Chmod(str(path), better),
            )


def _unlooked(directory: str) -> str:
    """Why it cannot be told whether a directory is there; empty where it can."""
    try:
        files.is_directory(Path(directory))
    except JobsyncError as refusal:
        return refusal.message
    return ""


def _search_path(view: View) -> Iterable[Finding]:
    """Directories that nobody can find anything in; of the machine's, only where not one is there."""
    for name, job in view.jobs.items():
        for directory in job.path:
            if why := _unlooked(directory):
                yield warning(f"path names what jobsync {why}", name, command=f"jobsync edit {name}")
            elif not files.is_directory(Path(directory)):
                yield warning(
                    f"path names {directory}, which is not there",
                    name,
                    meaning="nothing is found in it",
                    command=f"jobsync edit {name}",
                )


def _directories(view: View) -> Iterable[Finding]:
    for name, job in view.jobs.items():
        if why := _unlooked(job.directory):
            meaning = "each run ends with 78 (EX_CONFIG) where the job cannot go there either"
            yield error(f"dir is what jobsync {why}", name, meaning=meaning, command=f"jobsync edit {name}")
        elif not files.is_directory(Path(job.directory)):
            yield error(
                f"dir is {job.directory}, which is not there",
                name,
                meaning="each run ends with 78 (EX_CONFIG)",
                command=f"mkdir -p {shlex.quote(job.directory)}",
            )


CHECKS = (
    Check("definitions", "every definition is valid", _valid),
    Check("directories", "every job's directory is there", _directories),
    Check("path", "every directory of `path` is there", _search_path),
    Check("secrets", "no definition holds a secret", _secrets),
    Check("unexpanded", "no `~` or `$HOME` stands where nothing expands it", _unexpanded),
    Check("env-modes", "files with secrets are for your eyes only", _env_modes),
    Check("env-tracked", "no repository tracks files with secrets", _env_tracked),
    Check("config", "only you can change this machine's configuration", _settings),
)
