"""Directories with `schedule` and `run` become jobs."""

import json

import pytest

from jobsync.definitions.foreign import Draft, Found, Refused
from jobsync.definitions.from_directory import read_directory

from .importing import PATH, read_again, written

RUN = "#!/bin/sh\n# what it does\necho hello\n"


def imported(schedule: object) -> Found:
    text = schedule if isinstance(schedule, str) else json.dumps(schedule)
    return read_directory("old/greet", "greet", text, RUN, PATH, "/Users/nils")


@pytest.mark.parametrize(
    ("schedule", "line"),
    [
        ("3600\n", 'every = "1h"'),
        ({"type": "periodic", "seconds": 900}, 'every = "15m"'),
        ({"type": "periodic", "interval": 60}, 'every = "1m"'),
        ({"type": "periodic", "every": 3600}, 'every = "1h"'),
        ({"type": "periodic", "period": 1800}, 'every = "30m"'),
        ({"type": "scheduled", "hour": 9, "minute": 30}, 'at = "09:30"'),
        ({"type": "scheduled", "times": [{"Weekday": 1, "Hour": 8, "Minute": 0}]}, 'at = "mon 08:00"'),
        ({"type": "scheduled", "cron": "0 9 * * 1-5"}, 'cron = "0 9 * * 1-5"'),
        ({"type": "on-change", "paths": ["~/.netrc", "/etc/hosts"]}, 'on_change = ["~/.netrc", "/etc/hosts"]'),
        ({"type": "on-change", "path": "/etc/hosts"}, 'on_change = ["/etc/hosts"]'),
    ],
)
def test_each_kind_of_schedule_has_its_words(schedule: object, line: str) -> None:
    found = imported(schedule)
    assert isinstance(found, Draft), found
    read_again(found)
    assert line in written(found)["job.toml"].splitlines()
    assert written(found)["run"] == RUN


def test_environment_and_description_are_kept() -> None:
    found = imported({"type": "periodic", "seconds": 60, "environment": {"A": "b"}, "description": "Greet me"})
    assert isinstance(found, Draft)
    job = read_again(found)
    assert (job.environment, job.description) == ((("A", "b"),), "Greet me")


def test_of_its_variables_the_path_goes_in_front_and_secrets_to_the_machine() -> None:
    variables = {"PATH": "/Users/nils/.bun/bin:/usr/bin:/bin", "API_TOKEN": "abcdefgh1234", "UID": "5", "A": "b"}
    found = imported({"type": "periodic", "seconds": 60, "env": variables})
    assert isinstance(found, Draft)
    job = read_again(found)
    assert (job.path, job.environment) == (("/Users/nils/.bun/bin", "/usr/bin", "/bin"), (("A", "b"),))
    assert found.secrets == {"API_TOKEN": "abcdefgh1234"}
    assert {notice.key for notice in found.notices} == {"schedule", "PATH", "API_TOKEN", "UID"}


def test_a_description_that_no_definition_can_hold_is_left_out() -> None:
    found = imported('{"type": "periodic", "seconds": 60, "description": "\\ud800"}')
    assert isinstance(found, Draft)
    assert read_again(found).description == ""


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("hourly", "neither a number of seconds nor JSON"),
        ("[]", "nor a JSON object"),
        ({"type": "sometimes"}, "'sometimes' is none of"),
        ({"type": "periodic", "seconds": 420}, "every 7m cannot be said"),
        ({"type": "periodic", "seconds": 60, "jitter": 5}, "'jitter' is not known"),
        ({"type": "on-change", "paths": ["x"]}, "no absolute paths"),
        ({"type": "scheduled"}, "needs one of"),
        ({"type": "periodic", "seconds": 60, "env": {"A": "\ud800"}}, "the variable A holds the control character"),
        (
            {"type": "periodic", "seconds": 60, "env": {"A-B": "x"}},
            "schedule: the variable 'A-B' can have no such name",
        ),
        ({"type": "periodic", "seconds": True}, "no number of seconds"),
    ],
)
def test_what_is_not_understood_is_refused(schedule: object, why: str) -> None:
    found = imported(schedule)
    assert isinstance(found, Refused)
    assert why in found.reasons[0]
