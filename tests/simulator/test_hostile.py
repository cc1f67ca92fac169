"""What nobody should write or ask: launchd answers and goes on, and so do the jobs that it has."""

import os
import plistlib
import struct
from pathlib import Path

import pytest

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
