"""How all jobs stand, as lines for people: a table, when a sync last changed something, and a sum."""

from datetime import datetime

from jobsync import columns
from jobsync.reconcile.standing import JobStatus, State, how_it_ended
from jobsync.runs.records import Run
from jobsync.runs.words import age, length
from jobsync.tones import Tone, paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = ("JOB", "SCHEDULE", "STATE", "LAST RUN", "NEXT RUN")
_SHORTEST_SCHEDULE = 14
"""Columns; a schedule that is cut shorter says nothing."""
_ID_LENGTH = 8
_FAR = 300
"""Days; a date that is nearer is not taken for another year's."""


def run_words(run: Run, now: datetime, *, is_running: bool) -> str:
    """One run in a cell: `2h ago, exit 78 (EX_CONFIG) in 3s`."""
    ago = age(now.timestamp() - run.started)
    if run.skipped:
        return f"{ago} ago, skipped: {run.skipped}"
    if run.ended is None:
        return f"running for {ago}" if is_running else f"{ago} ago, killed"
    tries = f", {run.attempts} attempts" if run.attempts > 1 else ""
    ended = "ok" if run.is_success else how_it_ended(run)
    return f"{ago} ago, {ended} in {length(run.ended - run.started)}{tries}"


def _moment(second: int, now: datetime) -> str:
    moment = datetime.fromtimestamp(second, now.tzinfo)
    return _dated(moment, now, tells_year=moment.year != now.year)


def _dated(moment: datetime, now: datetime, *, tells_year: bool) -> str:
    """The hour alone, where that is today's."""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    return f"{moment:%a %d %b %Y %H:%M}" if tells_year else f"{moment:%a %d %b %H:%M}"


_STATES = {
    State.PAUSED: "paused by you",
    State.DISABLED: "disabled by you",
    State.ELSEWHERE: "not for this machine",
    State.LOCAL: "local: uncommitted edit",
}
"""Those that a person wants to read in more words than a program."""


def state_words(one: JobStatus, now: datetime) -> str:
    """The state as a person reads it: `failing since Mon 23 Nov 09:00`, `paused by you until 14:00`."""
    words = _STATES.get(one.state, str(one.state.value))
    if one.since is not None:
        return f"{words} since {_moment(one.since, now)}"
    return f"{words} until {_moment(one.until, now)}" if one.until else words


def tone_of(one: JobStatus) -> Tone:
    """How its state is meant."""
    if one.state in (State.OK, State.RUNNING):
        return Tone.GOOD
    return Tone.QUIET if one.is_healthy else Tone.BAD


def _last(one: JobStatus, now: datetime) -> str:
    return run_words(one.last, now, is_running=one.pid is not None) if one.last else "-"


def _next(one: JobStatus, now: datetime) -> str:
    if one.next is None:
        return "-"
    return _dated(one.next, now, tells_year=(one.next.date() - now.date()).days >= _FAR)


def _cells(one: JobStatus, state: str, now: datetime) -> tuple[str, ...]:
    return (one.name, one.schedule or "-", state, _last(one, now), _next(one, now))


def _fitting(rows: list[tuple[str, ...]], width: int | None) -> list[tuple[str, ...]] | None:
    """The rows with their schedules cut so that no line is too wide; None where even that is not enough."""
    if width is None:
        return rows
    widest = max(len(line) for line in columns.table(rows))
    longest = max(len(row[1]) for row in rows)
    room = longest - max(widest - width, 0)
    if room < min(longest, _SHORTEST_SCHEDULE):
        return None
    return [(row[0], row[1] if len(row[1]) <= room else f"{row[1][: room - 1]}…", *row[2:]) for row in rows]


def table(found: tuple[JobStatus, ...], now: datetime, width: int | None) -> list[str]:
    """A line for each job, as wide as it likes; in so many columns with fewer words, or with a few lines for each."""
    for states in ([state_words(one, now) for one in found], [one.state.value for one in found]):
        cells = [_cells(one, state, now) for one, state in zip(found, states, strict=True)]
        rows = _fitting([_HEAD, *cells], width)
        if rows is not None:
            return _painted(columns.table(rows), found, states)
    return [line for one in found for line in _stacked(one, now)]


def _painted(lines: list[str], found: tuple[JobStatus, ...], states: list[str]) -> list[str]:
    """Coloured after the widths are known: escape sequences have a length, and no width."""
    start = lines[0].index(_HEAD[2])
    painted = lines[:1]
    for line, one, state in zip(lines[1:], found, states, strict=True):
        painted.append(line[:start] + paint(state, tone_of(one)) + line[start + len(state) :])
    return painted


def _stacked(one: JobStatus, now: datetime) -> list[str]:
    """One job on three lines, for a terminal that no table fits into."""
    lines = [f"{columns.cell(one.name)}  {paint(state_words(one, now), tone_of(one))}"]
    lines += [f"  {columns.cell(one.schedule)}"] if one.schedule else []
    lines += [f"  last: {columns.cell(_last(one, now))}"] if one.last else []
    lines += [f"  next: {_next(one, now)}"] if one.next else []
    return lines


def history(changed_at: int, commit: str, subject: str | None, now: datetime) -> str:
    """When a sync last changed something (second, epoch), and at which commit, where either is known."""
    ago = age(now.timestamp() - changed_at)
    at = f", at {commit[:_ID_LENGTH]}" if commit else ""
    about = f" ({columns.cell(subject)})" if subject else ""
    return f"last change by a sync {ago} ago{at}{about}"


def summary(found: "Sequence[JobStatus]", faults: int = 0, unanswered: str = "") -> str:
    """The last line: how many jobs there are on this machine, and which of them to look at.

    `unanswered`: why the scheduler could not be asked; then nothing is said of how they are.
    """
    here = [one for one in found if one.state is not State.ELSEWHERE]
    jobs = columns.plural(len(here), "job")
    if unanswered:
        return f"{jobs}; {unanswered}"
    sick = [columns.cell(one.name) for one in here if not one.is_healthy]
    if sick:
        return f"{jobs}, {len(sick)} to look at: {', '.join(sick)}"
    return f"{jobs}, {columns.plural(faults, 'fault') if faults else 'all well'}"
