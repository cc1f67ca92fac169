"""Hooks from git's configuration, with a git that knows them, and one that does not."""

import json
import re
from collections.abc import Iterator

import pytest

from jobsync.repo.events import EVENTS

from ..laptop import Laptop
from .newer import newer_git
from .scenarios import COMMITS, PULLS, REBASES, Scenario
from .stage import Stage


@pytest.fixture
def modern(laptop: Laptop) -> Laptop:
    """A machine whose git takes hooks from its configuration."""
    laptop.environment["PATH"] = f"{newer_git()}:{laptop.environment['PATH']}"
    return laptop


def carriers(laptop: Laptop, *options: str, status: int | None = 0) -> list[tuple[str | None, str, bool | None]]:
    """Carrier, state and whether it was reached, of each event."""
    ran = laptop.jobsync("hooks", "status", "--json", *options, status=status)
    (repo,) = json.loads(ran.out)["repos"]
    return [(hook["carrier"], hook["state"], hook["reached"]) for hook in repo["hooks"]]


def test_they_are_used_where_the_hooks_directory_is_not_ours_and_outlive_its_change(modern: Laptop) -> None:
    modern.git("config", "--global", "core.hooksPath", str(modern.home / "hooks"))
    theirs = modern.put("hooks/post-merge", '#!/bin/sh\necho "theirs $1" >&2\n', at=modern.home, mode=0o755)
    assert "installed 5 git hooks in git's configuration\n" in modern.init().out
    assert modern.jobsync("hooks", "install").out == "the git hooks are installed already\n"
    assert carriers(modern) == [("configuration", "installed", True)] * 5
    modern.upstream("one")
    said = modern.pull().told
    assert "theirs 0" in said and "jobsync: installed one (new in COMMIT)" in said
    modern.git("config", "--global", "core.hooksPath", str(modern.home / "elsewhere"))
    modern.upstream("two")
    assert modern.pull().told == "jobsync: installed two (new in COMMIT)\n"
    modern.upstream("three")
    assert modern.git("-c", "hook.jobsync.enabled=false", "pull", "-q").err == ""
    assert theirs.exists() and carriers(modern) == [("configuration", "installed", True)] * 5
    modern.jobsync("uninstall", "--yes")
    assert "hook" not in (modern.work / ".git/config").read_text()


def test_either_kind_gives_way_to_the_other_and_a_stale_one_is_mended(modern: Laptop) -> None:
    modern.init()
    assert carriers(modern) == [("file", "installed", True)] * 5
    modern.jobsync("hooks", "install", "--config")
    assert carriers(modern) == [("configuration", "installed", True)] * 5
    assert not [path for path in (modern.work / ".git/hooks").iterdir() if path.name in EVENTS]
    modern.git("config", "--local", "--unset-all", "hook.jobsync.event", "post-commit")
    stale = carriers(modern, status=1)
    assert ("configuration", "stale", True) in stale and stale[3][:2] == (None, "missing")
    assert modern.jobsync("hooks", "install").out == "installed 5 git hooks in git's configuration\n"
    modern.jobsync("hooks", "install", "--files")
    assert carriers(modern) == [("file", "installed", True)] * 5
    assert "hook" not in modern.git("config", "--local", "--list", "--name-only").out.replace("core.hookspath", "")


def test_both_at_once_are_one_sync_and_one_message(modern: Laptop) -> None:
    modern.init()
    hooks = modern.work / ".git/hooks"
    kept = {path: path.read_bytes() for path in hooks.iterdir() if path.name in EVENTS}
    modern.jobsync("hooks", "install", "--config")
    for path, content in kept.items():
        path.write_bytes(content)
        path.chmod(0o755)
    modern.upstream("one")
    modern.mutations()
    assert modern.pull().told == "jobsync: installed one (new in COMMIT)\n"
    assert [call[0] for call in modern.mutations()] == ["bootstrap"]


def test_a_jobsync_that_is_gone_fails_no_command(modern: Laptop) -> None:
    modern.init()
    modern.jobsync("hooks", "install", "--config")
    settings = modern.work / ".git/config"
    gone = settings.read_text().replace(f"{modern.environment['PATH'].split(':')[1]}", "/nowhere")
    assert gone != settings.read_text()
    settings.write_text(gone.replace("start.py", "gone.py"))
    environment = {"PATH": f"{newer_git()}:/usr/bin:/bin"}
    assert modern.git("switch", "-q", "-c", "side", env=environment).err == ""
    assert modern.git("stash", "list", env=environment).status == 0


def test_a_jobsync_whose_python_is_gone_is_told_and_fails_no_command(modern: Laptop) -> None:
    modern.init()
    modern.jobsync("hooks", "install", "--config")
    left = modern.put("left/jobsync-hook", "#!/nowhere/python3\n", at=modern.home, mode=0o755)
    settings = modern.work / ".git/config"
    text = re.sub(r" python=\S+ start=\S+ hook=\S+ ", f" python=/nowhere/python3 start=/nowhere hook={left} ",
                  settings.read_text())  # fmt: skip
    assert str(left) in text
    settings.write_text(text)
    environment = {"PATH": f"{newer_git()}:/usr/bin:/bin"}
    assert modern.git("switch", "-q", "-c", "side", env=environment).err == (
        f"jobsync: {left} cannot start (is its Python gone?), so no job was synced; install jobsync again\n"
    )


def test_an_older_git_says_why_not_and_passes_over_those_that_are_there(modern: Laptop) -> None:
    modern.init()
    modern.jobsync("hooks", "install", "--config")
    older = {"PATH": modern.environment["PATH"].partition(":")[2]}
    if modern.git("version", env=older).out >= "git version 2.54":
        pytest.skip("the machine's own git is a new one")
    assert "git 2.54" in modern.jobsync("hooks", "install", "--config", env=older, status=1).err
    modern.upstream("one")
    assert modern.git("pull", "-q", env=older).err == "" and modern.installed() == set()
    assert modern.jobsync("hooks", "install", env=older).out == "installed 5 git hooks\n"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage.build(newer_git(), "--config") as built:
        yield built


@pytest.mark.parametrize("scenario", [PULLS[0], REBASES[0], COMMITS[2], COMMITS[14]],
                         ids=lambda one: one.name)  # fmt: skip
def test_scenario(stage: Stage, scenario: Scenario) -> None:
    stage.begin(scenario)
    played = stage.ours.play(scenario)
    assert (stage.events(), played.statuses[-1]) == (scenario.events, scenario.status), played
    assert stage.laptop.installed() == set(scenario.then.jobs.split()), played
