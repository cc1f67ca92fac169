"""systemd timers become jobs; what calendar expressions mean is asked of systemd itself."""

import re
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsync.definitions.foreign import Draft, Found, Kind, Refused
from jobsync.definitions.from_units import parse, read_timer, seconds_of
from jobsync.definitions.job import Argv
from jobsync.definitions.on_calendar import read_on_calendar
from jobsync.definitions.slots import simplify
from jobsync.errors import JobsyncError
from jobsync.schedulers import units as unit_files
from jobsync.schedulers.units import units

from .clock_oracle import matching
from .importing import PATH, read_again, written

HOME = "/Users/nils"
START = datetime(2026, 3, 1)
BEFORE = START - timedelta(seconds=1)
ENVIRONMENT = {"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"}
EXPRESSIONS = [
    "minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly",
    "biannually", "bi-annually", "Semi-Annually", "anually",
    "Mon..Fri *-*-* 09:00:00", "Sat,Sun 10:30", "fri..sun 8:00", "monday,Wed 12:00", "*:0/15", "*-*-* 9..17:30",
    "*-*-1,15 06:00", "*-03..05-* 0/6:05", "03-02", "*-*-* *:10,40:00", "Tue *-*-* 00:00", "*-*-01..07/3 5:00",
    "*-*-* 2/7:30", "Sun 23:59",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd alone knows what its expressions mean")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_calendar_expression_means_what_systemd_says(expression: str) -> None:
    answer = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=40", f"--base-time={BEFORE:%F %T}", expression],
        capture_output=True, text=True, timeout=30, check=True, env=ENVIRONMENT,
    )  # fmt: skip
    stamps = re.findall(r"(?:Next elapse|Iter\w*\.? #\d+): \w+ (\S+ \S+) UTC", answer.stdout)
    told = [datetime.fromisoformat(stamp) for stamp in stamps]
    assert len(told) == 40
    days = min((told[-1] - START).days + 1, 200)
    mine = sorted(matching(read_on_calendar(expression), START, days))
    theirs = [moment for moment in told if moment < START + timedelta(days=days)]
    assert mine[: len(theirs)] == theirs


@pytest.mark.parametrize(
    "expression",
    [
        "2026-01-01",
        "*-*-* 02:00:30",
        "Mon *-*-1..7 08:00",
        "*-02~01",
        "08:00 Europe/Berlin",
        "25:00",
        "Foo 08:00",
        "*-13-01",
        "x",
    ],
)
def test_what_slots_cannot_say_is_refused(expression: str) -> None:
    with pytest.raises(JobsyncError):
        read_on_calendar(expression)


@pytest.mark.parametrize("expression", ["*:*/5", "*-*/2-01 08:00", "*:*,30", "*-*-* */6:00"])
def test_what_systemd_refuses_becomes_no_schedule(expression: str) -> None:
    """Such a timer never starts anything, so a job of these times would run where nothing ran before."""
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "calendar", expression], capture_output=True, env=ENVIRONMENT)
        assert done.returncode
    with pytest.raises(JobsyncError, match=r"write 0/5|write \*"):
        read_on_calendar(expression)


ODD_ENDS = r"""[Service]
# note \
Environment=A=1
ExecStart=/bin/echo a\\
Environment=B=2
ExecStart=/bin/echo b \
# in between \
  c \\\
  d

Environment=C=3
Nice=1 \@
Environment=D=4
""".replace("@", " ")  # which no editor takes away


def test_a_line_goes_on_where_systemd_says_so(tmp_path: Path) -> None:
    """A comment never does, nor a backslash that is escaped or has a blank behind it.

    systemd complains of each line that is its own.
    """
    found = parse(ODD_ENDS)
    assert found.values["Service.Environment"] == ("A=1", "B=2", "C=3", "D=4")
    assert [" ".join(one.split()) for one in found.values["Service.ExecStart"]] == [
        "/bin/echo a\\\\",
        "/bin/echo b c \\\\ d",
    ]
    again = unit_files.parse(ODD_ENDS.encode())
    assert [value for _, key, value in again or () if key == "Environment"] == ["A=1", "B=2", "C=3", "D=4"]
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "odd.service"
        unit.write_text(ODD_ENDS.replace("Environment", "Unknown"), encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, env=ENVIRONMENT)
        assert re.findall(r":(\d+): Unknown key", done.stderr) == ["3", "5", "11", "13"]


def test_blanks_where_a_line_goes_on_count_within_quotes() -> None:
    """As 252 reads it: a blank in place of the backslash, and what stands around it."""
    service = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'a \\\n    b' \\\n\t c\n"
    found = imported(service=service)
    assert isinstance(found, Draft)
    assert found.command == ("/bin/sh", "-c", "a      b", "c")
    again = unit_files.parse(service.encode())
    assert again is not None and again[-1] == ("Service", "ExecStart", "/bin/sh -c 'a      b'  \t c")
    assert parse("[Service]\nExecStart=/bin/x \\").values == {"Service.ExecStart": ("/bin/x",)}


TIMER = (
    "[Unit]\nDescription=Run it\n[Timer]\nOnCalendar=Mon..Fri 09:00\nPersistent=true\n"
    "[Install]\nWantedBy=timers.target\n"
)
SERVICE = (
    "# ask Ada\n[Unit]\nDescription=Back up notes\n[Service]\nType=oneshot\nExecStart=%h/bin/backup --all 'two words'\n"
)


def imported(timer: str = TIMER, service: str = SERVICE) -> Found:
    return read_timer("backup.timer", "backup", parse(timer), parse(service), PATH, HOME)


def text(timer: str = TIMER, service: str = SERVICE) -> dict[str, str]:
    found = imported(timer, service)
    assert isinstance(found, Draft), found
    read_again(found)
    return written(found)


def test_a_plain_timer_reads_as_one_would_write_it() -> None:
    assert text()["job.toml"] == (
        "# ask Ada\n"
        'description = "Back up notes"\n'
        'run = ["/Users/nils/bin/backup", "--all", "two words"]\n'
        'dir = "~"\n'
        '\n[schedule]\nat = "mon-fri 09:00"\n'
    )


@pytest.mark.parametrize(
    ("timer", "line"),
    [
        ("[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1h\n", 'every = "1h"'),
        ("[Timer]\nOnStartupSec=1min\n", "at_login = true"),
        ("[Timer]\nOnCalendar=daily\nRandomizedDelaySec=30min\n", 'spread = "30m"'),
        ("[Timer]\nOnCalendar=*-*-* 8:00\nOnCalendar=*-*-* 20:00\n", 'at = "08:00,20:00"'),
        ("[Timer]\nOnCalendar=hourly\nOnCalendar=\nOnCalendar=daily\n", 'at = "00:00"'),
    ],
)
def test_each_timer_has_its_words(timer: str, line: str) -> None:
    assert line in text(timer)["job.toml"].splitlines()


def test_a_doubled_percent_is_one_whatever_follows() -> None:
    service = SERVICE.replace("Back up notes", "100%% of %h, %Q").replace("--all 'two words'", "+%%h%%%%")
    lines = text(service=service)["job.toml"].splitlines()
    assert 'description = "100% of /Users/nils, %Q"' in lines
    assert 'run = ["/Users/nils/bin/backup", "+%h%%"]' in lines


def test_what_systemd_and_sh_split_alike_is_kept() -> None:
    service = SERVICE.replace("--all 'two words'", r"""-c "echo \"a ; b\" \\\\" 'c ; d' """)
    argv = ["/Users/nils/bin/backup", "-c", 'echo "a ; b" \\\\', "c ; d"]
    found = imported(service=service)
    assert isinstance(found, Draft)
    assert found.command == tuple(argv)


def test_what_only_the_shell_expands_is_the_shells() -> None:
    """As 252 runs it: `$NAME` is systemd's as a word of its own, `${NAME}` anywhere, and nothing else is."""
    service = SERVICE.replace("--all 'two words'", "-c 'cd $HOME && ls $(date +%%F) $$$$' 5$ $$HOME")
    found = imported(service=service)
    assert isinstance(found, Draft)
    assert found.command == ("/Users/nils/bin/backup", "-c", "cd $HOME && ls $(date +%F) $$", "5$", "$HOME")


def test_an_order_among_units_and_who_may_start_them_is_left_out() -> None:
    found = imported(service=SERVICE.replace("[Unit]\n", "[Unit]\nBefore=x.target\nRefuseManualStart=yes\n"))
    assert isinstance(found, Draft)
    assert {notice.key for notice in found.notices if notice.kind is Kind.LEFT_OUT} >= {"Before", "RefuseManualStart"}


def test_what_both_units_say_is_refused_once() -> None:
    found = imported(
        TIMER.replace("[Unit]", "[Unit]\nPartOf=x.target"), SERVICE.replace("[Unit]", "[Unit]\nPartOf=x.target")
    )
    assert isinstance(found, Refused)
    assert len(found.reasons) == 1


def test_what_says_only_what_holds_anyway_is_no_reason_to_refuse() -> None:
    assert text(service=f"{SERVICE}Restart=no\nRemainAfterExit=no\n") == text()


def test_a_class_may_be_a_number() -> None:
    lines = text(service=f"{SERVICE}IOSchedulingClass=3\n")["job.toml"].splitlines()
    assert lines[-2:] == ["[systemd.service]", 'IOSchedulingClass = "idle"']


def test_a_home_with_a_blank_stays_one_word() -> None:
    found = read_timer("x.timer", "x", parse(TIMER), parse(SERVICE), PATH, "/Users/ada b")
    assert isinstance(found, Draft)
    assert found.command == ("/Users/ada b/bin/backup", "--all", "two words")


def test_a_service_that_may_be_enabled_itself_says_how_it_keeps_starting_at_login() -> None:
    found = imported(service=SERVICE + "[Install]\nWantedBy=default.target\n")
    assert isinstance(found, Draft)
    told = [(notice.kind, "at_login = true" in notice.words) for notice in found.notices if notice.key == "WantedBy"]
    assert told == [(Kind.LEFT_OUT, False), (Kind.DIFFERS, True)]


def test_a_limit_of_time_is_kept() -> None:
    assert 'timeout = "10m"' in text(service=SERVICE + "TimeoutStartSec=10min\n")["job.toml"].splitlines()
    simple = SERVICE.replace("oneshot", "simple")
    assert 'timeout = "1h"' in text(service=simple + "RuntimeMaxSec=1h\nTimeoutStartSec=5\n")["job.toml"].splitlines()


@pytest.mark.parametrize("none", ["0", "0s", "infinity"])
def test_a_start_without_a_limit_of_time_has_none(none: str) -> None:
    """As `systemctl show` has it: TimeoutStartUSec=infinity."""
    lines = text(service=SERVICE + f"TimeoutStartSec={none}\n")["job.toml"].splitlines()
    assert not [line for line in lines if line.startswith(("timeout", "[limits]"))]
    simple = SERVICE.replace("oneshot", "simple") + "RuntimeMaxSec=infinity\n"
    assert "timeout" not in text(service=simple)["job.toml"]


def test_several_commands_become_a_script_that_stops_where_systemd_would() -> None:
    service = (
        "[Service]\nType=oneshot\nExecStartPre=-/bin/false\nExecStart=/bin/echo a \\\n  b\nExecStart=/bin/echo $$5\n"
    )
    run = text(service=service)["run"]
    assert run == "#!/bin/sh\nset -eu\n/bin/false || :\n/bin/echo a b\n/bin/echo '$5'\n"
    assert subprocess.run(["/bin/sh", "-c", run], capture_output=True, text=True).stdout == "a b\n$5\n"


def test_what_follows_a_oneshot_service_becomes_the_end_of_its_script() -> None:
    service = SERVICE + "ExecStartPost=-/bin/false\nExecStartPost=/bin/echo indexed\n"
    run = text(service=service)["run"]
    assert run.splitlines()[2:] == [
        "/Users/nils/bin/backup --all 'two words'",
        "/bin/false || :",
        "/bin/echo indexed",
    ]


def test_the_environment_is_kept_and_secrets_are_set_apart() -> None:
    service = SERVICE + 'Environment=LANG=C.UTF-8 "MODE=two words"\nEnvironment=API_TOKEN=abcdefgh1234\n'
    found = imported(service=service)
    assert isinstance(found, Draft)
    assert found.environment == {"LANG": "C.UTF-8", "MODE": "two words"}
    assert found.secrets == {"API_TOKEN": "abcdefgh1234"}
    assert Kind.SECRET in {notice.kind for notice in found.notices}


@pytest.mark.parametrize(
    ("service", "why"),
    [
        ("[Service]\nExecStart=/bin/echo $HOME\n", "variables in it"),
        ("[Service]\nExecStart=/bin/echo a${HOME}b\n", "variables in it"),
        ("[Service]\nExecStart=/bin/echo $(date)\n", "variables in it"),
        ("[Service]\nExecStart=/opt/$HOME/x\n", "variables in it"),
        ("[Service]\nExecStart=/bin/echo %i\n", "the specifier %i"),
        ("[Service]\nExecStart=+/bin/x\n", "the prefix +"),
        ("[Service]\nExecStart=/bin/x a\\x20b\n", "ExecStart: '/bin/x a\\\\x20b': a backslash"),
        ("[Service]\nExecStart=/bin/x 'a\\\\b'\n", "a backslash"),
        ('[Service]\nExecStart=/bin/x\nEnvironment="A=b\\tc"\n', "Environment: "),
        ("[Service]\nExecStart=/bin/x ; /bin/y\n", "are several commands; write a line for each"),
        ("[Service]\nType=forking\nExecStart=/bin/x\n", "Type: forking"),
        ("[Service]\nExecStart=/bin/x\nEnvironmentFile=/x\n", "EnvironmentFile: cannot be kept: write below [env]"),
        (
            "[Service]\nExecStart=/bin/x\nNice=-5\n",
            "Nice: cannot be kept: the number -5 is not a number from 0 to 19",
        ),
        ("[Service]\nExecStart=/bin/x\nIOWeight=0\n", "IOWeight: cannot be kept: the number 0 is not a number from 1"),
        ("[Service]\nExecStart=/bin/x\nMemoryMax=1.5G\n", "MemoryMax: cannot be kept"),
        ("[Service]\nExecStart=/bin/x\nRestart=on-failure\n", "of a job with times, below [retry]: attempts = 3"),
        ("[Service]\nType=oneshot\n", "there is none"),
        (
            "[Unit]\nOnFailure=tell@%n\n[Service]\nExecStart=/bin/x\n",
            "OnFailure: take it out, and write below [notify]",
        ),
        ("[Unit]\nRequires=a.socket\n[Service]\nExecStart=/bin/x\n", "Requires: jobs know nothing of each other; take"),
        ("[Unit]\nConditionPathExists=/x\n[Service]\nExecStart=/bin/x\n", "ConditionPathExists: take it out, and let"),
        ("[Unit]\nSurviveFinalKillSignal=yes\n[Service]\nExecStart=/bin/x\n", "no word for it; take it out, where"),
        ("[Service]\nExecStart=/bin/x\nRuntimeDirectory=x\n", "a service unit; leave it out, or put it into a drop-in"),
        ("[Service]\nExecStart=/bin/x\nExecStartPost=/bin/y\n", "ExecStartPost: runs beside ExecStart"),
        ("[Service]\nExecStart=/bin/x\nTimeoutStopSec=0\n", "TimeoutStopSec: a job cannot take for ever to end"),
        ("[Service]\nExecStart=/bin/x\nTimeoutStopSec=infinity\n", "TimeoutStopSec: a job cannot take for ever"),
        ("[Service]\nExecStart=/bin/x\nRuntimeMaxSec=0\n", "RuntimeMaxSec: 0 ends it at once"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_key(service: str, why: str) -> None:
    found = imported(service=service)
    assert isinstance(found, Refused)
    assert why in "\n".join(found.reasons)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("5min", 300), ("1h 30m", 5400), ("2 days", 172_800), ("1w", 604_800)]
)
def test_spans_are_systemds(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


def test_a_finer_span_is_refused() -> None:
    with pytest.raises(JobsyncError):
        seconds_of("100ms")


# -- raw keys: an independent reading of what systemd makes of each value

_WORDS = {"yes": 1, "true": 1, "on": 1, "no": 0, "false": 0, "off": 0}
_SPELLED_SECONDS = {"1s": 1, "5": 5, "30sec": 30, "1min": 60, "1m": 60, "45 s": 45}
_ONES = st.sampled_from([1, 7, 100])
_SIZES = st.sampled_from(["1G", "512M", "1073741824", "50%", "infinity"])
_KEPT = {
    "CPUQuota": st.sampled_from(["20%", "150%"]), "CPUSchedulingPolicy": st.sampled_from(["other", "batch", "idle"]),
    "CPUWeight": _ONES.map(str), "IOSchedulingClass": st.sampled_from(["best-effort", "idle"]),
    "IOSchedulingPriority": st.integers(0, 7).map(str), "IOWeight": _ONES.map(str),
    "LimitNOFILE": st.sampled_from(["1024", "1024:4096", "infinity", "512:infinity"]), "MemoryHigh": _SIZES,
    "MemoryMax": _SIZES, "MemorySwapMax": st.sampled_from(["0", "1G"]), "Nice": st.integers(0, 19).map(str),
    "NoNewPrivileges": st.sampled_from([*_WORDS, "1", "0"]), "OOMScoreAdjust": st.integers(0, 1000).map(str),
    "RestartSec": st.sampled_from([*_SPELLED_SECONDS]), "Slice": st.just("background.slice"),
    "TasksMax": st.sampled_from(["10", "80%", "infinity"]), "UMask": st.sampled_from(["77", "022", "0027", "7"]),
}  # fmt: skip


def _meant(key: str, value: str) -> object:
    """What systemd reads there."""
    if key == "UMask":
        return int(value, 8)
    if key == "NoNewPrivileges":
        return _WORDS.get(value, value) in (1, "1")
    return _SPELLED_SECONDS.get(value, int(value[:-1]) if value[:-1].isdigit() else value) if "Sec" in key else value


@settings(deadline=None, max_examples=60)
@given(
    keys=st.dictionaries(st.sampled_from(sorted(_KEPT)), st.none()).flatmap(
        lambda chosen: st.fixed_dictionaries({key: _KEPT[key] for key in chosen})
    ),
    accuracy=st.none() | st.sampled_from(sorted(_SPELLED_SECONDS)),
    stop=st.none() | st.sampled_from(sorted(_SPELLED_SECONDS)),
    calendar=st.sampled_from(EXPRESSIONS[:20]),
)
def test_rendered_again_the_units_mean_the_same(
    keys: dict[str, str], accuracy: str | None, stop: str | None, calendar: str
) -> None:
    service = SERVICE + "Environment=MODE=x\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
    service += f"TimeoutStopSec={stop}\n" if stop else ""
    timer = f"[Timer]\nOnCalendar={calendar}\nPersistent=yes\n" + (f"AccuracySec={accuracy}\n" if accuracy else "")
    found = imported(timer, service)
    job = read_again(found)
    assert isinstance(found, Draft)
    raw = {notice.key for notice in found.notices if notice.kind is Kind.RAW}
    assert raw == {*keys, *(["AccuracySec"] if accuracy else [])}
    made = units(job, owner="o", launcher="/x", asked="/a", home=HOME, path=PATH, comment="")
    again, ticks = (parse(made[kind].decode()) for kind in ("service", "timer"))
    assert {key: _meant(key, again.last(f"Service.{key}") or "") for key in keys} == {
        key: _meant(key, value) for key, value in keys.items()
    }
    if accuracy:
        assert _meant("AccuracySec", ticks.last("Timer.AccuracySec") or "") == _SPELLED_SECONDS[accuracy]
    if stop:
        assert again.last("Service.TimeoutStopSec") == str(_SPELLED_SECONDS[stop])
    theirs = simplify(read_on_calendar(calendar))
    assert simplify([slot for text in ticks.values["Timer.OnCalendar"] for slot in read_on_calendar(text)]) == theirs
    assert job.command == Argv(("/Users/nils/bin/backup", "--all", "two words"))
    assert dict(job.environment) == {"MODE": "x"}


def test_an_accuracy_that_would_make_runs_late_is_left_out() -> None:
    found = imported(TIMER.replace("[Install]", "AccuracySec=1h\n[Install]"))
    assert isinstance(found, Draft) and found.raw == {}
    assert (Kind.LEFT_OUT, "AccuracySec") in {(notice.kind, notice.key) for notice in found.notices}
