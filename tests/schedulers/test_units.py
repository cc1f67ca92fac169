"""Job -> systemd units: the same bytes from any caller, read by systemd as they were meant, nothing lost."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsync.definitions.job import Expect, Job, Limits, Priority, Restart, Schedule, Slot
from jobsync.definitions.slots import next_runs
from jobsync.definitions.systemd_keys import ALLOWED, unit_value
from jobsync.schedulers import units, units_list
from jobsync.values import replace

from . import samples
from .samples import DAEMON, LINUX, PLAIN, RICH, SAMPLES, systemd

GOLDEN = Path(__file__).with_name("units.golden")
NINE = (Slot(hour=9, minute=0),)
RAW_VALUES = (
    True, False, 0, 1, 19, 2**63 - 1, "0", "1G", "999999T", "150%", "100%", "infinity", "1024:4096", "5:infinity",
    "other", "batch", "idle", "best-effort", "background.slice", "1m", "022", "0777",
)  # fmt: skip
NEEDS_ANALYZE = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's package systemd")


def rendered(job: Job) -> dict[str, bytes]:
    """The bytes of a job's units, by suffix."""
    found = (one for one in systemd().render(job).artefacts if not one.is_link)
    return {
        one.path.rpartition(".")[2]: one.content for one in found if one.path.startswith("/Users/ada/.local/share/sy")
    }


def lines(job: Job, suffix: str, section: str) -> list[str]:
    """`key=value` of one section of one unit."""
    found = units.parse(rendered(job)[suffix]) or ()
    return [f"{key}={value}" for name, key, value in found if name == section]


# -- what is rendered


def test_jobs_render_to_the_bytes_that_were_agreed_on() -> None:
    # A difference here means that every user's machine is rewritten: raise RENDER_FORMAT, then write the file anew
    # with `python -m tests.schedulers.samples systemd`.
    assert b"".join(samples.units_of(job) for job in SAMPLES) == GOLDEN.read_bytes()


def test_a_job_has_the_units_that_its_triggers_need() -> None:
    assert list(rendered(RICH)) == ["service", "timer", "path"]
    assert list(rendered(PLAIN)) == list(rendered(DAEMON)) == ["service"]


def test_links_are_what_systemctl_enable_makes() -> None:
    found = {one.path: one.content for one in systemd().render(RICH).artefacts if one.is_link}
    units_at, wants_at = "/Users/ada/.local/share/systemd/user/ada.rich", "/Users/ada/.config/systemd/user"
    assert found == {
        f"{wants_at}/default.target.wants/ada.rich.service": f"{units_at}.service".encode(),
        f"{wants_at}/timers.target.wants/ada.rich.timer": f"{units_at}.timer".encode(),
        f"{wants_at}/paths.target.wants/ada.rich.path": f"{units_at}.path".encode(),
    }
    assert not [one for one in systemd().render(PLAIN).artefacts if one.is_link], "nothing starts it by itself"


def test_a_daemon_restarts_as_it_says() -> None:
    assert {"Type=exec", "Restart=always", "RestartSec=10"} <= set(lines(DAEMON, "service", "Service"))
    on_failure = lines(replace(DAEMON, daemon=Restart.ON_FAILURE), "service", "Service")
    assert {"Restart=on-failure", "RemainAfterExit=yes"} <= set(on_failure)
    assert "StartLimitIntervalSec=0" in lines(DAEMON, "service", "Unit")


def test_a_background_job_is_told_to_the_kernel() -> None:
    found = lines(replace(PLAIN, priority=Priority.BACKGROUND), "service", "Service")
    assert {"Nice=10", "IOSchedulingClass=idle", "CPUSchedulingPolicy=batch"} <= set(found)


def test_a_login_job_does_not_hold_the_login_up() -> None:
    job = replace(PLAIN, schedule=Schedule(at_login=True))
    assert "After=default.target" in lines(job, "service", "Unit")
    assert lines(job, "service", "Install") == ["WantedBy=default.target"]


@pytest.mark.parametrize(("grace", "seconds"), [(None, 10), (0, 1), (45, 45)])
def test_the_grace_of_a_job_is_systemds_too(grace: int | None, seconds: int) -> None:
    found = lines(replace(PLAIN, limits=Limits(grace=grace)), "service", "Service")
    assert f"TimeoutStopSec={seconds}" in found


@pytest.mark.parametrize(
    ("codes", "line"),
    [
        ((0,), "SuccessExitStatus=143"),
        ((0, 3), "SuccessExitStatus=3 143"),
        ((200, 4), "SuccessExitStatus=4 143 200"),
        ((0, 78, 79, 124, 137, 143), "SuccessExitStatus=143"),
    ],
)
def test_a_success_code_is_one_for_systemd_unless_the_launcher_means_a_failure_by_it(
    codes: tuple[int, ...], line: str
) -> None:
    assert line in lines(replace(PLAIN, expect=Expect(success_codes=codes)), "service", "Service")


def test_raw_lines_stand_in_their_sections() -> None:
    job = replace(RICH, systemd={"service": {"MemoryMax": ("1G",)}, "timer": {"WakeSystem": ("yes",)},
                                 "path": {"MakeDirectory": ("yes",)}})  # fmt: skip
    assert "MemoryMax=1G" in lines(job, "service", "Service")
    assert "WakeSystem=yes" in lines(job, "timer", "Timer")
    assert "MakeDirectory=yes" in lines(job, "path", "Path")


def test_a_raw_line_replaces_ours() -> None:
    accurate = lines(replace(RICH, systemd={"timer": {"AccuracySec": ("30s",)}}), "timer", "Timer")
    assert [line for line in accurate if line.startswith("AccuracySec")] == ["AccuracySec=30s"]
    patient = lines(replace(DAEMON, systemd={"service": {"RestartSec": ("1m",)}}), "service", "Service")
    assert [line for line in patient if line.startswith("RestartSec")] == ["RestartSec=1m"]


def test_raw_lines_of_units_are_nothing_to_launchd() -> None:
    raw = replace(RICH, systemd={"service": {"Nice": ("7",)}})
    assert samples.launchd().render(raw) == samples.launchd().render(RICH)


def test_raw_keys_of_launchd_are_another_machines() -> None:
    stdin = replace(RICH, launchd={"StandardInPath": "/Users/ada/in"})
    assert systemd().render(stdin) == systemd().render(replace(RICH, launchd={}))


# -- what a unit means


def test_a_unit_says_whose_it_is_and_what_it_means() -> None:
    for content in rendered(RICH).values():
        assert systemd().is_ours(content)
        assert not systemd().is_altered(content)
        kind, _, digest = (systemd().meaning(content) or "").partition("=")
        assert kind == units.kind(content)
        (description,) = [value for _, key, value in units.parse(content) or () if key == "Description"]
        assert units_list.Unit("loaded", "active", "waiting", description).digest == digest


def test_description_and_comments_mean_nothing() -> None:
    described = systemd().render(replace(RICH, description="another one"))
    assert described.load_digest == systemd().render(RICH).load_digest
    content = rendered(RICH)["timer"]
    assert units.meaning(b"# mine\n\n;yours\n" + content.replace(b"\n", b"  \n")) == units.meaning(content)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"AccuracySec=1us", b"AccuracySec=1h"),
        (b"WantedBy=timers.target", b"WantedBy=x.target"),
        (b"[Timer]", b"[Timer]\nOnCalendar=daily"),
        (b"Owner=0f1e2d3c4b5a6978", b"Owner=somebody"),
    ],
)
def test_an_edit_is_seen(old: bytes, new: bytes) -> None:
    content = rendered(RICH)["timer"]
    edited = content.replace(old, new)
    assert edited != content
    assert units.meaning(edited) != units.meaning(content)
    assert systemd().is_altered(edited)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[Unit]\nDescription=x\n", b"junk", b"[X-Jobsync]\nOwner=1\n"])
def test_what_is_no_unit_means_nothing(content: bytes) -> None:
    assert units.meaning(content) is None
    assert units.kind(content) == ""


def test_a_broken_unit_of_ours_is_still_known_as_ours() -> None:
    assert systemd().is_ours(rendered(RICH)["timer"].replace(b"[Timer]", b"[Tim\xff"))


@given(st.binary())
@settings(max_examples=200, deadline=None)
def test_reading_takes_any_bytes(content: bytes) -> None:
    units.meaning(content)
    units.kind(content)
    systemd().is_ours(content)
    systemd().is_altered(content)
    systemd().environment(content)
    systemd().unload_limit(content)


def test_a_changed_service_is_read_in_place_and_a_changed_timer_is_not() -> None:
    before = systemd().render(RICH).load_digest
    service = systemd().render(replace(RICH, priority=Priority.NORMAL)).load_digest
    timer = systemd().render(replace(RICH, schedule=replace(RICH.schedule, slots=NINE))).load_digest
    assert systemd().takes_in_place(before, service)
    assert not systemd().takes_in_place(before, timer)
    assert not systemd().takes_in_place("", timer)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@settings(max_examples=200, deadline=None)
def test_the_environment_comes_back_as_it_was(path: str) -> None:
    found = units.units(PLAIN, owner="1", launcher="/x", asked="/a", home="/h", path=path, comment="")["service"]
    assert units.environment_of(found) == {"HOME": "/h", "PATH": path}


# -- what `systemctl list-units` prints


TABLE = """\
ada.one.service loaded    inactive   dead         Say (jobsync 0123456789ab) (jobsync 1111aaaa2222)
ada.one.timer   loaded    active     waiting      one (jobsync 3333bbbb4444)
ada.d.service   loaded    activating auto-restart d (jobsync 5555cccc6666)
ada.e.service   loaded    activating start-pre e (jobsync 5555cccc7777)
● ada.x.service not-found failed     failed       ada.x.service
"""


def test_the_table_of_units_is_read() -> None:
    found = units_list.units(TABLE)
    assert {name: (one.load, one.active, one.sub, one.digest) for name, one in found.items()} == {
        "ada.one.service": ("loaded", "inactive", "dead", "1111aaaa2222"),
        "ada.one.timer": ("loaded", "active", "waiting", "3333bbbb4444"),
        "ada.d.service": ("loaded", "activating", "auto-restart", "5555cccc6666"),
        "ada.e.service": ("loaded", "activating", "start-pre", "5555cccc7777"),
        "ada.x.service": ("not-found", "failed", "failed", ""),
    }
    assert [name for name, one in found.items() if one.has_process] == ["ada.one.timer"]


@pytest.mark.parametrize(
    ("label", "digest", "is_loaded"),
    [
        ("ada.one", "service=1111aaaa2222 timer=3333bbbb4444", True),
        ("ada.one", "service=1111aaaa2222 timer=000000000000", False),
        ("ada.one", "service=000000000000 timer=3333bbbb4444", False),
        ("ada.one", "service=1111aaaa2222 timer=3333bbbb4444 path=333333333333", False),
        ("ada.d", "daemon=5555cccc6666", True),
        ("ada.x", "daemon=5555cccc6666", False),
        ("ada.by-hand", "service=777777777777", True),
        ("ada.one", "service=1111aaaa2222", True),
        ("ada.one", "service=000000000000", False),
    ],
)
def test_the_hook_reads_from_it_whether_a_job_is_loaded(label: str, digest: str, is_loaded: bool) -> None:
    assert units_list.all_loaded(units_list.evidence(label, digest), TABLE) is is_loaded


@pytest.mark.parametrize("line", ["nonsense", "one two three four", "ada.one.timer", "\0", "ada.one.timer a b c d"])
def test_a_table_that_holds_anything_else_is_none(line: str) -> None:
    assert list(units_list.table(TABLE, ("ada.",)) or ()) == list(units_list.units(TABLE))
    assert units_list.table("", ("ada.",)) == units_list.table("\n", ("ada.",)) == {}
    assert units_list.table(f"{TABLE}{line}\n", ("ada.",)) is None


def test_processes_are_read_and_nothing_else() -> None:
    assert units_list.pids("Id=a.service\nMainPID=12\n\nId=b.service\nMainPID=0\n") == {"a.service": 12}
    assert units_list.pids("") == {}
    for nonsense in ("", "-5", "x", "²", "9" * 5_000):
        assert units_list.pids(f"Id=a.service\nMainPID={nonsense}\n") is None, nonsense


# -- systemd's own opinion


def verify(tmp_path: Path, job: Job) -> str:
    """What `systemd-analyze verify`, at its strictest, has to say of a job's units."""
    (tmp_path / "run").mkdir(exist_ok=True)
    for suffix, content in rendered(job).items():
        # The launcher must be there to be verified.
        text = re.sub(rb"^ExecStart=.*$", b'ExecStart="/bin/true"', content, flags=re.MULTILINE)
        (tmp_path / f"{job.name}.{suffix}").write_bytes(text)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", "--recursive-errors=no", *map(str, tmp_path.glob(f"{job.name}.*"))],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": f"{tmp_path}/run", "LC_ALL": "C"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr if done.returncode or done.stderr else ""


@NEEDS_ANALYZE
@pytest.mark.parametrize(
    "job", [*SAMPLES, replace(DAEMON, daemon=Restart.ON_FAILURE)], ids=["rich", "plain", "daemon", "on-failure"]
)
def test_systemd_has_no_word_to_say_against_our_units(tmp_path: Path, job: Job) -> None:
    assert verify(tmp_path, job) == ""


@NEEDS_ANALYZE
def test_systemd_takes_every_value_that_a_raw_key_may_have(tmp_path: Path) -> None:
    raw = {
        kind: {
            key: tuple(unit_value(key, value) for value in RAW_VALUES if check(value) is None)
            for key, check in keys.items()
        }
        for kind, keys in ALLOWED.items()
    }
    assert all(values for keys in raw.values() for values in keys.values()), "a value of each kind is tried"
    assert verify(tmp_path, replace(RICH, priority=Priority.NORMAL, systemd=raw)) == ""


@NEEDS_ANALYZE
def test_systemd_would_say_so_of_every_raw_key(tmp_path: Path) -> None:
    raw = {kind: dict.fromkeys(keys, ("a wrong value",)) for kind, keys in ALLOWED.items()}
    found = verify(tmp_path, replace(RICH, priority=Priority.NORMAL, systemd=raw))
    complaints = {line.split(" ")[0] for line in found.splitlines() if "ignoring" in line}
    assert "Unknown key" not in found
    assert len(complaints) == sum(map(len, ALLOWED.values())), found


def analyzed(zone: str, base: datetime, specs: Iterable[str], count: int) -> list[datetime]:
    """The next moments that systemd computes for any of the expressions."""
    done = subprocess.run(
        ["systemd-analyze", "calendar", f"--iterations={count}", f"--base-time={base:%Y-%m-%d %H:%M:%S} UTC", *specs],
        env={"PATH": os.environ["PATH"], "TZ": zone, "LC_ALL": "C"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # A line in UTC follows each moment, unless that is the zone.
    marked = re.findall(r"\(in UTC\): \w+ ([-\d]+ [:\d]+) UTC", done.stdout)
    plain = re.findall(r"(?:Next elapse|Iter\w*\.? #\d+): \w+ ([-\d]+ [:\d]+) UTC", done.stdout)
    moments = {datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for text in marked or plain}
    return sorted(moments)[:count]


def random_slots(dice: Random) -> tuple[Slot, ...]:
    """Some slots as definitions make them: lists of times, on days of the week or of the month, or either."""

    def some(values: range, most: int = 3) -> list[int]:
        return dice.sample(list(values), dice.randint(1, most))

    def some_or_all(values: range) -> list[int] | list[None]:
        return some(values) if dice.random() < 0.5 else [None]

    minutes, hours = some(range(60)), some_or_all(range(24))
    days, weekdays, months = some_or_all(range(1, 29)), some_or_all(range(7)), some_or_all(range(1, 13))
    return tuple(Slot(month, day, weekday, hour, minute)
                 for month in months for day in days for weekday in weekdays for hour in hours
                 for minute in minutes)  # fmt: skip


@NEEDS_ANALYZE
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_generated_schedules_mean_the_same_to_systemd(zone: str) -> None:
    dice = Random(f"calendar {zone}")
    for number in range(200):
        slots = random_slots(dice)
        base = datetime(2026, 5, 4, tzinfo=UTC) + timedelta(minutes=dice.randrange(60 * 24 * 90))
        ours = [one.astimezone(UTC) for one in next_runs(slots, base.astimezone(ZoneInfo(zone)), 8)]
        # Away from changes of the clock, where systemd drops what is skipped; away.md says so.
        ours = [one for one in ours if one < datetime(2026, 10, 20, tzinfo=UTC)]
        assert analyzed(zone, base, units.calendar(slots), 8)[: len(ours)] == ours, (
            number,
            slots,
            units.calendar(slots),
        )


def test_calendars_are_few_and_plain() -> None:
    every = tuple(Slot(minute=minute) for minute in (0, 15, 30, 45))
    assert units.calendar(every) == ("*-*-* *:00,15,30,45:00",)
    office = tuple(Slot(weekday=day, hour=9, minute=0) for day in range(1, 6))
    assert units.calendar(office) == ("Mon,Tue,Wed,Thu,Fri *-*-* 09:00:00",)
    assert units.calendar([Slot(day=13, weekday=5, hour=0, minute=0)]) == ("*-*-13 00:00:00", "Fri *-*-* 00:00:00")
    assert units.calendar([Slot(weekday=0, hour=1), Slot(weekday=1, hour=1)]) == ("Mon,Sun *-*-* 01:*:00",)


def test_the_configuration_of_these_tests_is_one_that_can_be_read() -> None:
    assert LINUX.systemd is not None


@pytest.mark.parametrize(
    ("service", "runs_on"),
    [
        ("Restart=always", True),
        ("Restart=on-failure", True),
        ("Restart=no", False),
        ("Restart=always\nRestart=", False),
        ("Type=oneshot", False),
    ],
)
def test_a_daemons_service_is_known(service: str, *, runs_on: bool) -> None:
    assert units.keeps_running(f"[Service]\n{service}\n".encode()) is runs_on
    assert units.keeps_running(b"\0nonsense") is None
