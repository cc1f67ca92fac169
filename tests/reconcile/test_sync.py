"""A sync that does not come to its end, and one whose HEAD does not stay."""

import pytest

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.reconcile import settling
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.budget import Budget
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.sync import sync

from ..laptop import JOB, Laptop
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


def test_head_that_goes_back_during_a_sync_is_looked_at_again(registered: Laptop) -> None:
    """As from another terminal: its hook finds the machine as that commit wants it, for nothing is changed yet."""
    registered.job("one")
    registered.commit()
    registered.jobsync("sync")
    real, wrapper = registered.simulator.launchctl, registered.root / "launchctl"
    back = registered.root / "back"
    wrapper.write_text(
        f"#!/bin/sh\ncase \"$*\" in 'print gui/'*/*.one) [ -e {back} ] || {{ touch {back}; unset GIT_DIR; "
        f"export HOME={registered.home}; git -C {registered.work} switch -q -C main HEAD~1 >{back} 2>&1; }};; esac\n"
        f'exec {real} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    path = registered.config_file
    path.write_text(path.read_text().replace(str(real), str(wrapper)))
    registered.jobsync("sync")
    registered.job("one", JOB.replace("09:00", "10:00"))
    said = registered.commit().err
    assert back.read_text() == ""
    assert registered.plist("one")["StartCalendarInterval"] == [{"Hour": 9, "Minute": 0}]
    assert said.startswith("jobsync: updated one")
