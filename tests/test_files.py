"""Files are written whole or not at all, with the mode that was asked for."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobsync import files
from jobsync.errors import JobsyncError

from .unprivileged import as_somebody_else


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty directory."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o700, 0o755])
def test_a_file_has_exactly_the_mode_asked_for_whatever_the_umask(place: Path, mask: int, mode: int) -> None:
    with umask(mask):
        files.write_atomically(place / "file", b"new", mode)
    assert (mode_of(place / "file"), (place / "file").read_bytes()) == (mode, b"new")


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_a_replaced_file_takes_the_new_mode(place: Path, mask: int) -> None:
    path = place / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    with umask(mask):
        files.write_atomically(path, b"new", 0o640)
    assert (mode_of(path), path.read_bytes()) == (0o640, b"new")


def test_nothing_else_is_left_beside_a_written_file(place: Path) -> None:
    files.write_atomically(place / "file", b"x", 0o644)
    assert names(place) == ["file"]


def test_whoever_has_the_old_file_open_keeps_reading_the_old_one(place: Path) -> None:
    path = place / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        files.write_atomically(path, b"the new content", 0o644)
        assert reader.read() == b"old"


def test_a_link_is_replaced_and_its_target_left_alone(place: Path) -> None:
    target = place / "target"
    target.write_bytes(b"theirs")
    (place / "link").symlink_to(target)
    files.write_atomically(place / "link", b"ours", 0o644)
    assert not (place / "link").is_symlink()
    assert target.read_bytes() == b"theirs"


def test_what_a_killed_writer_left_is_replaced_even_when_it_is_a_link(place: Path) -> None:
    target = place / "target"
    target.write_bytes(b"theirs")
    (place / files.temporary_name("file")).symlink_to(target)
    files.write_atomically(place / "file", b"ours", 0o644)
    assert names(place) == ["file", "target"]
    assert target.read_bytes() == b"theirs"


def test_a_temporary_name_is_no_plist_and_known_again() -> None:
    name = files.temporary_name("a.b.plist")
    assert name.startswith(".") and not name.endswith(".plist")
    assert files.is_temporary(name, "a.")
    assert not files.is_temporary(name, "b.")
    assert not files.is_temporary("a.b.plist", "a.")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(place: Path) -> None:
    (place / "thing").mkdir()
    with pytest.raises(JobsyncError, match=r"cannot write .*/thing: Is a directory"):
        files.write_atomically(place / "thing", b"x", 0o644)
    assert names(place) == ["thing"]


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from jobsync import files
from jobsync.errors import JobsyncError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.write_atomically(Path(sys.argv[1]), bytes(5000), 0o644)
except JobsyncError as error:
    sys.exit(0 if "File too large" in error.message else f"{error.message}")
sys.exit("it was written")
"""


def test_a_disk_that_takes_only_a_part_leaves_the_old_file(place: Path) -> None:
    path = place / "file"
    path.write_bytes(b"old")
    # Not measured: coverage could not write what it found either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    subprocess.run([sys.executable, "-c", _FULL_DISK, path], check=True, env=environment)
    assert path.read_bytes() == b"old"
    assert names(place) == ["file"]


def test_a_directory_that_may_not_be_written_is_a_sentence() -> None:
    with as_somebody_else() as directory:
        directory.chmod(0o500)
        with pytest.raises(JobsyncError, match=r"cannot write .*/file: Permission denied"):
            files.write_atomically(directory / "file", b"x", 0o644)
        with pytest.raises(JobsyncError, match=r"cannot make the directory .*/sub: Permission denied"):
            files.make_directory(directory / "sub")
        assert names(directory) == []


def test_a_file_that_may_not_be_removed_is_a_sentence() -> None:
    with as_somebody_else() as directory:
        (directory / "file").touch()
        directory.chmod(0o500)
        with pytest.raises(JobsyncError, match=r"cannot remove .*/file: Permission denied"):
            files.remove(directory / "file")
        with pytest.raises(JobsyncError, match=r"cannot remove .*: Permission denied"):
            files.remove_tree(directory)


def test_a_file_that_may_not_be_read_is_a_sentence_and_not_an_absence() -> None:
    with as_somebody_else() as directory:
        (directory / "file").touch(mode=0)
        with pytest.raises(JobsyncError, match=r"cannot read .*/file: Permission denied"):
            files.read(directory / "file")


def test_what_may_not_be_looked_at_is_a_sentence_and_not_an_absence() -> None:
    with as_somebody_else() as directory:
        (directory / "closed").mkdir()
        (directory / "closed" / "file").touch()
        (directory / "closed").chmod(0)
        for look in (files.is_file, files.is_directory):
            with pytest.raises(JobsyncError, match=r"cannot look at .*/closed/file: Permission denied"):
                look(directory / "closed" / "file")
        with pytest.raises(JobsyncError, match=r"cannot read .*/closed: Permission denied"):
            files.listing(directory / "closed")


def test_what_is_another_users_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with as_somebody_else() as directory:
        (directory / "own").touch(mode=0)
        with pytest.raises(JobsyncError) as caught:
            files.read(directory / "own")
        assert caught.value.hint == f"`chmod u+rwX {directory}/own`"
        # One of those that everybody has and only root reads.
        secret = next(path for path in map(Path, ("/etc/shadow", "/etc/master.passwd")) if path.exists())
        with pytest.raises(JobsyncError) as caught:
            files.read(secret)
        whose = f"{secret} belongs to another user (uid 0, you are {os.geteuid()})"
        assert caught.value.hint == f"{whose}: give it to yourself with chown, or run jobsync as its owner"
        # As after something was run through sudo: root is nobody whom jobsync could be run as.
        monkeypatch.setenv("HOME", str(secret.parent))
        with pytest.raises(JobsyncError) as caught:
            files.read(secret)
        assert caught.value.hint == f"{whose}: `sudo chown -R {os.geteuid()} {secret}` gives it back to you"


def test_it_is_said_which_mode_is_in_the_way() -> None:
    with as_somebody_else() as directory:
        (directory / "a place").mkdir()
        for mode in (0, 0o400, 0o500, 0o600):
            (directory / "a place").chmod(mode)
            with pytest.raises(JobsyncError) as caught:
                files.write_atomically(directory / "a place" / "file", b"x", 0o600)
            assert caught.value.hint == f"`chmod u+rwX '{directory}/a place'`", oct(mode)


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_what_is_no_file_is_to_be_moved_away(place: Path, kind: str) -> None:
    path = place / "file"
    path.mkdir() if kind == "directory" else path.symlink_to("file")
    with pytest.raises(JobsyncError) as caught:
        files.read(path)
    assert caught.value.hint == f"a file is needed there: move {path} away"


def test_what_stands_in_a_directorys_place_is_to_be_moved_away(place: Path) -> None:
    (place / "file").touch()
    (place / "link").symlink_to("nowhere")
    for path in (place / "file" / "x", place / "file" / "x" / "y"):
        with pytest.raises(JobsyncError) as caught:
            files.write_atomically(path, b"", 0o600)
        assert caught.value.hint == f"a directory is needed there: move {place}/file away"
    for name in ("file", "link"):
        with pytest.raises(JobsyncError, match=r"is in the way: a directory is needed there") as caught:
            files.make_directory(place / name)
        assert caught.value.hint == "move it away"


@pytest.mark.parametrize("target", ["elsewhere", "nowhere", ""])
def test_what_stands_in_a_trees_place_goes_and_is_not_followed(place: Path, target: str) -> None:
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / "theirs").touch()
    (place / "tree").symlink_to(target) if target else (place / "tree").touch()
    files.remove_tree(place / "tree")
    assert names(place) == ["elsewhere"] and names(place / "elsewhere") == ["theirs"]


def test_what_cannot_be_read_is_written_anew() -> None:
    with as_somebody_else() as directory:
        (directory / "file").touch(mode=0)
        assert files.write_if_changed(directory / "file", b"x", 0o600)
        assert (mode_of(directory / "file"), (directory / "file").read_bytes()) == (0o600, b"x")


def test_what_is_there_is_told_apart_and_listed(place: Path) -> None:
    (place / "b").touch()
    (place / "a").mkdir()
    assert [files.is_file(place / name) for name in ("a", "b", "c", "b/c")] == [False, True, False, False]
    assert [files.is_directory(place / name) for name in ("a", "b", "c", "b/c")] == [True, False, False, False]
    assert files.listing(place) == [place / "a", place / "b"]
    assert files.listing(place / "b") == files.listing(place / "none") == []


def test_what_is_not_there_reads_as_none(place: Path) -> None:
    (place / "file").touch()
    assert files.read(place / "none") is None
    assert files.read(place / "file" / "below") is None
    assert files.read(place / "file") == b""


def test_equal_bytes_and_mode_are_not_written_again(place: Path) -> None:
    path = place / "file"
    assert files.write_if_changed(path, b"x", 0o600)
    before = path.stat()
    assert not files.write_if_changed(path, b"x", 0o600)
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_another_mode_or_other_bytes_are_written(place: Path) -> None:
    path = place / "file"
    files.write_if_changed(path, b"x", 0o600)
    assert files.write_if_changed(path, b"x", 0o644)
    assert mode_of(path) == 0o644
    assert files.write_if_changed(path, b"y", 0o644)
    assert path.read_bytes() == b"y"


def test_a_link_to_equal_bytes_is_replaced_by_a_file(place: Path) -> None:
    (place / "target").write_bytes(b"x")
    (place / "target").chmod(0o600)
    (place / "link").symlink_to("target")
    assert files.write_if_changed(place / "link", b"x", 0o600)
    assert not (place / "link").is_symlink()


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_directories_that_are_made_get_the_mode_and_others_keep_theirs(place: Path, mask: int) -> None:
    place.chmod(0o750)
    with umask(mask):
        files.make_directory(place / "a" / "b", 0o711)
        files.make_directory(place / "a", 0o700)
    assert [mode_of(place / name) for name in (".", "a", "a/b")] == [0o750, 0o711, 0o711]


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_what_stands_where_a_directory_is_needed_is_named(place: Path, kind: str) -> None:
    if kind == "file":
        (place / "thing").touch()
    else:
        (place / "thing").symlink_to("nowhere")
    with pytest.raises(JobsyncError, match=r"/thing is in the way: a directory is needed there"):
        files.make_directory(place / "thing")


def test_a_link_to_a_directory_is_a_directory(place: Path) -> None:
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    files.make_directory(place / "link" / "below")
    assert (place / "real" / "below").is_dir()


def test_removing_what_is_not_there_is_fine(place: Path) -> None:
    files.remove(place / "none")
    files.remove_tree(place / "none")
    files.remove_if_empty(place / "none")
    assert names(place) == []


def test_removing_a_link_leaves_its_target(place: Path) -> None:
    (place / "target").touch()
    (place / "link").symlink_to("target")
    files.remove(place / "link")
    assert names(place) == ["target"]


def test_a_tree_is_removed_without_following_its_links(place: Path) -> None:
    (place / "outside").mkdir()
    (place / "outside" / "precious").touch()
    (place / "tree" / "deep").mkdir(parents=True)
    (place / "tree" / "link").symlink_to(place / "outside")
    files.remove_tree(place / "tree")
    assert names(place) == ["outside"]
    assert names(place / "outside") == ["precious"]


def test_only_an_empty_directory_is_removed_as_empty(place: Path) -> None:
    (place / "full").mkdir()
    (place / "full" / "file").touch()
    (place / "empty").mkdir()
    files.remove_if_empty(place / "full")
    files.remove_if_empty(place / "empty")
    assert names(place) == ["full"]


def test_a_link_is_known_and_what_cannot_be_looked_at_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert files.is_link(tmp_path / "link")
    assert not files.is_link(tmp_path / "gone")
    monkeypatch.setattr(os, "stat", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    monkeypatch.setattr(os, "lstat", os.stat)
    with pytest.raises(JobsyncError, match=r"cannot look at .*link: Input/output error"):
        files.is_link(tmp_path / "link")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what is mounted how")
def test_a_file_system_is_what_it_is_mounted_as(tmp_path: Path) -> None:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    options = {row[1]: row[3].split(",") for row in mounts}  # of several on one place the last counts
    places = [one for one in options if one.startswith("/") and os.access(one, os.R_OK)]
    assert {one: files.is_without_programs(Path(one)) for one in places} == {
        one: "noexec" in options[one] for one in places
    }
    assert not files.is_read_only(tmp_path)
    assert not files.is_read_only(tmp_path / "gone") and not files.is_without_programs(tmp_path / "gone")
