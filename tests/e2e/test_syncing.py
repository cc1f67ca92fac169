"""`sync`, `diff`, `check`, as typed."""

import json
from pathlib import Path

from jobsync.report import JSON_VERSION

from ..laptop import JOB, Laptop

LATER = JOB.replace("09:00", "10:00")
SLEEPER = 'run = "touch ~/began; sleep 1000"\n[schedule]\nat = "09:00"\n'


def test_a_dry_run_shows_the_plan_that_a_sync_then_carries_out(registered: Laptop) -> None:
    registered.job("kept")
    registered.job("gone")
    registered.commit()
    registered.job("kept", LATER)
    registered.drop("jobs/gone")
    registered.job("new")
    before = registered.snapshot()
    registered.mutations()
    assert registered.jobsync("sync", "-n").out.splitlines() == [
        "removed    gone  no longer defined",
        "updated    kept",
        "installed  new   new",
        "would be: 1 installed, 1 updated, 1 removed",
    ]
    registered.jobsync("sync", "-n", "--exit-code", status=3)
    assert registered.mutations() == [] and registered.snapshot() == before
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 installed, 1 updated, 1 removed"
    assert registered.jobsync("sync", "-n", "--exit-code").out.splitlines()[-1] == "would be: 2 unchanged"


def test_a_sync_of_named_jobs_leaves_all_others_alone(registered: Laptop) -> None:
    for name in ("backup", "report"):
        registered.job(name)
    registered.commit()
    for name in ("backup", "report"):
        registered.job(name, LATER)
    assert registered.jobsync("sync", "report").out == "updated  report\n1 updated\n"
    assert (registered.hour("backup"), registered.hour("report")) == (9, 10)
    for names in (["bakup"], ["report", "bakup"]):
        ran = registered.jobsync("sync", *names, status=2)
        assert ran.err == "jobsync: there is no job named 'bakup'\n  did you mean 'backup'?\n"
    assert "lists the jobs" in registered.jobsync("sync", "xyz", status=2).err
    assert registered.hour("backup") == 9


def test_json_of_a_sync_says_what_became_of_each_job(registered: Laptop) -> None:
    registered.job("one")
    registered.job("bad", "run = 3\n")
    document = json.loads(registered.jobsync("sync", "-n", "--json", status=1).out)
    (repo,) = document["repos"]
    assert document["version"] == repo["version"] == JSON_VERSION
    assert repo["dry_run"] and repo["would_change"] and repo["failed"] and repo["prefix"] == "test"
    assert [(job["name"], job["outcome"]) for job in repo["jobs"]] == [("bad", "failed"), ("one", "installed")]
    assert [(fault["file"], fault["key"]) for fault in repo["faults"]] == [("jobs/bad/job.toml", "run")]
    registered.drop("jobs/bad")
    (repo,) = json.loads(registered.jobsync("sync", "--json").out)["repos"]
    assert not repo["dry_run"] and not repo["failed"]
    assert repo["jobs"] == [{"name": "one", "label": "test.one", "outcome": "installed", "cause": "new"}]


def test_a_running_job_is_not_stopped_unless_asked_for(registered: Laptop) -> None:
    registered.job("busy", SLEEPER)
    registered.commit()
    registered.jobsync("run", "-d", "busy")
    registered.wait_for((registered.home / "began").exists)
    registered.job("busy", SLEEPER.replace("09:00", "10:00"))
    ran = registered.jobsync("sync")
    assert ran.out.startswith("deferred  busy  running (pid ") and registered.hour("busy") == 9
    assert "deferred" in registered.jobsync("status").out
    registered.jobsync("sync", "--now")
    assert registered.hour("busy") == 10
    assert registered.jobsync("stop", "busy").out == "busy is not running\n"


def test_a_hand_edited_definition_is_shown_repaired_and_kept(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    assert registered.jobsync("diff").text == ""
    plist = registered.plist_path("one")
    edited = plist.read_bytes().replace(b"<integer>9</integer>", b"<integer>7</integer>")
    plist.write_bytes(edited)
    shown = registered.jobsync("diff").out.splitlines()
    told = f"# {plist} was edited by hand since the last sync; `jobsync adopt one` keeps that"
    assert shown[:3] == [told, f"--- installed{plist}", f"+++ wanted{plist}"]
    assert [line for line in shown[3:] if line[0] in "-+"] == [
        "-\t\t\t<integer>7</integer>",
        "+\t\t\t<integer>9</integer>",
    ]
    assert "drift" in registered.jobsync("status").out
    ran = registered.jobsync("sync")
    assert f"repaired  one  edited by hand: {plist}" in ran.out
    copy = Path(ran.err.removeprefix("kept a copy of your edit: ").strip())
    assert copy.read_bytes() == edited
    assert registered.jobsync("diff", "one").text == ""


def test_diff_shows_new_and_removed_files_whole_and_names_faults(registered: Laptop) -> None:
    registered.job("gone")
    registered.commit()
    registered.drop("jobs/gone")
    registered.job("new")
    registered.job("bad", "run = 3\n")
    ran = registered.jobsync("diff")
    signs = {
        path: sign
        for sign, path in (line.split(" ")[::1] for line in ran.out.splitlines() if line[:4] in ("--- ", "+++ "))
    }
    assert signs[f"wanted{registered.plist_path('new')}"] == signs[f"wanted{registered.plist_path('gone')}"] == "+++"
    assert "+\t<string>test.new</string>" in ran.out and "-\t<string>test.gone</string>" in ran.out
    assert ran.err.startswith("jobs/bad/job.toml: run: ")
    assert "test.gone" not in registered.jobsync("diff", "new").out


def test_check_works_in_any_clone_and_before_init(laptop: Laptop) -> None:
    laptop.job("good", at=laptop.editor)
    assert laptop.jobsync("check", at=laptop.editor).out == "1 valid job, 0 faults\n"
    laptop.job("bad", 'run = 3\n[schedule]\nevery = "5 min"\n', at=laptop.editor)
    ran = laptop.jobsync("check", at=laptop.editor, status=1)
    assert ran.out == "1 valid job, 2 faults\n"
    assert [line.split(": ")[:2] for line in ran.err.splitlines()] == [
        ["jobs/bad/job.toml", "run"],
        ["jobs/bad/job.toml", "schedule.every"],
    ]
    laptop.init()
    assert "2 faults" in laptop.jobsync("check", at=laptop.editor, status=1).out, "registered or not"
    document = json.loads(laptop.jobsync("check", "--json", at=laptop.editor, status=1).out)
    assert (document["version"], document["jobs"], len(document["faults"])) == (JSON_VERSION, 1, 2)
    assert document["work_trees"] == [str(laptop.editor)]
    assert {row["work_tree"] for row in document["faults"]} == {str(laptop.editor)}
    assert laptop.jobsync("check").out == "0 valid jobs, 0 faults; there is no jobs directory\n"
    laptop.put("jobsync.toml", 'jobs = "../elsewhere"\n')
    assert laptop.jobsync("check", status=1).out == "0 valid jobs, 1 fault\n", "nobody knows where it would be"


def test_check_in_a_registered_repository_knows_its_machine(registered: Laptop) -> None:
    registered.job("one")
    assert registered.jobsync("check", at=registered.root).out == "1 valid job, 0 faults\n"
    assert registered.jobsync("--repo", "test", "check", at=registered.editor).out == "1 valid job, 0 faults\n"


def test_every_command_is_in_the_help_which_ends_no_line_in_dots(laptop: Laptop) -> None:
    shown = laptop.jobsync("--help").out
    commands = ("status", "sync", "run", "stop", "restart", "logs", "pause", "resume", "check", "diff", "cat", "init",
                "config", "hooks", "uninstall", "simulator", "demo")  # fmt: skip
    rows = [line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.strip()]
    assert all(command in rows for command in commands)
    assert "..." not in shown.partition("Every day")[2]
    for command in commands:
        text = laptop.jobsync(command, "-h").out
        assert text.startswith(f"Usage: jobsync {command} ") and "Options:" in text
    assert laptop.jobsync("--version").out.startswith("jobsync ")


def test_a_misspelt_command_gets_the_right_one(laptop: Laptop) -> None:
    assert laptop.jobsync("stauts", status=2).err == (
        "jobsync: there is no command 'stauts'\n  did you mean `jobsync status`?\n"
    )
    assert "`jobsync --help`" in laptop.jobsync("xyzzy", status=2).err
    assert "No such option '--bad'" in laptop.jobsync("sync", "--bad", status=2).err
    assert "No such option" in laptop.jobsync("--bad", status=2).err


def test_a_job_that_launchd_does_not_speak_of_stops_no_other(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.drop("jobs/one")
    registered.job("two", LATER)
    registered.simulator.fault("print", code=125, label=registered.label("one"))
    ran = registered.jobsync("sync", status=1)
    assert "updated  two" in ran.out
    assert "failed" in ran.text and f"print {registered.target('one')}` failed with status 125" in ran.text
    assert registered.installed() == {"one", "two"}
    assert "1 removed" in registered.jobsync("sync").out
