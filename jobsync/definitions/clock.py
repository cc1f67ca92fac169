"""A trigger on the clock: its slots, and how people say it. What `at`, `cron` and `every` have in common."""

from collections.abc import Iterable, Sequence

from jobsync.definitions.job import Slot
from jobsync.definitions.slots import MOST_SLOTS
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Clock:
    """A trigger on the clock: the slots it means (sorted, simplified), and how a person would say it."""

    slots: tuple[Slot, ...]
    words: str


def listed(items: Sequence[str], last: str = "and") -> str:
    """`a, b and c`; at least one."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


def weekday_words(weekdays: Iterable[int]) -> str:
    """`mon-fri`, `sat and sun`: runs of three and more become ranges; the week starts on Monday."""
    runs: list[list[int]] = []
    for day in sorted((weekday - 1) % 7 for weekday in weekdays):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names: list[str] = []
    for run in runs:
        spelled = [WEEKDAYS[(day + 1) % 7] for day in run]
        names += [f"{spelled[0]}-{spelled[-1]}"] if len(run) > 2 else spelled
    return listed(names)


def day_words(days: Iterable[int]) -> str:
    """`on day 1 and 15`."""
    return f"on day {listed([str(day) for day in sorted(days)])}"


def time_words(times: Iterable[tuple[int, int]]) -> str:
    """`at 09:00 and 17:30`, of hours and minutes."""
    return "at " + listed([f"{hour:02}:{minute:02}" for hour, minute in sorted(times)])


def day_parts(monthdays: Iterable[int], weekdays: Iterable[int]) -> list[tuple[int | None, int | None]]:
    """(day, weekday) of each slot. Never both in one: only one source says what launchd makes of that."""
    parts: list[tuple[int | None, int | None]] = [(day, None) for day in monthdays]
    parts += [(None, weekday) for weekday in weekdays]
    return parts or [(None, None)]


def sentence(monthdays: set[int], weekdays: set[int], times: str) -> str:
    """Days and times as people say them, such as `mon-fri at 09:00`; `times` in words."""
    every_day = "" if times.startswith(("every", "hourly")) else "daily"
    if len(monthdays) == 31 or len(weekdays) == 7:
        monthdays, weekdays = set(), set()
    parts = [day_words(monthdays)] if monthdays else []
    parts += [weekday_words(weekdays)] if weekdays else []
    return f"{' or '.join(parts) or every_day} {times}".strip()


def plain_text(text: str, what: str) -> str:
    """The text in lower case. Errors: `JobsyncError` for what no schedule can hold, so that messages stay short."""
    if not text.strip():
        raise JobsyncError(f"is empty; write {what}")
    if len(text) > 500 or not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise JobsyncError(f"is not a schedule; write {what}")
    return text.lower()


def check_count(count: int) -> None:
    """Errors: `JobsyncError` where so many slots are more than launchd is given."""
    if count > MOST_SLOTS:
        raise JobsyncError(
            f"needs {count:,} entries in launchd's list of times, and {MOST_SLOTS:,} are the most; "
            'write fewer times, or start more often (every = "5m") and let the script check'
        )
