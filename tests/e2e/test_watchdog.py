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


def test_a_killed_run_is_told_and_a_broken_command_is_said(registered: Laptop) -> None:
    registered.job("one", f'run = "kill -KILL $PPID"\n{NOTIFY}')
    registered.job("two", 'run = "kill -KILL $PPID"\n[notify]\nrun = "echo broken >&2; exit 3"\n')
    registered.commit()
    for job in ("one", "two"):
        registered.jobsync("run", job, status=1)
    said = registered.jobsync("status", "--notify").err
    assert "one failed: told" in said
    assert "two failed: could not tell: the command of [notify] ended with status 3: broken" in said
    assert told(registered) == ["failed"]
