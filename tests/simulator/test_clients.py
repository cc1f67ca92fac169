"""Clients that were written for launchd, driven against the simulator as they are."""

import subprocess

from .conftest import MakeMac
from .mac import Mac, until

_RELOAD = """
label=$1 plist=$2 domain=gui/501
if launchctl print "$domain/$label" >/dev/null 2>&1; then
    launchctl bootout "$domain/$label"
    while launchctl print "$domain/$label" >/dev/null 2>&1; do sleep 0.1; done
fi
launchctl bootstrap "$domain" "$plist"
launchctl print "$domain/$label" | grep -q "path = $plist"
"""
_RELOAD_WITHOUT_WAITING = """
launchctl bootout "gui/501/$1"
launchctl bootstrap gui/501 "$2"
"""


def shell(mac: Mac, script: str, *args: object) -> int:
    """Run a script with the simulated launchctl on PATH."""
    path = f"{mac.simulator.launchctl.parent}:/usr/bin:/bin"
    argv = ["/bin/sh", "-eu", "-c", script, "client", *map(str, args)]
    return subprocess.run(argv, env={"PATH": path}, capture_output=True, timeout=60).returncode


def test_a_client_that_waits_for_absence_reloads_a_running_job(mac: Mac) -> None:
    path = mac.plist("a.b", "exec sleep 100", RunAtLoad=True)
    assert shell(mac, _RELOAD, "a.b", path) == 0
    before = mac.until_pid("a.b")
    assert shell(mac, _RELOAD, "a.b", path) == 0
    assert mac.until_pid("a.b") != before


def test_a_client_that_does_not_wait_fails_as_on_users_machines(mac: Mac) -> None:
    path = mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    assert shell(mac, _RELOAD_WITHOUT_WAITING, "a.b", path) == 5
    mac.until_gone("a.b")


def test_a_job_that_reloads_itself_dies_half_way(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    launchctl = mac.simulator.launchctl
    path = mac.agents / "a.b.plist"
    script = f"{launchctl} bootout gui/501/a.b; sleep 1; {launchctl} bootstrap gui/501 {path}"
    mac.bootstrap("a.b", script)
    mac.launchctl("kickstart", "gui/501/a.b")
    mac.until_gone("a.b")
    until(lambda: "removing service: a.b" in mac.read("../mac/launchd.log"))
    assert ["bootstrap", "gui/501", str(path)] not in mac.simulator.calls()[1:]
