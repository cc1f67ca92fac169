"""How far HEAD is ahead of the last sync, counting only what concerns jobs: a hook did not run, or could not."""

from pathlib import PurePosixPath

from jobsync.definitions.load import SETTINGS_FILE
from jobsync.reconcile.causes import affected_jobs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.planning import Planned
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class Ahead:
    """Commits that no sync has seen."""

    commits: int | None
    """That touch inputs of ours; None: the commit of the last sync is gone, so nobody can count."""

    @property
    def words(self) -> str:
        """`HEAD is 3 commits ahead of the last sync`."""
        count = "some" if self.commits is None else str(self.commits)
        return f"HEAD is {count} commit{'s' * (self.commits != 1)} ahead of the last sync"


def _inputs(planned: Planned) -> list[str]:
    """What all jobs are made of."""
    own = {path for record in planned.ledger.records.values() for path in record.inputs}
    return sorted(own | {planned.head.jobs, SETTINGS_FILE})


def ahead(origin: Origin, planned: Planned) -> Ahead | None:
    """What HEAD holds beyond the last sync; None where it holds nothing that concerns a job.

    Starts git once, and only where HEAD is another commit than the last change was made at.
    """
    ledger, head = planned.ledger, planned.head
    if not ledger.commit or head.commit in ("", ledger.commit) or not affected_jobs(origin, ledger, head):
        return None
    commits = origin.repository.commits_since(ledger.commit, _inputs(planned))
    return Ahead(commits) if commits != 0 else None


def jobs_ahead(origin: Origin, planned: Planned) -> tuple[str, ...]:
    """Names of the jobs that these commits concern; of all that a hook would look at where history does not tell.

    A job that a sync left behind (a conflict, a refusal) is looked at by every hook, and no commit's doing for that.
    """
    ledger, head = planned.ledger, planned.head
    names = tuple(name for name in affected_jobs(origin, ledger, head) if not is_own(name))
    touched = origin.repository.commits_by_path(ledger.commit, _inputs(planned))
    if not touched or SETTINGS_FILE in touched:
        return names
    places = {str(place) for path in touched for place in (path, *PurePosixPath(path).parents)}
    records = ledger.records
    inputs = {name: records[name].inputs if name in records else (f"{head.jobs}/{name}",) for name in names}
    return tuple(name for name in names if not places.isdisjoint(inputs[name]))
