"""Login, logout, reboot (docs/simulator.md, rows 12.3)."""

from .conftest import MakeMac
from .mac import DEAF, Mac, until

LONG = "exec sleep 100"


def labels(mac: Mac) -> set[str]:
    return {line.split("\t")[2] for line in mac.launchctl("list").out.splitlines()[1:]}


def test_login_loads_what_lies_in_the_directory(make_mac: MakeMac) -> None:
    mac = make_mac(gui=False)
    mac.plist("a.good", LONG, RunAtLoad=True)
    mac.plist("a.disabled")
    mac.launchctl("disable", "user/501/a.disabled")
    mac.plist("a.default", Disabled=True)
    mac.plist("a.writable").chmod(0o666)
    mac.plist("a.noplist", at=mac.agents / "a.noplist.txt")
    (mac.agents / "broken.plist").write_text("rubbish", encoding="utf-8")
    (mac.agents / "directory.plist").mkdir()
    mac.simulator.login()
    assert labels(mac) == {"a.good"}
    assert mac.value("a.good", "immediate reason") in ("speculative", None)
    mac.until_pid("a.good")


def test_the_login_scan_ignores_symlinks_from_macos_14_on(make_mac: MakeMac) -> None:
    mac = make_mac(gui=False)
    target = mac.plist("a.b", at=mac.home / "elsewhere.plist")
    (mac.agents / "a.b.plist").symlink_to(target)
    mac.simulator.login()
    assert labels(mac) == set()
    mac.simulator.logout()
    mac.simulator.configure(version="13.6")
    mac.simulator.login()
    assert labels(mac) == {"a.b"}


def test_of_two_files_with_one_label_the_first_wins(make_mac: MakeMac) -> None:
    mac = make_mac(gui=False)
    mac.plist("a.b", at=mac.agents / "1.plist")
    mac.plist("a.b", at=mac.agents / "2.plist")
    mac.simulator.login()
    assert mac.value("a.b", "path") == str(mac.agents / "1.plist")


def test_a_file_dropped_in_waits_for_the_next_login(mac: Mac) -> None:
    mac.plist("a.b")
    assert labels(mac) == set()
    mac.simulator.login()
    assert labels(mac) == set()
    mac.simulator.logout()
    mac.simulator.login()
    assert labels(mac) == {"a.b"}


def test_a_removed_file_stays_loaded_until_logout(mac: Mac) -> None:
    mac.bootstrap("a.b").unlink()
    assert labels(mac) == {"a.b"}
    mac.simulator.logout()
    mac.simulator.login()
    assert labels(mac) == set()


def test_a_missing_directory_is_an_empty_one(mac: Mac) -> None:
    mac.agents.rmdir()
    mac.simulator.reboot()
    assert labels(mac) == set()


def test_logout_ends_every_agent_and_keeps_the_overrides(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, KeepAlive=True)
    mac.bootstrap("a.c", DEAF, RunAtLoad=True, ExitTimeOut=1)
    mac.launchctl("disable", "gui/501/x")
    mac.until_pid("a.b")
    mac.until_deaf("a.c")
    mac.simulator.logout()
    assert mac.launchctl("print", "gui/501").status == 125
    assert '"x" => disabled' in mac.launchctl("print-disabled", "user/501").out
    assert "exited due to SIGKILL | sent by launchd[1]" in mac.read("../mac/launchd.log")


def test_during_logout_a_bootstrap_is_124(mac: Mac) -> None:
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=2)
    mac.until_deaf("a.b")
    mac.simulator.logout(wait=False)
    reply = mac.launchctl("bootstrap", "gui/501", mac.plist("a.c"))
    assert (reply.status, reply.err) == (124, "Bootstrap failed: 124: Domain is tearing down\n")
    mac.simulator.login()
    assert labels(mac) == {"a.b", "a.c"}


def test_a_second_logout_is_nothing(mac: Mac) -> None:
    mac.simulator.logout()
    mac.simulator.logout()
    assert mac.launchctl("managername").out == "Background\n"


def test_background_services_live_through_logout_and_end_with_the_boot(mac: Mac) -> None:
    path = mac.plist("a.b", LONG, LimitLoadToSessionType="Background", RunAtLoad=True)
    mac.launchctl("bootstrap", "user/501", path)
    mac.simulator.logout()
    assert mac.launchctl("print", "user/501/a.b").status == 0
    mac.simulator.reboot()
    assert mac.launchctl("print", "user/501/a.b").status == 113


def test_a_machine_without_automatic_login_boots_without_a_gui(make_mac: MakeMac) -> None:
    mac = make_mac(gui=False)
    mac.simulator.reboot()
    assert mac.launchctl("print", "gui/501").status == 125
    mac.simulator.login()
    assert mac.launchctl("print", "gui/501").status == 0


def test_login_runs_run_at_load_jobs_again(mac: Mac) -> None:
    mac.bootstrap("a.b", RunAtLoad=True)
    until(lambda: mac.simulator.runs("a.b") == 1)
    mac.simulator.logout()
    mac.simulator.login()
    until(lambda: mac.simulator.runs("a.b") == 2)
