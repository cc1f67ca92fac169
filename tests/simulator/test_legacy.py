"""load, unload, start, stop, remove: act on the caller's session, and hide their failures."""

from .conftest import MakeMac
from .mac import Mac, Reply, until

LONG = "exec sleep 100"
MISSING = Reply(113, "", 'Could not find service "a.b" in domain for port\n')


def test_load_and_unload_work_without_a_domain(mac: Mac) -> None:
    path = mac.plist("a.b")
    assert mac.launchctl("load", path) == Reply(0, "", "")
    assert mac.is_loaded("a.b")
    assert mac.launchctl("unload", path) == Reply(0, "", "")
    assert not mac.is_loaded("a.b")


def test_their_failures_exit_0_with_a_hint(mac: Mac) -> None:
    path = mac.plist("a.b")
    assert mac.launchctl("unload", path) == Reply(
        0, "", "Unload failed: 5: Input/output error\nTry running `launchctl bootout` as root for richer errors.\n"
    )
    assert mac.launchctl("load", "/nowhere.plist") == Reply(
        0, "", "Load failed: 5: Input/output error\nTry running `launchctl bootstrap` as root for richer errors.\n"
    )


def test_force_does_not_bypass_the_mode(mac: Mac) -> None:
    path = mac.plist("a.b")
    path.chmod(0o666)
    assert mac.launchctl("load", "-F", path).err.startswith("Load failed: 5")
    assert not mac.is_loaded("a.b")


def test_root_is_warned_of_an_agent_and_a_user_of_a_daemon(make_mac: MakeMac) -> None:
    root = make_mac("root", caller="root")
    path = root.plist("a.b")
    for verb, modern in (("load", "bootstrap"), ("unload", "bootout")):
        assert root.launchctl(verb, path) == Reply(
            0,
            "",
            "Warning: Expecting a LaunchDaemons path since the command was ran as root. Got LaunchAgents instead.\n"
            f"`launchctl {modern}` is a recommended alternative.\n",
        )
    assert not root.is_loaded("a.b")
    mac = make_mac()
    daemons = mac.home / "LaunchDaemons"
    daemons.mkdir()
    said = mac.launchctl("load", mac.plist("a.c", at=daemons / "a.c.plist")).err
    assert said.startswith("Warning: Expecting a LaunchAgents path since the command was ran as user. Got LaunchDaemo")


def test_a_directory_means_all_that_it_holds(mac: Mac) -> None:
    labels = ("a.b", "a.c")
    for label in labels:
        mac.plist(label)
    (mac.agents / "notes.txt").touch()
    assert mac.launchctl("load", mac.agents) == Reply(0, "", "")
    assert all(map(mac.is_loaded, labels))
    assert mac.launchctl("unload", "Library/LaunchAgents") == Reply(0, "", "")
    assert not any(map(mac.is_loaded, labels))


def test_w_writes_the_override(mac: Mac) -> None:
    path = mac.plist("a.b")
    mac.launchctl("load", path)
    mac.launchctl("unload", "-w", "-D", "user", path)
    assert '"a.b" => disabled' in mac.launchctl("print-disabled", "gui/501").out
    assert mac.launchctl("load", path).err.startswith("Load failed: 5")
    assert mac.launchctl("load", "-wF", path) == Reply(0, "", "")
    assert '"a.b" => enabled' in mac.launchctl("print-disabled", "gui/501").out


def test_start_and_stop(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG)
    assert mac.launchctl("start", "a.b") == Reply(0, "", "")
    mac.until_pid("a.b")
    assert mac.launchctl("start", "a.b") == Reply(0, "", "")
    assert mac.launchctl("stop", "a.b") == Reply(0, "", "")
    until(lambda: mac.value("a.b", "last terminating signal") == "Terminated: 15")
    assert mac.launchctl("stop", "a.b") == Reply(0, "", "")


def test_start_and_stop_of_what_is_missing_is_113(mac: Mac) -> None:
    assert mac.launchctl("start", "a.b") == MISSING
    assert mac.launchctl("stop", "a.b") == MISSING
    assert mac.launchctl("list", "a.b") == MISSING


def test_remove_is_0_even_when_absent(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.launchctl("remove", "a.b") == Reply(0, "", "")
    assert mac.launchctl("remove", "a.b") == Reply(0, "", "")
    mac.until_gone("a.b")
    assert mac.launchctl("remove", "a.b") == Reply(0, "", "")


def test_the_session_decides_where_they_act(mac: Mac) -> None:
    path = mac.plist("a.b", LimitLoadToSessionType=["Aqua", "Background"])
    mac.launchctl("load", path, SSH_TTY="x")
    assert not mac.is_loaded("a.b")
    assert mac.launchctl("print", "user/501/a.b").status == 0
