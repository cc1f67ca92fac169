"""Which scheduler a machine's configuration names."""

from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.schedulers.launchd import Launchd
from jobsync.schedulers.protocol import Scheduler

NAMES = ("launchd",)


def scheduler_for(config: Config, repo: Repo, paths: Paths) -> Scheduler:
    """The scheduler for one repository. `JobsyncError` for a name that this jobsync does not know."""
    if config.scheduler not in NAMES:
        raise JobsyncError(
            f'{config.file}: scheduler: "{config.scheduler}" is not one of {", ".join(NAMES)}',
            hint="upgrade jobsync, or run `jobsync init` again",
        )
    return Launchd(config, repo, paths)
