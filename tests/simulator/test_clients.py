"""Clients that were written for launchd, driven against the simulator as they are."""

import json
import plistlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobsync.simulator import Simulator

from .conftest import MakeMac
from .mac import Mac, own_uid, until

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


_CLIENT = Path(__file__).parents[2] / ".tools" / "launchd-client"
_DRIVE = """
import json, sys
from launchd_audit import actions, discovery, runtime

def look():
    job = next(job for job in discovery.scan_launchd([]) if job.id == sys.argv[1])
    runtime.merge_runtime(job, runtime.launchctl_disabled_overrides())
    runtime.merge_print_details(job, runtime.launchctl_print(job.id))
    return job

said = None
if len(sys.argv) > 2:
    job = look()
    said = actions.apply_action(job, actions.plan_action(job, sys.argv[2]))["all_ok"]
found = look().to_dict() if said is None or sys.argv[2] != "remove" else runtime.launchctl_print(sys.argv[1])
print(json.dumps([said, found]))
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


def test_a_client_that_does_not_wait_fails_as_on_users_machines(make_mac: MakeMac) -> None:
    # Long: on a busy machine the second of two calls in a row may come much later than the first.
    mac = make_mac(teardown=2.0)
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


# -- launchd-audit from PyPI, which parses `list`, `print` and `print-disabled` and drives six verbs


class Audit:
    """That client, with the simulated launchctl first on PATH."""

    def __init__(self, simulator: Simulator, home: Path) -> None:
        self.simulator = simulator
        self.plist = home / "Library" / "LaunchAgents" / "com.example.web.plist"
        self.plist.write_bytes(plistlib.dumps({"Label": "com.example.web", "ProgramArguments": ["/bin/sleep", "100"]}))
        path = f"{simulator.launchctl.parent}:/usr/bin:/bin"
        self._environment = {"PATH": path, "HOME": str(home), "PYTHONPATH": str(_CLIENT)}

    def __call__(self, *action: str) -> Any:
        """What it says of its action, and what it sees of the job afterwards."""
        argv = [sys.executable, "-c", _DRIVE, "com.example.web", *action]
        done = subprocess.run(argv, env=self._environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def bootstrap(self) -> None:
        """Load the job, as its user does by hand."""
        domain = f"gui/{own_uid()}"
        subprocess.run([self.simulator.launchctl, "bootstrap", domain, self.plist], check=True, timeout=60)

    def until(self, key: str, value: object) -> None:
        """Look until it sees that."""
        until(lambda: self()[1][key] == value, f"{key} = {value}")


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    if not _CLIENT.is_dir():
        pytest.skip("launchd-audit is not installed: .ci/install-launchd-client could not reach a package registry")
    with Simulator.start(tmp_path / "mac", tmp_path / "home") as simulator:
        yield Audit(simulator, tmp_path / "home")


def test_a_client_from_the_registry_starts_stops_and_removes_a_job(audit: Audit) -> None:
    assert audit()[1]["state"] == "not-loaded"
    audit.bootstrap()
    assert audit()[1]["state"] == "idle"
    assert audit()[1]["last_exit"] is None
    assert audit("start")[0] is True
    audit.until("state", "running")
    assert audit()[1]["runs"] == 1
    assert audit("stop")[0] is True
    audit.until("last_exit", -15)
    assert audit("remove") == [True, {}]
    assert not audit.plist.exists()


def test_what_it_knows_of_disabling_is_from_before_13(audit: Audit) -> None:
    """It looks for `true` and `false`: right up to macOS 12, and later the override is there but not seen."""
    audit.simulator.configure(version="12.7")
    assert audit("disable")[1]["state"] == "disabled"
    audit.simulator.configure(version="15.5")
    assert audit()[1]["state"] == "not-loaded"
    assert audit("enable")[0] is True
