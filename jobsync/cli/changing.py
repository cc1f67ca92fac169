"""`adopt`: what was changed on the machine goes back into the repository."""

import difflib
import stat
from pathlib import Path

import click

from jobsync import columns, files
from jobsync.cli.console import ExitCode, note, say, say_all
from jobsync.cli.context import Context, as_defined, check_is_for_here, pass_context
from jobsync.definitions.adopt import Adoption, unmet
from jobsync.definitions.adopt import adopt as adopt_edits
from jobsync.definitions.hand_edits import Plists
from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.state import Placed
from jobsync.repo.trees import WorkTree
from jobsync.schedulers import plist
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class _Edited:
    """A job whose installed property list may have been edited."""

    origin: Origin
    job: Job
    path: str
    """Of the installed property list."""
    plists: Plists


def _definition(origin: Origin, name: str) -> Job:
    for job in as_defined(origin, {name}).jobs:
        return job
    raise JobsyncError(f"{name} has no valid definition to adopt into", hint="`jobsync check` says what is wrong")


def _placed(origin: Origin, name: str, path: str) -> Placed | None:
    """What the ledger says that jobsync wrote there."""
    known = ledgers.read(origin.paths.ledger)
    record = known.records.get(name) if known else None
    return next((one for one in record.artefacts if one.path == path), None) if record else None


def _installed(origin: Origin, name: str, path: str, placed: Placed | None) -> dict[str, object]:
    content = files.read(Path(path))
    if content is None:
        check_is_for_here(origin, name)
        raise JobsyncError(
            f"{path} is not there, so there is nothing to adopt", hint=f"`jobsync sync {name}` installs it"
        )
    if placed is None and not origin.scheduler.is_ours(content):
        raise JobsyncError(f"{path} is not jobsync's, so it is not adopted", hint="move it away, or rename the job")
    found = plist.loads(content)
    # Odd keys and values, and dicts that hold themselves, have no meaning to compare either.
    if found is None or plist.meaning(found) is None:
        hint = f"`jobsync sync {name}` puts a good one there, and keeps a copy of this one"
        raise JobsyncError(f"{path} is no property list that can be read", hint=hint)
    return found


def _rendered(origin: Origin, job: Job, path: str) -> dict[str, object]:
    (content,) = (one.content for one in origin.scheduler.render(job).artefacts if one.path == path)
    return plist.loads(content) or {}


def _check_adoptable(origin: Origin, name: str) -> None:
    """`JobsyncError` where definitions are not property lists: the way back is known for those alone."""
    scheduler = origin.scheduler.manners.name
    if scheduler != "launchd":
        raise JobsyncError(
            f"edits of {scheduler}'s units cannot be adopted",
            hint=f"`jobsync diff` shows them: write them into job.toml, or `jobsync sync {name}` undoes them",
        )


def _look(origin: Origin, name: str) -> _Edited:
    job = _definition(origin, name)
    _check_adoptable(origin, name)
    path = origin.scheduler.definition_path(origin.scheduler.label(name))
    placed = _placed(origin, name, path)
    installed = _installed(origin, name, path, placed)
    wanted = _rendered(origin, job, path)
    written = ledgers.Store(origin.paths.store).get(placed.digest) if placed else None
    return _Edited(origin, job, path, Plists(plist.loads(written or b"") or wanted, wanted, installed))


def _refuse(edited: _Edited, adoption: Adoption) -> None:
    """`JobsyncError` when the edits as a whole cannot be said: all of them or none."""
    count = columns.plural(len(adoption.refusals), "edit")
    if adoption.refusals:
        for refusal in adoption.refusals:
            note(str(refusal))
        raise JobsyncError(
            f"{count} of {edited.path} cannot go into {adoption.file}, so nothing was written",
            hint="undo those in the file and try again, or write job.toml by hand",
        )
    assert adoption.job is not None  # noqa: S101 - what Adoption promises
    rendered = _rendered(edited.origin, adoption.job, edited.path)
    if wrong := unmet(adoption, edited.job, edited.plists, rendered):
        raise JobsyncError(
            f"{adoption.file} would not mean the same as {edited.path}: {', '.join(wrong)}",
            hint="nothing was written; write job.toml by hand",
        )


def _write(origin: Origin, adoption: Adoption) -> None:
    """Replace the definition, and nothing but the very file that was read."""
    root = Path(origin.repo.work_tree)
    file = root / adoption.file
    if file.resolve() != root.resolve() / adoption.file:
        raise JobsyncError(f"{file} is reached through a link", hint="`--dry-run` shows what to write, and where")
    if files.read(file) != adoption.before.encode():
        raise JobsyncError(f"{file} was written by somebody else meanwhile", hint="try again")
    files.write_atomically(file, adoption.after.encode(), stat.S_IMODE(file.stat().st_mode))


def _diff(adoption: Adoption) -> list[str]:
    before, after = adoption.before.splitlines(), adoption.after.splitlines()
    names = (f"a/{adoption.file}", f"b/{adoption.file}")
    return list(difflib.unified_diff(before, after, *names, lineterm=""))


@click.command()
@click.argument("job")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@pass_context
def adopt(context: Context, /, job: str, *, dry_run: bool) -> int:
    """Write what you edited in the installed property list of JOB back into its job.toml.

    All of it or, with the reasons, nothing. Comments, order and style of job.toml stay as they are.

    \b
    Examples:
      jobsync adopt -n backup   show how job.toml would change
      jobsync adopt backup      change it; then `jobsync sync backup`
    """
    edited = _look(context.origin_of(job), job)
    adoption = adopt_edits(WorkTree(edited.origin.repo.work_tree), edited.origin.machine, edited.job, edited.plists)
    _refuse(edited, adoption)
    if adoption.after == adoption.before:
        say(f"nothing to adopt: {edited.path} holds no edit that {adoption.file} lacks")
    elif dry_run:
        say_all(_diff(adoption))
    else:
        _write(edited.origin, adoption)
        say(f"adopted into {adoption.file}: {', '.join(adoption.keys)}")
        say(f"next: `jobsync sync {job}`, then commit")
    return ExitCode.OK
