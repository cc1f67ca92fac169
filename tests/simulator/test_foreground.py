"""A simulator in the foreground."""

import os
import plistlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobsync.simulator import SimulatorError
from jobsync.simulator.client import write_client
from jobsync.simulator.foreground import run_foreground

from .mac import Mac

_RUN = """
import sys
from pathlib import Path
from jobsync.simulator.foreground import run_foreground
def say(text):
    print(text, end="", flush=True)
def registered():
    return Path(sys.argv[2], "registered").read_text().split()
run_foreground(Path(sys.argv[1]), Path(sys.argv[2]), ("mine",), registered=registered, say=say)
print("ended", flush=True)
"""


@contextmanager
def foreground(directory: Path, home: Path, umask: int = 0o022) -> Iterator["subprocess.Popen[str]"]:
    """One that runs in another process."""
    argv = [sys.executable, "-c", _RUN, str(directory), str(home)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, umask=umask)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_its_launchctl_and_ends_cleanly_on_signals(tmp_path: Path, number: signal.Signals) -> None:
    with foreground(tmp_path / "sim", tmp_path / "home") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        launchctl = tmp_path / "sim" / "bin" / "launchctl"
        assert line == f"simulated launchd for mine; its launchctl: {launchctl}\n"
        assert subprocess.run([launchctl, "managername"], capture_output=True).stdout == b"Aqua\n"
        process.send_signal(number)
        assert process.stdout.read() == "ended\n"
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("umask", [0, 0o002])
def test_nobody_else_can_write_to_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    with foreground(tmp_path / "sim", tmp_path / "home", umask) as process:
        assert process.stdout is not None
        process.stdout.readline()
        places = (tmp_path / "sim", *(tmp_path / "sim").rglob("*"))
        assert [place.name for place in places if place.lstat().st_mode & 0o022] == []
        assert "socket" in {place.name for place in places}


def test_it_loads_what_is_registered_later_and_nothing_else(tmp_path: Path) -> None:
    home, launchctl = tmp_path / "home", str(tmp_path / "sim" / "bin" / "launchctl")
    home.mkdir(exist_ok=True)
    with foreground(tmp_path / "sim", home) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (home / "registered").write_text("")
        before = {label: _load(launchctl, home, label) for label in ("mine.one", "later.one", "com.example")}
        assert before == {"mine.one": 0, "later.one": 1, "com.example": 1}
        (home / "registered").write_text("later\n")
        assert (_load(launchctl, home, "later.one"), _load(launchctl, home, "laterals")) == (0, 1)


def _load(launchctl: str, home: Path, label: str) -> int:
    """The status of launchctl."""
    path = home / f"{label}.plist"
    path.write_bytes(plistlib.dumps({"Label": label, "Program": "/bin/true"}))
    uid = subprocess.check_output([launchctl, "manageruid"], text=True).strip()
    return subprocess.run([launchctl, "bootstrap", f"gui/{uid}", str(path)], capture_output=True).returncode


def test_it_refuses_a_second_one(mac: Mac) -> None:
    with pytest.raises(SimulatorError, match=r"runs in .* already"):
        run_foreground(mac.simulator.directory, mac.home, ("mine",))


@pytest.mark.parametrize(("place", "why"), [("file", "File exists"), ("file/sim", "Not a directory")])
def test_a_place_that_can_be_no_directory_is_named(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SimulatorError, match=rf"cannot use {tmp_path}/{place}: {why}; name another directory"):
        run_foreground(tmp_path / place, tmp_path, ("mine",))


@pytest.mark.parametrize("version", ["foo", "", "15.x"])
def test_what_is_no_version_is_told(tmp_path: Path, version: str) -> None:
    with pytest.raises(SimulatorError, match=f'"{version}" is no version of macOS; write it as 15.5'):
        run_foreground(tmp_path / "sim", tmp_path, ("mine",), version=version)


@pytest.mark.parametrize("version", ["9", "10.14.6"])
def test_what_is_older_than_all_that_is_known_is_told(tmp_path: Path, version: str) -> None:
    with pytest.raises(SimulatorError, match=f"macOS {version} is older than the oldest that can be simulated, 10.15"):
        run_foreground(tmp_path / "sim", tmp_path, ("mine",), version=version)


def test_it_refuses_on_a_mac_and_without_prefixes(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="this is a Mac"):
        run_foreground(tmp_path, tmp_path, ("mine",), platform="darwin")
    with pytest.raises(SimulatorError, match="no label prefix"):
        run_foreground(tmp_path, tmp_path, ())


def test_launchctl_is_never_seen_half_written(tmp_path: Path) -> None:
    """Whoever waits for it calls it as soon as it is there; a daemon that comes up writes it anew."""
    path = write_client(tmp_path)
    with path.open("rb") as former:
        assert write_client(tmp_path) == path
        assert former.read() == path.read_bytes()
        assert os.fstat(former.fileno()).st_nlink == 0, "another file took its place"
    assert path.stat().st_mode & 0o777 == 0o755
    assert [one.name for one in path.parent.iterdir()] == ["launchctl"]
