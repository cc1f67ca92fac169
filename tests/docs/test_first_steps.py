"""What somebody who has not read the documentation meets first: each dead end must name the way out."""

import shutil
import sys
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop


@pytest.fixture
def bare(laptop: Laptop) -> Laptop:
    """A dotfiles repository that has a job and no `jobsync.toml` yet."""
    laptop.job("one")
    (laptop.work / "jobsync.toml").unlink()
    laptop.commit()
    return laptop


def test_status_names_a_missing_settings_file_instead_of_finding_no_jobs(bare: Laptop) -> None:
    bare.init()
    shown = bare.jobsync("status")
    assert "jobsync.toml: is missing" in shown.text
    assert "no jobs" not in shown.text


def test_a_sync_without_the_settings_file_ends_with_a_sentence(bare: Laptop) -> None:
    bare.init()
    for arguments in (("sync",), ("sync", "-n")):
        shown = bare.jobsync(*arguments, status=1)
        assert "jobsync.toml: is missing; write it" in shown.text
        (last,) = shown.out.splitlines()[-1:]
        assert last.rpartition(":")[2].strip(), f"the last line says nothing: {last!r}"


def test_init_without_the_settings_file_does_not_promise_that_a_sync_will_do(bare: Laptop) -> None:
    launchctl = str(bare.simulator.launchctl)
    shown = bare.jobsync("init", "--launchctl", launchctl, "--yes", status=None)
    assert "jobsync.toml: is missing; write it" in shown.text
    assert "`jobsync sync` does it" not in shown.text


def test_a_failed_load_is_still_visible_in_status(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", JOB.replace("09", "10"))
    registered.simulator.fault("bootstrap", code=5, text="Input/output error", times=20)
    assert "failed" in registered.jobsync("sync", status=1).out
    shown = registered.jobsync("status").text
    assert "Input/output error" in shown or "Bootstrap failed" in shown


@pytest.mark.parametrize("command", ["status", "sync", "diff", "config", "uninstall"])
def test_before_init_every_command_says_what_comes_first(laptop: Laptop, command: str) -> None:
    shown = laptop.jobsync(command, status=1)
    assert "jobsync init" in shown.err
    assert not laptop.config_file.parent.exists()


def test_without_a_launchd_init_says_how_to_get_one_and_that_works(laptop: Laptop) -> None:
    hint = laptop.jobsync("init", "--launchctl", "/nonexistent/launchctl", "--yes", status=2).err
    assert "--launchctl" in hint
    assert not laptop.config_file.parent.exists()


def test_jobsync_alone_says_what_comes_first(laptop: Laptop) -> None:
    assert "registers the repository that you are in" in laptop.jobsync().out
    assert "inside your dotfiles repository" in laptop.jobsync(at=laptop.home).out
    assert not laptop.config_file.parent.exists()


def test_jobsync_alone_is_the_status_once_it_is_set_up(registered: Laptop) -> None:
    registered.job("one")
    registered.jobsync("sync")
    shown, status = (registered.jobsync(*arguments).out.splitlines() for arguments in ((), ("status",)))
    assert (shown[:2], shown[-1]) == (status[:2], status[-1])


def test_init_offers_what_an_empty_repository_begins_with(bare: Laptop) -> None:
    launchctl = str(bare.simulator.launchctl)
    shown = bare.jobsync("init", "--launchctl", launchctl, "--yes", "--skeleton", "--sync")
    assert "wrote jobsync.toml" in shown.out
    assert "installed  one" in shown.out
    bare.job("two", "#:schema ../../schemas/job.schema.json\n" + JOB)
    assert (bare.work / "jobs/two/../../schemas/job.schema.json").is_file()
    assert "wrote" not in bare.jobsync("init", "--yes", "--skeleton", "--no-sync").out


@pytest.fixture
def empty(laptop: Laptop) -> Laptop:
    """A repository just made: no commit, no file. Nothing is registered yet."""
    laptop.drop("")
    laptop.run("git", "init", "-q", str(laptop.work), at=laptop.home)
    return laptop


def _files_of(laptop: Laptop) -> list[str]:
    return laptop.git("ls-files", "--others", "--exclude-standard").out.splitlines()


def test_from_an_empty_repository_it_is_one_command_and_a_commit_to_a_job_that_works(empty: Laptop) -> None:
    empty.prefix = "jobsync"
    shown = empty.jobsync("init", "--launchctl", str(empty.simulator.launchctl), "--yes", "--skeleton")
    assert "nothing synced yet: there is no commit yet" in shown.out
    assert "a hook installs what you committed" in shown.err
    assert empty.jobsync("check").out == "1 valid job, 0 faults\n"
    assert "installed hello" in empty.commit().err
    assert empty.loaded() == {"hello"}
    assert empty.jobsync("run", "hello").out == "hello from jobs/hello/run\n"


def test_without_a_terminal_init_writes_nothing_that_was_not_asked_for(empty: Laptop) -> None:
    shown = empty.jobsync("init", "--launchctl", str(empty.simulator.launchctl), "--yes", status=1)
    assert "`jobsync init --skeleton`" in shown.err
    assert _files_of(empty) == []


@pytest.mark.parametrize("there", ["jobs/one/job.toml", "jobs"])
def test_the_example_comes_only_where_there_is_no_jobs_directory(empty: Laptop, there: str) -> None:
    if there.endswith(".toml"):
        empty.put(there, JOB)
    else:
        (empty.work / there).symlink_to("elsewhere")  # a link that leads nowhere is theirs too
    empty.jobsync(
        "init", "--launchctl", str(empty.simulator.launchctl), "--yes", "--skeleton", "--no-sync", status=None
    )
    schemas = ["schemas/job.schema.json", "schemas/jobsync.schema.json"]
    assert _files_of(empty) == sorted([there, "jobsync.toml", *schemas])


@pytest.mark.parametrize(
    ("there", "copied"),
    [
        ({"dot_zshrc": ""}, "jobsync.toml, schemas, jobs"),
        ({".chezmoiexternal.toml": "", ".chezmoiignore": "README.md\njobs\njobs/**\nschemas/**\n"}, "jobsync.toml"),
        ({"dot_zshrc": "", ".chezmoiignore": "jobs\njobsync.toml\nschemas\n"}, ""),
        ({".chezmoiroot": "home\n"}, ""),
        ({".zshrc": ""}, ""),
    ],
)
def test_among_chezmois_sources_it_says_what_would_be_copied(empty: Laptop, there: dict[str, str], copied: str) -> None:
    for path, text in there.items():
        empty.put(path, text)
    launchctl = str(empty.simulator.launchctl)
    told = empty.jobsync("init", "--launchctl", launchctl, "--yes", "--skeleton", "--no-sync").err
    assert (f"chezmoi would copy {copied} into your home" in told) == bool(copied)
    assert ("chezmoi" in told) == bool(copied)


def test_hooks_that_git_takes_from_elsewhere_are_told_with_both_ways_out(laptop: Laptop) -> None:
    laptop.older_git()
    laptop.git("config", "core.hooksPath", str(laptop.home / "hooks"))
    shown = laptop.jobsync("init", "--launchctl", str(laptop.simulator.launchctl), "--yes", "--no-sync", status=1).err
    assert "jobsync-hook EVENT" in shown
    assert "git config --local core.hooksPath" in shown


def test_outside_of_a_repository_init_says_where_to_run(laptop: Laptop) -> None:
    assert (
        "`git init`"
        in laptop.jobsync("init", "--launchctl", str(laptop.simulator.launchctl), at=laptop.home, status=1).err
    )


def test_colour_is_for_terminals_that_want_it(registered: Laptop) -> None:
    registered.job("one")
    registered.jobsync("sync")
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))"
    terminal = {"TERM": "xterm-256color"}
    coloured = registered.run(sys.executable, "-c", script, "jobsync", "status", env=terminal, status=None).out
    plain = registered.run(
        sys.executable, "-c", script, "jobsync", "status", env={**terminal, "NO_COLOR": "1"}, status=None
    ).out
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert "\x1b[" not in registered.jobsync("status", env=terminal).out


def test_a_repository_for_pre_commit_works_where_pre_commit_is_missing(laptop: Laptop) -> None:
    """Hook files of jobsync's own stand in for it; where one is gone, `doctor` names a way that needs no pre-commit."""
    front = laptop.root / "front"
    front.mkdir()
    for name in ("jobsync", "jobsync-hook"):
        (front / name).symlink_to(Path(sys.executable).with_name(name))
    laptop.environment["PATH"] = f"{front}:/usr/bin:/bin"
    assert shutil.which("pre-commit", path=laptop.environment["PATH"]) is None
    ids = "{id: jobsync-post-merge}, {id: jobsync-post-checkout}"
    laptop.put(".pre-commit-config.yaml", f"repos:\n- repo: x\n  rev: v0.1.0\n  hooks: [{ids}]\n")
    laptop.job("one")
    laptop.commit()
    shown = laptop.jobsync("init", "--launchctl", str(laptop.simulator.launchctl), "--yes")
    assert "installed 5 git hooks" in shown.out
    assert "git was asked to run them, and reached jobsync" in laptop.jobsync("hooks", "status").out
    (laptop.work / ".git/hooks/post-merge").unlink()
    found = laptop.jobsync("doctor", status=None).out
    assert "post-merge: not installed" in found and "fix: jobsync hooks install" in found
    laptop.jobsync("hooks", "install")
    assert "post-merge: not installed" not in laptop.jobsync("doctor", status=None).out
