"""JSON schemas of `job.toml` and `jobsync.toml`, for editors: made of the words in `vocabulary.py`. Pure.

The line that shows how a key is written says of what type it is; what one line cannot show stands in a table here. A
schema is never stricter than the reader, so that no editor complains about a right file. What only the reader knows
(times, paths, files that are there) is `jobsync check`'s to say.
"""

import tomllib
from collections.abc import Iterable, Mapping

from jobsync.definitions.document import Table
from jobsync.definitions.duration import PATTERN, is_duration
from jobsync.definitions.fields import ENV_NAME, SYSTEMS
from jobsync.definitions.job import SHELLS_OWN, Event, Priority, Restart
from jobsync.definitions.launchd_keys import ALLOWED
from jobsync.definitions.raw_keys import Kind, integer
from jobsync.definitions.supervision import DAEMONS_HAVE_NOT, LIMITS_OF_ENDS, LOCK, MOST_ATTEMPTS
from jobsync.definitions.systemd_keys import ALLOWED as UNIT_KEYS
from jobsync.definitions.vocabulary import DEFAULTS, KEYS, OPEN_TABLES, SETTINGS, example

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors read best: taplo and VS Code know no later one whole."""

Schema = dict[str, object]
Meanings = Mapping[str, str]
"""Dotted key -> what it means, for whoever hovers over it."""


def _list(items: Mapping[str, object]) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


_TEXT: Schema = {"type": "string"}
_TEXTS = _list(_TEXT)
_DURATION: Schema = {"type": "string", "pattern": PATTERN}
_TEXT_OR_TEXTS: Schema = {"anyOf": [_TEXT, _TEXTS]}

_ANY_TEXTS: Schema = {"type": "array", "items": _TEXT}
"""Empty where a job wants none of the default."""

SHAPES: Mapping[str, Mapping[str, object]] = {
    "run": _TEXT_OR_TEXTS,
    "path": _ANY_TEXTS,
    "inputs": _ANY_TEXTS,
    "schedule.at": _TEXT_OR_TEXTS,
    "schedule.cron": _TEXT_OR_TEXTS,
    "schedule.catch_up": {"anyOf": [{"type": "boolean"}, _DURATION]},
    "daemon.restart": {"enum": [one.value for one in Restart]},
    "only.os": {"enum": list(SYSTEMS)},
    "limits.priority": {"enum": [one.value for one in Priority]},
    "limits.lock": {"type": "string", "pattern": f"^{LOCK}$"},
    "retry.attempts": integer(1, MOST_ATTEMPTS).schema,
    "retry.on_codes": _list(integer(1, 255).schema),
    "expect.success_codes": _list(integer(0, 255).schema),
    "expect.prints": _TEXT_OR_TEXTS,
    "expect.prints_not": _TEXT_OR_TEXTS,
    "expect.touches": _TEXT_OR_TEXTS,
    "notify.on": {"type": "array", "items": {"enum": [one.value for one in Event]}},
    "notify.run": _TEXT_OR_TEXTS,
}
"""What a key may hold, where its line in the vocabulary does not show all of it."""

_NEVER = False
"""The schema that no value fits. Editors mark that key, where of a `not` they mark the table and quote the schema."""

_VARIABLES: Schema = {
    # As a pattern: an editor completes what stands below `properties`.
    "patternProperties": {f"^(?:JOBSYNC_.*|PATH|{'|'.join(sorted(SHELLS_OWN))})$": _NEVER},
    "propertyNames": {"pattern": f"^{ENV_NAME}$"},
}
_DAEMONS: Schema = {
    **dict.fromkeys(("schedule", *DAEMONS_HAVE_NOT), _NEVER),
    "limits": {"properties": dict.fromkeys(LIMITS_OF_ENDS, _NEVER)},
}

RAW: Mapping[str, Mapping[str, Kind]] = {
    "launchd": ALLOWED,
    **{f"systemd.{kind}": keys for kind, keys in UNIT_KEYS.items()},
}
"""The tables of raw keys."""


def _open_table(name: str, meanings: Meanings) -> Schema:
    """A table whose keys are not jobsync's words."""
    if name == "env":
        return {**_VARIABLES, "type": "object", "additionalProperties": _TEXT}
    # launchd's keys are documented by their names alone, those of units, which share some with it, by their tables too.
    start = "" if name == "launchd" else f"{name}."
    return _table({key: {**_about(meanings, f"{start}{key}"), **kind.schema} for key, kind in RAW[name].items()})


def _like(value: object) -> Schema:
    """The schema of values such as this one."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case str() if is_duration(value):
            return _DURATION
        case str():
            return _TEXT
        case list():
            return _TEXTS
        case _:
            raise TypeError(f"no line of the vocabulary shows a {type(value).__name__}")


def _about(meanings: Meanings, key: str) -> Schema:
    return {"description": meanings[key]} if key in meanings else {}


def _value(dotted: str, line: str, meanings: Meanings) -> Schema:
    (shown,) = tomllib.loads(line).values()
    return {**_about(meanings, dotted), **SHAPES.get(dotted, _like(shown)), "examples": [shown]}


def _table(properties: Table) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _properties(keys: Iterable[str], tables: Iterable[str], meanings: Meanings) -> Table:
    """The schemas of dotted keys and open tables, each table's keys in a schema of its own."""
    found: Table = {}

    def home(dotted: str) -> Table:
        inner = found
        for name in dotted.split(".")[:-1]:
            table = inner.setdefault(name, _table({}))
            assert isinstance(table, dict)  # noqa: S101 - a key is never a table too; a test reads them all
            inner = table["properties"]
        return inner

    for dotted in keys:
        home(dotted)[dotted.split(".")[-1]] = _value(dotted, example(dotted), meanings)
    for dotted in tables:
        home(dotted)[dotted.split(".")[-1]] = _open_table(dotted, meanings)
    return found


def job_schema(meanings: Meanings) -> Schema:
    """Of `job.toml`."""
    about = "When a job of jobsync runs, and how."
    body = _table(_properties(KEYS, OPEN_TABLES, meanings))
    head = {"$schema": DRAFT, "$id": "urn:jobsync:job.toml", "title": "job.toml", "description": about}
    return head | body | {"dependencies": {"daemon": {"properties": _DAEMONS}}}


def settings_schema(meanings: Meanings) -> Schema:
    """Of `jobsync.toml`."""
    about = "Marks a repository as jobsync's, and says what its jobs have in common."
    body = _properties(SETTINGS, (), meanings) | {"defaults": _table(_properties(DEFAULTS, OPEN_TABLES, meanings))}
    return {
        "$schema": DRAFT,
        "$id": "urn:jobsync:jobsync.toml",
        "title": "jobsync.toml",
        "description": about,
    } | _table(body)
