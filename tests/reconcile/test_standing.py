"""How a job stands, by its process, its last run and what was missed."""

from datetime import UTC, datetime

import pytest

from jobsync.reconcile.standing import State, crash_loop, ending, failing_since, habit, run_state
from jobsync.runs.records import EXPECTATION, NO_LOCK, NO_LOG, STOPPED, TIMEOUT, Run

WELL = Run("20261123T070000Z-1", started=1, ended=2, status=0)
STOPPED_RUN = Run("20261123T070000Z-2", started=1, ended=2, status=143, reason=STOPPED)
LATE = Run("20261123T070000Z-3", started=1, ended=2, status=124, reason=TIMEOUT)
CUT = Run("20261123T070000Z-4", started=1)
NOW = datetime.fromtimestamp(1_000, UTC)


@pytest.mark.parametrize(
    ("last", "of_a_job", "of_a_daemon", "words"),
    [
        (None, State.NEVER_RAN, State.NOT_RUNNING, "has not started"),
        (WELL, State.OK, State.NOT_RUNNING, "ended"),
        # launchd lets ten seconds pass between two starts.
        (STOPPED_RUN, State.FAILING, State.NOT_RUNNING, "told to end"),
        (LATE, State.FAILING, State.FAILING, "timeout"),
        (CUT, State.FAILING, State.FAILING, "killed"),
    ],
)
def test_what_has_no_process_stands_by_its_last_run(
    last: Run | None, of_a_job: State, of_a_daemon: State, words: str
) -> None:
    runs = (last,) if last else ()
    assert run_state(None, runs, None, NOW, is_daemon=False, is_local=False)[0] is of_a_job
    state, said = run_state(None, runs, None, NOW, is_daemon=True, is_local=False)
    assert state is of_a_daemon
    assert words in said


@pytest.mark.parametrize("last", [None, WELL, STOPPED_RUN, LATE, CUT])
def test_what_has_a_process_runs(last: Run | None) -> None:
    for is_daemon in (True, False):
        runs = (last,) if last else ()
        assert run_state(7, runs, None, NOW, is_daemon=is_daemon, is_local=False) == (State.RUNNING, "pid 7")


def _failures(*starts: int) -> list[Run]:
    return [Run(f"r{start}", started=start, ended=start + 2, status=1) for start in starts]


def test_a_daemon_that_does_nothing_but_fail_does_not_run_whatever_has_a_process() -> None:
    runs = (*_failures(900, 910, 920), Run("now", started=998))
    said = (State.FAILING, "failed 3 times within 20s, and is started again and again")
    assert run_state(7, runs, None, NOW, is_daemon=True, is_local=False) == said
    assert run_state(7, runs, None, NOW, is_daemon=False, is_local=False) == (State.RUNNING, "pid 7"), "it may succeed"


@pytest.mark.parametrize(
    ("runs", "is_one"),
    [
        (_failures(900, 910, 920), True),
        ([*_failures(900, 910, 920), Run("new", started=941)], True),
        # It has lasted for a minute, and so is another one than those before it.
        ([*_failures(900, 910, 920), Run("new", started=930)], False),
        # Each of them lasted for longer than this one has so far.
        ([*_failures(600, 700, 800), Run("new", started=900)], True),
        ([*_failures(400, 500, 600), Run("new", started=700)], False),
        (_failures(300, 600, 901), False),
        (_failures(910, 920), False),
        ([*_failures(900), WELL, *_failures(910, 920)], False),
        ([*_failures(900, 910), STOPPED_RUN], False),
        ([*_failures(900, 910), Run("hand", started=920, ended=921, status=1, by_hand=True)], False),
        ([*_failures(900, 910), Run("skip", started=915, skipped="paused"), *_failures(920)], True),
        ([], False),
    ],
)
def test_three_failures_within_ten_minutes_are_a_loop_until_one_run_lasts(runs: list[Run], *, is_one: bool) -> None:
    assert (crash_loop(runs, NOW.timestamp(), goes_on=True, is_daemon=True) is not None) is is_one


def test_the_newest_run_counts_where_it_does_not_go_on() -> None:
    cut = [*_failures(900, 910), Run("cut", started=920)]
    assert crash_loop(cut, NOW.timestamp(), goes_on=False, is_daemon=True) == 20
    assert not habit(cut, NOW.timestamp(), goes_on=True)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "ended with exit 78 (EX_CONFIG)"),
        (STOPPED, "was stopped"),
        (TIMEOUT, "ran into its timeout"),
        (NO_LOG, "could not have a log"),
        (NO_LOCK, "could not have its lock"),
        (f"{EXPECTATION}: no line matches done", "broke an expectation: no line matches done"),
    ],
)
def test_the_end_of_a_run_makes_a_sentence(reason: str, said: str) -> None:
    assert ending(Run("20261123T070000Z-5", started=1, ended=2, status=78, reason=reason)) == said


def test_a_daemon_fails_since_the_first_run_that_nobody_ended() -> None:
    ran_for_days = Run("20261123T070000Z-1", started=1, ended=200_000, status=143, reason=STOPPED)
    killed = Run("20261125T143500Z-2", started=200_100)
    assert failing_since([ran_for_days, killed], is_daemon=True) == 200_100
    assert failing_since([ran_for_days, killed], is_daemon=False) == 1, "a job that is stopped did not do its work"
    assert failing_since([killed, WELL], is_daemon=False) is None
