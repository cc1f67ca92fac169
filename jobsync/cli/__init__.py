"""The command line: parses, calls into the package, prints, exits. Imported by nobody.

Every error ends here: known trouble as a sentence with a way out, a bug of ours as a log and where it is.
"""

import os
import sys

import click

from jobsync.cli.console import ExitCode, complain, complain_of, mute, stand_in_for_closed_streams
from jobsync.cli.groups import cli
from jobsync.errors import JobsyncError, UsageError


def _run(arguments: list[str]) -> int:
    try:
        status = cli.main(arguments, prog_name="jobsync", standalone_mode=False)
    except click.ClickException as error:
        error.show()
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


def main() -> None:
    """The console script."""
    stand_in_for_closed_streams()
    try:
        status = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`).
        mute()
        status = ExitCode.OK
    except Exception:
        from jobsync import bugs

        complain("this is a bug in jobsync, and not your fault", f"please report it with {bugs.write_log(os.environ)}")
        status = ExitCode.BUG
    sys.exit(status)
