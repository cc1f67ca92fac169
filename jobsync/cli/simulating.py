"""`simulator` and `demo`: a launchd for machines without one."""

import os
from contextlib import suppress
from pathlib import Path

import click

from jobsync import config as configuration
from jobsync import files
from jobsync.cli.console import ExitCode, say
from jobsync.errors import JobsyncError
from jobsync.simulator import SimulatorError
from jobsync.simulator.foreground import run_foreground


def _registered() -> tuple[str, ...]:
    file = configuration.find(os.environ)
    repos = configuration.load(file).repos if file is not None and files.is_file(file) else ()
    return tuple(repo.prefix for repo in repos)


def _registered_meanwhile() -> tuple[str, ...]:
    """None where the configuration cannot be read: that is for the command to tell which waits for an answer."""
    with suppress(JobsyncError):
        return _registered()
    return ()


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--prefix", "prefixes", multiple=True, help="Load labels with this prefix. Default: the registered ones.")
@click.option("--macos", "version", default="15.5", show_default=True, help="The version of macOS to be.")
def simulator(directory: Path, prefixes: tuple[str, ...], version: str) -> int:
    """Be a launchd for this home until Ctrl-C. Its launchctl is DIRECTORY/bin/launchctl.

    For machines that have no scheduler, such as containers. Refuses to run on macOS.

    \b
    Examples:
      jobsync simulator ~/mac   then: jobsync init --launchctl ~/mac/bin/launchctl
    """
    home = configuration.home_directory(os.environ)
    try:
        registered = tuple if prefixes else _registered_meanwhile
        first = prefixes or _registered() or ("jobsync",)
        run_foreground(directory, home, first, version=version, registered=registered)
    except SimulatorError as error:
        raise JobsyncError(str(error), hint="`jobsync simulator --help` says what it takes") from error
    return ExitCode.OK


@click.command()
@click.option("--scheduler", type=click.Choice(["launchd", "systemd"]), default="launchd", show_default=True,
              help="What runs the jobs: the built-in simulator of launchd, or your own systemd.")  # fmt: skip
def demo(scheduler: str) -> int:
    """Show the main job for real, in a throwaway home: pulls that install, change and remove jobs.

    \b
    Examples:
      jobsync demo                       with a simulated launchd
      jobsync demo --scheduler systemd   with your own systemd
    """
    from jobsync import demo as demonstration

    try:
        demonstration.play(say, scheduler)
    except SimulatorError as error:
        raise JobsyncError(str(error)) from error
    return ExitCode.OK
