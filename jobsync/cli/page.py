"""History as one page for a browser: no network, no build step, everything in one file."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from jobsync.reconcile.standing import how_it_ended
from jobsync.runs.timeline import Event, Mark, Timeline, worst
from jobsync.runs.words import length, size
from jobsync.values import dataclass

_TEMPLATE = Path(__file__).with_name("history.html")
_CELLS_A_DAY = 12
"""With more starts on a day than this, the day is one cell with a count."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One square, and what it says when somebody asks."""

    mark: str
    count: str
    said: str
    """A line for each start."""


@dataclass(frozen=True, slots=True)
class Row:
    """One job."""

    name: str
    schedule: str
    worst: str
    """Of all its marks; empty for none."""
    days: tuple[tuple[Cell, ...], ...]


def _said(event: Event) -> str:
    moment, run = f"{event.at:%a %d %b %H:%M}", event.run
    if run is None:
        return f"{moment} missed: {event.reason}"
    if run.skipped:
        return f"{moment} skipped: {run.skipped}"
    if event.mark is Mark.RUNNING:
        return f"{moment} running"
    ended = "ok" if run.is_success else how_it_ended(run)
    took = f" in {length(run.ended - run.started)}" if run.ended is not None else ""
    tries = f", {run.attempts} attempts" if run.attempts > 1 else ""
    output = f", {size(run.output, is_least=run.output_is_least)} of output" if run.output else ""
    return f"{moment} {ended}{took}{tries}{output}"


def _cells(events: Sequence[Event]) -> tuple[Cell, ...]:
    if len(events) <= _CELLS_A_DAY:
        return tuple(Cell(one.mark.value, "", _said(one)) for one in events)
    mark = worst(events)
    assert mark is not None  # noqa: S101 - there are more than a dozen
    bad = [one for one in events if one.mark is mark]
    count = str(len(events)) if len(bad) == len(events) else f"{len(bad)}/{len(events)}"
    told = [_said(one) for one in bad[:_CELLS_A_DAY]]
    more = [f"and {len(bad) - _CELLS_A_DAY} more"] if len(bad) > _CELLS_A_DAY else []
    head = f"{len(bad)} of {len(events)} {mark.value}"
    return (Cell(mark.value, count, "\n".join([head, *told, *more])),)


def _row(line: Timeline, days: Sequence[date]) -> Row:
    found = worst(line.events)
    return Row(line.name, line.schedule, found.value if found else "", tuple(_cells(line.on(day)) for day in days))


def render(repos: Sequence[tuple[str, Sequence[Timeline]]], days: Sequence[date], now: datetime) -> str:
    """The page. `ImportError` where Jinja2 is not installed."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    tables = [(work_tree, [_row(line, days) for line in lines]) for work_tree, lines in repos]
    return template.render(
        repos=tables,
        days=days,
        now=now,
        marks=[mark.value for mark in (Mark.OK, Mark.FAILED, Mark.MISSED, Mark.SKIPPED, Mark.RUNNING)],
    )
