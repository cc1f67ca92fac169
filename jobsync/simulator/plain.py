"""Plain values, as JSON gives them, held against the fields of a dataclass."""

import math
from collections.abc import Mapping
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


def check_types(kind: type, values: Mapping[str, object]) -> None:
    """TypeError that names the first value which its field cannot hold. Names that are no fields are passed over."""
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name in hints and not _fits(value, hints[name]):
            raise TypeError(f"{name} cannot be {value!r}")


def _fits(value: object, kind: Any) -> bool:
    """The words of a StrEnum are texts here."""
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(one, get_args(kind)[0]) for one in value)
    if kind in (int, float):
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        return is_number and math.isfinite(value)  # type: ignore[arg-type] # a number, as has just been seen
    return isinstance(value, str if issubclass(kind, StrEnum) else kind)
