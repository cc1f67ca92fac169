"""`status`, `cat`, `logs`, as typed."""

import json
import plistlib
import re
import subprocess
from pathlib import Path

from jobsync.report import JSON_VERSION

from ..hours import Noon
from ..laptop import JOB, Laptop
from ..programs import beside

FAILING = 'description = "Weekly report"\nrun = "echo one; echo two >&2; exit 3"\n[schedule]\nat = "mon 08:00"\n'
DAEMON = 'run = "echo up; sleep 1000"\n[daemon]\nrestart = "always"\n'


def cells(text: str) -> dict[str, list[str]]:
    """A status table: job -> its cells. Two blanks part them."""
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) == 5}


def test_the_table_shows_every_job_those_in_trouble_first(registered: Laptop) -> None:
    registered.environment["TZ"] = Noon.now().zone  # before 08:00 of a Monday the next one is today's
    assert registered.jobsync("status").out == "no jobs; `jobsync new NAME` makes one\n"
    registered.job("fine", 'run = "true"\n')
    registered.job("idle")
    registered.job("failing", FAILING)
    registered.job("off", f"enabled = false\n{JOB}")
    registered.job("watch", DAEMON)
    registered.commit()
    registered.job("bad", "run = 3\nfoo = 1\n")
    registered.job("new")
    registered.jobsync("run", "fine")
    registered.jobsync("run", "failing", status=3)
    registered.wait_for(lambda: registered.runs("watch") == 1)
    ran = registered.jobsync("status", "--exit-code", status=3)
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[1:-2]] == ["bad", "failing", "new", "fine", "idle", "watch", "off"]
    starts = {lines[0].index(word) for word in ("SCHEDULE", "STATE", "LAST RUN", "NEXT RUN")}
    assert all(line[start - 1] == " " and line[start] != " " for line in lines[1:-2] for start in starts)
    table = cells(ran.out)
    assert table["bad"] == ["-", "faulty", "-", "-"]
    assert table["failing"][0] == "mon at 08:00" and table["failing"][1].startswith("failing since ")
    assert "ago, exit 3 in" in table["failing"][2]
    assert table["failing"][3].startswith("Mon ") and table["failing"][3].endswith(" 08:00")
    assert table["new"][1] == "not synced" and table["idle"][1:3] == ["never ran", "-"]
    assert table["fine"][:2] == ["only by hand", "ok"] and "ago, ok in" in table["fine"][2]
    assert table["watch"][:2] == ["daemon", "running"] and table["watch"][2].startswith("running for ")
    assert table["off"][1:] == ["not for this machine", "-", "-"]
    assert lines[-1] == "6 jobs, 3 to look at: bad, failing, new"
    assert re.fullmatch(r"last change by a sync \d+s ago, at [0-9a-f]{8} \(change\)", lines[-2])
    assert [line.split(": ")[0] for line in ran.err.splitlines()] == [
        *("jobs/bad/job.toml", "jobs/bad/job.toml", "failing", "new")
    ]


def test_status_claims_health_only_when_all_is_well(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    assert registered.jobsync("status", "--exit-code").out.splitlines()[-1] == "1 job, all well"
    registered.bootout("one")
    ran = registered.jobsync("status", "--exit-code", status=3)
    assert "not loaded" in ran.out and ran.err == "one: was not loaded; `jobsync sync`\n"
    registered.jobsync("status")


def test_the_screen_of_a_job_says_why_when_and_what_it_did_last(registered: Laptop) -> None:
    registered.job("report", FAILING)
    registered.commit()
    registered.jobsync("run", "report", status=3)
    lines = registered.jobsync("status", "report").out.splitlines()
    assert lines[0] == "report (test.report): Weekly report"
    fields = {line[2:14].strip(): line[14:].strip() for line in lines[1:] if line[2:14].strip()}
    assert list(fields) == [
        *("state", "try", "starts", "next runs", "away", "directory", "last runs", "logs", "sync would")
    ]
    assert fields["state"].startswith("failing since ") and "the last run ended with exit 3" in lines[2]
    assert (fields["try"], fields["starts"]) == ("jobsync logs report", "mon at 08:00")
    assert fields["sync would"] == "change nothing"
    assert any("off: one run at the next login, however many slots were missed" in line for line in lines)
    assert fields["next runs"].startswith("Mon ") and sum(" 08:00" in line for line in lines[1:]) == 6
    assert fields["directory"] == str(registered.work / "jobs/report")
    assert "ago, exit 3 in" in fields["last runs"]
    assert len(list(Path(fields["logs"]).iterdir())) == 1
    assert {line.index(line[14:].lstrip()) for line in lines[1:]} == {14}, "one column"


def test_the_screen_of_a_faulty_or_absent_job_says_what_is_wrong(registered: Laptop) -> None:
    registered.job("bad", "run = 3\nfoo = 1\n")
    registered.job("Foo")
    registered.job("off", f"enabled = false\n{JOB}")
    registered.put("jobs/script/run", "#!/bin/sh\n", mode=0o755)
    shown = registered.jobsync("status", "bad").out
    assert "faulty" in shown and shown.count("jobs/bad/job.toml: ") == 2
    assert "faulty" in registered.jobsync("status", "Foo").out
    assert "is missing beside `run`" in registered.jobsync("status", "script").out
    shown = registered.jobsync("status", "off").out
    assert (
        "not for this machine" in shown
        and "enabled = false" in shown
        and "next runs" not in shown
        and "loses" not in shown
    )
    for name in ("nope", "../dotfiles/jobs/bad", "", "."):
        assert "there is no job named" in registered.jobsync("status", name, status=2).err
    assert "did you mean 'bad'" in registered.jobsync("status", "bd", status=2).err


def test_json_of_status_has_everything_the_table_has(registered: Laptop) -> None:
    registered.job("report", FAILING)
    registered.job("other")
    registered.commit()
    registered.jobsync("run", "report", status=3)
    document = json.loads(registered.jobsync("status", "--json").out)
    (repo,) = document["repos"]
    assert (document["version"], repo["scheduler"], repo["prefix"]) == (JSON_VERSION, "ok", "test")
    jobs = {job["name"]: job for job in repo["jobs"]}
    assert jobs.keys() == {"report", "other"}
    one = jobs["report"]
    assert (one["state"], one["healthy"], one["pid"], one["last_run"]["status"]) == ("failing", False, None, 3)
    assert "T08:00:00" in one["next_run"] and jobs["other"]["last_run"] is None
    (repo,) = json.loads(registered.jobsync("status", "report", "--json", "--exit-code", status=3).out)["repos"]
    assert [job["name"] for job in repo["jobs"]] == ["report"]
    registered.simulator.logout()
    (repo,) = json.loads(registered.jobsync("status", "--json").out)["repos"]
    assert "no GUI session" in repo["scheduler"]


def test_cat_prints_what_a_sync_writes_installed_or_not(registered: Laptop) -> None:
    registered.job("one", FAILING)
    before = registered.jobsync("cat", "one").out
    registered.jobsync("sync")
    assert registered.jobsync("cat", "one").out == before
    plist = registered.plist_path("one")
    _, _, text = before.partition(f"# {plist}\n")
    assert text.encode().rstrip() == plist.read_bytes().rstrip()
    assert plistlib.loads(text.encode())["Label"] == "test.one"
    launcher = plistlib.loads(text.encode())["ProgramArguments"][0]
    assert before.startswith(f"# {launcher}\n#!/bin/sh\n")
    registered.job("bad", "run = 3\n")
    assert "`jobsync check`" in registered.jobsync("cat", "bad", status=1).err
    assert "no job named 'nope'" in registered.jobsync("cat", "nope", status=2).err


def test_logs_prints_the_last_run_or_its_path(registered: Laptop) -> None:
    registered.job("one", FAILING)
    registered.commit()
    assert registered.jobsync("logs", "one", status=1).err == (
        "jobsync: one has no log yet: it has not run\n  `jobsync run one` runs it now\n"
    )
    registered.simulator.settle()  # now it has records, though no log
    own = registered.jobsync("logs", "jobsync-login", status=1).err
    assert own.splitlines()[0] == "jobsync: jobsync-login has no log yet: nothing has started it"
    assert "`jobsync run" not in own, "which it would refuse"
    registered.jobsync("run", "one", status=3)
    assert registered.jobsync("logs", "one").out == "one\ntwo\n"
    assert registered.jobsync("logs", "-f", "one").out == "one\ntwo\n", "a run that has ended is not waited for"
    path = Path(registered.jobsync("logs", "--path", "one").out.strip())
    assert path.read_text() == "one\ntwo\n"
    assert "no job named" in registered.jobsync("logs", "nope", status=2).err


def test_without_a_log_nobody_is_sent_to_a_run_that_would_refuse(registered: Laptop) -> None:
    registered.job("new")
    registered.job("bad", "run = 3\n")
    registered.job("gone")
    registered.jobsync("sync", "gone")
    registered.drop("jobs/gone")
    registered.jobsync("sync", "gone")
    for name, way_out in (("new", "sync new"), ("bad", "check"), ("gone", "status")):
        assert f"  `jobsync {way_out}`" in registered.jobsync("logs", name, status=1).err, name


def test_logs_follows_a_run_to_its_end(registered: Laptop) -> None:
    gate = registered.home / "gate"
    registered.job("slow", f'run = "echo first; while [ ! -e {gate} ]; do sleep 0.05; done; echo last"\n')
    registered.commit()
    registered.jobsync("run", "-d", "slow")
    registered.wait_for(lambda: registered.jobsync("logs", "slow", status=None).out == "first\n")
    argv = ("jobsync", "logs", "-f", "slow")
    with beside(argv, cwd=registered.work, env=registered.environment, stdout=subprocess.PIPE) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == b"first\n"
        gate.touch()
        assert following.stdout.read() == b"last\n"
    assert following.returncode == 0


def test_a_run_that_was_killed_is_called_killed(registered: Laptop) -> None:
    registered.job("one", 'run = "touch ~/began; sleep 1000"\n')
    registered.commit()
    registered.jobsync("run", "-d", "one")
    registered.wait_for((registered.home / "began").exists)
    assert cells(registered.jobsync("status").out)["one"][2].startswith("running for ")
    registered.launchctl("kill", "KILL", registered.target("one"))
    registered.wait_for(lambda: "running" not in registered.jobsync("status").out)
    ran = registered.jobsync("status")
    assert cells(ran.out)["one"][2].endswith(" ago, killed")
    assert ran.err == "one: the last run was killed, or the machine went down; `jobsync logs one`\n"
