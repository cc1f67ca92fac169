"""Two sources, no fight: what a person synced from the work tree, and what a pull brings, leave each other alone."""

import shutil

import pytest

from jobsync.reconcile.state import Record, Source

from ..laptop import JOB, Laptop

LATER = JOB.replace("09:00", "10:00")
EVENING = JOB.replace("09:00", "18:00")


def _known(laptop: Laptop, job: str) -> Record:
    record = laptop.record(job)
    assert record is not None
    return record


def test_an_untracked_job_lives_through_pulls_and_becomes_heads_when_it_is_committed(registered: Laptop) -> None:
    registered.job("mine")
    registered.jobsync("sync")
    assert _known(registered, "mine").source is Source.WORK_TREE

    for hour in ("10", "11"):
        registered.upstream("theirs", JOB.replace("09", hour))
        assert "mine" not in registered.pull().text
    assert registered.loaded() == registered.installed() == {"mine", "theirs"}

    assert registered.commit().err == ""
    assert _known(registered, "mine").source is Source.HEAD
    registered.git("push", "-q")
    registered.git("pull", "-q", at=registered.editor)
    registered.drop("jobs/mine", at=registered.editor)
    registered.push()
    assert "removed mine" in registered.pull().err
    assert registered.installed() == {"theirs"}


@pytest.mark.parametrize("kept_from_git", ["jobs/mine/run", "bin"])
def test_a_job_whose_script_is_in_no_commit_is_the_work_trees(registered: Laptop, kept_from_git: str) -> None:
    """As yadm 3.2.2 links `run` to `run##os.Linux`, and git-annex to its own files: git does not hold what is run."""
    registered.put(".gitignore", f"{kept_from_git}\n")
    registered.job("mine", JOB.replace('run = "true"\n', ""))
    registered.put("bin/script", "#!/bin/sh\n", mode=0o755)
    (registered.work / "jobs/mine/run").symlink_to("../../bin/script")
    assert "failed mine" in registered.commit().err
    assert "installed  mine" in registered.jobsync("sync").out
    assert _known(registered, "mine").source is Source.WORK_TREE
    assert "local" in registered.jobsync("status").out
    registered.git("add", "-f", "jobs/mine/run", "bin")
    assert registered.git("commit", "-qm", "all of it").err == ""
    assert _known(registered, "mine").source is Source.HEAD


def test_no_hook_removes_a_job_that_was_never_in_head(registered: Laptop) -> None:
    registered.job("mine")
    registered.job("theirs")
    registered.git("add", "jobs/theirs")
    registered.git("commit", "-qm", "only theirs")
    registered.jobsync("sync")
    # Even gone from the disk it is the user's: he may be in the middle of a rename.
    registered.drop("jobs/mine")
    registered.git("commit", "-q", "--allow-empty", "-m", "something")
    registered.put("jobsync.toml", 'jobs = "jobs"\n# every job is affected now\n')
    registered.git("commit", "-qam", "settings")
    assert registered.loaded() == registered.installed() == {"mine", "theirs"}
    assert "mine" in registered.jobsync("sync").out
    assert registered.installed() == {"theirs"}


def test_an_uncommitted_edit_survives_pulls_and_is_heads_once_it_is_committed(registered: Laptop) -> None:
    registered.upstream("one")
    registered.pull()
    registered.job("one", LATER)
    assert "updated" in registered.jobsync("sync").out
    assert _known(registered, "one").source is Source.WORK_TREE

    registered.upstream("two")
    assert registered.pull().told == "jobsync: installed two (new in COMMIT)\n"
    assert registered.hour("one") == 10

    registered.put("jobs/one/notes.txt", "upstream touches the job\n", at=registered.editor)
    registered.push()
    assert registered.pull().err == "jobsync: one: local: installed from your work tree\n"
    assert registered.hour("one") == 10

    registered.mutations()
    registered.commit()
    assert _known(registered, "one").source is Source.HEAD
    assert registered.mutations() == []
    assert registered.hour("one") == 10


def test_a_restored_edit_goes_with_the_next_sync_by_hand_and_with_no_hook(registered: Laptop) -> None:
    registered.upstream("one")
    registered.pull()
    registered.job("one", LATER)
    registered.jobsync("sync")
    assert registered.git("restore", "jobs/one/job.toml").err == ""
    registered.upstream("two")
    assert "one" not in registered.pull().err
    assert registered.hour("one") == 10
    assert registered.jobsync("status", "one").out.count("not synced") == 1
    assert registered.jobsync("status").err == "one: your work tree and what is installed differ; `jobsync sync`\n"

    registered.jobsync("sync")
    assert registered.hour("one") == 9
    assert _known(registered, "one").source is Source.HEAD


def test_an_edit_that_was_never_synced_does_not_reach_the_scheduler_by_a_pull(registered: Laptop) -> None:
    registered.upstream("one")
    registered.pull()
    registered.job("one", LATER)
    registered.put("jobs/one/notes.txt", "upstream touches the job\n", at=registered.editor)
    registered.push()
    registered.pull()
    assert registered.hour("one") == 9
    registered.commit("the edit")
    assert registered.hour("one") == 10


@pytest.mark.parametrize("disabled", [f"enabled = false\n{JOB}", f'{JOB}\n[only]\ntags = ["another"]\n'])
def test_a_job_that_only_the_work_tree_wants_here_lives_through_pulls(registered: Laptop, disabled: str) -> None:
    """HEAD did not want it here before either: nobody has changed his mind."""
    registered.upstream("one", disabled)
    registered.pull()
    registered.job("one")
    assert "installed  one" in registered.jobsync("sync").out
    for told in ("jobsync: one: local: installed from your work tree\n", ""):
        registered.put("jobs/one/notes.txt", f"upstream touches the job, {told}\n", at=registered.editor)
        registered.push()
        assert registered.pull().told == told
        assert registered.installed() == registered.loaded() == {"one"}
    registered.git("restore", ".")
    assert "removed  one" in registered.jobsync("sync").out


def test_what_a_pull_disables_or_excludes_is_removed_and_comes_back_with_the_next(registered: Laptop) -> None:
    for name in ("on", "disabled", "excluded"):
        registered.job(name, at=registered.editor)
    registered.push()
    registered.pull()
    registered.job("disabled", f"enabled = false\n{JOB}", at=registered.editor)
    registered.job("excluded", f'{JOB}\n[only]\ntags = ["another"]\n', at=registered.editor)
    registered.push()
    said = registered.pull().err
    assert "removed disabled (enabled = false in " in said and "removed excluded (only.tags" in said
    assert registered.loaded() == registered.installed() == {"on"}
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"

    registered.job("disabled", at=registered.editor)
    registered.push()
    assert "installed disabled" in registered.pull().err
    assert registered.loaded() == {"on", "disabled"}


def test_a_job_deleted_in_the_work_tree_stays_away_until_its_user_wants_it_back(registered: Laptop) -> None:
    for name in ("kept", "gone"):
        registered.job(name, at=registered.editor)
    registered.push()
    registered.pull()
    registered.drop("jobs/gone")
    assert "removed    gone" in registered.jobsync("sync").out
    registered.upstream("other")
    assert registered.pull().told == "jobsync: installed other (new in COMMIT)\n"
    registered.put("jobs/gone/notes.txt", "upstream touches the job\n", at=registered.editor)
    registered.push()
    assert registered.pull().err == "jobsync: gone: local: removed in your work tree\n"
    assert registered.loaded() == registered.installed() == {"kept", "other"}

    registered.git("restore", ".")
    assert registered.loaded() == {"kept", "other"}
    registered.jobsync("sync")
    assert registered.loaded() == registered.installed() == {"kept", "other", "gone"}


def test_a_definition_that_cannot_be_loaded_is_not_tried_again_by_hooks_until_it_changes(registered: Laptop) -> None:
    registered.upstream("good")
    registered.pull()
    registered.simulator.fault("bootstrap", code=5, times=None, label=registered.label("bad"))
    registered.upstream("bad")
    said = registered.pull().err
    assert "failed bad" in said and "bootstrap" in said and "status 5" in said
    assert _known(registered, "bad").failed
    registered.mutations()

    registered.upstream("other")
    said = registered.pull().err
    assert "installed other" in said and "not tried again until something changes" in said
    assert not any("bad" in " ".join(call) for call in registered.mutations())
    assert _known(registered, "bad").entries == {}, "the job stays affected"
    assert registered.loaded() == {"good", "other"}
    shown = registered.jobsync("status", "--exit-code", status=3)
    assert "bad" in shown.out.splitlines()[-1]

    registered.upstream("bad", EVENING)
    registered.pull()
    assert any(call[0] == "bootstrap" and "bad" in call[-1] for call in registered.mutations()), "a new digest is tried"

    registered.simulator.clear_faults()
    registered.git("commit", "-q", "--allow-empty", "-m", "nothing changes for the job")
    assert registered.mutations() == []
    registered.jobsync("sync")
    assert any(call[0] == "bootstrap" for call in registered.mutations()), "by hand it is tried again"
    assert registered.loaded() == {"good", "other", "bad"}
    assert _known(registered, "bad").failed == ""
    assert registered.hour("bad") == 18


def test_an_edit_that_could_not_be_applied_by_hand_comes_with_its_commit(registered: Laptop) -> None:
    registered.upstream("one")
    registered.pull()
    registered.job("one", LATER)
    hold = registered.state / "hold"
    shutil.rmtree(hold, ignore_errors=True)
    hold.touch()
    assert "failed  one" in registered.jobsync("sync", status=1).out
    hold.unlink()
    assert "updated  one  the last sync of it failed" in registered.jobsync("sync", "-n").out
    assert registered.commit().told == "jobsync: updated one (the last sync of it failed)\n"
    assert registered.jobsync("sync").out == "unchanged  one\n1 unchanged\n"


def test_a_deleted_job_that_is_restored_comes_back_with_the_next_sync_by_hand(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.drop("jobs/one")
    assert "removed" in registered.jobsync("sync").out
    registered.git("checkout", "-q", "--", "jobs/one")  # no hook acts on single files

    registered.job("two", LATER)
    registered.commit()  # a hook that has work of its own, in a work tree that is HEAD's again
    assert registered.installed() == {"two"}
    assert "installed  one" in registered.jobsync("sync", "-n").out
    assert "one  daily at 09:00  not synced" in registered.jobsync("status").out
    assert "installed  one" in registered.jobsync("sync").out
    assert registered.installed() == registered.loaded() == {"one", "two"}


@pytest.mark.parametrize("which", ["job.toml", "run", "lib"])
def test_what_a_link_of_a_job_leads_to_is_a_part_of_it(registered: Laptop, which: str) -> None:
    """A link's own content is where it leads: that stays the same when its target is edited."""
    lines = 'inputs = ["../../lib"]\n[daemon]\n'
    registered.put("shared/job.toml", lines)
    registered.put("shared/run", "#!/bin/sh\nsleep 600\n", mode=0o755)
    registered.put("shared/lib/text", "one\n")
    registered.job("one", lines)
    registered.put("jobs/one/run", "#!/bin/sh\nsleep 600\n", mode=0o755)
    link = registered.work / ("lib" if which == "lib" else f"jobs/one/{which}")
    link.unlink(missing_ok=True)
    link.symlink_to(registered.work / "shared" / which)
    registered.put("lib/text", "one\n")
    assert "installed one" in registered.commit().err
    changed = "shared/lib/text" if which == "lib" else f"shared/{which}"
    with (registered.work / changed).open("a") as file:
        file.write("# more\n")
    assert f"jobsync: restarted one (changed: {changed} in COMMIT)" in registered.commit().told
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_job_that_is_not_for_here_comes_when_what_its_link_leads_to_says_so(
    registered: Laptop, *, by_hand: bool
) -> None:
    registered.put("shared.toml", f"enabled = false\n{JOB}")
    registered.put("jobs/one/notes", "beside it\n")
    (registered.work / "jobs/one/job.toml").symlink_to("../../shared.toml")
    registered.job("two")
    assert registered.commit().told == "jobsync: installed two (new in COMMIT)\n"
    if by_hand:
        registered.jobsync("sync")
    registered.put("shared.toml", JOB)
    assert "jobsync: installed one (changed: shared.toml in COMMIT)" in registered.commit().told


def test_an_empty_directory_is_no_input_before_git_has_left_it_out(registered: Laptop) -> None:
    registered.job("one", f'inputs = ["../../lib"]\n{JOB}')
    (registered.work / "lib").mkdir()
    said = registered.jobsync("check", status=1).err
    assert 'inputs: "../../lib" is lib in the repository, where no file of it is' in said
    (registered.work / "lib/file").touch()
    registered.jobsync("check")


def test_a_job_with_inputs_that_is_not_for_here_matters_to_no_other_commit(registered: Laptop) -> None:
    registered.put("lib/text", "one\n")
    registered.job("one", f'enabled = false\ninputs = ["../../lib"]\n{JOB}')
    registered.job("two")
    registered.commit()
    registered.git("switch", "-q", "--detach")
    registered.put("jobs/README", "of no job\n")
    assert registered.commit().err == ""


@pytest.mark.parametrize("what", ["jobs", "jobsync.toml"])
def test_what_no_hook_could_follow_is_refused_by_hand_too(registered: Laptop, what: str) -> None:
    registered.job("one")
    registered.commit()
    (registered.work / what).rename(registered.work / "elsewhere")
    (registered.work / what).symlink_to("elsewhere")
    way_out = 'write jobs = "elsewhere"' if what == "jobs" else "put the file itself here"
    assert way_out in registered.jobsync("sync", status=1).text
    assert way_out in registered.commit().err
    assert registered.loaded() == {"one"}


def test_a_first_checkout_brings_all_jobs_whatever_was_synced_before_it(registered: Laptop) -> None:
    registered.job("one")
    registered.put("jobsync.toml", "")
    registered.git("add", ".")
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "one")
    registered.git("rm", "-rq", ".")  # as `clone --no-checkout` leaves it
    assert "jobsync.toml: is missing" in registered.jobsync("sync", status=1).err
    registered.git("-c", "core.hooksPath=/dev/null", "reset", "-q", "--hard")
    registered.git("switch", "-q", "-c", "another")
    assert registered.installed() == registered.loaded() == {"one"}
