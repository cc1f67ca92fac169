"""One call of launchctl: who asks what, and the answer. Values only."""

from collections.abc import Callable
from dataclasses import dataclass, field

from jobsync.simulator.settings import Caller


@dataclass(frozen=True, slots=True)
class Call:
    """What the client sent."""

    argv: tuple[str, ...]
    """Without `launchctl` itself."""
    directory: str = "/"
    pid: int = 0
    caller: Caller = Caller.USER
    is_terminal: bool = False
    """Whether its stdout is a terminal."""
    is_remote: bool = False
    """Whether it comes from outside of the GUI session."""

    @property
    def is_root(self) -> bool:
        """Whether launchd tells this caller its inner error codes."""
        return self.caller is Caller.ROOT


@dataclass(frozen=True, slots=True)
class Answer:
    """What launchctl writes, and its exit status."""

    status: int = 0
    out: str = ""
    err: str = ""


@dataclass(slots=True)
class Later:
    """An answer that waits: `poll` gives it as soon as there is one."""

    poll: Callable[[], Answer | None]
    not_before: float = field(default=0.0)
    """Real (monotonic) time."""
