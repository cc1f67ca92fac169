"""One registered repository, opened: everything that a sync of it needs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from jobsync.config import Config, Repo, rendering_digest
from jobsync.definitions.job import Machine
from jobsync.paths import Paths, paths_of
from jobsync.repo.repository import Repository, open_repository
from jobsync.schedulers.choose import scheduler_for
from jobsync.schedulers.protocol import Scheduler


@dataclass(frozen=True, slots=True)
class Origin:
    """Where definitions come from, and the machine that they are for."""

    config: Config
    repo: Repo
    paths: Paths
    repository: Repository
    scheduler: Scheduler

    @property
    def machine(self) -> Machine:
        """The facts that definitions may depend on."""
        config = self.config
        return Machine(
            name=config.machine,
            tags=config.tags,
            os=config.os,
            home=config.home,
            prefix=self.repo.prefix,
            work_tree=self.repo.work_tree,
        )

    @property
    def rendering(self) -> str:
        """Digest of the configuration as far as rendering depends on it."""
        return rendering_digest(self.config, self.repo)


def open_origin(config: Config, repo: Repo, environ: Mapping[str, str] = os.environ) -> Origin:
    """Open a registered repository. `JobsyncError` when it is gone or belongs to another user."""
    paths = paths_of(config, repo)
    repository = open_repository(repo.git_dir, repo.work_tree, environ)
    return Origin(config, repo, paths, repository, scheduler_for(config, repo, paths))
