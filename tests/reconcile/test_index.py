"""The index at the head of a ledger: believed when it is whole, and never when anything about it is odd."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.reconcile import index
from jobsync.reconcile.index import Index

FIELDS = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(min_value=0, max_value=1 << 40)


def make(
    config: str = "c0ffee",
    survey: tuple[str, ...] = ("/bin/launchctl", "print", "gui/501"),
    objects: tuple[tuple[str, str], ...] = (("abc", "jobs"),),
    files: tuple[tuple[int, int, str, str], ...] = ((0o644, 3, "d1", "/h/a b"),),
    labels: tuple[str, ...] = ("test.one",),
) -> Index:
    made = Index()
    made.config, made.survey, made.objects, made.files, made.labels = (
        config,
        survey,
        list(objects),
        list(files),
        list(labels),
    )
    return made


def values(found: Index | None) -> tuple[object, ...]:
    assert found is not None
    return tuple(getattr(found, name) for name in Index.__slots__)


@given(
    st.builds(
        make,
        FIELDS,
        st.lists(FIELDS, min_size=1, max_size=3).map(tuple),
        st.lists(st.tuples(FIELDS, FIELDS), max_size=3).map(tuple),
        st.lists(st.tuples(NUMBERS, NUMBERS, FIELDS, FIELDS), max_size=3).map(tuple),
        st.lists(FIELDS, max_size=3).map(tuple),
    )
)
def test_what_is_rendered_reads_back(made: Index) -> None:
    assert values(index.parse(index.render(made) + "{}\n")) == values(made)


def test_an_unsettled_one_is_nothing_to_rely_on() -> None:
    assert index.parse(index.unsettled() + "{}") is None


def read(path: Path, text: str) -> Index | None:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return index.read(str(path))


def test_a_ledger_cut_anywhere_in_its_index_is_nothing_to_rely_on(tmp_path: Path) -> None:
    whole = index.render(make(labels=("label", "object", "file")))
    assert read(tmp_path / "ledger", whole) is not None
    for cut in range(len(whole)):
        assert read(tmp_path / "ledger", whole[:cut]) is None, whole[:cut]


@pytest.mark.parametrize(
    "line",
    [
        "future\tx",
        "label",
        "label\ta\tb",
        "object\tx",
        "file\t644\t3\td",
        "file\t9\t3\td\t/x",
        "file\t644\tx\td\t/x",
        "config",
    ],
)
def test_a_line_that_this_version_does_not_know_makes_it_nothing_to_rely_on(tmp_path: Path, line: str) -> None:
    whole = index.render(make())
    head = whole.removesuffix("\n\n")
    assert read(tmp_path / "ledger", f"{head}\n{line}\n\n") is None


def test_another_format_is_nothing_to_rely_on(tmp_path: Path) -> None:
    assert read(tmp_path / "ledger", index.render(make()).replace(index.MAGIC, "jobsync-ledger 2")) is None
    assert index.read(str(tmp_path / "none")) is None


@given(content=st.binary(max_size=200), with_magic=st.booleans())
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes, with_magic: bool) -> None:
    path = tmp_path_factory.getbasetemp() / f"ledger-{os.getpid()}"
    path.write_bytes((index.MAGIC.encode() + b"\n" if with_magic else b"") + content)
    index.read(str(path))


def test_paths_that_are_no_unicode_survive(tmp_path: Path) -> None:
    odd = os.fsdecode(b"/h/caf\xe9")
    found = read(tmp_path / "ledger", index.render(make(files=((0o600, 1, "d", odd),))))
    assert found is not None
    assert found.files == [(0o600, 1, "d", odd)]


# -- one file against what was written


def differs(path: Path, content: bytes = b"abc", mode: int = 0o644) -> bool:
    return index.differs(mode, len(content), index.digest(content), str(path))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    path.chmod(0o644)
    return path


def test_the_same_file_does_not_differ(written: Path) -> None:
    assert not differs(written)


def test_other_bytes_of_the_same_size_differ(written: Path) -> None:
    written.write_bytes(b"abd")
    assert differs(written)


def test_more_bytes_differ(written: Path) -> None:
    written.write_bytes(b"abcd")
    assert differs(written)


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o4644])
def test_another_mode_differs(written: Path, mode: int) -> None:
    written.chmod(mode)
    assert differs(written)


def test_a_link_to_the_same_bytes_differs(written: Path) -> None:
    link = written.with_name("link")
    link.symlink_to(written)
    assert differs(link)


def test_a_directory_or_nothing_differs(written: Path) -> None:
    assert differs(written.with_name("none"))
    assert differs(written.parent)


def test_what_cannot_be_opened_differs(tmp_path: Path) -> None:
    assert index.differs(0o644, 0, "", str(tmp_path / ("x" * 300)))
