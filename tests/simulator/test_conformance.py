"""What any launchd answers, asked through launchctl alone: of the simulator here, and of Apple's on a Mac.

Nothing here moves time or injects a fault. Where macOS versions differ the test asks which one it is on; where sources
disagree it accepts what is known, and a Mac will tell. `make test-mac` runs it there.
"""

import re
import subprocess

import pytest

from .mac import HINT, Reply, until
from .machine import PREFIX, Machine, on_old_releases_too

LONG = "exec sleep 100"
SLOW = "trap 'sleep 3; exit 0' TERM; echo ready; while :; do sleep 0.05; done"


def generic(machine: Machine, words: str) -> Reply:
    """How an inner code is hidden from users."""
    return Reply(5, "", f"{words}: 5: Input/output error\n{HINT if machine.macos >= (12,) else ''}")


def runs(pid: str) -> bool:
    """Whether a process runs; ps has these options on Linux and on a Mac. A zombie does not run."""
    done = subprocess.run(["/bin/ps", "-o", "stat=", "-p", pid], capture_output=True, text=True)
    return done.stdout.strip()[:1] not in ("", "Z")


def missing(machine: Machine, name: str) -> str:
    return f'Could not find service "{machine.label(name)}" in domain for user gui: {machine.uid}\n'


# -- conventions


def test_no_arguments_and_help_are_no_errors(machine: Machine) -> None:
    for argv in ((), ("help",)):
        reply = machine.launchctl(*argv)
        assert reply.status == 0
        assert reply.out.startswith("Usage: launchctl")


def test_an_unknown_subcommand_ends_with_1(machine: Machine) -> None:
    reply = machine.launchctl("frobnicate")
    assert reply.status == 1
    assert "Unrecognized subcommand: frobnicate" in reply.err


def test_bad_usage_ends_with_64(machine: Machine) -> None:
    for argv in (("kickstart",), ("bootout", "nonsense"), ("enable", machine.domain)):
        reply = machine.launchctl(*argv)
        assert reply.status == 64
        assert reply.out == ""
        assert "Usage: launchctl" in reply.err


def test_errors_have_numbers_and_texts(machine: Machine) -> None:
    assert machine.launchctl("error", "5").out == "5: Input/output error\n"
    assert machine.launchctl("error", "37").out == "37: Operation already in progress\n"
    assert machine.launchctl("error", "113").out == "113: Could not find specified service\n"
    assert machine.launchctl("error", "125").out == "125: Domain does not support specified action\n"


def test_the_session_says_whose_it_is(machine: Machine) -> None:
    assert machine.launchctl("managername").out in ("Aqua\n", "Background\n")
    assert machine.launchctl("manageruid") == Reply(0, f"{machine.uid}\n", "")


def test_the_gui_domain_is_a_login(machine: Machine) -> None:
    text = machine.launchctl("print", machine.domain).out
    assert text.startswith(f"{machine.domain} = {{\n\ttype = login\n")
    assert "\n\tsession = Aqua\n" in text
    assert "\n\tservices = {\n" in text


def test_a_uid_without_a_domain_is_112(machine: Machine) -> None:
    sentence = "Could not find domain for user gui: 424242\n"
    looked = machine.launchctl("print", "gui/424242")
    assert (looked.status, looked.out) == (112, "")
    assert looked.err.endswith(sentence)
    assert machine.launchctl("bootstrap", "gui/424242", machine.plist("a")) == Reply(112, "", sentence)


# -- bootstrap


def test_a_bootstrap_registers_in_silence(machine: Machine) -> None:
    path = machine.bootstrap("a")
    assert machine.value("a", "path") == str(path)
    assert machine.value("a", "type") == "LaunchAgent"
    assert machine.value("a", "state") == "not running"
    assert machine.value("a", "runs") == "0"
    assert machine.value("a", "last exit code") == "(never exited)"


@on_old_releases_too
def test_a_label_that_is_loaded_is_5(machine: Machine) -> None:
    path = machine.bootstrap("a")
    assert machine.load(path) == generic(machine, "Bootstrap failed")
    assert machine.load(machine.plist("a", file="other.plist")) == generic(machine, "Bootstrap failed")


def test_a_file_that_does_not_exist_is_5(machine: Machine) -> None:
    assert machine.load(machine.directory / "nothing.plist") == generic(machine, "Bootstrap failed")


def test_a_file_that_others_may_write_is_5(machine: Machine) -> None:
    path = machine.plist("a")
    path.chmod(0o666)
    assert machine.load(path) == generic(machine, "Bootstrap failed")
    assert not machine.is_loaded("a")


@pytest.mark.parametrize("content", [b"rubbish", b"", b"<?xml version='1.0'?><plist version='1.0'><array/></plist>"])
def test_what_is_no_property_list_is_5(machine: Machine, content: bytes) -> None:
    path = machine.plist("a")
    path.write_bytes(content)
    assert machine.load(path) == generic(machine, "Bootstrap failed")


def test_a_job_without_label_or_program_is_5(machine: Machine) -> None:
    assert machine.load(machine.plist("a", Label=None)) == generic(machine, "Bootstrap failed")
    assert machine.load(machine.plist("a", ProgramArguments=None)) == generic(machine, "Bootstrap failed")


@pytest.mark.parametrize("mode", [0o600, 0o444])
def test_a_stricter_mode_is_fine(machine: Machine, mode: int) -> None:
    path = machine.plist("a")
    path.chmod(mode)
    assert machine.load(path) == Reply(0, "", "")


def test_a_link_is_followed(machine: Machine) -> None:
    link = machine.directory / "link.plist"
    link.symlink_to(machine.plist("a"))
    assert machine.load(link) == Reply(0, "", "")


def test_an_agent_of_the_gui_is_refused_by_the_user_domain(machine: Machine) -> None:
    reply = machine.launchctl("bootstrap", f"user/{machine.uid}", machine.plist("a"))
    assert reply == generic(machine, "Bootstrap failed")


def test_a_definition_is_a_snapshot(machine: Machine) -> None:
    path = machine.bootstrap("a", "exit 3")
    machine.plist("a", "exit 4")
    machine.launchctl("kickstart", machine.target("a"))
    machine.until_value("a", "last exit code", "3")
    path.unlink()
    assert machine.is_loaded("a")


def test_unknown_keys_are_ignored(machine: Machine) -> None:
    machine.bootstrap("a", JobsyncNonsense=True)


# -- bootout


@on_old_releases_too
def test_what_is_not_loaded_is_3_by_label_and_5_by_path(machine: Machine) -> None:
    assert machine.launchctl("bootout", machine.target("a")) == Reply(3, "", "Boot-out failed: 3: No such process\n")
    path = machine.plist("a")
    assert machine.launchctl("bootout", machine.domain, path) == generic(machine, "Boot-out failed")


def test_an_idle_job_goes_in_silence(machine: Machine) -> None:
    machine.bootstrap("a")
    assert machine.launchctl("bootout", machine.target("a")) == Reply(0, "", "")
    machine.until_gone("a")


def test_a_missing_service_is_named(machine: Machine) -> None:
    reply = machine.launchctl("print", machine.target("a"))
    assert (reply.status, reply.out) == (113, "")
    assert reply.err.endswith(missing(machine, "a"))


@on_old_releases_too
def test_bootout_answers_before_the_job_is_gone(machine: Machine) -> None:
    log = machine.directory / "log"
    path = machine.bootstrap("a", SLOW, RunAtLoad=True, StandardOutPath=str(log))
    pid = machine.until_pid("a")
    until(lambda: log.stat().st_size > 0, "a job that hears TERM")
    assert machine.launchctl("bootout", machine.target("a")).status == (0 if machine.macos >= (12,) else 36)
    assert machine.value("a", "state") == "SIGTERMed"
    assert machine.value("a", "pid") == pid
    assert machine.load(path) == generic(machine, "Bootstrap failed")
    second = machine.launchctl("bootout", machine.target("a"))
    assert second == Reply(37, "", "Boot-out failed: 37: Operation already in progress\n")
    machine.until_gone("a")
    assert machine.load(path) == Reply(0, "", "")


@on_old_releases_too
def test_waiting_came_with_26(machine: Machine) -> None:
    machine.bootstrap("a", LONG, RunAtLoad=True)
    machine.until_pid("a")
    reply = machine.launchctl("bootout", "--wait", machine.target("a"))
    if machine.macos >= (26,):
        assert reply == Reply(0, "", "")
        assert not machine.is_loaded("a")
    else:
        assert reply.status == 64
        assert machine.value("a", "state") == "running"


# -- kickstart, kill, overrides


def test_kickstart_and_kill_of_what_is_not_loaded_are_113(machine: Machine) -> None:
    expected = Reply(113, "", missing(machine, "a"))
    assert machine.launchctl("kickstart", machine.target("a")) == expected
    assert machine.launchctl("kill", "TERM", machine.target("a")) == expected


def test_kickstart_starts_and_tells_the_pid(machine: Machine) -> None:
    machine.bootstrap("a", LONG)
    reply = machine.launchctl("kickstart", "-p", machine.target("a"))
    assert (reply.status, reply.err) == (0, "")
    assert reply.out.strip() == machine.until_pid("a")
    again = machine.launchctl("kickstart", machine.target("a"))
    assert again in (Reply(37, "", ""), Reply(0, "", ""))


def test_kickstart_k_replaces_the_process(machine: Machine) -> None:
    machine.bootstrap("a", LONG, RunAtLoad=True, ThrottleInterval=1)
    before = machine.until_pid("a")
    assert machine.launchctl("kickstart", "-k", machine.target("a")) == Reply(0, "", "")
    until(lambda: machine.value("a", "pid") not in (None, before))


def test_kill_says_what_is_wrong(machine: Machine) -> None:
    machine.bootstrap("a")
    assert machine.launchctl("kill", "TERM", machine.target("a")) == Reply(3, "", "No process to signal.\n")
    invalid = machine.launchctl("kill", "NOTHING", machine.target("a"))
    assert invalid.status == 64
    assert invalid.err.startswith("Invalid signal.\n")


@pytest.mark.parametrize(("name", "line"), [("TERM", "Terminated: 15"), ("SIGKILL", "Killed: 9")])
def test_a_killed_job_shows_the_signal(machine: Machine, name: str, line: str) -> None:
    machine.bootstrap("a", LONG, RunAtLoad=True)
    machine.until_pid("a")
    assert machine.launchctl("kill", name, machine.target("a")) == Reply(0, "", "")
    machine.until_value("a", "last terminating signal", line)
    assert machine.value("a", "last exit code") is None


@on_old_releases_too
def test_an_override_is_shared_and_hinders_a_bootstrap(machine: Machine) -> None:
    """One fixed label: no command takes an entry out of the store again."""
    label = f"{PREFIX}.override"
    target = f"{machine.domain}/{label}"
    words = ("enabled", "disabled") if machine.macos >= (13,) else ("false", "true")
    path = machine.plist("a", Label=label)
    try:
        assert machine.launchctl("disable", target) == Reply(0, "", "")
        for domain in (machine.domain, f"user/{machine.uid}"):
            assert f'"{label}" => {words[1]}\n' in machine.launchctl("print-disabled", domain).out
        assert machine.load(path).status in (5, 119)
        assert machine.launchctl("enable", target) == Reply(0, "", "")
        assert f'"{label}" => {words[0]}\n' in machine.launchctl("print-disabled", machine.domain).out
        assert machine.load(path) == Reply(0, "", "")
    finally:
        machine.launchctl("enable", target)
        machine.launchctl("bootout", target)


# -- list


def test_list_is_a_table_and_a_text(machine: Machine) -> None:
    machine.ask_as_aqua()
    machine.bootstrap("a", "exit 3", RunAtLoad=True)
    machine.until_value("a", "last exit code", "3")
    lines = machine.launchctl("list").out.splitlines()
    assert lines[0] == "PID\tStatus\tLabel"
    assert f"-\t3\t{machine.label('a')}" in lines
    text = machine.launchctl("list", machine.label("a")).out
    assert text.startswith("{\n\t")
    assert '\t"LastExitStatus" = 768;\n' in text
    assert f'\t"Label" = "{machine.label("a")}";\n' in text
    assert '\t"PID" =' not in text


def test_list_of_a_missing_label_is_113(machine: Machine) -> None:
    reply = machine.launchctl("list", machine.label("a"))
    assert reply == Reply(113, "", f'Could not find service "{machine.label("a")}" in domain for port\n')


# -- the life of a job


def test_a_run_at_load_that_failed_is_shown(machine: Machine) -> None:
    machine.bootstrap("a", "exit 75", RunAtLoad=True)
    machine.until_value("a", "last exit code", "75: EX_TEMPFAIL")
    assert machine.value("a", "runs") == "1"
    assert machine.value("a", "state") == "not running"
    assert machine.value("a", "active count") == "0"


@pytest.mark.parametrize("keys", [{"ProgramArguments": ["/nowhere/at/all"]}, {"WorkingDirectory": "/nowhere/at/all"}])
def test_what_cannot_be_set_up_is_78(machine: Machine, keys: dict[str, object]) -> None:
    machine.bootstrap("a", RunAtLoad=True, **keys)
    machine.until_value("a", "last exit code", "78: EX_CONFIG")


def test_a_job_begins_with_little(machine: Machine) -> None:
    log = machine.directory / "log"
    machine.bootstrap("a", "pwd; umask; cat; echo $PATH; echo $XPC_SERVICE_NAME", StandardOutPath=str(log))
    machine.launchctl("kickstart", machine.target("a"))
    machine.until_value("a", "last exit code", "0")
    said = log.read_text(encoding="utf-8").splitlines()
    assert said == ["/", "0022", "/usr/bin:/bin:/usr/sbin:/sbin", machine.label("a")]
    assert log.stat().st_mode & 0o777 == 0o644


def test_a_log_is_appended_to(machine: Machine) -> None:
    log = machine.directory / "log"
    log.write_text("before\n", encoding="utf-8")
    machine.bootstrap("a", "echo out; echo err >&2", StandardOutPath=str(log), StandardErrorPath=str(log))
    machine.launchctl("kickstart", machine.target("a"))
    machine.until_value("a", "last exit code", "0")
    assert log.read_text(encoding="utf-8") == "before\nout\nerr\n"


def test_a_job_that_is_kept_alive_comes_back(machine: Machine) -> None:
    machine.bootstrap("a", LONG, KeepAlive=True, ThrottleInterval=1)
    before = machine.until_pid("a")
    machine.launchctl("kill", "KILL", machine.target("a"))
    until(lambda: machine.value("a", "pid") not in (None, before))
    assert machine.value("a", "minimum runtime") == "1"


def test_an_interval_begins_after_the_load(machine: Machine) -> None:
    machine.bootstrap("a", StartInterval=1, ThrottleInterval=1)
    assert machine.value("a", "run interval") == "1 seconds"
    until(lambda: int(machine.value("a", "runs") or 0) >= 2)


def test_leftovers_of_the_group_end_with_the_job(machine: Machine) -> None:
    log = machine.directory / "log"
    machine.bootstrap("a", "sleep 100 & echo $!", RunAtLoad=True, StandardOutPath=str(log))
    machine.until_value("a", "last exit code", "0")
    until(lambda: not runs(log.read_text(encoding="utf-8").strip()))


def test_print_keeps_its_order(machine: Machine) -> None:
    machine.bootstrap(
        "a",
        WorkingDirectory="/",
        StandardOutPath="/dev/null",
        StartCalendarInterval={"Hour": 2, "Minute": 30},
        ProcessType="Background",
    )
    order = ["active count", "path", "type", "state", "program", "working directory", "stdout path", "domain"]
    order += ["minimum runtime", "exit timeout", "runs", "last exit code", "spawn type", "properties"]
    text = machine.text("a")
    places = [re.search(rf"^\t{key} = ", text, flags=re.MULTILINE) for key in order]
    found = [place.start() for place in places if place is not None]
    assert len(found) == len(order)
    assert found == sorted(found)
    assert '"Minute" => 30' in text
    assert "\tspawn type = background (5)\n" in text


def test_a_client_that_waits_for_absence_reloads(machine: Machine) -> None:
    path = machine.bootstrap("a", LONG, RunAtLoad=True)
    before = machine.until_pid("a")
    machine.launchctl("bootout", machine.target("a"))
    machine.until_gone("a")
    assert machine.load(path) == Reply(0, "", "")
    assert machine.until_pid("a") != before
