"""A sync that is killed at any effect boundary: the next one converges, and the one after it does nothing.

`TRUST_KILLS=all` goes through every boundary (`make trust`); without it every third one.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop, Snapshot

KILLER = Path(__file__).with_name("killer.py")
STEP = 1 if os.environ.get("TRUST_KILLS") == "all" else 3
MOST = 200
"""More boundaries than any of these syncs has."""

DAEMON = 'run = "sleep 600"\n[daemon]\nrestart = "always"\n'


def create(laptop: Laptop) -> None:
    laptop.job("one")
    laptop.job("two", DAEMON)


def update(laptop: Laptop) -> None:
    create(laptop)
    laptop.jobsync("sync")
    laptop.job("one", JOB.replace("09", "10"))
    laptop.job("two", DAEMON.replace("600", "700"))


def remove(laptop: Laptop) -> None:
    create(laptop)
    laptop.job("three")
    laptop.job("four")
    laptop.jobsync("sync")
    laptop.drop("jobs/two")


def repair(laptop: Laptop) -> None:
    create(laptop)
    laptop.jobsync("sync")
    path = laptop.plist_path("one")
    path.write_bytes(path.read_bytes().replace(b"<integer>9</integer>", b"<integer>11</integer>"))


def kill_at(laptop: Laptop, boundary: int) -> bool:
    """Whether the sync was still running at that boundary."""
    argv = [sys.executable, str(KILLER), str(boundary), "sync"]
    ended = subprocess.run(argv, cwd=laptop.work, env=laptop.environment, capture_output=True, timeout=60)
    assert ended.returncode in (0, -signal.SIGKILL), ended
    return ended.returncode != 0


def ours(laptop: Laptop) -> Snapshot:
    """The snapshot without what jobs themselves write: a daemon that launchd throttles may start at any moment."""
    found = laptop.snapshot().items()
    return {path: state for path, state in found if "/logs/" not in path and "/runs" not in path}


def assert_converges(laptop: Laptop, wanted: set[str], boundary: int) -> None:
    done = laptop.jobsync("sync")
    assert laptop.installed() == laptop.loaded() == wanted, (boundary, done)
    laptop.mutations()
    before = ours(laptop)
    again = laptop.jobsync("sync")
    assert again.out.splitlines()[-1] == f"{len(wanted)} unchanged", (boundary, again)
    assert laptop.mutations() == [], boundary
    assert ours(laptop) == before, boundary
    assert not list(laptop.home.rglob("*.jobsync-tmp")), boundary


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prepare", "wanted"),
    [
        (create, {"one", "two"}),
        (update, {"one", "two"}),
        (remove, {"one", "three", "four"}),
        (repair, {"one", "two"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_the_next_sync_converges_after_a_kill_at_any_boundary(
    registered: Laptop, prepare: Callable[[Laptop], None], wanted: set[str]
) -> None:
    killed = 0
    for boundary in range(0, MOST, STEP):
        prepare(registered)
        if not kill_at(registered, boundary):
            break
        killed += 1
        assert_converges(registered, wanted, boundary)
        for name in sorted(registered.installed()):
            registered.drop(f"jobs/{name}")
        registered.jobsync("sync", "--allow-removals")
        assert registered.installed() == registered.loaded() == set()
    else:
        pytest.fail(f"the sync had more than {MOST} boundaries")
    print(f"killed at {killed} boundaries")
    assert killed >= 4
