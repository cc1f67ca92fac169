"""The raw `[launchd]` keys: which may be given, of what type, and why the others may not.

Types and meanings are launchd.plist(5)'s. A key that jobsync renders itself, that launchd ignores for an agent, or
that would break one of jobsync's promises is refused with the word to use instead.
"""

from collections.abc import Mapping

from jobsync.definitions.document import shown
from jobsync.definitions.raw_keys import FLAG, Kind, integer, octal, one_of, text_fault
from jobsync.definitions.vocabulary import misplaced, nearest


def _text_or_texts(value: object) -> str | None:
    items = value if isinstance(value, list) else [value]
    return next((wrong for item in items if (wrong := text_fault(item))), None)


def _session(value: object) -> str | None:
    if wrong := _text_or_texts(value):
        return wrong
    if "Aqua" in (value if isinstance(value, list) else [value]):
        return None
    return 'leaves out the session that jobsync loads jobs into; write "Aqua" or leave it out'


def _absolute(value: object) -> str | None:
    if wrong := text_fault(value):
        return wrong
    return (
        None
        if str(value).startswith("/")
        else f"{shown(value)} is not an absolute path; launchd expands nothing, so write it from /"
    )


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
        if wrong := integer(0)(limit):
            return f"{name}: {wrong}"
    return None


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
    "AbandonProcessGroup": FLAG,
    "AssociatedBundleIdentifiers": Kind(_text_or_texts, _TEXT_OR_TEXTS),
    "ExitTimeOut": integer(1),
    "HardResourceLimits": _RESOURCE_LIMITS,
    "LaunchOnlyOnce": FLAG,
    "LegacyTimers": FLAG,
    "LimitLoadToSessionType": Kind(_session, _TEXT_OR_TEXTS),
    "LowPriorityBackgroundIO": FLAG,
    "LowPriorityIO": FLAG,
    "MaterializeDatalessFiles": FLAG,
    "Nice": integer(0, 20),
    "ProcessType": one_of("Standard", "Background", "Adaptive", "Interactive"),
    "SoftResourceLimits": _RESOURCE_LIMITS,
    "StandardInPath": Kind(_absolute, {"type": "string", "pattern": "^/"}),
    "StartOnMount": FLAG,
    "ThrottleInterval": integer(1),
    "Umask": octal("022"),
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
