"""jobsync's own jobs: artefacts of a registration, rendered and compared like any other.

`jobsync-finish` has no trigger. A sync that runs inside one of the jobs that it would have to replace kickstarts it:
launchd ends everything that a job started together with the job, so the rest must be done from outside of it.
"""

from jobsync.definitions.job import Argv, Job, Priority
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.state import Source, Wanted

FINISH = "jobsync-finish"
RESERVED = "jobsync-"
"""No definition may have a name that begins like this."""


def is_own(name: str) -> bool:
    """Whether it is a job of jobsync's own, not of the user's."""
    return name.startswith(RESERVED)


def finish_job(origin: Origin) -> Job:
    """The definition of `jobsync-finish`."""
    config = origin.config
    return Job(
        name=FINISH,
        description="Finishes what a sync inside a job had to leave",
        command=Argv((config.hook, "finish", origin.repo.id)),
        directory=config.home,
        home_directory=origin.repo.work_tree,
        environment=(("JOBSYNC_CONFIG", str(config.file)),),
        priority=Priority.NORMAL,
    )


def own_jobs(origin: Origin) -> dict[str, Wanted]:
    """What every registration has, whatever the repository defines."""
    rendering = origin.scheduler.render(finish_job(origin))
    wanted = Wanted(rendering, Source.HEAD, entries={}, inputs=(), in_head=False, cause="this registration's own")
    return {FINISH: wanted}
