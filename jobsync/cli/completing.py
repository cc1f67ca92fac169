"""`completion` and `man`: what a shell and man(1) want to know of jobsync."""

import click

from jobsync.cli import shells
from jobsync.cli.console import ExitCode, say
from jobsync.cli.groups import cli


@click.command()
@click.argument("shell", type=click.Choice(list(shells.SCRIPTS)))
def completion(shell: str) -> int:
    """Print the completion script for SHELL: commands, options and names of jobs.

    \b
    Examples:
      jobsync completion bash >~/.local/share/bash-completion/completions/jobsync
      jobsync completion zsh >~/.zfunc/_jobsync    with ~/.zfunc in $fpath
      jobsync completion fish >~/.config/fish/completions/jobsync.fish
    """
    say(shells.SCRIPTS[shell](cli).rstrip("\n"))
    return ExitCode.OK


@click.command()
def man() -> int:
    """Print the man page.

    \b
    Examples:
      jobsync man >~/.local/share/man/man1/jobsync.1    then: man jobsync
    """
    say(shells.man(cli).rstrip("\n"))
    return ExitCode.OK
