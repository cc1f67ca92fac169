"""The command line: parses, calls into the package, prints, exits. Imported by nobody.

Every error ends here: known trouble as a sentence with a way out, a bug of ours as a log and where it is.
"""

import errno
import os
import sys

import click

from jobsync.cli.console import (
    ExitCode,
    complain,
    complain_of,
    let_all_be_said,
    mute,
    stand_in_for_closed_streams,
    unwritable,
)
from jobsync.cli.groups import cli
from jobsync.errors import JobsyncError, UsageError


def _status(arguments: list[str]) -> object:
    try:
        let_all_be_said()
        return cli.main(arguments, prog_name="jobsync", standalone_mode=False)
    except OSError as error:
        # click prints help itself; whatever else writes has a file to name.
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise unwritable(error) from error
        raise


def _show(error: click.ClickException) -> None:
    try:
        error.show()
    except OSError:
        mute("stderr")


def _run(arguments: list[str]) -> int:
    try:
        status = _status(arguments)
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except SystemExit:
        # click's answer to a closed pipe (EPIPE); nothing else in here exits.
        raise BrokenPipeError from None
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except UsageError as error:
        complain_of(error)
        return ExitCode.USAGE
    except JobsyncError as error:
        complain_of(error)
        return ExitCode.FAILURE
    return status if isinstance(status, int) else ExitCode.OK


def main() -> int:
    """Do what `sys.argv` says, with all output written, and return the exit status."""
    stand_in_for_closed_streams()
    try:
        status = _run(sys.argv[1:])
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`).
        mute()
        status = ExitCode.OK
    except Exception:
        from jobsync import bugs

        complain("this is a bug in jobsync, and not your fault", f"please report it with {bugs.write_log(os.environ)}")
        status = ExitCode.BUG
    return status
