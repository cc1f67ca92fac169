"""`status --notify`: what no launcher can tell, once for each change."""

import os
import time

from ..laptop import Laptop

NOTIFY = "[notify]\nrun = 'echo \"$JOBSYNC_EVENT $JOBSYNC_MESSAGE\" >>~/told'\n"


def told(laptop: Laptop) -> list[str]:
    file = laptop.home / "told"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def test_a_run_that_did_not_come_is_told_once_and_the_recovery_by_its_launcher(registered: Laptop) -> None:
    registered.job("one", f'run = "true"\n[schedule]\nat = "{registered.hours_ago(2)}"\n{NOTIFY}')
    registered.commit()
    registered.jobsync("status", "--notify")
    assert told(registered) == []
    yesterday = int(time.time()) - 86_400
    os.utime(registered.plist_path("one"), (yesterday, yesterday))
    runs = registered.state / "runs" / "one"
    runs.parent.mkdir(exist_ok=True)
    runs.write_text(f"since {yesterday}\n")
    assert "one missed: told" in registered.jobsync("status", "--notify").err
    assert "told" not in registered.jobsync("status", "--notify").err
    assert told(registered) == ["missed"]
    registered.jobsync("run", "one")
    assert told(registered) == ["missed", "recovered"]


def test_the_runs_that_a_job_misses_because_it_is_not_loaded_are_told(registered: Laptop) -> None:
    registered.job("one", f'run = "true"\n[schedule]\nat = "{registered.hours_ago(2)}"\n{NOTIFY}')
    registered.commit()
    yesterday = int(time.time()) - 86_400
    os.utime(registered.plist_path("one"), (yesterday, yesterday))
    (registered.state / "runs" / "one").write_text(f"since {yesterday}\n")
    registered.bootout("one")
    assert "one missed: told" in registered.jobsync("status", "--notify").err
    assert "told" not in registered.jobsync("status", "--notify").err
    assert (registered.home / "told").read_text().endswith(" did not come: not loaded\n")
    registered.simulator.fault("print", code=5, times=None)
    (registered.state / "announced" / "one").unlink()
    assert "told" not in registered.jobsync("status", "--notify").err, "nobody could be asked whether it is loaded"
    registered.simulator.clear_faults()
    registered.jobsync("pause", "one")
    assert "told" not in registered.jobsync("status", "--notify").err, "a pause is meant"


def test_what_tells_of_a_killed_run_gets_what_the_job_is_given_and_its_log(registered: Laptop) -> None:
    line = 'echo "$TOPIC $TOKEN"; cat "$JOBSYNC_LOG"; basename "$JOBSYNC_LOG" ".log" | grep -x "$JOBSYNC_RUN"'
    registered.job(
        "one",
        f"run = 'echo so far; kill -KILL $PPID'\n[env]\nTOPIC = \"alerts\"\n[notify]\nrun = '{{ {line}; }} >~/told'\n",
    )
    secrets = registered.put(".config/jobsync/env/one.env", "TOKEN='of mine'\n", at=registered.home, mode=0o600)
    secrets.parent.chmod(0o700)
    registered.commit()
    registered.jobsync("run", "one", status=1)
    assert "one failed: told" in registered.jobsync("status", "--notify").err
    told_lines = (registered.home / "told").read_text().splitlines()
    assert told_lines[:2] == ["alerts of mine", "so far"] and len(told_lines) == 3


def test_a_killed_run_is_told_and_a_broken_command_is_said(registered: Laptop) -> None:
    registered.job("one", f'run = "kill -KILL $PPID"\n{NOTIFY}')
    registered.job("two", 'run = "kill -KILL $PPID"\n[notify]\nrun = "echo broken >&2; exit 3"\n')
    registered.commit()
    for job in ("one", "two"):
        registered.jobsync("run", job, status=1)
    said = registered.jobsync("status", "--notify").err
    assert "one failed: told" in said
    broken = "two failed: could not tell: the command of [notify] ended with status 3: broken"
    assert broken in said
    said = registered.jobsync("status", "--notify").err
    assert broken in said and "one failed" not in said, "only what was told is told once"
    assert told(registered) == ["failed"]


def test_who_cannot_be_told_of_one_job_is_told_of_the_others(registered: Laptop) -> None:
    for job in ("one", "two"):
        registered.job(job, f'run = "kill -KILL $PPID"\n{NOTIFY}')
    registered.commit()
    for job in ("one", "two"):
        registered.jobsync("run", job, status=1)
    in_the_way = registered.state / "announced" / "one"
    in_the_way.mkdir(parents=True)
    said = registered.jobsync("status", "--notify").err
    assert said.startswith(f"one: could not tell: cannot read {in_the_way}: Is a directory\ntwo failed: told\n")
    assert told(registered) == ["failed"]


def test_a_command_that_says_nothing_or_does_not_end_is_said_in_a_line(registered: Laptop) -> None:
    registered.job("mute", 'run = "kill -KILL $PPID"\n[notify]\nrun = "exit 3"\n')
    registered.job("slow", 'run = "kill -KILL $PPID"\n[notify]\nrun = "exec sleep 60"\n')
    registered.commit()
    for job in ("mute", "slow"):
        registered.jobsync("run", job, status=1)
    assert registered.jobsync("status", "--notify").err.splitlines()[:2] == [
        "mute failed: could not tell: the command of [notify] ended with status 3",
        "slow failed: could not tell: the command of [notify] did not end within 10 seconds",
    ]
