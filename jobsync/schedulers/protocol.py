"""What jobsync asks of a scheduler. Three answers, not two: loaded, not loaded, could not ask."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file that jobsync writes for a job."""

    path: str
    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Rendering:
    """A job as this machine's scheduler wants it: a pure function of definition and configuration."""

    label: str
    artefacts: tuple[Artefact, ...]
    load_digest: str
    """Digest of what the scheduler reads, in meaning: comments, description and this digest left out."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A job that the scheduler knows."""

    pid: int | None
    """Of the running process; None when it is not running."""
    status: int | None
    """How the last run ended: exit status, or minus a signal; None: never ended, or not said."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All that the scheduler knows, in one snapshot."""

    services: Mapping[str, Loaded]
    disabled: frozenset[str]
    """Labels that the user switched off in the scheduler itself: a state to respect."""


@dataclass(frozen=True, slots=True)
class NoSession:
    """The scheduler is there, but not the session that runs jobs: loading waits for the next login."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Could not ask. Nothing may be concluded and nothing written."""

    reason: str


Answer = Survey | NoSession | Unknown


@dataclass(frozen=True, slots=True)
class Identity:
    """What a loaded job says of itself; an empty text where it says nothing."""

    owner: str
    digest: str


class SchedulerError(JobsyncError):
    """A call to the scheduler failed; the message holds argv, status and stderr."""


class Scheduler(Protocol):
    """The few verbs. Every call has a time limit; each raises `SchedulerError` unless it says otherwise."""

    @property
    def owner(self) -> str:
        """What our jobs say of whose they are: the repository's id."""
        ...

    def render(self, job: Job) -> Rendering:
        """The artefacts of a job. Pure."""
        ...

    def meaning(self, content: bytes) -> str | None:
        """Load digest of an installed definition's bytes; None when they are nothing that could be loaded."""
        ...

    def is_ours(self, content: bytes) -> bool:
        """Whether an installed definition names this repository as its owner."""
        ...

    def label(self, job: str) -> str:
        """The label of a job of this repository."""
        ...

    def definition_path(self, label: str) -> str:
        """Where the definition of a label is installed."""
        ...

    def installed_labels(self) -> tuple[str, ...]:
        """Labels under this repository's prefix whose definition stands where the scheduler looks."""
        ...

    def survey(self) -> Answer:
        """One process, one snapshot. Never raises: what cannot be asked is `Unknown`."""
        ...

    def identify(self, label: str) -> Identity | None:
        """Ask what a loaded job says of itself; None when it is not loaded."""
        ...

    def owns(self, label: str) -> bool:
        """Whether a loaded job names this repository as its owner."""
        ...

    def unload(self, label: str, wait: float | None = None) -> None:
        """Begin to take the job out of the scheduler; not loaded is fine. It may take until it is gone.

        `wait`: nothing else is to be done meanwhile, so where the scheduler can, block up to so many seconds for it.
        """
        ...

    def why_refused(self, label: str) -> str:
        """After a refused load: the reason as far as probing can tell, in words. Never raises."""
        ...

    def unload_limit(self, content: bytes | None) -> float:
        """Seconds that a job with these installed bytes may take until it is gone."""
        ...

    def load(self, label: str) -> None:
        """Make the scheduler read the installed definition. Success means registered, not running."""
        ...

    def start(self, label: str) -> None:
        """Start a run now."""
        ...

    def restart(self, label: str) -> None:
        """End the running process, if there is one, and start it anew. The definition is not read again."""
        ...

    def stop(self, label: str) -> None:
        """End the running process; the job stays loaded. Not running is fine."""
        ...

    def environment(self, content: bytes) -> Mapping[str, str]:
        """The environment that an installed definition gives to its process."""
        ...

    def survey_command(self) -> tuple[str, ...]:
        """The argv behind `survey`, for the hook which reads its answer without this class."""
        ...

    def away_meaning(self, job: Job) -> Collection[str]:
        """Sentences on what happens to this job's slots when the machine sleeps, is off, or nobody is logged in."""
        ...
