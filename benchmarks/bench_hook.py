"""What every user pays at every pull: the installed hook where nothing has changed."""

from collections.abc import Iterator, Mapping

from .bench import Bench
from .machines import CC, Start, has_systemd, on_systemd, simulated, stubbed
from .tables import Claim, Table

_READ_ALL = """
import sys
for path in open(sys.argv[1]).read().split("\\n"):
    with open(path, "rb") as file:
        file.read()
"""
"""A plain loop over the installed files, which nobody who compares bytes can undercut."""


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((100, 1000)) if has_systemd(bench) else ():
        yield _beside_its_query(bench, jobs, "systemd", "real systemd", on_systemd)
    for jobs in bench.pick((100,)):
        yield _beside_its_query(bench, jobs, "simulated", "simulated launchd", simulated)
    for jobs in bench.pick((10, 100, 1000, 10_000)) if CC else ():
        yield _native(bench, jobs)


def _ratio(text: str, at_most: float | None) -> Claim:
    return Claim(text, lambda run: run["hook"] / (run["bare Python"] + run["the query"]), at_most)


def _beside_its_query(bench: Bench, jobs: int, word: str, scheduler: str, start: Start) -> Table:
    with start(bench, jobs) as machine:
        return bench.table(
            f"hook-{word}-{jobs}",
            f"The hook, nothing changed, {jobs:,} jobs, {scheduler}",
            (machine.bare(), machine.query("the query"), machine.hook("hook")),
            claims=(_ratio("hook ÷ (bare Python + the query)", 1.6 if jobs <= 100 else None),),
        )


def _native(bench: Bench, jobs: int) -> Table:
    with stubbed(bench, jobs) as machine:
        listing = machine.root / "files"
        listing.write_text("\n".join(path for _, _, path in machine.settled.files), encoding="utf-8")
        reading = machine.alternative("reading every file", machine.installed.python, "-c", _READ_ALL, listing)

        def per_job(run: Mapping[str, float]) -> float:
            """Of ours above bare Python and the query, over the loop's above bare Python."""
            ours = run["hook"] - run["bare Python"] - run["the query"]
            return ours / (run["reading every file"] - run["bare Python"])

        to_bare = Claim("hook ÷ bare Python", lambda run: run["hook"] / run["bare Python"],
                        {1000: 2.2, 10_000: 10.0}.get(jobs))  # fmt: skip
        beside = Claim("(hook - bare Python - the query) ÷ (reading every file - bare Python)", per_job,
                       1.5 if jobs >= 1000 else None)  # fmt: skip
        return bench.table(
            f"hook-{jobs}",
            f"The hook, nothing changed, {jobs:,} jobs, native scheduler",
            (machine.bare(), machine.query("the query"), reading, machine.hook("hook")),
            claims=(_ratio("hook ÷ (bare Python + the query)", 1.6), to_bare, beside) if jobs <= 100
            else (to_bare, beside),
        )  # fmt: skip
