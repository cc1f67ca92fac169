"""What a running job holds up is done when it ends: by a waiter, by `jobsync-finish`, by the next sync, or at once."""

import re
import time
from pathlib import Path

import pytest

from jobsync import lock

from ..laptop import JOB, Laptop

LONG = 'run = "while [ ! -e ~/go ]; do sleep 0.05; done; touch ~/done"\n'
"""Runs until `~/go` is there."""


def running(laptop: Laptop, text: str = LONG) -> None:
    """A job that is running now."""
    laptop.job("long", text)
    laptop.commit()
    laptop.jobsync("run", "-d", "long")
    laptop.wait_for(lambda: bool(list((laptop.home / ".local/state/jobsync/logs").rglob("*.log"))))


def is_updated(laptop: Laptop) -> bool:
    return laptop.plist("long").get("StartCalendarInterval") == [{"Hour": 9, "Minute": 0}]


def test_a_running_job_is_never_stopped_and_its_change_follows_by_itself(registered: Laptop) -> None:
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    said = registered.jobsync("sync").out
    assert "deferred  long  running (pid " in said
    assert not is_updated(registered)
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


def test_what_waits_for_a_run_is_done_by_the_jobsync_that_is_installed_by_then(registered: Laptop) -> None:
    """The one that waits may have been upgraded, or moved, under its feet."""
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    assert "deferred" in registered.jobsync("sync").out
    registered.wait_for(lambda: lock.is_held(registered.state / "waiter"))
    former = re.search(r'(?m)^hook = "(.*)"$', registered.config_file.read_text())
    assert former is not None
    newer = registered.root / "newer"
    newer.write_text(f'#!/bin/sh\ntouch {registered.root}/asked\nexec {former[1]} "$@"\n')
    newer.chmod(0o755)
    registered.config_file.write_text(registered.config_file.read_text().replace(former[0], f'hook = "{newer}"'))
    time.sleep(6)
    (registered.home / "go").touch()
    registered.wait_for((registered.root / "asked").exists)
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())
    registered.wait_for(lambda: not (registered.state / "deferred").exists())


def test_a_hook_defers_and_the_change_follows_too(registered: Laptop) -> None:
    running(registered)
    registered.git("push", "-q")
    registered.git("pull", "-q", at=registered.editor)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n', at=registered.editor)
    registered.push()
    assert "deferred long" in registered.pull().err
    (registered.home / "go").touch()
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())


@pytest.mark.parametrize("asks", ["sync", "hook"])
def test_a_change_that_follows_is_made_as_this_machine_is_configured_by_then(registered: Laptop, asks: str) -> None:
    """Whoever waits for the run was started before."""
    registered.job("other")
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    said = registered.jobsync("sync").out if asks == "sync" else registered.commit().err
    assert "deferred" in said
    registered.wait_for(lambda: lock.is_held(registered.state / "waiter"))
    registered.jobsync("config", "path", "/opt/bin:/usr/bin:/bin")
    assert "updated   other" in registered.jobsync("sync").out
    (registered.home / "go").touch()
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    paths = [registered.plist(job)["EnvironmentVariables"]["PATH"] for job in ("long", "other")]
    assert paths == ["/opt/bin:/usr/bin:/bin"] * 2
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


@pytest.mark.parametrize("asks", ["sync", "hook"])
def test_what_waits_for_a_run_that_ends_in_a_rebase_waits_for_the_end_of_that_too(
    registered: Laptop, asks: str
) -> None:
    running(registered)
    registered.job("other", JOB.replace("09:00", "10:00"))
    registered.commit("other")
    registered.job("other", JOB.replace("09:00", "11:00"))
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    registered.commit("long, later")
    if asks == "sync":
        registered.jobsync("sync")
    registered.git("-c", "sequence.editor=sed -i.bak s/^pick/edit/", "rebase", "-q", "-i", "HEAD~2")
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    time.sleep(2)
    assert not is_updated(registered) and registered.hour("other") == 11
    registered.git("rebase", "--abort")
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())
    assert registered.hour("other") == 11


@pytest.mark.parametrize("gone", ["jobs", "jobs/long"])
def test_what_waits_for_a_run_takes_no_job_away_that_nobody_asked_to_go(registered: Laptop, gone: str) -> None:
    """A change was asked for: what has become of the work tree since is for the next sync to say."""
    registered.job("other")
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    assert "deferred   long" in registered.jobsync("sync").out
    (registered.work / gone).rename(registered.root / "away")
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.loaded() == registered.installed() == {"long", "other"}
    (registered.root / "away").rename(registered.work / gone)
    assert "updated    long" in registered.jobsync("sync").out, "nothing is held against it"
    assert is_updated(registered)


@pytest.mark.parametrize("commits", [False, True], ids=["nothing", "another job"])
def test_a_hook_forgets_no_edit_that_a_sync_by_hand_has_deferred(registered: Laptop, *, commits: bool) -> None:
    """A hook has nothing to do with that edit, and so no reason to think that nobody waits for it."""
    registered.job("other")
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    assert "deferred   long" in registered.jobsync("sync").out
    if commits:
        registered.job("other", JOB.replace("09:00", "10:00"))
        registered.git("commit", "-qm", "the other one", "jobs/other")
    registered.run("jobsync-hook", "post-merge", "0")
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())


def test_what_waits_for_a_run_outlasts_a_scheduler_that_makes_no_sense_when_it_ends(registered: Laptop) -> None:
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    assert "deferred  long" in registered.jobsync("sync").out
    registered.simulator.clear_calls()
    registered.simulator.fault("print", garbage="nonsense\n", times=None)
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: ["print"] in [call[:1] for call in registered.simulator.calls()])
    assert not is_updated(registered)
    registered.simulator.clear_faults()
    registered.wait_for(lambda: is_updated(registered) and "long" in registered.loaded())


def test_now_stops_the_running_job(registered: Laptop) -> None:
    running(registered)
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    assert "updated  long" in registered.jobsync("sync", "--now").out
    assert is_updated(registered)
    assert not (registered.home / "done").exists()


def test_a_job_that_pulls_its_own_repository_is_finished_from_outside(registered: Laptop) -> None:
    pulls = 'run = "cd ~/dotfiles && git pull -q && sleep 0.5 && touch ~/done"\n'
    path = registered.path_to_git()
    registered.job("puller", path + pulls)
    registered.commit()
    registered.git("push", "-q")
    registered.git("pull", "-q", at=registered.editor)
    registered.job("puller", path + pulls + '[schedule]\nat = "09:00"\n', at=registered.editor)
    registered.push()
    registered.jobsync("run", "puller")
    assert (registered.home / "done").exists(), "the job was not cut off"
    registered.wait_for(lambda: registered.plist("puller").get("StartCalendarInterval") is not None)
    registered.wait_for(lambda: "puller" in registered.loaded())
    assert registered.simulator.runs(registered.label("jobsync-finish")) >= 1
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


PULLING = """
[daemon]
restart = "always"

[env]
VERSION = "old"
"""
"""Of a daemon that keeps its own repository up to date with a git that goes on when our hook has ended."""
PULL = """run = '''
touch ~/$VERSION
cd ~/dotfiles
while :; do
    git -c "alias.up=!git pull -q && sleep 1 && touch ~/pulled-by-$VERSION" up
    sleep 0.2
done'''
"""


def pulling_daemon(laptop: Laptop, *, before: str = "") -> str:
    """Such a daemon, installed and running; its definition."""
    text = before + PULL + PULLING
    laptop.job("puller", text)
    laptop.commit()
    laptop.git("push", "-q")
    laptop.git("pull", "-q", at=laptop.editor)
    laptop.wait_for((laptop.home / "pulled-by-old").exists)
    (laptop.home / "pulled-by-old").unlink()
    return text


@pytest.mark.parametrize("change", ["restart", "reload"])
def test_a_daemon_that_pulls_its_own_change_has_it_when_git_has_ended(registered: Laptop, change: str) -> None:
    text = pulling_daemon(registered, before=registered.path_to_git()).replace("old", "new")
    text += '[limits]\npriority = "background"\n' if change == "reload" else ""
    registered.job("puller", text, at=registered.editor)
    registered.push()
    registered.wait_for((registered.home / "new").exists)
    assert (registered.home / "pulled-by-old").exists(), "git was not cut off"
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


def test_a_daemon_that_pulls_its_own_removal_goes_when_git_has_ended(registered: Laptop) -> None:
    registered.job("other")
    pulling_daemon(registered, before=registered.path_to_git())
    registered.drop("jobs/puller", at=registered.editor)
    registered.push()
    registered.wait_for(lambda: registered.loaded() == registered.installed() == {"other"})
    assert (registered.home / "pulled-by-old").exists(), "git was not cut off"


def test_who_finishes_a_change_does_not_wait_for_the_end_of_itself(registered: Laptop) -> None:
    """`jobsync-finish` is to be changed, too, and runs for as long as it waits."""
    path = registered.path_to_git()
    wait = "while [ ! -e ~/go ]; do sleep 0.05; done"
    line = f"cd ~/dotfiles && git -c user.name=a -c user.email=b commit -qm ten && {wait}; touch ~/done"
    registered.job("puller", f'{path}run = "{line}"\n')
    registered.commit()
    registered.job("puller", f'{path}run = "{line}"\n[schedule]\nat = "09:00"\n')
    registered.git("add", "-A")
    registered.jobsync("run", "-d", "puller")
    registered.wait_for(lambda: lock.is_held(registered.state / "waiter"))
    registered.jobsync("config", "path", "/opt/bin:/usr/bin:/bin")
    assert "deferred  puller" in registered.jobsync("sync").out
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    registered.wait_for(lambda: not lock.is_held(registered.state / "waiter"))
    assert registered.plist("puller").get("StartCalendarInterval") is not None
    registered.simulator.settle(patience=5)
    registered.jobsync("sync")
    finisher = registered.plist("jobsync-finish")["EnvironmentVariables"]
    assert finisher["PATH"] == "/opt/bin:/usr/bin:/bin"


def test_a_job_that_syncs_under_a_former_prefix_is_moved_when_it_has_ended(registered: Laptop) -> None:
    path = registered.path_to_git()
    author = "-c user.name=a -c user.email=b"
    line = f"cd ~/dotfiles && git {author} commit -q --allow-empty -m more && touch ~/done"
    registered.job("syncer", f'{path}run = "{line}"\n')
    registered.commit()
    registered.jobsync("init", "--prefix", "moved", "--yes", "--no-sync")
    registered.launchctl("kickstart", registered.target("syncer"))
    registered.wait_for((registered.home / "done").exists)
    registered.prefix = "moved"
    registered.wait_for(lambda: registered.loaded() == registered.installed() == {"syncer"})
    assert registered.simulator.runs(registered.label("jobsync-finish")) >= 1


def test_a_job_that_takes_itself_away_goes_when_it_has_ended(registered: Laptop) -> None:
    path = f'path = ["{Path(registered.run("which", "jobsync").out).parent}"]\n'
    line = "cd ~/dotfiles && rm -r jobs/leaver && jobsync sync && touch ~/done"
    registered.job("other")
    registered.job("leaver", f'{path}run = "{line}"\n')
    registered.commit()
    registered.jobsync("run", "leaver")
    assert (registered.home / "done").exists(), "the job was not cut off"
    registered.wait_for(lambda: registered.loaded() == registered.installed() == {"other"})


def test_an_unattended_sync_takes_head_and_leaves_an_uncommitted_edit_alone(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.bootout("one")
    registered.job("one", JOB.replace("09", "10"))
    assert "reloaded  one" in registered.jobsync("sync", "--head").out
    assert registered.plist("one")["StartCalendarInterval"] == [{"Hour": 9, "Minute": 0}]


def test_an_unattended_sync_does_nothing_where_a_hook_would_not(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.git("switch", "-q", "--detach")
    registered.bootout("one")
    said = registered.jobsync("sync", "--head")
    assert "HEAD is detached" in said.err
    assert registered.loaded() == set()


def _starts_during_a_sync(laptop: Laptop, job: str) -> None:
    """From now on a slot of that job fires as soon as a sync has asked launchd what it is and planned with that."""
    real, wrapper, fired = laptop.simulator.launchctl, laptop.root / "launchctl", laptop.root / "fired"
    records = laptop.state / "runs" / job
    wrapper.write_text(
        f"#!/bin/sh\ncase \"$*\" in 'print gui/'*/{laptop.label(job)}) [ -e {fired} ] || {{ : >{fired}\n"
        f"  {real} kickstart {laptop.target(job)}\n"
        f"  until grep -q ^start {records} 2>/dev/null; do sleep 0.02; done }};;\n"
        f'esac\nexec {real} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    laptop.config_file.write_text(laptop.config_file.read_text().replace(str(real), str(wrapper)))
    laptop.jobsync("sync")


def test_a_run_that_begins_during_a_sync_loses_nothing_that_concerns_all_jobs(registered: Laptop) -> None:
    """HEAD holds the job's own files as before: only that not all jobs have what is new tells what is left to do."""
    registered.job("other")
    registered.job("long", LONG + '[schedule]\nat = "09:00"\n')
    registered.commit()
    _starts_during_a_sync(registered, "long")
    registered.put("jobsync.toml", 'jobs = "jobs"\n[defaults.limits]\npriority = "background"\n')
    before = registered.plist("long")
    said = registered.commit().err
    assert "updated other" in said and "deferred long" in said
    assert registered.plist("long") == before
    registered.run("jobsync-hook", "post-merge", "0")
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.plist("long") != before
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


@pytest.mark.parametrize("what", ["settings", "prefix"])
def test_what_some_jobs_only_have_is_taken_back_from_those(registered: Laptop, what: str) -> None:
    """As a bad default is that was pushed while a job ran, and reverted before that had ended."""
    registered.job("other")
    running(registered)
    before = registered.plist("other")
    if what == "settings":
        registered.put("jobsync.toml", 'jobs = "jobs"\n[defaults.limits]\npriority = "background"\n')
        said = registered.commit().err
    else:
        said = registered.jobsync("init", "--prefix", "moved", "--yes", "--sync").out
    assert "deferred" in said and "updated" in said
    if what == "settings":
        assert registered.plist("other") != before
        said = registered.git("revert", "--no-edit", "HEAD").err
    else:
        assert not registered.plist_path("other").exists()
        registered.jobsync("init", "--prefix", "test", "--yes", "--no-sync")
        said = registered.run("jobsync-hook", "post-merge", "0").err
    assert "updated other" in said and "deferred" not in said
    assert registered.plist("other") == before
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


@pytest.mark.parametrize("asks", ["sync", "hook"])
def test_a_paused_run_that_is_to_become_a_daemon_goes_on_to_its_end(registered: Laptop, asks: str) -> None:
    """A pause stops a daemon, which this one is not yet."""
    running(registered)
    registered.jobsync("pause", "long")
    registered.job("long", 'run = "sleep 600"\n[daemon]\nrestart = "always"\n')
    said = registered.jobsync("sync").out if asks == "sync" else registered.commit().err
    assert "deferred" in said and "running (pid " in said
    (registered.home / "go").touch()
    registered.wait_for((registered.home / "done").exists)
    registered.wait_for(lambda: not (registered.state / "deferred").exists())
    assert registered.loaded() == registered.installed() == set()
    registered.jobsync("resume", "long")
    assert registered.loaded() == registered.installed() == {"long"}
