"""The jobs that a hook's sync need not plan: HEAD did not change them, and each stands as the last sync left it, byte
by byte and by the scheduler's own word.

By the same evidence the hook answers that nothing is left to do. What is not known to be untouched is planned, as all
jobs are where the last sync left something outstanding. That makes a change of one job in 1,000 cost what one costs.
"""

from collections.abc import Collection

from jobsync import files
from jobsync.reconcile import compare, index
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.state import Record
from jobsync.schedulers.protocol import Answer, Survey


def find_untouched(
    origin: Origin, ledger: Ledger, affected: Collection[str], answer: Answer, compared: str = ""
) -> dict[str, Record]:
    """The jobs that are as `ledger` says, by name. `affected`: those that HEAD or this machine's configuration changed.

    `compared`: the pack that a moment ago every installed file was as in, since when no other sync has changed
    anything. To be called under the lock: another sync may have ended since the hook was called.
    """
    if not isinstance(answer, Survey):
        return {}
    intact = _intact(origin, ledger, compared)
    excluded = {*affected, *ledger.held, *files.names(origin.paths.pause("x").parent)}
    return {
        name: record
        for name, record in ledger.records.items()
        if name not in excluded
        and not is_own(name)
        and _is_settled(record)
        and _is_loaded(record, answer)
        and intact.issuperset(one.path for one in record.artefacts)
    }


def _intact(origin: Origin, ledger: Ledger, compared: str) -> set[str]:
    """Paths of the installed files that are as they were written."""
    name = index.pack_name(one.digest for one in ledger.artefacts)
    if compared == name:
        return {one.path for one in ledger.artefacts}
    known = index.read(str(origin.paths.ledger))
    if known is None or known.pack != name:
        return set()
    return compare.intact(known.files, name, str(origin.paths.pack))


def _is_settled(record: Record) -> bool:
    """Nothing went wrong with it last time."""
    return bool(record.load_digest) and not record.failed and not record.message


def _is_loaded(record: Record, answer: Survey) -> bool:
    """With the definition that the ledger says; a job that is switched off is looked at."""
    loaded = answer.services.get(record.label)
    if loaded is None or not loaded.is_armed or record.label in answer.disabled:
        return False
    return loaded.digest in ("", record.load_digest)
