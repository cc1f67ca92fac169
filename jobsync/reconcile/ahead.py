"""How far HEAD is ahead of the last sync, counting only what concerns jobs: a hook did not run, or could not."""

from jobsync.reconcile.desired import affected_jobs
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.planning import Planned
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class Ahead:
    """Commits that no sync has seen."""

    commits: int | None
    """That touch inputs of ours; None: the commit of the last sync is gone, so nobody can count."""
    jobs: tuple[str, ...]
    """Names of the jobs that they concern."""

    @property
    def words(self) -> str:
        """`HEAD is 3 commits ahead of the last sync`."""
        count = "some" if self.commits is None else str(self.commits)
        return f"HEAD is {count} commit{'s' * (self.commits != 1)} ahead of the last sync"


def ahead(origin: Origin, planned: Planned) -> Ahead | None:
    """What HEAD holds beyond the last sync; None where it holds nothing that concerns a job.

    Starts git once, and only where HEAD is another commit than the last change was made at.
    """
    ledger, head = planned.ledger, planned.head
    if not ledger.commit or head.commit in ("", ledger.commit):
        return None
    names = tuple(affected_jobs(origin, ledger, head))
    if not names:
        return None
    inputs = {path for record in ledger.records.values() for path in record.inputs} | {head.jobs}
    commits = origin.repository.commits_since(ledger.commit, sorted(inputs))
    return Ahead(commits, names) if commits != 0 else None
