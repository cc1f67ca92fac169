"""Launchers, run for real under every sh of this machine: the command's own status, one log, honest records."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobsync.definitions.job import (
    NOT_STARTED,
    Argv,
    Event,
    Expect,
    Limits,
    Line,
    Notify,
    Restart,
    Retry,
    Schedule,
    Script,
    Slot,
    When,
)
from jobsync.runs import launcher, parts, pauses, records, tokens
from jobsync.values import replace

from .bench import ENV, LIMIT, ODD, SHELLS, Bench, until

PLAIN, ODD_PLACES = "plain", "odd 'places'"
every_shell = pytest.mark.parametrize(
    ("root", "sh"), [(PLAIN, next(iter(SHELLS))), *((ODD_PLACES, sh) for sh in SHELLS)], indirect=["root"]
)
"""With odd places; how a plain one is written differs from those in no character that a shell could take otherwise than
another does."""


@pytest.fixture(params=[PLAIN, ODD_PLACES])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where everything lies: once more with all characters that a shell might take amiss."""
    name = request.param if request.param == PLAIN else f"{ODD}\nline".replace("/", "")
    (tmp_path / name).mkdir()
    return tmp_path / name


# -- the command's own status


@every_shell
@pytest.mark.parametrize("status", [0, 1, 2, 78, 126, 127, 128, 143, 255])
def test_the_commands_own_status_is_passed_on_and_recorded(bench: Bench, sh: str, status: int) -> None:
    assert bench.run(sh, command=Line(f"exit {status}")).returncode == status
    (run,) = bench.runs()
    assert run.status == status


@every_shell
@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_an_end_by_signal_is_passed_on_as_sh_says_it(bench: Bench, sh: str, name: str) -> None:
    expected = 128 + getattr(signal, f"SIG{name}")
    assert bench.run_aloud(sh, command=Line(f"kill -{name} $$")).returncode == expected
    assert bench.runs()[0].status == expected


@every_shell
def test_each_run_has_a_record_and_a_log_of_its_own(bench: Bench, sh: str) -> None:
    before = int(time.time())
    bench.run(sh, command=Line("echo out; echo err >&2"))
    bench.run(sh)
    first, second = bench.runs()
    assert first.id != second.id
    assert before <= first.started <= (first.ended or 0) <= int(time.time())
    assert [path.name for path in bench.logs()] == sorted(f"{run.id}.log" for run in (first, second))
    log = bench.paths.job_logs(bench.label) / f"{first.id}.log"
    assert log.read_text(encoding="utf-8") == "out\nerr\n"


@every_shell
def test_a_pipe_where_records_shall_be_keeps_no_job_from_its_work(bench: Bench, sh: str) -> None:
    bench.paths.runs("one").parent.mkdir(parents=True)
    os.mkfifo(bench.paths.runs("one"))
    assert bench.run(sh, command=Line("echo done")).returncode == 0
    assert bench.log() == "done\n"


@every_shell
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_stands_where_a_mark_shall_be_holds_nobody_up(bench: Bench, sh: str, make: Callable[[Path], None]) -> None:
    """At the end of a run nothing but KILL reaches a launcher, and a pipe would keep it until somebody reads that."""
    for place in (bench.paths.failing("one"), bench.paths.announced("one")):
        place.parent.mkdir(parents=True)
        make(place)
    notify = Notify(on=tuple(Event), run=Line('echo "$JOBSYNC_EVENT"'))
    assert bench.run(sh, command=Line("exit 5"), notify=notify).returncode == 5
    assert [run.status for run in bench.runs()] == [5]
    assert bench.log().endswith("failed\n")
    assert bench.run(sh, command=Line("true")).returncode == 0


@every_shell
def test_a_line_stops_at_its_first_failure_and_at_an_unset_variable(bench: Bench, sh: str) -> None:
    assert bench.run(sh, command=Line("false; echo on")).returncode == 1
    assert bench.run(sh, command=Line("echo $nothing_of_this_name; echo on")).returncode != 0
    assert "on\n" not in "".join(path.read_text(encoding="utf-8") for path in bench.logs())


@every_shell
def test_arguments_reach_the_command_as_they_are(bench: Bench, sh: str) -> None:
    words = (ODD, "", " ", "-n", "--", "a\nb", "\t", "A=b", "$(id)", "~", "*")
    program = "import sys; print(repr(sys.argv[1:]))"
    bench.run(sh, command=Argv((sys.executable, "-c", program, *words)))
    assert bench.log() == f"{list(words)!r}\n"


@every_shell
def test_a_script_runs_by_its_own_first_line(bench: Bench, sh: str, root: Path) -> None:
    script = root / "work" / "jobs" / "one" / "run"
    script.write_text(f"#!{sys.executable}\nimport sys\nprint(len(sys.argv))\nsys.exit(9)\n", encoding="utf-8")
    script.chmod(0o755)
    if " " in sys.executable or len(sys.executable) > 100:
        pytest.skip("this Python cannot stand in a first line")
    assert bench.run(sh, command=Script(str(script))).returncode == 9
    assert bench.log() == "1\n"


@every_shell
def test_the_command_of_an_argv_is_found_in_path_and_is_no_builtin(bench: Bench, sh: str, root: Path) -> None:
    echo = root / "bin" / "echo"
    bench.place(echo, "#!/bin/sh\nprintf mine\n")
    echo.chmod(0o755)
    bench.write(command=Argv(("echo", "builtin")))
    subprocess.run(bench.argv(sh), check=True, timeout=60, env={**ENV, "PATH": f"{root / 'bin'}:{ENV['PATH']}"})
    assert bench.log() == "mine"


@every_shell
def test_a_command_that_is_not_there_says_so_in_the_log(bench: Bench, sh: str) -> None:
    assert bench.run(sh, command=Argv(("no-such-command-anywhere",))).returncode == 127
    assert "no-such-command-anywhere" in bench.log()
    assert bench.runs()[0].status == 127


@every_shell
def test_a_script_that_lost_its_bit_says_so_in_the_log(bench: Bench, sh: str, root: Path) -> None:
    (root / "script").touch(mode=0o644)
    assert bench.run(sh, command=Script(str(root / "script"))).returncode == 126
    assert bench.log()


# -- the mark of a failure


@every_shell
def test_a_failure_leaves_a_mark_and_the_next_success_takes_it_away(bench: Bench, sh: str) -> None:
    mark = bench.paths.failing("one")
    bench.run(sh)
    assert not mark.parent.exists(), "a job that never failed has none to take away"
    bench.run(sh, command=Line("exit 3"))
    assert (mark.read_bytes(), mark.stat().st_mode & 0o777) == (b"", 0o600)
    assert mark.parent.stat().st_mode & 0o777 == 0o700
    assert bench.run(sh, command=Line("true")).returncode == 0
    assert not mark.exists() and mark.parent.is_dir()
    bench.run_aloud(sh, command=Line("kill -KILL $$"))
    assert mark.exists()
    bench.place(bench.paths.pause("one"), "0\n")
    assert bench.run(sh, command=Line("true")).returncode == 0
    assert mark.exists(), "a run that was skipped has shown nothing"
    mark.unlink()
    assert bench.run(sh, command=Line("exit 3")).returncode == 0
    assert not mark.exists()


@every_shell
def test_the_mark_follows_what_counts_as_success(bench: Bench, sh: str) -> None:
    mark = bench.paths.failing("one")
    bench.run(sh, expect=Expect(prints=("done",)))
    assert mark.exists()
    bench.run(sh, command=Line("exit 3"), expect=Expect(success_codes=(3,)))
    assert not mark.exists() and bench.runs()[-1].is_success
    # Its log cannot be had.
    bench.paths.job_logs(bench.label).joinpath("x").parent.rename(bench.paths.logs / "aside")
    bench.paths.job_logs(bench.label).touch()
    assert bench.run_aloud(sh, expect=Expect()).returncode == NOT_STARTED
    assert mark.exists()


@every_shell
def test_a_daemon_leaves_no_mark(bench: Bench, sh: str) -> None:
    bench.run(sh, command=Line("exit 3"), daemon=Restart.ALWAYS)
    assert not bench.paths.failing("one").parent.exists()


# -- what the command sees


def environment_of(bench: Bench, sh: str, **changes: object) -> dict[str, str]:
    program = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(b'='.join(x) for x in os.environb.items()))"
    bench.run(sh, command=Argv((sys.executable, "-c", program)), **changes)
    rows = bench.logs()[-1].read_bytes().split(b"\0")
    return dict(os.fsdecode(row).split("=", 1) for row in rows)


@every_shell
def test_the_environment_is_the_schedulers_the_jobs_and_ours(bench: Bench, sh: str) -> None:
    given = (("A_TEXT", ODD), ("EMPTY", ""), ("LINES_", "a\nb\n"), ("now", "not a clock"), ("log", "x"), ("run", "y"))
    found = environment_of(bench, sh, environment=given)
    assert {name: found[name] for name, _ in given} == dict(given)
    assert found["JOBSYNC_JOB"] == "one"
    assert found["JOBSYNC_LABEL"] == "test.one"
    assert found["JOBSYNC_DIR"] == bench.job.home_directory
    assert found["JOBSYNC_RUN"] == bench.runs()[0].id
    assert found["HOME"] == "/nonexistent"
    shells_own = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE", "LOGNAME"}
    ours = {"JOBSYNC_JOB", "JOBSYNC_LABEL", "JOBSYNC_DIR", "JOBSYNC_RUN", *(name for name, _ in given)}
    assert set(found) - shells_own - set(ENV) == ours


@every_shell
def test_it_runs_in_its_directory(bench: Bench, sh: str, root: Path) -> None:
    (root / "-else where").mkdir()
    bench.run(sh, command=Argv(("env", "pwd", "-P")), directory=str(root / "-else where"))
    assert bench.log() == f"{(root / '-else where').resolve()}\n"


@every_shell
def test_stdin_is_empty(bench: Bench, sh: str) -> None:
    bench.write(command=Line("readlink /proc/self/fd/0; cat"))
    done = subprocess.run(bench.argv(sh), input=b"not for the job", timeout=60, env=ENV)
    assert (done.returncode, bench.log()) == (0, "/dev/null\n")


@every_shell
def test_stdin_is_the_file_that_launchd_was_told_of(bench: Bench, sh: str, root: Path) -> None:
    (root / "in put").write_text("given\n", encoding="utf-8")
    bench.run(sh, command=Line("cat"), launchd={"StandardInPath": str(root / "in put")})
    assert bench.log() == "given\n"


@every_shell
def test_that_this_file_is_missing_is_said(bench: Bench, sh: str, root: Path) -> None:
    bench.write(command=Line("cat"), launchd={"StandardInPath": str(root / "no 'input'")})
    done = subprocess.run(bench.argv(sh), timeout=60, env=ENV, capture_output=True)
    assert (done.returncode, done.stderr) == (NOT_STARTED, b"")
    assert bench.log() == f"jobsync: not started: StandardInPath: {root}/no 'input' cannot be read\n"


@every_shell
def test_the_umask_is_the_schedulers(bench: Bench, sh: str, root: Path) -> None:
    bench.write(command=Argv(("touch", str(root / "made"))))
    subprocess.run(bench.argv(sh), check=True, timeout=60, env=ENV, umask=0o027)
    assert (root / "made").stat().st_mode & 0o777 == 0o640


@every_shell
def test_the_command_has_no_trap_of_ours(bench: Bench, sh: str) -> None:
    bench.run(sh, command=Line("grep -E 'Sig(Ign|Cgt)' /proc/$$/status"))
    caught = [line.split()[1] for line in bench.log().splitlines() if line.startswith("SigCgt")]
    assert all(int(mask, 16) & 1 << (signal.SIGTERM - 1) == 0 for mask in caught)


# -- what may be in its way


@every_shell
def test_a_missing_directory_is_configuration_and_said_in_the_log(bench: Bench, sh: str, root: Path) -> None:
    assert bench.run(sh, directory=str(root / "nowhere")).returncode == NOT_STARTED
    assert bench.runs()[0].status == NOT_STARTED
    assert "nowhere" in bench.log()


@every_shell
def test_a_log_that_cannot_be_written_is_recorded_and_nothing_runs(bench: Bench, sh: str, root: Path) -> None:
    bench.paths.logs.touch()
    ran = root / "ran"
    assert bench.run_aloud(sh, command=Argv(("touch", str(ran)))).returncode == NOT_STARTED
    (run,) = bench.runs()
    assert (run.status, ran.exists()) == (NOT_STARTED, False)


@every_shell
def test_without_records_the_job_runs_all_the_same(bench: Bench, sh: str) -> None:
    bench.paths.state.rmdir()
    bench.paths.state.touch()
    assert bench.run_aloud(sh, command=Line("echo ran; exit 3")).returncode == 3
    assert bench.log() == "ran\n"


@every_shell
def test_a_run_whose_start_could_not_be_recorded_is_known_by_its_end(bench: Bench, sh: str) -> None:
    """A disk that is full at first: the job that fails for it must not look as if it had not come."""
    path = bench.paths.runs("one")
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")
    before = int(time.time())
    assert bench.run_aloud(sh, command=Line(f"rm {shlex.quote(str(path))}; exit 3")).returncode == 3
    (run,) = bench.runs()
    assert (run.status, run.is_success, run.started >= before) == (3, False, True)


@every_shell
def test_missing_places_are_made(bench: Bench, sh: str) -> None:
    bench.paths.state.rmdir()
    assert bench.run(sh).returncode == 0
    assert len(bench.runs()) == len(bench.logs()) == 1


@every_shell
def test_only_the_newest_logs_are_kept(bench: Bench, sh: str) -> None:
    logs = bench.paths.job_logs(bench.label)
    logs.mkdir(parents=True)
    old = [f"2020{number:04}T000000Z-{number}.log" for number in range(launcher.KEPT_LOGS + 12)]
    for name in old:
        (logs / name).touch()
    (logs / "notes.txt").touch()
    bench.run(sh)
    kept = [path.name for path in bench.logs()]
    assert len(kept) == launcher.KEPT_LOGS
    assert kept[:-1] == old[-launcher.KEPT_LOGS + 1 :]
    assert (logs / "notes.txt").exists()
    # So many again once there are some more, and nothing else of those that went.
    for end in (".head", ".tail", ".cut", ".new", ".stop", ".mark"):
        (logs / f"{kept[0]}{end}").touch()
    for number in range(launcher.SPARE_LOGS - 1):
        (logs / f"2021{number:04}T000000Z-1.log").touch()
    bench.run(sh)
    assert len(bench.logs()) == launcher.KEPT_LOGS + launcher.SPARE_LOGS
    bench.run(sh)
    assert len(bench.logs()) == launcher.KEPT_LOGS
    assert not list(logs.glob(f"{kept[0]}*"))


# -- pause, token, hold


def skipped(bench: Bench, sh: str) -> str:
    """Why a start was skipped; empty when it was not."""
    before = len(bench.runs())
    done = bench.run(sh, command=Line("echo ran"), schedule=Schedule(at_login=True))
    assert done.returncode == 0
    run = bench.runs()[before]
    assert bool(run.skipped) is (not bench.logs())
    assert run.ended is not None
    return run.skipped


@every_shell
@pytest.mark.parametrize("text", ["0\n", "0", "", "99999999999\n", "junk\n", "-5\n", "\n", "9" * 5_000])
def test_a_paused_job_is_skipped_until_then_or_for_ever(bench: Bench, sh: str, text: str) -> None:
    bench.place(bench.paths.pause("one"), text)
    assert skipped(bench, sh) == "paused"
    assert bench.paths.pause("one").exists()
    until = pauses.read(bench.paths.pause("one"))
    assert until is not None
    assert pauses.in_words(until).startswith("paused by you until ")


@every_shell
@pytest.mark.parametrize("until_", ["1\n", "1795590000", "0000000001\n"])
def test_a_pause_that_is_over_does_not_skip(bench: Bench, sh: str, until_: str) -> None:
    bench.place(bench.paths.pause("one"), str(min(int(until_), int(time.time()) - 5)).rjust(len(until_.strip()), "0"))
    assert skipped(bench, sh) == ""


@every_shell
@pytest.mark.parametrize("watching", [Schedule(on_files=("/inbox",)), Schedule(on_change=("/file",))])
def test_a_path_that_starts_a_paused_job_again_and_again_fills_no_record(
    bench: Bench, sh: str, watching: Schedule
) -> None:
    bench.place(bench.paths.pause("one"), "0")
    for _ in range(3):
        bench.run(sh, schedule=watching)
    assert [run.skipped for run in bench.runs()] == ["paused"]
    bench.paths.pause("one").unlink()
    bench.place(bench.paths.hold("one"), "99999999999\n")
    for _ in range(2):
        bench.run(sh, schedule=watching)
    assert [run.skipped for run in bench.runs()] == ["paused", "held", "held"], "each is a start that a sync owes"
    bench.paths.hold("one").unlink()
    bench.place(bench.paths.pause("one"), "0")
    bench.run(sh, schedule=watching)
    assert len(bench.runs()) == 4
    both = replace(watching, slots=(Slot(hour=9, minute=0),))
    for _ in range(2):
        bench.run(sh, schedule=both)
    assert len(bench.runs()) == 6, "what becomes of a slot is in the records"


@every_shell
def test_a_token_is_good_once(bench: Bench, sh: str) -> None:
    tokens.write(bench.paths.token("one"))
    assert skipped(bench, sh) == "loaded by sync"
    assert not bench.paths.token("one").exists()
    assert skipped(bench, sh) == ""


@every_shell
@pytest.mark.parametrize("text", ["{boot} 1\n", "another-boot 99999999999\n", "", "junk", "{boot}\n", "{boot} junk\n"])
def test_a_token_that_is_old_or_odd_is_taken_away_and_does_not_skip(bench: Bench, sh: str, text: str) -> None:
    bench.place(bench.paths.token("one"), text.format(boot=tokens.boot_id()))
    assert skipped(bench, sh) == ""
    assert not bench.paths.token("one").exists()


@every_shell
def test_a_held_job_is_recorded_as_held(bench: Bench, sh: str) -> None:
    bench.place(bench.paths.hold("one"), f"{int(time.time()) + 60}\n")
    assert skipped(bench, sh) == records.HELD
    assert bench.paths.hold("one").exists()


@every_shell
@pytest.mark.parametrize("text", ["1\n", "", "junk\n", "9" * 30])
def test_a_hold_that_a_killed_sync_left_does_not_silence_the_job_for_good(bench: Bench, sh: str, text: str) -> None:
    bench.place(bench.paths.hold("one"), text)
    assert skipped(bench, sh) == ""


# -- signals


@pytest.fixture
def started(bench: Bench) -> Iterator[Callable[[str, str], "subprocess.Popen[bytes]"]]:
    """Start a line under a shell and wait until it says `ready` in its log."""
    children: list[subprocess.Popen[bytes]] = []

    def start(sh: str, line: str) -> "subprocess.Popen[bytes]":
        bench.write(command=Line(line))
        child = subprocess.Popen(bench.argv(sh), env=ENV, stdin=subprocess.DEVNULL)
        children.append(child)
        until(lambda: bool(bench.logs()) and "ready" in bench.log())
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


Start = Callable[[str, str], "subprocess.Popen[bytes]"]


@every_shell
@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_reaches_the_command_as_term_and_its_own_end_counts(
    bench: Bench, started: Start, sh: str, name: str
) -> None:
    child = started(sh, "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.02; done")
    child.send_signal(getattr(signal, f"SIG{name}"))
    assert child.wait(LIMIT) == 5
    assert bench.runs()[0].status == 5
    assert bench.log() == "ready\ncaught\n"


@every_shell
def test_a_command_that_ends_by_term_is_recorded_so(bench: Bench, started: Start, sh: str) -> None:
    child = started(sh, "echo ready; exec sleep 1000")
    child.terminate()
    assert child.wait(LIMIT) == 128 + signal.SIGTERM
    assert bench.runs()[0].status == 128 + signal.SIGTERM


@every_shell
def test_a_command_that_takes_its_time_is_waited_for(bench: Bench, started: Start, sh: str, root: Path) -> None:
    gate = root / "gate"
    line = f"trap 'echo caught' TERM; echo ready; while [ ! -e {shlex.quote(str(gate))} ]; do sleep 0.02; done; exit 6"
    child = started(sh, line)
    for count in (1, 2):
        child.terminate()
        until(lambda count=count: bench.log().count("caught") == count)  # type: ignore[misc]  # bound at once
        assert child.poll() is None
    gate.touch()
    assert child.wait(LIMIT) == 6
    assert bench.runs()[0].status == 6
    assert list(bench.paths.job_logs(bench.label).iterdir()) == bench.logs(), "nothing of ours is left beside the log"


@every_shell
def test_a_signal_at_any_moment_is_not_lost_and_gives_an_honest_status(bench: Bench, sh: str) -> None:
    bench.write(command=Line("trap 'exit 5' TERM; i=0; while [ $i -lt 9000 ]; do sleep 0.01; i=$((i+1)); done"))
    for step in range(15):
        child = subprocess.Popen(bench.argv(sh), env=ENV, stdin=subprocess.DEVNULL)
        time.sleep(step * 0.003)
        child.terminate()
        try:
            status = child.wait(LIMIT)
        finally:
            child.kill()
            child.wait()
        # Before the trap is there the launcher itself ends; before the command's own trap the command does.
        assert status in (-signal.SIGTERM, 128 + signal.SIGTERM, 5)
        assert all(run.status in (None, 128 + signal.SIGTERM, 5) for run in bench.runs())


@every_shell
def test_a_launcher_that_was_killed_leaves_a_run_without_an_end(bench: Bench, started: Start, sh: str) -> None:
    child = started(sh, "echo ready; exec sleep 3")
    child.kill()
    child.wait()
    (run,) = bench.runs()
    assert (run.ended, run.status, run.pid) == (None, None, child.pid)


# -- the text itself


def test_every_odd_character_stays_inside_its_quotes(bench: Bench) -> None:
    path = bench.write(
        description=f"{ODD}\nrm -rf /",
        command=Argv((ODD, "\n")),
        environment=(("A", "'; exit 1; '"),),
        path=(),
    )
    argv = [str(Path(sys.executable).parent / "shellcheck"), "--severity=style", "--shell=sh", str(path)]
    if not Path(argv[0]).exists():
        pytest.skip("needs shellcheck")
    # SC2016, SC2088: the odd characters that do not expand are the very point.
    done = subprocess.run([*argv, "--exclude=SC2016,SC2088"], capture_output=True, text=True)
    assert done.stdout == ""


EVERY_PART = {
    "schedule": Schedule(slots=(Slot(hour=9, minute=0), Slot(day=1, weekday=1, hour=3)), at_login=True, catch_up=0),
    "limits": Limits(timeout=60, grace=5, lock="disk"),
    "retry": Retry(attempts=4, delay=2, max_delay=9, on_codes=(3, 75)),
    "when": When(ac_power=True, online=True, stale_after=3600, wait=60),
    "expect": Expect(success_codes=(0, 3), prints=(ODD, "^a$"), prints_not=(ODD,), touches=(f"/tmp/{ODD}",)),
    "notify": Notify(on=tuple(Event), run=Argv(("tell", ODD))),
    "environment": (("A", ODD),),
}
FEW_PARTS: list[dict[str, object]] = [
    {"daemon": Restart.ALWAYS},
    {"daemon": Restart.ON_FAILURE, "notify": Notify()},
    *({name: EVERY_PART[name]} for name in EVERY_PART),
    EVERY_PART,
    {**EVERY_PART, "notify": Notify(), "command": Script(f"/tmp/{ODD}")},
]


@pytest.mark.parametrize(
    ("root", "changes"),
    [(PLAIN, EVERY_PART), *((ODD_PLACES, changes) for changes in FEW_PARTS)],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
    indirect=["root"],
)
def test_shellcheck_finds_nothing_with_any_of_the_parts(bench: Bench, changes: dict[str, object]) -> None:
    path = bench.write(**changes)
    shellcheck = str(Path(sys.executable).parent / "shellcheck")
    # SC2089, SC2090: quotes in a value that is exported as it is, which is meant; the others as above.
    argv = [shellcheck, "--severity=style", "--shell=sh", "--exclude=SC2016,SC2088,SC2089,SC2090", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_fullest_launcher_has_every_part_of_a_job_that_ends(bench: Bench) -> None:
    text = bench.write(**EVERY_PART).read_text(encoding="utf-8")
    rendered = set(re.findall(r"^([a-z_]+)\(\) ", text, re.MULTILINE))
    sources = [path.read_text(encoding="utf-8") for path in Path(parts.__file__).parent.glob("*.py")]
    written = set(re.findall(r"^([a-z_]+)\(\) ", "".join(sources), re.MULTILINE))
    assert rendered == written


@every_shell
@pytest.mark.parametrize("path", ["/nowhere/bin", "{strange}"])
def test_a_path_without_the_systems_own_programs_breaks_the_command_alone(
    bench: Bench, sh: str, root: Path, path: str
) -> None:
    """`path` and the machine's PATH are the job's; what records and bounds its runs is the system's."""
    strange = root / "strange"
    for name in ("date", "wc", "tail", "mkdir", "rm", "cat", "sleep", "awk", "id", "ls"):
        bench.place(strange / name, "#!/bin/sh\necho strange\nexit 1\n")
        (strange / name).chmod(0o755)
    bench.place(bench.paths.env("one"), "WORD=kept\n")
    bench.paths.env("one").chmod(0o600)
    seen = path.format(strange=strange)
    bench.write(command=Line('echo "$PATH $WORD"'))
    before = int(time.time())
    # By its place: what stands in PATH is not what is tried here.
    shell = [str(shutil.which(SHELLS[sh][0])), *bench.argv(sh)[1:]]
    done = subprocess.run(shell, timeout=60, env={**ENV, "PATH": seen}, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr, bench.log()) == (0, b"", f"{seen} kept\n")
    assert bench.runs()[-1].started >= before and bench.runs()[-1].output == len(os.fsencode(seen)) + 6


@pytest.mark.parametrize("sh", [name for name in SHELLS if name != "busybox"])
def test_every_shell_reads_it(bench: Bench, sh: str) -> None:
    path = bench.write(description=ODD, command=Argv((ODD,)))
    subprocess.run([*SHELLS[sh], "-n", str(path)], check=True)


def test_a_description_stays_in_one_comment_line(bench: Bench) -> None:
    text = bench.write(description="a\nb\r\n c\t d").read_text(encoding="utf-8")
    assert text.splitlines()[1] == "# test.one: a b c d"


def test_it_is_a_function_of_the_job_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = bench.write().read_bytes()
    monkeypatch.setenv("PATH", "/x")
    monkeypatch.setenv("HOME", "/y")
    monkeypatch.chdir(tmp_path)
    assert bench.write().read_bytes() == before
