"""What the ledger says was loaded was loaded: also when the sync was killed in the middle."""

import pytest

from ..laptop import JOB, Laptop
from .test_kills import MOST, kill_at
from .test_kills import STEP as FULL

STEP = min(FULL, 2)
"""So that some kills fall between the old job's end and the new one's load."""


def _loaded_digest(laptop: Laptop) -> str | None:
    """The digest that launchd has with the job."""
    said = laptop.launchctl("print", laptop.target("one"), status=None).out
    found = [line.partition("=>")[2].strip() for line in said.splitlines() if "JOBSYNC_DIGEST =>" in line]
    return found[0] if found else None


@pytest.mark.slow
def test_a_killed_sync_leaves_no_claim_of_what_was_not_loaded(registered: Laptop) -> None:
    registered.job("one")
    registered.jobsync("sync")
    unloaded = 0
    for boundary in range(0, MOST, STEP):
        before = registered.record("one")
        registered.job("one", JOB.replace("09", f"{10 + boundary % 12}"))
        if not kill_at(registered, boundary):
            break
        record, loaded = registered.record("one"), _loaded_digest(registered)
        assert record is not None and before is not None
        unloaded += loaded is None
        assert record.load_digest in (before.load_digest, loaded), boundary
        registered.jobsync("sync")
    assert unloaded >= 1, "some kills came between the old job's end and the new one's load"
