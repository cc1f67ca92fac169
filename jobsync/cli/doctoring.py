"""`doctor`: what is wrong or may surprise, what it means, and the command that mends it."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Literal, TypedDict

import click

from jobsync import columns, local_zone, report
from jobsync.cli.console import (
    ExitCode,
    complain,
    complain_of,
    confirm,
    json_option,
    note,
    say,
    say_all,
    say_json,
)
from jobsync.cli.context import Context, pass_context
from jobsync.config import Repo
from jobsync.doctor import checks, fixing
from jobsync.doctor.check import Result
from jobsync.doctor.machine import versions
from jobsync.doctor.view import View
from jobsync.errors import JobsyncError, UsageError
from jobsync.findings import Finding, Level, Repair
from jobsync.reconcile.origin import open_origin
from jobsync.tones import Tone, paint

LevelWord = Literal["ok", "info", "warning", "error", "skipped"]


class FindingRow(TypedDict):
    """One thing that a check has to say."""

    level: LevelWord
    job: str | None
    said: str
    meaning: str
    command: str | None
    fixable: bool


class CheckRow(TypedDict):
    """One check, and what it found."""

    id: str
    claim: str
    level: LevelWord
    findings: list[FindingRow]


class RepoHealth(TypedDict):
    """One repository on this machine."""

    work_tree: str
    prefix: str
    problem: str | None
    versions: str
    checks: list[CheckRow]


class DoctorDocument(TypedDict):
    """`doctor --json`."""

    version: int
    healthy: bool
    repos: list[RepoHealth]


_TONES = {
    Level.OK: Tone.GOOD,
    Level.INFO: Tone.QUIET,
    Level.SKIPPED: Tone.QUIET,
    Level.WARNING: Tone.CHANGED,
    Level.ERROR: Tone.BAD,
}
_WIDTH = max(len(level.value) for level in Level)
_LEFT = " " * (_WIDTH + 2)


def _short(text: str, home: str) -> str:
    """The home as `~`, for these lines are pasted into issues; not inside quotes, where a shell would not see it."""
    return re.sub(rf"(?<![\w'\"]){re.escape(home)}(?=/|\b)", "~", text)


def _finding(check: str, one: Finding) -> list[str]:
    """What is so, what it means, what to type."""
    head = f"{paint(one.level.value, _TONES[one.level])}{' ' * (_WIDTH - len(one.level.value))}  "
    about = f"{one.job}: " if one.job else ""
    lines = [f"{head}{columns.cell(f'{about}{one.said}')}  {paint(f'[{check}]', Tone.QUIET)}"]
    lines += [f"{_LEFT}{columns.cell(one.meaning)}"] if one.meaning else []
    lines += [f"{_LEFT}fix: {columns.cell(one.command)}"] if one.command else []
    return lines


def _troubles(results: Iterable[Result], home: str) -> list[str]:
    """Everything that was found, the worst first."""
    order = (Level.ERROR, Level.WARNING, Level.INFO)
    found = [
        (one, result.check.id) for level in order for result in results for one in result.findings if one.level is level
    ]
    return [_short(line, home) for one, check in found for line in _finding(check, one)]


def _row(result: Result) -> tuple[str, str, str]:
    why = "; ".join(one.said for one in result.findings if one.level is Level.SKIPPED)
    return result.level.value, result.check.id, f"skipped because {why}" if why else result.check.claim


def _list(results: Iterable[Result]) -> list[str]:
    """A line for each check that has nothing to say."""
    quiet = [result for result in results if result.level in (Level.OK, Level.SKIPPED)]
    lines = columns.table([_row(result) for result in quiet])
    return [
        paint(result.level.value, _TONES[result.level]) + line.removeprefix(result.level.value)
        for result, line in zip(quiet, lines, strict=True)
    ]


def _summary(results: Iterable[Result], *, listed: bool) -> str:
    found = [one.level for result in results for one in result.findings]
    counts = [
        columns.plural(found.count(Level.ERROR), "error") if Level.ERROR in found else "",
        columns.plural(found.count(Level.WARNING), "warning") if Level.WARNING in found else "",
        f"{found.count(Level.INFO)} to know" if Level.INFO in found else "",
    ]
    levels = [result.level for result in results]
    fine = levels.count(Level.OK)
    counts.append(f"{columns.plural(fine, 'check')} fine")
    counts.append(f"{levels.count(Level.SKIPPED)} skipped" if Level.SKIPPED in levels else "")
    hint = "" if listed else " (`jobsync doctor --all` lists them)"
    return ", ".join(count for count in counts if count) + hint


def _show(view: View, results: tuple[Result, ...], *, everything: bool) -> None:
    home = view.origin.config.home
    where = view.origin.repo.work_tree
    shown = f"~{where.removeprefix(home)}" if where.startswith(f"{home}/") else where
    say(f"{columns.cell(shown)} ({view.origin.repo.prefix}): {versions(view)}")
    say_all(_troubles(results, home))
    if everything:
        say_all(_list(results))
    say(_summary(results, listed=everything))


def _finding_json(one: Finding) -> FindingRow:
    return {
        "level": one.level.value,
        "job": one.job or None,
        "said": one.said,
        "meaning": one.meaning,
        "command": one.command or None,
        "fixable": one.repair is not None,
    }


def _check_json(result: Result) -> CheckRow:
    return {
        "id": result.check.id,
        "claim": result.check.claim,
        "level": result.level.value,
        "findings": [_finding_json(one) for one in result.findings],
    }


def _repo_json(repo: Repo, view: View | None, results: tuple[Result, ...], problem: str | None) -> RepoHealth:
    return {
        "work_tree": repo.work_tree,
        "prefix": repo.prefix,
        "problem": problem,
        "versions": versions(view) if view else "",
        "checks": [_check_json(result) for result in results],
    }


def _mend(view: View, todo: tuple[Repair, ...], tell: Callable[[str], None]) -> None:
    for repair in todo:
        try:
            kept = fixing.mend(repair, view)
        except JobsyncError as trouble:
            complain(trouble.message, trouble.hint)
        else:
            for path in kept:
                tell(f"kept a copy of your edit: {path}")


def _fixed(view: View, results: tuple[Result, ...], *, yes: bool, tell: Callable[[str], None]) -> View | None:
    """Show what can be mended and mend it; gives a fresh look, or None where nothing was done.

    `tell` prints a line: beside a result that is for programs, it must not stand in it.
    """
    todo = fixing.repairs(results)
    if not todo:
        is_well = all(result.level in (Level.OK, Level.SKIPPED) for result in results)
        tell("there is nothing to mend" if is_well else "nothing of this can be mended without you")
        return None
    tell("can be mended:")
    for line in (line for repair in todo for line in fixing.in_words(repair, view.origin)):
        tell(f"  {line}")
    if not confirm("Mend it?", yes=yes):
        return None
    _mend(view, todo, tell)
    tell("looked again:")
    return View(view.origin, local_zone.now(), view.environment, view.only)


def _looked_at(view: View, *, fix: bool, yes: bool, everything: bool, as_json: bool) -> tuple[Result, ...]:
    """Every check's result, shown where it is for people; after mending, what is so then."""
    results = checks.examine(view)
    if not as_json:
        _show(view, results, everything=everything)
    again = _fixed(view, results, yes=yes, tell=note if as_json else say) if fix else None
    return _looked_at(again, fix=False, yes=yes, everything=everything, as_json=as_json) if again else results


def _views(context: Context, job: str | None) -> Iterable[tuple[Repo, View | JobsyncError]]:
    """Each repository that is asked about, opened, or why it cannot be looked at."""
    if job is not None:
        origin = context.origin_of(job)
        yield origin.repo, View(origin, local_zone.now(), os.environ, job)
        return
    for repo in context.repos():
        try:
            yield repo, View(open_origin(context.config, repo), local_zone.now(), os.environ)
        except JobsyncError as trouble:
            yield repo, trouble


@click.command()
@click.argument("job", required=False)
@click.option("-a", "--all", "everything", is_flag=True, help="List the checks that found nothing, too.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely: shown first, looked at again after.")
@click.option("-y", "--yes", is_flag=True, help="With --fix: do not ask.")
@json_option(DoctorDocument)
@pass_context
def doctor(context: Context, /, job: str | None, *, everything: bool, fix: bool, yes: bool, as_json: bool) -> int:
    """Look for whatever is wrong or may surprise, and say what mends it. Exits with 1 when something is wrong.

    \b
    Examples:
      jobsync doctor            everything
      jobsync doctor backup     one job
      jobsync doctor --fix      mend what is safe to mend
    """
    documents: list[RepoHealth] = []
    sick = False
    for repo, view in _views(context, job):
        try:
            if isinstance(view, JobsyncError):
                raise view
            results = _looked_at(view, fix=fix, yes=yes, everything=everything, as_json=as_json)
        except UsageError:
            raise
        except JobsyncError as trouble:
            sick = True
            documents.append(_repo_json(repo, None, (), trouble.message))
            if not as_json:
                complain_of(trouble)
            continue
        sick = sick or checks.has_errors(results)
        documents.append(_repo_json(repo, view, results, None))
    if as_json:
        say_json(DoctorDocument(version=report.JSON_VERSION, healthy=not sick, repos=documents))
    return ExitCode.FAILURE if sick else ExitCode.OK
