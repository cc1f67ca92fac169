"""What is installed against what was written, byte by byte."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync import process
from jobsync.reconcile import compare, index
from jobsync.reconcile.index import Index

from ..power_cut import leavings


def is_intact(path: Path, content: bytes = b"abc", mode: int = 0o644, pack: bytes | None = None) -> bool:
    """Between two others that are as they were; the answer is the same for all at once and for this one alone."""
    others = [path.with_name("other"), path.with_name("another")]
    for other in others:
        other.write_bytes(b"other")
        other.chmod(0o700)
    first, last = ((0o700, 5, str(other)) for other in others)
    files = [first, (mode, len(content), str(path)), last]
    known, file = packed(files, [b"other", content, b"other"], path.with_name("pack"))
    if pack is not None:
        file.write_bytes(pack)
    answer = compare.begin(known, str(file))()
    found = compare.intact(files, known.pack, str(file))
    assert (found == {one for _, _, one in files}) is answer
    return answer


def packed(files: list[tuple[int, int, str]], contents: list[bytes], file: Path) -> tuple[Index, Path]:
    """Index and pack of these files."""
    known = Index()
    known.files, known.pack = files, index.pack_name(["d1", "d2", "d1"])
    file.write_bytes(index.pack_head(known.pack) + b"".join(contents))
    return known, file


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    path.chmod(0o644)
    return path


def test_what_is_as_it_was_written_is_intact(written: Path) -> None:
    assert is_intact(written)


@pytest.mark.parametrize("content", [b"abd", b"abcd", b"ab", b"abco", b""])
def test_with_other_bytes_it_is_not(written: Path, content: bytes) -> None:
    written.write_bytes(content)
    assert not is_intact(written)


def test_by_a_part_of_the_pack_it_is_not(written: Path) -> None:
    others = [(0o644, 3, str(written)), (index.LINK, 4, str(written.with_name("link")))]
    written.with_name("link").symlink_to("file")
    known, file = packed(others, [b"abc", b"file"], written.with_name("pack"))
    assert compare.begin(known, str(file))()
    for left in leavings(file.read_bytes()):
        file.write_bytes(left)
        assert not compare.begin(known, str(file))(), left


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o4644])
def test_with_another_mode_it_is_not(written: Path, mode: int) -> None:
    written.chmod(mode)
    assert not is_intact(written)


def test_a_link_to_the_same_bytes_is_no_file(written: Path) -> None:
    link = written.with_name("link")
    link.symlink_to(written)
    assert not is_intact(link)


def test_a_link_is_intact_while_it_leads_where_it_did(written: Path) -> None:
    link = written.with_name("link")
    link.symlink_to("../a/unit")
    assert is_intact(link, b"../a/unit", index.LINK)
    assert not is_intact(link, b"../b/unit", index.LINK)
    assert not is_intact(written, b"abc", index.LINK)


def test_a_directory_or_nothing_or_a_name_too_long_is_not(written: Path) -> None:
    assert not is_intact(written.with_name("none"))
    assert not is_intact(written.parent, mode=0o755)
    assert not is_intact(written.with_name("x" * 300))


def test_a_fifo_in_its_place_holds_nobody_up(written: Path) -> None:
    written.unlink()
    os.mkfifo(written, 0o644)
    assert not is_intact(written)


def test_without_its_pack_nothing_is_known_to_be_intact(written: Path) -> None:
    head = index.pack_head(index.pack_name(["d1", "d2", "d1"]))
    other = index.pack_head(index.pack_name(["d1", "d3", "d1"]))
    assert is_intact(written, pack=head + b"otherabcother")
    assert not is_intact(written, pack=other + b"otherabcother")
    assert not is_intact(written, pack=head + b"otherabc")
    assert not is_intact(written, pack=b"")
    assert not compare.begin(index.Index(), str(written.with_name("none")))()


def test_no_file_stays_open(written: Path) -> None:
    before = os.listdir("/dev/fd")  # noqa: PTH208 - numbers, not paths
    is_intact(written)
    is_intact(written, b"abd")
    is_intact(written.with_name("none"))
    assert os.listdir("/dev/fd") == before  # noqa: PTH208 - as above


# -- very many files


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Index, str]:
    """Of different sizes, compared by four processes."""
    monkeypatch.setattr(compare, "_LEAST_FILES", 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    paths = [tmp_path / f"file{number}" for number in range(14)]
    contents = [path.name.encode() * number for number, path in enumerate(paths)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
        path.chmod(0o644)
    files = [(0o644, len(content), str(path)) for path, content in zip(paths, contents, strict=True)]
    known, file = packed(files, contents, tmp_path / "pack")
    return known, str(file)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Copies that are made of this process, counted there."""
    made, fork = list[int](), os.fork

    def counted() -> int:
        made.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", counted)
    return made


def test_each_processor_compares_a_share(many: tuple[Index, str], copies: list[int]) -> None:
    assert compare.begin(*many)()
    assert len(copies) == 3
    assert compare.intact(many[0].files, many[0].pack, many[1]) == {path for _, _, path in many[0].files}


@pytest.mark.parametrize("number", range(14))
def test_whatever_share_a_file_is_in_its_edit_is_seen(many: tuple[Index, str], number: int) -> None:
    path = Path(many[0].files[number][2])
    path.write_bytes(path.read_bytes() + b"x")
    assert not compare.begin(*many)()


def test_few_files_are_compared_by_one(written: Path, copies: list[int]) -> None:
    assert is_intact(written)
    assert not copies


def test_where_no_copy_can_be_made_one_compares_all(many: tuple[Index, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    assert compare.begin(*many)()
    Path(many[0].files[-1][2]).unlink()
    assert not compare.begin(*many)()


def failing() -> bool:
    raise RuntimeError


def interrupted() -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("question", "answer"), [(lambda: True, True), (lambda: False, False), (failing, False), (interrupted, False)]
)
def test_a_copy_answers_or_its_answer_is_no(
    question: Callable[[], bool], answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    fork = os.fork

    def noted() -> int:
        made.append(fork())
        return made[0]

    monkeypatch.setattr(os, "fork", noted)
    assert process.ask_a_copy(question)() is answer
    with pytest.raises(ChildProcessError):
        os.waitpid(made[0], os.WNOHANG)
