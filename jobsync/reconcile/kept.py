"""Copies of hand edits: made before a sync overwrites or removes what somebody else changed, and bounded.

They are the user's. Nothing but their number ever makes one go, and never one that the same sync has just made.
"""

from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.schedulers.protocol import Scheduler
from jobsync.values import dataclass

COPIES_OF_ONE_FILE = 10
"""So many copies of one file stay, the newest."""
COPIES = 500
"""So many stay in all."""
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: of which file, made when (UTC), and where it is."""

    file: str
    made: datetime
    path: Path


def keep(paths: Paths, path: Path) -> Path | None:
    """Copy the file at `path` and give the copy's place; None when there is nothing (any more).

    `JobsyncError` when that cannot be done: then the original must stay.
    """
    content = files.read(path)
    if content is None:
        return None
    files.make_directory(paths.kept)
    copy = paths.kept / f"{datetime.now(UTC).strftime(_STAMP)}-{path.name}"
    files.write_atomically(copy, content, 0o600)
    return copy


def copies(paths: Paths) -> tuple[Copy, ...]:
    """All that there are, the newest first. What is not named like one of ours is none."""
    found = []
    for path in files.listing(paths.kept):
        stamp, dash, file = path.name.partition("-")
        try:
            made = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            continue
        if dash and file:
            found.append(Copy(file, made, path))
    return tuple(sorted(found, key=lambda one: (one.made, one.file), reverse=True))


def job_of(copy: Copy, scheduler: Scheduler) -> str:
    """The job whose file it was: a launcher has the job's name, a definition its label and an ending."""
    label, dot, _ = copy.file.rpartition(".")
    return label.removeprefix(scheduler.label("")) if dot else copy.file


def place_of(copy: Copy, paths: Paths, scheduler: Scheduler) -> Path:
    """Where the file stood that was copied."""
    job = job_of(copy, scheduler)
    definitions = map(Path, scheduler.definitions(scheduler.label(job)))
    return next((path for path in definitions if path.name == copy.file), paths.launcher(job))


def prune(paths: Paths, made_now: Collection[str]) -> None:
    """Remove what is more than the bounds allow, the oldest first; `made_now` (paths) stay in any case."""
    if not made_now:
        return
    seen: defaultdict[str, int] = defaultdict(int)
    for number, copy in enumerate(copies(paths)):
        seen[copy.file] += 1
        is_too_much = number >= COPIES or seen[copy.file] > COPIES_OF_ONE_FILE
        if is_too_much and str(copy.path) not in made_now:
            with suppress(JobsyncError):  # one too many harms nobody
                files.remove(copy.path)
