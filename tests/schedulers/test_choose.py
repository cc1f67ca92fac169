"""Which systemd is asked, for callers who come with the environment of a session, of somebody else's, or of none."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from jobsync.schedulers import choose

ANSWERS = """#!/bin/sh
echo "$XDG_RUNTIME_DIR" >"$HOME/asked"
echo "$HOME/.config/systemd/user"
"""
USUAL = f"/run/user/{os.getuid()}"


def runtime(home: Path, environ: Mapping[str, str]) -> str:
    """The directory of the manager that is found."""
    program = home / "systemctl"
    program.write_text(ANSWERS)
    program.chmod(0o755)
    found = choose.user_manager({"HOME": str(home), "PATH": str(home), **environ})
    assert found is not None
    assert (home / "asked").read_text() == f"{found.runtime}\n"
    return found.runtime


def another_users(directory: Path) -> Path:
    """A directory that is not ours: only root can make one."""
    if os.geteuid() != 0:
        return Path("/")
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    return directory


def test_a_session_says_where_its_manager_is(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.mkdir()
    assert runtime(tmp_path, {"XDG_RUNTIME_DIR": str(session)}) == str(session)


def test_after_su_the_callers_session_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    other = another_users(tmp_path / "other")
    assert runtime(tmp_path, {"XDG_RUNTIME_DIR": str(other)}) == USUAL


@pytest.mark.parametrize("environ", [{}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": "relative"}])
def test_without_a_session_it_is_where_logind_puts_it(tmp_path: Path, environ: Mapping[str, str]) -> None:
    assert runtime(tmp_path, environ) == USUAL


def test_of_a_session_that_has_ended_no_other_one_is_looked_for(tmp_path: Path) -> None:
    assert runtime(tmp_path, {"XDG_RUNTIME_DIR": f"{tmp_path}/gone"}) == f"{tmp_path}/gone"
