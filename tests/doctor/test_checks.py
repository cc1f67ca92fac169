"""Each check finds its fault, made for real, and says nothing once that is mended."""

import os
import plistlib
import re
import shutil
import tempfile
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobsync.doctor import machine, scripts
from jobsync.doctor.check import Result
from jobsync.doctor.checks import CHECKS, examine
from jobsync.doctor.git import IDS
from jobsync.findings import Level
from jobsync.schedulers import launchd_doctor

from ..docs.pages import ROOT
from ..forks import Warm
from ..scratch import SCRATCH
from .clinic import CASES, NOTIFICATIONS, Case, Clinic, clinic_of

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


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_an_env_file_that_is_the_users_alone_is_none_of_its_business(clinic: Clinic, mode: int) -> None:
    directory = clinic.laptop.config_file.parent / "env"
    directory.mkdir(mode=0o700)
    (directory / "plain.env").write_text("TOKEN=x\n", encoding="utf-8")
    (directory / "plain.env").chmod(mode)
    found = _look(clinic, "env-modes").findings
    shutil.rmtree(directory)
    assert not found


def test_hooks_of_others_beside_ours_are_none_of_its_business(clinic: Clinic) -> None:
    hooks = "[{id: shellcheck, language: system}, {id: jobsync-check, language: system}]"
    with clinic.text(".pre-commit-config.yaml", f"repos:\n- repo: local\n  hooks: {hooks}\n"):
        assert not _look(clinic, "pre-commit").findings


def test_no_two_checks_share_an_id() -> None:
    assert len(BY_ID) == len(CHECKS)


def test_of_a_directory_that_is_a_link_the_mode_is_what_it_leads_to(clinic: Clinic) -> None:
    state, elsewhere = clinic.laptop.home / ".local/state/jobsync", clinic.laptop.home / "elsewhere"
    state.rename(elsewhere)
    state.symlink_to(elsewhere)
    try:
        assert _look(clinic, "ownership").findings == (), "Linux shows every link itself as 0777"
        with clinic.mode(elsewhere, 0o770):
            (one,) = _look(clinic, "ownership").findings
            assert one.said.endswith("may be written by others (mode 0770)") and one.repair is not None
    finally:
        state.unlink()
        elsewhere.rename(state)


@pytest.mark.parametrize(("program", "status"), [("/etc/passwd", "126 (cannot be executed)"), ("/nonesuch", "127 (c")])
def test_the_doctor_foretells_the_status_that_a_run_ends_with(clinic: Clinic, program: str, status: str) -> None:
    with clinic.text("jobs/lost/job.toml", f'run = ["{program}"]\n[schedule]\nat = "09:00"\n'):
        (one,) = _look(clinic, "interpreters").findings
        assert one.meaning.startswith(f"the job ends with {status}")
        clinic.laptop.jobsync("sync", "lost")
        ran = clinic.laptop.jobsync("run", "--here", "lost", status=int(status[:3]))
        assert f"lost ended with exit {status}" in ran.err
    clinic.laptop.jobsync("sync")


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


@pytest.mark.parametrize("used_up", [{"f_bavail": 10}, {"f_favail": 0}])
def test_a_full_disk_is_said_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, used_up: dict[str, int]) -> None:
    room = {"f_bavail": 10_000_000, "f_frsize": 4096, "f_files": 1000, "f_favail": 500, "f_flag": 0}
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**{**room, "f_bavail": 10_000, "f_files": 0}))
    assert _look(clinic, "logs").findings == (), "nor where a file system has no number of files"
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**{**room, **used_up}))
    (one,) = _look(clinic, "logs").findings
    assert one.level is Level.ERROR and one.said.startswith("the disk is full that holds /")


def test_a_disk_that_is_read_only_is_said_once_and_no_mode_is_blamed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and may(path, mode))
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    (one,) = _look(clinic, "logs").findings
    assert one.level is Level.ERROR and one.said.startswith("the file system that holds /") and "read-only" in one.said


def test_a_state_that_cannot_be_written_is_said_with_what_mends_it(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, may = clinic.laptop.state, os.access  # root may always
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != state and may(path, mode))
    (found,) = _look(clinic, "logs").findings
    assert found.level is Level.ERROR and found.command == f"chmod u+rwx {state}"


@pytest.mark.parametrize(
    ("osascript", "path", "told"),
    [("/bin/sh", "", True), ("/nonexistent", "", False), ("/nonexistent", 'path = ["./bin"]\n', True)],
)
def test_a_screen_that_nothing_can_tell_on_is_said(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, osascript: str, path: str, *, told: bool
) -> None:
    monkeypatch.setattr(scripts, "OSASCRIPT", osascript)
    with (
        clinic.config_line("path = ", f'path = "{clinic.laptop.root}"  # '),
        clinic.text("jobs/lost/job.toml", f'{path}run = ["/bin/true"]\n[notify]\non = ["failed"]\n'),
        clinic.text("jobs/lost/bin/notify-send", "#!/bin/sh\n", 0o755),
    ):
        found = [one.said for one in _look(clinic, "interpreters").findings if one.job == "lost"]
    assert bool(found) is not told and all(one.startswith("notify-send, by which [notify] tells") for one in found)


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("pg_dump notes | gzip >notes.gz", ["pg_dump"]),
        ("cd x && a -v 2>&1 | b | c; d", ["a", "b"]),
        ("n=$(find . -name x | wc -l); test $n -gt 3", ["find"]),
        ("if curl -s x | grep -q y; then z; fi", ["curl"]),
        ("! a | b", ["a"]),
        ("echo hello | mail me", []),
        ("a || b && c", []),
        ("grep 'a|b' x", []),
        ("case $1 in a|b) c ;; esac", []),
        ("set -o pipefail; a | b", []),
        ("bash -euo pipefail -c 'a | b'", []),
        ("it's not ended | x", []),
    ],
)
def test_a_pipe_hides_what_stands_before_it(line: str, hidden: list[str]) -> None:
    assert scripts._piped(line) == hidden


@pytest.mark.parametrize(
    ("script", "is_told"),
    [
        ("#!/bin/sh\n\n# greets\necho well\n", False),
        ("#!/bin/bash\n~/bin/backup --all && echo done\n", False),
        ("#!/bin/bash\n~/bin/backup --all | tail -n 1\n", True),
        ("#!/bin/bash\n~/bin/backup --all; echo done\n", True),
    ],
)
def test_a_script_with_one_command_has_nothing_to_go_on_with(clinic: Clinic, script: str, is_told: bool) -> None:
    with clinic.text("jobs/script/run", script, 0o755):
        assert bool(_look(clinic, "bash").findings) == is_told


@pytest.mark.parametrize(
    ("begin", "lacking"),
    [
        ("#!/bin/bash\nset -Eeuo pipefail", ""),
        ("#!/bin/bash\nset -e -u -o pipefail; cd x", ""),
        ("#!/bin/bash\nset -o errexit -o nounset -o pipefail", ""),
        ("#!/bin/bash\nset -ex\nset -uo pipefail # at once", ""),
        ("#!/usr/bin/env -S bash -euo pipefail", ""),
        ("#!/usr/bin/env -S -i LANG=C bash -e -u -o pipefail", ""),
        ("#!/bin/zsh -e\nsetopt NO_UNSET pipefail", ""),
        ("#!/bin/bash -eu", "-o pipefail"),
        ("#!/bin/bash\nset -o pipefail", "-e, -u"),
        ("#!/bin/bash\nset -- -eu -o pipefail", "-e, -u, -o pipefail"),
        ("#!/bin/bash\nset +e\n# set -euo pipefail", "-e, -u, -o pipefail"),
        ("#!/bin/bash -l", "-e, -u, -o pipefail"),
    ],
)
def test_a_script_is_strict_in_whatever_way_it_says_so(clinic: Clinic, begin: str, lacking: str) -> None:
    with clinic.text("jobs/script/run", f"{begin}\nfalse\necho done\n", 0o755):
        found = [one.said for one in _look(clinic, "bash").findings]
    assert [one.partition("(it lacks ")[2].removesuffix(")") for one in found] == ([lacking] if lacking else [])


def test_a_strangers_file_is_no_job_that_was_switched_off(clinic: Clinic) -> None:
    stranger = clinic.laptop.plist_path("taken")
    stranger.write_bytes(clinic.laptop.plist_path("plain").read_bytes().replace(b"JOBSYNC_OWNER", b"OTHER_OWNER"))
    with clinic.text("jobs/taken/job.toml", 'run = "true"\n'):
        assert _look(clinic, "reboot").findings == ()
    stranger.unlink()


def test_a_job_that_is_disabled_while_it_is_loaded_is_loaded_until_the_next_login(clinic: Clinic) -> None:
    laptop = clinic.laptop
    laptop.launchctl("disable", laptop.target("plain"))
    (one,) = _look(clinic, "overrides").findings
    assert one.meaning == "it is loaded all the same, until the next login"
    laptop.bootout("plain")
    (one,) = _look(clinic, "overrides").findings
    assert one.meaning == "it is not loaded, and jobsync leaves it so"
    laptop.launchctl("enable", laptop.target("plain"))
    laptop.jobsync("sync")


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
        assert "EDITOR" not in one.command, "without one the file itself would be run, and fish knows no ${EDITOR:-vi}"
        assert " # " not in one.command, "a Mac's shell takes no comment when it is typed"
        if case.check == "installation":
            assert one.command == "jobsync init", "it records the jobsync that says so, whoever installed the other one"
        if case.job:
            named = examine(clinic.view(case.job), [BY_ID[case.check]])[0].findings
            assert [again for again in named if again.job == case.job and case.says in again.said]
            others = examine(clinic.view("nobody"), [BY_ID[case.check]])[0].findings
            assert not [again for again in others if again.job == case.job], "another job is asked about"
    after = _look(clinic, case.check).findings
    assert not [one for one in after if one.level is not Level.SKIPPED], "it is silent once that is mended"


def test_what_a_mac_refuses_to_jobs_alone_is_explained(clinic: Clinic) -> None:
    """In a terminal the same command works."""
    (case,) = (case for case in CASES if case.job == "lan")
    with contextmanager(case.make)(clinic):
        (found,) = [one for one in _look(clinic, "last-run").findings if one.job == "lan"]
        assert "Local Network" in found.meaning
    assert "Full Disk Access" in launchd_doctor.explain(b"x\nls: /Users/ada/Desktop: Operation not permitted\n\xff")
    assert launchd_doctor.explain(b"not found\n") == ""


@pytest.mark.parametrize(
    ("selected", "others"), [("", " or /bin/bash"), ("/bin/dash", " or /bin/dash"), ("/bin/sh", "")]
)
def test_the_shell_that_macos_takes_for_sh_is_named_too(
    selected: str, others: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sh becomes another program, and reports differ in which of them must be let in."""
    monkeypatch.setattr(launchd_doctor, "_SELECTED", str(tmp_path / "sh"))
    if selected:
        (tmp_path / "sh").symlink_to(selected)
    said = launchd_doctor.explain(b"ls: /Users/ada/Desktop: Operation not permitted\n")
    assert f"Full Disk Access for /bin/sh{others} lets jobs in" in said


EDITOR = {"bundle-id": "com.apple.ScriptEditor2", "flags": 310386766}
"""As macOS has it of a program that may."""


@pytest.mark.parametrize(
    ("content", "level", "said"),
    [
        (plistlib.dumps({"apps": [{"bundle-id": "com.apple.mail", "flags": 1}, EDITOR]}), Level.OK, ""),
        (plistlib.dumps({"apps": [{**EDITOR, "flags": 310386766 & ~(1 << 25)}]}), Level.WARNING, "may show no notif"),
        (plistlib.dumps({"apps": []}, fmt=plistlib.FMT_BINARY), Level.INFO, "has never shown anything here"),
        (plistlib.dumps({"apps": [{**EDITOR, "flags": "x"}]}), Level.SKIPPED, "it cannot be read here"),
        (plistlib.dumps(["apps"]), Level.SKIPPED, "it cannot be read here"),
        (b"<plist><", Level.SKIPPED, "it cannot be read here"),
        (b"", Level.SKIPPED, "it cannot be read here"),
        (None, Level.SKIPPED, "it cannot be read here"),
    ],
)
def test_a_notification_that_macos_would_drop_is_said(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, content: bytes | None, level: Level, said: str
) -> None:
    """Nobody would be told, and osascript ends with 0."""
    monkeypatch.setattr(launchd_doctor, "OSASCRIPT", "/bin/sh")
    assert _look(clinic, "notifications").level is Level.OK, "nobody wants any"
    preferences = clinic.laptop.home / NOTIFICATIONS
    preferences.parent.mkdir(exist_ok=True)
    if content is not None:
        preferences.write_bytes(content)
    with clinic.text("jobs/told/job.toml", 'run = "true"\n[notify]\n'):
        found = _look(clinic, "notifications")
        assert found.level is level and said in "".join(one.said for one in found.findings)
        later = clinic.laptop.home / "Library/Group Containers/group.com.apple.usernoted/Library/Preferences"
        later.mkdir(parents=True)
        assert _look(clinic, "notifications").level is Level.SKIPPED, "nobody has described what is in there"
        later.rmdir()
    with clinic.text("jobs/told/job.toml", 'run = "true"\n[notify]\nrun = "true"\n'):
        assert _look(clinic, "notifications").level is Level.OK, "another one tells"
    preferences.unlink(missing_ok=True)


def test_a_log_that_goes_while_it_is_measured_has_no_size(clinic: Clinic) -> None:
    directory = clinic.logs / "test.plain"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "20260101T000000Z-1.log").symlink_to("gone")
    assert _look(clinic, "log-size").level is Level.OK
    (directory / "20260101T000000Z-1.log").unlink()
