"""Shared fixtures, and the guard: no test may touch the home of whoever runs it."""

import os
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .forks import command
from .laptop import Laptop
from .scratch import SCRATCH

_GUARDED = (
    "Library/LaunchAgents",
    ".config/systemd",
    ".config/jobsync",
    ".local/state/jobsync",
    ".local/share/jobsync",
)
# What a script starts with `&` ignores SIGINT, what nohup starts SIGHUP, and whatever we start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# What tests write stands for what a user wrote; with a umask of 002 launchd would trust no definition of theirs.
os.umask(0o022)
# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
_REAL_HOME = Path(os.environ.get("HOME") or "/nonexistent")


def _listing() -> dict[str, int]:
    """Every guarded file of the real home, with the moment of its last change."""
    found = {}
    for name in _GUARDED:
        for path in sorted((_REAL_HOME / name).rglob("*")):
            found[str(path)] = path.lstat().st_mtime_ns
    return found


@pytest.fixture(scope="session", autouse=True)
def the_real_home_stays_untouched() -> Iterator[None]:
    """Fails the run loudly when anything of jobsync or a scheduler changed in the real home."""
    before = _listing()
    yield
    after = _listing()
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert not changed, f"A TEST TOUCHED THE REAL HOME: {sorted(changed)}"


@pytest.fixture(autouse=True)
def home_is_a_throwaway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own process sees a home of its own, and nothing of git's or jobsync's around it."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    for name in tuple(os.environ):
        if name.startswith(("GIT_", "PRE_COMMIT", "JOBSYNC_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "no-session"))


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """A machine with a launchd, an origin and two clones; nothing is registered yet."""
    # Short: the path of a socket may have no more than about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Laptop.start(Path(root)) as machine:
        yield machine


@pytest.fixture
def registered(laptop: Laptop) -> Laptop:
    """The same, with the dotfiles repository registered and its hooks installed.

    In a fork, which is cheaper; tests/e2e/test_main_job.py begins with processes alone.
    """
    laptop.init(run=partial(command, laptop))
    return laptop
