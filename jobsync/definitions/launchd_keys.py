"""The raw `[launchd]` keys: which may be given, of what type, and why the others may not.

Types and meanings are launchd.plist(5)'s. A key that jobsync renders itself, that launchd ignores for an agent, or
that would break one of jobsync's promises is refused with the word to use instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobsync.definitions.document import shown, unfit
from jobsync.definitions.vocabulary import misplaced, nearest

Check = Callable[[object], str | None]
"""What is wrong with a value (and what to write), or None."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a raw key may hold: the check of its values, and their JSON schema."""

    check: Check
    schema: Mapping[str, object]

    def __call__(self, value: object) -> str | None:
        """What is wrong with a value, or None."""
        return self.check(value)


LARGEST_INTEGER = 2**63 - 1


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return f"{shown(value)} is not a text; write it in quotes"
    return unfit(value)


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else f"{shown(value)} is not true or false"


def _integer(lowest: int, highest: int = LARGEST_INTEGER) -> Kind:
    def check(value: object) -> str | None:
        # bool is an int to Python, and not to launchd.
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{shown(value)} is not a whole number"
        if lowest <= value <= highest:
            return None
        upper = f"from {lowest} to {highest}" if highest < LARGEST_INTEGER else f"of at least {lowest}"
        return f"{shown(value)} is not a number {upper}"

    limit = {} if highest == LARGEST_INTEGER else {"maximum": highest}
    return Kind(check, {"type": "integer", "minimum": lowest, **limit})


def _one_of(*words: str) -> Kind:
    def check(value: object) -> str | None:
        return None if value in words else f"{shown(value)} is not one of {', '.join(words)}"

    return Kind(check, {"enum": list(words)})


def _text_or_texts(value: object) -> str | None:
    items = value if isinstance(value, list) else [value]
    return next((wrong for item in items if (wrong := _text(item))), None)


def _session(value: object) -> str | None:
    if wrong := _text_or_texts(value):
        return wrong
    if "Aqua" in (value if isinstance(value, list) else [value]):
        return None
    return 'leaves out the session that jobsync loads jobs into; write "Aqua" or leave it out'


def _absolute(value: object) -> str | None:
    if wrong := _text(value):
        return wrong
    return (
        None
        if str(value).startswith("/")
        else f"{shown(value)} is not an absolute path; launchd expands nothing, so write it from /"
    )


def _umask(value: object) -> str | None:
    if isinstance(value, str):
        octal = value.startswith("0") and 1 < len(value) <= 4 and all(digit in "01234567" for digit in value)
        return None if octal else f'{shown(value)} is not an octal number; write "022"'
    return _integer(0, 0o777)(value)


_RESOURCES = (
    "Core",
    "CPU",
    "Data",
    "FileSize",
    "MemoryLock",
    "NumberOfFiles",
    "NumberOfProcesses",
    "ResidentSetSize",
    "Stack",
)


def _resources(value: object) -> str | None:
    if not isinstance(value, dict):
        return f"{shown(value)} is not a table of limits; write {{ NumberOfFiles = 1024 }}"
    for name, limit in value.items():
        if name not in _RESOURCES:
            return f"{shown(name)} is not a limit; known are {', '.join(_RESOURCES)}"
        if wrong := _integer(0)(limit):
            return f"{name}: {wrong}"
    return None


_FLAG = Kind(_flag, {"type": "boolean"})
_TEXT_OR_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_RESOURCE_LIMITS = Kind(
    _resources,
    {
        "type": "object",
        "properties": {name: {"type": "integer", "minimum": 0} for name in _RESOURCES},
        "additionalProperties": False,
    },
)

ALLOWED: Mapping[str, Kind] = {
    "AbandonProcessGroup": _FLAG,
    "AssociatedBundleIdentifiers": Kind(_text_or_texts, _TEXT_OR_TEXTS),
    "ExitTimeOut": _integer(1),
    "HardResourceLimits": _RESOURCE_LIMITS,
    "LaunchOnlyOnce": _FLAG,
    "LegacyTimers": _FLAG,
    "LimitLoadToSessionType": Kind(_session, _TEXT_OR_TEXTS),
    "LowPriorityBackgroundIO": _FLAG,
    "LowPriorityIO": _FLAG,
    "MaterializeDatalessFiles": _FLAG,
    "Nice": _integer(0, 20),
    "ProcessType": _one_of("Standard", "Background", "Adaptive", "Interactive"),
    "SoftResourceLimits": _RESOURCE_LIMITS,
    "StandardInPath": Kind(_absolute, {"type": "string"}),
    "StartOnMount": _FLAG,
    "ThrottleInterval": _integer(1),
    "Umask": Kind(_umask, {"type": ["string", "integer"]}),
}

PRIORITY_KEYS = ("LowPriorityBackgroundIO", "LowPriorityIO", "Nice", "ProcessType")
"""What `limits.priority = "background"` decides; the two do not go together."""

_ROOT = "launchd ignores it for an agent; leave it out: jobs run as you"
_LOGS = "jobsync keeps the output of each run: `jobsync logs`; leave it out"
_MACHINES = 'launchd does not keep to it; write below [only]: machines = ["mbp-*"]'
_EVENTS = (
    "needs a program that takes the event from launchd itself, and jobsync's launcher stands between; leave it out"
)
_XPC = "is for programs written for it, and jobsync's launcher is none; leave it out"
_DEBUG = "is for debugging one program by hand; leave it out"

REFUSED: Mapping[str, str] = {
    "BundleProgram": "belongs to apps; write above the first [table]: run = …",
    "Debug": _DEBUG,
    "Disabled": "write above the first [table]: enabled = false",
    "EnableGlobbing": "would change what the launcher is given; use a text in `run`: sh expands patterns",
    "EnablePressuredExit": _XPC,
    "EnableTransactions": _XPC,
    "EnvironmentVariables": 'write below [env]: NAME = "text"',
    "GroupName": _ROOT,
    "HopefullyExitsFirst": _XPC,
    "HopefullyExitsLast": _XPC,
    "InitGroups": _ROOT,
    "KeepAlive": 'write below [daemon]: restart = "always"',
    "Label": "is the prefix of this machine and the name of the job's directory; leave it out",
    "LaunchEvents": _EVENTS,
    "LimitLoadFromHardware": _MACHINES,
    "LimitLoadFromHosts": _MACHINES,
    "LimitLoadToHardware": _MACHINES,
    "LimitLoadToHosts": _MACHINES,
    "MachServices": _EVENTS,
    "OnDemand": 'is older than KeepAlive; write below [daemon]: restart = "always"',
    "Program": "write above the first [table]: run = …",
    "ProgramArguments": 'write above the first [table]: run = ["command", "argument"]',
    "QueueDirectories": 'write below [schedule]: on_files = ["~/Inbox"]',
    "RootDirectory": "needs root, and jobs run as you; leave it out",
    "RunAtLoad": "write below [schedule]: at_login = true (a sync must not start jobs)",
    "ServiceIPC": _XPC,
    "SessionCreate": "takes the job out of your session; leave it out",
    "Sockets": _EVENTS,
    "StandardErrorPath": _LOGS,
    "StandardOutPath": _LOGS,
    "StartCalendarInterval": 'write below [schedule]: at = "mon-fri 09:00"',
    "StartInterval": 'write below [schedule]: every = "15m"',
    "TimeOut": "is not implemented by launchd; let the script end itself in time",
    "UserName": _ROOT,
    "WaitForDebugger": _DEBUG,
    "WatchPaths": 'write below [schedule]: on_change = ["~/.netrc"]',
    "WorkingDirectory": 'write above the first [table]: dir = "~/notes"',
    "inetdCompatibility": _EVENTS,
}


def launchd_fault(key: str, value: object) -> str | None:
    """What is wrong with one line below `[launchd]`, or None: it can go into the plist as it is."""
    if key in ALLOWED:
        return ALLOWED[key](value)
    if key in REFUSED:
        return REFUSED[key]
    if found := misplaced("launchd", key):
        return found
    close = nearest(key, (*ALLOWED, *REFUSED))
    advice = f"did you mean `{close}`?" if close else "launchd would ignore it: leave it out"
    return f"is not a key of launchd.plist(5); {advice}"
