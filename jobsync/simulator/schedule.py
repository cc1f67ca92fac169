"""When a calendar slot comes next. Pure: local wall clock, minute resolution, any time zone.

A slot fires in every real minute whose wall-clock reading matches it. So a slot in the hour that a change to summer
time skips does not fire, and one in the hour that is repeated fires twice (docs/simulator.md, row 9.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

_HORIZON = 9 * 366 * 86400.0
"""Seconds. No slot that can happen at all is further away: 29 February may be eight years off."""


@dataclass(frozen=True, slots=True)
class CalendarSlot:
    """One `StartCalendarInterval` dict; None = any value. Weekday 0 and 7 are both Sunday."""

    minute: int | None = None
    hour: int | None = None
    day: int | None = None
    weekday: int | None = None
    month: int | None = None

    def is_on_day(self, at: datetime) -> bool:
        """Whether the date matches: day and weekday both given = either."""
        if self.month is not None and self.month != at.month:
            return False
        on_weekday = self.weekday is not None and self.weekday % 7 == at.isoweekday() % 7
        if self.day is None:
            return self.weekday is None or on_weekday
        return self.day == at.day or on_weekday

    def is_in_hour(self, at: datetime) -> bool:
        """Whether the hour matches."""
        return self.hour is None or self.hour == at.hour

    def is_in_minute(self, at: datetime) -> bool:
        """Whether the minute matches."""
        return self.minute is None or self.minute == at.minute


def _jump(moment: float, seconds: int, zone: tzinfo) -> float:
    """Move on by `seconds`, but by one minute only where the zone's offset changes on the way."""
    here, there = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(moment + seconds, zone)
    return moment + (seconds if here.utcoffset() == there.utcoffset() else 60)


def _next_of(slot: CalendarSlot, after: float, zone: tzinfo) -> float | None:
    moment = (after // 60 + 1) * 60
    end = moment + _HORIZON
    while moment < end:
        at = datetime.fromtimestamp(moment, zone)
        if not slot.is_on_day(at):
            moment = _jump(moment, (24 - at.hour) * 3600 - at.minute * 60, zone)
        elif not slot.is_in_hour(at):
            moment = _jump(moment, (60 - at.minute) * 60, zone)
        elif not slot.is_in_minute(at):
            moment += 60
        else:
            return moment
    return None


def next_fire(slots: Iterable[CalendarSlot], after: float, zone: tzinfo) -> float | None:
    """The first whole minute later than `after` (seconds since the epoch) in which any slot fires; None = never."""
    moments = (_next_of(slot, after, zone) for slot in slots)
    return min((moment for moment in moments if moment is not None), default=None)
