"""`run`, `stop`, `restart`, `pause`, `resume`, as typed."""

import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from jobsync import process
from jobsync.runs import records

from ..laptop import JOB, Laptop, variables
from ..programs import beside

QUICK = "\n[launchd]\nThrottleInterval = 1\n"
"""launchd's ten seconds between two starts would be ours to wait."""
DAEMON = f'run = "echo up; sleep 1000"\n[daemon]\nrestart = "always"\n{QUICK}'
WAITS = 'run = "touch ~/began; sleep 1000"\n'
HELLO = 'run = "echo hello; exit 7"\n\n[env]\nWHO = "it is me"\n'


def _pid(laptop: Laptop, job: str) -> int | None:
    row = next(
        line.split("\t") for line in laptop.launchctl("list").out.splitlines() if line.endswith(laptop.label(job))
    )
    return int(row[0]) if row[0] != "-" else None


def _has_ended(pid: int) -> bool:
    return not process.is_alive(pid)


def _began(laptop: Laptop) -> None:
    laptop.wait_for((laptop.home / "began").exists)


def test_run_shows_the_log_and_passes_on_the_status(registered: Laptop) -> None:
    registered.job("one", HELLO)
    registered.job("fine", 'run = "true"\n')
    registered.commit()
    registered.mutations()
    ran = registered.jobsync("run", "one", status=7)
    assert ran.out == "hello\n" and ran.err == "jobsync: one ended with exit 7\n"
    assert registered.mutations() == [["kickstart", registered.target("one")]]
    assert registered.jobsync("run", "fine").text == ""
    assert [run.status for run in records.read(registered.state / "runs" / "one")] == [7]


def test_a_run_is_over_when_somebody_was_told_and_the_job_is_idle(registered: Laptop) -> None:
    registered.job("one", "run = \"exit 7\"\n[notify]\nrun = 'sleep 1; echo $JOBSYNC_EVENT >~/told'\n" + QUICK)
    registered.commit()
    for _ in range(2):
        assert registered.jobsync("run", "one", status=7).err == "jobsync: one ended with exit 7\n"
        assert _pid(registered, "one") is None
        assert (registered.home / "told").read_text() == "failed\n"


def test_a_second_run_says_what_it_waits_for(registered: Laptop) -> None:
    registered.job("one", 'run = "true"\n')
    registered.commit()
    assert registered.jobsync("run", "one").text == ""
    second = registered.jobsync("run", "one")
    assert second.text == "jobsync: launchd leaves 10 seconds between two starts; `--here` does not wait for them\n"
    assert registered.jobsync("run", "--here", "one").text == ""


def test_run_detached_only_starts_it(registered: Laptop) -> None:
    registered.job("one", WAITS)
    registered.commit()
    assert registered.jobsync("run", "-d", "one").text == ""
    _began(registered)
    ran = registered.jobsync("run", "one", status=1)
    assert ran.err.startswith("jobsync: one is running already (pid ") and "jobsync logs -f one" in ran.err
    assert "running already" in registered.jobsync("run", "--here", "one", status=1).err
    assert registered.runs("one") == 1
    assert registered.jobsync("stop", "one").out.startswith("told one (pid ")
    registered.wait_for(lambda: _pid(registered, "one") is None)
    assert registered.jobsync("stop", "one").out == "one is not running\n"


def test_a_run_that_cannot_have_its_log_says_so_with_its_own_status(registered: Laptop) -> None:
    registered.job("one", HELLO)
    registered.commit()
    place = registered.state.parent / "logs" / registered.label("one")
    place.rmdir()
    place.write_text("in the way", encoding="utf-8")
    for options in ((), ("--here",)):
        assert registered.jobsync("run", *options, "one", status=78).err == "jobsync: one could not have a log\n"
    assert "one: the last run could not have a log" in registered.jobsync("status").err


def test_a_job_whose_launcher_is_gone_is_not_waited_for(registered: Laptop) -> None:
    registered.job("one", HELLO)
    registered.commit()
    (launcher,) = (registered.home / ".local/share/jobsync").glob("*/one")
    for is_there in (True, False):
        launcher.chmod(0o600)
        if not is_there:
            launcher.unlink()
        for command in (("run",), ("run", "-d"), ("run", "--here"), ("restart",)):
            ran = registered.jobsync(*command, "one", status=1)
            assert ran.err.startswith(f"jobsync: the launcher of one is gone, or may not be run: {launcher}\n")
            assert "`jobsync sync one` mends that" in ran.err
    registered.jobsync("sync", "one")
    assert registered.jobsync("run", "one", status=7).out == "hello\n"


def test_a_job_of_another_machine_is_called_that_and_no_sync_is_said_to_install_it(registered: Laptop) -> None:
    registered.job("other", HELLO + '[only]\nmachines = ["another"]\n')
    registered.job("off", "enabled = false\n" + HELLO)
    registered.commit()
    for command in ("run", "stop", "restart", "adopt", "logs"):
        said = registered.jobsync(command, "other", status=1).err
        assert said.startswith('jobsync: other is not for this machine: only.machines leaves out "'), command
        assert "jobsync sync" not in said, command
        assert "off is not for this machine: enabled = false" in registered.jobsync(command, "off", status=1).err
    for words in (("sync",), ("sync", "-n"), ("sync", "--head")):
        done = registered.jobsync(*words, "other")
        assert done.out == "nothing to do\n" and done.err.startswith("other is not for this machine: only."), words
    assert registered.jobsync("sync", "jobsync-finish").err == "", "a job that is always for it"


def test_run_here_is_a_child_of_the_terminal_in_the_schedulers_environment(registered: Laptop) -> None:
    registered.job("one", 'run = "echo $WHO; echo ${SECRET-none}; echo $PATH; exit 5"\n\n[env]\nWHO = "me"\n')
    registered.commit()
    registered.mutations()
    ran = registered.jobsync("run", "--here", "one", env={"SECRET": "of the caller"}, status=5)
    assert ran.out.splitlines() == ["me", "none", registered.plist("one")["EnvironmentVariables"]["PATH"]]
    assert registered.mutations() == [] and registered.runs("one") == 0
    assert [run.status for run in records.read(registered.state / "runs" / "one")] == [5]
    registered.simulator.logout()
    assert registered.jobsync("run", "--here", "one", status=5).out == ran.out, "no scheduler is needed for it"
    assert "exclude each other" in registered.jobsync("run", "--here", "-d", "one", status=2).err


def test_run_here_gives_the_job_what_launchd_gives(registered: Laptop) -> None:
    registered.job("one", 'run = "env"\n')
    registered.jobsync("sync")
    there = variables(registered.jobsync("run", "one").out)
    here = variables(registered.jobsync("run", "--here", "one", env={"SSH_AUTH_SOCK": "of the caller"}).out)
    assert here.keys() == there.keys() >= {"SSH_AUTH_SOCK", "SHELL", "TMPDIR", "XPC_SERVICE_NAME"}
    # The simulator's user has names and a shell of its own.
    others = there.keys() - {"USER", "LOGNAME", "SHELL", "JOBSYNC_RUN"}
    assert {name: here[name] for name in others} == {name: there[name] for name in others}


def test_ctrl_c_ends_a_run_here_and_leaves_a_run_of_the_scheduler_alone(registered: Laptop) -> None:
    registered.job("one", 'run = "sleep 1000 & echo $!; wait"\n')
    registered.commit()
    for options, goes_on in (("--here",), False), ((), True):
        argv = ("jobsync", "run", *options, "one")
        with beside(
            argv, cwd=registered.work, env=registered.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            assert running.stdout is not None and running.stderr is not None
            sleeping = int(running.stdout.readline())
            for second in ((), ("-d",), ("--here",)):
                told = registered.jobsync("run", *second, "one", status=1).err
                assert told.startswith("jobsync: one is running already"), "a job never overlaps with itself"
                assert ("on a terminal (pid " in told) is not goes_on
            running.send_signal(signal.SIGINT)
            said = running.stderr.read().decode()
        assert running.returncode == 130 and "interrupted" in said
        assert ("`jobsync stop one` ends it" in said) is goes_on
        last = records.read(registered.state / "runs" / "one")[-1]
        assert (last.ended is None) is goes_on
        if not goes_on:
            registered.wait_for(partial(_has_ended, sleeping))
    registered.jobsync("stop", "one")


def test_run_refuses_with_a_way_out_what_it_cannot_start(registered: Laptop) -> None:
    registered.job("watch", DAEMON)
    registered.job("asleep")
    registered.commit()
    registered.job("new")
    registered.jobsync("pause", "asleep")
    said = {
        "watch": ("it runs all the time", "`jobsync restart watch`", 2),
        "asleep": ("paused by you", "`jobsync resume asleep`", 1),
        "new": ("not installed", "`jobsync sync new`", 1),
        "nope": ("there is no job", "`jobsync status`", 2),
        "asleeep": ("there is no job", "did you mean 'asleep'?", 2),
    }
    for name, (why, way_out, status) in said.items():
        ran = registered.jobsync("run", name, status=status)
        assert ran.out == "" and why in ran.err and way_out in ran.err
    assert "paused by you" in registered.jobsync("run", "--here", "asleep", status=1).err
    registered.jobsync("resume", "asleep")
    registered.bootout("asleep")
    assert "`jobsync sync asleep` loads it" in registered.jobsync("run", "asleep", status=1).err


def test_a_daemon_is_stopped_and_restarted_by_name(registered: Laptop) -> None:
    registered.job("watch", DAEMON)
    registered.commit()
    registered.wait_for(lambda: _pid(registered, "watch") is not None)
    first = _pid(registered, "watch")
    assert registered.jobsync("restart", "watch").out == "restarted watch\n"
    registered.wait_for(lambda: _pid(registered, "watch") not in (None, first))
    ran = registered.jobsync("stop", "watch")
    assert ran.out.startswith("told watch (pid ") and "`jobsync pause watch` keeps it away" in ran.err


def test_a_job_that_its_user_disabled_says_what_enables_it_while_it_is_loaded_too(registered: Laptop) -> None:
    registered.job("one", HELLO)
    registered.commit()
    registered.launchctl("disable", registered.target("one"))
    for command in ("run", "restart"):
        said = registered.jobsync(command, "one", status=1).err
        assert said == f"jobsync: one is disabled by you\n  `launchctl enable {registered.target('one')}` ends that\n"
    assert registered.jobsync("stop", "one").out == "one is not running\n"


def test_a_job_that_is_restarted_runs_whatever_its_conditions_say(registered: Laptop) -> None:
    registered.job("one", f'run = "true"\n[when]\nstale_after = "20h"\n{QUICK}')
    registered.commit()
    registered.jobsync("run", "one")
    assert registered.jobsync("restart", "one").out == "restarted one\n"
    path = registered.state / "runs" / "one"
    registered.wait_for(lambda: len(records.read(path)) == 2)
    assert all(not run.skipped and run.by_hand for run in records.read(path))


def test_a_paused_job_is_skipped_until_it_is_resumed(registered: Laptop) -> None:
    registered.job("one", f'run = "touch ~/ran"\n[schedule]\nat = "09:00"\n{QUICK}')
    registered.commit()
    registered.mutations()
    assert registered.jobsync("pause", "one").out == "one: paused by you until `jobsync resume`\n"
    registered.launchctl("kickstart", registered.target("one"))
    registered.simulator.settle()
    (run,) = records.read(registered.state / "runs" / "one")
    assert run.skipped == "paused" and not (registered.home / "ran").exists()
    assert "paused" in registered.jobsync("status", "--exit-code").out
    assert registered.jobsync("sync").out.startswith("paused  one")
    assert registered.loaded() == {"one"}, "the scheduler need not know"
    assert registered.jobsync("resume").out == "one: resumed\n"
    assert registered.jobsync("resume").out == "no job is paused\n"
    assert registered.jobsync("resume", "one").out == "one is not paused\n"
    registered.jobsync("run", "one")
    assert (registered.home / "ran").exists()
    assert {call[0] for call in registered.mutations()} == {"kickstart"}


def test_a_pause_of_a_daemon_unloads_it_through_syncs_until_it_is_resumed(registered: Laptop) -> None:
    registered.job("watch", DAEMON)
    registered.job("one")
    registered.commit()
    ran = registered.jobsync("pause", "watch", "--for", "1h", status=2)
    assert "--for" in ran.err and "watch" in ran.err and registered.loaded() == {"watch", "one"}
    assert registered.jobsync("pause").out.splitlines() == [
        f"{name}: paused by you until `jobsync resume`" for name in ("one", "watch")
    ]
    assert registered.loaded() == registered.installed() == {"one"}
    assert "--for" in registered.jobsync("pause", "watch", "--for", "1h", status=2).err, "still a daemon"
    for command in ("run", "stop", "restart"):
        err = registered.jobsync(command, "watch", status=1).err
        assert err == "jobsync: watch is paused by you until `jobsync resume`\n  `jobsync resume watch` ends that\n"
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 paused"
    registered.put("jobs/watch/notes.txt", "the hook looks at it again\n")
    assert registered.commit().err == ""
    assert registered.loaded() == registered.installed() == {"one"}
    assert registered.jobsync("resume").out == "one: resumed\nwatch: resumed\n"
    assert registered.loaded() == registered.installed() == {"one", "watch"}
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


def test_a_daemon_is_not_resumed_in_the_middle_of_a_rebase(registered: Laptop) -> None:
    registered.job("one")
    for seconds in ("1000", "2000"):
        registered.job("watch", DAEMON.replace("1000", seconds))
        registered.commit(seconds)
    registered.jobsync("pause")
    registered.git("-c", "sequence.editor=sed -i.bak s/^pick/edit/", "rebase", "-q", "-i", "HEAD~2")
    ran = registered.jobsync("resume", status=1)
    assert ran.out == "one: resumed\n"
    assert ran.err.startswith("jobsync: watch is not resumed: a rebase or `git am` is under way\n")
    registered.git("rebase", "--abort")
    assert registered.jobsync("resume").out == "watch: resumed\n"
    assert registered.loaded() == {"one", "watch"}


def test_a_pause_ends_by_itself(registered: Laptop) -> None:
    registered.job("one", 'run = "touch ~/ran"\n')
    registered.commit()
    said = registered.jobsync("pause", "one", "--for", "2d").out
    assert said.startswith("one: paused by you until ") and "resume" not in said
    pause = registered.state / "pause" / "one"
    pause.write_text("1000\n")
    registered.jobsync("run", "one")
    assert (registered.home / "ran").exists()
    assert registered.jobsync("resume", "one").out == "one is not paused\n" and not pause.exists()
    for text in ("", "1x", "0s", "5 min", "99999999w"):
        ran = registered.jobsync("pause", "one", "--for", text, status=2)
        assert ran.err.startswith("jobsync: --for: ") and not pause.exists()
    assert " 20" in registered.jobsync("pause", "one", "--for", "500d").out, "another year is named"


@pytest.mark.parametrize("words", [("jobsync-hook", "post-merge", "0"), ("jobsync", "sync"), ("jobsync", "resume")])
def test_a_pause_ends_by_itself_for_what_has_become_a_daemon_too(registered: Laptop, words: tuple[str, ...]) -> None:
    """`--for` is refused for a daemon, but a pull can make one of a job that is paused so."""
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.jobsync("pause", "one", "--for", "2d")
    registered.job("one", DAEMON)
    registered.commit()
    assert registered.run("jobsync-hook", "post-merge", "0").err == ""
    assert registered.loaded() == registered.installed() == {"two"}
    registered.job("two", JOB.replace("09:00", "10:00"))
    registered.commit()
    (registered.state / "pause" / "one").write_text("1000\n")
    registered.run(*words)
    assert registered.loaded() == registered.installed() == {"one", "two"}
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"


def test_a_hook_says_of_a_paused_daemon_in_no_commit_that_it_is_paused_and_how_it_comes_back(
    registered: Laptop,
) -> None:
    """HEAD's definition is not the one that was paused, so a hook starts nothing."""
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.jobsync("pause", "one", "--for", "2d")
    registered.job("one", DAEMON)
    assert "paused     one" in registered.jobsync("sync").out
    registered.put("jobsync.toml", 'jobs = "jobs"\n[defaults.limits]\npriority = "background"\n')
    registered.git("add", "jobsync.toml")
    said = registered.git("commit", "-qm", "all of them").err
    assert "jobsync: one: local: paused as your work tree has it\n" in said
    (registered.state / "pause" / "one").write_text("1000\n")
    said = registered.run("jobsync-hook", "post-merge", "0").err
    assert said == "jobsync: one: local: its pause is over; `jobsync sync` starts it as your work tree has it\n"
    assert registered.loaded() == registered.installed() == {"two"}
    assert "installed  one" in registered.jobsync("sync").out
    assert registered.run("jobsync-hook", "post-merge", "0").err == ""


def test_a_daemon_comes_back_whose_resume_was_cut_off(registered: Laptop) -> None:
    registered.job("watch", DAEMON)
    registered.job("one")
    registered.commit()
    registered.jobsync("pause", "watch")
    registered.job("one", JOB.replace("09:00", "10:00"))
    registered.commit()
    (registered.state / "pause" / "watch").unlink()
    assert "installed  watch" in registered.jobsync("sync").out
    assert registered.loaded() == {"one", "watch"}


def test_a_pause_of_a_daemon_that_was_cut_off_is_done_where_it_is_asked_for_again(registered: Laptop) -> None:
    registered.job("watch", DAEMON)
    registered.commit()
    registered.put(str(registered.state / "pause" / "watch"), "0\n", mode=0o600)
    assert "paused by you" in registered.jobsync("pause", "watch").out
    assert registered.loaded() == set()
    registered.mutations()
    registered.jobsync("pause", "watch")
    assert registered.mutations() == []


def test_a_pause_that_the_scheduler_does_not_hear_of_is_no_pause(registered: Laptop) -> None:
    registered.job("watch", DAEMON)
    registered.commit()
    registered.simulator.fault("print", code=5, times=None)
    assert "could not ask the scheduler" in registered.jobsync("pause", "watch", status=1).err
    registered.simulator.clear_faults()
    assert "running" in registered.jobsync("status").out
    registered.jobsync("pause", "watch")
    registered.simulator.fault("bootstrap", code=5, times=None)
    ran = registered.jobsync("resume", "watch", status=1)
    assert "watch: failed: " in ran.err and "`jobsync sync watch`" in ran.err
    registered.simulator.clear_faults()
    registered.jobsync("sync", "watch")
    assert registered.loaded() == {"watch"}


@pytest.mark.parametrize("verb", ["run", "stop"])
def test_a_scheduler_that_does_not_answer_is_left_to_the_doctor(registered: Laptop, verb: str) -> None:
    registered.job("one", 'run = "true"\n')
    registered.commit()
    registered.simulator.fault("print", code=5, times=None)
    assert "try again; `jobsync doctor` looks for the cause" in registered.jobsync(verb, "one", status=1).err


def test_a_pause_outlives_the_job_that_it_is_about(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.jobsync("pause", "one")
    registered.drop("jobs/one")
    registered.jobsync("sync")
    assert registered.jobsync("resume").out == "one: resumed\n"
    assert registered.loaded() == {"two"}


def test_nothing_is_paused_where_nothing_is_installed(registered: Laptop) -> None:
    assert registered.jobsync("pause").out == "no jobs\n"
    assert registered.jobsync("pause", "--for", "1h").out == "no jobs\n"


def test_a_job_that_leaves_its_log_to_be_lost_still_gives_its_status(registered: Laptop) -> None:
    registered.job("one", HELLO)
    registered.commit()
    registered.jobsync("run", "one", status=7)
    for log in Path(registered.jobsync("logs", "--path", "one").out.strip()).parent.iterdir():
        log.unlink()
    assert "no log yet" in registered.jobsync("logs", "one", status=1).err
    assert "exit 7" in registered.jobsync("status").out


def test_a_run_that_ends_without_a_word_is_named(registered: Laptop) -> None:
    registered.job("one", 'run = "echo first; kill -KILL $PPID"\n')
    registered.commit()
    for options in ((), ("--here",)):
        ran = registered.jobsync("run", *options, "one", status=1)
        assert ran.out.startswith("first\n") or not ran.out
        assert "one was killed before it could say how it ended" in ran.err and "`jobsync logs one`" in ran.err
    assert registered.jobsync("logs", "one").out == "first\n"


def test_a_run_that_is_skipped_says_why(registered: Laptop) -> None:
    registered.job("one", 'run = "touch ~/ran"\n')
    registered.commit()
    hold = registered.state / "hold" / "one"
    hold.parent.mkdir(exist_ok=True)
    hold.write_text("99999999999\n")
    assert "one was skipped: held" in registered.jobsync("run", "one", status=1).err
    assert not (registered.home / "ran").exists()


def test_a_lost_store_is_mended_by_a_sync(registered: Laptop) -> None:
    registered.job("one", 'run = "echo hello"\n')
    registered.commit()
    for path in (registered.state / "store").iterdir():
        path.unlink()
    assert "`jobsync sync one` mends that" in registered.jobsync("run", "--here", "one", status=1).err
    registered.jobsync("sync", "one")
    assert registered.jobsync("run", "--here", "one").out == "hello\n"


def test_jobs_of_a_repository_for_a_newer_jobsync_can_be_stopped_and_read(registered: Laptop) -> None:
    registered.job("always", 'run = "echo up; sleep 1000"\n[daemon]\nrestart = "always"\n')
    registered.job("once", 'run = "sleep 1000"\n')
    registered.commit()
    registered.jobsync("run", "-d", "once")
    registered.wait_for(lambda: registered.jobsync("logs", "always", status=None).out == "up\n")
    settings = registered.work / "jobsync.toml"
    settings.write_text(settings.read_text() + 'min_version = "99"\n')
    for words in (("sync",), ("status",), ("stop", "nope")):
        assert "this repository needs jobsync 99" in registered.jobsync(*words, status=1).err
    assert registered.jobsync("logs", "always").out == "up\n"
    for name in ("always", "once"):
        assert f"told {name} (pid " in registered.jobsync("stop", name).out
    registered.jobsync("pause", "once")
    registered.jobsync("resume", "once")


def test_a_stopped_job_has_its_grace_under_launchd_too(registered: Laptop) -> None:
    """launchd's own five seconds would cut it short; this one leaves the launcher time for its last line."""
    line = "trap 'sleep 5.5; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    registered.job("slow", f'run = "{line}"\n[limits]\ngrace = "9s"\n')
    registered.commit()
    registered.jobsync("run", "-d", "slow")
    assert "exit timeout = 11\n" in registered.launchctl("print", registered.target("slow")).out
    registered.wait_for(lambda: registered.jobsync("logs", "slow", status=None).out == "ready\n")
    registered.jobsync("stop", "slow")
    registered.wait_for(lambda: records.read(registered.state / "runs" / "slow")[-1].is_over)
    (run,) = records.read(registered.state / "runs" / "slow")
    assert (run.status, run.reason) == (7, records.STOPPED)
