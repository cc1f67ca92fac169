"""A job kept as a directory of its own, `schedule` beside `run` -> the job that means the same. Pure.

`schedule` holds a number of seconds, or JSON: `{"type": "periodic", …}` with a number of seconds, `{"type":
"scheduled", …}` with times as in launchd's StartCalendarInterval, or `{"type": "on-change", …}` with paths. Keys are
taken in the spellings that people use; one that is not known is refused, by name.
"""

import json
from collections.abc import Mapping

from jobsync.definitions.cron import read_cron
from jobsync.definitions.document import unfit
from jobsync.definitions.foreign import Draft, Found, Kind, Notice, Refused, Variables, clock, interval
from jobsync.definitions.hand_edits import read_calendar
from jobsync.errors import JobsyncError

_SECONDS = ("seconds", "interval", "every", "period", "StartInterval")
_TIMES = ("schedule", "times", "calendar", "at", "StartCalendarInterval")
_PATHS = ("path", "paths", "watch", "WatchPaths")
_FIELDS = {key.lower(): key for key in ("Month", "Day", "Weekday", "Hour", "Minute")}
_COMMON = ("type", "environment", "env", "comment", "description")


def _one(values: Mapping[str, object], keys: tuple[str, ...]) -> object:
    found = [values[key] for key in keys if key in values]
    if len(found) != 1:
        raise JobsyncError(f"needs one of {', '.join(keys)}; write that one")
    return found[0]


def _known(values: Mapping[str, object], keys: tuple[str, ...]) -> None:
    strange = [key for key in values if key not in keys and key not in _COMMON]
    if strange:
        raise JobsyncError(f"{strange[0]!r} is not known; take it out")


def _calendar(value: object) -> object:
    """launchd's own spelling of the fields of times."""
    if isinstance(value, list):
        return [_calendar(one) for one in value]
    if isinstance(value, dict):
        return {_FIELDS.get(str(key).lower(), key): one for key, one in value.items()}
    return value


def _periodic(values: Mapping[str, object]) -> dict[str, object]:
    _known(values, _SECONDS)
    seconds = _one(values, _SECONDS)
    if type(seconds) is not int or seconds <= 0:
        raise JobsyncError(f"{seconds!r} is no number of seconds; write 3600")
    return {"every": interval(seconds)}


def _scheduled(values: Mapping[str, object]) -> dict[str, object]:
    if "cron" in values:
        _known(values, ("cron",))
        read_cron(str(values["cron"]))
        return {"cron": str(values["cron"])}
    fields = {key: value for key, value in values.items() if key.lower() in _FIELDS}
    _known(values, (*_TIMES, *fields))
    return clock(read_calendar(_calendar(fields or _one(values, _TIMES))))


def _on_change(values: Mapping[str, object], home: str) -> dict[str, object]:
    _known(values, _PATHS)
    found = _one(values, _PATHS)
    paths = found if isinstance(found, list) else [found]
    places = [f"{home}{path[1:]}" if isinstance(path, str) and path.startswith("~/") else path for path in paths]
    if not places or not all(isinstance(path, str) and path.startswith("/") for path in places):
        raise JobsyncError(f"{found!r} names no absolute paths; write them from / or ~/")
    return {"on_change": places}


def _schedule(text: str, home: str) -> tuple[dict[str, object], Mapping[str, object]]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise JobsyncError("is neither a number of seconds nor JSON; write 3600") from None
    if isinstance(values, int):
        return _periodic({"seconds": values}), {}
    if not isinstance(values, dict):
        raise JobsyncError("is neither a number of seconds nor a JSON object; write 3600")
    match values.get("type"):
        case "periodic":
            return _periodic(values), values
        case "scheduled":
            return _scheduled(values), values
        case "on-change":
            return _on_change(values, home), values
        case other:
            raise JobsyncError(f'type {other!r} is none of "periodic", "scheduled" and "on-change"')


def _variables(values: Mapping[str, object], name: str, machine_path: str) -> Variables:
    environment = values.get("environment", values.get("env", {}))
    if not isinstance(environment, dict) or not all(isinstance(one, str) for one in environment.values()):
        raise JobsyncError("its environment is no object of texts; write them in quotes")
    found = Variables(machine_path, name)
    for key, value in environment.items():
        found.take(key, value)
    return found


def read_directory(origin: str, name: str, schedule: str, run: str, machine_path: str, home: str) -> Found:
    """The draft of such a job: the texts of its two files. `home`: what `~` is in paths."""
    try:
        found, values = _schedule(schedule.strip(), home)
        variables = _variables(values, name, machine_path)
    except JobsyncError as error:
        return Refused(origin, name, (f"schedule: {error.message}",))
    if variables.reasons:
        return Refused(origin, name, tuple(f"schedule: {reason}" for reason in variables.reasons))
    words = "on the clock, where an interval is counted from each load and wake"
    told = values.get("description", values.get("comment", ""))
    return Draft(
        origin=origin,
        name=name,
        script=run,
        description=told if isinstance(told, str) and not unfit(told) else "",
        path=variables.path,
        schedule=found,
        environment=variables.plain,
        secrets=variables.secrets,
        notices=(*((Notice(Kind.DIFFERS, "schedule", words),) if "every" in found else ()), *variables.notices),
    )
