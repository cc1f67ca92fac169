"""What a benchmark is given: how thorough to be, where to put things, and the way from alternatives to a table."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import counting
from .counting import Counts
from .runner import Alternative, measure
from .tables import Claim, Table

CACHE = Path(__file__).parent.parent / ".bench"
"""What costs much to make and changes never: peers' virtual environments. `make clean` takes it away."""
ROUNDS = 15


@dataclass(frozen=True)
class Bench:
    """One session of measuring."""

    root: Path
    """A short path, for what lives as long as the session."""
    rounds: int = ROUNDS
    short: bool = False
    """Only see whether the benchmark works: few jobs, few rounds, nothing downloaded. Its figures mean nothing."""
    sizes: tuple[int, ...] = ()
    """Numbers of jobs asked for; empty: each benchmark's own."""
    cache: Path = CACHE

    def pick(self, usual: Sequence[int], short: Sequence[int] = (3,)) -> Sequence[int]:
        """The numbers of jobs to measure with."""
        return self.sizes or (short if self.short else usual)

    def table(
        self,
        name: str,
        title: str,
        alternatives: Sequence[Alternative],
        *,
        claims: Sequence[Claim] = (),
        facts: Sequence[str] = (),
        rounds: int | None = None,
        uncounted: bool = False,
    ) -> Table:
        """Measure. `rounds`: no more than these, for what takes minutes; `uncounted`: do not run it under strace (slow,
        or it forks thousands)."""
        most = min(rounds or self.rounds, self.rounds)
        timings = measure(alternatives, 1 if self.short else most, warm_up=0 if self.short else 1)
        counts: dict[str, Counts] = {}
        if counting.STRACE and not uncounted:
            counts = {one.name: counting.count(one) for one in alternatives}
        return Table(name, title, timings, counts, claims, facts)

    def directory(self, name: str) -> Path:
        """A fresh directory of that name."""
        made = self.root / name
        made.mkdir()
        return made

    @contextmanager
    def passing_directory(self, name: str) -> Iterator[Path]:
        """A fresh directory of that name, gone after the block."""
        made = self.directory(name)
        try:
            yield made
        finally:
            shutil.rmtree(made)


@contextmanager
def session(rounds: int = ROUNDS, *, short: bool = False, sizes: tuple[int, ...] = ()) -> Iterator[Bench]:
    """A session whose directory goes with it."""
    # Short: the path of a socket may have no more than about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="jobsync-bench-", dir="/tmp") as root:
        yield Bench(Path(root), rounds, short, sizes)
