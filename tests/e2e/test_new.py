"""`new`, as typed: what it makes passes `check` and runs."""

import shutil

import pytest

from ..laptop import Laptop

WAYS = [
    (),
    ("--at", "mon-fri 09:00"),
    ("--cron", "0 9 * * 1-5"),
    ("--every", "15m"),
    ("--at", "09:00", "--every", "6h"),
    ("--at", "mon-fri 09:00", "--at", "sat 10:00", "--cron", "@daily"),
    ("--lang", "python"),
    ("--lang", "ts", "--at", "07:30"),
]


@pytest.mark.parametrize("options", WAYS, ids=" ".join)
def test_what_it_makes_passes_check_and_syncs(registered: Laptop, options: tuple[str, ...]) -> None:
    ran = registered.jobsync("new", "my-job", *options)
    assert ran.out.splitlines() == ["wrote jobs/my-job/job.toml", "wrote jobs/my-job/run"]
    assert "`jobsync edit --run my-job`" in ran.err
    registered.jobsync("check")
    registered.jobsync("sync", "my-job")
    # What the first job with times needs of jobsync's own is there too.
    assert registered.jobsync("status").out.endswith("1 job, all well\n")
    if "ts" not in options or shutil.which("bun"):
        assert registered.jobsync("run", "my-job").out == "my-job: nothing to do yet\n"


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (("echo $HOME | wc -l",), "1\n"),
        (("printf", "%s|", "it's", '"x"', "$HOME", "é\\n"), 'it\'s|"x"|$HOME|é\\n|'),
    ],
)
def test_a_command_instead_of_a_script(registered: Laptop, command: tuple[str, ...], out: str) -> None:
    assert registered.jobsync("new", "one", "--", *command).out == "wrote jobs/one/job.toml\n"
    registered.jobsync("sync")
    assert registered.jobsync("run", "one").out == out


def test_what_would_have_a_fault_is_not_made(registered: Laptop) -> None:
    ran = registered.jobsync("new", "one", "--every", "7m", status=1)
    assert "schedule.every" in ran.err and "nothing was made" in ran.err
    assert not (registered.work / "jobs" / "one").exists()
    assert "jobsync's own" in registered.jobsync("new", "jobsync-x", status=2).err
    assert "not a job's name" in registered.jobsync("new", "a/b", status=2).err
    registered.jobsync("new", "one")
    assert "is there already" in registered.jobsync("new", "one", status=1).err
    registered.put("jobs/notes/README", "")
    assert "take another name" in registered.jobsync("new", "notes", status=1).err, "which no command edits"
    registered.put("jobs/half/run", "#!/bin/sh\ntrue\n", mode=0o755)
    assert "`jobsync edit half`" in registered.jobsync("new", "half", status=1).err
    assert "`jobsync check`" in registered.jobsync("edit", "half", status=1).err, "and not `new` again"
    registered.put("jobsync.toml", "jobs = 'jobs'\nnope = 1\n")
    assert "jobsync.toml: nope" in registered.jobsync("new", "job", status=1).err
    assert "jobsync.toml: nope" in registered.jobsync("new", "other", status=1).err
    assert not (registered.work / "jobs" / "other").exists()
    registered.put("jobsync.toml", "jobs = 'jobs'\n")
    assert "instead of one" in registered.jobsync("new", "two", "--lang", "ts", "--", "true", status=2).err
