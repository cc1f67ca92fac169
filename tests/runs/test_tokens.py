"""Tokens: they say which boot they are of, end by themselves, and can be taken back."""

import time
from pathlib import Path

from jobsync.runs import tokens


def test_a_token_names_this_boot_and_ends_within_the_minute(tmp_path: Path) -> None:
    before = int(time.time())
    tokens.write(tmp_path / "token" / "one")
    boot, until = (tmp_path / "token" / "one").read_text(encoding="ascii").split()
    assert boot == tokens.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert before + tokens.LIFETIME <= int(until) <= int(time.time()) + tokens.LIFETIME
    assert (tmp_path / "token" / "one").stat().st_mode & 0o777 == 0o600


def test_a_token_can_be_taken_back_twice(tmp_path: Path) -> None:
    tokens.write(tmp_path / "one")
    tokens.remove(tmp_path / "one")
    tokens.remove(tmp_path / "one")
    assert not (tmp_path / "one").exists()
