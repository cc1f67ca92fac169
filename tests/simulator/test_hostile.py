"""What nobody should write or ask: launchd answers and goes on, and so do the jobs that it has."""

import os
import plistlib
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobsync.simulator import Simulator, SimulatorError
from jobsync.simulator.wire import SOCKET, frame

from .conftest import MakeMac
from .mac import HINT, Mac, Reply, until

GENERIC = Reply(5, "", f"Bootstrap failed: 5: Input/output error\n{HINT}")
_LONG_NAME = "a" * 300
_MANY_DIGITS = "9" * 400


def xml(keys: str) -> bytes:
    """A job that starts when it is loaded, with more keys."""
    job = "<key>Label</key><string>a.b</string><key>Program</key><string>/bin/true</string>"
    return f"<?xml version='1.0'?><plist><dict>{job}<key>RunAtLoad</key><true/>{keys}</dict></plist>".encode()


def binary(**keys: object) -> bytes:
    """The same as a binary property list, which holds what XML cannot."""
    values = {"Label": "a.b", "Program": "/bin/true", "RunAtLoad": True, **keys}
    return plistlib.dumps(values, fmt=plistlib.FMT_BINARY)


def deep(depth: int) -> bytes:
    """A binary property list of arrays in arrays."""
    head = b"bplist00"
    arrays = b"".join(b"\xa1" + struct.pack(">H", number) for number in range(1, depth)) + b"\xa0"
    places = b"".join(struct.pack(">I", len(head) + 3 * number) for number in range(depth))
    return head + arrays + places + bytes((0, 0, 0, 0, 0, 0, 4, 2)) + struct.pack(">QQQ", depth, 0, len(head + arrays))


def write(mac: Mac, content: bytes, name: str = "x.plist") -> Path:
    path = mac.agents / name
    path.write_bytes(content)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    "content",
    [
        xml("<key>Since</key><date>yesterday</date>"),
        b"<?xml version='1.0' encoding='no-such'?><plist><dict/></plist>",
        deep(20_000),
        xml("<key>ExitTimeOut</key><real>soon</real>"),
        binary()[:-40],
    ],
    ids=["date", "encoding", "depth", "number", "end"],
)
def test_what_only_looks_like_a_plist_is_refused(mac: Mac, content: bytes) -> None:
    assert mac.launchctl("bootstrap", "gui/501", write(mac, content)) == GENERIC
    assert "failed (109: Invalid property list)" in mac.read("../mac/launchd.log")


def test_such_a_file_among_the_agents_keeps_nobody_from_logging_in(mac: Mac) -> None:
    write(mac, xml("<key>Since</key><date>yesterday</date>"))
    mac.plist("a.good")
    mac.simulator.reboot()
    assert mac.is_loaded("a.good")


@pytest.mark.parametrize(
    "content",
    [
        xml(f"<key>ExitTimeOut</key><integer>{_MANY_DIGITS}</integer>"),
        xml(f"<key>StartInterval</key><integer>{_MANY_DIGITS}</integer>"),
        xml(f"<key>KeepAlive</key><true/><key>ThrottleInterval</key><integer>{_MANY_DIGITS}</integer>"),
        xml(f"<key>Umask</key><integer>{_MANY_DIGITS}</integer><key>Nice</key><integer>{_MANY_DIGITS}</integer>"),
        binary(WatchPaths=["/a\0b"]),
        binary(QueueDirectories=["/a\0b"]),
        binary(KeepAlive={"PathState": {"/a\0b": True}}),
        binary(WatchPaths=[f"/{_LONG_NAME}"], QueueDirectories=[f"/{_LONG_NAME}"]),
        binary(KeepAlive={"PathState": {f"/{_LONG_NAME}": True}}),
        binary(WorkingDirectory="/\0", StandardOutPath="/\0", EnvironmentVariables={"A\0": "b"}),
    ],
)
def test_a_value_that_nothing_can_be_done_with_ends_no_launchd(mac: Mac, content: bytes) -> None:
    mac.bootstrap("a.good", "exec sleep 100", RunAtLoad=True)
    assert mac.launchctl("bootstrap", "gui/501", write(mac, content)) == Reply(0, "", "")
    until(lambda: mac.simulator.runs("a.b") > 0)
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    assert mac.value("a.good", "state") == "running"


@pytest.mark.parametrize("seconds", [40 * 86400, 2**63 - 1])
def test_a_job_may_take_longer_to_end_than_a_selector_waits(mac: Mac, seconds: int) -> None:
    mac.bootstrap("a.b", "trap '' TERM; sleep 2", RunAtLoad=True, ExitTimeOut=seconds)
    mac.until_pid("a.b")
    assert mac.launchctl("bootout", "gui/501/a.b").status == 0
    assert mac.launchctl("managername") == Reply(0, "Aqua\n", "")
    mac.until_gone("a.b")


def test_a_pipe_is_no_plist(make_mac: MakeMac) -> None:
    mac = make_mac(caller="root")
    os.mkfifo(mac.agents / "pipe.plist", 0o644)
    assert mac.launchctl("bootstrap", "gui/501", mac.agents / "pipe.plist").status == 109
    assert mac.launchctl("bootout", "gui/501", mac.agents / "pipe.plist").status == 109
    mac.simulator.reboot()
    assert mac.launchctl("managername").status == 0


@pytest.mark.parametrize("verb", ["bootstrap", "bootout"])
def test_a_path_that_is_too_long_is_one_that_is_not_there(make_mac: MakeMac, verb: str) -> None:
    mac = make_mac(caller="root")
    assert mac.launchctl(verb, "gui/501", f"/{_LONG_NAME}").status == 2


@pytest.mark.parametrize("target", [f"gui/{'9' * 5000}", f"gui/{'9' * 20}/a.b", "gui/-1", "gui/5 01"])
def test_a_number_that_no_domain_has_is_no_target(mac: Mac, target: str) -> None:
    reply = mac.launchctl("print", target)
    assert (reply.status, reply.out) == (64, "")
    assert "Unrecognized target specifier." in reply.err


@pytest.mark.parametrize("number", ["9" * 5000, "0", "-", "SIG", "\uff17"])
def test_a_number_that_no_signal_has_is_no_signal(mac: Mac, number: str) -> None:
    assert mac.launchctl("kill", number, "gui/501/a.b").err.startswith("Invalid signal.\n")
    assert mac.launchctl("kill", "0009", "gui/501/a.b").status == 113


# -- the handle


def raw(mac: Mac, payload: bytes) -> bytes:
    """What the daemon answers to bytes of one's own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(60)
        handle = os.open(mac.simulator.directory, os.O_RDONLY)
        stream.connect(f"/proc/self/fd/{handle}/{SOCKET}")
        os.close(handle)
        stream.sendall(payload)
        return stream.recv(4096)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"5", b"{", b"\xff", b'{"verb": "now", "values": 5}', b'{"verb": [], "values": {}}']
)
def test_a_control_request_without_its_parts_is_an_error(mac: Mac, body: bytes) -> None:
    assert b'"error"' in raw(mac, frame(b"control\0" + body))
    assert mac.launchctl("managername").status == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 15}, "version cannot be 15"),
        ({"teardown": "a"}, "teardown cannot be 'a'"),
        ({"teardown": float("inf")}, "teardown cannot be inf"),
        ({"dry": 1}, "dry cannot be 1"),
        ({"disabled_code": True}, "disabled_code cannot be True"),
        ({"home": None}, "home cannot be None"),
        ({"tz": 5}, "tz cannot be 5"),
        ({"prefixes": "a"}, "prefixes cannot be 'a'"),
        ({"prefixes": [1]}, r"prefixes cannot be \(1,\)"),
        ({"caller": 5}, "caller cannot be 5"),
    ],
)
def test_a_setting_of_the_wrong_type_is_named(mac: Mac, change: dict[str, Any], words: str) -> None:
    with pytest.raises(SimulatorError, match=f"settings of the simulated Mac: {words}"):
        mac.simulator.configure(**change)
    assert mac.launchctl("bootstrap", "gui/501", mac.plist("a.b")).status == 0


@pytest.mark.parametrize("change", [{"uid": 502}, {"asid": 5}])
def test_domains_do_not_change_their_names(mac: Mac, change: dict[str, int]) -> None:
    with pytest.raises(SimulatorError, match="uid and asid name the domains that it has already"):
        mac.simulator.configure(**change)
    mac.simulator.configure(uid=501, version="14.0")
    assert mac.launchctl("print", "gui/501").status == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"code": "5"}, "code cannot be '5'"),
        ({"times": "x"}, "times cannot be 'x'"),
        ({"delay": "x"}, "delay cannot be 'x'"),
        ({"code": 300}, "no process ends with status 300; say 0 to 255"),
    ],
)
def test_a_fault_of_the_wrong_type_is_named(mac: Mac, values: dict[str, Any], words: str) -> None:
    with pytest.raises(SimulatorError, match=f"fault: {words}"):
        mac.simulator.fault("print", **values)
    assert mac.launchctl("print", "gui/501").status == 0


@pytest.mark.parametrize("seconds", [1e12, -1e12, float("inf"), float("nan")])
def test_a_time_that_no_calendar_has_is_refused(mac: Mac, seconds: float) -> None:
    before = mac.simulator.now()
    for move in (mac.simulator.advance, mac.simulator.sleep, mac.simulator.power_off, mac.simulator.set_time):
        with pytest.raises(SimulatorError, match="the clock cannot be set to"):
            move(seconds)
    assert abs(mac.simulator.now() - before) < 3600
    assert mac.launchctl("bootstrap", "gui/501", mac.plist("a.b")).status == 0


def test_a_clock_can_be_put_far_ahead(make_mac: MakeMac) -> None:
    mac = make_mac(dry=True, still=True)
    mac.bootstrap("a.b", StartCalendarInterval={"Day": 30, "Month": 2})
    mac.simulator.set_time(249e9)
    assert mac.launchctl("print", "gui/501/a.b").status == 0


# -- a machine that is short of something


@contextmanager
def limited(mac: Mac, what: int, value: int) -> Iterator[None]:
    """The daemon gets no more of it meanwhile."""
    before = resource.prlimit(mac.simulator.pid, what)
    resource.prlimit(mac.simulator.pid, what, (value, before[1]))
    yield
    resource.prlimit(mac.simulator.pid, what, before)


def test_a_full_disk_ends_no_launchd(mac: Mac) -> None:
    mac.bootstrap("a.good", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.good")
    written = (mac.simulator.directory / "launchd.log").stat().st_size
    with limited(mac, resource.RLIMIT_FSIZE, written + 10):
        assert mac.launchctl("bootstrap", "gui/501", mac.plist("a.b")).status == 0
        assert mac.launchctl("disable", "gui/501/a.b").status == 0
    assert '"a.b" => disabled' in mac.launchctl("print-disabled", "gui/501").out
    assert mac.value("a.good", "state") == "running"
    mac.launchctl("bootout", "gui/501/a.good")
    assert "bootout initiated by" in mac.read("../mac/launchd.log")


def test_a_job_for_which_there_is_no_room_ends_with_78(mac: Mac) -> None:
    mac.bootstrap("a.b", StartInterval=1, ThrottleInterval=1)
    open_now = len(list(Path(f"/proc/{mac.simulator.pid}/fd").iterdir()))
    with limited(mac, resource.RLIMIT_NOFILE, open_now):
        asked = mac.background("print", "gui/501/a.b")
        until(lambda: "Too many open files" in mac.read("../mac/launchd.log"))
    assert "last exit code = 78: EX_CONFIG" in asked.communicate(timeout=60)[0]
    until(lambda: mac.value("a.b", "last exit code") == "0")


def test_the_log_does_not_grow_for_ever(mac: Mac) -> None:
    log = mac.simulator.directory / "launchd.log"
    with log.open("ab") as file:
        file.truncate((4 << 20) + 1)
    mac.bootstrap("a.b")
    assert log.stat().st_size < 10_000
    assert log.with_name("launchd.log.1").stat().st_size > 4 << 20


# -- what a daemon finds when it starts


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("disabled.501.plist", b"", "Invalid file; without that file nothing is disabled"),
        ("disabled.501.plist", plistlib.dumps({"a.b": 1}), "holds no overrides; without that file nothing is disabled"),
        ("disabled.501.plist", plistlib.dumps(["a.b"]), "holds no overrides; without that file nothing is disabled"),
        ("login-items.json", b'["a.b"', "; without that file all is switched on"),
        ("login-items.json", b"[1]", "holds no labels; without that file all is switched on"),
        ("settings.json", b"[]", "holds no settings; start in another directory"),
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(mac: Mac, name: str, content: bytes, words: str) -> None:
    mac.simulator.stop()
    (mac.simulator.directory / name).write_bytes(content)
    with pytest.raises(SimulatorError, match=f"jobsync.simulator: .*{name}.*{words}") as refused:
        mac.simulator.restart()
    assert "Traceback" not in str(refused.value)


def test_what_is_kept_is_never_half_written(mac: Mac) -> None:
    """Whoever is killed while he writes needs the former file to start again."""
    mac.launchctl("disable", "gui/501/a.b")
    mac.simulator.login_item("a.b", on=False)
    names = ("disabled.501.plist", "login-items.json", "clock.json", "settings.json", "bin/launchctl")
    former = [(mac.simulator.directory / name).open("rb") for name in names]
    before = [file.read() for file in former]
    mac.launchctl("disable", "gui/501/a.c")
    mac.simulator.login_item("a.c", on=False)
    mac.simulator.set_time(1.8e9)
    mac.simulator.configure(version="14.0")
    mac.simulator.restart()
    for file, content in zip(former, before, strict=True):
        file.seek(0)
        assert file.read() == content
        assert os.fstat(file.fileno()).st_nlink == 0, "another file took its place"
        file.close()


def test_of_daemons_that_start_at_once_one_serves(mac: Mac) -> None:
    mac.simulator.stop()
    argv = [sys.executable, "-m", "jobsync.simulator", str(mac.simulator.directory), "serve"]
    daemons = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        until(lambda: sum(daemon.poll() is not None for daemon in daemons) == 3)
        until(lambda: mac.launchctl("managername").status == 0)
    finally:
        for daemon in daemons:
            daemon.terminate()
        said = [daemon.communicate(timeout=60)[1] for daemon in daemons]
    assert sorted(daemon.returncode for daemon in daemons) == [0, 1, 1, 1]
    assert sum("already; end it, or name another directory" in text for text in said) == 3


def test_a_daemon_that_is_stopped_is_one_that_serves(mac: Mac) -> None:
    os.kill(mac.simulator.pid, signal.SIGSTOP)
    try:
        with pytest.raises(SimulatorError, match="already; end it, or name another directory"):
            Simulator.start(mac.simulator.directory, mac.home)
    finally:
        os.kill(mac.simulator.pid, signal.SIGCONT)


def test_a_directory_that_is_no_simulators_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    argv = [sys.executable, "-m", "jobsync.simulator", str(place), "serve"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, list(place.iterdir())) == (1, [])
    assert done.stderr.endswith("holds no simulated launchd (settings.json is missing)\n")
