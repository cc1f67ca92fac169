"""How much git it takes to know where git stands, and odd calls."""

from pathlib import Path

import pytest

from jobsync.repo.place import Place
from jobsync.repo.repository import Repository
from jobsync.repo.situation import situation
from jobsync.repo.verdict import BY_HAND, Situation, decide, refusal_by_hand

from .sandbox import Work


def _counted(work: Work, log: Path) -> Repository:
    """A repository whose git writes a line for each process."""
    repository = work.opened()
    wrapper = log.with_name("git")
    wrapper.write_text(f'#!/bin/sh\necho x >>{log}\nexec {repository.executable} "$@"\n')
    wrapper.chmod(0o755)
    log.touch()
    return Repository(repository.git_dir, repository.work_tree, repository.environment, str(wrapper))


def _facts(repository: Repository, event: str, *arguments: str, registered: bool = True, **environ: str) -> Situation:
    place = Place(repository.git_dir, repository.git_dir, repository.work_tree, None)
    return situation(repository, place, event, arguments, environ, wanted_branch=None, registered=registered)


@pytest.mark.parametrize(
    ("event", "arguments", "registered", "processes"),
    [
        ("post-merge", ("0",), True, 2),
        ("post-checkout", ("a", "b", "1"), True, 2),
        ("post-checkout", ("a", "b", "0"), True, 0),
        ("post-merge", ("1",), True, 0),
        ("post-commit", (), False, 0),
    ],
)
def test_two_git_processes_are_enough_and_none_where_the_call_itself_decides(
    work: Work, tmp_path: Path, event: str, arguments: tuple[str, ...], registered: bool, processes: int
) -> None:
    log = tmp_path / "calls"
    _facts(_counted(work, log), event, *arguments, registered=registered)
    assert len(log.read_text().splitlines()) == processes


def test_a_hook_that_was_called_without_its_arguments_is_judged_all_the_same(work: Work) -> None:
    work.git("checkout", "-q", "--detach")
    work.git("commit", "-q", "--allow-empty", "-m", "moves HEAD", environ={"GIT_REFLOG_ACTION": "x (start): checkout"})
    facts = _facts(work.opened(), "post-checkout")
    assert facts.rebase_starts
    assert decide(facts).row == 11
    assert not decide(facts).sync


def test_by_hand_a_real_rebase_conflict_and_detached_head_are_seen(work: Work) -> None:
    work.git("switch", "-q", "-c", "side")
    work.commit("side", {"README": "side\n"})
    work.git("switch", "-q", "main")
    work.commit("main", {"README": "main\n"})
    assert refusal_by_hand(_facts(work.opened(), BY_HAND)) is None
    assert work.status("rebase", "-q", "side") == 1
    assert refusal_by_hand(_facts(work.opened(), BY_HAND)) == "there are conflicts"
    work.write({"README": "both\n"})
    work.git("add", "README")
    assert "rebase" in (refusal_by_hand(_facts(work.opened(), BY_HAND)) or "")
    work.git("rebase", "--abort")
    work.git("checkout", "-q", "--detach")
    assert refusal_by_hand(_facts(work.opened(), BY_HAND)) == "HEAD is detached"
    work.git("switch", "-q", "--orphan", "blank")
    assert refusal_by_hand(_facts(work.opened(), BY_HAND)) == "there is no commit yet"


def test_an_apply_rebase_that_begins_is_of_the_branch_that_was_left(work: Work) -> None:
    """git names none yet: the wanted one counts only where it ends at the commit that was left."""
    work.git("switch", "-q", "-c", "side")
    old = work.commit("side", {"README": "side\n"})
    start = {"GIT_REFLOG_ACTION": "x (start): checkout"}
    work.git("checkout", "-q", "--detach", "main", environ=start)
    repository = work.opened()
    place = Place(repository.git_dir, repository.git_dir, repository.work_tree, None)

    def branch(wanted: str) -> str | None:
        arguments = (old, repository.head().commit or "", "1")
        return situation(
            repository, place, "post-checkout", arguments, {}, wanted_branch=wanted, registered=True
        ).branch

    assert branch("main") == branch("side") == "side"
    work.git("branch", "-q", "other", "side")
    assert branch("side") == "side" and branch("other") == "other"
