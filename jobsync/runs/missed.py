"""Which runs did not come, and most likely why: the schedule held against the records. Pure.

No daemon watches the clock for this. A slot is served by any run that starts between it and the next slot; a run that
comes later than that makes up for all slots before it, as launchd and systemd make one run of many missed ones.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from jobsync.definitions.job import TOLERANCE, Slot
from jobsync.definitions.slots import runs_between
from jobsync.runs import records
from jobsync.runs.records import HELD, LOADED, Run
from jobsync.values import dataclass

AWAY = "asleep or off"
"""The most likely reason where nothing else is known."""
REPLACED = "a sync was replacing it"
"""Its launcher found a hold file, and the sync that had left it was killed."""
STILL_RUNNING = "still running"
"""An earlier run had not ended; a job never overlaps with itself."""

_FAR_BACK = timedelta(days=14)
"""What was missed before that is nobody's concern any more."""
_EARLY = 5
"""Seconds that a run may be ahead of its slot: the clock is corrected now and then."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Consecutive slots that had no run, all for one reason."""

    first: datetime
    last: datetime
    """The same as `first` where it is one slot."""
    count: int
    reason: str
    """`asleep or off`, `still running`, what the caller knows to be so now, or why a start was skipped: a condition
    of `[when]`, a pause, `too late`."""
    made_up: Run | None
    """The first run after them: it did their work, late."""

    @property
    def is_open(self) -> bool:
        """Nothing has made up for it yet."""
        return self.made_up is None


@dataclass(frozen=True, slots=True)
class _Gap:
    number: int
    """Of the slot among all."""
    slot: datetime
    reason: str
    made_up: Run | None


def expected(slots: Iterable[Slot], after: datetime, until: datetime) -> tuple[datetime, ...]:
    """The moments later than `after` and not later than `until` at which a run had to come, in order. Both aware.

    A reading that the clock shows twice counts once: systemd (252, measured) starts nothing the second time, and
    launchd promises nothing.
    """
    return tuple(slot for slot in runs_between(slots, after, until) if not slot.fold)


class _Starts:
    """Starts in order, found by their moment."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._moments = [run.started for run in runs]

    def before(self, moment: float) -> Run | None:
        """The last one that is earlier."""
        position = bisect_left(self._moments, moment)
        return self._runs[position - 1] if position else None

    def after(self, moment: float) -> Run | None:
        """The first one that is not earlier."""
        position = bisect_left(self._moments, moment)
        return self._runs[position] if position < len(self._runs) else None


def _told(start: Run) -> str:
    return REPLACED if start.skipped == HELD else start.skipped


def _reason(slot: float, end: float, runs: _Starts, skips: _Starts, *, is_last: bool, now: str) -> str:
    """Why nothing ran between a slot and the next one (epochs). `is_last`: nor has anything run since."""
    told = skips.before(end - _EARLY)
    if told is not None and told.started >= slot - _EARLY:
        return _told(told)
    former = runs.before(slot)
    if former is not None and former.ended is not None and former.ended > slot:
        return STILL_RUNNING
    # A start that comes late stands for all slots before it; so does its being skipped.
    late = skips.after(end - _EARLY) if is_last else None
    if late is not None:
        return _told(late)
    return now if is_last and now else AWAY


def _gaps(slots: Sequence[datetime], runs: _Starts, skips: _Starts, until: float, now: str) -> list[_Gap]:
    found = []
    for number, slot in enumerate(slots):
        begin = slot.timestamp()
        end = slots[number + 1].timestamp() if number + 1 < len(slots) else until + _EARLY
        made_up = runs.after(begin - _EARLY)
        if made_up is not None and made_up.started < end - _EARLY:
            continue
        reason = _reason(begin, end, runs, skips, is_last=made_up is None, now=now)
        found.append(_Gap(number, slot, reason, made_up))
    return found


def _joined(gaps: Iterable[_Gap]) -> tuple[Missed, ...]:
    """Neighbours with one reason as one."""
    groups: list[list[_Gap]] = []
    for gap in gaps:
        former = groups[-1][-1] if groups else None
        if former is not None and gap.number == former.number + 1 and gap.reason == former.reason:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return tuple(
        Missed(group[0].slot, group[-1].slot, len(group), group[0].reason, group[-1].made_up) for group in groups
    )


def missed(
    slots: Iterable[Slot], runs: Iterable[Run], after: datetime, now: datetime, presently: str = ""
) -> tuple[Missed, ...]:
    """The slots later than `after` that had no run, oldest first. `after`, `now`: aware, in the machine's zone.

    `after` is not before the job's first sync here (`records.known_since`); a slot younger than `TOLERANCE` is not
    missed yet. `presently`: why nothing can start now (`not loaded`, `disabled`, `paused`, or `STILL_RUNNING` where the
    last run has no end and is alive), for slots that no run has followed.
    """
    # Not `now - timedelta(...)`, which counts on the wall clock: an hour off in the night that a change has made.
    due = expected(slots, after, datetime.fromtimestamp(now.timestamp() - TOLERANCE, now.tzinfo))
    recorded = sorted(runs, key=lambda run: run.started)
    real = [run for run in recorded if not run.skipped]
    if real and real[-1].ended is None and presently == STILL_RUNNING:
        due = tuple(slot for slot in due if slot.timestamp() < real[-1].started)
    # A start that only a sync caused is nobody's reason.
    skips = [run for run in recorded if run.skipped not in ("", LOADED)]
    gaps = _gaps(due, _Starts(real), _Starts(skips), now.timestamp(), presently)
    return _joined(gaps)


def of_late(
    slots: Sequence[Slot], runs: Sequence[Run], begin: float, now: datetime, presently: str, *, only_open: bool
) -> tuple[Missed, ...]:
    """As `missed`, of the last two weeks, and of no time before `begin` (epoch).

    `only_open`: leave out what has been made up for, which is quicker to tell.
    """
    begin = max(begin, (now - _FAR_BACK).timestamp())
    last = records.last(runs)
    if only_open and last is not None:
        begin = max(begin, last.started - TOLERANCE)
    if begin >= now.timestamp():
        return ()
    found = missed(slots, runs, datetime.fromtimestamp(begin, now.tzinfo), now, presently)
    return tuple(one for one in found if one.is_open) if only_open else found
