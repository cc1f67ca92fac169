"""The other way to be woken up by git: hooks from its configuration (git 2.54 and later).

`hook.NAME.command` and `hook.NAME.event` in the repository's own configuration run beside every hook file, whatever
`core.hooksPath` says, and in linked work trees too. An older git passes over them without a word.
"""

import re
import shlex
from collections.abc import Callable

from jobsync.repo.events import AUTO, EVENTS
from jobsync.repo.repository import Repository

OLDEST = (2, 54)
"""The first git that knows them."""

Command = Callable[[str], str]
"""What wakes jobsync up for an event (or `auto`), as a value of `hook.NAME.command`."""

# A hook is told its arguments and not its name. `auto` knows four events by them; post-applypatch has none, as
# post-commit has, so it gets a name of its own.
_HOOKS = {"jobsync": (AUTO, EVENTS[:4]), "jobsync-am": (EVENTS[4], EVENTS[4:])}

NAMES = tuple(_HOOKS)
"""What stands for NAME."""

# git runs a value that is no plain word by sh, with the hook's arguments behind it. Never fails, for a post-checkout
# that fails breaks bisect and `stash branch`; says nothing when jobsync is gone, and a line when only its Python is.
_COMMAND = (
    "jobsync() { python=@PYTHON@ start=@START@ hook=@HOOK@ found=; export JOBSYNC_CONFIG=@CONFIG@; "
    'if [ -x "$python" ] && [ -r "$start" ] && "$python" -I -S "$start" "$hook" @EVENT@ "$@" </dev/null; '
    "then return 0; fi; "
    'lost() { echo "jobsync: $1 cannot start (is its Python gone?), so no job was synced; '
    'install jobsync again" >&2; }; '
    '{ [ -x "$hook" ] && [ -x "${python:-$hook}" ]; } || found=$(command -v jobsync-hook) || '
    '{ [ ! -x "$hook" ] || lost "$hook"; return 0; }; '
    '"${found:-$hook}" @EVENT@ "$@" </dev/null || '
    'case $? in 126 | 127) lost "${found:-$hook}" ;; esac; }; jobsync'
)


def command_text(event: str, *, hook: str, config: str, python: str, start: str) -> str:
    """The value of `hook.NAME.command`: sh that wakes `hook` up, by `python` and `start` where they are given."""
    values = {"@HOOK@": hook, "@CONFIG@": config, "@PYTHON@": python, "@START@": start, "@EVENT@": event}
    return re.sub("@[A-Z]+@", lambda found: shlex.quote(values[found.group()]), _COMMAND)


def _keys(command: Command) -> dict[str, tuple[str, ...]]:
    """All that belongs in the configuration."""
    keys: dict[str, tuple[str, ...]] = {}
    for name, (event, events) in _HOOKS.items():
        keys[f"hook.{name}.command"] = (command(event),)
        keys[f"hook.{name}.event"] = events
    return keys


def _found(repository: Repository) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in repository.settings(r"^hook\.jobsync(-am)?\."):
        found[key] = (*found.get(key, ()), value)
    return found


def events(repository: Repository) -> frozenset[str]:
    """The events for which our hooks are configured, in whatever form."""
    found = _found(repository)
    return frozenset(event for name in _HOOKS for event in found.get(f"hook.{name}.event", ()))


def is_current(repository: Repository, command: Command) -> bool:
    """All keys are there as they should be, and none besides."""
    return _found(repository) == _keys(command)


def install(repository: Repository, command: Command) -> bool:
    """Put our hooks into the repository's own configuration; whether anything had to be written."""
    if is_current(repository, command):
        return False
    uninstall(repository)
    for key, values in _keys(command).items():
        for value in values:
            repository.add_setting(key, value)
    return True


def uninstall(repository: Repository) -> bool:
    """Take them out again; whether there were any."""
    ours = [name for name in _HOOKS if any(key.startswith(f"hook.{name}.") for key in _found(repository))]
    for name in ours:
        repository.drop_settings(f"hook.{name}")
    return bool(ours)
