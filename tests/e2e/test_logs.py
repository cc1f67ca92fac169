"""`logs`, as typed: which runs, and what is left of a log whose middle is gone."""

import os
import re
import signal

from jobsync import process
from jobsync.runs import launcher, records

from ..laptop import Laptop

COUNTS = 'run = "echo run $(wc -l <~/count); echo x >>~/count; exit $(cat ~/status)"\n'


def ran(laptop: Laptop, *statuses: int) -> None:
    (laptop.home / "count").touch()
    for status in statuses:
        (laptop.home / "status").write_text(f"{status}\n")
        laptop.jobsync("run", "--here", "one", status=status)


def test_logs_of_earlier_failed_and_recent_runs(registered: Laptop) -> None:
    registered.job("one", COUNTS)
    registered.commit()
    ran(registered, 0, 3, 4, 0)
    assert registered.jobsync("logs", "one").out == "run 3\n"
    assert registered.jobsync("logs", "--run", "4", "one").out == "run 0\n"
    assert "none is number 5" in registered.jobsync("logs", "--run", "5", "one", status=1).err
    assert registered.jobsync("logs", "--failed", "one").out == "run 2\n"
    assert registered.jobsync("logs", "--failed", "--run", "2", "one").out == "run 1\n"
    hint = registered.jobsync("logs", "--failed", "--run", "3", "one", status=1).err.split("`jobsync ")[1].split("`")[0]
    assert len(registered.jobsync(*hint.split()).out.splitlines()) == 2, "the failed ones, however old"
    shown = registered.jobsync("logs", "--since", "1h", "one").out.splitlines()
    assert [line for line in shown if not line.startswith("==> ")] == [f"run {number}" for number in range(4)]
    assert [line.rpartition(": ")[2] for line in shown if line.startswith("==> ")] == ["ok", "exit 3", "exit 4", "ok"]
    assert len(registered.jobsync("logs", "--since", "1h", "--path", "one").out.splitlines()) == 4
    assert "--since:" in registered.jobsync("logs", "--since", "an hour", "one", status=2).err


def test_a_job_that_is_gone_has_left_its_logs_and_its_history(registered: Laptop) -> None:
    registered.job("one", COUNTS)
    registered.commit()
    ran(registered, 3)
    registered.drop("jobs/one")
    registered.commit()
    assert registered.jobsync("logs", "one").out == "run 0\n"
    assert "exit 3" in registered.jobsync("history", "one").out
    assert "no job named 'one'" in registered.jobsync("run", "one", status=2).err
    assert "no job named 'two'" in registered.jobsync("logs", "two", status=2).err


def test_the_log_of_one_recent_run_has_its_heading_too(registered: Laptop) -> None:
    registered.job("one", COUNTS)
    registered.commit()
    ran(registered, 3)
    heading, printed = registered.jobsync("logs", "--since", "1h", "one").out.splitlines()
    assert heading.startswith("==> ") and heading.endswith(": exit 3") and printed == "run 0"


def test_no_failure_no_log_of_one(registered: Laptop) -> None:
    registered.job("one", COUNTS)
    registered.commit()
    ran(registered, 0)
    ran_ = registered.jobsync("logs", "--failed", "one", status=1)
    assert "no log of a run that failed" in ran_.err and "`jobsync history one`" in ran_.err


def test_a_run_that_was_killed_failed_and_one_that_goes_on_has_not(registered: Laptop) -> None:
    registered.job("one", 'run = "echo begin; sleep 1000"\n')
    registered.commit()
    registered.jobsync("run", "-d", "one")
    path = next((registered.home / ".local/state/jobsync").glob("*/runs")) / "one"
    registered.wait_for(lambda: bool(records.read(path)), 60)
    assert "no log of a run that failed" in registered.jobsync("logs", "--failed", "one", status=1).err
    (run,) = records.read(path)
    assert run.pid is not None
    os.killpg(run.pid, signal.SIGKILL)
    registered.wait_for(lambda: not process.is_alive(run.pid or 0), 60)
    assert "killed" in registered.jobsync("history", "--failed").out
    assert run.id in registered.jobsync("logs", "--failed", "--path", "one").out


def test_a_log_that_is_cut_while_its_run_goes_on_is_shown_in_order(registered: Laptop) -> None:
    line = "x" * 63
    registered.job("one", f'run = "echo begin; yes {line} | head -c {6 << 20}; sleep 1000"\n')
    registered.commit()
    registered.jobsync("run", "-d", "one")
    logs = registered.home / ".local/state/jobsync/logs"
    registered.wait_for(lambda: any(logs.rglob("*.cut")), 60)
    shown = registered.jobsync("logs", "one").out
    found = re.search(r"\njobsync: at least (\d+) bytes were cut here\n", shown)
    assert found is not None and shown.startswith("begin\n") and len(shown) < 4 * launcher.LOG_LIMIT
    registered.jobsync("stop", "one")
    registered.wait_for(lambda: records.read(registered.state / "runs" / "one")[-1].is_over)
