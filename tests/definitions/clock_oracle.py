"""What launchd.plist(5) says of `StartCalendarInterval`, written down a second time, minute by minute.

It shares no line with the code under test: dicts are matched against readings of a clock, and nothing is expanded.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from hypothesis import HealthCheck, settings

from jobsync.definitions.job import Slot

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
steady = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def as_dict(slot: Slot) -> dict[str, int]:
    fields = {
        "Month": slot.month,
        "Day": slot.day,
        "Weekday": slot.weekday,
        "Hour": slot.hour,
        "Minute": slot.minute,
    }
    return {key: value for key, value in fields.items() if value is not None}


def fires(entry: dict[str, int], reading: datetime) -> bool:
    if entry.get("Minute", reading.minute) != reading.minute or entry.get("Hour", reading.hour) != reading.hour:
        return False
    if entry.get("Month", reading.month) != reading.month:
        return False
    weekday = (reading.weekday() + 1) % 7
    if "Day" in entry and "Weekday" in entry:
        return entry["Day"] == reading.day or entry["Weekday"] % 7 == weekday
    return entry.get("Day", reading.day) == reading.day and entry.get("Weekday", weekday) % 7 == weekday


def readings(first: datetime, days: int) -> Iterator[datetime]:
    """Every minute that a clock without summer time shows."""
    return (first + timedelta(minutes=minute) for minute in range(days * 1_440))


def matching(slots: Iterable[Slot], first: datetime, days: int) -> set[datetime]:
    """`first`: a midnight."""
    entries = [as_dict(slot) for slot in slots]
    timeless = [{key: value for key, value in entry.items() if key not in ("Hour", "Minute")} for entry in entries]
    found = set()
    for day in (first + timedelta(days=number) for number in range(days)):
        # Which day it is settles most entries for all of its minutes.
        today = [entry for entry, dated in zip(entries, timeless, strict=True) if fires(dated, day)]
        if today:
            found |= {reading for reading in readings(day, 1) if any(fires(entry, reading) for entry in today)}
    return found


def _shown(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def moments(is_meant: Callable[[datetime], bool], start: datetime, end: datetime) -> list[datetime]:
    """Every moment later than `start` and before `end`, in UTC, at which the zone's clock shows what is meant."""
    zone: tzinfo | None = start.tzinfo
    moment, last, found = start.astimezone(UTC) + timedelta(minutes=1), end.astimezone(UTC), []
    while moment < last:
        after = min(moment + HOUR, last)
        reading = _shown(moment, zone)
        # No zone changes its clock twice within the hour, so that it is the same at both ends and another between.
        is_even = _shown(after, zone) - reading == after - moment
        while moment < after:
            if is_meant(reading if is_even else _shown(moment, zone)):
                found.append(moment)
            moment += MINUTE
            reading += MINUTE
    return found


def shown_moments(shown: Iterable[datetime], zone: tzinfo, after: datetime) -> list[datetime]:
    """The moments, in UTC, at which the zone's clock shows these readings: none, one or two for each."""
    found = set()
    for reading in shown:
        for fold in (0, 1):
            moment = reading.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            if moment.astimezone(zone).replace(tzinfo=None, fold=0) == reading:
                found.add(moment)
    return sorted(moment for moment in found if moment > after.astimezone(UTC))
