"""What another tool's definition means, as a value, and the job.toml that says the same. Pure.

The readers beside this file (`from_plist.py`, `from_crontab.py`, `from_units.py`, `from_directory.py`) make drafts.
Whether one is a definition that means what it came from is proved by reading it again, which is up to whoever calls.
"""

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum

import tomlkit

from jobsync.definitions.document import unfit
from jobsync.definitions.duration import format_duration, parse_duration
from jobsync.definitions.job import SHELLS_OWN, Argv, Command, Job, Line, Script, Slot
from jobsync.definitions.load import JOB_FILE, LONGEST_NAME
from jobsync.definitions.places import Surroundings
from jobsync.definitions.schedule import read_every
from jobsync.definitions.secrets import secret_fault
from jobsync.definitions.spelling import spell_clock, spell_every, spell_place
from jobsync.definitions.systemd_keys import unit_value
from jobsync.errors import JobsyncError
from jobsync.values import dataclass, field, replace

_ENV_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_DESCRIPTION = 100
_MODELINE = re.compile(r"-\*-.*-\*-|(vi|vim):.*")
"""What a comment tells an editor of the file in which it stood."""
_FILE, _EXECUTABLE = 0o100644, 0o100755


class Kind(Enum):
    """What a notice is about."""

    DIFFERS = "differs"
    """jobsync says it a little differently."""
    LEFT_OUT = "left out"
    """It means nothing to a job of jobsync's."""
    RAW = "raw"
    """Kept under the scheduler's own table: jobsync has no word for it."""
    SECRET = "secret"  # noqa: S105 - a word
    """Goes into the machine's env file of the job, and not into git."""
    EXPOSED = "exposed"
    """A secret in the middle of what goes into git."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the user should know of one key."""

    kind: Kind
    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A job as another tool defines it, in jobsync's terms. Paths are absolute."""

    origin: str
    """Where it was found, for people: a file, `crontab line 7`."""
    name: str
    command: str | tuple[str, ...] | None = None
    """As `run`; None: `script`."""
    script: str | None = None
    """Text of the file `run`; what is no UTF-8 in it as surrogates."""
    description: str = ""
    comments: tuple[str, ...] = ()
    """Lines without `#`."""
    directory: str | None = None
    path: tuple[str, ...] = ()
    schedule: Mapping[str, object] = field(default_factory=dict)
    restart: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, object] = field(default_factory=dict)
    raw: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Table -> key -> value."""
    is_enabled: bool = True
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What cannot be said in a job.toml, and why."""

    origin: str
    name: str
    reasons: tuple[str, ...]


Found = Draft | Refused


def name_of(words: str, taken: Collection[str] = ()) -> str:
    """A job's name made of some words, and none of those taken."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", words.lower()).strip("-_")[: LONGEST_NAME - 5] or "job"
    if plain.startswith("jobsync-"):
        plain = plain.removeprefix("jobsync-").strip("-_") or "job"
    names = [plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


# --- parts that every reader needs --------------------------------------------------------------------------------


def clock(slots: Collection[Slot]) -> dict[str, object]:
    """`every`, `at` and `cron` that say these simplified slots."""
    if not slots:
        return {}
    if every := spell_every(slots):
        return {"every": every}
    found: dict[str, object] = {}
    for key, texts in zip(("at", "cron"), spell_clock(slots), strict=True):
        if texts:
            found[key] = texts[0] if len(texts) == 1 else list(texts)
    return found


def interval(seconds: int) -> str:
    """`every` for an interval. `JobsyncError` where the clock has no such slots, with what could be written."""
    text = format_duration(seconds)
    try:
        read_every(text)
    except JobsyncError as error:
        raise JobsyncError(f"every {text} cannot be said: {error.message}") from None
    return text


@dataclass
class Variables:
    """The environment of a job while it is sorted: what goes into `[env]`, what must not, what jobsync says itself."""

    machine_path: str
    job: str
    path: tuple[str, ...] = ()
    plain: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def take(self, name: str, value: str) -> None:
        """Sort one variable in."""
        if name == "PATH":
            self._take_path(value)
        elif not _ENV_NAME.fullmatch(name) or name.startswith("JOBSYNC_"):
            self.reasons.append(f"the variable {name!r} can have no such name")
        elif wrong := unfit(value, lines=True):
            self.reasons.append(f"the variable {name} {wrong}")
        elif name in SHELLS_OWN:
            self.notices.append(Notice(Kind.LEFT_OUT, name, "the variable belongs to the shell"))
        elif secret_fault(name, value, self.job):
            self.secrets[name] = value
            self.notices.append(Notice(Kind.SECRET, name, "looks like a secret, so it does not go into git"))
        else:
            self.plain[name] = value

    def take_default(self, path: str) -> None:
        """The PATH that the other scheduler has where nobody says one: the machine's own takes its place."""
        if not self.machine_path.startswith(path):
            self.notices.append(Notice(Kind.DIFFERS, "PATH", f"this machine's ({self.machine_path}), not {path}"))

    def _take_path(self, value: str) -> None:
        """Directories in front of the machine's own PATH: all commands are found as before, and some more."""
        machine = self.machine_path.split(":")
        theirs = [part for part in dict.fromkeys(value.split(":")) if part]
        strange = [part for part in theirs if not part.startswith("/") or unfit(part) or re.search(r"[$*?]", part)]
        if strange:
            self.reasons.append(
                f"PATH holds {strange[0]!r}, which is no absolute path: nothing expands it; write it from /"
            )
        elif machine[: len(theirs)] != theirs:
            rest = theirs[: -len(machine)] if theirs[-len(machine) :] == machine else theirs
            self.path = tuple(rest)
            if rest == theirs:
                words = "its directories come first, and the machine's own behind them"
                self.notices.append(Notice(Kind.DIFFERS, "PATH", words))


def left_to(writer: str) -> str:
    """Why what a program wrote is not imported."""
    return f"{writer} wrote it, and would write it again beside the job; leave it there"


def described(comments: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """A single comment is the job's description; several stay comments."""
    lines = tuple(line for line in comments if not _MODELINE.fullmatch(line.strip()))
    told = [line.strip() for line in lines if line.strip()]
    if len(told) == 1 and len(told[0]) <= _LONGEST_DESCRIPTION and not unfit(told[0]):
        return told[0], ()
    return "", lines


# --- job.toml -----------------------------------------------------------------------------------------------------


def _line(key: str, value: object) -> str:
    document = tomlkit.document()
    if isinstance(value, dict):
        inline = tomlkit.inline_table()
        inline.update(value)
        value = inline
    document[key] = value
    return document.as_string().rstrip("\n")


def _place(path: str, around: Surroundings) -> str:
    found = spell_place(path, around)
    if found is None:
        raise JobsyncError(f"{path!r} is no path that a definition can name")
    return found


def _spelled(key: str, value: object, around: Surroundings) -> object:
    if key in ("on_change", "on_files") and isinstance(value, list):
        return [_place(path, around) for path in value]
    return value


def _comment(line: str) -> str:
    plain = "".join(char if char.isprintable() or char == "\t" else " " for char in line).rstrip()
    return f"# {plain}" if plain else "#"


def _table(name: str, values: Mapping[str, object]) -> list[str]:
    return ["", f"[{name}]", *(_line(key, value) for key, value in values.items())] if values else []


def job_toml(draft: Draft, around: Surroundings, schema: str | None = None) -> str:
    """The text of the definition. `schema`: what its first line names. `JobsyncError`: a path cannot be written."""
    schedule = {key: _spelled(key, value, around) for key, value in draft.schedule.items()}
    top: dict[str, object] = {"description": draft.description} if draft.description else {}
    if draft.command is not None:
        top["run"] = draft.command if isinstance(draft.command, str) else list(draft.command)
    if draft.directory is not None:
        top["dir"] = _place(draft.directory, around)
    if draft.path:
        top["path"] = [_place(path, around) for path in draft.path]
    if not draft.is_enabled:
        top["enabled"] = False
    lines = [f"#:schema {schema}"] if schema else []
    lines += [_comment(line) for line in draft.comments]
    lines += [_line(key, value) for key, value in top.items()]
    lines += _table("schedule", schedule)
    lines += ["", "[daemon]", _line("restart", draft.restart)] if draft.restart else []
    lines += _table("env", dict(sorted(draft.environment.items())))
    lines += _table("limits", draft.limits)
    for table, values in draft.raw.items():
        lines += _table(table, values)
    return "\n".join(lines).strip("\n") + "\n"


def with_own_priority(draft: Draft, defaults: Mapping[str, object]) -> Draft:
    """The draft, which says that it has no priority of its own where the repository's defaults would give it one."""
    limits = defaults.get("limits")
    if not isinstance(limits, Mapping) or "priority" not in limits or "priority" in draft.limits:
        return draft
    return replace(draft, limits={**draft.limits, "priority": "normal"})


def files_of(draft: Draft, around: Surroundings, schema: str | None = None) -> dict[str, tuple[int, bytes]]:
    """What is to be written: path -> mode and content. `JobsyncError` as `job_toml`."""
    found = {f"{around.directory}/{JOB_FILE}": (_FILE, job_toml(draft, around, schema).encode())}
    if draft.script is not None:
        found[f"{around.directory}/run"] = (_EXECUTABLE, draft.script.encode("utf-8", "surrogateescape"))
    return found


def lost(draft: Draft, job: Job) -> tuple[str, ...]:
    """What a draft says and the job that was read from its text does not: nothing, or this importer has a fault."""
    schedule = draft.schedule
    command: Command = Script(f"{job.home_directory}/run")
    if draft.command is not None:
        command = Line(draft.command) if isinstance(draft.command, str) else Argv(tuple(draft.command))
    pairs: dict[str, tuple[object, object]] = {
        "run": (job.command, command),
        "dir": (job.directory, posixpath.normpath(draft.directory) if draft.directory else job.home_directory),
        "env": (dict(job.environment), dict(draft.environment)),
        "at_login": (job.schedule.at_login, bool(schedule.get("at_login"))),
        "daemon": (job.daemon.value if job.daemon else None, draft.restart),
        "enabled": (job.unwanted is None, draft.is_enabled),
        "description": (job.description, draft.description),
    }
    units = {table.partition(".")[2]: keys for table, keys in draft.raw.items() if table.startswith("systemd.")}
    wanted_units = {
        kind: {key: (unit_value(key, value),) for key, value in keys.items()} for kind, keys in units.items()
    }
    pairs["systemd"] = (job.systemd, wanted_units)
    for word in ("timeout", "grace"):
        wanted_limit = draft.limits.get(word)
        seconds = parse_duration(wanted_limit) if isinstance(wanted_limit, str) else None
        pairs[word] = (getattr(job.limits, word), seconds)
    for key, paths in (("on_change", job.schedule.on_change), ("on_files", job.schedule.on_files)):
        wanted = schedule.get(key, [])
        pairs[key] = (set(paths), {posixpath.normpath(path) for path in wanted} if isinstance(wanted, list) else set())
    return tuple(key for key, (one, other) in pairs.items() if one != other)


def env_file(secrets: Mapping[str, str]) -> str:
    """The text of the machine's env file of a job. `JobsyncError`: a value cannot stand in it."""
    for name, value in secrets.items():
        if "\n" in value or value != value.strip() or value[:1] in {'"', "'"}:
            raise JobsyncError(f"{name}: its value cannot stand in an env file; write that file by hand")
    return "".join(f"{name}={value}\n" for name, value in sorted(secrets.items()))
