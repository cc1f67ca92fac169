"""Plans carried out against a launchd that misbehaves: every end is honest, and the next sync converges."""

import os
import plistlib
import signal
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from jobsync import files
from jobsync.definitions.job import Argv, Job, Line, Restart, Schedule, Slot
from jobsync.errors import JobsyncError
from jobsync.reconcile import apply, holding, kept
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.budget import Budget, OutOfTime
from jobsync.reconcile.holding import Hold
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Caller, Outcome, Plan, Remove, Unload
from jobsync.runs import records
from jobsync.schedulers.launchd import Launchd, domain
from jobsync.schedulers.protocol import Loaded, Scheduler, Survey
from jobsync.simulator.faults import label_of
from jobsync.values import replace

from .. import forks
from ..laptop import MUTATING
from . import killed as programs
from .bench import SLEEP, Bench, job, until

NINE, TEN = job(hour=9), job(hour=10)
SLOTS = (Slot(hour=9, minute=0),)
AT_LOGIN = job(schedule=Schedule(slots=SLOTS, at_login=True))
DAEMON = job(schedule=Schedule(), daemon=Restart.ALWAYS, command=SLEEP, launchd={"ThrottleInterval": 1})


def deaf(name: str = "one", hour: int = 9) -> Job:
    """Ignores TERM, and is given a second."""
    return job(name, hour, command=Argv(("sh", "-c", "trap '' TERM; sleep 1000")), launchd={"ExitTimeOut": 1})


def still_converges(bench: Bench, *jobs: Job) -> None:
    """One more sync brings everything in line, and the one after that does nothing."""
    bench.mac.clear_faults()
    bench.sync(*jobs)
    assert all(bench.is_installed_as(one) and bench.is_loaded_as(one) for one in jobs)
    assert bench.loaded() == {one.name for one in jobs}
    bench.mutations()
    assert set(bench.sync(*jobs).values()) <= {Outcome.UNCHANGED}
    assert bench.mutations() == []


# -- the order


def test_the_old_job_is_out_before_anything_is_written_and_loaded_after(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.clear_calls()
    bench.sync(TEN)
    verbs = [call[0] for call in bench.mac.calls()]
    first, last = verbs.index("bootout"), verbs.index("bootstrap")
    assert "print" in verbs[first:last], "it was asked whether the old one is gone"
    assert "print" in verbs[last:], "it was asked whether the new one took"
    assert verbs.count("bootout") == verbs.count("bootstrap") == 1


def test_a_removal_takes_everything_of_the_job_and_nothing_else(bench: Bench) -> None:
    stranger = bench.paths.agents / "com.example.plist"
    stranger.write_bytes(b"theirs")
    bench.sync(NINE, job("two"))
    assert bench.sync(job("two"))["one"] is Outcome.REMOVED
    assert bench.loaded() == {"two"}
    assert sorted(path.name for path in bench.paths.agents.iterdir()) == ["ada.two.plist", "com.example.plist"]
    assert [path.name for path in bench.paths.launchers.iterdir()] == ["two"]


# -- bootstrap


@pytest.mark.parametrize("code", [5, 17, 37, 149])
def test_a_load_that_is_refused_once_is_tried_again(bench: Bench, code: int) -> None:
    bench.mac.fault("bootstrap", code=code)
    assert bench.sync(NINE) == {"one": Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap", "bootstrap"]
    assert any("loading ada.one again" in line for line in bench.said)
    still_converges(bench, NINE)


@pytest.mark.parametrize("code", [5, 17, 37])
def test_a_load_that_took_although_it_was_refused_is_not_repeated(bench: Bench, code: int) -> None:
    bench.mac.fault("bootstrap", code=code, performs=True)
    assert bench.sync(NINE) == {"one": Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap"]
    still_converges(bench, NINE)


def test_a_new_job_that_is_never_loaded_fails_and_is_remembered_as_such(bench: Bench) -> None:
    bench.mac.fault("bootstrap", code=5, times=None, text="Bootstrap failed: 5: Input/output error\n")
    (cause,) = bench.causes(NINE).values()
    assert "bootstrap" in cause
    assert "failed with status 5" in cause
    found = bench.record()
    assert found.failed == bench.launchd.render(NINE).load_digest
    assert (found.load_digest, found.entries) == ("", {})
    still_converges(bench, NINE)


def test_a_change_that_is_never_loaded_brings_the_former_job_back(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootstrap", code=5, times=5)
    done = bench.apply(bench.plan(bench.want(job(hour=10, line="false"))))
    assert done.results["one"].outcome is Outcome.FAILED
    assert "failed with status 5" in done.results["one"].cause
    assert done.results["one"].cause.endswith("; the former job is back")
    assert bench.is_installed_as(NINE)
    assert bench.is_loaded_as(NINE)
    assert done.kept == [], "what jobsync wrote itself is no hand edit"


def test_after_that_a_hook_leaves_it_and_the_hand_tries_again(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootstrap", code=5, times=5)
    bench.sync(TEN)
    bench.mutations()
    (change,) = bench.plan(bench.want(TEN), Orders(caller=Caller.HOOK)).changes
    assert (change.outcome, change.steps) == (Outcome.FAILED, ())
    assert "not tried again until something changes" in change.cause
    (back,) = bench.plan(bench.want(NINE), Orders(caller=Caller.HOOK)).changes
    assert back.outcome is Outcome.UNCHANGED, "the old definition again is nothing to do"
    assert bench.sync(TEN) == {"one": Outcome.UPDATED}
    still_converges(bench, TEN)


def test_both_facts_are_said_when_the_former_job_does_not_come_back(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootstrap", code=5, times=None)
    (cause,) = bench.causes(TEN).values()
    assert "failed with status 5" in cause
    assert "; the former job could not be brought back: " in cause
    assert bench.loaded() == set()
    still_converges(bench, TEN)


def test_a_former_job_whose_bytes_are_lost_is_not_half_brought_back(bench: Bench) -> None:
    bench.sync(NINE)
    for path in bench.paths.store.iterdir():
        path.unlink()
    bench.mac.fault("bootstrap", code=5, times=5)
    (cause,) = bench.causes(TEN).values()
    assert "could not be brought back: the bytes of" in cause
    assert bench.is_installed_as(TEN)
    still_converges(bench, TEN)


def test_a_repair_that_is_never_loaded_has_no_former_job_to_bring_back(bench: Bench) -> None:
    bench.sync(NINE)
    bench.bootout()
    bench.mac.fault("bootstrap", code=5, times=5)
    (cause,) = bench.causes(NINE).values()
    assert "former job" not in cause
    still_converges(bench, NINE)


def test_a_load_that_is_accepted_and_forgotten_is_no_success(bench: Bench) -> None:
    bench.sync(job("two"))
    # The answer is right and nothing happens: as with an override that launchd keeps to itself.
    bench.mac.fault("bootstrap", code=0, label="ada.one")
    causes = bench.causes(NINE, job("two"))
    assert causes["one"] == "the scheduler accepted it and does not know it"
    assert bench.record().failed
    still_converges(bench, NINE, job("two"))


def test_a_change_that_is_accepted_and_forgotten_brings_the_former_job_back(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootstrap", code=0)
    (cause,) = bench.causes(TEN).values()
    assert cause == "the scheduler accepted it and does not know it; the former job is back"
    assert bench.is_installed_as(NINE)
    assert bench.is_loaded_as(NINE)
    still_converges(bench, TEN)


def test_a_former_job_that_is_accepted_and_forgotten_is_not_said_to_be_back(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootstrap", code=5, times=5)
    bench.mac.fault("bootstrap", code=0)
    (cause,) = bench.causes(TEN).values()
    assert cause.endswith("; the former job could not be brought back: the scheduler accepted it and does not know it")
    assert bench.record().load_digest == ""
    still_converges(bench, TEN)


def test_a_former_daemon_that_comes_back_pended_is_started(bench: Bench) -> None:
    bench.sync(DAEMON)
    until(lambda: bench.pid() is not None)
    bench.mac.fault("bootstrap", code=5, times=5)
    bench.mac.pend("ada.one")
    changed = replace(DAEMON, launchd={"ThrottleInterval": 2})
    assert bench.sync(changed) == {"one": Outcome.FAILED}
    until(lambda: bench.pid() is not None)
    assert "kickstart" in bench.verbs()


@pytest.mark.parametrize("code", [5, 17, 37])
def test_a_refused_load_is_not_taken_for_done_when_another_definition_is_loaded(bench: Bench, code: int) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(TEN))
    # The old one is said to be gone, and is not.
    bench.mac.fault("bootout", code=3)
    bench.mac.fault("print", garbage=f"{domain()} = {{\n\tservices = {{\n\t}}\n}}\n", after=1)
    bench.mac.fault("bootstrap", code=code, times=5)
    done = bench.apply(plan)
    assert done.results["one"].outcome is Outcome.FAILED
    assert "it is loaded already, from elsewhere or still ending" in done.results["one"].cause
    assert bench.record().load_digest != bench.launchd.render(TEN).load_digest
    still_converges(bench, TEN)


@pytest.mark.parametrize("code", [112, 124, 125])
def test_a_session_that_ends_is_no_failure_of_the_definition(bench: Bench, code: int) -> None:
    bench.mac.fault("bootstrap", code=code, times=None)
    assert bench.sync(NINE) == {"one": Outcome.DEFERRED}
    assert bench.record().failed == ""
    assert bench.record().load_digest == ""
    still_converges(bench, NINE)


def test_a_load_that_is_never_answered_and_took_is_a_success(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Launchd._call, "__kwdefaults__", {"timeout": 1.0})
    bench.mac.fault("bootstrap", delay=5.0, performs=True)
    assert bench.sync(NINE) == {"one": Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap"]
    still_converges(bench, NINE)


def test_a_former_job_that_starts_at_login_comes_back_without_a_run(bench: Bench, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    before = replace(echo(ran), schedule=Schedule(slots=SLOTS, at_login=True))
    bench.sync(before)
    bench.mac.settle()  # that it was no login stands in its records, and its launcher is gone
    bench.mac.fault("bootstrap", code=5, times=5)
    assert bench.sync(replace(before, schedule=Schedule(slots=SLOTS))) == {"one": Outcome.FAILED}
    assert bench.is_loaded_as(before)
    until(lambda: len(bench.runs()) == 2)
    assert [run.skipped for run in bench.runs()] == ["loaded by sync"] * 2
    assert not ran.exists()


def test_a_hand_edit_that_the_change_had_not_reached_is_kept_before_the_former_job_comes_back(bench: Bench) -> None:
    bench.sync(NINE)
    rephrased = bench.plist().read_bytes().replace(b"Written by jobsync", b"Written by me")
    bench.plist().write_bytes(rephrased)
    (bench.paths.launchers / ".one.jobsync-tmp").mkdir()
    (cause,) = bench.causes(job(hour=10, line="false")).values()
    assert cause.endswith("; the former job is back")
    assert bench.kept() == [rephrased]
    assert bench.is_installed_as(NINE)
    assert bench.is_loaded_as(NINE)


def with_prefix(bench: Bench, prefix: str) -> None:
    """From now on labels begin with another prefix."""
    bench.launchd = Launchd(bench.launchd._config, replace(bench.launchd._repo, prefix=prefix), bench.paths)


def labels(bench: Bench) -> set[str]:
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    return set(answer.services)


def test_another_prefix_migrates_old_out_first(bench: Bench) -> None:
    bench.sync(NINE)
    with_prefix(bench, "new")
    bench.mutations()
    assert bench.sync(NINE) == {"one": Outcome.UPDATED}
    assert [call[-1].rpartition("/")[2] for call in bench.mutations()] == ["ada.one", "new.one.plist"]
    assert labels(bench) == {"new.one"}
    assert [path.name for path in bench.paths.agents.iterdir()] == ["new.one.plist"]


def test_a_migration_that_is_never_loaded_is_undone(bench: Bench) -> None:
    bench.sync(NINE)
    with_prefix(bench, "new")
    bench.mac.fault("bootstrap", code=5, times=5)
    assert bench.sync(NINE) == {"one": Outcome.FAILED}
    assert labels(bench) == {"ada.one"}
    assert [path.name for path in bench.paths.agents.iterdir()] == ["ada.one.plist"]
    assert bench.sync(NINE) == {"one": Outcome.UPDATED}
    assert labels(bench) == {"new.one"}


# -- bootout


@pytest.mark.parametrize("code", [36, 37])
def test_a_bootout_that_is_under_way_is_waited_for(bench: Bench, code: int) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootout", code=code, performs=True)
    assert bench.sync(TEN) == {"one": Outcome.UPDATED}
    still_converges(bench, TEN)


@pytest.mark.parametrize("code", [3, 113])
def test_a_job_that_went_by_itself_is_as_good_as_unloaded(bench: Bench, code: int) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(TEN))
    bench.bootout()
    bench.mac.fault("bootout", code=code)
    assert bench.apply(plan).results["one"].outcome is Outcome.UPDATED
    still_converges(bench, TEN)


def test_a_bootout_that_is_refused_leaves_the_old_job_as_it_is_and_is_tried_again_by_hooks(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootout", code=150, text="no\n")
    (cause,) = bench.causes(TEN).values()
    assert "failed with status 150: no" in cause
    assert bench.is_installed_as(NINE)
    assert bench.is_loaded_as(NINE)
    assert bench.record().failed == "", "it was never tried whether the new one loads"
    assert bench.hold_files() == []
    still_converges(bench, TEN)


@pytest.mark.slow
def test_a_job_that_never_goes_fails_and_nothing_of_it_is_touched(bench: Bench) -> None:
    bench.sync(job(launchd={"ExitTimeOut": 1}))
    before = bench.plist().read_bytes()
    bench.mac.fault("bootout", code=36)
    plan = bench.plan(bench.want(TEN))
    limited = _with_limit(plan, 0.3)
    done = bench.apply(limited)
    assert done.results["one"].cause.startswith("it did not end in time")
    assert bench.plist().read_bytes() == before
    assert "one" in bench.loaded()
    still_converges(bench, TEN)


def _with_limit(plan: Plan, seconds: float) -> Plan:
    changes = []
    for change in plan.changes:
        steps = tuple(replace(step, limit=seconds) if isinstance(step, Unload) else step for step in change.steps)
        changes.append(replace(change, steps=steps))
    return replace(plan, changes=tuple(changes))


def test_a_job_that_ignores_term_is_waited_for_until_launchd_kills_it(bench: Bench) -> None:
    bench.sync(deaf())
    bench.start()
    bench.mac.ignore_term("ada.one")
    assert bench.sync(deaf(hour=10), orders=Orders(now=True)) == {"one": Outcome.UPDATED}
    still_converges(bench, deaf(hour=10))


def test_several_jobs_drain_at_once(bench: Bench) -> None:
    names = ("a", "b", "c")
    before = [deaf(name) for name in names]
    bench.sync(*before)
    for name in names:
        bench.start(name)
        bench.mac.ignore_term(f"ada.{name}")
    bench.mutations()
    after = [deaf(name, 10) for name in names]
    assert set(bench.sync(*after, orders=Orders(now=True)).values()) == {Outcome.UPDATED}
    verbs = bench.verbs()
    assert verbs[:3] == ["bootout"] * 3, "all are told to go before one is waited for"
    assert set(verbs[3:]) == {"bootstrap"}
    still_converges(bench, *after)


def test_a_job_that_drains_fast_is_loaded_before_a_slow_one_is_gone(bench: Bench) -> None:
    slow, others = deaf("a"), [job("b"), job("c")]
    bench.sync(slow, *others)
    bench.start("a")
    bench.mac.ignore_term("ada.a")
    after = [deaf("a", 10), job("b", 10), job("c", 10), job("new")]
    plan = bench.plan(bench.want(*after), Orders(now=True))
    bench.mac.clear_calls()
    assert {one.outcome for one in bench.apply(plan).results.values()} == {Outcome.UPDATED, Outcome.INSTALLED}
    calls = bench.mac.calls()
    done = [[label_of(word) for word in call[1:] if "ada." in word] for call in calls if call[0] in MUTATING]
    assert done == [["ada.a"], ["ada.b"], ["ada.c"], ["ada.b", "ada.c", "ada.new"], ["ada.a"]]
    asked = [call for call in calls if call[0] not in MUTATING]
    assert set(map(tuple, asked)) == {("print", domain())}, "one survey at a time serves all"
    still_converges(bench, *after)


# -- calls


@pytest.mark.parametrize("count", [1, 7])
def test_changed_jobs_cost_two_calls_each_and_few_surveys(bench: Bench, count: int) -> None:
    names = [f"job{number}" for number in range(count)]
    bench.sync(*map(job, names))
    bench.mac.clear_calls()
    bench.sync(*(job(name, 10) for name in names))
    calls = [tuple(call[:2]) for call in bench.mac.calls()]
    surveys = 4 + (count > 1)
    asked = "what is there, does anything run by now, are they gone, (are all loaded,) did they load"
    assert calls.count(("print", domain())) == surveys, asked
    assert Counter(verb for verb, _ in calls) == {"print": count + surveys, "bootout": count, "bootstrap": 1}


def test_new_and_removed_jobs_cost_no_more(bench: Bench) -> None:
    names = [f"job{number}" for number in range(5)]
    bench.mac.clear_calls()
    bench.sync(*map(job, names))
    assert [call[0] for call in bench.mac.calls()] == ["print", "bootstrap", "print", "print"]
    bench.mac.clear_calls()
    bench.sync()
    assert Counter(call[0] for call in bench.mac.calls()) == {"print": 5 + 3, "bootout": 5}


def test_very_many_jobs_are_replaced_some_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "AT_ONCE", 2)
    jobs = [job(name) for name in "abcde"]
    bench.sync(*jobs)
    assert bench.verbs() == ["bootstrap"] * 3
    changed = [job(name, 10) for name in "abcde"]
    assert set(bench.sync(*changed).values()) == {Outcome.UPDATED}
    assert bench.verbs() == [*["bootout"] * 2, "bootstrap"] * 2 + ["bootout", "bootstrap"]
    still_converges(bench, *changed)


@pytest.mark.parametrize("refused", [False, True])
def test_the_ledger_is_left_to_whoever_gets_the_results(bench: Bench, refused: bool) -> None:
    if refused:
        bench.mac.fault("bootstrap", code=5, times=None)
    plan, saved = bench.plan(bench.want(*map(job, "abcde"))), list[Ledger]()
    applier = apply.Applier(bench.launchd, bench.paths, saved.append, bench.said.append, retry_pause=0.001)
    done = applier.apply(plan, bench.ledger())
    assert {one.outcome for one in done.results.values()} == {Outcome.FAILED if refused else Outcome.INSTALLED}
    assert saved == []
    assert list(done.ledger.records) == list("abcde")


def test_a_second_look_that_has_grown_old_is_made_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sync(NINE, job("two", command=SLEEP))
    plan = bench.plan(bench.want(TEN, job("two", 10, command=SLEEP)))
    # The first bootout takes so long that launchers would soon pass over the hold file, and one has a run.
    monkeypatch.setattr(holding, "FRESH", 0.0)
    bench.mac.clear_calls()
    bench.apply(plan)
    verbs = [call[0] for call in bench.mac.calls()]
    assert verbs[:4] == ["print", "bootout", "print", "bootout"]


# -- one bad job


def test_one_job_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    bench.mac.fault("bootstrap", code=5, label="ada.b", times=None)
    jobs = [job(name) for name in ("a", "b", "c")]
    outcomes = bench.sync(*jobs)
    assert outcomes == {"a": Outcome.INSTALLED, "b": Outcome.FAILED, "c": Outcome.INSTALLED}
    assert bench.loaded() == {"a", "c"}
    still_converges(bench, *jobs)


def test_a_load_that_fails_for_one_job_is_repeated_for_that_one_alone(bench: Bench) -> None:
    bench.mac.fault("bootstrap", code=5, label="ada.b")
    assert set(bench.sync(*map(job, "abc")).values()) == {Outcome.INSTALLED}
    calls = [[Path(word).stem for word in call[2:]] for call in bench.mutations()]
    assert calls == [["ada.a", "ada.b", "ada.c"], ["ada.b"]]
    still_converges(bench, *map(job, "abc"))


def test_a_job_that_one_call_for_several_left_out_without_a_word_is_loaded_all_the_same(bench: Bench) -> None:
    bench.mac.fault("bootstrap", code=0, label="ada.b")
    assert set(bench.sync(*map(job, "abc")).values()) == {Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap"] * 2
    still_converges(bench, *map(job, "abc"))


def test_jobs_that_share_a_load_which_never_answers_are_loaded_one_by_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Launchd._call, "__kwdefaults__", {"timeout": 1.0})
    bench.mac.fault("bootstrap", hang=True)
    assert set(bench.sync(*map(job, "ab")).values()) == {Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap"] * 3
    bench.mac.fault("bootstrap", hang=True, label="ada.c", times=2)
    assert bench.sync(*map(job, "abcd"))["c"] is Outcome.FAILED
    assert bench.loaded() == {"a", "b", "d"}
    still_converges(bench, *map(job, "abcd"))


def test_what_was_replaced_before_time_was_up_is_known(bench: Bench) -> None:
    slow = deaf("a")
    bench.sync(slow, job("b"))
    bench.start("a")
    bench.mac.ignore_term("ada.a")
    plan = bench.plan(bench.want(deaf("a", 10), job("b", 10)), Orders(now=True))
    with pytest.raises(OutOfTime):
        bench.apply(plan, Budget(waiting=0.0))
    assert bench.record("b").load_digest == bench.launchd.render(job("b", 10)).load_digest
    assert bench.record("a").load_digest == bench.launchd.render(slow).load_digest
    until(lambda: bench.loaded() == {"b"})
    still_converges(bench, deaf("a", 10), job("b", 10))


# -- the session, and an answer that is none


def test_a_session_that_ends_in_the_middle_defers_the_rest(bench: Bench) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(NINE, job("two")))
    bench.mac.logout()
    done = bench.apply(plan)
    assert done.results["two"].outcome is Outcome.DEFERRED
    assert "no GUI session" in done.results["two"].cause
    assert bench.record("two").load_digest == ""
    assert bench.is_installed_as(job("two"))
    bench.mac.login()
    until(lambda: bench.loaded() == {"one", "two"})
    bench.mutations()
    assert bench.sync(NINE, job("two")) == {"one": Outcome.UNCHANGED, "two": Outcome.UNCHANGED}
    assert bench.mutations() == []


def test_125_to_the_survey_after_the_load_claims_nothing(bench: Bench) -> None:
    plan = bench.plan(bench.want(NINE))
    bench.mac.fault("print", code=125)
    assert bench.apply(plan).results["one"].outcome is Outcome.DEFERRED
    assert bench.record().load_digest == ""
    still_converges(bench, NINE)


def test_125_while_the_old_job_drains_counts_as_gone(bench: Bench) -> None:
    bench.sync(DAEMON)
    changed = replace(DAEMON, daemon=Restart.ON_FAILURE)
    plan = bench.plan(bench.want(changed))
    bench.mac.logout()
    assert bench.apply(plan).results["one"].outcome is Outcome.DEFERRED
    assert bench.is_installed_as(changed)
    bench.mac.login()
    until(lambda: bench.loaded() == {"one"})
    still_converges(bench, changed)


def test_a_survey_that_is_garbage_while_the_old_job_drains_is_asked_again(bench: Bench) -> None:
    bench.sync(DAEMON)
    changed = replace(DAEMON, daemon=Restart.ON_FAILURE)
    plan = bench.plan(bench.want(changed))
    bench.mac.fault("print", garbage="\x00!?", times=2)
    assert bench.apply(plan).results["one"].outcome is Outcome.UPDATED
    still_converges(bench, changed)


def test_a_survey_that_is_garbage_before_a_job_is_spared_leaves_it_alone(bench: Bench) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(TEN))
    bench.mac.fault("print", garbage="\x00!?")
    done = bench.apply(plan)
    assert "could not ask the scheduler again" in done.results["one"].cause
    assert bench.verbs()[-1] == "bootstrap", "the first sync's; nothing since"
    assert bench.is_installed_as(NINE)
    assert bench.hold_files() == []
    still_converges(bench, TEN)


def test_no_answer_after_the_load_is_not_taken_for_health(bench: Bench) -> None:
    plan = bench.plan(bench.want(NINE))
    bench.mac.fault("print", code=64)
    done = bench.apply(plan)
    assert done.results["one"].cause == "the scheduler did not say whether it took"
    assert bench.record().failed == "", "nobody knows that it was refused"
    still_converges(bench, NINE)


def test_no_answer_after_a_change_does_not_undo_it(bench: Bench) -> None:
    bench.sync(DAEMON)
    changed = replace(DAEMON, daemon=Restart.ON_FAILURE)
    plan = bench.plan(bench.want(changed))
    loaded = bench.root / "loaded"
    stub(bench, f'[ "$1" != bootstrap ] || : >"{loaded}"\n[ "$1" != print ] || [ ! -e "{loaded}" ] || exit 64')
    done = bench.apply(plan)
    loaded.unlink()
    stub(bench, "")
    assert done.results["one"].cause == "the scheduler did not say whether it took"
    assert bench.is_installed_as(changed)
    still_converges(bench, changed)


# -- running jobs (promise 7)


def test_a_running_job_is_deferred_and_finished_after_it_ends(bench: Bench) -> None:
    bench.sync(job(command=SLEEP))
    pid = bench.start()
    bench.mutations()
    changed = job(hour=10, command=SLEEP)
    (cause,) = bench.causes(changed).values()
    assert cause == f"running (pid {pid}); finished when it ends"
    assert bench.verbs() == []
    assert bench.pid() == pid
    bench.launchd.stop("ada.one")
    until(lambda: bench.pid() is None)
    assert bench.sync(changed) == {"one": Outcome.UPDATED}


def test_a_slot_that_fires_between_plan_and_apply_is_not_stopped(bench: Bench) -> None:
    bench.sync(job(command=SLEEP))
    changed = job(hour=10, command=SLEEP)
    plan = bench.plan(bench.want(changed))
    pid = bench.start()
    bench.mutations()
    done = bench.apply(plan)
    assert done.results["one"].outcome is Outcome.DEFERRED
    assert (bench.verbs(), bench.pid(), bench.hold_files()) == ([], pid, [])
    assert bench.record() == done.ledger.records["one"]
    assert bench.record().load_digest == bench.launchd.render(job(command=SLEEP)).load_digest


def echo(path: Path, hour: int = 9) -> Job:
    """Writes its hour into a file; may start again soon."""
    return job(hour=hour, command=Line(f"echo {hour} >>{path}"), launchd={"ThrottleInterval": 1})


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def stub(bench: Bench, script: str) -> None:
    """A launchctl that runs a piece of sh before it does its work."""
    path = bench.root / "launchctl"
    path.write_text(f'#!/bin/sh\n{script}\nexec "{bench.mac.launchctl}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    bench.launchd._config = replace(bench.launchd._config, launchctl=str(path))


def fire_at(bench: Bench, verb: str, *, until_held: bool = True) -> None:
    """A slot fires the moment that `verb` is called for the first time: a race that always comes."""
    once = bench.root / "fired"
    wait = f'while ! grep -q held "{bench.paths.runs("one")}" 2>/dev/null; do sleep 0.01; done' if until_held else ":"
    stub(bench, f'if [ "$1" = {verb} ] && [ ! -e "{once}" ]; then\n  : >"{once}"\n'
         f'  "{bench.mac.launchctl}" kickstart {bench.target()}\n  {wait}\nfi')  # fmt: skip


def test_a_slot_that_fires_while_it_is_held_is_run_after_the_load(bench: Bench, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    before, after = (echo(ran, hour) for hour in (9, 10))
    bench.sync(before)
    # Between the second look and the bootout: launchd starts it, and its launcher finds the hold file.
    fire_at(bench, "bootout")
    assert bench.sync(after) == {"one": Outcome.UPDATED}
    until(lambda: len(bench.runs()) == 2 and bench.runs()[1].ended is not None)
    assert [run.skipped for run in bench.runs()] == [records.HELD, ""]
    assert ran.read_text(encoding="utf-8") == "10\n", "once, and as it is now"
    assert bench.hold_files() == []


def test_a_slot_that_fires_right_before_the_second_look_is_waited_for_and_not_lost(
    bench: Bench, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    before, after = (echo(ran, hour) for hour in (9, 10))
    bench.sync(before)
    plan = bench.plan(bench.want(after))
    # The survey sees the pid of a launcher that does nothing but find the hold file.
    fire_at(bench, "print", until_held=False)
    assert bench.apply(plan).results["one"].outcome in (Outcome.UPDATED, Outcome.DEFERRED)
    until(ran.exists)
    bench.mac.settle()
    assert bench.hold_files() == []
    still_converges(bench, after)


def test_a_held_start_of_a_job_that_starts_at_login_is_had_once(bench: Bench, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    schedules = [Schedule(slots=(Slot(hour=hour, minute=0),), at_login=True) for hour in (9, 10)]
    before, after = (replace(echo(ran), schedule=schedule) for schedule in schedules)
    bench.sync(before)
    bench.mac.settle()
    fire_at(bench, "bootout")
    assert bench.sync(after) == {"one": Outcome.UPDATED}
    until(lambda: text(ran) == "9\n")
    bench.mac.settle()
    assert text(ran) == "9\n", "once"
    assert not bench.paths.token("one").exists()


def test_a_held_start_is_made_up_for_where_the_change_fails(bench: Bench, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    before, after = (echo(ran, hour) for hour in (9, 10))
    bench.sync(before)
    fire_at(bench, "bootout")
    bench.mac.fault("bootout", code=150)
    assert bench.sync(after) == {"one": Outcome.FAILED}
    until(lambda: text(ran) == "9\n")


def test_a_held_start_is_made_up_for_where_the_former_job_comes_back(bench: Bench, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    before, after = (echo(ran, hour) for hour in (9, 10))
    bench.sync(before)
    fire_at(bench, "bootout")
    bench.mac.fault("bootstrap", code=5, times=5)
    assert bench.sync(after) == {"one": Outcome.FAILED}
    until(lambda: text(ran) == "9\n")
    assert bench.is_loaded_as(before)


def held_start(bench: Bench) -> None:
    """A slot fired while a hold was there, which is gone."""
    hold = Hold("one", bench.paths, bench.launchd)
    hold.place()
    bench.launchd.start(bench.label())
    until(lambda: [run.skipped for run in bench.runs()] == [records.HELD])
    hold.release()


def test_a_start_that_launchd_puts_off_outlives_the_next_change(bench: Bench, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    before, after = (replace(echo(ran, hour), launchd={"ThrottleInterval": 5}) for hour in (9, 10))
    bench.sync(before)
    held_start(bench)
    holding.pay_debts(bench.paths, bench.launchd, bench.ledger().records)
    assert bench.verbs()[-1] == "kickstart"
    assert bench.sync(after) == {"one": Outcome.UPDATED}
    until(lambda: text(ran) == "10\n")
    holding.pay_debts(bench.paths, bench.launchd, bench.ledger().records)
    assert not holding.is_in_debt(bench.paths)


class Ending:
    """A scheduler to which a launcher that found a hold is at its last line."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.started_after = looks

    def survey(self) -> Survey:
        self.looks -= 1
        return Survey({"ada.one": Loaded(4711 if self.looks >= 0 else None, None)}, {})

    def start(self, label: str) -> None:
        assert label == "ada.one"
        self.started_after = self.looks


def test_a_held_start_is_not_asked_for_while_its_launcher_is_ending(bench: Bench) -> None:
    bench.sync(NINE)
    ending = Ending(looks=3)
    held_start(bench)
    holding.pay_debts(bench.paths, cast("Scheduler", ending), bench.ledger().records)
    assert ending.started_after < 0, "a start of what runs would be none"


def test_a_start_that_was_asked_for_on_a_clock_ahead_is_asked_for_again(bench: Bench) -> None:
    bench.sync(NINE)
    held_start(bench)
    owed = bench.paths.owed("one")
    files.write_atomically(owed, b"asked\n", 0o600)
    files.set_time(owed, time.time() + 86_400)
    idle = Ending(looks=0)
    holding.pay_debts(bench.paths, cast("Scheduler", idle), bench.ledger().records)
    assert idle.started_after < 0


def test_a_hold_that_a_killed_sync_left_is_taken_away_by_the_next(bench: Bench) -> None:
    bench.sync(NINE)
    bench.paths.hold("one").parent.mkdir(exist_ok=True)
    bench.paths.hold("one").write_text(f"{int(time.time()) + 100}\n", encoding="ascii")
    assert bench.sync(NINE) == {"one": Outcome.UNCHANGED}
    assert bench.hold_files() == []


def test_with_now_a_running_job_is_stopped_and_replaced(bench: Bench) -> None:
    bench.sync(job(command=SLEEP))
    pid = bench.start()
    assert bench.sync(job(hour=10, command=SLEEP), orders=Orders(now=True)) == {"one": Outcome.UPDATED}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_sync_starts_nothing_but_daemons(bench: Bench) -> None:
    daemon = job("daemon", schedule=Schedule(), daemon=Restart.ALWAYS, command=SLEEP)
    login, by_hand = job("login", schedule=Schedule(at_login=True)), job("byhand", schedule=Schedule())
    bench.sync(NINE, login, by_hand, daemon)
    until(lambda: bool(bench.runs("login")) and bool(bench.runs("daemon")))
    assert [run.skipped for run in bench.runs("login")] == ["loaded by sync"]
    assert bench.runs("one") == bench.runs("byhand") == ()
    assert bench.pid("daemon")


def test_a_start_at_load_that_is_pended_is_never_kickstarted(bench: Bench) -> None:
    bench.mac.pend("ada.one")
    assert bench.sync(AT_LOGIN) == {"one": Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap"]
    assert bench.mac.runs("ada.one") == 0
    still_converges(bench, AT_LOGIN)


def test_a_daemon_whose_start_is_pended_is_started(bench: Bench) -> None:
    bench.mac.pend("ada.one")
    assert bench.sync(DAEMON) == {"one": Outcome.INSTALLED}
    assert bench.verbs() == ["bootstrap", "kickstart"]
    until(lambda: bench.pid() is not None)
    still_converges(bench, DAEMON)


def test_a_load_that_failed_leaves_no_token_for_the_next_login(bench: Bench) -> None:
    bench.mac.fault("bootstrap", code=5, times=None)
    bench.sync(AT_LOGIN)
    assert not bench.paths.token("one").exists()


# -- daemons


def test_a_daemon_is_restarted_when_its_inputs_changed_and_not_reloaded(bench: Bench) -> None:
    bench.sync(DAEMON)
    until(lambda: bool(bench.runs()))
    first = bench.pid()
    bench.mutations()
    changed = replace(DAEMON, command=Argv(("sleep", "1001")))
    assert bench.sync(changed) == {"one": Outcome.UPDATED}
    assert bench.verbs() == ["kickstart"]
    until(lambda: bench.pid() not in (None, first))
    still_converges(bench, changed)


def test_a_restart_that_failed_is_tried_again(bench: Bench) -> None:
    bench.sync(DAEMON)
    until(lambda: bool(bench.runs()))
    changed = replace(DAEMON, command=Argv(("sleep", "1001")))
    bench.mac.fault("kickstart", code=5)
    assert bench.sync(changed) == {"one": Outcome.FAILED}
    first = bench.pid()
    bench.mutations()
    assert bench.sync(changed)["one"] is not Outcome.FAILED
    assert bench.verbs() == ["kickstart"]
    until(lambda: bench.pid() not in (None, first))
    still_converges(bench, changed)


# -- hand edits and strangers


def test_a_hand_edit_is_kept_before_it_is_undone(bench: Bench) -> None:
    bench.sync(NINE)
    edited = bench.plist().read_bytes().replace(b">9<", b">8<")
    bench.plist().write_bytes(edited)
    done = bench.apply(bench.plan(bench.want(NINE)))
    assert bench.kept() == [edited]
    assert [Path(path).read_bytes() for path in done.kept] == [edited]
    assert Path(done.kept[0]).stat().st_mode & 0o777 == 0o600
    still_converges(bench, NINE)


def test_a_hand_edit_is_kept_also_when_the_job_is_removed(bench: Bench) -> None:
    bench.sync(NINE)
    bench.paths.launcher("one").write_bytes(b"#!/bin/sh\n# mine\n")
    bench.sync(job("two"))
    assert bench.kept() == [b"#!/bin/sh\n# mine\n"]


def test_a_hand_edit_is_kept_when_a_failed_change_brings_the_former_job_back(bench: Bench) -> None:
    bench.sync(NINE)
    bench.mac.fault("bootstrap", code=5, times=5)
    mine = b"#!/bin/sh\n# mine\n"
    bench.paths.launcher("one").write_bytes(mine)
    assert bench.sync(job(hour=10, line="false")) == {"one": Outcome.FAILED}
    assert bench.kept() == [mine]
    assert bench.is_installed_as(NINE)


def test_an_edit_that_is_made_while_a_sync_waits_is_kept_too(bench: Bench) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(TEN))
    mine = bench.plist().read_bytes().replace(b">9<", b">8<")
    bench.plist().write_bytes(mine)
    bench.apply(plan)
    assert bench.kept() == [mine]
    still_converges(bench, TEN)


def test_an_edit_that_is_made_while_a_removal_waits_is_kept_too(bench: Bench) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want())
    bench.paths.launcher("one").write_bytes(b"mine")
    bench.apply(plan)
    assert bench.kept() == [b"mine"]
    still_converges(bench)


def test_a_stranger_who_comes_while_a_sync_waits_is_not_overwritten(bench: Bench) -> None:
    plan = bench.plan(bench.want(NINE))
    bench.plist().write_bytes(b"theirs")
    done = bench.apply(plan)
    assert done.results["one"].outcome is Outcome.CONFLICT
    assert bench.plist().read_bytes() == b"theirs"
    assert "one" not in bench.ledger().records, "nor ours by the ledger from now on"
    assert bench.sync(NINE) == {"one": Outcome.CONFLICT}
    bench.plist().unlink()
    still_converges(bench, NINE)


def test_what_a_killed_sync_wrote_is_never_called_an_edit(bench: Bench) -> None:
    bench.sync(NINE)
    before = bench.paths.ledger.read_bytes()
    bench.sync(TEN)
    # As after a kill between the load and the ledger, and the definition taken back before the next sync.
    bench.paths.ledger.write_bytes(before)
    assert bench.causes(NINE) == {"one": "a sync was stopped before it was done"}
    assert bench.kept() == []
    still_converges(bench, NINE)


def test_an_edited_launcher_is_kept_when_the_ledger_is_lost_too(bench: Bench) -> None:
    bench.sync(NINE, job("two"))
    bench.paths.ledger.unlink()
    bench.paths.launcher("one").write_bytes(b"mine")
    done = bench.apply(bench.plan(bench.want(NINE, job("two", line="false"))))
    assert bench.kept() == [b"mine"], "and the other one is jobsync's own: the store knows it"
    assert len(done.kept) == 1
    still_converges(bench, NINE, job("two", line="false"))


def test_a_daemon_that_nothing_tells_of_any_more_is_not_waited_for(bench: Bench) -> None:
    bench.sync(DAEMON)
    until(lambda: bool(bench.pid("one")))
    bench.paths.ledger.unlink()
    path = bench.paths.plist("ada.one")
    path.write_bytes(path.read_bytes().replace(b"<!--", b"<--", 1))
    assert bench.sync(DAEMON) == {"one": Outcome.UPDATED}, "its end would never come"
    assert len(bench.kept()) == 1
    still_converges(bench, DAEMON)


def test_many_edits_at_once_are_all_kept(bench: Bench) -> None:
    names = [f"job{number}" for number in range(kept.COPIES_OF_ONE_FILE + 15)]
    bench.sync(*map(job, names))
    for name in names:
        bench.paths.launcher(name).write_bytes(f"mine {name}".encode())
    bench.sync(*map(job, names))
    assert sorted(bench.kept()) == sorted(f"mine {name}".encode() for name in names)


def test_a_strangers_job_that_took_our_label_is_left_when_ours_goes(bench: Bench) -> None:
    bench.sync(NINE, job("two"))
    bench.bootout()
    path = bench.root / "theirs.plist"
    path.write_bytes(plistlib.dumps({"Label": "ada.one", "ProgramArguments": ["/bin/sleep", "1000"]}))
    path.chmod(0o644)
    bench.launchctl("bootstrap", bench.target().rpartition("/")[0], str(path))
    bench.mutations()
    assert bench.sync(TEN, job("two"))["one"] is Outcome.CONFLICT
    assert bench.sync(job("two"))["one"] is Outcome.REMOVED
    assert bench.verbs() == []
    assert not bench.plist().exists()
    assert bench.loaded() == {"one", "two"}


def test_a_strangers_plist_in_our_place_is_never_touched(bench: Bench) -> None:
    bench.plist().write_bytes(b"theirs")
    bench.plist().chmod(0o600)
    before = bench.snapshot()
    assert bench.sync(NINE) == {"one": Outcome.CONFLICT}
    assert bench.plist().read_bytes() == b"theirs"
    after = {path: value for path, value in bench.snapshot().items() if "/state" not in path and path in before}
    assert after == {path: value for path, value in before.items() if "/state" not in path}
    assert bench.verbs() == []


def test_a_strangers_job_under_our_label_is_never_unloaded(bench: Bench) -> None:
    path = bench.root / "theirs.plist"
    path.write_bytes(plistlib.dumps({"Label": "ada.one", "ProgramArguments": ["/bin/sleep", "1000"]}))
    path.chmod(0o644)
    bench.launchctl("bootstrap", bench.target().rpartition("/")[0], str(path))
    bench.mutations()
    assert bench.sync(NINE) == {"one": Outcome.CONFLICT}
    assert bench.verbs() == []
    assert not bench.plist().exists()


@pytest.mark.parametrize("place", ["plist", "launcher"])
def test_a_link_in_our_place_is_replaced_and_its_target_left(bench: Bench, place: str) -> None:
    bench.sync(NINE)
    path = bench.plist() if place == "plist" else bench.paths.launcher("one")
    target = bench.root / "target"
    path.rename(target)
    path.symlink_to(target)
    before = target.read_bytes()
    assert bench.sync(NINE) == {"one": Outcome.REPAIRED}
    assert not path.is_symlink()
    assert target.read_bytes() == before
    still_converges(bench, NINE)


@pytest.mark.parametrize("place", ["plist", "launcher"])
def test_a_directory_in_our_place_stops_that_job_alone(bench: Bench, place: str) -> None:
    bench.sync(NINE, job("two"))
    path = bench.plist() if place == "plist" else bench.paths.launcher("one")
    path.unlink()
    path.mkdir()
    (path / "precious").touch()
    assert bench.sync(NINE, job("two", hour=10)) == {"one": Outcome.CONFLICT, "two": Outcome.UPDATED}
    assert (path / "precious").exists()
    assert bench.loaded() == {"one", "two"}
    (path / "precious").unlink()
    path.rmdir()
    still_converges(bench, NINE, job("two", hour=10))


@pytest.mark.parametrize("place", ["plist", "launcher"])
def test_a_pipe_in_our_place_makes_nobody_wait(bench: Bench, place: str) -> None:
    bench.sync(NINE)
    path = bench.plist() if place == "plist" else bench.paths.launcher("one")
    path.unlink()
    os.mkfifo(path)
    assert bench.sync(NINE) == {"one": Outcome.CONFLICT}
    bench.sync()
    assert not path.exists() and bench.loaded() == set()


def test_a_change_that_cannot_be_written_brings_the_former_job_back(bench: Bench) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(job(hour=10, line="false")))
    # The launcher is written, then the plist cannot be.
    blocked = bench.paths.agents / ".ada.one.plist.jobsync-tmp"
    blocked.mkdir()
    done = bench.apply(plan)
    assert done.results["one"].outcome is Outcome.FAILED
    assert "cannot write" in done.results["one"].cause
    assert done.results["one"].cause.endswith("; the former job is back")
    assert bench.is_installed_as(NINE)
    assert bench.is_loaded_as(NINE)
    assert bench.record().failed == "", "nothing was refused: hooks try it again"
    blocked.rmdir()
    still_converges(bench, TEN)


def test_a_removal_that_fails_is_remembered_and_tried_again(bench: Bench) -> None:
    bench.sync(NINE, job("two"))
    bench.plist().unlink()
    bench.plist().mkdir()
    assert bench.sync(job("two"))["one"] is Outcome.FAILED
    assert "one" in bench.ledger().records
    bench.plist().rmdir()
    assert bench.sync(job("two"))["one"] is Outcome.REMOVED
    still_converges(bench, job("two"))


# -- places


def test_a_missing_launch_agents_is_made_as_macos_makes_it(bench: Bench) -> None:
    bench.paths.agents.rmdir()
    assert bench.sync(NINE) == {"one": Outcome.INSTALLED}
    assert bench.paths.agents.stat().st_mode & 0o777 == 0o755
    assert bench.paths.launchers.stat().st_mode & 0o777 == 0o700
    still_converges(bench, NINE)


@pytest.mark.parametrize("which", ["launchers", "logs", "store"])
def test_a_file_where_a_directory_is_needed_is_a_sentence(bench: Bench, which: str) -> None:
    place: Path = getattr(bench.paths, which)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    (cause,) = bench.causes(NINE).values()
    assert "is in the way: a directory is needed there" in cause
    place.unlink()
    still_converges(bench, NINE)


def test_a_launch_agents_that_is_a_file_is_a_sentence(bench: Bench) -> None:
    bench.paths.agents.rmdir()
    bench.paths.agents.touch()
    with pytest.raises(JobsyncError, match=r"cannot read .*LaunchAgents"):
        bench.sync(NINE)
    assert bench.verbs() == []


# -- orphans and leftovers


def test_with_a_lost_ledger_orphans_are_known_by_their_mark(bench: Bench) -> None:
    bench.sync(NINE, job("two"), job("three"))
    bench.paths.ledger.unlink()
    bench.bootout("two")
    outcomes = bench.sync(NINE)
    assert outcomes == {"one": Outcome.UNCHANGED, "two": Outcome.REMOVED, "three": Outcome.REMOVED}
    assert bench.loaded() == {"one"}
    assert [path.name for path in bench.paths.launchers.iterdir()] == ["one"]
    assert [path.name for path in bench.paths.agents.iterdir()] == ["ada.one.plist"]


def test_an_orphan_that_is_only_loaded_is_known_by_its_mark(bench: Bench) -> None:
    bench.sync(NINE, job("two"))
    bench.paths.ledger.unlink()
    bench.plist("two").unlink()
    assert bench.sync(NINE)["two"] is Outcome.REMOVED
    assert bench.loaded() == {"one"}
    still_converges(bench, NINE)


def test_an_orphan_that_the_brake_keeps_keeps_its_launcher(bench: Bench) -> None:
    bench.sync(NINE, job("two"))
    bench.paths.ledger.unlink()
    plan = bench.plan(bench.want(), Orders())
    assert plan.brake
    bench.apply(plan)
    assert bench.loaded() == {"one", "two"}
    assert bench.is_installed_as(NINE)


def test_what_killed_syncs_left_behind_is_tidied_up(bench: Bench) -> None:
    bench.sync(NINE)
    stale = [bench.paths.launchers / ".one.jobsync-tmp", bench.paths.launchers / "gone",
             bench.paths.agents / ".ada.gone.plist.jobsync-tmp", bench.paths.store / ".ab.jobsync-tmp",
             bench.paths.state / ".ledger.jobsync-tmp", bench.paths.state / ".deferred.jobsync-tmp",
             bench.paths.kept / ".one.jobsync-tmp", bench.paths.token("x").parent / ".one.jobsync-tmp"]  # fmt: skip
    others = [bench.paths.agents / ".com.example.plist.jobsync-tmp", bench.paths.agents / "notes"]
    for path in (*stale, *others):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (bench.paths.launchers / "directory").mkdir()
    bench.sync(NINE)
    assert not any(path.exists() for path in stale)
    assert all(path.exists() for path in (*others, bench.paths.launchers / "directory"))
    still_converges(bench, NINE)


def test_a_leftover_that_cannot_be_removed_is_said_and_stops_nothing(bench: Bench) -> None:
    bench.sync(NINE)
    plan = bench.plan(bench.want(TEN))
    (bench.root / "full").mkdir()
    done = bench.apply(replace(plan, leftovers=(Remove(str(bench.root / "full"), keeps=False),)))
    assert done.results["one"].outcome is Outcome.UPDATED
    assert done.results["full"].outcome is Outcome.FAILED
    assert "cannot remove" in done.results["full"].cause


# -- lost and spoilt memory


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_ledger_is_a_lost_one_and_nothing_is_lost_by_it(bench: Bench, part: float) -> None:
    bench.sync(NINE, job("two"))
    whole = bench.paths.ledger.read_bytes()
    bench.paths.ledger.write_bytes(whole[: int(len(whole) * part)])
    bench.mutations()
    assert set(bench.sync(NINE, job("two")).values()) == {Outcome.UNCHANGED}
    assert bench.mutations() == []
    assert bench.paths.ledger.read_bytes() == whole
    still_converges(bench, NINE)


def test_a_newer_ones_ledger_stops_everything_before_anything_is_done(bench: Bench) -> None:
    bench.sync(NINE)
    ledgers.write(bench.paths.ledger, replace(bench.ledger(), render_format=ledgers.RENDER_FORMAT + 1), None)
    before = bench.snapshot()
    bench.mutations()
    with pytest.raises(JobsyncError, match="a newer jobsync"):
        bench.sync(TEN)
    assert bench.snapshot() == before
    assert bench.mutations() == []


# -- killed at any instant


BEFORE, AFTER = job(hour=9, line="true"), job(hour=10, line="false")


def killed(bench: Bench, effect: int) -> int:
    """Sync `AFTER` in a process of its own that is killed right before its n-th effect; its status."""
    ended = forks.run(programs.killed, str(bench.root), str(effect), at=bench.root, env=os.environ)
    assert "Traceback" not in ended.text, ended
    return ended.status


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 1])
def test_a_sync_that_is_killed_before_any_effect_is_finished_by_the_next(bench: Bench, first: int) -> None:
    # One at a time, each from the same settled state; odd and even ones in two tests, for the sake of time.
    for effect in range(1 + first, 100, 2):
        bench.sync(BEFORE)
        if killed(bench, effect) != -signal.SIGKILL:
            assert effect > 10, "the process came to its end without having been killed"
            break
        still_converges(bench, AFTER)
        assert bench.hold_files() == []


@pytest.mark.slow
@pytest.mark.parametrize("effect", [3, 6, 9, 12, 15, 18])
def test_a_killed_sync_whose_change_is_taken_back_is_undone_by_the_next(bench: Bench, effect: int) -> None:
    bench.sync(BEFORE)
    assert killed(bench, effect) == -signal.SIGKILL
    still_converges(bench, BEFORE)
    assert bench.hold_files() == []


def test_what_a_killed_sync_left_is_not_taken_for_a_hand_edit(bench: Bench) -> None:
    bench.sync(BEFORE)
    assert killed(bench, 15) == -signal.SIGKILL
    still_converges(bench, AFTER)
    assert bench.kept() == []
