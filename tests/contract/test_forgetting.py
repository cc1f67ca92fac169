"""A reload that forgets changed timers does what a stop before it did; where it cannot, they are stopped."""

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from jobsync.definitions.job import Job, Schedule, Slot
from jobsync.reconcile.state import Outcome
from jobsync.values import replace

from ..hours import Noon
from ..reconcile.bench import SLEEP, job
from .rig import Linux

NINE, TEN = job(hour=9), job(hour=10)
FORGOTTEN = ["daemon-reload", "start"]
STOPPED = ["stop", "daemon-reload", "start"]


def _changing(linux: Linux, *jobs: Job) -> list[str]:
    """The calls by which that is done, and done whole."""
    linux.calls()
    assert Outcome.FAILED not in linux.sync(*jobs).values()
    found = linux.calls()
    linux.assert_converged(*jobs)
    assert not list(Path(linux.manager.runtime, "systemd/user").glob("*.d")), "nothing is left in the manager's place"
    return found


def _moments(linux: Linux) -> str:
    return linux.manager.systemctl("show", "-p", "TimersCalendar", "--value", linux.unit("one"))


def _now() -> datetime:
    """As the manager's clock shows it."""
    return datetime.now(timezone(-timedelta(hours=Noon.now().hours)))


def _with_drop_in(linux: Linux, path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    linux.manager.systemctl("daemon-reload")


def test_what_would_have_been_due_by_the_new_times_is_not_started(linux: Linux) -> None:
    linux.sync(NINE)
    linux.manager.systemctl("stop", linux.unit("one"))
    an_hour_ago = time.time() - 3600
    os.utime(linux.paths.stamps / f"stamp-{linux.unit('one')}", (an_hour_ago, an_hour_ago))
    linux.manager.systemctl("start", linux.unit("one"))
    passed = _now() - timedelta(minutes=10)
    slots = (Slot(hour=passed.hour, minute=passed.minute),)
    assert _changing(linux, replace(NINE, schedule=Schedule(slots=slots))) == FORGOTTEN
    assert f"{passed:%H:%M}:00" in _moments(linux)
    time.sleep(0.5)
    assert not linux.runs()


def test_a_timer_that_fires_before_the_reload_gets_its_new_times(linux: Linux) -> None:
    linux.sync(replace(NINE, command=SLEEP))
    timer = linux.paths.units / linux.unit("one")
    # Its description says the same, so that the sync finds what it expects.
    timer.write_text(timer.read_text().replace("09:00:00", f"{_now() + timedelta(seconds=3):%H:%M:%S}"))
    linux.manager.systemctl("daemon-reload")
    linux.manager.systemctl("restart", linux.unit("one"))
    linux.reload_late(4)
    assert _changing(linux, replace(TEN, command=SLEEP)) == [*FORGOTTEN, *STOPPED]
    assert "10:00:00" in _moments(linux)
    assert len(linux.runs()) == 1
    assert linux.pid() is not None, "that run goes on"


def test_a_timer_that_something_else_wants_gets_its_new_times(linux: Linux) -> None:
    linux.sync(NINE)
    link = linux.paths.wants("default.target") / linux.unit("one")
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(linux.paths.units / linux.unit("one"))
    linux.manager.systemctl("daemon-reload")
    assert _changing(linux, TEN)[:2] == FORGOTTEN
    assert "10:00:00" in _moments(linux)


@pytest.mark.parametrize("name", ["ada.one.timer.d/user.conf", "timer.d/~~.conf"])
def test_a_drop_in_of_the_users_has_its_timer_stopped(linux: Linux, name: str) -> None:
    linux.sync(NINE)
    _with_drop_in(linux, linux.paths.unit_links / name, "[Timer]\nOnCalendar=*-*-* 23:00:00\n")
    assert _changing(linux, TEN) == STOPPED
    assert "10:00:00" in _moments(linux) and "23:00:00" in _moments(linux)


def test_what_a_killed_sync_left_behind_is_no_drop_in_of_the_users(linux: Linux) -> None:
    linux.sync(NINE)
    left = Path(linux.manager.runtime, "systemd/user", f"{linux.unit('one')}.d", "jobsync-reload.conf")
    _with_drop_in(linux, left, "[Unit]\nDescription=no times\n[Timer]\nOnCalendar=\nRemainAfterElapse=no\n")
    _changing(linux, TEN)
    assert "10:00:00" in _moments(linux)


@pytest.mark.parametrize("schedule", [Schedule(), Schedule(on_change=("/nonexistent",))])
def test_a_timer_that_goes_is_stopped(linux: Linux, schedule: Schedule) -> None:
    linux.sync(NINE)
    assert "stop" in _changing(linux, replace(NINE, schedule=schedule))
    listed = linux.manager.systemctl("list-units", "--all", "--plain", "--no-legend", linux.unit("one"))
    assert not listed


def test_where_one_is_stopped_all_are(linux: Linux) -> None:
    linux.sync(NINE, job("goes"))
    assert _changing(linux, TEN) == STOPPED
