"""Every kind of setup that dotfiles live in: one repository each, registered, pulled, and looked at."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop, Ran
from ..unmeasured import processes_are_not_measured
from .newer import manager, newer_git

__all__ = ["processes_are_not_measured"]

LATER = JOB.replace("09:00", "10:00")
NEW = "jobsync: installed one (new in COMMIT)\n"


def init(laptop: Laptop, at: Path, env: dict[str, str] | None = None, prefix: str = "test") -> Ran:
    return laptop.jobsync(
        "init", "--prefix", prefix, "--launchctl", str(laptop.simulator.launchctl), "--yes", "--sync", at=at, env=env
    )


def assert_follows(laptop: Laptop, pull: list[str], at: Path, env: dict[str, str] | None = None) -> None:
    """A pull installs, and a sync by hand afterwards finds nothing to do."""
    laptop.upstream("one")
    assert laptop.run(*pull, at=at, env=env).told.endswith(NEW)
    assert laptop.installed() == laptop.loaded() == {"one"}


def bare(laptop: Laptop) -> tuple[str, ...]:
    """Dotfiles as a bare repository, with the home as its work tree."""
    place = laptop.home / ".dotfiles"
    laptop.git("clone", "-q", "--bare", str(laptop.origin), str(place), at=laptop.home)
    laptop.run("rm", "-rf", str(laptop.work), at=laptop.home)
    alias = ("git", f"--git-dir={place}", f"--work-tree={laptop.home}")
    laptop.run(*alias, "checkout", "-q", at=laptop.home)
    laptop.run(*alias, "config", "status.showUntrackedFiles", "no", at=laptop.home)
    laptop.run(*alias, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", at=laptop.home)
    laptop.run(*alias, "fetch", "-q", at=laptop.home)
    laptop.run(*alias, "branch", "-q", "-u", "origin/main", at=laptop.home)
    return alias


@pytest.mark.parametrize("where", ["home", "/", "home/.config"])
def test_bare_repository_dotfiles_from_any_directory(laptop: Laptop, where: str) -> None:
    alias = bare(laptop)
    (laptop.home / ".config").mkdir(exist_ok=True)
    init(laptop, laptop.home, {"GIT_DIR": str(laptop.home / ".dotfiles"), "GIT_WORK_TREE": str(laptop.home)})
    assert_follows(laptop, [*alias, "pull", "-q"], Path("/") if where == "/" else laptop.root / where)
    # By hand and at login there is no GIT_DIR: what init recorded is enough.
    assert laptop.jobsync("sync", at=Path("/")).out.splitlines()[-1] == "1 unchanged"
    assert laptop.jobsync("sync", "--head", at=laptop.root).out.splitlines()[-1] == "1 unchanged"


def test_what_doctor_says_to_commit_is_the_job_and_not_the_home_around_it(laptop: Laptop) -> None:
    alias = bare(laptop)
    init(laptop, laptop.home, {"GIT_DIR": str(laptop.home / ".dotfiles"), "GIT_WORK_TREE": str(laptop.home)})
    laptop.put("jobs/one/job.toml", LATER, at=laptop.home)
    laptop.put("diary", "dear diary", at=laptop.home)
    laptop.jobsync("sync", at=laptop.home)
    found = json.loads(laptop.jobsync("doctor", "--json", at=laptop.home, status=None).out)
    checks = {one["id"]: one for one in found["repos"][0]["checks"]}
    (command,) = (one["command"] for one in checks["uncommitted"]["findings"])
    assert command.count("jobs/one") == 1
    laptop.run("sh", "-ec", command, at=laptop.root, env={"GIT_EDITOR": "echo keep >"})
    committed = laptop.run(*alias, "show", "--name-only", "--format=", at=laptop.home).out.split()
    assert committed == ["jobs/one/job.toml"]
    assert "diary" not in laptop.run(*alias, "ls-files", at=laptop.home).out


def test_what_a_sync_writes_into_a_home_that_is_the_work_tree_is_told_when_git_would_take_it(laptop: Laptop) -> None:
    alias = bare(laptop)
    init(laptop, laptop.home, {"GIT_DIR": str(laptop.home / ".dotfiles"), "GIT_WORK_TREE": str(laptop.home)})

    def told() -> list[str]:
        found = json.loads(laptop.jobsync("doctor", "--json", at=laptop.home, status=None).out)
        checks = {one["id"]: one for one in found["repos"][0]["checks"]}
        return [one["command"] for one in checks["artefacts-in-git"]["findings"]]

    assert_follows(laptop, [*alias, "pull", "-q"], laptop.home)
    assert told() == [], "`status.showUntrackedFiles no`: nothing is offered"
    plist = str(laptop.plist_path("one"))
    laptop.run(*alias, "add", plist, at=laptop.home)
    (command,) = told()
    laptop.run("sh", "-ec", command, at=laptop.root)
    assert told() == [] and laptop.run(*alias, "ls-files", plist, at=laptop.home).out == ""
    laptop.run(*alias, "config", "--unset", "status.showUntrackedFiles", at=laptop.home)
    (command,) = told()  # of the launchers
    laptop.run("sh", "-ec", command, at=laptop.root)
    assert told() == []


def test_bare_repository_dotfiles_with_a_relative_git_dir(laptop: Laptop) -> None:
    bare(laptop)
    init(laptop, laptop.home, {"GIT_DIR": ".dotfiles", "GIT_WORK_TREE": "."})
    assert_follows(laptop, ["git", "--git-dir=.dotfiles", "--work-tree=.", "pull", "-q"], laptop.home)


def test_yadm(laptop: Laptop) -> None:
    yadm = manager("yadm")
    laptop.run("rm", "-rf", str(laptop.work), at=laptop.home)
    laptop.run(yadm, "clone", "-f", "--no-bootstrap", str(laptop.origin), at=laptop.home)
    init(laptop, laptop.home, {"GIT_DIR": laptop.run(yadm, "introspect", "repo", at=laptop.home).out.strip()})
    assert_follows(
        laptop, [yadm, "pull", "-q"], laptop.home / "jobs" if (laptop.home / "jobs").exists() else laptop.home
    )
    laptop.put("jobs/one/job.toml", LATER, at=laptop.home)
    laptop.run(yadm, "add", str(laptop.home / "jobs"), at=laptop.home)
    said = laptop.run(yadm, "commit", "-qm", "later", at=laptop.home).told
    assert said == "jobsync: updated one (changed: jobs/one/job.toml in COMMIT)\n"


def test_chezmois_source_directory(laptop: Laptop) -> None:
    chezmoi = manager("chezmoi")
    laptop.put(".chezmoiignore", "jobs\njobsync.toml\n", at=laptop.editor)
    laptop.push()
    laptop.run(chezmoi, "init", "--apply", str(laptop.origin), at=laptop.home)
    source = laptop.home / ".local/share/chezmoi"
    init(laptop, source)
    assert_follows(laptop, [chezmoi, "update"], laptop.home)
    laptop.put("jobs/one/notes", "mine\n", at=source)
    laptop.git("add", "-A", at=source)
    laptop.git("commit", "-qm", "mine", at=source)
    laptop.upstream("two")
    assert "installed two (new in COMMIT)" in laptop.run(chezmoi, "update", at=laptop.home).told
    assert not (laptop.home / "jobs").exists()


def test_a_repository_reached_through_a_link(laptop: Laptop) -> None:
    link = laptop.home / "link"
    link.symlink_to(laptop.work)
    init(laptop, link, {"PWD": str(link)})
    assert_follows(laptop, ["git", "pull", "-q"], link, {"PWD": str(link)})
    laptop.upstream("two")
    assert "installed two" in laptop.pull().err, "the same repository by its own name"
    init(laptop, laptop.work)
    assert laptop.config_file.read_text().count("[[repo]]") == 1


def test_a_work_tree_that_the_configuration_names(laptop: Laptop) -> None:
    elsewhere = laptop.home / "files"
    laptop.run("mv", str(laptop.work / ".git"), str(laptop.home / "repo.git"), at=laptop.home)
    laptop.run("mv", str(laptop.work), str(elsewhere), at=laptop.home)
    repository = {"GIT_DIR": str(laptop.home / "repo.git")}
    laptop.git("config", "core.worktree", str(elsewhere), at=laptop.home, env=repository)
    init(laptop, elsewhere, repository)
    assert_follows(laptop, ["git", "pull", "-q"], laptop.home, repository)


def test_a_git_directory_elsewhere(laptop: Laptop) -> None:
    laptop.git("init", "-q", f"--separate-git-dir={laptop.home / 'repo.git'}")
    init(laptop, laptop.work)
    assert_follows(laptop, ["git", "pull", "-q"], laptop.work)


def test_a_submodule_that_is_registered_itself(laptop: Laptop) -> None:
    outer = laptop.home / "outer"
    laptop.git("init", "-q", str(outer), at=laptop.home)
    laptop.git("submodule", "add", "-q", str(laptop.origin), "dotfiles", at=outer)
    laptop.git("commit", "-qm", "outer", at=outer)
    init(laptop, outer / "dotfiles")
    assert_follows(laptop, ["git", "pull", "-q"], outer / "dotfiles")
    # Updated from outside: detached, so a notice, and the jobs stay.
    laptop.upstream("two")
    said = laptop.git("submodule", "update", "--remote", at=outer).told
    assert "HEAD is detached" in said and laptop.installed() == {"one"}


def test_jobs_that_move_into_a_submodule_stay_as_they_are_and_the_fault_says_why(laptop: Laptop) -> None:
    laptop.job("one")
    laptop.job("two")
    laptop.commit()
    init(laptop, laptop.work)
    laptop.git("clone", "-q", "--bare", str(laptop.origin), str(laptop.home / "jobs.git"), at=laptop.home)
    laptop.git("rm", "-rq", "jobs")
    laptop.git("submodule", "add", "-q", str(laptop.home / "jobs.git"), "jobs")
    fault = "jobs: jobs is a repository of its own (a submodule, a clone), and not looked into; register that one: "
    said = laptop.commit().err
    assert "failed one, two (1 fault in its definition; the installed job stays as it is)" in said and fault in said
    for words in (("sync",), ("check",)):
        assert fault in laptop.jobsync(*words, status=1).err
    assert laptop.loaded() == laptop.installed() == {"one", "two"}


def test_a_linked_work_tree_stays_out_of_it_unless_it_is_registered(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    linked = laptop.home / "linked"
    laptop.git("worktree", "add", "-q", "-b", "side", str(linked))
    laptop.job("side", at=linked)
    laptop.git("add", "-A", at=linked)
    assert laptop.git("commit", "-qm", "side", at=linked).err == "" and laptop.installed() == set()
    init(laptop, linked, prefix="side")
    assert laptop.git("commit", "-q", "--allow-empty", "-m", "more", at=linked).err == ""
    assert (laptop.agents / "side.side.plist").exists() and laptop.installed() == set()


@pytest.mark.parametrize("path", [".git/hooks", "{work}/.git/hooks"])
def test_a_hooks_path_of_its_own_is_used(laptop: Laptop, path: str) -> None:
    laptop.git("config", "core.hooksPath", path.format(work=laptop.work))
    init(laptop, laptop.work)
    assert_follows(laptop, ["git", "pull", "-q"], laptop.work)


@pytest.mark.parametrize("path", ["hooks", "~/hooks"])
def test_a_hooks_path_that_others_may_share_is_left_alone_and_a_line_there_is_enough(laptop: Laptop, path: str) -> None:
    scope = "--global" if path.startswith("~") else "--local"
    laptop.git("config", scope, "core.hooksPath", path)
    ran = laptop.jobsync("init", "--prefix", "test", "--launchctl", str(laptop.simulator.launchctl), "--yes", "--sync",
                         status=None)  # fmt: skip
    directory = (laptop.home if path.startswith("~") else laptop.work) / "hooks"
    if "in git's configuration" not in ran.out:
        assert not directory.exists() and 'jobsync-hook EVENT "$@" </dev/null || :' in ran.err
        shim = '#!/bin/sh\njobsync-hook post-merge "$@" </dev/null || :\n'
        laptop.put("hooks/post-merge", shim, at=directory.parent, mode=0o755)
    assert_follows(laptop, ["git", "pull", "-q"], laptop.work)
    if scope == "--global":
        other = laptop.home / "other"
        laptop.git("clone", "-q", str(laptop.origin), str(other), at=laptop.home)
        laptop.git("reset", "-q", "--hard", "HEAD~1", at=other)
        assert laptop.git("pull", "-q", at=other).err == "", "a repository that is not registered"


def test_a_repository_of_the_newest_formats(laptop: Laptop) -> None:
    laptop.environment["PATH"] = f"{newer_git()}:{laptop.environment['PATH']}"
    laptop.git("init", "-q", "--object-format=sha256", "--ref-format=reftable", "newest", at=laptop.home)
    work = laptop.home / "newest"
    laptop.put("jobsync.toml", "", at=work)
    laptop.job("one", JOB, at=work)
    laptop.commit("begin", at=work)
    init(laptop, work)
    laptop.git("switch", "-q", "-c", "side", at=work)
    laptop.job("two", JOB, at=work)
    assert laptop.commit("two", at=work).told == "jobsync: installed two (new in COMMIT)\n"
    assert laptop.git("switch", "-q", "main", at=work).told == "jobsync: removed two (gone from HEAD in COMMIT)\n"


def test_a_graphical_client_with_a_minimal_path_and_no_terminal(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.upstream("one")
    client = subprocess.Popen(
        ["/usr/bin/env", "-i", f"HOME={laptop.home}", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "git", "pull", "-q"],
        cwd=laptop.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    said, _ = client.communicate(timeout=60)
    assert client.returncode == 0 and b"installed one" in said and b"\x1b" not in said
    assert laptop.installed() == laptop.loaded() == {"one"}


def test_a_caller_without_a_home_hurts_nothing(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.upstream("one")
    without = {name: value for name, value in laptop.environment.items() if name != "HOME"}
    laptop.run("/usr/bin/env", "-u", "HOME", "git", "pull", "-q", env=without)
    assert laptop.installed() == {"one"}, "the hook pins the configuration"


def test_on_a_terminal_without_colour_tricks(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.upstream("one")
    main, worker = pty.openpty()
    client = subprocess.Popen(["git", "pull", "-q"], cwd=laptop.work, env={**laptop.environment, "TERM": "xterm"},
                              stdin=worker, stdout=worker, stderr=worker, start_new_session=True)  # fmt: skip
    os.close(worker)
    said = b""
    try:
        while chunk := os.read(main, 4096):
            said += chunk
    except OSError:  # Linux says so when nobody is left
        pass
    os.close(main)
    assert client.wait(60) == 0
    assert said.startswith(b"jobsync: installed one (new in ") and b"\x1b" not in said


def test_no_graphical_session_defers_until_there_is_one(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.simulator.logout()
    laptop.upstream("one")
    said = laptop.pull().err
    assert "deferred one" in said and laptop.installed() == {"one"}
    laptop.simulator.login()
    laptop.wait_for(lambda: laptop.loaded() == {"one"})
    assert laptop.git("commit", "-q", "--allow-empty", "-m", "after").err == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository away")
def test_a_repository_of_another_user_is_refused_by_git_and_by_us(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.upstream("one")
    laptop.run("chown", "-R", "12345", str(laptop.work), at=laptop.root)
    assert "dubious ownership" in laptop.git("pull", "-q", status=None).err
    # git obeys safe.directory; whose jobs these are, and that they would run as us, is another question.
    said = laptop.git("-c", f"safe.directory={laptop.work}", "pull", "-q").err
    assert "belongs to another user" in said and laptop.installed() == set()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository away")
@pytest.mark.parametrize("option", [(), ("--staged",)])
def test_what_git_was_told_to_be_safe_is_checked_whoever_owns_it(laptop: Laptop, option: tuple[str, ...]) -> None:
    """As in CI, where a container may run as another user than the one who checked the repository out."""
    laptop.job("one")
    laptop.job("two", "run = 3\n")
    laptop.git("add", "jobs")
    laptop.run("chown", "-R", "12345", str(laptop.work), at=laptop.root)
    assert "belongs to another user" in laptop.jobsync("check", *option, status=1).err
    laptop.git("config", "--global", "safe.directory", str(laptop.work), at=laptop.root)
    assert laptop.jobsync("check", *option, status=1).out == "1 valid job, 1 fault\n"


def test_a_push_into_the_work_tree_syncs_by_the_hook_that_the_docs_have(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.git("config", "receive.denyCurrentBranch", "updateInstead")
    page = (Path(__file__).parents[2] / "docs/git.md").read_text(encoding="utf-8")
    text = page.partition("`.git/hooks/post-update`")[2].partition("```sh\n")[2].partition("```")[0]
    laptop.put(".git/hooks/post-update", text, mode=0o755)
    laptop.job("one", at=laptop.editor)
    laptop.commit(at=laptop.editor)
    assert "remote: installed  one" in laptop.git("push", str(laptop.work), "main", at=laptop.editor).err
    assert laptop.loaded() == {"one"}


def test_two_registered_repositories_do_not_meet(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    second = laptop.home / "second"
    laptop.git("clone", "-q", str(laptop.origin), str(second), at=laptop.home)
    init(laptop, second, prefix="second")
    laptop.upstream("one")
    assert laptop.pull().told == NEW
    assert laptop.installed() == {"one"} and not (laptop.agents / "second.one.plist").exists()
    assert laptop.git("pull", "-q", at=second).told == NEW
    assert (laptop.agents / "second.one.plist").exists()
    laptop.drop("jobs/one")
    said = laptop.commit().told
    assert said == "jobsync: removed one (gone from HEAD in COMMIT)\n" or "nothing was removed" in said
    assert (laptop.agents / "second.one.plist").exists()
    states = json.loads(laptop.jobsync("hooks", "status", "--json", at=laptop.root).out)["repos"]
    assert all(hook["reached"] for repo in states for hook in repo["hooks"]) and len(states) == 2


def test_a_program_that_runs_no_hooks_is_made_up_for(laptop: Laptop) -> None:
    init(laptop, laptop.work)
    laptop.upstream("one")
    script = (
        "import sys\nfrom git import Repo\nrepo = Repo(sys.argv[1])\nrepo.remote().fetch()\n"
        "repo.head.reset('origin/main', working_tree=True)\n"
    )
    laptop.run(sys.executable, "-c", script, str(laptop.work))
    assert laptop.installed() == set()
    assert "one: is defined and not installed; `jobsync sync`" in laptop.jobsync("status").text
    laptop.jobsync("sync")
    assert laptop.installed() == {"one"} and "ahead" not in laptop.jobsync("status").text
