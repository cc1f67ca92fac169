"""The demo, where its scenes do not show it; they check themselves."""

from datetime import datetime, timedelta
from pathlib import Path

from jobsync import demo
from jobsync.definitions.job import Machine
from jobsync.definitions.load import load
from jobsync.definitions.slots import next_runs
from jobsync.repo.trees import WorkTree
from jobsync.simulator.control import ask

from .hours import lunch

HALF_AN_HOUR = timedelta(minutes=30)


def test_no_job_of_the_demo_starts_by_itself_whatever_the_hour(tmp_path: Path) -> None:
    with demo.BACKENDS["launchd"](tmp_path):
        begin = datetime.fromtimestamp(ask(tmp_path / "launchd", "now", {})["now"]).astimezone()
    assert abs(begin - lunch().astimezone()) < timedelta(minutes=5)
    machine = Machine("here", ("ai",), "macos", str(tmp_path), "demo", str(demo.template()), "launchd")
    jobs = load(WorkTree(str(demo.template())), machine).jobs
    times = [next_runs(job.schedule.slots, begin, 1)[0] for job in jobs if job.schedule.slots]
    assert len(times) > 2 and min(times) > begin + HALF_AN_HOUR
