"""`config`: what this machine's configuration says, and changing it."""

import os
from pathlib import Path
from typing import Any, TypedDict

import click

from jobsync import columns, lock, report
from jobsync import config as configuration
from jobsync.cli.console import ExitCode, json_option, note, say, say_all, say_json
from jobsync.cli.context import Context, pass_context
from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError, UsageError
from jobsync.values import replace


class RegisteredRepo(TypedDict):
    """One registered repository."""

    id: str
    work_tree: str
    prefix: str
    branch: str | None


class Values(TypedDict):
    """What the configuration says of the machine."""

    machine: str
    tags: list[str]
    path: str
    launchctl: str
    hook: str
    file: str
    os: str
    scheduler: str
    home: str
    state: str
    data: str
    logs: str


class ConfigDocument(Values):
    """`config --json`."""

    version: int
    repos: list[RegisteredRepo]


_OF_THE_SYSTEM = {"macos": "/bin/launchctl"}


def usable_launchctl(given: str | None) -> str:
    """Absolute path of the launchctl that is named, or of Apple's.

    `UsageError` when it cannot be run; another `JobsyncError` when there is none.
    """
    candidate = given or _OF_THE_SYSTEM.get(configuration.this_os())
    if candidate is None:
        raise JobsyncError(
            "this machine has no launchd, and no systemd user manager answers",
            hint="log in as this user with systemd, or `jobsync simulator DIR` starts a simulated launchd: "
            "then `jobsync init --launchctl DIR/bin/launchctl`",
        )
    path = Path(candidate).absolute()
    if not os.access(path, os.X_OK):
        raise UsageError(
            f"{path} is not an executable launchctl",
            hint="name the right one: `jobsync init --launchctl PATH`, or later `jobsync config launchctl PATH`",
        )
    return str(path)


def _values(config: Config) -> Values:
    return {
        "machine": config.machine,
        "tags": list(config.tags),
        "path": config.path,
        "launchctl": config.launchctl,
        "hook": config.hook,
        "file": str(config.file),
        "os": config.os,
        "scheduler": config.scheduler,
        "home": config.home,
        "state": config.state,
        "data": config.data,
        "logs": config.logs,
    }


def _in_text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _repo_words(repo: Repo) -> str:
    branch = f", follows {repo.branch}" if repo.branch else ""
    return f"{repo.work_tree} (labels {repo.prefix}.JOB, id {repo.id}{branch})"


def _check_value(key: str, value: str) -> None:
    """Nothing may be saved that no later command could read or use."""
    if not value.isprintable():
        raise UsageError(f"{key}: {value!r} has control characters, or is no UTF-8")
    if not value and key != "tags":
        raise UsageError(f"{key} cannot be empty", hint=f"`jobsync config {key}` says what it is now")
    if key == "hook" and not (value.startswith("/") and os.access(value, os.X_OK)):
        raise UsageError(f"hook: {value!r} is not an executable", hint="name jobsync-hook by its absolute path")
    if key == "path" and not configuration.has_absolute_parts(value):
        raise UsageError(f"path: {value!r} has a part that is not absolute", hint="such as /usr/local/bin:/usr/bin")


def with_value(config: Config, key: str, values: tuple[str, ...]) -> Config:
    """The configuration with one key set. `UsageError` for a key or value that it cannot have."""
    if key not in configuration.SETTABLE:
        raise UsageError(f"{key!r} cannot be set", hint=f"these can: {', '.join(configuration.SETTABLE)}")
    for value in values:
        _check_value(key, value)
    if key == "tags":
        return replace(
            config, tags=tuple(tag for value in values for part in value.split(",") if (tag := part.strip()))
        )
    if len(values) != 1:
        raise UsageError(f"{key} takes one value", hint=f"put quotes around it: `jobsync config {key} '...'`")
    if key == "launchctl":
        if config.systemd is not None:
            raise UsageError("launchctl: jobs of this machine are systemd's", hint="`jobsync uninstall` first")
        return replace(config, launchctl=usable_launchctl(values[0]))
    fields: dict[str, Any] = {key: values[0]}
    return replace(config, **fields)


@click.command()
@click.argument("key", required=False)
@click.argument("values", nargs=-1, metavar="[VALUE]...")
@json_option(ConfigDocument)
@pass_context
def config(context: Context, /, key: str | None, values: tuple[str, ...], *, as_json: bool) -> int:
    """Print this machine's configuration, or one KEY of it, or set KEY to VALUE.

    \b
    Examples:
      jobsync config                    everything
      jobsync config tags home ai       this machine has two tags
      jobsync config machine mbp-anna   its name, for `only.machines`
    """
    if as_json and key is not None:
        raise UsageError("--json is for the whole configuration", hint="leave KEY out")
    current = context.config
    if key is not None and values:
        with lock.hold_directory(current.file.parent):
            changed = with_value(configuration.load(current.file), key, values)
            configuration.save(changed, os.environ)
        say(f"{key} = {_in_text(dict(_values(changed))[key])}")
        # The hooks name it themselves, so that they start it without reading anything.
        in_hooks = ", and `jobsync hooks install` where git's hooks are to call it" if key == "hook" else ""
        note(f"run `jobsync sync` to apply it{in_hooks}")
        return ExitCode.OK
    values_now = _values(current)
    known = dict(values_now)
    if key is not None and key not in known:
        raise UsageError(f"there is no key {key!r}", hint=f"known: {', '.join(known)}")
    if as_json:
        repos = [
            RegisteredRepo(id=one.id, work_tree=one.work_tree, prefix=one.prefix, branch=one.branch)
            for one in current.repos
        ]
        say_json(ConfigDocument(version=report.JSON_VERSION, **values_now, repos=repos))
    elif key is not None:
        say(_in_text(known[key]))
    else:
        rows = [(name, _in_text(value)) for name, value in known.items()]
        say_all(columns.table(rows + [("repo", _repo_words(one)) for one in current.repos]))
    return ExitCode.OK
