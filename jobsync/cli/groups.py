"""The command `jobsync` itself, and where its commands come from.

A command's module is imported when it is asked for: `jobsync --help` must not pay for all of them.
"""

import importlib
import keyword
import os

import click

import jobsync
from jobsync import config as configuration
from jobsync.cli.console import ExitCode, say
from jobsync.cli.context import Context
from jobsync.errors import UsageError
from jobsync.repo.place import check_user

_SECTIONS = {
    "Every day": {
        "status": ("status", "how every job stands, or everything about one"),
        "sync": ("syncing", "bring the scheduler in line with the work tree"),
        "run": ("running", "start a job now, and follow it to its end"),
        "stop": ("running", "stop a running job; it stays scheduled"),
        "restart": ("running", "stop a job where it runs, and start it anew"),
        "history": ("history", "what jobs did, as a picture of the last days"),
        "logs": ("looking", "what the last run of a job printed"),
        "pause": ("pausing", "keep jobs from running on this machine"),
        "resume": ("pausing", "end a pause"),
    },
    "Changing jobs": {
        "new": ("making", "make a job that is ready to be filled in"),
        "edit": ("editing", "change a definition in your editor, check it, see the plan"),
        "rename": ("editing", "give a job another name; logs and history follow"),
        "import": ("importing", "make jobs of LaunchAgents, a crontab or systemd timers"),
        "adopt": ("changing", "write an edit of an installed job back into its job.toml"),
    },
    "Looking closer": {
        "doctor": ("doctoring", "what is wrong or may surprise, and what mends it"),
        "check": ("syncing", "find every fault in the definitions"),
        "diff": ("syncing", "how installed files differ from what a sync would write"),
        "cat": ("looking", "the files that a sync writes for a job"),
    },
    "This machine": {
        "init": ("registering", "register a repository, install its git hooks, sync"),
        "config": ("configuring", "this machine's configuration"),
        "hooks": ("hooks", "the git hooks: install, uninstall, status"),
        "uninstall": ("leaving", "remove everything of ours, and prove it"),
    },
    "For editors, scripts and programs": {
        "retry": ("retrying", "run a command, and again when it fails"),
        "completion": ("completing", "completions for bash, zsh and fish"),
        "man": ("completing", "the man page"),
        "schema": ("schemas", "JSON schemas of job.toml, jobsync.toml and each --json"),
    },
    "Without a Mac": {
        "simulator": ("simulating", "be a launchd, for machines that have none"),
        "demo": ("simulating", "watch it all happen in a throwaway home"),
    },
}
"""Section -> command -> the module that has it, and what it does in a few words."""

_MODULES = {name: module for section in _SECTIONS.values() for name, (module, _) in section.items()}


def _attribute(name: str) -> str:
    """What a command is called in its module: `import` is a word of Python's."""
    return f"{name}_" if keyword.iskeyword(name) else name


class _Late(click.Group):
    """A group that knows its commands by name and imports them by need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the help."""
        del ctx
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        del ctx
        if cmd_name not in _MODULES:
            return None
        command = getattr(importlib.import_module(f"jobsync.cli.{_MODULES[cmd_name]}"), _attribute(cmd_name))
        assert isinstance(command, click.Command)  # noqa: S101 - what _SECTIONS promises; a test reads them all
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; an unknown name gets the nearest known one as hint."""
        if args[0] in _MODULES or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        close = get_close_matches(args[0], _MODULES, n=1)
        hint = f"did you mean `jobsync {close[0]}`?" if close else "`jobsync --help` lists the commands"
        raise UsageError(f"there is no command {args[0]!r}", hint=hint)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by what they are for, without importing one."""
        del ctx
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(9), summary) for name, (_, summary) in commands.items()])


_WELCOME = """\
jobsync keeps this machine's scheduled jobs equal to your dotfiles repository, and is not set up here yet.

  {first}
  `jobsync import`    shows what runs on this machine already, and could become jobs of the repository
  `jobsync demo`      shows it all in a throwaway home
  `jobsync --help`    lists the commands"""


def _welcome(context: Context) -> str:
    """What to do first."""
    if context.place is None:
        return _WELCOME.format(
            first="`jobsync init`      inside your dotfiles repository (`git init` makes one) registers it"
        )
    return _WELCOME.format(first="`jobsync init`      registers the repository that you are in")


@click.group(cls=_Late, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(jobsync.__version__, "-V", "--version", message="jobsync %(version)s")
@click.option(
    "--repo", metavar="REPO", help="The repository meant: its prefix, id or path. Default: around here, else all."
)
@click.pass_context
def cli(ctx: click.Context, repo: str | None) -> int:
    """Keep this machine's scheduled jobs equal to your dotfiles repository.

    `jobsync sync` is safe at any time: the second one says `unchanged` for every job and does nothing. Without a
    command, the status is shown, or what to do first.

    \b
    Examples:
      jobsync init      begin here: register this repository on this machine
      jobsync           how all jobs stand
      jobsync sync -n   what a sync would do
    """
    ctx.obj = Context(repo)
    if ctx.invoked_subcommand is not None:
        return 0
    check_user(os.geteuid(), os.environ)
    if configuration.find(os.environ) is None:
        say(_welcome(ctx.obj))
        return 0
    status = cli.get_command(ctx, "status")
    assert status is not None  # noqa: S101 - it is in _SECTIONS
    answer = ctx.invoke(status)
    return answer if isinstance(answer, int) else 0


@cli.result_callback()
@click.pass_obj
def _with_lost(context: Context, status: object, /, **_: object) -> object:
    """The status of the command; 1 where it had to leave a repository out and all else went well."""
    return ExitCode.FAILURE if context.lost and not status else status
