"""The commands as typed on Linux, with systemd for real."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync.schedulers import forgetting

from .. import linux as machines
from ..laptop import JOB, variables
from ..linux import LinuxLaptop
from ..unprivileged import CONFINED
from ..user_manager import CannotBe

LONG = 'run = "touch ~/runs; while [ ! -e ~/go ]; do sleep 0.05; done"\n[schedule]\nat = "09:00"\n'
DAEMON = 'run = "sleep 600"\n[daemon]\nrestart = "always"\n'


@pytest.fixture
def linux() -> Iterator[LinuxLaptop]:
    """A machine with systemd, and a repository that is registered; skipped only where no user manager can be."""
    try:
        with machines.running() as machine:
            machine.init()
            yield machine
    except CannotBe as error:
        pytest.skip(str(error))


def test_init_finds_the_user_manager_and_says_what_a_logout_means(linux: LinuxLaptop) -> None:
    shown = linux.jobsync("init", "--yes", "--no-sync").out
    assert f"systemd (/usr/bin/systemctl --user, units in {linux.units})" in shown
    assert "loginctl enable-linger" in shown
    values = json.loads(linux.jobsync("config", "--json").out)
    assert values["scheduler"] == "systemd"
    assert (linux.units / linux.unit("jobsync-finish", "service")).is_file()
    for words in (("init", "--launchctl", "/bin/true", "--yes"), ("config", "launchctl", "/bin/true")):
        assert "uninstall" in linux.jobsync(*words, status=2).err


def test_units_of_a_home_with_two_names_are_where_they_outlive_a_logout(linux: LinuxLaptop) -> None:
    linux.jobsync("uninstall", "--yes")
    other = linux.root / "other"
    other.symlink_to(linux.home)
    shown = linux.jobsync("init", "--yes", "--no-sync", env={"HOME": str(other)}).out
    assert f"units in {linux.units})" in shown


def test_without_any_scheduler_init_says_what_to_do(linux: LinuxLaptop) -> None:
    nobody = {"XDG_RUNTIME_DIR": f"{linux.root}/none", "JOBSYNC_CONFIG": f"{linux.root}/other/config.toml"}
    said = linux.jobsync("init", "--yes", env=nobody, status=1).err
    assert "this machine has no launchd, and no systemd user manager answers" in said
    assert "jobsync simulator DIR" in said


def test_a_pull_installs_updates_and_removes(linux: LinuxLaptop) -> None:
    linux.upstream("backup")
    linux.upstream("watcher", DAEMON)
    assert "installed backup" in linux.pull().err
    assert linux.installed() == linux.loaded() == {"backup", "watcher"}
    assert linux.pull().err == ""
    linux.upstream("backup", JOB.replace("09:00", "10:00"))
    assert "updated backup" in linux.pull().err
    assert "OnCalendar=*-*-* 10:00:00" in (linux.units / linux.unit("backup")).read_text()
    linux.drop("jobs/backup", at=linux.editor)
    linux.push("no backup")
    assert "removed backup" in linux.pull().err
    assert linux.installed() == linux.loaded() == {"watcher"}


def test_the_second_sync_and_a_hook_with_nothing_to_do_write_nothing(linux: LinuxLaptop) -> None:
    linux.job("one")
    linux.commit()
    linux.jobsync("sync")
    before = linux.snapshot()
    assert linux.jobsync("sync").out.splitlines()[-1] == "1 unchanged"
    ran = linux.run("jobsync-hook", "post-merge", "0")
    assert ran.text == ""
    assert linux.snapshot() == before
    linux.manager.systemctl("stop", linux.unit("one"))
    linux.run("jobsync-hook", "post-merge", "0")
    assert linux.loaded() == {"one"}, "the hook saw it in the manager's own table"


def test_run_here_gives_the_job_what_the_manager_gives(linux: LinuxLaptop) -> None:
    linux.manager.systemctl("set-environment", 'SAID=it\'s "so" $HOME %h\\n')
    linux.job("one", 'run = "env"\n')
    linux.jobsync("sync")
    there, here = (variables(linux.jobsync("run", *options, "one").out) for options in ((), ("--here",)))
    each_runs_own = {
        "JOBSYNC_RUN", "INVOCATION_ID", "SYSTEMD_EXEC_PID", "MANAGERPID", "MANAGERPIDFDID", "JOURNAL_STREAM", "OLDPWD",
        "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
    }  # fmt: skip
    account = {"USER", "LOGNAME", "SHELL"}  # of a login, which the manager of a test has not seen
    assert there.keys() - here.keys() <= each_runs_own and here.keys() - there.keys() <= account
    shared = there.keys() & here.keys() - each_runs_own
    assert {"SAID", "LANG", "XDG_RUNTIME_DIR"} <= shared
    assert {name: here[name] for name in shared} == {name: there[name] for name in shared}


def test_a_job_is_run_followed_stopped_and_restarted(linux: LinuxLaptop) -> None:
    linux.job("says", 'run = "echo spoken; exit 3"\n')
    linux.job("long", 'run = "sleep 600"\n')
    linux.job("daemon", DAEMON)
    linux.jobsync("sync")
    ran = linux.jobsync("run", "says", status=3)
    assert "spoken" in ran.out
    assert "spoken" in linux.jobsync("logs", "says").out
    assert "spoken" in linux.jobsync("run", "--here", "says", status=3).out
    linux.jobsync("run", "-d", "long")
    linux.wait_for(lambda: "running" in linux.jobsync("status", "long").out)
    assert "is running already" in linux.jobsync("run", "long", status=1).err
    assert "told long" in linux.jobsync("stop", "long").out
    linux.wait_for(lambda: "running" not in linux.jobsync("status", "long").out)
    assert linux.jobsync("restart", "daemon").out == "restarted daemon\n"
    linux.jobsync("pause", "daemon")
    assert linux.loaded() == set()
    linux.jobsync("resume", "daemon")
    assert linux.loaded() == {"daemon"}


def test_looking_speaks_of_units(linux: LinuxLaptop) -> None:
    linux.job("one", 'run = "true"\n[schedule]\nat = "09:00"\non_change = ["~/file"]\n')
    assert "not synced" in linux.jobsync("status").out
    linux.jobsync("sync")
    shown = linux.jobsync("cat", "one").out
    assert "OnCalendar=*-*-* 09:00:00" in shown
    assert f"{linux.wants}/timers.target.wants/{linux.unit('one')}" in shown
    assert "at the next login" in linux.jobsync("status", "one").out
    timer = linux.units / linux.unit("one")
    timer.write_bytes(timer.read_bytes().replace(b" 09:", b" 11:"))
    shown = linux.jobsync("diff").out
    assert "-OnCalendar=*-*-* 11:00:00" in shown and "timers.target.wants" not in shown
    assert "edited by hand" in linux.jobsync("status").text
    assert "edits of systemd's units cannot be adopted" in linux.jobsync("adopt", "one", status=1).err
    assert "repaired" in linux.jobsync("sync").out
    kept = linux.jobsync("diff", "--kept").out
    assert f"systemctl --user edit {timer.name}" in kept and "adopt" not in kept
    linux.jobsync("doctor", status=None)


def test_a_run_is_seen_by_status_history_and_doctor(linux: LinuxLaptop) -> None:
    linux.job("backup", 'run = "exit 3"\n[schedule]\nat = "09:00"\n')
    linux.commit()
    linux.jobsync("sync")
    linux.jobsync("run", "backup", status=3)
    screen = linux.jobsync("status", "backup").out
    assert f"backup ({linux.label('backup')})" in screen and "the last run ended with exit 3" in screen
    assert "asleep: one run after wake, however many slots were missed" in screen
    assert "off: one run " in screen and "launchd" not in screen
    (row,) = (line for line in linux.jobsync("history", "--failed").out.splitlines() if "exit 3" in line)
    assert "backup" in row
    found = linux.jobsync("doctor", "backup", status=1).out
    assert "ended with exit 3" in found and "systemd" in found


def test_doctor_finds_nothing_wrong_with_any_kind_of_job_that_was_just_synced(linux: LinuxLaptop) -> None:
    linux.job("clock")
    linux.job("daemon", DAEMON)
    linux.job("by-hand", 'run = "true"\n')
    linux.job("login", 'run = "true"\n[schedule]\nat_login = true\n')
    linux.job("files", 'run = "true"\n[schedule]\non_files = ["~/inbox"]\non_change = ["~/file"]\n')
    linux.commit()
    linux.jobsync("sync")
    found = {one["id"]: one for one in json.loads(linux.jobsync("doctor", "--json").out)["repos"][0]["checks"]}
    assert found["identity"]["level"] == found["loaded"]["level"] == "ok", found["identity"]
    assert {one["id"] for one in found.values() if one["level"] in ("error", "warning")} == set()


def _trouble(linux: LinuxLaptop) -> set[str]:
    """Ids of the checks that found an error or a warning."""
    (found,) = json.loads(linux.jobsync("doctor", "--json", status=None).out)["repos"]
    return {one["id"] for one in found["checks"] if one["level"] in ("error", "warning")}


def test_doctor_takes_a_daemon_that_its_user_stopped_for_no_trouble(linux: LinuxLaptop) -> None:
    linux.job("daemon", DAEMON)
    linux.commit()
    linux.jobsync("sync")
    for _ in range(3):
        linux.wait_for(lambda: "running for" in linux.jobsync("status").out)
        linux.jobsync("restart", "daemon")
    assert _trouble(linux) == set(), "three runs were stopped, and none failed"
    linux.jobsync("pause", "daemon")
    assert _trouble(linux) == set()
    linux.jobsync("resume", "daemon")
    for verb in ("stop", "disable"):  # not `disable --now`: newer ones refuse that in a container
        linux.manager.systemctl(verb, linux.unit("daemon", "service"))
    assert _trouble(linux) == set()
    said = linux.jobsync("restart", "daemon", status=1).err
    assert "daemon is disabled by you" in said and "`systemctl --user enable --now " in said


def test_any_number_of_daemons_is_paused_and_resumed_together(linux: LinuxLaptop) -> None:
    for name in ("one", "two", "three", "four"):
        linux.job(name, DAEMON)
    linux.job("timed")
    linux.jobsync("sync")
    calls, counting = linux.root / "calls", linux.root / "systemctl"
    counting.write_text(f'#!/bin/sh\necho "$2" >>{calls}\nexec /usr/bin/systemctl "$@"\n')
    counting.chmod(0o755)
    settings = linux.home / ".config/jobsync/config.toml"
    settings.write_text(settings.read_text().replace('"/usr/bin/systemctl"', f'"{counting}"'))
    assert linux.jobsync("pause").out.count("paused by you") == 5
    assert linux.loaded() == {"timed"}
    assert calls.read_text().count("stop\n") == 1
    assert linux.jobsync("resume").out.count(": resumed") == 5
    assert linux.loaded() == {"one", "two", "three", "four", "timed"}
    assert calls.read_text().count("start\n") == 1


def test_a_daemon_is_called_restarted_when_it_runs_anew(linux: LinuxLaptop) -> None:
    linux.job("daemon", "run = \"trap 'sleep 2; exit' TERM; echo up; while :; do sleep 0.1; done\"\n[daemon]\n")
    linux.commit()
    linux.jobsync("sync")
    linux.wait_for(lambda: linux.jobsync("logs", "daemon", status=None).out == "up\n")
    assert linux.jobsync("restart", "daemon").out == "restarted daemon\n"
    assert linux.jobsync("status").out.splitlines()[1].split()[:3] == ["daemon", "daemon", "running"]
    assert _trouble(linux) == set()


def test_a_daemon_that_is_told_to_stop_and_ends_well_stays_away_until_it_is_restarted(linux: LinuxLaptop) -> None:
    linux.job("daemon", 'run = "trap \\"exit 0\\" TERM; echo up; sleep 600 & wait"\n[daemon]\nrestart = "on-failure"\n')
    linux.commit()
    linux.jobsync("sync")
    linux.wait_for(lambda: linux.jobsync("logs", "daemon", status=None).out == "up\n")
    assert "starts again unless it ended well" in linux.jobsync("stop", "daemon").err
    linux.wait_for(lambda: "the daemon ended" in linux.jobsync("status").text)
    assert _trouble(linux) == {"last-run"}
    linux.jobsync("restart", "daemon")
    linux.wait_for(lambda: "running for" in linux.jobsync("status").out)
    assert _trouble(linux) == set()


def test_doctor_misses_no_link_of_a_job_that_no_sync_has_seen_yet(linux: LinuxLaptop) -> None:
    linux.job("one")
    linux.commit()
    linux.jobsync("sync")
    linux.job("new")
    linux.job("one", 'run = "true"\n[schedule]\non_change = ["~/file"]\n')
    assert _trouble(linux) == {"synced"}


def test_after_a_logout_it_is_said_once_that_jobs_wait_for_the_next_login(linux: LinuxLaptop) -> None:
    linux.job("daemon", DAEMON)
    linux.job("one")
    linux.commit()
    linux.jobsync("sync")
    linux.wait_for(lambda: "running for" in linux.jobsync("status").out)
    linux.manager.stop()
    shown = linux.jobsync("status")
    assert shown.text.count("no systemd user manager runs for you now") == 1 and "jobsync-finish" not in shown.out
    assert _trouble(linux) == {"scheduler"}
    assert linux.jobsync("doctor", status=None).out.count("[deferred]") == 1
    assert "log in as this user" in linux.jobsync("run", "one", status=1).err


def test_uninstalling_leaves_nothing_but_what_is_the_users(linux: LinuxLaptop) -> None:
    linux.job("one")
    linux.job("two", DAEMON)
    linux.jobsync("sync")
    extra = linux.wants / f"{linux.unit('one')}.d" / "mine.conf"
    extra.parent.mkdir(parents=True)
    extra.write_text("[Timer]\nAccuracySec=1h\n")
    shown = linux.jobsync("uninstall", "--yes").out
    assert "no job, no file, no hook" in shown
    assert not [path for path in linux.home.rglob(f"*{linux.prefix}.*") if path != extra.parent]
    assert extra.exists()
    assert linux.manager.systemctl("list-units", "--all", "--plain", "--no-legend", "test.*") == ""


def test_one_repository_serves_a_mac_and_this_machine(linux: LinuxLaptop) -> None:
    both = f'{JOB}\n[launchd]\nProcessType = "Interactive"\n'
    linux.job("both", both)
    linux.job("mac", f'{JOB}\n[only]\nos = "macos"\n')
    linux.jobsync("sync")
    assert linux.installed() == {"both"}
    assert "Interactive" not in (linux.units / linux.unit("both", "service")).read_text()


def test_a_job_that_pulls_its_own_repository_is_changed_around_itself(linux: LinuxLaptop) -> None:
    path = linux.environment["PATH"]
    pulls = f'run = "git -C {linux.work} pull -q"\npath = {json.dumps(path.split(":"))}\n[schedule]\nat = "09:00"\n'
    linux.upstream("pulls", pulls)
    linux.pull()
    linux.upstream("pulls", pulls.replace("09:00", "10:00"))
    linux.jobsync("run", "pulls", env={"GIT_CONFIG_GLOBAL": str(Path(linux.home) / ".gitconfig")})
    linux.wait_for(lambda: "10:00:00" in (linux.units / linux.unit("pulls")).read_text())
    linux.wait_for(lambda: linux.jobsync("sync").out.splitlines()[-1] == "1 unchanged")
    runs = (linux.state / "runs" / "pulls").read_text().splitlines()
    assert sum(line.startswith("start ") for line in runs) == 1


def test_a_daemon_that_pulls_its_own_change_has_it_when_git_has_ended(linux: LinuxLaptop) -> None:
    """What waits for that is out of the daemon's control group."""
    git = 'git -c "alias.up=!git pull -q && sleep 1 && touch ~/pulled-by-$VERSION" up'
    pulls = f"touch ~/$VERSION; cd {linux.work}; while :; do {git}; sleep 0.2; done"
    path = json.dumps(linux.environment["PATH"].split(":"))
    daemon = f'run = \'{pulls}\'\npath = {path}\n[daemon]\nrestart = "always"\n[env]\nVERSION = "old"\n'
    linux.upstream("puller", daemon)
    linux.pull()
    linux.wait_for((linux.home / "pulled-by-old").exists)
    (linux.home / "pulled-by-old").unlink()
    linux.upstream("puller", daemon.replace("old", "new"))
    linux.wait_for((linux.home / "new").exists)
    assert (linux.home / "pulled-by-old").exists(), "git was not cut off"
    linux.wait_for(lambda: not (linux.state / "deferred").exists())
    assert linux.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


def test_a_prefix_that_is_taken_back_after_a_kill_leaves_no_job_twice(linux: LinuxLaptop) -> None:
    """Killed when all was moved, and the ledger not written yet."""
    linux.job("one")
    linux.job("watch", DAEMON)
    linux.commit()
    linux.jobsync("init", "--prefix", "moved", "--yes", "--no-sync")
    before = (linux.state / "ledger").read_bytes()
    linux.jobsync("sync")
    (linux.state / "ledger").write_bytes(before)
    linux.put(str(linux.state / "changing"), "moved.one\nmoved.watch")
    linux.jobsync("init", "--prefix", linux.prefix, "--yes", "--no-sync")
    linux.jobsync("sync")
    assert linux.installed() == linux.loaded() == {"one", "watch"}
    assert not [*linux.units.glob("moved.*"), *linux.wants.rglob("moved.*")]
    assert linux.manager.systemctl("list-units", "--plain", "--no-legend", "--all", "moved.*") == ""
    assert linux.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


def test_an_uninstall_leaves_no_empty_directory_of_links_and_no_other_one_away(linux: LinuxLaptop) -> None:
    linux.job("one")
    linux.job("watch", DAEMON)
    linux.put(str(linux.wants / "default.target.wants" / "mine.service"), "")
    linux.jobsync("sync")
    assert {path.name for path in linux.wants.iterdir()} == {"default.target.wants", "timers.target.wants"}
    linux.jobsync("uninstall", "--yes")
    assert [path.name for path in linux.wants.rglob("*")] == ["default.target.wants", "mine.service"]


def test_the_demo_plays_on_systemd_and_leaves_nothing(linux: LinuxLaptop) -> None:
    before = linux.snapshot()
    shown = linux.jobsync("demo", "--scheduler", "systemd").out
    assert "scheduler changes: 2 (daemon-reload, start)" in shown
    assert "Everything was as it says" in shown
    after = linux.snapshot()
    assert {path for path in after.keys() - before.keys() if "demo." in path} == set()


@pytest.mark.parametrize("place", ["wants", "wants/timers.target.wants", "units", "units/SERVICE"])
def test_a_closed_place_of_units_or_links_is_no_bug_and_doctor_says_how_it_is_opened(
    linux: LinuxLaptop, place: str
) -> None:
    linux.job("one")
    linux.commit()
    linux.jobsync("sync")
    parent = {"wants": linux.wants, "units": linux.units}[place.partition("/")[0]]
    closed = parent / place.partition("/")[2].replace("SERVICE", linux.unit("one", "service"))
    mode = closed.stat().st_mode
    closed.chmod(0)
    ran = [linux.run(*CONFINED, "jobsync", *words, status=1) for words in (["doctor"], ["sync"])]
    closed.chmod(mode)
    for one in ran:
        assert f"chmod u+rwX {closed}" in (one.out + one.err).replace("~", str(linux.home)), one
    assert "1 unchanged" in linux.jobsync("sync").out


@pytest.mark.parametrize("meanwhile", ["another job", "a fault", "a run"])
def test_what_a_killed_sync_left_switched_off_is_nobodys_wish_whatever_comes_before_it_is_mended(
    linux: LinuxLaptop, meanwhile: str
) -> None:
    linux.job("one", LONG)
    linux.job("other")
    linux.jobsync("sync")
    if meanwhile == "a run":
        linux.jobsync("run", "-d", "one")
        linux.wait_for((linux.home / "runs").exists)
    # A timer is stopped, and its link gone, for the moment in which its new times are read.
    linux.manager.systemctl("stop", linux.unit("one"))
    linux.manager.systemctl("disable", linux.unit("one"))
    linux.put(str(linux.state / "changing"), linux.label("one"))
    if meanwhile == "another job":
        linux.jobsync("sync", "other")
    elif meanwhile == "a fault":
        linux.job("one", LONG.replace("09:00", "9"))
        linux.jobsync("sync", status=1)
        linux.job("one", LONG)
    else:
        linux.job("one", 'run = "sleep 600"\n[daemon]\nrestart = "always"\n')
        assert "deferred" in linux.jobsync("sync").out
        linux.job("one", LONG)
    said = linux.jobsync("sync").out
    (linux.home / "go").touch()
    assert "disabled by you" not in said
    assert linux.loaded() == {"one", "other"}
    linux.jobsync("sync")
    assert not (linux.state / "changing").exists()


def test_what_a_killed_sync_has_taken_from_a_timer_comes_back_with_the_next_reload(linux: LinuxLaptop) -> None:
    """Also where that is about another job: the manager reads all units at once."""
    linux.job("one")
    linux.job("other")
    linux.jobsync("sync")
    with forgetting.forgetting(str(linux.manager.runtime), [linux.unit("one")]):
        left = {path: path.read_bytes() for path in linux.manager.runtime.glob("systemd/user/*.d/*")}
    for path, content in left.items():
        path.parent.mkdir()
        path.write_bytes(content)
    linux.job("other", JOB.replace("09", "10"))
    linux.jobsync("sync", "other")
    assert linux.loaded() == {"one", "other"}
    assert left and not any(path.exists() for path in left)


def test_a_slot_that_comes_while_the_jobs_move_to_another_prefix_is_made_up_for(linux: LinuxLaptop) -> None:
    """All of them are told to stop together, and one may take its time."""
    linux.job("one")
    linux.job(
        "slow", 'run = "trap \'sleep 3; exit 0\' TERM; while :; do sleep 0.1; done"\n[daemon]\nrestart = "always"\n'
    )
    linux.jobsync("sync")
    linux.wait_for(lambda: "running for" in linux.jobsync("status").out)
    before = time.time()
    linux.jobsync("init", "--prefix", "moved", "--yes", "--sync")
    (stamp,) = linux.home.rglob("stamp-moved.one.timer")
    assert time.time() > before + 3
    assert before <= stamp.stat().st_mtime < before + 2, "from then on nothing has started it"
