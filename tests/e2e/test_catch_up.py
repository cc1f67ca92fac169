"""Runs that were missed while the machine was off: `jobsync-login` starts what its definition wants made up for."""

import os
import time
from datetime import datetime, timedelta

import pytest

from jobsync.reconcile.own import LOGIN
from jobsync.runs import records

from ..laptop import Laptop


def off_since_yesterday(laptop: Laptop, job: str) -> None:
    """As if this machine had known the job for a day and had been off at its last slot."""
    yesterday = int(time.time()) - 86_400
    os.utime(laptop.plist_path(job), (yesterday, yesterday))
    runs = laptop.state / "runs" / job
    runs.parent.mkdir(exist_ok=True)
    runs.write_text(f"since {yesterday}\n")


def missed_ago(hours: int, catch_up: str) -> str:
    slot = datetime.now() - timedelta(hours=hours)
    return f'run = "true"\n[schedule]\nat = "{slot:%H:%M}"\n{catch_up}\n'


def login(laptop: Laptop) -> str:
    return laptop.run("jobsync-hook", "login", laptop.state.name).err


@pytest.mark.parametrize(
    ("catch_up", "starts"),
    [("catch_up = true", True), ('catch_up = "3h"', True), ('catch_up = "1h"', False), ("catch_up = false", False),
     ("", True)],
)  # fmt: skip
def test_what_was_missed_off_runs_once_within_its_window(registered: Laptop, catch_up: str, starts: bool) -> None:
    registered.job("one", missed_ago(2, catch_up))
    registered.commit()
    off_since_yesterday(registered, "one")
    assert ("one: started, for a run that was missed" in login(registered)) is starts
    registered.simulator.settle()
    runs = records.read(registered.state / "runs" / "one")
    assert [run.status for run in runs] == ([0] if starts else [])
    assert "started" not in login(registered), "once"


def test_what_was_due_before_the_first_sync_does_not_count(registered: Laptop) -> None:
    registered.job("one", missed_ago(2, "catch_up = true"))
    registered.commit()
    assert login(registered) == ""
    assert registered.runs("one") == 0


def test_a_sync_starts_nothing_that_was_missed(registered: Laptop) -> None:
    registered.job("one", missed_ago(2, "catch_up = true"))
    registered.commit()
    off_since_yesterday(registered, "one")
    registered.jobsync("sync")
    assert registered.runs("one") == 0
    assert "did not come" in registered.jobsync("status").text


def test_jobsync_login_is_there_while_a_job_needs_it(registered: Laptop) -> None:
    path = registered.plist_path(LOGIN)
    registered.job("one")
    registered.commit()
    assert not path.exists()
    registered.job("two", 'run = "true"\n[schedule]\nat = "09:00"\ncatch_up = "3h"\n')
    registered.commit()
    assert path.exists(), "a hook brings it"
    registered.put("jobs/one/notes.txt", "another change\n")
    registered.commit()
    assert path.exists(), "and leaves it"
    registered.job("two")
    registered.jobsync("sync")
    assert not path.exists()
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"
