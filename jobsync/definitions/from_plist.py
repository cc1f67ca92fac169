"""A LaunchAgent of anybody's -> the job that means the same, or why none can. Pure."""

import posixpath
import re
from collections.abc import Mapping

from jobsync.definitions.document import shown
from jobsync.definitions.foreign import (
    Draft,
    Found,
    Kind,
    Notice,
    Refused,
    Variables,
    clock,
    described,
    interval,
    left_to,
)
from jobsync.definitions.hand_edits import ENV, Plist, are_texts, differing, facets, meaning, read_calendar, restart_of
from jobsync.definitions.job import Argv, Job, Restart, Slot
from jobsync.definitions.launchd_keys import ALLOWED, PRIORITY_KEYS, launchd_fault
from jobsync.definitions.schedule import read_every
from jobsync.definitions.slots import simplify
from jobsync.errors import JobsyncError

_LAUNCHDS_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_LOGS = "jobsync keeps the output of each run itself: `jobsync logs`"
_IGNORED = "launchd ignores it for an agent"
_HARMLESS: Mapping[str, str] = {
    "StandardOutPath": _LOGS,
    "StandardErrorPath": _LOGS,
    "UserName": _IGNORED,
    "GroupName": _IGNORED,
    "InitGroups": _IGNORED,
    "TimeOut": "launchd does not do it",
    "Debug": "is for debugging by hand",
    "LimitLoadToHosts": "launchd does not keep to it",
    "LimitLoadFromHosts": "launchd does not keep to it",
    "LimitLoadToHardware": "launchd does not keep to it",
    "LimitLoadFromHardware": "launchd does not keep to it",
}
_TRIGGERS = ("StartCalendarInterval", "StartInterval", "WatchPaths", "QueueDirectories", "StartOnMount")
_READ = {
    "Label",
    "Disabled",
    "Program",
    "ProgramArguments",
    "WorkingDirectory",
    "RunAtLoad",
    "KeepAlive",
    "OnDemand",
    ENV,
}
_COMMENT = re.compile(rb"<!--(.*?)-->", re.DOTALL)


def comments_of(content: bytes) -> tuple[str, ...]:
    """The comments of an XML property list, line by line. A binary one has none."""
    if content.startswith(b"bplist"):
        return ()
    texts = [match[1].decode("utf-8", "replace") for match in _COMMENT.finditer(content)]
    return tuple(line.strip() for text in texts for line in text.strip().splitlines())


def words_of(label: str) -> str:
    """What a job is called whose label is in reverse order of a domain: the last part that says something."""
    parts = [part for part in label.split(".") if part]
    telling = [part for part in parts if part.lower() not in {"agent", "plist", "daemon", "launchd", "job"}]
    return (telling or parts or ["job"])[-1]


_GITS = "org.git-scm.git."
"""How the labels of `git maintenance start` begin."""


class _Reader:
    """One property list while it becomes a draft; what cannot be said is noted, and reading goes on."""

    def __init__(self, origin: str, name: str, plist: Plist, machine_path: str) -> None:
        self.origin, self.name = origin, name
        self.plist = plist
        self.notices: list[Notice] = []
        self.reasons: list[str] = []
        self.variables = Variables(machine_path, name)
        self.raw: dict[str, object] = {}

    def _refuse(self, key: str, why: str) -> None:
        self.reasons.append(f"{key}: {why}")

    def _note(self, kind: Kind, key: str, words: str) -> None:
        self.notices.append(Notice(kind, key, words))

    def label(self) -> None:
        """Whose it is."""
        if str(self.plist.get("Label", "")).startswith(_GITS):
            self._refuse("Label", left_to("git maintenance"))

    def command(self) -> tuple[str, ...]:
        program, arguments = self.plist.get("Program"), self.plist.get("ProgramArguments")
        if arguments is None and isinstance(program, str):
            return (program,)
        if not isinstance(arguments, list) or not arguments or not are_texts(arguments):
            self._refuse("ProgramArguments", "is no list of texts, so there is nothing to run")
            return ("",)
        if program is not None and program != arguments[0]:
            self._refuse("Program", f"is {shown(program)} and the first of ProgramArguments is not; make them one")
        return tuple(arguments)

    def restart(self) -> Restart | None:
        value = self.plist.get("KeepAlive")
        if value is None and self.plist.get("OnDemand") is False:
            return Restart.ALWAYS
        if not meaning("KeepAlive", value):
            return None
        found = restart_of(value)
        if found is None:
            self._refuse("KeepAlive", "only true and {SuccessfulExit = false} have a word: [daemon] restart")
        return found

    def schedule(self) -> dict[str, object]:
        found: dict[str, object] = {}
        try:
            if meaning("StartCalendarInterval", self.plist.get("StartCalendarInterval")):
                found |= clock(read_calendar(self.plist["StartCalendarInterval"]))
        except JobsyncError as error:
            self._refuse("StartCalendarInterval", error.message)
        self._interval(found)
        if self.plist.get("RunAtLoad") is True:
            found["at_login"] = True
            self._note(Kind.DIFFERS, "RunAtLoad", "at login, and not because a sync loaded it")
        for key, word in (("WatchPaths", "on_change"), ("QueueDirectories", "on_files")):
            if meaning(key, self.plist.get(key)):
                found[word] = self._paths(key)
        return found

    def _interval(self, found: dict[str, object]) -> None:
        seconds = self.plist.get("StartInterval")
        if seconds is None:
            return
        try:
            if type(seconds) is not int or seconds <= 0:
                raise JobsyncError(f"{shown(seconds)} is no number of seconds; write 3600")
            if "every" in found:
                raise JobsyncError("there is a second interval, in StartCalendarInterval; keep one")
            found["every"] = interval(seconds)
            self._note(Kind.DIFFERS, "StartInterval", "on the clock, where launchd counts from each load and wake")
        except JobsyncError as error:
            self._refuse("StartInterval", error.message)

    def _paths(self, key: str) -> list[str]:
        paths = self.plist[key]
        if not isinstance(paths, list) or not are_texts(paths):
            self._refuse(key, "is no list of texts")
            return []
        return list(dict.fromkeys(paths))

    def environment(self) -> None:
        values = self.plist.get(ENV, {})
        if not isinstance(values, dict):
            self._refuse(ENV, "is no dict")
            return
        if "PATH" not in values:
            self.variables.take_default(_LAUNCHDS_PATH)
        for name, value in values.items():
            if isinstance(value, str):
                self.variables.take(name, value)
            else:
                self._note(Kind.LEFT_OUT, f"{ENV}.{name}", "is no text, and launchd drops it")

    def others(self) -> None:
        for key, value in self.plist.items():
            if key in _READ or (key in _TRIGGERS and key not in ALLOWED):
                continue
            if key in _HARMLESS:
                self._note(Kind.LEFT_OUT, key, _HARMLESS[key])
            elif key == "Nice" and type(value) is int and value < 0:
                self._note(Kind.LEFT_OUT, key, "a negative one needs root, and no agent is root")
            elif (wrong := launchd_fault(key, value)) is None:
                self.raw[key] = value
            elif "is not a key of launchd.plist(5)" in wrong:
                self._note(Kind.LEFT_OUT, key, "is no key of launchd's, which ignores it")
            else:
                self._refuse(key, wrong)

    def limits(self) -> dict[str, object]:
        """`limits.priority` where it says all there is about priority."""
        if {key: self.raw[key] for key in PRIORITY_KEYS if key in self.raw} == {"ProcessType": "Background"}:
            del self.raw["ProcessType"]
            return {"priority": "background"}
        return {}

    def directory(self) -> str | None:
        where = self.plist.get("WorkingDirectory", "/")
        if isinstance(where, str) and where.startswith("/"):
            return where
        self._refuse("WorkingDirectory", f"{shown(where)} is not an absolute path")
        return None


def read_plist(origin: str, name: str, plist: Plist, machine_path: str, comments: tuple[str, ...] = ()) -> Found:
    """The draft of a parsed property list. `machine_path`: the PATH that jobs have here."""
    reader = _Reader(origin, name, plist, machine_path)
    reader.label()
    command, restart, schedule = reader.command(), reader.restart(), reader.schedule()
    reader.environment()
    reader.others()
    limits = reader.limits()
    directory = reader.directory()
    if restart is not None and schedule.keys() - {"at_login"}:
        reader.reasons.append("KeepAlive: a daemon runs all the time, so it has no schedule; take out one of them")
    if restart is not None:
        schedule = {}
        reader.notices = [one for one in reader.notices if one.key != "RunAtLoad"]
    reasons = (*reader.reasons, *reader.variables.reasons)
    if reasons:
        return Refused(origin, name, reasons)
    raw = [Notice(Kind.RAW, key, "[launchd] keeps it as it is") for key in reader.raw]
    description, lines = described(comments)
    return Draft(
        origin=origin,
        name=name,
        command=command,
        description=description,
        comments=lines,
        directory=directory,
        path=reader.variables.path,
        schedule=schedule,
        restart=restart.value if restart else None,
        environment=reader.variables.plain,
        secrets=reader.variables.secrets,
        limits=limits,
        raw={"launchd": dict(sorted(reader.raw.items()))} if reader.raw else {},
        is_enabled=plist.get("Disabled") is not True,
        notices=(*reader.notices, *reader.variables.notices, *raw),
    )


def unmet(draft: Draft, original: Plist, job: Job, rendered: Plist) -> tuple[str, ...]:
    """Keys of the original whose meaning the draft, read as `job` and rendered for launchd, does not have.

    Left out of it is what the draft says that it leaves out. An empty answer is the proof that nothing else was lost.
    """
    left = {notice.key for notice in draft.notices if notice.kind is Kind.LEFT_OUT}
    wrong = differing(_scheduled(original, left), _scheduled(rendered, left))
    if not draft.restart and _slots(original) != _slots(rendered):
        wrong.append("StartCalendarInterval")
    if _restart(original) != _restart(rendered):
        wrong.append("KeepAlive")
    if job.command != Argv(_argv(original)):
        wrong.append("ProgramArguments")
    if job.directory != posixpath.normpath(str(original.get("WorkingDirectory", "/"))):
        wrong.append("WorkingDirectory")
    if (job.unwanted is None) != (original.get("Disabled") is not True):
        wrong.append("Disabled")
    return (*wrong, *_lost_variables(draft, original, job, rendered, left))


_PROVED_APART = {
    "Label", "Disabled", "OnDemand", "KeepAlive", "WorkingDirectory", "ProgramArguments", "Program",
    "StartInterval", "StartCalendarInterval", ENV,
}  # fmt: skip


def _scheduled(plist: Plist, left: set[str]) -> dict[str, object]:
    """What launchd itself does, less what is compared in other ways."""
    found = {key: value for key, value in facets(plist).items() if not key.startswith(f"{ENV}.")}
    if _restart(plist):
        found.pop("RunAtLoad", None)
    return {key: value for key, value in found.items() if key not in left | _PROVED_APART}


def _restart(plist: Plist) -> str:
    value = plist.get("KeepAlive")
    return meaning("KeepAlive", True if value is None and plist.get("OnDemand") is False else value)


def _slots(plist: Plist) -> tuple[Slot, ...]:
    """All times: those of an interval as jobsync says it, too."""
    calendar = plist.get("StartCalendarInterval")
    seconds = plist.get("StartInterval")
    slots = read_calendar(calendar) if calendar is not None else ()
    return simplify((*slots, *(read_every(interval(seconds)).slots if isinstance(seconds, int) else ())))


def _lost_variables(draft: Draft, original: Plist, job: Job, rendered: Plist, left: set[str]) -> list[str]:
    theirs, ours = (plist.get(ENV) for plist in (original, rendered))
    mine = {**dict(job.environment), **draft.secrets}
    wrong = []
    for name, value in theirs.items() if isinstance(theirs, dict) else ():
        if name == "PATH" and isinstance(value, str):
            path = ours.get("PATH", "").split(":") if isinstance(ours, dict) else []
            wanted = [part for part in dict.fromkeys(value.split(":")) if part]
            is_right = list(dict.fromkeys(path))[: len(wanted)] == [posixpath.normpath(part) for part in wanted]
        else:
            is_right = mine.get(name) == value or name in left or f"{ENV}.{name}" in left
        if not is_right:
            wrong.append(f"{ENV}.{name}")
    return wrong


def _argv(plist: Plist) -> tuple[str, ...]:
    arguments = plist.get("ProgramArguments")
    return tuple(arguments) if isinstance(arguments, list) else (str(plist.get("Program")),)
