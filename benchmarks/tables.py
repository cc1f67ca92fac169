"""Figures become a table: for the terminal, and for docs/speed.md between the marks that page has for it."""

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .counting import Counts
from .runner import Timing

PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
_MARK = "<!-- measured: {name} -->\n{body}<!-- end of {name} -->\n"
_UNITS = ((1.0, 1, "s"), (0.001, 1000, "ms"), (0.0, 1_000_000, "µs"))


@dataclass(frozen=True)
class Claim:
    """A figure of every round (its seconds by alternative), and what it may be at most."""

    text: str
    value: Callable[[Mapping[str, float]], float]
    at_most: float | None = None
    unit: str = "×"


@dataclass(frozen=True)
class Table:
    """One comparison, measured."""

    name: str
    title: str
    timings: Sequence[Timing]
    counts: Mapping[str, Counts]
    claims: Sequence[Claim] = ()
    facts: Sequence[str] = ()
    """Sentences for below the table: versions, and what was not measured and why."""

    def figure(self, claim: Claim) -> float:
        """The median over all rounds."""
        rounds = zip(*(timing.samples for timing in self.timings), strict=True)
        names = [timing.alternative.name for timing in self.timings]
        return statistics.median(
            claim.value(dict(zip(names, (sample.seconds for sample in samples), strict=True))) for samples in rounds
        )


def seconds(value: float) -> str:
    """With three digits and a unit."""
    factor, unit = next((factor, unit) for least, factor, unit in _UNITS if abs(value) >= least)
    shown = value * factor
    return f"{shown:,.{max(0, 2 - len(str(int(abs(shown)))) + 1)}f} {unit}"


def markdown(table: Table) -> str:
    """The table, its claims and the circumstances."""
    lines = [
        "| | median | half of all runs | processor | memory | processes |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for timing in table.timings:
        low, high = timing.quartiles
        name = timing.alternative.name
        row = (
            name, seconds(timing.median), f"{seconds(low)} to {seconds(high)}", seconds(timing.processor),
            f"{timing.memory / 1e6:.0f} MB", _processes(table.counts.get(name)),
        )  # fmt: skip
        lines.append(f"| {' | '.join(row)} |")
    if table.claims:
        lines += ["", "| | measured | target | |", "| --- | ---: | ---: | --- |"]
        lines += [_claim_row(table.figure(claim), claim) for claim in table.claims]
    lines += ["", *(f"{fact}  " for fact in table.facts), circumstances(len(table.timings[0].samples))]
    return "\n".join(lines) + "\n"


def _claim_row(figure: float, claim: Claim) -> str:
    shown = _amount(figure, claim.unit)
    if claim.at_most is None:
        return f"| {claim.text} | {shown} | | |"
    verdict = "met" if figure <= claim.at_most else "**missed**"
    return f"| {claim.text} | {shown} | ≤ {_amount(claim.at_most, claim.unit)} | {verdict} |"


def _amount(value: float, unit: str) -> str:
    return seconds(value) if unit == "s" else f"{value:.2f} {unit}".strip()


def _processes(counts: Counts | None) -> str:
    if counts is None:
        return ""
    programs = ", ".join(f"{name} {number}" for name, number in sorted(counts.programs.items()))
    return f"{counts.processes} ({programs})"


def circumstances(rounds: int) -> str:
    """When, on what, how busy, with which versions."""
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {rounds} rounds; {_processor()}, {os.cpu_count()} cores, load "
        f"{load:.1f}; {platform.system()} {platform.release()}, Python {platform.python_version()}, {_git()}, "
        f"jobsync {_revision()}."
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _git() -> str:
    return subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.strip()


def _revision() -> str:
    argv = ["git", "-C", str(PAGE.parent), "describe", "--always", "--dirty"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() or "of no repository"


def write(table: Table, page: Path = PAGE) -> None:
    """Put the table between its marks on the page; `ValueError` when the page has none for it."""
    text = page.read_text(encoding="utf-8")
    start, end = _MARK.format(name=table.name, body="\0").split("\0")
    before, opened, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"{page} has no place for this table; write there:\n{start}{end}")
    page.write_text(before + start + markdown(table) + end + after, encoding="utf-8")
