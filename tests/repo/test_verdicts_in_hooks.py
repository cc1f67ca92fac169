"""Verdicts inside real hooks, where the scenarios of tests/git do not go."""

import shutil
from pathlib import Path

import pytest

from jobsync.repo.events import EVENTS
from jobsync.repo.place import identity

from .conftest import Pair
from .sandbox import Sandbox, Work, tool

SYNC, SKIP = True, False


def test_row_1_pre_commits_own_checkout_is_passed_over(pair: Pair) -> None:
    laptop = pair.laptop
    laptop.write(
        {
            ".pre-commit-config.yaml": "repos:\n- repo: local\n  hooks:\n"
            "  - {id: ok, name: ok, entry: 'true', language: system, always_run: true, pass_filenames: false}\n"
        }
    )
    pair.laptop.box.run(tool("pre-commit"), "install", cwd=laptop.path)
    laptop.git("add", ".pre-commit-config.yaml")
    laptop.write({"shared": "not staged\n"})
    laptop.git("commit", "-q", "-m", "with something put aside")
    assert pair.recorder.shorts() == [("post-checkout", 1, SKIP), ("post-commit", 16, SYNC)]


def test_a_linked_work_tree_that_is_registered_itself_syncs(pair: Pair, box: Sandbox) -> None:
    pair.laptop.git("worktree", "add", "-q", str(box.home / "linked"))
    linked = Work(box, box.home / "linked")
    pair.recorder.forget()
    pair.recorder.watch(linked)
    linked.commit("in the linked tree", {"x": "x"})
    assert pair.recorder.shorts() == [("post-commit", 16, SYNC)]


def test_row_7_conflicts_are_waited_for(pair: Pair) -> None:
    pair.laptop.git("switch", "-q", "-c", "side")
    pair.laptop.commit("side", {"shared": "side\n"})
    pair.laptop.git("switch", "-q", "main")
    pair.laptop.write({"shared": "edited\n"})
    pair.recorder.forget()
    pair.laptop.git("checkout", "-q", "-m", "side", check=False)
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 7, SKIP)]
    assert "conflicts" in (events[0].notice or "")


def _diverge(pair: Pair) -> None:
    """One commit on each side that do not meet."""
    pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.commit("ours", {"mine": "1\n"})
    pair.laptop.git("fetch", "-q")
    pair.recorder.forget()


@pytest.mark.parametrize("backend", ["merge", "apply"])
def test_row_13_the_rebase_of_a_detached_head_ends_detached(pair: Pair, backend: str) -> None:
    _diverge(pair)
    pair.laptop.git("checkout", "-q", "--detach")
    pair.laptop.git("branch", "-q", "-f", "main", "HEAD~1")
    pair.recorder.forget()
    pair.laptop.git("-c", f"rebase.backend={backend}", "rebase", "-q", "origin/main")
    events = pair.recorder.shorts()
    assert events[-1] == ("post-rewrite", 13, SKIP)
    assert not any(sync for _, _, sync in events)


def test_row_15_another_branch_than_the_registered_one(pair: Pair) -> None:
    pair.recorder.wanted_branch = "main"
    pair.recorder.fill(pair.laptop.git_dir / "hooks")
    pair.laptop.git("switch", "-q", "-c", "side")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 15, SKIP)]
    assert "side" in (events[0].notice or "")
    assert "main" in (events[0].notice or "")
    pair.laptop.git("switch", "-q", "main")
    assert pair.recorder.shorts() == [("post-checkout", 16, SYNC)]


@pytest.mark.parametrize("backend", ["merge", "apply"])
def test_row_15_the_rebase_of_another_branch_syncs_nothing(pair: Pair, backend: str) -> None:
    pair.recorder.wanted_branch = "main"
    pair.recorder.fill(pair.laptop.git_dir / "hooks")
    pair.laptop.git("switch", "-q", "-c", "side")
    _diverge(pair)
    pair.laptop.git("-c", f"rebase.backend={backend}", "rebase", "-q", "origin/main")
    events = pair.recorder.shorts()
    assert events[-1] == ("post-rewrite", 15, SKIP)
    assert not any(sync for _, _, sync in events)


@pytest.mark.parametrize(("backend", "row"), [("merge", 15), ("apply", 11)])
def test_row_15_another_branch_that_only_moves_forward_syncs_nothing(pair: Pair, backend: str, row: int) -> None:
    pair.recorder.wanted_branch = "main"
    pair.recorder.fill(pair.laptop.git_dir / "hooks")
    pair.laptop.git("switch", "-q", "-c", "side")
    pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.git("fetch", "-q")
    pair.laptop.git("branch", "-q", "-f", "main", "origin/main")
    pair.recorder.forget()
    pair.laptop.git("-c", f"rebase.backend={backend}", "rebase", "-q", "origin/main")
    assert pair.recorder.shorts() == [("post-checkout", row, SKIP)]


def test_row_16_bare_repository_dotfiles_from_any_directory(box: Sandbox, pair: Pair) -> None:
    home = box.home / "person"
    home.mkdir()
    bare = home / ".dotfiles"
    box.run("git", "clone", "-q", "--bare", str(pair.origin), str(bare), cwd=home)
    place = (f"--git-dir={bare}", f"--work-tree={home}")
    box.run("git", *place, "checkout", "-q", cwd=home)
    pair.recorder.fill(bare / "hooks")
    pair.recorder.registrations.write_text(identity(str(bare), str(home)))
    pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    box.run("git", *place, "pull", "-q", str(pair.origin), "main", cwd=Path("/"))
    assert pair.recorder.shorts() == [("post-merge", 16, SYNC)]


def test_through_pre_commit_the_verdicts_are_the_same(pair: Pair) -> None:
    pair.recorder.fill(pair.laptop.box.home / "recording")
    shutil.rmtree(pair.laptop.git_dir / "hooks")
    staged = EVENTS[:4]  # pre-commit knows no post-applypatch
    stages = "".join(_local_hook(event, pair.laptop.box.home / "recording" / event) for event in staged)
    pair.publish("with pre-commit", {".pre-commit-config.yaml": f"repos:\n- repo: local\n  hooks:\n{stages}"})
    pair.laptop.git("pull", "-q")
    types = [argument for event in staged for argument in ("-t", event)]
    pair.laptop.box.run(tool("pre-commit"), "install", *types, cwd=pair.laptop.path)
    _diverge(pair)
    pair.laptop.git("merge", "-q", "--squash", "origin/main")
    pair.laptop.git("reset", "-q", "--hard")
    pair.laptop.git("checkout", "--", "shared")
    pair.laptop.git("pull", "-q", "--rebase")
    assert pair.recorder.shorts() == [
        ("post-merge", 5, SKIP),
        ("post-checkout", 4, SKIP),
        ("post-checkout", 10, SKIP),
        ("post-commit", 10, SKIP),
        ("post-rewrite", 8, SYNC),
    ]


def _local_hook(event: str, script: Path) -> str:
    return (
        f"  - {{id: {event}, name: {event}, entry: {script}, language: system, stages: [{event}],\n"
        "     always_run: true, pass_filenames: false}\n"
    )
