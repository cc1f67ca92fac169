"""Values -> text or JSON. Knows nothing of terminals: who prints decides on colour and width."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from jobsync.columns import cell, plural
from jobsync.errors import Fault
from jobsync.reconcile.state import BAD, UNDONE, Outcome, Report, Result
from jobsync.tones import Tone

JSON_VERSION = 1
"""Raised when a field of the JSON output changes its meaning or goes."""


NAMED_TOGETHER = 5
"""So many jobs are named in one line of a hook; of the others only the number is."""


class JobResult(TypedDict):
    """What a sync made of one job."""

    name: str
    label: str
    outcome: str
    cause: str


class FaultRow(TypedDict):
    """One thing wrong in one file."""

    file: str
    key: str
    message: str


class SyncReport(TypedDict):
    """What a sync made of one repository."""

    version: int
    dry_run: bool
    would_change: bool
    failed: bool
    jobs: list[JobResult]
    faults: list[FaultRow]
    brake: str
    notices: list[str]
    kept: list[str]


_TONES = {
    Outcome.UNCHANGED: Tone.QUIET,
    Outcome.PAUSED: Tone.QUIET,
    Outcome.DEFERRED: Tone.CHANGED,
    Outcome.CONFLICT: Tone.BAD,
    Outcome.FAILED: Tone.BAD,
}


def tone(outcome: Outcome) -> Tone:
    """The tone of an outcome; what is not listed changed something well."""
    return _TONES.get(outcome, Tone.GOOD)


def _counts(results: Iterable[Result]) -> str:
    found = [result.outcome for result in results]
    return ", ".join(f"{found.count(outcome)} {outcome.value}" for outcome in Outcome if outcome in found)


def summary(done: Report) -> str:
    """The last line: what became of all, and whether all is well."""
    if not done.results:
        return plural(len(done.faults), "fault") if done.faults else "nothing to do" if done.notices else "no jobs"
    counts = _counts(done.results)
    if done.dry_run:
        return f"would be: {counts}"
    return counts


def trouble_lines(done: Report) -> list[str]:
    """Faults, the brake, notices and kept copies: everything beside the jobs themselves."""
    return _obstacle_lines(done) + _kept_lines(done)


def _obstacle_lines(done: Report) -> list[str]:
    lines = [str(fault) for fault in done.faults]
    if done.brake:
        lines.append(f"nothing was removed: {done.brake}; `jobsync sync --allow-removals` removes them")
    return [*lines, *done.notices]


def _kept_lines(done: Report) -> list[str]:
    return [f"kept a copy of your edit: {path}" for path in done.kept]


def _named(names: Sequence[str]) -> str:
    """`a, b`, and of very many the number."""
    more = f" and {len(names) - NAMED_TOGETHER} more" if len(names) > NAMED_TOGETHER else ""
    return ", ".join(cell(name) for name in names[:NAMED_TOGETHER]) + more


def _together(results: list[Result]) -> str:
    """One line for results that differ in nothing but the name."""
    first, names = results[0], [one.name for one in results]
    return f"{first.outcome.value} {_named(names)}{f' ({first.cause})' if first.cause else ''}"


def hook_lines(done: Report) -> list[str]:
    """For a git command's stderr: a line per change and per trouble, equal ones in one; none when nothing changed."""
    return changed_lines(done) + standing_lines(done)


def changed_lines(done: Report) -> list[str]:
    """What this sync did."""
    quiet = (Outcome.UNCHANGED, Outcome.PAUSED, *UNDONE)
    return _grouped(one for one in done.results if one.outcome not in quiet) + _kept_lines(done)


def standing_lines(done: Report) -> list[str]:
    """What it could not do: the next sync will say the same, until somebody or something changes."""
    return _grouped(one for one in done.results if one.outcome in UNDONE) + _obstacle_lines(done)


def failing_line(done: Report, failed: Sequence[str]) -> str:
    """All that is wrong in one line, for who has been told. `failed`: the jobs whose last run failed."""
    names = [one.name for one in done.results if one.outcome in BAD]
    if not names and not done.has_failures:
        return failed_runs(failed)
    if not names:
        return "; ".join((_obstacle_lines(done)[0], *([failed_runs(failed)] if failed else ())))
    verb = "is" if len(names) == 1 else "are"
    runs = f"; {_failed(failed)}" if failed else ""
    return f"{plural(len(names), 'job')} {verb} not as HEAD wants: {_named(names)}{runs}; `jobsync status` says why"


def failed_runs(failed: Sequence[str]) -> str:
    """The jobs whose last run failed, and what to type."""
    command = f"jobsync status {cell(failed[0])}" if len(failed) == 1 else "jobsync status"
    return f"{_failed(failed)}; `{command}` says why"


def _failed(failed: Sequence[str]) -> str:
    if len(failed) == 1:
        return f"the last run of {cell(failed[0])} failed"
    return f"the last runs of {len(failed)} jobs failed: {_named(failed)}"


def _grouped(results: Iterable[Result]) -> list[str]:
    groups: dict[tuple[Outcome, str], list[Result]] = {}
    for one in results:
        groups.setdefault((one.outcome, one.cause), []).append(one)
    return [_together(group) for group in groups.values()]


def fault_row(fault: Fault) -> FaultRow:
    """A fault for programs."""
    return {"file": fault.file, "key": fault.key, "message": fault.message}


def as_json(done: Report) -> SyncReport:
    """A sync's report for programs."""
    return {
        "version": JSON_VERSION,
        "dry_run": done.dry_run,
        "would_change": done.would_change,
        "failed": done.has_failures,
        "jobs": [
            {"name": one.name, "label": one.label, "outcome": one.outcome.value, "cause": one.cause}
            for one in done.results
        ],
        "faults": [fault_row(one) for one in done.faults],
        "brake": done.brake,
        "notices": list(done.notices),
        "kept": list(done.kept),
    }
