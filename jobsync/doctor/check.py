"""What a check is: a function in a list, and what came of it."""

from collections.abc import Callable, Iterable

from jobsync.doctor.view import View
from jobsync.findings import Finding, Level
from jobsync.values import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. `look` reads only; nothing found means that all is well."""

    id: str
    claim: str
    """What is so when nothing is found."""
    look: Callable[[View], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check."""

    check: Check
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst of what was found."""
        found = {one.level for one in self.findings}
        order = (Level.ERROR, Level.WARNING, Level.INFO, Level.SKIPPED)
        return next((level for level in order if level in found), Level.OK)
