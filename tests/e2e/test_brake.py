"""The brake: where too much is gone at once nothing is removed, the rest goes on, and one option releases it."""

import pytest

from jobsync import lock

from ..laptop import JOB, Laptop

LATER = JOB.replace("09:00", "10:00")


def _install(laptop: Laptop, names: tuple[str, ...]) -> set[str]:
    for name in names:
        laptop.job(name)
    laptop.put("jobs/README.md", "not a job\n")
    laptop.commit()
    laptop.git("push", "-q")
    laptop.git("pull", "-q", at=laptop.editor)
    assert laptop.loaded() >= set(names)
    return set(names)


@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_all_jobs_gone_at_once_stay_until_it_is_allowed(registered: Laptop, in_hook: bool) -> None:
    both = _install(registered, ("one", "two"))
    at = registered.editor if in_hook else registered.work
    for name in both:
        registered.drop(f"jobs/{name}", at=at)
    registered.job("new", at=at)
    registered.mutations()
    line = "nothing was removed: all 2 jobs are gone at once; `jobsync sync --allow-removals` removes them"
    if in_hook:
        registered.push()
        ran = registered.pull()
        assert f"jobsync: {line}" in ran.err.splitlines() and "jobsync: installed new" in ran.err
    else:
        ran = registered.jobsync("sync", status=1)
        assert line in ran.err.splitlines() and ran.out.splitlines()[-1] == "1 installed, 2 deferred"
        says = registered.jobsync("status").err.splitlines()
        why = "not removed: one, two went when too many were gone at once; `jobsync sync --allow-removals`"
        assert says == [f"one: {why}", f"two: {why}"]
    assert both < registered.loaded() == registered.installed()
    assert not any(call[0] == "bootout" for call in registered.mutations())


def test_a_job_that_pulls_that_all_are_gone_does_not_go_when_it_has_ended(registered: Laptop) -> None:
    """It cannot go while it runs; that makes it no less gone."""
    path = registered.path_to_git()
    registered.job("puller", path + 'run = "cd ~/dotfiles && git pull -q 2>~/said && touch ~/done"\n')
    all_three = _install(registered, ("one", "two")) | {"puller"}
    for name in all_three:
        registered.drop(f"jobs/{name}", at=registered.editor)
    registered.push()
    registered.mutations()
    registered.jobsync("run", "puller")
    said = (registered.home / "said").read_text()
    assert "nothing was removed: all 3 jobs are gone at once" in said
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    registered.wait_for(lambda: not lock.is_held(registered.state / "waiter"))
    assert registered.loaded() == registered.installed() == all_three
    assert not any(call[0] == "bootout" for call in registered.mutations())


@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_the_brake_does_not_release_itself(registered: Laptop, in_hook: bool) -> None:
    both = _install(registered, ("one", "two"))
    for name in both:
        registered.drop(f"jobs/{name}", at=registered.editor)
    registered.job("new", at=registered.editor)
    registered.push()
    assert "nothing was removed" in registered.pull().err
    # Now they are two of three jobs, and no longer all. Nobody said that they may go.
    if in_hook:
        registered.upstream("other")
        assert "nothing was removed" in registered.pull().err
    else:
        assert "nothing was removed" in registered.jobsync("sync", status=1).err
    assert both < registered.loaded()


@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_the_only_job_goes_though_git_keeps_no_empty_directory(registered: Laptop, in_hook: bool) -> None:
    registered.job("one")
    registered.commit()
    registered.git("push", "-q")
    registered.git("pull", "-q", at=registered.editor)
    at = registered.editor if in_hook else registered.work
    registered.git("rm", "-rq", "jobs/one", at=at)
    assert not (at / "jobs").exists()
    if in_hook:
        registered.push()
        assert "jobsync: removed one" in registered.pull().err
    else:
        assert "removed" in registered.jobsync("sync").out
    assert registered.loaded() == registered.installed() == set()


@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_the_only_job_stays_when_another_directory_is_named_that_is_not_there(
    registered: Laptop, in_hook: bool
) -> None:
    registered.job("one")
    registered.commit()
    registered.git("push", "-q")
    registered.git("pull", "-q", at=registered.editor)
    at = registered.editor if in_hook else registered.work
    registered.put("jobsync.toml", 'jobs = "job"\n', at=at)
    if in_hook:
        registered.push()
        said = registered.pull().err
    else:
        said = registered.jobsync("sync", status=1).err
    assert "nothing was removed: the jobs directory is missing" in said
    assert registered.loaded() == registered.installed() == {"one"}


@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_a_missing_jobs_directory_removes_nothing(registered: Laptop, in_hook: bool) -> None:
    both = _install(registered, ("one", "two"))
    registered.mutations()
    at = registered.editor if in_hook else registered.work
    registered.drop("jobs", at=at)
    line = "nothing was removed: the jobs directory is missing; `jobsync sync --allow-removals` removes them"
    if in_hook:
        registered.push()
        assert f"jobsync: {line}" in registered.pull().err.splitlines()
        registered.put("other.txt", "x", at=at)
        registered.push()
        assert f"jobsync: {line}" in registered.pull().err.splitlines(), "as long as it is so"
    for arguments, status in ((("sync", "-n"), 1), (("sync",), 1)):
        assert line in registered.jobsync(*arguments, status=status).err.splitlines()
    shown = registered.jobsync("status", "--exit-code", status=3)
    assert "to look at: one, two" in shown.out
    assert registered.loaded() == registered.installed() == both and registered.mutations() == []

    ran = registered.jobsync("sync", "--allow-removals")
    assert ran.out.splitlines()[-1] == "2 removed" and ran.err == ""
    assert registered.loaded() == registered.installed() == set()
    assert registered.jobsync("sync").out.splitlines()[-1] == "no jobs"


@pytest.mark.parametrize("text", ["jobs = 3\n", "[defaults\n", None], ids=["wrong", "broken", "gone"])
@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_settings_that_do_not_say_where_the_jobs_are_leave_all_of_them_even_when_removals_are_allowed(
    registered: Laptop, in_hook: bool, text: str | None
) -> None:
    both = _install(registered, ("one", "two"))
    at = registered.editor if in_hook else registered.work
    if text is None:
        (at / "jobsync.toml").unlink()
    else:
        registered.put("jobsync.toml", text, at=at)
    if in_hook:
        registered.push()
        said = registered.pull().err
        assert "jobsync: failed one, two (1 fault in its definition; the installed job stays as it is)" in said
        assert "jobsync: jobsync.toml: " in said and "allow-removals" not in said
    for arguments in (("sync",), ("sync", "--allow-removals")):
        ran = registered.jobsync(*arguments, status=1)
        assert "jobsync.toml: " in ran.err and "allow-removals" not in ran.err
        assert ran.out.splitlines()[-1] == "2 failed"
    assert registered.loaded() == registered.installed() == both
    registered.git("checkout", "-q", "HEAD~1" if in_hook else "HEAD", "--", "jobsync.toml")
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


@pytest.mark.parametrize("in_hook", [False, True], ids=["by hand", "in a hook"])
def test_a_third_of_many_is_too_much_and_less_is_not(registered: Laptop, in_hook: bool) -> None:
    names = tuple(f"job{number}" for number in range(9))
    everything = _install(registered, names)
    at = registered.editor if in_hook else registered.work

    def bring() -> str:
        if not in_hook:
            return registered.jobsync("sync", status=None).text
        registered.push()
        return registered.pull().err

    for name in names[:3]:
        registered.drop(f"jobs/{name}", at=at)
    registered.job("job8", LATER, at=at)
    said = bring()
    assert "nothing was removed: 3 of 9 jobs are gone at once" in said and "updated" in said
    assert registered.loaded() == registered.installed() == everything and registered.hour("job8") == 10
    assert said.count("job0") == 1 and "deferred" in said

    # One of them comes back: what went with it is still not meant.
    registered.job("job0", at=at)
    assert "nothing was removed: job1, job2 went when too many were gone at once" in bring()
    registered.job("job1", at=at)
    registered.job("job2", at=at)
    bring()
    assert registered.loaded() == registered.installed() == everything

    for name in names[:2]:
        registered.drop(f"jobs/{name}", at=at)
    said = bring()
    assert "nothing was removed" not in said and said.count("removed") == (1 if in_hook else 3)
    assert registered.loaded() == registered.installed() == everything - {"job0", "job1"}


def test_the_release_by_hand_follows_a_braked_pull(registered: Laptop) -> None:
    _install(registered, ("one", "two"))
    for name in ("one", "two"):
        registered.drop(f"jobs/{name}", at=registered.editor)
    registered.push()
    registered.pull()
    assert registered.loaded() == {"one", "two"}
    assert registered.jobsync("sync", "one").out.splitlines()[-1] == "1 removed", "a job that is named is meant"
    assert registered.loaded() == {"two"}
    ran = registered.jobsync("sync", "--allow-removals")
    assert ran.out.splitlines()[-1] == "1 removed"
    registered.upstream("new")
    assert registered.pull().told == "jobsync: installed new (new in COMMIT)\n"


def test_the_only_job_of_a_repository_can_simply_go(registered: Laptop) -> None:
    _install(registered, ("one",))
    registered.drop("jobs/one", at=registered.editor)
    registered.push()
    assert "removed one" in registered.pull().err
    assert registered.loaded() == registered.installed() == set()
