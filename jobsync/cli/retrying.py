"""`retry`: a command, and again when it fails. For scripts, so it imports next to nothing."""

import os

import click

from jobsync import process
from jobsync.cli.console import complain, seconds_of
from jobsync.errors import UsageError
from jobsync.runs import retry as retrying

_LONGEST = 366 * 86_400
"""Seconds that a wait may last: sleep(3) counts nanoseconds, and has an end."""


def _wait(option: str, text: str) -> int:
    seconds = seconds_of(option, text)
    if seconds > _LONGEST:
        raise UsageError(f'{option}: "{text}" is longer than a year', hint='write "52w" or less')
    return seconds


@click.command()
@click.option("--attempts", type=click.IntRange(1, 1000), default=3, metavar="N", help="How often in all; 3.")
@click.option("--delay", default="1s", metavar="DURATION", help="The first wait; it doubles. 1s.")
@click.option("--max-delay", default="5m", metavar="DURATION", help="What no wait exceeds; 5m.")
@click.option(
    "--on", "codes", type=click.IntRange(1, 255), multiple=True, metavar="CODE",
    help="A status that is worth another attempt; default: all but 0. Several are possible.",
)  # fmt: skip
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def retry(*, attempts: int, delay: str, max_delay: str, codes: tuple[int, ...], command: tuple[str, ...]) -> int:
    """Run COMMAND, and again while it fails, with longer waits; end with its last status.

    \b
    Examples:
      jobsync retry -- curl -fsS https://example.com/feed
      jobsync retry --attempts 5 --delay 10s --on 75 -- rsync -a notes/ nas:notes/
    """
    effort = retrying.Effort(attempts, _wait("--delay", delay), _wait("--max-delay", max_delay), codes)
    try:
        if not command[0]:
            raise process.NotStarted("cannot run a command without a name")
        return retrying.run(command, effort, os.environ)
    except process.NotStarted as error:
        complain(error.message, "check its name and PATH")
        return retrying.NOT_FOUND
