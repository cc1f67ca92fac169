"""`init --at-login`: a job of our own syncs at login what no git hook announced."""

from jobsync import config as configuration
from jobsync.reconcile.origin import open_registered
from jobsync.reconcile.own import LOGIN

from ..laptop import JOB, Laptop


def is_there(laptop: Laptop) -> bool:
    """Installed and loaded."""
    loaded = [line.split("\t")[2] for line in laptop.launchctl("list").out.splitlines()]
    return laptop.plist_path(LOGIN).exists() and laptop.label(LOGIN) in loaded


def test_a_login_brings_what_no_hook_announced(laptop: Laptop) -> None:
    laptop.init("--at-login")
    assert is_there(laptop)
    laptop.upstream("one")
    laptop.git("fetch", "-q")
    laptop.git("reset", "-q", "--hard", "origin/main")
    assert laptop.installed() == set(), "reset calls no hook"
    laptop.simulator.settle()  # its load was no login, as it has to say itself
    laptop.simulator.logout()
    laptop.simulator.login()
    laptop.wait_for(lambda: laptop.installed() == laptop.loaded() == {"one"})
    assert "jobsync-login" not in laptop.jobsync("status").out


def test_a_login_in_the_middle_of_a_rebase_leaves_everything_as_it_is(laptop: Laptop) -> None:
    laptop.init("--at-login")
    laptop.upstream("one")
    laptop.pull()
    laptop.job("one", JOB.replace("09", "10"))
    laptop.commit()
    laptop.upstream("one", JOB.replace("09", "11"))
    assert laptop.git("pull", "-q", "--rebase", status=None).status != 0
    said = laptop.run("jobsync-hook", "login", laptop.state.name).err
    assert said == "jobsync: there are conflicts: jobs follow when they are resolved and committed\n"
    assert laptop.hour("one") == 10


def test_of_two_repositories_each_is_opened_by_its_own_id(registered: Laptop) -> None:
    registered.jobsync("init", "--prefix", "other", "--yes", "--no-sync", at=registered.editor)
    first, second = configuration.load(registered.config_file).repos
    for repo in (first, second):
        origin = open_registered(repo.id, registered.environment)
        assert origin is not None and origin.repo == repo
    assert open_registered("0123456789abcdef", registered.environment) is None


def test_it_comes_and_goes_with_the_option_and_with_uninstall(laptop: Laptop) -> None:
    laptop.init()
    assert not is_there(laptop)
    laptop.init("--at-login")
    assert is_there(laptop)
    laptop.init()
    assert is_there(laptop), "what no option names stays as it is"
    laptop.init("--no-at-login")
    assert not laptop.plist_path(LOGIN).exists()
    assert "at_login" not in laptop.config_file.read_text()
    laptop.init("--at-login")
    laptop.jobsync("uninstall", "--yes")
    assert not laptop.plist_path(LOGIN).exists()


def test_a_hook_takes_it_away_too_when_the_configuration_was_edited(laptop: Laptop) -> None:
    laptop.init("--at-login")
    laptop.config_file.write_text(laptop.config_file.read_text().replace("at_login = true", "at_login = false"))
    laptop.upstream("one", JOB + "catch_up = false\n")
    assert laptop.pull().told == "jobsync: installed one (new in COMMIT)\n"
    assert not laptop.plist_path(LOGIN).exists()


def test_a_login_that_failed_is_found_and_its_log_is_shown(laptop: Laptop) -> None:
    """Else nobody would hear that missed runs are not made up for: it is in no list of jobs."""
    laptop.init("--at-login")
    gone = laptop.put("../gone/jobsync-hook", "#!/bin/sh\necho so it goes; exit 3\n", mode=0o755)
    laptop.jobsync("config", "hook", str(gone))
    laptop.jobsync("sync")
    laptop.simulator.settle()
    laptop.simulator.logout()
    laptop.simulator.login()
    laptop.wait_for(lambda: "ended with exit 3" in laptop.jobsync("doctor", status=None).out)
    assert f"{LOGIN}: its last run" in laptop.jobsync("doctor", status=None).out
    assert laptop.jobsync("logs", LOGIN).out == "so it goes\n"
