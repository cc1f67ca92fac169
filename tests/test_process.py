"""Processes are started with an argv and an end in sight, and everything of them comes back."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync import process

ENV = {"PATH": os.environ["PATH"]}
PYTHON = sys.executable


_LEFTOVER = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(1000)
"""


def sh(line: str, *, timeout: float = 60, stdin: bytes = b"") -> process.Finished:
    return process.run(("sh", "-c", line), env=ENV, timeout=timeout, stdin=stdin)


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_status_and_both_outputs_come_back() -> None:
    done = sh("echo out; echo err >&2; exit 7")
    assert (done.status, done.stdout, done.stderr, done.complaint) == (7, b"out\n", b"err\n", "err")
    assert done.argv == ("sh", "-c", "echo out; echo err >&2; exit 7")


def test_several_are_asked_at_once_and_answer_in_order() -> None:
    lines = [f"sleep 0.0{9 - number}; echo {number}; exit {number}" for number in range(9)]
    answers = process.run_all([("sh", "-c", line) for line in lines], env=ENV, timeout=60)
    assert [(one.status, one.stdout) for one in answers] == [(number, b"%d\n" % number) for number in range(9)]
    assert process.run_all([], env=ENV, timeout=60) == []


def test_no_more_are_asked_at_once_than_there_are_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves a mark while it runs, and says how many it sees."""
    marks = tmp_path / "marks"
    marks.mkdir()
    line = f"echo >{marks}/$$; sleep 0.1; ls {marks} | wc -l; rm {marks}/$$"
    most = {}
    for processors in (1, 2, 64):
        monkeypatch.setattr(os, "cpu_count", lambda count=processors: count)
        answers = process.run_all([("sh", "-c", line)] * 10, env=ENV, timeout=60)
        most[processors] = max(int(one.stdout) for one in answers)
    assert most[1] == 1
    assert most[2] <= 2
    assert most[64] <= 4


@pytest.mark.parametrize("bad", [("sh", "-c", "exec sleep 1000"), ("/nonexistent",)])
def test_one_that_cannot_be_asked_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: tuple[str, ...]
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    before = open_descriptors()
    pid = tmp_path / "pid"
    other = ("sh", "-c", f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 1000")
    with pytest.raises((process.TimedOut, process.NotStarted)):
        process.run_all([bad, other] if bad[0] == "sh" else [other, bad], env=ENV, timeout=0.5)
    assert not pid.exists() or not is_alive(int(pid.read_text()))
    assert open_descriptors() == before


def test_an_end_by_signal_is_minus_the_signal() -> None:
    assert sh("kill -TERM $$").status == -signal.SIGTERM


def test_what_it_wrote_may_be_any_bytes() -> None:
    done = sh(r"printf '\377\n' >&2")
    assert (done.stderr, done.complaint) == (b"\xff\n", "\ufffd")


def test_big_outputs_on_both_pipes_at_once_do_not_hang() -> None:
    big = 3_000_000
    done = sh(f"head -c {big} /dev/zero >&2 & head -c {big} /dev/zero; wait")
    assert (len(done.stdout), len(done.stderr)) == (big, big)


def test_a_big_stdin_is_fed_while_the_output_is_read() -> None:
    given = bytes(range(256)) * 20_000
    assert sh("cat", stdin=given).stdout == given


def test_a_child_that_reads_only_part_of_its_stdin_is_no_error() -> None:
    done = sh("head -c 3", stdin=b"abc" + bytes(5_000_000))
    assert (done.status, done.stdout) == (0, b"abc")


def test_a_child_that_closed_its_outputs_still_gets_all_of_its_stdin(tmp_path: Path) -> None:
    given = b"x" * 2_000_000
    done = sh(f"exec >&- 2>&-; cat >'{tmp_path}/copy'", stdin=given)
    assert (done.status, (tmp_path / "copy").read_bytes() == given) == (0, True)


def test_without_input_stdin_is_empty() -> None:
    assert sh("readlink /proc/self/fd/0; cat").stdout == b"/dev/null\n"


def test_the_environment_is_exactly_the_given_one() -> None:
    done = process.run(("/usr/bin/env",), env={"ONLY": "this"}, timeout=60)
    assert done.stdout == b"ONLY=this\n"


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGALRM, signal.SIGXFSZ])
def test_signals_that_we_ignore_are_not_ignored_by_what_we_start(number: int) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert sh(f"kill -{number} $$; echo survived").status == -number
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("name", ["/nonexistent/tool", "no-such-command-anywhere"])
def test_a_missing_executable_is_named(name: str) -> None:
    before = open_descriptors()
    with pytest.raises(process.NotStarted, match=f"cannot run {name}: No such file or directory"):
        process.run((name,), env=ENV, timeout=60, stdin=b"x")
    with pytest.raises(process.NotStarted, match=f"cannot run {name}"):
        process.start((name,), env=ENV)
    with pytest.raises(process.NotStarted, match=f"cannot run {name}"):
        process.start_detached((name,), env=ENV)
    assert open_descriptors() == before


def test_a_file_that_is_not_executable_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o644)
    with pytest.raises(process.NotStarted, match="Permission denied"):
        process.run((str(tmp_path / "file"),), env=ENV, timeout=60)


def test_no_descriptor_stays_open_whatever_happens() -> None:
    before = open_descriptors()
    sh("cat", stdin=b"x" * 100_000)
    sh("true")
    with pytest.raises(process.TimedOut):
        sh("sleep 1000", timeout=0.05, stdin=b"x" * 1_000_000)
    assert open_descriptors() == before


def test_children_do_not_inherit_each_others_pipes() -> None:
    listing = ("ls", "/proc/self/fd")
    alone = process.run(listing, env=ENV, timeout=60).stdout
    other = process.start(("cat",), env=ENV, has_input=True)
    beside = process.run(listing, env=ENV, timeout=60).stdout
    assert other.finish(60, b"x").stdout == b"x"
    assert beside == alone


def test_a_process_that_does_not_answer_is_killed_with_its_group(tmp_path: Path) -> None:
    child = process.start(("sh", "-c", f"sleep 1000 & echo $! >'{tmp_path}/pid'; wait"), env=ENV)
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text(encoding="utf-8")))
    grandchild = int((tmp_path / "pid").read_text(encoding="utf-8"))
    with pytest.raises(process.TimedOut, match=r"sh -c .* did not answer within 0.1 seconds"):
        child.finish(0.1)
    until(lambda: not is_alive(grandchild))
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, os.WNOHANG)


def test_a_process_that_ignores_term_is_killed_all_the_same() -> None:
    child = process.start(("sh", "-c", "trap '' TERM; echo ready; exec sleep 1000"), env=ENV)
    with pytest.raises(process.TimedOut):
        child.finish(0.3)
    assert not is_alive(child.pid)


def test_a_process_that_closed_its_outputs_and_goes_on_is_killed() -> None:
    child = process.start(("sh", "-c", "exec >&- 2>&-; exec sleep 1000"), env=ENV)
    with pytest.raises(process.TimedOut, match=r"did not end within 0.2 seconds"):
        child.finish(0.2)
    assert not is_alive(child.pid)


def test_a_leftover_that_holds_the_output_open_does_not_hold_us(tmp_path: Path) -> None:
    child = process.start((PYTHON, "-c", _LEFTOVER, str(tmp_path / "pid")), env=ENV)
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text(encoding="utf-8")))
    leftover = int((tmp_path / "pid").read_text(encoding="utf-8"))
    try:
        with pytest.raises(process.TimedOut):
            child.finish(0.2)
    finally:
        os.kill(leftover, signal.SIGKILL)


def test_what_we_start_is_a_process_group_of_its_own() -> None:
    done = process.run((PYTHON, "-c", "import os; print(os.getpgrp() == os.getpid())"), env=ENV, timeout=60)
    assert done.stdout == b"True\n"


def test_a_detached_process_has_a_session_of_its_own_and_appends_to_its_output(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.write_bytes(b"before\n")
    program = "import os, sys; print(os.getsid(0) == os.getpid(), os.read(0, 1)); print('err', file=sys.stderr)"
    pid = process.start_detached((PYTHON, "-c", program), env=ENV, output=str(output))
    os.waitpid(pid, 0)
    assert sorted(output.read_bytes().splitlines()) == [b"True b''", b"before", b"err"]


def test_a_detached_process_can_be_ended_whatever_its_starter_ignores(tmp_path: Path) -> None:
    interrupting = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    program = f"import signal; print([signal.getsignal(one) is signal.SIG_IGN for one in {[*map(int, interrupting)]}])"
    former = {one: signal.signal(one, signal.SIG_IGN) for one in interrupting}
    try:
        pid = process.start_detached((PYTHON, "-c", program), env=ENV, output=str(tmp_path / "out"))
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
    os.waitpid(pid, 0)
    assert (tmp_path / "out").read_text() == "[False, False, False]\n"


def test_handing_over_becomes_the_other_program_with_its_status() -> None:
    program = "import sys; from jobsync import process; print('mine'); "
    program += "process.hand_over(('sh', '-c', 'echo theirs $A; exit 9'), env={'PATH': '/usr/bin:/bin', 'A': 'b'})"
    done = subprocess.run([PYTHON, "-c", program], capture_output=True)
    assert (done.returncode, done.stdout) == (9, b"mine\ntheirs b\n")


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", ">/dev/full"])
def test_handing_over_needs_no_streams(streams: str) -> None:
    program = "from jobsync import process; print('mine'); process.hand_over(('sh', '-c', 'exit 9'), env={})"
    done = subprocess.run(["sh", "-c", f'"$@" {streams}', "sh", PYTHON, "-c", program], stderr=subprocess.PIPE,
                          env=ENV)  # fmt: skip
    assert (done.returncode, done.stderr) == (9, b"")


def test_handing_over_to_nothing_is_named() -> None:
    with pytest.raises(process.NotStarted, match="cannot run /nonexistent"):
        process.hand_over(("/nonexistent",), env=ENV)


def test_an_executable_is_found_as_a_shell_finds_it(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
    (tmp_path / "first/tool").write_text("no program")
    (tmp_path / "second/tool").mkdir()
    (tmp_path / "third/tool").symlink_to("/bin/sh")
    path = ":".join(f"{tmp_path}/{name}" for name in ("none", "first", "second", "third"))
    assert process.find("tool", path) == shutil.which("tool", path=path) == f"{tmp_path}/third/tool"
    assert process.find("tool", f"{tmp_path}/first:{tmp_path}/second") is None


def test_a_group_of_which_only_zombies_are_left_can_be_told_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS answers EPERM there (killpg1 in xnu's kern_sig.c), where Linux says that all is well."""

    def refuse(group: int, number: int) -> None:
        raise PermissionError(group, number)

    child = process.start(("/bin/sh", "-c", "exit 3"), env={})
    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", refuse)
        child.tell(signal.SIGTERM)
    assert child.finish(60).status == 3
