"""Raw keys of units: each of its type, and none that jobsync writes itself or that would break a promise."""

import pytest

from jobsync.definitions.job import Machine
from jobsync.definitions.systemd_keys import ALLOWED, PRIORITY_KEYS, REFUSED
from jobsync.values import replace

from .trees import MACHINE, faults, job

LINUX = replace(MACHINE, os="linux", scheduler="systemd")
TRIGGERS = {
    "service": "",
    "timer": '[schedule]\nat = "09:00"\n',
    "path": '[schedule]\non_change = ["~/.netrc"]\n',
}
GOOD = {
    "service": {
        "CPUQuota": ('"150%"', "150%"),
        "CPUSchedulingPolicy": ('"idle"', "idle"),
        "CPUWeight": ("10000", "10000"),
        "IOSchedulingClass": ('"best-effort"', "best-effort"),
        "IOSchedulingPriority": ("0", "0"),
        "IOWeight": ("1", "1"),
        "LimitAS": ('"infinity"', "infinity"),
        "LimitCORE": ("0", "0"),
        "LimitFSIZE": ("9223372036854775807", "9223372036854775807"),
        "LimitMEMLOCK": ('"0:65536"', "0:65536"),
        "LimitNOFILE": ('"1024:4096"', "1024:4096"),
        "LimitNPROC": ('"512:infinity"', "512:infinity"),
        "LimitSTACK": ('"8388608"', "8388608"),
        "MemoryHigh": ('"80%"', "80%"),
        "MemoryLow": ('"999999T"', "999999T"),
        "MemoryMax": ('"1G"', "1G"),
        "MemorySwapMax": ('"0"', "0"),
        "Nice": ("19", "19"),
        "NoNewPrivileges": ("true", "yes"),
        "OOMScoreAdjust": ("1000", "1000"),
        "RestartSec": ('"1m30s"', "1m30s"),
        "Slice": ('"background-low.slice"', "background-low.slice"),
        "TasksMax": ("64", "64"),
        "UMask": ("18", "0022"),
    },
    "timer": {"AccuracySec": ('"1m"', "1m")},
    "path": {
        "DirectoryMode": ('"0700"', "0700"),
        "MakeDirectory": ("true", "yes"),
        "TriggerLimitBurst": ("5", "5"),
        "TriggerLimitIntervalSec": ('"2s"', "2s"),
    },
}
ALSO_GOOD = [
    ("service", "MemoryMax", "1073741824", "1073741824"),
    ("service", "MemoryMax", '"infinity"', "infinity"),
    ("service", "TasksMax", '"50%"', "50%"),
    ("service", "UMask", '"077"', "077"),
    ("service", "UMask", "0o077", "0077"),
]
WRONG = [
    ("service", "MemoryMax", '"1 G"', '"1 G" is not a size; write "1G"'),
    ("service", "MemoryMax", '"0"', '"0" is not a size; write "1G"'),
    ("service", "MemoryMax", "0", 'the number 0 is not a size; write "1G"'),
    ("service", "MemoryMax", "true", 'true is not a size; write "1G"'),
    ("service", "MemoryMax", '"1G\\n"', '"1G\\u000a" is not a size; write "1G"'),
    ("service", "MemoryMax", '"1G\\\\"', '"1G\\" is not a size; write "1G"'),
    ("service", "MemoryMax", '["1G"]', 'a list is not a size; write "1G"'),
    ("service", "CPUQuota", "50", 'the number 50 is not a percentage of one processor; write "50%"'),
    ("service", "CPUWeight", "0", "the number 0 is not a number from 1 to 10000"),
    ("service", "CPUSchedulingPolicy", '"fifo"', '"fifo" is not one of other, batch, idle'),
    ("service", "LimitNOFILE", '"9:8"', '"9:8" has its soft limit above the hard one; write the lower one first'),
    ("service", "LimitNOFILE", '"1K"', '"1K" is not a limit, or a soft and a hard one; write "1024:4096"'),
    ("service", "LimitNOFILE", "-1", "the number -1 is not a number of at least 0"),
    ("service", "LimitNOFILE", "true", "true is not a whole number"),
    ("service", "LimitNOFILE", "{}", 'a table is not a limit, or a soft and a hard one; write "1024:4096"'),
    ("service", "Nice", "-5", "the number -5 is not a number from 0 to 19"),
    ("service", "NoNewPrivileges", '"yes"', '"yes" is not true or false'),
    ("service", "RestartSec", '"0s"', '"0s" is not a duration of 1s to 1d; write "10s"'),
    ("service", "RestartSec", "5", 'the number 5 is not a duration of 1s to 1d; write "10s"'),
    ("service", "Slice", '"background"', '"background" is not the name of a slice; write "background.slice"'),
    ("service", "Slice", "5", 'the number 5 is not the name of a slice; write "background.slice"'),
    ("service", "Slice", '"a--b.slice"', '"a--b.slice" is not the name of a slice; write "background.slice"'),
    ("service", "Slice", '"a-.slice"', '"a-.slice" is not the name of a slice; write "background.slice"'),
    ("service", "Slice", '"%h.slice"', '"%h.slice" is not the name of a slice; write "background.slice"'),
    ("service", "UMask", '"22"', '"22" is not an octal number; write "022"'),
    ("path", "DirectoryMode", '"755"', '"755" is not an octal number; write "0755"'),
    ("path", "DirectoryMode", '"rwx"', '"rwx" is not an octal number; write "0755"'),
    ("timer", "AccuracySec", '"1h"', '"1h" is not a duration of 1s to 1m; write "1m"'),
    ("timer", "AccuracySec", '"1us"', '"1us" is not a duration of 1s to 1m; write "1m"'),
    ("timer", "Nice", "1", "`Nice` belongs below [systemd.service]"),
    ("path", "AccuracySec", '"1m"', "`AccuracySec` belongs below [systemd.timer]"),
    ("service", "dir", '"~/x"', "`dir` belongs above the first [table]: a line below a header belongs to that table"),
    ("service", "at", '"09:00"', "`at` belongs below [schedule]"),
    ("service", "MemoryMaxx", "1", "is not a key that jobsync passes on to a service unit; did you mean `MemoryMax`?"),
    (
        "path",
        "Frobnicate",
        "1",
        (
            "is not a key that jobsync passes on to a path unit; leave it out, or put it into a drop-in: "
            "systemctl --user edit"
        ),
    ),
]


def text(kind: str, key: str, value: str) -> str:
    """A definition whose job has such a unit."""
    return f"{TRIGGERS[kind]}[systemd.{kind}]\n{key} = {value}"


@pytest.mark.parametrize(
    ("kind", "key", "value", "line"),
    [*((kind, key, *both) for kind, keys in GOOD.items() for key, both in keys.items()), *ALSO_GOOD],
)
def test_a_key_of_its_type_becomes_a_line_of_its_unit(kind: str, key: str, value: str, line: str) -> None:
    assert job(text(kind, key, value)).systemd == {kind: {key: (line,)}}


@pytest.mark.parametrize(("kind", "key", "value", "message"), WRONG)
def test_a_key_of_another_type_is_a_fault(kind: str, key: str, value: str, message: str) -> None:
    assert faults(text(kind, key, value)) == [f"systemd.{kind}.{key}: {message}"]


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in REFUSED.items() for key in keys])
def test_a_key_that_is_not_the_users_says_why_and_what_to_do(kind: str, key: str) -> None:
    message = REFUSED[kind][key]
    assert faults(text(kind, key, "true")) == [f"systemd.{kind}.{key}: {message}"]
    assert any(word in message for word in ("write ", "leave it out", "call ", "let "))


def test_every_allowed_key_is_tried_here_and_refused_by_none() -> None:
    assert {kind: keys.keys() for kind, keys in GOOD.items()} == {kind: keys.keys() for kind, keys in ALLOWED.items()}
    assert all(not ALLOWED[kind].keys() & REFUSED[kind].keys() for kind in ALLOWED)


@pytest.mark.parametrize("key", PRIORITY_KEYS)
def test_priority_is_said_in_one_place(key: str) -> None:
    found = faults(f'[limits]\npriority = "background"\n{text("service", key, GOOD["service"][key][0])}')
    advice = 'leave it out, or write below [limits]: priority = "normal"'
    assert found == [f'systemd.service.{key}: does not go together with limits.priority = "background"; {advice}']


@pytest.mark.parametrize("machine", [MACHINE, LINUX])
def test_keys_of_a_unit_that_the_job_does_not_have_are_a_fault_on_every_machine(machine: Machine) -> None:
    timer = 'is for jobs with a time; write below [schedule]: at = "mon-fri 09:00", or leave it out'
    path = 'is for jobs that a path starts; write below [schedule]: on_change = ["~/.netrc"], or leave it out'
    assert faults('[systemd.timer]\nAccuracySec = "1m"', machine=machine) == [f"systemd.timer: {timer}"]
    found = faults(f"{TRIGGERS['timer']}[systemd.path]\nMakeDirectory = true", machine=machine)
    assert found == [f"systemd.path: {path}"]


def test_a_wrong_time_is_one_fault_and_not_two() -> None:
    assert len(faults('[schedule]\nat = "9"\n[systemd.timer]\nAccuracySec = "1m"')) == 1


def test_defaults_count_for_the_units_that_a_job_has() -> None:
    settings = (
        "[defaults.systemd.service]\nUMask = 63\nNice = 1\n[defaults.systemd.timer]\nAccuracySec = '1m'\n"
        "[defaults.systemd.path]\nMakeDirectory = true"
    )
    own = "[systemd.service]\nNice = 2"
    service = {"service": {"Nice": ("2",), "UMask": ("0077",)}}
    assert job(own, settings).systemd == service
    assert job(f"{TRIGGERS['timer']}{own}", settings).systemd == {**service, "timer": {"AccuracySec": ("1m",)}}
    assert job(f"{TRIGGERS['path']}{own}", settings).systemd == {**service, "path": {"MakeDirectory": ("yes",)}}


@pytest.mark.parametrize("key", ["on_change", "on_files"])
@pytest.mark.parametrize("path", ["~/x ", "~/x\\"])
def test_a_path_that_no_unit_can_name_is_refused_where_systemd_would_watch_it(key: str, path: str) -> None:
    definition = f"[schedule]\n{key} = ['{path}']\n"
    assert faults(definition, machine=MACHINE) == []
    assert faults(definition, machine=replace(MACHINE, os="linux")) == []  # the simulator, in a container
    assert faults(f'{definition}[only]\nos = "macos"', machine=LINUX) == []
    (found,) = faults(definition, machine=LINUX)
    assert found.startswith(f'schedule.{key}: "{MACHINE.home}{path[1:]}" ends in a blank or a backslash, which systemd')
    assert 'below [only], os = "macos"' in found
