"""`docs/trust.md` against a machine on which everything happened once: each file is in its table, with its mode."""

import re
import stat
from pathlib import Path

from ..laptop import JOB, Laptop
from .pages import ROOT, codes_in, page, rows
from .terminal import seed

PAGE = page("docs/trust.md")
FILES = {codes_in(row[0])[0]: int(row[1], 8) for row in rows(PAGE.chapters(2)["Where its files are"])}


def _pattern(name: str) -> "re.Pattern[str]":
    """A path of the table as a pattern: words in capitals stand for any name."""
    return re.compile(re.sub(r"[A-Z]{2,}", "[^/]+", re.escape(name).replace(r"\~", "~")))


WHILE_SETTLED = ("sources", "schedules")
"""What is left only while there is nothing to do."""


def _everything(laptop: Laptop) -> None:
    """One of each: jobs, a run, one that failed, a pause, a hand edit, a hook that waits."""
    seed(laptop)
    laptop.jobsync("init", "--yes", "--no-sync")
    laptop.job("one")
    laptop.job("two", JOB.replace("09", "10"))
    laptop.job("three", 'run = "exit 3"\n')
    laptop.commit()
    for name in WHILE_SETTLED:
        assert stat.S_IMODE((laptop.state / name).stat().st_mode) == 0o600, name
    laptop.jobsync("run", "one")
    laptop.jobsync("run", "three", status=3)
    laptop.jobsync("pause", "two")
    plist = laptop.plist_path("one")
    plist.write_bytes(plist.read_bytes().replace(b"<integer>9</integer>", b"<integer>8</integer>"))
    laptop.jobsync("sync")
    laptop.job("one", JOB.replace("09", "11"))
    laptop.git("switch", "-q", "--detach")
    laptop.commit()


def _ours(laptop: Laptop) -> list[Path]:
    """Every file below the home that neither the repository nor the machine brought there."""
    strangers = (laptop.work, laptop.home / ".gitconfig")
    found = (path for path in laptop.home.rglob("*") if not any(path.is_relative_to(one) for one in strangers))
    return [path for path in found if not path.is_dir()]


def test_every_file_is_in_the_table_with_its_mode_and_every_row_is_real(laptop: Laptop) -> None:
    _everything(laptop)
    seen = set()
    for path in _ours(laptop):
        shown = str(path).replace(str(laptop.home), "~")
        names = [name for name in FILES if _pattern(name).fullmatch(shown)]
        assert len(names) == 1, (shown, names)
        assert stat.S_IMODE(path.stat().st_mode) == FILES[names[0]], shown
        seen.add(names[0])
    assert seen | {f"~/.local/state/jobsync/ID/{name}" for name in WHILE_SETTLED} == set(FILES)


def test_the_directories_are_closed_to_others(laptop: Laptop) -> None:
    _everything(laptop)
    for top in (laptop.state, laptop.home / ".local/share/jobsync", laptop.home / "Library/Logs/jobsync",
                laptop.config_file.parent):  # fmt: skip
        for directory in (top, *(path for path in top.rglob("*") if path.is_dir())):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700, directory


def test_the_repository_is_never_written_to(laptop: Laptop) -> None:
    seed(laptop)
    laptop.job("one")
    laptop.commit()

    def contents() -> dict[str, tuple[int, int]]:
        found = (path for path in laptop.work.rglob("*") if path.is_file() and "hooks" not in path.parts)
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    before = contents()
    laptop.jobsync("init", "--yes", "--sync")
    laptop.jobsync("run", "one")
    laptop.jobsync("status")
    laptop.jobsync("sync")
    laptop.jobsync("uninstall", "--yes")
    assert contents() == before


def test_uninstall_leaves_none_of_these_files_even_of_jobs_that_went_before(laptop: Laptop) -> None:
    _everything(laptop)
    laptop.git("switch", "-q", "main")
    laptop.drop("jobs/one")
    laptop.jobsync("sync")
    kept = laptop.state / "kept"
    laptop.jobsync("uninstall", "--yes")
    assert {path for path in _ours(laptop) if not path.is_relative_to(kept)} <= set(kept.parents)
    copies = [
        path for path in laptop.home.rglob("*jobsync*") if path.is_file() and not path.is_relative_to(laptop.work)
    ]
    assert all(path.parent == kept for path in copies)


# -- the faults

CAMPAIGNS = ("test_disk_faults", "test_kills", "test_kills_at_syscalls", "test_claims", "test_concurrency",
             "test_sequences")  # fmt: skip
_TEST = re.compile(r"^def (test_\w+)", re.MULTILINE)


def _tests(pattern: str) -> list[str]:
    """Names of all tests in these files below `tests`."""
    found = sorted((ROOT / "tests").rglob(pattern))
    return [name for path in found for name in _TEST.findall(path.read_text(encoding="utf-8"))]


def test_each_fault_names_tests_that_exist_and_no_campaign_is_missing() -> None:
    cells = [row[2] for row in rows(PAGE.chapters(2)["What goes wrong, and what then"])]
    named = [name for cell in cells for name in codes_in(cell)]
    assert all(codes_in(cell) for cell in cells)
    assert set(named) <= set(_tests("test_*.py"))
    assert {name for file in CAMPAIGNS for name in _tests(f"{file}.py")} <= set(named)


def test_every_fault_has_its_test() -> None:
    """What the matrix names is there; and no row goes without."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py")))
    known = set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))
    faults = list(rows(PAGE.chapters(2)["What goes wrong, and what then"]))
    assert len(faults) > 50
    for fault, _, tests in faults:
        assert codes_in(tests), fault
        assert set(codes_in(tests)) <= known, fault
