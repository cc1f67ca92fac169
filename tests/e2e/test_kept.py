"""Copies of hand edits: listed by a command, and brought back with what it says."""

import shlex
import subprocess

import pytest

from ..laptop import JOB, Laptop


def test_a_hand_edit_that_was_undone_is_listed_and_comes_back_into_the_definition(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.jobsync("sync")
    assert registered.jobsync("diff", "--kept").err == "there are no copies of hand edits\n"
    path = registered.plist_path("one")
    path.write_bytes(path.read_bytes().replace(b"<integer>9</integer>", b"<integer>11</integer>"))
    said = registered.jobsync("sync").text
    (copy,) = (registered.state / "kept").iterdir()
    assert str(copy) in said and registered.hour("one") == 9
    listed = registered.jobsync("diff", "--kept").out.splitlines()
    assert listed[0].endswith(str(copy)) and listed[0].startswith("# 20")
    assert "-\t\t\t<integer>9</integer>" in listed and "+\t\t\t<integer>11</integer>" in listed
    (back,) = [line.removeprefix("# back: ") for line in listed if line.startswith("# back: ")]
    registered.run("sh", "-c", back)
    assert 'at = "11:00"' in (registered.work / "jobs/one/job.toml").read_text()
    registered.jobsync("sync")
    assert registered.hour("one") == 11
    assert shlex.split(back)[0] == "cp"


def test_copies_are_listed_by_job_also_when_it_is_gone_and_those_of_launchers_too(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.jobsync("sync")
    launcher = registered.home / ".local/share/jobsync" / registered.state.name / "one"
    launcher.write_text("#!/bin/sh\necho mine\x1b[2J\n")
    registered.job("two", JOB.replace("09", "10"))
    registered.drop("jobs/one")
    registered.jobsync("sync")
    assert not launcher.exists()
    listed = registered.jobsync("diff", "--kept", "one").out
    assert "+echo mine\\x1b[2J" in listed and "# back" not in listed
    other = registered.jobsync("diff", "--kept", "two")
    assert other.out == "" and other.err == "there are no copies of hand edits of two\n"


def test_a_copy_of_a_job_that_is_gone_is_not_put_where_it_would_be_loaded(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.jobsync("sync")
    path = registered.plist_path("one")
    path.write_bytes(path.read_bytes().replace(b"<integer>9</integer>", b"<integer>11</integer>"))
    registered.jobsync("rename", "one", "other")
    (back,) = [line for line in registered.jobsync("diff", "--kept").out.splitlines() if line.startswith("# back: ")]
    assert back == "# back: one is not installed; write into a job.toml what you want of it"


@pytest.mark.parametrize("meanwhile", ["another job", "a fault"])
def test_what_a_killed_sync_wrote_is_no_edit_whatever_was_synced_since(registered: Laptop, meanwhile: str) -> None:
    registered.job("one")
    registered.job("other")
    registered.jobsync("sync")
    registered.job("one", JOB.replace("09", "10"))
    registered.simulator.clear_calls()
    registered.simulator.fault("bootstrap", hang=True)
    killed = subprocess.Popen(("jobsync", "sync"), cwd=registered.work, env=registered.environment)
    registered.wait_for(lambda: ["bootstrap"] in [call[:1] for call in registered.simulator.calls()])
    killed.kill()
    killed.wait()
    registered.simulator.clear_faults()
    assert registered.hour("one") == 10
    registered.job("other", JOB.replace("09", "11"))
    if meanwhile == "a fault":
        registered.job("one", JOB.replace("09:00", "9"))
        registered.jobsync("sync", status=1)
    else:
        registered.jobsync("sync", "other")
    registered.job("one", JOB.replace("09", "12"))
    said = registered.jobsync("sync").text
    assert "updated    one" in said and "edit" not in said
    assert registered.jobsync("diff", "--kept").err == "there are no copies of hand edits\n"
