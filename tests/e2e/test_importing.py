"""`import`: a home that has grown moves into the repository, and no job runs twice or is lost on the way."""

import os
import plistlib
import stat
from pathlib import Path

import pytest

from ..laptop import Laptop
from ..migration import CRONTAB, agents, furnish

PLISTS = 10
"""Of twelve agents two say what no definition can."""


@pytest.fixture
def grown(registered: Laptop) -> Laptop:
    furnish(registered)
    return registered


def _labels(machine: Laptop) -> set[str]:
    rows = machine.launchctl("list").out.splitlines()[1:]
    return {row.split("\t")[2] for row in rows}


def _all(machine: Laptop) -> list[str]:
    return sorted(str(path) for path in machine.agents.glob("*.plist"))


def test_a_dry_run_shows_everything_and_touches_nothing(grown: Laptop) -> None:
    before = grown.snapshot()
    shown = grown.jobsync("import", status=1)
    assert "14 jobs to import, 2 not" in shown.out
    assert "nothing was written" in shown.out
    assert "StartInterval: every 7m cannot be said" in shown.err
    assert "KeepAlive: only true" in shown.err
    assert grown.snapshot() == before
    assert not (grown.work / "jobs").exists()
    assert grown.mutations() == []


def test_the_repositorys_priority_is_not_given_to_jobs_that_had_none(grown: Laptop) -> None:
    """The settings that `init` writes have one."""
    grown.put("jobsync.toml", '[defaults.limits]\npriority = "background"\n')
    shown = grown.jobsync("import", status=1)
    assert "14 jobs to import, 2 not" in shown.out
    assert shown.out.count('priority = "normal"') == 14


def test_all_agents_move_in_one_go_and_nothing_runs_twice(grown: Laptop) -> None:
    done = grown.jobsync("import", "--take-over", *_all(grown), status=1)
    names = {"backup", "report", "greeting", "sync-notes", "poll", "beacon", "inbox", "netrc", "briefing"}
    assert grown.loaded() == names
    left = _labels(grown) - {grown.label(name) for name in names}
    assert {label for label in left if not label.startswith("test.")} == {"com.ada.pathstate", "com.ada.odd-interval"}
    assert {path.stem for path in grown.agents.glob("*.plist") if not path.stem.startswith("test.")} == left - {
        label for label in left if label.startswith("test.")
    }
    copies = {path.name.split("Z-", 1)[1] for path in (grown.state / "kept/taken-over").iterdir()}
    assert copies == {f"{label}.plist" for label in agents("/x") if label not in left}
    assert "jobs/old" in done.out
    assert "enabled = false" in (grown.work / "jobs/old/job.toml").read_text()
    grown.jobsync("run", "backup")
    assert f"backed up in {grown.home}/notes" in grown.jobsync("logs", "backup").out
    assert grown.commit("import").text.strip() == ""
    assert "9 unchanged" in grown.jobsync("sync").out


def test_a_kept_copy_is_what_was_there(grown: Laptop) -> None:
    path = grown.agents / "com.ada.backup.plist"
    content = path.read_bytes()
    assert content.startswith(b"bplist")
    grown.jobsync("import", "--take-over", str(path))
    (copy,) = (grown.state / "kept/taken-over").iterdir()
    assert copy.read_bytes() == content
    # The way back is the copy and one call of launchctl.
    grown.jobsync("uninstall", "--yes")
    assert copy.read_bytes() == content
    path.write_bytes(content)
    grown.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    assert "com.ada.backup" in _labels(grown)


def test_a_secret_goes_to_the_machine_and_not_into_git(grown: Laptop) -> None:
    grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.briefing.plist"))
    assert "abcd1234" not in (grown.work / "jobs/briefing/job.toml").read_text()
    env = grown.home / ".config/jobsync/env/briefing.env"
    assert env.read_text() == "BRIEFING_API_TOKEN=abcd1234efgh5678\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    grown.jobsync("run", "briefing")


def test_a_crontab_is_taken_over_line_by_line(grown: Laptop) -> None:
    grown.jobsync("import", "--take-over", "crontab")
    assert grown.loaded() == {"fetch-mail", "prune", "welcome", "archive"}
    after = (grown.home / ".crontab").read_text()
    assert [line for line in after.splitlines() if line and not line.startswith("#")] == CRONTAB.splitlines()[3:5]
    (copy,) = (grown.state / "kept/taken-over").iterdir()
    assert copy.read_text() == CRONTAB
    assert "there is nothing to import" in grown.jobsync("import", "crontab").out


def test_a_crontab_that_changes_meanwhile_is_left_alone(grown: Laptop) -> None:
    """The command answers one thing first and another later, as when somebody edits in between."""
    command = grown.home / "bin/crontab"
    count = grown.root / "count"
    command.write_text(
        f'#!/bin/sh\necho x >>"{count}"\n[ $(wc -l <"{count}") -lt 2 ] || echo "# edited" >>"$HOME/.crontab"\n'
        'case $1 in -l) cat "$HOME/.crontab" ;; *) exit 9 ;; esac\n'
    )
    shown = grown.jobsync("import", "--take-over", "crontab", status=1)
    assert "was changed meanwhile" in shown.err
    assert grown.loaded() == set()
    assert not list((grown.work / "jobs").glob("*/job.toml"))


def test_a_running_job_waits_and_a_daemon_does_not(grown: Laptop) -> None:
    path = grown.agents / "com.ada.long.plist"
    path.write_bytes(plistlib.dumps({"Label": "com.ada.long", "ProgramArguments": ["/bin/sleep", "60"]}))
    grown.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    grown.launchctl("kickstart", f"gui/{os.getuid()}/com.ada.long")
    beacon = str(grown.agents / "homebrew.mxcl.beacon.plist")
    shown = grown.jobsync("import", "--take-over", str(path), beacon, status=1)
    assert "com.ada.long is running" in shown.err
    assert grown.loaded() == {"beacon"}
    assert path.exists()
    assert not (grown.work / "jobs/long").exists()
    grown.launchctl("bootout", f"gui/{os.getuid()}/com.ada.long")


def test_what_runs_here_is_not_written_beside_it(grown: Laptop) -> None:
    shown = grown.jobsync("import", "--write", str(grown.agents / "com.ada.inbox.plist"), status=1)
    assert "`jobsync import --take-over" in shown.err
    assert not (grown.work / "jobs").exists()


def test_an_agent_that_is_loaded_from_elsewhere_runs_here_too(grown: Laptop) -> None:
    path = grown.home / "from-desktop/odd.plist"
    path.write_bytes(plistlib.dumps({"Label": "com.ada.odd", "ProgramArguments": ["/bin/echo"]}))
    grown.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    assert "--take-over" in grown.jobsync("import", "--write", str(path), status=1).err
    grown.jobsync("import", "--take-over", str(path))
    assert "com.ada.odd" not in _labels(grown)
    assert grown.loaded() == {"odd"}


def test_what_launchctl_disabled_stays_off(grown: Laptop) -> None:
    grown.launchctl("disable", f"gui/{os.getuid()}/com.ada.inbox")
    grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.inbox.plist"))
    assert "enabled = false" in (grown.work / "jobs/inbox/job.toml").read_text()
    assert grown.loaded() == set()


def test_what_runs_elsewhere_is_only_written(grown: Laptop) -> None:
    elsewhere = grown.home / "from-desktop"
    shown = grown.jobsync("import", "--write", str(elsewhere / "feeds.timer"), str(grown.home / "course/jobs"))
    assert "wrote jobs/feeds" in shown.out
    assert "wrote jobs/water" in shown.out
    assert os.access(grown.work / "jobs/water/run", os.X_OK)
    assert (elsewhere / "feeds.timer").exists()
    assert grown.loaded() == set()
    grown.jobsync("sync")
    assert grown.loaded() == {"feeds", "water"}
    assert "water the plants" in grown.jobsync("run", "water").out


def test_a_failing_unload_takes_the_new_job_back(grown: Laptop) -> None:
    grown.simulator.fault("bootout", code=5, text="Input/output error", times=20)
    shown = grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.inbox.plist"), status=1)
    assert "not taken over" in shown.err
    assert not (grown.work / "jobs/inbox").exists()
    assert "com.ada.inbox" in _labels(grown)


def test_names_that_are_there_are_not_overwritten_and_can_be_chosen(grown: Laptop) -> None:
    path = str(grown.agents / "com.ada.inbox.plist")
    grown.job("inbox")
    assert "jobs/inbox is there already" in grown.jobsync("import", "--take-over", path, status=1).err
    grown.jobsync("import", "--take-over", "--name", "filing", path)
    assert "filing" in grown.loaded()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--take-over"], "name what to import"),
        (["/nonexistent"], "is not there"),
        (["--name", "x", "crontab"], "one at a time"),
        (["--name", "Bad Name", "crontab"], "is not a job's name"),
    ],
)
def test_a_wrong_call_says_what_to_write(grown: Laptop, arguments: list[str], said: str) -> None:
    assert said in grown.jobsync("import", *arguments, status=2).err


def test_the_schema_line_is_written_where_the_repository_has_the_schema(grown: Laptop) -> None:
    grown.jobsync("schema", "--write", "schemas")
    grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.inbox.plist"))
    text = Path(grown.work / "jobs/inbox/job.toml").read_text()
    assert text.startswith("#:schema ../../schemas/job.schema.json\n")
    grown.jobsync("new", "another", "--at", "09:00")
    assert Path(grown.work / "jobs/another/job.toml").read_text().startswith("#:schema ../../schemas/job.schema.json\n")
