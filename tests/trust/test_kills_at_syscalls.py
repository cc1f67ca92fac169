"""A sync that is killed by the kernel at any file-system syscall that writes: the next one converges.

`TRUST_KILLS=all` goes through every syscall (`make trust`); without it every eleventh one. Needs strace(1), which does
not exist on macOS.
"""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from ..laptop import JOB, Laptop
from .test_kills import DAEMON, assert_converges

WRITING = ("rename", "unlink", "mkdir", "fchmod", "chmod", "fsync", "write", "ftruncate")
STEP = 1 if os.environ.get("TRUST_KILLS") == "all" else 11

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def syscalls() -> str:
    """As strace wants them; `?`: not every kernel has each."""
    return ",".join(f"?{name}" for name in WRITING)


def traced(laptop: Laptop, *options: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-B", "-m", "jobsync", "sync"]
    argv = ["strace", "-qq", "-o", str(laptop.root / "trace"), *options, *command]
    return subprocess.run(argv, cwd=laptop.work, env=laptop.environment, capture_output=True, timeout=120)


def points(laptop: Laptop) -> list[tuple[str, int]]:
    """Every such syscall that a sync makes now, as its name and the how-manieth of that name it is."""
    assert traced(laptop, "-e", f"trace={syscalls()}").returncode == 0
    lines = (laptop.root / "trace").read_text().splitlines()
    names = [line.partition("(")[0] for line in lines if line.startswith(WRITING)]
    return [(name, names[: place + 1].count(name)) for place, name in enumerate(names)]


def change(laptop: Laptop, turn: int) -> None:
    laptop.job("one", JOB.replace("09", f"{10 + turn % 10}"))
    laptop.job("two", DAEMON.replace("600", str(600 + turn)))


@needs_strace
@pytest.mark.slow
def test_the_next_sync_converges_after_a_kill_at_any_writing_syscall(registered: Laptop) -> None:
    change(registered, 0)
    registered.jobsync("sync")
    change(registered, 1)
    found = points(registered)
    assert len(found) > 20
    killed = 0
    for turn, (name, number) in enumerate(found[::STEP]):
        change(registered, turn + 2)
        ended = traced(registered, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
        killed += ended.returncode == -signal.SIGKILL
        assert ended.returncode in (0, -signal.SIGKILL), ended
        assert_converges(registered, {"one", "two"}, turn)
    print(f"killed at {killed} of {len(found)} syscalls")
    # The last few may not come: what a sync writes depends a little on what the one before left.
    assert killed >= len(found[::STEP]) // 2
