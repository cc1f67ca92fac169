"""`status`: every state made for real, the line about the last sync, the screen of a job."""

import json
import shutil
import subprocess
import time
from typing import Any

from ..hours import far
from ..laptop import JOB, Laptop


def _jobs(laptop: Laptop, *arguments: str) -> dict[str, dict[str, Any]]:
    (repo,) = json.loads(laptop.jobsync("status", "--json", *arguments).out)["repos"]
    return {job["name"]: job for job in repo["jobs"]}


def _screen(laptop: Laptop, job: str) -> dict[str, list[str]]:
    """Field -> its lines."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in laptop.jobsync("status", job).out.splitlines()[1:]:
        name = line[2:12].strip() or name
        fields.setdefault(name, []).append(line[14:])
    return fields


def _launch(laptop: Laptop, job: str) -> None:
    (launcher,) = (laptop.home / ".local/share/jobsync").glob(f"*/{job}")
    subprocess.run([launcher], env=laptop.environment, timeout=60, check=False)


def test_failures_in_a_row_have_a_beginning(registered: Laptop) -> None:
    gate = registered.home / "well"
    registered.job("one", f'run = "test -e {gate}"\n[schedule]\nat = "09:00"\n')
    registered.commit()
    gate.touch()
    _launch(registered, "one")
    gate.unlink()
    for _ in range(2):
        _launch(registered, "one")
    one = _jobs(registered)["one"]
    runs = [line.split() for line in (registered.state / "runs/one").read_text().splitlines()]
    starts = [int(fields[2]) for fields in runs if fields[0] == "start"]
    assert (one["state"], one["since"], one["remedy"]) == ("failing", starts[1], "jobsync logs one")
    assert one["last_run"]["success"] is False
    gate.touch()
    _launch(registered, "one")
    assert (_jobs(registered)["one"]["state"], _jobs(registered)["one"]["since"]) == ("ok", None)


def test_a_daemon_that_is_started_again_and_again_is_failing_until_it_stays(registered: Laptop) -> None:
    registered.job("server", 'run = "exec sleep 600"\n[daemon]\nrestart = "always"\n')
    registered.commit()
    registered.wait_for(lambda: _jobs(registered)["server"]["last_run"] is not None)
    record = registered.state / "runs/server"
    start = next(line.split() for line in record.read_text().splitlines() if line.startswith("start "))
    started = int(start[2])

    def failed_before(now: int) -> None:
        """Three times; what goes on began at `now`."""
        before = ((f"20260101T00000{n}Z-1", now - 40 + 10 * n) for n in range(3))
        lines = [line for run, at in before for line in (f"start {run} {at} 1", f"end {run} {at + 2} 1")]
        record.write_text("\n".join([*lines, " ".join([*start[:2], str(now), *start[3:]]), ""]))

    failed_before(started)
    for short in (False, True):
        ran = registered.jobsync("status", *([] if short else ["--exit-code"]), status=0 if short else 3)
        assert "1 job, 1 to look at: server" in ran.out
        assert "server: failed 3 times within 20s, and is started again and again; `jobsync logs server`" in ran.err
    assert "failed 3 times within 20s" in registered.jobsync("doctor", "server", status=1).out
    assert _screen(registered, "server")["state"][0].startswith("failing since ")
    failed_before(started - 90)
    assert "1 job, all well" in registered.jobsync("status").out
    assert "failed 3 times" not in registered.jobsync("doctor", "server").out


def test_a_run_that_did_not_come_is_missed_until_another_makes_up_for_it(registered: Laptop) -> None:
    registered.job("slept", JOB.replace("09:00", far()))
    registered.job("hand", 'run = "true"\n')
    registered.commit()
    assert _jobs(registered)["slept"]["state"] == "never ran", "what was due before the first sync is nobody's miss"
    registered.age_job("slept", days=3)
    ran = registered.jobsync("status", "--exit-code", status=3)
    assert "slept: 3 runs did not come, the last due " in ran.err and "asleep or off; `jobsync run slept`" in ran.err
    one = _jobs(registered)["slept"]
    assert (one["state"], one["missed"]["count"], one["missed"]["reason"]) == ("missed", 3, "asleep or off")
    assert _screen(registered, "slept")["missed"][0].endswith("asleep or off")
    _launch(registered, "slept")
    assert _jobs(registered)["slept"]["missed"] is None
    assert "; made up for at " in _screen(registered, "slept")["missed"][0]
    assert "missed" not in _screen(registered, "hand")


def test_what_keeps_a_job_from_running_is_named(registered: Laptop) -> None:
    for name in ("away", "off", "rest"):
        registered.job(name)
    registered.commit()
    for name in ("away", "off", "rest"):
        registered.age_job(name, days=2)
    registered.bootout("away")
    registered.launchctl("disable", registered.target("off"))
    registered.bootout("off")
    registered.jobsync("pause", "rest", "--for", "2h")
    jobs = _jobs(registered)
    assert {name: job["state"] for name, job in jobs.items()} == {
        "away": "not loaded", "off": "disabled", "rest": "paused"
    }  # fmt: skip
    assert jobs["rest"]["until"] > 0 and not jobs["away"]["healthy"] and jobs["off"]["healthy"]
    assert _screen(registered, "away")["missed"][0].endswith(": not loaded")
    assert _screen(registered, "off")["missed"][0].endswith(": disabled by you")
    assert _screen(registered, "rest")["missed"][0].endswith(": paused by you")
    table = registered.jobsync("status").out
    assert "paused by you until " in table and "disabled by you" in table
    registered.simulator.logout()
    assert _screen(registered, "away")["missed"][0].endswith(": nobody logged in")


def test_a_fault_of_all_jobs_is_told_once(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.put("jobsync.toml", "jobs = = 1\n")
    shown = registered.jobsync("status")
    assert shown.out.count("faulty") == 2 and shown.err.count("jobsync.toml: line 1") == 1


def test_records_begin_with_the_sync_that_brings_a_job(registered: Laptop) -> None:
    records = registered.state / "runs" / "one"
    before = int(time.time())
    registered.job("one")
    registered.commit()
    assert records.stat().st_mode & 0o777 == 0o600
    (line,) = records.read_text().splitlines()
    assert before <= int(line.removeprefix("since ")) <= time.time()
    registered.job("one", JOB.replace("09", "10"))
    registered.commit()
    registered.jobsync("sync")
    assert records.read_text() == f"{line}\n", "an update brings nothing new"
    registered.age_job("one", days=3)
    registered.drop("jobs/one")
    registered.commit()
    registered.job("one")
    registered.commit()
    assert len(records.read_text().splitlines()) == 1
    assert _jobs(registered)["one"]["missed"] is None, "while it was not here it missed nothing"


def test_a_lost_ledger_makes_no_job_new(registered: Laptop) -> None:
    registered.job("slept", JOB.replace("09:00", far()))
    registered.commit()
    registered.age_job("slept", days=3)
    (registered.state / "ledger").unlink()
    registered.jobsync("sync")
    assert _jobs(registered)["slept"]["missed"]["count"] == 3


def test_a_lost_state_leaves_nobody_a_date_of_the_last_change(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    shutil.rmtree(registered.state)
    assert registered.jobsync("sync").out == "unchanged  one\n1 unchanged\n"
    said = registered.jobsync("status").out
    assert registered.jobsync("status").out == said
    assert "last change" not in said and "1 job, all well" in said


def test_a_condition_is_a_reason_and_nobodys_miss(registered: Laptop) -> None:
    slot = registered.hours_ago(2)
    definition = f'run = "true"\n[schedule]\nat = "{slot}"\n[when]\nac_power = true\nwait = "1h"\n'
    for name in ("slept", "waits"):
        registered.job(name, definition)
    registered.commit()
    for name in ("slept", "waits"):
        registered.age_job(name, days=2)
    with (registered.state / "runs" / "slept").open("a") as records:
        records.write(f"skip 20261125T090000Z-7 {int(time.time()) - 60} offset=+0000 digest=x on battery\n")
    assert _screen(registered, "slept")["missed"][0].endswith(": on battery")
    assert _screen(registered, "waits")["missed"][0].endswith(": asleep or off")
    (launcher,) = (registered.home / ".local/share/jobsync").glob("*/waits")
    launcher.write_text(launcher.read_text().replace("on_ac || return 0", "false || return 0"))
    registered.launchctl("kickstart", registered.target("waits"))
    assert _screen(registered, "waits")["missed"][0].endswith(": waits for a condition")
    jobs = _jobs(registered)
    assert jobs["slept"]["missed"] is None and jobs["waits"]["missed"] is None


def test_an_uncommitted_edit_and_a_hand_edit_are_told_apart(registered: Laptop) -> None:
    registered.job("mine")
    registered.job("edited")
    registered.commit()
    registered.job("mine", JOB.replace("09", "10"))
    registered.jobsync("sync")
    plist = registered.plist_path("edited")
    plist.write_bytes(plist.read_bytes().replace(b"<integer>9</integer>", b"<integer>8</integer>"))
    jobs = _jobs(registered)
    assert (jobs["mine"]["state"], jobs["mine"]["healthy"]) == ("local", True)
    assert (jobs["edited"]["state"], jobs["edited"]["remedy"]) == ("drift", "jobsync sync")
    assert _screen(registered, "edited")["sync would"] == ["repair it"]
    assert "local: uncommitted edit" in registered.jobsync("status").out


def test_what_init_installs_for_itself_is_no_change_that_a_sync_made(laptop: Laptop) -> None:
    laptop.job("one")
    laptop.git("add", ".")
    laptop.git("commit", "-qm", "one")
    laptop.init()
    shown = laptop.jobsync("status")
    assert "not synced" in shown.out and "last change" not in shown.out
    laptop.jobsync("sync")
    assert "last change by a sync " in laptop.jobsync("status").out


def test_a_commit_that_changed_nothing_on_the_machine_is_not_that_of_the_last_change(registered: Laptop) -> None:
    registered.job("one")
    registered.commit("Begin with one")
    before = registered.jobsync("status").out.splitlines()[-2].partition(", at ")[2]
    registered.job("one", "nonsense = 1\n")
    assert "failed one" in registered.commit("Break it").err
    assert registered.jobsync("status").out.splitlines()[-2].partition(", at ")[2] == before
    registered.git("revert", "--no-edit", "HEAD")
    assert registered.jobsync("status").out.splitlines()[-2].partition(", at ")[2] == before


def test_the_last_line_says_when_a_sync_changed_something_and_how_far_head_is_ahead(registered: Laptop) -> None:
    registered.job("one")
    registered.commit("Begin with one")
    (repo,) = json.loads(registered.jobsync("status", "--json").out)["repos"]
    commit = registered.git("rev-parse", "HEAD").out.strip()
    assert repo["last_change"]["commit"] == commit and repo["ahead"] == 0
    last = registered.jobsync("status").out.splitlines()[-2]
    assert last.startswith("last change by a sync ") and last.endswith(f" ago, at {commit[:8]} (Begin with one)")
    registered.put("notes.txt", "none of ours")
    registered.git("add", "-A")
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "Not about jobs")
    assert "ahead" not in registered.jobsync("status").out
    for hour in ("10", "11"):
        registered.job("one", JOB.replace("09", hour))
        registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", f"At {hour}")
    assert (
        registered.jobsync("status")
        .out.splitlines()[-2]
        .endswith("; HEAD is 2 commits ahead of the last sync: `jobsync sync`")
    )
    registered.jobsync("sync")
    assert "ahead" not in registered.jobsync("status").out


def _ahead(laptop: Laptop) -> str:
    """What the doctor says of commits that no sync has seen."""
    (repo,) = json.loads(laptop.jobsync("doctor", "--json", status=None).out)["repos"]
    (head,) = (check for check in repo["checks"] if check["id"] == "head")
    return " ".join(finding["said"] for finding in head["findings"])


def test_head_is_ahead_by_the_jobs_that_its_commits_concern_and_no_others(registered: Laptop) -> None:
    stranger = registered.plist_path("taken")
    stranger.parent.mkdir(parents=True, exist_ok=True)
    stranger.write_bytes(b"no plist of ours")
    for name in ("one", "two", "taken"):
        registered.job(name)
    registered.commit("Three jobs, of which one is in conflict")
    assert _ahead(registered) == ""
    registered.job("one", JOB.replace("09", "10"))
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "Later")
    assert _ahead(registered) == "HEAD is 1 commit ahead of the last sync: one"
    registered.put("jobsync.toml", '[defaults]\npath = ["~/bin"]\n')
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "A path for all")
    assert _ahead(registered) == "HEAD is 2 commits ahead of the last sync: one, taken, two"
    registered.jobsync("sync", status=1)
    assert _ahead(registered) == ""


def test_a_commit_of_jobsync_toml_alone_is_one_that_concerns_jobs(registered: Laptop) -> None:
    registered.job("one")
    registered.commit("Begin with one")
    registered.put("jobsync.toml", '[defaults]\npath = ["~/bin"]\n')
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "A path for all")
    assert "; HEAD is 1 commit ahead of the last sync: `jobsync sync`" in registered.jobsync("status").out
    registered.jobsync("sync")
    assert "ahead" not in registered.jobsync("status").out


def test_a_commit_without_a_hook_has_a_word_where_none_is_in_force(registered: Laptop) -> None:
    registered.job("one")
    registered.commit("Begin with one")
    registered.git("config", "core.hooksPath", str(registered.root / "elsewhere"))  # as husky and others do
    assert "hooks" not in registered.jobsync("status").err
    registered.job("one", JOB.replace("09", "10"))
    registered.commit("Later")
    word = "git's hooks do not reach jobsync as they should, so pulls may not be synced: `jobsync hooks status`"
    assert registered.jobsync("status").err.splitlines()[-1] == word
    assert word in registered.jobsync("sync").err.splitlines(), "and whoever only syncs by hand"
    registered.job("one", JOB.replace("09", "11"))
    assert word not in registered.jobsync("sync").err, "an edit is no hook's"
    registered.commit("Later still")
    registered.git("config", "--unset", "core.hooksPath")
    registered.job("one", JOB.replace("09", "12"))
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "Not now")
    assert "hooks" not in registered.jobsync("status").err + registered.jobsync("sync").err, "they are in force"


def test_the_rules_of_a_job_are_on_its_screen(registered: Laptop) -> None:
    registered.job(
        "careful",
        'run = "true"\n[schedule]\nat = "09:00"\n[limits]\ntimeout = "1h"\n[retry]\nattempts = 3\n'
        '[when]\nac_power = true\n[expect]\nprints = ["done"]\n',
    )
    registered.commit()
    shown = _screen(registered, "careful")
    assert shown["limits"] == ["ended after 1h: TERM, and KILL 10s later"]
    assert shown["retry"] == ["3 attempts in all, 1s before the second, doubling up to 5m"]
    assert shown["conditions"] == ["only on AC power"] and shown["expects"] == ["prints a line like done"]


def test_a_hundred_jobs_cost_one_question_to_the_scheduler(registered: Laptop) -> None:
    for number in range(100):
        registered.job(f"job-{number:03d}")
    registered.commit()
    registered.simulator.clear_calls()
    assert len(_jobs(registered)) == 100
    assert len(registered.simulator.calls()) == 1
