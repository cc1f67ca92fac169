"""A sync that is killed by the kernel at any file-system syscall that writes: the next one converges.

`TRUST_KILLS=all` goes through every syscall of every kind of sync (`make trust`); without it through some of an
update's. Needs strace(1), which does not exist on macOS.
"""

import shutil
import signal
import subprocess
import sys

import pytest

from ..laptop import Laptop
from .test_kills import ALL, CASES, PARTS, Case, assert_converges, begin_anew

WRITING = ("rename", "unlink", "mkdir", "fchmod", "chmod", "fsync", "write", "ftruncate", "link", "symlink")
STEP = 1 if ALL else 25
TRIED = CASES if ALL else tuple(case for case in CASES if case.name == "update")

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def syscalls() -> str:
    """As strace wants them; `?`: not every kernel has each."""
    return ",".join(f"?{name},?{name}at" for name in WRITING)


def traced(laptop: Laptop, case: Case, *options: str) -> "subprocess.CompletedProcess[bytes]":
    arguments = case.arguments(laptop)
    command = [sys.executable, "-B", "-m", "jobsync.entry" if arguments[0] == "finish" else "jobsync", *arguments]
    argv = ["strace", "-qq", "-o", str(laptop.root / "trace"), *options, *command]
    return subprocess.run(argv, cwd=laptop.work, env=laptop.environment, capture_output=True, timeout=120)


def points(laptop: Laptop, case: Case) -> list[tuple[str, int]]:
    """Every such syscall that this sync makes now, as its name and the how-manieth of that name it is."""
    assert traced(laptop, case, "-e", f"trace={syscalls()}").returncode in (0, 1)
    lines = (laptop.root / "trace").read_text(errors="replace").splitlines()
    names = [line.partition("(")[0] for line in lines if line.startswith(WRITING)]
    return [(name, names[: place + 1].count(name)) for place, name in enumerate(names)]


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("case", TRIED, ids=lambda case: case.name)
def test_the_next_sync_converges_after_a_kill_at_any_writing_syscall(registered: Laptop, case: Case, part: int) -> None:
    case.prepare(registered)
    found = points(registered, case)
    assert_converges(registered, case.wanted, "without a kill")
    begin_anew(registered)
    assert len(found) > 20
    killed = 0
    tried = found[part :: STEP * PARTS]
    for name, number in tried:
        case.prepare(registered)
        ended = traced(registered, case, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
        killed += ended.returncode == -signal.SIGKILL
        assert ended.returncode in (0, 1, -signal.SIGKILL), ended
        assert_converges(registered, case.wanted, (name, number))
        begin_anew(registered)
    print(f"{case.name}: killed at {killed} of {len(tried)} syscalls")
    # The last few may not come: the first sync makes directories that later ones find, among 15 calls as many as four.
    assert killed >= len(tried) * 2 / 3
