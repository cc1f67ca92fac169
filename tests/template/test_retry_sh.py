"""lib/retry.sh: how often it tries, how long it waits, what it says and what it returns."""

from pathlib import Path

import pytest

from .conftest import Place, Ran


def bash(place: Place, body: str, **more: str) -> Ran:
    """Run some lines of strict bash that have sourced the library."""
    script = place.home / "script"
    script.write_text(f'set -euo pipefail\nsource "{place.dotfiles}/lib/retry.sh"\n{body}\n')
    return place.run("bash", script, **more)


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


def test_the_third_try_counts_after_waits_of_one_and_two_seconds(place: Place) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=2)

    ran = bash(place, "retry flaky; echo and on")

    assert (ran.status, ran.out) == (0, "done\nand on\n")
    assert len(lines(calls)) == 3
    assert sleeps() == ["1", "2"]
    assert ran.err.splitlines() == [
        "retry: flaky: try 1 of 3 failed with status 42; next in 1 s",
        "retry: flaky: try 2 of 3 failed with status 42; next in 2 s",
    ]


def test_three_failures_end_the_script_with_the_commands_own_status(place: Place) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=99)

    ran = bash(place, "retry flaky\necho not reached")

    assert (ran.status, ran.out) == (42, "")
    assert len(lines(calls)) == 3
    assert sleeps() == ["1", "2"]
    assert ran.err.splitlines()[-1] == "retry: flaky: try 3 of 3 failed with status 42; giving up"


def test_the_caller_may_handle_the_failure_itself(place: Place) -> None:
    place.note_sleeps()
    put_flaky_on_path(place, failures=99)

    ran = bash(place, 'retry flaky || echo "handled $?"')

    assert (ran.status, ran.out) == (0, "handled 42\n")


@pytest.mark.parametrize(
    ("options", "tries", "waits"),
    [
        ("-n 5 -d 10", 5, ["10", "20", "40", "80"]),
        ("-d 0", 3, ["0", "0"]),
        ("-n 2 --", 2, ["1"]),
        ("-n 1", 1, []),
    ],
)
def test_tries_and_first_wait_can_be_chosen(place: Place, options: str, tries: int, waits: list[str]) -> None:
    sleeps = place.note_sleeps()
    calls = put_flaky_on_path(place, failures=99)

    ran = bash(place, f"retry {options} flaky -n")

    assert ran.status == 42
    assert lines(calls) == ["-n"] * tries
    assert sleeps() == waits


def test_arguments_are_not_repeated_on_stderr(place: Place) -> None:
    place.note_sleeps()
    put_flaky_on_path(place, failures=99)

    ran = bash(place, "retry flaky --password hunter2")

    assert "hunter2" not in ran.err


def test_a_command_that_does_not_exist_keeps_its_status(place: Place) -> None:
    place.note_sleeps()

    assert bash(place, "retry no-such-command").status == 127


def test_a_function_is_retried_in_the_same_shell(place: Place) -> None:
    sleeps = place.note_sleeps()
    body = "count=0\ncounted() { count=$((count + 1)); false || return 9; }\nretry counted || status=$?\n"

    ran = bash(place, body + 'echo "$status $count"')

    assert ran.out == "9 3\n"
    assert sleeps() == ["1", "2"]


@pytest.mark.parametrize(
    "arguments",
    ["", "--", "-n", "-n 3", "-n 0 flaky", "-n x flaky", "-d -1 flaky", "-d 08 flaky", "-d 0.5 flaky", "-x flaky"],
)
def test_a_wrong_call_runs_nothing_and_says_how_to_call(place: Place, arguments: str) -> None:
    calls = put_flaky_on_path(place, failures=0)

    ran = bash(place, f"retry {arguments}")

    assert ran.status == 2
    assert ran.err.startswith("usage: retry ")
    assert not calls.exists()
