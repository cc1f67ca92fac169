"""`history`: the picture, the runs, JSON and the page, from real records."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import timedelta

from ..hours import Noon
from ..laptop import Laptop

DAY = 86_400


def _records(laptop: Laptop, noon: Noon, job: str, *lines: str, days: int = 8) -> None:
    """Records as a launcher writes them; in them `NdHH` is the second of that hour, so many days ago."""
    laptop.age_job(job, days)
    midnight = int(noon.midnight.timestamp())
    with (laptop.state / "runs" / job).open("a", encoding="utf-8") as file:
        for line in lines:
            word, moment, rest = line.split(" ", 2)
            ago, hour = moment.split("d")
            second = midnight - int(ago) * DAY + int(hour) * 3600
            run = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second)) + "-1"
            took = 5 if word == "end" else 0
            file.write(f"{word} {run} {second + took} {rest}\n")


def _week(laptop: Laptop) -> Noon:
    noon = Noon.now()
    laptop.environment["TZ"] = noon.zone
    laptop.job("backup", 'run = "true"\n[schedule]\nat = "09:00"\n')
    laptop.job("feed", 'run = "true"\n[schedule]\nat = ["06:00", "12:00"]\n')
    laptop.commit()
    _records(
        laptop, noon, "backup", "start 3d09 1 offset=+0000", "end 3d09 0 bytes=2048", "start 2d09 1 by=hand",
        "end 2d09 78 attempts=3 bytes=10", "skip 1d09 offset=+0000 on battery",
    )  # fmt: skip
    _records(laptop, noon, "feed", *(line for day in (3, 2, 1) for hour in ("06", "12")
                               for line in (f"start {day}d{hour} 1", f"end {day}d{hour} 0")), days=4)  # fmt: skip
    return noon


def test_a_week_is_seen_at_a_glance(registered: Laptop) -> None:
    today = _week(registered).midnight
    shown = registered.jobsync("history", "--since", "3d").out.splitlines()
    days = [f"{today - timedelta(days=ago):%a %d}" for ago in (3, 2, 1, 0)]
    assert shown[0].split("  ")[-4:] == days
    starts = [shown[0].index(day) for day in days]
    cells = {line.split()[0]: [line[start : start + 6].strip() for start in starts[:3]] for line in shown[1:3]}
    assert cells == {"backup": ["■", "✗", "-"], "feed": ["■■", "■■", "■■"]}
    assert shown[3] == "■ ok  ✗ failed  ○ missed  - skipped  ▸ running"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}  # what Python reads when it starts
    ascii_only = registered.run("jobsync", "history", "--since", "3d", env=plain).out
    assert ascii_only.isascii() and "+ ok  x failed" in ascii_only


def test_runs_are_listed_with_how_long_how_often_how_much_and_how_they_ended(registered: Laptop) -> None:
    _week(registered)
    shown = registered.jobsync("history", "backup", "--since", "3d").out
    rows = [" ".join(line.split()[4:]) for line in shown.partition("START")[2].splitlines()[1:]]
    assert [row for row in rows if not row.startswith("backup - - - missed")] == [
        "backup - - - skipped: on battery",
        "backup 5s 3 10 B exit 78 (EX_CONFIG)",
        "backup 5s 1 2.0 kB ok",
    ]
    failed = registered.jobsync("history", "--failed", "--since", "3d").out
    assert "EX_CONFIG" in failed and "■■" not in failed and "2.0 kB" not in failed
    cut = registered.jobsync("history", "feed", "--since", "3d", "-n", "3").out.splitlines()
    assert re.fullmatch(r"\d+ older; `--lines \d+` shows them", cut[-1])


def test_json_tells_every_run_and_every_miss(registered: Laptop) -> None:
    _week(registered)
    document = json.loads(registered.jobsync("history", "--json", "--since", "6d").out)
    (repo,) = document["repos"]
    jobs = {job["name"]: job for job in repo["jobs"]}
    assert [run["outcome"] for run in jobs["backup"]["runs"]] == ["ok", "failed", "skipped"]
    assert jobs["backup"]["runs"][1]["by_hand"] and jobs["backup"]["runs"][1]["words"] == "exit 78 (EX_CONFIG)"
    asleep = [gap for gap in jobs["backup"]["missed"] if gap["reason"] == "asleep or off"]
    assert asleep[0]["count"] >= 2 and asleep[0]["made_up"] == jobs["backup"]["runs"][0]["id"]
    assert jobs["feed"]["schedule"] == "daily at 06:00; daily at 12:00"


def test_a_run_that_goes_on_a_real_one_and_none_at_all(registered: Laptop) -> None:
    registered.job("slow", 'run = "sleep 1000"\n')
    registered.commit()
    assert registered.jobsync("history").out.splitlines()[-1].startswith("no runs in this time; ")
    assert "nothing failed and nothing was missed" in registered.jobsync("history", "--failed").out
    registered.jobsync("run", "-d", "slow")
    registered.wait_for(lambda: "running" in registered.jobsync("history").out)
    shown = registered.jobsync("history").out
    assert "▸" in shown.splitlines()[1] and shown.rstrip().endswith("running")
    registered.launchctl("kill", "KILL", registered.target("slow"))
    registered.wait_for(lambda: "✗" in registered.jobsync("history").out.splitlines()[1])
    assert registered.jobsync("history").out.rstrip().endswith("killed")
    records = next((registered.home / ".local/state/jobsync").rglob("runs/slow"))
    text = records.read_text()
    pid = text.split("start ")[-1].split()[2]
    records.write_text(text.replace(f" {pid} ", f" {os.getpid()} "))
    assert registered.jobsync("history").out.rstrip().endswith("killed"), "its number is another program's by now"


def test_the_page_is_written_whole_for_its_owner_alone(registered: Laptop) -> None:
    _week(registered)
    ran = registered.jobsync("history", "--html", "week.html")
    page = registered.work / "week.html"
    assert ran.err == "wrote week.html\n" and page.stat().st_mode & 0o777 == 0o600
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.rstrip().endswith("</html>")
    assert "~/dotfiles" in text and "exit 78 (EX_CONFIG)" in text and "http" not in text.replace("http-equiv", "")


def test_what_cannot_be_a_page_is_said_and_stays(registered: Laptop) -> None:
    link = registered.root / "link.html"
    link.symlink_to(registered.root / "page.html")
    registered.jobsync("history", "--html", str(link))
    assert link.is_symlink() and (registered.root / "page.html").is_file()
    pipe = registered.root / "pipe"
    os.mkfifo(pipe)
    for path in ("", str(registered.root), str(registered.root / "none" / "page.html"), str(pipe)):
        ran = registered.jobsync("history", "--html", path, status=2)
        assert ran.err.startswith(f"jobsync: --html: {path!r} cannot be a file\n"), path
    circle = registered.root / "circle.html"
    circle.symlink_to(circle)
    for path in (str(circle), f"{registered.root}/{'x' * 300}/page.html"):
        ran = registered.jobsync("history", "--html", path, status=1)
        assert ran.err.startswith(f"jobsync: cannot look at {registered.root}/"), path


def test_without_jinja2_the_page_says_what_to_install(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    script = "import sys; sys.modules['jinja2'] = None; from jobsync.cli import main; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", script, "history", "--html", "x.html"],
        cwd=registered.work, env=registered.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 1 and "needs Jinja2" in ran.stderr and "pipx inject jobsync jinja2" in ran.stderr
    assert not (registered.work / "x.html").exists()


def test_what_cannot_be_looked_back_at_is_said(registered: Laptop) -> None:
    assert "--since: " in registered.jobsync("history", "--since", "soon", status=2).err
    assert "exclude each other" in registered.jobsync("history", "--html", "x", "--json", status=2).err
    assert "at most a year" in registered.jobsync("history", "--since", "90w", status=2).err


def test_runs_that_cannot_be_read_are_said_and_the_others_are_shown(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    (registered.state / "runs/one").unlink()
    (registered.state / "runs/one").mkdir()
    for options in ((), ("--json",)):
        shown = registered.jobsync("history", *options, status=1)
        assert shown.err.startswith("one: cannot read ") and "two" in shown.out


def test_nobody_is_sent_to_look_less_far_back_than_they_did(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    assert "no runs in this time; `--since 30d` looks further back\n" in registered.jobsync("history").out
    assert (
        "no runs in this time; `--since 52w` looks further back\n"
        in registered.jobsync("history", "--since", "30d").out
    )
    assert registered.jobsync("history", "--since", "52w").out.endswith("\nno runs in this time\n")
    failed = registered.jobsync("history", "--since", "365d", "--failed").out
    assert failed == "nothing failed and nothing was missed in this time\n"


def test_a_daemon_that_is_gone_did_not_fail_by_going(registered: Laptop) -> None:
    registered.job("watch", 'run = "echo up; sleep 1000"\n[daemon]\n')
    registered.job("one")
    registered.commit()
    registered.wait_for(
        lambda: registered.jobsync("logs", "watch", status=None).out == "up\n"
    )  # it is in its directory
    registered.drop("jobs/watch")
    registered.commit()
    told = json.loads(registered.jobsync("history", "--json", "watch").out)
    (run,) = told["repos"][0]["jobs"][0]["runs"]
    assert (run["outcome"], run["words"]) == ("ok", "stopped")
