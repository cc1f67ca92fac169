"""What happens to an error that is our own fault: a log for an issue, and one line that says where it is."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import jobsync
from jobsync import config as configuration
from jobsync import files


def _directory(environ: Mapping[str, str]) -> Path:
    """Beside the state of the repositories; where there is no configuration that can be read, a temporary place."""
    file = configuration.find(environ)
    return Path(configuration.load(file).state) / "bugs" if file else _temporary()


def _temporary() -> Path:
    import tempfile  # every hook that has something to do imports this module, and none should need it

    return Path(tempfile.gettempdir())


def _call() -> str:
    """What was typed, without a command behind `--`: it may hold a secret, and the log is for others to read."""
    ours, is_cut, _ = " ".join(sys.argv).partition(" -- ")
    return f"{ours} -- …" if is_cut else ours


def _report() -> bytes:
    import platform
    import traceback

    head = f"jobsync {jobsync.__version__}, Python {platform.python_version()}, {platform.platform()}"
    return f"{head}\n{_call()}\n\n{traceback.format_exc()}".encode("utf-8", "replace")


def write_log(environ: Mapping[str, str]) -> Path:
    """Write down the exception that is being handled; returns the file.

    `JobsyncError` only where not even a temporary directory can be written.
    """
    name = f"jobsync-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.log"
    try:
        directory = _directory(environ)
        files.make_directory(directory)
        files.write_atomically(directory / name, _report(), 0o600)
    except Exception:  # what is broken may be what finds the place
        directory = _temporary()
        files.write_atomically(directory / name, _report(), 0o600)
    return directory / name
