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


@pytest.mark.parametrize("other", ["", f"\t{index.RENDER_FORMAT - 1}", f"\t{index.RENDER_FORMAT + 1}", "\tx"])
def test_one_of_a_jobsync_that_renders_otherwise_is_nothing_to_rely_on(other: str) -> None:
    whole = index.render(make())
    assert f"config\tc0ffee\t{index.RENDER_FORMAT}\n" in whole
    assert index.parse(whole.replace(f"c0ffee\t{index.RENDER_FORMAT}", f"c0ffee{other}")) is None


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
