"""`hooks`: the git hooks that wake jobsync up."""

from typing import TypedDict

import click

from jobsync import report
from jobsync.cli.console import ExitCode, complain, json_option, say, say_all, say_json
from jobsync.cli.context import Context, pass_context
from jobsync.config import Config
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin
from jobsync.repo import carriers
from jobsync.repo.carriers import HookState, HookStatus


class HookRow(TypedDict):
    """One event of git's."""

    event: str
    state: str
    path: str
    chained: str | None


class RepoHooks(TypedDict):
    """The hooks of one repository."""

    work_tree: str
    hooks: list[HookRow]


class HooksDocument(TypedDict):
    """`hooks status --json`."""

    version: int
    repos: list[RepoHooks]


def shim(config: Config) -> carriers.Shim:
    """The text of our hooks on this machine."""
    return lambda event: carriers.hook_text(event, config.hook, str(config.file))


def install_hooks(origin: Origin) -> int:
    """Install them, say so, and give the exit status."""
    try:
        changed = carriers.install(origin.repository, shim(origin.config))
    except JobsyncError as error:
        complain(f"the git hooks were not installed: {error.message}", error.hint)
        return ExitCode.FAILURE
    say(f"installed {report.plural(len(changed), 'git hook')}" if changed else "the git hooks are installed already")
    return ExitCode.OK


@click.group()
def hooks() -> None:
    """The git hooks that wake jobsync up after a pull, a switch, a rebase or a commit."""


@hooks.command("install")
@pass_context
def hooks_install(context: Context, /) -> int:
    """Install the hooks, in front of those that are there already. They keep working."""
    return max(install_hooks(origin) for origin in context.origins())


@hooks.command("uninstall")
@pass_context
def hooks_uninstall(context: Context, /) -> int:
    """Remove the hooks, and put back what they stood in front of."""
    for origin in context.origins():
        freed = carriers.uninstall(origin.repository)
        say(f"removed {report.plural(len(freed), 'git hook')}" if freed else "no git hook of jobsync is installed")
    return ExitCode.OK


def _hook_json(one: HookStatus) -> HookRow:
    return {
        "event": one.event,
        "state": one.state.value,
        "path": str(one.path),
        "chained": str(one.chained) if one.chained else None,
    }


@hooks.command("status")
@json_option(HooksDocument)
@pass_context
def hooks_status(context: Context, /, *, as_json: bool) -> int:
    """Show what stands where git looks for each hook. Exits with 1 when one of ours is not in force."""
    found = [(origin, carriers.status(origin.repository, shim(origin.config))) for origin in context.origins()]
    if as_json:
        rows = [RepoHooks(work_tree=o.repo.work_tree, hooks=[_hook_json(one) for one in states]) for o, states in found]
        say_json(HooksDocument(version=report.JSON_VERSION, repos=rows))
    else:
        for _, states in found:
            say_all(report.table([(one.event, one.state.value, str(one.path)) for one in states]))
    well = all(one.state is HookState.INSTALLED for _, states in found for one in states)
    return ExitCode.OK if well else ExitCode.FAILURE
