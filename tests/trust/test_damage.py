"""Files of ours that somebody closed, or whose place something else has taken: no bug, no loss, and a way out.

`TRUST_KILLS=all` closes every place (`make trust`); without it every second one.
"""

import json
import os
import time
from pathlib import Path

import pytest

from jobsync.runs import records

from ..laptop import JOB, Laptop, Ran
from ..unprivileged import CONFINED

COMMANDS = (
    "status", "status one", "doctor", "logs one", "history", "resume", "sync", "uninstall --yes",
)  # fmt: skip
LAUNCHERS = ("../../../share/jobsync", "../../../share/jobsync/ID", "../../../share/jobsync/ID/one")
INSTALLED = (*LAUNCHERS, "../../../../Library/LaunchAgents", "../../../../Library/LaunchAgents/test.one.plist")
PLACES = (
    "ledger", "sources", "runs/one", "failing", "pause", "kept", ".", "../logs", "../logs/test.one",
    "../../../../.config/jobsync/config.toml", "../../../../.config/jobsync/config.index",
)  # fmt: skip
"""Below the state of a repository."""
EVERY_PLACE = (*PLACES, *INSTALLED)
ALL = os.environ.get("TRUST_KILLS") == "all"


def at_work(laptop: Laptop) -> Path:
    """A machine on which everything has happened once; its state."""
    laptop.job("one", 'run = "exit 3"\n')
    laptop.job("two")
    laptop.commit()
    laptop.jobsync("run", "one", status=3)
    laptop.jobsync("pause", "two")
    laptop.plist_path("two").write_text(laptop.plist_path("two").read_text().replace("9", "8", 1))
    laptop.jobsync("sync")
    return laptop.state


def ask(laptop: Laptop, command: str) -> Ran:
    ran = laptop.run(*CONFINED, "jobsync", *command.split(), status=None)
    assert ran.status in (0, 1), (command, ran)
    return ran


def place_of(laptop: Laptop, place: str) -> Path:
    state = at_work(laptop)
    return Path(state, place.replace("ID", state.name)).resolve()


@pytest.mark.parametrize("place", EVERY_PLACE if ALL else EVERY_PLACE[::2])
def test_a_place_that_a_mode_closes_is_a_sentence_that_says_how_it_is_opened(registered: Laptop, place: str) -> None:
    closed = place_of(registered, place)
    mode = closed.stat().st_mode
    for command in COMMANDS:
        if closed.exists():
            closed.chmod(0)
        ran = ask(registered, command)
        said = ran.out + ran.err
        # A table leads to the screen that says it.
        is_said = f"chmod u+rwX {closed}" in said or "`jobsync doctor" in said
        assert "Permission denied" not in said or is_said, (command, ran)
        if closed.exists():
            closed.chmod(mode)


@pytest.mark.parametrize("place", INSTALLED)
def test_doctor_says_how_what_is_installed_and_closed_is_opened(registered: Laptop, place: str) -> None:
    closed = place_of(registered, place)
    closed.chmod(0)
    ran = ask(registered, "doctor")
    said = (ran.out + ran.err).replace("~", str(registered.home))
    assert ran.status == 1 and f"chmod u+rwX {closed}" in said, ran
    closed.chmod(0o755)


def test_doctor_says_that_launchers_find_no_env_file_in_a_closed_directory_and_opens_it(registered: Laptop) -> None:
    secrets = registered.config_file.parent / "env"
    secrets.mkdir(mode=0o700)
    (secrets / "one.env").touch(mode=0o600)
    registered.job("one")
    registered.commit()
    secrets.chmod(0)
    assert "cannot tell which jobs have an env file there" in ask(registered, "doctor").out
    ask(registered, "doctor --fix --yes")
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert "cannot be looked into" not in ask(registered, "doctor").out


@pytest.mark.parametrize("place", LAUNCHERS)
def test_a_run_whose_launcher_is_closed_does_not_send_to_a_sync_that_cannot_mend_it(
    registered: Laptop, place: str
) -> None:
    closed = place_of(registered, place)
    closed.chmod(0)
    ran = ask(registered, "run one")
    assert ran.status == 1 and f"`chmod u+rwX {closed}`" in ran.err, ran
    closed.chmod(0o755)


# -- one job's own files


def with_three(laptop: Laptop) -> Path:
    """A machine on which a job, a paused job and a paused daemon are installed; its state."""
    for name in ("one", "two"):
        laptop.job(name)
    laptop.job("daemon", 'run = "sleep 100"\n[daemon]\n')
    laptop.commit()
    laptop.jobsync("run", "one")
    laptop.jobsync("pause", "two", "daemon")
    return laptop.state


def state_of(laptop: Laptop, job: str) -> tuple[str, str]:
    """The word of `status` for a job, and why."""
    (repo,) = json.loads(ask(laptop, "status --json").out)["repos"]
    (row,) = [row for row in repo["jobs"] if row["name"] == job]
    return row["state"], row["detail"]


@pytest.mark.parametrize(
    ("place", "job"), [("runs/one", "one"), ("pause/two", "two"), ("pause/daemon", "daemon"), ("runs/two", "two")]
)
def test_a_file_of_one_job_that_a_mode_closes_costs_the_others_nothing(
    registered: Laptop, place: str, job: str
) -> None:
    closed = with_three(registered) / place
    closed.touch()
    closed.chmod(0)
    if place != "runs/two":  # which says nothing that a paused job's state depends on
        why = f"cannot read {closed}: Permission denied; `chmod u+rwX {closed}`"
        assert state_of(registered, job) == ("unknown", why)
        ran = ask(registered, "status")
        assert f"{job}: {why}\n" in ran.err and f"1 to look at: {job}" in ran.out, ran
        assert why in ask(registered, f"status {job}").out
    assert f"`chmod u+rwX {closed}`".replace(str(registered.home), "~") in ask(registered, "doctor").out
    registered.job("new")
    registered.job("one", JOB.replace("09", "10"))
    ask(registered, "sync")
    assert "new" in registered.loaded()
    assert "daemon" not in registered.loaded(), "a daemon whose pause cannot be read was started"
    if job != "one":
        assert registered.hour("one") == 10
    registered.job("newer")
    registered.git("add", "-A")
    registered.run(*CONFINED, "git", "commit", "-qm", "newer")
    assert "newer" in registered.loaded()
    assert ask(registered, "history new").status == 0
    ran = ask(registered, "history")
    assert ran.status == (place.startswith("runs/")), ran


def test_a_job_whose_pause_cannot_be_read_is_paused_until_it_is_resumed(registered: Laptop) -> None:
    (with_three(registered) / "pause/two").chmod(0)
    ran = ask(registered, "sync")
    assert ran.status == 0 and "paused until `jobsync resume`: cannot read " in ran.out, ran
    assert "two is paused until `jobsync resume`: cannot read " in ask(registered, "run two").err
    registered.run(*CONFINED, str(registered.home / ".local/share/jobsync" / registered.state.name / "two"))
    (run,) = records.read(registered.state / "runs/two")
    assert run.skipped == records.PAUSED
    assert ask(registered, "resume two").out == "two: resumed\n"
    assert state_of(registered, "two")[0] == "never ran"


@pytest.mark.parametrize("place", ["runs/one", "owed/one"])
def test_what_a_killed_sync_owes_to_a_job_waits_where_nobody_can_tell_and_the_others_do_not(
    registered: Laptop, place: str
) -> None:
    state = with_three(registered)
    runs = state / "runs/one"
    with runs.open("a") as file:
        file.write(f"skip 20261129T090000Z-1 {int(time.time())} held\n")
    (state / "owed").mkdir(exist_ok=True)
    (state / "owed/one").touch()
    (state / place).chmod(0)
    registered.job("new")
    assert ask(registered, "sync").status == 0
    assert "new" in registered.loaded() and (state / "owed/one").exists()
    runs.chmod(0o600)
    os.utime(state / "owed/one", (time.time() - 100,) * 2)
    ask(registered, "sync")
    registered.wait_for(lambda: len([run for run in records.read(runs) if not run.skipped]) == 2)


# -- pipes


PIPES = (
    "ledger", "pack", "sources", "schedules", "runs/one", "pause/one", "note", "deferred", "changing",
    "../../../../.config/jobsync/config.toml", "../../../../.config/jobsync/config.index",
)  # fmt: skip


def in_time(laptop: Laptop, *argv: str) -> Ran:
    """A command of which nobody has to wait for what a pipe may never hold."""
    return laptop.run("timeout", "20", *argv, status=None)


@pytest.mark.parametrize("place", PIPES)
def test_a_pipe_in_a_files_place_holds_nobody_up(registered: Laptop, place: str) -> None:
    registered.job("one")
    registered.commit()
    registered.jobsync("status")
    pipe = Path(registered.state, place).resolve()
    pipe.unlink(missing_ok=True)
    pipe.parent.mkdir(exist_ok=True)
    for command in ("git commit -qm x --allow-empty", "jobsync status", "jobsync sync", "jobsync doctor"):
        if not os.path.lexists(pipe):  # a sync may have put a file of its own there
            os.mkfifo(pipe)
        ran = in_time(registered, *command.split())
        assert ran.status in (0, 1) and "bug" not in ran.err, (command, ran)


def test_a_pipe_in_the_place_of_a_definition_holds_nobody_up(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    for pipe in (registered.plist_path("one"), registered.work / "jobs/one/job.toml"):
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
        for command in ("git commit -qm x --allow-empty", "jobsync status", "jobsync sync", "jobsync doctor"):
            ran = in_time(registered, *command.split())
            assert ran.status in (0, 1) and "bug" not in ran.err, (command, ran)
        registered.git("checkout", "-q", "--", "jobs")
