"""Many syncs at once on one home: one result, no error, each scheduler change made once, no wake-up lost."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from jobsync import config as configuration
from jobsync import entry, files, lock

from ..forks import run
from ..laptop import JOB, Laptop

SYNCS = 50


def _started(laptop: Laptop, argv: tuple[str, ...], *, at: Path | None = None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        argv, cwd=at or laptop.work, env=laptop.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
def test_fifty_syncs_at_once_make_each_change_once(registered: Laptop) -> None:
    for name in ("one", "two", "three"):
        registered.job(name)
    registered.git("add", "-A")
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "jobs")
    commands = [("jobsync", "sync"), ("jobsync-hook", "post-merge", "0"), ("jobsync", "sync", "--head")]
    started = [_started(registered, commands[number % 3]) for number in range(SYNCS)]
    with ThreadPoolExecutor(SYNCS) as pool:
        ended = list(pool.map(lambda one: (one.communicate(timeout=120), one.returncode), started))
    assert {status for _, status in ended} == {0}, ended
    assert registered.loaded() == {"one", "two", "three"}
    calls = registered.mutations()
    assert {call[0] for call in calls} == {"bootstrap"}
    assert sorted(Path(path).stem for call in calls for path in call[2:]) == ["test.one", "test.three", "test.two"]
    assert registered.jobsync("sync").out.splitlines()[-1] == "3 unchanged"


def test_what_is_registered_and_configured_at_once_is_all_there(registered: Laptop) -> None:
    names = ("left", "right")
    for name in names:
        registered.git("clone", "-q", str(registered.origin), str(registered.home / name))
    init = ("jobsync", "init", "--launchctl", str(registered.simulator.launchctl), "--yes", "--no-sync", "--prefix")
    for number in range(3):
        started = [_started(registered, ("jobsync", "config", "machine", f"mac-{number}"))]
        started += [_started(registered, (*init, f"{name}{number}"), at=registered.home / name) for name in names]
        assert [(one.communicate(timeout=60), one.returncode)[1] for one in started] == [0, 0, 0]
        known = configuration.load(registered.config_file)
        assert known.machine == f"mac-{number}"
        assert {one.prefix for one in known.repos} == {"test", *(f"{name}{number}" for name in names)}
    started = [_started(registered, ("jobsync", "uninstall", "--yes"), at=registered.home / name) for name in names]
    assert [(one.communicate(timeout=60), one.returncode)[1] for one in started] == [0, 0]
    assert [one.prefix for one in configuration.load(registered.config_file).repos] == ["test"]


def test_a_hook_that_comes_during_a_sync_is_not_lost(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    # The sync that holds the lock is slow, and HEAD moves on behind it.
    registered.job("one", JOB.replace("09", "10"))
    registered.simulator.clear_calls()
    registered.simulator.fault("bootstrap", delay=4.0, label="test.one", performs=True)
    slow = _started(registered, ("jobsync", "sync", "one"))
    registered.wait_for(lambda: ["bootstrap"] in [call[:1] for call in registered.simulator.calls()])
    registered.job("two", JOB.replace("09", "11"))
    registered.commit()
    assert slow.communicate(timeout=60) and slow.returncode == 0
    assert registered.plist("two")["StartCalendarInterval"] == [{"Hour": 11, "Minute": 0}]
    assert not (registered.state / "note").exists()


def test_a_rebase_that_begins_during_a_sync_is_left_to_itself(registered: Laptop) -> None:
    for hour in ("10", "11"):
        registered.job("two", JOB.replace("09", hour))
        registered.commit(hour)
    registered.job("one")
    registered.simulator.clear_calls()
    registered.simulator.fault("bootstrap", delay=4.0, label="test.one", performs=True)
    slow = _started(registered, ("jobsync", "sync"))
    registered.wait_for(lambda: ["bootstrap"] in [call[:1] for call in registered.simulator.calls()])
    registered.git("-c", "sequence.editor=sed -i.bak s/^pick/edit/", "rebase", "-q", "-i", "HEAD~2")
    assert slow.communicate(timeout=60) and slow.returncode == 0
    assert registered.hour("two") == 11


def test_a_hook_that_comes_during_a_sync_that_fails_is_not_lost_either(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.simulator.clear_calls()
    # The sync that holds the lock waits for an answer that never makes sense; the hook's change is made all the same.
    registered.simulator.fault("print", garbage="nonsense\n", delay=4.0)
    slow = _started(registered, ("jobsync", "sync", "--force"))
    registered.wait_for(lambda: ["print"] in [call[:1] for call in registered.simulator.calls()])
    registered.job("one", JOB.replace("09", "10"))
    registered.commit()
    _, said = slow.communicate(timeout=60)
    assert slow.returncode == 1 and b"could not ask the scheduler" in said
    assert registered.hour("one") == 10
    assert not (registered.state / "note").exists()


def test_a_hook_that_comes_during_a_sync_that_is_interrupted_is_not_lost_either(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.job("one", JOB.replace("09", "10"))
    registered.simulator.clear_calls()
    registered.simulator.fault("bootstrap", delay=3.0, label="test.one", performs=True)
    slow = _started(registered, ("jobsync", "sync", "one"))
    registered.wait_for(lambda: ["bootstrap"] in [call[:1] for call in registered.simulator.calls()])
    registered.job("two", JOB.replace("09", "11"))
    registered.commit()
    assert (registered.state / "note").exists()
    slow.send_signal(signal.SIGINT)
    slow.communicate(timeout=60)
    assert slow.returncode == 130
    registered.wait_for(lambda: registered.hour("two") == 11, 20)
    assert not (registered.state / "note").exists()


def test_many_hooks_leave_their_note_at_once(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with ThreadPoolExecutor(16) as pool:
        for _ in range(50):
            list(pool.map(files.touch, [note] * 16))
            files.remove(note)


def hook(arguments: list[str]) -> None:
    """`jobsync-hook` in a fork: many of them begin in the same moment."""
    sys.argv = ["jobsync-hook", *arguments]
    entry.main()


def _waiters(path: Path) -> int:
    """How many other processes have that file open."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ends while we look, or is another user's
            if any(one.readlink() == path for one in (process / "fd").iterdir()):
                found.add(process.name)
    return len(found - {str(os.getpid())})


def test_of_many_hooks_at_once_one_says_what_waits(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.git("switch", "-q", "--detach")
    told, telling = [], registered.state / "telling"
    for hour in ("10", "11"):
        registered.job("one", JOB.replace("09", hour))
        registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", hour)
        # All of them have seen that nobody has said it yet, or the first one would be through before.
        with ThreadPoolExecutor(6) as pool, lock.hold(telling, timeout=10):
            ran = pool.map(lambda _: run(hook, "post-commit", at=registered.work, env=registered.environment), range(6))
            registered.wait_for(lambda: _waiters(telling) >= 3)
        told.append([one.text for one in ran if one.text])
    assert [len(lines) for lines in told] == [1, 1], told
    assert all("detached" in line for lines in told for line in lines), told
