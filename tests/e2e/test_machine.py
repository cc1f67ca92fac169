"""`init`, `config`, `hooks`, `uninstall`, as typed: this machine's side."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from select import select

import pytest

from jobsync.errors import JobsyncError
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import open_registered
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Source
from jobsync.simulator.faults import label_of

from ..laptop import JOB, Laptop
from ..programs import beside

DAEMON = 'run = "sleep 1000"\n[daemon]\nrestart = "always"\n'
TAGGED = f'{JOB}\n[only]\ntags = ["home"]\n'
EVENTS = ("post-merge", "post-checkout", "post-rewrite", "post-commit", "post-applypatch")


def left_of_jobsync(laptop: Laptop) -> set[str]:
    """What is in the home and has to do with jobsync; files of others among the agents aside."""
    names = {path.removeprefix(str(laptop.home)) for path in laptop.snapshot()}
    return {name for name in names if "jobsync" in name or f"LaunchAgents/{laptop.prefix}." in name}


def second(laptop: Laptop, prefix: str = "other") -> Path:
    """Register the editor's clone too."""
    launchctl = str(laptop.simulator.launchctl)
    options = ("--prefix", prefix, "--launchctl", launchctl, "--yes", "--no-sync")
    laptop.jobsync("init", *options, at=laptop.editor)
    return laptop.editor


def test_init_says_what_it_will_do_and_asks_before_it_does_it(laptop: Laptop) -> None:
    laptop.job("one")
    before = laptop.snapshot()
    ran = laptop.jobsync("init", "--launchctl", str(laptop.simulator.launchctl), status=2)
    assert "nobody is there to answer" in ran.err and "--yes" in ran.err
    rows = dict(line.strip().split(maxsplit=1) for line in ran.out.splitlines()[1:])
    assert ran.out.startswith("jobsync will register\n")
    assert (rows["repository"], rows["labels"], rows["branch"]) == (str(laptop.work), "jobsync.JOB", "any")
    assert {"machine", "scheduler", "config", "state", "launchers", "logs", "git"} <= rows.keys()
    assert laptop.snapshot() == before


def test_init_offers_the_first_sync_and_does_it_when_told(laptop: Laptop) -> None:
    laptop.job("one")
    options = ("init", "--prefix", "test", "--launchctl", str(laptop.simulator.launchctl), "--yes")
    ran = laptop.jobsync(*options)
    assert ran.out.splitlines()[-4:] == [
        "installed 5 git hooks",
        "installed  one  new",
        "would be: 1 installed",
        "nothing synced yet; `jobsync sync` does it",
    ]
    assert laptop.installed() == set()
    assert laptop.jobsync(*options, "--sync").out.splitlines()[-2:] == ["installed  one  new", "1 installed"]
    assert laptop.loaded() == {"one"}
    laptop.job("bad", "run = 3\n")
    laptop.jobsync(*options, "--sync", status=1)


def test_a_second_init_finds_everything_and_changes_only_what_it_is_told(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    before, config = registered.snapshot(), registered.config_file.read_text()
    ran = registered.jobsync("init", "--yes", "--no-sync")
    assert ran.out.startswith("this repository is registered already")
    assert ran.out.splitlines()[-1] == "the git hooks are installed already"
    assert registered.snapshot() == before
    assert registered.jobsync("init", "--yes").out.splitlines()[-1] == "would be: 1 unchanged", "nothing is left to do"

    registered.jobsync("init", "--yes", "--no-sync", "--tag", "home", "--machine", "anna", "--path", "/opt/bin:/bin")
    after = registered.config_file.read_text()
    changed = {line for line in after.splitlines() if line not in config.splitlines()}
    assert changed == {'machine = "anna"', 'path = "/opt/bin:/bin"', 'tags = ["home"]'}
    registered.jobsync("sync")
    assert registered.plist("one")["EnvironmentVariables"]["PATH"] == "/opt/bin:/bin"


def test_another_prefix_moves_every_job_the_old_label_out_first(registered: Laptop) -> None:
    registered.job("one")
    registered.job("watch", DAEMON)
    registered.commit()
    registered.jobsync("run", "one")
    registered.mutations()
    ran = registered.jobsync("init", "--prefix", "moved", "--yes", "--sync")
    assert "moved.JOB (so far test.JOB; a sync moves the jobs)" in ran.out
    assert registered.loaded() == registered.installed() == set()
    calls = [(call[0], label_of(word)) for call in registered.mutations() for word in call[1:]]
    for name in ("one", "watch"):
        assert calls.index(("bootout", f"test.{name}")) < calls.index(("bootstrap", f"moved.{name}"))
    registered.prefix = "moved"
    assert registered.loaded() == registered.installed() == {"one", "watch"}
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"
    registered.jobsync("uninstall", "--yes")
    assert left_of_jobsync(registered) == set(), "logs under the former label too"


def test_another_prefix_switches_on_nothing_that_its_user_has_disabled(registered: Laptop) -> None:
    """launchd knows a switch by the label; a pause goes along with the job."""
    registered.job("one")
    registered.job("other")
    registered.commit()
    registered.launchctl("disable", registered.target("one"))
    registered.bootout("one")
    ran = registered.jobsync("init", "--prefix", "moved", "--yes", "--sync", status=None)
    why = "test.one is disabled by you, and moved.one would not be; `jobsync pause one` first"
    assert f"deferred  one    {why}" in ran.out
    registered.prefix = "moved"
    assert registered.loaded() == registered.installed() == {"other"}
    assert why in registered.jobsync("status").err
    registered.jobsync("pause", "one")
    assert "updated    one" in registered.jobsync("sync").out
    assert registered.loaded() == registered.installed() == {"one", "other"}
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged, 1 paused"
    assert "one    daily at 09:00  paused by you" in registered.jobsync("status").out


def test_a_prefix_that_shares_labels_with_another_is_refused(registered: Laptop) -> None:
    before = registered.snapshot()
    for prefix in ("test", "test.more"):
        ran = registered.jobsync("init", "--prefix", prefix, "--yes", at=registered.editor, status=2)
        assert "would share labels" in ran.err and "jobsync init --prefix NAME" in ran.err
    for prefix in ("a b", ".x", "x.", "", "ä"):
        ran = registered.jobsync("init", f"--prefix={prefix}", "--yes", at=registered.editor, status=2)
        assert "is not a label prefix" in ran.err
    assert registered.snapshot() == before
    second(registered, "tester")


def test_hooks_follow_the_branch_that_init_was_told(laptop: Laptop) -> None:
    laptop.init("--branch", "main", "--tag", "home,work", "--tag", "ai")
    laptop.job("one", TAGGED)
    laptop.commit()
    assert laptop.loaded() == {"one"}
    laptop.git("switch", "-qc", "play")
    laptop.job("two")
    assert "on branch play, jobs follow main" in laptop.commit().err
    assert laptop.git("switch", "-q", "play").err == "", "once for each HEAD"
    assert laptop.loaded() == {"one"}
    laptop.git("switch", "-q", "main")
    assert "installed two" in laptop.git("merge", "-q", "play").err
    shown = laptop.jobsync("config").out
    assert "follows main" in shown and "tags       home, work, ai" in shown


def test_the_configuration_is_found_again_where_xdg_put_it(laptop: Laptop) -> None:
    xdg = {"XDG_CONFIG_HOME": str(laptop.home / "xdg/config"), "XDG_STATE_HOME": str(laptop.home / "xdg/state"),
           "XDG_DATA_HOME": str(laptop.home / "xdg/data")}  # fmt: skip
    options = ("--prefix", "test", "--launchctl", str(laptop.simulator.launchctl), "--yes", "--no-sync")
    laptop.jobsync("init", *options, env=xdg)
    assert (laptop.home / "xdg/config/jobsync/config.toml").is_file() and not laptop.config_file.exists()
    laptop.job("one")
    assert "installed one" in laptop.commit().err, "a hook without the variables"
    assert laptop.jobsync("sync").out == "unchanged  one\n1 unchanged\n", "a shell without the variables"
    program = laptop.plist("one")["ProgramArguments"][0]
    assert program.startswith(str(laptop.home / "xdg/data"))
    elsewhere = {name: str(laptop.home / "elsewhere") for name in xdg}
    assert laptop.jobsync("sync", env=elsewhere).out == "unchanged  one\n1 unchanged\n"
    laptop.jobsync("uninstall", "--yes")
    assert left_of_jobsync(laptop) == set()


def test_config_reads_sets_and_refuses_what_it_does_not_know(registered: Laptop) -> None:
    registered.job("one", TAGGED)
    registered.jobsync("sync")
    assert registered.installed() == set()
    shown = registered.jobsync("config").out.splitlines()
    keys = ["machine", "tags", "path", "launchctl", "hook", "file", "os", "scheduler", "home", "state", "data", "logs"]
    assert [line.split()[0] for line in shown] == [*keys, "repo"]
    assert {line.index(line.split()[1]) for line in shown if len(line.split()) > 1} == {11}, "one column"
    ran = registered.jobsync("config", "tags", "home", "ai")
    assert ran.out == "tags = home, ai\n" and "`jobsync sync`" in ran.err
    assert registered.jobsync("config", "tags").out == "home, ai\n"
    assert registered.jobsync("config", "tags", "home, ai").out == "tags = home, ai\n", "as it is printed"
    assert registered.jobsync("sync").out == "installed  one  new\n1 installed\n"
    assert registered.jobsync("config", "machine", "anna").out == "machine = anna\n"
    document = json.loads(registered.jobsync("config", "--json").out)
    assert (document["tags"], document["machine"]) == (["home", "ai"], "anna")
    assert [repo["work_tree"] for repo in document["repos"]] == [str(registered.work)]
    before = registered.config_file.read_bytes()
    for arguments in (
        ("nope",),
        ("nope", "x"),
        ("state", "/x"),
        ("machine", "a", "b"),
        ("machine", ""),
        ("hook", "jobsync-hook"),
        ("hook", "/nope"),
        ("path", "bin:/bin"),
        ("machine", "a\tb"),
        ("tags", "home", "a\nb"),
        ("tags", os.fsdecode(b"\xff")),
        ("machine", "--json"),
        ("machine", "beth", "--json"),
    ):
        ran = registered.jobsync("config", *arguments, status=2)
        assert ran.err.startswith("jobsync: ") and ran.out == ""
    assert "not an executable launchctl" in registered.jobsync("config", "launchctl", "/nope", status=2).err
    assert registered.config_file.read_bytes() == before


def test_hooks_are_installed_in_front_of_others_and_taken_away_without_a_trace(laptop: Laptop) -> None:
    theirs = laptop.put(".git/hooks/post-merge", '#!/bin/sh\necho "theirs $1" >&2\n', mode=0o755)
    before = theirs.read_bytes()
    laptop.init("--no-hooks")
    assert theirs.read_bytes() == before
    ran = laptop.jobsync("hooks", "status", status=1)
    assert [line.split()[:2] for line in ran.out.splitlines()] == [
        ["post-merge", "foreign"], *([event, "missing"] for event in EVENTS[1:])
    ]  # fmt: skip
    assert ran.err == "`jobsync doctor` says what mends it\n"
    assert "exclude each other" in laptop.jobsync("hooks", "install", "--files", "--config", status=2).err
    assert laptop.jobsync("hooks", "install").out == "installed 5 git hooks\n"
    assert laptop.jobsync("hooks", "install").out == "the git hooks are installed already\n"
    ran = laptop.jobsync("hooks", "status")
    assert [line.split() for line in ran.out.splitlines()[:-1]] == [
        [event, "installed", str(laptop.work / ".git/hooks" / event)] for event in EVENTS
    ]
    assert ran.out.splitlines()[-1] == "git was asked to run them, and reached jobsync"
    (repo,) = json.loads(laptop.jobsync("hooks", "status", "--json").out)["repos"]
    assert [hook["state"] for hook in repo["hooks"]] == ["installed"] * 5
    assert repo["hooks"][0]["chained"].endswith("post-merge.jobsync-chained")
    lost = (laptop.work / ".git/hooks" / EVENTS[-1]).rename(laptop.root / "lost")
    last = laptop.jobsync("hooks", "status", status=1).out.splitlines()[-1]
    assert last == f"git was asked to run {', '.join(EVENTS[:-1])}, and reached jobsync"
    lost.rename(laptop.work / ".git/hooks" / EVENTS[-1])

    laptop.upstream("one")
    said = laptop.pull().err
    assert "theirs 0\n" in said and "installed one" in said
    assert laptop.jobsync("hooks", "uninstall").out == "removed 5 git hooks\n"
    assert laptop.jobsync("hooks", "uninstall").out == "no git hook of jobsync is installed\n"
    assert theirs.read_bytes() == before
    assert not [path for path in theirs.parent.iterdir() if "jobsync" in path.name]
    laptop.upstream("two")
    assert laptop.pull().err == "theirs 0\n"


@pytest.mark.parametrize("words", [("hooks", "uninstall"), ("uninstall", "--yes")])
def test_a_hook_that_cannot_come_back_is_said_to_stay(laptop: Laptop, words: tuple[str, ...]) -> None:
    hook = laptop.put(".git/hooks/post-merge", "#!/bin/sh\necho before\n", mode=0o755)
    laptop.init()
    laptop.put(".git/hooks/post-merge", "#!/bin/sh\necho over ours\n", mode=0o755)
    said = laptop.jobsync(*words).out
    assert f"a hook that was here before stays in {hook}.jobsync-chained, for another one has its place\n" in said
    assert hook.read_text().endswith("echo over ours\n")


def test_another_jobsync_for_the_hooks_is_theirs_when_all_was_done_that_is_said(registered: Laptop) -> None:
    other = registered.put("../other/jobsync-hook", "#!/bin/sh\n", mode=0o755)
    said = registered.jobsync("config", "hook", str(other)).err
    for command in re.findall("`jobsync ([^`]*)`", said):
        registered.jobsync(*command.split())
    assert str(other) in (registered.work / ".git/hooks/post-merge").read_text()
    assert "sync` to apply it\n" in registered.jobsync("config", "tags", "home").err


def test_hooks_are_not_installed_for_a_jobsync_that_is_gone(registered: Laptop) -> None:
    """As after a move to another venv, where the former one went."""
    former = registered.put("../former/jobsync-hook", "#!/bin/sh\n", mode=0o755)
    registered.jobsync("config", "hook", str(former))
    former.unlink()
    ran = registered.jobsync("hooks", "install", status=1)
    assert f"{former}, which they would call, cannot be started" in ran.err and "`jobsync init`" in ran.err
    (looked,) = json.loads(registered.jobsync("doctor", "--json", status=1).out)["repos"]
    found = {check["id"]: check["findings"] for check in looked["checks"]}
    assert {one["command"] for check in ("hooks", "installation") for one in found[check]} == {"jobsync init"}
    assert not any(one["fixable"] for one in found["hooks"])
    registered.jobsync("init", "--yes")
    assert "errors" not in registered.jobsync("doctor").out


def test_hooks_of_another_installation_that_reach_us_are_not_said_to_be_idle(registered: Laptop) -> None:
    hook = registered.work / ".git" / "hooks" / "post-merge"
    hook.write_text(hook.read_text(encoding="utf-8") + "# another version's\n", encoding="utf-8")
    (looked,) = json.loads(registered.jobsync("doctor", "--json").out)["repos"]
    (found,) = next(check["findings"] for check in looked["checks"] if check["id"] == "hooks")
    assert found["said"].startswith("post-merge: older, another installation's, or not executable")
    assert found["meaning"] == "jobsync is reached all the same"


def test_init_says_when_it_must_not_install_hooks_and_registers_all_the_same(laptop: Laptop) -> None:
    laptop.older_git()
    laptop.git("config", "--global", "core.hooksPath", str(laptop.home / "hooks"))
    options = ("--prefix", "test", "--launchctl", str(laptop.simulator.launchctl), "--yes", "--no-sync")
    ran = laptop.jobsync("init", *options, status=1)
    assert "the git hooks were not installed" in ran.err and "core.hooksPath" in ran.err
    assert laptop.jobsync("sync").out == "no jobs\n"
    assert "shadowed" in laptop.jobsync("hooks", "status", status=1).out


@pytest.mark.parametrize("directory", ["~/hooks", ".husky", ".husky/_"])
def test_the_line_that_the_refusal_proposes_is_known_again(registered: Laptop, directory: str) -> None:
    registered.git("config", "core.hooksPath", directory)
    at = registered.home / "hooks" if directory == "~/hooks" else registered.work / directory
    at.mkdir(parents=True)
    if at.name == "_":  # as husky makes it
        (at / "h").write_text('exec sh -e "${0%/*}/../${0##*/}" "$@"\n', encoding="utf-8")
    refusal = registered.jobsync("hooks", "install", "--files", status=1).err
    line = re.findall(r"add `(.+?)` to the hooks", refusal)[0]
    own = at.parent if at.name == "_" else at
    assert str(own) in refusal
    for event in EVENTS:
        (at / event).write_text('#!/bin/sh\n. "${0%/*}/h"\n', encoding="utf-8")
        (at / event).chmod(0o755)
        (own / event).write_text(f"#!/bin/sh\n{line.replace('EVENT', event)}\n", encoding="utf-8")
        (own / event).chmod(0o755)
    (repo,) = json.loads(registered.jobsync("hooks", "status", "--run", "--json").out)["repos"]
    known = {(one["state"], one["carrier"], one["reached"], one["path"]) for one in repo["hooks"]}
    assert known == {("installed", "yours", True, str(own / event)) for event in EVENTS}
    assert registered.jobsync("hooks", "install").out == "the git hooks are installed already\n"
    assert "hooks]" not in registered.jobsync("doctor", status=None).out
    registered.upstream("one")
    assert "installed one" in registered.pull().err
    (own / "post-merge").chmod(0o644)
    (at / "post-merge").chmod(0o644)
    assert "shadowed" in registered.jobsync("hooks", "status", status=1).out, "git passes over what is not executable"


def test_what_the_docs_have_lefthook_do_is_known_and_wakes_us_up(registered: Laptop) -> None:
    """The real lefthook, told what docs/git.md says."""
    page = (Path(__file__).parents[2] / "docs/git.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page.partition("## With lefthook")[2], re.DOTALL)
    registered.put("lefthook.yml", "output: [execution]\n" + text)
    registered.commit()
    registered.jobsync("hooks", "uninstall")
    registered.run("lefthook", "install")
    (repo,) = json.loads(registered.jobsync("hooks", "status", "--run", "--json").out)["repos"]
    known = {(one["state"], one["carrier"], one["reached"], one["path"]) for one in repo["hooks"]}
    assert known == {("installed", "yours", True, str(registered.work / "lefthook.yml"))}
    assert registered.jobsync("hooks", "install").out == "the git hooks are installed already\n"
    assert not list((registered.work / ".git/hooks").glob("*.jobsync-chained")), "not called twice"
    assert "hooks]" not in registered.jobsync("doctor", status=None).out
    off = registered.jobsync("hooks", "status", "--run", env={"LEFTHOOK": "0"}, status=1)
    assert off.out.endswith("\n`LEFTHOOK=0`, which is set here, may be why: try again without it\n")
    assert off.err == "", "doctor knows nothing of it"
    registered.put("lefthook-local.yml", "post-merge: {skip: true}\n")
    off = registered.jobsync("hooks", "status", "--run", status=1)
    assert off.out.endswith("jobsync: post-merge\n`git hook run post-merge -- 0` shows what runs instead\n"), off
    assert off.err == ""
    (registered.work / "lefthook-local.yml").unlink()
    registered.upstream("one")
    registered.git("pull", "-q", "--rebase")
    assert registered.installed() == {"one"}
    registered.job("two")
    registered.commit()
    assert registered.installed() == {"one", "two"}
    registered.git("switch", "-q", "-c", "side", "HEAD~1")
    assert registered.installed() == {"one"}
    registered.put("lefthook.yml", "pre-push:\n  commands: {a: {run: 'true'}}\n")
    assert "foreign" in registered.jobsync("hooks", "status", status=1).out


@pytest.mark.parametrize("name", ['a b\'s "c"', "$HOME", "`id` %n \\", "döt", "tab\there", "-n", "feed\f \x85 \u2028"])
def test_a_repository_may_have_any_name_that_is_text(laptop: Laptop, name: str) -> None:
    place = laptop.home / name
    laptop.git("clone", "-q", str(laptop.origin), str(place), at=laptop.home)
    ran = laptop.jobsync("init", "--prefix", "test", "--launchctl", str(laptop.simulator.launchctl), "--yes", at=place)
    assert ran.err == ""
    laptop.upstream("one", 'run = "echo done"')
    assert "installed one" in laptop.git("pull", "-q", at=place).err
    assert laptop.jobsync("run", "one", at=place).out == "done\n"
    assert laptop.jobsync("sync", at=place).out == "unchanged  one\n1 unchanged\n"
    assert laptop.git("commit", "-q", "--allow-empty", "-m", "more", at=place).err == ""
    laptop.jobsync("hooks", "status", at=place)
    laptop.jobsync("uninstall", "--yes", at=place)


@pytest.mark.skipif(sys.platform == "darwin", reason="APFS refuses such names")
def test_a_repository_whose_name_is_no_text_is_refused_before_anything_is_written(laptop: Laptop) -> None:
    place = laptop.home / "latin-\udce9"
    laptop.git("clone", "-q", str(laptop.origin), str(place), at=laptop.home)
    ran = laptop.jobsync("init", "--launchctl", str(laptop.simulator.launchctl), "--yes", at=place, status=1)
    assert "cannot hold what is not UTF-8 text: git_dir = " in ran.err and "rename that directory" in ran.err
    assert not laptop.config_file.parent.exists()


def test_uninstall_leaves_nothing_behind_and_nothing_else_touched(laptop: Laptop) -> None:
    foreign = laptop.agents / "com.example.plist"
    foreign.write_text("<plist/>")
    before, hooks = laptop.snapshot(), sorted((laptop.work / ".git/hooks").iterdir())
    laptop.init()
    for name, text in (("one", JOB), ("watch", DAEMON)):
        laptop.job(name, text)
    laptop.commit()
    laptop.jobsync("run", "one")
    laptop.jobsync("pause", "one")
    laptop.wait_for(lambda: laptop.runs("watch") == 1)
    repository = sorted(path for path in laptop.work.rglob("*") if ".git" not in path.parts)
    assert "add --yes" in laptop.jobsync("uninstall", status=2).err
    assert laptop.loaded() == {"one", "watch"}
    ran = laptop.jobsync("uninstall", "--yes")
    assert ran.out.splitlines()[-1] == f"nothing of jobsync is left for {laptop.work}: no job, no file, no hook"
    assert "removed  watch  uninstalled; stopped (pid " in ran.out
    assert laptop.loaded() == set()
    after = laptop.snapshot()
    assert left_of_jobsync(laptop) == set() and foreign.read_text() == "<plist/>"
    assert set(after) - set(before) <= {
        str(laptop.home / name) for name in (".config", ".local", ".local/state", ".local/share")
    }
    assert sorted((laptop.work / ".git/hooks").iterdir()) == hooks
    assert sorted(path for path in laptop.work.rglob("*") if ".git" not in path.parts) == repository
    assert "not set up" in laptop.jobsync("sync", status=1).err
    laptop.init()
    laptop.jobsync("sync")
    assert laptop.loaded() == {"one", "watch"}, "`init` brings everything back"


@pytest.mark.parametrize("asks", ["hook", "sync"])
def test_who_comes_too_late_for_an_uninstall_brings_nothing_back(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    """It had read the configuration before, and has the lock after."""
    registered.job("one")
    registered.commit()
    monkeypatch.setenv("HOME", str(registered.home))
    origin = open_registered(registered.state.name, registered.environment)
    assert origin is not None
    registered.jobsync("uninstall", "--yes")
    with pytest.raises(JobsyncError, match="is registered no longer"):
        syncing.sync_from_hook(origin) if asks == "hook" else syncing.sync(origin, Orders())
    assert registered.loaded() == registered.installed() == set()
    assert left_of_jobsync(registered) == set()


def test_a_hook_that_comes_during_an_uninstall_finds_it_at_work(registered: Laptop) -> None:
    """From the first job that goes until the registration is gone nobody else syncs."""
    registered.job("one")
    registered.commit()
    hook = shlex.join(["cd", str(registered.work)]) + "; jobsync-hook post-merge 0"
    # What is called in the middle: git, for the hooks, when the jobs are gone already.
    git = registered.root / "bin" / "git"
    git.parent.mkdir()
    real = registered.run("which", "git").out.strip()
    said = registered.root / "said"
    there = shlex.join(["[", "-e", str(registered.plist_path("one")), "]"])
    git.write_text(
        f'#!/bin/sh\n{there} || [ -e {said} ] || {{ : >{said}; ({hook}) >{said} 2>&1; }}\nexec {real} "$@"\n'
    )
    git.chmod(0o755)
    path = f"{git.parent}:{registered.environment['PATH']}"
    ran = registered.jobsync("uninstall", "--yes", env={"PATH": path})
    assert said.read_text() == "" and "nothing of jobsync is left" in ran.out
    assert registered.loaded() == registered.installed() == set()
    assert left_of_jobsync(registered) == set()


def test_uninstall_takes_no_logs_but_ours_from_a_directory_that_others_use(registered: Laptop) -> None:
    registered.job("one", "run = 'true'\n")
    registered.commit()
    registered.jobsync("run", "one")
    logs, shared = registered.state.parent / "logs", registered.home / "logs"
    logs.rename(shared)
    logs.symlink_to(shared)
    former = shared / "former.one" / "20261123T070000Z-12.log"
    theirs = [shared / "nginx" / "access.log", shared / "all.log"]
    for path in (former, *theirs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    registered.jobsync("uninstall", "--yes")
    assert not (shared / "test.one").exists() and not former.exists()
    assert all(path.exists() for path in theirs)


def test_uninstalling_a_linked_work_tree_leaves_the_hooks_to_the_one_that_is_registered_too(laptop: Laptop) -> None:
    laptop.init()
    laptop.git("worktree", "add", "-q", str(laptop.home / "linked"))
    linked = laptop.home / "linked"
    launchctl = str(laptop.simulator.launchctl)
    laptop.jobsync("init", "--prefix", "other", "--launchctl", launchctl, "--yes", "--no-sync", at=linked)
    ran = laptop.jobsync("uninstall", "--yes", at=linked)
    said = f"nothing of jobsync is left for {linked}: no job, no file, the hooks stay for {laptop.work}"
    assert ran.out.splitlines()[-1] == said
    laptop.jobsync("hooks", "status")
    laptop.job("one")
    assert "installed one" in laptop.commit().err
    laptop.jobsync("init", "--prefix", "other", "--launchctl", launchctl, "--yes", "--no-sync", at=linked)
    laptop.git("clone", "-q", str(laptop.origin), str(laptop.home / "another"))
    (laptop.home / "another/jobsync.toml").unlink(missing_ok=True)
    refused = laptop.jobsync("uninstall", "--yes", at=laptop.home / "another", status=2).err
    assert "another is not registered on this machine" in refused and "one" in laptop.loaded(), "no other one is meant"
    (bugs := laptop.home / ".local/state/jobsync/bugs").mkdir()
    last = laptop.jobsync("uninstall", "--yes", at=laptop.home).out.splitlines()[-1]
    assert last.endswith("no job, no file, no hook")
    assert not bugs.exists() and not [path for path in (laptop.work / ".git/hooks").iterdir() if path.suffix == ""]


def test_uninstall_refuses_inside_a_job(registered: Laptop) -> None:
    jobsync = Path(sys.executable).with_name("jobsync")
    said = registered.home / "said"
    kept = "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in os.environ.items() if name.startswith("COVERAGE_")
    )
    registered.job("leave", f'run = "cd {registered.work}; {jobsync} uninstall --yes >{said} 2>&1"\n[env]\n{kept}')
    registered.job("one")
    registered.commit()
    registered.jobsync("run", "leave", status=1)
    assert "this runs inside the job test.leave" in said.read_text()
    assert "from a terminal of your own" in said.read_text()
    assert registered.loaded() == registered.installed() == {"one", "leave"}
    assert registered.config_file.is_file()
    registered.jobsync("uninstall", "--yes")


def test_a_repository_that_is_gone_can_still_be_uninstalled(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    moved = registered.home / "moved"
    registered.work.rename(moved)
    ran = registered.jobsync("init", "--prefix", "test", "--yes", "--no-sync", at=moved, status=2)
    assert "jobsync --repo test uninstall" in ran.err
    ran = registered.jobsync("--repo", "test", "uninstall", "--yes", at=moved)
    assert "nothing of jobsync is left" in ran.out
    assert registered.loaded() == registered.installed() == set()
    registered.jobsync("init", "--prefix", "test", "--launchctl", str(registered.simulator.launchctl), "--yes",
                       "--sync", at=moved)  # fmt: skip
    assert registered.loaded() == {"one"}


def test_a_home_that_was_moved_is_said_and_nothing_is_made_where_it_was(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.simulator.settle()  # what runs when it is loaded writes into the home
    moved = registered.home.rename(registered.root / "moved")
    at, here = moved / registered.work.relative_to(registered.home), {"HOME": str(moved)}
    for words in (("status",), ("sync",), ("init", "--yes"), ("--repo", "test", "uninstall", "--yes")):
        said = registered.jobsync(*words, at=at, env=here, status=1).err
        assert said.startswith(f"jobsync: {moved}/.config/jobsync/config.toml is of the home {registered.home}, ")
        assert f"`sudo ln -s ~ {registered.home}` until `jobsync --repo test uninstall` is done" in said
    assert not registered.home.exists()
    registered.home.symlink_to(moved)
    registered.jobsync("--repo", "test", "uninstall", "--yes", at=at, env=here)
    registered.home.unlink()
    launchctl = str(registered.simulator.launchctl)
    registered.jobsync("init", "--prefix", "test", "--launchctl", launchctl, "--yes", "--sync", at=at, env=here)
    moved.rename(registered.home)
    assert registered.loaded() == {"one"}


def test_jobs_of_a_registration_that_is_gone_are_called_that_and_can_be_taken_away(registered: Laptop) -> None:
    """Somebody has removed the configuration and cloned anew elsewhere, instead of `uninstall`."""
    registered.job("one")
    registered.commit()
    registered.config_file.unlink()
    moved = registered.work.rename(registered.home / "moved")
    words = ("init", "--prefix", "test", "--launchctl", str(registered.simulator.launchctl), "--yes", "--sync")
    said = registered.jobsync(*words, at=moved, status=1).out
    assert "is of another registration of jobsync (" in said and "move the file away if it is gone" in said
    for plist in registered.agents.glob("test.*.plist"):
        plist.unlink()
    said = registered.jobsync("sync", at=moved, status=1).out
    assert "is loaded by another registration of jobsync (" in said and "take it out of launchd" in said
    for label in ("one", "jobsync-finish", "jobsync-login"):
        registered.launchctl("bootout", f"gui/{os.getuid()}/test.{label}")
    registered.wait_for(lambda: "\ttest." not in registered.launchctl("list").out)
    registered.jobsync("sync", at=moved)
    assert registered.loaded() == registered.installed() == {"one"}


def test_the_hooks_of_a_repository_that_was_moved_say_so_and_what_to_do(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    moved = registered.work.rename(registered.home / "moved")
    said = registered.git("commit", "-q", "--allow-empty", "-m", "more", at=moved).err
    assert f"{moved} is not registered, so no job was synced; was it moved from {registered.work}?" in said
    (way_out,) = re.findall("`jobsync (.*) uninstall`", said)
    registered.jobsync(*shlex.split(way_out), "uninstall", "--yes", at=moved)
    launchctl = str(registered.simulator.launchctl)
    registered.jobsync("init", "--prefix", "test", "--launchctl", launchctl, "--yes", "--sync", at=moved)
    assert registered.loaded() == {"one"}
    assert registered.git("commit", "-q", "--allow-empty", "-m", "more", at=moved).err == ""


def test_the_hooks_of_a_linked_work_tree_that_was_moved_say_so_and_stay(laptop: Laptop) -> None:
    linked, moved = laptop.home / "linked", laptop.home / "moved"
    laptop.git("worktree", "add", "-q", "-b", "linked", str(linked))
    words = ("--launchctl", str(laptop.simulator.launchctl), "--yes", "--sync")
    laptop.jobsync("init", *words, at=linked)
    laptop.git("worktree", "move", str(linked), str(moved))
    said = laptop.git("commit", "-q", "--allow-empty", "-m", "more", at=moved).err
    assert f"{moved} is not registered, so no job was synced; was it moved from {linked}?" in said
    left = laptop.jobsync("--repo", str(linked), "uninstall", "--yes").out
    assert left.endswith(f": no job, no file, the hooks stay in {laptop.work}/.git/hooks\n")
    laptop.jobsync("init", *words, at=moved)
    assert laptop.git("commit", "-q", "--allow-empty", "-m", "more", at=moved).err == ""


def test_two_repositories_live_side_by_side(registered: Laptop) -> None:
    editor = second(registered)
    registered.job("same")
    registered.job("mine")
    registered.job("same", JOB.replace("09", "11"), at=editor)
    registered.commit()
    registered.git("add", "-A", at=editor)
    assert "installed same" in registered.git("commit", "-qm", "x", at=editor).err
    assert registered.loaded() == {"mine", "same"}
    labels = registered.launchctl("list").out
    assert "other.same" in labels and "other.mine" not in labels

    ran = registered.jobsync("run", "same", at=registered.root, status=2)
    assert "several repositories have a job 'same': test, other" in ran.err
    assert ran.err.endswith("or `jobsync --repo PREFIX COMMAND`\n")
    assert registered.jobsync("--repo", "other", "status", "same", at=registered.root).out.startswith(
        "same (other.same)"
    )
    assert registered.jobsync("status", "same", at=editor).out.startswith("same (other.same)")
    assert registered.jobsync("--repo", str(registered.work), "sync", at=editor).out.splitlines()[-1] == "2 unchanged"
    assert registered.jobsync("status", "mine", at=registered.root).out.startswith("mine (test.mine)")
    shown = registered.jobsync("sync", at=registered.root).out
    assert shown.splitlines() == [
        f"{registered.work}:", "unchanged  mine", "unchanged  same", "2 unchanged",
        f"{editor}:", "unchanged  same", "1 unchanged",
    ]  # fmt: skip
    shown = registered.jobsync("status", at=registered.root).out
    assert shown.count("all well") == 2 and f"{editor}:\n" in shown
    for at in (registered.work, editor):
        registered.job("same", "run = 3\n", at=at)
    for command, status in (("check", 1), ("diff", 0)):
        lines = registered.jobsync(command, at=registered.root, status=status).err.splitlines()
        assert lines[0::2] == [f"{registered.work}:", f"{editor}:"], "whose fault of two that read the same"
        assert lines[1] == lines[3] and lines[1].startswith("jobs/same/job.toml: run: ")
    for at in (registered.work, editor):
        registered.git("checkout", "-q", "jobs", at=at)

    for at in (registered.work, registered.root):  # as of a variable that is not set
        ran = registered.jobsync("--repo", "", "uninstall", "--yes", at=at, status=2)
        assert ran.err.startswith("jobsync: --repo: no registered repository is ''\n")
    assert registered.loaded() == {"mine", "same"}

    ran = registered.jobsync("uninstall", "--yes")
    assert "other" not in ran.out and "other.same" in registered.launchctl("list").out
    assert registered.jobsync("sync", at=editor).out.splitlines()[-1] == "1 unchanged"
    registered.jobsync("uninstall", "--yes", at=editor)
    assert left_of_jobsync(registered) == set()


def test_trouble_with_one_repository_keeps_no_command_from_the_others(registered: Laptop) -> None:
    editor = second(registered)
    for name, place in (("mine", registered.work), ("theirs", editor)):
        registered.job(name, at=place)
        registered.commit(at=place)
    at = registered.root

    for words in (("sync", "theirs"), ("sync", "mine", "theirs"), ("diff", "mine", "theirs")):
        assert registered.jobsync(*words, at=at).err == "", "each repository is asked for its own jobs"
    assert "no job named 'nope'" in registered.jobsync("sync", "mine", "nope", at=at, status=2).err

    registered.git("switch", "-q", "--detach")
    registered.job("theirs", JOB.replace("09", "11"), at=editor)
    ran = registered.jobsync("sync", at=at, status=1)
    assert "updated  theirs" in ran.out and ran.err.startswith(f"jobsync: {registered.work}: HEAD is detached")
    registered.git("switch", "-q", "-")

    gone = (registered.work / ".git").rename(registered.root / "aside")
    commands = ("hooks uninstall", "hooks install", "sync", "status", "history", "diff", "check", "pause", "resume")
    for command in commands:
        ran = registered.jobsync(*command.split(), at=at, status=1)
        assert ran.err.startswith("jobsync: the registered repository is not reachable: "), command
        assert ran.err.count("not reachable") == 1, command
        if command.startswith("hooks"):
            assert "5 git hooks" in ran.out, "the other's"
    for command in ("new three", "import"):
        assert "several repositories are registered" in registered.jobsync(*command.split(), at=at, status=2).err
    (way_out,) = re.findall("`jobsync (.*) uninstall`", ran.err)
    shown = registered.jobsync(*shlex.split(way_out), "uninstall", at=at, status=2)
    assert shown.out == f"jobsync will remove all its jobs, launchers, logs and hooks for {registered.work}\n"
    assert "theirs" in registered.jobsync("status", at=at, status=1).out
    (repo,) = json.loads(registered.jobsync("status", "--json", at=at, status=1).out)["repos"]
    assert repo["prefix"] == "other"
    assert registered.jobsync("run", "theirs", at=at).err == "", "of no concern to this one"
    assert "not reachable" in registered.jobsync("run", "mine", at=at, status=2).err
    assert "not reachable" in registered.jobsync("--repo", "test", "status", at=at, status=1).err
    gone.rename(registered.work / ".git")


@pytest.mark.parametrize("variable", ["JOBSYNC_CONFIG", "XDG_CONFIG_HOME"])
def test_a_repository_registered_once_is_the_same_by_a_link_to_it(registered: Laptop, variable: str) -> None:
    link = registered.root / "link"
    link.symlink_to(registered.work)
    registered.job("one")
    pinned = {variable: str(registered.config_file if variable == "JOBSYNC_CONFIG" else registered.home / ".config")}
    assert registered.jobsync("sync", at=link, env=pinned).out.splitlines()[-1] == "1 installed"
    record = registered.record("one")
    assert record is not None and record.source is Source.WORK_TREE


def test_an_uninstall_that_meets_trouble_keeps_the_rest_and_can_be_run_again(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.simulator.fault("bootout", code=5, times=None, label="test.one")
    ran = registered.jobsync("uninstall", "--yes", status=1)
    assert "not everything could be removed" in ran.err and "nothing of jobsync is left" not in ran.out
    assert registered.loaded() == {"one"} and registered.config_file.is_file()
    registered.jobsync("hooks", "status")
    registered.simulator.clear_faults()
    assert "nothing of jobsync is left" in registered.jobsync("uninstall", "--yes").out
    assert registered.loaded() == set() and left_of_jobsync(registered) == set()


def test_a_machine_without_launchd_gets_one_from_one_command(laptop: Laptop) -> None:
    directory = laptop.root / "own"
    argv = ("jobsync", "simulator", str(directory))
    with beside(argv, cwd=laptop.work, env=laptop.environment, stdout=subprocess.PIPE) as serving:
        launchctl = directory / "bin/launchctl"
        assert serving.stdout is not None
        assert select([serving.stdout], [], [], 60)[0], "it says at once, also into a pipe, that it is there"
        assert serving.stdout.readline().rstrip().decode().endswith(f"its launchctl: {launchctl}")
        laptop.job("one")
        laptop.jobsync("init", "--launchctl", str(launchctl), "--yes", "--sync")
        assert "jobsync.one" in laptop.run(str(launchctl), "list").out
        again = laptop.jobsync("simulator", str(directory), status=1)
        assert again.err.startswith("jobsync: ")
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=30)
    assert serving.returncode in (0, 130)
    assert "could not ask the scheduler" in laptop.jobsync("sync", status=1).err


def test_in_a_home_that_was_renamed_a_hook_says_that_nothing_is_synced(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.simulator.settle()  # a launcher that is just starting would make its places in the old home anew
    home = registered.home.rename(registered.root / "new")
    registered.environment["HOME"] = str(home)
    said = registered.git("commit", "-q", "--allow-empty", "-m", "more", at=home / "dotfiles").err
    file = f"{home}/.config/jobsync/config.toml"
    assert said.startswith(f"jobsync: {file} is of the home {registered.home}, which is not there\n")


def test_without_its_configuration_a_hook_has_nothing_to_say(registered: Laptop) -> None:
    for path in registered.config_file.parent.iterdir():
        path.unlink()
    registered.job("one")
    assert registered.commit().text == "" and registered.installed() == set()


def test_uninstall_leaves_the_copies_of_the_users_own_edits_and_says_where(registered: Laptop) -> None:
    registered.job("one")
    registered.jobsync("sync")
    edited = registered.plist_path("one").read_bytes().replace(b"<integer>9</integer>", b"<integer>7</integer>")
    registered.plist_path("one").write_bytes(edited)
    kept = registered.state / "kept"
    said = registered.jobsync("uninstall", "--yes").out
    assert f"copies of your own edits stay in {kept}" in said
    assert [path.read_bytes() for path in kept.iterdir()] == [edited]
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]


def test_uninstall_says_where_env_files_stay_once_no_repository_is_left(registered: Laptop) -> None:
    file = registered.home / ".config/jobsync/env/one.env"
    registered.put(str(file), "TOKEN=x\n", mode=0o600)
    assert f"your env files stay in {file.parent}\n" in registered.jobsync("uninstall", "--yes").out
    assert file.read_text() == "TOKEN=x\n"


def test_a_home_that_no_plist_can_name_is_said_to_be_renamed(laptop: Laptop) -> None:
    home = laptop.root / "tab\there"
    home.mkdir()
    laptop.environment["HOME"] = str(home)
    ran = laptop.jobsync("init", "--launchctl", str(laptop.simulator.launchctl), "--yes", "--no-sync", status=1)
    assert "without control characters" in ran.err and "\n  rename that directory" in ran.err
    assert list(home.iterdir()) == []
