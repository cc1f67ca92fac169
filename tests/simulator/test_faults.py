"""Faults on demand: what every launchd client has to survive."""

import time

import pytest

from jobsync.simulator import SimulatorError

from .mac import HINT, Mac, Reply, until


def test_a_verb_fails_once_with_launchctls_own_words(mac: Mac) -> None:
    path = mac.plist("a.b")
    mac.simulator.fault("bootstrap", code=5)
    assert mac.launchctl("bootstrap", "gui/501", path) == Reply(
        5, "", f"Bootstrap failed: 5: Input/output error\n{HINT}"
    )
    assert not mac.is_loaded("a.b")
    assert mac.launchctl("bootstrap", "gui/501", path).status == 0


@pytest.mark.parametrize(
    ("argv", "code", "err"),
    [
        (("bootout", "gui/501/a.b"), 3, "Boot-out failed: 3: No such process\n"),
        (
            ("kickstart", "gui/501/a.b"),
            125,
            'Could not kickstart service "a.b": 125: Domain does not support specified action\n',
        ),
        (
            ("print", "gui/501/a.b"),
            113,
            'Bad request.\nCould not find service "a.b" in domain for user gui: 501\n',
        ),
        (("bootstrap", "gui/501", "/x.plist"), 112, "Could not find domain for user gui: 501\n"),
        (("kickstart", "x"), 5, 'Could not kickstart service "None": 5: Input/output error\n'),
        (("managername",), 5, "Could not managername: 5: Input/output error\n"),
        ((), 5, "Could not help: 5: Input/output error\n"),
    ],
)
def test_the_words_fit_the_verb(mac: Mac, argv: tuple[str, ...], code: int, err: str) -> None:
    mac.simulator.fault("*", code=code)
    assert mac.launchctl(*argv) == Reply(code, "", err)


def test_a_fault_strikes_n_times_or_until_it_is_cleared(mac: Mac) -> None:
    mac.simulator.fault("managername", code=5, times=2)
    assert [mac.launchctl("managername").status for _ in range(3)] == [5, 5, 0]
    mac.simulator.fault("managername", code=5, times=None)
    assert [mac.launchctl("managername").status for _ in range(3)] == [5, 5, 5]
    mac.simulator.clear_faults()
    assert mac.launchctl("managername").status == 0


def test_a_fault_may_come_in_the_middle(mac: Mac) -> None:
    mac.simulator.fault("*", code=125, after=2)
    assert [mac.launchctl("managername").status for _ in range(4)] == [0, 0, 125, 0]


def test_a_fault_may_be_meant_for_one_label(mac: Mac) -> None:
    mac.simulator.fault("bootstrap", code=5, label="a.b", text="no luck\n")
    assert mac.launchctl("bootstrap", "gui/501", mac.plist("a.c")).status == 0
    assert mac.launchctl("bootstrap", "gui/501", mac.plist("a.b")) == Reply(5, "", "no luck\n")


def test_a_fault_of_one_label_spares_the_others_of_the_same_call(mac: Mac) -> None:
    mac.simulator.fault("bootstrap", code=5, label="a.c")
    paths = [mac.plist(label) for label in ("a.b", "a.c", "a.d")]
    assert mac.launchctl("bootstrap", "gui/501", *paths).status == 5
    assert [mac.is_loaded(label) for label in ("a.b", "a.c", "a.d")] == [True, False, True]


def test_a_verb_can_fail_although_it_did_its_work(mac: Mac) -> None:
    mac.simulator.fault("bootstrap", code=5, performs=True)
    assert mac.launchctl("bootstrap", "gui/501", mac.plist("a.b")).status == 5
    assert mac.is_loaded("a.b")


def test_a_verb_can_hang_until_its_caller_gives_up(mac: Mac) -> None:
    mac.simulator.fault("print", hang=True)
    call = mac.background("print", "gui/501")
    until(lambda: ["print", "gui/501"] in mac.simulator.calls())
    assert mac.launchctl("managername").status == 0
    assert call.poll() is None
    call.kill()
    call.communicate(timeout=60)
    assert mac.launchctl("print", "gui/501").status == 0


def test_an_answer_can_come_late(mac: Mac) -> None:
    mac.simulator.fault("managername", delay=0.3)
    begin = time.monotonic()
    assert mac.launchctl("managername") == Reply(0, "Aqua\n", "")
    assert time.monotonic() - begin >= 0.3


def test_a_late_answer_may_be_one_that_waits_itself(mac: Mac) -> None:
    mac.bootstrap("a.b", "exec sleep 100")
    mac.simulator.fault("kickstart", delay=0.1)
    assert mac.launchctl("kickstart", "-p", "gui/501/a.b").out == f"{mac.value('a.b', 'pid')}\n"


def test_a_verb_can_print_nonsense(mac: Mac) -> None:
    mac.simulator.fault("print", garbage="\x00!?\n")
    assert mac.launchctl("print", "gui/501") == Reply(0, "\x00!?\n", "")
    mac.simulator.fault("print", garbage="half", code=7)
    assert mac.launchctl("print", "gui/501") == Reply(7, "half", "")


def test_a_start_at_load_can_be_pended_until_a_kickstart(mac: Mac) -> None:
    mac.simulator.pend("a.b")
    mac.bootstrap("a.b", RunAtLoad=True)
    assert mac.value("a.b", "runs") == "0"
    assert mac.value("a.b", "pended nondemand spawn") == "speculative"
    assert mac.value("a.b", "last exit code") == "(never exited)"
    assert mac.value("a.b", "state") == "not running"
    assert "\t\t       0   (pe) \ta.b\n" in mac.launchctl("print", "gui/501").out
    mac.launchctl("kickstart", "gui/501/a.b")
    until(lambda: mac.value("a.b", "runs") == "1")
    assert mac.value("a.b", "pended nondemand spawn") is None


def test_a_process_can_miss_its_term(mac: Mac) -> None:
    mac.simulator.ignore_term("a.b")
    mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True, ExitTimeOut=1)
    mac.until_pid("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    assert mac.value("a.b", "state") == "SIGTERMed"
    mac.until_gone("a.b")
    assert "exited due to SIGKILL | sent by launchd[1]" in mac.read("../mac/launchd.log")


def test_a_pended_start_may_be_called_inefficient(mac: Mac) -> None:
    mac.simulator.pend("a.b", reason="inefficient")
    mac.bootstrap("a.b", RunAtLoad=True)
    assert mac.value("a.b", "pended nondemand spawn") == "inefficient"
    assert "pending spawn, domain in on-demand-only mode" in mac.read("../mac/launchd.log")
    with pytest.raises(SimulatorError, match='no start is pended as "tired"; say speculative or'):
        mac.simulator.pend("a.b", reason="tired")


@pytest.mark.parametrize(
    ("reason", "tag"), [("OS_REASON_CODESIGNING", "(cs)"), ("OS_REASON_TCC", "-9"), ("JETSAM_REASON", "(jt)")]
)
def test_the_kernel_can_kill_a_job_at_its_start(mac: Mac, reason: str, tag: str) -> None:
    mac.simulator.fail_spawn("a.b", reason)
    mac.bootstrap("a.b", f"touch {mac.home}/ran", RunAtLoad=True)
    until(lambda: mac.value("a.b", "runs") == "1")
    assert mac.value("a.b", "last exit reason") == reason
    assert mac.value("a.b", "job state") == "spawn failed"
    assert f"\t\t       0 {tag:>6} \ta.b\n" in mac.launchctl("print", "gui/501").out
    assert not (mac.home / "ran").exists()


def test_a_job_can_be_gone_although_its_bootstrap_succeeded(mac: Mac) -> None:
    mac.simulator.remove_at_spawn("a.b")
    mac.bootstrap("a.b", RunAtLoad=True)
    mac.until_gone("a.b")
    assert "Removed service on spawn failure" in mac.read("../mac/launchd.log")


def test_all_verbs_does_not_mean_what_is_no_verb(mac: Mac) -> None:
    mac.simulator.fault("*", code=5, times=None)
    mac.simulator.clear_faults()
    mac.simulator.fault("*", code=5, label="a.b", times=None)
    mac.plist("a.b", RunAtLoad=True)
    mac.simulator.reboot()
    until(lambda: mac.simulator.runs("a.b") == 1)


def test_unknown_fields_of_a_fault_are_refused(mac: Mac) -> None:
    with pytest.raises(SimulatorError, match="fault"):
        mac.simulator._ask("fault", colour="red")
