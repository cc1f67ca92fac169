"""`doctor`, as typed."""

import json
import os
import re
from pathlib import Path

from ..laptop import JOB, Laptop, Snapshot


def _levels(laptop: Laptop, *arguments: str, status: int | None = None) -> dict[str, str]:
    """Check -> the worst that it found, where it found something."""
    document = json.loads(laptop.jobsync("doctor", "--json", *arguments, status=status).out)
    (repo,) = document["repos"]
    return {check["id"]: check["level"] for check in repo["checks"] if check["level"] not in ("ok", "skipped")}


def _files(laptop: Laptop) -> Snapshot:
    """Every file; a directory in which the hooks were tried out for a moment is no other one for that."""
    return {path: facts for path, facts in laptop.snapshot().items() if not Path(path).is_dir()}


def test_a_healthy_machine_gets_one_line_and_status_0(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    ran = registered.jobsync("doctor")
    head, last = ran.out.splitlines()
    assert head.startswith("~/dotfiles (test): Python 3.") and "git version 2." in head
    assert last.endswith(" checks fine, 1 skipped (`jobsync doctor --all` lists them)") and not ran.err
    rows = [line.split()[:2] for line in registered.jobsync("doctor", "--all").out.splitlines()[1:-1]]
    assert ["ok", "definitions"] in rows and ["skipped", "links"] in rows
    assert "skipped because launchd has no such thing" in registered.jobsync("doctor", "--all").out


def test_what_is_wrong_comes_first_with_what_it_means_and_what_to_type(registered: Laptop) -> None:
    registered.job("one")
    registered.job("lost", 'run = "nonesuch"\n[schedule]\nat = "10:00"\n')
    registered.commit()
    registered.job("new")
    lines = registered.jobsync("doctor", status=1).out.splitlines()
    assert lines[1].startswith("error    lost: nonesuch, named by `run`, is not in the job's PATH (")
    assert lines[1].endswith("  [interpreters]")
    assert lines[2:4] == [
        "         the job ends with 127 (command not found)",
        "         fix: jobsync edit lost",
    ]
    assert lines[4:7] == [
        "warning  new: is defined and not installed  [synced]",
        "         the machine does something else than defined",
        "         fix: jobsync sync",
    ]
    assert lines[7].startswith("1 error, 1 warning, ")
    assert "interpreters" in _levels(registered, "lost", status=1)
    assert _levels(registered, "one", status=0) == {}
    assert "did you mean 'lost'" in registered.jobsync("doctor", "lots", status=2).err


def test_how_a_run_ended_is_told_in_the_words_of_status(registered: Laptop) -> None:
    registered.job("fine", 'run = "exit 3"\n[expect]\nsuccess_codes = [0, 3]\n')
    registered.job("silent", 'run = "true"\n[expect]\nprints = ["done"]\n')
    registered.commit()
    registered.jobsync("run", "fine", status=3)
    registered.jobsync("run", "silent", status=79)
    said = registered.jobsync("doctor", status=1).out
    assert re.search(r"silent: its last run, \d+s ago, broke an expectation: no line matches done  \[last-run\]", said)
    assert "fine:" not in said


def test_fix_shows_asks_keeps_copies_mends_and_looks_again(registered: Laptop) -> None:
    registered.job("one")
    registered.put("jobs/script/job.toml", '[schedule]\nat = "08:00"\n')
    run = registered.put("jobs/script/run", "#!/bin/sh\n", mode=0o755)
    registered.commit()
    run.chmod(0o644)
    plist = registered.plist_path("one")
    edited = plist.read_bytes().replace(b"<integer>9</integer>", b"<integer>8</integer>")
    plist.write_bytes(edited)
    (registered.work / ".git/hooks/post-merge").unlink()
    before = _files(registered)
    refused = registered.jobsync("doctor", "--fix", status=2)
    assert "nobody is there to answer" in refused.err and "add --yes" in refused.err
    assert _files(registered) == before, "nothing is done without a word"
    assert _levels(registered) == {
        "definitions": "error", "run-file": "error", "artefacts": "error", "hooks": "warning"
    }  # fmt: skip
    shown = registered.jobsync("doctor", "--fix", "--yes").out
    plan = shown.partition("can be mended:\n")[2].partition("kept a copy")[0].splitlines()
    assert [line.split()[0] for line in plan] == ["chmod", "install", "sync:", "sync:"]
    assert f"chmod 0755 {run} (now 0644)" in plan[0]
    (kept,) = (line.removeprefix("kept a copy of your edit: ") for line in shown.splitlines() if "kept a copy" in line)
    assert (registered.root / kept).read_bytes() == edited
    assert "looked again:" in shown and _levels(registered, status=0) == {}
    assert registered.runs("one") == registered.runs("script") == 0, "nothing was started"
    assert registered.jobsync("doctor", "--fix", "--yes").out.splitlines()[-1] == "there is nothing to mend"


def test_in_the_middle_of_a_rebase_nothing_is_synced(registered: Laptop) -> None:
    for hour in ("10:00", "11:00"):
        registered.job("one", JOB.replace("09:00", hour))
        registered.commit(hour)
    registered.git("-c", "sequence.editor=sed -i.bak s/^pick/edit/", "rebase", "-q", "-i", "HEAD~2")
    said = registered.jobsync("doctor", "--fix", "--yes").out
    assert "one: is installed in an older form (changed: jobs/one/job.toml)" in said
    assert "; a rebase or `git am` is under way, so `jobsync sync` waits\n" in said
    assert "fix: jobsync sync" not in said and "nothing of this can be mended without you" in said
    assert registered.hour("one") == 11
    registered.git("rebase", "--abort")
    assert "fine" in registered.jobsync("doctor").out.splitlines()[-1]


def test_mending_for_a_program_leaves_its_json_alone(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.bootout("one")
    ran = registered.jobsync("doctor", "--fix", "--yes", "--json")
    assert json.loads(ran.out)["healthy"] is True
    assert ran.err == "can be mended:\n  sync: reloaded one: was not loaded\nlooked again:\n"
    assert registered.loaded() == {"one"}


def test_a_repository_that_a_newer_jobsync_synced_is_a_problem_and_no_end(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    ledger = registered.state / "ledger"
    text = ledger.read_text(encoding="utf-8")
    ledger.write_text(re.sub(r'"render_format": \d+', '"render_format": 999', text), encoding="utf-8")
    ran = registered.jobsync("doctor", "--json", status=1)
    (repo,) = json.loads(ran.out)["repos"]
    assert "a newer jobsync has synced this repository" in repo["problem"] and repo["checks"] == []
    assert "upgrade this jobsync" in registered.jobsync("doctor", status=1).err


def test_a_run_that_goes_on_is_not_stopped_to_be_loaded_anew(registered: Laptop) -> None:
    registered.job("slow", 'run = "sleep 1000"\n[schedule]\nat = "09:00"\n')
    registered.commit()
    copy = registered.root / "copy.plist"
    copy.write_bytes(registered.plist_path("slow").read_bytes())
    registered.bootout("slow")
    domain, _, _ = registered.target("slow").rpartition("/")
    registered.launchctl("bootstrap", domain, str(copy))
    registered.jobsync("run", "-d", "slow")
    ran = registered.jobsync("doctor", "--fix", "--yes", status=1)
    assert "slow runs now (pid " in ran.err and "`jobsync stop slow` ends it" in ran.err
    assert registered.runs("slow") == 1 and "running" in registered.jobsync("status").out


def test_a_repository_that_is_gone_is_said_and_the_others_are_looked_at(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    other = registered.home / "other"
    registered.git("clone", "-q", str(registered.origin), str(other), at=registered.home)
    registered.jobsync(
        *("init", "--prefix", "other", "--launchctl", str(registered.simulator.launchctl), "--yes", "--no-sync"),
        at=other,
    )
    other.rename(registered.home / "moved")
    ran = registered.jobsync("doctor", at=registered.home, status=1)
    assert "the registered repository is not reachable" in ran.err and "~/dotfiles (test)" in ran.out
    document = json.loads(registered.jobsync("doctor", "--json", at=registered.home, status=1).out)
    problems = {repo["prefix"]: repo["problem"] for repo in document["repos"]}
    assert problems["test"] is None and "not reachable" in problems["other"] and not document["healthy"]


def test_what_is_not_ours_is_nobodys_business(registered: Laptop) -> None:
    registered.job("one", JOB)
    registered.commit()
    for name in ("com.example.broken", "other.one"):
        (registered.agents / f"{name}.plist").write_text("no plist at all", encoding="utf-8")
        (registered.agents / f"{name}.plist").chmod(0o666)
    env = registered.config_file.parent / "env"
    env.mkdir(mode=0o700)
    (env / "strangers.env").write_text("X=1\n", encoding="utf-8")
    (registered.work / "jobs/README").write_text("notes\n", encoding="utf-8")
    (registered.work / ".git/hooks/pre-push").write_text("#!/nonexistent\n", encoding="utf-8")
    registered.launchctl("disable", registered.target("one").replace("test.one", "com.example.broken"))
    assert _levels(registered, status=0) == {}


def test_launchd_is_surveyed_once_and_then_asked_for_each_job_only_what_it_alone_knows(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.jobsync("sync")
    registered.simulator.clear_calls()
    registered.jobsync("doctor", status=None)
    user, own = os.getuid(), ("one", "two", "jobsync-finish", "jobsync-login")
    expected = [["print", f"gui/{user}"], ["print", f"user/{user}"], ["version"]]
    expected += [["print", registered.target(name)] for name in own]  # from which file, and of whom
    assert sorted(registered.simulator.calls()) == sorted(expected)
