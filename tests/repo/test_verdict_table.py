"""The table itself, its words in the manual, and what a sync by hand refuses."""

import re

import pytest

from jobsync.repo.verdict import BY_HAND, ROWS, RebaseMerge, Situation, decide, refusal_by_hand

from .sandbox import CHECKOUT


def test_the_rows_stand_in_order_and_the_last_one_always_holds() -> None:
    numbers = [row.number for row in ROWS]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 17))
    assert ROWS[-1].holds(Situation(event=BY_HAND))


def test_the_manual_has_the_same_table() -> None:
    manual = (CHECKOUT / "docs" / "git.md").read_text()
    documented = re.findall(r"^\| (\d+) \| (.+?) \| (sync|skip)(, with a notice)? \|$", manual, re.MULTILINE)
    coded = [
        (str(row.number), row.title, "sync" if row.sync else "skip", ", with a notice" if row.notice else "")
        for row in ROWS
    ]
    assert documented == coded


def test_what_runs_unattended_syncs_at_rest_and_leaves_a_rebase_alone() -> None:
    assert decide(Situation(event=BY_HAND, branch="main")).sync
    stopped = Situation(event=BY_HAND, branch="main", detached=True, rebase_merge=RebaseMerge(has_msgnum=True))
    assert decide(stopped).row == 10


def test_a_rebase_that_was_begun_is_not_taken_for_one_with_nothing_to_do() -> None:
    begun = RebaseMerge(has_msgnum=True, head_name_is_branch=True)
    situation = Situation(event="post-checkout", detached=True, branch="main", rebase_merge=begun)
    assert decide(situation).row == 10


@pytest.mark.parametrize(
    ("situation", "word"),
    [
        (Situation(event=BY_HAND, branch="main"), None),
        (Situation(event=BY_HAND, branch="main", unborn=True), "no commit"),
        (Situation(event=BY_HAND, branch="main", unmerged=True), "conflicts"),
        (Situation(event=BY_HAND, detached=True, rebase_merge=RebaseMerge()), "rebase"),
        (Situation(event=BY_HAND, branch="main", rebase_apply=True), "rebase"),
        (Situation(event=BY_HAND, detached=True, bisecting=True), "bisect"),
        (Situation(event=BY_HAND, detached=True), "detached"),
        (Situation(event=BY_HAND, branch="side", wanted_branch="main"), None),
    ],
)
def test_a_sync_by_hand_says_what_git_is_in_the_middle_of(situation: Situation, word: str | None) -> None:
    refusal = refusal_by_hand(situation)
    assert refusal is None if word is None else word in (refusal or "")
