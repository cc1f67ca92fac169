"""Every form of the table, and of runs and moments in words, letter by letter."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click
import pytest

from jobsync import tones
from jobsync.cli.screen import upcoming_words
from jobsync.definitions.job import Slot
from jobsync.definitions.slots import next_runs
from jobsync.overview import run_words, table
from jobsync.reconcile.standing import State
from jobsync.runs.records import Run

from .moments import BERLIN, JOBS, NOW, run, standing

GOLDEN = {
    None: """\
JOB     SCHEDULE                 STATE                           LAST RUN                              NEXT RUN
backup  mon-fri at 09:00         failing since Mon 23 Mar 09:00  1h ago, exit 78 (EX_CONFIG) in 4s     Thu 26 Mar 09:00
feed    every 15m                missed                          9h ago, ok in 4s                      10:15
news    daily at 09:00           drift                           3d ago, timeout in 1m01s, 3 attempts  -
brief   daily at 8:30; at login  paused by you until 14:00       -                                     -
inbox   when ~/In is not empty   ok                              2h ago, ok in 2h03m                   -
tunnel  daemon                   running                         running for 3d                        -
draft   daily at 09:00           local: uncommitted edit         -                                     Thu 26 Mar 09:00
old     daily at 09:00           not for this machine            -                                     -
""",
    90: """\
JOB     SCHEDULE          STATE     LAST RUN                              NEXT RUN
backup  mon-fri at 09:00  failing   1h ago, exit 78 (EX_CONFIG) in 4s     Thu 26 Mar 09:00
feed    every 15m         missed    9h ago, ok in 4s                      10:15
news    daily at 09:00    drift     3d ago, timeout in 1m01s, 3 attempts  -
brief   daily at 8:30; …  paused    -                                     -
inbox   when ~/In is no…  ok        2h ago, ok in 2h03m                   -
tunnel  daemon            running   running for 3d                        -
draft   daily at 09:00    local     -                                     Thu 26 Mar 09:00
old     daily at 09:00    not here  -                                     -
""",
    40: """\
backup  failing since Mon 23 Mar 09:00
  mon-fri at 09:00
  last: 1h ago, exit 78 (EX_CONFIG) in 4s
  next: Thu 26 Mar 09:00
feed  missed
  every 15m
  last: 9h ago, ok in 4s
  next: 10:15
news  drift
  daily at 09:00
  last: 3d ago, timeout in 1m01s, 3 attempts
brief  paused by you until 14:00
  daily at 8:30; at login
inbox  ok
  when ~/In is not empty
  last: 2h ago, ok in 2h03m
tunnel  running
  daemon
  last: running for 3d
draft  local: uncommitted edit
  daily at 09:00
  next: Thu 26 Mar 09:00
old  not for this machine
  daily at 09:00
""",
}
"""Columns -> the table; None: nobody's screen limits a line."""


@pytest.mark.parametrize("columns", GOLDEN)
def test_the_table_fits_where_it_is_shown(columns: int | None) -> None:
    lines = table(JOBS, NOW, columns)
    assert "\n".join(lines) + "\n" == GOLDEN[columns]
    assert columns is None or columns < 80 or max(map(len, lines)) <= columns


def test_schedules_are_cut_before_anything_else() -> None:
    lines = table(JOBS, NOW, 110)
    assert max(map(len, lines)) == 110
    assert lines[1].startswith("backup  mon-fri at 09…  failing since Mon 23 Mar 09:00  1h ago, exit 78")


@pytest.mark.parametrize(
    ("month", "year", "words"),
    [(1, 2027, "Fri 01 Jan 09:00"), (3, 2027, "Mon 01 Mar 2027 09:00"), (3, 2028, "Wed 01 Mar 2028 09:00")],
)
def test_a_run_that_is_about_a_year_away_or_more_tells_its_year(month: int, year: int, words: str) -> None:
    one = standing("yearly", State.OK, next_run=datetime(year, month, 1, 9, 0, tzinfo=BERLIN))
    assert table((one,), NOW, None)[1].endswith(f"  {words}")
    assert table((one,), NOW, 30)[-1] == f"  next: {words}"


def test_states_are_coloured_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tones, "is_coloured", bool)
    lines = table(JOBS, NOW, None)
    assert [click.unstyle(line) for line in lines] == GOLDEN[None].splitlines()
    assert "  \x1b[31mfailing since Mon 23 Mar 09:00\x1b[0m  1h ago" in lines[1], "red"
    assert "  \x1b[32mrunning\x1b[0m  " in lines[6] and "\x1b[90mnot for this machine\x1b[0m" in lines[8]
    assert all(line.count("\x1b") == 2 for line in lines[1:]) and "\x1b" not in lines[0]


@pytest.mark.parametrize(
    ("one", "is_running", "words"),
    [
        (run(0, minutes=5), False, "5m ago, ok in 4s"),
        (run(3, 3600, days=9), False, "9d ago, exit 3 in 1h"),
        (run(126, seconds=0, hours=2), False, "2h ago, exit 126 (cannot be executed) in 0s"),
        (run(127, seconds=0, hours=2), False, "2h ago, exit 127 (command not found) in 0s"),
        (run(137, hours=2), False, "2h ago, exit 137 (perhaps SIGKILL) in 4s"),
        (run(-9, hours=2), False, "2h ago, killed by SIGKILL in 4s"),
        (run(None, hours=2), False, "2h ago, killed"),
        (run(None, hours=2), True, "running for 2h"),
        (Run("x", int(NOW.timestamp()) - 60, ended=0, skipped="on battery"), False, "1m ago, skipped: on battery"),
        (run(0, 90, attempts=2, reason="expectation: prints", hours=1), False,
         "1h ago, expectation: prints in 1m30s, 2 attempts"),
    ],
)  # fmt: skip
def test_a_run_in_words(one: Run, is_running: bool, words: str) -> None:
    assert run_words(one, NOW, is_running=is_running) == words


def _upcoming(now: datetime, slot: Slot, count: int) -> list[str]:
    return list(upcoming_words(next_runs((slot,), now, count), now))


def test_runs_to_come_are_marked_where_the_clocks_change() -> None:
    assert _upcoming(NOW, Slot(hour=9, minute=0, weekday=0), 2) == [
        "Sun 29 Mar 2026 09:00 CEST (the clocks go forward 1 h before it)",
        "Sun 05 Apr 2026 09:00 CEST",
    ]
    autumn = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN)
    assert _upcoming(autumn, Slot(hour=2, minute=30), 3) == [
        "Sun 25 Oct 2026 02:30 CEST (the first time the clocks show it)",
        "Sun 25 Oct 2026 02:30 CET (the clocks go back 1 h before it; the second time the clocks show it)",
        "Mon 26 Oct 2026 02:30 CET",
    ]
    island = datetime(2026, 4, 4, 12, 0, tzinfo=ZoneInfo("Australia/Lord_Howe"))
    assert "(the clocks go back 0.5 h before it)" in _upcoming(island, Slot(hour=9, minute=0), 1)[0]


def test_without_a_change_of_the_clocks_nothing_is_marked() -> None:
    utc = NOW.astimezone(ZoneInfo("UTC"))
    assert not [line for line in _upcoming(utc, Slot(hour=9, minute=0), 366) if "(" in line]
