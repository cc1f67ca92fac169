"""A disk that is full, read-only, closed or broken, at every single call; and places that are not what they should be.

Each time: a sentence and exit status 1, nothing lost, nothing foreign touched, and the next sync on a sound disk
converges. `TRUST_KILLS=all` goes through every call (`make trust`); without it a few of each error are tried.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.plan import Orders

from ..laptop import JOB, Laptop
from .machines import Pair, two_repositories

SPOILER = Path(__file__).with_name("spoiler.py")
ALL = os.environ.get("TRUST_KILLS") == "all"
ERRORS = {
    "ENOSPC": "No space left on device",
    "EACCES": "Permission denied",
    "EROFS": "Read-only file system",
    "EIO": "Input/output error",
}
STEP = 1 if ALL else 23
MOST = 1000
"""More calls than any of these syncs makes."""
DAEMON = 'run = "sleep 600"\n[daemon]\nrestart = "always"\n'
EDIT = b"\t<key>Nice</key>\n\t<integer>7</integer>\n</dict>\n</plist>"


def change(laptop: Laptop, turn: int) -> bytes:
    """An update, a restart, a removal, a new job, and a hand edit (given) for the next sync to meet."""
    laptop.job("one", JOB.replace("09", f"{10 + turn % 10}"))
    laptop.job("two", DAEMON.replace("600", str(600 + turn)))
    laptop.job("four" if turn % 2 else "five")
    if (laptop.work / "jobs" / ("five" if turn % 2 else "four")).exists():
        laptop.drop(f"jobs/{'five' if turn % 2 else 'four'}")
    plist = laptop.plist_path("three")
    plist.write_bytes(plist.read_bytes().replace(b"</dict>\n</plist>", EDIT.replace(b"7", str(turn).encode())))
    return plist.read_bytes()


def spoilt_sync(laptop: Laptop, mode: str, number: int, error: str) -> tuple["subprocess.CompletedProcess[str]", int]:
    """How a sync on such a disk ended, and how many calls could have been hit."""
    argv = [sys.executable, str(SPOILER), mode, str(number), error, "sync", "--allow-removals"]
    count = laptop.root / "spoilt"
    env = {**laptop.environment, "JOBSYNC_SPOILER": str(count)}
    ended = subprocess.run(argv, cwd=laptop.work, env=env, capture_output=True, timeout=120, text=True)
    return ended, int(count.read_text())


def assert_honest(ended: "subprocess.CompletedProcess[str]", error: str) -> None:
    """Trouble is status 1 and a sentence with the system's words; anything else is success."""
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, said
    assert ended.returncode in (0, 1), (ended, bugs(ended))
    assert ended.returncode == 0 or ERRORS[error] in said, ended


def bugs(ended: "subprocess.CompletedProcess[str]") -> str:
    """The end of the log of a bug, for whoever reads the failure."""
    path = Path(ended.stderr.rpartition("report it with ")[2].strip() or "/nonexistent")
    return path.read_text() if path.is_file() else ""


def copies(laptop: Laptop) -> list[bytes]:
    """Everything that was kept of hand edits, and what is installed."""
    kept = (laptop.home / ".local/state/jobsync").glob("*/kept/*")
    return [path.read_bytes() for path in (*kept, laptop.plist_path("three")) if path.is_file()]


def assert_converges(pair: Pair, wanted: set[str]) -> None:
    laptop = pair.first
    laptop.jobsync("sync", "--allow-removals")
    assert laptop.installed() - {"theirs"} == laptop.loaded() - {"theirs"} == wanted
    laptop.mutations()
    assert laptop.jobsync("sync").out.splitlines()[-1] == f"{len(wanted)} unchanged"
    assert laptop.mutations() == []
    assert not list(laptop.home.rglob("*.jobsync-tmp"))


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A machine with jobs in place."""
    with two_repositories() as made:
        for name in ("one", "three"):
            made.first.job(name)
        made.first.drop("jobs/ant")
        made.first.job("two", DAEMON)
        made.first.jobsync("sync", "--allow-removals")
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "ever"])
@pytest.mark.parametrize("error", ERRORS)
def test_a_disk_that_fails_at_any_call_loses_nothing(pair: Pair, error: str, mode: str) -> None:
    laptop, foreign = pair.first, pair.foreign.read_bytes()
    failed = 0
    for turn, number in enumerate(range(0, MOST, STEP)):
        edit = change(laptop, turn)
        ended, calls = spoilt_sync(laptop, mode, number, error)
        assert_honest(ended, error)
        assert edit in copies(laptop), f"the hand edit was lost at call {number}"
        assert pair.foreign.read_bytes() == foreign
        failed += ended.returncode == 1
        assert_converges(pair, {"one", "two", "three", "four" if turn % 2 else "five"})
        if calls <= number:
            break
    else:
        pytest.fail(f"a sync made more than {MOST} such calls")
    print(f"{error} {mode}: {turn + 1} syncs, {failed} of them failed")
    assert failed >= 1
