"""Has the next daemon-reload forget timers that wait, so that no `stop` is needed before it: one systemctl call less.

A timer that is up keeps the moment it counts from through a reload, and starts its job where its new times say that
this was due. With a drop-in that takes its times away for as long as the reload lasts, and with its link gone, the
manager finds it over and lets it go; what `start` starts then is read anew. A timer that fires before that reload is
not let go, nor is one that something else wants; but it has no times then, so that `start` refuses it ("bad unit file
setting"). Measured with 252, 257 and 262.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobsync import files

_NAME = "jobsync-reload.conf"
# Without a digest in its description, a timer that keeps these lines is never taken for what was meant.
_NO_TIMES = b"""\
# There for one daemon-reload.
[Unit]
Description=no times
[Timer]
OnCalendar=
RemainAfterElapse=no
"""


def _place(runtime: str) -> Path:
    return Path(runtime, "systemd/user")


def has_drop_ins(places: Iterable[Path]) -> bool:
    """Whether the user has any for timers, which may give one times that ours does not take away. `JobsyncError`."""
    return any(name.endswith("timer.d") for place in places for name in files.names(place))


def remember(runtime: str, timers: Collection[str]) -> None:
    """Let them have times again, also where a sync was killed that had taken them away. `JobsyncError`."""
    place = _place(runtime)
    for name in {f"{timer}.d" for timer in timers}.intersection(files.names(place)):
        for file in (_NAME, files.temporary_name(_NAME)):
            files.remove(place / name / file)
        files.remove_if_empty(place / name)


@contextmanager
def forgetting(runtime: str, timers: Collection[str]) -> Iterator[None]:
    """For the reload within: `timers` have no times. `JobsyncError` when that cannot be written, or taken back."""
    try:
        for timer in timers:
            directory = _place(runtime) / f"{timer}.d"
            files.make_directory(directory, 0o755)
            # What a power cut leaves of it is nothing: that place is in memory.
            files.write_atomically(directory / _NAME, _NO_TIMES, 0o644, files.Safety.NONE)
        yield
    finally:
        remember(runtime, timers)
