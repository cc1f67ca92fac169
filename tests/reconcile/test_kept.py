"""Copies of hand edits: each is made, none is lost to another file's, and their number is bounded."""

from datetime import UTC, datetime
from pathlib import Path

from jobsync.config import Repo
from jobsync.paths import Paths, paths_of
from jobsync.reconcile import kept

from ..schedulers.samples import CONFIG


def places(root: Path) -> Paths:
    paths = paths_of(CONFIG, Repo("0f1e", "/w/.git", "/w", "ada"))
    return Paths(root / "agents", root / "state", paths.launchers, paths.logs, paths.secrets)


def put(paths: Paths, number: int, file: str) -> Path:
    paths.kept.mkdir(parents=True, exist_ok=True)
    path = paths.kept / f"{datetime.fromtimestamp(number, UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{file}"
    path.write_text(f"{number}")
    return path


def test_a_copy_is_private_and_listed_with_its_file_and_time(tmp_path: Path) -> None:
    paths = places(tmp_path)
    original = tmp_path / "ada.my-job.plist"
    original.write_bytes(b"mine")
    original.chmod(0o644)
    before = datetime.now(UTC)
    made = kept.keep(paths, original)
    assert made is not None
    assert (made.read_bytes(), made.stat().st_mode & 0o777) == (b"mine", 0o600)
    (copy,) = kept.copies(paths)
    assert (copy.file, copy.path) == ("ada.my-job.plist", made)
    assert before <= copy.made <= datetime.now(UTC)


def test_nothing_there_is_nothing_to_copy(tmp_path: Path) -> None:
    assert kept.keep(places(tmp_path), tmp_path / "gone") is None
    assert kept.copies(places(tmp_path)) == ()


def test_the_newest_copies_of_each_file_stay(tmp_path: Path) -> None:
    paths = places(tmp_path)
    busy = [put(paths, number, "busy") for number in range(kept.COPIES_OF_ONE_FILE + 3)]
    calm = put(paths, 0, "calm")
    kept.prune(paths, [str(busy[-1])])
    assert [copy.path for copy in kept.copies(paths) if copy.file == "busy"] == busy[:2:-1]
    assert calm.exists()


def test_the_number_of_all_copies_is_bounded(tmp_path: Path) -> None:
    paths = places(tmp_path)
    every = [put(paths, number, f"file{number}") for number in range(kept.COPIES + 4)]
    kept.prune(paths, [str(every[-1])])
    assert len(kept.copies(paths)) == kept.COPIES
    assert [path.exists() for path in every[:5]] == [False] * 4 + [True]


def test_what_was_just_made_stays_in_any_case(tmp_path: Path) -> None:
    paths = places(tmp_path)
    every = [put(paths, number, "one") for number in range(kept.COPIES_OF_ONE_FILE + 5)]
    kept.prune(paths, list(map(str, every)))
    assert all(path.exists() for path in every)


def test_without_a_new_copy_nothing_goes(tmp_path: Path) -> None:
    paths = places(tmp_path)
    every = [put(paths, number, "one") for number in range(kept.COPIES_OF_ONE_FILE + 5)]
    kept.prune(paths, [])
    assert all(path.exists() for path in every)


def test_other_files_there_are_nobodys_business(tmp_path: Path) -> None:
    paths = places(tmp_path)
    paths.kept.mkdir(parents=True)
    for name in ("notes", "2026-one", "20260101T000000.000000Z"):
        (paths.kept / name).touch()
    assert kept.copies(paths) == ()
    kept.prune(paths, ["x"])
    assert len(list(paths.kept.iterdir())) == 3
