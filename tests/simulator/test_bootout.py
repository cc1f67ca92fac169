"""bootout: forms, results, and the time it takes until a job is gone (docs/simulator.md, rows 4)."""

import os
import signal

import pytest

from .conftest import MakeMac
from .mac import DEAF, HINT, Mac, Reply, is_alive, until

GENERIC = Reply(5, "", f"Boot-out failed: 5: Input/output error\n{HINT}")
NO_SUCH = Reply(3, "", "Boot-out failed: 3: No such process\n")


def test_a_job_without_a_process_is_gone_at_once(mac: Mac) -> None:
    path = mac.bootstrap("a.b")
    assert mac.launchctl("bootout", "gui/501/a.b") == Reply(0, "", "")
    assert not mac.is_loaded("a.b")
    assert mac.launchctl("bootstrap", "gui/501", path).status == 0


def test_a_label_that_is_not_loaded_is_3(mac: Mac) -> None:
    assert mac.launchctl("bootout", "gui/501/a.b") == NO_SUCH


def test_a_path_that_is_not_loaded_is_5(mac: Mac) -> None:
    assert mac.launchctl("bootout", "gui/501", mac.plist("a.b")) == GENERIC


def test_a_path_that_is_loaded_is_found_by_its_label(mac: Mac) -> None:
    path = mac.bootstrap("a.b")
    assert mac.launchctl("bootout", "gui/501", path) == Reply(0, "", "")
    assert not mac.is_loaded("a.b")


def test_a_path_that_does_not_exist_is_5_and_2_for_root(make_mac: MakeMac) -> None:
    assert make_mac().launchctl("bootout", "gui/501", "/x.plist") == GENERIC
    assert make_mac("root", caller="root").launchctl("bootout", "gui/501", "/x.plist") == Reply(
        2, "", "/x.plist: No such file or directory\nBoot-out failed: 2: No such file or directory\n"
    )


def test_a_path_that_is_no_plist_is_109_for_root(make_mac: MakeMac) -> None:
    root = make_mac(caller="root")
    path = root.home / "x.plist"
    path.write_text("rubbish", encoding="utf-8")
    assert root.launchctl("bootout", "gui/501", path) == Reply(109, "", "Boot-out failed: 109: Invalid property list\n")


def test_several_paths_give_the_one_failure_or_133(mac: Mac) -> None:
    one, two = mac.bootstrap("a.one"), mac.plist("a.two")
    assert mac.launchctl("bootout", "gui/501", one, two) == GENERIC
    assert mac.launchctl("bootout", "gui/501", one, two).status == 133
    paths = mac.bootstrap("a.three"), mac.bootstrap("a.four")
    assert mac.launchctl("bootout", "gui/501", *paths) == Reply(0, "", "")


def test_a_running_job_gets_term_and_stays_registered_until_it_is_reaped(mac: Mac) -> None:
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=1)
    pid = mac.until_deaf("a.b")
    assert mac.launchctl("bootout", "gui/501/a.b").status == 0
    assert mac.value("a.b", "state") == "SIGTERMed"
    assert mac.value("a.b", "pid") == str(pid)
    mac.until_gone("a.b")
    assert not is_alive(pid)


def test_a_bootstrap_during_the_teardown_is_refused(mac: Mac) -> None:
    path = mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=1)
    mac.until_deaf("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    assert mac.launchctl("bootstrap", "gui/501", path) == Reply(
        5, "", f"Bootstrap failed: 5: Input/output error\n{HINT}"
    )
    mac.until_gone("a.b")
    assert mac.launchctl("bootstrap", "gui/501", path).status == 0


def test_an_immediate_bootstrap_is_refused_even_where_the_job_ends_at_once(make_mac: MakeMac) -> None:
    mac = make_mac(teardown=1.0)
    path = mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    pid = mac.until_pid("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    until(lambda: not is_alive(pid))
    assert mac.launchctl("bootstrap", "gui/501", path).status == 5
    mac.until_gone("a.b")


def test_a_second_bootout_during_the_teardown_is_37(mac: Mac) -> None:
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=1)
    mac.until_deaf("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    assert mac.launchctl("bootout", "gui/501/a.b") == Reply(
        37, "", "Boot-out failed: 37: Operation already in progress\n"
    )


def test_after_the_exit_timeout_the_whole_group_is_killed(mac: Mac) -> None:
    script = f"echo $$ > pids; (set -m; sh -c '{DEAF}' & echo $! >> pids); {DEAF}"
    mac.bootstrap("a.b", script, RunAtLoad=True, ExitTimeOut=1, WorkingDirectory=str(mac.home))
    until(lambda: len(mac.read("pids").split()) == 2)
    pids = [int(word) for word in mac.read("pids").split()]
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_an_exit_timeout_of_0_waits_for_ever(mac: Mac) -> None:
    slow = DEAF.replace("''", "'sleep 1.5; exit 0'")
    mac.bootstrap("a.b", slow, RunAtLoad=True, ExitTimeOut=0)
    mac.until_deaf("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    assert "exited due to exit(0)" in mac.read("../mac/launchd.log")


def test_up_to_macos_11_bootout_of_a_running_job_reports_36(make_mac: MakeMac) -> None:
    mac = make_mac(version="11.7")
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("bootout", "gui/501/a.b") == Reply(36, "", "Boot-out failed: 36: Operation now in progress\n")
    mac.until_gone("a.b")


@pytest.mark.parametrize("version", ["14.7", "15.7.9"])
def test_wait_is_a_usage_error_before_macos_26_and_stops_nothing(make_mac: MakeMac, version: str) -> None:
    mac = make_mac(version=version)
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("bootout", "--wait", "gui/501/a.b").status == 64
    assert mac.value("a.b", "state") == "running"


def test_wait_answers_when_the_job_is_gone(make_mac: MakeMac) -> None:
    mac = make_mac(version="26.5.1")
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=1)
    mac.until_deaf("a.b")
    assert mac.launchctl("bootout", "--wait", "gui/501/a.b") == Reply(0, "", "")
    assert not mac.is_loaded("a.b")
    assert mac.launchctl("bootout", "--wait", "gui/501/a.b") == NO_SUCH


def test_wait_blocks_as_long_as_the_job_may(make_mac: MakeMac) -> None:
    mac = make_mac(version="26.5")
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=0)
    pid = mac.until_deaf("a.b")
    waiting = mac.background("bootout", "--wait", "gui/501/a.b")
    mac.until_state("a.b", "SIGTERMed")
    assert waiting.poll() is None
    os.kill(pid, signal.SIGKILL)
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0


def test_wait_takes_a_single_service_only(make_mac: MakeMac) -> None:
    mac = make_mac(version="26.5")
    expected = Reply(64, "", "--wait can only be used for booting-out a single service.\n")
    assert mac.launchctl("bootout", "--wait", "gui/501") == expected
    assert mac.launchctl("bootout", "--wait", "gui/501/a.b", "gui/501/a.c") == expected


def test_plain_bootout_waits_where_that_is_set(make_mac: MakeMac) -> None:
    mac = make_mac(bootout_waits=True)
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("bootout", "gui/501/a.b").status == 0
    assert not mac.is_loaded("a.b")


def test_bootout_of_a_whole_domain_takes_all_of_it(mac: Mac) -> None:
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("bootout", "gui/501").status == 0
    until(lambda: mac.launchctl("print", "gui/501").status == 125)


def test_a_job_that_is_booted_out_while_it_is_spawned_gets_its_term(make_mac: MakeMac) -> None:
    mac = make_mac(teardown=0.0)
    path = mac.plist("a.b", "exec sleep 100", RunAtLoad=True)
    for _ in range(25):
        mac.launchctl("bootstrap", "gui/501", path)
        mac.launchctl("bootout", "gui/501/a.b")
        mac.until_gone("a.b")
    assert "Killed: 9" not in mac.read("../mac/launchd.log")


def test_the_log_tells_the_teardown(mac: Mac) -> None:
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    log = mac.read("../mac/launchd.log")
    lines = ("bootout initiated by: launchctl[", "scheduling cleanup in 5 sec after sending Terminated: 15")
    places = [
        log.index(line)
        for line in (*lines, "exited due to SIGTERM | sent by launchd[1], ran for ", "removing service: a.b")
    ]
    assert places == sorted(places)
