"""The harness that measures speed: that it counts right, waits for everybody, and writes down what it found. No time is
asserted here, for machines are noisy; what costs time is counted instead.
"""

import importlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks import counting, tables
from benchmarks.__main__ import NAMES
from benchmarks.bench import Bench, session
from benchmarks.counting import Counts, count, parse
from benchmarks.machines import has_systemd
from benchmarks.runner import Alternative, DidNotRun, Sample, Timing, measure, run_once
from benchmarks.tables import Claim, Table

from ..unmeasured import processes_are_not_measured  # noqa: F401 - a fixture

needs_strace = pytest.mark.skipif(counting.STRACE is None, reason="needs strace, which macOS has not")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs orphans that can be inherited, as on Linux")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with session(short=True) as made:
        yield made


def shell(script: str, name: str = "sh") -> Alternative:
    return Alternative(name, ("sh", "-c", script))


def sample(seconds: float, memory: int = 1) -> Sample:
    return Sample(seconds, seconds / 2, memory)


def timing(name: str, *seconds: float) -> Timing:
    return Timing(shell("true", name), tuple(sample(value) for value in seconds))


@on_linux
def test_a_run_ends_when_its_last_detached_process_does(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run_once(shell(f"(trap '' HUP; sleep 0.3; touch {mark}) >/dev/null 2>&1 & exit 0"))
    assert mark.exists()


def test_alternatives_take_turns_and_begin_in_turn(tmp_path: Path) -> None:
    log = tmp_path / "log"
    one, two = (shell(f"echo {name} >> {log}", name) for name in "ab")
    timings = measure((one, two), rounds=3, warm_up=1)
    assert log.read_text(encoding="utf-8").split() == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert [len(timing.samples) for timing in timings] == [3, 3]


def test_the_world_is_made_ready_before_each_run(tmp_path: Path) -> None:
    file = tmp_path / "file"
    measure((Alternative("rm", ("rm", str(file)), prepare=file.touch),), rounds=2)
    assert not file.exists()


@pytest.mark.parametrize("one", [shell("echo trouble; exit 3"), Alternative("none", ("/nonexistent",))])
def test_what_fails_is_no_measurement(one: Alternative) -> None:
    with pytest.raises(DidNotRun, match=r"trouble|No such file"):
        run_once(one)


def test_what_takes_for_ever_is_given_up() -> None:
    with pytest.raises(DidNotRun):
        run_once(Alternative("sleep", ("sleep", "1000"), limit=0.2))


def test_a_sample_is_of_the_run_and_not_of_the_harness() -> None:
    found = run_once(Alternative("python", (sys.executable, "-S", "-c", "x = bytearray(200_000_000)")))
    assert found.memory > 200_000_000
    assert found.processor > 0


@needs_strace
def test_processes_and_programs_are_counted(bench: Bench) -> None:
    found = count(shell("true; cat /dev/null | cat; (exec cat /dev/null) & wait"))
    assert found.programs == Counter({"sh": 1, "cat": 3})
    assert found.processes == 4
    assert count(Alternative("cat", ("cat", "/dev/null"))).processes == 1


@needs_strace
def test_system_calls_of_the_first_process_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    program = "import os, sys; [os.lstat(sys.argv[1]) for _ in range(int(sys.argv[2]))]; os.spawnlp(0, 'cat', 'cat')"
    argv = (sys.executable, "-I", "-S", "-c", program, str(tmp_path / "a"))
    one, more = Alternative("python", (*argv, "7")), Alternative("python", (*argv, "17"))
    calls = "newfstatat,lstat,statx"
    assert sum(count(more, calls).calls.values()) == sum(count(one, calls).calls.values()) + 10


def test_calls_that_were_interrupted_are_counted_once() -> None:
    trace = """\
10 execve("/bin/a", ["a"], 0x1 /* 2 vars */) = 0
10 vfork( <unfinished ...>
11 execve("/x/b", ["b"], 0x1) = -1 ENOENT (No such file or directory)
11 execve("/bin/b", ["b"], 0x1 <unfinished ...>
10 <... vfork resumed>) = 11
11 <... execve resumed>) = 0
11 openat(AT_FDCWD, "/", O_RDONLY) = 3
10 openat(AT_FDCWD, "/", O_RDONLY) = 3
10 clone(child_stack=NULL, flags=CLONE_THREAD|CLONE_VM) = 12
11 +++ exited with 0 +++
"""
    assert parse(trace) == Counts(2, Counter(a=1, b=1), Counter(openat=1))


def test_ratios_are_taken_within_a_round() -> None:
    one, two = timing("one", 1, 100, 3), timing("two", 2, 100, 9)
    table = Table("x", "X", (one, two), {})
    assert table.figure(Claim("two ÷ one", lambda run: run["two"] / run["one"])) == 2


def test_a_table_says_what_was_missed() -> None:
    claims = (Claim("a", lambda run: run["one"], 2, "s"), Claim("b", lambda run: run["one"], 1, "s"))
    text = tables.markdown(Table("x", "X", (timing("one", 1.5, 1.5),), {}, claims, facts=("Nothing.",)))
    assert "| a | 1.50 s | ≤ 2.00 s | met |" in text
    assert "| b | 1.50 s | ≤ 1.00 s | **missed** |" in text
    assert "2 rounds" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1,234 s"), (2.345, "2.35 s"), (0.0334, "33.4 ms"), (0.00001, "10.0 µs"), (0, "0.00 µs")],
)
def test_seconds_are_written_with_three_digits(value: float, shown: str) -> None:
    assert tables.seconds(value) == shown


def test_a_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- measured: x -->\nold\n<!-- end of x -->\nb\n", encoding="utf-8")
    tables.write(Table("x", "X", (timing("one", 1.5),), {}), page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("a\n<!-- measured: x -->\n| |")
    assert text.endswith("\n<!-- end of x -->\nb\n")
    assert "old" not in text
    with pytest.raises(ValueError, match="measured: y"):
        tables.write(Table("y", "Y", (timing("one", 1.5),), {}), page)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_works_and_does_no_more_than_it_must(bench: Bench, name: str) -> None:
    found = list(importlib.import_module(f"benchmarks.bench_{name}").tables(bench))
    if name == "systemd" and not has_systemd(bench):
        pytest.skip("this machine can have no user manager of its own")
    assert found
    for table in found:
        assert tables.markdown(table)
        if table.counts:
            CHECKS.get(name, _nothing)(table.counts)
    assert os.listdir(bench.root) == []  # noqa: PTH208 - nothing is left


def _nothing(counts: Mapping[str, Counts]) -> None:
    """For a benchmark of which nothing is claimed that can be counted."""


def _queries(counts: Counts) -> int:
    return counts.programs["launchctl"] + counts.programs["systemctl"]


def _one_git_and_one_query(counts: Mapping[str, Counts]) -> None:
    assert (counts["hook"].programs["git"], _queries(counts["hook"])) == (1, 1)
    assert counts["hook"].processes == 4  # the shim, Python, git, the query


def _one_query(counts: Mapping[str, Counts]) -> None:
    assert _queries(counts["sync"]) == 1


def _few_calls(counts: Mapping[str, Counts]) -> None:
    """Of k jobs at most 2k + 6 calls on launchd, and 5 in all on systemd: the hook's query, surveys, and the change.

    launchd is asked for the owner of what it holds under each label, and sends one job away a call; it loads all in
    one. Four surveys serve all: does anything run by now, are they gone, are all loaded, do they stay.
    """
    for name, found in counts.items():
        changed = {"bare Python": 0, "nothing changed": 0, "the least for one": 1, "one changed": 1}.get(name)
        changed = int(name.split()[1]) if changed is None else changed
        assert found.programs["launchctl"] <= (2 * changed + 6 if changed else 1)
        assert found.programs["systemctl"] <= (5 if changed else 1)
        assert found.programs["git"] <= (4 if changed else 1)
        assert not changed or _queries(found) > 3
    if least := counts.get("the least for one"):  # it spares itself nothing that the hook must wait for
        assert least.programs["launchctl"] == counts["one changed"].programs["launchctl"]


CHECKS = {"hook": _one_git_and_one_query, "sync": _one_query, "change": _few_calls}
"""Benchmark -> what its counts must be; raises when they are not."""
