"""What jobsync asks of a scheduler. Three answers, not two: loaded, not loaded, could not ask.

launchd takes one job at a time; systemd takes any number of units in one call, and keeps in memory what it once read.
Verbs are plural, so that either can do it in its own way; what else differs is in `Manners`.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.findings import Finding, Subject
from jobsync.values import dataclass

LINK = 0o120000
"""The mode of an artefact that is a symbolic link: git's, and what lstat(2) says of the kind of file."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file or symbolic link that jobsync writes for a job."""

    path: str
    content: bytes
    """Of a link: where it leads."""
    mode: int

    @property
    def is_link(self) -> bool:
        """A symbolic link: what the scheduler follows at the next login or boot."""
        return self.mode == LINK


@dataclass(frozen=True, slots=True)
class Rendering:
    """A job as this machine's scheduler wants it: a pure function of definition and configuration."""

    label: str
    artefacts: tuple[Artefact, ...]
    load_digest: str
    """What the scheduler reads, in meaning: the `meaning` of each definition, joined by blanks."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A job that the scheduler knows."""

    pid: int | None
    """Of the running process; None when it is not running."""
    status: int | None
    """How the last run ended: exit status, or minus a signal; None: never ended, or not said."""
    digest: str = ""
    """The load digest of what is loaded, where the survey tells; empty where it does not."""
    is_armed: bool = True
    """False: something of it runs or is held in memory, but nothing would start it again."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All that the scheduler knows, in one snapshot."""

    services: Mapping[str, Loaded]
    disabled: Mapping[str, str]
    """Labels that the user switched off in the scheduler itself, a state to respect, and the command that ends it."""


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
    path: str = ""
    """The file that it was loaded from; empty where that is not said."""
    problem: str = ""
    """Why it could not be asked; then it is not known whose it is."""


class SchedulerError(JobsyncError):
    """A call to the scheduler failed; the message holds argv, status and stderr."""


class SessionAway(SchedulerError):
    """There was no session to load the job into: no failure of the job, and nothing to be retried before a login."""


Failures = Mapping[str, JobsyncError]
"""What went wrong, by label. Of a label that is not in it all went well."""


@dataclass(frozen=True, slots=True)
class Unloading:
    """What came of asking that jobs go."""

    failures: Failures
    are_gone: bool
    """All others are out already. False: it may take a while, and the survey says when."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a scheduler differs from the others, as far as whoever plans and applies must know it."""

    name: str
    loads_together: bool
    """Any number of jobs costs one call, so all are written before the first is loaded."""
    spares_runs: bool
    """A job can be loaded anew while it runs: the run goes on to its end as it began."""
    tells_login: bool
    """Loading a job never starts it, so what starts an `at_login` job is a login."""


@dataclass(frozen=True, slots=True)
class Query:
    """How `jobsync-hook` asks whether all is loaded, without any class of this package."""

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    """Beside PATH and locale."""


class Scheduler(Protocol):
    """The few verbs. Every call has a time limit.

    Unless they say otherwise they raise `SchedulerError` for what is refused, and another `JobsyncError` where nobody
    answers in time, or the scheduler's program cannot be started.
    """

    @property
    def manners(self) -> Manners:
        """How it differs from others."""
        ...

    @property
    def owner(self) -> str:
        """What our jobs say of whose they are: the repository's id."""
        ...

    def render(self, job: Job) -> Rendering:
        """The artefacts of a job. Pure."""
        ...

    def meaning(self, content: bytes) -> str | None:
        """Digest of what an installed definition's bytes mean: comments, description and the digest itself left out.

        None when they are nothing that could be loaded. Holds no blank.
        """
        ...

    def is_altered(self, content: bytes) -> bool:
        """Whether a definition of ours no longer means what it claims to mean."""
        ...

    def takes_in_place(self, loaded: str, wanted: str) -> bool:
        """Whether a job, loaded with one load digest, can be given the other without being unloaded."""
        ...

    def owner_of(self, content: bytes) -> str:
        """The repository that an installed definition names as its owner; empty where it names none."""
        ...

    def is_ours(self, content: bytes) -> bool:
        """Whether an installed definition names this repository as its owner."""
        ...

    def label(self, job: str) -> str:
        """The label of a job of this repository."""
        ...

    def definition_path(self, label: str) -> str:
        """Where the definition of a label is installed, the one that says what it runs."""
        ...

    def definitions(self, label: str) -> tuple[str, ...]:
        """Where definitions of a label can be installed: all that the scheduler reads and that carry our marks."""
        ...

    def links(self, label: str) -> tuple[str, ...]:
        """Where links of a label can be."""
        ...

    def installed_labels(self) -> tuple[str, ...]:
        """Labels under this repository's prefix whose definition stands where the scheduler looks."""
        ...

    def mind(self, labels: Iterable[str]) -> None:
        """From now on these count as jobs of this repository too: their prefix was another one when they were loaded.

        A survey tells of them, they can be unloaded, and one that must come back can be loaded.
        """
        ...

    def survey(self, said: bytes | None = None) -> Answer:
        """One process, one snapshot. Never raises: what cannot be asked is `Unknown`.

        `said`: what `query` printed a moment ago, to be read instead of asked for.
        """
        ...

    def identities(self, labels: Collection[str]) -> Mapping[str, Identity]:
        """Ask loaded jobs what they say of themselves, by label; what is not loaded says nothing.

        One that cannot be asked has a `problem`. `JobsyncError` where the scheduler does not answer at all.
        """
        ...

    def owns(self, label: str) -> bool:
        """Whether a loaded job names this repository as its owner."""
        ...

    def enclosing(self, answer: Survey) -> frozenset[int]:
        """Process ids, among those of the survey, of jobs that this very process belongs to, ancestry aside."""
        ...

    def unload(self, labels: Collection[str], *, sparing: Collection[str] = (), wait: float | None = None) -> Unloading:
        """Begin to take jobs out of the scheduler; not loaded is fine. Never raises.

        `sparing`: of these a run goes on, where the scheduler can part the two. `wait`: nothing else is to be done
        meanwhile, so where the scheduler can, block up to so many seconds until they are gone.
        """
        ...

    def inherit(self, since: Mapping[str, float]) -> None:
        """What ran these jobs until now, label -> moment (epoch), is stopped: slots since then are theirs to make up
        for, once they are loaded, where the scheduler can."""
        ...

    def inherit_from(self, former: Mapping[str, str]) -> None:
        """As `inherit`, of jobs that get another label, label -> the former one: slots since `unload` stopped that."""
        ...

    def why_refused(self, label: str) -> str:
        """After a refused load: the reason as far as probing can tell, in words; empty where the refusal says it.

        Never raises.
        """
        ...

    def keeps_running(self, content: bytes) -> bool | None:
        """Whether an installed definition is a daemon's: its process is not meant to end. None: it is no definition."""
        ...

    def unload_limit(self, content: bytes | None) -> float:
        """Seconds that a job with these installed bytes may take until it is gone."""
        ...

    def load(self, labels: Collection[str], reread: Collection[str] = ()) -> Failures:
        """Make the scheduler read the installed definitions. Success means registered, not running. Never raises.

        `reread`: labels, beside those, whose definitions were changed or taken away.
        """
        ...

    def start(self, label: str) -> None:
        """Start a run now."""
        ...

    def restart(self, labels: Collection[str], wait: float | None = None) -> Failures:
        """End the running processes, where there are any, and start them anew. Never raises.

        The definitions are not read again. `wait`: where the scheduler can, block up to so many seconds until they run
        anew; one that has not ended by then is no failure.
        """
        ...

    def stop(self, label: str) -> None:
        """End the running process; the job stays loaded. Not running is fine."""
        ...

    def environment(self, content: bytes) -> Mapping[str, str]:
        """The environment that an installed definition gives to its process."""
        ...

    def session_environment(self, label: str) -> Mapping[str, str]:
        """What a job's process gets beside that: the session's variables, without those that are each run's own.

        What only the scheduler knows is left out where it cannot be asked.
        """
        ...

    def query(self) -> Query:
        """What is behind `survey`, for the hook, which reads the answer with the reader named in `index.py`."""
        ...

    def evidence(self, label: str, load_digest: str) -> tuple[str, ...]:
        """What that reader must find in the answer for a job that is loaded with this digest; no tabs."""
        ...

    def away_meaning(self, job: Job) -> Collection[str]:
        """Sentences on what happens to this job when the machine sleeps, is off, or nobody is logged in."""
        ...

    def inspect(self, subject: Subject, jobs: Collection[Job], answer: Answer) -> Collection[Finding] | None:
        """What `jobsync doctor` shall know of a subject that only this scheduler can look at; None: not its subject.

        `jobs`: those that this machine shall have; nothing is said of anybody else's. `answer`: the survey of now.
        Reads only; `JobsyncError` when it cannot look.
        """
        ...

    def explain(self, printed: bytes) -> str:
        """What a failed run met on this system and its output does not say; empty: no more than what is there."""
        ...

    def version(self) -> str:
        """What the scheduler says of its version, in one line; empty when it does not answer. Never raises."""
        ...
