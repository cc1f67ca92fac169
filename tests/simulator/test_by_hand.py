"""A simulator as a person handles it from another shell."""

import contextlib
import io
import json
import subprocess
import sys
from typing import Any

import pytest

from jobsync.simulator.__main__ import main

from ..programs import beside
from .conftest import MakeMac
from .mac import Mac, is_alive, until


def by_hand(mac: Mac, *words: str) -> tuple[int, Any, str]:
    """`python -m jobsync.simulator DIRECTORY WORDS`: status, what it printed, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(mac.simulator.directory), *words])
        except SystemExit as misuse:
            status = int(misuse.code or 0)
    return status, json.loads(out.getvalue() or "null"), err.getvalue()


def does(mac: Mac, *words: str) -> Any:
    status, said, trouble = by_hand(mac, *words)
    assert (status, trouble) == (0, "")
    return said


def test_a_verb_is_spoilt_twice(mac: Mac) -> None:
    assert does(mac, "fault", "bootstrap", "--code", "5", "--times", "2") is None
    path = mac.plist("a.b")
    assert [mac.launchctl("bootstrap", "gui/501", path).status for _ in range(3)] == [5, 5, 0]


def test_it_is_a_program(mac: Mac) -> None:
    argv = [sys.executable, "-m", "jobsync.simulator", str(mac.simulator.directory), "pid"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"pid": mac.simulator.pid})
    mac.simulator.stop()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jobsync.simulator: no simulated launchd is running in ")


def test_a_verb_is_spoilt_until_that_is_cleared(mac: Mac) -> None:
    does(mac, "fault", "*", "--code", "125", "--after", "1", "--times", "forever")
    assert [mac.launchctl("managername").status for _ in range(3)] == [0, 125, 125]
    does(mac, "clear-faults")
    assert mac.launchctl("managername").status == 0


def test_starts_and_ends_are_spoilt(mac: Mac) -> None:
    does(mac, "pend", "a.pended", "--held-as", "inefficient")
    does(mac, "fail-spawn", "a.killed", "--reason", "OS_REASON_DYLD")
    does(mac, "remove-at-spawn", "a.removed")
    does(mac, "ignore-term", "a.stubborn")
    for label in ("a.pended", "a.killed", "a.removed", "a.stubborn"):
        mac.bootstrap(label, "exec sleep 100", RunAtLoad=True, ExitTimeOut=1)
    mac.until_pid("a.stubborn")
    assert mac.value("a.pended", "pended nondemand spawn") == "inefficient"
    assert mac.value("a.killed", "last exit reason") == "OS_REASON_DYLD"
    mac.until_gone("a.removed")
    mac.launchctl("bootout", "gui/501/a.stubborn")
    assert mac.value("a.stubborn", "state") == "SIGTERMed"


def test_time_and_sessions_are_moved(make_mac: MakeMac) -> None:
    mac = make_mac(still=True, dry=True)
    mac.bootstrap("a.b", StartInterval=60)
    before = does(mac, "now")["now"]
    assert does(mac, "advance", "120") == {"now": before + 120}
    assert does(mac, "starts", "a.b") == {"starts": [before + 60, before + 120]}
    assert does(mac, "sleep", "300")["now"] == before + 420
    assert does(mac, "power-off", "80")["now"] == before + 500
    assert does(mac, "set-time", "2026-03-29T01:59+01:00") == {"now": 1774745940.0}
    assert does(mac, "settle") == {"settled": True}
    does(mac, "logout")
    assert mac.launchctl("print", "gui/501").status == 125
    does(mac, "login")
    assert mac.launchctl("print", "gui/501").status == 0
    does(mac, "reboot")
    does(mac, "login-item", "a.b", "off")
    assert mac.launchctl("bootstrap", "gui/501", mac.agents / "a.b.plist").status == 161
    does(mac, "login-item", "a.b", "on")


def test_settings_are_changed_and_calls_seen(mac: Mac) -> None:
    does(mac, "configure", "version=26.5", "disabled_code=119", "session=background")
    assert mac.launchctl("managername").out == "Background\n"
    assert does(mac, "calls") == {"calls": [["managername"]]}
    does(mac, "clear-calls")
    assert does(mac, "calls") == {"calls": []}
    assert mac.launchctl("bootout", "--wait", "gui/501/a.b").status == 3


def test_a_daemon_is_killed_and_another_goes_on_as_after_a_boot(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.plist("a.b", "exec sleep 100", RunAtLoad=True)
    mac.bootstrap("a.elsewhere", at=mac.home / "elsewhere.plist")
    moment = does(mac, "advance", "3600")["now"]
    assert does(mac, "pid") == {"pid": mac.simulator.pid}
    does(mac, "kill")
    until(lambda: not is_alive(mac.simulator.pid))
    argv = [sys.executable, "-m", "jobsync.simulator", str(mac.simulator.directory), "serve", "--resume"]
    with beside(argv) as again:
        until(lambda: by_hand(mac, "now")[:2] == (0, {"now": moment}))
        mac.until_pid("a.b")
        assert not mac.is_loaded("a.elsewhere")
        does(mac, "stop")
        assert again.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("configure", "colour=red"), "jobsync.simulator: no such setting: colour"),
        (("login-item", "a.b", "sideways"), 'a switch is on or off, not "sideways"'),
        (("dance",), "invalid choice: 'dance'"),
        ((), "the following arguments are required: COMMAND"),
    ],
)
def test_what_cannot_be_done_is_told(mac: Mac, words: tuple[str, ...], said: str) -> None:
    status, _, trouble = by_hand(mac, *words)
    assert status in (1, 2)
    assert said in trouble


def test_a_second_daemon_leaves_the_first_one_its_directory(mac: Mac) -> None:
    status, _, said = by_hand(mac, "serve")
    assert status == 1 and "runs in" in said and "already" in said
    assert does(mac, "now")["now"] > 0


def test_a_directory_without_a_clock_cannot_go_on(mac: Mac) -> None:
    mac.simulator.stop()
    (mac.simulator.directory / "clock.json").unlink()
    assert "clock.json holds no clock to go on with" in by_hand(mac, "serve", "--resume")[2]
