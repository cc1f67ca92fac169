"""`import` of user timers, with a real user manager: the old timer goes, the job comes, nothing runs twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
