"""The picture of `history` and the list below it, letter by letter: wide, narrow, ASCII, coloured."""

from datetime import timedelta

import click
import pytest

from jobsync import tones
from jobsync.cli.history import _PLAIN_SIGNS, _SIGNS, legend, picture, runs_table
from jobsync.runs.records import Run
from jobsync.runs.timeline import Event, Mark, Timeline, days_between

from .moments import NOW

SINCE = NOW - timedelta(days=4)
DAYS = days_between(SINCE, NOW)


def _event(ago: int, hour: int, mark: Mark) -> Event:
    at = (NOW - timedelta(days=ago)).replace(hour=hour)
    if mark is Mark.MISSED:
        return Event(at, mark, reason="asleep or off")
    began = int(at.timestamp())
    status = {Mark.OK: 0, Mark.FAILED: 127}.get(mark)
    skipped = "on battery" if mark is Mark.SKIPPED else ""
    ended = began + 65 if status is not None else None
    return Event(
        at, mark, Run(f"r{began}", began, ended=ended, status=status, skipped=skipped, output=2_048, attempts=2)
    )


_BACKUP = ((4, Mark.OK), (3, Mark.FAILED), (2, Mark.MISSED), (1, Mark.SKIPPED), (0, Mark.RUNNING))
_FEED = [(ago, hour, Mark.FAILED if (ago, hour) == (2, 7) else Mark.OK) for ago in (3, 2, 1) for hour in range(12)]
LINES = (
    Timeline("backup", "t.backup", "", tuple(_event(ago, 9, mark) for ago, mark in _BACKUP)),
    Timeline("feed", "t.feed", "", tuple(_event(*one) for one in _FEED)),
    Timeline("lunch", "t.lunch", "", tuple(_event(ago, hour, Mark.OK) for ago in (4, 1) for hour in (7, 12))),
    Timeline("quiet", "t.quiet", "", ()),
)

WIDE = """\
        Sat 21  Sun 22  Mon 23  Tue 24  Wed 25
backup  ■       ✗       ○       -       ▸
feed            ■12     ✗1/12   ■12
lunch   ■■                      ■■
quiet
"""
NARROW = """\
        21  22   23     24   25
backup  ■   ✗    ○      -    ▸
feed        ■12  ✗1/12  ■12
lunch   ■2              ■2
quiet
"""
NARROWEST = """\
        24   25
backup  -    ▸
feed    ■12
lunch   ■2
quiet
"""
LIST = """\
START                JOB     TOOK   TRIES  OUTPUT  RESULT
Wed 25 Mar 09:00:00  backup  1h     2      2.0 kB  running
Tue 24 Mar 12:00:00  lunch   1m05s  2      2.0 kB  ok
Tue 24 Mar 11:00:00  feed    1m05s  2      2.0 kB  ok
"""
NARROW_LIST = """\
START                JOB     RESULT
Wed 25 Mar 09:00:00  backup  running
Tue 24 Mar 12:00:00  lunch   ok
Tue 24 Mar 11:00:00  feed    ok
"""


@pytest.mark.parametrize(("columns", "drawn"), [(None, WIDE), (46, WIDE), (40, NARROW), (20, NARROWEST)])
def test_the_picture_fits_where_it_is_shown(columns: int | None, drawn: str) -> None:
    assert "\n".join(picture(LINES, DAYS, columns, _SIGNS)) + "\n" == drawn


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    shown = picture(LINES, DAYS, None, _PLAIN_SIGNS)
    assert shown[1:3] == [
        "backup  +       x       o       -       >",
        "feed            +12     x1/12   +12",
    ]
    assert legend(_PLAIN_SIGNS) == "+ ok  x failed  o missed  - skipped  > running"


def test_signs_are_coloured_and_stand_where_they_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tones, "is_coloured", bool)
    shown = picture(LINES, DAYS, None, _SIGNS)
    assert [click.unstyle(line) for line in shown] == WIDE.splitlines()
    assert "\x1b[31m✗\x1b[0m1/12" in shown[2] and "\x1b[33m○\x1b[0m" in shown[1]


def test_the_list_has_the_newest_first_and_says_how_many_there_are() -> None:
    shown = runs_table(LINES, NOW, 3, None)
    assert "\n".join(shown[:-1]) + "\n" == LIST
    assert shown[-1] == "42 older; `--lines 45` shows them"
    every = runs_table(LINES, NOW, 100, None)
    assert len(every) == 46
    results = {line.rsplit("kB  ")[-1].rsplit("-  ")[-1].strip() for line in every[1:]}
    assert results == {"ok", "running", "exit 127 (command not found)", "skipped: on battery", "missed: asleep or off"}


def test_of_two_starts_in_one_second_the_later_one_is_listed_first() -> None:
    events = (_event(0, 9, Mark.FAILED), _event(0, 9, Mark.OK))
    later, earlier = runs_table((Timeline("backup", "t.backup", "", events),), NOW, 3, None)[1:]
    assert later.endswith(" ok") and earlier.endswith(" exit 127 (command not found)")


@pytest.mark.parametrize(
    ("columns", "head"),
    [
        (80, LIST.splitlines()[0]),
        (59, LIST.splitlines()[0]),
        (58, "START                JOB     TOOK   OUTPUT  RESULT"),
        (52, "START                JOB     TOOK   OUTPUT  RESULT"),
        (51, "START                JOB     TOOK   RESULT"),
        (44, "START                JOB     TOOK   RESULT"),
        (40, "START                JOB     RESULT"),
        (20, "START                JOB     RESULT"),
    ],
)
def test_a_narrow_list_goes_without_what_matters_least(columns: int, head: str) -> None:
    shown = runs_table(LINES, NOW, 3, columns)
    assert shown[0] == head
    assert columns > 40 or "\n".join(shown[:-1]) + "\n" == NARROW_LIST


def test_nothing_is_drawn_of_nothing() -> None:
    assert picture((), DAYS, None, _SIGNS) == []
