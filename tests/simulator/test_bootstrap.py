"""bootstrap: what launchd refuses, in which order, and what of it a caller sees (docs/simulator.md, rows 3)."""

from pathlib import Path

import pytest

from .conftest import MakeMac
from .mac import HINT, Mac, Reply

GENERIC = Reply(5, "", f"Bootstrap failed: 5: Input/output error\n{HINT}")


@pytest.fixture
def root(make_mac: MakeMac) -> Mac:
    """A Mac whose caller is root and sees the inner codes."""
    return make_mac("root", caller="root")


def load(mac: Mac, path: Path | str) -> Reply:
    return mac.launchctl("bootstrap", "gui/501", path)


def test_a_relative_path_is_relative_to_the_caller(mac: Mac) -> None:
    mac.plist("a.b")
    assert load(mac, "Library/LaunchAgents/a.b.plist") == Reply(0, "", "")
    assert mac.value("a.b", "path") == str(mac.agents / "a.b.plist")


def test_a_loaded_label_is_5_for_users_and_37_inside(mac: Mac) -> None:
    path = mac.bootstrap("a.b")
    assert load(mac, path) == GENERIC
    assert "failed (37: Operation already in progress)" in mac.read("../mac/launchd.log")


def test_a_label_loaded_from_another_path_is_17_inside(mac: Mac) -> None:
    mac.bootstrap("a.b")
    assert load(mac, mac.plist("a.b", at=mac.agents / "other.plist")) == GENERIC
    assert "failed (17: File exists)" in mac.read("../mac/launchd.log")


def test_root_sees_that_a_label_is_loaded_already(root: Mac) -> None:
    path = root.bootstrap("a.b")
    already = f"{path}: service already bootstrapped\n"
    assert load(root, path) == Reply(5, "", already + "Bootstrap failed: 5: Input/output error\n")
    root.simulator.configure(version="13.4")
    assert load(root, path) == Reply(37, "", already + "Bootstrap failed: 37: Operation already in progress\n")


def test_root_sees_that_another_file_has_the_label(root: Mac) -> None:
    root.bootstrap("a.b")
    path = root.plist("a.b", at=root.agents / "other.plist")
    assert load(root, path) == Reply(
        17, "", f"{path}: service already bootstrapped\nBootstrap failed: 17: File exists\n"
    )


def test_a_disabled_label_is_5_for_users_unless_it_is_set_to_119(mac: Mac) -> None:
    path = mac.plist("a.b")
    mac.launchctl("disable", "gui/501/a.b")
    assert load(mac, path) == GENERIC
    mac.simulator.configure(disabled_code=119)
    assert load(mac, path) == Reply(119, "", "Bootstrap failed: 119: Service is disabled\n")


def test_root_sees_that_a_label_is_disabled(root: Mac) -> None:
    path = root.plist("a.b", Disabled=True)
    assert load(root, path) == Reply(
        119, "", f"{path}: Service is disabled\nBootstrap failed: 119: Service is disabled\n"
    )


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_122(root: Mac, mode: int) -> None:
    path = root.plist("a.b")
    path.chmod(mode)
    words = "Path had bad ownership/permissions"
    assert load(root, path) == Reply(122, "", f"{path}: {words}\nBootstrap failed: 122: {words}\n")


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444])
def test_a_file_that_only_its_owner_may_write_is_accepted(mac: Mac, mode: int) -> None:
    path = mac.plist("a.b")
    path.chmod(mode)
    assert load(mac, path).status == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", 109),
        (b"no plist at all", 109),
        (b"<?xml version='1.0'?><plist><dict><key>Label</key></plist>", 109),
        (b"<?xml version='1.0'?><plist version='1.0'><array/></plist>", 109),
        (b"<?xml version='1.0'?><plist version='1.0'><dict/></plist>", 110),
        (b"<?xml version='1.0'?><plist version='1.0'><dict><key>Label</key><string/></dict></plist>", 110),
        (b"<?xml version='1.0'?><plist version='1.0'><dict><key>Label</key><integer>1</integer></dict></plist>", 110),
        (b"<?xml version='1.0'?><plist version='1.0'><dict><key>Label</key><string>a</string></dict></plist>", 111),
    ],
)
def test_what_is_no_job_is_109_to_111(root: Mac, content: bytes, code: int) -> None:
    path = root.agents / "x.plist"
    path.write_bytes(content)
    path.chmod(0o644)
    assert load(root, path).status == code


def test_every_flaw_of_a_file_is_5_for_users(mac: Mac) -> None:
    assert load(mac, mac.agents / "missing.plist") == GENERIC
    path = mac.plist("a.b")
    path.chmod(0o666)
    assert load(mac, path) == GENERIC
    path.write_bytes(b"rubbish")
    path.chmod(0o644)
    assert load(mac, path) == GENERIC


def test_a_missing_file_is_2_for_root(root: Mac) -> None:
    assert load(root, "/nowhere/a.plist") == Reply(
        2, "", "/nowhere/a.plist: No such file or directory\nBootstrap failed: 2: No such file or directory\n"
    )


def test_a_label_of_apples_is_refused(root: Mac, mac: Mac) -> None:
    assert load(root, root.plist("com.apple.mine")).status == 154
    assert load(mac, mac.plist("com.apple.mine")) == GENERIC


def test_the_checks_come_in_launchds_order(root: Mac) -> None:
    """Mode before parsing, parsing before session, session before disabled, disabled before known."""
    path = root.bootstrap("a.b")
    root.launchctl("disable", "gui/501/a.b")
    assert load(root, path).status == 119
    root.plist("a.b", LimitLoadToSessionType="Background")
    assert load(root, path).status == 134
    path.write_bytes(b"rubbish")
    assert load(root, path).status == 109
    path.chmod(0o666)
    assert load(root, path).status == 122
    path.unlink()
    assert load(root, path).status == 2


def test_the_hint_about_root_begins_with_macos_12(make_mac: MakeMac) -> None:
    old = make_mac(version="11.7")
    assert load(old, "/nowhere.plist") == Reply(5, "", "Bootstrap failed: 5: Input/output error\n")
    old.simulator.configure(version="12.0")
    assert load(old, "/nowhere.plist") == GENERIC


def test_a_label_with_a_slash_can_be_loaded_and_never_named(mac: Mac) -> None:
    assert load(mac, mac.plist("a/b", at=mac.agents / "x.plist")).status == 0
    assert "\ta/b\n" in mac.launchctl("list").out
    assert mac.launchctl("print", "gui/501/a/b").status == 64


def test_a_symlink_is_followed_by_an_explicit_bootstrap(mac: Mac) -> None:
    target = mac.plist("a.b", at=mac.home / "elsewhere.plist")
    link = mac.agents / "a.b.plist"
    link.symlink_to(target)
    assert load(mac, link).status == 0


def test_the_name_of_the_file_does_not_matter(mac: Mac) -> None:
    assert load(mac, mac.plist("a.b", at=mac.agents / "something.agent.plist")).status == 0
    assert mac.is_loaded("a.b")


def test_a_directory_loads_each_plist_and_several_failures_are_133(mac: Mac) -> None:
    folder = mac.home / "folder"
    folder.mkdir()
    mac.plist("a.one", at=folder / "1.plist")
    mac.plist("a.two", at=folder / "2.plist")
    assert load(mac, folder) == Reply(0, "", "")
    assert mac.is_loaded("a.one")
    assert mac.is_loaded("a.two")
    assert load(mac, folder) == Reply(133, "", "Bootstrap failed: 133: Multiple errors were returned; see stderr\n")


def test_a_domain_that_exists_cannot_be_bootstrapped(mac: Mac) -> None:
    assert mac.launchctl("bootstrap", "gui/501") == GENERIC


def test_the_definition_is_a_snapshot_of_the_moment_of_loading(mac: Mac) -> None:
    mac.bootstrap("a.b", "echo old >> out")
    mac.plist("a.b", "echo new >> out", RunAtLoad=True)
    assert "echo old" in mac.text("a.b")
    (mac.agents / "a.b.plist").unlink()
    assert mac.is_loaded("a.b")


def test_a_foreign_prefix_is_not_loaded_where_prefixes_are_set(make_mac: MakeMac) -> None:
    mac = make_mac(prefixes=("jobsync",))
    assert load(mac, mac.plist("jobsyncs.other")).status == 1
    assert load(mac, mac.plist("jobsync.mine")).status == 0
