"""HEAD now beside what was applied last: the record of each job is enough, whatever became of history."""

import os
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop
from ..unmeasured import processes_are_not_measured

__all__ = ["processes_are_not_measured"]

LATER = JOB.replace("09:00", "10:00")
EVENING = JOB.replace("09:00", "18:00")
UPDATED = "jobsync: updated one (changed: jobs/one/job.toml in COMMIT)\n"
QUIET = ("-c", "core.hooksPath=/dev/null")


@pytest.fixture
def synced(registered: Laptop) -> Laptop:
    """The job one is installed and known."""
    registered.upstream("one")
    registered.pull()
    registered.mutations()
    return registered


def changes(laptop: Laptop) -> list[str]:
    """The verbs of the calls that changed something."""
    return [call[0] for call in laptop.mutations()]


def test_a_forced_push_of_another_history_is_the_difference_of_two_lists(synced: Laptop) -> None:
    synced.git("checkout", "-q", "--orphan", "new", at=synced.editor)
    synced.job("one", LATER, at=synced.editor)
    synced.job("two", at=synced.editor)
    synced.commit("another history", at=synced.editor)
    synced.git("push", "-qf", "origin", "new:main", at=synced.editor)
    synced.git("fetch", "-q")
    said = synced.git("checkout", "-q", "-B", "main", "origin/main").told.splitlines()
    assert said == [
        "jobsync: updated one (changed: jobs/one/job.toml in COMMIT)", "jobsync: installed two (new in COMMIT)",
    ]  # fmt: skip
    assert synced.hour("one") == 10


def test_the_commit_of_the_last_sync_may_be_gone_for_good(synced: Laptop) -> None:
    synced.git(*QUIET, "checkout", "-q", "--orphan", "new")
    synced.job("one", LATER)
    synced.git("add", "-A")
    synced.git(*QUIET, "commit", "-qm", "another history")
    synced.git(*QUIET, "branch", "-qM", "main")
    for command in ("remote remove origin", "reflog expire --expire=now --all", "gc -q --prune=now"):
        synced.git(*command.split())
    assert synced.git("commit", "-q", "--allow-empty", "-m", "after").told == UPDATED
    assert synced.hour("one") == 10 and changes(synced) == ["bootout", "bootstrap"]


@pytest.mark.parametrize("options", [["--depth=1"], ["--filter=blob:none"], ["--filter=tree:0"]], ids=" ".join)
def test_a_clone_that_lacks_history_or_blobs_is_enough(laptop: Laptop, options: list[str]) -> None:
    laptop.git("config", "uploadpack.allowFilter", "true", at=laptop.origin)
    laptop.upstream("one")
    laptop.upstream("one", LATER)
    laptop.run("rm", "-rf", str(laptop.work), at=laptop.home)
    laptop.git("clone", "-q", *options, f"file://{laptop.origin}", str(laptop.work), at=laptop.root)
    laptop.init()
    laptop.jobsync("sync")
    assert laptop.hour("one") == 10
    laptop.upstream("one", EVENING)
    laptop.upstream("two")
    said = laptop.pull().told
    assert UPDATED in said and laptop.hour("one") == 18 and laptop.loaded() == {"one", "two"}
    # With nobody to fetch from, all that is needed is there.
    laptop.git("remote", "set-url", "origin", "/nowhere")
    assert laptop.git("switch", "-q", "-c", "side").err == ""
    assert laptop.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


def test_events_that_were_missed_are_caught_up_with_by_the_next_one(synced: Laptop) -> None:
    for number, name in enumerate(("two", "three", "one")):
        synced.upstream(name, JOB.replace("09", f"1{number}"))
        synced.git(*QUIET, "pull", "-q")
    synced.drop("jobs/two", at=synced.editor)
    synced.push()
    said = synced.pull().told.splitlines()
    assert said == ["jobsync: updated one (changed: jobs/one/job.toml in COMMIT)",
                    "jobsync: installed three (new in COMMIT)"]  # fmt: skip
    assert synced.loaded() == {"one", "three"} and synced.hour("one") == 12


def test_a_lost_record_is_a_full_sync_that_changes_nothing(synced: Laptop) -> None:
    (synced.state / "ledger").unlink()
    assert synced.git("commit", "-q", "--allow-empty", "-m", "x").err == ""
    assert changes(synced) == [] and synced.record("one") is not None


def test_a_merge_of_many_parents_is_one_difference(synced: Laptop) -> None:
    for name in ("two", "three", "four"):
        synced.git(*QUIET, "switch", "-q", "-c", name, "main")
        synced.job(name)
        synced.git("add", "-A")
        synced.git(*QUIET, "commit", "-qm", name)
    synced.git(*QUIET, "switch", "-q", "main")
    said = synced.git("merge", "-q", "--no-edit", "two", "three", "four").told
    assert sorted(said.splitlines()) == [f"jobsync: installed {name} (new in COMMIT)" for name in
                                         ("four", "three", "two")]  # fmt: skip
    assert changes(synced) == ["bootstrap"]


def test_a_submodules_pointer_as_input_counts_and_its_files_do_not(synced: Laptop) -> None:
    library = synced.root / "library"
    synced.git("init", "-q", str(library), at=synced.root)
    synced.git("commit", "-q", "--allow-empty", "-m", "1", at=library)
    synced.git("submodule", "add", "-q", str(library), "vendor/lib")
    daemon = 'run = "sleep 1000"\ninputs = ["../../vendor"]\n[daemon]\nrestart = "always"\n'
    synced.job("watch", daemon)
    assert "installed watch" in synced.commit().told
    changes(synced)
    synced.git("commit", "-q", "--allow-empty", "-m", "2", at=library)
    synced.git("pull", "-q", at=synced.work / "vendor/lib")
    assert changes(synced) == []
    said = synced.git("commit", "-qam", "move the pointer").told
    assert said == "jobsync: restarted watch (changed: vendor/lib in COMMIT)\n"


def test_a_file_that_git_shall_not_look_at_is_on_this_machine_all_the_same(synced: Laptop) -> None:
    """The way to keep an edit of one's own: git passes over it, and jobsync takes it for one that is not committed."""
    synced.upstream("two")
    synced.pull()
    synced.git("update-index", "--skip-worktree", "jobs/two/job.toml")
    synced.job("two", JOB.replace("09:00", "10:00"))
    assert "updated    two" in synced.jobsync("sync").out
    assert synced.git("commit", "-q", "--allow-empty", "-m", "more").err == ""
    assert synced.hour("two") == 10 and "two" in synced.loaded()
    assert "local: uncommitted edit" in synced.jobsync("status").out


def test_what_a_sparse_checkout_leaves_out_is_not_on_this_machine(synced: Laptop) -> None:
    synced.upstream("two")
    synced.pull()
    # No hook announces it, and HEAD is the same: the next change of HEAD or a sync by hand follows.
    synced.git("sparse-checkout", "set", "--no-cone", "/*", "!/jobs/two")
    synced.upstream("one", LATER)
    assert "removed two" in synced.pull().told
    synced.upstream("two", LATER)
    assert synced.pull().told == "" and synced.installed() == {"one"}
    synced.git("sparse-checkout", "disable")
    synced.upstream("one", EVENING)
    assert "installed two" in synced.pull().told
    synced.git("sparse-checkout", "set", "--no-cone", "/*", "!/jobs/two")
    assert "removed  " in synced.jobsync("sync").out and synced.installed() == {"one"}


def test_contents_are_what_a_checkout_would_write(synced: Laptop) -> None:
    synced.git("config", "filter.hour.clean", "sed s/11:00/HOUR/")
    synced.git("config", "filter.hour.smudge", "sed s/HOUR/11:00/")
    synced.put(".gitattributes", "job.toml filter=hour\n")
    synced.job("secret", JOB.replace("09:00", "11:00"))
    said = synced.commit().told
    assert "installed secret" in said and synced.hour("secret") == 11
    assert "HOUR" in synced.git("cat-file", "blob", "HEAD:jobs/secret/job.toml").out
    assert synced.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


def test_a_mode_alone_is_a_change(synced: Laptop) -> None:
    synced.put("jobs/script/run", "#!/bin/sh\ntrue\n", mode=0o755)
    synced.put("jobs/script/job.toml", '[schedule]\nat = "09:00"\n')
    synced.commit()
    synced.git("update-index", "--chmod=-x", "jobs/script/run")
    said = synced.git("commit", "-qm", "lose the bit").err
    assert "jobs/script/run" in said and "not executable" in said
    assert "script" in synced.installed()
    synced.git("update-index", "--chmod=+x", "jobs/script/run")
    assert synced.git("commit", "-qm", "have it again").err == ""


def test_a_link_is_followed_inside_the_repository_and_counts_by_its_target(synced: Laptop) -> None:
    synced.put("shared/job.toml", JOB)
    (synced.work / "jobs/linked").mkdir()
    (synced.work / "jobs/linked/job.toml").symlink_to("../../shared/job.toml")
    assert "installed linked" in synced.commit().told
    synced.put("shared/evening.toml", EVENING)
    (synced.work / "jobs/linked/job.toml").unlink()
    (synced.work / "jobs/linked/job.toml").symlink_to("../../shared/evening.toml")
    assert "updated linked (changed: jobs/linked/job.toml in COMMIT)" in synced.commit().told
    assert synced.hour("linked") == 18
    (synced.work / "jobs/linked/job.toml").unlink()
    (synced.work / "jobs/linked/job.toml").symlink_to("/etc/hostname")
    assert "leads out of the repository" in synced.commit().err and synced.hour("linked") == 18


def test_a_jobs_directory_that_became_a_link_is_said_and_takes_no_job_away(synced: Laptop) -> None:
    (synced.work / "config").mkdir()
    synced.git("mv", "jobs", "config/jobs")
    (synced.work / "jobs").symlink_to("config/jobs")
    said = synced.commit().err
    assert "jobsync.toml: jobs: leads through the link jobs" in said and synced.installed() == {"one"}
    assert "jobsync.toml: jobs: leads through the link jobs" in synced.jobsync("sync", status=1).err
    synced.put("jobsync.toml", 'jobs = "config/jobs"\n')
    synced.put("config/jobs/one/job.toml", EVENING)
    assert "updated one" in synced.commit().told and synced.hour("one") == 18


def test_odd_names_are_told_apart_and_cannot_play_with_the_terminal(synced: Laptop) -> None:
    odd = ['a "b"', "new\nline", "tab\t", "*", ":x", "-dash", " space", "esc\x1b[31m", "ü"]
    odd += [] if os.uname().sysname == "Darwin" else ["latin-\udce9"]
    for name in odd:
        Path(os.fsdecode(os.fsencode(f"{synced.work}/jobs/one/{name}"))).write_text("1")
    said = synced.commit()
    assert said.err == "", "no artefact depends on them"
    record = synced.record("one")
    assert record is not None and {f"jobs/one/{name}" for name in odd} < set(record.entries)
    synced.put(f"jobs/one/{odd[7]}", "2")
    synced.job("one", LATER)
    assert "\x1b" not in synced.commit().err


def test_an_input_outside_of_the_jobs_directory_is_the_jobs_own(synced: Laptop) -> None:
    synced.put("lib/common.sh", "1\n")
    for name, inputs in (("watch", 'inputs = ["../../lib"]\n'), ("other", "")):
        synced.job(name, f'run = "sleep 1000"\n{inputs}[daemon]\nrestart = "always"\n')
    synced.commit()
    changes(synced)
    synced.put("lib/common.sh", "2\n")
    assert synced.commit().told == "jobsync: restarted watch (changed: lib/common.sh in COMMIT)\n"
    assert changes(synced) == ["kickstart"]


def test_a_rename_is_a_removal_and_an_addition(synced: Laptop) -> None:
    synced.upstream("kept")
    synced.pull()
    synced.git("mv", "jobs/one", "jobs/uno")
    said = synced.git("commit", "-qm", "rename").told.splitlines()
    assert said == ["jobsync: removed one (gone from HEAD in COMMIT)", "jobsync: installed uno (new in COMMIT)"]


def test_head_is_read_again_under_the_lock_and_a_second_pull_is_not_lost(synced: Laptop) -> None:
    # What the first hook was called for is not what HEAD is when it gets to look.
    synced.upstream("two")
    synced.git(*QUIET, "pull", "-q")
    synced.upstream("three")
    synced.git(*QUIET, "pull", "-q")
    ran = synced.run(str(synced.work / ".git/hooks/post-merge"), "0", env={"GIT_DIR": ".git"})
    assert "installed two" in ran.err and "installed three" in ran.err
    again = synced.run(str(synced.work / ".git/hooks/post-checkout"), "0" * 40, "0" * 40, "1", env={"GIT_DIR": ".git"})
    assert again.err == ""
