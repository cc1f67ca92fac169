"""Each check finds its fault, made for real, and says nothing once that is mended."""

import re
import tempfile
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobsync.doctor import machine
from jobsync.doctor.check import Result
from jobsync.doctor.checks import CHECKS, examine
from jobsync.doctor.git import IDS
from jobsync.findings import Level

from ..docs.pages import ROOT
from ..forks import Warm
from ..scratch import SCRATCH
from .clinic import CASES, Case, Clinic, clinic_of

BY_ID = {check.id: check for check in CHECKS}


@pytest.fixture(scope="module")
def clinic() -> Iterator[Clinic]:
    with (
        tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root,
        Warm.start(Path(root)) as laptop,
        clinic_of(laptop) as healthy,
    ):
        yield healthy


def _look(clinic: Clinic, check: str) -> Result:
    (result,) = examine(clinic.view(), [BY_ID[check]])
    return result


def test_a_healthy_machine_has_nothing_to_say(clinic: Clinic) -> None:
    found = [one for result in examine(clinic.view()) for one in result.findings if one.level is not Level.SKIPPED]
    assert found == []


def test_the_ids_that_pre_commit_may_name_are_those_that_we_offer() -> None:
    manifest = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert frozenset(re.findall(r"^- id: (\S+)$", manifest, re.MULTILINE)) == IDS


def test_no_two_checks_share_an_id() -> None:
    assert len(BY_ID) == len(CHECKS)


@pytest.mark.parametrize("is_link", [True, False])
@pytest.mark.parametrize("told", ["Europe/Berlin", ":Europe/Berlin", ":{}"])
def test_a_shell_that_names_the_machines_zone_otherwise_has_no_other(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, is_link: bool
) -> None:
    """Of many zones the database has several names, and not everybody makes /etc/localtime a link."""
    berlin = next(path for place in zoneinfo.TZPATH if (path := Path(place, "Europe/Berlin")).is_file())
    alias, localtime = tmp_path / "zoneinfo" / "Europe" / "Stockholm", tmp_path / "localtime"
    alias.parent.mkdir(parents=True)
    alias.write_bytes(berlin.read_bytes())
    if is_link:
        localtime.symlink_to(alias)
    else:
        localtime.write_bytes(berlin.read_bytes())
    monkeypatch.setattr(machine, "_ZONE_FILE", localtime)
    monkeypatch.setitem(clinic.environment, "TZ", told.format(localtime))
    assert _look(clinic, "zone").findings == ()
    monkeypatch.setitem(clinic.environment, "TZ", "Asia/Tokyo")
    (one,) = _look(clinic, "zone").findings
    assert one.said.endswith("zone is Europe/Stockholm" if is_link else f"zone is {localtime}")


def test_a_machine_without_a_zone_has_utc(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "_ZONE_FILE", tmp_path / "none")
    monkeypatch.setitem(clinic.environment, "TZ", "Etc/UTC")
    assert _look(clinic, "zone").findings == ()
    monkeypatch.setitem(clinic.environment, "TZ", "Asia/Tokyo")
    (one,) = _look(clinic, "zone").findings
    assert one.said.endswith("zone is UTC")


def test_every_check_has_a_fault_of_its_own() -> None:
    assert {case.check for case in CASES} == set(BY_ID) - {"links"}, "launchd knows no links"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_check_finds_its_fault_and_is_silent_without_it(clinic: Clinic, case: Case) -> None:
    with contextmanager(case.make)(clinic):
        found = _look(clinic, case.check).findings
        told = [one for one in found if one.level is case.level and one.job == case.job and case.says in one.said]
        assert len(told) == 1, found
        (one,) = told
        assert one.meaning or one.command, "a finding says what comes of it, or what to type"
        if case.job:
            named = examine(clinic.view(case.job), [BY_ID[case.check]])[0].findings
            assert [again for again in named if again.job == case.job and case.says in again.said]
            others = examine(clinic.view("nobody"), [BY_ID[case.check]])[0].findings
            assert not [again for again in others if again.job == case.job], "another job is asked about"
    after = _look(clinic, case.check).findings
    assert not [one for one in after if one.level is not Level.SKIPPED], "it is silent once that is mended"
