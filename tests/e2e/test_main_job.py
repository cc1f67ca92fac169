"""The main job: a pull brings the scheduler in line, and everything else leaves it alone."""

from ..conftest import laptop
from ..laptop import JOB, Laptop

__all__ = ["laptop"]  # the one of processes, as a user starts them


def test_a_pull_installs_updates_and_removes_jobs(registered: Laptop) -> None:
    registered.job("one", at=registered.editor)
    registered.job("two", at=registered.editor)
    registered.push()
    commit = registered.git("rev-parse", "--short", "HEAD", at=registered.editor).out.strip()
    assert registered.pull().err == f"jobsync: installed one, two (new in {commit})\n"
    assert registered.loaded() == registered.installed() == {"one", "two"}

    registered.mutations()
    registered.job("one", JOB.replace("09:00", "10:00"), at=registered.editor)
    registered.push()
    assert registered.pull().told == "jobsync: updated one (changed: jobs/one/job.toml in COMMIT)\n"
    assert registered.plist("one")["StartCalendarInterval"] == [{"Hour": 10, "Minute": 0}]
    assert [call[0] for call in registered.mutations()] == ["bootout", "bootstrap"]

    registered.drop("jobs/two", at=registered.editor)
    registered.push()
    assert "removed two" in registered.pull().err
    assert registered.loaded() == registered.installed() == {"one"}


def test_the_second_sync_says_unchanged_and_does_nothing(registered: Laptop) -> None:
    for number in range(3):
        registered.job(f"job{number}")
    registered.job("watch", 'run = "sleep 1000"\n[daemon]\nrestart = "always"\n')
    registered.commit()
    registered.jobsync("sync")
    registered.mutations()
    before = registered.snapshot()
    said = registered.jobsync("sync").out
    assert said.splitlines()[-1] == "4 unchanged"
    assert registered.mutations() == []
    assert registered.snapshot() == before


def test_a_sync_starts_no_job(registered: Laptop) -> None:
    registered.job("slot")
    registered.job("login", 'run = "true"\n[schedule]\nat_login = true\n')
    registered.job("byhand", 'run = "touch ~/ran"\n')
    registered.commit()
    registered.job("slot", JOB.replace("09", "11"))
    registered.jobsync("sync")
    registered.simulator.settle()
    assert registered.runs("slot") == registered.runs("byhand") == 0
    # launchd starts a RunAtLoad job whenever it is loaded; the launcher then knows that it was no login.
    registered.wait_for(lambda: "skip" in (registered.state / "runs" / "login").read_text())
    assert not (registered.home / "ran").exists()
