"""Which repository a command is about: the one around the working directory, the one named, else all."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobsync import config as configuration
from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError, UsageError
from jobsync.repo.place import Place, identity, locate
from jobsync.values import dataclass

if TYPE_CHECKING:
    from jobsync.reconcile.origin import Origin
    from jobsync.repo.trees import WorkTree


@dataclass
class Context:
    """What the options before the command say."""

    repo: str | None = None

    @cached_property
    def place(self) -> Place | None:
        """The git repository around the working directory."""
        try:
            here = os.getcwd()  # noqa: PTH109 - `locate` takes a text
        except FileNotFoundError:
            raise JobsyncError("the working directory is gone", hint="cd somewhere else and try again") from None
        return locate(os.environ, here)

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

    def repos(self) -> tuple[Repo, ...]:
        """The registered repositories that the command is about."""
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

    def origins(self) -> "tuple[Origin, ...]":
        """The repositories that the command is about, opened."""
        from jobsync.reconcile.origin import open_origin  # schedulers and definitions, which `--help` does without

        return tuple(open_origin(self.config, repo) for repo in self.repos())

    def origin_of(self, job: str) -> "Origin":
        """The one repository that has this job. `UsageError` when none has it, or several."""
        origins = self.origins()
        found = [origin for origin in origins if job in _names(origin)]
        if len(found) == 1:
            return found[0]
        if not found:
            from difflib import get_close_matches

            close = get_close_matches(job, {name for origin in origins for name in _names(origin)}, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "`jobsync status` lists the jobs"
            raise UsageError(f"there is no job named {job!r}", hint=hint)
        prefixes = ", ".join(origin.repo.prefix for origin in found)
        raise UsageError(f"several repositories have a job {job!r}: {prefixes}", hint="add --repo PREFIX")


def _names(origin: "Origin") -> set[str]:
    """Every job that is installed, and every directory of the work tree that defines one, well or badly."""
    from jobsync.definitions.load import read_settings
    from jobsync.reconcile import ledger as ledgers
    from jobsync.reconcile.own import is_own
    from jobsync.repo.trees import WorkTree

    known = ledgers.read(origin.paths.ledger)
    names = {name for name in known.records if not is_own(name)} if known else set()
    tree = WorkTree(origin.repo.work_tree)
    directory = read_settings(tree).jobs
    if directory is None:
        return names
    return names | {name for name in tree.names(directory) or () if _means_a_job(tree, f"{directory}/{name}")}


def _means_a_job(tree: "WorkTree", directory: str) -> bool:
    """As `load` sees it: what cannot be read is a job with a fault."""
    try:
        return any(tree.mode(f"{directory}/{file}") is not None for file in ("job.toml", "run"))
    except JobsyncError:
        return True


pass_context = click.make_pass_decorator(Context, ensure=True)
"""Gives a command the `Context` as its first argument."""
