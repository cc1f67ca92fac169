"""The life of a job: environment, files, exit statuses, triggers, throttle (rows 6, 8, 10, 11)."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync.simulator.definition import make_definition
from jobsync.simulator.service import Service

from .conftest import MakeMac
from .mac import Mac, is_alive, until

LONG = "exec sleep 100"
DONE = "last exit code"


def until_value(mac: Mac, label: str, key: str, value: str) -> None:
    until(lambda: mac.value(label, key) == value, f"{key} = {value} of {label}")


def until_runs(mac: Mac, label: str, count: int) -> None:
    until(lambda: mac.simulator.runs(label) >= count, f"{count} runs of {label}")
    mac.simulator.settle()


def until_ended(mac: Mac, label: str) -> None:
    """For what is kept alive: on a busy machine `settle` takes a run that ends in a moment for one that goes on."""
    until(lambda: mac.value(label, "pid") is None, f"the end of {label}")


def run(mac: Mac, label: str, script: str, **keys: object) -> str:
    """Load it, let it run once, give the exit line."""
    mac.bootstrap(label, script, RunAtLoad=True, **keys)
    until(lambda: mac.value(label, "state") == "not running" and mac.value(label, "runs") == "1")
    return mac.value(label, DONE) or mac.value(label, "last terminating signal") or ""


def test_a_job_gets_launchds_environment_and_nothing_of_ours(mac: Mac) -> None:
    run(mac, "a.b", "env", StandardOutPath=str(mac.home / "out"), EnvironmentVariables={"MY": "own", "BAD": 1})
    found = dict(line.split("=", 1) for line in mac.read("out").splitlines())
    found.pop("PWD")
    found.pop("_", None)
    assert found == {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "XPC_SERVICE_NAME": "a.b",
        "SSH_AUTH_SOCK": "/private/tmp/com.apple.launchd.DSoTtRWSS8/Listeners",
        "HOME": str(mac.home),
        "USER": "me",
        "LOGNAME": "me",
        "SHELL": "/bin/sh",
        "TMPDIR": "/tmp/",
        "MY": "own",
    }


def test_home_may_be_missing_and_26_limits_logging(make_mac: MakeMac) -> None:
    mac = make_mac(version="26.0", home_in_environment=False)
    run(mac, "a.b", "env", StandardOutPath=str(mac.home / "out"))
    assert "HOME=" not in mac.read("out")
    assert "OSLogRateLimit=64\n" in mac.read("out")


def test_a_job_begins_in_the_root_with_umask_022_and_an_empty_stdin(mac: Mac) -> None:
    run(mac, "a.b", "pwd; umask; cat; ps -o tty= -p $$; ulimit -n", StandardOutPath=str(mac.home / "out"))
    assert mac.read("out").split() == ["/", "0022", "?", "256"]


def test_a_job_leads_its_own_session_and_group(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    pid = mac.until_pid("a.b")
    assert os.getpgid(pid) == os.getsid(pid) == pid


def test_keys_of_the_process_are_kept(mac: Mac) -> None:
    (mac.home / "in").write_text("input\n", encoding="utf-8")
    run(
        mac,
        "a.b",
        "pwd; umask; nice; cat; ulimit -Sn; ulimit -Hn; ulimit -c",
        WorkingDirectory=str(mac.home),
        Umask=63,
        Nice=3,
        StandardInPath=str(mac.home / "in"),
        StandardOutPath="out",
        SoftResourceLimits={"NumberOfFiles": 99, "Unheard": 1},
        HardResourceLimits={"NumberOfFiles": 200, "Core": 0, "Unheard": 1},
    )
    assert mac.read("out").split() == [str(mac.home), "0077", str(os.nice(0) + 3), "input", "99", "200", "0"]


def test_a_missing_stdin_file_is_no_data(mac: Mac) -> None:
    assert run(mac, "a.b", "cat", StandardInPath="/nowhere/at/all") == "0"


def test_a_program_without_a_path_is_looked_for_in_the_standard_path(mac: Mac) -> None:
    mac.bootstrap("a.c", ProgramArguments=["sh", "-c", "exit 3"], RunAtLoad=True)
    until_value(mac, "a.c", DONE, "3")


def test_program_and_arguments_may_differ(mac: Mac) -> None:
    mac.bootstrap(
        "a.b",
        Program="/bin/sh",
        ProgramArguments=["mine", "-c", "echo $0", "name"],
        RunAtLoad=True,
        StandardOutPath=str(mac.home / "out"),
    )
    until(lambda: mac.read("out") == "name\n")
    mac.bootstrap("a.c", Program="/bin/true", ProgramArguments=None, RunAtLoad=True)
    until_value(mac, "a.c", DONE, "0")


def test_logs_are_appended_to_and_may_be_shared(mac: Mac) -> None:
    log = mac.home / "log"
    log.write_text("before\n", encoding="utf-8")
    run(mac, "a.b", "echo out; echo err >&2", StandardOutPath=str(log), StandardErrorPath=str(log))
    assert mac.read("log") == "before\nout\nerr\n"


def test_a_new_log_has_mode_0644(mac: Mac) -> None:
    run(mac, "a.b", "true", StandardOutPath=str(mac.home / "log"))
    assert (mac.home / "log").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "keys",
    [
        {"ProgramArguments": ["/nowhere/program"]},
        {"ProgramArguments": ["/bin/sh -c true"]},
        {"ProgramArguments": ["/etc/passwd"]},
        {"WorkingDirectory": "/nowhere"},
        {"StandardOutPath": "/nowhere/log"},
        {"StandardErrorPath": "/proc/nothing"},
        {"StandardOutPath": "~/log"},
    ],
)
def test_what_cannot_be_set_up_is_78_and_runs_nothing(mac: Mac, keys: dict[str, object]) -> None:
    assert run(mac, "a.b", f"touch {mac.home}/ran", **keys) == "78: EX_CONFIG"
    assert not (mac.home / "ran").exists()
    assert "Service could not initialize: posix_spawn(" in mac.read("../mac/launchd.log")


def test_missing_log_directories_are_made_where_that_is_set(make_mac: MakeMac) -> None:
    mac = make_mac(creates_log_directories=True)
    run(mac, "a.b", "echo hi", StandardOutPath=str(mac.home / "new" / "log"))
    assert mac.read("new/log") == "hi\n"


@pytest.mark.parametrize(
    ("script", "line", "row", "raw"),
    [
        ("exit 0", "0", "-\t0\ta.b", "0"),
        ("exit 3", "3", "-\t3\ta.b", "768"),
        ("exit 75", "75: EX_TEMPFAIL", "-\t75\ta.b", "19200"),
        ("no-such-command", "127", "-\t127\ta.b", "32512"),
        ("/etc/passwd", "126", "-\t126\ta.b", "32256"),
        ("kill -9 $$", "Killed: 9", "-\t-9\ta.b", "9"),
        ("kill -TERM $$", "Terminated: 15", "-\t-15\ta.b", "15"),
        ("kill -SEGV $$", "Segmentation fault: 11", "-\t-11\ta.b", "11"),
        ("kill -ABRT $$", "Abort trap: 6", "-\t-6\ta.b", "6"),
        ("kill -USR1 $$", "User defined signal 1: 30", "-\t-30\ta.b", "30"),
    ],
)
def test_the_end_of_a_run_is_shown_in_three_ways(mac: Mac, script: str, line: str, row: str, raw: str) -> None:
    assert run(mac, "a.b", script) == line
    assert row in mac.launchctl("list").out.splitlines()
    assert f'\t"LastExitStatus" = {raw};\n' in mac.launchctl("list", "a.b").out


def test_a_running_job_shows_its_previous_status(mac: Mac) -> None:
    marker = mac.home / "second"
    mac.bootstrap(
        "a.b", f"[ -e {marker} ] && exec sleep 100; touch {marker}; exit 4", ThrottleInterval=1, RunAtLoad=True
    )
    until_value(mac, "a.b", DONE, "4")
    mac.launchctl("kickstart", "gui/501/a.b")
    pid = mac.until_pid("a.b")
    assert mac.value("a.b", DONE) == "4"
    assert f"{pid}\t4\ta.b" in mac.launchctl("list").out


def test_a_first_run_is_speculative_and_never_exited(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    mac.until_pid("a.b")
    assert mac.value("a.b", "immediate reason") == "speculative"
    assert mac.value("a.b", "runs") == "1"
    assert mac.value("a.b", DONE) == "(never exited)"


_START = """\
(gui/501 [100003]) <Notice>: entering bootstrap mode
(gui/501/com.example.once) <Notice>: internal event: WILL_SPAWN, code = 0
(gui/501/com.example.once) <Notice>: service state: spawn scheduled
(gui/501/com.example.once) <Notice>: service state: spawning
(gui/501/com.example.once) <Notice>: launching: speculative
(gui/501/com.example.once [PID]) <Notice>: xpcproxy spawned with pid PID
(gui/501/com.example.once [PID]) <Notice>: internal event: SPAWNED, code = 0
(gui/501/com.example.once [PID]) <Notice>: service state: xpcproxy
(gui/501 [100003]) <Notice>: Bootstrap by launchctl[CALLER] for <private> succeeded (0: )
(gui/501 [100003]) <Notice>: exiting bootstrap mode
(gui/501/com.example.once [PID]) <Notice>: service state: running
(gui/501/com.example.once [PID]) <Notice>: Successfully spawned once[PID] because speculative
"""


def test_the_log_of_a_start_is_the_transcript(make_mac: MakeMac) -> None:
    mac = make_mac(gui=False)
    mac.simulator.login()
    before = mac.read("../mac/launchd.log")
    program = mac.home / "once"
    program.write_text("#!/bin/sh\nexec sleep 100\n", encoding="utf-8")
    program.chmod(0o755)
    mac.bootstrap("com.example.once", ProgramArguments=[str(program)], RunAtLoad=True)
    pid = mac.until_pid("com.example.once")
    said = mac.read("../mac/launchd.log").removeprefix(before)
    found = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} ", "", said, flags=re.MULTILINE)
    assert re.sub(r"launchctl\[\d+\]", "launchctl[CALLER]", found).replace(str(pid), "PID") == _START


def test_the_answer_to_bootstrap_says_registered_and_not_running(make_mac: MakeMac) -> None:
    mac = make_mac()
    mac.simulator.fault("bootstrap", delay=0.0)
    path = mac.plist("a.b", LONG, RunAtLoad=True)
    both = f"{mac.simulator.launchctl} bootstrap gui/501 {path}; {mac.simulator.launchctl} print gui/501/a.b"
    said = subprocess.run(["/bin/sh", "-c", both], capture_output=True, text=True, timeout=60).stdout
    assert re.search(r"^\tstate = (spawn scheduled|xpcproxy|running)$", said, flags=re.MULTILINE)


def test_the_states_of_a_life(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", "trap 'exit 0' TERM; while :; do sleep 0.05; done", ExitTimeOut=1)
    assert mac.value("a.b", "state") == "not running"
    mac.launchctl("kickstart", "-s", "gui/501/a.b")
    assert mac.value("a.b", "state") == "xpcproxy"
    mac.launchctl("kill", "CONT", "gui/501/a.b")
    mac.until_state("a.b", "running")
    mac.launchctl("kickstart", "-k", "gui/501/a.b")
    mac.until_state("a.b", "spawn scheduled")
    mac.simulator.advance(10, patience=0)
    mac.until_state("a.b", "running")
    mac.simulator.ignore_term("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    assert mac.value("a.b", "state") == "SIGTERMed"


def test_a_stopped_job_shows_question_marks(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, RunAtLoad=True)
    pid = mac.until_pid("a.b")
    mac.launchctl("kill", "STOP", "gui/501/a.b")
    until(lambda: f"{pid}\t???\ta.b\n" in mac.launchctl("list").out)
    mac.launchctl("kill", "CONT", "gui/501/a.b")
    until(lambda: f"{pid}\t0\ta.b\n" in mac.launchctl("list").out)


def test_a_log_that_is_renamed_keeps_the_running_job_and_not_the_next(mac: Mac) -> None:
    log, go = mac.home / "log", mac.home / "go"
    script = f"echo one; while ! [ -e {go} ]; do sleep 0.02; done; echo two"
    mac.bootstrap("a.b", script, RunAtLoad=True, StandardOutPath=str(log), ThrottleInterval=1)
    until(lambda: mac.read("log") == "one\n")
    log.rename(mac.home / "old")
    go.touch()
    until(lambda: mac.read("old") == "one\ntwo\n")
    mac.launchctl("kickstart", "gui/501/a.b")
    until(lambda: mac.read("log") == "one\ntwo\n")


def test_leftovers_of_the_group_end_with_the_main_process(mac: Mac) -> None:
    run(mac, "a.b", f"sleep 100 & echo $! > {mac.home}/pid")
    until(lambda: not is_alive(int(mac.read("pid"))))


def test_leftovers_may_be_abandoned_but_not_by_the_simulator(mac: Mac) -> None:
    run(mac, "a.b", f"sleep 100 & echo $! > {mac.home}/pid", AbandonProcessGroup=True)
    run(mac, "a.c", "true")
    pid = int(mac.read("pid"))
    assert is_alive(pid)
    mac.simulator.stop()
    until(lambda: not is_alive(pid))


def test_leftovers_that_ignore_term_are_killed(mac: Mac) -> None:
    run(
        mac,
        "a.b",
        f"(trap '' TERM; echo up > {mac.home}/up; exec sleep 100) & echo $! > {mac.home}/pid;"
        f" while ! [ -s {mac.home}/up ]; do sleep 0.01; done",
        ExitTimeOut=1,
    )
    until(lambda: not is_alive(int(mac.read("pid"))))


# -- triggers


def test_a_job_without_triggers_does_not_start(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b")
    mac.simulator.advance(86400)
    assert mac.simulator.runs("a.b") == 0


def test_keepalive_restarts_after_every_end_at_the_throttles_pace(make_mac: MakeMac) -> None:
    mac = make_mac(still=True, dry=True)  # a machine that is busy may take its time for a run
    mac.bootstrap("a.b", KeepAlive=True)
    until_runs(mac, "a.b", 1)
    assert mac.value("a.b", "state") == "spawn scheduled"
    mac.simulator.advance(35)
    starts = mac.simulator.starts("a.b")
    assert [start - starts[0] for start in starts] == [0, 10, 20, 30]
    assert mac.value("a.b", "properties") == "keepalive | runatload | inferred program"


@pytest.mark.parametrize(
    ("keep", "script", "restarts"),
    [
        ({"SuccessfulExit": True}, "exit 0", True),
        ({"SuccessfulExit": True}, "exit 1", False),
        ({"SuccessfulExit": False}, "exit 1", True),
        ({"SuccessfulExit": False}, "kill -9 $$", True),
        ({"SuccessfulExit": False}, "exit 0", False),
        ({"Crashed": True}, "kill -SEGV $$", True),
        ({"Crashed": True}, "exit 1", False),
        ({"Crashed": False}, "exit 0", True),
        ({"Crashed": False, "SuccessfulExit": False}, "kill -SEGV $$", True),
        ({"PathState": {"/": True}}, "exit 0", True),
        ({"PathState": {"/": False}}, "exit 0", False),
        ({"OtherJobEnabled": {"not.there": False}}, "exit 0", True),
        ({"OtherJobEnabled": {"not.there": True}}, "exit 0", False),
    ],
)
def test_the_conditions_of_keepalive_decide(
    make_mac: MakeMac, keep: dict[str, object], script: str, restarts: bool
) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", script, KeepAlive=keep)
    until_runs(mac, "a.b", 1)
    until(
        lambda: mac.value("a.b", "pid") is None, "its end"
    )  # on a busy machine `settle` takes it for one that goes on
    mac.simulator.advance(10)
    assert mac.simulator.runs("a.b") == (2 if restarts else 1)


def test_network_state_has_no_effect_but_implies_a_start_at_load(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", KeepAlive={"NetworkState": True})
    until_runs(mac, "a.b", 1)
    mac.simulator.advance(60)
    assert mac.simulator.runs("a.b") == 1


def test_a_kept_alive_job_with_a_schedule_runs_at_load_too(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", KeepAlive={"SuccessfulExit": False}, StartCalendarInterval={"Hour": 3, "Minute": 0})
    until_runs(mac, "a.b", 1)
    mac.simulator.advance(86400)
    assert mac.simulator.runs("a.b") == 2


def test_the_throttle_grows_to_twenty_minutes_at_most() -> None:
    definition = make_definition({"Label": "a.b", "Program": "/bin/true"}, "/x.plist")
    assert Service(definition, 0.0, 1, crashes=30).throttle == 1200


def test_after_initial_demand_waits_for_a_kickstart(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", "exit 0", KeepAlive={"SuccessfulExit": True, "AfterInitialDemand": True})
    mac.simulator.advance(60)
    assert mac.simulator.runs("a.b") == 0
    mac.launchctl("kickstart", "gui/501/a.b")
    until_runs(mac, "a.b", 1)
    until_ended(mac, "a.b")
    mac.simulator.advance(10)
    assert mac.simulator.runs("a.b") == 2


def test_a_path_that_appears_keeps_a_job_alive(mac: Mac) -> None:
    path = mac.home / "flag"
    mac.bootstrap("a.b", LONG, KeepAlive={"PathState": {str(path): True}, "AfterInitialDemand": True})
    path.touch()
    mac.until_pid("a.b")


def test_crashes_double_the_throttle(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    mac.bootstrap("a.b", "kill -SEGV $$", KeepAlive=True)
    for runs, pause in enumerate((10, 20, 40, 0), 1):
        until_runs(mac, "a.b", runs)
        until(lambda: mac.value("a.b", "pid") is None, "the crash")
        mac.simulator.advance(pause)
    starts = mac.simulator.starts("a.b")
    assert [start - starts[0] for start in starts] == [0, 10, 30, 70]
    assert mac.value("a.b", "successive crashes") == "4"
    assert "exponential throttling" in (mac.value("a.b", "properties") or "")


def test_the_throttle_is_the_plists_and_0_is_ignored(mac: Mac) -> None:
    mac.bootstrap("a.b", ThrottleInterval=30)
    mac.bootstrap("a.c", ThrottleInterval=0)
    assert mac.value("a.b", "minimum runtime") == "30"
    assert mac.value("a.c", "minimum runtime") == "10"


def test_watched_paths_start_a_job_when_they_change(mac: Mac) -> None:
    watched = mac.home / "watched"
    mac.bootstrap("a.b", WatchPaths=[str(watched)], ThrottleInterval=1)
    changes: list[Callable[[], None]] = [watched.mkdir, (watched / "new").touch, (watched / "new").unlink]
    for count, change in enumerate(changes, 1):
        change()
        until_runs(mac, "a.b", count)


def test_a_queue_directory_starts_a_job_until_it_is_empty(mac: Mac) -> None:
    queue = mac.home / "queue"
    queue.mkdir()
    for name in ("one", "two"):
        (queue / name).touch()
    script = f"set -- {queue}/*; echo ${{1##*/}} >> {mac.home}/out; rm $1"
    mac.bootstrap("a.b", script, QueueDirectories=[str(queue)], ThrottleInterval=1)
    until(lambda: mac.read("out") == "one\ntwo\n")
    mac.simulator.settle()
    assert not any(queue.iterdir())
    assert mac.simulator.runs("a.b") == 2


def test_launch_only_once_means_until_the_next_boot(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    path = mac.bootstrap("a.b", LaunchOnlyOnce=True, RunAtLoad=True)
    until_runs(mac, "a.b", 1)
    mac.simulator.advance(60)
    assert mac.launchctl("kickstart", "gui/501/a.b").status == 139
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    mac.launchctl("bootstrap", "gui/501", path)
    mac.simulator.settle()
    assert mac.launchctl("kickstart", "-p", "gui/501/a.b").status == 139, "and it waits for no pid"
    assert mac.simulator.runs("a.b") == 1
    mac.simulator.reboot()
    until_runs(mac, "a.b", 2)


def test_another_job_counts_in_the_same_domain(make_mac: MakeMac) -> None:
    mac = make_mac(still=True, dry=True)
    for label, keep in (("a.other", None), ("a.b", {"OtherJobEnabled": {"a.other": True}})):
        path = mac.plist(label, LimitLoadToSessionType="Background", KeepAlive=keep)
        assert mac.launchctl("bootstrap", "user/501", path).status == 0
    mac.simulator.advance(60)
    assert mac.simulator.runs("a.b") > 2


def test_a_calendar_slot_that_finds_the_job_running_is_remembered_once(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    stop = mac.home / "stop"
    mac.bootstrap("a.b", f"while ! [ -e {stop} ]; do sleep 0.02; done", StartCalendarInterval={}, RunAtLoad=True)
    mac.until_pid("a.b")
    mac.simulator.advance(300, patience=0)
    assert mac.simulator.runs("a.b") == 1
    stop.touch()
    until_runs(mac, "a.b", 2)
    assert mac.simulator.runs("a.b") == 2


def test_an_interval_that_finds_the_job_running_is_lost(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    stop = mac.home / "stop"
    mac.bootstrap("a.b", f"while ! [ -e {stop} ]; do sleep 0.02; done", StartInterval=60, RunAtLoad=True)
    mac.until_pid("a.b")
    mac.simulator.advance(300, patience=0)
    stop.touch()
    until_value(mac, "a.b", "state", "not running")
    assert mac.simulator.runs("a.b") == 1


def test_a_job_never_overlaps_with_itself(make_mac: MakeMac) -> None:
    mac = make_mac(still=True)
    lock = mac.home / "lock"
    script = f"mkdir {lock} || echo overlap >> {mac.home}/out; sleep 0.02; rmdir {lock}"
    mac.bootstrap("a.b", script, StartCalendarInterval={}, StartInterval=60, RunAtLoad=True)
    mac.simulator.advance(1200)
    assert mac.simulator.runs("a.b") >= 20
    assert mac.read("out") == ""


def test_unknown_keys_and_wrong_types_are_ignored(mac: Mac) -> None:
    keys = {"Nonsense": 1, "RunAtLoad": "yes", "StartInterval": "300", "Umask": "xyz", "KeepAlive": 1, "Nice": True}
    mac.bootstrap("a.b", StartCalendarInterval="daily", EnvironmentVariables=[], ExitTimeOut=-1, **keys)
    assert mac.value("a.b", "properties") == "inferred program"
    assert mac.value("a.b", "exit timeout") == "5"


def test_an_octal_umask_may_be_a_string(mac: Mac) -> None:
    mac.bootstrap("a.b", Umask="027")
    mac.bootstrap("a.c", Umask="18")
    assert mac.value("a.b", "umask") == "27"
    assert mac.value("a.c", "umask") == "22"


def test_on_demand_false_is_the_old_keepalive(mac: Mac) -> None:
    mac.bootstrap("a.b", LONG, OnDemand=False)
    mac.until_pid("a.b")
    assert '"OnDemand" = false;' in mac.launchctl("list", "a.b").out


def test_relative_log_paths_are_echoed_as_given(mac: Mac) -> None:
    mac.bootstrap("a.b", StandardOutPath="logs/out")
    assert mac.value("a.b", "stdout path") == "logs/out"


def test_a_bundle_of_path_kinds_is_watched_without_an_error(mac: Mac, tmp_path: Path) -> None:
    mac.bootstrap("a.b", QueueDirectories=[str(tmp_path / "none")], WatchPaths=[str(tmp_path / "none")])
    assert mac.value("a.b", "runs") == "0"
