"""Raw launchd keys: each of its type, and none that jobsync writes itself or that would break a promise."""

import plistlib

import pytest

from jobsync.definitions.launchd_keys import ALLOWED, REFUSED

from .trees import faults, job

RESOURCES = (
    "Core",
    "CPU",
    "Data",
    "FileSize",
    "MemoryLock",
    "NumberOfFiles",
    "NumberOfProcesses",
    "ResidentSetSize",
    "Stack",
)
GOOD = {
    "AbandonProcessGroup": "true",
    "AssociatedBundleIdentifiers": '["org.example.app", "org.example.other"]',
    "ExitTimeOut": "30",
    "HardResourceLimits": "{ NumberOfFiles = 4096, CPU = 0 }",
    "LaunchOnlyOnce": "false",
    "LegacyTimers": "true",
    "LimitLoadToSessionType": '["Aqua", "Background"]',
    "LowPriorityBackgroundIO": "true",
    "LowPriorityIO": "true",
    "MaterializeDatalessFiles": "false",
    "Nice": "20",
    "ProcessType": '"Adaptive"',
    "SoftResourceLimits": "{ Stack = 9223372036854775807 }",
    "StandardInPath": '"/dev/zero"',
    "StartOnMount": "true",
    "ThrottleInterval": "60",
    "Umask": "18",
}
ALSO_GOOD = [
    ("AssociatedBundleIdentifiers", '"org.example.app"'),
    ("LimitLoadToSessionType", '"Aqua"'),
    ("Umask", '"022"'),
    ("Umask", "0"),
    ("Umask", "0o022"),
    ("Nice", "0"),
]
WRONG = [
    ("AbandonProcessGroup", "1", "the number 1 is not true or false"),
    ("AbandonProcessGroup", '"yes"', '"yes" is not true or false'),
    ("AssociatedBundleIdentifiers", "1", "the number 1 is not a text; write it in quotes"),
    ("AssociatedBundleIdentifiers", '["a", 1]', "the number 1 is not a text; write it in quotes"),
    ("AssociatedBundleIdentifiers", '"\\u0001"', "holds the control character U+0001; take it out"),
    ("AbandonProcessGroup", '"true"', '"true" is not true or false; without quotes it is: true'),
    ("ExitTimeOut", '"30"', '"30" is not a whole number; without quotes it is: 30'),
    ("ExitTimeOut", "0", "the number 0 is not a number of at least 1"),
    ("ExitTimeOut", "true", "true is not a whole number"),
    ("ExitTimeOut", "1.5", "the number 1.5 is not a whole number"),
    ("ExitTimeOut", "9223372036854775808", "a number of that size is not a number of at least 1"),
    ("ExitTimeOut", "2024-01-01", "a date or time is not a whole number"),
    ("HardResourceLimits", "4096", "the number 4096 is not a table of limits; write { NumberOfFiles = 1024 }"),
    ("HardResourceLimits", "{ CPU = -1 }", "CPU: the number -1 is not a number of at least 0"),
    ("HardResourceLimits", "{ Files = 1 }", f'"Files" is not a limit; known are {", ".join(RESOURCES)}'),
    (
        "LimitLoadToSessionType",
        '"Background"',
        'leaves out the session that jobsync loads jobs into; write "Aqua" or leave it out',
    ),
    ("LimitLoadToSessionType", "[1]", "the number 1 is not a text; write it in quotes"),
    ("Nice", "-5", "the number -5 is not a number from 0 to 20"),
    ("ProcessType", '"Slow"', '"Slow" is not one of Standard, Background, Adaptive, Interactive'),
    ("ProcessType", "[]", "a list is not one of Standard, Background, Adaptive, Interactive"),
    ("StandardInPath", '"~/x"', '"~/x" is not an absolute path; launchd expands nothing, so write it from /'),
    ("StandardInPath", "1", "the number 1 is not a text; write it in quotes"),
    ("Umask", '"22"', '"22" is not an octal number; write "022"'),
    ("Umask", '"77"', '"77" is not an octal number; write "077"'),
    ("Umask", '"0o77"', '"0o77" is not an octal number; write "077"'),
    ("Umask", '"089"', '"089" is not an octal number; write "022"'),
    ("Umask", "512", "the number 512 is not a number from 0 to 511"),
    ("dir", '"~/notes"', "`dir` belongs above the first [table]: a line below a header belongs to that table"),
    ("at", '"09:00"', "`at` belongs below [schedule]"),
    ("Nicee", "1", "is not a key of launchd.plist(5); did you mean `Nice`?"),
    ("Keepalive", "true", "is not a key of launchd.plist(5); did you mean `KeepAlive`?"),
    ("Frobnicate", "1", "is not a key of launchd.plist(5); launchd would ignore it: leave it out"),
]


@pytest.mark.parametrize(("key", "value"), [*GOOD.items(), *ALSO_GOOD])
def test_a_key_of_its_type_goes_into_the_plist_as_it_is(key: str, value: str) -> None:
    found = job(f"[launchd]\n{key} = {value}").launchd
    assert plistlib.loads(plistlib.dumps(dict(found))) == found
    assert list(found) == [key]


@pytest.mark.parametrize(("key", "value", "message"), WRONG)
def test_a_key_of_another_type_is_a_fault(key: str, value: str, message: str) -> None:
    assert faults(f"[launchd]\n{key} = {value}") == [f"launchd.{key}: {message}"]


@pytest.mark.parametrize("key", REFUSED)
def test_a_key_that_is_not_the_users_says_why_and_what_to_do(key: str) -> None:
    assert faults(f"[launchd]\n{key} = true") == [f"launchd.{key}: {REFUSED[key]}"]
    assert any(word in REFUSED[key] for word in ("write ", "leave it out", "use ", "let "))


def test_every_allowed_key_is_tried_here_and_refused_by_none() -> None:
    assert GOOD.keys() == ALLOWED.keys()
    assert not ALLOWED.keys() & REFUSED.keys()


@pytest.mark.parametrize("key", ["LowPriorityBackgroundIO", "LowPriorityIO", "Nice", "ProcessType"])
def test_priority_is_said_in_one_place(key: str) -> None:
    text = f'[launchd]\n{key} = {GOOD[key]}\n[limits]\npriority = "background"'
    advice = 'leave it out, or write below [limits]: priority = "normal"'
    assert faults(text) == [f'launchd.{key}: does not go together with limits.priority = "background"; {advice}']
