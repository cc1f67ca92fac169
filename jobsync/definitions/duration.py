"""Lengths of time as users write them: `90s`, `1h30m`, `2d`, `1w`. `m` is minutes. The only grammar for them."""

import re
from collections.abc import Callable

from jobsync.errors import JobsyncError

SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}

# Nine digits keep every sum far inside 64 bits, and `int` away from its limit on digits.
_GRAMMAR = (
    r"(?:(?P<w>[0-9]{1,9})w)?(?:(?P<d>[0-9]{1,9})d)?(?:(?P<h>[0-9]{1,9})h)?"
    r"(?:(?P<m>[0-9]{1,9})m)?(?:(?P<s>[0-9]{1,9})s)?"
)
PATTERN = "^(?=.)" + "".join(f"([0-9]{{1,9}}{unit})?" for unit in SECONDS) + "$"
"""The same for those who only match: JSON schemas, in the dialect of JavaScript."""
_FOREIGN_PART = (
    r"([0-9]{1,9}(?:\.[0-9]{1,3})?)"
    r"(weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|w|d|h|m|s)"
)
_CLOCK = r"([0-9]{1,2}):([0-9]{2})"


def format_duration(seconds: int) -> str:
    """The usual text that `parse_duration` reads as this many seconds; `0s` for none."""
    parts = []
    for unit, size in SECONDS.items():
        if unit == "w" and seconds % size:
            continue  # "1w1d" is right but nobody says it
        count, seconds = divmod(seconds, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts) or "0s"


def _read(text: str) -> int | None:
    match = re.fullmatch(_GRAMMAR, text)
    if match is None or not text:
        return None
    return sum(int(count) * SECONDS[unit] for unit, count in match.groupdict().items() if count)


def is_duration(text: str) -> bool:
    """Whether `parse_duration` reads it."""
    return _read(text) is not None


def _foreign_seconds(text: str) -> float | None:
    """What other tools would read in it: `5 min`, `1.5 hours`, `PT5M`, `00:15`, a bare number of minutes."""
    squeezed = re.sub(r"\s|,|and", "", text.lower())
    if squeezed.startswith("p"):
        squeezed = squeezed[1:].replace("t", "", 1)
    if clock := re.fullmatch(_CLOCK, squeezed):
        return int(clock[1]) * 3_600 + int(clock[2]) * 60
    if re.fullmatch(r"[0-9]{1,9}", squeezed):
        return int(squeezed) * 60
    if re.sub(_FOREIGN_PART, "", squeezed):
        return None
    return sum(float(count) * SECONDS[unit[0]] for count, unit in re.findall(_FOREIGN_PART, squeezed))


def _duration_fault(text: str, wrong_with: Callable[[int], str | None], usual: str) -> str:
    shown = text if len(text) <= 40 else text[:40] + "…"
    seconds = _foreign_seconds(text) if len(text) <= 40 else None
    if seconds is None or seconds != int(seconds) or not 0 < seconds < 10**9:
        return f'"{shown}" is not a duration; write it as {usual}'
    meant = format_duration(int(seconds))
    if wrong := wrong_with(int(seconds)):
        return f'"{shown}" is not a duration; {meant} {wrong}'
    return f'"{shown}" is not a duration; write "{meant}"'


def _nothing(_: int) -> None:
    return None


def parse_duration(
    text: str,
    wrong_with: Callable[[int], str | None] = _nothing,
    usual: str = '"90s", "15m", "1h30m", "2d" or "1w"',
) -> int:
    """Seconds, zero included: whether zero makes sense is the caller's to say.

    `wrong_with`: what is wrong with so many seconds, and what to write, or None; what is suggested has it too.
    `usual`: durations that it finds nothing wrong with. Errors: `JobsyncError` whose message ends with what to write.
    """
    seconds = _read(text)
    if seconds is None:
        raise JobsyncError(_duration_fault(text, wrong_with, usual))
    if wrong := wrong_with(seconds):
        raise JobsyncError(f'"{text}" {wrong}')
    return seconds
