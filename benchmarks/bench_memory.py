"""How large the processes become with very many jobs."""

from collections.abc import Iterator

from .bench import Bench
from .machines import CC, stubbed
from .tables import Table


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((10_000,)) if CC else ():
        with stubbed(bench, jobs) as machine:
            sync = machine.alternative("sync", machine.installed.jobsync, "sync")
            yield bench.table(
                f"memory-{jobs}",
                f"Memory, nothing changed, {jobs:,} jobs",
                (machine.bare(), machine.hook("hook"), sync),
                facts=("No process may take more than 80 MB.",),
                rounds=15,
                uncounted=True,
            )
