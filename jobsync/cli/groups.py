"""The command `jobsync` itself, and where its commands come from.

A command's module is imported when it is asked for: `jobsync --help` must not pay for all of them.
"""

import importlib

import click

import jobsync
from jobsync.cli.context import Context

_FAMILIES = {
    "jobsync.cli.syncing": ("sync", "diff", "check"),
    "jobsync.cli.looking": ("status", "cat", "logs"),
    "jobsync.cli.running": ("run", "stop", "restart", "pause", "resume"),
    "jobsync.cli.machine": ("init", "config", "uninstall", "hooks"),
    "jobsync.cli.simulating": ("simulator", "demo"),
}
_MODULES = {command: module for module, commands in _FAMILIES.items() for command in commands}


class _Late(click.Group):
    """A group that knows its commands by name and imports them by need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of daily use."""
        del ctx
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        del ctx
        if cmd_name not in _MODULES:
            return None
        command = getattr(importlib.import_module(_MODULES[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - what _FAMILIES promises; a test reads them all
        return command


@click.group(cls=_Late, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(jobsync.__version__, "-V", "--version", message="jobsync %(version)s")
@click.option(
    "--repo", metavar="REPO", help="The repository meant: its prefix, id or path. Default: around here, else all."
)
@click.pass_context
def cli(ctx: click.Context, repo: str | None) -> None:
    """Keep this machine's scheduled jobs equal to your dotfiles repository.

    `jobsync sync` is safe at any time: the second one says `unchanged` for every job and does nothing.
    """
    ctx.obj = Context(repo)
