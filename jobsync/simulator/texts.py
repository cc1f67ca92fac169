"""What launchctl says: error numbers, signals, exit names and usage lines. Pure.

Numbers are Darwin's, never this machine's: Linux gives other numbers to 36, 37 and to half of the signals.
"""

import signal

Version = tuple[int, ...]
OLDEST: Version = (10, 15)

HINT = "Try re-running the command as root for richer errors."
USAGE_STATUS = 64

_ERRORS = {
    0: "Undefined error: 0",
    1: "Operation not permitted",
    2: "No such file or directory",
    3: "No such process",
    4: "Interrupted system call",
    5: "Input/output error",
    6: "Device not configured",
    7: "Argument list too long",
    8: "Exec format error",
    9: "Bad file descriptor",
    10: "No child processes",
    11: "Resource deadlock avoided",
    12: "Cannot allocate memory",
    13: "Permission denied",
    14: "Bad address",
    16: "Resource busy",
    17: "File exists",
    20: "Not a directory",
    21: "Is a directory",
    22: "Invalid argument",
    28: "No space left on device",
    35: "Resource temporarily unavailable",
    36: "Operation now in progress",
    37: "Operation already in progress",
    45: "Operation not supported",
    60: "Operation timed out",
    78: "Function not implemented",
    107: "Malformed bundle",
    108: "Invalid path",
    109: "Invalid property list",
    110: "Invalid or missing service identifier",
    111: "Invalid or missing Program/ProgramArguments",
    112: "Could not find specified domain",
    113: "Could not find specified service",
    114: "The specified username does not exist",
    115: "The specified group does not exist",
    116: "Routine not yet implemented",
    118: "Bad response from server",
    119: "Service is disabled",
    121: "Path not searched for services",
    122: "Path had bad ownership/permissions",
    124: "Domain is tearing down",
    125: "Domain does not support specified action",
    126: "Request type is no longer supported",
    127: "The specified service did not ship with the operating system",
    133: "Multiple errors were returned; see stderr",
    134: "Service cannot load in requested session",
    135: "Process is not managed",
    136: "Action not allowed on singleton service",
    137: "Service does not support the specified action",
    138: "Service cannot be loaded on this hardware",
    139: "Service cannot presently execute",
    140: "Service name is reserved or invalid",
    141: "Reentrancy avoided",
    142: "Operation only supported on development systems",
    144: "Requestor lacks required entitlement",
    145: "Endpoint is hidden",
    146: "Domain is in on-demand-only mode",
    150: "Operation not permitted while System Integrity Protection is engaged",
    152: "(boot environment mismatch)",
    154: "(not a platform binary)",
    155: "(quarantined by user approval)",
    156: "Domain creation with that UID not allowed",
    161: "Service cannot be launched because of BTM policy",
}

_SIGNALS = {
    "HUP": (1, "Hangup"),
    "INT": (2, "Interrupt"),
    "QUIT": (3, "Quit"),
    "ILL": (4, "Illegal instruction"),
    "TRAP": (5, "Trace/BPT trap"),
    "ABRT": (6, "Abort trap"),
    "FPE": (8, "Floating point exception"),
    "KILL": (9, "Killed"),
    "BUS": (10, "Bus error"),
    "SEGV": (11, "Segmentation fault"),
    "SYS": (12, "Bad system call"),
    "PIPE": (13, "Broken pipe"),
    "ALRM": (14, "Alarm clock"),
    "TERM": (15, "Terminated"),
    "URG": (16, "Urgent I/O condition"),
    "STOP": (17, "Suspended (signal)"),
    "TSTP": (18, "Suspended"),
    "CONT": (19, "Continued"),
    "CHLD": (20, "Child exited"),
    "TTIN": (21, "Stopped (tty input)"),
    "TTOU": (22, "Stopped (tty output)"),
    "IO": (23, "I/O possible"),
    "XCPU": (24, "Cputime limit exceeded"),
    "XFSZ": (25, "Filesize limit exceeded"),
    "VTALRM": (26, "Virtual timer expired"),
    "PROF": (27, "Profiling timer expired"),
    "WINCH": (28, "Window size changes"),
    "USR1": (30, "User defined signal 1"),
    "USR2": (31, "User defined signal 2"),
}
_NAMES = {number: name for name, (number, _) in _SIGNALS.items()}
CRASH_SIGNALS = frozenset(_SIGNALS[name][0] for name in ("ILL", "TRAP", "ABRT", "FPE", "BUS", "SEGV", "SYS"))

_SYSEXITS = tuple(
    f"EX_{name}"
    for name in (
        *("USAGE", "DATAERR", "NOINPUT", "NOUSER", "NOHOST", "UNAVAILABLE", "SOFTWARE", "OSERR"),
        *("OSFILE", "CANTCREAT", "IOERR", "TEMPFAIL", "PROTOCOL", "NOPERM", "CONFIG"),
    )
)

SYNOPSES = {
    "bootstrap": "<domain-target> [service-path1, service-path2, ...]",
    "bootout": "<domain-target> [service-path1, service-path2, ...] | <service-target>",
    "enable": "<service-target>",
    "disable": "<service-target>",
    "kickstart": "[-k] [-p] [-s] <service-target>",
    "kill": "<signal-number|signal-name> <service-target>",
    "blame": "<service-target>",
    "print": "<domain-target> | <service-target>",
    "print-disabled": "<domain-target>",
    "list": "[service-name]",
    "load": "[-wF] [-D <user|local|network|system|all>] paths...",
    "unload": "[-wF] [-D <user|local|network|system|all>] paths...",
    "start": "<service-name>",
    "stop": "<service-name>",
    "remove": "<service-name>",
    "managername": "",
    "manageruid": "",
    "managerpid": "",
    "error": "[posix|mach|bootstrap] <code>",
    "version": "",
    "help": "",
}

_SUMMARIES = {
    "bootstrap": "Bootstraps a domain or a service into a domain.",
    "bootout": "Tears down a domain or removes a service from a domain.",
    "enable": "Enables an existing service.",
    "disable": "Disables an existing service.",
    "kickstart": "Forces an existing service to start.",
    "kill": "Sends a signal to the service instance.",
    "blame": "Prints the reason a service is running.",
    "print": "Prints a description of a domain or service.",
    "print-disabled": "Prints which services are disabled.",
    "list": "Lists information about services.",
    "load": "Recommended alternatives: bootstrap | enable. Loads a service from a path.",
    "unload": "Recommended alternatives: bootout | disable. Unloads a service from a path.",
    "start": "Starts the specified service.",
    "stop": "Stops the specified service if it is running.",
    "remove": "Unloads the specified service name.",
    "managername": "Prints the name of this session.",
    "manageruid": "Prints the uid of this session.",
    "managerpid": "Prints the pid of the manager of this session.",
    "error": "Prints a description of an error.",
    "version": "Prints the launchd version.",
    "help": "Prints this text.",
}


def parse_version(text: str) -> Version:
    """`15.5` as numbers. ValueError for anything else; `10.15` keeps both, for 10.x are releases of their own."""
    try:
        found = tuple(int(part) for part in text.split("."))
    except ValueError:
        raise ValueError(f'"{text}" is no version of macOS; write it as 15.5') from None
    if found < OLDEST:
        raise ValueError(f"macOS {text} is older than the oldest that can be simulated, 10.15")
    return found


def error_text(code: int, version: Version = (15,)) -> str:
    """The text that belongs to a number, without the number (docs/simulator.md, row 2.1)."""
    if code == 159 and version >= (26,):
        return "Sandbox restriction"
    return _ERRORS.get(code, f"Unknown error: {code}")


def numbered(code: int, version: Version = (15,)) -> str:
    """`5: Input/output error`."""
    return f"{code}: {error_text(code, version)}"


def signal_number(text: str) -> int | None:
    """Darwin's number of a signal given as `15`, `TERM`, `SIGTERM`, `-TERM` or `-15`; None when there is none."""
    word = text.upper().removeprefix("-").removeprefix("SIG")
    if word in _SIGNALS:
        return _SIGNALS[word][0]
    return next((number for number in _NAMES if word.lstrip("0") == str(number)), None)


def local_signal(number: int) -> signal.Signals:
    """This machine's signal for Darwin's number."""
    return signal.Signals[f"SIG{_NAMES[number]}"]


def darwin_signal(number: int) -> int:
    """Darwin's number for this machine's signal; the number itself where Darwin has no such signal."""
    name = signal.Signals(number).name.removeprefix("SIG") if number in set(signal.Signals) else ""
    return _SIGNALS[name][0] if name in _SIGNALS else number


def signal_text(number: int) -> str:
    """`Killed: 9`, as strsignal gives it on Darwin."""
    text = _SIGNALS[_NAMES[number]][1] if number in _NAMES else "Unknown signal"
    return f"{text}: {number}"


def signal_name(number: int) -> str:
    """`SIGKILL`, for Darwin's number."""
    return f"SIG{_NAMES[number]}" if number in _NAMES else f"signal {number}"


def exit_text(code: int) -> str:
    """An exit code as `print` shows it: 64 to 78 carry their sysexits name."""
    return f"{code}: {_SYSEXITS[code - 64]}" if 64 <= code <= 78 else str(code)


def usage(verb: str) -> str:
    """The usage line of a verb, newline included."""
    return f"Usage: launchctl {verb} {SYNOPSES[verb]}".rstrip() + "\n"


def bad_target(verb: str) -> str:
    """The usage line and what launchctl adds to it for a target that it cannot read."""
    return (
        usage(verb)
        + "Unrecognized target specifier. <service-target> takes a form of <domain-target>/<service-id>.\n"
        + "Please refer to `man launchctl` for explanation of the <domain-target> specifiers.\n"
    )


def general_help() -> str:
    """What `launchctl help` prints."""
    rows = "".join(f"\t{verb:<15} {_SUMMARIES[verb]}\n" for verb in SYNOPSES)
    return f"Usage: launchctl <subcommand> ... | help [subcommand]\n\nSubcommands:\n{rows}"
