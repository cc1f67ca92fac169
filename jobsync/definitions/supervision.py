"""What the launcher does beside running the command: `[limits]`, `[retry]`, `[when]`, `[expect]` and `[notify]`."""

import re

from jobsync.definitions.command import read_argv
from jobsync.definitions.document import shown
from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import NOT_STARTED, Event, Expect, Limits, Notify, Retry, Schedule, When
from jobsync.definitions.places import Surroundings
from jobsync.definitions.section import Section
from jobsync.definitions.slots import longest_gap
from jobsync.values import replace

MOST_ATTEMPTS = 100
LONGEST = 366 * 86_400
"""Seconds: a limit beyond a year is a mistake, and sleep(1) need not know it."""

LOCK = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
DAEMONS_HAVE_NOT = {
    "retry": "a daemon is started again anyway: [daemon] restart says when; leave it out",
    "expect": "a daemon has no end at which to look; leave it out",
    "when": "a daemon runs all the time, and would be started again and again; let its program look",
}
AWAITED = ("ac_power", "online")
"""The conditions that may come to hold while a start waits."""
LIMITS_OF_ENDS = {
    "timeout": "a daemon shall run for ever; leave it out",
    "lock": "a daemon would hold it for ever; leave it out",
}


def check_daemon(section: Section) -> None:
    """A fault for each part of a daemon's definition that only makes sense for what ends."""
    for name, why in DAEMONS_HAVE_NOT.items():
        if name in section.values:
            section.fault(name, why)
    limits = section.table("limits")
    for name, why in LIMITS_OF_ENDS.items():
        if name in limits.values:
            limits.fault(name, why)


def read_limits(section: Section) -> Limits:
    """`limits.timeout` (none, where it is no time at all), `limits.grace` and `limits.lock`."""
    lock = section.text("lock")
    if lock is not None and not re.fullmatch(LOCK, lock):
        section.fault("lock", f"{shown(lock)} is no name of a lock; letters, digits, `.`, `_` and `-` make one")
    timeout = section.seconds("timeout", 0, LONGEST) or None
    return Limits(timeout=timeout, grace=section.seconds("grace", 1, LONGEST), lock=lock)


def read_retry(section: Section, *, is_there: bool) -> Retry:
    """`[retry]`; one attempt where there is no such table."""
    if not is_there:
        return Retry(attempts=1)
    usual = Retry()
    attempts = section.integer("attempts", 1, MOST_ATTEMPTS)
    delay = section.seconds("delay", 0, LONGEST)
    longest = section.seconds("max_delay", 0, LONGEST)
    found = Retry(
        attempts=usual.attempts if attempts is None else attempts,
        delay=usual.delay if delay is None else delay,
        max_delay=usual.max_delay if longest is None else longest,
        on_codes=section.integers("on_codes", 1, 255),
    )
    if longest is not None and longest < found.delay:
        section.fault("max_delay", f"is less than the first delay; make it at least {format_duration(found.delay)}")
    # A first delay beyond the usual limit is the one that was meant.
    return found if longest is not None else replace(found, max_delay=max(found.delay, usual.max_delay))


def read_when(section: Section) -> When:
    """`[when]`."""
    return When(
        ac_power=section.flag("ac_power") or False,
        online=section.flag("online") or False,
        stale_after=section.seconds("stale_after", 1, LONGEST),
        wait=section.seconds("wait", 0, LONGEST) or 0,
    )


def check_wait(section: Section, when: When) -> None:
    """A fault for a wait without anything that could come to hold meanwhile."""
    if when.wait and not (when.ac_power or when.online):
        section.fault("wait", f"is for power and network, and neither is asked for; write {section.example('online')}")


_ALIKE = "wWsSbB"
"""Letters behind a backslash that every grep -E reads as Python does."""
_CLASSES = ("alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit")
_CLASS = r"\[:[^]:]*:\]"
_BRACKETS = rf"(?P<open>\[\^?(?:\]|(?!\])))(?P<listed>(?:{_CLASS}|(?!{_CLASS})[^]])*)\]"
"""A list of characters: a backslash in it is one of them, and so is a bracket that opens no class."""


def _in_python(token: re.Match[str]) -> str:
    """A list of characters as Python reads it, which would warn of some of them; what is escaped as it is."""
    if token[0] == "[":
        raise re.error("unterminated character set")
    if token["open"] is None:
        return token[0]
    listed = re.sub(r"[\\[&|~]", r"\\\g<0>", re.sub(_CLASS, "", token["listed"])).replace("--", r"-\-")
    return f"{token['open']}{listed or 'x'}]"


def _check_brackets(section: Section, key: str, text: str, brackets: str) -> None:
    if escape := re.search(r"\\[dDsSwWnrt]", brackets):
        what = f"`grep -E` reads {escape[0]} in brackets as two characters"
        section.fault(key, f"{shown(text)}: {what}; write 0-9 or the characters themselves")
    if name := next((name for name in re.findall(_CLASS, brackets[1:]) if name[2:-2] not in _CLASSES), None):
        section.fault(key, f"{shown(text)}: `grep -E` knows no {name}; write one of {', '.join(_CLASSES)} in it")
    if re.fullmatch(r"\[\^?:[^]]+:\]", brackets):
        # GNU's takes it for a slip of the pen, and refuses it.
        right = re.sub("(:.+:)", r"[\1]", brackets)
        section.fault(key, f"{shown(text)}: `grep -E` wants brackets around {brackets}; write {right}")


def _check_is_no_other_language(section: Section, key: str, text: str) -> None:
    """grep -E takes these for plain letters: the pattern would match no line, and nobody would be told."""
    for part in dict.fromkeys(token[0] for token in re.finditer(rf"\\.|{_BRACKETS}|\(\?", text)):
        if part == "(?":
            section.fault(key, f"{shown(text)}: `grep -E` knows no (?…); for either case write [Ee]rror")
        elif part[0] == "\\" and part[1].isascii() and part[1].isalpha() and part[1] not in _ALIKE:
            instead = "[0-9]" if part[1] == "d" else "the character itself"
            section.fault(key, f"{shown(text)}: `grep -E` knows no {part}; write {instead}")
        elif part[0] == "[":
            _check_brackets(section, key, text, part)


def _pattern(section: Section, key: str, text: str) -> str:
    """Checked as far as that can be done here: grep -E has no Python, but both count parentheses alike."""
    try:
        re.compile(re.sub(rf"\\.|{_BRACKETS}|\[", _in_python, text))
    except re.error as error:
        way_out = "a sign that stands for itself is written in brackets, as [(]"
        section.fault(key, f"{shown(text)} is no pattern that `grep -E` reads: {error.msg}; {way_out}")
    else:
        _check_is_no_other_language(section, key, text)
    if not text:
        section.fault(key, "is empty, which every line matches; write a part of the line")
    return text


def _patterns(section: Section, key: str) -> tuple[str, ...]:
    return tuple(_pattern(section, key, text) for text in section.text_or_texts(key))


def read_expect(section: Section, around: Surroundings, schedule: Schedule) -> Expect:
    """`[expect]`."""
    codes = section.integers("success_codes", 0, 255)
    if NOT_STARTED in codes:
        # Nobody could tell it from the command's own.
        section.fault("success_codes", f"{NOT_STARTED} is a run's that could not start; let the command end otherwise")
    within = section.seconds("success_within", 60, 10 * LONGEST)
    gap = longest_gap(schedule.slots) if within is not None else None
    if within is not None and gap is not None and within < gap:
        section.fault(
            "success_within",
            f"is less than the longest time between two starts, {format_duration(gap)}; write that or more",
        )
    return Expect(
        success_codes=codes or (0,),
        prints=_patterns(section, "prints"),
        prints_not=_patterns(section, "prints_not"),
        touches=section.parsed("touches", section.text_or_texts("touches"), around.place),
        success_within=within,
    )


def read_notify(section: Section, *, is_there: bool) -> Notify | None:
    """`[notify]`; None where there is no such table, or it names no event."""
    known = {event.value: event for event in Event}
    found = []
    for word in section.texts("on", may_be_empty=True):
        if word in known:
            found.append(known[word])
        else:
            section.fault("on", f"{shown(word)} is not known; write one of {', '.join(known)}")
    command = read_argv(section) if "run" in section.values else None
    if not is_there or section.values.get("on") == []:
        return None
    return Notify(on=tuple(dict.fromkeys(found)) or Notify().on, run=command)
