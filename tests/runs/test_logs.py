"""Reading a log while its launcher writes, cuts and joins it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.runs import logs

from ..unprivileged import as_somebody_else


def followed(path: Path, *steps: Callable[[], object]) -> bytes:
    """What is shown of a log where each look is preceded by one of these steps, and the run is over after the last."""
    left = list(steps)

    def is_over() -> bool:
        if left:
            left.pop(0)()
            return False
        return True

    return b"".join(logs.follow(path, is_over))


def test_a_log_that_is_emptied_in_place_is_read_on_from_its_new_beginning(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"first\n" * 9)
    shown = followed(log, lambda: None, lambda: None, lambda: log.write_bytes(b"second\n"))
    assert shown == b"first\n" * 9 + b"second\n"


def test_a_log_whose_parts_become_one_file_is_not_shown_again(tmp_path: Path) -> None:
    """As a launcher joins them at the end of a run, a moment before it records that end."""
    log, new = tmp_path / "x.log", tmp_path / "x.log.new"
    log.write_bytes(b"printed\n" * 9)

    def join() -> None:
        new.write_bytes(b"printed\ncut\nprinted\n")
        new.replace(log)

    assert followed(log, lambda: None, lambda: None, join) == b"printed\n" * 9


@pytest.mark.parametrize("count", ["9" * 5_000, "", "-1", "x"])
def test_a_count_that_is_none_spoils_no_log(tmp_path: Path, count: str) -> None:
    log = tmp_path / "20261123T070000Z-12.log"
    log.write_text("line\n")
    log.with_name(f"{log.name}.cut").write_text(count)
    assert b"".join(logs.follow(log, lambda: True)) == b"line\n"


def test_logs_that_cannot_be_listed_or_read_are_no_absence() -> None:
    with as_somebody_else() as directory:
        (directory / "20261123T070000Z-12.log").touch(mode=0)
        (log,) = logs.all_of(directory)
        with pytest.raises(JobsyncError, match="cannot read"):
            b"".join(logs.follow(log, lambda: True))
        directory.chmod(0)
        with pytest.raises(JobsyncError, match="cannot read"):
            logs.all_of(directory)
