"""A simulator in the foreground, for machines and containers that have no scheduler: what `jobsync simulator` runs."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from jobsync.simulator.alone import refuse_second
from jobsync.simulator.control import prepare, refuse_on_macos
from jobsync.simulator.daemon import serve
from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.settings import default_uid, make_settings

_OTHERS = 0o022
"""What nobody but its owner may do in its directory: write."""


def _print(text: str) -> None:
    """At once, into a file or pipe too: whoever started it in the background waits for it there."""
    sys.stdout.write(text)
    sys.stdout.flush()


def run_foreground(
    directory: Path,
    home: Path,
    prefixes: tuple[str, ...],
    *,
    registered: Callable[[], Iterable[str]] = tuple,
    version: str = "15.5",
    tz: str | None = None,
    platform: str = sys.platform,
    say: Callable[[str], object] = _print,
) -> None:
    """Be the launchd of `home` until SIGINT or SIGTERM; then end all jobs and return.

    Only labels with one of the prefixes are loaded, or with one that is `registered` by then. Says where its launchctl
    is as soon as that can be used.
    SimulatorError on a Mac, without a prefix, and when the directory cannot be used or a simulator serves it already.
    """
    refuse_on_macos(platform)
    if not prefixes:
        raise SimulatorError("no label prefix is registered, so there is nothing to run; jobsync init registers one")
    directory = directory.absolute()
    refuse_second(directory)
    values = {"home": str(home.absolute()), "uid": default_uid(), "version": version, "tz": tz}
    settings = make_settings({**values, "prefixes": list(prefixes)})
    # Who may write to its socket, or replace its launchctl, decides what runs as us. Jobs have an umask of their own.
    os.umask(os.umask(_OTHERS) | _OTHERS)
    try:
        launchctl = prepare(directory, settings)
    except OSError as error:
        raise SimulatorError(f"cannot use {directory}: {error.strerror}; name another directory") from error
    text = f"simulated launchd for {', '.join(prefixes)}; its launchctl: {launchctl}\n"
    serve(directory, registered=registered, ready=lambda: say(text))
