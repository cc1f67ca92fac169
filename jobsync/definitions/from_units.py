"""A systemd user timer and its service -> the job that means the same, or why none can. Pure.

systemd.unit(5), systemd.timer(5), systemd.service(5) and systemd.syntax(7) as of version 252.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from jobsync.definitions.duration import format_duration
from jobsync.definitions.foreign import Draft, Found, Kind, Notice, Refused, Variables, clock, described, interval
from jobsync.definitions.on_calendar import read_on_calendar
from jobsync.definitions.slots import simplify
from jobsync.definitions.systemd_keys import value_of_unit
from jobsync.definitions.unit_syntax import is_comment, lines_of
from jobsync.errors import JobsyncError
from jobsync.values import dataclass, field

_HEADER = re.compile(r"\[(?P<name>[^\]]+)\]\s*")
_LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*)\s*=\s*(?P<value>.*)")
_SPAN = re.compile(r"(?P<count>[0-9]+)\s*(?P<unit>[a-z]*)")
_UNITS = {
    1: ("", "s", "sec", "second", "seconds"),
    60: ("m", "min", "minute", "minutes"),
    3_600: ("h", "hr", "hour", "hours"),
    86_400: ("d", "day", "days"),
    604_800: ("w", "week", "weeks"),
}
_SECONDS = {word: seconds for seconds, words in _UNITS.items() for word in words}
_READ_ALIKE = re.compile(r"""(?:'[^'\\]*'|"(?:[^"\\]|\\["\\])*"|[^'"\\])*""")
"""What systemd and sh split into the same words: elsewhere than here, a backslash means another thing to each."""
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*\"""")
_EXPANDED = re.compile(r"\$|.*\$\{", re.DOTALL)
"""A word in which systemd puts a variable's value: `$NAME` is one where it is all of the word, `${NAME}` anywhere. Any
other `$` is for whoever gets the word, such as `sh -c`."""

Call = tuple[str, tuple[str, ...]]
"""The prefix of a command line, such as `-`, and its words."""

ENABLED = "jobsync enables its jobs itself"
_HARMLESS: Mapping[str, str] = {
    "Unit.After": "jobs know nothing of each other",
    "Unit.Before": "jobs know nothing of each other",
    "Unit.RefuseManualStart": "`jobsync run` starts any job",
    "Unit.RefuseManualStop": "`jobsync stop` stops any job",
    "Unit.Wants": "jobs know nothing of each other; to wait for the network, write below [when]: online = true",
    "Unit.Documentation": "is for people",
    "Timer.Unit": "names the service that was read",
    "Service.StandardOutput": "jobsync keeps the output of each run itself: `jobsync logs`",
    "Service.StandardError": "jobsync keeps the output of each run itself: `jobsync logs`",
    "Service.SyslogIdentifier": "jobsync keeps the output of each run itself: `jobsync logs`",
    "Install.Also": ENABLED,
}
_IDLE: Mapping[str, tuple[str, ...]] = {
    "Service.Restart": ("no",),
    "Service.RemainAfterExit": ("no", "false", "off", "0"),
}
"""What says only what holds without it."""
_UNIT_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("Requires", "Requisite", "BindsTo", "PartOf", "Conflicts", "Upholds", "StopWhenUnneeded"),
        "jobs know nothing of each other; take it out, where the job can do without",
    ),
    **dict.fromkeys(
        ("OnFailure", "OnSuccess"), "take it out, and write below [notify] of the job whom to tell: run = …"
    ),
    "ConditionACPower": "take it out, and write below [when] of the job: ac_power = true",
    "ConditionHost": 'take it out, and write below [only] of the job: machines = ["mbp-*"]',
}
_SIMPLER = "write simple, where it runs so"
_TYPES: Mapping[str, str] = {
    "forking": "it goes into the background, which is the end of a job; write simple, and the option that keeps it in "
    "front",
    **dict.fromkeys(
        ("notify", "notify-reload"),
        "it tells systemd that it is ready, and jobsync waits for nobody's word; write exec, where it runs without",
    ),
    "dbus": "it is ready once it has its name on the bus, and jobsync waits for no name; write exec, where nothing "
    "waits for it",
}
"""Way in which a service starts -> why a job does not, and what to do."""
_CHECKS = "take it out, and let the script look for it first"
_NO_WORD = "jobsync has no word for it; take it out, where the job can do without"
_ACCURACY = "jobsync decides it, and is more exact"
_READ = {
    "Unit.Description", "Timer.OnCalendar", "Timer.Persistent", "Timer.OnBootSec", "Timer.OnStartupSec",
    "Timer.OnUnitActiveSec", "Timer.OnUnitInactiveSec", "Timer.OnActiveSec", "Timer.RandomizedDelaySec",
    "Timer.FixedRandomDelay", "Timer.AccuracySec", "Service.TimeoutStartSec", "Service.TimeoutStopSec",
    "Service.RuntimeMaxSec", "Service.Type", "Service.ExecStart", "Service.ExecStartPre", "Service.ExecStartPost",
    "Service.WorkingDirectory", "Service.Environment", "Install.WantedBy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit file: section and key -> values in order, and its comments."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    comments: tuple[str, ...] = ()

    def last(self, key: str) -> str | None:
        """The value that counts where only one does."""
        return self.values[key][-1] if self.values.get(key) else None


def parse(text: str) -> Unit:
    """A unit file. An empty value takes back the earlier ones of its key. `JobsyncError`: a line that is none."""
    values: dict[str, list[str]] = {}
    comments, section = [], ""
    for line in lines_of(text):
        if is_comment(line):
            comments.append(line[1:].strip())
        elif match := _HEADER.fullmatch(line):
            section = match["name"]
        elif match := _LINE.fullmatch(line):
            found = values.setdefault(f"{section}.{match['key']}", [])
            found.append(match["value"]) if match["value"] else found.clear()
        else:
            raise JobsyncError(f"{line[:40]!r} is no line of a unit file; correct it")
    return Unit({key: tuple(found) for key, found in values.items() if found}, tuple(comments))


def service_of(timer: Unit, name: str) -> str:
    """File name of the service that the timer of this name, without its suffix, starts."""
    return timer.last("Timer.Unit") or f"{name}.service"


def drop_ins_of(name: str) -> list[str]:
    """Names of the directories whose lines count as the unit's: its own, those of its prefixes, that of its kind."""
    stem, _, kind = name.rpartition(".")
    template, at, _ = stem.partition("@")
    templates = [f"{template}@.{kind}.d"] if at else []
    dashes = [match.end() for match in re.finditer("-", template)]
    prefixes = [f"{template[:end]}.{kind}.d" for end in reversed(dashes)]
    return [f"{name}.d", *templates, *prefixes, f"{kind}.d"]


def seconds_of(text: str) -> int:
    """A time span in whole seconds. `JobsyncError` where it is none, or finer."""
    rest = _SPAN.sub("", text).strip()
    parts = list(_SPAN.finditer(text))
    if rest or not parts or any(part["unit"] not in _SECONDS for part in parts):
        raise JobsyncError(f"{text!r} is no span of whole seconds; write 90s")
    return sum(int(part["count"]) * _SECONDS[part["unit"]] for part in parts)


def _limit(key: str, text: str) -> int | None:
    """Seconds that a key of a service gives it; None: all the time there is. `JobsyncError`: no job has that."""
    seconds = None if text == "infinity" else seconds_of(text)
    # Where a limit is 0 systemd 252 has none, but for this one, with which it ends the service at once.
    if seconds == 0 and key == "RuntimeMaxSec":
        raise JobsyncError("0 ends it at once; take it out")
    if not seconds and key == "TimeoutStopSec":
        raise JobsyncError("a job cannot take for ever to end; write how long it may, such as 5min")
    return seconds or None


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text, comments=False)
    except ValueError as error:
        raise JobsyncError(f"{text[:40]!r}: {error}") from None
    if not _READ_ALIKE.fullmatch(text):
        raise JobsyncError(f"{text[:40]!r}: a backslash in it is systemd's to read; write what it stands for")
    return words


def script_of(lines: Iterable[str]) -> str:
    """The text of a file `run`."""
    return "\n".join(("#!/bin/sh", "set -eu", *lines)) + "\n"


class Reader:
    """The two units while they become a draft; what cannot be said is noted, and reading goes on."""

    beside = "after it with Type=oneshot alone; write that, if it may wait"
    """What to say of a command that does not wait for the end of the main one."""

    def __init__(self, timer: Unit, service: Unit, home: str, variables: Variables) -> None:
        self.timer, self.service, self.home = timer, service, home
        self.variables = variables
        self.notices: list[Notice] = []
        self.reasons: list[str] = []
        self.raw: dict[str, dict[str, object]] = {}

    def note(self, kind: Kind, key: str, words: str) -> None:
        """Have the user told of a key."""
        self.notices.append(Notice(kind, key, words))

    def _expanded(self, text: str, *, strict: bool = True) -> str:
        """`strict`: an unknown specifier is refused, else left as it is, as systemd does it in a description."""
        known = {"%h": self.home, "%%": "%"}

        def meant(match: re.Match[str]) -> str:
            if strict and match[0] not in known:
                raise JobsyncError(f"the specifier {match[0]} is systemd's to expand; write what it stands for")
            return known.get(match[0], match[0])

        return re.sub(r"%.", meant, text)

    def description(self) -> str:
        """In the service's words, else the timer's."""
        told = self.service.last("Unit.Description") or self.timer.last("Unit.Description") or ""
        return self._expanded(told, strict=False)

    def _argv(self, text: str) -> Call:
        """The prefix of a command line, and its words."""
        prefix = re.match(r"[-@:+!|]*", text)
        marks = prefix[0] if prefix else ""
        if set(marks) - {"-"}:
            raise JobsyncError(f"{text[:40]!r}: the prefix {marks} cannot be said; drop it")
        if ";" in _QUOTED.sub("", text).split():
            raise JobsyncError(f"{text[:40]!r}: are several commands; write a line for each")
        words = [self._expanded(word) for word in _split(text[len(marks) :].strip())]
        plain = [word.replace("$$", "\0") for word in words]
        if any("$" in word for word in plain[:1]) or any(_EXPANDED.match(word) for word in plain):
            raise JobsyncError(f"{text[:40]!r}: variables in it are systemd's to expand; write a script")
        return marks, tuple(word.replace("\0", "$") for word in plain)

    @property
    def type(self) -> str:
        """`Type=`, or what holds without it."""
        return self.service.last("Service.Type") or "simple"

    def _lines(self) -> list[str]:
        """All command lines in the order in which systemd runs them, each after the end of the one before."""
        before, main, after = (
            self.service.values.get(f"Service.{key}", ()) for key in ("ExecStartPre", "ExecStart", "ExecStartPost")
        )
        if after and self.type != "oneshot":
            self.reasons.append(f"ExecStartPost: runs beside ExecStart, and {self.beside}")
        return [*before, *main, *after]

    def script(self, calls: Sequence[Call]) -> str:
        """The text of `run` that makes several calls, and stops where systemd would."""
        return script_of(f"{shlex.join(words)}{' || :' if marks else ''}" for marks, words in calls)

    def calls(self) -> list[Call]:
        """All calls in that order. `JobsyncError`: a line that is not made so."""
        return [self._argv(line) for line in self._lines()]

    def command(self) -> tuple[tuple[str, ...] | None, str | None]:
        """`run` as a list, or the script that does what several lines did."""
        if not self.service.values.get("Service.ExecStart"):
            self.reasons.append("ExecStart: there is none")
            return None, None
        try:
            found = self.calls()
        except JobsyncError as error:
            self.reasons.append(f"ExecStart: {error.message}")
            return None, None
        if len(found) == 1 and not found[0][0]:
            return found[0][1], None
        return None, self.script(found)

    def schedule(self) -> dict[str, object]:
        """The triggers of the timer."""
        found: dict[str, object] = {}
        try:
            slots = [slot for text in self.timer.values.get("Timer.OnCalendar", ()) for slot in read_on_calendar(text)]
            found |= clock(simplify(slots))
            self._spans(found)
        except JobsyncError as error:
            self.reasons.append(f"timer: {error.message}")
        if "Timer.OnCalendar" in self.timer.values and self.timer.last("Timer.Persistent") not in (
            "true",
            "yes",
            "1",
            "on",
        ):
            self.note(
                Kind.DIFFERS, "Persistent", "a slot missed while the machine is off is made up for where it can be"
            )
        if not found and not self.reasons:
            self.reasons.append("timer: it starts nothing that jobsync knows")
        return found

    def _spans(self, found: dict[str, object]) -> None:
        for key in ("OnUnitActiveSec", "OnUnitInactiveSec"):
            if text := self.timer.last(f"Timer.{key}"):
                if found.keys() & {"every", "at", "cron"}:
                    raise JobsyncError(f"{key} beside other times; keep one")
                found["every"] = interval(seconds_of(text))
                self.note(Kind.DIFFERS, key, "on the clock, where systemd counts from the last run")
        for key in ("OnBootSec", "OnStartupSec", "OnActiveSec"):
            if text := self.timer.last(f"Timer.{key}"):
                if "every" not in found:
                    found["at_login"] = True
                words = (
                    "at login, without that delay" if "every" not in found else "the first slot on the clock is first"
                )
                self.note(Kind.DIFFERS, key, words)
        if text := self.timer.last("Timer.RandomizedDelaySec"):
            minutes = seconds_of(text) // 60
            if minutes and found.keys() & {"every", "at", "cron"}:
                found["spread"] = f"{minutes}m"
            self.note(Kind.DIFFERS, "RandomizedDelaySec", "a fixed part of it, in whole minutes: spread")

    def directory(self) -> str:
        """Where the service runs; a user's runs in his home."""
        where = (self.service.last("Service.WorkingDirectory") or "~").removeprefix("-")
        try:
            where = self.home if where == "~" else self._expanded(where)
        except JobsyncError as error:
            self.reasons.append(f"WorkingDirectory: {error.message}")
        return where

    def environment(self) -> None:
        """Every assignment of `Environment=`."""
        values = self.service.values.get("Service.Environment", ())
        try:
            pairs = [self._expanded(word).partition("=") for text in values for word in _split(text)]
        except JobsyncError as error:
            self.reasons.append(f"Environment: {error.message}")
            return
        for name, _, value in pairs:
            self.variables.take(name, value)

    def limited_by(self) -> dict[str, str]:
        """Limit -> the key that says it: for a oneshot service the time to start is all that it has."""
        timeout = "TimeoutStartSec" if self.type == "oneshot" else "RuntimeMaxSec"
        return {"timeout": timeout, "grace": "TimeoutStopSec"}

    def limits(self) -> dict[str, object]:
        """`timeout` and `grace`."""
        found: dict[str, object] = {}
        for word, key in self.limited_by().items():
            text = self.service.last(f"Service.{key}")
            try:
                if text is not None and (seconds := _limit(key, text)):
                    found[word] = format_duration(seconds)
            except JobsyncError as error:
                self.reasons.append(f"{key}: {error.message}")
        return found

    def keep(self, kind: str, key: str, text: str) -> None:
        """Take a key over as it is, if jobsync passes it on; else `JobsyncError`."""
        if key.endswith("Sec"):
            text = format_duration(seconds_of(text))
        self.raw.setdefault(f"systemd.{kind}", {})[key] = value_of_unit(kind, key, text)
        self.note(Kind.RAW, key, f"[systemd.{kind}] keeps it")

    def accuracy(self, *, on_the_clock: bool) -> None:
        """`AccuracySec`: kept where jobsync lets anybody say it."""
        text = self.timer.last("Timer.AccuracySec")
        if text is None:
            return
        if on_the_clock:
            with suppress(JobsyncError):
                self.keep("timer", "AccuracySec", text)
                return
        self.note(Kind.LEFT_OUT, "AccuracySec", _ACCURACY)

    def enabling(self) -> None:
        """`WantedBy`. That of a service counts where it is enabled, which no file of these says."""
        if self.timer.last("Install.WantedBy"):
            self.note(Kind.LEFT_OUT, "WantedBy", ENABLED)
        if self.service.last("Install.WantedBy"):
            words = "of the service: where it is enabled itself, at_login = true starts it at login as well"
            self.note(Kind.DIFFERS, "WantedBy", words)

    def others(self) -> None:
        """Keys that nothing above has read: kept as they are, left out, or the reason why there is no job."""
        if self.type not in ("simple", "oneshot", "exec"):
            self.reasons.append(f"Type: {self.type} cannot be said; {_TYPES.get(self.type, _SIMPLER)}")
        for unit in (self.timer, self.service):
            for key in unit.values:
                if key not in _READ and unit.last(key) not in _IDLE.get(key, ()):
                    self.other(key, unit.values[key][-1])

    def other(self, whole: str, text: str) -> None:
        """One of those keys, `Section.Key`, and its last value."""
        section, _, key = whole.partition(".")
        if whole in _HARMLESS or (key.startswith("X-") and section in ("Unit", "Timer", "Service")):
            self.note(Kind.LEFT_OUT, key, _HARMLESS.get(whole, "is for people"))
        elif section not in ("Timer", "Service"):
            usual = _CHECKS if key.startswith(("Condition", "Assert")) else _NO_WORD
            self.reasons.append(f"{key}: {_UNIT_WORDS.get(key, usual)}")
        else:
            try:
                self.keep(section.lower(), key, text)
            except JobsyncError as error:
                self.reasons.append(f"{key}: cannot be kept: {error.message}")

    def found(
        self, origin: str, name: str, command: tuple[tuple[str, ...] | None, str | None],
        schedule: Mapping[str, object], restart: str | None = None,
    ) -> Found:  # fmt: skip
        """What came of it, with the rest of the keys read. `command`: as `command` gives it."""
        directory = self.directory()
        self.environment()
        limits = self.limits()
        self.enabling()
        self.others()
        if reasons := tuple(dict.fromkeys((*self.reasons, *self.variables.reasons))):  # both units may have the key
            return Refused(origin, name, reasons)
        told, comments = described((*self.timer.comments, *self.service.comments))
        description = self.description()
        argv, script = command
        return Draft(
            origin=origin,
            name=name,
            command=argv,
            script=script,
            description=description or told,
            comments=(told,) if description and told else comments,
            directory=directory,
            path=self.variables.path,
            schedule=schedule,
            restart=restart,
            environment=self.variables.plain,
            secrets=self.variables.secrets,
            limits=limits,
            raw={table: dict(sorted(keys.items())) for table, keys in sorted(self.raw.items())},
            notices=(*self.notices, *self.variables.notices),
        )


def read_timer(origin: str, name: str, timer: Unit, service: Unit, machine_path: str, home: str) -> Found:
    """The draft of a timer and the service that it starts. `home`: what %h is, and where a user's service runs."""
    reader = Reader(timer, service, home, Variables(machine_path, name))
    command, schedule = reader.command(), reader.schedule()
    reader.accuracy(on_the_clock=bool(schedule.keys() & {"at", "cron", "every"}))
    return reader.found(origin, name, command, schedule)
