"""What somebody who has not read the documentation meets first: each dead end must name the way out."""

import pytest

from ..laptop import JOB, Laptop


@pytest.fixture
def bare(laptop: Laptop) -> Laptop:
    """A dotfiles repository that has a job and no `jobsync.toml` yet."""
    laptop.job("one")
    (laptop.work / "jobsync.toml").unlink()
    laptop.commit()
    return laptop


def test_status_names_a_missing_settings_file_instead_of_finding_no_jobs(bare: Laptop) -> None:
    bare.init()
    shown = bare.jobsync("status")
    assert "jobsync.toml: is missing" in shown.text
    assert "no jobs" not in shown.text


def test_a_sync_without_the_settings_file_ends_with_a_sentence(bare: Laptop) -> None:
    bare.init()
    for arguments in (("sync",), ("sync", "-n")):
        shown = bare.jobsync(*arguments, status=1)
        assert "jobsync.toml: is missing; write it" in shown.text
        (last,) = shown.out.splitlines()[-1:]
        assert last.rpartition(":")[2].strip(), f"the last line says nothing: {last!r}"


def test_init_without_the_settings_file_does_not_promise_that_a_sync_will_do(bare: Laptop) -> None:
    launchctl = str(bare.simulator.launchctl)
    shown = bare.jobsync("init", "--launchctl", launchctl, "--yes", status=None)
    assert "jobsync.toml: is missing; write it" in shown.text
    assert "`jobsync sync` does it" not in shown.text


def test_a_failed_load_is_still_visible_in_status(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", JOB.replace("09", "10"))
    registered.simulator.fault("bootstrap", code=5, text="Input/output error", times=20)
    assert "failed" in registered.jobsync("sync", status=1).out
    shown = registered.jobsync("status").text
    assert "Input/output error" in shown or "Bootstrap failed" in shown


@pytest.mark.parametrize("command", ["status", "sync", "diff", "config", "uninstall"])
def test_before_init_every_command_says_what_comes_first(laptop: Laptop, command: str) -> None:
    shown = laptop.jobsync(command, status=1)
    assert "jobsync init" in shown.err
    assert not laptop.config_file.parent.exists()


def test_without_a_launchd_init_says_how_to_get_one_and_that_works(laptop: Laptop) -> None:
    hint = laptop.jobsync("init", "--launchctl", "/nonexistent/launchctl", "--yes", status=1).err
    assert "--launchctl" in hint
    assert not laptop.config_file.parent.exists()
