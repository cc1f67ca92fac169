"""launchd's own log, in launchd's form: the one place that tells the inner error codes. A hint for people."""

from datetime import datetime, tzinfo
from pathlib import Path

from jobsync.simulator.clock import Clock

FILE = "launchd.log"


class Log:
    """Appends lines; `zone` may change while it is in use."""

    def __init__(self, path: Path, clock: Clock, zone: tzinfo) -> None:
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
        self._clock = clock
        self.zone = zone

    def write(self, where: str, text: str) -> None:
        """One line: simulated local time, the domain or service it is about, and what happened."""
        at = datetime.fromtimestamp(self._clock.now(), self.zone)
        self._file.write(f"{at:%Y-%m-%d %H:%M:%S.%f} ({where}) <Notice>: {text}\n")

    def close(self) -> None:
        """No more lines."""
        self._file.close()
