"""kickstart and kill (docs/simulator.md, rows 5.1 and 5.2)."""

import os
import pty
import subprocess

import pytest

from .conftest import MakeMac
from .mac import DEAF, Mac, Reply, until

MISSING = 'Could not find service "a.b" in domain for user gui: 501\n'
LONG = "exec sleep 100"


def test_kickstart_starts_a_job_that_nothing_else_starts(mac: Mac) -> None:
    mac.bootstrap("a.b", f"touch {mac.home}/ran")
    assert mac.launchctl("kickstart", "gui/501/a.b") == Reply(0, "", "")
    until((mac.home / "ran").exists)


def test_the_reason_of_a_kicked_job_is_a_demand(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG)
    mac.launchctl("kickstart", "gui/501/a.b")
    mac.until_pid("a.b")
    assert mac.value("a.b", "immediate reason") == "non-ipc demand"


def test_kickstart_of_a_running_job_is_a_silent_37(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("kickstart", "gui/501/a.b") == Reply(37, "", "")
    mac.simulator.configure(running_kickstart_code=0)
    assert mac.launchctl("kickstart", "gui/501/a.b") == Reply(0, "", "")


def test_kickstart_k_replaces_the_process(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True, ThrottleInterval=1)
    before = mac.until_pid("a.b")
    assert mac.launchctl("kickstart", "-k", "gui/501/a.b") == Reply(0, "", "")
    until(lambda: mac.value("a.b", "pid") not in (None, str(before)))
    assert mac.value("a.b", "last terminating signal") == "Terminated: 15"


def test_kickstart_p_prints_the_pid(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG)
    reply = mac.launchctl("kickstart", "-p", "gui/501/a.b")
    assert reply == Reply(0, f"{mac.value('a.b', 'pid')}\n", "")


def test_kickstart_kp_prints_the_new_pid(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True, ThrottleInterval=1)
    before = mac.until_pid("a.b")
    reply = mac.launchctl("kickstart", "-kp", "gui/501/a.b")
    assert int(reply.out) != before


def test_kickstart_p_speaks_in_words_on_a_terminal(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG)
    ours, theirs = pty.openpty()
    subprocess.run([mac.simulator.launchctl, "kickstart", "-p", "gui/501/a.b"], stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    said = os.read(ours, 100).decode()
    os.close(ours)
    assert said == f"service spawned with pid: {mac.value('a.b', 'pid')}\r\n"


def test_kickstart_p_of_a_job_that_is_booted_out_meanwhile_ends(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", RunAtLoad=True)
    until(lambda: mac.value("a.b", "last exit code") == "0")
    kick = mac.background("kickstart", "-p", "gui/501/a.b")
    mac.until_state("a.b", "spawn scheduled")
    mac.launchctl("bootout", "gui/501/a.b")
    kick.communicate(timeout=60)
    assert kick.returncode == 113


def test_kickstart_s_starts_the_job_suspended(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG)
    mac.launchctl("kickstart", "-s", "gui/501/a.b")
    assert mac.value("a.b", "started suspended") == "1"
    assert mac.value("a.b", "state") == "xpcproxy"
    mac.launchctl("kill", "CONT", "gui/501/a.b")
    mac.until_pid("a.b")


def test_kickstart_of_what_is_not_loaded_is_113(mac: Mac) -> None:
    assert mac.launchctl("kickstart", "gui/501/a.b") == Reply(113, "", MISSING)


def test_kickstart_of_a_disabled_job_that_is_loaded_is_119(mac: Mac) -> None:
    mac.bootstrap("a.b")
    mac.launchctl("disable", "gui/501/a.b")
    assert mac.launchctl("kickstart", "gui/501/a.b") == Reply(
        119, "", 'Could not kickstart service "a.b": 119: Service is disabled\n'
    )


def test_kickstart_does_not_read_the_plist_again(mac: Mac) -> None:
    mac.bootstrap("a.b", f"echo old >> {mac.home}/out")
    mac.plist("a.b", f"echo new >> {mac.home}/out")
    mac.launchctl("kickstart", "-k", "gui/501/a.b")
    until(lambda: mac.read("out") == "old\n")


def test_kickstart_is_bound_by_the_throttle(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", RunAtLoad=True)
    until(lambda: mac.value("a.b", "last exit code") == "0")
    for flags in ((), ("-k",)):
        assert mac.launchctl("kickstart", *flags, "gui/501/a.b").status == 0
        assert mac.value("a.b", "state") == "spawn scheduled"
        assert mac.value("a.b", "runs") == "1"
    mac.simulator.advance(10)
    assert mac.value("a.b", "runs") == "2"


def test_kickstart_k_skips_the_throttle_where_that_is_set(make_mac: MakeMac) -> None:
    mac = make_mac(still=True, kick_skips_throttle=True)
    mac.bootstrap("a.b", RunAtLoad=True)
    until(lambda: mac.value("a.b", "last exit code") == "0")
    mac.launchctl("kickstart", "-k", "gui/501/a.b")
    until(lambda: mac.value("a.b", "runs") == "2")


def test_kickstart_during_the_teardown_starts_nothing(mac: Mac) -> None:
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=1)
    mac.until_deaf("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    assert mac.launchctl("kickstart", "-k", "gui/501/a.b").status == 37
    mac.until_gone("a.b")


def test_kill_signals_the_process(mac: Mac) -> None:
    mac.bootstrap("a.b", f"trap 'echo usr1 >> {mac.home}/out' USR1; echo up >> {mac.home}/out; sleep 30 & wait; wait")
    mac.launchctl("kickstart", "gui/501/a.b")
    until(lambda: mac.read("out") == "up\n")
    assert mac.launchctl("kill", "30", "gui/501/a.b").status == 0
    until(lambda: mac.read("out") == "up\nusr1\n")


@pytest.mark.parametrize("name", ["9", "KILL", "SIGKILL", "-KILL"])
def test_kill_takes_numbers_and_names(mac: Mac, name: str) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("kill", name, "gui/501/a.b").status == 0
    until(lambda: mac.value("a.b", "last terminating signal") == "Killed: 9")


def test_kill_without_a_process_is_3(mac: Mac) -> None:
    mac.bootstrap("a.b")
    assert mac.launchctl("kill", "TERM", "gui/501/a.b") == Reply(3, "", "No process to signal.\n")


def test_kill_with_no_signal_is_64(mac: Mac) -> None:
    reply = mac.launchctl("kill", "SIGNOTHING", "gui/501/a.b")
    assert reply.status == 64
    assert reply.err.startswith("Invalid signal.\nUsage: launchctl kill ")


def test_kill_of_what_is_not_loaded_is_113(mac: Mac) -> None:
    assert mac.launchctl("kill", "TERM", "gui/501/a.b") == Reply(113, "", MISSING)


def test_a_killed_job_that_is_kept_alive_comes_back(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, KeepAlive=True, ThrottleInterval=1)
    before = mac.until_pid("a.b")
    mac.launchctl("kill", "KILL", "gui/501/a.b")
    until(lambda: mac.value("a.b", "pid") not in (None, str(before)))


def test_blame_tells_why_a_job_runs(mac: Mac) -> None:
    mac.bootstrap("a.b", "exec sleep 100")
    assert mac.launchctl("blame", "gui/501/a.b") == Reply(3, "", "No process to signal.\n")
    mac.launchctl("kickstart", "gui/501/a.b")
    mac.until_pid("a.b")
    assert mac.launchctl("blame", "gui/501/a.b") == Reply(0, "non-ipc demand\n", "")
    missing = 'Could not find service "a.c" in domain for user gui: 501\n'
    assert mac.launchctl("blame", "gui/501/a.c") == Reply(113, "", missing)
    assert mac.launchctl("blame", "gui/501").status == 64
