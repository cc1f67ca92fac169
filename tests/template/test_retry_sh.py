"""lib/retry.sh: how often it tries, how long it waits, what it says and what it returns."""

import shutil
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from .conftest import Place, Ran, Server, in_an_hour, waits

# What macOS ships, where somebody built it and put it into PATH by this name.
BASH = shutil.which("bash-3.2") or "bash"


def bash(place: Place, body: str, **more: str) -> Ran:
    """Run some lines of strict bash that have sourced the library."""
    script = place.home / "script"
    script.write_text(f'set -euo pipefail\nsource "{place.dotfiles}/lib/retry.sh"\n{body}\n')
    return place.run(BASH, script, **more)


def put_flaky_on_path(place: Place, *, failures: int, status: int = 42) -> Path:
    """Make a command `flaky`; it notes the arguments of each call in the file that is returned."""
    calls = place.home.parent / "calls"
    script = (
        f'printf "%s\\n" "$*" >>"{calls}"\n[ "$(wc -l <"{calls}")" -gt {failures} ] || exit {status}\necho done "$@"'
    )
    place.put_on_path("flaky", script)
    return calls


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_a_command_that_works_is_run_once_and_nothing_is_said(place: Place) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=0)

    ran = bash(place, "retry flaky 'two words' '*'")

    assert ran == Ran(0, "done two words *\n", "")
    assert lines(calls) == ["two words *"]
    assert sleeps() == []


def test_the_third_attempt_counts_after_waits_of_up_to_one_and_two_seconds(place: Place) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=2)

    ran = bash(place, "retry flaky; echo and on")

    assert (ran.status, ran.out) == (0, "done\nand on\n")
    assert len(lines(calls)) == 3
    first, second = sleeps()
    assert 0 <= float(first) <= 1 and 0 <= float(second) <= 2
    assert ran.err.splitlines() == [
        f"retry: flaky: attempt 1 of 3 failed with status 42; next in {first} s",
        f"retry: flaky: attempt 2 of 3 failed with status 42; next in {second} s",
    ]


def test_three_failures_end_the_script_with_the_commands_own_status(place: Place) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=99)

    ran = bash(place, "retry flaky\necho not reached")

    assert (ran.status, ran.out) == (42, "")
    assert (len(lines(calls)), len(sleeps())) == (3, 2)
    assert ran.err.splitlines()[-1] == "retry: flaky: attempt 3 of 3 failed with status 42; giving up"


def test_the_caller_may_handle_the_failure_itself(place: Place) -> None:
    place.note_sleeps()
    put_flaky_on_path(place, failures=99)

    ran = bash(place, 'retry flaky || echo "handled $?"')

    assert (ran.status, ran.out) == (0, "handled 42\n")


@pytest.mark.parametrize(
    ("options", "longest"),
    [
        ("-n 5 -d 10", [10, 20, 40, 80]),
        ("-n 5 -d 10 -m 30", [10, 20, 30, 30]),
        ("-d 0", [0, 0]),
        ("-n 2 --", [1]),
        ("-n 1", []),
    ],
)
def test_attempts_and_waits_can_be_chosen(place: Place, options: str, longest: list[int]) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=99)

    ran = bash(place, f"retry {options} flaky -n")

    assert ran.status == 42
    assert lines(calls) == ["-n"] * (len(longest) + 1)
    assert [0 <= float(wait) <= most for wait, most in zip(sleeps(), longest, strict=True)] == [True] * len(longest)


def test_waits_are_random_from_nothing_to_the_longest(place: Place) -> None:
    place.put_on_path("sleep", "true")

    ran = bash(place, "sleep() { :; }; retry -n 300 -d 8 -m 8 false")

    assert min(waits(ran)) < 2 and max(waits(ran)) > 6 and len(set(waits(ran))) > 50


@pytest.mark.parametrize(("options", "attempts"), [("-a 42", 1), ("-a 7 -a 42", 1), ("-a 4 -a 2", 3)])
def test_a_status_that_aborts_ends_it_at_once(place: Place, options: str, attempts: int) -> None:
    place.note_sleeps()
    calls = put_flaky_on_path(place, failures=99)

    ran = bash(place, f"retry {options} flaky")

    assert (ran.status, len(lines(calls))) == (42, attempts)
    assert ran.err.splitlines()[-1] == f"retry: flaky: attempt {attempts} of 3 failed with status 42; giving up"


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7), ("0", 0, 0), ("08", 8, 8), ("86400", 4000, 4000), ("99999999999999999999", 4000, 4000),
        ("soon", 0, 0), ("-5", 0, 0), ("an hour", 3500, 3600), ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
        ("Fri, 29 Feb 2980 12:00:00 GMT", 4000, 4000),
    ],
)  # fmt: skip
def test_a_server_that_asks_for_a_time_is_given_it(
    place: Place, server: Server, asked: str, least: float, most: float
) -> None:
    """Through the real curl, which writes the headers down."""
    place.note_sleeps()
    server.answers = [(503, None), (200, 42)]
    server.retry_after = in_an_hour() if asked == "an hour" else asked

    ran = bash(place, 'retry -d 0 -m 4000 -h headers curl -fsS -D headers "$URL"', URL=server.url)

    assert (ran.status, ran.out) == (0, "42")
    (wait,) = waits(ran)
    assert least <= wait <= most


@pytest.mark.parametrize("year", [1970, 1999, 2000, 2026, 2100])
def test_dates_are_read_as_the_system_reads_them(place: Place, year: int) -> None:
    place.put_on_path("date", "echo 0")
    moments = [datetime(year, month, day, 23, 59, 58, tzinfo=UTC) for month in range(1, 13) for day in (1, 9, 28)]
    answers = [f"retry-after:  {format_datetime(one, usegmt=True)}\r\n" for one in moments]
    files = [place.home / f"headers-{number}" for number in range(len(moments))]
    for file, answer in zip(files, answers, strict=True):
        file.write_text(f"HTTP/2 302\r\nRetry-After: 5\r\n\r\nHTTP/2 503\r\n{answer}", newline="")

    ran = bash(place, 'for file in $FILES; do retry_after "$file"; done', FILES=" ".join(file.name for file in files))

    assert [int(text) for text in ran.out.split()] == [int(one.timestamp()) for one in moments]


def test_an_answer_of_an_earlier_attempt_asks_for_nothing(place: Place) -> None:
    place.note_sleeps()
    body = 'calls=0; ask() { [[ $calls -gt 0 ]] || echo "Retry-After: 9" >headers; calls=$((calls + 1)); return 1; }'

    ran = bash(place, f"{body}\nretry -d 0 -h headers ask")

    assert waits(ran) == [9, 0]


def test_arguments_are_not_repeated_on_stderr(place: Place) -> None:
    place.note_sleeps()
    put_flaky_on_path(place, failures=99)

    ran = bash(place, "retry flaky --password hunter2")

    assert "hunter2" not in ran.err


def test_a_command_that_does_not_exist_keeps_its_status(place: Place) -> None:
    sleeps = place.note_sleeps()

    assert bash(place, "retry no-such-command").status == 127
    assert sleeps() == [], "no further attempt would find it"


def test_a_function_is_retried_in_the_same_shell(place: Place) -> None:
    sleeps = place.note_sleeps()
    body = "count=0\ncounted() { count=$((count + 1)); false || return 9; }\nretry counted || status=$?\n"

    ran = bash(place, body + 'echo "$status $count"')

    assert ran.out == "9 3\n"
    assert len(sleeps()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "--",
        "-n",
        "-n 3",
        "-n 0 flaky",
        "-n x flaky",
        "-d -1 flaky",
        "-d 08 flaky",
        "-d 0.5 flaky",
        "-x flaky",
        "-m x flaky",
        "-a x flaky",
        "-a",
        "-h",
    ],
)
def test_a_wrong_call_runs_nothing_and_says_how_to_call(place: Place, arguments: str) -> None:
    calls = put_flaky_on_path(place, failures=0)

    ran = bash(place, f"retry {arguments}")

    assert ran.status == 2
    assert ran.err.startswith("usage: retry ")
    assert not calls.exists()
