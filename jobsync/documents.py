"""JSON that jobsync prints, described once: a `TypedDict` that mypy holds the code to, and the JSON schema made of it.

Pure. What a field means is said once too, in the tables of `docs/cli.md`; whoever asks for a schema hands them in.
"""

import types
from collections.abc import Mapping
from typing import Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from jobsync.definitions.schema import DRAFT, Meanings, Schema

_SCALARS: Mapping[object, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def schema_of(document: type, meanings: Meanings, *, closed: bool = False) -> Schema:
    """The JSON schema of a `TypedDict`. `meanings`: dotted field, lists as `repos[]`, to what it holds.

    New fields may come at any time, so others than those described are allowed, unless `closed`.
    Errors: `TypeError` for a type that JSON has no word for.
    """
    return {"$schema": DRAFT, **_of(document, "", meanings, closed=closed)}


def _of(kind: object, name: str, meanings: Meanings, *, closed: bool) -> Schema:
    if isinstance(kind, type) and is_typeddict(kind):
        return _table(kind, name, meanings, closed=closed)
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if kind is object:
        return {}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list:
        return {"type": "array", "items": _of(arguments[0], f"{name}[]", meanings, closed=closed)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], name, meanings, closed=closed)}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(one, name, meanings, closed=closed) for one in arguments]}
    raise TypeError(f"{name or kind!r}: JSON has no word for {kind!r}")


def _table(kind: type, name: str, meanings: Meanings, *, closed: bool) -> Schema:
    fields = {}
    # `Required`, `NotRequired` and `ReadOnly` are taken off by get_type_hints.
    for key, inner in get_type_hints(kind).items():
        dotted = f"{name}.{key}" if name else key
        about: Schema = {"description": meanings[dotted]} if dotted in meanings else {}
        fields[key] = {**about, **_of(inner, dotted, meanings, closed=closed)}
    required = sorted(getattr(kind, "__required_keys__", ()))
    found: Schema = {"type": "object", "properties": fields, "required": required}
    return {**found, "additionalProperties": False} if closed else found
