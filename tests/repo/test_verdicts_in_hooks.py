"""Every row of the verdict table, met by real git commands inside real hooks."""

import shutil
from pathlib import Path

import pytest

from jobsync.repo.events import EVENTS
from jobsync.repo.repository import identity
from jobsync.repo.verdict import ROWS

from .conftest import Pair
from .sandbox import Recorder, Sandbox, Work, tool

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


def test_row_2_an_unregistered_repository_is_passed_over(box: Sandbox, work: Work, recorder: Recorder) -> None:
    recorder.watch(work, register=False)
    work.commit("more", {"x": "x"})
    assert recorder.shorts() == [("post-commit", 2, SKIP)]


def test_row_3_a_linked_work_tree_is_passed_over(pair: Pair, box: Sandbox) -> None:
    pair.laptop.git("worktree", "add", "-q", str(box.home / "linked"))
    assert pair.recorder.shorts() == [("post-checkout", 3, SKIP)]


def test_row_3_a_submodule_is_passed_over(pair: Pair, box: Sandbox) -> None:
    box.repository(box.home / "library")
    pair.editor.git("submodule", "add", "-q", str(box.home / "library"), "lib")
    pair.publish("with a submodule", {})
    template = box.home / "template"
    pair.recorder.fill(template / "hooks")
    pair.laptop.git("pull", "-q")
    pair.laptop.git("-c", f"init.templateDir={template}", "submodule", "update", "-q", "--init")
    assert pair.recorder.shorts() == [("post-merge", 16, SYNC), ("post-checkout", 3, SKIP)]


def test_a_linked_work_tree_that_is_registered_itself_syncs(pair: Pair, box: Sandbox) -> None:
    pair.laptop.git("worktree", "add", "-q", str(box.home / "linked"))
    linked = Work(box, box.home / "linked")
    pair.recorder.forget()
    pair.recorder.watch(linked)
    linked.commit("in the linked tree", {"x": "x"})
    assert pair.recorder.shorts() == [("post-commit", 16, SYNC)]


@pytest.mark.parametrize(
    "command", [("checkout", "--", "shared"), ("restore", "shared"), ("checkout", "HEAD~0", "--", ".")]
)
def test_row_4_single_files_are_passed_over(pair: Pair, command: tuple[str, ...]) -> None:
    pair.laptop.write({"shared": "edited\n"})
    pair.laptop.git(*command)
    assert pair.recorder.shorts() == [("post-checkout", 4, SKIP)]


def test_row_5_a_squash_waits_for_its_commit(pair: Pair) -> None:
    pair.publish("second", {"jobs/b/job.toml": "b\n"})
    pair.laptop.git("fetch", "-q")
    pair.laptop.git("merge", "-q", "--squash", "origin/main")
    squash = pair.recorder.events()
    assert [event.short for event in squash] == [("post-merge", 5, SKIP)]
    assert "squash" in (squash[0].notice or "")
    pair.laptop.git("commit", "-q", "-m", "squashed")
    assert pair.recorder.shorts() == [("post-commit", 16, SYNC)]


def test_row_5_a_squash_with_conflicts_waits_too(pair: Pair) -> None:
    pair.publish("theirs", {"shared": "theirs\n"})
    pair.laptop.commit("ours", {"shared": "ours\n"})
    pair.recorder.forget()
    pair.laptop.git("fetch", "-q")
    assert pair.laptop.status("merge", "-q", "--squash", "origin/main") == 1
    assert pair.recorder.shorts() == [("post-merge", 5, SKIP)]


@pytest.mark.parametrize("command", ["switch", "checkout"])
def test_row_6_an_unborn_branch_removes_nothing(pair: Pair, command: str) -> None:
    pair.laptop.git(command, "-q", "--orphan", "blank")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 6, SKIP)]
    assert events[0].commit is None
    assert "no commit" in (events[0].notice or "")


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


def test_rows_8_and_10_a_rebase_syncs_once_at_its_end(pair: Pair) -> None:
    _diverge(pair)
    pair.laptop.git("pull", "-q", "--rebase")
    events = pair.recorder.events()
    assert [event.short for event in events] == [
        ("post-checkout", 10, SKIP),
        ("post-commit", 10, SKIP),
        ("post-rewrite", 8, SYNC),
    ]
    assert events[-1].commit == pair.laptop.head


def test_rows_8_and_11_a_rebase_of_the_apply_backend_syncs_once_at_its_end(pair: Pair) -> None:
    _diverge(pair)
    pair.laptop.git("-c", "rebase.backend=apply", "pull", "-q", "--rebase")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 11, SKIP), ("post-rewrite", 8, SYNC)]
    assert events[-1].commit == pair.laptop.head


def test_row_9_a_rebase_without_local_commits_syncs_at_its_only_event(pair: Pair) -> None:
    new = pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.git("fetch", "-q")
    pair.laptop.git("rebase", "-q")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 9, SYNC)]
    assert events[0].commit == new


def test_row_9_a_rebase_that_drops_all_local_commits_syncs(pair: Pair) -> None:
    pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.commit("the same", {"jobs/b/job.toml": "b\n"})
    pair.recorder.forget()
    pair.laptop.git("pull", "-q", "--rebase")
    assert pair.recorder.shorts() == [("post-checkout", 9, SYNC)]


def test_row_9_an_interactive_rebase_that_only_drops_syncs(pair: Pair) -> None:
    pair.laptop.commit("to be dropped", {"mine": "1\n"})
    pair.recorder.forget()
    editor = {"GIT_SEQUENCE_EDITOR": "perl -pi -e s/^pick/drop/"}
    pair.laptop.git("rebase", "-q", "-i", "HEAD~1", environ=editor)
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 9, SYNC)]
    assert events[0].commit == pair.laptop.head


def test_row_10_a_stop_in_a_rebase_is_not_its_end(pair: Pair) -> None:
    pair.laptop.commit("one", {"mine": "1\n"})
    pair.laptop.commit("two", {"mine": "2\n"})
    pair.recorder.forget()
    editor = {"GIT_SEQUENCE_EDITOR": "perl -pi -e 's/^pick/edit/ if $. == 1'"}
    pair.laptop.git("rebase", "-q", "-i", "HEAD~2", environ=editor)
    pair.laptop.git("commit", "-q", "--amend", "-m", "one, better")
    assert all(short[1:] == (10, SKIP) for short in pair.recorder.shorts())
    pair.laptop.git("rebase", "--continue", environ={"GIT_EDITOR": "true"})
    assert pair.recorder.shorts()[-1] == ("post-rewrite", 8, SYNC)


def test_row_10_a_conflict_in_a_rebase_then_its_continuation(pair: Pair) -> None:
    pair.publish("theirs", {"shared": "theirs\n"})
    pair.laptop.commit("ours", {"shared": "ours\n"})
    pair.recorder.forget()
    assert pair.laptop.status("pull", "-q", "--rebase") == 1
    assert pair.recorder.shorts() == [("post-checkout", 10, SKIP)]
    pair.laptop.write({"shared": "both\n"})
    pair.laptop.git("add", "shared")
    pair.laptop.git("rebase", "--continue", environ={"GIT_EDITOR": "true"})
    assert pair.recorder.shorts() == [("post-commit", 10, SKIP), ("post-rewrite", 8, SYNC)]


def test_row_11_an_apply_rebase_without_local_commits_syncs_at_its_only_event(pair: Pair) -> None:
    new = pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.git("fetch", "-q")
    pair.laptop.git("-c", "rebase.backend=apply", "rebase", "-q")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 11, SYNC)]
    assert events[0].commit == new


def test_rows_12_and_16_a_bisect_is_passed_over_until_it_is_reset(pair: Pair) -> None:
    for number in range(4):
        pair.laptop.commit(f"commit {number}", {"counter": f"{number}\n"})
    pair.recorder.forget()
    pair.laptop.git("bisect", "start", "HEAD", "HEAD~4")
    pair.laptop.git("bisect", "good")
    assert pair.recorder.shorts() == [("post-checkout", 12, SKIP)] * 2
    pair.laptop.git("bisect", "reset")
    assert pair.recorder.shorts() == [("post-checkout", 16, SYNC)]


def test_rows_12_and_13_a_bisect_from_a_detached_head_ends_detached(pair: Pair) -> None:
    for number in range(4):
        pair.laptop.commit(f"commit {number}", {"counter": f"{number}\n"})
    pair.laptop.git("checkout", "-q", "--detach")
    pair.recorder.forget()
    pair.laptop.git("bisect", "start", "HEAD", "HEAD~4")
    pair.laptop.git("bisect", "reset")
    assert pair.recorder.shorts() == [("post-checkout", 12, SKIP), ("post-checkout", 13, SKIP)]


def test_row_13_looking_at_an_old_commit_rolls_nothing_back(pair: Pair) -> None:
    pair.laptop.commit("second", {"mine": "1\n"})
    pair.recorder.forget()
    pair.laptop.git("checkout", "-q", "HEAD~1")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 13, SKIP)]
    assert "--force" in (events[0].notice or "")


def test_row_13_a_commit_on_a_detached_head(pair: Pair) -> None:
    pair.laptop.git("checkout", "-q", "--detach")
    pair.recorder.forget()
    pair.laptop.commit("detached", {"mine": "1\n"})
    assert pair.recorder.shorts() == [("post-commit", 13, SKIP)]


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


@pytest.mark.parametrize("command", ["cherry-pick", "revert"])
def test_row_14_only_the_last_step_of_a_range_syncs(pair: Pair, command: str) -> None:
    pair.laptop.git("switch", "-q", "-c", "side")
    for number in range(3):
        pair.laptop.commit(f"commit {number}", {f"file{number}": f"{number}\n"})
    if command == "cherry-pick":
        pair.laptop.git("switch", "-q", "main")
    pair.recorder.forget()
    pair.laptop.git(command, *(["--no-edit"] if command == "revert" else []), "side~3..side")
    assert pair.recorder.shorts() == [("post-commit", 14, SKIP)] * 2 + [("post-commit", 16, SYNC)]


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


def test_row_16_a_pull_that_moves_forward(pair: Pair) -> None:
    new = pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.git("pull", "-q")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-merge", 16, SYNC)]
    assert events[0].commit == new


def test_row_16_a_true_merge_although_merge_head_still_exists(pair: Pair) -> None:
    _diverge(pair)
    pair.laptop.git("pull", "-q", "--no-rebase", "--no-edit")
    assert pair.recorder.shorts() == [("post-merge", 16, SYNC)]


def test_row_16_a_merge_concluded_after_conflicts(pair: Pair) -> None:
    pair.publish("theirs", {"shared": "theirs\n"})
    pair.laptop.commit("ours", {"shared": "ours\n"})
    pair.recorder.forget()
    assert pair.laptop.status("pull", "-q", "--no-rebase") == 1
    assert pair.recorder.shorts() == []
    pair.laptop.write({"shared": "both\n"})
    pair.laptop.git("commit", "-q", "-a", "--no-edit")
    assert pair.recorder.shorts() == [("post-commit", 16, SYNC)]


def test_row_16_an_amend_and_a_switch(pair: Pair) -> None:
    pair.laptop.git("commit", "-q", "--amend", "--allow-empty", "-m", "amended")
    assert pair.recorder.shorts() == [("post-commit", 16, SYNC), ("post-rewrite", 16, SYNC)]
    pair.laptop.git("switch", "-q", "-c", "side")
    assert pair.recorder.shorts() == [("post-checkout", 16, SYNC)]


def test_row_16_a_pull_while_the_users_changes_are_stashed_away(pair: Pair) -> None:
    pair.publish("theirs", {"jobs/b/job.toml": "b\n"})
    pair.laptop.write({"shared": "edited\n"})
    pair.laptop.git("pull", "-q", "--autostash")
    assert pair.recorder.shorts() == [("post-merge", 16, SYNC)]


def test_row_16_the_first_checkout_after_a_clone_without_one(box: Sandbox, pair: Pair) -> None:
    fresh = box.home / "fresh"
    box.run("git", "clone", "-q", "--no-checkout", str(pair.origin), str(fresh), cwd=box.home)
    work = Work(box, fresh)
    pair.recorder.watch(work)
    work.git("checkout", "-q", "main")
    events = pair.recorder.events()
    assert [event.short for event in events] == [("post-checkout", 16, SYNC)]
    assert events[0].arguments[0] == events[0].arguments[1]


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
    stages = "".join(_local_hook(event, pair.laptop.box.home / "recording" / event) for event in EVENTS)
    pair.publish("with pre-commit", {".pre-commit-config.yaml": f"repos:\n- repo: local\n  hooks:\n{stages}"})
    pair.laptop.git("pull", "-q")
    types = [argument for event in EVENTS for argument in ("-t", event)]
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


def test_every_row_of_the_table_is_met_by_a_test_here() -> None:
    source = Path(__file__).read_text()
    for number in {row.number for row in ROWS}:
        assert f"_{number}_" in source.replace("rows_", "row_").replace("_and_", "_"), number
