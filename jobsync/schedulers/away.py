"""What becomes of a job while the machine sleeps, is off, or nobody is logged in, in sentences; pure.

`docs/away.md` says the same in tables, and plays it.
"""

from collections.abc import Iterator

from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import Job, Schedule
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class Sessions:
    """How a scheduler lives through times away."""

    begin: str
    """When jobs start again: `at the next login`."""
    sees_changes: bool = False
    """It may notice after a login what `on_change` missed."""
    lingers: bool = False
    """Jobs run without anybody logged in."""


def _window(schedule: Schedule) -> str:
    if schedule.catch_up is None:
        return ", however many slots were missed"
    return f", no later than {format_duration(schedule.catch_up)} after the slot"


def _slots(schedule: Schedule, begin: str) -> tuple[str, str]:
    """Off or logged out, the scheduler makes up for them, or `jobsync-login` does."""
    if schedule.catch_up == 0:
        return "none, a late start is skipped", "none"
    window = _window(schedule)
    return f"one run after wake{window}", f"one run {begin}{window}"


def _cases(job: Job, sessions: Sessions) -> Iterator[tuple[str, tuple[str, str]]]:
    """Trigger -> what happens asleep, and off."""
    schedule, begin = job.schedule, sessions.begin
    if schedule.slots:
        yield "slots", _slots(schedule, begin)
    if schedule.at_login:
        yield "at_login", ("nothing, sleep is no logout", f"one run {begin}")
    if schedule.on_files:
        yield "on_files", ("nothing, after wake the directory counts as it is", f"starts {begin} if there are files")
    if schedule.on_change:
        noticed = f"what changes is noticed {begin} at the earliest, or not at all"
        yield "on_change", ("nothing", noticed if sessions.sees_changes else "what changes is not noticed")
    if job.daemon is not None:
        yield "daemon", ("sleeps too, and goes on", f"starts {begin}")


def sentences(job: Job, sessions: Sessions) -> list[str]:
    """Three for each trigger: asleep, off, logged out. Which trigger is said only where there are several."""
    cases = list(_cases(job, sessions))
    said = []
    for trigger, (asleep, off) in cases:
        logged_out = f"ended at logout, {off}" if trigger == "daemon" else off
        told = ("asleep", asleep), ("off", off), ("logged out", "runs as ever" if sessions.lingers else logged_out)
        said += [f"{f'{trigger}, ' if len(cases) > 1 else ''}{when}: {what}" for when, what in told]
    return said
