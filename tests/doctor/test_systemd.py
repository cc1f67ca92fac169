"""What only systemd knows of a job's health, on a real user manager: each fault made, and silence without it."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from jobsync.findings import Level, Subject
from jobsync.schedulers import systemd

from ..contract import rig as rigs
from ..contract.rig import Linux
from ..reconcile.bench import job
from ..user_manager import CannotBe
from .clinic import ON_SYSTEMD

ONE = job("one")


@pytest.fixture(scope="module")
def linux() -> Iterator[Linux]:
    """One job, installed; skipped only where there can be no user manager."""
    try:
        with rigs.linux() as made:
            made.sync(ONE)
            yield made
    except CannotBe as error:
        pytest.skip(str(error))


def _look(linux: Linux, subject: Subject) -> list[tuple[Level, str]]:
    """What is said of the one job, and of a stranger's never."""
    scheduler = linux.scheduler
    found = scheduler.inspect(subject, [ONE], scheduler.survey())
    assert found is not None
    assert not linux.scheduler.inspect(Subject.OVERRIDES, [], linux.survey()), "nothing of what is not ours"
    assert {one.level for one in found} <= ON_SYSTEMD[subject.value], "docs/doctor.md speaks of these levels only"
    return [(one.level, one.said) for one in found]


def _type_what_is_proposed(linux: Linux) -> None:
    (found,) = linux.scheduler.inspect(Subject.OVERRIDES, [ONE], linux.survey()) or ()
    environment = {**linux.manager.environment, "PATH": os.environ["PATH"]}
    subprocess.run(["/bin/sh", "-euc", found.command], env=environment, check=True, timeout=60)


def test_a_user_who_does_not_linger_is_told_and_one_who_does_is_not(
    linux: Linux, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _look(linux, Subject.REBOOT) == [(Level.INFO, "jobs run only while you are logged in")]
    # Lingering is logind's, for the whole machine: not for a test to change.
    monkeypatch.setattr(systemd, "lingers", lambda: True)
    assert _look(linux, Subject.REBOOT) == []


def test_a_link_that_is_gone_is_an_error_until_a_sync_puts_it_back(linux: Linux) -> None:
    assert _look(linux, Subject.LINKS) == []
    link = linux.paths.wants("timers.target") / linux.unit("one")
    link.unlink()
    ((level, said),) = _look(linux, Subject.LINKS)
    assert level is Level.ERROR and said == f"{link} is not there"
    linux.sync(ONE)
    assert _look(linux, Subject.LINKS) == []


def test_what_the_user_switched_off_replaced_or_extended_is_said(linux: Linux) -> None:
    assert _look(linux, Subject.OVERRIDES) == []
    linux.disable("one")
    assert _look(linux, Subject.OVERRIDES) == [(Level.INFO, "you switched it off in systemd")]
    assert _look(linux, Subject.LINKS) == [], "what is off on purpose lacks no link"
    linux.enable("one")
    copy = linux.paths.unit_links / linux.unit("one")
    copy.write_text("[Timer]\nOnCalendar=daily\n", encoding="utf-8")
    assert _look(linux, Subject.OVERRIDES) == [(Level.WARNING, f"{copy} is used instead of jobsync's")]
    _type_what_is_proposed(linux)
    assert _look(linux, Subject.OVERRIDES) == []
    read = linux.manager.systemctl("show", "-p", "FragmentPath", "--value", linux.unit("one"))
    assert read == f"{linux.paths.units / linux.unit('one')}\n"
    extra = linux.paths.unit_links / f"{linux.unit('one')}.d"
    extra.mkdir()
    (extra / "mine.conf").write_text("[Timer]\n", encoding="utf-8")
    assert _look(linux, Subject.OVERRIDES) == [(Level.INFO, f"{extra} changes it")]
    service = linux.paths.unit_links / f"{linux.unit('one', 'service')}.d" / "mine.conf"
    service.parent.mkdir()
    service.write_text("[Service]\nExecStart=\n", encoding="utf-8")
    linux.manager.systemctl("daemon-reload")
    unit = linux.unit("one", "service")
    assert (Level.ERROR, f"systemd cannot use {unit} as it is (bad-setting)") in _look(linux, Subject.OVERRIDES)
    service.unlink()
    service.parent.rmdir()
    linux.manager.systemctl("daemon-reload")
    (extra / "mine.conf").unlink()
    extra.rmdir()
    assert _look(linux, Subject.OVERRIDES) == []


def test_systemd_guards_no_places_and_says_its_version(linux: Linux) -> None:
    assert linux.scheduler.inspect(Subject.PRIVACY, [ONE], linux.survey()) is None
    assert linux.scheduler.version().startswith("systemd 2")
    assert linux.config.systemd is not None
    whole = linux.config
    linux.break_calls("/bin/false")
    assert linux.scheduler.version() == ""
    linux.config = whole
