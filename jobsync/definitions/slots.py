"""The algebra of slots: which minutes they mean, the fewest that mean them, moved later, and the next ones.

Pure: no clock and no zone but the caller's. It knows nothing of how a schedule is written.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import product

from jobsync.definitions.job import Slot
from jobsync.errors import JobsyncError
from jobsync.values import replace

MINUTES_A_DAY = 1_440
MOST_SLOTS = 1_000
"""More `StartCalendarInterval` dicts than this are refused: launchd arms a timer for each."""

_HOURS, _MINUTES = range(24), range(60)
_RANGES = (range(1, 13), range(1, 32), range(7), _HOURS, _MINUTES)

Fields = tuple[int | None, ...]
"""month, day, weekday, hour and minute of a slot: the search makes thousands, and tuples are cheap."""

# 29 February is eight years away around a century that has none; nothing that can happen is rarer.
_HORIZON_DAYS = 8 * 366

# Thirteen months around the turn of a year, of a leap year's length.
_GAP_START, _GAP_DAYS = date(2024, 1, 1), 366 + 31


def is_day_of(slot: Slot, day: date) -> bool:
    """Whether the slot's month, day and weekday let it start on that date."""
    if slot.month not in {None, day.month}:
        return False
    if slot.day is None and slot.weekday is None:
        return True
    return slot.day == day.day or slot.weekday == day.isoweekday() % 7


def _fields(slot: Slot) -> Fields:
    return (slot.month, slot.day, slot.weekday, slot.hour, slot.minute)


def _general(fields: Fields) -> Iterator[Fields]:
    """The fields themselves and with some of them open: every slot that means at least the same."""
    # A slot with day *and* weekday means either: opening one of the two would not only add to it.
    return product(*((None,) if value is None else (value, None) for value in fields))


def _widened(fields: Fields, known: set[Fields]) -> Iterator[Fields]:
    """With one field open, where every single value of it is already in `known`."""
    for index, values in enumerate(_RANGES):
        head, tail = fields[:index], fields[index + 1 :]
        wide = (*head, None, *tail)
        if fields[index] is None or wide in known:
            continue
        if all(not known.isdisjoint(_general((*head, value, *tail))) for value in values):
            yield wide


def _minutes(slot: Slot) -> Iterator[int]:
    """Minutes after midnight at which the slot starts on its days."""
    hours = _HOURS if slot.hour is None else (slot.hour,)
    minutes = _MINUTES if slot.minute is None else (slot.minute,)
    return (hour * 60 + minute for hour, minute in product(hours, minutes))


def _cover(minutes: set[int]) -> Iterator[tuple[int | None, int | None]]:
    """The hours and minutes (None: every) of the fewest slots for these minutes of a day."""
    full_minutes = {minute for minute in _MINUTES if all(hour * 60 + minute in minutes for hour in _HOURS)}
    full_hours = {hour for hour in _HOURS if all(hour * 60 + minute in minutes for minute in _MINUTES)}
    if len(full_hours) == len(_HOURS):
        yield None, None
        return
    yield from ((hour, None) for hour in full_hours)
    yield from ((None, minute) for minute in full_minutes)
    yield from (
        (minute // 60, minute % 60)
        for minute in minutes
        if minute // 60 not in full_hours and minute % 60 not in full_minutes
    )


def _covered(slots: Iterable[Slot]) -> Iterator[Fields]:
    """The slots with each day's minutes in the fewest; thousands shrink before the slower search sees them."""
    by_day: dict[Fields, set[int]] = {}
    for slot in slots:
        by_day.setdefault(_fields(slot)[:3], set()).update(_minutes(slot))
    for day, minutes in by_day.items():
        yield from ((*day, *time_of_day) for time_of_day in _cover(minutes))


def _order(fields: Fields) -> tuple[int, ...]:
    return tuple(-1 if value is None else value for value in fields)


def simplify(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """The same minutes in as few slots as leaving fields open can make it; sorted, without repetition.

    No slot given may have both `day` and `weekday`; none that is returned has.
    """
    given = tuple(slots)
    if len(given) == 1:  # as most jobs have it, several times over: a tenth of the first sync
        return given
    known = set(_covered(given))
    fresh = known
    while fresh:
        fresh = {wide for fields in known for wide in _widened(fields, known)}
        known |= fresh
    least = [fields for fields in known if not any(wide in known for wide in _general(fields) if wide != fields)]
    return tuple(Slot(*fields) for fields in sorted(least, key=_order))


def _next_day(slot: Slot) -> Slot:
    """The days after the slot's days. Errors: `JobsyncError` where no slot can say that."""
    if slot.day is not None:
        raise JobsyncError("would move a start past midnight, to a day of the month that launchd cannot name")
    if slot.month is not None:
        raise JobsyncError("would move a start past midnight, on the last day of a month into the next one")
    return slot if slot.weekday is None else replace(slot, weekday=(slot.weekday + 1) % 7)


def _shift(slot: Slot, minutes: int) -> Iterator[Slot]:
    for start in _minutes(slot):
        days, minute = divmod(start + minutes, MINUTES_A_DAY)
        moved = _next_day(slot) if days else slot
        yield replace(moved, hour=minute // 60, minute=minute % 60)


def shift(slots: Iterable[Slot], minutes: int) -> tuple[Slot, ...]:
    """Every start so many minutes later (0 up to a day less a minute), in the fewest slots.

    Errors: `JobsyncError` where a start would pass midnight on a day that no slot can name.
    """
    if not minutes:
        return simplify(slots)
    return simplify(moved for slot in slots for moved in _shift(slot, minutes))


def _instants(day: date, slots: Iterable[Slot], zone: tzinfo) -> Iterator[datetime]:
    """The moments, in UTC, at which a clock of the zone shows one of the slots on that date."""
    for minute in {minute for slot in slots if is_day_of(slot, day) for minute in _minutes(slot)}:
        shown = datetime.combine(day, time(minute // 60, minute % 60), zone)
        for fold in (0, 1):
            moment = shown.replace(fold=fold).astimezone(UTC)
            # A reading that the clock jumps over does not survive the way to UTC and back.
            if moment.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
                yield moment


def _days(start: date) -> Iterator[date]:
    """From the day before (a clock set back over midnight shows it again) to the end of the calendar."""
    first = max(start.toordinal() - 1, 2)
    return (date.fromordinal(number) for number in range(first, date.max.toordinal()))


def next_runs(slots: Iterable[Slot], after: datetime, count: int) -> tuple[datetime, ...]:
    """The next moments at which the slots start, strictly later than `after`; fewer than `count` only where
    nothing follows for eight years.

    `after` is aware; its zone is the machine's, and the answers are in it. A slot is a reading of the wall clock:
    in the hour that the clock skips in spring nothing is named, and a reading that it shows twice in autumn is named
    twice (with `fold`). That is what launchd's local calendar suggests; Apple documents neither.
    """
    zone, earliest = after.tzinfo, after.astimezone(UTC)
    if zone is None:
        raise ValueError("next_runs needs an aware datetime")
    slots = tuple(slots)
    found: set[datetime] = set()
    spare = _HORIZON_DAYS
    for day in _days(after.date()):
        enough = len(found) >= count
        fresh = {moment for moment in _instants(day, slots, zone) if moment > earliest}
        found |= fresh
        spare = _HORIZON_DAYS if fresh else spare - 1
        # One day more than needed: a clock set back over midnight shows an earlier date later.
        if enough or not spare:
            break
    return tuple(moment.astimezone(zone) for moment in sorted(found)[:count])


def runs_between(slots: Iterable[Slot], after: datetime, until: datetime) -> tuple[datetime, ...]:
    """The moments later than `after` and not later than `until` at which the slots start, in order.

    Both aware; the answers are in the zone of `after`. As in `next_runs`, a slot is a reading of the wall clock.
    """
    zone, earliest = after.tzinfo, after.astimezone(UTC)
    if zone is None:
        raise ValueError("runs_between needs aware datetimes")
    slots, latest = tuple(slots), until.astimezone(UTC)
    # One day more at both ends: a clock set back over midnight shows a date again.
    final = until.astimezone(zone).date() + timedelta(days=1)
    found: set[datetime] = set()
    for day in _days(after.date()):
        if day > final:
            break
        found |= {moment for moment in _instants(day, slots, zone) if earliest < moment <= latest}
    return tuple(moment.astimezone(zone) for moment in sorted(found))


def _gaps(day: int, minutes: Iterable[int], former: int | None) -> Iterator[tuple[int, int]]:
    """Each start of a day as minutes since the first day, with the minutes that passed since the one before."""
    for minute in minutes:
        start = day * MINUTES_A_DAY + minute
        yield start, start - (start if former is None else former)
        former = start


def longest_gap(slots: Iterable[Slot]) -> int | None:
    """The most seconds between two starts, as the calendar without changes of the clock has it; None: no slots.

    What starts less than twice in 13 months counts as four years: 29 February is the rarest day.
    """
    slots = tuple(slots)
    if not slots:
        return None
    by_slots: dict[tuple[int, ...], list[int]] = {}
    former, longest, count = None, 0, 0
    for number in range(_GAP_DAYS):
        day = _GAP_START + timedelta(days=number)
        mine = tuple(index for index, slot in enumerate(slots) if is_day_of(slot, day))
        if mine not in by_slots:
            by_slots[mine] = sorted({minute for index in mine for minute in _minutes(slots[index])})
        for start, gap in _gaps(number, by_slots[mine], former):
            former, longest, count = start, max(longest, gap), count + 1
    return longest * 60 if count > 1 else 4 * 366 * 86_400
