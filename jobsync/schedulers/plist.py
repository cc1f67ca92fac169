"""Job -> launchd property list, and back as far as jobsync needs it. Pure: the same bytes from any caller."""

import plistlib
import re
from _blake2 import blake2b  # what hashlib hands out, without its OpenSSL (5 ms at each start)
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

from jobsync.definitions.job import Job, Priority, Restart, Slot

OWNER = "JOBSYNC_OWNER"
DIGEST = "JOBSYNC_DIGEST"
MARGIN = 2
"""Seconds after `limits.grace` that a launcher has to record the end, before launchd kills it too."""

_OWNER_TEXT = re.compile(rb"<key>JOBSYNC_OWNER</key>\s*<string>([^<>]*)</string>")
_IN_FRONT = re.compile(rb"(?>\s+|<!--(?>.*?-->))++", re.DOTALL)
"""What people put in front of an XML property list: Core Foundation passes over it, and no strict parser does."""
_OPENING = b'<plist version="1.0">\n'


def _slot(slot: Slot) -> dict[str, int]:
    fields = {
        "Month": slot.month,
        "Day": slot.day,
        "Weekday": slot.weekday,
        "Hour": slot.hour,
        "Minute": slot.minute,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _triggers(job: Job) -> dict[str, object]:
    schedule = job.schedule
    triggers: dict[str, object] = {}
    if schedule.slots:
        triggers["StartCalendarInterval"] = [_slot(slot) for slot in schedule.slots]
    if schedule.at_login:
        triggers["RunAtLoad"] = True
    if schedule.on_change:
        triggers["WatchPaths"] = list(schedule.on_change)
    if schedule.on_files:
        triggers["QueueDirectories"] = list(schedule.on_files)
    match job.daemon:
        case Restart.ALWAYS:
            triggers["KeepAlive"] = True
        case Restart.ON_FAILURE:
            triggers["KeepAlive"] = {"SuccessfulExit": False}
        case None:
            pass
    return triggers


def definition(job: Job, *, label: str, owner: str, launcher: str, path: str) -> dict[str, object]:
    """The property list of a job as a dict, its own digest in the environment. `path` is the machine's PATH."""
    environment = {OWNER: owner, "PATH": ":".join((*job.path, path))}
    plist: dict[str, object] = {
        **job.launchd,
        **_triggers(job),
        "Label": label,
        "ProgramArguments": [launcher],
        "EnvironmentVariables": environment,
    }
    if job.priority is Priority.BACKGROUND:
        plist.setdefault("ProcessType", "Background")
    if job.limits.grace is not None:
        plist.setdefault("ExitTimeOut", job.limits.grace + MARGIN)
    environment[DIGEST] = _digest(plist)
    return plist


def _digest(plist: Mapping[str, object]) -> str:
    """Digest of a parsed property list, its digest left out. Keys sorted: the order in a file means nothing."""
    environment = plist.get("EnvironmentVariables")
    meant = dict(plist)
    if isinstance(environment, Mapping):
        meant["EnvironmentVariables"] = {key: value for key, value in environment.items() if key != DIGEST}
    return blake2b(plistlib.dumps(meant, sort_keys=True), digest_size=16).hexdigest()


def digest_of(plist: Mapping[str, object]) -> str:
    """The digest that `definition` wrote into its environment."""
    return environment_of(plist).get(DIGEST, "")


def _comment(text: str) -> bytes:
    # "--" would end an XML comment; control characters are not XML at all.
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    while "--" in plain:
        plain = plain.replace("--", "- -")
    return f"<!-- {plain} -->\n".encode()


def dumps(plist: Mapping[str, object], comment: str) -> bytes:
    """XML bytes with a comment for people in front of the dict; launchd ignores it."""
    head, opening, body = plistlib.dumps(dict(plist), sort_keys=True).partition(_OPENING)
    return head + opening + _comment(comment) + body


def loads(content: bytes) -> dict[str, object] | None:
    """The dict in an installed file, XML or binary; None when it holds no such thing."""
    if found := _IN_FRONT.match(content):
        content = content[found.end() :]
    try:
        plist = plistlib.loads(content, fmt=plistlib.FMT_XML if found else None)
    # What plistlib lets through on hostile bytes; seen with fuzzed XML and binary lists on 3.11 to 3.13.
    except (plistlib.InvalidFileException, ExpatError, ValueError, TypeError, LookupError, AttributeError,
            OverflowError, RecursionError, MemoryError):  # fmt: skip
        return None
    return plist if isinstance(plist, dict) else None


def meaning(plist: Mapping[str, object]) -> str | None:
    """Digest of what launchd would read; None when it cannot be expressed (a dict with odd keys)."""
    try:
        return _digest(plist)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def environment_of(plist: Mapping[str, object]) -> dict[str, str]:
    """The texts of its EnvironmentVariables; launchd drops other values without a word."""
    environment = plist.get("EnvironmentVariables")
    if not isinstance(environment, Mapping):
        return {}
    return {str(key): value for key, value in environment.items() if isinstance(value, str)}


def owner_in_text(content: bytes) -> str:
    """The owner mark of a file that is no property list (any more), looked for as text; empty when there is none."""
    found = _OWNER_TEXT.search(content)
    return found[1].decode("utf-8", "replace") if found else ""
