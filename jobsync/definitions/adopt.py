"""A launchd property list that somebody edited -> the job.toml that means the same, or why none can.

Three of them count: what jobsync wrote last, what the definition wants now, and what is installed. Only what a hand
changed since jobsync wrote is taken over. Pure: it writes nothing, and proves what it gives by reading it as any
definition is read; whether it also renders as it should, `unmet` tells whoever renders.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence

from jobsync.definitions import editing
from jobsync.definitions.document import Table, parse, shown
from jobsync.definitions.duration import format_duration
from jobsync.definitions.editing import Value
from jobsync.definitions.hand_edits import (
    ENV,
    OWN,
    PLACES,
    Plist,
    Plists,
    Refusal,
    are_texts,
    by_hand,
    differing,
    facets,
    meaning,
    read_calendar,
    restart_of,
)
from jobsync.definitions.job import Argv, Job, Machine, Priority, Tree
from jobsync.definitions.launchd_keys import PRIORITY_KEYS, launchd_fault
from jobsync.definitions.load import JOB_FILE, load, read_settings
from jobsync.definitions.overlay import Overlay
from jobsync.definitions.places import Surroundings
from jobsync.definitions.respelling import respelled, texts_of, unspread
from jobsync.definitions.schedule import read_every, read_spread, spread_of
from jobsync.definitions.spelling import spell_place
from jobsync.definitions.triggers import CLOCK_KEYS
from jobsync.errors import JobsyncError
from jobsync.values import dataclass, replace

_FILE = 0o100644
_Action = Callable[[object], None]

_OWN_REASONS = {
    "Label": "is the machine's prefix and the name of the job's directory; put it back, or rename the directory",
    f"{ENV}.{OWN}OWNER": "is the mark by which jobsync knows its own; put it back",
}


@dataclass(frozen=True, slots=True)
class Adoption:
    """What became of the changes. Either there are refusals, or `after` means them and `job` is what it defines."""

    file: str
    """Of the definition, repository-relative."""
    before: str
    after: str
    changes: Mapping[str, object]
    """The property list's keys that a hand changed, with their new values; None: taken out."""
    keys: tuple[str, ...] = ()
    """Dotted keys of job.toml that differ."""
    refusals: tuple[Refusal, ...] = ()
    job: Job | None = None


def _table(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def _shape(texts: Sequence[str], old: object) -> Value:
    """One text stays a text, unless it was a list."""
    return texts[0] if len(texts) == 1 and not isinstance(old, list) else list(texts)


class _Writer:
    """The text of a definition while the changes go into it; one that cannot is refused, and the others go on."""

    def __init__(self, text: str, around: Surroundings, defaults: Table, job: Job, plists: Plists) -> None:
        self.text = text
        self.keys: list[str] = []
        self.refusals: list[Refusal] = []
        self._around = around
        self._defaults = defaults
        self._own = parse(text.encode())
        self._job = job
        self._wanted = facets(plists.wanted)
        self._target: dict[str, object] = {}

    def _has(self, table: str, key: str) -> bool:
        return key in (_table(self._own.get(table)) if table else self._own)

    def _refuse(self, key: str, reason: str) -> None:
        self.refusals.append(Refusal(key, reason))

    def _note(self, table: str, key: str) -> None:
        self.keys.append(f"{table}.{key}".strip("."))

    def _put(self, table: str, key: str, value: Value, instead_of: str | None = None) -> None:
        self.text = editing.put(self.text, table, key, value, instead_of=instead_of)
        if instead_of is not None:
            self._note(table, instead_of)
        self._note(table, key)

    def _drop(self, table: str, key: str) -> None:
        if not self._has(table, key):
            raise JobsyncError("comes from [defaults] of jobsync.toml, and a job.toml cannot take it back")
        self.text = editing.drop(self.text, table, key)
        self._note(table, key)

    def take_over(self, changes: Plist) -> None:
        """Write every change, or note why it cannot be written."""
        self._target = {key: value for key, value in {**self._wanted, **changes}.items() if meaning(key, value)}
        for key in sorted(changes, key=lambda key: (key != "KeepAlive", key)):
            try:
                self._take(key, changes[key])
            except JobsyncError as error:
                self._refuse(key, error.message)

    def _take(self, key: str, value: object) -> None:
        if key in _OWN_REASONS:
            raise JobsyncError(_OWN_REASONS[key])
        if key.startswith(f"{ENV}."):
            self._environment(key.removeprefix(f"{ENV}."), value)
        elif key in PLACES:
            self._places(key, value)
        elif key in PRIORITY_KEYS:
            self._priority(key, value)
        elif key in (actions := self._actions()):
            actions[key](value)
        else:
            self._raw(key, value)

    def _actions(self) -> Mapping[str, _Action]:
        return {
            "KeepAlive": self._keep_alive,
            "StartCalendarInterval": self._calendar,
            "StartInterval": self._interval,
            "RunAtLoad": self._run_at_load,
            "WorkingDirectory": self._directory,
            "ProgramArguments": self._arguments,
            "Program": self._program,
            ENV: self._no_environment,
        }

    # -- triggers

    @property
    def _is_daemon(self) -> bool:
        return "KeepAlive" in self._target

    def _keep_alive(self, value: object) -> None:
        if not meaning("KeepAlive", value):
            self.text = editing.drop_table(self.text, "daemon")
            self._note("daemon", "")
            return
        restart = restart_of(value)
        if restart is None:
            raise JobsyncError('only true and {SuccessfulExit = false} have a word: restart = "always" or "on-failure"')
        triggers = [key for key in ("StartCalendarInterval", "StartInterval", *PLACES) if key in self._target]
        if triggers:
            raise JobsyncError(f"a daemon runs all the time, so it has no schedule; take out {' and '.join(triggers)}")
        if "schedule" in self._own:
            self.text = editing.drop_table(self.text, "schedule")
            self._note("schedule", "")
        self._put("daemon", "restart", restart.value)

    def _run_at_load(self, value: object) -> None:
        if self._is_daemon:
            return
        if value is True:
            self._put("schedule", "at_login", value)
        elif not meaning("RunAtLoad", value):
            self._drop("schedule", "at_login")
        else:
            raise JobsyncError("is not true or false; correct it")

    def _interval(self, value: object) -> None:
        way_out = 'write below [schedule]: every = "15m"'
        if type(value) is int and 0 < value < 10**9:
            text = format_duration(value)
            try:
                read_every(text)
                way_out = f'write below [schedule]: every = "{text}"'
            except JobsyncError as error:
                way_out = f"below [schedule], every = {error.message}"
        raise JobsyncError(f"counts from the moment of loading, and jobsync's times are the clock's; {way_out}")

    def _must_be_nothing(self, key: str, value: object) -> None:
        """Of a daemon. One that a hand has just made of the job is refused as a whole, with all of its triggers."""
        if self._job.daemon is not None and meaning(key, value):
            raise JobsyncError("a daemon runs all the time, so it has no schedule; take out this or KeepAlive")

    def _places(self, key: str, value: object) -> None:
        if self._is_daemon:
            self._must_be_nothing(key, value)
            return
        word = PLACES[key]
        if not value:
            self._drop("schedule", word)
            return
        if not isinstance(value, list) or not are_texts(value):
            raise JobsyncError("is not a list of texts; correct it")
        old = texts_of(_table(self._own.get("schedule")).get(word, []))
        self._put("schedule", word, list(dict.fromkeys(self._place(path, old) for path in value)))

    def _place(self, path: str, known: Sequence[str]) -> str:
        """As the definition spells the path already, or else how it would."""
        found = next((text for text in known if self._around.place(text) == posixpath.normpath(path)), None)
        found = found or spell_place(path, self._around)
        if found is None:
            raise JobsyncError(f"{shown(path)} is no path that a definition can name; make it absolute and plain")
        return found

    # -- the clock

    def _later(self) -> int:
        spreads = (_table(table.get("schedule")).get("spread") for table in (self._own, self._defaults))
        text = next((one for one in spreads if isinstance(one, str)), None)
        if text is None:
            return 0
        return spread_of(read_spread(text), self._around.machine.name, self._around.label)

    def _calendar(self, value: object) -> None:
        if self._is_daemon:
            self._must_be_nothing("StartCalendarInterval", value)
            return
        slots = read_calendar(value) if value is not None else ()
        if slots:
            self._write_clock(respelled(_table(self._own.get("schedule")), unspread(slots, self._later())))
            return
        for key in (*CLOCK_KEYS, "spread"):
            if self._has("schedule", key):
                self._drop("schedule", key)

    def _write_clock(self, texts: Mapping[str, list[str]]) -> None:
        schedule = _table(self._own.get("schedule"))
        free = [key for key in CLOCK_KEYS if key in schedule and not texts[key]]
        for key in (key for key in CLOCK_KEYS if texts[key] and texts[key] != texts_of(schedule.get(key))):
            is_new = key not in schedule and free
            self._put("schedule", key, _shape(texts[key], schedule.get(key)), free.pop(0) if is_new else None)
        for key in free:
            self._drop("schedule", key)

    # -- what the launcher does

    def _environment(self, name: str, value: object) -> None:
        if name.startswith(OWN):
            raise JobsyncError("names that start with JOBSYNC_ are jobsync's own; take it out")
        if name == "PATH":
            self._path(value)
        elif not isinstance(value, str):
            raise JobsyncError("is not a text, and launchd drops it without a word; correct it")
        elif not (name.isascii() and name.isidentifier()):
            raise JobsyncError("is not a variable's name; letters, digits and _ make one")
        elif dict(self._job.environment).get(name) != value:
            self._put("env", name, value)

    def _no_environment(self, value: object) -> None:
        raise JobsyncError(f"{shown(value)} is no dict; correct it")

    def _path(self, value: object) -> None:
        wanted = str(self._wanted[f"{ENV}.PATH"])
        machine = wanted.removeprefix("".join(f"{directory}:" for directory in self._job.path))
        if value == machine:
            self._drop("", "path")
            return
        if not isinstance(value, str) or not value.endswith(f":{machine}"):
            raise JobsyncError(
                f"does not end as this machine's PATH does ({machine}); `path` only adds in front of it, "
                "and `jobsync config path` changes it for all jobs"
            )
        directories = value.removesuffix(f":{machine}").split(":")
        old = texts_of(self._own.get("path", []))
        self._put("", "path", list(dict.fromkeys(self._place(one, old) for one in directories)))

    def _directory(self, value: object) -> None:
        if not isinstance(value, str) or not value.startswith("/"):
            raise JobsyncError("is not an absolute path; launchd expands nothing, so write it from /")
        where = posixpath.normpath(value)
        if where == self._job.directory:
            return
        if where == self._job.home_directory and "dir" not in self._defaults:
            self._drop("", "dir")
        else:
            self._put("", "dir", self._place(where, []))

    def _program(self, value: object) -> None:
        del value
        raise JobsyncError(
            "is not the first of ProgramArguments, and a definition has one name for both; make them one"
        )

    def _arguments(self, value: object) -> None:
        if not isinstance(value, list) or not value or not are_texts(value):
            raise JobsyncError("is not a list of texts; correct it")
        if value[:1] == self._wanted["ProgramArguments"]:
            raise JobsyncError("gives jobsync's launcher arguments, and it takes none; change `run` in job.toml")
        if self._job.command != Argv(tuple(value)):
            self._put("", "run", value)

    # -- raw keys

    def _raw(self, key: str, value: object) -> None:
        if value is None:
            if key == "ExitTimeOut" and self._job.limits.grace is not None:
                raise JobsyncError("is what `limits.grace` asks for; change that in job.toml, or take it out")
            self._drop("launchd", key)
            return
        if wrong := launchd_fault(key, value):
            raise JobsyncError(wrong)
        match value:
            case str() | bool() | int() | list() | dict():
                self._put("launchd", key, value)
            case _:
                raise AssertionError("launchd_fault knows no other types")

    def _priority(self, key: str, value: object) -> None:
        """`limits.priority` where it says all that is wanted, else the raw keys: the two do not go together."""
        target = {one: self._target[one] for one in PRIORITY_KEYS if one in self._target}
        is_background = self._job.priority is Priority.BACKGROUND
        if target == {"ProcessType": "Background"} and not is_background and "ProcessType" not in self._job.launchd:
            if key == "ProcessType":
                self._put("limits", "priority", Priority.BACKGROUND.value)
            else:
                self._raw(key, value)
            return
        if is_background and "limits.priority" not in self.keys:
            self._no_priority()
            if "ProcessType" in target and key != "ProcessType":
                self._raw("ProcessType", target["ProcessType"])
        if value is not None or key in self._job.launchd:
            self._raw(key, value)

    def _no_priority(self) -> None:
        if "limits" in self._defaults:
            self._put("limits", "priority", Priority.NORMAL.value)
        else:
            self._drop("limits", "priority")


def _defined(tree: Tree, machine: Machine, name: str) -> Job | list[Refusal]:
    found = load(tree, machine, {name})
    if found.jobs:
        return found.jobs[0]
    return [Refusal(fault.key, fault.message) for fault in found.faults]


def adopt(tree: Tree, machine: Machine, job: Job, plists: Plists) -> Adoption:
    """Take what a hand changed over into the definition of a job of this tree. Writes nothing.

    `JobsyncError`: the tree cannot be read. The text is proved to be a valid definition; see `unmet` for the rest.
    """
    settings = read_settings(tree)
    directory = f"{settings.jobs}/{job.name}"
    file = f"{directory}/{JOB_FILE}"
    before = (tree.read(file) or b"").decode()
    changes, refusals = by_hand(plists)
    if refusals or not changes:
        return Adoption(file, before, before, changes, refusals=tuple(refusals), job=job)
    around = Surroundings(tree, machine, job.name, directory)
    writer = _Writer(before, around, dict(settings.defaults), job, plists)
    writer.take_over(changes)
    after = editing.lines_like(before, writer.text)
    found = writer.refusals or _defined(Overlay(tree, {file: (_FILE, after.encode())}), machine, job.name)
    if isinstance(found, list):
        return Adoption(file, before, before, changes, refusals=tuple(found))
    return Adoption(file, before, after, changes, tuple(dict.fromkeys(writer.keys)), job=found)


def _is_launchers(key: str) -> bool:
    """A key that jobsync's launcher honours instead of launchd."""
    return key in {"WorkingDirectory", "ProgramArguments"} or (key.startswith(f"{ENV}.") and key != f"{ENV}.PATH")


def _launcher_does(key: str, value: object, job: Job) -> bool:
    match key:
        case "WorkingDirectory":
            return posixpath.normpath(str(value)) == job.directory
        case "ProgramArguments":
            return isinstance(value, list) and job.command == Argv(tuple(value))
        case _:
            return (key.removeprefix(f"{ENV}."), value) in job.environment


def unmet(adoption: Adoption, before: Job, plists: Plists, rendered: Plist) -> tuple[str, ...]:
    """Keys of the property list that the new definition, rendered, does not hold as the hand left them.

    `before` is the old definition: what nobody changed by hand must be in the new one as it was.
    """
    job = adoption.job
    if job is None:
        return tuple(adoption.changes)
    mine = {key: value for key, value in adoption.changes.items() if _is_launchers(key)}
    scheduled = {key: value for key, value in adoption.changes.items() if key not in mine}
    wrong = differing({**facets(plists.wanted), **scheduled}, facets(rendered))
    wrong += [key for key, value in mine.items() if not _launcher_does(key, value, job)]
    same = replace(
        before,
        path=job.path,
        schedule=job.schedule,
        daemon=job.daemon,
        priority=job.priority,
        launchd=job.launchd,
        directory=job.directory if "WorkingDirectory" in mine else before.directory,
        command=job.command if "ProgramArguments" in mine else before.command,
        environment=tuple(sorted((dict(before.environment) | _variables(mine)).items())),
    )
    return tuple(wrong) if wrong or same == job else ("definition",)


def _variables(changes: Plist) -> dict[str, str]:
    start = f"{ENV}."
    return {key.removeprefix(start): str(value) for key, value in changes.items() if key.startswith(start)}
