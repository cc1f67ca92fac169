"""A sync that is killed at any effect boundary: the next one converges, and the one after it does nothing.

`TRUST_KILLS=all` goes through every boundary (`make trust`); without it every thirteenth one.
"""

import os
import re
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pytest

from ..forks import run
from ..laptop import JOB, Laptop, Snapshot
from .killer import killed

STEP = 1 if os.environ.get("TRUST_KILLS") == "all" else 13
MOST = 200
"""More boundaries than any of these syncs has."""

DAEMON = 'run = "sleep 600"\n[daemon]\nrestart = "always"\n'


def create(laptop: Laptop) -> None:
    laptop.job("one", JOB + "at_login = true\n")
    laptop.job("two", DAEMON)


def update(laptop: Laptop) -> None:
    create(laptop)
    laptop.jobsync("sync")
    laptop.job("one", JOB.replace("09", "10") + "at_login = true\n")
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


def rollback(laptop: Laptop) -> None:
    """launchd refuses the new definition for good, and takes the former one back."""
    update(laptop)
    laptop.simulator.fault("bootstrap", code=5, times=5, label="test.one")


def finish(laptop: Laptop) -> None:
    """A change that a run held up, the run over, and nobody has finished it yet."""
    text = laptop.config_file.read_text()
    # The waiter that the sync would start by itself: it must not come before the one that is to be killed.
    laptop.config_file.write_text(re.sub(r'(?m)^hook = ".*"$', 'hook = "/nonexistent/jobsync-hook"', text))
    create(laptop)
    laptop.job("one", JOB.replace('"true"', '"sleep 1000"'))
    laptop.jobsync("sync")
    laptop.launchctl("kickstart", laptop.target("one"))
    laptop.job("one", JOB.replace("09", "10"))
    assert "deferred" in laptop.jobsync("sync").out
    laptop.launchctl("kill", "TERM", laptop.target("one"))
    laptop.wait_for(lambda: "\tpid = " not in laptop.launchctl("print", laptop.target("one")).out)


@dataclass(frozen=True)
class Case:
    """What is killed, and the jobs that are there after the next sync."""

    prepare: Callable[[Laptop], None]
    wanted: frozenset[str] = frozenset({"one", "two"})

    @property
    def name(self) -> str:
        return self.prepare.__name__

    def arguments(self, laptop: Laptop) -> tuple[str, ...]:
        """Of the process that is to be killed."""
        return ("finish", laptop.state.name) if self.prepare is finish else ("sync",)


CASES = (
    Case(create),
    Case(update),
    Case(remove, frozenset({"one", "three", "four"})),
    Case(repair),
    Case(rollback),
    Case(finish),
)


def kill_at(laptop: Laptop, boundary: int, *arguments: str) -> bool:
    """Whether it was still running at that boundary."""
    ended = run(killed, str(boundary), *(arguments or ("sync",)), at=laptop.work, env=laptop.environment)
    assert ended.status in (0, 1, -signal.SIGKILL), ended
    assert "Traceback" not in ended.err, ended
    return ended.status < 0


def ours(laptop: Laptop) -> Snapshot:
    """The snapshot without what jobs themselves write: a daemon that launchd throttles may start at any moment."""
    found = laptop.snapshot().items()
    return {path: state for path, state in found if not re.search("/logs/|/runs|/token", path)}


def assert_converges(laptop: Laptop, wanted: Collection[str], where: object) -> None:
    laptop.simulator.clear_faults()
    done = laptop.jobsync("sync")
    assert laptop.installed() == laptop.loaded() == wanted, (where, done)
    laptop.mutations()
    before = ours(laptop)
    again = laptop.jobsync("sync")
    assert again.out.splitlines()[-1] == f"{len(wanted)} unchanged", (where, again)
    assert laptop.mutations() == [], where
    assert ours(laptop) == before, where
    assert not list(laptop.home.rglob("*.jobsync-tmp")), where


def begin_anew(laptop: Laptop) -> None:
    for name in sorted(laptop.installed()):
        laptop.drop(f"jobs/{name}")
    laptop.jobsync("sync", "--allow-removals")
    assert laptop.installed() == laptop.loaded() == set()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_next_sync_converges_after_a_kill_at_any_boundary(registered: Laptop, case: Case) -> None:
    kills = 0
    for boundary in range(0, MOST, STEP):
        case.prepare(registered)
        if not kill_at(registered, boundary, *case.arguments(registered)):
            break
        kills += 1
        assert_converges(registered, case.wanted, boundary)
        begin_anew(registered)
    else:
        pytest.fail(f"it had more than {MOST} boundaries")
    print(f"{case.name}: killed at {kills} boundaries")
    assert kills >= 3
