"""Which repository a command is about: the one around the working directory, the one named, else all."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobsync import config as configuration
from jobsync.cli.console import complain_of
from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError, UsageError
from jobsync.repo.place import Place, check_user, identity, locate
from jobsync.values import dataclass, field

if TYPE_CHECKING:
    from jobsync.definitions.job import Definitions
    from jobsync.reconcile.origin import Origin
    from jobsync.repo.trees import WorkTree


@dataclass
class Context:
    """What the options before the command say."""

    repo: str | None = None
    lost: list[str] = field(default_factory=list)
    """Ids of the repositories that a command had to leave out while it acted on others: its status is 1."""

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
        """This machine's configuration. `JobsyncError` when there is none, it is of a home that is not there, or not
        for whoever calls (sudo): what he would be told to do, or do here, would be another user's."""
        check_user(os.geteuid(), os.environ)
        file = configuration.find(os.environ)
        if file is None:
            raise JobsyncError("jobsync is not set up on this machine", hint=self._first_step())
        return configuration.load_here(file)

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
        physical = os.path.realpath(name) if name else ""  # an empty path is where we are, which nobody has said
        for repo in self.config.repos:
            if name in (repo.id, repo.prefix) or physical in (repo.work_tree, repo.git_dir):
                return repo
        raise UsageError(f"--repo: no registered repository is {name!r}", hint=f"registered: {self.known()}")

    def known(self) -> str:
        """What `--repo` can name, in words."""
        return ", ".join(f"{repo.prefix} ({repo.work_tree})" for repo in self.config.repos) or "none"

    def repos(self) -> tuple[Repo, ...]:
        """The registered repositories that the command is about."""
        if self.repo is not None:
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

    def only_origin(self) -> "Origin":
        """The repository that the command is about, opened. `UsageError` when there are several."""
        from jobsync.reconcile.origin import open_origin  # schedulers and definitions, which `--help` does without

        repo, *others = self.repos()
        if others:
            raise UsageError(
                "several repositories are registered",
                hint="cd into the one you mean, or `jobsync --repo PREFIX COMMAND`",
            )
        return open_origin(self.config, repo)

    @contextmanager
    def apart(self, repo: Repo) -> Iterator[None]:
        """Where there are several repositories, trouble with this one is told, and the others go on."""
        try:
            yield
        except UsageError:
            raise
        except JobsyncError as error:
            if len(self.repos()) == 1:
                raise
            self.lost.append(repo.id)
            complain_of(error)

    def reached(self) -> "tuple[Origin, ...]":
        """The repositories that the command is about, opened, without those of several that cannot be."""
        from jobsync.reconcile.origin import open_origin

        found = []
        for repo in self.repos():
            with self.apart(repo):
                found.append(open_origin(self.config, repo))
        return tuple(found)

    def shares(self, jobs: tuple[str, ...]) -> "tuple[tuple[Origin, tuple[str, ...]], ...]":
        """The repositories that have these jobs, each with its own of them; without names all, each with none.

        `UsageError` where there are several and none has one of them.
        """
        origins = self.reached()
        if not jobs or len(self.repos()) == 1:
            return tuple((origin, jobs) for origin in origins)
        names = [_names(origin) for origin in origins]
        for job in jobs:
            if not any(job in some for some in names):
                raise _no_such(job, names)
        found = ((one, tuple(job for job in jobs if job in some)) for one, some in zip(origins, names, strict=True))
        return tuple((origin, its) for origin, its in found if its)

    def origin_of(self, job: str, *, or_had: bool = False) -> "Origin":
        """The one repository that has this job; `or_had`: or, where none has, the one that had it and knows its runs.

        `UsageError` when there is none, or several.
        """
        from jobsync.reconcile.origin import open_origin

        origins = []
        for repo in self.repos():
            with suppress(JobsyncError):  # it is told of where none of the others has the job
                origins.append(open_origin(self.config, repo))
        # What is installed is asked first: a repository for a newer jobsync cannot be read, and its jobs run.
        found = [origin for origin in origins if job in _installed(origin) or job in _names(origin)]
        if or_had and not found:
            found = [origin for origin in origins if job in _recorded(origin)]
        if len(found) == 1:
            return found[0]
        if not found:
            self.reached()  # the job may be in one that cannot be: what is wrong there is said first
            raise _no_such(job, map(_names, origins))
        prefixes = ", ".join(origin.repo.prefix for origin in found)
        raise UsageError(
            f"several repositories have a job {job!r}: {prefixes}",
            hint="cd into the one you mean, or `jobsync --repo PREFIX COMMAND`",
        )


def _no_such(job: str, names: "Iterable[set[str]]") -> UsageError:
    """`names`: of each repository's jobs."""
    from jobsync.reconcile.planning import no_such_job

    return no_such_job(job, set().union(*names))


def _installed(origin: "Origin") -> set[str]:
    """Every job that a sync has put in place."""
    from jobsync.reconcile import ledger as ledgers
    from jobsync.reconcile.own import is_own

    known = ledgers.read(origin.paths.ledger)
    return {name for name in known.records if not is_own(name)} if known else set()


def _names(origin: "Origin") -> set[str]:
    """Every job that is installed, and every directory of the work tree that defines one, well or badly."""
    from jobsync.definitions.load import read_settings
    from jobsync.repo.trees import WorkTree

    tree = WorkTree(origin.repo.work_tree)
    directory = read_settings(tree).jobs
    defined = tree.names(directory) or () if directory is not None else ()
    return _installed(origin) | {name for name in defined if _means_a_job(tree, f"{directory}/{name}")}


def _recorded(origin: "Origin") -> set[str]:
    """Every job that has run here, also those that are gone, and jobsync's own."""
    from jobsync import files

    return set(files.names(origin.paths.runs("x").parent))


def as_defined(origin: "Origin", names: Collection[str] | None = None) -> "Definitions":
    """What the work tree says of these jobs, None: of all. `JobsyncError` as `load`."""
    from jobsync.definitions.load import load
    from jobsync.repo.trees import WorkTree

    return load(WorkTree(origin.repo.work_tree), origin.machine, names)


def why_not_here(origin: "Origin", job: str) -> str | None:
    """Why the definition in the work tree leaves this machine out, as `only.os is "macos"`; None where it does not."""
    return next((one.unwanted for one in as_defined(origin, {job}).jobs), None)


def check_is_for_here(origin: "Origin", job: str) -> None:
    """`JobsyncError` where the definition leaves this machine out: no sync would install the job."""
    if why := why_not_here(origin, job):
        raise JobsyncError(f"{job} is not for this machine: {why}", hint=f"`jobsync edit {job}` changes that")


def _means_a_job(tree: "WorkTree", directory: str) -> bool:
    """As `load` sees it: what cannot be read is a job with a fault."""
    try:
        return any(tree.mode(f"{directory}/{file}") is not None for file in ("job.toml", "run"))
    except JobsyncError:
        return True


pass_context = click.make_pass_decorator(Context, ensure=True)
"""Gives a command the `Context` as its first argument."""
