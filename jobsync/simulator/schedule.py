"""When a calendar slot comes next. Pure: local wall clock, minute resolution, any time zone.

A slot fires in every real minute whose wall-clock reading matches it. So a slot in the hour that a change to summer
time skips does not fire, and one in the hour that is repeated fires twice (docs/simulator.md, row 9.1), unless the
rule that is given says otherwise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo

_DAY = 86400
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


def without_months_of_weekdays(slots: Iterable[CalendarSlot]) -> Iterator[CalendarSlot]:
    """As launchd 842 took them: a weekday counts in every month, and the month beside it only for a day beside both."""
    for slot in slots:
        if slot.weekday is None or slot.month is None:
            yield slot
            continue
        yield replace(slot, day=None, month=None)
        if slot.day is not None:
            yield replace(slot, weekday=None)


@dataclass(frozen=True, slots=True)
class ClockChanges:
    """What a change of the clock does to slots that name an hour; the default is to go by the clock's reading."""

    shifts_skipped: bool = False
    """A slot in the skipped hour fires as much later as the clock was moved on; otherwise it is lost."""
    repeats_once: bool = False
    """A slot in the repeated hour fires the first time only."""


_BY_THE_CLOCK = ClockChanges()


def _jump(moment: float, seconds: int, zone: tzinfo) -> float:
    """Move on by `seconds`, but by one minute only where the zone's offset changes on the way."""
    here, there = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(moment + seconds, zone)
    return moment + (seconds if here.utcoffset() == there.utcoffset() else 60)


def _offset(moment: float, zone: tzinfo) -> float:
    """Seconds east of Greenwich."""
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _gaps(begin: float, end: float, zone: tzinfo) -> Iterator[tuple[float, float]]:
    """When the clock is put forward between two moments, and by how many seconds."""
    day = begin
    while day < end:
        if _offset(day, zone) < _offset(day + _DAY, zone):
            minutes = (day // 60 * 60 + 60 * count for count in range(1, _DAY // 60 + 1))
            change = next(minute for minute in minutes if _offset(minute, zone) > _offset(minute - 60, zone))
            yield change, _offset(change, zone) - _offset(change - 60, zone)
        day += _DAY


def _next_shifted(slot: CalendarSlot, after: float, end: float, zone: tzinfo) -> float | None:
    """The first minute later than `after` that would match, had the clock not been put forward shortly before."""
    for change, gap in _gaps(after - _DAY, end, zone):
        unchanged = timezone(timedelta(seconds=_offset(change - 60, zone)))
        for moment in (change + 60 * count for count in range(int(gap // 60))):
            at = datetime.fromtimestamp(moment, unchanged)
            if moment > after and slot.is_on_day(at) and slot.is_in_hour(at) and slot.is_in_minute(at):
                return moment
    return None


def _next_of(slot: CalendarSlot, after: float, zone: tzinfo, changes: ClockChanges) -> float | None:
    found = _next_by_the_clock(slot, after, zone)
    if slot.hour is None:
        return found
    while changes.repeats_once and found is not None and datetime.fromtimestamp(found, zone).fold:
        found = _next_by_the_clock(slot, found, zone)
    if not changes.shifts_skipped:
        return found
    shifted = _next_shifted(slot, after, after + _HORIZON if found is None else found, zone)
    return min((moment for moment in (found, shifted) if moment is not None), default=None)


def _next_by_the_clock(slot: CalendarSlot, after: float, zone: tzinfo) -> float | None:
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


def next_fire(
    slots: Iterable[CalendarSlot], after: float, zone: tzinfo, changes: ClockChanges = _BY_THE_CLOCK
) -> float | None:
    """The first whole minute later than `after` (seconds since the epoch) in which any slot fires; None = never."""
    moments = (_next_of(slot, after, zone, changes) for slot in slots)
    return min((moment for moment in moments if moment is not None), default=None)
