"""`jobsync adopt`: an edit of the installed property list becomes the definition, and the next sync keeps it."""

import plistlib
from typing import Any

import pytest

from ..laptop import JOB, Laptop

TEXT = f"# mine\n{JOB}# --- end\n"


@pytest.fixture
def synced(registered: Laptop) -> Laptop:
    """With one job, committed and installed."""
    registered.job("one", TEXT)
    registered.commit()
    registered.jobsync("sync")
    return registered


def edit(machine: Laptop, binary: bool = False, **values: Any) -> None:
    """Edit the installed property list as an editor of property lists does."""
    path = machine.plist_path("one")
    path.write_bytes(
        plistlib.dumps(
            machine.plist("one") | values, fmt=plistlib.FMT_BINARY if binary else plistlib.FMT_XML, sort_keys=False
        )
    )


def text(machine: Laptop) -> str:
    return (machine.work / "jobs/one/job.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("binary", [False, True])
def test_an_edit_is_written_back_and_the_next_sync_keeps_it(synced: Laptop, binary: bool) -> None:
    edit(synced, binary, StartCalendarInterval={"Hour": 11, "Minute": 30}, Nice=5)
    said = synced.jobsync("adopt", "one").out
    assert said == "adopted into jobs/one/job.toml: launchd.Nice, schedule.at\nnext: `jobsync sync one`, then commit\n"
    assert text(synced) == TEXT.replace("09:00", "11:30") + "\n[launchd]\nNice = 5\n"
    assert "updated" in synced.jobsync("sync", "one").out
    installed = synced.plist("one")
    assert installed["StartCalendarInterval"] == [{"Hour": 11, "Minute": 30}]
    assert installed["Nice"] == 5
    assert synced.jobsync("sync", "one").out.splitlines()[-1] == "1 unchanged"
    assert synced.jobsync("adopt", "one").out.startswith("nothing to adopt")


def test_nothing_but_the_definition_is_written(synced: Laptop) -> None:
    edit(synced, RunAtLoad=True)
    (synced.work / "jobs/one/job.toml").chmod(0o600)
    before = synced.snapshot()
    synced.mutations()
    synced.jobsync("adopt", "one")
    assert synced.snapshot() == before
    assert synced.mutations() == []
    assert synced.git("status", "--porcelain").out == " M jobs/one/job.toml\n"
    assert (synced.work / "jobs/one/job.toml").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (synced.work / "jobs/one").iterdir()) == ["job.toml"]


def test_a_dry_run_shows_the_difference_and_writes_nothing(synced: Laptop) -> None:
    edit(synced, RunAtLoad=True)
    said = synced.jobsync("adopt", "-n", "one").out.splitlines()
    assert said[:2] == ["--- a/jobs/one/job.toml", "+++ b/jobs/one/job.toml"]
    assert [line for line in said[2:] if line[0] in "+-"] == ["+at_login = true"]
    assert text(synced) == TEXT
    assert synced.git("status", "--porcelain").out == ""


def test_without_an_edit_there_is_nothing_to_adopt(synced: Laptop) -> None:
    assert synced.jobsync("adopt", "one").out.startswith(f"nothing to adopt: {synced.plist_path('one')}")
    path = synced.plist_path("one")
    path.write_bytes(path.read_bytes().replace(b"<!--", b"<!-- my"))
    assert synced.jobsync("adopt", "one").out.startswith("nothing to adopt")
    assert text(synced) == TEXT


def test_all_or_nothing_with_every_reason(synced: Laptop) -> None:
    edit(synced, StartInterval=900, StandardOutPath="/tmp/x", RunAtLoad=True)
    ran = synced.jobsync("adopt", "one", status=1)
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert lines[0].startswith("StandardOutPath: jobsync keeps the output")
    assert lines[1].startswith("StartInterval: ") and lines[1].endswith('every = "15m"')
    assert "2 edits of" in lines[2] and "nothing was written" in lines[2]
    assert text(synced) == TEXT


def test_an_edit_of_the_definition_since_the_last_sync_stays(synced: Laptop) -> None:
    synced.job("one", TEXT.replace('run = "true"', 'run = "false"') + "[launchd]\nUmask = 18\n")
    edit(synced, StartCalendarInterval={"Hour": 7, "Minute": 0})
    synced.jobsync("adopt", "one")
    assert 'run = "false"' in text(synced) and "Umask = 18" in text(synced) and "07:00" in text(synced)
    synced.jobsync("sync")
    assert synced.plist("one")["Umask"] == 18
    assert synced.hour("one") == 7


def test_a_time_changed_in_both_places_is_left_to_the_user(synced: Laptop) -> None:
    changed = TEXT.replace("09:00", "10:00")
    synced.job("one", changed)
    edit(synced, StartCalendarInterval={"Hour": 7, "Minute": 0})
    assert "was changed in job.toml too" in synced.jobsync("adopt", "one", status=1).err
    assert text(synced) == changed


def test_without_a_ledger_the_owner_mark_tells(synced: Laptop) -> None:
    (synced.state / "ledger").unlink()
    edit(synced, RunAtLoad=True)
    synced.jobsync("adopt", "one")
    assert "at_login = true" in text(synced)


def test_a_job_that_nobody_knows_is_a_usage_error(synced: Laptop) -> None:
    ran = synced.jobsync("adopt", "ona", status=2)
    assert "did you mean 'one'?" in ran.err


@pytest.mark.parametrize(
    "content", [b"<plist><dict><key>", b"", plistlib.dumps({"Nice": plistlib.UID(1)}, fmt=plistlib.FMT_BINARY)]
)
def test_what_cannot_be_read_is_left_to_a_sync(synced: Laptop, content: bytes) -> None:
    path = synced.plist_path("one")
    path.write_bytes(content)
    ran = synced.jobsync("adopt", "one", status=1)
    assert f"{path} is no property list" in ran.err
    assert "`jobsync sync one`" in ran.err and "keeps a copy" in ran.err
    synced.jobsync("sync", "one")
    assert synced.hour("one") == 9
    assert any(kept.read_bytes() == content for kept in (synced.state / "kept").iterdir())


def test_what_is_not_there_is_left_to_a_sync(synced: Laptop) -> None:
    synced.plist_path("one").unlink()
    ran = synced.jobsync("adopt", "one", status=1)
    assert "is not there" in ran.err and "`jobsync sync one` installs it" in ran.err


def test_a_foreign_file_is_not_adopted(registered: Laptop) -> None:
    registered.job("one", TEXT)
    registered.agents.mkdir(parents=True, exist_ok=True)
    registered.plist_path("one").write_bytes(plistlib.dumps({"Label": "test.one", "Nice": 5}))
    assert "is not jobsync's" in registered.jobsync("adopt", "one", status=1).err
    assert text(registered) == TEXT


def test_a_faulty_definition_is_not_written_into(synced: Laptop) -> None:
    synced.job("one", "every = 5\n")
    edit(synced, RunAtLoad=True)
    ran = synced.jobsync("adopt", "one", status=1)
    assert "has no valid definition" in ran.err and "`jobsync check`" in ran.err
    assert text(synced) == "every = 5\n"


def test_a_definition_that_is_a_link_is_not_replaced(synced: Laptop) -> None:
    definition = synced.work / "jobs/one/job.toml"
    shared = synced.put("shared.toml", TEXT)
    definition.unlink()
    definition.symlink_to("../../shared.toml")
    edit(synced, RunAtLoad=True)
    ran = synced.jobsync("adopt", "one", status=1)
    assert "is reached through a link" in ran.err
    assert definition.is_symlink()
    assert shared.read_text() == TEXT
    assert "+at_login = true" in synced.jobsync("adopt", "-n", "one").out
