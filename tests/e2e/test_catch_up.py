"""Runs that were missed while the machine was off: `jobsync-login` starts what its definition wants made up for."""

import os
import time

import pytest

from jobsync.reconcile.own import LOGIN
from jobsync.runs import records

from ..laptop import JOB, Laptop


def off_since_yesterday(laptop: Laptop, job: str) -> None:
    """As if this machine had known the job for a day and had been off at its last slot."""
    yesterday = int(time.time()) - 86_400
    os.utime(laptop.plist_path(job), (yesterday, yesterday))
    runs = laptop.state / "runs" / job
    runs.parent.mkdir(exist_ok=True)
    runs.write_text(f"since {yesterday}\n")


def missed_ago(laptop: Laptop, hours: int, catch_up: str) -> str:
    return f'run = "true"\n[schedule]\nat = "{laptop.hours_ago(hours)}"\n{catch_up}\n'


def login(laptop: Laptop) -> str:
    return laptop.run("jobsync-hook", "login", laptop.state.name).err


@pytest.mark.parametrize(
    ("catch_up", "starts"),
    # By the wall clock, two hours ago may be one or three in the night of a change.
    [("catch_up = true", True), ('catch_up = "4h"', True), ('catch_up = "30m"', False), ("catch_up = false", False),
     ("", True)],
)  # fmt: skip
def test_what_was_missed_off_runs_once_within_its_window(registered: Laptop, catch_up: str, starts: bool) -> None:
    registered.job("one", missed_ago(registered, 2, catch_up))
    registered.commit()
    off_since_yesterday(registered, "one")
    assert ("one: started, for a run that was missed" in login(registered)) is starts
    registered.simulator.settle()
    runs = records.read(registered.state / "runs" / "one")
    assert [run.status for run in runs] == ([0] if starts else [])
    assert "started" not in login(registered), "once"


def test_one_that_cannot_be_started_keeps_none_from_it(registered: Laptop) -> None:
    for job in ("one", "two"):
        registered.job(job, missed_ago(registered, 2, "catch_up = true"))
    registered.commit()
    for job in ("one", "two"):
        off_since_yesterday(registered, job)
    (registered.state / "token" / "one").mkdir(parents=True)
    first, second = login(registered).splitlines()
    assert first.startswith("jobsync: one: cannot remove ") and first.endswith("/token/one: Is a directory")
    assert second == "jobsync: two: started, for a run that was missed"


def test_one_that_its_user_switched_off_is_not_started_and_keeps_none_from_it(registered: Laptop) -> None:
    for job in ("one", "two"):
        registered.job(job, missed_ago(registered, 2, "catch_up = true"))
    registered.commit()
    for job in ("one", "two"):
        off_since_yesterday(registered, job)
    registered.launchctl("disable", registered.target("one"))
    registered.bootout("one")
    said = login(registered)
    assert "two: started, for a run that was missed" in said
    assert "one: started" not in said and registered.runs("one") == 0


def test_a_sync_at_login_that_fails_keeps_no_missed_run_away(registered: Laptop) -> None:
    registered.job("one", missed_ago(registered, 2, "catch_up = true"))
    registered.commit()
    registered.init("--at-login")
    registered.jobsync("sync")
    off_since_yesterday(registered, "one")
    lock = registered.state / "lock"
    lock.unlink()
    lock.mkdir()
    first, *_, last = login(registered).splitlines()
    assert first.startswith("jobsync: cannot open ") and last == "jobsync: one: started, for a run that was missed"


def test_what_was_due_before_the_first_sync_does_not_count(registered: Laptop) -> None:
    registered.job("one", missed_ago(registered, 2, "catch_up = true"))
    registered.commit()
    assert login(registered) == ""
    assert registered.runs("one") == 0


def test_a_slot_that_only_an_edit_names_was_not_missed(registered: Laptop) -> None:
    registered.job("one", missed_ago(registered, 5, "catch_up = true"))
    registered.commit()
    off_since_yesterday(registered, "one")
    registered.job("one", missed_ago(registered, 2, "catch_up = true"))
    assert login(registered) == ""
    assert registered.runs("one") == 0


def test_a_sync_starts_nothing_that_was_missed(registered: Laptop) -> None:
    registered.job("one", missed_ago(registered, 2, "catch_up = true"))
    registered.commit()
    off_since_yesterday(registered, "one")
    registered.jobsync("sync")
    assert registered.runs("one") == 0
    assert "did not come" in registered.jobsync("status").text


def test_a_job_that_says_nothing_runs_once_at_the_login_after_its_slot(registered: Laptop) -> None:
    registered.job("one", missed_ago(registered, 2, ""))
    registered.commit()
    registered.simulator.set_time(time.time())
    off_since_yesterday(registered, "one")
    registered.simulator.settle()  # the load of `jobsync-login` was no login, as it has to say itself
    registered.simulator.power_off(60)
    registered.wait_for(lambda: registered.runs("one") == 1)
    registered.simulator.settle()
    registered.simulator.logout()
    registered.simulator.login()
    registered.simulator.settle()
    assert registered.runs(LOGIN) >= 1
    assert len(records.read(registered.state / "runs" / "one")) == 1, "once"
    assert "jobsync-" not in registered.jobsync("status").text, "nobody hears of it"


def test_a_login_that_nobody_asked_to_sync_changes_no_job_and_says_nothing_of_git(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.upstream("two")
    registered.git("fetch", "-q")
    registered.git("reset", "-q", "--hard", "origin/main")
    (registered.work / ".git" / "MERGE_HEAD").write_text("0" * 40 + "\n")
    assert login(registered) == ""
    assert registered.installed() == {"one"}


def test_a_faulty_definition_leaves_jobsync_login_to_its_job(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", "run = 1\n")
    registered.jobsync("sync", status=None)
    assert registered.installed() == {"one"}
    assert registered.plist_path(LOGIN).exists()


def test_jobsync_login_is_there_while_a_job_needs_it(registered: Laptop) -> None:
    path = registered.plist_path(LOGIN)
    never = JOB + "catch_up = false\n"
    registered.job("one", never)
    registered.job("on-login", 'run = "true"\n[schedule]\nat_login = true\n')
    registered.commit()
    assert not path.exists()
    registered.job("two")
    registered.commit()
    assert path.exists(), "a hook brings it"
    registered.put("jobs/one/notes.txt", "another change\n")
    registered.commit()
    assert path.exists(), "and leaves it"
    registered.job("two", never)
    registered.jobsync("sync")
    assert not path.exists()
    assert registered.jobsync("sync").out.splitlines()[-1] == "3 unchanged"


def test_a_hook_takes_jobsync_login_away_with_the_last_job_that_needs_it(registered: Laptop) -> None:
    """Of the jobs that it does not look at, the ledger knows whether they do."""
    for name in ("first", "second"):
        registered.job(name)
    registered.job("daemon", 'run = "sleep 1000"\n[daemon]\n')
    registered.commit()
    for name, stays in (("first", True), ("second", False)):
        registered.git("rm", "-rq", f"jobs/{name}")
        registered.git("commit", "-qm", f"no {name}")
        assert registered.plist_path(LOGIN).exists() is stays, name
    assert registered.jobsync("status", "--exit-code").out.splitlines()[-1] == "1 job, all well"
    for text, stays in ((JOB, True), (JOB + "catch_up = false\n", False)):
        registered.job("third", text)
        registered.commit()
        assert registered.plist_path(LOGIN).exists() is stays, text


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_hook_leaves_jobsync_login_to_a_job_of_the_work_trees(registered: Laptop, *, is_committed: bool) -> None:
    """HEAD changed something about it, and knows no job with slots."""
    registered.put("jobs/one/notes", "one\n")
    if is_committed:
        registered.job("one", 'run = "true"\n')
    registered.commit()
    registered.job("one")
    registered.jobsync("sync")
    registered.put("jobs/one/notes", "another\n")
    registered.put("jobsync.toml", 'jobs = "jobs"\n# every job is affected now\n')
    registered.git("add", "jobs/one/notes", "jobsync.toml")
    registered.git("commit", "-qm", "all but the definition")
    assert registered.installed() == {"one"}
    assert registered.plist_path(LOGIN).exists()
