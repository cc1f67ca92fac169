"""What the process of a job leaves behind in its session: told to end, and killed when its grace has passed.

What a definition abandons (`AbandonProcessGroup`) goes on, and ends with the simulator.
"""

import os
import signal
import time
from collections.abc import Iterable

from jobsync.simulator.definition import Definition
from jobsync.simulator.process import Guardian, end_sessions, signal_group

_GRACE = 5.0


class Leftovers:
    """Sessions whose leader has ended while others in them may go on. A session is named by its leader's pid."""

    def __init__(self, guardian: Guardian) -> None:
        """`guardian` knows each of them from its start, and forgets it here."""
        self._guardian = guardian
        self._until: dict[int, float | None] = {}

    def add(self, session: int, definition: Definition) -> None:
        """The leader has ended: the rest gets SIGTERM, unless the definition abandons it."""
        self._forget_empty()
        if definition.abandons_group:
            self._until[session] = None
        else:
            signal_group(session, signal.SIGTERM)
            self._until[session] = time.monotonic() + min(definition.exit_timeout or _GRACE, _GRACE)
        self._forget_empty()

    def end(self, session: int) -> None:
        """The leader has ended, and all else in it ends now."""
        self._forget_empty()
        end_sessions([session])
        self._guardian.remove(session)

    def end_late(self, now: float) -> None:
        """End those whose time has passed. `now`: real (monotonic)."""
        for session in [one for one, until in self._until.items() if until is not None and until <= now]:
            end_sessions([session])
            self._forget(session)

    def dues(self) -> Iterable[float]:
        """The real moments at which one of them is late."""
        return (until for until in self._until.values() if until is not None)

    def sessions(self) -> Iterable[int]:
        """All of them."""
        return self._until.keys()

    def _forget_empty(self) -> None:
        for session in tuple(self._until):
            try:
                os.killpg(session, 0)
            except ProcessLookupError:
                self._forget(session)

    def _forget(self, session: int) -> None:
        del self._until[session]
        self._guardian.remove(session)
