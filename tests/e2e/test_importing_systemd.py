"""`import` of user timers, with a real user manager: the old timer goes, the job comes, nothing runs twice."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync import lock

from .. import linux as machines
from ..linux import LinuxLaptop
from ..migration import SERVICE, TIMER
from ..user_manager import CannotBe


@pytest.fixture
def linux() -> Iterator[LinuxLaptop]:
    """A machine with systemd and a timer of its user's; skipped only where no user manager can be."""
    try:
        with machines.running() as machine:
            machine.wants.mkdir(parents=True, exist_ok=True)
            (machine.wants / "feeds.timer").write_text(TIMER)
            (machine.wants / "feeds.service").write_text(SERVICE)
            machine.manager.systemctl("daemon-reload")
            machine.manager.systemctl("enable", "feeds.timer")
            machine.manager.systemctl("start", "feeds.timer")
            machine.init()
            yield machine
    except CannotBe as error:
        pytest.skip(str(error))


def _timers(machine: LinuxLaptop) -> set[str]:
    table = machine.manager.systemctl("list-units", "--plain", "--no-legend", "--state=active", "*.timer")
    return {line.split()[0] for line in table.splitlines()}


def test_a_timer_is_found_and_taken_over(linux: LinuxLaptop) -> None:
    assert _timers(linux) == {"feeds.timer"}
    shown = linux.jobsync("import").out
    assert "1 job to import" in shown
    assert 'every = "1h"' in shown
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    assert _timers(linux) == {linux.unit("feeds")}
    assert not (linux.wants / "feeds.timer").exists()
    assert not (linux.wants / "timers.target.wants/feeds.timer").exists()
    copies = {path.name.split("Z-", 1)[1]: path for path in (linux.state / "kept/taken-over").iterdir()}
    assert copies["feeds.timer"].read_text() == TIMER
    assert copies["feeds.service"].read_text() == SERVICE
    assert "fetching" in linux.jobsync("run", "feeds").out
    assert "there is nothing to import" in linux.jobsync("import").out


def test_a_service_that_runs_now_is_left_for_later(linux: LinuxLaptop) -> None:
    service = Path(linux.wants, "feeds.service")
    service.write_text(SERVICE.replace("/bin/echo fetching %h/feeds", "/bin/sleep 60"))
    linux.manager.systemctl("daemon-reload")
    linux.manager.systemctl("start", "--no-block", "feeds.service")
    shown = linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"), status=1)
    assert "feeds.service is running" in shown.err
    assert _timers(linux) == {"feeds.timer"}
    assert not (linux.work / "jobs").exists()
    linux.manager.systemctl("stop", "feeds.service")


def _add(machine: LinuxLaptop, units: dict[str, str], *, at: Path | None = None) -> None:
    """Put units of the user's there, and switch the timers on."""
    for name, text in units.items():
        path = (at or machine.wants) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    machine.manager.systemctl("daemon-reload")
    for name in (name for name in units if name.endswith(".timer")):
        machine.manager.systemctl("enable", name)
        machine.manager.systemctl("start", name)


def test_doctor_has_nothing_against_a_script_that_import_wrote(linux: LinuxLaptop) -> None:
    _add(linux, {"feeds2.timer": TIMER, "feeds2.service": f"{SERVICE}ExecStartPost=/bin/echo done\n"})
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds2.timer"))
    assert (linux.work / "jobs/feeds2/run").exists()
    assert "does not say" not in linux.jobsync("doctor", status=None).out


def test_a_service_is_found_where_systemd_finds_it(linux: LinuxLaptop) -> None:
    _add(linux, {"feeds2.service": SERVICE}, at=linux.units)
    _add(linux, {"feeds2.timer": TIMER})
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds2.timer"))
    assert _timers(linux) == {"feeds.timer", linux.unit("feeds2")}
    assert not (linux.wants / "feeds2.timer").exists()
    assert not (linux.units / "feeds2.service").exists()


def test_a_service_that_two_timers_start_is_kept_for_the_second(linux: LinuxLaptop) -> None:
    _add(
        linux,
        {
            "brief.service": SERVICE,
            "morning.timer": "[Timer]\nOnCalendar=07:00\nUnit=brief.service\n[Install]\nWantedBy=timers.target\n",
            "evening.timer": "[Timer]\nOnCalendar=19:00\nUnit=brief.service\n[Install]\nWantedBy=timers.target\n",
        },
    )
    linux.jobsync("import", "--take-over", str(linux.wants / "morning.timer"))
    assert _timers(linux) == {"feeds.timer", "evening.timer", linux.unit("morning")}
    assert (linux.wants / "brief.service").exists()
    linux.jobsync("import", "--take-over", str(linux.wants / "evening.timer"))
    assert _timers(linux) == {"feeds.timer", linux.unit("morning"), linux.unit("evening")}
    assert not (linux.wants / "brief.service").exists()


def test_a_service_that_is_enabled_itself_leaves_no_link_behind(linux: LinuxLaptop) -> None:
    (linux.wants / "feeds.service").write_text(SERVICE + "[Install]\nWantedBy=default.target\n")
    linux.manager.systemctl("daemon-reload")
    linux.manager.systemctl("enable", "feeds.service")
    assert "at_login = true" in linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer")).out
    assert not (linux.wants / "default.target.wants/feeds.service").is_symlink()


def test_a_drop_in_is_not_passed_over(linux: LinuxLaptop) -> None:
    _add(linux, {"feeds.timer.d/override.conf": "[Timer]\nOnCalendar=\nOnCalendar=daily\n"})
    timer = linux.wants / "feeds.timer"
    shown = linux.jobsync("import", status=1).err
    assert f"{timer}.d/override.conf changes it; write those lines into feeds.timer itself" in shown
    (linux.wants / "feeds.timer.d/override.conf").unlink()
    assert "1 job to import" in linux.jobsync("import").out


@pytest.mark.parametrize("directory", ["service.d", "timer.d", "news-.service.d", "news-of-.service.d"])
def test_a_drop_in_of_several_units_is_not_passed_over(linux: LinuxLaptop, directory: str) -> None:
    drop_in = linux.wants / directory / "all.conf"
    section = "Timer" if "timer" in directory else "Service"
    _add(linux, {f"{directory}/all.conf": f"[{section}]\n", "news-of-day.timer": TIMER, "news-of-day.service": SERVICE})
    unit = f"news-of-day.{section.lower()}"
    assert linux.manager.systemctl("show", "-p", "DropInPaths", "--value", unit).split() == [str(drop_in)]
    shown = linux.jobsync("import", str(linux.wants / "news-of-day.timer"), status=1).err
    assert f"{drop_in} changes it and others like it; write those lines into {unit} itself" in shown


def test_a_timer_that_is_switched_off_stays_off(linux: LinuxLaptop) -> None:
    linux.manager.systemctl("stop", "feeds.timer")
    linux.manager.systemctl("disable", "feeds.timer")
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    assert "enabled = false" in (linux.work / "jobs/feeds/job.toml").read_text()
    assert _timers(linux) == set()


def test_a_masked_timer_runs_nothing_and_stops_no_others(linux: LinuxLaptop) -> None:
    (linux.wants / "masked.timer").symlink_to("/dev/null")
    shown = linux.jobsync("import")
    assert "1 job to import" in shown.out and "masked" not in shown.text


def test_a_timer_runs_here_wherever_its_file_is_and_by_whichever_name(linux: LinuxLaptop) -> None:
    text = "[Timer]\nOnCalendar=07:00\n[Install]\nWantedBy=timers.target\n"
    _add(linux, {"there.timer": text, "there.service": SERVICE}, at=linux.units)
    source = linux.home / "src"
    source.mkdir()
    for name, content in (("linked.service", SERVICE), ("linked.timer", text)):
        (source / name).write_text(content)
        linux.manager.systemctl("link", str(source / name))
    linux.manager.systemctl("enable", "linked.timer")
    linux.manager.systemctl("start", "linked.timer")
    assert "3 jobs to import" in linux.jobsync("import").out
    for named in (linux.units / "there.timer", source / "linked.timer"):
        assert "--take-over" in linux.jobsync("import", "--write", str(named), status=1).err
        linux.jobsync("import", "--take-over", str(named))
    assert _timers(linux) == {"feeds.timer", linux.unit("there"), linux.unit("linked")}
    assert (source / "linked.timer").exists()
    assert not (linux.wants / "linked.timer").is_symlink()
    ours = str(linux.units / linux.unit("there"))
    assert "there is nothing to import" in linux.jobsync("import", ours).out
    assert "1 job to import" in linux.jobsync("import").out


_KEYS = {
    "Service": ("Nice=5", "MemoryMax=1G", "LimitNOFILE=1024:4096", "UMask=27", "CPUWeight=50", "TimeoutStopSec=20"),
    "Timer": ("AccuracySec=30s",),
}


def _properties(machine: LinuxLaptop, unit: str, section: str) -> str:
    """What the manager itself makes of the keys, whoever wrote them."""
    asked = {"TimeoutStopSec": "TimeoutStopUSec", "AccuracySec": "AccuracyUSec"}
    names = [asked.get(key, key) for key in (line.partition("=")[0] for line in _KEYS[section])]
    return machine.manager.systemctl("show", "-p", ",".join(names), unit)


def test_keys_of_systemds_own_mean_to_the_manager_what_they_meant_before(linux: LinuxLaptop) -> None:
    timer, service = linux.wants / "feeds.timer", linux.wants / "feeds.service"
    service.write_text(SERVICE + "".join(f"{line}\n" for line in _KEYS["Service"]))
    timer.write_text(TIMER.replace("[Timer]\n", "[Timer]\n" + "".join(f"{line}\n" for line in _KEYS["Timer"])))
    linux.manager.systemctl("daemon-reload")
    before = _properties(linux, "feeds.service", "Service"), _properties(linux, "feeds.timer", "Timer")
    shown = linux.jobsync("import", "--take-over", str(timer)).out
    assert "[systemd.service] keeps it" in shown and "[systemd.timer] keeps it" in shown
    units = linux.unit("feeds", "service"), linux.unit("feeds")
    assert (_properties(linux, units[0], "Service"), _properties(linux, units[1], "Timer")) == before
    assert "MemoryMax=1073741824" in before[0]


# -- services that no timer starts

DAEMON = """\
[Unit]
Description=Keep the beacon lit
After=network.target
[Service]
WorkingDirectory=%h
Environment=MODE=bright
Nice=5
LimitNOFILE=2048
RestartSec=2
ExecStart=/bin/sh -c 'echo $$$$ >>%h/beacon.pids; exec /bin/sleep 600'
Restart=always
[Install]
WantedBy=default.target
"""
ONCE = "[Service]\nType=oneshot\nExecStart=/bin/echo hello\n[Install]\nWantedBy=default.target\n"


def _enable(machine: LinuxLaptop, name: str, text: str, *, start: bool = True) -> Path:
    """A service of the user's that starts at login and, with `start`, has done so."""
    _add(machine, {name: text})
    machine.manager.systemctl("enable", name)
    if start:
        machine.manager.systemctl("start", name)
    return machine.wants / name


def _pids(machine: LinuxLaptop) -> list[int]:
    """Of every beacon that was ever lit."""
    path = machine.home / "beacon.pids"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def _burning(machine: LinuxLaptop) -> list[int]:
    return [pid for pid in _pids(machine) if Path(f"/proc/{pid}").exists()]


def _is_active(machine: LinuxLaptop, unit: str) -> bool:
    return machine.manager.systemctl("is-active", unit, check=False).strip() == "active"


def test_a_daemon_is_found_and_taken_over(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON)
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    assert "2 jobs to import" in linux.jobsync("import").out
    shown = linux.jobsync("import", "--take-over", str(unit)).out
    linux.wait_for(lambda: len(_pids(linux)) == 2)
    assert len(_burning(linux)) == 1
    assert _is_active(linux, linux.unit("beacon", "service"))
    assert 'restart = "always"' in (linux.work / "jobs/beacon/job.toml").read_text()
    assert not unit.exists() and not (linux.wants / "default.target.wants/beacon.service").is_symlink()
    assert "LoadState=not-found" in linux.manager.systemctl("show", "-p", "LoadState", "beacon.service")
    (copy,) = (linux.state / "kept/taken-over").iterdir()
    assert copy.read_text() == DAEMON and f"kept a copy: {copy}" in shown
    assert "1 job to import" in linux.jobsync("import").out


def _process(pid: int) -> dict[str, object]:
    """What the kernel says of it, but for what names it."""
    place = Path(f"/proc/{pid}")
    environment = dict(one.split("=", 1) for one in (place / "environ").read_text().split("\0") if "=" in one)
    status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line)
    return {
        "argv": (place / "cmdline").read_text(),
        "cwd": str((place / "cwd").readlink()),
        "environment": {
            name: value
            for name, value in environment.items()
            if not name.startswith(("JOBSYNC_", "SYSTEMD_EXEC_PID", "INVOCATION_ID", "JOURNAL_STREAM", "MEMORY_"))
            and "_PRESSURE_" not in name  # places of its control group, which is named after it
            and name not in ("PATH", "PWD", "OLDPWD", "SHLVL", "_")  # the machine's, and the launcher's shell's
        },
        "limits": (place / "limits").read_text(),
        "nice": os.getpriority(os.PRIO_PROCESS, pid),
        "umask": status["Umask"],
    }


_SUPERVISED = "Restart,RestartUSec,Nice,LimitNOFILE,UMask,MemoryMax,CPUWeight"


def test_a_daemon_runs_as_it_did_before(linux: LinuxLaptop) -> None:
    keys = "UMask=27\nMemoryMax=1G\nCPUWeight=50\n"
    unit = _enable(linux, "beacon.service", DAEMON.replace("[Install]", f"{keys}[Install]"))
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    linux.wait_for(lambda: "sleep" in Path(f"/proc/{_pids(linux)[0]}/cmdline").read_text())
    before = _process(_pids(linux)[0])
    supervised = linux.manager.systemctl("show", "-p", _SUPERVISED, unit.name)
    linux.jobsync("import", "--take-over", str(unit))
    linux.wait_for(lambda: len(_pids(linux)) == 2)
    pid = _pids(linux)[1]
    linux.wait_for(lambda: "sleep" in Path(f"/proc/{pid}/cmdline").read_text())
    assert _process(pid) == before
    assert linux.manager.systemctl("show", "-p", _SUPERVISED, linux.unit("beacon", "service")) == supervised


def _take_over(machine: LinuxLaptop, unit: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["jobsync", "import", "--take-over", str(unit)], cwd=machine.work, env=machine.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


STUBBORN = DAEMON.replace("exec /bin/sleep 600", """trap "sleep 3; exit" TERM; while :; do sleep .1; done""").replace(
    "RestartSec=2", "KillMode=mixed\nTimeoutStopSec=10"
)
"""It takes its time to end."""


def _is_as_before(machine: LinuxLaptop, unit: Path, text: str) -> bool:
    return (
        unit.read_text() == text
        and (machine.wants / "default.target.wants" / unit.name).resolve() == unit.resolve()
        and _is_active(machine, unit.name)
        and not (machine.work / "jobs" / unit.stem).exists()
        and not machine.loaded()
        and not machine.installed()
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_while_it_stops_the_daemon_comes_back(linux: LinuxLaptop, number: signal.Signals) -> None:
    unit = _enable(linux, "beacon.service", STUBBORN)
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    started = _take_over(linux, unit)
    linux.wait_for(lambda: "deactivating" in linux.manager.systemctl("is-active", unit.name, check=False))
    started.send_signal(number)
    started.send_signal(number)
    assert "interrupted" in started.communicate(timeout=60)[0]
    assert started.returncode == 130
    linux.wait_for(lambda: len(_pids(linux)) == 2)
    assert len(_burning(linux)) == 1
    assert _is_as_before(linux, unit, STUBBORN)
    linux.jobsync("import", "--take-over", str(unit))
    linux.wait_for(lambda: len(_pids(linux)) == 3)
    assert len(_burning(linux)) == 1 and linux.loaded() == {"beacon"}


def test_killed_while_it_stops_there_is_no_job_beside_it(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", STUBBORN)
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    started = _take_over(linux, unit)
    linux.wait_for(lambda: "deactivating" in linux.manager.systemctl("is-active", unit.name, check=False))
    started.kill()
    started.communicate(timeout=60)
    assert unit.exists() and (linux.wants / "default.target.wants" / unit.name).exists()
    assert not (linux.work / "jobs").exists()
    linux.jobsync("import", "--take-over", str(unit))
    linux.wait_for(lambda: len(_pids(linux)) == 2)
    assert len(_burning(linux)) == 1 and linux.loaded() == {"beacon"}


def test_interrupted_between_the_two_the_new_one_runs(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON)
    _enable(linux, "lamp.service", DAEMON.replace("beacon.pids", "lamp.pids"))
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    started = _take_over(linux, unit)
    linux.wait_for(lambda: not unit.exists())
    started.send_signal(signal.SIGTERM)
    said, _ = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "installed  beacon" in said and "interrupted" in said
    linux.wait_for(lambda: len(_pids(linux)) == 2)
    assert len(_burning(linux)) == 1
    assert linux.loaded() == {"beacon"}


def test_a_daemon_runs_on_while_another_sync_is_under_way(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON)
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    linux.jobsync("sync")
    with lock.hold(linux.state / "lock", timeout=10):
        started = _take_over(linux, unit)
        linux.wait_for((linux.state / "kept/taken-over").exists)
        time.sleep(1)
        assert _is_active(linux, unit.name)
    started.communicate(timeout=60)
    assert started.returncode == 0 and linux.loaded() == {"beacon"}


def test_a_daemon_whose_job_cannot_start_comes_back(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON)
    linux.wait_for(lambda: len(_burning(linux)) == 1)
    linux.units.mkdir(parents=True, exist_ok=True)
    blocking = linux.units / linux.unit("beacon", "service")
    blocking.write_text("[Service]\nExecStart=/bin/true\n")
    shown = linux.jobsync("import", "--take-over", str(unit), status=1).err
    assert "not taken over: beacon could not be started: " in shown
    blocking.unlink()
    linux.wait_for(lambda: len(_pids(linux)) == 2)
    assert len(_burning(linux)) == 1
    assert _is_as_before(linux, unit, DAEMON)


def test_a_daemon_that_does_not_stop_stays(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON.replace("[Service]", "RefuseManualStop=yes\n[Service]"))
    shown = linux.jobsync("import", "--take-over", str(unit), status=1).err
    assert "not taken over: beacon.service could not be stopped: " in shown
    assert len(_burning(linux)) == 1 and len(_pids(linux)) == 1
    assert _is_active(linux, unit.name) and unit.exists() and not (linux.work / "jobs").exists()


def test_a_daemon_that_is_a_link_loses_the_link_and_has_it_back(linux: LinuxLaptop) -> None:
    source = linux.home / "beacon.service"
    source.write_text(DAEMON)
    linux.manager.systemctl("enable", str(source))
    linux.manager.systemctl("start", source.name)
    linux.units.mkdir(parents=True, exist_ok=True)
    blocking = linux.units / linux.unit("beacon", "service")
    blocking.write_text("[Service]\nExecStart=/bin/true\n")
    linux.jobsync("import", "--take-over", str(source), status=1)
    blocking.unlink()
    assert (linux.wants / source.name).is_symlink()
    assert _is_as_before(linux, linux.wants / source.name, DAEMON)
    linux.jobsync("import", "--take-over", str(source))
    assert source.exists() and not (linux.wants / source.name).is_symlink()
    assert linux.loaded() == {"beacon"}


def test_a_service_that_runs_once_at_login_waits_for_the_next(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "hello.service", ONCE.replace("/bin/echo hello", "/bin/sh -c 'echo >>%h/hellos'"))
    linux.jobsync("import", "--take-over", str(unit))
    assert "at_login = true" in (linux.work / "jobs/hello/job.toml").read_text()
    assert not unit.exists() and linux.installed() == {"hello"}
    assert (linux.home / "hellos").read_text() == "\n"


def test_a_service_that_has_run_at_login_does_not_run_again_when_it_is_put_back(linux: LinuxLaptop) -> None:
    text = ONCE.replace("/bin/echo hello", "/bin/sh -c 'echo >>%h/hellos'").replace(
        "[Install]", "RemainAfterExit=y\n[Install]"
    )
    unit = _enable(linux, "hello.service", text)
    linux.units.mkdir(parents=True, exist_ok=True)
    blocking = linux.units / linux.unit("hello", "service")
    blocking.write_text("[Service]\nExecStart=/bin/true\n")
    assert "not taken over" in linux.jobsync("import", "--take-over", str(unit), status=1).err
    assert unit.read_text() == text and (linux.wants / "default.target.wants" / unit.name).exists()
    assert (linux.home / "hellos").read_text() == "\n"


def test_what_a_service_left_behind_is_not_cut_off(linux: LinuxLaptop) -> None:
    text = ONCE.replace("/bin/echo hello", "/bin/sh -c 'sleep 600 & :'").replace(
        "[Install]", "RemainAfterExit=y\n[Install]"
    )
    unit = _enable(linux, "agent.service", text)
    shown = linux.jobsync("import", "--take-over", str(unit), status=1).err
    assert "not now: agent.service has left processes running, and taking it over would end them" in shown
    linux.manager.systemctl("stop", unit.name)
    linux.jobsync("import", "--take-over", str(unit))
    assert not unit.exists()


def test_a_command_that_the_service_runs_does_not_end_itself(linux: LinuxLaptop) -> None:
    line = "jobsync import --take-over %h/.config/systemd/user/term.service >%h/said 2>&1; exec sleep 600"
    given = "".join(f'Environment="{name}={value}"\n' for name, value in linux.environment.items())
    text = f"[Service]\nWorkingDirectory={linux.work}\n{given}ExecStart=/bin/sh -c '{line}'\nRestart=always\n"
    unit = _enable(linux, "term.service", f"{text}[Install]\nWantedBy=default.target\n")
    said = linux.home / "said"
    linux.wait_for(lambda: said.exists() and "not now" in said.read_text())
    assert "not now: term.service runs this very command" in said.read_text()
    assert _is_active(linux, unit.name) and unit.exists()


def test_a_daemon_that_is_switched_off_stays_off(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON, start=False)
    linux.manager.systemctl("disable", unit.name)
    assert "1 job to import" in linux.jobsync("import").out  # the timer
    linux.jobsync("import", "--take-over", str(unit))
    assert "enabled = false" in (linux.work / "jobs/beacon/job.toml").read_text()
    assert not unit.exists() and not linux.loaded()


def test_a_daemon_that_somebody_has_started_says_that_it_will_start_at_login(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON)
    linux.manager.systemctl("disable", unit.name)
    shown = linux.jobsync("import").out
    assert "2 jobs to import" in shown and "it runs now and is not enabled" in shown


def test_what_leads_to_a_service_elsewhere_is_said_and_nothing_is_done(linux: LinuxLaptop) -> None:
    unit = _enable(linux, "beacon.service", DAEMON)
    reasons: dict[str | Path, tuple[str, str]] = {
        "other.service": ("[Unit]\nRequires=beacon.service\n[Service]\nExecStart=/bin/true\n", "Requires names it"),
        "evening.timer": ("[Timer]\nOnCalendar=19:00\nUnit=beacon.service\n", "evening.timer starts it"),
        "beacon.socket": ("[Socket]\nListenStream=%t/beacon\n", "beacon.socket starts it"),
        linux.units.parents[1] / "dbus-1/services/beacon.service": (
            "[D-BUS Service]\nName=org.beacon\nExec=/bin/false\nSystemdService=beacon.service\n",
            "dbus-1/services/beacon.service starts it",
        ),
        "x.target.d/a.conf": ("[Unit]\nWants=beacon.service\n", "Wants names it"),
        "beacon.service.d/a.conf": ("[Service]\nNice=3\n", "beacon.service.d/a.conf changes it"),
    }
    for name, (text, why) in reasons.items():
        path = linux.wants / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        assert why in linux.jobsync("import", "--take-over", str(unit), status=1).err
        path.unlink()
    links = {
        "sway-session.target.wants/beacon.service": "it starts with sway-session.target",
        "default.target.requires/beacon.service": "default.target needs it",
        "light.service": "light.service is another name of it",
    }
    for name, why in links.items():
        link = linux.wants / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(unit)
        assert why in linux.jobsync("import", "--take-over", str(unit), status=1).err
        link.unlink()
    linux.units.mkdir(parents=True, exist_ok=True)
    (linux.units / unit.name).write_text(DAEMON)
    assert "has its name, too" in linux.jobsync("import", "--take-over", str(unit), status=1).err
    (linux.units / unit.name).unlink()
    assert len(_pids(linux)) == 1 and len(_burning(linux)) == 1
    linux.jobsync("import", "--take-over", str(unit))


def test_packaged_services_and_templates_are_left_alone(linux: LinuxLaptop) -> None:
    (linux.wants / "lamp@.service").write_text(DAEMON)
    linux.manager.systemctl("enable", "lamp@red.service")
    shown = linux.jobsync("import", status=1)
    assert f"{linux.wants}/lamp@.service: is a template" in shown.err
    packaged = next(Path("/usr/lib/systemd/user").glob("*.service"))
    assert "belongs to a package" in linux.jobsync("import", str(packaged), status=1).err
    (linux.wants / packaged.name).symlink_to(packaged)
    assert "belongs to a package" in linux.jobsync("import", str(linux.wants / packaged.name), status=1).err


def test_a_service_that_runs_elsewhere_is_only_written(linux: LinuxLaptop) -> None:
    source = linux.home / "from-desktop/beacon.service"
    source.parent.mkdir()
    source.write_text(DAEMON)
    linux.jobsync("import", "--write", str(source))
    assert 'restart = "always"' in (linux.work / "jobs/beacon/job.toml").read_text()
    assert source.exists()


# -- timers: never two that run, and what was there comes back


def _wrap_systemctl(machine: LinuxLaptop, before: str = ":", after: str = ":", *, verb: str = "stop") -> Path:
    """Have jobsync's systemctl run lines of sh around that verb; gives the file that tells every verb."""
    calls, wrapper = machine.root / "calls", machine.root / "systemctl"
    wrapper.write_text(
        f'#!/bin/sh\necho "$2" >>{calls}\n[ "$2" != {verb} ] || {{ {before}; }}\n/usr/bin/systemctl "$@"\nstatus=$?\n'
        f'[ "$2" != {verb} ] || {{ {after}; }}\nexit $status\n'
    )
    wrapper.chmod(0o755)
    settings = machine.home / ".config/jobsync/config.toml"
    settings.write_text(settings.read_text().replace('"/usr/bin/systemctl"', f'"{wrapper}"'))
    return calls


def _block(machine: LinuxLaptop, job: str) -> Path:
    """Put a file that is not jobsync's into the place of a job's service."""
    machine.units.mkdir(parents=True, exist_ok=True)
    blocking = machine.units / machine.unit(job, "service")
    blocking.write_text("[Service]\nExecStart=/bin/true\n")
    return blocking


def _linked(machine: LinuxLaptop) -> dict[str, str]:
    """Every link that starts a unit of the user's -> what it leads to."""
    found = (link for place in (machine.wants, machine.units) for link in place.glob("*.wants/*"))
    ours = f"{machine.prefix}."
    return {str(link): str(link.readlink()) for link in found if not link.name.startswith(ours)}


def test_what_also_names_stays_switched_on(linux: LinuxLaptop) -> None:
    (linux.wants / "feeds.timer").write_text(f"{TIMER}Also=other.timer\n")
    _add(linux, {"other.timer": TIMER, "other.service": SERVICE})
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    assert _timers(linux) == {"other.timer", linux.unit("feeds")}
    assert (linux.wants / "timers.target.wants/other.timer").is_symlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_while_it_stops_the_timer_comes_back(linux: LinuxLaptop, number: signal.Signals) -> None:
    more = linux.wants / "default.target.wants"
    more.mkdir()
    (more / "feeds.timer").symlink_to("../feeds.timer")
    linux.manager.systemctl("daemon-reload")
    links, stopped = _linked(linux), linux.root / "stopped"
    _wrap_systemctl(linux, after=f"touch {stopped}; sleep 3")
    started = _take_over(linux, linux.wants / "feeds.timer")
    linux.wait_for(stopped.exists)
    started.send_signal(number)
    assert "interrupted" in started.communicate(timeout=60)[0]
    assert started.returncode == 130
    assert _timers(linux) == {"feeds.timer"} and _linked(linux) == links and len(links) == 2
    assert not linux.installed() and not (linux.work / "jobs/feeds").exists()


def test_killed_while_it_stops_there_is_no_job_beside_the_timer(linux: LinuxLaptop) -> None:
    stopped = linux.root / "stopped"
    _wrap_systemctl(linux, after=f"touch {stopped}; sleep 3")
    started = _take_over(linux, linux.wants / "feeds.timer")
    linux.wait_for(stopped.exists)
    started.kill()
    started.communicate(timeout=60)
    assert (linux.wants / "timers.target.wants/feeds.timer").exists()
    assert not (linux.work / "jobs/feeds").exists()
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    assert _timers(linux) == {linux.unit("feeds")}


def test_a_timer_whose_job_cannot_start_comes_back_and_the_others_go_on(linux: LinuxLaptop) -> None:
    _add(linux, {"news.timer": TIMER, "news.service": SERVICE})
    (linux.wants / "timers.target.wants/feeds.timer").unlink()
    (linux.wants / "timers.target.wants/feeds.timer").symlink_to("../feeds.timer")
    blocking = _block(linux, "feeds")
    both = str(linux.wants / "feeds.timer"), str(linux.wants / "news.timer")
    shown = linux.jobsync("import", "--take-over", *both, status=1)
    assert "not taken over: feeds could not be started: " in shown.err and "installed  news" in shown.out
    assert _timers(linux) == {"feeds.timer", linux.unit("news")}
    assert _linked(linux) == {str(linux.wants / "timers.target.wants/feeds.timer"): "../feeds.timer"}
    assert (linux.wants / "feeds.service").read_text() == SERVICE and not (linux.work / "jobs/feeds").exists()
    blocking.unlink()
    linux.jobsync("import", "--take-over", both[0])
    assert _timers(linux) == {linux.unit("feeds"), linux.unit("news")} and not _linked(linux)


def test_a_timer_that_is_put_back_does_not_run_its_job_for_that(linux: LinuxLaptop) -> None:
    timer, plain = linux.wants / "feeds.timer", "[Timer]\nOnCalendar={}\n[Install]\nWantedBy=timers.target\n"
    text = SERVICE.replace("/bin/echo fetching %h/feeds", "/bin/sh -c 'echo >>%h/fetched'")
    (linux.wants / "feeds.service").write_text(f"[Unit]\nStartLimitIntervalSec=0\n{text}")
    timer.write_text(plain.format("*:*:*") + "[Timer]\nAccuracySec=1ms\n")
    linux.manager.systemctl("daemon-reload")
    linux.wait_for((linux.home / "fetched").exists)
    timer.write_text(plain.format("*-01-01 00:00"))
    (linux.wants / "feeds.service").write_text(text)
    linux.manager.systemctl("daemon-reload")
    linux.wait_for(lambda: not _is_active(linux, "feeds.service"))
    before = (linux.home / "fetched").read_text()
    _block(linux, "feeds")
    linux.jobsync("import", "--take-over", str(timer), status=1)
    assert _timers(linux) == {"feeds.timer"}
    time.sleep(0.5)
    assert (linux.home / "fetched").read_text() == before
    # Not every systemd would start it for what it remembers of the time before the stop.
    assert linux.manager.systemctl("show", "-p", "InactiveEnterTimestamp", "--value", timer.name).strip() == ""


def test_a_service_that_starts_just_then_keeps_its_timer(linux: LinuxLaptop) -> None:
    (linux.wants / "feeds.service").write_text(SERVICE.replace("/bin/echo fetching %h/feeds", "/bin/sleep 60"))
    linux.manager.systemctl("daemon-reload")
    _wrap_systemctl(linux, before="/usr/bin/systemctl --user start --no-block feeds.service")
    shown = linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"), status=1).err
    assert "feeds.service is running, and taking it over would stop it; wait for its end" in shown
    assert _timers(linux) == {"feeds.timer"} and not linux.installed() and not (linux.work / "jobs/feeds").exists()
    assert "activating" in linux.manager.systemctl("is-active", "feeds.service", check=False)
    linux.manager.systemctl("stop", "feeds.service")


def test_slots_count_from_the_moment_at_which_the_timer_was_stopped(linux: LinuxLaptop) -> None:
    stopped, stamps = linux.root / "stopped", linux.home / ".local/share/systemd/timers"
    linux.wait_for((stamps / "stamp-feeds.timer").exists)
    _wrap_systemctl(linux, after=f"touch {stopped}; sleep 2")
    begun = time.time()
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    stamp = (stamps / f"stamp-{linux.unit('feeds')}").stat().st_mtime
    assert begun < stamp < stopped.stat().st_mtime
    assert not (stamps / "stamp-feeds.timer").exists()


@pytest.mark.parametrize("is_persistent", [True, False])
def test_a_slot_that_the_timer_ran_while_it_was_stopped_is_not_run_again(
    linux: LinuxLaptop, is_persistent: bool
) -> None:
    fired, stamps = linux.root / "fired", linux.home / ".local/share/systemd/timers"
    stamp = stamps / "stamp-feeds.timer"
    linux.wait_for(stamp.exists)
    if not is_persistent:
        _add(linux, {"feeds.timer": TIMER.replace("Persistent=true", "Persistent=false")})
        stamp.unlink()
    _wrap_systemctl(linux, before=f"sleep 1; touch {fired}; [ ! -e {stamp} ] || touch -r {fired} {stamp}")
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    assert (stamps / f"stamp-{linux.unit('feeds')}").stat().st_mtime >= fired.stat().st_mtime


def test_what_would_count_instead_of_a_timer_or_its_service_is_said(linux: LinuxLaptop) -> None:
    timer = linux.wants / "feeds.timer"
    linux.units.mkdir(parents=True, exist_ok=True)
    for name, text in (("feeds.timer", TIMER), ("feeds.service", SERVICE)):
        other = linux.units / name
        other.write_text(text)
        shown = linux.jobsync("import", "--take-over", str(timer), status=1).err
        assert f"{other} has its name, too, and would count once this one is gone" in shown
        other.unlink()
    passing = linux.manager.runtime / "systemd/user/timers.target.wants/feeds.timer"
    passing.parent.mkdir(parents=True, exist_ok=True)
    passing.symlink_to(timer)
    shown = linux.jobsync("import", "--take-over", str(timer), status=1).err
    assert f"{passing} starts it, too, and is none of your own" in shown
    passing.unlink()
    _add(linux, {"light.service": "[Unit]\nWants=feeds.timer\n[Service]\nExecStart=/bin/true\n"})
    assert "Wants names it" in linux.jobsync("import", "--take-over", str(timer), status=1).err
    (linux.wants / "light.service").unlink()
    assert _timers(linux) == {"feeds.timer"} and not (linux.work / "jobs").exists()
    linux.jobsync("import", "--take-over", str(timer))


def test_a_service_that_another_unit_names_is_kept_for_it(linux: LinuxLaptop) -> None:
    _add(linux, {"light.service": "[Unit]\nWants=feeds.service\n[Service]\nExecStart=/bin/true\n"})
    linux.jobsync("import", "--take-over", str(linux.wants / "feeds.timer"))
    assert _timers(linux) == {linux.unit("feeds")} and (linux.wants / "feeds.service").exists()


def test_many_timers_are_taken_over_together(linux: LinuxLaptop) -> None:
    names = [f"t{number}" for number in range(6)]
    _add(linux, {f"{name}.{kind}": text for name in names for kind, text in (("timer", TIMER), ("service", SERVICE))})
    shared = TIMER.replace("[Timer]\n", "[Timer]\nUnit=feeds.service\n")
    _add(linux, {"evening.timer": shared})
    names += ["evening", "feeds"]
    calls = _wrap_systemctl(linux)
    linux.jobsync("import", "--take-over", *(str(linux.wants / f"{name}.timer") for name in names))
    assert _timers(linux) == {linux.unit(name) for name in names}
    assert not [path for path in linux.wants.iterdir() if path.suffix in (".timer", ".service")]
    verbs = calls.read_text().split()
    assert [verbs.count(verb) for verb in ("stop", "start", "daemon-reload")] == [1, 1, 1]


def test_a_service_goes_with_none_of_two_timers_when_one_of_them_comes_back(linux: LinuxLaptop) -> None:
    shared = TIMER.replace("[Timer]\n", "[Timer]\nUnit=brief.service\n")
    _add(linux, {"brief.service": SERVICE, "morning.timer": shared, "evening.timer": shared})
    for blocked, other in (("evening", "morning"), ("morning", "evening")):
        blocking = _block(linux, blocked)
        both = (str(linux.wants / f"{name}.timer") for name in ("morning", "evening"))
        assert f"installed  {other}" in linux.jobsync("import", "--take-over", *both, status=1).out
        assert _timers(linux) == {"feeds.timer", f"{blocked}.timer", linux.unit(other)}
        assert linux.manager.systemctl("show", "-p", "LoadState", "brief.service").strip() == "LoadState=loaded"
        assert (linux.wants / "brief.service").read_text() == SERVICE
        blocking.unlink()
        _remove_job(linux, other)
        _add(linux, {f"{other}.timer": shared})


def _remove_job(machine: LinuxLaptop, name: str) -> None:
    shutil.rmtree(machine.work / "jobs" / name)
    machine.jobsync("sync", "--allow-removals")


def test_a_timer_that_does_not_stop_stays_and_the_others_go(linux: LinuxLaptop) -> None:
    stubborn = f"[Unit]\nRefuseManualStop=yes\n{TIMER}"
    _add(linux, {"news.timer": stubborn, "news.service": SERVICE})
    both = (str(linux.wants / f"{name}.timer") for name in ("news", "feeds"))
    shown = linux.jobsync("import", "--take-over", *both, status=1)
    assert "not taken over: news.timer could not be stopped: " in shown.err
    assert _timers(linux) == {"news.timer", linux.unit("feeds")} and not (linux.work / "jobs/news").exists()
    assert set(_linked(linux)) == {str(linux.wants / "timers.target.wants/news.timer")}


def test_killed_between_the_two_the_next_sync_begins_the_job(linux: LinuxLaptop) -> None:
    begun = linux.root / "begun"
    _wrap_systemctl(linux, before=f"[ -e {begun} ] || {{ touch {begun}; sleep 3; }}", verb="start")
    started = _take_over(linux, linux.wants / "feeds.timer")
    linux.wait_for(begun.exists)
    started.kill()
    started.communicate(timeout=60)
    assert not (linux.wants / "feeds.timer").exists() and not _linked(linux)
    linux.wait_for(lambda: "installed" in linux.jobsync("sync", status=None).out or linux.loaded() == {"feeds"})
    assert _timers(linux) == {linux.unit("feeds")}


def test_interrupted_between_the_two_the_job_is_there(linux: LinuxLaptop) -> None:
    begun = linux.root / "begun"
    _wrap_systemctl(linux, before=f"touch {begun}; sleep 2", verb="start")
    started = _take_over(linux, linux.wants / "feeds.timer")
    linux.wait_for(begun.exists)
    started.send_signal(signal.SIGINT)
    said, _ = started.communicate(timeout=60)
    assert started.returncode == 130 and "installed  feeds" in said
    assert _timers(linux) == {linux.unit("feeds")} and not _linked(linux)


def test_however_many_jobs_do_not_start_their_timers_come_back(linux: LinuxLaptop) -> None:
    names = ["feeds", "one", "two", "three"]
    _add(linux, {f"{name}.{kind}": text for name in names for kind, text in (("timer", TIMER), ("service", SERVICE))})
    links = _linked(linux)
    ours = f'case "$*" in *" {linux.prefix}."*) exit 1 ;; esac'
    _wrap_systemctl(linux, before=ours, verb="start")
    shown = linux.jobsync("import", "--take-over", *(str(linux.wants / f"{name}.timer") for name in names), status=1)
    assert shown.err.count("not taken over: ") == 4
    assert _timers(linux) == {f"{name}.timer" for name in names} and _linked(linux) == links
    assert not linux.installed() and not list((linux.work / "jobs").iterdir())


def test_where_no_sync_can_be_no_job_stays_beside_a_timer_that_comes_back(linux: LinuxLaptop) -> None:
    links, ledger = _linked(linux), linux.state / "ledger"
    _wrap_systemctl(linux, after=f"rm -f {ledger}; mkdir {ledger}", verb="start")
    assert "not taken over: " in linux.jobsync("import", "--take-over", f"{linux.wants}/feeds.timer", status=1).err
    assert _timers(linux) == {"feeds.timer"} and _linked(linux) == links
    assert not linux.installed() and not list(linux.wants.glob(f"*.wants/{linux.prefix}.*"))
