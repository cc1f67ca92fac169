"""The values that flow through a sync: what is wanted, what was seen, what shall be done and what came of it."""

from collections.abc import Mapping
from enum import Enum

from jobsync.definitions.job import Job
from jobsync.errors import Fault
from jobsync.repo.affected import Entry
from jobsync.schedulers.protocol import Answer, Artefact, Identity, Rendering
from jobsync.values import dataclass, field


class Caller(Enum):
    """By hand the work tree counts as it is; in a hook HEAD does, and less is allowed."""

    HAND = "hand"
    HOOK = "hook"


class Source(Enum):
    """Where a job's installed bytes were rendered from."""

    HEAD = "head"
    WORK_TREE = "work tree"


class Outcome(Enum):
    """What a sync makes of one job."""

    UNCHANGED = "unchanged"
    INSTALLED = "installed"
    UPDATED = "updated"
    RELOADED = "reloaded"
    RESTARTED = "restarted"
    REPAIRED = "repaired"
    REMOVED = "removed"
    DEFERRED = "deferred"
    PAUSED = "paused"
    CONFLICT = "conflict"
    FAILED = "failed"


BAD = (Outcome.FAILED, Outcome.CONFLICT)
"""What is wrong, as a user should know."""
UNDONE = (*BAD, Outcome.DEFERRED)
"""What a sync could not do, or not yet: something is left for the next one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An artefact as jobsync last wrote it."""

    path: str
    mode: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Record:
    """What jobsync did last for one job."""

    name: str
    label: str
    source: Source
    load_digest: str
    """Of what was loaded and verified; empty: nothing is known to be loaded."""
    launch_digest: str
    """Of launcher and inputs when the daemon was last loaded or restarted; empty for other jobs."""
    artefacts: tuple[Placed, ...]
    entries: Mapping[str, Entry]
    """HEAD's entries of its inputs when it was last applied."""
    inputs: tuple[str, ...]
    in_head: bool
    """HEAD defined it for this machine then: only such a job may be removed by a hook."""
    is_daemon: bool = False
    at_login: bool = False
    needs_login: bool = False
    """It may be owed a run after this machine was off, which `jobsync-login` makes."""
    failed: str = ""
    """Load digest that could not be loaded: hooks do not try the same one again."""
    message: str = ""
    """What went wrong then."""
    definition: str = ""
    """Digest of what an uncommitted definition was read from; empty where HEAD rendered the same, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A job that HEAD defines and this machine was not to have when jobsync last looked."""

    source: Source
    """`WORK_TREE`: only an uncommitted edit says so; a hook respects it until HEAD says the same."""
    entries: Mapping[str, Entry]
    """HEAD's entries of it then."""
    paused: bool = False
    """A daemon, away for as long as its user paused it here: nobody changes HEAD when that is over."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that this machine shall have."""

    rendering: Rendering
    source: Source
    entries: Mapping[str, Entry]
    inputs: tuple[str, ...]
    in_head: bool
    launch_digest: str = ""
    is_daemon: bool = False
    at_login: bool = False
    needs_login: bool = False
    """See `Record`."""
    cause: str = ""
    """Why it was looked at, such as `changed: jobs/backup/run`."""
    advances: bool = True
    """False: the ledger's own record, not to be changed by this sync."""
    paused: str = ""
    """How long the user paused it on this machine, in words; empty: not paused."""
    definition: str = ""
    """As a record's."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A job that this machine shall not have (any more)."""

    cause: str
    outcome: Outcome = Outcome.REMOVED
    """`PAUSED` when it is the user's word on this machine, which no brake shall question."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """A job whose definition has a fault: it stays as it is."""

    faults: tuple[Fault, ...]


Desired = Wanted | Unwanted | Faulty


@dataclass(frozen=True, slots=True)
class Want:
    """Everything that is desired, by name, and what was noticed on the way."""

    jobs: Mapping[str, Desired]
    faults: tuple[Fault, ...] = ()
    jobs_missing: bool = False
    notices: tuple[str, ...] = ()
    absent: Mapping[str, Absence] = field(default_factory=dict)
    """What the ledger shall remember of jobs that are defined and not wanted."""
    definitions: Mapping[str, Job] = field(default_factory=dict)
    """The valid definitions that were read, wanted here or not."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Job -> the name under which its user paused it."""
    untouched: Mapping[str, Record] = field(default_factory=dict)
    """Jobs, beside those, that are known to be as the last sync left them."""


UNREADABLE = "cannot be read"
"""How the problem of a file begins that is there and whose content is not known."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What stands at a path. Nothing there: no content and no problem."""

    content: bytes | None = None
    mode: int = 0
    problem: str = ""
    """Why it is no regular file that could be read, such as `is a directory`."""
    target: bytes | None = None
    """Where it leads, when it is a symbolic link (a problem too, for whoever expects a file)."""

    @property
    def is_unreadable(self) -> bool:
        """A file is there, and what is in it is not known."""
        return self.problem.startswith(UNREADABLE)

    @property
    def is_in_the_way(self) -> bool:
        """A directory, a pipe or the like: nothing that a file of ours could replace."""
        return bool(self.problem) and not self.is_unreadable and self.target is None

    @property
    def is_missing(self) -> bool:
        """Nothing is there."""
        return self.content is None and not self.problem


@dataclass(frozen=True, slots=True)
class Observed:
    """Installed and loaded, read in one snapshot."""

    answer: Answer
    files: Mapping[str, FileState]
    identities: Mapping[str, Identity] = field(default_factory=dict)
    """What loaded jobs say of themselves, asked only where the ledger cannot tell."""
    orphans: Mapping[str, str] = field(default_factory=dict)
    """Job name -> label: marked as this repository's, not defined, not in the ledger. Under another prefix the label
    is the name too: the job may well be defined, and goes on under its own."""
    belongings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Job name -> paths of an orphan's files: its definition, and what is its own by place."""
    leftovers: tuple[str, ...] = ()
    """Files in places that are ours alone and belong to no job."""
    stored: frozenset[str] = frozenset()
    """Digests of bytes that jobsync itself has written of late, whatever the ledger knows of them."""
    ancestors: frozenset[int] = frozenset()
    """Process ids of our own ancestors: the branch that we sit on."""
    errand: int = 0
    """Where that is a job, the process in it that ends when git's command has, or else with this sync."""


@dataclass(frozen=True, slots=True)
class Unload:
    """Take the job out of the scheduler and wait until it is gone."""

    label: str
    limit: float
    """Seconds until waiting is given up."""
    spares: bool
    """A run that has started in the meantime is not stopped: the change is deferred, or the run goes on beside it."""


@dataclass(frozen=True, slots=True)
class Write:
    """Put an artefact in its place. `keeps`: copy what is there first, it was edited by hand."""

    artefact: Artefact
    keeps: bool
    saw: str = ""
    """Digest of what was there when the plan was made, empty for nothing: anything else is an edit made since."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove an artefact. `keeps`: copy it first."""

    path: str
    keeps: bool
    saw: str = ""
    """As `Write.saw`."""


@dataclass(frozen=True, slots=True)
class Load:
    """Make the scheduler read the definition. `as_sync`: leave the token that tells it from a login."""

    label: str
    as_sync: bool


@dataclass(frozen=True, slots=True)
class Reread:
    """Have the scheduler read a definition that changed, while the job stays loaded."""

    label: str


@dataclass(frozen=True, slots=True)
class Restart:
    """End the daemon's process and start it anew."""

    label: str
    limit: float
    """Seconds until waiting for its end is given up."""


Step = Unload | Write | Remove | Load | Reread | Restart


@dataclass(frozen=True, slots=True)
class Change:
    """All that shall be done for one job, with its cause. No steps: nothing is done to machine or scheduler."""

    name: str
    label: str
    outcome: Outcome
    cause: str = ""
    steps: tuple[Step, ...] = ()
    record: Record | None = None
    """What the ledger holds once this succeeded; None: no entry."""
    pid: int = 0
    """The run that it waits for, where it is deferred because of one."""

    @property
    def is_settled(self) -> bool:
        """Nothing to do and nothing to wait for. A job that the user disabled is waited for: he may enable it."""
        is_disabled = self.outcome is Outcome.PAUSED and self.record is not None and not self.record.load_digest
        return self.outcome in (Outcome.UNCHANGED, Outcome.PAUSED) and not self.steps and not is_disabled


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would be done, in order of name. Dry run, `status`, `diff`, hook and apply share it."""

    changes: tuple[Change, ...]
    faults: tuple[Fault, ...] = ()
    brake: str = ""
    """Why nothing is removed, or empty."""
    held: tuple[str, ...] = ()
    """Names whose removal the brake holds."""
    notices: tuple[str, ...] = ()
    leftovers: tuple[Remove, ...] = ()

    @property
    def would_change(self) -> bool:
        """Some step would be taken."""
        return bool(self.leftovers) or any(change.steps for change in self.changes)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one change."""

    name: str
    label: str
    outcome: Outcome
    cause: str = ""
    pid: int = 0
    """The run that it waits for, where it is deferred because of one."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a sync did: what `report.py` turns into text or JSON."""

    results: tuple[Result, ...]
    faults: tuple[Fault, ...] = ()
    brake: str = ""
    notices: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Paths of the copies that were made of hand-edited files."""
    dry_run: bool = False
    would_change: bool = False

    @property
    def has_failures(self) -> bool:
        """Something is wrong that the user should know: exit status 1."""
        return bool(self.faults or self.brake) or any(result.outcome in BAD for result in self.results)
