"""`edit` and `rename`, with a real editor's stand-in: a script that changes the file it is given."""

import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop, Ran
from ..programs import beside


@pytest.fixture
def machine(registered: Laptop) -> Laptop:
    registered.job("backup", "# kept every night\n" + JOB)
    registered.commit()
    registered.jobsync("sync")
    registered.mutations()
    return registered


def _editor(machine: Laptop, *steps: str) -> dict[str, str]:
    """An EDITOR that plays one line of sh per call, with the file as $1."""
    count = machine.root / "calls"
    count.write_text("0")
    lines = "\n".join(f"{number}) {step} ;;" for number, step in enumerate(steps))
    text = f'#!/bin/sh\nn=$(cat "{count}")\necho $((n + 1)) >"{count}"\ncase $n in\n{lines}\nesac\n'
    script = machine.root / "my editor"
    script.write_text(text)
    script.chmod(0o755)
    return {"VISUAL": f'"{script}" ', "EDITOR": "/nonexistent/editor"}


def _answering(machine: Laptop, answers: str, *arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """Run jobsync on a terminal whose user types these answers."""
    main, worker = pty.openpty()
    os.write(main, answers.encode())
    with beside(
        ["jobsync", *arguments], cwd=machine.work, env={**machine.environment, **env, "TERM": "dumb"},
        stdin=worker, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(worker)
        shown, _ = process.communicate(timeout=90)
    os.close(main)
    return process.returncode, shown.decode()


def test_an_edit_is_checked_and_its_plan_is_shown(machine: Laptop) -> None:
    done = machine.jobsync("edit", "backup", env=_editor(machine, 'sed -i.bak s/09:00/10:00/ "$1"; rm "$1.bak"'))
    assert "updated  backup" in done.out
    assert "nothing synced yet; `jobsync sync backup` does it" in done.out
    assert machine.hour("backup") == 9
    assert (machine.work / "jobs/backup/job.toml").read_text().startswith("# kept every night\n")


def test_yes_syncs_what_was_edited(machine: Laptop) -> None:
    machine.jobsync("edit", "-y", "backup", env=_editor(machine, 'sed -i.bak s/09:00/10:00/ "$1"; rm "$1.bak"'))
    assert machine.hour("backup") == 10


def test_nothing_edited_is_nothing_to_do(machine: Laptop) -> None:
    assert "unchanged" in machine.jobsync("edit", "backup", env=_editor(machine, "true")).out
    assert machine.mutations() == []


def test_of_a_job_that_is_not_for_this_machine_it_says_so(machine: Laptop) -> None:
    text = "[only]\\nmachines = [\\042elsewhere\\042]\\n"
    shown = machine.jobsync("edit", "-y", "backup", env=_editor(machine, f'printf "{text}" >>"$1"'))
    assert "removed  backup" in shown.out
    shown = machine.jobsync("edit", "backup", env=_editor(machine, "true"))
    assert shown.out == "nothing to do\n"
    assert "backup is not for this machine: only.machines leaves out" in shown.err


def test_a_fault_is_shown_and_can_be_edited_again(machine: Laptop) -> None:
    env = _editor(machine, 'echo \'every = "5 min"\' >>"$1"', 'sed -i.bak \'s/5 min/5m/\' "$1"; rm "$1.bak"')
    status, shown = _answering(machine, "y\ny\n", "edit", "backup", env=env)
    assert status == 0, shown
    assert 'schedule.every: "5 min" is not a duration; write "5m"' in shown
    assert "edit it again?" in shown
    assert "updated  backup" in shown
    assert len(machine.plist("backup")["StartCalendarInterval"]) == 12


def test_who_gives_up_keeps_what_was_written(machine: Laptop) -> None:
    env = _editor(machine, "echo 'every = 5' >>\"$1\"")
    status, shown = _answering(machine, "n\n", "edit", "backup", env=env)
    assert status == 1
    assert "is as you left it" in shown and "`jobsync edit backup` opens it again" in shown
    assert "every = 5" in (machine.work / "jobs/backup/job.toml").read_text()
    assert machine.hour("backup") == 9
    assert machine.jobsync("edit", "backup", env=_editor(machine, "true"), status=1).err.count("edit it again") == 0


def test_the_script_can_be_edited_where_there_is_one(machine: Laptop) -> None:
    assert "run is not there" in machine.jobsync("edit", "--run", "backup", status=1).err
    machine.put("jobs/script/job.toml", "")
    machine.put("jobs/script/run", "#!/bin/sh\ntrue\n", mode=0o755)
    machine.jobsync("edit", "--run", "script", env=_editor(machine, "echo 'echo hello' >>\"$1\""))
    assert (machine.work / "jobs/script/run").read_text().endswith("echo hello\n")


def test_an_editor_that_fails_ends_it(machine: Laptop) -> None:
    shown = machine.jobsync("edit", "backup", env=_editor(machine, "exit 3"), status=1)
    assert "ended with status 3" in shown.err
    assert "set VISUAL or EDITOR" in shown.err


def _moved(machine: Laptop, name: str) -> dict[str, Path]:
    return {
        "logs": machine.home / "Library/Logs/jobsync" / machine.label(name)
        if (machine.home / "Library/Logs/jobsync").is_dir()
        else machine.home / ".local/state/jobsync/logs" / machine.label(name),
        "runs": machine.state / "runs" / name,
        "env": machine.home / ".config/jobsync/env" / f"{name}.env",
    }


def test_a_rename_takes_label_logs_history_pause_and_secrets_along(machine: Laptop) -> None:
    secret = _moved(machine, "backup")["env"]
    secret.parent.mkdir()
    secret.write_text("TOKEN=x\n")
    secret.chmod(0o600)
    machine.jobsync("run", "backup")
    machine.jobsync("pause", "backup")
    before = {key: path for key, path in _moved(machine, "backup").items() if path.exists()}
    assert set(before) == {"logs", "runs", "env"}
    records = before["runs"].read_bytes()
    done = machine.jobsync("rename", "backup", "nightly")
    assert machine.loaded() == machine.installed() == {"nightly"}
    assert not any(path.exists() for path in before.values())
    after = _moved(machine, "nightly")
    assert after["runs"].read_bytes() == records
    assert len(list(after["logs"].glob("*.log"))) == 1
    assert after["env"].read_text() == "TOKEN=x\n"
    assert "paused" in machine.jobsync("status").out
    assert "removed    backup" in done.out
    assert "installed  nightly" in done.out
    # git's index is the user's: both sides are there to be added.
    assert machine.git("diff", "--cached", "--name-only").out == ""
    machine.git("add", "-A")
    assert "R100" in machine.git("diff", "--cached", "-M", "--name-status").out
    assert machine.commit("rename").text.strip() == ""
    assert "1 paused" in machine.jobsync("sync").out


def test_a_new_name_is_no_news_of_a_failure_that_was_told(machine: Laptop) -> None:
    text = """run = "test -e ~/fixed"\n[notify]\nrun = 'echo "$JOBSYNC_MESSAGE" >>~/told'\n"""
    machine.job("backup", text + 'on = ["failed", "recovered"]\n[schedule]\nat = "09:00"\n')
    machine.jobsync("sync")
    machine.jobsync("run", "backup", status=1)
    machine.jobsync("rename", "backup", "nightly")
    machine.jobsync("run", "nightly", status=1)
    (machine.home / "fixed").touch()
    machine.jobsync("run", "nightly")
    told = (machine.home / "told").read_text().splitlines()
    assert told == ["backup failed: status 1", "nightly recovered"]


def test_a_dry_run_moves_nothing(machine: Laptop) -> None:
    before = machine.snapshot()
    shown = machine.jobsync("rename", "-n", "backup", "nightly").out
    assert "jobs/backup" in shown
    assert "jobs/nightly" in shown
    assert machine.state / "runs/backup" in {Path(line.split()[0]) for line in shown.splitlines()}
    assert machine.snapshot() == before
    assert (machine.work / "jobs/backup").is_dir()


@pytest.mark.parametrize(
    ("new", "status", "said"),
    [
        ("Bad", 2, 'is not a job\'s name; take another name, such as "bad"'),
        ("jobsync-x", 2, "jobsync's own"),
        ("other", 1, "is there already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(machine: Laptop, new: str, status: int, said: str) -> None:
    machine.job("other")
    assert said in machine.jobsync("rename", "backup", new, status=status).err
    assert machine.loaded() == {"backup"}


def test_a_rename_that_was_interrupted_goes_on_where_it_is_asked_for_again(machine: Laptop) -> None:
    machine.jobsync("run", "backup")
    machine.jobsync("pause", "backup")
    records = _moved(machine, "backup")["runs"].read_bytes()
    machine.simulator.fault("bootout", hang=True)
    started = subprocess.Popen(
        ["jobsync", "rename", "backup", "nightly"], cwd=machine.work, env=machine.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    machine.wait_for((machine.work / "jobs/nightly").exists)
    machine.wait_for(lambda: any(call[:1] == ["bootout"] for call in machine.simulator.calls()))
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130 and "`jobsync rename backup nightly` goes on with it" in said
    machine.simulator.clear_faults()
    assert "jobs/" not in machine.jobsync("rename", "-n", "backup", "nightly").out
    machine.jobsync("rename", "backup", "nightly")
    assert machine.loaded() == machine.installed() == {"nightly"}
    assert _moved(machine, "nightly")["runs"].read_bytes() == records
    assert "paused" in machine.jobsync("status").out


def test_a_rename_that_git_brought_takes_the_rest_along_where_it_is_asked_for(machine: Laptop) -> None:
    machine.jobsync("run", "backup")
    machine.jobsync("pause", "backup")
    recorded = _moved(machine, "backup")["runs"].read_bytes()
    machine.git("mv", "jobs/backup", "jobs/nightly")
    assert "installed nightly" in machine.commit("rename").text
    assert "jobs/" not in machine.jobsync("rename", "-n", "backup", "nightly").out
    done = machine.jobsync("rename", "backup", "nightly").out
    assert "1 paused" in done and "next: " not in done, "it is committed already"
    after = _moved(machine, "nightly")
    assert after["runs"].read_bytes() == recorded
    assert len(list(after["logs"].glob("*.log"))) == 1


@pytest.mark.parametrize("asks", ["commit", "sync"])
@pytest.mark.parametrize("kind", ["job", "daemon", "script"])
def test_a_job_that_git_gives_another_name_stays_paused(machine: Laptop, asks: str, kind: str) -> None:
    """A pause is this machine's word on what a job does, and what it does it does under any name."""
    if kind == "daemon":
        machine.job("backup", 'run = "sleep 600"\n[daemon]\nrestart = "always"\n')
    if kind == "script":
        machine.job("backup", '[schedule]\nat = "09:00"\n')
        machine.put("jobs/backup/run", "#!/bin/sh\n", mode=0o755)
    if kind != "job":
        machine.commit()
    machine.jobsync("pause", "backup")
    machine.git("mv", "jobs/backup", "jobs/nightly")
    if kind == "script":
        machine.job("nightly", '[schedule]\nat = "11:00"\n')
    said = machine.jobsync("sync").err if asks == "sync" else machine.commit("rename").err
    assert "nightly: paused, as backup was, which ran the same; `jobsync rename backup nightly`" in said
    assert ("nightly" in machine.loaded()) is (kind != "daemon")
    assert "  paused by you  " in machine.jobsync("status").out
    assert not (machine.state / "pause" / "backup").exists()
    machine.jobsync("rename", "backup", "nightly")
    assert "1 paused" in machine.jobsync("sync").out
    machine.jobsync("resume")
    assert machine.loaded() == {"nightly"}


def test_another_job_than_the_paused_one_that_went_is_not_paused(machine: Laptop) -> None:
    machine.jobsync("pause", "backup")
    machine.drop("jobs/backup")
    machine.job("nightly", JOB.replace("09:00", "10:00"))
    assert "paused" not in machine.commit("another").text
    assert machine.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


def test_a_job_that_the_brake_holds_under_its_former_name_stays_paused_under_both(machine: Laptop) -> None:
    for number in range(3):
        machine.job(f"old{number}", JOB.replace("true", f"echo {number}"))
    machine.commit()
    machine.jobsync("pause", "old0")
    for number in range(3):
        machine.git("mv", f"jobs/old{number}", f"jobs/new{number}")
    assert "gone at once" in machine.commit("rename").text
    assert {path.name for path in (machine.state / "pause").iterdir()} == {"old0", "new0"}
    machine.jobsync("sync", "--allow-removals")
    machine.jobsync("rename", "old0", "new0")
    assert {path.name for path in (machine.state / "pause").iterdir()} == {"new0"}


def test_a_job_that_has_run_under_its_new_name_keeps_that_history(machine: Laptop) -> None:
    machine.jobsync("run", "backup")
    machine.git("mv", "jobs/backup", "jobs/nightly")
    machine.commit("rename")
    machine.jobsync("run", "nightly")
    kept = _moved(machine, "nightly")["runs"].read_bytes()
    said = machine.jobsync("rename", "backup", "nightly", status=1).err
    assert "runs/nightly is there already" in said
    assert _moved(machine, "nightly")["runs"].read_bytes() == kept


def test_without_an_answer_of_the_scheduler_nothing_is_renamed_and_an_edit_is_no_success(machine: Laptop) -> None:
    machine.simulator.fault("print", garbage="!?", times=1000)
    shown = machine.jobsync("rename", "backup", "nightly", status=1).err
    assert shown.startswith("jobsync: not renamed: could not ask the scheduler: ") and "try again" in shown
    assert (machine.work / "jobs/backup").is_dir() and not (machine.work / "jobs/nightly").exists()
    assert "failed  backup" in machine.jobsync("edit", "-y", "backup", env=_editor(machine, "true"), status=1).out
    machine.simulator.clear_faults()
    machine.jobsync("rename", "backup", "nightly")
    assert machine.loaded() == machine.installed() == {"nightly"}


def test_a_rename_that_fails_halfway_says_what_goes_on_with_it(machine: Laptop) -> None:
    machine.simulator.fault("print", garbage="!?", after=1, times=1000)
    said = machine.jobsync("rename", "backup", "nightly", status=1).err
    assert said.startswith("jobsync: renamed in part: could not ask the scheduler: ")
    assert said.endswith("\n  when it answers, `jobsync rename backup nightly` goes on with it\n"), (
        "and no other way out"
    )
    machine.simulator.clear_faults()
    machine.jobsync("rename", "backup", "nightly")
    assert machine.loaded() == machine.installed() == {"nightly"}


def test_a_running_job_is_not_renamed(machine: Laptop) -> None:
    machine.job("long", 'run = "sleep 60"\n')
    machine.jobsync("sync")
    machine.jobsync("run", "-d", "long")
    assert "jobsync stop long" in machine.jobsync("rename", "long", "longer", status=1).err
    assert machine.loaded() == {"backup", "long"}
    machine.jobsync("stop", "long")


@pytest.mark.parametrize("what", ["runs", "is disabled"])
def test_a_job_that_waits_under_a_former_prefix_is_not_renamed_either(machine: Laptop, what: str) -> None:
    machine.job("backup", 'run = "while [ ! -e ~/go ]; do sleep 0.05; done"\n')
    machine.jobsync("sync")
    if what == "runs":
        machine.jobsync("run", "-d", "backup")
    else:
        machine.launchctl("disable", machine.target("backup"))
    assert "deferred" in machine.jobsync("init", "--prefix", "moved", "--yes", "--sync").out
    said = machine.jobsync("rename", "backup", "nightly", status=1).err
    assert ("backup is running (pid " if what == "runs" else "backup is disabled by you") in said
    assert (machine.work / "jobs/backup").is_dir() and machine.loaded() == {"backup"}
    (machine.home / "go").touch()


def test_a_daemon_which_comes_back_when_it_is_stopped_is_paused_for_its_new_name(machine: Laptop) -> None:
    machine.job("watch", 'run = "sleep 60"\n[daemon]\n')
    machine.jobsync("sync")
    said = machine.jobsync("rename", "watch", "guard", status=1).err
    for command in re.findall("`jobsync ([^`]*)`", said):
        machine.jobsync(*command.split())
        machine.jobsync("rename", "watch", "guard", status=None)
    assert machine.loaded() == {"backup", "guard"}


def test_a_job_that_is_switched_off_does_not_come_back_by_a_new_name(machine: Laptop) -> None:
    machine.launchctl("disable", machine.target("backup"))
    said = machine.jobsync("rename", "backup", "nightly", status=1).err
    assert machine.loaded() == {"backup"} and (machine.work / "jobs/backup").is_dir()
    (command,) = re.findall("`jobsync ([^`]*)`", said)
    machine.jobsync(*command.split())
    assert "1 installed" in machine.jobsync("rename", "backup", "nightly").out
    assert "paused by you" in machine.jobsync("status").out


def test_a_job_that_was_never_synced_is_renamed_too(machine: Laptop) -> None:
    machine.job("fresh")
    done = machine.jobsync("rename", "fresh", "fresher")
    assert machine.loaded() == {"backup", "fresher"}
    (command,) = (line.split("`")[1] for line in done.out.splitlines() if line.startswith("next: "))
    assert machine.run("sh", "-c", command).text == "", "git never knew the old directory"
    assert machine.git("diff", "--cached", "--name-only").out == "jobs/fresher/job.toml\n"


def test_a_job_of_another_machine_is_renamed_without_a_word_of_what_is_here(machine: Laptop) -> None:
    machine.job("far", "enabled = false\n" + JOB)
    done = machine.jobsync("rename", "far", "further").out
    assert done.startswith("renamed far to further; nothing of it is installed on this machine\nnext: `git add -A ")
    assert machine.loaded() == {"backup"}


def test_definitions_that_name_the_old_directory_are_told(machine: Laptop) -> None:
    machine.put("jobs/backup/lib.sh", "true\n")
    machine.job("other", 'inputs = ["../backup/lib.sh"]\n' + JOB)
    machine.jobsync("sync")
    shown: Ran = machine.jobsync("rename", "backup", "nightly", status=1)
    assert "jobs/other/job.toml: inputs" in shown.err and "installed  nightly" in shown.out


def test_faults_about_another_name_are_none_of_a_renames(machine: Laptop) -> None:
    machine.job("other", 'inputs = ["../backup-2/lib.sh"]\n' + JOB)
    assert machine.jobsync("rename", "backup", "nightly").err == ""
