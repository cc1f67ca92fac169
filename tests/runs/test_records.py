"""Run records: whatever bytes a power cut left, the runs that can be read are read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.runs import records
from jobsync.runs.records import Run

WHOLE = b"""\
start 20261123T070000Z-11 1795590000 11
end 20261123T070000Z-11 1795590004 0
skip 20261123T080000Z-12 1795593600 paused
start 20261123T090000Z-13 1795597200 13
end 20261123T090000Z-13 1795597201 143
start 20261123T100000Z-14 1795600800 14
"""
RUNS = (
    Run("20261123T070000Z-11", 1795590000, pid=11, ended=1795590004, status=0),
    Run("20261123T080000Z-12", 1795593600, ended=1795593600, skipped="paused"),
    Run("20261123T090000Z-13", 1795597200, pid=13, ended=1795597201, status=143),
    Run("20261123T100000Z-14", 1795600800, pid=14),
)


def test_starts_ends_and_skips_are_read_in_order() -> None:
    assert records.parse(WHOLE) == RUNS


def test_a_reason_may_have_several_words() -> None:
    (run,) = records.parse(b"skip a 5 loaded by sync\n")
    assert (run.skipped, run.started, run.ended, run.status) == ("loaded by sync", 5, 5, None)


def test_a_status_may_be_followed_by_a_word() -> None:
    (run,) = records.parse(b"start a 5 1\nend a 5 78 log\n")
    assert run.status == 78


@pytest.mark.parametrize("lines", range(7))
def test_a_file_cut_inside_a_line_gives_all_that_was_whole_before(lines: int) -> None:
    whole = WHOLE.splitlines(keepends=True)
    before = records.parse(b"".join(whole[:lines]))
    for cut in range(1, len(b"".join(whole[lines : lines + 1]))):
        found = records.parse(b"".join(whole[:lines]) + whole[lines][:cut])
        assert [run.id for run in found][: len(before)] == [run.id for run in before]
        assert all(one.started == other.started for one, other in zip(found, before, strict=False))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"start",
        b"start a",
        b"start a 5",
        b"start a x 1",
        b"end a 5 0",
        b"begin a 5 0",
        b"start a \xd9\xa3 1",
        b"\xff",
    ],
)
def test_a_line_that_makes_no_sense_is_passed_over(line: bytes) -> None:
    assert records.parse(line + b"\n" + WHOLE) == RUNS


def test_a_pid_or_status_that_is_no_number_is_unknown() -> None:
    (run,) = records.parse(b"start a 5 ?\nend a 6 ?\n")
    assert (run.pid, run.ended, run.status) == (None, 6, None)


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd_and_none_hide_what_follows(content: bytes) -> None:
    assert records.parse(content + b"\n" + WHOLE)[-len(RUNS) :] == RUNS


WORDS = st.sampled_from([b"start", b"end", b"skip", b"a", b"b", b" ", b"5", b"-1", b"\n", b"\xff", b"held"])
LINE = st.tuples(st.sampled_from([b"start", b"end", b"skip"]), st.sampled_from([b"a", b"b"]), st.just(b"5"), WORDS)
LINES = st.lists(st.lists(WORDS).map(b"".join) | LINE.map(b" ".join)).map(b"\n".join)


@given(LINES)
def test_no_mixture_of_our_own_words_is_too_odd(lines: bytes) -> None:
    found = records.parse(lines)
    assert len({run.id for run in found}) == len(found)


def test_garbage_in_the_middle_hides_no_other_run() -> None:
    lines = WHOLE.splitlines(keepends=True)
    assert records.parse(b"".join([*lines[:2], b"\x00\xff junk \n", *lines[2:]])) == RUNS


def test_the_last_run_is_the_newest_that_was_not_skipped() -> None:
    assert records.last(RUNS) == RUNS[3]
    assert records.last((RUNS[0], RUNS[1])) == RUNS[0]
    assert records.last((RUNS[1],)) is None
    assert records.last(()) is None


def test_no_file_means_no_runs(tmp_path: Path) -> None:
    assert records.read(tmp_path / "none") == ()
    (tmp_path / "runs").write_bytes(WHOLE)
    assert records.read(tmp_path / "runs") == RUNS


# -- what a launcher of today writes


FULL = b"""\
since 1795590000
start 20261123T070000Z-11 1795590000 11 offset=+0100 digest=abc by=hand
end 20261123T070000Z-11 1795590004 3 offset=+0100 attempts=2 bytes=512 waited=30 ok=1
skip 20261123T080000Z-12 1795593600 offset=-0330 digest=abc on battery
start 20261123T090000Z-13 1795597200 13 offset=+0100 digest=abc
end 20261123T090000Z-13 1795597201 124 offset=+0000 attempts=1 bytes=0 timeout
"""


def test_everything_that_a_launcher_says_is_read() -> None:
    first, second, third = records.parse(FULL)
    assert first == Run(
        "20261123T070000Z-11", 1795590000, pid=11, ended=1795590004, status=3, attempts=2, output=512, digest="abc",
        offset=3600, ended_offset=3600, waited=30, by_hand=True, accepts=True,
    )  # fmt: skip
    assert (second.skipped, second.offset, second.digest) == ("on battery", -(3 * 3600 + 1800), "abc")
    assert (third.reason, third.status, third.ended_offset, third.output) == ("timeout", 124, 0, 0)
    assert [run.is_success for run in (first, second, third)] == [True, False, False]
    assert records.known_since(FULL) == 1795590000


def test_a_run_without_an_end_is_no_success() -> None:
    (run,) = records.parse(b"start a 5 1\n")
    assert not run.is_over and not run.is_success
    assert records.last_success([*RUNS, run]) == RUNS[0]
    assert records.last_success([run]) is None


def test_every_cut_at_every_byte_leaves_the_next_record_whole() -> None:
    """A power cut, or a full disk, may end a line anywhere; the next run's line is then glued to it."""
    lines = FULL.splitlines(keepends=True)
    after = b"start 20261123T100000Z-14 1795600800 14 offset=+0100 digest=abc\n"
    for number, line in enumerate(lines):
        before = records.parse(b"".join(lines[:number]))
        for cut in range(len(line)):
            found = records.parse(b"".join(lines[:number]) + line[:cut] + after)
            assert found[-1].id == "20261123T100000Z-14" and found[-1].pid == 14
            assert found[:-1] == before, "what was cut short is no record: a status might have lost its last digit"


@pytest.mark.parametrize("cut", range(len(b"start 20261123T070000Z-11 1795590000 11")))
def test_an_end_whose_start_could_not_be_written_is_a_run(cut: int) -> None:
    """A full disk takes no start, or a part of it; the end finds room again. Its name says when it began."""
    start, end = b"start 20261123T070000Z-11 1795590000 11"[:cut], FULL.splitlines(keepends=True)[2]
    (run,) = records.parse(start + end)
    assert (run.started, run.pid, run.ended, run.status) == (1795417200, 11, 1795590004, 3)


@pytest.mark.parametrize(
    "name", ["20261323T070000Z-11", "20261123T070000Z", "99999999T999999Z-1", "19691123T070000Z-11", "x"]
)
def test_an_end_of_no_run_that_there_can_be_is_passed_over(name: str) -> None:
    assert records.parse(f"end {name} 1795590004 0\n".encode()) == ()


def test_a_last_line_without_its_newline_is_not_believed() -> None:
    (run,) = records.parse(b"start a 5 1\nend a 6 14")
    assert run.status is None


def test_without_a_word_on_it_the_oldest_record_is_where_knowledge_begins() -> None:
    assert records.known_since(WHOLE) == 1795590000
    assert records.known_since(b"") is None
    assert records.known_since(b"since 5\n" + WHOLE + b"since 7\n") == 7
