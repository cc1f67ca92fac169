"""git is never hurt: with our hooks in place and jobsync broken, every git command ends as it would without them."""

import shutil
from pathlib import Path

import pytest

import jobsync

from ..laptop import JOB, Laptop

COMMANDS = (
    "switch -q -c topic",
    "commit -q --allow-empty -m topic",
    "commit -q -m nothing",
    "checkout -q HEAD~1 -- jobs/one/job.toml",
    "checkout -q -- jobs/one/job.toml",
    "checkout -q nowhere",
    "restore --staged --worktree .",
    "switch -q main",
    "pull -q",
    "rebase -q main topic",
    "switch -q main",
    "merge -q --no-ff -m merge topic",
    "switch -q -c clash HEAD~1",
    "rm -rq jobs/one",
    "commit -q -m clash",
    "merge -q main",
    "merge --abort",
    "rebase -q main",
    "rebase --abort",
    "switch -q --detach main",
    "stash",
    "cherry-pick clash",
    "cherry-pick --abort",
)
"""A day with git, its failures included."""


def _break_executable(laptop: Laptop, hook: Path) -> None:
    hook.unlink()


def _crash(laptop: Laptop, hook: Path) -> None:
    hook.write_text("#!/bin/sh\nkill -SEGV $$\n")


def _end_badly(laptop: Laptop, hook: Path) -> None:
    hook.write_text("#!/bin/sh\nexit 3\n")


def _lose_interpreter(laptop: Laptop, hook: Path) -> None:
    hook.write_text("#!/nowhere/python3\n")


def _corrupt_config(laptop: Laptop, hook: Path) -> None:
    laptop.config_file.write_text("machine = \n")


def _remove_launchctl(laptop: Laptop, hook: Path) -> None:
    laptop.simulator.launchctl.unlink()


def _block_state(laptop: Laptop, hook: Path) -> None:
    state = laptop.state
    laptop.run("rm", "-rf", str(state))
    state.write_text("in the way")


BREAKAGES = (
    _break_executable,
    _crash,
    _end_badly,
    _lose_interpreter,
    _corrupt_config,
    _remove_launchctl,
    _block_state,
)


def _day(laptop: Laptop, at: Path, env: dict[str, str]) -> list[tuple[str, int]]:
    """What each command of a day ends with."""
    return [(command, laptop.git(*command.split(), at=at, env=env, status=None).status) for command in COMMANDS]


@pytest.mark.parametrize("breaks", BREAKAGES, ids=lambda one: one.__name__.strip("_").replace("_", " "))
def test_git_ends_as_it_would_without_us(laptop: Laptop, breaks: object) -> None:
    laptop.upstream("one")
    laptop.upstream("one", JOB.replace("09", "10"))
    laptop.pull()
    plain = laptop.root / "plain"
    laptop.git("clone", "-q", str(laptop.origin), str(plain), at=laptop.root)
    hook = laptop.put("bin/jobsync-hook", '#!/bin/sh\nexec jobsync-hook "$@"\n', at=laptop.root, mode=0o755)
    laptop.init()
    laptop.jobsync("config", "hook", str(hook))
    laptop.jobsync("hooks", "install")
    laptop.jobsync("sync")
    laptop.upstream("two")
    assert callable(breaks)
    breaks(laptop, hook)
    # No other jobsync is found by the hooks either.
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    assert _day(laptop, laptop.work, env) == _day(laptop, plain, env)


def test_a_broken_installation_is_one_line_in_a_hook(registered: Laptop) -> None:
    # Of what is left of an installation only the part that finds out whether there is something to do.
    broken = registered.root / "broken" / "jobsync"
    shutil.copytree(Path(jobsync.__file__).parent, broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "config.py").write_text("raise ImportError('no tomllib')\n", encoding="utf-8")
    hook = registered.work / ".git" / "hooks" / "post-merge"
    text = hook.read_text(encoding="utf-8")
    hook.write_text(text.replace(jobsync.__file__.removesuffix("__init__.py"), f"{broken}/"), encoding="utf-8")
    registered.upstream("one")
    ran = registered.git("pull", "-q")
    assert len(ran.err.splitlines()) == 1 and ran.err.startswith("jobsync: this installation is broken (no tomllib)")
    hook.write_text(text, encoding="utf-8")
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 installed"


def test_a_pull_that_is_interrupted_leaves_jobs_for_the_next_one(registered: Laptop) -> None:
    registered.upstream("one")
    registered.git("-c", "core.hooksPath=/dev/null", "pull", "-q")
    assert registered.installed() == set()
    registered.upstream("two")
    said = registered.pull().err
    assert "installed one (new in " in said
    assert "installed two (new in " in said
