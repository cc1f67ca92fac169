"""A sync that does not come to its end, and one whose HEAD does not stay."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.reconcile import settling
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.budget import Budget
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Outcome, Report, Result
from jobsync.reconcile.sync import sync

from ..laptop import JOB, Laptop
from ..test_lock import another_holder
from .test_untouched import origin


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SystemExit])
def test_what_was_done_is_known_whatever_came_then(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    registered.job("one")
    registered.job("two")
    registered.jobsync("sync")

    def interrupted(*_: object) -> None:
        raise error

    registered.job("one", JOB.replace("09:00", "10:00"))
    with monkeypatch.context() as patch:
        patch.setattr(settling, "remember_work_tree", interrupted)
        with pytest.raises(error):
            sync(origin(registered), Orders())
    record = registered.record("one")
    assert record is not None
    assert record.load_digest == registered.plist("one")["EnvironmentVariables"]["JOBSYNC_DIGEST"]
    registered.mutations()
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"
    assert registered.mutations() == []


def test_what_comes_during_a_sync_that_fails_gets_no_time_of_its_own(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git waits for a hook: another one's wake-up is no reason to let it wait for longer."""
    mine, given = Budget(1, 2), []

    def failing(*arguments: object) -> None:
        given.append(arguments[-1])
        raise JobsyncError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(syncing, "_locked", failing)
        files.touch(origin(registered).paths.note)
        with pytest.raises(JobsyncError, match="no answer"):
            syncing.sync_from_hook(origin(registered), mine)
    assert given == [mine, mine]


@pytest.mark.parametrize("caller", [lambda here: sync(here, Orders()), syncing.sync_from_hook], ids=["hand", "hook"])
def test_what_was_done_is_told_though_what_came_meanwhile_fails(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch, caller: Callable[[Origin], Report | None]
) -> None:
    """Else the complaint would be all that is heard, and that says that nothing was changed."""
    here = origin(registered)
    done = Report((Result("one", "one", Outcome.UPDATED),), would_change=True)

    def locked(*_: object) -> Report:
        if here.paths.note.exists():
            here.paths.note.unlink()
            raise JobsyncError("no answer", hint="nothing was changed")
        files.touch(here.paths.note)
        return done

    monkeypatch.setattr(syncing, "_locked", locked)
    told = caller(here)
    assert told is not None and told.results == done.results
    assert told.notices == ("what came meanwhile was not synced: no answer",)


def _goes_back_during_a_sync(machine: Laptop) -> Path:
    """As from another terminal: HEAD is the commit before, once a sync has looked at job `one`. What git said of it."""
    real, wrapper, back = machine.simulator.launchctl, machine.root / "launchctl", machine.root / "back"
    wrapper.write_text(
        f"#!/bin/sh\ncase \"$*\" in 'print gui/'*/*.one) [ -e {back} ] || {{ touch {back}; unset GIT_DIR; "
        f"export HOME={machine.home}; git -C {machine.work} switch -q -C main HEAD~1 >{back} 2>&1; }};; esac\n"
        f'exec {real} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    path = machine.config_file
    path.write_text(path.read_text().replace(str(real), str(wrapper)))
    machine.jobsync("sync")
    return back


def test_head_that_goes_back_during_a_sync_is_looked_at_again(registered: Laptop) -> None:
    """Its hook finds the machine as that commit wants it, for nothing is changed yet."""
    registered.job("one")
    registered.commit()
    registered.jobsync("sync")
    back = _goes_back_during_a_sync(registered)
    registered.job("one", JOB.replace("09:00", "10:00"))
    said = registered.commit().err
    assert back.read_text() == ""
    assert registered.hour("one") == 9
    assert said.startswith("jobsync: updated one")


def test_a_hook_that_had_to_wait_misses_no_other_one(registered: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note that it left itself is not the only one: HEAD went back while it was at work."""
    registered.job("one")
    registered.commit()
    registered.jobsync("sync")
    back = _goes_back_during_a_sync(registered)
    registered.job("one", JOB.replace("09:00", "10:00"))
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "ten")
    here, leave = origin(registered), syncing._leave_note
    with another_holder(here.paths.lock) as other, monkeypatch.context() as patch:

        def left(one: Origin) -> None:
            leave(one)
            other.kill()
            other.wait()

        patch.setattr(syncing, "_leave_note", left)
        assert syncing.sync_from_hook(here) is not None
    assert back.read_text() == ""
    assert registered.hour("one") == 9
    assert not here.paths.note.exists()


def test_each_hook_that_came_during_a_sync_is_in_its_report(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = origin(registered)
    todo = ["first", "second", "third"]

    def locked(*_: object) -> Report:
        name = todo.pop(0)
        here.paths.note.unlink(missing_ok=True)
        if todo:
            files.touch(here.paths.note)
        return Report((Result(name, name, Outcome.UPDATED),), would_change=True)

    monkeypatch.setattr(syncing, "_locked", locked)
    done = sync(here, Orders())
    assert [one.name for one in done.results] == ["first", "second", "third"]
