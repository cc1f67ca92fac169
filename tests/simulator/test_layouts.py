"""The layouts of `print` and `list`, byte for byte as captures show them."""

from typing import Any

import pytest

from jobsync.simulator.definition import make_definition
from jobsync.simulator.domain import Domain, Kind
from jobsync.simulator.layouts import disabled_text, domain_text, list_service_text, list_text, service_text
from jobsync.simulator.service import Ended, Reason, Service, State

GUI = Domain(Kind.GUI, 501, 100003)
USER = Domain(Kind.USER, 503, 0)

CALENDAR_JOB = """\
gui/501/com.example.backup = {
	active count = 0
	path = /Users/me/Library/LaunchAgents/com.example.backup.plist
	type = LaunchAgent
	state = not running

	program = /bin/bash
	arguments = {
		/bin/bash
		/Users/me/bin/backup.sh
	}

	working directory = /Users/me

	stdout path = /Users/me/logs/backup.out.log
	stderr path = /Users/me/logs/backup.err.log
	inherited environment = {
		SSH_AUTH_SOCK => /private/tmp/com.apple.launchd.DSoTtRWSS8/Listeners
	}

	default environment = {
		PATH => /usr/bin:/bin:/usr/sbin:/sbin
	}

	environment = {
		XPC_SERVICE_NAME => com.example.backup
	}

	domain = gui/501 [100003]
	asid = 100003
	minimum runtime = 10
	exit timeout = 5
	runs = 2
	last exit code = 1

	event triggers = {
		com.example.backup.268435472 => {
			keepalive = 0
			service = com.example.backup
			stream = com.apple.launchd.calendarinterval
			monitor = com.apple.UserEventAgent-Aqua
			descriptor = {
				"Minute" => 30
				"Hour" => 2
			}
		}
	}

	event channels = {
		"com.apple.launchd.calendarinterval" = {
			port = 0xd8c37
			active = 0
			managed = 1
			reset = 0
			hide = 0
			watching = 1
		}
	}

	spawn type = daemon (3)
	jetsam priority = 40
	jetsam memory limit (active) = (unlimited)
	jetsam memory limit (inactive) = (unlimited)
	jetsamproperties category = daemon
	jetsam thread limit = 32
	cpumon = default
	probabilistic guard malloc policy = {
		activation rate = 1/1000
		sample rate = 1/0
	}

	properties = runatload | inferred program
}
"""

RUNNING_PART = """\
	environment = {
		OSLogRateLimit => 64
		PORT => 11002
		XPC_SERVICE_NAME => com.example.web
	}

	domain = gui/501 [100003]
	asid = 100003
	minimum runtime = 10
	exit timeout = 5
	runs = 103
	pid = 17594
	immediate reason = semaphore
	forks = 0
	execs = 1
	initialized = 1
	trampolined = 1
	started suspended = 0
	proxy started suspended = 0
	checked allocations = 0 (queried = 1)
	checked allocations reason = no host
	checked allocations flags = 0x0
	last terminating signal = Terminated: 15

	resource coalition = {
		ID = 9196
		type = resource
		state = active
		active count = 1
		name = com.example.web
	}

"""

LIST_OF_ONE = """\
{
	"StandardOutPath" = "/Users/me/Library/Logs/jobsync/web.log";
	"LimitLoadToSessionType" = "Aqua";
	"StandardErrorPath" = "/Users/me/Library/Logs/jobsync/web.log";
	"Label" = "com.example.web";
	"OnDemand" = false;
	"LastExitStatus" = 256;
	"PID" = 85615;
	"Program" = "/Users/me/bin/web";
	"ProgramArguments" = (
		"/Users/me/bin/web";
		"--port=80";
	);
};
"""


def service(label: str = "com.example.web", **keys: Any) -> Service:
    """A loaded job that has never run."""
    values = {"Label": label, "ProgramArguments": ["/Users/me/bin/web"], **keys}
    path = f"/Users/me/Library/LaunchAgents/{label}.plist"
    return Service(make_definition(values, path), 0.0, 268435472)


def backup() -> Service:
    job = service(
        "com.example.backup",
        ProgramArguments=["/bin/bash", "/Users/me/bin/backup.sh"],
        WorkingDirectory="/Users/me",
        StandardOutPath="/Users/me/logs/backup.out.log",
        StandardErrorPath="/Users/me/logs/backup.err.log",
        StartCalendarInterval={"Hour": 2, "Minute": 30},
        RunAtLoad=True,
    )
    job.runs, job.ended = 2, Ended(code=1)
    return job


def running(**keys: Any) -> Service:
    job = service(KeepAlive=True, **keys)
    job.pid, job.state, job.runs, job.reason = 17594, State.RUNNING, 103, Reason.KEEP_ALIVE
    job.ended = Ended(signal=15)
    return job


def test_print_of_a_waiting_calendar_job_is_the_capture() -> None:
    assert service_text(GUI, backup(), (15, 5)) == CALENDAR_JOB


def test_print_of_a_running_job_on_26_is_the_capture() -> None:
    text = service_text(GUI, running(EnvironmentVariables={"PORT": "11002"}), (26, 5, 1))
    assert RUNNING_PART in text
    assert text.startswith("gui/501/com.example.web = {\n\tactive count = 1\n")
    assert "\tstate = running\n" in text
    assert "guard malloc" not in text
    assert text.endswith("\tproperties = keepalive | runatload | inferred program\n}\n")


def test_print_in_the_user_domain_differs_as_captured() -> None:
    text = service_text(USER, service(), (15,))
    assert "\tdomain = user/503\n\tminimum runtime" in text
    assert "inherited environment" not in text
    assert "\texit timeout = 5\n\tnice = 0\n\truns = 0\n" in text


def test_print_without_any_flag_has_bare_properties() -> None:
    text = service_text(GUI, service(Program="/bin/true", ProgramArguments=None), (15,))
    assert text.endswith("\tproperties = \n}\n")
    assert "arguments" not in text


def test_an_array_of_slots_gives_a_trigger_for_each() -> None:
    text = service_text(GUI, service(StartCalendarInterval=[{"Minute": 0}, {"Minute": 30}]), (15,))
    assert "com.example.web.268435472 => {" in text
    assert "com.example.web.268435473 => {" in text


def test_watched_paths_show_the_file_stream() -> None:
    text = service_text(GUI, service(WatchPaths=["/a"], QueueDirectories=["/b"]), (15,))
    assert text.count("stream = com.apple.fsevents.matching") == 2
    assert '\t"com.apple.fsevents.matching" = {' in text


def test_semaphores_name_the_conditions_of_keepalive() -> None:
    keep = {"SuccessfulExit": False, "Crashed": True, "PathState": {"/x": True}, "OtherJobEnabled": {"a.b": True}}
    text = service_text(GUI, service(KeepAlive=keep), (15,))
    assert "\tsemaphores = {\n\t\tsuccessful exit => 0\n\t\tafter crash => 1\n" in text


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (None, "last exit code = (never exited)"),
        (Ended(), "last exit code = 0"),
        (Ended(code=3), "last exit code = 3"),
        (Ended(code=78), "last exit code = 78: EX_CONFIG"),
        (Ended(signal=9), "last terminating signal = Killed: 9"),
        (Ended(signal=11), "last terminating signal = Segmentation fault: 11"),
    ],
)
def test_the_exit_line_tells_how_the_last_run_ended(ended: Ended | None, line: str) -> None:
    job = service()
    job.ended = ended
    assert f"\n\t{line}\n" in service_text(GUI, job, (15,))


def test_optional_lines_stand_in_the_documented_order() -> None:
    job = service(
        Umask=18,
        Nice=5,
        StartInterval=300,
        StandardInPath="/dev/null",
        LowPriorityIO=True,
        LowPriorityBackgroundIO=True,
        AbandonProcessGroup=True,
        LaunchOnlyOnce=True,
        EnableTransactions=True,
        ProcessType="Background",
    )
    job.crashes, job.pended = 2, Reason.LOAD
    text = service_text(GUI, job, (15,))
    flags = ["low priority i/o", "low priority background i/o", "abandon process group", "launch only once"]
    flags += ["inferred program", "supports transactions", "exponential throttling"]
    order = [
        "stdin path = /dev/null",
        "asid = 100003",
        "umask = 22",
        "minimum runtime = 10",
        "exit timeout = 5",
        "nice = 5",
        "runs = 0",
        "successive crashes = 2",
        "pended nondemand spawn = speculative",
        "last exit code = (never exited)",
        "spawn type = background (5)",
        "run interval = 300 seconds",
        f"properties = {' | '.join(flags)}",
    ]
    places = [text.index(f"\t{line}\n") for line in order]
    assert places == sorted(places)


def test_print_of_a_domain_holds_rows_and_overrides_in_their_blocks() -> None:
    domain = Domain(Kind.GUI, 501, 100017)
    rows = (("com.example.web", 887, None), ("com.example.failing", None, Ended(code=1)))
    for label, pid, ended in (*rows, ("com.example.killed", None, Ended(signal=9))):
        job = service(label)
        job.pid, job.ended = pid, ended
        domain.services[label] = job
    text = domain_text(domain, {"com.apple.rcd": True}, (15,))
    head = (
        "gui/501 = {\n\ttype = login\n\thandle = 100017\n\tactive count = 4\n\tservice count = 3\n"
        "\tactive service count = 1\n\tcreator = loginwindow[536]\n\tcreator euid = 0\n\tsession = Aqua\n"
        "\tendpoint destination = com.apple.xpc.launchd.domain.user.501\n"
        "\tauxiliary bootstrapper = com.apple.xpc.otherbsd (complete)\n"
        "\tsecurity context = {\n\t\tuid = 501\n\t\tasid = 100017\n\t}\n\n"
        "\tbringup time = 64 ms\n\tdeath port = 0x14503\n\n\tenvironment = {\n"
    )
    services = (
        "\tservices = {\n"
        "\t\t     887      - \tcom.example.web\n"
        "\t\t       0      1 \tcom.example.failing\n"
        "\t\t       0     -9 \tcom.example.killed\n"
        "\t}\n\n"
    )
    assert text.startswith(head)
    assert services in text
    assert '\tdisabled services = {\n\t\t"com.apple.rcd" => disabled\n\t}\n' in text
    assert text.endswith("\n\tproperties = gui | gui login\n}\n")


def test_print_of_a_user_domain_is_a_background_session() -> None:
    text = domain_text(USER, {}, (15,))
    assert "\ttype = user\n" in text
    assert "\tsession = Background\n" in text


def test_print_disabled_says_words_from_13_on() -> None:
    entries = {"com.apple.ManagedClientAgent.enrollagent": True, "com.example.jobsync.backup": False}
    assert disabled_text(entries, (26, 6, 2)) == (
        "\n\tdisabled services = {\n"
        '\t\t"com.apple.ManagedClientAgent.enrollagent" => disabled\n'
        '\t\t"com.example.jobsync.backup" => enabled\n'
        "\t}\n\n"
        "\tlogin item associations = {\n\t}\n"
    )


def test_print_disabled_says_true_and_false_up_to_12() -> None:
    text = disabled_text({"a": True, "b": False}, (12, 7))
    assert '"a" => true' in text
    assert '"b" => false' in text


def test_the_list_is_the_table_of_the_captures() -> None:
    rows: tuple[tuple[str, int | None, Ended | None], ...] = (
        ("com.example.web", 73093, None),
        ("com.example.idle", None, None),
        ("com.example.badprogram", None, Ended(code=78)),
        ("com.example.killed", None, Ended(signal=9)),
        ("com.example.respawned", 4711, Ended(signal=15)),
    )
    jobs = []
    for label, pid, ended in rows:
        job = service(label)
        job.pid, job.ended = pid, ended
        jobs.append(job)
    assert list_text(jobs) == (
        "PID\tStatus\tLabel\n73093\t0\tcom.example.web\n-\t0\tcom.example.idle\n"
        "-\t78\tcom.example.badprogram\n-\t-9\tcom.example.killed\n4711\t-15\tcom.example.respawned\n"
    )


def test_list_of_one_label_is_the_capture() -> None:
    log = "/Users/me/Library/Logs/jobsync/web.log"
    job = service(
        ProgramArguments=["/Users/me/bin/web", "--port=80"], StandardOutPath=log, StandardErrorPath=log, KeepAlive=True
    )
    job.pid, job.ended = 85615, Ended(code=1)
    assert list_service_text(job, "Aqua") == LIST_OF_ONE


def test_list_of_an_idle_job_without_arguments_or_logs_leaves_them_out() -> None:
    text = list_service_text(service(Program="/bin/true", ProgramArguments=None), "Aqua")
    assert text == (
        '{\n\t"LimitLoadToSessionType" = "Aqua";\n\t"Label" = "com.example.web";\n\t"OnDemand" = true;\n'
        '\t"LastExitStatus" = 0;\n\t"Program" = "/bin/true";\n};\n'
    )


def test_line_breaks_of_a_value_are_printed_as_they_are() -> None:
    """So a line with one tab is not always a field: an argument may be what looks like one."""
    odd = "a\n\tstate = running\n}\nb\u2028cd"
    job = service(ProgramArguments=["/bin/true", odd], WorkingDirectory="/no\nwhere", EnvironmentVariables={"A": "\0b"})
    text = service_text(GUI, job, (15,))
    assert "\t\ta\n\tstate = running\n}\nb\u2028cd\n\t}\n" in text
    assert "\tworking directory = /no\nwhere\n" in text
    assert "\t\tA => \n" in text, "to launchd a value ends at a NUL"
    assert text.index("\tstate = not running\n") < text.index("\tstate = running\n")
