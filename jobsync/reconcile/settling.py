"""What a sync leaves for the hook when nothing is outstanding: index and pack, which `index.py` reads."""

from collections.abc import Mapping

from jobsync import config as configuration
from jobsync import files
from jobsync.reconcile import index
from jobsync.reconcile.desired import HeadState
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.state import Observed, Placed, Want, Wanted


def contents(want: Want, observed: Observed) -> dict[str, bytes]:
    """The bytes that stand at each path when everything that is wanted has been done."""
    found = {path: state.content for path, state in observed.files.items() if state.content is not None}
    for desired in want.jobs.values():
        if isinstance(desired, Wanted):
            found |= {one.path: one.content for one in desired.rendering.artefacts}
    return found


def settle(origin: Origin, ledger: Ledger, head: HeadState, written: Mapping[str, bytes]) -> index.Index | None:
    """The index of a ledger that leaves nothing outstanding, its pack written; None where it cannot be relied on.

    `written`: the bytes by path; those that are not the ledger's are none to rely on.
    """
    artefacts = [one for record in ledger.records.values() for one in record.artefacts]
    known = _index(origin, ledger, head, artefacts) if head.commit else None
    bytes_ = [written.get(one.path, b"") for one in artefacts]
    if known is None or any(
        index.digest(content) != one.digest for content, one in zip(bytes_, artefacts, strict=True)
    ):
        return None
    # Before the ledger: a pack that belongs to no index is only one that is not believed.
    files.write_if_changed(origin.paths.pack, index.pack_head(known.pack) + b"".join(bytes_), 0o600)
    return known


def _index(origin: Origin, ledger: Ledger, head: HeadState, artefacts: list[Placed]) -> index.Index | None:
    result = index.Index()
    result.config = configuration.digest(files.read(origin.config.file) or b"")
    query = origin.scheduler.query()
    result.scheduler, result.survey = origin.scheduler.manners.name, query.argv
    result.environment = list(query.environment)
    loaded = (record for record in ledger.records.values() if record.load_digest)
    result.labels = [text for one in loaded for text in origin.scheduler.evidence(one.label, one.load_digest)]
    result.files = [(one.mode, one.size, one.path) for one in artefacts]
    result.pack = index.pack_name(one.digest for one in artefacts)
    watched = sorted({head.jobs, "jobsync.toml", *_outer_inputs(ledger, head)})
    ids = origin.repository.object_ids(watched)
    if not all(ids.values()):
        # What HEAD lacks now has no id to be compared with later: then the whole tree must stay the same.
        ids = origin.repository.object_ids([""])
    result.objects = [(blob or "", path) for path, blob in ids.items()]
    texts = [
        *result.survey,
        *(value for _, value in result.environment),
        *result.labels,
        *(path for _, path in result.objects),
        *(one.path for one in artefacts),
    ]
    return None if any("\t" in text or "\n" in text for text in texts) else result


def _outer_inputs(ledger: Ledger, head: HeadState) -> set[str]:
    start = head.jobs + "/"
    return {path for record in ledger.records.values() for path in record.inputs if not path.startswith(start)}
