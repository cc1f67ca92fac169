"""The promises, on either scheduler: only what must differ between the two differs."""

import os
from pathlib import Path

import pytest

from jobsync import process
from jobsync.definitions.job import Argv, Job, Line, Restart, Schedule
from jobsync.errors import JobsyncError
from jobsync.reconcile import observe
from jobsync.reconcile.budget import Budget, OutOfTime
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Caller, Outcome
from jobsync.schedulers.protocol import NoSession, Unknown
from jobsync.values import replace

from ..reconcile.bench import SLEEP, job, until
from .rig import Rig

NINE, TEN = job(hour=9), job(hour=10)
LOGIN = job("login", schedule=Schedule(at_login=True))
BY_HAND = job("by-hand", schedule=Schedule())
DAEMON = job("daemon", schedule=Schedule(), daemon=Restart.ALWAYS, command=SLEEP)
WATCHES = job("watches", schedule=Schedule(on_change=("/nonexistent/file",)))
ALL = (NINE, LOGIN, BY_HAND, DAEMON, WATCHES)


def test_every_kind_of_job_is_installed_and_then_left_alone(rig: Rig) -> None:
    assert set(rig.sync(*ALL).values()) == {Outcome.INSTALLED}
    rig.assert_converged(*ALL)
    assert not any(rig.runs(one.name) for one in ALL if one.daemon is None), "a sync starts nothing"
    until(lambda: rig.runs("daemon"))


def test_a_changed_time_is_loaded_and_starts_nothing(rig: Rig) -> None:
    rig.sync(NINE, job("two"))
    assert rig.sync(TEN, job("two")) == {"one": Outcome.UPDATED, "two": Outcome.UNCHANGED}
    rig.assert_converged(TEN, job("two"))
    assert not rig.runs()


def test_a_changed_script_is_no_business_of_the_scheduler(rig: Rig) -> None:
    rig.sync(NINE)
    rig.calls()
    assert rig.sync(job(line="false")) == {"one": Outcome.UPDATED}
    assert rig.calls() == []


def test_a_changed_description_is_written_and_not_loaded(rig: Rig) -> None:
    rig.sync(NINE)
    rig.calls()
    described = replace(NINE, description="Backs up the notes")
    assert rig.sync(described) == {"one": Outcome.UPDATED}
    assert rig.calls() == []
    assert rig.is_in_place(described)


def test_a_job_that_is_gone_leaves_nothing_and_others_stay(rig: Rig) -> None:
    rig.sync(*ALL)
    assert rig.artefacts()
    stranger = Path(rig.scheduler.definition_path("com.example")).with_name("com.example.unit")
    stranger.write_bytes(b"theirs")
    assert rig.sync(NINE)["daemon"] is Outcome.REMOVED
    assert {name for name in rig.artefacts() if "one" not in name} == {"com.example.unit"}
    rig.assert_converged(NINE)
    assert rig.sync() == {"one": Outcome.REMOVED}
    assert rig.artefacts() == {"com.example.unit"}
    assert rig.loaded() == set()


def test_a_run_under_way_goes_on_to_its_end(rig: Rig) -> None:
    long = job(command=SLEEP)
    rig.sync(long)
    pid = rig.start()
    rig.sync(job(hour=10, command=SLEEP))
    rig.sync(job(hour=10, command=SLEEP, launchd={"Nice": 5}))
    assert rig.pid() == pid, "launchd defers the change, systemd makes it around the run"
    assert len(rig.runs()) == 1


@pytest.mark.parametrize("before", [NINE, BY_HAND], ids=["with a timer", "without"])
def test_a_run_under_way_is_waited_for_before_its_job_becomes_a_daemon(rig: Rig, before: Job) -> None:
    """One service has one process: the daemon can only come when that of the run is gone."""
    daemon = replace(DAEMON, name=before.name)
    rig.sync(replace(before, command=SLEEP))
    pid = rig.start(before.name)
    done = rig.results(daemon).results[before.name]
    assert (done.outcome, done.pid) == (Outcome.DEFERRED, pid)
    assert rig.pid(before.name) == pid
    assert rig.sync(daemon, orders=Orders(now=True)) == {before.name: Outcome.UPDATED}
    rig.assert_converged(daemon)
    assert not process.is_alive(pid)


def test_removing_a_job_stops_it(rig: Rig) -> None:
    rig.sync(job(command=SLEEP), job("two"))
    rig.start()
    done = rig.results(job("two"))
    assert done.results["one"].outcome is Outcome.REMOVED
    assert "stopped (pid" in done.results["one"].cause
    until(lambda: rig.pid() is None)
    until(lambda: rig.runs()[0].ended is not None)
    rig.assert_converged(job("two"))


def test_an_edit_by_hand_is_undone_and_kept(rig: Rig) -> None:
    rig.sync(NINE)
    edited = rig.edit("one")
    content = edited.read_bytes()
    assert rig.sync(NINE) == {"one": Outcome.REPAIRED}
    assert rig.kept() == [content]
    rig.assert_converged(NINE)
    assert not rig.runs()


def test_what_is_not_loaded_any_more_is_loaded_again(rig: Rig) -> None:
    rig.sync(NINE, job("two"))
    rig.unload("one")
    assert rig.sync(NINE, job("two")) == {"one": Outcome.RELOADED, "two": Outcome.UNCHANGED}
    rig.assert_converged(NINE, job("two"))
    assert not rig.runs()


@pytest.mark.parametrize("index", [0, 1])
def test_a_missing_file_is_put_back(rig: Rig, index: int) -> None:
    rig.sync(NINE)
    Path(rig.scheduler.render(NINE).artefacts[index].path).unlink()
    assert rig.sync(NINE) == {"one": Outcome.REPAIRED}
    rig.assert_converged(NINE)


def test_what_the_user_switched_off_stays_off(rig: Rig) -> None:
    rig.sync(NINE, job("two"))
    rig.disable("one")
    for wanted in (NINE, TEN):
        done = rig.results(wanted, job("two"))
        assert done.results["one"].outcome is Outcome.PAUSED
        assert "disabled by you; `" in done.results["one"].cause
        assert rig.loaded() == {"two"}
    rig.calls()
    assert rig.sync(TEN, job("two"))["one"] is Outcome.PAUSED
    assert rig.calls() == []
    rig.enable("one")
    rig.sync(TEN, job("two"))
    rig.assert_converged(TEN, job("two"))


def test_a_daemon_is_started_and_started_anew_when_its_script_changes(rig: Rig) -> None:
    rig.sync(DAEMON)
    until(lambda: rig.pid("daemon"))
    until(lambda: rig.runs("daemon"))
    first = rig.pid("daemon")
    changed = replace(DAEMON, command=Argv(("sleep", "2000")))
    assert rig.sync(changed) == {"daemon": Outcome.UPDATED}
    until(lambda: rig.pid("daemon") not in (None, first) and len(rig.runs("daemon")) == 2)
    rig.assert_converged(changed)


# Launcher and daemon are told to end; it goes on for a while.
SLOW = replace(DAEMON, command=Line("trap 'sleep 3; exit' TERM; echo ready; while :; do sleep 0.1; done"))


def test_who_has_no_time_does_not_wait_until_a_job_has_ended(rig: Rig) -> None:
    rig.sync(SLOW)
    until(lambda: "ready" in rig.printed("daemon"))
    changed = replace(SLOW, launchd={"Nice": 5}, systemd={"service": {"Nice": ("5",)}})
    with pytest.raises(OutOfTime):
        rig.results(changed, budget=Budget(waiting=0.3))
    assert rig.pid("daemon"), "it is ending still"
    assert set(rig.sync(changed).values()) <= {Outcome.UPDATED, Outcome.RELOADED}
    rig.assert_converged(changed)


def test_who_has_no_time_does_not_wait_until_a_daemon_runs_anew(rig: Rig) -> None:
    rig.sync(SLOW)
    until(lambda: "ready" in rig.printed("daemon"))
    first = rig.pid("daemon")
    changed = replace(SLOW, command=Line("sleep 1000"))
    done = rig.results(changed, budget=Budget(waiting=0.3))
    assert done.results["daemon"].outcome is Outcome.UPDATED
    until(lambda: rig.pid("daemon") not in (None, first))
    until(lambda: len(rig.runs("daemon")) == 2)
    rig.assert_converged(changed)


def test_a_daemon_that_is_told_to_end_is_started_again(rig: Rig) -> None:
    rig.sync(replace(DAEMON, launchd={"ThrottleInterval": 1}))
    until(lambda: rig.runs("daemon"))
    rig.scheduler.stop(rig.scheduler.label("daemon"))
    until(lambda: len(rig.runs("daemon")) == 2)


def test_a_load_that_is_refused_brings_the_former_job_back(rig: Rig) -> None:
    rig.sync(NINE, job("two"))
    rig.refuse_change()
    done = rig.results(TEN, job("two"))
    assert done.results["one"].outcome is Outcome.FAILED
    assert done.results["one"].cause.endswith("; the former job is back")
    assert rig.is_in_place(NINE, job("two"))
    assert not rig.runs()
    hook = rig.results(TEN, job("two"), orders=Orders(caller=Caller.HOOK))
    assert "not tried again until something changes" in hook.results["one"].cause
    assert rig.sync(TEN, job("two"))["one"] is Outcome.UPDATED
    rig.assert_converged(TEN, job("two"))


def test_a_new_job_that_is_refused_fails_alone_and_is_loaded_later(rig: Rig) -> None:
    rig.sync(job("two"))
    rig.refuse_loads(1)
    assert rig.sync(NINE, job("two")) == {"one": Outcome.FAILED, "two": Outcome.UNCHANGED}
    rig.sync(NINE, job("two"))
    rig.assert_converged(NINE, job("two"))


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo one two three four five"])
def test_could_not_ask_writes_nothing(rig: Rig, script: str) -> None:
    rig.sync(NINE)
    before = rig.ours()
    program = rig.root / "broken"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    rig.break_calls(str(program))
    answer = rig.scheduler.survey()
    assert isinstance(answer, Unknown)
    plan = rig.plan(rig.want(TEN), rig.scheduler)
    assert [(one.outcome, one.steps) for one in plan.changes] == [(Outcome.FAILED, ())]
    assert rig.ours() == before


def test_without_a_session_files_are_written_and_loading_waits(rig: Rig) -> None:
    rig.sync(NINE)
    rig.end_session()
    assert isinstance(rig.scheduler.survey(), NoSession)
    assert rig.sync(TEN) == {"one": Outcome.DEFERRED}
    for one in rig.scheduler.render(TEN).artefacts:
        state = observe.file_state(one.path)
        assert (state.target if one.is_link else state.content) == one.content, "the next login finds all of it"


def test_a_lost_ledger_costs_nothing(rig: Rig) -> None:
    rig.sync(*ALL)
    rig.paths.ledger.unlink()
    rig.calls()
    assert set(rig.sync(*ALL).values()) == {Outcome.UNCHANGED}
    assert rig.calls() == []
    rig.assert_converged(*ALL)


def test_an_orphan_of_a_lost_ledger_is_known_by_its_mark(rig: Rig) -> None:
    rig.sync(NINE, DAEMON)
    rig.paths.ledger.unlink()
    assert rig.sync(NINE) == {"one": Outcome.UNCHANGED, "daemon": Outcome.REMOVED}
    rig.assert_converged(NINE)
    assert not [name for name in rig.artefacts() if "daemon" in name]


def test_what_stands_in_our_place_is_left_to_its_owner(rig: Rig) -> None:
    path = Path(rig.scheduler.definition_path(rig.scheduler.label("one")))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"[Service]\nExecStart=/bin/true\n")
    assert rig.sync(NINE, job("two")) == {"one": Outcome.CONFLICT, "two": Outcome.INSTALLED}
    assert path.read_bytes() == b"[Service]\nExecStart=/bin/true\n"


def test_another_prefix_takes_the_jobs_over(rig: Rig) -> None:
    rig.sync(NINE, DAEMON)
    before = rig.artefacts()
    rig.prefix = "eve"
    rig.sync(NINE, DAEMON)
    rig.assert_converged(NINE, DAEMON)
    assert not {name for name in before if name.startswith("ada")} & rig.artefacts()
    rig.prefix = "ada"
    assert not rig.scheduler.installed_labels()
    assert not under_prefix(rig, "ada"), "two of each would run"


def test_logs_are_found_under_another_prefix_too(rig: Rig) -> None:
    talkative = job(command=Line("echo hello; sleep 1"))
    rig.sync(talkative)
    rig.start()
    until(lambda: rig.pid() is None)
    former = rig.paths.job_logs(rig.scheduler.label("one"))
    rig.prefix = "eve"
    rig.sync(talkative)
    assert rig.printed("one") == "hello\n"
    assert not former.exists()
    rig.assert_converged(talkative)


def under_prefix(rig: Rig, prefix: str) -> set[str]:
    """Labels that the scheduler has of it, armed or only running."""
    mine, rig.prefix = rig.prefix, prefix
    found = {label for label in rig.survey().services if label.startswith(f"{prefix}.")}
    rig.prefix = mine
    return found


def test_a_job_that_goes_together_with_its_prefix_is_stopped(rig: Rig) -> None:
    rig.sync(NINE, DAEMON, job("two"))
    rig.prefix = "eve"
    assert rig.sync(NINE)["daemon"] is Outcome.REMOVED
    rig.assert_converged(NINE)
    assert not under_prefix(rig, "ada")


def test_another_prefix_waits_for_a_run_under_the_former_one(rig: Rig) -> None:
    slow = job(command=SLEEP)
    rig.sync(slow)
    pid = rig.start()
    rig.prefix = "eve"
    assert rig.sync(slow) == {"one": Outcome.DEFERRED}
    assert rig.sync(slow, orders=Orders(now=True)) == {"one": Outcome.UPDATED}
    assert not process.is_alive(pid)
    rig.assert_converged(slow)
    assert not under_prefix(rig, "ada")


def test_another_prefix_that_is_refused_leaves_the_jobs_under_the_former_one(rig: Rig) -> None:
    rig.sync(NINE)
    rig.prefix = "eve"
    rig.refuse_loads(1)
    assert rig.sync(NINE) == {"one": Outcome.FAILED}
    assert under_prefix(rig, "ada") == {"ada.one"}
    assert not under_prefix(rig, "eve")
    assert rig.sync(NINE) == {"one": Outcome.UPDATED}
    rig.assert_converged(NINE)
    assert not under_prefix(rig, "ada")


def test_a_sync_inside_a_job_leaves_that_job_alone(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.sync(job(command=SLEEP), job("two"))
    pid = rig.start()
    monkeypatch.setattr(observe, "branch", lambda: {pid: "one"})
    assert rig.sync(job("two")) == {"one": Outcome.DEFERRED, "two": Outcome.UNCHANGED}
    assert rig.pid() == pid


def test_one_bad_job_does_not_stop_the_others(rig: Rig) -> None:
    blocked = Path(rig.scheduler.definition_path(rig.scheduler.label("one")))
    blocked.mkdir(parents=True)
    (blocked / "theirs").write_bytes(b"")
    done = rig.sync(NINE, job("two"), DAEMON)
    assert done["one"] in (Outcome.CONFLICT, Outcome.FAILED)
    assert done["two"] is done["daemon"] is Outcome.INSTALLED
    assert rig.loaded() == {"two", "daemon"}


def test_a_job_gets_the_path_of_the_machine_and_its_own(rig: Rig) -> None:
    seen = rig.root / "seen"
    rig.sync(job(command=Line(f'printf %s "$PATH" >{seen}'), path=("/opt/mine",)))
    rig.scheduler.start(rig.scheduler.label("one"))
    until(lambda: rig.runs() and rig.runs()[0].ended is not None)
    assert seen.read_text() == f"/opt/mine:{os.environ['PATH']}"
    content = Path(rig.scheduler.definition_path(rig.scheduler.label("one"))).read_bytes()
    assert rig.scheduler.environment(content)["PATH"] == seen.read_text()


def test_a_call_without_a_session_is_an_error_and_no_verdict(rig: Rig) -> None:
    rig.sync(NINE)
    rig.break_calls("/bin/false")
    with pytest.raises(JobsyncError):
        rig.scheduler.start(rig.scheduler.label("one"))
    assert rig.scheduler.restart([rig.scheduler.label("one")])
    assert rig.scheduler.load([rig.scheduler.label("one")])
