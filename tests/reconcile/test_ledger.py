"""The ledger: what was remembered reads back, and what cannot be read is no ledger at all."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.errors import JobsyncError
from jobsync.reconcile import index
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.ledger import RENDER_FORMAT, Ledger, Store, placed
from jobsync.reconcile.state import Absence, Placed, Record, Source
from jobsync.repo.affected import Entry
from jobsync.schedulers.protocol import Artefact

WORDS = st.text(st.characters(exclude_categories=[]), max_size=12)
NUMBERS = st.integers(min_value=0, max_value=1 << 53)
ENTRIES = st.dictionaries(WORDS, st.builds(Entry, NUMBERS, WORDS), max_size=2)
RECORDS = st.builds(
    Record,
    name=WORDS,
    label=WORDS,
    source=st.sampled_from(Source),
    load_digest=WORDS,
    launch_digest=WORDS,
    artefacts=st.lists(st.builds(Placed, WORDS, NUMBERS, NUMBERS, WORDS), max_size=2).map(tuple),
    entries=ENTRIES,
    inputs=st.lists(WORDS, max_size=2).map(tuple),
    in_head=st.booleans(),
    is_daemon=st.booleans(),
    at_login=st.booleans(),
    failed=WORDS,
    message=WORDS,
)
LEDGERS = st.builds(
    Ledger,
    records=st.lists(RECORDS, max_size=3).map(lambda found: {record.name: record for record in found}),
    absent=st.dictionaries(WORDS, st.builds(Absence, st.sampled_from(Source), ENTRIES, st.booleans()), max_size=2),
    render_format=st.integers(min_value=0, max_value=RENDER_FORMAT),
    rendering=WORDS,
    settings=st.none() | st.builds(Entry, NUMBERS, WORDS),
    commit=WORDS,
    changed_at=NUMBERS,
    changed_in=WORDS,
)


def record(name: str = "one", path: str = "/h/one") -> Record:
    return Record(
        name=name,
        label=f"test.{name}",
        source=Source.HEAD,
        load_digest="d",
        launch_digest="",
        artefacts=(placed(Artefact(path, b"abc", 0o644)),),
        entries={f"jobs/{name}/job.toml": Entry(0o100644, "b1")},
        inputs=(f"jobs/{name}",),
        in_head=True,
    )


@given(LEDGERS)
def test_what_is_remembered_reads_back(ledger: Ledger) -> None:
    assert ledgers.loads(ledgers.dumps(ledger)) == ledger


@pytest.mark.parametrize("settled", [None, index.Index()])
def test_a_written_ledger_reads_back_and_is_for_the_user_alone(tmp_path: Path, settled: index.Index | None) -> None:
    path = tmp_path / "ledger"
    before = Ledger({"one": record()}, commit="c", changed_at=7)
    assert ledgers.write(path, before, settled)
    assert ledgers.read(path) == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert (index.read(str(path)) is None) is (settled is None)


def test_an_equal_ledger_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledgers.write(path, Ledger({"one": record()}), None)
    before = path.stat()
    assert not ledgers.write(path, Ledger({"one": record()}), None)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_paths_that_are_no_unicode_survive(tmp_path: Path) -> None:
    odd = os.fsdecode(b"/h/caf\xe9")
    ledgers.write(tmp_path / "ledger", Ledger({"one": record(path=odd)}), None)
    found = ledgers.read(tmp_path / "ledger")
    assert found is not None
    assert found.records["one"].artefacts[0].path == odd


def test_no_file_is_no_ledger(tmp_path: Path) -> None:
    assert ledgers.read(tmp_path / "ledger") is None


def test_a_ledger_cut_at_any_byte_is_none_or_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledgers.write(path, Ledger({"one": record()}), index.Index())
    whole = path.read_bytes()
    for cut in range(len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert ledgers.read(path) is None, cut


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["jobs", "absent", "settings", "render_format"]), inner)
        ),
    )
)
def test_no_json_of_others_raises(value: object) -> None:
    assert ledgers.loads(json.dumps(value)) is None


KEYS = ["render_format", "rendering", "settings", "commit", "changed_at", "changed_in", "jobs", "absent"]
ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, 1, -1, 1.5, float("inf"), float("nan"), "x", [], [[]], {}, {"a": 1}, {"a": {}}, [1, 2], True]
)


@given(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=3))
def test_no_odd_value_in_it_raises(odd: dict[str, object]) -> None:
    table = json.loads(ledgers.dumps(Ledger({"one": record()})))
    ledgers.loads(json.dumps({**table, **odd}))


@given(
    st.dictionaries(
        st.sampled_from(sorted(json.loads(ledgers.dumps(Ledger({"one": record()})))["jobs"]["one"])), ODD, max_size=2
    )
)
def test_no_odd_value_in_a_record_raises(odd: dict[str, object]) -> None:
    table = json.loads(ledgers.dumps(Ledger({"one": record()})))
    table["jobs"]["one"] |= odd
    ledgers.loads(json.dumps(table))


@given(st.text(max_size=100))
def test_no_text_raises(text: str) -> None:
    assert ledgers.loads(text) is None


def test_deep_nesting_is_no_ledger() -> None:
    assert ledgers.loads("[" * 200_000) is None


def test_a_newer_ones_ledger_is_refused_with_a_way_out(tmp_path: Path) -> None:
    ledgers.write(tmp_path / "ledger", Ledger(render_format=RENDER_FORMAT + 1), None)
    with pytest.raises(JobsyncError, match="a newer jobsync has synced this repository") as caught:
        ledgers.read(tmp_path / "ledger")
    assert "upgrade" in (caught.value.hint or "")


@pytest.mark.parametrize("odd", ['"held": []', '"jobs": {}'])
def test_a_newer_ones_ledger_is_known_whatever_else_it_changed(tmp_path: Path, odd: str) -> None:
    ledgers.write(tmp_path / "ledger", Ledger(render_format=RENDER_FORMAT + 1), None)
    content = (tmp_path / "ledger").read_text()
    assert odd in content
    (tmp_path / "ledger").write_text(content.replace(odd, '"new": 1'))
    with pytest.raises(JobsyncError, match="a newer jobsync has synced this repository"):
        ledgers.read(tmp_path / "ledger")


def test_a_ledger_that_a_newer_one_has_not_brought_up_to_date_is_a_newer_ones(tmp_path: Path) -> None:
    ledgers.write(tmp_path / "ledger", Ledger(render_format=RENDER_FORMAT - 1), None)
    text = (tmp_path / "ledger").read_text()
    assert f'"written_by": {RENDER_FORMAT}' in text
    (tmp_path / "ledger").write_text(text.replace(f'"written_by": {RENDER_FORMAT}', '"written_by": 999'))
    with pytest.raises(JobsyncError, match="a newer jobsync has synced this repository"):
        ledgers.read(tmp_path / "ledger")


@pytest.mark.parametrize("number", ["2", "10", "9" * 5000])
def test_a_ledger_of_a_later_format_is_a_newer_ones(tmp_path: Path, number: str) -> None:
    (tmp_path / "ledger").write_text(f"jobsync-ledger {number}\nwhat nobody here can read\n")
    with pytest.raises(JobsyncError, match="a newer jobsync has synced this repository"):
        ledgers.read(tmp_path / "ledger")


@pytest.mark.parametrize("number", ["0", "x", "-1", "", "\u0661"])
def test_a_ledger_of_no_format_is_none(tmp_path: Path, number: str) -> None:
    ledgers.write(tmp_path / "ledger", Ledger(), None)
    content = (tmp_path / "ledger").read_text().replace("jobsync-ledger 1", f"jobsync-ledger {number}")
    (tmp_path / "ledger").write_text(content)
    assert ledgers.read(tmp_path / "ledger") is None


def test_an_older_ones_ledger_is_read(tmp_path: Path) -> None:
    ledgers.write(tmp_path / "ledger", Ledger(render_format=RENDER_FORMAT - 1), None)
    assert ledgers.read(tmp_path / "ledger") == Ledger(render_format=RENDER_FORMAT - 1)


def test_a_file_of_another_format_is_no_ledger(tmp_path: Path) -> None:
    ledgers.write(tmp_path / "ledger", Ledger(), None)
    content = (tmp_path / "ledger").read_bytes().replace(b"jobsync-ledger 1", b"someone-elses 1")
    (tmp_path / "ledger").write_bytes(content)
    assert ledgers.read(tmp_path / "ledger") is None


def test_records_are_put_and_taken_in_order_of_name() -> None:
    ledger = Ledger().with_record("two", record("two")).with_record("one", record("one"))
    assert list(ledger.records) == ["one", "two"]
    assert list(ledger.with_record("one", None).records) == ["two"]
    assert ledger.with_record("gone", None) == ledger


# -- the store


def test_the_store_gives_back_what_was_put(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(b"abc")
    store.put(b"abc")
    assert store.get(index.digest(b"abc")) == b"abc"
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "store").iterdir()] == [0o600]


def test_bytes_that_are_lost_or_spoilt_are_not_given_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.get(index.digest(b"abc")) is None
    store.put(b"abc")
    (tmp_path / "store" / index.digest(b"abc")).write_bytes(b"abd")
    assert store.get(index.digest(b"abc")) is None


def test_spoilt_bytes_are_replaced_by_the_next_put(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(b"abc")
    (tmp_path / "store" / index.digest(b"abc")).write_bytes(b"abd")
    store.put(b"abc")
    assert store.get(index.digest(b"abc")) == b"abc"


def test_sweeping_leaves_what_a_record_refers_to(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.sweep(Ledger())
    store.put(b"abc")
    store.put(b"other")
    store.sweep(Ledger({"one": record()}))
    assert [path.name for path in (tmp_path / "store").iterdir()] == [index.digest(b"abc")]
