"""Writes the `launchctl` executable: a script that asks the simulator of its directory and copies the answer.

It is spawned for every call, so it imports nothing but built-in modules and one extension, and reads no site files.
"""

import sys
from pathlib import Path

from jobsync.simulator.files import write_whole
from jobsync.simulator.wire import SOCKET

NO_DAEMON = 69
"""The status when no simulator listens (EX_UNAVAILABLE): no launchd answers with it."""

_TEMPLATE = """\
#!/bin/sh
'''exec' '@PYTHON@' -I -S "$0" "$@"
'''
# launchctl of a simulated launchd. Asks the daemon in the directory above its own; knows nothing itself.
import _socket
import posix
import sys


def write(descriptor, data):
    while data:
        data = data[posix.write(descriptor, data):]


def parent(path):
    return path.rpartition("/")[0] or "."


def real(path):
    while True:
        try:
            target = posix.readlink(path)
        except OSError:
            return path
        path = target if target.startswith("/") else parent(path) + "/" + target


def request():
    inside = posix.environ
    remote = b"SSH_CONNECTION" in inside or b"SSH_TTY" in inside
    try:
        directory = posix.getcwdb()
    except OSError:
        directory = b"/"
    words = [b"call", b"%d" % posix.getpid(), b"01"[posix.isatty(1):][:1], b"01"[remote:][:1], directory]
    words += [word.encode("utf-8", "surrogateescape") for word in sys.argv[1:]]
    payload = b"\\0".join(words)
    return b"%08x" % len(payload) + payload


def ask(data):
    # A relative address: absolute ones of sockets may be only about a hundred bytes long.
    posix.chdir(parent(real(__file__)) + "/..")
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect("@SOCKET@")
    connection.sendall(data)
    answer = []
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            return b"".join(answer)
        answer.append(chunk)


def main():
    try:
        head, _, body = ask(request()).partition(b"\\n")
        status, length = map(int, head.split())
    except (OSError, ValueError):
        write(2, b"launchctl: no simulated launchd is running for " + sys.argv[0].encode()
              + b"; start one with: jobsync simulator " + parent(parent(real(__file__))).encode() + b"\\n")
        return @NO_DAEMON@
    try:
        write(1, body[:length])
        write(2, body[length:])
    except OSError:
        return 1
    return status


posix._exit(main())
"""


def write_client(directory: Path) -> Path:
    """Write `bin/launchctl` for the simulator of that directory, whole or not at all, and give its path."""
    path = directory / "bin" / "launchctl"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "@PYTHON@": str(Path(sys.executable).resolve()).replace("'", "'\\''"),
        "@SOCKET@": SOCKET,
        "@NO_DAEMON@": str(NO_DAEMON),
    }
    text = _TEMPLATE
    for mark, value in values.items():
        text = text.replace(mark, value)
    # Whoever waits for it may call it at any moment, and a file that is open for writing cannot be run.
    write_whole(path, text.encode(), 0o755)
    return path
