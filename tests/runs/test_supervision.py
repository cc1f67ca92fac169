"""What the launcher does beside running the command, under every sh: retry, limits, locks, conditions, expectations."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobsync.definitions.job import NOT_STARTED, Event, Expect, Limits, Line, Notify, Retry, Schedule, Slot, When
from jobsync.runs import launcher, logs, records, tokens
from jobsync.runs.parts import command
from jobsync.runs.records import Run
from jobsync.values import replace

from .bench import ENV, LIMIT, ODD, SHELLS, Bench, every_shell, until

Popen = subprocess.Popen


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Odd once in `test_launcher`; here one place is enough, and it is odd."""
    path = tmp_path / ODD.replace("/", "")
    path.mkdir()
    return path


@pytest.fixture
def start(bench: Bench) -> Iterator[Callable[..., "Popen[bytes]"]]:
    """Start a launcher as a scheduler does, leading a group of its own; the whole group ends with the test."""
    children: list[Popen[bytes]] = []

    def begin(sh: str, env: dict[str, str] | None = None, **changes: object) -> "Popen[bytes]":
        bench.write(**changes)
        child = Popen(bench.argv(sh), env={**ENV, **(env or {})}, stdin=subprocess.DEVNULL, start_new_session=True)
        children.append(child)
        return child

    yield begin
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


Start = Callable[..., "Popen[bytes]"]


def ended(sh: str, script: str, log: Path) -> int:
    """The status of a part of a launcher that is played alone, leading a group; its first argument is its log."""
    child = Popen([*SHELLS[sh], "-c", script, sh, str(log)], start_new_session=True)
    try:
        return child.wait(LIMIT)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def patched(bench: Bench, former: str, new: str) -> None:
    """Let the installed launcher look at another place of the machine than the real one."""
    path = bench.paths.launcher("one")
    text = path.read_text(encoding="utf-8")
    assert former in text
    path.write_text(text.replace(former, new), encoding="utf-8")


def launch(bench: Bench, sh: str, env: dict[str, str] | None = None, *, is_loud: bool = False) -> int:
    done = subprocess.run(bench.argv(sh), env={**ENV, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, start_new_session=True)  # fmt: skip
    assert done.stdout + (b"" if is_loud else done.stderr) == b"", "a launcher prints nothing: all output is in the log"
    return done.returncode


def last(bench: Bench) -> Run:
    return bench.runs()[-1]


@pytest.fixture
def sleeps(root: Path, bench: Bench) -> Path:
    """The launcher's sleep(1) notes here how long, and returns at once."""
    noted = root / "noted"
    command = root / "bin" / "sleep"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >>{shlex.quote(str(noted))}\n', encoding="utf-8")
    command.chmod(0o755)
    bench.tools = command.parent
    return noted


# -- the record


@every_shell
def test_the_record_holds_all_that_there_is_to_know(bench: Bench, sh: str) -> None:
    bench.write(command=Line("echo hello; exit 3"))
    launch(bench, sh, {"TZ": "XYZ-05:30"})
    run = last(bench)
    assert (run.status, run.output, run.attempts, run.reason) == (3, 6, 1, "")
    assert run.offset == run.ended_offset == 5 * 3600 + 1800
    assert run.digest == launcher.digest(bench.paths.launcher("one").read_bytes()) != ""
    assert run.id == f"{datetime.fromtimestamp(run.started, UTC):%Y%m%dT%H%M%SZ}-{run.pid}"


@pytest.mark.parametrize("moment", [0, 951782399, 951782400, 951868800, 1709164800, 1795590000, 4107542399, 4102444800])
@every_shell
def test_a_run_is_named_after_its_moment_in_utc(bench: Bench, sh: str, root: Path, moment: int) -> None:
    """The calendar in the launcher: leap days, ends of years, a century that has no 29 February."""
    date = root / "bin" / "date"
    date.parent.mkdir()
    date.write_text(f"#!/bin/sh\necho '{moment} +0100'\n", encoding="utf-8")
    date.chmod(0o755)
    bench.tools = date.parent
    bench.write()
    launch(bench, sh)
    assert last(bench).id.startswith(f"{datetime.fromtimestamp(moment, UTC):%Y%m%dT%H%M%SZ}-")
    assert (last(bench).started, last(bench).offset) == (moment, 3600)


@every_shell
def test_records_are_bounded_and_say_since_when_they_are_whole(bench: Bench, sh: str) -> None:
    path = bench.paths.runs("one")
    path.parent.mkdir(parents=True, exist_ok=True)
    line = "skip 20200101T000000Z-{0} {0} offset=+0000 digest=abc paused\n"
    path.write_text("".join(line.format(1577836800 + number) for number in range(5000)))
    bench.place(bench.paths.pause("one"), "0\n")
    bench.write()
    launch(bench, sh)
    content = path.read_bytes()
    assert len(content) <= launcher.RECORDS_LIMIT
    found = records.parse(content)
    assert found[-1].skipped == "paused" and found[-1].started > 1577846800
    assert records.known_since(content) == found[0].started
    assert content.splitlines()[1].decode() == line.format(found[0].started).strip()
    assert [run.started for run in found[:-1]] == list(range(found[0].started, 1577836800 + 5000))


@every_shell
def test_records_that_are_shortened_where_a_sync_wrote_stay_readable(bench: Bench, sh: str) -> None:
    path = bench.paths.runs("one")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"since {1577836800 + number}\n" for number in range(20_000)))
    bench.place(bench.paths.pause("one"), "0\n")
    bench.write()
    launch(bench, sh)
    *begun, skip = path.read_text().splitlines()
    assert 11_000 < len(begun) < 20_000 and skip.startswith("skip ")
    assert begun == [f"since {1577836800 + number}" for number in range(20_000 - len(begun), 20_000)]


# -- logs


NOISE = 'i=0; while [ $i -lt {0} ]; do echo "$i {1}"; i=$((i+1)); done'


def check_log(content: bytes, run: Run) -> None:
    """Head and tail are there, the cut is said, and log and record have the same number."""
    found = re.search(rb"\njobsync: (at least )?([0-9]+) bytes were cut here\n", content)
    assert found is not None
    head, tail = content[: found.start()], content[found.end() :]
    assert tail.count(logs.SEAM) <= run.output_is_least, "without a cut while it ran there is no such place"
    tail = tail.replace(logs.SEAM, b"")
    assert (len(head), len(tail)) == (launcher.LOG_HEAD, launcher.LOG_TAIL)
    assert (len(head) + int(found[2]) + len(tail), found[1] is not None) == (run.output, run.output_is_least)
    assert content.startswith(b"0 x") and content.endswith(b"the end\n")


@every_shell
def test_a_large_output_leaves_a_bounded_log_with_head_and_tail(bench: Bench, sh: str) -> None:
    size = int(os.environ.get("TRUST_OUTPUT_MB", "12"))
    fill = f"yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -c {size << 20}"
    bench.write(command=Line(f"echo 0 x; {fill}; echo the end; exit 4"))
    assert launch(bench, sh) == 4
    (log,) = bench.logs()
    check_log(log.read_bytes(), last(bench))
    printed, counted = (size << 20) + 4 + 8, last(bench).output or 0
    if last(bench).output_is_least:
        # Lost is what came in the milliseconds of a cut; a busy machine may hold the launcher up in one.
        assert printed // 2 < counted <= printed
    else:
        assert counted == printed
    assert list(log.parent.iterdir()) == [log]


@every_shell
def test_what_is_printed_while_a_log_is_copied_is_counted(bench: Bench, sh: str, root: Path) -> None:
    """Nothing is printed between the last look at the size and the emptying, so here the number is exact."""
    copied, poured = (shlex.quote(str(root / name)) for name in ("copied", "poured"))
    tail = root / "bin" / "tail"
    hold = f"[ -e {copied} ] || {{ : >{copied}; while [ ! -e {poured} ]; do sleep 0.05; done; }}"
    bench.place(tail, f'#!/bin/sh\n{shutil.which("tail")} "$@"\n{hold}\n')
    tail.chmod(0o755)
    pour = "yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -c"
    cut = f'{shlex.quote(str(bench.paths.job_logs(bench.label)))}/"$JOBSYNC_RUN".log.cut'
    line = (
        f"echo 0 x; {pour} {6 << 20}; while [ ! -e {copied} ]; do sleep 0.05; done; {pour} {5 << 20}; : >{poured}; "
        f"while [ ! -s {cut} ]; do sleep 0.05; done; echo the end"
    )
    bench.tools = tail.parent
    bench.write(command=Line(line))
    assert launch(bench, sh) == 0
    (log,) = bench.logs()
    check_log(log.read_bytes(), last(bench))
    assert (last(bench).output, last(bench).output_is_least) == ((11 << 20) + 4 + 8, True)
    assert log.read_bytes().count(logs.SEAM) == 1


def test_a_log_is_bounded_while_the_command_runs(bench: Bench, start: Start, root: Path) -> None:
    """A daemon never ends, so its log must be cut in place."""
    gate = shlex.quote(str(root / "gate"))
    pour = f"yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -c {6 << 20}"
    child = start("dash", command=Line(f"echo 0 x; {pour}; while [ ! -e {gate} ]; do sleep 0.05; done; echo the end"))
    until(lambda: any(path.name.endswith(".cut") for path in bench.paths.job_logs(bench.label).glob("*")))
    (log,) = bench.logs()
    until(lambda: log.stat().st_size < launcher.LOG_LIMIT)
    (root / "gate").touch()
    assert child.wait(LIMIT) == 0
    check_log(log.read_bytes(), last(bench))
    assert last(bench).output_is_least and (last(bench).output or 0) <= (6 << 20) + 4 + 8


@every_shell
def test_a_log_of_which_no_copies_can_be_made_is_not_emptied(bench: Bench, start: Start, sh: str, root: Path) -> None:
    """The disk is full: the beginning, where the trouble is told, would be the first to be lost."""
    tried, gate = root / "tried", shlex.quote(str(root / "gate"))
    for name in ("head", "tail"):
        bench.place(root / "bin" / name, f"#!/bin/sh\n: >{shlex.quote(str(tried))}\nexit 1\n")
        (root / "bin" / name).chmod(0o755)
    bench.tools = root / "bin"
    line = f"echo 0 x; yes x | /usr/bin/head -c {3 << 20}; while [ ! -e {gate} ]; do sleep 0.05; done; exit 5"
    child = start(sh, command=Line(line))
    until(tried.exists)
    (root / "gate").touch()
    assert child.wait(LIMIT) == 5
    (log,) = bench.logs()
    assert log.read_bytes().startswith(b"0 x\n") and log.stat().st_size == (3 << 20) + 4
    assert list(log.parent.iterdir()) == [log]
    assert (last(bench).status, last(bench).output, last(bench).output_is_least) == (5, (3 << 20) + 4, False)


# As macOS has it: it seeks, and then copies for as long as there is more. GNU's ends behind what there was.
TAIL_OF_BSD = """\
#!{python} -IS
import os, sys, time
left = int(sys.argv[2])
start = left - 1 if sys.argv[2].startswith("+") else os.fstat(0).st_size - left
os.lseek(0, max(start, 0), os.SEEK_SET)
while found := os.read(0, 4096):
    os.write(1, found)
    left -= len(found)
    if left <= 0 and not sys.argv[2].startswith("+"):
        time.sleep(0.05)
"""


@every_shell
def test_a_log_that_grows_as_fast_as_it_is_copied_is_bounded(bench: Bench, sh: str, root: Path) -> None:
    bench.place(root / "bin" / "tail", TAIL_OF_BSD.format(python=sys.executable))
    (root / "bin" / "tail").chmod(0o755)
    bench.tools = root / "bin"
    cut = f'{shlex.quote(str(bench.paths.job_logs(bench.label)))}/"$JOBSYNC_RUN".log.cut'
    line = (
        f"echo 0 x; yes x | head -c {3 << 20}; i=0; while [ $i -lt 400 ]; do i=$((i + 1)); [ ! -s {cut} ] || break; "
        f"sleep 0.01; yes x | head -c 16384; done; [ -s {cut} ] || exit 7; echo the end"
    )
    bench.write(command=Line(line))
    assert launch(bench, sh) == 0
    (log,) = bench.logs()
    assert log.read_bytes().endswith(b"the end\n")


@every_shell
def test_a_leftover_child_that_holds_the_log_keeps_nobody_waiting(bench: Bench, start: Start, sh: str) -> None:
    child = start(sh, command=Line("echo begun; sleep 1000 & exit 6"))
    assert child.wait(LIMIT) == 6
    assert last(bench).status == 6 and bench.log() == "begun\n"


@every_shell
def test_logs_that_go_away_meanwhile_cost_the_output_and_not_the_status(bench: Bench, sh: str) -> None:
    logs = shlex.quote(str(bench.paths.job_logs(bench.label)))
    bench.write(command=Line(f"echo lost; rm -rf {logs}; exit 9"))
    assert launch(bench, sh) == 9
    assert last(bench).status == 9


@every_shell
def test_a_log_that_takes_nothing_costs_the_output_and_not_the_status(bench: Bench, sh: str) -> None:
    """/dev/full is a disk on which every write fails; a link to it is where the log would be."""
    bench.write(command=Line("echo hello || exit 5"))
    path = bench.paths.launcher("one")
    path.write_text(path.read_text(encoding="utf-8").replace("log=$logs/$run.log ", "log=/dev/full "), "utf-8")
    assert launch(bench, sh) == 5
    assert last(bench).status == 5


FULL_DISK = """
place=$1 && shift
mkdir "$place/disk" && mount -t tmpfs -o size=256k none "$place/disk" || exit 99
for name in state logs; do
  mkdir -p "$place/$name" && cp -R "$place/$name" "$place/disk" || exit 99
  mount --bind "$place/disk/$name" "$place/$name" || exit 99
done
"$@"
status=$?
cp -R "$place/disk" "$place/after"
exit $status
"""


@every_shell
def test_a_run_that_fills_the_disk_is_recorded_as_it_ended(bench: Bench, sh: str, root: Path) -> None:
    """A real file system without room, seen by this launcher alone. It gives space by pages: in that of the records
    the start still fits in, and of the end no more than the beginning."""
    bench.place(bench.paths.runs("one"), f"since 1795590000\n{'x' * (4096 - 17 - 1 - 110)}\n")
    bench.write(command=Line("echo begun; yes | head -c 4000000 2>/dev/null || exit 5"))
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*enter, "mount", "-t", "tmpfs", "none", str(root)], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here: no rights, and no user namespaces")
    argv = [*enter, "sh", "-c", FULL_DISK, "sh", str(root), *bench.argv(sh)]
    done = subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 5, done.stderr
    (run,) = records.read(root / "after" / "state" / "runs" / "one")
    assert (run.status, run.is_over, run.is_success) == (5, True, False)
    (log,) = (root / "after" / "logs").rglob("*.log")
    assert log.read_bytes().startswith(b"begun\ny\n") and log.stat().st_size > 64 << 10
    assert 64 << 10 < (run.output or 0) <= 256 << 10
    assert (root / "after" / "state" / "failing" / "one").exists()


# -- retry


RETRY = Retry(attempts=4, delay=8, max_delay=20)


@every_shell
def test_what_fails_is_tried_again_with_longer_waits_and_the_last_status_counts(
    bench: Bench,
    sh: str,
    sleeps: Path,
) -> None:
    bench.write(command=Line('echo "try $JOBSYNC_ATTEMPT"; exit $JOBSYNC_ATTEMPT'), retry=RETRY)
    assert launch(bench, sh) == 4
    run = last(bench)
    assert (run.status, run.attempts, run.is_success) == (4, 4, False)
    waits = [float(text) for text in sleeps.read_text().split() if "." in text]
    assert [usual * 0.75 <= wait <= usual for usual, wait in zip((8, 16, 20), waits, strict=True)] == [True] * 3
    log = bench.log().splitlines()
    assert [line for line in log if line.startswith("try")] == [f"try {number}" for number in range(1, 5)]
    assert log[1] == f"jobsync: attempt 1 of 4 failed with status 1; next in {waits[0]:.3f} s"


@every_shell
@pytest.mark.usefixtures("sleeps")
def test_a_success_ends_it(bench: Bench, sh: str) -> None:
    bench.write(command=Line('[ "$JOBSYNC_ATTEMPT" -ge 3 ]'), retry=RETRY)
    assert launch(bench, sh) == 0
    assert (last(bench).attempts, last(bench).is_success) == (3, True)


@every_shell
@pytest.mark.usefixtures("sleeps")
def test_only_the_named_statuses_are_worth_another_attempt(bench: Bench, sh: str) -> None:
    bench.write(command=Line("exit $((73 + JOBSYNC_ATTEMPT))"), retry=replace(RETRY, on_codes=(74, 75)))
    assert launch(bench, sh) == 76
    assert last(bench).attempts == 3


@every_shell
def test_a_stop_during_a_wait_ends_wait_and_run(bench: Bench, start: Start, sh: str) -> None:
    child = start(sh, command=Line("exit 7"), retry=Retry(attempts=3, delay=1000, max_delay=1000))
    until(lambda: bool(bench.logs()) and "next in" in bench.log())
    child.terminate()
    assert child.wait(LIMIT) == 7
    assert (last(bench).status, last(bench).attempts, last(bench).reason) == (7, 1, records.STOPPED)


@pytest.mark.parametrize("sh", [name for name in SHELLS if "3.2" not in name])  # parts/__init__.py says why
def test_a_stop_at_the_very_beginning_of_a_wait_ends_it_too(root: Path, sh: str) -> None:
    rounds = """
        log=$1 round=0
        while [ $round -lt 200 ]; do
          round=$((round + 1)) stopped=''
          rm -f "$log.stop"
          kill -TERM $$ &
          nap 1000
        done
    """
    script = command.STATE + command.STOP + command.NAP + rounds
    assert ended(sh, script, root / "log") == 0


@every_shell
def test_a_stop_right_after_the_start_was_recorded_is_recorded_too(bench: Bench, sh: str) -> None:
    bench.write(command=Line("exec sleep 1000"))
    path = bench.paths.launcher("one")
    line = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith('record "start '))
    patched(bench, line, f"{line}\nkill -TERM $$")
    assert launch(bench, sh) == 143
    assert (last(bench).status, last(bench).reason) == (143, records.STOPPED)


@every_shell
def test_a_signal_to_the_group_while_the_end_is_recorded_spoils_no_record(
    bench: Bench, start: Start, sh: str, root: Path
) -> None:
    """What the launcher calls then would die of it: date(1) with nothing said, rm(1) with the lock still there."""
    asked = shlex.quote(str(root / "asked"))
    date = root / "bin" / "date"
    bench.place(date, f'#!/bin/sh\n[ ! -e {asked} ] || kill -TERM 0\n: >{asked}\nexec {shutil.which("date")} "$@"\n')
    date.chmod(0o755)
    bench.tools = date.parent
    child = start(sh, command=Line("exit 7"), limits=LOCKED)
    assert child.wait(LIMIT) == 7
    assert (last(bench).status, last(bench).is_success) == (7, False)
    assert not bench.paths.shared_lock("restic").is_symlink() and bench.paths.failing("one").exists()


@every_shell
def test_a_stopped_run_that_ends_with_a_status_that_is_a_success_is_one(bench: Bench, start: Start, sh: str) -> None:
    line = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"
    child = start(sh, command=Line(line), expect=Expect(success_codes=(0, 3)))
    until(lambda: bool(bench.logs()) and "ready" in bench.log())
    child.terminate()
    assert child.wait(LIMIT) == 3
    assert (last(bench).status, last(bench).reason, last(bench).is_success) == (3, "", True)
    assert not bench.paths.failing("one").exists()


@every_shell
def test_a_signal_to_the_group_in_the_moment_of_the_commands_end_is_not_waited_for_for_ever(
    root: Path, sh: str
) -> None:
    """bash loses such a child, and goes on waiting for it while another, as the keeper, lives."""
    rounds = """
        log=$1 round=0
        (trap '' TERM; exec sleep 1000) &
        keeper=$!
        while [ $round -lt 15 ]; do
          round=$((round + 1)) stopped=''
          { trap - TERM; exec sleep 0.02; } &
          child=$!
          (trap '' TERM; sleep 0.0$((1 + round % 2)); kill -TERM 0) &
          await
          case $status in 0 | 143) ;; *) exit 1 ;; esac
        done
        kill -KILL "$keeper"
    """
    script = command.STATE + command.STOP + command.AWAIT + rounds
    assert ended(sh, script, root / "log") == 0


# -- timeout


@every_shell
def test_a_run_that_takes_too_long_is_told_to_end(bench: Bench, start: Start, sh: str) -> None:
    line = "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    child = start(sh, command=Line(line), limits=Limits(timeout=1))
    assert child.wait(LIMIT) == launcher.TIMED_OUT
    assert (last(bench).status, last(bench).reason) == (launcher.TIMED_OUT, records.TIMEOUT)
    said = [line for line in bench.log().splitlines() if "Terminated" not in line]  # the shell's word on its sleep
    assert said == ["ready", "jobsync: still running after 1s: told to end (TERM)", "caught"]


@every_shell
def test_a_run_that_is_deaf_is_killed_with_all_that_it_started(
    bench: Bench,
    start: Start,
    sh: str,
    root: Path,
) -> None:
    pids = root / "pids"
    line = f"trap '' TERM; sleep 1000 & echo $$ $! >{shlex.quote(str(pids))}; while :; do sleep 1000; done"
    child = start(sh, command=Line(line), limits=Limits(timeout=1, grace=1))
    child.wait(LIMIT)
    run = last(bench)
    assert (run.status, run.reason) == (launcher.KILLED, records.TIMEOUT)
    for pid in pids.read_text().split():
        until(lambda pid=pid: not is_running(int(pid)))  # type: ignore[misc]  # bound at once


def is_running(pid: int) -> bool:
    """Zombies that nobody reaps here do not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@every_shell
def test_a_launcher_that_does_not_lead_its_group_ends_only_its_command(bench: Bench, sh: str) -> None:
    """Started by hand from a script: the caller and its other children are none of ours to kill."""
    bench.write(command=Line("trap '' TERM; while :; do sleep 0.05; done"), limits=Limits(timeout=1, grace=1))
    wrapper = f"sleep 1000 & other=$!; {shlex.join(bench.argv(sh))}; echo $?; kill -0 $other && echo other; kill $other"
    done = subprocess.run(["dash", "-c", wrapper], env=ENV, stdout=subprocess.PIPE, timeout=60, start_new_session=True)
    assert done.stdout.decode().split() == [str(launcher.KILLED), "other"]
    assert (last(bench).status, last(bench).reason) == (launcher.KILLED, records.TIMEOUT)


def test_waits_and_further_attempts_count(bench: Bench, start: Start) -> None:
    child = start(
        "dash", command=Line("exit 7"), retry=Retry(attempts=9, delay=1000, max_delay=1000), limits=Limits(timeout=1)
    )
    assert child.wait(LIMIT) == launcher.TIMED_OUT
    assert (last(bench).attempts, last(bench).reason) == (1, records.TIMEOUT)


# -- locks


LOCKED = Limits(lock="restic")


@every_shell
def test_jobs_with_one_lock_run_one_after_another(bench: Bench, start: Start, sh: str, root: Path) -> None:
    gate = shlex.quote(str(root / "gate"))
    first = start(sh, command=Line(f"echo in; while [ ! -e {gate} ]; do sleep 0.05; done; echo out"), limits=LOCKED)
    until(lambda: bool(bench.logs()) and "in" in bench.log())
    second = start(sh, command=Line("echo mine"), limits=LOCKED)
    until(lambda: len(bench.logs()) == 2 and "waits for the lock restic, which one has" in newest(bench))
    assert "mine" not in newest(bench)
    (root / "gate").touch()
    assert (first.wait(LIMIT), second.wait(LIMIT)) == (0, 0)
    assert newest(bench).endswith("mine\n")
    waited = next(run for run in bench.runs() if run.pid == second.pid).waited
    assert waited >= 1
    assert not bench.paths.shared_lock("restic").is_symlink()


def newest(bench: Bench) -> str:
    """The log of the launcher that started last; two may start in one second."""
    run = bench.runs()[-1] if bench.runs()[-1].ended is None else max(bench.runs(), key=lambda one: one.waited)
    return (bench.paths.job_logs(bench.label) / f"{run.id}.log").read_text(encoding="utf-8")


@every_shell
@pytest.mark.parametrize("holder", ["{dead} {boot} other", "{me} another-boot other", "{me} {boot} other", "junk"])
def test_the_lock_of_a_crashed_machine_or_process_is_taken_over(bench: Bench, sh: str, holder: str) -> None:
    """Gone, of another boot, or a process that is no launcher of ours (this very test): stale, all of them."""
    gone = Popen(["true"])
    gone.wait()
    lock = bench.paths.shared_lock("restic")
    lock.parent.mkdir(parents=True)
    lock.symlink_to(holder.format(dead=gone.pid, me=os.getpid(), boot=tokens.boot_id()))
    bench.write(command=Line("echo ran"), limits=LOCKED)
    assert launch(bench, sh) == 0
    assert "ran\n" in bench.log() and "takes the lock restic" in bench.log()
    assert list(lock.parent.iterdir()) == []


@every_shell
def test_a_stop_while_it_waits_for_the_lock_starts_nothing(bench: Bench, start: Start, sh: str) -> None:
    first = start(sh, command=Line("echo in; exec sleep 1000"), limits=LOCKED)
    until(lambda: bool(bench.logs()) and "in" in bench.log())
    second = start(sh, command=Line("echo never"), limits=LOCKED)
    until(lambda: len(bench.logs()) == 2 and "waits" in newest(bench))
    second.terminate()
    assert second.wait(LIMIT) == 143
    run = next(run for run in bench.runs() if run.pid == second.pid)
    assert (run.status, run.attempts, run.reason) == (143, 0, records.STOPPED)
    assert f"-{first.pid} " in str(bench.paths.shared_lock("restic").readlink())


@every_shell
def test_a_stop_while_it_waits_for_the_lock_is_recorded_where_a_run_has_to_show_something(
    bench: Bench, start: Start, sh: str
) -> None:
    holder = start(sh, command=Line("echo in; exec sleep 1000"), limits=LOCKED)
    until(lambda: bool(bench.logs()) and "in" in bench.log())
    child = start(sh, command=Line("echo never"), limits=LOCKED, expect=Expect(prints=("never",)))
    until(lambda: len(bench.logs()) == 2 and "waits" in newest(bench))
    child.terminate()
    assert child.wait(LIMIT) == 143
    run = next(run for run in bench.runs() if run.pid == child.pid)
    assert (run.status, run.attempts, run.reason) == (143, 0, records.STOPPED)
    assert holder.poll() is None and bench.paths.failing("one").exists()


@every_shell
def test_a_lock_that_nobody_can_take_over_is_given_up(bench: Bench, sh: str, root: Path) -> None:
    """A disk that has no room for a link, and one that a crash has left."""
    lock = bench.paths.shared_lock("restic")
    lock.parent.mkdir(parents=True)
    lock.symlink_to("1 another-boot other")
    bench.place(root / "bin" / "ln", "#!/bin/sh\nexit 1\n")
    (root / "bin" / "ln").chmod(0o755)
    bench.tools = root / "bin"
    bench.write(command=Line("echo never"), limits=LOCKED)
    assert launch(bench, sh) == NOT_STARTED
    assert (last(bench).status, last(bench).attempts, last(bench).reason) == (78, 0, records.NO_LOCK)
    assert "never" not in bench.log() and f"cannot make {lock}" in bench.log()


@every_shell
def test_a_lock_that_somebody_else_took_over_is_left_to_him(bench: Bench, sh: str) -> None:
    lock = bench.paths.shared_lock("restic")
    bench.write(command=Line(f"ln -sfn 'somebody else' {shlex.quote(str(lock))}"), limits=LOCKED)
    assert launch(bench, sh) == 0
    assert str(lock.readlink()) == "somebody else"


def test_a_killed_holder_blocks_nobody(bench: Bench, start: Start) -> None:
    first = start("dash", command=Line("echo in; exec sleep 1000"), limits=LOCKED)
    until(lambda: bool(bench.logs()) and "in" in bench.log())
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    bench.write(command=Line("true"), limits=LOCKED)
    assert launch(bench, "dash") == 0


def test_many_at_once_never_hold_it_together(bench: Bench, start: Start, root: Path) -> None:
    """A stale lock first, so that all of them want to take it away."""
    lock = bench.paths.shared_lock("restic")
    lock.parent.mkdir(parents=True)
    lock.symlink_to("1 another-boot other")
    inside = shlex.quote(str(root / "inside"))
    line = f"mkdir {inside} || exit 99; sleep 0.02; rmdir {inside}"
    children = [start("dash", command=Line(line), limits=LOCKED) for _ in range(6)]
    assert [child.wait(60) for child in children] == [0] * 6


SLOW_RM = """\
#!/bin/sh
# Whoever first wants to take away what the dead one left comes late, and whoever first takes the lock away later still.
until_so() { tries=0; until eval "$1" || [ $tries -ge 30 ]; do sleep 0.1; tries=$((tries + 1)); done; }
case $* in
  *.steal) ! mkdir {root}/late 2>/dev/null || until_so '[ -e {root}/later ]' ;;
  *restic) ! mkdir {root}/later 2>/dev/null || until_so '[ -d {root}/inside ]' ;;
esac
exec /bin/rm "$@"
"""


@pytest.mark.parametrize(("mark", "dead"), [(".steal", "1 another-boot other"), ("~1", "2 another-boot other")])
def test_who_dies_over_a_stale_lock_lets_no_two_in(
    bench: Bench, start: Start, tmp_path: Path, mark: str, dead: str
) -> None:
    """What one leaves who is killed while he takes a stale lock away: all want to succeed both at once."""
    lock = bench.paths.shared_lock("restic")
    lock.parent.mkdir(parents=True)
    lock.symlink_to("1 another-boot other")
    lock.with_name(f"restic{mark}").symlink_to(dead)
    bench.place(tmp_path / "slow" / "rm", SLOW_RM.replace("{root}", str(tmp_path)))
    (tmp_path / "slow" / "rm").chmod(0o755)
    bench.tools = tmp_path / "slow"
    inside = tmp_path / "inside"
    line = f"mkdir {inside} || exit 99; sleep 1; rmdir {inside}"
    children = [start("dash", command=Line(line), limits=LOCKED) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0] * 3
    assert not lock.is_symlink()


# -- conditions


def supplies(root: Path, **supplies: dict[str, str]) -> Path:
    """Something like /sys/class/power_supply."""
    directory = root / "supplies"
    directory.mkdir()
    for name, files in supplies.items():
        (directory / name).mkdir()
        for file, content in files.items():
            (directory / name / file).write_text(f"{content}\n")
    return directory


def mains(online: int) -> dict[str, str]:
    return {"type": "Mains", "online": str(online)}


def battery(status: str, **more: str) -> dict[str, str]:
    return {"type": "Battery", "status": status, "present": "1", **more}


PORT = {"type": "USB", "scope": "System", "online": "0"}
"""A desktop has some (systemd/systemd#24214), and a laptop whose power comes through one may say no more of it."""


@every_shell
@pytest.mark.parametrize(
    ("found", "runs"),
    [
        ({}, True),
        ({"AC": mains(1), "BAT0": battery("Charging")}, True),
        ({"AC": mains(1), "BAT0": battery("Discharging")}, True),
        ({"AC": mains(0), "BAT0": battery("Discharging")}, False),
        ({"BAT0": battery("Full"), "BAT1": battery("Discharging"), "USBC": PORT}, False),
        ({"USBC": PORT}, True),
        ({"AC": mains(0), "BAT0": battery("Not charging"), "USBC": PORT}, True),
        ({"hid-1-battery": battery("Discharging", scope="Device", online="1")}, True),
        ({"BAT0": battery("Discharging", scope="System")}, False),
    ],
    ids=str,
)
def test_on_battery_it_is_skipped(
    bench: Bench, sh: str, root: Path, found: dict[str, dict[str, str]], runs: bool
) -> None:
    directory = supplies(root, **found)
    bench.write(command=Line("echo ran"), when=When(ac_power=True))
    patched(bench, "/sys/class/power_supply/*", f"{shlex.quote(str(directory))}/*")
    assert launch(bench, sh) == 0
    assert last(bench).skipped == ("" if runs else launcher.ON_BATTERY)


def a_macs_tool(root: Path, name: str, answer: str) -> str:
    """A program that says what that one says on a Mac; its path, as sh."""
    tool = root / name
    tool.write_text(f"#!/bin/sh\n{answer}\n")
    tool.chmod(0o755)
    return shlex.quote(str(tool))


BATTERY = " -InternalBattery-0 (id=4653155)\t85%; discharging; 3:55 remaining present: true"


@every_shell
@pytest.mark.parametrize(("source", "runs"), [("AC", True), ("Battery", False), ("UPS", False)])
def test_on_battery_it_is_skipped_on_a_mac(bench: Bench, sh: str, root: Path, source: str, runs: bool) -> None:
    said = f"Now drawing from '{source} Power'\n{BATTERY}"
    pmset = a_macs_tool(root, "pmset", f'[ "$*" = "-g batt" ] && cat <<"END"\n{said}\nEND')
    bench.write(command=Line("echo ran"), when=When(ac_power=True))
    patched(bench, "/usr/bin/pmset", pmset)
    assert launch(bench, sh) == 0
    assert last(bench).skipped == ("" if runs else launcher.ON_BATTERY)


NO_ROUTE = 'echo "route: writing to routing socket: not in table" >&2; exit 0'
"""The status is 0 all the same, as Apple's and other BSDs' route(8) have it: `get` always ends with it."""
A_ROUTE = r"printf '   route to: default\ndestination: default\n    gateway: 192.0.2.1\n  interface: en0\n'"


@every_shell
@pytest.mark.parametrize(
    ("inet", "inet6", "runs"), [(A_ROUTE, NO_ROUTE, True), (NO_ROUTE, A_ROUTE, True), (NO_ROUTE, NO_ROUTE, False)]
)
def test_without_a_way_out_it_is_skipped_on_a_mac(
    bench: Bench, sh: str, root: Path, inet: str, inet6: str, runs: bool
) -> None:
    answer = f'case "$*" in "-n get -inet default") {inet} ;; "-n get -inet6 default") {inet6} ;; *) exit 64 ;; esac'
    bench.write(command=Line("echo ran"), when=When(online=True))
    patched(bench, "/sbin/route", a_macs_tool(root, "route", answer))
    patched(bench, "/proc/net/", f"{shlex.quote(str(root))}/none/")
    assert launch(bench, sh) == 0
    assert last(bench).skipped == ("" if runs else launcher.OFFLINE)


HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LAN = "eth0\t0010A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
WAY_OUT = "eth0\t00000000\t0110A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
ONLY_LO = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"
BY_IPV6 = f"{ZERO} 00 {ZERO} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0\n"


@every_shell
@pytest.mark.parametrize(
    ("routes", "routes6", "runs"),
    [
        (LAN, None, False), (LAN + WAY_OUT, None, True), ("", ONLY_LO, False), ("", ONLY_LO + BY_IPV6, True),
    ],
)  # fmt: skip
def test_without_a_way_out_it_is_skipped(
    bench: Bench,
    sh: str,
    root: Path,
    routes: str,
    routes6: str | None,
    runs: bool,
) -> None:
    net = root / "net"
    net.mkdir()
    (net / "route").write_text(HEADER + routes)
    if routes6 is not None:
        (net / "ipv6_route").write_text(routes6)
    bench.write(command=Line("echo ran"), when=When(online=True))
    patched(bench, "/proc/net/", f"{shlex.quote(str(net))}/")
    assert launch(bench, sh) == 0
    assert last(bench).skipped == ("" if runs else launcher.OFFLINE)


@every_shell
def test_it_waits_for_its_condition_and_no_longer_than_it_may(
    bench: Bench,
    sh: str,
    root: Path,
    sleeps: Path,
) -> None:
    found = supplies(root, AC=mains(0), BAT0=battery("Discharging"))
    bench.write(command=Line("echo ran"), when=When(ac_power=True, wait=12))
    patched(bench, "/sys/class/power_supply/*", f"{shlex.quote(str(found))}/*")
    assert launch(bench, sh) == 0
    assert last(bench).skipped == launcher.ON_BATTERY and sleeps.read_text().split() == ["5"] * 3
    command = root / "bin" / "sleep"
    command.write_text(f"#!/bin/sh\necho 1 >{shlex.quote(str(found / 'AC' / 'online'))}\n")
    assert launch(bench, sh) == 0
    assert (last(bench).skipped, last(bench).status, last(bench).waited) == ("", 0, 5)


@every_shell
@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_stop_before_it_looks_for_power_is_a_skip(bench: Bench, sh: str, name: str) -> None:
    bench.write(when=When(ac_power=True, wait=1000))
    begin = 'while [ -z "$by" ] && unmet; do'
    patched(bench, begin, f"kill -{name} $$\n{begin}")
    assert launch(bench, sh) == 0
    assert last(bench).skipped == "not begun, stopped while it waited"


def test_a_stop_while_it_waits_for_power_is_a_skip(bench: Bench, start: Start, root: Path) -> None:
    found = supplies(root, AC=mains(0), BAT0=battery("Discharging"))
    bench.write(when=When(ac_power=True, wait=1000))
    patched(bench, "/sys/class/power_supply/*", f"{shlex.quote(str(found))}/*")
    child = Popen(bench.argv("dash"), env=ENV, start_new_session=True)
    until(lambda: "sleep" in children_of(child.pid))
    child.terminate()
    assert child.wait(LIMIT) == 0
    assert last(bench).skipped == "on battery, stopped while it waited"


def children_of(pid: int) -> str:
    names = []
    for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):  # it has ended since
            names.append(Path(f"/proc/{one}/comm").read_text())
    return " ".join(names)


@every_shell
@pytest.mark.parametrize(
    ("ago", "end", "runs"),
    [
        (3000, "0 offset=+0000 attempts=1 bytes=3", False),
        (3000, "3 offset=+0000 attempts=1 bytes=3 ok=1", False),
        (3000, "3 offset=+0000 attempts=1 bytes=3", True),
        (3000, "0 offset=+0000 attempts=1 bytes=3 expectation: no line matches x", True),
        (4000, "0 offset=+0000 attempts=1 bytes=3", True),
        (-9000, "0 offset=+0000 attempts=1 bytes=3", True),
    ],
)
def test_a_job_that_succeeded_lately_is_fresh_enough(bench: Bench, sh: str, ago: int, end: str, runs: bool) -> None:
    ended = int(time.time()) - ago
    bench.place(bench.paths.runs("one"), f"start a {ended} 1\nend a {ended} {end}\n")
    bench.write(command=Line("echo ran"), when=When(stale_after=3600))
    assert launch(bench, sh) == 0
    assert last(bench).skipped == ("" if runs else launcher.FRESH)


@every_shell
def test_a_job_that_never_ran_is_not_fresh_enough(bench: Bench, sh: str) -> None:
    bench.write(command=Line("echo ran"), when=When(stale_after=3600))
    assert launch(bench, sh) == 0
    assert last(bench).skipped == ""


@every_shell
def test_whoever_asks_for_a_run_gets_it(bench: Bench, sh: str, root: Path) -> None:
    found = supplies(root, AC=mains(0), BAT0=battery("Discharging"))
    now = int(time.time())
    bench.place(bench.paths.runs("one"), f"start a {now} 1\nend a {now} 0\n")
    slot = datetime.now() - timedelta(hours=2)
    schedule = Schedule(slots=(Slot(hour=slot.hour, minute=slot.minute),), catch_up=0)
    bench.write(command=Line("echo ran"), when=When(ac_power=True, stale_after=3600), schedule=schedule)
    patched(bench, "/sys/class/power_supply/*", f"{shlex.quote(str(found))}/*")
    bench.place(bench.paths.asked("one"), f"{now + 60}\n")
    assert launch(bench, sh) == 0
    assert (last(bench).skipped, last(bench).by_hand) == ("", True)
    assert not bench.paths.asked("one").exists()
    bench.place(bench.paths.asked("one"), f"{now - 60}\n")
    assert launch(bench, sh) == 0
    assert last(bench).skipped == launcher.TOO_LATE, "nobody asks for ever"


# -- late starts


def late(bench: Bench, sh: str, root: Path, at: str, slots: tuple[Slot, ...], catch_up: int | None) -> bool:
    """Whether a start at that moment of a clock in Berlin is too late."""
    moment = datetime.fromisoformat(at)
    offset = moment.utcoffset()
    assert offset is not None
    date = root / "bin" / "date"
    date.parent.mkdir(exist_ok=True)
    date.write_text(f"#!/bin/sh\necho '{int(moment.timestamp())} {moment:%z}'\n", encoding="utf-8")
    date.chmod(0o755)
    bench.tools = date.parent
    bench.write(schedule=Schedule(slots=slots, catch_up=catch_up))
    launch(bench, sh)
    assert last(bench).skipped in ("", launcher.TOO_LATE)
    return last(bench).skipped == launcher.TOO_LATE


NINE = (Slot(hour=9, minute=0),)
CASES = [
    ("2026-11-25T09:00:02+01:00", NINE, 0, False),
    ("2026-11-25T09:03:59+01:00", NINE, 0, False),
    ("2026-11-25T09:04:00+01:00", NINE, 0, True),
    ("2026-11-25T08:59:59+01:00", NINE, 0, True),
    ("2026-11-25T23:00:00+01:00", NINE, None, False),
    ("2026-11-25T12:00:00+01:00", NINE, 3 * 3600, False),
    ("2026-11-25T12:01:00+01:00", NINE, 3 * 3600, True),
    ("2026-11-26T00:30:00-05:00", (Slot(hour=23, minute=45),), 3600, False),
    ("2026-11-26T00:46:00-05:00", (Slot(hour=23, minute=45),), 3600, True),
    ("2026-11-25T10:07:00+01:00", (Slot(minute=0), Slot(minute=15)), 0, True),
    ("2026-11-25T10:17:00+01:00", (Slot(minute=0), Slot(minute=15)), 0, False),
    # 25 November 2026 is a Wednesday.
    ("2026-11-25T09:00:00+01:00", (Slot(weekday=3, hour=9, minute=0),), 0, False),
    ("2026-11-25T09:00:00+01:00", (Slot(weekday=4, hour=9, minute=0),), 0, True),
    ("2026-11-25T09:00:00+01:00", (Slot(day=25, hour=9, minute=0),), 0, False),
    ("2026-11-25T09:00:00+01:00", (Slot(day=24, weekday=3, hour=9, minute=0),), 0, False),
    ("2026-11-25T09:00:00+01:00", (Slot(month=11, day=25, hour=9, minute=0),), 0, False),
    ("2026-11-25T09:00:00+01:00", (Slot(month=12, day=25, hour=9, minute=0),), 0, True),
    ("2028-02-29T09:00:00+01:00", (Slot(month=2, day=29, hour=9, minute=0),), 0, False),
    ("2027-03-01T00:10:00+01:00", (Slot(month=2, day=28, hour=23, minute=50),), 3600, False),
    ("2027-01-01T00:10:00+01:00", (Slot(month=12, day=31, hour=23, minute=50),), 3600, False),
    ("2026-11-27T09:00:00+01:00", NINE, 2 * 86400, False),
    ("2026-11-25T09:00:00+05:30", NINE, 0, False),
    # Summer time: the clock reads 03:30 an hour after 01:30, and 02:30 twice.
    ("2026-03-29T03:30:00+02:00", (Slot(hour=2, minute=30),), 0, True),
    ("2026-10-25T02:30:00+02:00", (Slot(hour=2, minute=30),), 0, False),
    ("2026-10-25T02:30:00+01:00", (Slot(hour=2, minute=30),), 0, False),
]  # fmt: skip


@pytest.mark.parametrize(("at", "slots", "catch_up", "expected"), CASES)
def test_a_start_is_late_or_not(
    bench: Bench,
    root: Path,
    at: str,
    slots: tuple[Slot, ...],
    catch_up: int | None,
    expected: bool,
) -> None:
    assert late(bench, "dash", root, at, slots, catch_up) is expected


@every_shell
def test_every_shell_and_awk_tell_lateness_alike(bench: Bench, sh: str, root: Path) -> None:
    assert late(bench, sh, root, "2026-11-25T12:01:00+01:00", NINE, 3 * 3600)
    assert not late(bench, sh, root, "2026-11-25T11:59:00+01:00", NINE, 3 * 3600)


FULL_TMP = """
place=$1 && shift
mount --bind "$place" /mnt || exit 99
for one in /tmp /var/tmp; do mount -t tmpfs -o size=4k none $one || exit 99; done
mkdir -p "$place" && mount --bind /mnt "$place" || exit 99
for one in /tmp /var/tmp; do head -c 9000 /dev/zero >$one/full 2>/dev/null; done
cd / && exec "$@"
"""


@every_shell
def test_no_start_is_late_because_the_disk_is_full(bench: Bench, sh: str, root: Path) -> None:
    """bash 3.2, which is macOS's sh, and zsh, which may be chosen for it, put a here-document into a file."""
    (found, *rest) = bench.argv(sh)
    shell = root / Path(found).name
    shutil.copy2(os.path.realpath(shutil.which(found) or found), shell)
    slot = datetime.now() - timedelta(minutes=1)
    schedule = Schedule(slots=(Slot(hour=slot.hour, minute=slot.minute),), catch_up=3600)
    bench.write(command=Line("exit 5"), schedule=schedule)
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*enter, "mount", "-t", "tmpfs", "none", str(root)], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here: no rights, and no user namespaces")
    argv = [*enter, "sh", "-c", FULL_TMP, "sh", str(root), str(shell), *rest]
    done = subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (last(bench).skipped, done.returncode) == ("", 5), done.stderr


# -- expectations


@every_shell
@pytest.mark.parametrize(
    ("line", "expect", "status", "reason"),
    [
        ("echo 'it is done'", Expect(prints=("^it (is|was) done$",)), 0, ""),
        ("echo nothing", Expect(prints=("done",)), 79, "expectation: no line matches done"),
        ("echo a; echo b", Expect(prints=("a", "b")), 0, ""),
        ("echo a", Expect(prints=("a", "b")), 79, "expectation: no line matches b"),
        ("echo 'warning: odd'", Expect(prints_not=("^warning:",)), 79, "expectation: a line matches ^warning:"),
        ("echo 'no warning'", Expect(prints_not=("^warning:",)), 0, ""),
        ("echo done; exit 3", Expect(prints=("done",)), 3, ""),
        ("exit 3", Expect(success_codes=(0, 3)), 3, ""),
        ("exit 4", Expect(success_codes=(0, 3)), 4, ""),
        ("exit 0", Expect(success_codes=(3,)), 79, "expectation: status 0"),
        ("echo -x", Expect(prints=("-x",)), 0, ""),
        ("echo x", Expect(prints_not=("a{1",)), 0, ""),
        ('echo "it\'s"', Expect(prints=("it's",)), 0, ""),
    ],
)
def test_a_run_has_to_show_something(
    bench: Bench,
    sh: str,
    line: str,
    expect: Expect,
    status: int,
    reason: str,
) -> None:
    bench.write(command=Line(line), expect=expect)
    assert launch(bench, sh) == status
    run = last(bench)
    assert (run.status, run.reason) == (status, reason)
    accepted = status in expect.success_codes and not reason
    assert run.is_success == accepted
    if reason:
        assert bench.log().endswith(f"jobsync: not as expected: {reason.removeprefix('expectation: ')}\n")


@every_shell
def test_a_timeout_of_a_run_that_has_to_show_something_is_recorded(bench: Bench, sh: str) -> None:
    limits = replace(bench.job.limits, timeout=1)
    bench.write(command=Line("sleep 30"), limits=limits, expect=Expect(prints=("done",)))
    assert launch(bench, sh) == launcher.TIMED_OUT
    assert (last(bench).status, last(bench).reason) == (launcher.TIMED_OUT, "timeout")
    assert bench.paths.failing("one").exists()


@every_shell
def test_a_file_has_to_be_touched(bench: Bench, sh: str, root: Path) -> None:
    old, new = root / "it's old", root / "new one"
    old.touch()
    os.utime(old, (1, 1))
    bench.write(command=Line("true"), expect=Expect(touches=(str(old),)))
    assert launch(bench, sh) == launcher.BROKEN_EXPECTATION
    assert last(bench).reason.endswith("was not touched")
    bench.write(command=Line(f"touch {shlex.quote(str(old))} {shlex.quote(str(new))}"),
                expect=Expect(touches=(str(old), str(new))))  # fmt: skip
    assert launch(bench, sh) == 0
    assert not [path for path in bench.paths.job_logs(bench.label).iterdir() if path.suffix != ".log"]


@every_shell
@pytest.mark.usefixtures("sleeps")
def test_each_attempt_is_judged_by_what_it_printed_itself(bench: Bench, sh: str) -> None:
    line = 'if [ "$JOBSYNC_ATTEMPT" -eq 1 ]; then echo "warning: odd"; else echo fine; fi'
    bench.write(command=Line(line), retry=RETRY, expect=Expect(prints_not=("warning",), prints=("fine",)))
    assert launch(bench, sh) == 0
    assert (last(bench).attempts, last(bench).reason) == (2, "")


def test_a_log_that_is_cut_while_it_is_judged_is_judged_again(bench: Bench, tmp_path: Path) -> None:
    """A burst in the last second: the keeper's next look comes while grep(1) reads, and would take the end away."""
    bench.place(tmp_path / "slow" / "grep", f'#!/bin/sh\nsleep 2\nexec {shutil.which("grep")} "$@"\n')
    (tmp_path / "slow" / "grep").chmod(0o755)
    bench.tools = tmp_path / "slow"
    line = "yes 'a line as long as most are' | head -n 100000; echo total"
    bench.write(command=Line(line), expect=Expect(prints=("^total$",)))
    assert launch(bench, "dash") == 0
    assert last(bench).reason == ""
    bench.write(command=Line(line), expect=Expect(prints_not=("^total$",)))
    assert launch(bench, "dash") == launcher.BROKEN_EXPECTATION
    assert bench.logs()[-1].read_text().count("jobsync: not as expected: a line matches ^total$\n") == 1


@pytest.mark.usefixtures("sleeps")
def test_what_left_the_log_of_a_former_attempt_counts_for_no_later_one(bench: Bench) -> None:
    cut = f'{shlex.quote(str(bench.paths.job_logs(bench.label)))}/"$JOBSYNC_RUN".log.cut'
    first = f"yes x | head -c {3 << 20}; echo fine; while [ ! -s {cut} ]; do sleep 0.05; done; exit 1"
    line = f'if [ "$JOBSYNC_ATTEMPT" -eq 1 ]; then {first}; fi; echo done'
    bench.write(command=Line(line), retry=replace(RETRY, attempts=2), expect=Expect(prints=("fine",)))
    assert launch(bench, "dash") == launcher.BROKEN_EXPECTATION
    assert (last(bench).attempts, last(bench).reason) == (2, "expectation: no line matches fine")


# -- notifications


def events(root: Path) -> list[str]:
    found = root / "events"
    return found.read_text(encoding="utf-8").splitlines() if found.exists() else []


def telling(root: Path, *on: Event) -> Notify:
    line = f'echo "$JOBSYNC_EVENT $JOBSYNC_STATUS $JOBSYNC_MESSAGE" >>{shlex.quote(str(root / "events"))}'
    return Notify(on=on or tuple(Event), run=Line(line))


@every_shell
def test_each_change_is_told_once(bench: Bench, sh: str, root: Path) -> None:
    for line in ("exit 0", "exit 0", "exit 5", "exit 6", "exit 0", "exit 0"):
        bench.write(command=Line(line), notify=telling(root))
        assert launch(bench, sh) == int(line.split()[1])
    assert events(root) == [
        "succeeded 0 one succeeded", "failed 5 one failed: status 5", "recovered 0 one recovered",
    ]  # fmt: skip


def test_only_what_was_asked_for_is_told(bench: Bench, root: Path) -> None:
    for line in ("exit 0", "exit 5", "exit 0", "exit 5"):
        bench.write(command=Line(line), notify=telling(root, Event.SUCCEEDED))
        launch(bench, "dash")
    assert events(root) == ["succeeded 0 one succeeded", "succeeded 0 one succeeded"]


def test_a_failed_expectation_and_a_timeout_are_told_by_their_names(bench: Bench, root: Path) -> None:
    bench.write(command=Line("true"), notify=telling(root), expect=Expect(prints=("x",)))
    launch(bench, "dash")
    bench.paths.announced("one").unlink()
    bench.write(command=Line("sleep 1000"), notify=telling(root), expect=Expect(), limits=Limits(timeout=1))
    launch(bench, "dash")
    assert events(root) == [
        "failed 79 one failed: expectation: no line matches x", "failed 124 one failed: timeout",
    ]  # fmt: skip


@every_shell
@pytest.mark.skipif(Path(launcher.OSASCRIPT).exists(), reason="a Mac has its own notifier")
def test_a_screen_shows_what_was_meant(bench: Bench, sh: str, root: Path) -> None:
    """Its body is markup, and a backslash begins an escape: of `\\377` notify-send makes no UTF-8, and gives up."""
    shown = root / "bin" / "notify-send"
    shown.parent.mkdir()
    shown.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >>{shlex.quote(str(root / "events"))}\n')
    shown.chmod(0o755)
    pattern = r"<b>\d+ & \377</b>"
    bench.write(command=Line("true"), notify=Notify(), expect=Expect(prints=(pattern,)))
    launch(bench, sh, {"PATH": f"{shown.parent}:{ENV['PATH']}"}, is_loud=True)
    text = r"one failed: expectation: no line matches &lt;b&gt;\\d+ &amp; \\377&lt;/b&gt;"
    assert events(root) == [f"--app-name=jobsync|jobsync|{text}|"]


@every_shell
def test_a_broken_notifier_changes_nothing_but_the_log(bench: Bench, sh: str) -> None:
    bench.write(command=Line("exit 5"), notify=Notify(run=Line("echo told; exit 3")))
    assert launch(bench, sh) == 5
    assert last(bench).status == 5
    assert bench.log() == "told\njobsync: the command of [notify] ended with status 3\n"


@every_shell
@pytest.mark.parametrize("text", [None, "TOKEN=of the machine\n", "not a line\n"])
def test_a_notifier_gets_what_the_job_is_given(bench: Bench, sh: str, text: str | None) -> None:
    """A topic in `[env]`, a token in the env file. One that keeps the job from starting is a failure to be told."""
    if text is not None:
        bench.place(bench.paths.secrets / "one.env", text)
        (bench.paths.secrets / "one.env").chmod(0o600)
    lines = Line('printf \'%s.\' "$TOPIC" "${TOKEN-none}" "$PATH"')
    bench.write(command=Line("exit 5"), environment=(("TOPIC", "two\nlines"),), notify=Notify(run=lines))
    assert launch(bench, sh) == (78 if text == "not a line\n" else 5)
    token = "of the machine" if text and "=" in text else "none"
    assert bench.log().endswith(f"two\nlines.{token}.{ENV['PATH']}.")


@every_shell
def test_what_could_not_be_told_is_told_after_the_next_run(bench: Bench, sh: str, root: Path) -> None:
    """The network that is down for the job is down for its notifier."""
    down = root / "down"
    told = telling(root).run
    assert isinstance(told, Line)
    notify = Notify(on=tuple(Event), run=Line(f"[ ! -e {shlex.quote(str(down))} ]; {told.text}"))
    for line, is_down in (("exit 5", True), ("exit 6", False), ("exit 7", False), ("exit 0", True), ("exit 0", False)):
        (down.touch if is_down else lambda: down.unlink(missing_ok=True))()
        bench.write(command=Line(line), notify=notify)
        launch(bench, sh)
    assert events(root) == ["failed 6 one failed: status 6", "recovered 0 one recovered"]


@every_shell
def test_a_run_that_can_have_no_log_is_told(bench: Bench, sh: str, root: Path) -> None:
    bench.paths.logs.touch()
    bench.write(command=Line("echo never"), notify=telling(root))
    assert launch(bench, sh, is_loud=True) == NOT_STARTED
    assert launch(bench, sh, is_loud=True) == NOT_STARTED
    assert events(root) == ["failed 78 one failed: log"]
    bench.paths.logs.unlink()
    assert launch(bench, sh) == 0
    assert events(root)[1:] == ["recovered 0 one recovered"]


@every_shell
def test_a_run_whose_log_went_away_is_told(bench: Bench, sh: str, root: Path) -> None:
    logs = shlex.quote(str(bench.paths.job_logs(bench.label)))
    bench.write(command=Line(f"rm -rf {logs}; exit 9"), notify=telling(root))
    assert launch(bench, sh) == 9
    assert events(root) == ["failed 9 one failed: status 9"]


def test_a_notifier_that_hangs_is_ended(bench: Bench, sleeps: Path) -> None:
    # Its time is over as soon as it has begun.
    logs, began = shlex.quote(str(bench.paths.job_logs(bench.label))), "until grep -q '^[0-9]' *.log; do :; done"
    with (sleeps.parent / "bin" / "sleep").open("a", encoding="utf-8") as command:
        command.write(f'[ "$1" != {launcher.NOTIFY_LIMIT} ] || {{ cd {logs}; {began}; }}\n')
    bench.write(command=Line("exit 5"), notify=Notify(run=Line("trap '' TERM; echo $$; exec tail -f /dev/null")))
    assert launch(bench, "dash") == 5
    assert str(launcher.NOTIFY_LIMIT) in sleeps.read_text().split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(bench.log().split()[0]), 0)


def test_a_stop_is_nobodys_failure(bench: Bench, start: Start, root: Path) -> None:
    child = start("dash", command=Line("echo ready; exec sleep 1000"), notify=telling(root))
    until(lambda: bool(bench.logs()) and "ready" in bench.log())
    child.terminate()
    assert child.wait(LIMIT) == 143
    assert events(root) == [] and last(bench).reason == records.STOPPED


# -- kills


@every_shell
def test_a_killed_command_is_recorded_as_it_ended(bench: Bench, start: Start, sh: str, root: Path) -> None:
    pid = root / "pid"
    child = start(sh, command=Line(f"echo $$ >{shlex.quote(str(pid))}; exec sleep 1000"))
    until(lambda: pid.exists() and pid.read_text().strip() != "")
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert child.wait(LIMIT) == 128 + signal.SIGKILL
    assert last(bench).status == 128 + signal.SIGKILL


def test_the_keeper_of_a_killed_launcher_goes_too(bench: Bench, start: Start) -> None:
    child = start("dash", command=Line("echo ready; exec sleep 2"))
    until(lambda: bool(bench.logs()) and "ready" in bench.log())
    members = group(child.pid)
    child.kill()
    child.wait()
    until(lambda: not any(is_running(pid) for pid in members))


def group(leader: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == leader:
                found.append(int(entry.name))
    return found
