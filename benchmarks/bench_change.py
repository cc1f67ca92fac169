"""One job of many has changed, and a hook does it; and how often launchctl is called when k jobs have."""

from collections.abc import Callable, Iterator
from pathlib import Path

from .bench import Bench
from .machines import CC, JOB, Machine, has_systemd, on_systemd, stubbed
from .runner import Alternative
from .tables import Claim, Table

_OTHER = JOB.replace("{minute:02}", "{number:02}")


def changer(machine: Machine, count: int = 1, text: str = _OTHER) -> Callable[[], None]:
    """Commits another definition of the first `count` jobs each time; no hook runs."""
    number = 0

    def change() -> None:
        nonlocal number
        number += 1
        for job in range(count):
            machine.put_job(job, text.replace("{number:02}", f"{number % 60:02}"))
        machine.commit()

    return change


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((100, 1000)) if CC else ():
        with stubbed(bench, jobs) as machine:
            yield _one_of_many(bench, machine, jobs, "native", "native scheduler", _least(machine))
    if has_systemd(bench):
        for jobs in bench.pick((100,)):
            with on_systemd(bench, jobs) as machine:
                yield _one_of_many(bench, machine, jobs, "systemd", "real systemd")
    for jobs in bench.pick((20,)) if CC else ():
        with stubbed(bench, jobs) as machine:
            changes = machine.hook(f"hook, {jobs} changed", prepare=changer(machine, jobs))
            yield bench.table(f"change-all-{jobs}", f"All of {jobs} jobs changed, native scheduler", (changes,))


def _least(machine: Machine) -> Alternative:
    """`least_change.py`."""
    directory, listing = machine.root / "least", machine.root / "files"
    directory.mkdir()
    paths = (str(machine.state / "ledger"), *(path for _, _, path in machine.settled.files))
    listing.write_text("\n".join(paths), encoding="utf-8")
    script = Path(__file__).with_name("least_change.py")
    argv = (machine.installed.python, "-I", "-S", script, machine.launchctl or "", directory, listing)
    return machine.alternative("the least for one", *argv)


def _ratio(over: str, under: str, at_most: float | None = None) -> Claim:
    return Claim(f"{over} ÷ {under}", lambda run: run[over] / run[under], at_most)


def _one_of_many(
    bench: Bench, machine: Machine, jobs: int, word: str, scheduler: str, least: Alternative | None = None
) -> Table:
    def settle() -> None:
        machine.run(machine.work / ".git/hooks/post-merge", "0", env={"GIT_DIR": ".git"})

    beside = (least,) if least else ()
    return bench.table(
        f"change-{word}-{jobs}",
        f"One of {jobs:,} jobs changed, {scheduler}",
        (
            machine.bare(),
            machine.hook("nothing changed", prepare=settle),
            *beside,
            machine.hook("one changed", prepare=changer(machine)),
        ),
        claims=(
            _ratio("one changed", "nothing changed", 1.3),
            *(_ratio(one.name, "nothing changed") for one in beside),
            *(_ratio("one changed", one.name) for one in beside),
        ),
    )
