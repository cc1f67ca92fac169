"""What changed from macOS to macOS, one version after the other (docs/simulator.md, rows 7.8)."""

from dataclasses import dataclass

import pytest

from .conftest import MakeMac
from .mac import HINT, Mac, Reply

LONG = "exec sleep 100"


@dataclass(frozen=True, slots=True)
class Release:
    """What a release of macOS does that another does not."""

    version: str
    slow_bootout: bool = False
    hint: bool = True
    words: bool = True
    follows_links: bool = False
    malloc_policy: bool = False
    log_limit: bool = False
    waits: bool = False
    root_sees_37: bool = False


RELEASES = (
    Release("10.15.7", slow_bootout=True, hint=False, words=False, follows_links=True, root_sees_37=True),
    Release("11.7", slow_bootout=True, hint=False, words=False, follows_links=True, root_sees_37=True),
    Release("12.7", words=False, follows_links=True, root_sees_37=True),
    Release("13.6", follows_links=True, root_sees_37=True),
    Release("14.7", malloc_policy=True),
    Release("15.5", malloc_policy=True),
    Release("26.5.1", log_limit=True, waits=True),
    Release("27.0", log_limit=True, waits=True),
)


@pytest.fixture(params=RELEASES, ids=lambda release: release.version)
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


@pytest.fixture
def old_or_new(make_mac: MakeMac, release: Release) -> Mac:
    """A Mac of that release, with a job that runs."""
    mac = make_mac(version=release.version)
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    mac.until_pid("a.b")
    return mac


def test_bootout_by_version(old_or_new: Mac, release: Release) -> None:
    waiting = old_or_new.launchctl("bootout", "--wait", "gui/501/a.b")
    assert waiting.status == (0 if release.waits else 64)
    assert old_or_new.is_loaded("a.b") != release.waits
    if not release.waits:
        assert old_or_new.launchctl("bootout", "gui/501/a.b").status == (36 if release.slow_bootout else 0)
        old_or_new.until_gone("a.b")
    path = old_or_new.agents / "a.b.plist"
    hint = HINT if release.hint else ""
    generic = Reply(5, "", f"Boot-out failed: 5: Input/output error\n{hint}")
    assert old_or_new.launchctl("bootout", "gui/501", path) == generic


def test_layouts_by_version(old_or_new: Mac, release: Release) -> None:
    old_or_new.launchctl("disable", "gui/501/x")
    said = old_or_new.launchctl("print-disabled", "gui/501").out
    assert ('"x" => disabled' in said) == release.words
    assert ('"x" => true' in said) != release.words
    text = old_or_new.text("a.b")
    assert ("probabilistic guard malloc policy" in text) == release.malloc_policy
    assert ("\t\tOSLogRateLimit => 64\n" in text) == release.log_limit
    sandbox = "Sandbox restriction" if release.log_limit else "Unknown error: 159"
    assert old_or_new.launchctl("error", "159").out == f"159: {sandbox}\n"


def test_refusals_by_version(make_mac: MakeMac, release: Release) -> None:
    root = make_mac(version=release.version, caller="root")
    path = root.bootstrap("a.b")
    assert root.launchctl("bootstrap", "gui/501", path).status == (37 if release.root_sees_37 else 5)


def test_links_by_version(make_mac: MakeMac, release: Release) -> None:
    mac = make_mac(version=release.version, gui=False)
    (mac.agents / "a.b.plist").symlink_to(mac.plist("a.b", at=mac.home / "elsewhere.plist"))
    mac.simulator.login()
    assert mac.is_loaded("a.b") == release.follows_links
