"""The jobs whose last run failed, by the marks that their launchers leave and take away.

The hook's quick answer only looks whether there is a mark at all. A mark costs it the long way each time, so one that
stands for nothing goes here. A launcher that was killed leaves none: `jobsync status` reads that from the records.
"""

from pathlib import Path

from jobsync import files
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.runs import pauses


def jobs(origin: Origin) -> list[str]:
    """Their names, sorted, without those that are paused. Removes marks of what is no job here any more.

    `JobsyncError` when the marks cannot be read, or one cannot be removed.
    """
    marks = files.listing(origin.paths.failing("x").parent)
    if not marks:
        return []
    known = ledgers.read(origin.paths.ledger) or Ledger()
    for mark in marks:
        if not _counts(known, mark):
            files.remove(mark)
    found = [mark.name for mark in marks if _counts(known, mark)]
    return [name for name in found if pauses.read(origin.paths.pause(name)) is None]


def _counts(known: Ledger, mark: Path) -> bool:
    """Whether it is a job of the user's whose launcher can take the mark away: that of a daemon knows none."""
    record = known.records.get(mark.name)
    return record is not None and not record.is_daemon and not is_own(mark.name)
