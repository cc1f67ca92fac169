"""Which jobs HEAD has changed, and the cause in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.repo.affected import Entries, Entry, affected, is_under

PLAIN, OTHER, RUNNABLE = Entry(0o100644, "a" * 40), Entry(0o100644, "b" * 40), Entry(0o100755, "a" * 40)

PATHS = st.text(st.sampled_from("a/.0-é\udcff"), max_size=5)
"""With the characters beside `/` in order, and a byte that is no UTF-8."""


@pytest.mark.parametrize(
    ("head", "ledger", "cause"),
    [
        ({"jobs/a/run": PLAIN}, {"jobs/a/run": PLAIN}, None),
        ({}, {}, None),
        ({}, None, "new"),
        ({"jobs/a/run": OTHER}, {"jobs/a/run": PLAIN}, "changed: jobs/a/run"),
        ({"jobs/a/run": PLAIN}, {}, "added: jobs/a/run"),
        ({}, {"jobs/a/run": PLAIN}, "removed: jobs/a/run"),
        ({"jobs/a/run": RUNNABLE}, {"jobs/a/run": PLAIN}, "mode: jobs/a/run (100644 to 100755)"),
        ({"x": PLAIN, "y": PLAIN}, {"w": PLAIN}, "removed: w and 2 more"),
    ],
)
def test_the_cause_names_the_first_difference(
    head: dict[str, Entry], ledger: dict[str, Entry] | None, cause: str | None
) -> None:
    assert affected(head, ledger) == cause


def test_the_entries_of_a_job_are_those_of_its_inputs_only() -> None:
    names = ["jobs/a/run", "jobs/a-b", "jobs/a.toml", "jobs/a0", "jobs/a/lib/x", "jobs/ab/run", "lib/x", "tool"]
    entries = Entries(dict.fromkeys(names, PLAIN))
    assert list(entries.under(["jobs/a", "tool"])) == ["jobs/a/lib/x", "jobs/a/run", "tool"]
    assert list(entries.under(["jobs/a/run", "jobs/a", "gone"])) == ["jobs/a/run", "jobs/a/lib/x"]
    assert entries.under(["."]) == entries.under([""]) == entries
    assert Entries().under(["jobs/a"]) == {}


@given(st.lists(PATHS), st.lists(PATHS, max_size=3))
def test_entries_are_found_as_if_each_was_looked_at(paths: list[str], inputs: list[str]) -> None:
    entries = Entries(dict.fromkeys(paths, PLAIN))
    assert entries.under(inputs).keys() == {path for path in paths if any(is_under(path, one) for one in inputs)}
