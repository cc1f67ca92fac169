"""Reading a log while its launcher writes, cuts and joins it."""

from collections.abc import Callable
from pathlib import Path

from jobsync.runs import logs


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
