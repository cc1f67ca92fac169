"""Trouble on demand: which call or which job meets which fault, and how often. Pure bookkeeping."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.plain import check_types

PEND = "@pend"
"""Not a verb: a job's start at load is held back until somebody kickstarts it."""
PENDED_REASONS = ("speculative", "semaphore", "inefficient")
IGNORE_TERM = "@ignore-term"
"""Not a verb: SIGTERM from launchd is lost on its way to a job."""
SPAWN = "@spawn"
"""Not a verb: the kernel kills a job at its start, for the reason in `text`."""
REMOVE = "@remove"
"""Not a verb: launchd removes a job because it could not spawn it."""


@dataclass(slots=True)
class Fault:
    """What a verb does instead of its work, or in addition to it."""

    verb: str
    """`*` = every verb of launchctl."""
    code: int | None = None
    """The exit status; the work is left undone unless `performs`."""
    text: str | None = None
    """stderr; None = launchctl's own words for the code."""
    times: int | None = 1
    """How often; None = until it is cleared."""
    after: int = 0
    """How many matching calls pass unharmed before the first that does not."""
    delay: float = 0.0
    """Real seconds until the answer comes."""
    hang: bool = False
    """No work and no answer, until the caller gives up."""
    label: str | None = None
    """Only where this label is meant, be it among others, which are spared; None = anywhere."""
    garbage: str | None = None
    """stdout instead of the real one."""
    performs: bool = False
    """The work is done although the answer says it failed."""

    @property
    def hides_work(self) -> bool:
        """Whether the verb must not do its work."""
        return (self.code is not None or self.hang) and not self.performs

    def strikes(self, verb: str, labels: Collection[str]) -> bool:
        """Whether it is meant for this call; counts the calls that it lets pass."""
        is_meant = verb == self.verb or (self.verb == "*" and not verb.startswith("@"))
        if not is_meant or (self.label is not None and self.label not in labels):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


def label_of(word: str) -> str:
    """The label that an argument names: the end of a service target, the name of a plist, or the word itself."""
    return Path(word).stem if word.endswith(".plist") else word.rpartition("/")[2]


def labels_of(argv: Sequence[str]) -> set[str]:
    """The labels that a call names: of all plists, or of its last word."""
    plists = [word for word in argv[1:] if word.endswith(".plist")]
    return {label_of(word) for word in plists or argv[1:][-1:]}


class Faults:
    """The faults that are waiting, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, values: dict[str, Any]) -> None:
        """Add one from plain values; SimulatorError for unknown ones."""
        try:
            fault = Fault(**values)
            check_types(Fault, values)
        except TypeError as trouble:
            raise SimulatorError(f"fault: {trouble}") from None
        if fault.verb == PEND and fault.text not in PENDED_REASONS:
            raise SimulatorError(f'fault: no start is pended as "{fault.text}"; say {" or ".join(PENDED_REASONS)}')
        if fault.code is not None and fault.code not in range(256):
            raise SimulatorError(f"fault: no process ends with status {fault.code}; say 0 to 255")
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting.clear()

    def take(self, verb: str, labels: Collection[str]) -> Fault | None:
        """The first fault that strikes, used once more; None = all is well."""
        struck = next((fault for fault in self._waiting if fault.strikes(verb, labels)), None)
        self._waiting = [fault for fault in self._waiting if fault.times is None or fault.times > 0]
        return struck
