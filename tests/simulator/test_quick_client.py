"""The program that stands for launchctl in most tests asks and shows what the script does that users get."""

import os
import pty
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync.simulator.calls import Call
from jobsync.simulator.client import NO_DAEMON, write_client
from jobsync.simulator.wire import HEADER, parse_request, whole_request

from ..launchds import client
from ..scratch import SCRATCH

Shown = tuple[bytes, int, bytes, bytes]
"""What was asked, the exit status, and what was written on stdout and stderr."""
LONG = b"x" * 300_000


def _whole(stream: socket.socket) -> bytes:
    received = b""
    while whole_request(received) is None and (chunk := stream.recv(65536)):
        received += chunk
    return received


def shown(launchctl: Path, words: list[bytes], answer: bytes, env: dict[str, str], *, terminal: bool = False) -> Shown:
    """One call, and a daemon that answers with these bytes."""
    ours, theirs = pty.openpty() if terminal else (-1, subprocess.PIPE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        (launchctl.parents[1] / "socket").unlink(missing_ok=True)
        listening.bind(str(launchctl.parents[1] / "socket"))
        listening.listen()
        argv = [os.fsencode(launchctl), *words]
        called = subprocess.Popen(argv, cwd="/usr", env={"PATH": os.environ["PATH"], **env}, stdout=theirs,
                                  stderr=subprocess.PIPE)  # fmt: skip
        stream, _ = listening.accept()
        with stream:
            asked = _whole(stream)
            stream.sendall(answer)
        out, err = called.communicate(timeout=60)
    if terminal:
        out = os.read(ours, 65536)
        os.close(ours)
        os.close(theirs)
    payload = whole_request(asked)
    assert payload is not None and len(asked) == HEADER + len(payload)
    call = parse_request(payload)
    assert isinstance(call, Call) and call.pid == called.pid
    return payload.replace(b"\0%d\0" % call.pid, b"\0PID\0", 1), called.returncode, out, err


@pytest.fixture
def both() -> Iterator[list[Path]]:
    """The script and the program, each below a place for a socket."""
    program = client()
    if program is None:
        pytest.skip("no C compiler here: there is the script alone")
    # Short: the path of a socket may have no more than about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root:
        places = [write_client(Path(root, "mac1")), Path(root, "mac2/bin/launchctl")]
        places[1].parent.mkdir(parents=True)
        shutil.copy(program, places[1])
        yield places


@pytest.mark.parametrize(
    ("words", "answer", "env"),
    [
        ([], b"64 0\nUsage: launchctl\n", {}),
        ([b"print", b"gui/501"], b"0 5\nhello", {}),
        (
            [b"print", b"", b"\xff\xfe", "früh".encode(), b"a b\n"],
            b"113 3\noutCould not find",
            {"SSH_TTY": "/dev/pts/1"},
        ),
        ([b"list"], b"0 %d\n" % len(LONG) + LONG + LONG, {"SSH_CONNECTION": ""}),
        ([LONG[:100_000]], b"3 0\n", {"ELSE": "1"}),
        ([b"list"], b"", {}),
        ([b"list"], b"nonsense", {}),
    ],
)
def test_it_asks_and_answers_as_the_script_does(
    both: list[Path], words: list[bytes], answer: bytes, env: dict[str, str]
) -> None:
    script, program = (shown(path, words, answer, env) for path in both)
    assert program[:3] == script[:3]
    assert program[3].replace(b"mac2", b"mac1") == script[3]


def test_it_tells_a_terminal_as_the_script_does(both: list[Path]) -> None:
    script, program = (shown(path, [b"list"], b"0 3\nout", {}, terminal=True) for path in both)
    assert program == script
    assert b"\0PID\0001\0" in program[0]


def test_it_says_as_the_script_does_that_nobody_listens(both: list[Path]) -> None:
    script, program = (subprocess.run([path, "list"], capture_output=True, timeout=60) for path in both)
    assert program.returncode == script.returncode == NO_DAEMON
    assert program.stderr.replace(b"mac2", b"mac1") == script.stderr
    assert program.stdout == script.stdout == b""
