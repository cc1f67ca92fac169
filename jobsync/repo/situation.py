"""Collects the facts for a verdict: what git is in the middle of. Two git processes, up to five at odd moments."""

from collections.abc import Mapping
from pathlib import Path

from jobsync import files
from jobsync.repo.events import NULL_ID
from jobsync.repo.place import Place
from jobsync.repo.repository import Head, Repository
from jobsync.repo.verdict import WITHOUT_GIT, RebaseMerge, Situation
from jobsync.values import replace

_BRANCHES = b"refs/heads/"
# Older and newer git both write it; pull gives `pull --rebase (start): checkout ID`.
_REBASE_STARTS = "(start): checkout"


def _commands(todo: bytes | None) -> int:
    """Steps in a todo file. A command is a word; comments begin with `core.commentChar`, which no command does."""
    return sum(line[:1].isalpha() for line in (todo or b"").splitlines())


def _rebase_merge(directory: Path) -> RebaseMerge | None:
    if not directory.is_dir():
        return None
    return RebaseMerge(
        has_msgnum=(directory / "msgnum").exists(),
        todo_has_commands=_commands(files.read(directory / "git-rebase-todo")) > 0,
        head_name_is_branch=_rebased_branch(directory) is not None,
    )


def _rebased_branch(directory: Path) -> str | None:
    """The branch that a rebase will bring HEAD back to."""
    name = (files.read(directory / "head-name") or b"").strip()
    if not name.startswith(_BRANCHES):
        return None
    return name.removeprefix(_BRANCHES).decode("utf-8", "surrogateescape")


def _am_ends(directory: Path) -> bool:
    """`applying` tells `git am` from a rebase; `next` moves on after the hook of its patch."""
    step, last = (files.read(directory / name) for name in ("next", "last"))
    return (directory / "applying").exists() and step is not None and step == last


def _bisect_starts_at(git_dir: Path, head: Head) -> bool:
    start = (files.read(git_dir / "BISECT_START") or b"").strip().decode("utf-8", "surrogateescape")
    return start == head.commit


def _ended_at(repository: Repository, commit: str, wanted: str | None) -> str | None:
    """The branch that is being rebased, where git names none: one that still ends at its old commit."""
    ended = repository.branches_at(commit)
    return wanted if wanted in ended else next(iter(ended), None)


def _with_state(situation: Situation, repository: Repository, head: Head | None) -> Situation:
    """What HEAD, the index and the files of operations under way say."""
    git_dir = Path(repository.git_dir)
    head, index = head or repository.head(), repository.index_state()
    directories = (git_dir / "rebase-merge", git_dir / "rebase-apply")
    return replace(
        situation,
        unborn=head.commit is None,
        commit=head.commit or "",
        skipped=index.skipped,
        unmerged=index.has_conflicts,
        rebase_merge=_rebase_merge(directories[0]),
        rebase_apply=directories[1].is_dir(),
        am_ends=_am_ends(directories[1]),
        detached=head.branch is None,
        jujutsu=Path(repository.work_tree, ".jj").is_dir(),
        branch=head.branch or next(filter(None, map(_rebased_branch, directories)), None),
        bisecting=(git_dir / "BISECT_LOG").exists(),
        head_is_bisect_start=_bisect_starts_at(git_dir, head),
        sequencer_commands=_commands(files.read(git_dir / "sequencer" / "todo")),
    )


def _with_apply_start(situation: Situation, repository: Repository) -> Situation:
    """A checkout to a detached HEAD: is it the start of a rebase that has made no directory yet?"""
    if _REBASE_STARTS not in (repository.last_move() or ""):
        return situation
    old, new = (*situation.arguments, NULL_ID, NULL_ID)[:2]
    return replace(
        situation,
        rebase_starts=True,
        old_is_ancestor_of_new=repository.is_ancestor(old, new),
        branch=_ended_at(repository, old, situation.wanted_branch),
    )


def _with_apply_backend(situation: Situation, repository: Repository) -> Situation:
    """What the apply backend of rebase leaves to find out: it keeps no `head-name` unless it had to stop."""
    if not situation.detached or situation.branch or situation.rebase_merge:
        return situation
    match situation.event, situation.rebase_apply:
        case "post-checkout", False:
            return _with_apply_start(situation, repository)
        case "post-rewrite", True:
            branch = _ended_at(repository, "ORIG_HEAD", situation.wanted_branch)
            return replace(situation, branch=branch)
    return situation


def situation(
    repository: Repository,
    place: Place,
    event: str,
    arguments: tuple[str, ...],
    environ: Mapping[str, str],
    *,
    wanted_branch: str | None,
    registered: bool,
    head: Head | None = None,
) -> Situation:
    """The facts at this moment. `event`: as from `event_from_environment`, or `verdict.BY_HAND`. `head`: where git has
    just been asked for it.

    Where the first rows of the table already decide, git is not asked. `JobsyncError` when git fails.
    """
    known = Situation(
        event=event,
        arguments=arguments,
        nested_in_pre_commit="_PRE_COMMIT_SKIP_POST_CHECKOUT" in environ,
        registered=registered,
        linked=place.git_dir != place.common_dir,
        in_superproject=place.superproject is not None,
        wanted_branch=wanted_branch,
    )
    if any(row.holds(known) for row in WITHOUT_GIT):
        return known
    return _with_apply_backend(_with_state(known, repository, head), repository)
