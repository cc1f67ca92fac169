"""What `make test-mac` does before it meets a Mac: which tests it leaves out, and that it leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import MakeMac
from .machine import PREFIX, Machine, this_mac

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_on_a_mac_only_what_asks_launchctl_alone_is_run() -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--launchctl=/bin/launchctl"]
    done = subprocess.run([*argv, str(HERE / "test_texts.py")], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "needs the simulator: its faults, versions, sessions or time" in done.stdout
    assert "passed" not in done.stdout


def test_the_conformance_tests_need_no_more_than_a_launchctl() -> None:
    text = (HERE / "test_conformance.py").read_text(encoding="utf-8")
    assert "jobsync" not in text.replace("JobsyncNonsense", "")
    assert "make_mac" not in text


@pytest.fixture
def path_with_sw_vers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sw_vers"
    program.write_text('#!/bin/sh\n[ "$1" = -productVersion ] && echo 15.5\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.usefixtures("path_with_sw_vers")
def test_labels_are_throwaway_and_gone_afterwards(make_mac: MakeMac, tmp_path: Path) -> None:
    mac = make_mac()
    here = this_mac(mac.simulator.launchctl, tmp_path, 501)
    assert here.macos == (15, 5)
    here.bootstrap("idle")
    here.bootstrap("busy", "exec sleep 100", RunAtLoad=True)
    here.until_pid("busy")
    assert mac.launchctl("list").out.count(f"\t{PREFIX}.") == 2
    here.clean()
    assert mac.launchctl("list").out == "PID\tStatus\tLabel\n"
    assert list(mac.agents.iterdir()) == []


@pytest.mark.usefixtures("path_with_sw_vers")
def test_root_and_nobody_at_the_screen_are_refused(make_mac: MakeMac, tmp_path: Path) -> None:
    launchctl = make_mac(gui=False).simulator.launchctl
    with pytest.raises(pytest.fail.Exception, match="run them without sudo"):
        this_mac(launchctl, tmp_path, 0)
    with pytest.raises(pytest.fail.Exception, match="log in at the screen first"):
        this_mac(launchctl, tmp_path, 501)


def test_verbs_without_a_domain_are_tried_from_the_screen_only(make_mac: MakeMac, tmp_path: Path) -> None:
    mac = make_mac(session="background")
    with pytest.raises(pytest.skip.Exception, match="this one is Background, not Aqua"):
        Machine(mac.simulator.launchctl, 501, (15,), tmp_path).ask_as_aqua()
