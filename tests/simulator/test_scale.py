"""Many jobs, and a daemon that does nothing while nothing is due."""

import os
from pathlib import Path

from .conftest import MakeMac
from .mac import Mac, until

JOBS = 500


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_five_hundred_jobs_and_an_hour_with_every_run_accounted_for(make_mac: MakeMac) -> None:
    mac = make_mac(still=True, dry=True, tz="UTC")
    folder = mac.home / "many"
    folder.mkdir()
    for number in range(JOBS):
        mac.plist(f"a.job{number}", at=folder / f"{number}.plist", StartCalendarInterval=[{"Minute": number % 60}])
    assert mac.launchctl("bootstrap", "gui/501", folder).status == 0
    mac.simulator.advance(3600)
    end = mac.simulator.now()
    for number in range(JOBS):
        (start,) = mac.simulator.starts(f"a.job{number}")
        assert end - 3600 < start <= end
        assert start % 3600 == number % 60 * 60
    assert mac.launchctl("list").out.count("\n") == JOBS + 1


def test_many_jobs_really_run_at_once(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    folder = mac.home / "many"
    folder.mkdir()
    for number in range(60):
        script = f"echo {number} >> {mac.home}/out"
        mac.plist(f"a.job{number}", script, at=folder / f"{number}.plist", StartInterval=60)
    assert mac.launchctl("bootstrap", "gui/501", folder).status == 0
    mac.simulator.advance(120)
    assert sorted(map(int, mac.read("out").split())) == sorted([*range(60), *range(60)])


def test_an_idle_daemon_does_not_turn(mac: Mac) -> None:
    mac.bootstrap(
        "a.b", "sleep 0.5", StartCalendarInterval={"Minute": 0, "Hour": 0, "Month": 1, "Day": 1}, RunAtLoad=True
    )
    before = cpu_ticks(mac.simulator.pid)
    until(lambda: "exited due to exit(0)" in mac.read("../mac/launchd.log"))
    spent = (cpu_ticks(mac.simulator.pid) - before) / os.sysconf("SC_CLK_TCK")
    assert spent < 0.25
