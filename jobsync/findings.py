"""What a check of `jobsync doctor` found, as values: schedulers make them too, of what only they know."""

from enum import Enum

from jobsync.values import dataclass


class Level(Enum):
    """How much a finding matters. Only errors make `doctor` exit with 1."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class Subject(Enum):
    """What only a scheduler knows how to look at; the values are the ids of the checks."""

    REBOOT = "reboot"
    """Whether jobs run again after a reboot, and without whom."""
    DOMAIN = "domain"
    """Whether jobs are loaded where they belong, and nowhere else as well."""
    OVERRIDES = "overrides"
    """What the user switched off or replaced in the scheduler itself."""
    PRIVACY = "privacy"
    """Places that the system keeps jobs out of."""
    NOTIFICATIONS = "notifications"
    """Whether what `[notify]` tells may be shown."""
    LINKS = "links"
    """Links beside the definitions, without which nothing starts."""


@dataclass(frozen=True, slots=True)
class Chmod:
    """Give a file of the user's, or of ours, the mode that it needs."""

    path: str
    mode: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Let a sync bring the machine in line; it keeps copies of what was edited by hand."""


@dataclass(frozen=True, slots=True)
class InstallHooks:
    """Put the git hooks in place, in front of those that are there."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Take a job out of the scheduler and let it read the installed definition; a running one is left alone."""

    job: str


Repair = Chmod | Sync | InstallHooks | Reload
"""What `doctor --fix` may do: nothing that could lose anything or start a job."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has to say."""

    level: Level
    said: str
    """What is so, without the job's name."""
    job: str = ""
    """Name of the job that it concerns; empty: all of them, or the machine."""
    meaning: str = ""
    """What comes of it."""
    command: str = ""
    """What to type to mend it; empty where no single command does."""
    repair: Repair | None = None


def error(said: str, job: str = "", *, meaning: str = "", command: str = "", repair: Repair | None = None) -> Finding:
    """Something does not work, or will not."""
    return Finding(Level.ERROR, said, job, meaning, command, repair)


def warning(said: str, job: str = "", *, meaning: str = "", command: str = "", repair: Repair | None = None) -> Finding:
    """Something works, and may surprise its owner."""
    return Finding(Level.WARNING, said, job, meaning, command, repair)


def info(said: str, job: str = "", *, meaning: str = "", command: str = "") -> Finding:
    """Something that is meant to be so, and worth knowing."""
    return Finding(Level.INFO, said, job, meaning, command)


def skipped(because: str) -> Finding:
    """The check could not be made, or has no object here."""
    return Finding(Level.SKIPPED, because)
