"""Runs alternatives in turn and keeps every figure.

Machines are noisy, and what is noise to one run must be noise to all: each round runs every alternative once, each time
beginning with another one, and ratios are taken within a round before their median is. A figure that stands alone says
little; one beside another of the same minute says much.
"""

import ctypes
import os
import pickle
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"


def _nothing() -> None:
    """For alternatives that need no preparation."""


@dataclass(frozen=True)
class Alternative:
    """One way to do something: what is run, where, and what makes the world ready for it each time (not timed)."""

    name: str
    argv: Sequence[str | Path]
    cwd: Path = Path("/")
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": SYSTEM_PATH})
    prepare: Callable[[], None] = _nothing
    statuses: frozenset[int] = frozenset({0})
    """Exit statuses that are fine."""
    limit: float = 600
    """Seconds after which the run is given up."""


@dataclass(frozen=True)
class Sample:
    """One run."""

    seconds: float
    """Until the last descendant was gone (Linux; elsewhere: until the process itself was)."""
    processor: float
    """Seconds of processor time, user and system, of all of them."""
    memory: int
    """Bytes that the largest of them had resident at its peak. Never below this harness's own, some 20 MB."""


@dataclass(frozen=True)
class Timing:
    """All runs of one alternative, in order of the rounds."""

    alternative: Alternative
    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Half of all runs took between these many seconds."""
        values = sorted(sample.seconds for sample in self.samples)
        if len(values) < 2:
            return values[0], values[0]
        first, _, third = statistics.quantiles(values, n=4, method="inclusive")
        return first, third

    @property
    def processor(self) -> float:
        """Median of the seconds of processor time."""
        return statistics.median(sample.processor for sample in self.samples)

    @property
    def memory(self) -> int:
        """Bytes; the largest of all runs."""
        return max(sample.memory for sample in self.samples)


class DidNotRun(Exception):
    """An alternative ended with a status that is not fine, or not at all; holds what it wrote."""


def measure(alternatives: Sequence[Alternative], rounds: int, warm_up: int = 1) -> tuple[Timing, ...]:
    """Run every alternative `rounds` times, interleaved, after `warm_up` rounds that do not count. `DidNotRun`."""
    found: dict[str, list[Sample]] = {one.name: [] for one in alternatives}
    assert len(found) == len(alternatives), "two alternatives have one name"
    for number in range(warm_up + rounds):
        first = number % len(alternatives)
        for one in (*alternatives[first:], *alternatives[:first]):
            one.prepare()
            sample = run_once(one)
            if number >= warm_up:
                found[one.name].append(sample)
    return tuple(Timing(one, tuple(found[one.name])) for one in alternatives)


def run_once(one: Alternative) -> Sample:
    """One run, in a process of its own that inherits whatever the run leaves behind and waits for that too."""
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        os.close(read_end)
        _be_stopwatch(one, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as answer:
        result: Sample | str = pickle.loads(answer.read() or pickle.dumps("the stopwatch died"))
    os.waitpid(child, 0)
    if isinstance(result, str):
        raise DidNotRun(f"{one.name}: {' '.join(map(str, one.argv))}: {result}")
    return result


def _be_stopwatch(one: Alternative, answer: int) -> None:
    """Never returns: what a test runner has registered for the end of its process must not run twice."""
    try:
        result: Sample | str = _time(one)
    except BaseException as error:
        result = repr(error)
    os.write(answer, pickle.dumps(result))
    os._exit(0)


def _time(one: Alternative) -> Sample | str:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.chdir(one.cwd)
    output = os.memfd_create("output") if sys.platform == "linux" else os.open(os.devnull, os.O_RDWR)
    nothing = os.open(os.devnull, os.O_RDONLY)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, one.limit)
    argv = [str(word) for word in one.argv]
    actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    start = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, dict(one.env), file_actions=actions)
    _, status = os.waitpid(pid, 0)
    _wait_for_the_rest()
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in one.statuses:
        said = os.pread(output, 4000, 0).decode(errors="replace") if sys.platform == "linux" else ""
        return f"ended with status {code}: {said}"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return Sample(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def _wait_for_the_rest() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
