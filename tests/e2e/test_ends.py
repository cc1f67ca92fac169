"""How a command ends: closed pipes, colours, Ctrl-C, and a bug of ours."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ..conftest import laptop
from ..laptop import JOB, Laptop
from ..programs import beside

__all__ = ["laptop"]  # the one whose commands are processes

CRON = 'run = "true"\n[schedule]\ncron = "0 9 * * *"\n'
LATER = JOB.replace("09:00", "10:00")


def on_a_terminal(laptop: Laptop, *argv: str, **env: str) -> str:
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    environment = {**laptop.environment, "TERM": "xterm-256color", **env}
    with beside(argv, cwd=laptop.work, env=environment, stdin=slave, stdout=slave, stderr=slave) as running:
        os.close(slave)
        chunks = []
        try:
            while chunk := os.read(master, 65536):
                chunks.append(chunk)
        except OSError:
            pass  # Linux: EIO once the last writer is gone
        os.close(master)
    assert running.returncode == 0
    return b"".join(chunks).decode()


def shell(laptop: Laptop, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line], cwd=laptop.work, env=laptop.environment, capture_output=True, text=True, timeout=60
    )


def broken_cronsim(laptop: Laptop) -> dict[str, str]:
    """An environment in which a library of ours fails as no library should: what a bug looks like from inside."""
    text = (
        "class CronSimError(Exception): ...\nclass CronSim:\n    def __init__(self, *_): raise RuntimeError('broken')\n"
    )
    laptop.put("broken/cronsim/__init__.py", text, at=laptop.root)
    return {"PYTHONPATH": str(laptop.root / "broken")}


def test_a_reader_that_has_seen_enough_is_no_error(registered: Laptop) -> None:
    for number in range(20):
        registered.job(f"job{number}")
    registered.commit()
    for command in ("cat job1", "status", "sync", "--help", "diff"):
        ended = shell(registered, f"jobsync {command} | head -n 1; exit ${{PIPESTATUS[0]}}")
        assert (ended.returncode, ended.stderr) == (0, ""), command
    ended = shell(registered, "jobsync status | true; exit ${PIPESTATUS[0]}")
    assert (ended.returncode, ended.stderr) == (0, "")


GONE = "| (exec <&-; sleep 1); exit ${PIPESTATUS[0]}"
"""To somebody who reads nothing of it, and is not there when it is written."""


def test_a_command_does_all_of_its_work_though_nobody_reads_of_it(registered: Laptop) -> None:
    for name in ("one", "two", "three"):
        registered.job(name)
    registered.commit()
    registered.jobsync("sync")
    assert shell(registered, f"jobsync pause {GONE}").returncode == 0
    assert {path.name for path in (registered.state / "pause").iterdir()} == {"one", "two", "three"}
    assert shell(registered, f"jobsync uninstall -y {GONE}").returncode == 0
    assert registered.loaded() == registered.installed() == set()
    assert not registered.config_file.exists()


def test_its_status_says_how_it_ended_all_the_same(registered: Laptop) -> None:
    registered.job("one", "run = 1")
    assert shell(registered, f"jobsync check {GONE}").returncode == 1
    for nowhere in (">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"):
        assert shell(registered, f"jobsync status nope {nowhere}").returncode == 2
        assert shell(registered, f"jobsync status --nope {nowhere}").returncode == 2
    assert shell(registered, "jobsync sync 2>/dev/full").returncode == 1
    for words in ("--help", "--version", "status --help"):
        ended = shell(registered, f"jobsync {words} >/dev/full")
        assert ended.returncode == 1 and "No space left on device" in ended.stderr
    assert not (registered.state.parent / "bugs").exists()


def test_closed_streams_are_no_bug(registered: Laptop) -> None:
    registered.job("one")
    assert shell(registered, "jobsync sync >&-").returncode == 0
    assert registered.loaded() == {"one"}
    assert shell(registered, "jobsync status >&- 2>&-").returncode == 0
    assert shell(registered, "jobsync status nope <&- 2>&-").returncode == 2
    ended = shell(registered, "jobsync status >/dev/full")
    assert ended.returncode == 1 and "No space left on device" in ended.stderr


@pytest.mark.parametrize(
    ("encoding", "command", "said"),
    [
        ("utf-8:strict", b"schema --write d\xff", b"wrote %s/d\xff/job.schema.json"),
        ("latin-1", b"schema job", b"[\\u2026]"),
        ("latin-1", b"schema --write \xc3\xa4", b"wrote %s/\xe4/job.schema.json"),
    ],
)
def test_what_stdout_cannot_hold_is_no_bug(laptop: Laptop, encoding: str, command: bytes, said: bytes) -> None:
    environment = {**laptop.environment, "PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"}
    argv = [b"jobsync", *command.split()]
    ran = subprocess.run(argv, cwd=laptop.work, env=environment, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran
    assert said.replace(b"%s", os.fsencode(laptop.work)) in ran.stdout


def test_colours_only_where_a_terminal_may_show_them(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    assert "\x1b[" not in registered.jobsync("status").out
    coloured = on_a_terminal(registered, "jobsync", "status")
    assert "\x1b[" in coloured and "never ran" in coloured
    assert "\x1b[" in on_a_terminal(registered, "jobsync", "status", "one")
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in on_a_terminal(registered, "jobsync", "status", **env)
    registered.job("one", LATER)
    assert "updated" in on_a_terminal(registered, "jobsync", "sync")


def test_a_terminal_is_asked_and_its_answer_counts(laptop: Laptop) -> None:
    laptop.job("one")
    argv = ("jobsync", "init", "--prefix", "test", "--launchctl", str(laptop.simulator.launchctl))
    for answers, registered, loaded in (
        (b"n\n", False, set()),
        (b"y\nn\n", True, set()),
        (b"\n\n", True, {"one"}),
    ):
        master, slave = pty.openpty()
        os.write(master, answers)
        subprocess.run(argv, cwd=laptop.work, env=laptop.environment, stdin=slave, capture_output=True, check=True)
        os.close(slave)
        os.close(master)
        assert laptop.config_file.exists() is registered
        assert laptop.loaded() == loaded
    master, slave = pty.openpty()
    os.write(master, b"n\n")
    subprocess.run(["jobsync", "uninstall"], cwd=laptop.work, env=laptop.environment, stdin=slave, check=True)
    os.close(slave)
    os.close(master)
    assert laptop.loaded() == {"one"}


def pressed(laptop: Laptop, *argv: str, key: bytes, after: str) -> str:
    """What a command says on a terminal at which a key is pressed once it has said that much; it is interrupted."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(laptop.work)
        os.execvpe(argv[0], argv, {**laptop.environment, "TERM": "xterm"})
    said, deadline = b"", time.monotonic() + 60
    with contextlib.suppress(OSError):  # Linux: EIO once the last writer is gone
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                chunk = os.read(terminal, 65536)
                if not chunk:
                    break
                said += chunk
            elif after.encode() in said:
                # Once more if need be: Python loses a Ctrl-C that comes just before it reads the terminal.
                os.write(terminal, key)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    return said.decode()


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_who_leaves_a_question_gets_a_line_of_its_own(registered: Laptop, key: bytes) -> None:
    said = pressed(registered, "jobsync", "uninstall", key=key, after="? [Y/n]")
    assert said.splitlines()[-1] == "jobsync: interrupted"


def test_the_line_of_what_is_under_way_goes_however_that_ends(registered: Laptop) -> None:
    registered.job("one")
    registered.jobsync("sync")
    registered.simulator.fault("bootout", delay=3, performs=True)
    said = pressed(registered, "jobsync", "uninstall", "--yes", key=b"\x03", after=" \N{HORIZONTAL ELLIPSIS}")
    assert said.endswith("\r\x1b[K\r\njobsync: interrupted\r\n")


@pytest.mark.parametrize("stuck", ["print", "bootout", "bootstrap"])
def test_ctrl_c_ends_a_sync_with_130_and_the_next_one_mends_what_it_left(registered: Laptop, stuck: str) -> None:
    for name in ("one", "two"):
        registered.job(name)
    registered.commit()
    for name in ("one", "two"):
        registered.job(name, LATER)
    registered.mutations()
    registered.simulator.fault(stuck, delay=2, performs=True)
    with beside(
        ["jobsync", "sync"],
        cwd=registered.work,
        env=registered.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as syncing:
        registered.wait_for(lambda: any(call[:1] == [stuck] for call in registered.simulator.calls()))
        syncing.send_signal(signal.SIGINT)
        out, err = syncing.communicate(timeout=30)
    assert syncing.returncode == 130, (out, err)
    assert err.decode().splitlines()[-1] == "jobsync: interrupted" and b"Traceback" not in err
    registered.simulator.clear_faults()
    # Whatever is not in line is named; and what was loaded when we were interrupted, for launchd does not say from
    # which bytes it was.
    said = registered.jobsync("status").out.splitlines()[-1]
    in_line = {name for name in ("one", "two") if registered.hour(name) == 10 and name in registered.loaded()}
    assert all(name in said for name in {"one", "two"} - in_line)
    assert "all well" not in said or in_line == {"one", "two"}
    registered.jobsync("sync")
    assert registered.loaded() == registered.installed() == {"one", "two"}
    assert registered.hour("one") == registered.hour("two") == 10
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"
    registered.jobsync("run", "one")
    assert registered.jobsync("status", "--exit-code").out.splitlines()[-1] == "2 jobs, all well"


def test_a_bug_writes_a_log_for_an_issue_and_changes_nothing(registered: Laptop) -> None:
    registered.job("one", CRON)
    env = broken_cronsim(registered)
    ran = registered.jobsync("sync", env=env, status=4)
    first, hint = ran.err.splitlines()
    assert first == "jobsync: this is a bug in jobsync, and not your fault" and ran.out == ""
    log = Path(hint.removeprefix("  please report it with "))
    assert log.parent == registered.home / ".local/state/jobsync/bugs" and log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    assert (
        text.startswith("jobsync ") and "Python 3." in text and "Traceback" in text and "sync" in text.splitlines()[1]
    )
    assert registered.installed() == set()
    assert registered.jobsync("sync").out == "installed  one  new\n1 installed\n"
    registered.jobsync("uninstall", "--yes")
    assert not log.exists()


def test_a_bugs_log_keeps_the_command_that_was_behind_the_dashes_to_itself(registered: Laptop) -> None:
    words = ("new", "one", "--cron", "0 9 * * *", "--", "curl", "-H", "Authorization: secret")
    ran = registered.jobsync(*words, env=broken_cronsim(registered), status=4)
    text = Path(ran.err.split("report it with ")[1].strip()).read_text()
    assert text.splitlines()[1].endswith("new one --cron 0 9 * * * -- …") and "secret" not in text


def test_a_bug_is_logged_even_where_its_place_is_taken(registered: Laptop) -> None:
    registered.job("one", CRON)
    registered.put(".local/state/jobsync/bugs", "in the way", at=registered.home)
    ran = registered.jobsync("sync", env={**broken_cronsim(registered), "TMPDIR": str(registered.root)}, status=4)
    assert list(registered.root.glob("jobsync-*.log")) == [Path(ran.err.split("report it with ")[1].strip())]


def test_a_bug_in_a_hook_is_one_line_and_git_does_not_notice(registered: Laptop) -> None:
    registered.upstream("one", CRON)
    registered.git("-c", "core.hooksPath=/nonexistent", "pull", "-q")
    # By its own name: the installed hook starts an interpreter that no variable leads astray.
    ran = registered.run("jobsync-hook", "post-merge", "0", env=broken_cronsim(registered))
    (line,) = ran.err.splitlines()
    assert line.startswith("jobsync: this is a bug in jobsync; please report it with ")
    assert "Traceback" in Path(line.rpartition(" ")[2]).read_text()
    assert registered.installed() == set()
    registered.git("commit", "-q", "--allow-empty", "-m", "again")
    assert registered.loaded() == {"one"}


def test_a_bug_before_there_is_a_configuration_is_logged_in_a_temporary_place(laptop: Laptop) -> None:
    laptop.job("one", CRON)
    ran = laptop.jobsync("check", env={**broken_cronsim(laptop), "TMPDIR": str(laptop.root)}, status=4)
    log = Path(ran.err.splitlines()[1].removeprefix("  please report it with "))
    assert log.parent == laptop.root and "Traceback" in log.read_text()
    laptop.init()
    laptop.config_file.write_text("nonsense = ")
    laptop.drop("jobs/one")
    assert "config.toml" in laptop.jobsync("check", status=1).err


def test_a_working_directory_that_is_gone_is_said(registered: Laptop) -> None:
    ended = shell(registered, "mkdir gone && cd gone && rmdir ../gone && jobsync sync")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-2:] == [
        "jobsync: the working directory is gone",
        "  cd somewhere else and try again",
    ]


def test_what_git_cannot_read_is_gits_to_mend_for_every_command(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    (registered.work / ".git/index").write_text("broken")
    for command in ("sync", "status", "doctor", "history"):
        ran = registered.jobsync(*command.split(), status=1)
        assert "git failed" in ran.err and ran.err.endswith("`git status` and `git fsck` say more\n"), command
