"""Reads installed and loaded in one snapshot. Writes nothing, concludes nothing."""

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from jobsync import process
from jobsync.errors import JobsyncError
from jobsync.files import is_temporary, temporary_name, way_in
from jobsync.paths import Paths
from jobsync.reconcile import changing
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.state import UNREADABLE, FileState, Observed, Unwanted, Want, Wanted
from jobsync.schedulers.protocol import Answer, Identity, Scheduler, Survey


def file_state(path: str) -> FileState:
    """What stands at `path`; links are not followed."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return FileState()
    except OSError as error:
        return _unreadable(path, error)
    if stat.S_ISLNK(status.st_mode):
        return _link_state(path)
    if not stat.S_ISREG(status.st_mode):
        return FileState(problem="is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file")
    try:
        return FileState(Path(path).read_bytes(), stat.S_IMODE(status.st_mode))
    except OSError as error:
        return _unreadable(path, error)


def _link_state(path: str) -> FileState:
    try:
        return FileState(problem="is a symbolic link", target=os.fsencode(Path(path).readlink()))
    except OSError as error:
        return _unreadable(path, error)


def _unreadable(path: str, error: OSError) -> FileState:
    way = way_in(Path(path)) if isinstance(error, PermissionError) else None
    return FileState(problem=f"{UNREADABLE}: {error.strerror}" + (f"; {way}" if way else ""))


def branch() -> dict[int, str]:
    """Our ancestors from our parent upwards, by process id, each with the name of its program: the branch that we sit
    on. `JobsyncError` when ps(1) does not answer."""
    answer = process.run(["ps", "-A", "-o", "pid=,ppid=,comm="], env={"LC_ALL": "C"}, timeout=10)
    if answer.status:
        raise JobsyncError(f"`{' '.join(answer.argv)}` failed with status {answer.status}: {answer.complaint}")
    rows = (line.split(None, 2) for line in answer.stdout.decode("ascii", "replace").splitlines())
    known = {int(row[0]): (int(row[1]), "".join(row[2:]).rpartition("/")[2]) for row in rows if len(row) > 1}
    found: dict[int, str] = {}
    pid, _ = known.get(os.getpid(), (0, ""))
    while pid > 1 and pid in known and pid not in found:
        parent, found[pid] = known[pid]
        pid = parent
    return found


def errand(above: Mapping[int, str], jobs: Collection[int]) -> int:
    """The command that a job runs and that we are part of: git's, from its beginning, or only ourselves.

    `above`: our branch. `jobs`: the processes of jobs.
    """
    found = os.getpid()
    for pid, program in above.items():
        if pid in jobs:
            break
        if program == "git":
            found = pid
    return found


def _paths_of_interest(want: Want, ledger: Ledger, scheduler: Scheduler) -> Iterable[str]:
    for name, desired in want.jobs.items():
        record = ledger.records.get(name)
        if isinstance(desired, Wanted):
            yield from (one.path for one in desired.rendering.artefacts)
        if record is not None:
            yield from (one.path for one in record.artefacts)
            yield from scheduler.definitions(record.label)


def _labels(want: Want, ledger: Ledger) -> set[str]:
    """Of what is planned: as they shall be, and as they were."""
    wanted = {one.rendering.label for one in want.jobs.values() if isinstance(one, Wanted)}
    return wanted | {ledger.records[name].label for name in want.jobs if name in ledger.records}


def _identities(
    want: Want, ledger: Ledger, answer: Answer, scheduler: Scheduler, orphans: Iterable[str]
) -> Mapping[str, Identity]:
    """Ask the jobs themselves, where they are loaded and the ledger cannot tell with what, or are about to be unloaded.

    Somebody else's job under one of our labels must never be unloaded for ours.
    """
    if not isinstance(answer, Survey):
        return {}
    asked = set(orphans)
    for name, desired in want.jobs.items():
        record = ledger.records.get(name)
        if isinstance(desired, Wanted) and (record is None or record.load_digest != desired.rendering.load_digest):
            asked.add(desired.rendering.label)
        elif isinstance(desired, Unwanted) and record is not None:
            asked.add(record.label)
    return scheduler.identities([label for label in sorted(asked) if label in answer.services])


def find_orphans(want: Want, ledger: Ledger, answer: Answer, scheduler: Scheduler) -> dict[str, str]:
    """Job name -> label of what carries this repository's mark and is neither wanted nor in the ledger.

    With a lost ledger this is how our own files and jobs are known again.
    """
    known = _labels(want, ledger) | {record.label for record in ledger.records.values()}
    start = scheduler.label("")
    found = set()
    for label in scheduler.installed_labels():
        if label not in known and _is_marked(label, scheduler):
            found.add(label)
    services = answer.services if isinstance(answer, Survey) else {}
    for label in services:
        if label.startswith(start) and label not in known and label not in found and scheduler.owns(label):
            found.add(label)
    return {label.removeprefix(start): label for label in sorted(found)}


def find_strays(want: Want, ledger: Ledger, paths: Paths, scheduler: Scheduler) -> dict[str, str]:
    """Label -> the same, of what a sync that was killed has put under another prefix, which was then taken back."""
    known = _labels(want, ledger) | {record.label for record in ledger.records.values()}
    start = scheduler.label("")
    found = (label for label in changing.read(paths) - known if not label.startswith(start))
    return {label: label for label in sorted(found) if _is_marked(label, scheduler)}


def ask(ledger: Ledger, paths: Paths, scheduler: Scheduler, said: bytes | None = None) -> Answer:
    """The scheduler's answer, about jobs of ours under another prefix too. `said` as in `survey`."""
    scheduler.mind({*(record.label for record in ledger.records.values()), *changing.read(paths)})
    return scheduler.survey(said)


def _is_marked(label: str, scheduler: Scheduler) -> bool:
    """Some installed definition of it names this repository."""
    contents = (file_state(path).content for path in scheduler.definitions(label))
    return any(content is not None and scheduler.is_ours(content) for content in contents)


def _belongings(name: str, label: str, paths: Paths, scheduler: Scheduler) -> tuple[str, ...]:
    """Where files of an orphan are: what is marked as ours, and what is ours by place."""
    contents = {path: file_state(path).content for path in scheduler.definitions(label)}
    marked = (path for path, content in contents.items() if content is None or scheduler.is_ours(content))
    return (*marked, str(paths.launcher(name)), *scheduler.links(label))


def _names(directory: Path) -> list[str]:
    """Names of the files in a directory, sorted; none when it cannot be read."""
    try:
        with os.scandir(directory) as found:
            return sorted(one.name for one in found if not one.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _leftovers(paths: Paths, known: set[str], ledger: Ledger, scheduler: Scheduler) -> tuple[str, ...]:
    """What a killed sync left: launchers without a job, and files that were to take a definition's place."""
    used = {Path(one.path).name for one in ledger.artefacts}
    used |= known
    launchers = [paths.launcher(name) for name in _names(paths.launchers) if name not in used]
    start = scheduler.label("")
    unplaced = [place / name for place in paths.shared for name in _names(place) if is_temporary(name, start)]
    # Only what nobody writes without the lock, which is ours now.
    ours = (paths.kept, paths.token("x").parent, paths.launchers, paths.store)
    unplaced += [place / name for place in ours for name in _names(place) if is_temporary(name, "")]
    single = {temporary_name(path.name) for path in (paths.ledger, paths.deferred, paths.changing)}
    unplaced += [paths.state / name for name in _names(paths.state) if name in single]
    return tuple(str(path) for path in dict.fromkeys((*launchers, *unplaced)))


def errand_inside(ledger: Ledger, paths: Paths, scheduler: Scheduler) -> int | None:
    """The process of our `errand` where that is inside a job of the repository: what we start would end together with
    that job. None elsewhere."""
    answer = ask(ledger, paths, scheduler)
    if not isinstance(answer, Survey):
        return None
    start, known = scheduler.label(""), {record.label for record in ledger.records.values()}
    ours = (one for label, one in answer.services.items() if label.startswith(start) or label in known)
    pids = {one.pid for one in ours if one.pid}
    above = branch() if pids else {}
    return None if pids.isdisjoint(above.keys() | scheduler.enclosing(answer)) else errand(above, pids)


def _above(answer: Answer, labels: set[str], scheduler: Scheduler) -> tuple[frozenset[int], int]:
    """Processes that this one depends on, and our `errand`; asked for only where one of these jobs runs."""
    services = answer.services if isinstance(answer, Survey) else {}
    running = {one.pid for label, one in services.items() if label in labels and one.pid is not None}
    if not isinstance(answer, Survey) or not running:
        return frozenset(), 0
    above = branch()
    return frozenset(above) | scheduler.enclosing(answer), errand(above, running)


def observe(
    want: Want, ledger: Ledger, paths: Paths, scheduler: Scheduler, *, whole: bool, answer: Answer | None = None
) -> Observed:
    """The snapshot. `whole`: look for all orphans and leftovers (everything is wanted that shall be there).

    `answer`: what `ask` gave a moment ago.
    """
    answer = answer or ask(ledger, paths, scheduler)
    files = {path: file_state(path) for path in _paths_of_interest(want, ledger, scheduler)}
    orphans = find_orphans(want, ledger, answer, scheduler) if whole else {}
    orphans |= find_strays(want, ledger, paths, scheduler)
    belongings = {name: _belongings(name, label, paths, scheduler) for name, label in orphans.items()}
    files |= {path: file_state(path) for own in belongings.values() for path in own}
    leftovers = _leftovers(paths, {*want.jobs, *orphans}, ledger, scheduler) if whole else ()
    files |= {path: file_state(path) for path in leftovers if not is_temporary(Path(path).name, "")}
    try:
        ours = _labels(want, ledger) | set(orphans.values())
        above, command = _above(answer, ours, scheduler)
    except JobsyncError as error:
        raise JobsyncError(f"cannot tell whether this sync runs inside one of its jobs: {error.message}") from error
    return Observed(
        answer=answer,
        files=files,
        identities=_identities(want, ledger, answer, scheduler, orphans.values()),
        orphans=orphans,
        belongings=belongings,
        leftovers=leftovers,
        stored=frozenset(_names(paths.store)),
        ancestors=above,
        errand=command,
    )
