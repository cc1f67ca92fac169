"""Runs in words: how a run ended, how long ago, how long it took. Pure."""

import signal

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60

_SYSEXITS = {
    64: "EX_USAGE", 65: "EX_DATAERR", 66: "EX_NOINPUT", 67: "EX_NOUSER", 68: "EX_NOHOST", 69: "EX_UNAVAILABLE",
    70: "EX_SOFTWARE", 71: "EX_OSERR", 72: "EX_OSFILE", 73: "EX_CANTCREAT", 74: "EX_IOERR", 75: "EX_TEMPFAIL",
    76: "EX_PROTOCOL", 77: "EX_NOPERM", 78: "EX_CONFIG",
}  # fmt: skip
"""sysexits.h, the same on macOS and Linux."""
_SHELLS_OWN = {126: "cannot be executed", 127: "command not found"}
_SIGNALLED = 128
"""sh's own way: above it, a status may be 128 and a signal's number, or the command's own."""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def exit_words(status: int) -> str:
    """An exit status with its name: `exit 78 (EX_CONFIG)`, `exit 127 (command not found)`, `killed by SIGKILL` for -9.

    0 is `ok`. Above 128 nobody can tell a signal from an exit of the command's own: `exit 137 (perhaps SIGKILL)`.
    """
    if status == 0:
        return "ok"
    if status < 0:
        return f"killed by {_signal_name(-status)}"
    if status > _SIGNALLED and not _signal_name(status - _SIGNALLED).startswith("signal "):
        return f"exit {status} (perhaps {_signal_name(status - _SIGNALLED)})"
    name = _SYSEXITS.get(status) or _SHELLS_OWN.get(status)
    return f"exit {status} ({name})" if name else f"exit {status}"


def age(seconds: float) -> str:
    """The largest unit of a time that has passed: `45s`, `12m`, `3h`, `9d`."""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(int(seconds), 0)}s"


def length(seconds: float) -> str:
    """How long something took, two units at most: `0s`, `45s`, `3m12s`, `2h05m`, `1d03h`."""
    whole = max(int(seconds), 0)
    for size, unit, below, small in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "m"), (_MINUTE, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size}{unit}{rest:02d}{small}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def size(count: int, *, is_least: bool = False) -> str:
    """A number of bytes: `0 B`, `812 B`, `3.4 kB`, `12 MB`; with a `+` behind it where it is at least so many."""
    amount, more = float(count), "+" if is_least else ""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            digits = 0 if amount >= 10 or unit == "B" else 1
            return f"{amount:.{digits}f} {unit}{more}"
        amount /= 1000
    raise AssertionError
