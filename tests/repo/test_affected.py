"""Which jobs HEAD has changed, and the cause in words."""

import pytest

from jobsync.repo.affected import Entry, affected, entries_under

PLAIN, OTHER, RUNNABLE = Entry(0o100644, "a" * 40), Entry(0o100644, "b" * 40), Entry(0o100755, "a" * 40)


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
    entries = {"jobs/a/run": PLAIN, "jobs/ab/run": PLAIN, "lib/x": PLAIN, "tool": PLAIN}
    assert list(entries_under(entries, ["jobs/a", "tool"])) == ["jobs/a/run", "tool"]
    assert entries_under(entries, ["."]) == entries
