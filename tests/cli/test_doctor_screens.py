"""What `doctor` prints, letter by letter."""

from collections.abc import Iterable

import click
import pytest

from jobsync import tones
from jobsync.cli.doctoring import _list, _summary, _troubles
from jobsync.doctor.check import Check, Result
from jobsync.doctor.view import View
from jobsync.findings import Finding, Level, error, info, skipped, warning


def _nothing(view: View) -> Iterable[Finding]:
    return ()


def _result(name: str, *findings: Finding) -> Result:
    return Result(Check(name, f"{name} is as it should be", _nothing), findings)


RESULTS = (
    _result("definitions"),
    _result("pauses", info("paused by you", "backup", meaning="it does not run", command="jobsync resume backup")),
    _result("logs", error("/home/ada/logs is in the way", command="mv '/home/ada/a b' /home/ada/c")),
    _result("bash", warning("/home/ada/run goes on", "news", meaning="it counts as ok")),
    _result("links", skipped("launchd has no such thing")),
    _result("odd", warning("a\x1b[2Jb\nc", "news")),
)

GOLDEN = """\
error    ~/logs is in the way  [logs]
         fix: mv '/home/ada/a b' ~/c
warning  news: ~/run goes on  [bash]
         it counts as ok
warning  news: a\\x1b[2Jb\\nc  [odd]
info     backup: paused by you  [pauses]
         it does not run
         fix: jobsync resume backup
"""


def test_the_worst_comes_first_with_what_it_means_and_what_to_type() -> None:
    assert "\n".join(_troubles(RESULTS, "/home/ada")) + "\n" == GOLDEN


def test_levels_are_coloured_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tones, "is_coloured", bool)
    shown = _troubles(RESULTS, "/home/ada")
    assert "\n".join(map(click.unstyle, shown)) + "\n" == GOLDEN
    assert shown[0].startswith("\x1b[31merror\x1b[0m    ~/logs") and shown[2].startswith("\x1b[33mwarning\x1b[0m  ")


def test_what_found_nothing_is_a_line_and_a_number() -> None:
    assert _list(RESULTS) == [
        "ok       definitions  definitions is as it should be",
        "skipped  links        skipped because launchd has no such thing",
    ]
    assert _summary(RESULTS, listed=True) == "1 error, 2 warnings, 1 to know, 1 check fine, 1 skipped"
    assert _summary(RESULTS[:1], listed=False) == "1 check fine (`jobsync doctor --all` lists them)"


def test_a_result_is_as_bad_as_its_worst_finding() -> None:
    mixed = _result("mixed", skipped("x"), info("y"), error("z"), warning("w"))
    assert mixed.level is Level.ERROR and _result("none").level is Level.OK
