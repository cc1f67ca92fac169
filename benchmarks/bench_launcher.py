"""What a job pays for its launcher: a plain one, and one that uses most parts, beside running the command directly."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobsync.definitions.job import Argv, Expect, Job, Limits, Line, Notify, Retry
from jobsync.paths import Paths
from jobsync.runs import launcher
from jobsync.values import replace

from .bench import Bench
from .runner import Alternative
from .tables import Claim, Table

TARGET = 5.0
"""Milliseconds that a plain launcher may add on a quiet machine."""


def tables(bench: Bench) -> Iterator[Table]:
    """One table."""
    with bench.passing_directory("launcher") as root:
        yield _table(bench, root)


def _table(bench: Bench, root: Path) -> Table:
    places = [root / name for name in ("agents", "state/id", "data/id", "logs", "env")]
    paths = Paths(*places)
    plain = Job("plain", "", Argv(("/bin/true",)), str(root), str(root))
    full = replace(
        plain, name="full", limits=Limits(timeout=3600, lock="bench"), retry=Retry(),
        expect=Expect(prints_not=("never",)), notify=Notify(run=Line("true")),
    )  # fmt: skip
    paths.launchers.mkdir(parents=True)
    for job in (plain, full):
        file = paths.launcher(job.name)
        file.write_bytes(launcher.render(job, f"bench.{job.name}", "jobs/bench/job.toml", paths))
        file.chmod(0o700)
        # As it is on most days: with all logs there that are kept.
        for _ in range(launcher.KEPT_LOGS + 1):
            subprocess.run([file], check=True)

    def added(run: Mapping[str, float]) -> float:
        return (run["plain launcher"] - run["the command itself"]) * 1000

    ways = [
        Alternative("the command itself", ("/bin/true",)),
        Alternative("sh -c", ("/bin/sh", "-c", "/bin/true; exit $?")),
        Alternative("plain launcher", (paths.launcher("plain"),)),
        Alternative("launcher with most parts", (paths.launcher("full"),)),
    ]
    claims = (Claim("plain launcher - the command itself", added, TARGET, "ms"),)
    return bench.table("launcher", "A job's launcher beside its command", ways, claims=claims)
