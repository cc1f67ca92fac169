"""One registered repository, opened: everything that a sync of it needs."""

import os
from collections.abc import Mapping

from jobsync import config as configuration
from jobsync.config import Config, Repo, rendering_digest
from jobsync.definitions.job import Machine
from jobsync.errors import JobsyncError
from jobsync.paths import Paths, paths_of
from jobsync.repo.place import Place, open_repository
from jobsync.repo.repository import Repository
from jobsync.repo.situation import situation
from jobsync.repo.verdict import BY_HAND, Situation
from jobsync.schedulers.choose import scheduler_for
from jobsync.schedulers.protocol import Scheduler
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """What a hook found out before its sync began."""

    ledger: tuple[int, ...]
    """`index.stamp` from before: no longer the ledger's where another sync has changed something since."""
    said: bytes
    """The scheduler's answer to the one query."""
    pack: str
    """Every installed file is as that pack holds it, byte by byte; empty where one is not."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where definitions come from, and the machine that they are for."""

    config: Config
    repo: Repo
    paths: Paths
    repository: Repository
    scheduler: Scheduler
    seen: str = ""
    """The commit that HEAD was when a hook decided to sync, and git was asked for `skipped`; empty: nobody has."""
    skipped: frozenset[str] = frozenset()
    """Files that sparse checkout leaves out, as long as HEAD is that commit."""
    heard: Heard | None = None
    """Saves a sync the first question to the scheduler, and comparing all files once more."""

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
            scheduler=config.scheduler,
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


def situation_now(origin: Origin, environ: Mapping[str, str], *, wanted_branch: str | None) -> Situation:
    """What git is in the middle of, for a sync that no git event asked for."""
    repo = origin.repo
    place = Place(repo.git_dir, repo.git_dir, repo.work_tree, None)
    return situation(origin.repository, place, BY_HAND, (), environ, wanted_branch=wanted_branch, registered=True)


def not_registered(repo: Repo) -> JobsyncError:
    """For who finds the repository uninstalled meanwhile."""
    return JobsyncError(f"{repo.work_tree} is registered no longer", hint="`jobsync init` there does it again")


def open_registered(repo_id: str, environ: Mapping[str, str]) -> Origin | None:
    """The registered repository of this id; None when it is registered no longer. `JobsyncError` as `open_origin`."""
    file = configuration.find(environ)
    if file is None or not file.is_file():
        return None
    config = configuration.load_here(file)
    found = next((repo for repo in config.repos if repo.id == repo_id), None)
    return None if found is None else open_origin(config, found, environ)
