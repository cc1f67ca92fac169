"""One sync at a time: the second waits, names who is in its way, and never inherits a dead one's lock."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobsync import lock
from jobsync.errors import JobsyncError

from .programs import beside
from .unprivileged import as_somebody_else

_HOLDER = """
import sys
from pathlib import Path
from jobsync import lock
with lock.hold(Path(sys.argv[1]), timeout=60):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    argv = [sys.executable, "-c", _HOLDER, str(path)]
    # A measurement that is killed leaves a broken data file behind.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with beside(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_a_free_lock_is_had_at_once_and_nothing_is_written_into_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock.hold(path, timeout=0):
        pass
    before = path.stat()
    with lock.hold(path, timeout=0):
        pass
    after = path.stat()
    assert (after.st_size, after.st_mode & 0o777) == (0, 0o600)
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_who_holds_it_is_named_with_pid_and_command(tmp_path: Path) -> None:
    with another_holder(tmp_path / "lock") as holder:
        with pytest.raises(lock.Locked) as caught, lock.hold(tmp_path / "lock", timeout=0.1):
            pass
        assert caught.value.message.startswith(f"process {holder.pid} ({sys.executable} -c")
        assert caught.value.message.endswith("is syncing this repository and did not end within 0.1 s")
        assert caught.value.hint


def test_the_second_waits_until_the_first_lets_go(tmp_path: Path) -> None:
    with another_holder(tmp_path / "lock") as holder:
        argv = [sys.executable, "-c", _HOLDER, str(tmp_path / "lock")]
        with beside(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second:
            assert holder.stdin is not None
            assert second.stdin is not None
            assert second.stdout is not None
            assert holder.poll() is None
            holder.stdin.close()
            assert second.stdout.readline() == "held\n"
            # It says so only once the first has ended its block.
            assert holder.wait(60) == 0
            second.stdin.close()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with another_holder(tmp_path / "lock") as holder:
        holder.kill()
        holder.wait()
        with lock.hold(tmp_path / "lock", timeout=30):
            assert (tmp_path / "lock").exists()


def test_the_lock_is_free_again_after_an_error_in_the_block(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.hold(tmp_path / "lock", timeout=0):
        raise ZeroDivisionError
    with another_holder(tmp_path / "lock"):
        pass


def test_a_child_of_the_holder_does_not_inherit_it(tmp_path: Path) -> None:
    with lock.hold(tmp_path / "lock", timeout=0):
        child = subprocess.Popen(["sleep", "1000"], close_fds=False)
    try:
        with another_holder(tmp_path / "lock"):
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_lock_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(JobsyncError, match=r"cannot open .*/missing/lock: No such file or directory"),
        lock.hold(tmp_path / "missing" / "lock", timeout=0),
    ):
        pass
    with as_somebody_else() as directory:
        (directory / "lock").touch(mode=0)
        with pytest.raises(JobsyncError, match="Permission denied"), lock.hold(directory / "lock", timeout=0):
            pass


def test_a_file_system_without_locks_is_no_endless_wait() -> None:
    read_only = os.open("/dev/null", os.O_RDONLY)
    try:
        with pytest.raises(JobsyncError, match="cannot lock /dev/null: Bad file descriptor"):
            lock._try(read_only, Path("/dev/null"))
    finally:
        os.close(read_only)


def test_a_holder_that_ended_meanwhile_is_another_process(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open("rb+") as free:
        assert lock._holder(free.fileno()) == "another process"


def test_without_ps_the_holder_is_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_holder(tmp_path / "lock") as holder, (tmp_path / "lock").open("rb+") as ours:
        (tmp_path / "bin").mkdir()
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        assert lock._holder(ours.fileno()) == f"process {holder.pid}"
        ps = tmp_path / "bin" / "ps"
        ps.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        ps.chmod(0o755)
        assert lock._holder(ours.fileno()) == f"process {holder.pid}"
        with pytest.raises(BlockingIOError):
            fcntl.lockf(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_directories_have_no_locks_nothing_is_held_and_nobody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(9, "Bad file descriptor")  # as Linux says of one on NFS, opened for reading

    monkeypatch.setattr(fcntl, "flock", refuse)
    with lock.hold_directory(tmp_path / "new"):
        (tmp_path / "new" / "file").touch()
    assert (tmp_path / "new" / "file").exists()
