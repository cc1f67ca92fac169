"""A sync that is killed at any effect boundary: the next one converges, and the one after it does nothing.

`TRUST_KILLS=all` goes through every boundary (`make trust`); without it every twenty-third one.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pytest

from jobsync.runs import records
from jobsync.schedulers import launchd_print
from jobsync.schedulers.launchd import domain

from ..forks import run
from ..laptop import JOB, Laptop, Snapshot
from .killer import killed, killed_holding

ALL = os.environ.get("TRUST_KILLS") == "all"
STEP = 1 if ALL else 23
PARTS = 3 if ALL else 1
"""Tests that share the boundaries of one case: no processor is left with a long one at the end."""
LEAST = 8 if ALL else 2
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
    laptop.wait_for(lambda: is_idle(laptop))  # else the change waits for what ends, and does less
    ended = run(killed, str(boundary), *(arguments or ("sync",)), at=laptop.work, env=laptop.environment)
    assert ended.status in (0, 1, -signal.SIGKILL), ended
    assert "Traceback" not in ended.err, ended
    return ended.status < 0


def ours(laptop: Laptop) -> Snapshot:
    """The snapshot without what jobs themselves write: a daemon that launchd throttles may start at any moment."""
    found = laptop.snapshot().items()
    return {path: state for path, state in found if not re.search("/logs/|/runs|/token", path)}


def is_idle(laptop: Laptop) -> bool:
    """Only the daemon runs: what else does is left as it is by a sync, until it has ended."""
    return launchd_print.running(laptop.launchctl("print", domain()).out) <= {laptop.label("two")}


def assert_converges(laptop: Laptop, wanted: Collection[str], where: object) -> None:
    laptop.simulator.clear_faults()
    laptop.wait_for(lambda: is_idle(laptop))
    done = laptop.jobsync("sync")
    assert laptop.installed() == laptop.loaded() == wanted, (where, done)
    laptop.mutations()
    before = ours(laptop)
    again = laptop.jobsync("sync")
    assert again.out.splitlines()[-1] == f"{len(wanted)} unchanged", (where, done, again)
    assert laptop.mutations() == [], where
    assert ours(laptop) == before, where
    assert not list(laptop.home.rglob("*.jobsync-tmp")), where


def begin_anew(laptop: Laptop) -> None:
    for name in sorted(laptop.installed()):
        laptop.drop(f"jobs/{name}")
    laptop.jobsync("sync", "--allow-removals")
    assert laptop.installed() == laptop.loaded() == set()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_next_sync_converges_after_a_kill_at_any_boundary(registered: Laptop, case: Case, part: int) -> None:
    kills = 0
    for boundary in range(part, MOST, STEP * PARTS):
        case.prepare(registered)
        if not kill_at(registered, boundary, *case.arguments(registered)):
            break
        kills += 1
        assert_converges(registered, case.wanted, boundary)
        begin_anew(registered)
    else:
        pytest.fail(f"it had more than {MOST} boundaries")
    print(f"{case.name}: killed at {kills} boundaries")
    assert kills >= LEAST


# -- a start that a killed sync's hold swallowed


def counting(laptop: Laptop, hour: str) -> str:
    """A job that writes a line for each of its runs; it may start again soon."""
    at = JOB.replace("09", hour).partition("[schedule]")[2]
    return f"run = \"echo {hour} >>'{laptop.root}/ran'\"\n[schedule]{at}[launchd]\nThrottleInterval = 1\n"


def swallow_a_start(laptop: Laptop) -> None:
    """A sync is killed while it keeps the job from starting, and the job's slot comes."""
    (laptop.root / "ran").unlink(missing_ok=True)
    laptop.job("one", counting(laptop, "09"))
    laptop.jobsync("sync")
    laptop.job("one", counting(laptop, "10"))
    assert run(killed_holding, "sync", at=laptop.work, env=laptop.environment).status == -signal.SIGKILL
    known = len(held(laptop))
    laptop.launchctl("kickstart", laptop.target("one"))
    laptop.wait_for(lambda: len(held(laptop)) > known)
    laptop.mutations()


def held(laptop: Laptop) -> list[records.Run]:
    return [one for one in records.read(laptop.state / "runs" / "one") if one.skipped == records.HELD]


def let_it_come(laptop: Laptop) -> None:
    """A minute passes: what the killed sync asked for has come by now, or never will."""
    if ["kickstart"] in [call[:1] for call in laptop.mutations()]:
        laptop.wait_for((laptop.root / "ran").exists)
    laptop.simulator.settle()
    for path in (laptop.state / "owed").glob("*"):
        os.utime(path, (time.time() - 61,) * 2)


def assert_made_up_for_once(laptop: Laptop, where: object) -> None:
    laptop.wait_for((laptop.root / "ran").exists)
    laptop.simulator.settle()
    laptop.jobsync("sync")
    laptop.simulator.settle()
    assert len((laptop.root / "ran").read_text().splitlines()) == 1, where
    assert not list((laptop.state / "owed").iterdir()), where
    laptop.mutations()
    assert laptop.jobsync("sync").out.splitlines()[-1] == "1 unchanged", where
    assert laptop.mutations() == [], where


def take_it_back(laptop: Laptop) -> None:
    laptop.job("one", counting(laptop, "09"))


def boot_it_out(laptop: Laptop) -> None:
    laptop.bootout("one")


def leave_it(laptop: Laptop) -> None:
    del laptop


@pytest.mark.parametrize("then", [leave_it, take_it_back, boot_it_out], ids=lambda then: then.__name__)
def test_a_start_that_a_killed_sync_kept_back_comes_with_the_next(
    registered: Laptop, then: Callable[[Laptop], None]
) -> None:
    swallow_a_start(registered)
    then(registered)
    registered.jobsync("sync")
    assert_made_up_for_once(registered, then)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_start_that_is_owed_survives_a_kill_of_the_sync_that_makes_it_up(registered: Laptop, part: int) -> None:
    kills = 0
    for boundary in range(part, MOST, STEP * PARTS):
        swallow_a_start(registered)
        if not kill_at(registered, boundary):
            break
        kills += 1
        let_it_come(registered)
        registered.jobsync("sync")
        assert_made_up_for_once(registered, boundary)
        begin_anew(registered)
    else:
        pytest.fail(f"it had more than {MOST} boundaries")
    print(f"owed: killed at {kills} boundaries")
    assert kills >= LEAST


# -- a change of prefix


def under(laptop: Laptop, prefix: str) -> set[str]:
    """Labels that are installed or loaded under a prefix."""
    installed = {path.stem for path in laptop.agents.glob(f"{prefix}.*")}
    loaded = re.findall(rf"\b{prefix}\.[a-z-]+", laptop.launchctl("print", domain()).out)
    return {*installed, *loaded}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_prefix_that_is_taken_back_after_a_kill_leaves_no_job_twice(registered: Laptop, part: int) -> None:
    registered.job("one")
    registered.job("two", JOB.replace("09", "10"))
    registered.commit()
    before = under(registered, "test")
    for number, boundary in enumerate(range(part, MOST, STEP * PARTS)):
        registered.jobsync("init", "--prefix", "moved", "--yes", "--no-sync")
        if not kill_at(registered, boundary):
            break
        registered.jobsync("init", "--prefix", "test", "--yes", "--no-sync")
        registered.run(*(("jobsync", "sync") if number % 2 else ("jobsync-hook", "post-merge", "0")))
        registered.wait_for(lambda: not under(registered, "moved"), 20)
        assert under(registered, "test") == before, boundary
    else:
        pytest.fail(f"it had more than {MOST} boundaries")
    assert number > LEAST
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"
