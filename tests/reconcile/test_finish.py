"""How often whoever finishes deferred changes looks again: a laptop's battery pays for each look."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from jobsync.paths import Paths
from jobsync.reconcile import background, deferred, finish
from jobsync.reconcile.deferred import Request
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.state import Caller

ORIGIN = cast("Origin", None)
OVER, RUNS = 7, 8
"""Process ids."""


def test_what_is_put_off_while_a_waiter_ends_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who was started for it found the lock held, and went away."""
    origin = cast("Origin", SimpleNamespace(paths=SimpleNamespace(state=tmp_path, waiter=tmp_path / "waiter")))
    waiting = {"a": Request(Caller.HOOK, OVER)}
    waited: list[str] = []

    def finish_all(_: Origin, deadline: float) -> None:
        del deadline
        waited.extend(waiting)
        waiting.clear()
        if waited == ["a"]:
            waiting["b"] = Request(Caller.HOOK, OVER)

    monkeypatch.setattr(finish, "_finish_all", finish_all)
    monkeypatch.setattr(finish, "deferred", SimpleNamespace(read=lambda _: dict(waiting)))
    monkeypatch.setattr(finish, "_carry_on", lambda _: None)
    finish.finish(origin)
    assert waited == ["a", "b"]


def test_what_a_hook_inside_a_daemon_hands_on_waits_for_the_end_of_git(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From outside, that sync may stop the daemon, and with it the git that its hook has just left."""
    origin = cast("Origin", SimpleNamespace(paths=Paths(*(tmp_path / name for name in "asldk"))))
    started: list[bool] = []
    monkeypatch.setattr(deferred, "errand_inside", lambda _: RUNS)
    monkeypatch.setattr(deferred, "start_finishing", lambda _, from_outside: started.append(from_outside))
    background.hand_on(origin)
    assert started == [True]

    happened: list[str] = []
    alive = iter((True, True, False))
    clock = SimpleNamespace(sleep=lambda _: happened.append("waited"), time=time.time)
    monkeypatch.setattr(finish, "time", clock)
    monkeypatch.setattr(finish, "process", SimpleNamespace(is_alive=lambda pid: pid == RUNS and next(alive)))
    monkeypatch.setattr(finish, "_sync_from_hook", lambda _: happened.append("synced"))
    finish._carry_on(origin)
    assert happened == ["waited", "waited", "synced"]
    assert background.read(origin) is None


class Waiting:
    """A clock that only sleeping moves, and what waits meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.looks: list[float] = []
        self.requests = {"a": Request(Caller.HOOK, OVER)}
        self.ends_at = float("inf")
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep)
        processes = SimpleNamespace(is_alive=lambda pid: pid == RUNS and self.now < self.ends_at)
        monkeypatch.setattr(finish, "time", clock)
        monkeypatch.setattr(finish, "process", processes)
        monkeypatch.setattr(finish, "deferred", SimpleNamespace(read=lambda _: dict(self.requests)))
        monkeypatch.setattr(finish, "_carry_on", lambda _: None)
        self.renewals: list[float] = []
        monkeypatch.setattr(finish, "_renew", lambda _: self.renewals.append(self.now))
        monkeypatch.setattr(finish, "_finish_once", lambda _: self.looks.append(self.now))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


def test_what_git_forbids_is_looked_at_less_and_less_often(waiting: Waiting) -> None:
    finish._finish_all(ORIGIN, 3600.0)
    assert waiting.looks[:5] == [0, 5, 15, 35, 75]
    assert len(waiting.looks) < 70


def test_another_run_that_ends_meanwhile_is_seen_at_once(waiting: Waiting) -> None:
    waiting.requests["b"] = Request(Caller.HAND, RUNS)
    waiting.ends_at = 100.0
    finish._finish_all(ORIGIN, 130.0)
    assert any(0 <= look - waiting.ends_at <= 5 for look in waiting.looks)


def test_who_has_waited_becomes_what_is_installed_before_he_looks(waiting: Waiting) -> None:
    """Once: what git forbids then is looked at by the one that it has become."""
    waiting.requests = {"a": Request(Caller.HOOK, RUNS)}
    waiting.ends_at = 100
    finish._finish_all(ORIGIN, 400)
    assert len(waiting.renewals) == 1 and waiting.renewals[0] <= waiting.looks[0]
    assert waiting.renewals[0] >= 100


def test_who_finds_something_ready_at_once_looks_himself(waiting: Waiting) -> None:
    finish._finish_all(ORIGIN, 400)
    assert waiting.looks and not waiting.renewals
