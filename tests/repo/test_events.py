"""Event and arguments, from git's own call, from pre-commit and from prek."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobsync.repo.events import EVENTS, NULL_ID, event_from_environment


@pytest.mark.parametrize("event", EVENTS)
def test_what_git_gives_wins_over_variables(event: str) -> None:
    environ = {"PRE_COMMIT_CHECKOUT_TYPE": "0", "PRE_COMMIT_IS_SQUASH_MERGE": "1"}
    assert event_from_environment(event, ("a", "b", "1"), environ) == (event, ("a", "b", "1"))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"PRE_COMMIT_CHECKOUT_TYPE": "1", "PRE_COMMIT_FROM_REF": "old", "PRE_COMMIT_TO_REF": "new"},
            ("post-checkout", ("old", "new", "1")),
        ),
        ({"PRE_COMMIT_CHECKOUT_TYPE": "0"}, ("post-checkout", (NULL_ID, NULL_ID, "0"))),
        ({"PRE_COMMIT_REWRITE_COMMAND": "amend"}, ("post-rewrite", ("amend",))),
        ({"PRE_COMMIT_IS_SQUASH_MERGE": "0"}, ("post-merge", ("0",))),
        ({"PRE_COMMIT_IS_SQUASH_MERGE": "1"}, ("post-merge", ("1",))),
        ({"PRE_COMMIT_SQUASH_MERGE": "1"}, ("post-merge", ("1",))),
        ({"PRE_COMMIT": "1"}, ("post-merge", ("0",))),
    ],
)
def test_auto_reads_what_pre_commit_and_prek_leave(
    environ: dict[str, str], expected: tuple[str, tuple[str, ...]]
) -> None:
    assert event_from_environment("auto", (), environ) == expected


@pytest.mark.parametrize(
    ("event", "arguments"),
    [("post-checkout", ("a", "b", "1")), ("post-merge", ("1",)), ("post-rewrite", ("amend",)), ("post-commit", ())],
)
def test_auto_knows_gits_own_calls_by_their_arguments(event: str, arguments: tuple[str, ...]) -> None:
    assert event_from_environment("auto", arguments, {}) == (event, arguments)


def test_a_named_event_without_arguments_takes_them_from_the_variables() -> None:
    assert event_from_environment("post-merge", (), {"PRE_COMMIT_SQUASH_MERGE": "1"}) == ("post-merge", ("1",))
    assert event_from_environment("post-rewrite", (), {}) == ("post-rewrite", ("rebase",))
    assert event_from_environment("post-commit", (), {}) == ("post-commit", ())


def test_an_unknown_name_comes_back_as_it_is() -> None:
    assert event_from_environment("post-nothing", (), {}) == ("post-nothing", ())


def test_importing_it_imports_nothing_else() -> None:
    script = (
        "import os, sys; before = set(sys.modules); import jobsync.repo.events;"
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-IS", "-c", f"import sys; sys.path.insert(0, {str(_root())!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(result.stdout.split()) <= {"__future__", "jobsync", "jobsync.repo", "jobsync.repo.events"}


def _root() -> str:
    import jobsync

    return str(Path(jobsync.__file__).parent.parent)
