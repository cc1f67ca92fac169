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
    files: tuple[tuple[int, int, str], ...] = ((0o644, 3, "/h/a b"),),
    labels: tuple[str, ...] = ("test.one",),
    pack: str = "d1",
) -> Index:
    made = Index()
    made.config, made.survey, made.objects, made.files = config, survey, list(objects), list(files)
    made.labels, made.pack = list(labels), pack
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
        st.lists(st.tuples(NUMBERS, NUMBERS, FIELDS), max_size=3).map(tuple),
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


@pytest.mark.parametrize("line", ["future\tx", "labels\tx"])
def test_a_line_too_many_makes_it_nothing_to_rely_on(tmp_path: Path, line: str) -> None:
    whole = index.render(make())
    head = whole.removesuffix("\n\n")
    assert read(tmp_path / "ledger", f"{head}\n{line}\n\n") is None


@pytest.mark.parametrize(
    ("right", "odd"),
    [
        ("config\tc0ffee", "config"),
        ("config\tc0ffee", "config\ta\tb"),
        ("pack\td1", "pack\td1\td2"),
        ("ids\tabc", "ids"),
        ("modes\t644", "modes\t9"),
        ("modes\t644", "modes\t644\t644"),
        ("sizes\t3", "sizes\tx"),
        ("paths\t/h/a b", "paths"),
        ("labels\ttest.one\n", ""),
    ],
)
def test_an_odd_line_makes_it_nothing_to_rely_on(tmp_path: Path, right: str, odd: str) -> None:
    whole = index.render(make())
    assert right in whole
    assert read(tmp_path / "ledger", whole.replace(right, odd)) is None


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
    found = read(tmp_path / "ledger", index.render(make(files=((0o600, 1, odd),))))
    assert found is not None
    assert found.files == [(0o600, 1, odd)]


# -- what is installed against what was written


def is_intact(path: Path, content: bytes = b"abc", mode: int = 0o644, pack: bytes | None = None) -> bool:
    """Between two others that are as they were."""
    known = index.Index()
    others = [path.with_name("other")] * 2
    others[0].write_bytes(b"other")
    others[0].chmod(0o700)
    first, last = ((0o700, 5, str(other)) for other in others)
    known.files = [first, (mode, len(content), str(path)), last]
    known.pack = index.pack_name(["d1", "d2", "d1"])
    file = path.with_name("pack")
    file.write_bytes(index.pack_head(known.pack) + b"other" + content + b"other" if pack is None else pack)
    return index.is_intact(known, str(file))


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
    assert not index.is_intact(index.Index(), str(written.with_name("none")))


def test_no_file_stays_open(written: Path) -> None:
    before = os.listdir("/dev/fd")  # noqa: PTH208 - numbers, not paths
    is_intact(written)
    is_intact(written, b"abd")
    is_intact(written.with_name("none"))
    assert os.listdir("/dev/fd") == before  # noqa: PTH208 - as above
