"""The launcher of one job, at the places below `root`, which each file of tests makes."""

from pathlib import Path

import pytest

from jobsync.definitions.job import Job, Line
from jobsync.paths import Paths

from .bench import Bench


@pytest.fixture
def bench(root: Path) -> Bench:
    here = root / "work" / "jobs" / "one"
    here.mkdir(parents=True)
    paths = Paths(
        agents=root / "agents", state=root / "state", launchers=root / "data", logs=root / "logs",
        secrets=root / "config" / "env",
    )  # fmt: skip
    paths.state.mkdir()
    job = Job(name="one", description="", command=Line("true"), directory=str(here), home_directory=str(here))
    return Bench(paths, job)
