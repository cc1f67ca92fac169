"""What an import makes, read again as any definition is: the other half of a round trip."""

import plistlib
from typing import Any

from jobsync.definitions.foreign import Draft, Found, files_of, lost
from jobsync.definitions.job import Job
from jobsync.definitions.load import load
from jobsync.definitions.overlay import Overlay
from jobsync.definitions.places import Surroundings
from jobsync.schedulers import plist

from .trees import MACHINE, tree

PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def written(draft: Draft) -> dict[str, str]:
    """The files of a draft, without the job's directory."""
    around = Surroundings(tree({}), MACHINE, draft.name, f"jobs/{draft.name}")
    return {path.rpartition("/")[2]: content.decode() for path, (_, content) in files_of(draft, around).items()}


def read_again(found: Found) -> Job:
    """The job that the files of a draft define, which says all that the draft says."""
    assert isinstance(found, Draft), found
    around = Surroundings(tree({}), MACHINE, found.name, f"jobs/{found.name}")
    definitions = load(Overlay(tree({}), files_of(found, around)), MACHINE)
    assert definitions.faults == (), written(found)
    (job,) = definitions.jobs
    assert lost(found, job) == ()
    return job


def rendered(job: Job) -> dict[str, Any]:
    """The property list that a sync would write."""
    agent = plist.definition(job, label="x", owner="o", launcher="/x", path=PATH)
    loaded: dict[str, Any] = plistlib.loads(plistlib.dumps(agent))
    return loaded
