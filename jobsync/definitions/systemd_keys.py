"""The raw `[systemd.service]`, `[systemd.timer]`, `[systemd.path]` keys: which, of what type, why not the others. Pure.

Types and meanings are those of systemd.exec(5), systemd.resource-control(5), systemd.timer(5) and systemd.path(5), as
the user manager of systemd 249 and later honours them for somebody who is not root. A key that jobsync renders itself,
that needs more rights, or that would break one of jobsync's promises is refused with the word to use instead.
"""

import re
from collections.abc import Iterator, Mapping

from jobsync.definitions.document import shown
from jobsync.definitions.duration import PATTERN, format_duration, is_duration, parse_duration
from jobsync.definitions.raw_keys import FLAG, Kind, integer, octal, one_of
from jobsync.definitions.vocabulary import misplaced, nearest
from jobsync.errors import JobsyncError

_SIZE = "[1-9][0-9]{0,17}|[1-9][0-9]{0,5}[KMGT]|infinity"
_SHARE = "(?:100|[1-9][0-9]?)%"
_QUOTA = "[1-9][0-9]{0,5}%"
_LIMIT = "([0-9]{1,18}|infinity)(?::([0-9]{1,18}|infinity))?"
_SLICE = "[A-Za-z0-9_]{1,40}(?:-[A-Za-z0-9_]{1,40}){0,4}[.]slice"
"""Each dash is a level: with two side by side, or one at the end, systemd starts neither the slice nor the job."""
_OCTAL = frozenset({"DirectoryMode", "UMask"})
_TRUTHS = {
    **dict.fromkeys(("1", "yes", "y", "true", "t", "on"), True),
    **dict.fromkeys(("0", "no", "n", "false", "f", "off"), False),
}
_NUMBERED = {"IOSchedulingClass": {"2": "best-effort", "3": "idle"}}
"""Names that systemd knows by their numbers, too."""
_LONGEST_ACCURACY = 60
"""Seconds. Runs that come later than the launcher and `jobsync status` wait for a slot would count as missed."""


def _like(example: str, what: str, *patterns: str, numbers: bool = True) -> Kind:
    """Texts that one of the patterns matches and, with `numbers`, whole ones of at least 1."""

    def check(value: object) -> str | None:
        if isinstance(value, str) and any(re.fullmatch(pattern, value) for pattern in patterns):
            return None
        if numbers and integer(1)(value) is None:
            return None
        return f'{shown(value)} is not {what}; write "{example}"'

    text = {"type": "string", "pattern": f"^(?:{'|'.join(patterns)})$"}
    return Kind(check, {"anyOf": [text, integer(1).schema]} if numbers else text)


def _duration(least: int, most: int, example: str) -> Kind:
    span = f"{format_duration(least)} to {format_duration(most)}"

    def check(value: object) -> str | None:
        if isinstance(value, str) and is_duration(value) and least <= parse_duration(value) <= most:
            return None
        return f'{shown(value)} is not a duration of {span}; write "{example}"'

    return Kind(check, {"type": "string", "pattern": PATTERN})


def _limit(value: object) -> str | None:
    if isinstance(value, int):
        return integer(0)(value)
    match = re.fullmatch(_LIMIT, value) if isinstance(value, str) else None
    if match is None:
        return f'{shown(value)} is not a limit, or a soft and a hard one; write "1024:4096"'
    soft, hard = (float(part) for part in (match[1], match[2] or "infinity"))
    return f"{shown(value)} has its soft limit above the hard one; write the lower one first" if soft > hard else None


_MEMORY = _like("1G", "a size", _SIZE, _SHARE)
_NUMBERS = Kind(_limit, {"anyOf": [{"type": "string", "pattern": f"^{_LIMIT}$"}, integer(0).schema]})
_WEIGHT = integer(1, 10_000)

ALLOWED: Mapping[str, Mapping[str, Kind]] = {
    "service": {
        "CPUQuota": _like("50%", "a percentage of one processor", _QUOTA, numbers=False),
        "CPUSchedulingPolicy": one_of("other", "batch", "idle"),
        "CPUWeight": _WEIGHT,
        "IOSchedulingClass": one_of("best-effort", "idle"),
        "IOSchedulingPriority": integer(0, 7),
        "IOWeight": _WEIGHT,
        "LimitAS": _NUMBERS,
        "LimitCORE": _NUMBERS,
        "LimitFSIZE": _NUMBERS,
        "LimitMEMLOCK": _NUMBERS,
        "LimitNOFILE": _NUMBERS,
        "LimitNPROC": _NUMBERS,
        "LimitSTACK": _NUMBERS,
        "MemoryHigh": _MEMORY,
        "MemoryLow": _MEMORY,
        "MemoryMax": _MEMORY,
        "MemorySwapMax": _like("1G", "a size", _SIZE, _SHARE, "0"),
        "Nice": integer(0, 19),
        "NoNewPrivileges": FLAG,
        "OOMScoreAdjust": integer(0, 1000),
        "RestartSec": _duration(1, 86_400, "10s"),
        "Slice": _like("background.slice", "the name of a slice", _SLICE, numbers=False),
        "TasksMax": _like("50%", "a number, a percentage or infinity", "infinity", _SHARE),
        "UMask": octal("022"),
    },
    "timer": {
        "AccuracySec": _duration(1, _LONGEST_ACCURACY, "1m"),
    },
    "path": {
        "DirectoryMode": octal("0755"),
        "MakeDirectory": FLAG,
        "TriggerLimitBurst": integer(1, 2**31 - 1),
        "TriggerLimitIntervalSec": _duration(1, 86_400, "10s"),
    },
}
"""Kind of unit -> key -> what it may hold."""

PRIORITY_KEYS = ("CPUSchedulingPolicy", "IOSchedulingClass", "IOSchedulingPriority", "Nice")
"""What `limits.priority = "background"` decides; the two do not go together."""

_AT = 'write below [schedule]: at = "mon-fri 09:00"'
_ENDS = 'the launcher ends what the job started; leave it out, or write below [limits]: grace = "10s"'
_ENV = 'write below [env]: NAME = "text"'
_EVERY = 'write below [schedule]: every = "15m"'
_DROP_IN = "leave it out, or put it into a drop-in: systemctl --user edit"
_LOGS = "jobsync keeps the output of each run: `jobsync logs`; leave it out"
_ONE_SCRIPT = "call both from one script"
_OUTCOME = "write below [expect]: success_codes = [0, 3]"
_PATHS = 'write below [schedule]: on_change = ["~/.netrc"]'
_RESTART = 'write below [daemon]: restart = "always"'
_ROOT = "needs root, and jobs run as you; leave it out"
_RUN = "write above the first [table]: run = …"
_SANDBOX = (
    "would shut jobsync's launcher off from the files that it needs, or means nothing, as version and kernel have it; "
    "leave it out and let the script start its program with bwrap"
)
_TIMEOUT = 'write below [limits]: timeout = "1h"'
_TRIGGER = "a sync must not start jobs; write below [schedule]: at_login = true"
_UNIT = "stands in [Unit], which is jobsync's to write; leave it out"

_WORDS: Mapping[str, Mapping[str, str]] = {
    "service": {
        _ENDS: "FinalKillSignal KillMode KillSignal RestartKillSignal SendSIGHUP SendSIGKILL TimeoutStopSec "
        "TimeoutAbortSec WatchdogSec WatchdogSignal",
        _ENV: "Environment PassEnvironment UnsetEnvironment",
        'write below [env]: NAME = "text", or secrets into ~/.config/jobsync/env/JOB.env': "EnvironmentFile",
        _LOGS: "LogLevelMax LogNamespace StandardError StandardOutput SyslogIdentifier",
        "jobs have none; let the script read: command <file": "StandardInput StandardInputData StandardInputText "
        "TTYPath",
        _ONE_SCRIPT: "ExecCondition ExecReload ExecStartPost ExecStartPre ExecStop ExecStopPost",
        _OUTCOME: "RestartForceExitStatus RestartPreventExitStatus SuccessExitStatus",
        _RESTART: "ExitType GuessMainPID NotifyAccess PIDFile RemainAfterExit Type",
        f"{_RESTART}; of a job with times, below [retry]: attempts = 3": "Restart",
        _ROOT: "AmbientCapabilities CapabilityBoundingSet DynamicUser Group PAMName RootDirectory RootImage "
        "SupplementaryGroups User",
        _RUN: "ExecStart",
        _SANDBOX: "BindPaths BindReadOnlyPaths ExecPaths InaccessiblePaths MountFlags NoExecPaths PrivateDevices "
        "PrivateIPC PrivateMounts PrivateNetwork PrivateTmp PrivateUsers ProcSubset ProtectClock ProtectControlGroups "
        "ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc "
        "ProtectSystem ReadOnlyPaths ReadWritePaths RestrictAddressFamilies RestrictNamespaces SystemCallFilter "
        "TemporaryFileSystem",
        _TIMEOUT: "RuntimeMaxSec TimeoutSec TimeoutStartSec",
        'write above the first [table]: dir = "~/notes"': "WorkingDirectory",
    },
    "timer": {
        _AT: "OnCalendar",
        _EVERY: "OnUnitActiveSec OnUnitInactiveSec",
        _TRIGGER: "OnActiveSec OnBootSec OnClockChange OnStartupSec OnTimezoneChange",
        "write below [schedule]: catch_up = false (true is the default)": "Persistent",
        'write below [schedule]: spread = "10m"': "FixedRandomDelay RandomizedDelaySec RandomizedOffsetSec",
        # The timer fails to start, with the result "resources" (measured with 252), and its job would never run.
        "needs a right that a user manager may lack, and then the timer does not start; leave it out, or, where yours "
        "has it, put it into a drop-in: systemctl --user edit": "WakeSystem",
        "would forget the timer, and jobsync would start it anew at each sync; leave it out": "RemainAfterElapse",
        "is the job's own; leave it out": "Unit",
    },
    "path": {
        _PATHS: "PathChanged PathExists PathExistsGlob PathModified",
        'write below [schedule]: on_files = ["~/Inbox"]': "DirectoryNotEmpty",
        "is the job's own; leave it out": "Unit",
    },
}
_EVERYWHERE = {
    _UNIT: "After Before BindsTo ConditionPathExists Conflicts DefaultDependencies Documentation PartOf "
    "PropagatesStopTo Requires Requisite StartLimitBurst StartLimitIntervalSec Upholds Wants",
    'write below [notify]: on = ["failed", "missed", "recovered"]': "OnFailure OnSuccess",
    'write above the first [table]: description = "Back up the photos"': "Description",
    "write below [when]: ac_power = true": "ConditionACPower",
    'write below [only]: machines = ["mbp-*"]': "ConditionHost",
    _TRIGGER: "WantedBy RequiredBy",
}

REFUSED: Mapping[str, Mapping[str, str]] = {
    kind: {key: advice for advice, keys in {**_EVERYWHERE, **words}.items() for key in keys.split()}
    for kind, words in _WORDS.items()
}
"""Kind of unit -> key -> why not, and what to write instead."""


def _elsewhere(kind: str, key: str) -> str | None:
    """What to say of a key that is right but stands in the table of another unit."""
    home = next((other for other, keys in ALLOWED.items() if key in keys and other != kind), None)
    return f"`{key}` belongs below [systemd.{home}]" if home else None


def systemd_fault(kind: str, key: str, value: object) -> str | None:
    """What is wrong with one line below `[systemd.KIND]`, or None: it can go into the unit."""
    if key in ALLOWED[kind]:
        return ALLOWED[kind][key](value)
    if key in REFUSED[kind]:
        return REFUSED[kind][key]
    if found := misplaced(f"systemd.{kind}", key) or _elsewhere(kind, key):
        return found
    close = nearest(key, (*ALLOWED[kind], *REFUSED[kind]))
    return _not_passed_on(kind, f"did you mean `{close}`?" if close else _DROP_IN)


def _not_passed_on(kind: str, advice: str) -> str:
    return f"is not a key that jobsync passes on to a {kind} unit; {advice}"


def unit_value(key: str, value: object) -> str:
    """What stands behind `=` for a value without fault. Numbers are octal where systemd reads them so."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:04o}" if key in _OCTAL and isinstance(value, int) else str(value)


def _readings(key: str, text: str) -> Iterator[object]:
    """What a definition could hold for the text behind `=` in a unit."""
    if key in _OCTAL:
        # Octal to systemd, however it begins.
        if re.fullmatch("[0-7]{1,4}", text):
            yield f"{int(text, 8):04o}"
        return
    if re.fullmatch("[0-9]+", text):
        yield int(text)
    if text.lower() in _TRUTHS:
        yield _TRUTHS[text.lower()]
    yield _NUMBERED.get(key, {}).get(text, text)


def value_of_unit(kind: str, key: str, text: str) -> object:
    """The way back from `unit_value`: what to write in a definition. A duration must be spelled as definitions do.

    Errors: `JobsyncError`, saying why no definition can hold it.
    """
    if key not in {**ALLOWED[kind], **REFUSED[kind]}:
        # In a unit that works it is no slip of the pen, however like another key it looks.
        raise JobsyncError(_not_passed_on(kind, _DROP_IN))
    for value in _readings(key, text):
        if systemd_fault(kind, key, value) is None:
            return value
    meant = int(text) if re.fullmatch("-?[0-9]{1,18}", text) and key not in _OCTAL else text
    raise JobsyncError(systemd_fault(kind, key, meant) or f"{shown(text)} is not what systemd reads here; correct it")
