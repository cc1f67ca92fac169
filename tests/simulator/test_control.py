"""Starting, ending and asking a simulator; nothing of it is ever left."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobsync.simulator import Simulator, SimulatorError
from jobsync.simulator.client import NO_DAEMON
from jobsync.simulator.control import ask, prepare, refuse_on_macos
from jobsync.simulator.settings import load_settings, make_settings
from jobsync.simulator.wire import frame

from .conftest import MakeMac
from .mac import DEAF, Mac, is_alive, own_uid, until

LONG = "exec sleep 100"


@pytest.fixture
def daemons() -> type[Simulator]:
    """Processes of their own, as every user of the simulator starts them."""
    return Simulator


def test_calls_are_recorded_until_they_are_cleared(mac: Mac) -> None:
    mac.launchctl("managername")
    mac.launchctl("print", "gui/501")
    assert mac.simulator.calls() == [["managername"], ["print", "gui/501"]]
    mac.simulator.clear_calls()
    assert mac.simulator.calls() == []


def test_stop_leaves_no_process(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, KeepAlive=True)
    mac.bootstrap("a.c", DEAF, RunAtLoad=True)
    pids = [mac.until_pid("a.b"), mac.until_deaf("a.c"), mac.simulator.pid]
    mac.simulator.stop()
    assert not any(is_alive(pid) for pid in pids)
    mac.simulator.stop()


def test_stop_through_the_control_socket_ends_it_too(mac: Mac) -> None:
    ask(mac.simulator.directory, "stop", {})
    until(lambda: not is_alive(mac.simulator.pid))


def test_kill_of_the_daemon_takes_its_jobs_with_it(mac: Mac) -> None:
    mac.bootstrap("a.b", DEAF, RunAtLoad=True)
    pid = mac.until_deaf("a.b")
    mac.simulator.kill()
    until(lambda: not is_alive(pid))


def test_a_restarted_daemon_comes_back_as_after_a_boot(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    mac.bootstrap("a.c", at=mac.home / "elsewhere.plist")
    before = mac.until_pid("a.b")
    mac.simulator.kill()
    mac.simulator.restart()
    assert mac.until_pid("a.b") != before
    assert not mac.is_loaded("a.c")


def test_without_a_daemon_launchctl_says_so(mac: Mac) -> None:
    mac.simulator.stop()
    reply = mac.launchctl("print", "gui/501")
    assert reply.status == NO_DAEMON
    assert reply.out == ""
    assert reply.err.startswith("launchctl: no simulated launchd is running for ")
    assert reply.err.endswith(f"; start one with: jobsync simulator {mac.simulator.directory}\n")


def test_a_daemon_that_dies_while_it_is_asked_is_no_answer(mac: Mac) -> None:
    mac.simulator.fault("print", hang=True)
    call = mac.background("print", "gui/501")
    until(lambda: ["print", "gui/501"] in mac.simulator.calls())
    mac.simulator.kill()
    call.communicate(timeout=60)
    assert call.returncode == NO_DAEMON


def test_every_method_says_that_nobody_listens(mac: Mac) -> None:
    mac.simulator.stop()
    with pytest.raises(SimulatorError, match="no simulated launchd is running in"):
        mac.simulator.calls()


def test_the_daemon_ends_with_its_lifeline(make_mac: MakeMac) -> None:
    life = subprocess.Popen(["sleep", "100"])
    mac = make_mac(lifeline=life.pid)
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    pid = mac.until_pid("a.b")
    life.kill()
    life.wait()
    until(lambda: not is_alive(mac.simulator.pid) and not is_alive(pid))


def test_a_lifeline_that_is_gone_already_ends_it_at_once(make_mac: MakeMac) -> None:
    life = subprocess.Popen(["true"])
    life.wait()
    with pytest.raises(SimulatorError, match="did not start"):
        make_mac(lifeline=life.pid)


def test_what_goes_wrong_at_the_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match=r"did not start; it said: (.|\n)*Mars"):
        Simulator.start(tmp_path / "mac", tmp_path / "home", tz="Mars/Olympus")


def test_launchd_trusts_the_directory_of_agents_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        prepare(tmp_path / "mac", make_settings({"home": str(tmp_path / "user"), "uid": 501}))
    finally:
        os.umask(before)
    assert (tmp_path / "user" / "Library" / "LaunchAgents").stat().st_mode & 0o777 == 0o755


def test_a_directory_that_is_served_already_is_refused(mac: Mac) -> None:
    with pytest.raises(SimulatorError, match=r"runs in .* already"):
        Simulator.start(mac.simulator.directory, mac.home)
    assert mac.launchctl("managername").status == 0


def test_settings_are_checked(tmp_path: Path, mac: Mac) -> None:
    with pytest.raises(SimulatorError, match="no such setting: colour"):
        Simulator.start(tmp_path / "x", tmp_path / "home", colour="red")
    with pytest.raises(SimulatorError, match="settings of the simulated Mac"):
        mac.simulator.configure(version="Sequoia")
    with pytest.raises(SimulatorError, match="settings of the simulated Mac"):
        make_settings({"caller": "nobody"})
    with pytest.raises(SimulatorError, match="settings of the simulated Mac"):
        make_settings({})


def test_a_directory_without_settings_is_none(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match=r"settings\.json is missing"):
        load_settings(tmp_path)
    (tmp_path / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(SimulatorError, match="is not JSON"):
        load_settings(tmp_path)


def test_unknown_controls_and_arguments_are_refused(mac: Mac) -> None:
    with pytest.raises(SimulatorError, match="no such control: dance"):
        ask(mac.simulator.directory, "dance", {})
    with pytest.raises(SimulatorError):
        ask(mac.simulator.directory, "advance", {"minutes": 1})


def connect(mac: Mac) -> socket.socket:
    stream = socket.socket(socket.AF_UNIX)
    handle = os.open(mac.simulator.directory, os.O_RDONLY)
    stream.connect(f"/proc/self/fd/{handle}/socket")
    os.close(handle)
    return stream


@pytest.mark.parametrize(
    "sent", [b"", b"0000", frame(b"call\x00x"), frame(b"hello"), frame(b"control\x00{"), b"zzzzzzzz"]
)
def test_strangers_on_the_socket_do_no_harm(mac: Mac, sent: bytes) -> None:
    with connect(mac) as stream:
        stream.sendall(sent)
    assert mac.launchctl("managername").status == 0


def test_a_request_may_come_in_pieces(mac: Mac) -> None:
    whole = frame(b"control\x00" + b'{"verb": "now", "values": {}}')
    with connect(mac) as stream:
        stream.sendall(whole[:5])
        assert mac.launchctl("managername").status == 0
        stream.sendall(whole[5:])
        assert b"now" in stream.recv(1000)


def test_a_daemon_that_ends_before_it_answers_is_told(mac: Mac) -> None:
    mac.bootstrap("a.b", DEAF, RunAtLoad=True, ExitTimeOut=0)
    mac.until_deaf("a.b")
    waiting = subprocess.Popen(
        [sys.executable, "-c", _LOGOUT, str(mac.simulator.directory)], stderr=subprocess.PIPE, text=True
    )
    until(lambda: mac.value("a.b", "state") == "SIGTERMed")
    mac.simulator.kill()
    assert "ended before it answered" in waiting.communicate(timeout=60)[1]


_LOGOUT = """
import sys
from pathlib import Path
from jobsync.simulator.control import ask
ask(Path(sys.argv[1]), "logout", {"wait": True})
"""


def test_the_uid_is_the_callers_unless_it_is_given(tmp_path: Path) -> None:
    with Simulator.start(tmp_path / "mac", tmp_path / "home") as simulator:
        done = subprocess.run([simulator.launchctl, "manageruid"], capture_output=True, text=True)
    assert done.stdout == f"{own_uid()}\n"


def test_paths_may_be_longer_than_a_sockets_address(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    with Simulator.start(directory, tmp_path / "home", uid=501) as simulator:
        done = subprocess.run([simulator.launchctl, "managername"], capture_output=True, text=True)
    assert done.stdout == "Aqua\n"


def test_launchctl_works_through_a_link_and_from_a_directory_that_is_gone(mac: Mac, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(mac.simulator.launchctl)
    again = tmp_path / "again"
    again.symlink_to("link")
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone}; rmdir {gone}; exec {again} managername"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True)
    assert done.stdout == "Aqua\n"


def test_words_that_are_no_text_survive(mac: Mac) -> None:
    label = os.fsdecode(b"caf\xe9")
    assert mac.launchctl("disable", f"gui/501/{label}").status == 0
    done = subprocess.run([mac.simulator.launchctl, "print-disabled", "gui/501"], capture_output=True)
    assert b'"caf\xe9" => disabled' in done.stdout


def test_a_reader_that_goes_away_is_no_trouble(mac: Mac) -> None:
    script = f"{mac.simulator.launchctl} print gui/501 2>&1 >&-; echo $?"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True)
    assert done.stdout == "1\n"


def test_the_client_reads_no_site_files_and_imports_no_packages(mac: Mac) -> None:
    python = shutil.which(sys.executable) or sys.executable
    text = mac.simulator.launchctl.read_text(encoding="utf-8")
    names = {line.removeprefix("import ") for line in text.splitlines() if line.startswith("import ")}
    assert names == {"_socket", "posix", "sys"}
    assert f"'{Path(python).resolve()}' -I -S" in text


def test_it_refuses_on_a_mac() -> None:
    refuse_on_macos("linux")
    with pytest.raises(SimulatorError, match="this is a Mac"):
        refuse_on_macos("darwin")


def test_start_prepares_the_home(mac: Mac) -> None:
    assert mac.agents.is_dir()
    assert isinstance(mac.simulator, Simulator)
