"""launchd's own log, in launchd's form: the one place that tells the inner error codes. A hint for people."""

from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path

from jobsync.simulator.clock import Clock

FILE = "launchd.log"
_LIMIT = 4 << 20
"""Bytes above which a log becomes the former one, `launchd.log.1`, and another begins."""


class Log:
    """Appends lines; `zone` may change while it is in use. A disk without room for them costs lines, nothing else."""

    def __init__(self, path: Path, clock: Clock, zone: tzinfo) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._clock = clock
        self.zone = zone

    def write(self, where: str, text: str) -> None:
        """One line: simulated local time, the domain or service it is about, and what happened."""
        at = datetime.fromtimestamp(self._clock.now(), self.zone)
        line = f"{at:%Y-%m-%d %H:%M:%S.%f} ({where}) <Notice>: {text}\n"
        with suppress(OSError):
            self._file.write(line.encode(errors="backslashreplace"))
            if self._file.tell() > _LIMIT:
                self._path.replace(self._path.with_name(f"{FILE}.1"))
                self._file.close()
                self._file = self._path.open("ab", buffering=0)

    def close(self) -> None:
        """No more lines."""
        self._file.close()
