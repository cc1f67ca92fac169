"""`history`: what jobs did, as a picture, a table, JSON or a page of its own."""

import os
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypedDict

import click

from jobsync import columns, files, local_zone, report
from jobsync.cli.console import ExitCode, json_option, note, say, say_all, say_json, seconds_of
from jobsync.cli.context import Context, pass_context
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import history as histories
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.standing import how_it_ended
from jobsync.runs.missed import Missed
from jobsync.runs.records import Run
from jobsync.runs.timeline import Event, Mark, Timeline, days_between, worst
from jobsync.runs.words import length, size
from jobsync.tones import Tone, paint, width

MarkWord = Literal["failed", "missed", "running", "skipped", "ok"]


class RunRow(TypedDict):
    """One start of a job."""

    id: str
    outcome: MarkWord
    started: int
    ended: int | None
    status: int | None
    words: str
    attempts: int
    bytes: int | None
    bytes_are_least: bool
    waited: int
    by_hand: bool
    log: str | None


class MissedRow(TypedDict):
    """Expected runs in a row that did not come, for one reason."""

    first: str
    last: str
    count: int
    reason: str
    made_up: str | None


class JobHistory(TypedDict):
    """What one job did."""

    name: str
    label: str
    schedule: str
    runs: list[RunRow]
    missed: list[MissedRow]


class RepoHistory(TypedDict):
    """What the jobs of one repository did."""

    work_tree: str
    prefix: str
    jobs: list[JobHistory]


class HistoryDocument(TypedDict):
    """`history --json`."""

    version: int
    since: int
    repos: list[RepoHistory]


_SIGNS = {Mark.OK: "■", Mark.FAILED: "✗", Mark.MISSED: "○", Mark.SKIPPED: "-", Mark.RUNNING: "▸"}
_PLAIN_SIGNS = {Mark.OK: "+", Mark.FAILED: "x", Mark.MISSED: "o", Mark.SKIPPED: "-", Mark.RUNNING: ">"}
_TONES = {
    Mark.OK: Tone.GOOD,
    Mark.FAILED: Tone.BAD,
    Mark.MISSED: Tone.CHANGED,
    Mark.SKIPPED: Tone.QUIET,
    Mark.RUNNING: Tone.GOOD,
}
_CELLS_A_DAY = 5
"""With more starts on a day than this, the day is one cell with a count."""
_SPARED = ("TRIES", "OUTPUT", "TOOK")
"""What a narrow list goes without, first to last: a run's log and `--json` say it too."""
_RESULT = 8
"""Columns for the beginning of a result; the rest of a long one may wrap."""
_SHOWN = 20
_MAY_BE_LONG = 366 * 86_400
_FURTHER = {"30d": 30, "52w": 364}
"""Days. How far to look where nothing was found in less."""


def signs() -> dict[Mark, str]:
    """What stands for a mark, where stdout can show more than ASCII and where it cannot."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return _SIGNS if encoding.startswith("utf") else _PLAIN_SIGNS


# -- the picture


def _day_cells(events: Sequence[Event], *, room: int) -> list[tuple[Mark, str]]:
    """One day of one job: a cell for each start, or one for the whole day with how many are as bad as its worst."""
    if len(events) <= room:
        return [(one.mark, "") for one in events]
    mark = worst(events)
    if mark is None:
        return []
    count = sum(one.mark is mark for one in events)
    return [(mark, str(count) if count == len(events) else f"{count}/{len(events)}")]


def _cell(cells: list[tuple[Mark, str]], known: dict[Mark, str], wide: int) -> str:
    plain = sum(1 + len(count) for _, count in cells)
    return "".join(paint(known[mark], _TONES[mark]) + count for mark, count in cells) + " " * (wide - plain)


def _picture(lines: Sequence[Timeline], days: Sequence[date], known: dict[Mark, str], room: int) -> list[str]:
    grid = [[_day_cells(line.on(day), room=room) for day in days] for line in lines]
    longest = max((len(columns.cell(line.name)) for line in lines), default=0)
    heads = [f"{day:%a %d}" if room > 1 else f"{day:%d}" for day in days]
    widths = [
        max(len(head), *(sum(1 + len(count) for _, count in row[number]) for row in grid), 1)
        for number, head in enumerate(heads)
    ]
    head = " " * (longest + 2) + "  ".join(word.ljust(wide) for word, wide in zip(heads, widths, strict=True))
    rows = [
        columns.cell(line.name).ljust(longest)
        + "  "
        + "  ".join(_cell(cells, known, wide) for cells, wide in zip(row, widths, strict=True))
        for line, row in zip(lines, grid, strict=True)
    ]
    return [head.rstrip(), *(row.rstrip() for row in rows)]


def picture(lines: Sequence[Timeline], days: Sequence[date], most: int | None, known: dict[Mark, str]) -> list[str]:
    """One row for each job, one cell for each start or day, in at most so many columns.

    Where these are few, days get one cell, then the oldest go.
    """
    if not lines:
        return []
    for room in (_CELLS_A_DAY, 1):
        drawn = _picture(lines, days, known, room)
        if most is None or max(len(click.unstyle(line)) for line in drawn) <= most:
            return drawn
    return picture(lines, days[1:], most, known) if len(days) > 1 else drawn


def legend(known: dict[Mark, str]) -> str:
    """What the signs mean."""
    order = (Mark.OK, Mark.FAILED, Mark.MISSED, Mark.SKIPPED, Mark.RUNNING)
    return "  ".join(f"{paint(known[mark], _TONES[mark])} {mark.value}" for mark in order)


# -- the table


def _result(event: Event) -> str:
    run = event.run
    if run is None:
        return f"missed: {event.reason}"
    if run.skipped:
        return f"skipped: {run.skipped}"
    if event.mark is Mark.RUNNING:
        return "running"
    return "ok" if run.is_success else how_it_ended(run)


def _row(line: Timeline, event: Event, now: datetime) -> tuple[str, ...]:
    run = event.run
    started = f"{event.at:%a %d %b %H:%M:%S}" if event.at.year == now.year else f"{event.at:%d %b %Y %H:%M:%S}"
    if run is None or run.skipped:
        return (started, line.name, "-", "-", "-", _result(event))
    took = length((run.ended if run.ended is not None else int(now.timestamp())) - run.started)
    is_known = run.ended is not None or event.mark is Mark.RUNNING
    output = size(run.output, is_least=run.output_is_least) if run.output is not None else "-"
    return (started, line.name, took if is_known else "-", str(run.attempts), output, _result(event))


def _fitting(rows: Sequence[Sequence[str]], most: int | None) -> list[str]:
    """These rows, the first one their head, as a table of at most so many columns; its last one may be wider."""
    drawn: list[str] = []
    for count in range(len(_SPARED) + 1):
        kept = [place for place, name in enumerate(rows[0]) if name not in _SPARED[:count]]
        drawn = columns.table([[row[place] for place in kept] for row in rows])
        if most is None or len(drawn[0]) - len(rows[0][-1]) + _RESULT <= most:
            break
    return drawn


def runs_table(lines: Sequence[Timeline], now: datetime, count: int, most: int | None) -> list[str]:
    """The newest starts, newest first, and what became of them, in at most so many columns."""
    every = sorted(((event, line) for line in lines for event in line.events), key=lambda one: one[0].at.timestamp())
    every.reverse()  # and not sorted so: of two starts in one second the later one comes first too
    head = ("START", "JOB", "TOOK", "TRIES", "OUTPUT", "RESULT")
    drawn = _fitting([head, *(_row(line, event, now) for event, line in every[:count])], most)
    results = [columns.cell(_result(event)) for event, _ in every[:count]]
    painted = [
        text.removesuffix(result) + paint(result, _TONES[event.mark])
        for text, result, (event, _) in zip(drawn[1:], results, every[:count], strict=True)
    ]
    more = [f"{len(every) - count} older; `--lines {len(every)}` shows them"] if len(every) > count else []
    return [drawn[0], *painted, *more]


def _only_bad(line: Timeline) -> Timeline:
    bad = tuple(one for one in line.events if one.mark in (Mark.FAILED, Mark.MISSED))
    return Timeline(line.name, line.label, line.schedule, bad, line.missed)


# -- JSON


def _run_json(run: Run, event: Event, origin: Origin, line: Timeline) -> RunRow:
    log = origin.paths.job_logs(line.label) / f"{run.id}.log"
    return {
        "id": run.id,
        "outcome": event.mark.value,
        "started": run.started,
        "ended": run.ended,
        "status": run.status,
        "words": _result(event),
        "attempts": run.attempts,
        "bytes": run.output,
        "bytes_are_least": run.output_is_least,
        "waited": run.waited,
        "by_hand": run.by_hand,
        "log": str(log) if files.is_file(log) else None,
    }


def _missed_json(one: Missed) -> MissedRow:
    return {
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "count": one.count,
        "reason": one.reason,
        "made_up": one.made_up.id if one.made_up else None,
    }


def _job_json(origin: Origin, line: Timeline) -> JobHistory:
    return {
        "name": line.name,
        "label": line.label,
        "schedule": line.schedule,
        "runs": [_run_json(one.run, one, origin, line) for one in line.events if one.run is not None],
        "missed": [_missed_json(one) for one in line.missed],
    }


# -- the command


def _note_hidden(lines: Sequence[Timeline]) -> int:
    """Say whose runs cannot be told, and why; how many they are."""
    hidden = [line for line in lines if line.hidden]
    for line in hidden:
        note(f"{line.name}: {line.hidden}")
    return len(hidden)


def _since(text: str, now: datetime) -> datetime:
    """Midnight before so much time ago: a picture shows whole days."""
    seconds = seconds_of("--since", text)
    if seconds > _MAY_BE_LONG:
        raise UsageError("--since: at most a year", hint="older runs are in no record")
    first = now - timedelta(seconds=seconds)
    return first.replace(hour=0, minute=0, second=0, microsecond=0)


def _show(lines: Sequence[Timeline], since: datetime, now: datetime, count: int, nothing: str) -> None:
    known = signs()
    most = width()
    say_all(picture(lines, days_between(since, now), most, known))
    if any(line.events for line in lines):
        say(legend(known))
        say()
        say_all(runs_table(lines, now, count, most))
    else:
        say(nothing)


def _nothing(since: datetime, now: datetime, *, failed: bool) -> str:
    """That there is nothing to show, and how to see more where there may be more."""
    what = "nothing failed and nothing was missed" if failed else "no runs"
    days = (now.date() - since.date()).days
    further = next((text for text, more in _FURTHER.items() if more > days), None)
    return f"{what} in this time" + (f"; `--since {further}` looks further back" if further else "")


def _short(path: str, home: str) -> str:
    return f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path


def _page_file(path: str) -> Path:
    """The file that `--html` means, behind links. `UsageError` where none can be: a terminal is none either.

    `JobsyncError` where that cannot be told.
    """
    file = Path(os.path.realpath(path))  # `Path.resolve` raises for links that lead in a circle
    if not path or not files.is_directory(file.parent) or (files.is_there(file) and not files.is_file(file)):
        raise UsageError(f"--html: {path!r} cannot be a file", hint="name one in a directory that is there")
    return file


def _write_page(path: str, pages: Sequence[tuple[Origin, Sequence[Timeline]]], since: datetime, now: datetime) -> None:
    from jobsync.cli.page import render

    file = _page_file(path)
    try:
        tables = [(_short(origin.repo.work_tree, origin.config.home), lines) for origin, lines in pages]
        text = render(tables, days_between(since, now), now)
    except ImportError:
        raise JobsyncError(
            "--html needs Jinja2, which is not installed beside jobsync",
            hint="`pipx inject jobsync jinja2`, or install jobsync[html]",
        ) from None
    files.write_atomically(file, text.encode("utf-8", "replace"), 0o600)
    note(f"wrote {path}")


@click.command()
@click.argument("job", required=False)
@click.option("--since", "period", metavar="DURATION", default="6d", show_default=True, help="How far to look back.")
@click.option("--failed", is_flag=True, help="Only runs that failed, and those that did not come.")
@click.option("-n", "--lines", "count", metavar="N", type=click.IntRange(1), default=_SHOWN, show_default=True,
              help="How many runs to list.")  # fmt: skip
@click.option("--html", "page", metavar="FILE", help="Write it as one page for a browser, with nothing to fetch.")
@json_option(HistoryDocument)
@pass_context
def history(
    context: Context, /, job: str | None, *, period: str, failed: bool, count: int, page: str | None, as_json: bool
) -> int:
    """Show what jobs did: a picture of the last days, and their runs.

    \b
    Examples:
      jobsync history                       the last week, at a glance
      jobsync history backup --since 30d    one job, for a month
      jobsync history --failed              what went wrong
      jobsync history --html week.html      the same as a page
    """
    if page is not None and as_json:
        raise UsageError("--html and --json exclude each other", hint="leave one of them out")
    origins = (context.origin_of(job, or_had=True),) if job is not None else context.reached()
    now = local_zone.now()
    since = _since(period, now)
    found = []
    hidden = 0
    for origin in origins:
        with context.apart(origin.repo):
            lines = [line for line in histories.gather(origin, since, now) if job in (None, line.name)]
            hidden += _note_hidden(lines)
            bad = [line for line in map(_only_bad, lines) if line.events]
            found.append((origin, bad if failed else lines))
    if page is not None:
        _write_page(page, found, since, now)
    elif as_json:
        repos = [
            RepoHistory(
                work_tree=origin.repo.work_tree,
                prefix=origin.repo.prefix,
                jobs=[_job_json(origin, line) for line in lines],
            )
            for origin, lines in found
        ]
        say_json(HistoryDocument(version=report.JSON_VERSION, since=int(since.timestamp()), repos=repos))
    else:
        for origin, lines in found:
            if len(found) > 1:
                say(f"{origin.repo.work_tree}:")
            _show(lines, since, now, count, _nothing(since, now, failed=failed))
    return ExitCode.FAILURE if hidden else ExitCode.OK
