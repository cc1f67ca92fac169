"""A change under way: what is left of its steps, and what has become of it so far."""

from typing import TypeVar

from jobsync.errors import JobsyncError
from jobsync.reconcile.holding import Hold
from jobsync.reconcile.state import Change, Load, Outcome, Reread, Restart, Step, Unload, Write

_Kind = TypeVar("_Kind", Load, Restart)


class Work:
    """Compared by identity: it is one and the same until its change has ended."""

    def __init__(self, change: Change, hold: Hold) -> None:
        self.change = change
        self.steps: list[Step] = list(change.steps)
        self.hold = hold
        self.deadline = 0.0
        """Until when (monotonic) its old job may take to be gone; 0: there is none, or it is gone already."""
        self.failure: JobsyncError | None = None
        """What the scheduler answered to the last thing that was asked for it."""
        self.owes_start = False
        """A start was swallowed by the hold, and is made up for once the job is loaded."""
        self.is_gone = False
        """The old job is out of the scheduler, and nothing has taken its place."""
        self.refused = False
        """The scheduler would not load it: hooks do not try that again."""

    @property
    def name(self) -> str:
        """Of the job."""
        return self.change.name

    @property
    def unloads(self) -> list[Unload]:
        """What sends its old job away, done or not; two where its label changes too."""
        return [step for step in self.change.steps if isinstance(step, Unload)]

    @property
    def former_labels(self) -> list[str]:
        """The label that its old job goes under, where that changes."""
        return [step.label for step in self.unloads if step.label != self.change.label]

    @property
    def loads(self) -> list[str]:
        """Labels that shall be loaded in the end, be it only with another process."""
        return [step.label for step in self.change.steps if isinstance(step, Load | Reread | Restart)]

    @property
    def restarted(self) -> list[str]:
        """Labels that get another process."""
        return [step.label for step in self.change.steps if isinstance(step, Restart)]

    @property
    def reread(self) -> list[str]:
        """Labels whose definitions the scheduler holds and shall read again, or find gone.

        One that its user has switched off is not loaded, and gone all the same.
        """
        found = [step.label for step in self.change.steps if isinstance(step, Unload | Load | Reread)]
        return found or ([self.change.label] if self.change.outcome is Outcome.REMOVED else [])

    @property
    def labels(self) -> set[str]:
        """All that the scheduler may complain about."""
        return {self.change.label, *self.loads, *(step.label for step in self.unloads)}

    @property
    def meant(self) -> str:
        """The load digest that shall be loaded."""
        return self.change.record.load_digest if self.change.record else ""

    @property
    def is_daemon(self) -> bool:
        """What is wanted is one."""
        return self.change.record is not None and self.change.record.is_daemon

    @property
    def has_links(self) -> bool:
        """Links are taken away and put back on the way."""
        return any(isinstance(step, Write) and step.artefact.is_link for step in self.change.steps)

    def next(self, kind: type[_Kind]) -> list[_Kind]:
        """Its next step, if that is one of this kind."""
        step = self.steps[0] if self.steps else None
        return [step] if isinstance(step, kind) else []
