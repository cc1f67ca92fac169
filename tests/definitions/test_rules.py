"""The rules of a run in words."""

from jobsync.definitions.job import Event, Expect, Job, Limits, Line, Notify, Priority, Retry, When
from jobsync.definitions.rules import rules_in_words

PLAIN = Job(name="one", description="", command=Line("true"), directory="/", home_directory="/")


def _words(**fields: object) -> dict[str, tuple[str, ...]]:
    values = {"name": "one", "description": "", "command": Line("true"), "directory": "/", "home_directory": "/"}
    return dict(rules_in_words(Job(**{**values, **fields})))  # type: ignore[arg-type]  # each caller names real fields


def test_a_plain_job_has_no_rules() -> None:
    assert rules_in_words(PLAIN) == {}


def test_limits_say_what_happens_at_them() -> None:
    assert _words(limits=Limits(timeout=3600, grace=30, lock="restic"), priority=Priority.BACKGROUND) == {
        "limits": (
            "ended after 1h: TERM, and KILL 30s later",
            "never at the same time as other jobs with the lock restic",
            "background priority",
        )
    }
    assert _words(limits=Limits(timeout=90))["limits"] == ("ended after 1m30s: TERM, and KILL 10s later",)
    assert _words(limits=Limits(grace=60))["limits"] == ("1m to end after TERM",)


def test_retries_say_how_often_when_and_for_what() -> None:
    assert _words(retry=Retry(attempts=1)) == {}
    assert _words(retry=Retry(3, 1, 300, (75, 69)))["retry"] == (
        "3 attempts in all, 1s before the second, doubling up to 5m, only after exit 75 or 69",
    )


def test_conditions_say_what_must_hold() -> None:
    assert _words(when=When(ac_power=True, online=True, wait=120, stale_after=72_000))["conditions"] == (
        "only on AC power and online, waiting up to 2m for it",
        "not while the last success is younger than 20h",
    )


def test_expectations_say_what_counts_as_a_success() -> None:
    expect = Expect((0, 3, 4), ("^done",), ("ERROR",), ("/x/y",), 259_200)
    assert _words(expect=expect)["expects"] == (
        "ends with 0, 3 or 4",
        "prints a line like ^done",
        "prints no line like ERROR",
        "makes or changes /x/y",
        "succeeds at least every 3d",
    )


def test_who_is_told_says_of_what() -> None:
    assert _words(notify=Notify())["tells you"] == ("when it fails, misses a run or recovers",)
    assert _words(notify=Notify(on=tuple(Event)))["tells you"] == ("when it fails, recovers, misses a run or succeeds",)
