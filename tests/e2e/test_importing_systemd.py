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
            machine.manager.systemctl("enable", "--now", "feeds.timer")
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
