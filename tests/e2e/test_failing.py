"""A run that failed is told by every hook, in one line, until a run of the job ends well."""

from ..laptop import JOB, Laptop

FLAKY = 'run = "test -e $HOME/well"\n\n[schedule]\nat = "09:00"\n'
DAEMON = 'run = "sleep 1000"\n\n[daemon]\nrestart = "always"\n'
ONE = "jobsync: the last run of flaky failed; `jobsync status flaky` says why\n"


def hook(laptop: Laptop) -> str:
    """What the hooks of a commit that changes no job say; `git` itself checks that its status is 0."""
    return laptop.git("commit", "-q", "--allow-empty", "-m", "nothing").err


def marks(laptop: Laptop) -> set[str]:
    directory = laptop.state / "failing"
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def test_a_failed_run_is_told_by_every_commit_until_one_ends_well(registered: Laptop) -> None:
    registered.job("flaky", FLAKY)
    registered.job("good")
    registered.commit()
    assert hook(registered) == ""
    registered.jobsync("run", "good")
    registered.jobsync("run", "flaky", status=1)
    assert hook(registered) == ONE
    assert hook(registered) == ONE
    assert "the last run ended with exit 1" in registered.jobsync("status", "flaky", status=None).out
    registered.put(str(registered.home / "well"), "")
    registered.jobsync("run", "--here", "flaky")
    assert hook(registered) == "" and marks(registered) == set()
    (registered.home / "well").unlink()
    registered.jobsync("run", "--here", "flaky", status=1)
    assert hook(registered) == ONE


def test_several_jobs_and_what_head_wants_share_one_line(registered: Laptop) -> None:
    registered.job("flaky", FLAKY)
    registered.job("other", FLAKY)
    registered.commit()
    for name in ("flaky", "other"):
        registered.jobsync("run", name, status=1)
    assert hook(registered) == "jobsync: the last runs of 2 jobs failed: flaky, other; `jobsync status` says why\n"
    registered.job("bad", JOB.replace("09:00", "25:00"))
    in_full = registered.commit().err.splitlines()
    assert in_full[-1] == "jobsync: the last runs of 2 jobs failed: flaky, other; `jobsync status` says why"
    assert hook(registered) == (
        "jobsync: 1 job is not as HEAD wants: bad; the last runs of 2 jobs failed: flaky, other; "
        "`jobsync status` says why\n"
    )
    registered.jobsync("pause", "flaky")
    registered.drop("jobs/bad")
    assert registered.commit().err == ONE.replace("flaky", "other"), "who paused it knows"
    registered.jobsync("resume", "flaky")
    assert "flaky, other" in hook(registered)


def test_a_mark_goes_with_its_job_and_one_that_stands_for_none_is_removed(registered: Laptop) -> None:
    registered.job("flaky", FLAKY)
    registered.job("other", FLAKY)
    registered.commit()
    for name in ("flaky", "other"):
        registered.jobsync("run", name, status=1)
    registered.jobsync("rename", "flaky", "renamed")
    assert marks(registered) == {"renamed", "other"}
    registered.drop("jobs/other")
    assert "removed other" in registered.commit().err
    assert marks(registered) == {"renamed"}
    registered.put(str(registered.state / "failing" / "never-was"), "")
    assert hook(registered) == ONE.replace("flaky", "renamed")
    assert marks(registered) == {"renamed"}
    # A daemon's launcher knows no marks: what is left of the time before is nobody's.
    registered.job("renamed", DAEMON)
    registered.commit()
    assert hook(registered) == "" and marks(registered) == set()
    state = registered.state
    registered.jobsync("uninstall", "--yes")
    assert not state.exists()
