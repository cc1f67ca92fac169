"""`edit`, `rename`: changing what the repository defines, with the checks that follow."""

import os
import re
import shlex
from collections.abc import Collection
from pathlib import Path

import click

from jobsync import columns, files, process
from jobsync.cli.console import ExitCode, Progress, ask, complain, confirm, is_interactive, note, say
from jobsync.cli.context import Context, as_defined, pass_context
from jobsync.cli.syncing import answered, refusal, show_report
from jobsync.definitions.load import JOB_FILE, name_fault, read_settings
from jobsync.errors import Fault, JobsyncError, UsageError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import observe, planning
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Report
from jobsync.repo.trees import WorkTree
from jobsync.runs import pauses, records
from jobsync.schedulers.protocol import Survey, Unknown

_LAST_RESORT = "vi"


def job_directory(origin: Origin, job: str) -> Path:
    """Where a job is or would be defined. `JobsyncError` where `jobsync.toml` does not tell."""
    jobs = read_settings(WorkTree(origin.repo.work_tree)).jobs
    if jobs is None:
        raise JobsyncError("jobsync.toml does not say where the jobs are", hint="`jobsync check` says what is wrong")
    return Path(origin.repo.work_tree, jobs, job)


def _open(file: Path) -> None:
    """Have the user's editor open a file, and wait until it is closed."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _LAST_RESORT
    # As git and crontab do it: the variable is a line of shell, such as `code --wait`.
    status = process.on_terminal(["/bin/sh", "-c", f'{editor} "$@"', editor, str(file)], env=os.environ)
    if status:
        raise JobsyncError(
            f"{editor} ended with status {status}, so nothing else was done", hint="set VISUAL or EDITOR"
        )


def _faults(origin: Origin, job: str) -> tuple[Fault, ...]:
    return as_defined(origin, {job}).faults


def _edit_until_right(origin: Origin, job: str, file: Path) -> bool:
    """Whether the definition is right in the end; whoever gives up before keeps what was written."""
    while True:
        _open(file)
        faults = _faults(origin, job)
        if not faults:
            return True
        for fault in faults:
            note(str(fault))
        if not is_interactive() or not ask("edit it again?"):
            complain(
                f"{file} is as you left it, and the installed job as it was", f"`jobsync edit {job}` opens it again"
            )
            return False


def _offer(origin: Origin, jobs: Collection[str], *, yes: bool) -> int:
    """Show what a sync of these jobs would do, and do it if that is wanted."""
    would_do = answered(origin, jobs, planning.dry_run(planning.plan(origin, Orders(), jobs)))
    if not would_do.would_change:
        show_report(would_do)
        return ExitCode.FAILURE if would_do.has_failures else ExitCode.OK
    if not yes:
        show_report(would_do)
        if not is_interactive() or not confirm("sync now?", yes=False):
            say(f"nothing synced yet; `jobsync sync {' '.join(jobs)}` does it")
            return ExitCode.OK
    if why := refusal(origin):
        raise JobsyncError(f"nothing synced yet: {why}", hint="when that is over, `jobsync sync` does it")
    done = _sync(origin, jobs)
    show_report(done)
    return ExitCode.FAILURE if done.has_failures else ExitCode.OK


def _sync(origin: Origin, jobs: Collection[str]) -> Report:
    with Progress() as progress:
        return syncing.sync(origin, Orders(), jobs, progress)


def _way_to_a_definition(job: str, directory: Path) -> str:
    """How a job comes to a job.toml that it does not have: `new` makes none where something is already."""
    return "`jobsync check` says what to write" if files.is_there(directory) else f"`jobsync new {job}` makes one"


@click.command()
@click.argument("job")
@click.option("--run", "script", is_flag=True, help="Edit the file `run`, not job.toml.")
@click.option("-y", "--yes", is_flag=True, help="Sync the job afterwards, without asking.")
@pass_context
def edit(context: Context, /, job: str, *, script: bool, yes: bool) -> int:
    """Open the definition of JOB in your editor, check it, show what a sync would do, and offer to do it.

    The editor is $VISUAL, else $EDITOR, else vi. Where the definition has a fault, it offers to edit again.

    \b
    Examples:
      jobsync edit backup          its job.toml
      jobsync edit --run backup    its script
    """
    origin = context.origin_of(job)
    file = job_directory(origin, job) / ("run" if script else JOB_FILE)
    if not file.is_file():
        hint = "job.toml says what it runs" if script else _way_to_a_definition(job, file.parent)
        raise JobsyncError(f"{file} is not there", hint=hint)
    if not _edit_until_right(origin, job, file):
        return ExitCode.FAILURE
    return _offer(origin, (job,), yes=yes)


def check_name(name: str) -> None:
    """`UsageError` where no job that is about to be named can have this name."""
    if wrong := name_fault(name, "take another name"):
        raise UsageError(wrong)


def _check_rename(origin: Origin, old: str, new: str) -> None:
    """`JobsyncError` for what would lose something: a name that is taken, a job that runs."""
    check_name(new)
    directory = _directories(origin, old, new)
    if not directory[0].is_dir() and not _is_begun(directory):
        raise JobsyncError(f"{old} has no directory in {origin.repo.work_tree}", hint="`jobsync status` says more")
    for before, after in (directory, *_followers(origin, old, new)):
        if files.is_there(before) and files.is_there(after) and not _is_blank(origin, new, before, after):
            raise JobsyncError(f"{after} is there already", hint="take another name, or move that away")
    known = ledgers.read(origin.paths.ledger) or Ledger()
    answer = observe.ask(known, origin.paths, origin.scheduler)
    if isinstance(answer, Unknown):
        raise JobsyncError(
            f"not renamed: could not ask the scheduler: {answer.reason}", hint="when it answers, try again"
        )
    record = known.records.get(old)
    # Under a former prefix it may be still, for it runs or is switched off there.
    labels = {origin.scheduler.label(old), *([record.label] if record else [])}
    is_disabled = isinstance(answer, Survey) and labels & answer.disabled.keys() and not _is_begun(directory)
    if is_disabled and pauses.read(origin.paths.pause(old)) is None:
        raise JobsyncError(
            f"{old} is disabled by you, and {new} would not be",
            hint=f"`jobsync pause {old}` first: a pause goes along with the name",
        )
    services = answer.services if isinstance(answer, Survey) else {}
    pid = next((one.pid for label, one in services.items() if label in labels and one.pid is not None), None)
    if pid is not None:
        raise JobsyncError(
            f"{old} is running (pid {pid}), and a new name would stop it",
            hint=f"`jobsync pause {old}` first, and `jobsync resume {new}` afterwards"
            if record is not None and record.is_daemon
            else f"wait for its end, or `jobsync stop {old}` first",
        )


def _directories(origin: Origin, old: str, new: str) -> tuple[Path, Path]:
    return job_directory(origin, old), job_directory(origin, new)


def _is_begun(directory: tuple[Path, Path]) -> bool:
    """The directory was renamed already: by a rename that was interrupted, or by hand."""
    return not files.is_there(directory[0]) and directory[1].is_dir()


def _is_committed(origin: Origin, directory: tuple[Path, Path]) -> bool:
    """HEAD has the directory under its new name, as it is, and not under the old one: git brought it here."""
    places = [str(one.relative_to(origin.repo.work_tree)) for one in directory]
    return dict(origin.repository.entries(places)) == origin.repository.work_tree_entries(places)


def _followers(origin: Origin, old: str, new: str) -> list[tuple[Path, Path]]:
    """What belongs to a job on this machine beside its artefacts, by both names."""
    label = origin.scheduler.label
    return list(zip(origin.paths.of_job(old, label(old)), origin.paths.of_job(new, label(new)), strict=True))


def _is_blank(origin: Origin, new: str, before: Path, after: Path) -> bool:
    """What a sync has made for a job that did not run yet: a hook, where git brought the new name here."""
    if after == origin.paths.job_logs(origin.scheduler.label(new)):
        return not files.names(after)
    if after == origin.paths.pause(new):
        return pauses.read(after) == pauses.read(before)
    return after == origin.paths.runs(new) and not records.read(after)


def _remove_blank(path: Path) -> None:
    if files.is_directory(path):
        files.remove_if_empty(path)
    else:
        files.remove(path)


def _mentions(origin: Origin, old: str, new: str) -> list[Fault]:
    """Faults of other definitions that the new name makes."""
    names_old = re.compile(rf"/{re.escape(old)}(?![a-z0-9_-])").search
    found = as_defined(origin).faults
    return [fault for fault in found if names_old(fault.message) and f"/{new}/" not in fault.file]


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be moved; move nothing.")
@pass_context
def rename(context: Context, /, old: str, new: str, *, dry_run: bool) -> int:
    """Give the job OLD the name NEW: its directory, its label, its logs and its history.

    The directory is renamed in the work tree; git's index is left to you. A running job is not renamed.

    \b
    Examples:
      jobsync rename backup backup-notes
      jobsync rename -n backup backup-notes   what would be moved
    """
    origin = context.origin_of(old, or_had=True)
    _check_rename(origin, old, new)
    if why := refusal(origin):
        raise JobsyncError(f"not renamed: {why}", hint="when that is over, try again")
    directory = _directories(origin, old, new)
    followers = [(before, after) for before, after in _followers(origin, old, new) if files.is_there(before)]
    if dry_run:
        moves = followers if _is_begun(directory) else [directory, *followers]
        for line in columns.table([(str(before), str(after)) for before, after in moves]):
            say(line)
        return ExitCode.OK
    further = f"`jobsync rename {old} {new}` goes on with it"
    try:
        done = _move(origin, old, new, followers)
    except syncing.Unanswered as error:  # whose hint is that of a sync alone, before which nothing was done
        raise JobsyncError(f"renamed in part: {error.message}", hint=f"when it answers, {further}") from error
    except (KeyboardInterrupt, JobsyncError) as error:
        behind = "\n" if isinstance(error, KeyboardInterrupt) else ""  # the terminal's ^C
        note(f"{behind}jobsync: {further}")
        raise
    if done.results or done.has_failures:
        show_report(done)
    else:
        say(f"renamed {old} to {new}; nothing of it is installed on this machine")
    mentions = _mentions(origin, old, new)
    for fault in mentions:
        note(str(fault))
    if not _is_committed(origin, directory):
        # git refuses to add what is neither there nor in its index.
        changed = directory if origin.repository.tracked(directory[0]) else directory[1:]
        say(f"next: `{shlex.join(['git', 'add', '-A', *map(str, changed)])}`, then commit")
    return ExitCode.FAILURE if done.has_failures or mentions else ExitCode.OK


def _move(origin: Origin, old: str, new: str, followers: list[tuple[Path, Path]]) -> Report:
    """Whoever is interrupted here finds the rest to do when the same is asked for again."""
    directory = _directories(origin, old, new)
    if not _is_begun(directory):
        files.move(*directory)
    # The old job goes before its logs do, so that no run of it writes where nothing is any more.
    known = ledgers.read(origin.paths.ledger)
    gone = _sync(origin, (old,)) if known and old in known.records else None
    for before, after in followers:
        if _is_blank(origin, new, before, after):
            _remove_blank(after)
        files.move(before, after)
    came = _sync(origin, (new,))
    return syncing.joined(gone, came) if gone else came
