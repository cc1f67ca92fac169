"""Another jobsync than the one that synced last, and a registration whose repository is elsewhere now."""

import re
import shlex
import threading

from ..laptop import Laptop

LONG = 'run = "until [ -e ~/go ]; do sleep 0.1; done; echo the end"\n'


def test_a_run_under_the_former_prefix_is_seen_to_run(registered: Laptop) -> None:
    registered.job("long", LONG)
    registered.commit()
    registered.jobsync("run", "--detach", "long")
    registered.wait_for(lambda: "running" in registered.jobsync("status").out)
    registered.jobsync("init", "--prefix", "moved", "--yes", "--sync")
    (line,) = [line for line in registered.jobsync("status").out.splitlines() if line.startswith("long")]
    assert "deferred" in line and "running for" in line and "killed" not in line
    threading.Timer(1, (registered.home / "go").touch).start()
    assert registered.jobsync("logs", "--follow", "long").out.endswith("the end\n")


def test_a_repository_that_was_moved_is_not_registered_twice(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    moved = registered.work.rename(registered.home / "moved")
    launchctl = str(registered.simulator.launchctl)
    words = ("init", "--prefix", "another", "--launchctl", launchctl, "--yes", "--sync")
    said = registered.jobsync(*words, at=moved, status=1)
    assert f"registered already, from {registered.work}, which is gone: its jobs test.JOB go on" in said.err
    assert "will register" not in said.out
    assert "another.JOB" in registered.jobsync(*words, at=registered.editor).out, "shares no commit of a sync's"
    registered.jobsync("--repo", "test", "uninstall", "--yes", at=moved)
    registered.jobsync("init", "--prefix", "test", "--launchctl", launchctl, "--yes", "--sync", at=moved)
    assert registered.loaded() == {"one"}


def test_a_repository_whose_git_directory_was_moved_is_not_registered_twice(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    moved = (registered.work / ".git").rename(registered.home / "git")
    (registered.work / ".git").write_text(f"gitdir: {moved}\n")
    hook = registered.git("commit", "--allow-empty", "-qm", "more").err
    assert f"was it moved from {registered.work}/.git?" in hook
    launchctl = str(registered.simulator.launchctl)
    words = ("init", "--launchctl", launchctl, "--yes", "--sync", "--prefix")
    said = registered.jobsync(*words, "another", status=1).err
    assert f"registered already, from {registered.work}/.git, which is gone" in said
    assert "jobsync --repo test uninstall" in registered.jobsync(*words, "test", status=2).err
    (way_out,) = re.findall("`jobsync (.*) uninstall`", hook)
    registered.jobsync(*shlex.split(way_out), "uninstall", "--yes")
    assert registered.loaded() == set()
    registered.jobsync(*words, "test")
    assert registered.loaded() == {"one"}
    assert registered.git("commit", "--allow-empty", "-qm", "more").err == ""
