"""The simulated time: the real clock moved by an offset, or a clock that stands still until it is moved.

Only triggers and throttling live in it. Processes see the real clock, and how long launchd waits for a process to
end is real time too.
"""

import json
import os
import time
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.files import write_whole

FILE = "clock.json"
_LOCALTIME = Path("/etc/localtime")
_END = 250e9
"""Seconds since the epoch, in the year 9892: the calendar ends with 9999, and slots are looked for years ahead."""


def zone_named(name: str | None) -> tzinfo:
    """The zone of that name; without a name this machine's (`TZ`, `/etc/localtime`). SimulatorError if unknown."""
    wanted = name or os.environ.get("TZ", "").removeprefix(":")
    if not name and wanted.startswith("/"):  # as in `TZ=:/etc/localtime`, which saves a program many looks at that file
        return _zone_in(Path(wanted))
    if wanted:
        try:
            return ZoneInfo(wanted)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise SimulatorError(f'"{wanted}" is no known time zone; name one like "Europe/Berlin"') from None
    return _zone_in(_LOCALTIME)


def _zone_in(path: Path) -> tzinfo:
    """Where that is no zone, UTC, as the C library has it."""
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def possible(moment: float) -> float:
    """That moment. SimulatorError for one that the clock cannot show: before 1970, or no year has it."""
    if not 0 <= moment < _END:
        raise SimulatorError(f"the clock cannot be set to {moment:g} seconds since 1970; name a time in our era")
    return moment


class Clock:
    """Now, in seconds since the epoch. `still` = it moves by `move_to` only."""

    def __init__(self, at: float | None = None, *, still: bool = False) -> None:
        self.is_still = still
        self._offset = 0.0 if at is None else possible(at) - time.time()
        self._stands_at = time.time() if at is None else at

    def now(self) -> float:
        """The simulated time."""
        return self._stands_at if self.is_still else time.time() + self._offset

    def move_to(self, moment: float) -> None:
        """Make it that moment, earlier or later. SimulatorError for one that it cannot show."""
        self._offset = possible(moment) - time.time()
        self._stands_at = moment

    def save(self, path: Path) -> None:
        """Keep it, for a daemon that is started anew."""
        values = {"still": self.is_still, "at": self._stands_at, "offset": self._offset}
        write_whole(path, json.dumps(values).encode())

    @classmethod
    def resumed(cls, path: Path) -> "Clock":
        """A clock that was kept; unless it stands still it went on meanwhile. SimulatorError when there is none."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            at = values["at"] if values["still"] else time.time() + values["offset"]
            return cls(at, still=values["still"])
        except (OSError, ValueError, KeyError, TypeError):
            raise SimulatorError(f"{path} holds no clock to go on with; start without --resume") from None

    def real_seconds_until(self, moment: float) -> float | None:
        """How long until this clock shows `moment`: 0 when it is past, None when it never will by itself."""
        if moment <= self.now():
            return 0.0
        return None if self.is_still else moment - self.now()
