"""Sync now, or leave it: a table over all that git may be in the middle of. Pure: facts in, a verdict out.

Every row was found with real git; docs/git.md says the same for people, and a test compares the two.
"""

from collections.abc import Callable

from jobsync.values import dataclass

BY_HAND = "sync"
"""The event of a sync that a person asked for."""


@dataclass(frozen=True, slots=True)
class RebaseMerge:
    """What is in `rebase-merge/` (git's default way to rebase)."""

    has_msgnum: bool = False
    """A step was begun: the file `msgnum` is there."""
    todo_has_commands: bool = False
    """Steps are left in `git-rebase-todo`."""
    head_name_is_branch: bool = False
    """It is a branch that is rebased, not a detached HEAD."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a verdict looks at. The defaults are those of a plain repository at rest."""

    event: str
    """One of `events.EVENTS`, or `BY_HAND`."""
    arguments: tuple[str, ...] = ()
    """As git gave them to the hook."""
    nested_in_pre_commit: bool = False
    """pre-commit itself is putting files aside or back (`_PRE_COMMIT_SKIP_POST_CHECKOUT`)."""
    registered: bool = True
    """This git directory with this work tree is registered."""
    linked: bool = False
    """A work tree made by `git worktree add`."""
    in_superproject: bool = False
    unborn: bool = False
    commit: str = ""
    """What HEAD is; no row asks."""
    skipped: frozenset[str] = frozenset()
    """Files that sparse checkout leaves out; no row asks."""
    unmerged: bool = False
    rebase_merge: RebaseMerge | None = None
    rebase_apply: bool = False
    """`rebase-apply/` exists: the other way to rebase, or `git am`."""
    am_ends: bool = False
    """`git am` has applied its last patch."""
    detached: bool = False
    jujutsu: bool = False
    """jj works in this repository too, and leaves HEAD detached wherever it goes."""
    branch: str | None = None
    """The branch that HEAD is on, or that a running rebase will bring it back to."""
    wanted_branch: str | None = None
    """The branch that the repository is registered for; None: any."""
    rebase_starts: bool = False
    """The reflog says that this checkout is a rebase's first, and no rebase directory exists (apply backend)."""
    old_is_ancestor_of_new: bool = False
    """Of post-checkout's two commits."""
    bisecting: bool = False
    """`BISECT_LOG` exists."""
    head_is_bisect_start: bool = False
    """HEAD is the commit that `BISECT_START` names."""
    sequencer_commands: int = 0
    """Steps left of a cherry-pick or revert, the current one included."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a hook shall do."""

    sync: bool
    row: int
    notice: str | None
    """One line for people, worth showing only when jobs would change, and once per HEAD."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. The first whose condition holds decides."""

    number: int
    title: str
    """The condition in words; docs/git.md has the same."""
    holds: Callable[[Situation], bool]
    sync: bool
    notice: str | None = None
    """`{branch}` and `{wanted_branch}` are filled in."""


def _flag(s: Situation, event: str, position: int, value: str) -> bool:
    return s.event == event and s.arguments[position : position + 1] == (value,)


def _on_wanted_branch(s: Situation) -> bool:
    return s.branch is not None and s.wanted_branch in (None, s.branch)


def _is_rebasing(s: Situation) -> bool:
    return s.rebase_merge is not None or s.rebase_apply


def _rebase_ends(s: Situation) -> bool:
    return _flag(s, "post-rewrite", 0, "rebase")


def _replays_nothing(s: Situation) -> bool:
    """No other hook will come: the rebase has no step to make and so no end to announce."""
    if s.event != "post-checkout" or s.rebase_merge is None:
        return False
    state = s.rebase_merge
    return state.head_name_is_branch and not state.has_msgnum and not state.todo_has_commands


def _am_ends(s: Situation) -> bool:
    return s.event == "post-applypatch" and s.am_ends


def _is_amid_rebase(s: Situation) -> bool:
    return _is_rebasing(s) and not _rebase_ends(s) and not _replays_nothing(s) and not _am_ends(s)


def _apply_rebase_starts(s: Situation) -> bool:
    return s.event == "post-checkout" and s.detached and s.rebase_starts


ROWS = (
    Row(1, "pre-commit is putting files aside or back", lambda s: s.nested_in_pre_commit, sync=False),
    Row(
        2,
        "the repository is not registered",
        lambda s: not s.registered and not s.linked and not s.in_superproject,
        sync=False,
    ),
    Row(3, "a linked work tree or a submodule that is not registered itself", lambda s: not s.registered, sync=False),
    Row(4, "single files were checked out", lambda s: _flag(s, "post-checkout", 2, "0"), sync=False),
    Row(
        5,
        "a squash merge that is not committed yet",
        lambda s: _flag(s, "post-merge", 0, "1"),
        sync=False,
        notice="squash merge: jobs follow when it is committed",
    ),
    Row(
        6,
        "HEAD is unborn",
        lambda s: s.unborn,
        sync=False,
        notice="there is no commit yet: jobs stay as they are",
    ),
    Row(
        7,
        "there are conflicts",
        lambda s: s.unmerged,
        sync=False,
        notice="there are conflicts: jobs follow when they are resolved and committed",
    ),
    Row(8, "a rebase of the branch ends", lambda s: _rebase_ends(s) and _on_wanted_branch(s), sync=True),
    Row(8, "`git am` has applied its last patch", lambda s: _am_ends(s) and _on_wanted_branch(s), sync=True),
    Row(
        9,
        "a rebase of the branch has nothing to replay",
        lambda s: _replays_nothing(s) and _on_wanted_branch(s),
        sync=True,
    ),
    Row(10, "a rebase or `git am` is under way", _is_amid_rebase, sync=False),
    Row(
        11,
        "a rebase (apply backend) starts and only moves the branch forward",
        lambda s: _apply_rebase_starts(s) and s.old_is_ancestor_of_new and _on_wanted_branch(s),
        sync=True,
    ),
    Row(11, "a rebase (apply backend) starts", _apply_rebase_starts, sync=False),
    Row(
        12,
        "a bisect is looking at a commit",
        lambda s: s.bisecting and s.detached and not s.head_is_bisect_start,
        sync=False,
    ),
    Row(
        13,
        "HEAD is detached",
        lambda s: s.detached and s.branch is None,
        sync=False,
        notice="HEAD is detached: jobs stay as they are; `jobsync sync --force` takes what is here",
    ),
    Row(
        14,
        "more steps of a cherry-pick or revert follow",
        lambda s: s.event == "post-commit" and s.sequencer_commands > 1,
        sync=False,
    ),
    Row(
        15,
        "another branch than the registered one",
        lambda s: not _on_wanted_branch(s),
        sync=False,
        notice="on branch {branch}, jobs follow {wanted_branch}: they stay as they are",
    ),
    Row(16, "otherwise", lambda _: True, sync=True),
)

WITHOUT_GIT = ROWS[:5]
"""The rows that need no look into the repository."""


def decide(situation: Situation) -> Verdict:
    """The verdict of the first row that holds. For hooks; a sync by hand asks `refusal_by_hand`."""
    row = next(row for row in ROWS if row.holds(situation))
    notice = row.notice and row.notice.format(branch=situation.branch, wanted_branch=situation.wanted_branch)
    return Verdict(row.sync, row.number, notice)


def refusal_by_hand(situation: Situation) -> str | None:
    """Why a sync by hand refuses without `--force`; None when it need not."""
    if situation.unborn:
        return "there is no commit yet"
    if situation.unmerged:
        return "there are conflicts"
    if _is_rebasing(situation):
        return "a rebase or `git am` is under way"
    if situation.bisecting:
        return "a bisect is under way"
    if situation.detached and not situation.jujutsu:
        return "HEAD is detached"
    return None
