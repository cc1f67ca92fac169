"""`sync`, `diff`, `check`: what the repository wants, and making it so."""

import difflib
import os
import shlex
import socket
from collections.abc import Collection, Iterable
from typing import TypedDict

import click

from jobsync import columns, files, local_zone, report
from jobsync import config as configuration
from jobsync.cli.console import ExitCode, Progress, json_option, note, say, say_all, say_json
from jobsync.cli.context import Context, pass_context, why_not_here
from jobsync.definitions.job import Definitions, Machine, Tree
from jobsync.definitions.load import SETTINGS_FILE, load
from jobsync.errors import Fault, JobsyncError
from jobsync.reconcile import kept, login, planning
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin, situation_now
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Caller, Change, Remove, Report, Write
from jobsync.repo.place import Place, about_to_commit, open_to_read
from jobsync.repo.repository import Repository
from jobsync.repo.trees import IndexTree, WorkTree
from jobsync.repo.verdict import refusal_by_hand
from jobsync.schedulers import choose
from jobsync.tones import paint, printable
from jobsync.values import replace


class SyncedRepo(report.SyncReport):
    """One repository's part of `sync --json`."""

    work_tree: str
    prefix: str


class SyncDocument(TypedDict):
    """`sync --json`."""

    version: int
    repos: list[SyncedRepo]


class CheckedFault(report.FaultRow):
    """A fault, and whose it is: files of one name may be in several repositories."""

    work_tree: str


class CheckDocument(TypedDict):
    """`check --json`."""

    version: int
    work_trees: list[str]
    jobs: int
    faults: list[CheckedFault]


def refusal(origin: Origin) -> str | None:
    """Why the work tree is not what its user wants for good; None when it may be."""
    return refusal_by_hand(situation_now(origin, os.environ, wanted_branch=None))


def _check_calm(origin: Origin) -> None:
    """By hand the work tree counts as it is; in the middle of something git's, that is not what anybody means."""
    if why := refusal(origin):
        raise JobsyncError(
            f"{origin.repo.work_tree}: {why}, so its files are not what you want for good",
            hint="finish that first (commit, end the rebase, switch to a branch); `jobsync sync --force` takes them so",
        )


def _is_calm(origin: Origin) -> bool:
    """Whether a hook would sync there now; if not, one line says why, and that is no failure."""
    verdict = login.verdict(origin, os.environ)
    if not verdict.sync:
        note(f"{origin.repo.work_tree}: {verdict.notice or 'git is in the middle of something'}")
    return verdict.sync


def show_report(done: Report, heading: str = "") -> None:
    """Print what a sync did or would do."""
    if heading:
        say(heading)
    rows = [(one.outcome.value, one.name, one.cause) for one in done.results]
    for line, one in zip(columns.table(rows), done.results, strict=True):
        say(line.replace(one.outcome.value, paint(one.outcome.value, report.tone(one.outcome)), 1))
    for line in report.trouble_lines(done):
        note(line)
    say(report.summary(done))


def _heading(context: Context, origin: Origin) -> str:
    """Which repository it is about, where a command is about several."""
    return f"{origin.repo.work_tree}:" if len(context.repos()) > 1 else ""


def _status(reports: list[Report], *, exit_code: bool) -> ExitCode:
    if any(done.has_failures for done in reports):
        return ExitCode.FAILURE
    if exit_code and any(done.dry_run and done.would_change for done in reports):
        return ExitCode.WOULD_CHANGE
    return ExitCode.OK


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done; do nothing.")
@click.option("--exit-code", is_flag=True, help="With -n: exit with 3 when something would be done.")
@click.option("--now", is_flag=True, help="Stop running jobs that must be replaced, instead of deferring them.")
@click.option("--head", is_flag=True, help="Sync what HEAD defines, by the rules of the hooks, as unattended syncs do.")
@click.option("--force", is_flag=True, help="Also with a detached or unborn HEAD, conflicts, or a rebase under way.")
@click.option("--allow-removals", is_flag=True, help="Release the brake: remove jobs though many are gone at once.")
@json_option(SyncDocument)
@pass_context
def sync(
    context: Context, /, jobs: tuple[str, ...], *, dry_run: bool, exit_code: bool, now: bool, head: bool,
    force: bool, allow_removals: bool, as_json: bool,
) -> int:  # fmt: skip
    """Bring the scheduler in line with the work tree, whatever state either is in.

    Safe at any time: what is equal is not touched, what runs is not stopped, what is not ours is left alone.

    \b
    Examples:
      jobsync sync              everything
      jobsync sync -n           only show it
      jobsync sync backup       this job alone
    """
    orders = Orders(Caller.HOOK if head else Caller.HAND, now=now, allow_removals=allow_removals)
    made: list[tuple[Origin, Report]] = []
    for origin, names in context.shares(jobs):
        with context.apart(origin.repo):
            if head and not force and not _is_calm(origin):
                continue
            if not (dry_run or force or head):
                _check_calm(origin)
            made.append((origin, _one(origin, orders, names, dry_run=dry_run)))
    if as_json:
        say_json(SyncDocument(version=report.JSON_VERSION, repos=[_repo_json(*pair) for pair in made]))
    else:
        for origin, done in made:
            show_report(done, _heading(context, origin))
    return _status([done for _, done in made], exit_code=exit_code)


def _repo_json(origin: Origin, done: Report) -> SyncedRepo:
    return {"work_tree": origin.repo.work_tree, "prefix": origin.repo.prefix, **report.as_json(done)}


def _one(origin: Origin, orders: Orders, jobs: tuple[str, ...], *, dry_run: bool) -> Report:
    if dry_run:
        return answered(origin, jobs, planning.dry_run(planning.plan(origin, orders, jobs)))
    before = _last_commit(origin)
    with Progress() as progress:
        done = answered(origin, jobs, syncing.sync(origin, orders, jobs, progress))
    was_behind = done.would_change and before not in ("", _last_commit(origin))
    return _with_word_on_hooks(origin, done) if was_behind else done


def _last_commit(origin: Origin) -> str:
    """The last one that a sync has seen and that concerned a job; empty where there is none."""
    known = ledgers.read(origin.paths.ledger)
    return known.commit if known else ""


def _with_word_on_hooks(origin: Origin, done: Report) -> Report:
    """For whom a commit came that no hook has synced."""
    from jobsync.cli.hooks import unheard  # where hooks do their work, nobody asks

    return replace(done, notices=(*done.notices, *unheard(origin)))


def answered(origin: Origin, jobs: Collection[str], done: Report) -> Report:
    """The report, with a word on each job that was named and that this machine neither has nor shall have."""
    silent = set(jobs) - {result.name for result in done.results}
    found = [(name, why_not_here(origin, name)) for name in sorted(silent)]
    notices = tuple(f"{name} is not for this machine: {why}" for name, why in found if why)
    return replace(done, notices=(*done.notices, *notices))


def _text(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").splitlines(keepends=True)


def _diffs(change: Change, installed: dict[str, bytes | None]) -> list[str]:
    # A link goes before its job is loaded and comes back behind it: what counts is what is there in the end.
    after: dict[str, bytes] = {}
    edited = set()
    for step in change.steps:
        match step:
            case Write(artefact, keeps):
                path, after[artefact.path] = artefact.path, artefact.content
            case Remove(path, keeps):
                after[path] = b""
            case _:
                continue
        if keeps:
            edited.add(path)
    lines: list[str] = []
    for path, content in after.items():
        if path in edited:
            way_out = f"; `jobsync adopt {change.name}` keeps that" if path.endswith(".plist") else ""
            lines.append(f"# {path} was edited by hand since the last sync{way_out}")
        names = (f"installed{path}", f"wanted{path}")
        both = _text(installed.get(path)), _text(content)
        lines += [line.rstrip("\n") for line in difflib.unified_diff(*both, *names)]
    return lines


def _kept_lines(origin: Origin, copy: kept.Copy) -> list[str]:
    """One copy of a hand edit: when, how it comes back, and how it differs from what is installed now."""
    job, place = kept.job_of(copy, origin.scheduler), kept.place_of(copy, origin.paths, origin.scheduler)
    lines = [f"# {copy.made.astimezone(local_zone.LOCAL):%Y-%m-%d %H:%M:%S}  {copy.path}"]
    if place.suffix == ".plist" and not files.is_there(place):
        # Put there again it would be loaded at the next login, beside the job that has come in its place.
        lines.append(f"# back: {job} is not installed; write into a job.toml what you want of it")
    elif place.suffix == ".plist":
        lines.append(f"# back: cp {shlex.quote(str(copy.path))} {shlex.quote(str(place))} && jobsync adopt {job}")
    elif place != origin.paths.launcher(job):  # of a unit nothing is adopted
        lines.append(f"# back: write it into job.toml, or into a drop-in: systemctl --user edit {place.name}")
    names = (f"installed{place}", f"kept/{copy.path.name}")
    pair = (_text(files.read(place)), _text(files.read(copy.path)))
    return lines + [line.rstrip("\n") for line in difflib.unified_diff(*pair, *names)]


def _show_kept(origins: tuple[Origin, ...], jobs: tuple[str, ...]) -> None:
    found = [(origin, copy) for origin in origins for copy in kept.copies(origin.paths)]
    shown = [(origin, copy) for origin, copy in found if not jobs or kept.job_of(copy, origin.scheduler) in jobs]
    for origin, copy in shown:
        say_all(printable(line) for line in _kept_lines(origin, copy))
    if not shown:
        note("there are no copies of hand edits" + (f" of {', '.join(jobs)}" if jobs else ""))


def _show_diffs(planned: planning.Planned, heading: str) -> None:
    files_there = planned.observed.files.items()
    installed = {path: state.content if state.target is None else state.target for path, state in files_there}
    for change in planned.plan.changes:
        say_all(_diffs(change, installed))
    _note_faults(planned.plan.faults, heading)


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--kept", "show_kept", is_flag=True, help="Show the copies of hand edits that syncs have kept instead.")
@pass_context
def diff(context: Context, /, jobs: tuple[str, ...], *, show_kept: bool) -> int:
    """Show how the installed files differ from those that a sync would write.

    Prints unified diffs, nothing where all is equal. Exits with 0 either way.

    \b
    Examples:
      jobsync diff              what the next sync would change
      jobsync diff --kept       every hand edit that was undone, the newest first
    """
    if show_kept:
        _show_kept(context.reached(), jobs)
        return ExitCode.OK
    for origin, names in context.shares(jobs):
        with context.apart(origin.repo):
            _show_diffs(planning.plan(origin, Orders(), names), _heading(context, origin))
    return ExitCode.OK


def _anonymous(place: Place) -> Machine:
    """For a repository that is not registered here, as in CI: what definitions say is checked all the same."""
    home = str(configuration.home_directory(os.environ))
    system = configuration.this_os()
    return Machine(
        name=socket.gethostname(),
        tags=(),
        os=system,
        home=home,
        prefix="jobsync",
        work_tree=place.work_tree,
        scheduler=choose.usual(system),
    )


def _tree(repository: Repository, *, staged: bool) -> Tree:
    """The work tree, or the index that the `git commit` around us is making."""
    if not staged:
        return WorkTree(repository.work_tree)
    repository = about_to_commit(repository, os.environ, os.getcwd())  # noqa: PTH109 - as git means it
    return IndexTree(repository, [SETTINGS_FILE, "jobs"])


def _definitions(context: Context, *, staged: bool) -> list[tuple[str, Definitions]]:
    """Work tree -> what is defined there, of each repository that is asked about."""
    place = context.place if context.repo is None else None
    is_set_up = configuration.find(os.environ) is not None
    if context.repo is None and place is None and not is_set_up:
        raise JobsyncError("this is not a git repository", hint="change into the one whose definitions you mean")
    if place is not None and (not is_set_up or context.around() is None):
        repository = open_to_read(place, os.environ)
        return [(place.work_tree, load(_tree(repository, staged=staged), _anonymous(place)))]
    found = []
    for one in context.reached():
        with context.apart(one.repo):
            found.append((one.repo.work_tree, load(_tree(one.repository, staged=staged), one.machine)))
    return found


def _note_faults(faults: Iterable[Fault], heading: str) -> None:
    """On stderr, below the repository where there are several: files of one name may be in each."""
    for number, fault in enumerate(faults):
        if heading and not number:
            note(heading)
        note(str(fault))


@click.command()
@click.option("--staged", is_flag=True, help="Check what is staged for the next commit, not the work tree.")
@json_option(CheckDocument)
@pass_context
def check(context: Context, /, *, staged: bool, as_json: bool) -> int:
    """Check every definition in the work tree, without touching anything.

    Needs no registration: it works in any clone of the repository, in CI too.

    \b
    Examples:
      jobsync check            all definitions of the work tree
      jobsync check --staged   what the next commit will hold
    """
    found = _definitions(context, staged=staged)
    faults = [fault for _, one in found for fault in one.faults]
    count = sum(len(one.jobs) for _, one in found)
    if as_json:
        rows = [CheckedFault(**report.fault_row(one), work_tree=place) for place, read in found for one in read.faults]
        places = [place for place, _ in found]
        say_json(CheckDocument(version=report.JSON_VERSION, work_trees=places, jobs=count, faults=rows))
    else:
        for work_tree, one in found:
            _note_faults(one.faults, f"{work_tree}:" if len(found) > 1 else "")
        # With a fault in jobsync.toml it is not known where they would be.
        missing = "; there is no jobs directory" if any(one.jobs_missing for _, one in found) and not faults else ""
        say(f"{columns.plural(count, 'valid job')}, {columns.plural(len(faults), 'fault')}{missing}")
    return ExitCode.FAILURE if faults else ExitCode.OK
