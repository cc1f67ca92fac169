"""How a job stands, by its process, its last run and what was missed."""

import pytest

from jobsync.reconcile.standing import State, ending, failing_since, run_state
from jobsync.runs.records import EXPECTATION, NO_LOCK, NO_LOG, STOPPED, TIMEOUT, Run

WELL = Run("20261123T070000Z-1", started=1, ended=2, status=0)
STOPPED_RUN = Run("20261123T070000Z-2", started=1, ended=2, status=143, reason=STOPPED)
LATE = Run("20261123T070000Z-3", started=1, ended=2, status=124, reason=TIMEOUT)
CUT = Run("20261123T070000Z-4", started=1)


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
    assert run_state(None, last, None, is_daemon=False, is_local=False)[0] is of_a_job
    state, said = run_state(None, last, None, is_daemon=True, is_local=False)
    assert state is of_a_daemon
    assert words in said


@pytest.mark.parametrize("last", [None, WELL, STOPPED_RUN, LATE, CUT])
def test_what_has_a_process_runs(last: Run | None) -> None:
    for is_daemon in (True, False):
        assert run_state(7, last, None, is_daemon=is_daemon, is_local=False) == (State.RUNNING, "pid 7")


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
