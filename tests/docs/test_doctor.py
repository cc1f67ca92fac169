"""`docs/doctor.md` against the checks, and against the faults that are made for each in `tests/doctor`."""

from jobsync.doctor.checks import SECTIONS
from jobsync.findings import Level

from ..doctor.clinic import CASES, ON_SYSTEMD
from .pages import codes_in, page, rows

PAGE = page("docs/doctor.md")
TABLES = {title: list(rows(text)) for title, text in PAGE.chapters(3).items()}


def test_every_check_is_listed_where_it_is_made_with_its_claim() -> None:
    listed = {title: [(codes_in(row[0])[0], row[1]) for row in table] for title, table in TABLES.items()}
    assert listed == {title: [(check.id, check.claim) for check in checks] for title, checks in SECTIONS.items()}


def test_the_results_are_the_levels() -> None:
    table = PAGE.text.partition("## What `--fix` does")[0]
    assert [codes_in(row[0]) for row in rows(table)] == [[level.value] for level in Level]


def test_the_levels_of_a_check_are_those_that_its_faults_have() -> None:
    levels = {level.value for level in Level}
    for row in (row for table in TABLES.values() for row in table):
        check, told = codes_in(row[0])[0], {code for code in codes_in(row[2]) if code in levels}
        made = {case.level for case in CASES if case.check == check} | ON_SYSTEMD.get(check, set())
        assert told == {level.value for level in made}, check
