"""What hooks say: what changed and which commit did it, what is wrong for as long as it is, and nothing else."""

from ..laptop import JOB, Laptop

FAULTY = JOB.replace("09:00", "25:00")
FAULT = 'jobs/bad/job.toml: schedule.at: "25:00"'


def test_each_change_names_the_commit_that_touched_it(registered: Laptop) -> None:
    commits = {}
    for name in ("one", "two"):
        registered.upstream(name)
        commits[name] = registered.git("rev-parse", "--short", "HEAD", at=registered.editor).out.strip()
    registered.put("unrelated", "later\n", at=registered.editor)
    registered.push()
    said = registered.pull().err.splitlines()
    assert said == [f"jobsync: installed {name} (new in {commit})" for name, commit in commits.items()]
    registered.drop("jobs/two", at=registered.editor)
    registered.push()
    commit = registered.git("rev-parse", "--short", "HEAD", at=registered.editor).out.strip()
    assert registered.pull().err == f"jobsync: removed two (gone from HEAD in {commit})\n"
    # Back to something older: no commit since then did it, so it is the one that HEAD is now.
    registered.git("switch", "-q", "-c", "older", "HEAD~1")
    commit = registered.git("rev-parse", "HEAD").out[:7]
    said_now = registered.git("reflog", "-1").err
    assert said_now == ""
    assert registered.installed() == {"one", "two"}


def test_trouble_is_told_in_full_once_and_then_in_a_line_until_it_is_gone(registered: Laptop) -> None:
    registered.job("good")
    registered.job("bad", FAULTY)
    first = registered.commit().err
    assert "installed good" in first and FAULT in first
    for message in ("one", "two"):
        again = registered.git("commit", "-q", "--allow-empty", "-m", message).err
        assert again == "jobsync: 1 job is not as HEAD wants: bad; `jobsync status` says why\n"
    registered.job("bad")
    assert registered.commit().told == "jobsync: installed bad (new in COMMIT)\n"
    assert registered.git("commit", "-q", "--allow-empty", "-m", "well again").err == ""
    registered.job("bad", FAULTY)
    assert FAULT in registered.commit().err


def test_what_is_left_alone_on_purpose_is_said_once(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", JOB.replace("09", "10"))
    registered.jobsync("sync")
    registered.put("jobs/one/notes", "x\n")
    registered.git("add", "jobs/one/notes")
    assert registered.git("commit", "-qm", "notes").err == "jobsync: one: local: installed from your work tree\n"
    assert registered.git("commit", "-q", "--allow-empty", "-m", "nothing").err == ""


def test_a_notice_comes_once_for_each_head_and_only_when_it_matters(registered: Laptop) -> None:
    registered.upstream("one")
    registered.git("fetch", "-q")
    detached = "HEAD is detached"
    assert detached in registered.git("checkout", "-q", "origin/main").err
    assert registered.git("checkout", "-q", "HEAD~0").err == ""
    assert registered.git("switch", "-q", "main").err == ""
    assert registered.git("checkout", "-q", "--detach").err == "", "HEAD holds what is installed"
