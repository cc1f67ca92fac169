"""`check --staged`: what is about to be committed counts, whatever lies in the work tree."""

import pytest

from ..laptop import JOB, Laptop

FAULTY = JOB.replace("09:00", "25:00")


@pytest.fixture
def guarded(laptop: Laptop) -> Laptop:
    """A repository whose commits are checked; not registered, as none need be."""
    laptop.put(".git/hooks/pre-commit", "#!/bin/sh\nexec jobsync check --staged\n", mode=0o755)
    return laptop


def test_the_index_counts_and_not_the_work_tree(laptop: Laptop) -> None:
    laptop.job("one")
    laptop.git("add", "-A")
    laptop.job("one", FAULTY)
    laptop.job("untracked", FAULTY)
    assert laptop.jobsync("check", "--staged").out == "1 valid job, 0 faults\n"
    laptop.jobsync("check", status=1)
    laptop.git("add", "-A")
    laptop.job("one")
    laptop.drop("jobs/untracked")
    ran = laptop.jobsync("check", "--staged", status=1)
    assert ran.err.count("schedule.at") == 2 and ran.out == "0 valid jobs, 2 faults\n"
    assert laptop.jobsync("check").out == "1 valid job, 0 faults\n"


def test_what_needs_no_registration_asks_for_none(laptop: Laptop) -> None:
    ran = laptop.jobsync("check", at=laptop.root, status=1)
    assert ran.err.startswith("jobsync: this is not a git repository\n") and "jobsync init" not in ran.err


def test_a_registered_repository_is_checked_by_its_index_too_from_any_directory(registered: Laptop) -> None:
    registered.job("one", FAULTY)
    registered.git("add", "-A")
    registered.job("one")
    registered.jobsync("check", "--staged", at=registered.work / "jobs", status=1)
    registered.jobsync("check", "--staged", at=registered.home, status=1)


@pytest.mark.parametrize("how", ["-a", "jobs/one/job.toml", "--include jobs/one/job.toml"])
def test_a_commit_of_more_than_what_is_staged_is_checked_as_it_will_be(guarded: Laptop, how: str) -> None:
    guarded.job("one")
    guarded.commit()
    guarded.job("one", FAULTY)
    ran = guarded.git("commit", "-qm", "faulty", *how.split(), status=1)
    assert 'jobs/one/job.toml: schedule.at: "25:00"' in ran.err
    # What is not part of this commit does not stop it.
    guarded.put("notes", "x\n")
    guarded.git("add", "notes")
    guarded.git("commit", "-qm", "only the notes")


def test_a_commit_inside_a_subdirectory_is_checked(guarded: Laptop) -> None:
    guarded.job("one", FAULTY)
    guarded.git("add", "-A")
    guarded.git("commit", "-qm", "faulty", at=guarded.work / "jobs", status=1)
