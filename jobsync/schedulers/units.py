"""Job -> systemd units, and back as far as jobsync needs it. Pure: the same bytes from any caller.

Quoting and grammar are those of systemd.syntax(7), systemd.service(5) and systemd.time(7), as systemd 249 and later
read them. Each unit carries, in a section that systemd passes over, whose it is and what it means. The same short
digest ends its description: that is what `systemctl list-units` says of everything loaded in a single call.
"""

import re
from _blake2 import blake2b  # what hashlib hands out, without its OpenSSL (5 ms at each start)
from collections.abc import Callable, Iterable, Iterator, Mapping

from jobsync.config import SYSTEM_PATH
from jobsync.definitions.job import GRACE, Job, Priority, Restart, Slot
from jobsync.definitions.unit_syntax import BLANKS, is_comment, lines_of
from jobsync.runs.launcher import FAILURES

SERVICE, TIMER, PATH = "service", "timer", "path"
DAEMON = "daemon"
"""A service that is to run all the time; all other services start and end."""
SUFFIXES = (SERVICE, TIMER, PATH)

ACCURACY = "1us"
"""Timers fire at the second itself. systemd's own default is any time within a minute."""
TARGETS = {SERVICE: "default.target", TIMER: "timers.target", PATH: "paths.target"}
"""What wants a unit at login, and at boot where the user lingers."""
DAEMON_PAUSE = 10
"""Seconds before a daemon is started again: launchd's own."""
REST = 9
"""Seconds for which a job rests that a path would start again at once: launchd has ten between two starts."""

_MARKS = "X-Jobsync"
_OWNER, _DIGEST = "Owner", "Digest"
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
# With the system's own programs, as the launcher. `$0` is the service, `$1` is there once somebody asks for a run. The
# time since the boot counts sleep too, systemd's does not: whoever slept has rested.
_RESTING = """\
PATH=@path@; ended=$(systemctl --user show -p InactiveEnterTimestampMonotonic --value -- "$0") || exit 0; \
read -r up _ </proc/uptime || exit 0; left=$((@rest@ + ${ended:-0} / 1000000 - ${up%%.*})); \
while [ $left -gt 0 ] && [ ! -e "$1" ]; do sleep 1; left=$((left - 1)); done"""
_PLAIN_PATH = re.compile(r"[^'\"\\]*")
_ANY_ENTRY = "{*,.[!.]*,..?*}"
"""A pattern of what may be in a directory, but for itself and its parent."""

Field = frozenset[int] | None
"""The values that a field of a clock may have; None: every one."""
Entry = tuple[Field, Field, Field, Field, Field]
"""month, day, weekday, hour, minute: all of them hold."""
Line = tuple[str, str]
Section = tuple[str, list[Line]]


# -- quoting


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '\\"':
        return f"\\{character}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as Python passes it through
        return f"\\x{code - 0xDC00:02x}"
    named = {"\n": "\\n", "\t": "\\t"}.get(character)
    return named or (f"\\x{code:02x}" if code < 32 or code == 127 else character)


def quoted(text: str, *, dollar: bool) -> str:
    """One word of a line that systemd splits into words. `dollar`: where it expands variables (arguments)."""
    inside = "".join(_escaped(character) for character in text).replace("%", "%%")
    return f'"{inside.replace("$", "$$") if dollar else inside}"'


def command_line(argv: Iterable[str]) -> str:
    """`ExecStart=` for an argv. The first word must be an absolute path."""
    program, *arguments = argv
    words = [quoted(argument, dollar=True) for argument in arguments]
    if _PLAIN_PATH.fullmatch(program):
        return " ".join([quoted(program, dollar=False), *words])
    # systemd refuses a program whose path holds a quote or a backslash, however it is written; sh takes any.
    return " ".join(['"/bin/sh"', quoted(program, dollar=True), *words])


def _raw_path(path: str) -> str:
    """For keys that take the rest of the line as a path."""
    return path.replace("%", "%%")


# -- calendar


def _entries(slot: Slot) -> Iterator[Entry]:
    """A slot's fields; one with day and weekday means either, and systemd would take it as both: so two."""
    month, day, weekday, hour, minute = (
        None if value is None else frozenset({value})
        for value in (slot.month, slot.day, slot.weekday, slot.hour, slot.minute)
    )
    if day is None or weekday is None:
        yield (month, day, weekday, hour, minute)
    else:
        yield (month, day, None, hour, minute)
        yield (month, None, weekday, hour, minute)


def _joined_at(entries: Iterable[Entry], index: int) -> set[Entry]:
    """Entries that differ in this one field only, as one."""
    rests: dict[tuple[object, ...], list[Field]] = {}
    for entry in entries:
        rests.setdefault((*entry[:index], *entry[index + 1 :]), []).append(entry[index])
    found: set[Entry] = set()
    for rest, values in rests.items():
        known = [value for value in values if value is not None]
        union: Field = None if len(known) < len(values) else frozenset().union(*known)
        fields = (*rest[:index], union, *rest[index:])
        found.add(fields)  # type: ignore[arg-type]  # five fields again
    return found


def _listed(field: Field, width: int = 2) -> str:
    return "*" if field is None else ",".join(f"{value:0{width}d}" for value in sorted(field))


def _calendar(entry: Entry) -> str:
    month, day, weekday, hour, minute = entry
    # systemd's week begins on Monday.
    days = "" if weekday is None else ",".join(_DAYS[one] for one in sorted(weekday, key=lambda one: one or 7)) + " "
    return f"{days}*-{_listed(month)}-{_listed(day)} {_listed(hour)}:{_listed(minute)}:00"


def calendar(slots: Iterable[Slot]) -> tuple[str, ...]:
    """`OnCalendar=` values that mean the same minutes as the slots; sorted, few, each field a plain list."""
    entries = {entry for slot in slots for entry in _entries(slot)}
    for index in (4, 3, 2, 1, 0):
        entries = _joined_at(entries, index)
    return tuple(sorted(_calendar(entry) for entry in entries))


# -- units


def _described(text: str) -> str:
    """Fit for one line that ends in a digest."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    # A backslash at the end of a line would join it with the next.
    return plain.replace("\\", "/").replace("%", "%%")


def _with_raw(lines: list[Line], job: Job, kind: str) -> list[Line]:
    """Our lines and the raw ones of `[systemd.KIND]`, which replace ours of the same key."""
    raw = job.systemd.get(kind, {})
    mine = [(key, value) for key, value in lines if key not in raw]
    return mine + [(key, value) for key, values in sorted(raw.items()) for value in values]


def _success_statuses(job: Job) -> str:
    """What counts as having ended well, beside 0.

    143: one that was told to end did not fail. (For a daemon `on-failure` it would count as having ended well.)
    The launcher passes a success code on as it is; what it says itself of a failure stays one.
    """
    codes = set(job.expect.success_codes) - {0, *FAILURES}
    return " ".join(map(str, sorted(codes | {143})))


def _resting(asked: str) -> Line:
    """What a path starts may be started again as soon as it ends, for ever: 30 to 80 times a second.

    By what changes all the time, and by a directory that a run leaves full; systemd gives up such a watch in the end.
    The rest comes before a run and not behind it, so that the run sees what changes meanwhile: systemd takes a start
    that comes during another one for the same.
    """
    script = _RESTING.replace("@path@", SYSTEM_PATH).replace("@rest@", str(REST))
    words = [command_line(("/bin/sh", "-c", script)), '"%n"', quoted(asked, dollar=True)]
    return "ExecStartPre", "-" + " ".join(words)


def _service(job: Job, launcher: str, environment: Mapping[str, str], asked: str) -> list[Section]:
    unit: list[Line] = [("StartLimitIntervalSec", "0")]
    # 0 would be for ever.
    stop_seconds = GRACE if job.limits.grace is None else max(job.limits.grace, 1)
    service: list[Line] = [
        ("ExecStart", command_line([launcher])),
        *(("Environment", quoted(f"{name}={value}", dollar=False)) for name, value in environment.items()),
        # The launcher ends the command itself; whatever outlives it goes with it.
        ("KillMode", "mixed"),
        ("TimeoutStopSec", str(stop_seconds)),
        *([] if job.daemon is Restart.ON_FAILURE else [("SuccessExitStatus", _success_statuses(job))]),
    ]
    match job.daemon:
        case Restart.ALWAYS:
            service += [("Type", "exec"), ("Restart", "always"), ("RestartSec", str(DAEMON_PAUSE))]
        case Restart.ON_FAILURE:
            service += [("Type", "exec"), ("Restart", "on-failure"), ("RestartSec", str(DAEMON_PAUSE))]
            # One that ended well counts as loaded and is not started again, as launchd sees it.
            service += [("RemainAfterExit", "yes")]
        case None:
            service += [("Type", "oneshot")]
            service += [_resting(asked)] if job.schedule.on_change or job.schedule.on_files else []
    if job.priority is Priority.BACKGROUND:
        service += [("Nice", "10"), ("CPUSchedulingPolicy", "batch"), ("IOSchedulingClass", "idle")]
    sections = [("Unit", unit), ("Service", _with_raw(service, job, SERVICE))]
    if job.schedule.at_login:
        # Else the login would count as under way until the job has ended.
        unit.append(("After", TARGETS[SERVICE]))
    if job.schedule.at_login or job.daemon is not None:
        sections.append(("Install", [("WantedBy", TARGETS[SERVICE])]))
    return sections


def _timer(job: Job) -> list[Section]:
    timer: list[Line] = [("OnCalendar", text) for text in calendar(job.schedule.slots)]
    # With it systemd makes up for a slot that came while nothing of the user's ran: once, however many there were.
    # Where it must not be late at all, the launcher skips what came after a sleep.
    persistent = "false" if job.schedule.catch_up == 0 else "true"
    timer += [("Persistent", persistent), ("AccuracySec", ACCURACY)]
    return [("Unit", []), ("Timer", _with_raw(timer, job, TIMER)), ("Install", [("WantedBy", TARGETS[TIMER])])]


def _filled(directory: str) -> Iterator[Line]:
    """What starts a job when there is anything in a directory.

    `DirectoryNotEmpty=` passes over hidden files and `name~`, `.bak`, `.old`, `.new` and the like, which count as all
    others do for launchd. A pattern counts them, but is watched up to its first escaped character only, and
    `MakeDirectory=` does not see it: so both.
    """
    yield "DirectoryNotEmpty", _raw_path(directory)
    literally = re.sub(r"[\\*?\[\]{}]", r"\\\g<0>", directory)
    yield "PathExistsGlob", _raw_path(f"{literally}/{_ANY_ENTRY}")


def _path(job: Job) -> list[Section]:
    watched: list[Line] = [("PathChanged", _raw_path(path)) for path in job.schedule.on_change]
    watched += [line for path in job.schedule.on_files for line in _filled(path)]
    return [("Unit", []), ("Path", _with_raw(watched, job, PATH)), ("Install", [("WantedBy", TARGETS[PATH])])]


def _dumps(sections: Iterable[Section], comment: str, description: str, owner: str) -> bytes:
    meant = [*sections, (_MARKS, [(_OWNER, owner)])]
    digest = _digest((section, key, value) for section, lines in meant for key, value in lines)
    for_people: Mapping[str, Line] = {
        "Unit": ("Description", f"{_described(description)} (jobsync {digest})"),
        _MARKS: (_DIGEST, digest),
    }
    text = f"# {_described(comment)}\n"
    for section, lines in meant:
        whole = [*lines, for_people[section]] if section in for_people else lines
        text += f"\n[{section}]\n" + "".join(f"{key}={value}\n" for key, value in whole)
    return text.encode("utf-8", "surrogateescape")


def units(job: Job, *, owner: str, launcher: str, asked: str, home: str, path: str, comment: str) -> dict[str, bytes]:
    """The units of a job by suffix, the service first.

    `asked` is the token of whoever asks for a run (`Paths`), `path` the machine's PATH, `comment` a line for people.
    """
    description = job.description or job.name
    environment = {"HOME": home, "PATH": ":".join((*job.path, path))}
    found = {SERVICE: _service(job, launcher, environment, asked)}
    if job.schedule.slots:
        found[TIMER] = _timer(job)
    if job.schedule.on_change or job.schedule.on_files:
        found[PATH] = _path(job)
    return {suffix: _dumps(sections, comment, description, owner) for suffix, sections in found.items()}


# -- the way back


def parse(content: bytes) -> tuple[tuple[str, str, str], ...] | None:
    """(section, key, value) of each line, in order; None when the bytes are no unit that systemd would load."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    section, found = "", []
    for line in lines_of(text):
        if is_comment(line):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, _, value = line.partition("=")
        found.append((section, key.strip(BLANKS), value.strip(BLANKS)))
    return tuple(found) if {section for section, _, _ in found} & {"Service", "Timer", "Path"} else None


def _digest(lines: Iterable[tuple[str, str, str]]) -> str:
    meant = [f"{section}\0{key}\0{value}" for section, key, value in lines if not _is_for_people(section, key)]
    return blake2b("\n".join(meant).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


def _is_for_people(section: str, key: str) -> bool:
    return (section, key) in (("Unit", "Description"), (_MARKS, _DIGEST))


def _marks(content: bytes) -> Mapping[str, str]:
    return {key: value for section, key, value in parse(content) or () if section == _MARKS}


def owner_of(content: bytes) -> str:
    """Whose a unit is; empty when it does not say. Bytes that are no unit (any more) are looked at as text."""
    if parse(content) is not None:
        return _marks(content).get(_OWNER, "")
    found = re.search(rb"^Owner=([0-9a-f]+)$", content, re.MULTILINE)
    return found[1].decode("ascii") if found and b"[X-Jobsync]" in content else ""


def digest_of(content: bytes) -> str:
    """The digest that a unit claims for itself."""
    return _marks(content).get(_DIGEST, "")


def kind(content: bytes) -> str:
    """`service`, `daemon`, `timer` or `path`; empty for what is no unit."""
    lines = parse(content) or ()
    sections = {section for section, _, _ in lines}
    if "Service" in sections:
        return DAEMON if ("Service", "Type", "exec") in lines else SERVICE
    return next((suffix for suffix in (TIMER, PATH) if suffix.capitalize() in sections), "")


def meaning(content: bytes) -> str | None:
    """`timer=0f1e2d3c4b5a`: what a unit is and a digest of what it means; None when it is no unit."""
    lines = parse(content)
    return None if lines is None else f"{kind(content)}={_digest(lines)}"


def is_installable(content: bytes) -> bool:
    """Something at login wants it."""
    return any(section == "Install" and key == "WantedBy" for section, key, _ in parse(content) or ())


def is_persistent(content: bytes) -> bool:
    """A timer that makes up for missed slots, so that a file of systemd's remembers when it last fired."""
    values = [value for section, key, value in parse(content) or () if (section, key) == ("Timer", "Persistent")]
    return bool(values) and values[-1].lower() in ("1", "yes", "y", "true", "t", "on")


def stop_seconds(content: bytes) -> float:
    """How long its processes may take to end after TERM."""
    values = [value for section, key, value in parse(content) or () if (section, key) == ("Service", "TimeoutStopSec")]
    return float(values[-1]) if values and values[-1].isdigit() else 90.0


def keeps_running(content: bytes) -> bool | None:
    """Whether the service is started again whenever it ends; None for what is no unit."""
    lines = parse(content)
    if lines is None:
        return None
    values = [value for section, key, value in lines if (section, key) == ("Service", "Restart")]
    return bool(values) and values[-1] not in ("", "no")


_UNESCAPED: Mapping[str, Callable[[str], str]] = {
    "n": lambda _: "\n",
    "t": lambda _: "\t",
    "\\": lambda _: "\\",
    '"': lambda _: '"',
    "x": lambda code: bytes([int(code, 16)]).decode("utf-8", "surrogateescape"),
}
_ESCAPE = re.compile(r'\\(?:(x)([0-9a-f]{2})|([nt\\"]))')


def environment_of(content: bytes) -> dict[str, str]:
    """What the `Environment=` lines that jobsync wrote give to the process."""
    found = {}
    for section, key, value in parse(content) or ():
        if (section, key) == ("Service", "Environment") and value[:1] == value[-1:] == '"':
            text = _ESCAPE.sub(lambda one: _UNESCAPED[one[1] or one[3]](one[2] or ""), value[1:-1])
            name, _, setting = text.replace("%%", "%").partition("=")
            found[name] = setting
    return found
