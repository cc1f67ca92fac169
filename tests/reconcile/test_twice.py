"""Applying twice does nothing the second time: for every way in which a plan may change the machine."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from jobsync.definitions.job import Job, Restart, Schedule
from jobsync.reconcile.state import Outcome

from .bench import SLEEP, Bench, job, until

DAEMON = job(schedule=Schedule(), daemon=Restart.ALWAYS, command=SLEEP)


def nothing(bench: Bench) -> None:
    """Nothing happens in between."""


def edit(bench: Bench) -> None:
    bench.plist().write_bytes(bench.plist().read_bytes().replace(b"<integer>9</integer>", b"<integer>8</integer>"))


def lose_ledger(bench: Bench) -> None:
    bench.paths.ledger.unlink()


def forget_everything(bench: Bench) -> None:
    bench.bootout()
    bench.plist().unlink()
    bench.paths.launcher("one").unlink()
    bench.paths.ledger.unlink()


def reboot(bench: Bench) -> None:
    bench.mac.reboot()
    until(lambda: "one" in bench.loaded())


@dataclass(frozen=True)
class Way:
    """A first state, what happened since, what is wanted now, and what a sync makes of it."""

    name: str
    first: tuple[Job, ...]
    happened: Callable[[Bench], None]
    now: tuple[Job, ...]
    outcome: Outcome | None


WAYS = (
    Way("installed", (), nothing, (job(),), Outcome.INSTALLED),
    Way("unchanged", (job(),), nothing, (job(),), Outcome.UNCHANGED),
    Way("updated", (job(hour=8),), nothing, (job(),), Outcome.UPDATED),
    Way("updated launcher", (job(line="false"),), nothing, (job(),), Outcome.UPDATED),
    Way("reloaded", (job(),), Bench.bootout, (job(),), Outcome.RELOADED),
    Way("restarted", (DAEMON,), nothing, (job(schedule=Schedule(), daemon=Restart.ALWAYS, line="exec sleep 1001"),),
        Outcome.UPDATED),
    Way("repaired", (job(),), edit, (job(),), Outcome.REPAIRED),
    Way("removed", (job(), job("two")), nothing, (job("two"),), Outcome.REMOVED),
    Way("ledger lost", (job(),), lose_ledger, (job(),), Outcome.UNCHANGED),
    Way("ledger lost and changed", (job(hour=8),), lose_ledger, (job(),), Outcome.UPDATED),
    Way("ledger lost and orphaned", (job(), job("two")), lose_ledger, (job("two"),), Outcome.REMOVED),
    Way("all lost", (job(),), forget_everything, (job(),), Outcome.INSTALLED),
    Way("rebooted", (job(),), reboot, (job(),), Outcome.UNCHANGED),
    Way("at login", (), nothing, (job(schedule=Schedule(at_login=True)),), Outcome.INSTALLED),
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_second_time_nothing_is_done(bench: Bench, way: Way) -> None:
    if way.first:
        bench.sync(*way.first)
    way.happened(bench)
    assert bench.sync(*way.now).get("one") is way.outcome
    assert all(bench.is_installed_as(one) and bench.is_loaded_as(one) for one in way.now)
    assert bench.loaded() == {one.name for one in way.now}
    assert {path.name for path in bench.paths.launchers.iterdir()} == {one.name for one in way.now}
    bench.mac.settle(patience=0.2)
    bench.mutations()
    before = bench.snapshot()
    assert set(bench.sync(*way.now).values()) <= {Outcome.UNCHANGED}
    assert bench.mutations() == []
    assert bench.snapshot() == before
