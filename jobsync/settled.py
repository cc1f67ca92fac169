"""Whether anything is left to do: what `jobsync-hook` and `jobsync sync` ask before they import anything heavy.

Two processes are spawned, git and the scheduler's query; they answer while the installed files are compared.
"""

import os

from jobsync import process
from jobsync.reconcile import compare, index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    class Reader(Protocol):
        """What can be read out of a scheduler's answer."""

        def all_loaded(self, evidence: Iterable[str], text: str, /) -> bool:
            """It shows all that must be loaded."""
            ...

        def has_others(self, evidence: Iterable[str], text: str, start: str, /) -> bool:
            """It shows something else that begins so."""
            ...

        def running(self, text: str, /) -> frozenset[str]:
            """Labels of what has a process."""
            ...


TIMEOUT = 20.0
"""Seconds for git or the scheduler to answer."""
_SCHEDULERS = ("launchd", "systemd")
"""Whose words a `Reader` is known for."""


class Place:
    """One registered repository, from `config.index`."""

    __slots__ = (
        "compared",
        "failing",
        "git_dir",
        "head",
        "is_here",
        "ledger",
        "pack",
        "said",
        "schedules",
        "sources",
        "stamp",
        "state",
        "work_tree",
    )

    def __init__(self, work_tree: str, git_dir: str, state: str) -> None:
        self.work_tree = work_tree
        self.git_dir = git_dir
        self.state = state
        self.ledger = state + "/ledger"
        self.pack = state + "/pack"
        self.failing = state + "/failing"
        self.sources = state + "/sources"
        self.schedules = state + "/schedules"
        self.is_here = False
        """git has said that these are the places that it means."""
        self.head = ("", "")
        """What it has said then of HEAD: commit and full name, which is `HEAD` where it is detached. Empty: nothing."""
        self.stamp: tuple[int, ...] = ()
        """Of the ledger, before anything was asked."""
        self.said: bytes | None = None
        """What the scheduler has answered since then."""
        self.compared = ""
        """The pack that every installed file is as in; empty where one is not."""


class Machine:
    """What `config.index` says: which jobsync to wake up, which repositories there are."""

    __slots__ = ("config", "hook", "places")

    def __init__(self) -> None:
        self.config = ""
        self.hook = ""
        self.places: list[Place] = []


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", opener=index.regular) as file:  # pathlib costs more than all the rest
            return file.read()
    except OSError:
        return b""


def _config_file(environ: "Mapping[str, str]") -> str:
    """As `config.find`, which is too heavy here."""
    if pinned := environ.get("JOBSYNC_CONFIG"):
        return pinned
    base = environ.get("XDG_CONFIG_HOME", "")
    standard = os.path.expanduser("~/.config")
    for directory in (base, standard):
        if directory.startswith("/") and os.path.exists(f"{directory}/jobsync/config.toml"):
            return f"{directory}/jobsync/config.toml"
    return os.fsdecode(_read(f"{standard}/jobsync/config-path").strip())


def machine(environ: "Mapping[str, str]") -> "Machine | None":
    """The configuration as far as it is needed; None when there is none or its index is stale."""
    file = _config_file(environ)
    content = _read(file)
    if not content:
        return None
    head, _, of = _read(os.path.dirname(file) + "/config.index").partition(b"\n\n")
    lines = os.fsdecode(head).split("\n")
    if of != content or lines[0] != "jobsync-config 2":
        return None
    found = Machine()
    found.config = lines[1].partition(" ")[2]
    found.hook = lines[2].partition(" ")[2]
    for line in lines[3:]:
        fields = line.split("\t")
        if len(fields) == 4:
            found.places.append(Place(*fields[1:]))
    return found


class Answer:
    """What git and the scheduler said where nothing is left to do."""

    __slots__ = ("known", "survey")

    def __init__(self, known: "index.Index", survey: str) -> None:
        self.known = known
        self.survey = survey


def ask(place: Place, machine: Machine, environ: "Mapping[str, str]") -> "Answer | None":
    """HEAD, installed bytes and loaded jobs are all as the last sync left them; None where they are not.

    Either way the place knows afterwards what git and the scheduler have said, and how the files were found.
    `JobsyncError` where git or the scheduler does not end.
    """
    if os.path.exists(place.state + "/background"):  # somebody is at work, or has news
        return None
    place.stamp = index.stamp(place.ledger)
    rows = index.head(place.ledger)
    known = index.begin(rows)
    if known is None or known.config != machine.config or not known.survey or known.scheduler not in _SCHEDULERS:
        return None
    # Names, not ids, are asked for: one process answers where we are and what HEAD holds.
    names = [f"HEAD:{path}" for _, path in known.objects]
    where = ("--path-format=absolute", "--absolute-git-dir", "--git-common-dir", "--show-toplevel")
    git = process.start(("git", "rev-parse", *where, "HEAD", *names, "--symbolic-full-name", "HEAD"), env=environ)
    try:
        bare = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}
        query = process.start(known.survey, env={**bare, **dict(known.environment)})
    except process.NotStarted:
        git.finish(TIMEOUT)
        return None
    are_intact = compare.begin(known, place.pack) if index.complete(known, rows) else None
    try:
        head = git.finish(TIMEOUT)
    except BaseException:  # nobody will read what the scheduler says
        query.kill()
        raise
    survey = query.finish(TIMEOUT)
    lines, text = os.fsdecode(head.stdout).split("\n")[:-1], survey.stdout.decode("utf-8", "replace")
    place.is_here = lines[:3] == [place.git_dir, place.git_dir, place.work_tree]
    ids = [blob for blob, _ in known.objects]
    if place.is_here and len(lines) == 5 + len(ids):
        place.head = (lines[3], lines[-1])
    place.said = None if survey.status else survey.stdout
    is_same = place.is_here and not head.status and lines[4 : 4 + len(ids)] == ids
    is_loaded = is_same and not survey.status and _reader(known).all_loaded(known.labels, text)
    # At last: the other processors may still be at theirs.
    place.compared = known.pack if are_intact is not None and are_intact() else ""
    return Answer(known, text) if is_loaded and place.compared else None


def has_other_labels(answer: Answer, start: str) -> bool:
    """Whether the scheduler holds something that begins like ours and is not known."""
    return _reader(answer.known).has_others(answer.known.labels, answer.survey, start)


def running(answer: Answer) -> "frozenset[str]":
    """Labels of the jobs that run."""
    return _reader(answer.known).running(answer.survey)


def _reader(known: "index.Index") -> "Reader":
    """The one module that knows this scheduler's words: a hook imports no other one."""
    if known.scheduler == "systemd":
        from jobsync.schedulers import units_list

        return units_list
    from jobsync.schedulers import launchd_print

    return launchd_print
