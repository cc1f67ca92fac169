"""A launchd domain: the services of a GUI login, or of a user's background session."""

from dataclasses import dataclass, field
from enum import Enum

from jobsync.simulator.service import Service


class Kind(Enum):
    """What a domain target may begin with."""

    SYSTEM = "system"
    USER = "user"
    GUI = "gui"
    LOGIN = "login"
    PID = "pid"


@dataclass(slots=True)
class Domain:
    """One domain of the simulated machine. The GUI domain is absent between logout and login."""

    kind: Kind
    uid: int
    asid: int
    is_present: bool = True
    is_tearing_down: bool = False
    services: dict[str, Service] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`gui/501`."""
        return self.kind.value if self.kind is Kind.SYSTEM else f"{self.kind.value}/{self.uid}"

    @property
    def title(self) -> str:
        """`gui/501 [100003]`: the GUI domain carries its audit session."""
        return f"{self.name} [{self.asid}]" if self.kind is Kind.GUI else self.name

    @property
    def session_type(self) -> str:
        """Which `LimitLoadToSessionType` it takes."""
        return {Kind.GUI: "Aqua", Kind.USER: "Background"}.get(self.kind, "System")
