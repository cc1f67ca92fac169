"""Hours that are far away, whatever the hour at which the tests run.

A test that is to see no slot must not be near one. A change of the clock skips or repeats an hour of the early
morning: nothing here is in it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone


@dataclass(frozen=True)
class Noon:
    """A zone in which it is past noon now: midnight and the slots of the morning are far away."""

    hours: int
    """That UTC is ahead of it, as POSIX counts."""

    @classmethod
    def now(cls) -> "Noon":
        return cls(datetime.now(UTC).hour - 12)

    @property
    def zone(self) -> str:
        """For `TZ`."""
        return f"NOON{self.hours}"

    @property
    def midnight(self) -> datetime:
        """At which the day there began."""
        here = datetime.now(timezone(timedelta(hours=-self.hours)))
        return here.replace(hour=0, minute=0, second=0, microsecond=0)


def lunch() -> datetime:
    """A moment of today, by this machine's clock, at which no test's job is about to start."""
    return datetime.now().replace(hour=12, minute=20, second=0, microsecond=0, fold=0)


def far() -> str:
    """A time of day that came last, and comes next, six hours from now at the least."""
    return "18:00" if datetime.now().hour < 12 else "06:00"
