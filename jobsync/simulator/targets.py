"""Target specifiers: `gui/501/label` taken apart, and domains as launchctl's sentences name them. Pure."""

import re
from dataclasses import dataclass
from typing import assert_never

from jobsync.simulator.domain import Kind

_NUMBER = re.compile(r"[0-9]{1,19}")  # what 64 bits hold


@dataclass(frozen=True, slots=True)
class Target:
    """A domain target, or with a label a service target. `number` is a uid, an audit session or a pid."""

    kind: Kind
    number: int
    label: str | None = None

    @property
    def domain_words(self) -> str:
        """The domain as `Could not find service "L" in domain for …` names it."""
        match self.kind:
            case Kind.SYSTEM:
                return "system"
            case Kind.USER:
                return f"uid: {self.number}"
            case Kind.GUI:
                return f"user gui: {self.number}"
            case Kind.LOGIN | Kind.PID:
                return f"{self.kind.value}: {self.number}"
            case _:
                assert_never(self.kind)


def parse_target(text: str) -> Target | None:
    """The target that a specifier names, or None when it is none."""
    kind, _, rest = text.partition("/")
    if kind == Kind.SYSTEM.value:
        return Target(Kind.SYSTEM, 0, rest or None)
    number, _, label = rest.partition("/")
    is_known = kind in {known.value for known in Kind}
    if not is_known or not _NUMBER.fullmatch(number) or "/" in label:
        return None
    return Target(Kind(kind), int(number), label or None)
