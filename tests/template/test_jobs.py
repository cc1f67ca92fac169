"""Each job of the template, run for real in a throwaway home."""

import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..hours import Noon
from .conftest import Place, Server, waits

BRIEFING = {
    "title": "Tuesday",
    "items": [
        {"title": "Rain", "summary": "Take a coat.", "url": "https://example.com/rain"},
        {"title": "Standup at ten"},
    ],
}


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []


def wait_until(claim: Callable[[], bool]) -> None:
    """Poll until the claim holds; the limit is there for a broken script only."""
    end = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < end, "waited 30 s in vain"
        time.sleep(0.02)


@pytest.fixture
def notes(place: Place) -> Path:
    made = place.home / "notes"
    made.mkdir()
    (made / "idea.md").write_text("an idea\n")
    return made


@pytest.fixture
def backups(place: Place) -> Path:
    return place.home / "Backups"


def test_backup_packs_the_notes(place: Place, notes: Path, backups: Path) -> None:
    ran = place.run_job("backup")

    assert (ran.status, ran.err) == (0, "")
    (name,) = names(backups)
    assert f"packed {notes} into {backups / name}" in ran.out
    with tarfile.open(backups / name) as archive:
        assert sorted(archive.getnames()) == [".", "./idea.md"]
    assert (backups / name).stat().st_mode & 0o077 == 0


def test_backup_follows_a_link_to_the_directory(place: Place, notes: Path, backups: Path) -> None:
    notes.rename(place.home / "elsewhere")
    notes.symlink_to(place.home / "elsewhere")

    place.run_job("backup")

    with tarfile.open(backups / names(backups)[0]) as archive:
        assert "./idea.md" in archive.getnames()


def test_backup_keeps_the_newest_archives_and_touches_no_other_file(place: Place, notes: Path, backups: Path) -> None:
    backups.mkdir()
    old = [f"notes-2020010{day}T041500Z.tar.gz" for day in range(1, 5)]
    others = ["notes-of-mine.tar.gz", "photos-20200101T041500Z.tar.gz"]
    for name in old + others:
        (backups / name).touch()

    ran = place.run_job("backup", BACKUP_KEEP="2")

    assert ran.status == 0
    kept = [name for name in names(backups) if name not in others]
    assert kept[0] == old[-1]
    assert len(kept) == 2
    assert set(others) < set(names(backups))


def test_backup_uses_the_directories_it_is_given(place: Place, notes: Path) -> None:
    target = place.home / "a disk"

    assert place.run_job("backup", BACKUP_FROM=str(place.dotfiles), BACKUP_TO=str(target)).status == 0
    assert names(target)[0].startswith("dotfiles-")


@pytest.mark.parametrize("inside", ["", "Backups", "deeper/Backups"])
def test_backup_packs_no_former_backups(place: Place, notes: Path, inside: str) -> None:
    """Each archive would hold all that were there before it: they double every night, and nobody hears of it."""
    (place.home / "link").symlink_to(notes)

    ran = place.run_job("backup", BACKUP_FROM=str(place.home / "link"), BACKUP_TO=str(notes / inside))

    assert ran.status == 1
    assert "lies in" in ran.err
    assert "BACKUP_TO" in ran.err
    assert list(notes.rglob("*.tar.gz*")) == []


def test_backup_beside_its_directory_may_begin_with_the_same_name(place: Place, notes: Path) -> None:
    assert place.run_job("backup", BACKUP_TO=f"{notes}-kept").status == 0


def test_backup_counts_no_archives_of_a_directory_whose_name_is_longer(
    place: Place, notes: Path, backups: Path
) -> None:
    backups.mkdir()
    other = "notes-2-20200101T041500Z.tar.gz"
    (backups / other).touch()

    assert place.run_job("backup", BACKUP_KEEP="1").status == 0
    assert other in names(backups)


def test_backup_of_a_missing_directory_fails_and_packs_nothing(place: Place, backups: Path) -> None:
    ran = place.run_job("backup")

    assert ran.status == 1
    assert "notes is not a directory" in ran.err
    assert "BACKUP_FROM" in ran.err
    assert names(backups) == []


@pytest.mark.parametrize("keep", ["0", "-1", "many", "07"])
def test_backup_refuses_to_keep_less_than_one(place: Place, notes: Path, backups: Path, keep: str) -> None:
    ran = place.run_job("backup", BACKUP_KEEP=keep)

    assert ran.status == 1
    assert "BACKUP_KEEP" in ran.err
    assert names(backups) == []


def test_backup_that_fails_three_times_leaves_the_old_archives(place: Place, notes: Path, backups: Path) -> None:
    sleeps = place.note_sleeps()
    place.put_on_path("tar", 'echo half >"$2"; exit 2')
    backups.mkdir()
    (backups / "notes-20200101T041500Z.tar.gz").touch()

    ran = place.run_job("backup", BACKUP_KEEP="1")

    assert ran.status == 2
    assert names(backups) == ["notes-20200101T041500Z.tar.gz"]
    assert len(sleeps()) == 2
    assert ran.err.count("retry: tar: attempt") == 3


def test_inbox_files_everything_away(place: Place) -> None:
    inbox = place.home / "Inbox"
    (inbox / "a folder").mkdir(parents=True)
    (inbox / "a folder" / "inside").touch()
    for name in ("plain", "two words", "-dash", "*", ".hidden", ".DS_Store"):
        (inbox / name).touch()

    ran = place.run_job("inbox")

    assert (ran.status, ran.err) == (0, "")
    assert names(inbox) == []
    (day,) = (place.home / "notes" / "inbox").iterdir()
    assert names(day) == ["*", "-dash", ".hidden", "a folder", "plain", "two words"]
    assert names(day / "a folder") == ["inside"]


def test_inbox_never_replaces_what_is_filed_already(place: Place) -> None:
    inbox = place.home / "Inbox"
    inbox.mkdir()
    noon = Noon.now().zone
    for text in ("first", "second", "third"):
        (inbox / "scan.pdf").write_text(text)
        assert place.run_job("inbox", TZ=noon).status == 0

    (day,) = (place.home / "notes" / "inbox").iterdir()

    assert [(day / name).read_text() for name in names(day)] == ["first", "second", "third"]


def test_inbox_that_is_empty_or_not_there_is_fine(place: Place) -> None:
    assert place.run_job("inbox").status == 0
    assert place.run_job("inbox").status == 0
    assert names(place.home / "Inbox") == []


def test_report_says_that_there_is_no_backup_yet(place: Place) -> None:
    ran = place.run_job("report")

    assert (ran.status, ran.err) == (0, "")
    (report,) = (place.home / "notes").iterdir()
    assert "Backups: **none yet**" in report.read_text()
    assert "GiB" in report.read_text()


def test_report_names_the_newest_backup(place: Place, backups: Path) -> None:
    backups.mkdir()
    for name, age in (("b", 946_684_800), ("a", 978_307_200)):
        (backups / f"{name}.tar.gz").touch()
        os.utime(backups / f"{name}.tar.gz", (age, age))

    place.run_job("report", TZ="UTC")

    (report,) = (place.home / "notes").iterdir()
    assert "Backups: 2, the newest from 2001-01-01 00:00" in report.read_text()


def test_report_has_one_date_though_midnight_passes_meanwhile(place: Place) -> None:
    lines = (
        "import datetime, runpy",
        "days = iter(('2026-12-31', '2027-01-01'))",
        "datetime.date = type('date', (datetime.date,), {'today': lambda: next(days)})",
        f"runpy.run_path({str(place.job('report'))!r}, run_name='__main__')",
    )

    assert place.run(sys.executable, "-B", "-c", "\n".join(lines)).status == 0

    assert (place.home / "notes" / "report-2026-12-31.md").read_text().startswith("# Report of 2026-12-31\n")


def test_report_fails_when_the_disk_with_the_backups_stays_away(place: Place) -> None:
    ran = place.run_job("report", BACKUP_TO=str(place.home / "no-disk" / "backups"))

    assert ran.status == 1
    said = [line for line in ran.err.splitlines() if line.startswith("retry: ")]
    assert [line.partition(" failed: ")[0] for line in said] == [
        f"retry: attempt {number} of 3" for number in (1, 2, 3)
    ]
    assert said[-1].endswith("; giving up")
    assert not (place.home / "notes").exists()


def test_report_writes_nothing_into_the_repository(place: Place) -> None:
    before = sorted(place.dotfiles.rglob("*"))

    place.run_job("report")

    assert sorted(place.dotfiles.rglob("*")) == before


@contextmanager
def running(place: Place, name: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A job that does not end by itself, in a process group of its own that is ended with it."""
    environment = place.environment(**more)
    argv = [str(place.job(name))]
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def test_heartbeat_beats_until_it_is_stopped(place: Place) -> None:
    beat = place.home / ".heartbeat"
    with running(place, "heartbeat", HEARTBEAT_SECONDS="0.1") as process:
        wait_until(beat.exists)
        assert beat.read_text().endswith("Z\n")
        beat.unlink()
        wait_until(beat.exists)
        assert process.poll() is None

    assert process.returncode == -signal.SIGTERM


def test_heartbeat_that_cannot_write_ends_with_an_error(place: Place) -> None:
    ran = place.run_job("heartbeat", HEARTBEAT_FILE=str(place.home / "missing" / "beat"))

    assert ran.status == 1
    assert "missing/beat" in ran.err


def test_briefing_arrives_at_the_third_attempt(place_with_bun: Place, server: Server) -> None:
    server.answers = [(503, None), (500, None), (200, BRIEFING)]

    ran = place_with_bun.run_job("briefing", BRIEFING_URL=server.url)

    assert (ran.status, server.requests) == (0, 3)
    first, second = waits(ran)
    assert 0 <= first <= 1 and 0 <= second <= 2
    (file,) = (place_with_bun.home / "notes").iterdir()
    assert f"wrote {file}" in ran.out
    assert file.read_text().splitlines() == [
        "# Tuesday",
        "",
        "- **[Rain](https://example.com/rain)** Take a coat.",
        "- **Standup at ten**",
    ]


def test_briefing_goes_into_the_notes_where_its_directory_is_empty(place_with_bun: Place, server: Server) -> None:
    server.answers = [(200, {"title": "Today", "items": []})]

    ran = place_with_bun.run_job("briefing", BRIEFING_URL=server.url, BRIEFING_DIR="")

    assert ran.status == 0, ran.err
    assert f"wrote {place_with_bun.home}/notes/briefing-" in ran.out


def test_briefing_without_items_says_so(place_with_bun: Place, server: Server) -> None:
    server.answers = [(200, {"title": "Sunday", "items": []})]

    assert place_with_bun.run_job("briefing", BRIEFING_URL=server.url).status == 0
    (file,) = (place_with_bun.home / "notes").iterdir()
    assert file.read_text() == "# Sunday\n\nNothing today.\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((503, None), "answered 503"),
        ((200, {"title": "wrong", "items": [{"title": "right"}, {"title": 1}]}), "something else than a briefing"),
        ((200, None), "something else than a briefing"),
    ],
    ids=["busy", "wrong item", "null"],
)
def test_briefing_that_never_comes_fails_after_three_attempts(
    place_with_bun: Place, server: Server, answer: tuple[int, object], reason: str
) -> None:
    server.answers = [answer]

    ran = place_with_bun.run_job("briefing", BRIEFING_URL=server.url)

    assert (ran.status, server.requests) == (1, 3)
    last = ran.err.splitlines()[-1]
    assert last.startswith(("briefing: Error: ", "briefing: HttpError: "))
    assert last.endswith(reason)
    assert not (place_with_bun.home / "notes").exists()


def test_briefing_without_an_address_says_where_to_write_it(place_with_bun: Place) -> None:
    ran = place_with_bun.run_job("briefing")

    assert ran.status == 1
    assert "BRIEFING_URL is not set; write it into [env] of job.toml" in ran.err
