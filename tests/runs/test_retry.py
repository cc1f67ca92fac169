"""`jobsync retry`, as a script types it."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from jobsync import process
from jobsync.runs import retry as runs
from jobsync.runs.retry import Effort, wait_after

from ..programs import beside
from .bench import LIMIT, until

JOBSYNC = str(Path(sys.executable).parent / "jobsync")


def retry(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([JOBSYNC, "retry", *arguments], capture_output=True, text=True, timeout=60)


def flaky(tmp_path: Path, failures: int, status: int = 5) -> list[str]:
    count = shlex.quote(str(tmp_path / "count"))
    return ["sh", "-c", f'echo x >>{count}; [ "$(wc -l <{count})" -gt {failures} ] || exit {status}; echo done']


def calls(tmp_path: Path) -> int:
    return len((tmp_path / "count").read_text().splitlines())


def test_the_third_attempt_counts(tmp_path: Path) -> None:
    ran = retry("--delay", "0s", "--", *flaky(tmp_path, 2))
    assert (ran.returncode, ran.stdout, calls(tmp_path)) == (0, "done\n", 3)
    assert ran.stderr.splitlines() == [
        f"jobsync retry: sh: attempt {number} of 3 failed with status 5; next in 0 s" for number in (1, 2)
    ]


def test_the_last_status_is_passed_on(tmp_path: Path) -> None:
    ran = retry("--delay", "0s", "--attempts", "2", "--", *flaky(tmp_path, 9))
    assert (ran.returncode, calls(tmp_path)) == (5, 2)
    assert ran.stderr.endswith("attempt 2 of 2 failed with status 5; giving up\n")


@pytest.mark.parametrize(("codes", "expected"), [((), 3), (("--on", "5"), 3), (("--on", "6", "--on", "7"), 1)])
def test_only_the_named_statuses_are_tried_again(tmp_path: Path, codes: tuple[str, ...], expected: int) -> None:
    ran = retry("--delay", "0s", *codes, "--", *flaky(tmp_path, 9))
    assert ran.returncode == 5 and calls(tmp_path) == expected
    assert len(ran.stderr.splitlines()) == expected, "each failure is said"


def test_a_signal_is_a_status_as_sh_has_it() -> None:
    assert retry("--attempts", "1", "--", "sh", "-c", "kill -KILL $$").returncode == 137


def test_a_command_without_a_name_is_127_too() -> None:
    ran = retry("--", "")
    assert ran.returncode == 127 and ran.stderr.startswith("jobsync: cannot run a command without a name")


def test_no_such_command_is_127_at_once() -> None:
    ran = retry("--", "no-such-command-anywhere")
    assert ran.returncode == 127 and "no-such-command-anywhere" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--attempts", "0", "--", "true"),
        ("--delay", "1 s", "--", "true"),
        ("--delay", "99999w", "--max-delay", "99999w", "--", "false"),
    ],
)
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    assert retry(*arguments).returncode == 2


def test_a_stop_during_a_wait_ends_it_with_the_last_status(tmp_path: Path) -> None:
    argv = [JOBSYNC, "retry", "--delay", "1h", "--max-delay", "1h", "--", *flaky(tmp_path, 9)]
    with beside(argv, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert "next in" in child.stderr.readline()
        child.terminate()
        assert child.wait(LIMIT) == 5
    assert calls(tmp_path) == 1


def test_a_stop_while_the_command_runs_is_the_commands_to_hear(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    line = f"trap 'exit 9' TERM; touch {shlex.quote(str(ready))}; while :; do sleep 0.02; done"
    with beside([JOBSYNC, "retry", "--", "sh", "-c", line]) as child:
        until(ready.exists)
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(LIMIT) == 9


@pytest.mark.parametrize("moment", ["before", "as it starts", "as it ends"])
def test_a_stop_at_any_moment_neither_claims_success_nor_loses_a_status(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    start, wait = process.start_on_terminal, process.wait_for

    def started(argv: Sequence[str], *, env: Mapping[str, str]) -> int:
        pid = start(argv, env=env)
        if moment == "as it starts":
            signal.raise_signal(signal.SIGTERM)
        return pid

    def waited(pid: int) -> int:
        status = wait(pid)
        if moment == "as it ends":
            signal.raise_signal(signal.SIGTERM)
        return status

    monkeypatch.setattr(process, "start_on_terminal", started)
    monkeypatch.setattr(process, "wait_for", waited)
    if moment == "before":
        monkeypatch.setattr(runs._Attempts, "run", lambda _: signal.raise_signal(signal.SIGTERM))
    line = "exec sleep 1000" if moment == "as it starts" else "exit 5"
    status = runs.run(["sh", "-c", line], Effort(3, 60, 60), {"PATH": os.environ["PATH"]})
    assert status == (5 if moment == "as it ends" else 128 + signal.SIGTERM)


def test_waits_double_up_to_a_limit_less_up_to_a_quarter() -> None:
    effort = Effort(9, 2, 10)
    assert [wait_after(effort, number, 0) for number in range(1, 5)] == [2, 4, 8, 10]
    assert [wait_after(effort, number, 1) for number in range(1, 5)] == [1.5, 3, 6, 7.5]


def test_it_imports_nothing_heavy() -> None:
    """It runs in people's scripts, perhaps in a loop: click is all of others' that it pays for."""
    heavy = {"cronsim", "git", "jinja2", "rich", "tomlkit"}
    argv = [sys.executable, "-X", "importtime", "-m", "jobsync", "retry", "--delay", "0s", "--on", "1", "--", "false"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "jobsync.runs.retry" in imported and "click" in imported
    assert not heavy & {name.partition(".")[0] for name in imported}
    wings = {name.split(".")[1] for name in imported if name.count(".") > 1 and name.startswith("jobsync.")}
    assert not wings & {"reconcile", "schedulers", "doctor", "simulator"}
