"""Which repository a command is about: the one around the working directory, the one named, else all."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from jobsync import config as configuration
from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.repo.repository import Place, identity, locate
from jobsync.repo.trees import WorkTree


@dataclass
class Context:
    """What the options before the command say."""

    repo: str | None = None

    @cached_property
    def place(self) -> Place | None:
        """The git repository around the working directory."""
        return locate(os.environ, os.getcwd())  # noqa: PTH109

    @cached_property
    def config(self) -> Config:
        """This machine's configuration. `JobsyncError` when there is none."""
        file = configuration.find(os.environ)
        if file is None:
            raise JobsyncError("jobsync is not set up on this machine", hint=self._first_step())
        return configuration.load(file)

    def _first_step(self) -> str:
        if self.place is None:
            return "run `jobsync init` inside your dotfiles repository"
        return "run `jobsync init` to register this repository"

    def around(self) -> Repo | None:
        """The registered repository around the working directory."""
        if self.place is None:
            return None
        wanted = identity(self.place.git_dir, self.place.work_tree)
        return next((repo for repo in self.config.repos if repo.id == wanted), None)

    def _named(self, name: str) -> Repo:
        physical = os.path.realpath(name)
        for repo in self.config.repos:
            if name in (repo.id, repo.prefix) or physical in (repo.work_tree, repo.git_dir):
                return repo
        known = ", ".join(f"{repo.prefix} ({repo.work_tree})" for repo in self.config.repos) or "none"
        raise UsageError(f"--repo: no registered repository is {name!r}", hint=f"registered: {known}")

    def _chosen(self) -> tuple[Repo, ...]:
        if self.repo:
            return (self._named(self.repo),)
        if here := self.around():
            return (here,)
        if self.place is not None and Path(self.place.work_tree, "jobsync.toml").exists():
            raise JobsyncError(
                f"{self.place.work_tree} is not registered on this machine", hint="run `jobsync init` here"
            )
        if not self.config.repos:
            raise JobsyncError("no dotfiles repository is registered on this machine", hint=self._first_step())
        return self.config.repos

    def origins(self) -> tuple[Origin, ...]:
        """The repositories that the command is about, opened."""
        return tuple(open_origin(self.config, repo) for repo in self._chosen())

    def origin_of(self, job: str) -> Origin:
        """The one repository that has this job. `UsageError` when none has it, or several."""
        found = [origin for origin in self.origins() if _has(origin, job)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"there is no job named {job!r}", hint="`jobsync status` lists the jobs")
        prefixes = ", ".join(origin.repo.prefix for origin in found)
        raise UsageError(f"several repositories have a job {job!r}: {prefixes}", hint="add --repo PREFIX")


def _has(origin: Origin, job: str) -> bool:
    known = ledgers.read(origin.paths.ledger)
    if known is not None and job in known.records:
        return True
    from jobsync.definitions.load import read_settings

    tree = WorkTree(origin.repo.work_tree)
    directory = read_settings(tree).jobs
    return directory is not None and tree.mode(f"{directory}/{job}/job.toml") is not None


pass_context = click.make_pass_decorator(Context, ensure=True)
"""Gives a command the `Context` as its first argument."""
