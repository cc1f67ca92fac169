"""What a raw key of a scheduler may hold: the check of its values, and their JSON schema. Pure."""

import re
from collections.abc import Callable, Mapping

from jobsync.definitions.document import shown, unfit
from jobsync.values import dataclass

Check = Callable[[object], str | None]
"""What is wrong with a value (and what to write), or None."""

LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Kind:
    """What a raw key may hold: the check of its values, and their JSON schema."""

    check: Check
    schema: Mapping[str, object]

    def __call__(self, value: object) -> str | None:
        """What is wrong with a value, or None."""
        return self.check(value)


def text_fault(value: object) -> str | None:
    """What is wrong with a value that shall be a text of one line, or None."""
    if not isinstance(value, str):
        return f"{shown(value)} is not a text; write it in quotes"
    return unfit(value)


def _unquoted(value: object, pattern: str) -> str:
    """What to add where a text is what was meant but for its quotes."""
    is_meant = isinstance(value, str) and re.fullmatch(pattern, value)
    return f"; without quotes it is: {value}" if is_meant else ""


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else f"{shown(value)} is not true or false{_unquoted(value, 'true|false')}"


FLAG = Kind(_flag, {"type": "boolean"})


def integer(lowest: int, highest: int = LARGEST_INTEGER) -> Kind:
    """Whole numbers of a range."""

    def check(value: object) -> str | None:
        # bool is an int to Python, and to no scheduler.
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{shown(value)} is not a whole number{_unquoted(value, '0|[1-9][0-9]{0,17}')}"
        if lowest <= value <= highest:
            return None
        upper = f"from {lowest} to {highest}" if highest < LARGEST_INTEGER else f"of at least {lowest}"
        return f"{shown(value)} is not a number {upper}"

    limit = {} if highest == LARGEST_INTEGER else {"maximum": highest}
    return Kind(check, {"type": "integer", "minimum": lowest, **limit})


def one_of(*words: str) -> Kind:
    """One of these texts."""

    def check(value: object) -> str | None:
        return None if value in words else f"{shown(value)} is not one of {', '.join(words)}"

    return Kind(check, {"enum": list(words)})


def octal(example: str) -> Kind:
    """Permissions, as a number or as an octal text such as this one."""

    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return integer(0, 0o777)(value)
        if re.fullmatch("0[0-7]{1,3}", value):
            return None
        meant = re.fullmatch("(?:0o)?0*([0-7]{1,3})", value)
        better = f"0{meant[1]}" if meant else example
        return f'{shown(value)} is not an octal number; write "{better}"'

    return Kind(check, {"anyOf": [{"type": "string", "pattern": "^0[0-7]{1,3}$"}, integer(0, 0o777).schema]})
