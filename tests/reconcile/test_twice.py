"""Applying twice does nothing the second time: for every way in which a plan may change the machine."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from jobsync.definitions.job import Job, Restart, Schedule
from jobsync.reconcile.state import Outcome, Unwanted, Want
from jobsync.values import replace

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
    before = bench.rest()
    bench.mutations()
    assert set(bench.sync(*way.now).values()) <= {Outcome.UNCHANGED}
    assert bench.mutations() == []
    assert bench.snapshot() == before


def again(bench: Bench, want: Want) -> dict[str, Outcome]:
    """Plan and apply once more; what became of each job."""
    return {name: result.outcome for name, result in bench.apply(bench.plan(want)).results.items()}


def does_nothing(bench: Bench, want: Want, outcome: Outcome) -> None:
    before = bench.rest()
    bench.mutations()
    assert set(again(bench, want).values()) == {outcome}
    assert bench.mutations() == []
    assert bench.snapshot() == before


def test_a_daemon_is_restarted_once_for_one_change_of_its_inputs(bench: Bench) -> None:
    daemon = replace(DAEMON, launchd={"ThrottleInterval": 1})
    bench.sync(daemon)
    logs = bench.paths.job_logs(bench.label())
    until(lambda: len(list(logs.glob("*.log"))) == 1)  # else it may be killed before it has said that it began
    want = Want({"one": replace(bench.wanted(daemon), launch_digest="other inputs")})
    bench.mutations()
    assert again(bench, want) == {"one": Outcome.RESTARTED}
    assert [call[:2] for call in bench.mutations()] == [["kickstart", "-k"]]
    until(lambda: len(bench.runs()) == len(list(logs.glob("*.log"))) == 2)  # what starts writes these
    does_nothing(bench, want, Outcome.UNCHANGED)


def test_a_paused_daemon_is_taken_away_once(bench: Bench) -> None:
    bench.sync(DAEMON)
    want = Want({"one": Unwanted("paused by you", Outcome.PAUSED)})
    assert again(bench, want) == {"one": Outcome.PAUSED}
    assert bench.loaded() == set()
    does_nothing(bench, want, Outcome.PAUSED)


def test_a_disabled_job_is_written_once_and_never_loaded(bench: Bench) -> None:
    bench.launchctl("disable", bench.target())
    assert bench.sync(job()) == {"one": Outcome.PAUSED}
    assert bench.is_installed_as(job())
    does_nothing(bench, bench.want(job()), Outcome.PAUSED)
    bench.launchctl("enable", bench.target())
    assert bench.sync(job()) == {"one": Outcome.RELOADED}


def test_a_conflict_stays_one_until_the_stranger_is_gone(bench: Bench) -> None:
    bench.plist().write_bytes(b"theirs")
    assert bench.sync(job()) == {"one": Outcome.CONFLICT}
    does_nothing(bench, bench.want(job()), Outcome.CONFLICT)
    bench.plist().unlink()
    assert bench.sync(job()) == {"one": Outcome.INSTALLED}


def test_a_deferred_job_is_deferred_again_and_again(bench: Bench) -> None:
    bench.sync(job(command=SLEEP))
    bench.start()
    changed = job(hour=10, command=SLEEP)
    assert bench.sync(changed) == {"one": Outcome.DEFERRED}
    does_nothing(bench, bench.want(changed), Outcome.DEFERRED)


def test_without_a_session_files_are_written_once(bench: Bench) -> None:
    bench.mac.logout()
    assert bench.sync(job()) == {"one": Outcome.DEFERRED}
    assert bench.is_installed_as(job())
    does_nothing(bench, bench.want(job()), Outcome.DEFERRED)
    bench.mac.login()
    until(lambda: bench.loaded() == {"one"})
    assert bench.sync(job()) == {"one": Outcome.UNCHANGED}
