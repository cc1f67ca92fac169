"""Many daemons that take a second to end are changed at once: they must drain together, not one after the other."""

from collections.abc import Iterator

from .bench import Bench
from .bench_change import changer
from .machines import Machine, simulated
from .tables import Claim, Table

_DAEMON = """\
run = "trap 'sleep 1; exit 0' TERM; sleep 1000000 & wait"
[daemon]
restart = "always"
[limits]
grace = "1{number:02}s"
"""
"""Ends a second after it is told to; another grace makes it another job to launchd. Until then it only waits: where
each of 100 starts a process ten times a second, the machine has nothing left to measure with."""


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((100,)):
        with simulated(bench, jobs, _DAEMON.replace("{number:02}", "60")) as machine:
            yield _drain(bench, machine, jobs)


def _drain(bench: Bench, machine: Machine, jobs: int) -> Table:
    spawns = machine.query("one launchctl")
    return bench.table(
        f"drain-{jobs}",
        f"{jobs} daemons changed at once, each takes 1 s to end, simulated launchd",
        (spawns, machine.hook("hook", prepare=changer(machine, jobs, _DAEMON))),
        claims=(
            Claim(
                f"hook, without {2 * jobs} starts of the simulator's client",
                lambda run: run["hook"] - 2 * jobs * run["one launchctl"],
                3.0,
                "s",
            ),
        ),
        uncounted=True,
        rounds=15,
    )
