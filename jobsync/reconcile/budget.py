"""How long somebody may be kept waiting. git waits for its hooks, and a person waits for git."""

import time

WAITING = 5.0
"""Seconds that a hook waits for jobs to end: their scheduler lets them take longer."""
WORKING = 30.0
"""Seconds after which a hook begins with no further job, however quickly one goes after the other."""


class OutOfTime(Exception):
    """The rest is for somebody else to do. No `JobsyncError`: nothing is wrong, and no job has failed."""


class Budget:
    """Counted from its making. What is unlimited never ends."""

    def __init__(self, waiting: float = float("inf"), working: float = float("inf")) -> None:
        """Seconds for waiting until jobs have ended, and for everything."""
        begun = time.monotonic()
        self._waiting = begun + waiting
        self._working = begun + working

    @property
    def left_for_waiting(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self._waiting - time.monotonic())

    def check_waiting(self) -> None:
        """Called while waiting. `OutOfTime`."""
        if time.monotonic() > self._waiting:
            raise OutOfTime

    def check_working(self) -> None:
        """Called before each job. `OutOfTime`."""
        if time.monotonic() > self._working:
            raise OutOfTime


UNLIMITED = Budget()
