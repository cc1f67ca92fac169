"""Checks of what is on the machine: artefacts, what is loaded, whose files they are, what stands in the way."""

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from jobsync import columns, files
from jobsync.doctor.check import Check
from jobsync.doctor.view import View
from jobsync.findings import Chmod, Finding, Reload, Sync, error, info, skipped, warning
from jobsync.reconcile import observe
from jobsync.reconcile.own import is_own
from jobsync.reconcile.state import UNREADABLE, FileState, Outcome, Unwanted, Wanted
from jobsync.repo.events import EVENTS
from jobsync.runs import pauses
from jobsync.schedulers.protocol import Identity, NoSession, Survey, Unknown

_SYNC = "jobsync sync"


def _closed(view: View) -> Iterator[Finding]:
    """Installed files that cannot be read: one finding for each way in, however many files it opens."""
    ways: dict[str, list[tuple[str, str]]] = {}
    for one in view.changes(Outcome.FAILED):
        for path in _of_job(view, one.name):
            if view.planned.observed.files.get(path, FileState()).is_unreadable:
                ways.setdefault(files.way_in(Path(path)) or f"`ls -l {shlex.quote(path)}`", []).append((one.name, path))
    for way, found in ways.items():
        name, path = found[0]
        others = f" and {columns.plural(len(found) - 1, 'other file')}" if len(found) > 1 else ""
        yield error(
            f"{path}{others} {UNREADABLE}",
            name if all(job == name for job, _ in found) else "",
            meaning="it may hold an edit of yours, so no sync replaces it, and the job is left as it is",
            command=way.partition("`")[2].partition("`")[0],
        )


def _of_job(view: View, name: str) -> list[str]:
    """Where its files are, or shall be."""
    wanted, record = view.planned.want.jobs.get(name), view.planned.ledger.records.get(name)
    shall = [one.path for one in wanted.rendering.artefacts] if isinstance(wanted, Wanted) else []
    return [*dict.fromkeys([*shall, *(one.path for one in (record.artefacts if record else ()))])]


def _artefacts(view: View) -> Iterable[Finding]:
    yield from _closed(view)
    for one in view.changes(Outcome.REPAIRED):
        yield error(
            one.cause, one.name, meaning="the installed job is not the defined one", command=_SYNC, repair=Sync()
        )


def _synced(view: View) -> Iterable[Finding]:
    words = {
        Outcome.INSTALLED: "is defined and not installed",
        Outcome.UPDATED: "is installed in an older form",
        Outcome.RESTARTED: "runs with older files than the repository's",
    }
    for one in view.changes(*words):
        cause = f" ({one.cause})" if one.cause not in ("", "new") else ""
        yield warning(
            f"{words[one.outcome]}{cause}",
            one.name,
            meaning="the machine does something else than defined",
            command=_SYNC,
            repair=Sync(),
        )


def _loaded(view: View) -> Iterable[Finding]:
    for one in view.changes(Outcome.RELOADED):
        yield error(
            one.cause,
            one.name,
            meaning="its files are right, and the scheduler does not run them",
            command=_SYNC,
            repair=Sync(),
        )


def _settled(view: View) -> Iterator[tuple[str, Wanted]]:
    """Jobs of which the plan believes that they are loaded as defined."""
    for change in view.changes(Outcome.UNCHANGED, Outcome.PAUSED):
        wanted = view.planned.want.jobs.get(change.name)
        if isinstance(wanted, Wanted) and not change.steps and view.loaded(change.name) is not None:
            yield change.name, wanted


def _identified(view: View, name: str, wanted: Wanted, found: Identity | None) -> Finding | None:
    scheduler = view.origin.scheduler
    if found is None:
        return None  # gone since it was surveyed
    if found.problem:
        return warning(f"could not look: {found.problem}", name)
    meaning, command = "what runs is not what is installed, whatever the files say", "jobsync doctor --fix"
    repair = Reload(name)
    if found.owner != scheduler.owner:
        return error(
            f"{wanted.rendering.label} is loaded with another owner",
            name,
            meaning=meaning,
            command=command,
            repair=repair,
        )
    expected = scheduler.definition_path(wanted.rendering.label)
    if found.path and os.path.realpath(found.path) != os.path.realpath(expected):
        return error(
            f"it was loaded from {found.path}, not from {expected}",
            name,
            meaning=meaning,
            command=command,
            repair=repair,
        )
    loaded = view.loaded(name)
    # systemd keeps no unit in memory that nothing wants, and knows no daemons: its survey tells of both what counts.
    digest = (loaded.digest if loaded is not None else "") or found.digest
    if digest != wanted.rendering.load_digest:
        return error("another definition of it is loaded", name, meaning=meaning, command=command, repair=repair)
    return None


def _identity(view: View) -> Iterable[Finding]:
    """The scheduler itself is asked, job by job: syncs believe the ledger."""
    if not isinstance(view.answer, Survey):
        yield skipped("the scheduler cannot say what is loaded now")
        return
    settled = list(_settled(view))
    identities = view.origin.scheduler.identities([wanted.rendering.label for _, wanted in settled])
    for name, wanted in settled:
        finding = _identified(view, name, wanted, identities.get(wanted.rendering.label))
        if finding is not None:
            yield finding


def _failed(view: View) -> Iterable[Finding]:
    for name, record in view.planned.ledger.records.items():
        if record.message and view.is_meant(name):
            yield error(
                f"the last sync could not apply it: {record.message}",
                name,
                meaning="hooks do not try the same again",
                command=f"jobsync sync {name}",
            )


def _conflicts(view: View) -> Iterable[Finding]:
    for one in view.changes(Outcome.CONFLICT):
        yield error(
            one.cause, one.name, meaning="jobsync does not touch what is not its own, so the job is not installed"
        )


def _strays(view: View) -> Iterator[Finding]:
    """Definitions of this repository under another prefix: that was changed, and the ledger was lost."""
    scheduler, start = view.origin.scheduler, view.origin.scheduler.label("")
    known = {one.path for record in view.planned.ledger.records.values() for one in record.artefacts}
    for path in (path for place in view.origin.paths.shared for path in files.listing(place)):
        if path.name.startswith(start) or str(path) in known:
            continue
        content = observe.file_state(str(path)).content
        if content is not None and scheduler.is_ours(content):
            former, ours = path.stem.rpartition(".")[0], start.removesuffix(".")
            yield warning(
                f"{path} is this repository's, under another prefix than {ours}",
                meaning="it goes on running and no sync looks after it; "
                f"afterwards `jobsync init --prefix {ours}` and a sync take your own prefix again",
                command=f"jobsync init --prefix {former} && jobsync sync",
            )


def _orphans(view: View) -> Iterable[Finding]:
    for one in view.changes(Outcome.REMOVED):
        yield warning(
            f"is installed and {one.cause or 'not wanted'}",
            one.name,
            meaning="it goes on running",
            command=_SYNC,
            repair=Sync(),
        )
    if not view.only:
        yield from _strays(view)
    if view.planned.plan.leftovers and not view.only:
        paths = ", ".join(one.path for one in view.planned.plan.leftovers)
        yield warning(f"left by a sync that was killed: {paths}", command=_SYNC, repair=Sync())


def _brake(view: View) -> Iterable[Finding]:
    if view.planned.plan.brake and not view.only:
        held = ", ".join(view.planned.plan.held)
        yield error(
            f"nothing is removed: {view.planned.plan.brake}",
            meaning=f"still installed: {held}",
            command="jobsync sync --allow-removals",
        )


def _waiting(view: View) -> Iterable[Finding]:
    if view.planned.plan.brake:
        return
    if isinstance(view.answer, NoSession):
        waiting = [one for one in view.changes(Outcome.DEFERRED) if not is_own(one.name)]
        if waiting:
            yield info(
                f"{columns.plural(len(waiting), 'job')} waiting: {view.answer.reason}",
                meaning="nobody need do anything",
            )
        return
    for one in view.changes(Outcome.DEFERRED):
        yield info(
            f"a change of it waits: {one.cause}",
            one.name,
            meaning="it is finished by itself",
            command=f"jobsync sync --now {one.name}" if one.pid else "",
        )


def _pauses(view: View) -> Iterable[Finding]:
    for name in view.names:
        if trouble := pauses.trouble(view.origin.paths.pause(name)):
            yield error(
                trouble.message,
                name,
                meaning="it counts as paused until `jobsync resume`, and does not run",
                command=trouble.hint or f"jobsync resume {name}",
            )
            continue
        match view.planned.want.jobs.get(name):
            case Wanted(paused=words) | Unwanted(outcome=Outcome.PAUSED, cause=words) if words:
                yield info(words, name, meaning="it does not run until then", command=f"jobsync resume {name}")
            case _:
                pass


def _files(view: View) -> Iterator[tuple[str, str]]:
    """Files and directories that decide what runs: the job's name where there is one, and the path."""
    paths = view.origin.paths
    # Who may write above a directory may put another one in its place.
    for directory in (paths.launchers, paths.state):
        yield from (("", str(one)) for one in (directory.parent, directory))
    for directory in paths.shared:
        yield "", str(directory)
    for name, record in view.planned.ledger.records.items():
        if view.is_meant(name):
            yield from ((name, one.path) for one in record.artefacts)


def _sources(view: View) -> Iterator[tuple[str, str]]:
    """What the repository decides with: jobs run from the work tree itself, and git runs the hooks."""
    repo, hooks = view.origin.repo, view.origin.repository.hooks_directory()
    settings = view.origin.repository.common_directory() / "config"
    files_of_git = (settings, hooks, *(hooks / event for event in EVENTS))
    for path in (view.origin.config.home, repo.work_tree, repo.git_dir, *map(str, files_of_git)):
        yield "", path
    for name, job in view.jobs.items():
        home = job.home_directory
        yield "", str(Path(home).parent)
        yield from ((name, path) for path in (home, f"{home}/job.toml", f"{home}/run"))


def _open_sources(view: View) -> Iterable[Finding]:
    """A group of one's own may write there in many a home; everybody never should."""
    for path, name in {path: name for name, path in _sources(view)}.items():
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if mode & 0o002 and not stat.S_ISLNK(mode):
            yield error(
                f"{path} may be written by everybody (mode {stat.S_IMODE(mode):04o})",
                name,
                meaning="they decide what runs as you",
                command=f"chmod o-w {shlex.quote(path)}",
                repair=Chmod(path, stat.S_IMODE(mode) & ~0o002),
            )


def _ownership(view: View) -> Iterable[Finding]:
    """Artefacts with a wrong mode are drift already; whose they are, and their directories, nobody else looks at."""
    yield from _open_sources(view)
    for name, path in _files(view):
        try:
            # Where a directory is a link to one, the link's own mode says nothing, and a chmod follows it.
            status, mode = os.lstat(path), stat.S_IMODE(Path(path).stat().st_mode)
        except OSError:
            continue
        if status.st_uid != os.getuid():
            yield error(
                f"{path} belongs to uid {status.st_uid}",
                name,
                meaning="the scheduler refuses it, or it is not yours",
                command=f"sudo chown {os.getuid()} {shlex.quote(path)}",
            )
        elif mode & 0o022 and Path(path).is_dir():
            yield error(
                f"{path} may be written by others (mode {mode:04o})",
                name,
                meaning="they decide what runs as you",
                command=f"chmod go-w {shlex.quote(path)}",
                repair=Chmod(path, mode & ~0o022),
            )


def _scheduler(view: View) -> Iterable[Finding]:
    match view.answer:
        case NoSession(reason):
            yield warning(reason, meaning="no job runs until then", command="jobsync status")
        case Unknown(reason):
            yield error(
                f"the scheduler could not be asked: {reason}",
                meaning="nothing can be changed or known",
                command=shlex.join(view.origin.scheduler.query().argv),
            )
        case Survey():
            return


CHECKS = (
    Check("scheduler", "the scheduler answers", _scheduler),
    Check("artefacts", "installed files are as jobsync wrote them", _artefacts),
    Check("synced", "what is defined is what is installed", _synced),
    Check("loaded", "the scheduler has every installed job", _loaded),
    Check("identity", "what is loaded is this definition, from this file", _identity),
    Check("failures", "the last sync could apply every job", _failed),
    Check("conflicts", "nobody else's files stand in our place", _conflicts),
    Check("orphans", "nothing of ours is left of jobs that are gone", _orphans),
    Check("brake", "no removal is held back", _brake),
    Check("deferred", "no change waits", _waiting),
    Check("pauses", "no job is paused", _pauses),
    Check("ownership", "all files that decide what runs are yours alone", _ownership),
)
