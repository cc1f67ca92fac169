"""Where `import` looks, and what it finds there: candidates for jobs, each with who runs it on this machine now."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from jobsync import files
from jobsync.definitions import from_crontab, from_directory, from_plist, from_services, from_units
from jobsync.definitions.foreign import Draft, Found, Kind, Notice, Refused, name_of
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import leading, takeover, takeover_units
from jobsync.reconcile.leading import own_places
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.takeover_units import UserUnits
from jobsync.schedulers import plist as plists
from jobsync.schedulers import units
from jobsync.schedulers.protocol import Answer, Survey
from jobsync.values import dataclass, replace

_CRONTAB = "crontab"
_TEMPLATE = "is a template, which starts nothing itself; write each of its instances out, with the name for %i and %I"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was found, and who runs it on this machine now."""

    found: Found
    former: takeover.Former | UserUnits | None = None
    """None: nobody here, as for a file that was brought from elsewhere."""
    line: int | None = None
    """Of the crontab."""
    original: dict[str, object] | None = None
    """The parsed property list that it was."""
    files: tuple[tuple[str, tuple[int, bytes]], ...] = ()
    """What is to be written: path in the repository, mode, content."""

    @property
    def directory(self) -> str:
        """Of the job, in the repository; only where there is something to write."""
        return self.files[0][0].rpartition("/")[0]


def _agents(origin: Origin) -> list[Path]:
    """What launchd finds at login."""
    return [path for path in files.listing(origin.paths.agents) if path.suffix == ".plist"]


def everything(origin: Origin) -> list[str]:
    """What this machine runs by itself, as sources. A link that leads to no file, such as a mask, runs nothing."""
    found = _agents(origin)
    found += [path for place in own_places(origin) for path in files.listing(place) if path.suffix == ".timer"]
    found += _services(origin)
    return [str(path) for path in found if files.is_file(path)] + ([_CRONTAB] if _has_crontab() else [])


def _services(origin: Origin) -> Iterator[Path]:
    """Those of the user's own that a login starts, or somebody has started, and no timer does."""
    paths = [path for place in own_places(origin) for path in files.listing(place) if path.suffix == ".service"]
    enabled = leading.started(origin)
    running = takeover_units.running(origin, os.environ) if paths else set()
    templates = {f"{name.partition('@')[0]}@.service" for name in (*enabled, *running) if "@" in name}
    for path in paths:
        is_started = path.name in {*enabled, *templates} or (
            path.name in running and not leading.triggers_of(origin, path)
        )
        if is_started and files.is_file(path) and not _is_jobsyncs(path):
            yield path


def _has_crontab() -> bool:
    try:
        return bool(takeover.crontab(os.environ).strip())
    except JobsyncError:
        return True  # and whoever reads it says why that cannot be done


def _text(path: Path) -> str:
    """What is no UTF-8 in it as surrogates."""
    return (files.read(path) or b"").decode("utf-8", "surrogateescape")


def _is_jobsyncs(path: Path) -> bool:
    content = files.read(path) or b""
    if path.suffix == ".plist":
        return plists.OWNER in plists.environment_of(plists.loads(content) or {})
    return bool(units.owner_of(content))


def _label(path: Path, plist: Mapping[str, object]) -> str:
    return str(plist.get("Label") or path.stem)


@dataclass(frozen=True, slots=True)
class Here:
    """What launchd runs on this machine."""

    answer: Answer
    agents: Mapping[str, list[Path]]
    """Label -> the files that it finds at login and that have it; it loads one of them."""


def here_now(origin: Origin) -> Here:
    """As it is at this moment."""
    agents: dict[str, list[Path]] = {}
    for path in _agents(origin):
        if (plist := plists.loads(_content(path))) is not None:
            agents.setdefault(_label(path, plist), []).append(path)
    is_launchd = origin.config.scheduler == "launchd"
    return Here(origin.scheduler.survey() if is_launchd else Survey({}, {}), agents)


def _content(path: Path) -> bytes:
    """Of a file; nothing where there is none, or it cannot be read."""
    try:
        return (files.read(path) or b"") if files.is_file(path) else b""
    except JobsyncError:
        return b""


def _from_plist(origin: Origin, path: Path, here: Here) -> Candidate:
    content = files.read(path) or b""
    plist = plists.loads(content)
    if plist is None:
        return Candidate(Refused(str(path), path.stem, ("is no property list",)))
    label = _label(path, plist)
    others = [one for one in here.agents.get(label, ()) if os.path.realpath(one) != os.path.realpath(path)]
    at_login = [one for one in here.agents.get(label, ()) if one not in others]
    if others:
        why = f"Label: {label} is that of {others[0]}, too, and launchd runs one of them; move the other away"
        return Candidate(Refused(str(path), path.stem, (why,)))
    is_here, answer = bool(at_login), here.answer
    if isinstance(answer, Survey):
        is_here = is_here or label in answer.services
        if label in answer.disabled:
            # `launchctl disable` counts as much as the key, and must not be undone by a new label.
            plist = {**plist, "Disabled": True}
        elif label in answer.services:
            # So does `launchctl enable`, or `load -w`: what is loaded runs, whatever its file says.
            plist = {**plist, "Disabled": False}
    name = name_of(from_plist.words_of(label))
    found = from_plist.read_plist(str(path), name, plist, origin.config.path, from_plist.comments_of(content))
    is_daemon = isinstance(found, Draft) and found.restart is not None
    # Of a link there the link goes, however its file was named.
    former = takeover.Agent(origin, label, (*at_login, path)[0], is_daemon) if is_here else None
    return Candidate(found, former, original=plist)


def _where_it_runs(origin: Origin, path: Path) -> Path | None:
    """The name under which systemd has this very unit, however it was named; None: it does not have it."""
    places = (place / path.name for place in own_places(origin))
    return next((place for place in places if os.path.realpath(place) == os.path.realpath(path)), None)


def _readable(text: str) -> str:
    """The text, with a mark for what is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _instead(path: Path) -> str:
    """What to do about a unit that has no file of its own."""
    template, at, instance = path.stem.partition("@")
    if at and files.is_file(path.with_name(f"{template}@{path.suffix}")):
        return f", and {template}@{path.suffix} is; write it out under that name, with {instance} for %i and %I"
    return "; a timer is imported together with the service that it starts, so put that beside it"


def _drop_in(origin: Origin, path: Path) -> Path | None:
    """A file whose lines systemd adds to the unit: everybody's for this one, the user's for several of them."""
    own, *several = from_units.drop_ins_of(path.name)
    mine = (path.parent, *own_places(origin))
    directories = [place / own for place in (*mine, *leading.other_places(origin))]
    directories += [place / drop_ins for place in mine for drop_ins in several]
    found = (one for directory in directories for one in files.listing(directory) if one.suffix == ".conf")
    return next(found, None)


def _unit(origin: Origin, path: Path) -> from_units.Unit:
    """The unit there. `JobsyncError`: there is none, or its file is not all that counts."""
    content = files.read(path)
    if content is None:
        raise JobsyncError(f"{path} is not there{_instead(path)}")
    if drop_in := _drop_in(origin, path):
        others = "" if drop_in.parent.name == f"{path.name}.d" else " and others like it"
        raise JobsyncError(
            f"{drop_in} changes it{others}; write those lines into {path.name} itself, and take that file away"
        )
    try:
        return from_units.parse(content.decode())
    except UnicodeDecodeError:
        raise JobsyncError(f"{path} holds bytes that are no UTF-8; write them in UTF-8") from None


def _beside(path: Path, name: str, places: Iterable[Path]) -> Path:
    """The unit of that name: in the same directory, else in the first of the others that has it."""
    found = (place / name for place in places if files.is_file(place / name))
    own = path.with_name(name)
    return own if files.is_file(own) else next(found, own)


def _from_timer(origin: Origin, source: Path) -> Candidate:
    here = _where_it_runs(origin, source)
    path, name = here or source, name_of(source.stem)
    try:
        timer = _unit(origin, path)
        service_path = _beside(path, from_units.service_of(timer, path.stem), own_places(origin) if here else ())
        service = _unit(origin, service_path)
    except JobsyncError as error:
        return Candidate(Refused(str(source), name, (error.message,)))
    found = from_units.read_timer(str(source), name, timer, service, origin.config.path, origin.config.home)
    if here is None:
        return Candidate(found)
    if why_not := leading.why_not_timer(origin, path, service_path):
        return Candidate(_refused(found, why_not))
    former = UserUnits(origin, os.environ, service_path, path)
    if isinstance(found, Draft) and former.is_off():
        # As with `launchctl disable`.
        found = replace(found, is_enabled=False)
    return Candidate(found, former)


def _refused(found: Found, why_not: Iterable[str]) -> Refused:
    known = found.reasons if isinstance(found, Refused) else ()
    return Refused(found.origin, found.name, (*known, *why_not))


def _from_service(origin: Origin, source: Path) -> Candidate:
    here = _where_it_runs(origin, source)
    path, name = here or source, name_of(source.stem)
    if leading.is_packaged(path):
        why = "belongs to a package, which brings it up to date; keep it as it is"
        return Candidate(Refused(str(source), name, (why,)))
    try:
        service = _unit(origin, path)
    except JobsyncError as error:
        return Candidate(Refused(str(source), name, (error.message,)))
    links = leading.links_to(origin, path.name) if here else []
    targets = dict.fromkeys(map(leading.starter_of, links)) or from_services.targets_of(service)
    found = from_services.read_service(
        str(source), name, service, origin.config.path, origin.config.home, tuple(targets)
    )
    if here is None:
        return Candidate(found)
    if why_not := leading.why_not(origin, path):
        return Candidate(_refused(found, why_not))
    if isinstance(found, Refused):
        return Candidate(found)
    former = UserUnits(origin, os.environ, path, is_daemon=found.restart is not None)
    return Candidate(found if links else _not_enabled(found, former), former)


def _from_unit(origin: Origin, path: Path) -> Candidate:
    """A timer with its service, by either's name, or a service without one."""
    timer = path.with_suffix(".timer")
    source, read = (timer, _from_timer) if path == timer or timer.is_file() else (path, _from_service)
    if source.stem.endswith("@"):
        return Candidate(Refused(str(source), name_of(source.stem), (_TEMPLATE,)))
    return read(origin, source)


def _not_enabled(found: Draft, former: UserUnits) -> Draft:
    """The draft of a service that no login starts: off, unless somebody has started it."""
    if not former.is_running():
        return replace(found, is_enabled=False)
    started = Notice(Kind.DIFFERS, "WantedBy", "it runs now and is not enabled; the job starts at each login, too")
    return replace(found, notices=(*found.notices, started))


def _from_crontab(origin: Origin, text: str, where: str, *, is_here: bool) -> Iterator[Candidate]:
    crontab = from_crontab.parse(_readable(text))
    if not is_here and crontab.entries and all(entry.command.split()[0] == "root" for entry in crontab.entries):
        raise _names_users(where)
    for number, reason in crontab.faults:
        yield Candidate(Refused(f"{where} line {number}", "?", (reason,)))
    found = from_crontab.read_crontab(crontab, origin.config.path, origin.config.home)
    for entry, one in zip(crontab.entries, found, strict=True):
        former = takeover.CrontabLines(origin, os.environ, text, {entry.number: one.name}) if is_here else None
        yield Candidate(replace(one, origin=f"{where} line {entry.number}"), former, line=entry.number)


def _names_users(source: str) -> UsageError:
    hint = "put those of yours into a file, without that field"
    return UsageError(f"{source} names a user in each line", hint=hint)


def _from_directory(origin: Origin, path: Path) -> Iterator[Candidate]:
    """A directory with `schedule` and `run`, or one of such directories."""
    inner = [path] if (path / "schedule").is_file() else files.listing(path)
    jobs = [one for one in inner if (one / "schedule").is_file()]
    if not jobs:
        raise UsageError(f"{path} holds no job", hint="a job there has the files `schedule` and `run`")
    for job in jobs:
        schedule, run = (_text(job / name) for name in ("schedule", "run"))
        name, config = name_of(job.name), origin.config
        found = from_directory.read_directory(str(job), name, _readable(schedule), run, config.path, config.home)
        yield Candidate(
            replace(found, notices=(*found.notices, *_not_copied(job))) if isinstance(found, Draft) else found
        )


def _not_copied(job: Path) -> list[Notice]:
    others = [name for name in files.names(job) if name not in ("schedule", "run") and not name.startswith(".")]
    return [
        Notice(Kind.LEFT_OUT, name, "is not copied: a job that needs it finds it in its own directory only")
        for name in others
    ]


def _candidates(origin: Origin, source: str, here: Here) -> Iterator[Candidate]:
    if source == _CRONTAB and not files.is_file(Path(source)):
        yield from _from_crontab(origin, takeover.crontab(os.environ), _CRONTAB, is_here=True)
        return
    path = Path(os.path.abspath(os.path.expanduser(source)))  # noqa: PTH100, PTH111 - links stay links
    if path == Path("/etc/crontab") or path.parent == Path("/etc/cron.d"):
        raise _names_users(source)
    if files.is_directory(path):
        yield from _from_directory(origin, path)
    elif not files.is_file(path):
        raise UsageError(
            f"{source} is not there", hint=f"name a .plist, a .timer, a .service, a directory, a file, or `{_CRONTAB}`"
        )
    elif path.suffix == ".plist":
        if not _is_jobsyncs(path):
            yield _from_plist(origin, path, here)
    elif path.suffix in (".timer", ".service"):
        if not _is_jobsyncs(path):
            yield _from_unit(origin, path)
    else:
        yield from _from_crontab(origin, _text(path), source, is_here=False)


def found_at(origin: Origin, source: str, here: Here) -> Iterator[Candidate]:
    """The candidates of a source; what cannot be read does not stop the others. `UsageError`: it is none."""
    try:
        yield from _candidates(origin, source, here)
    except UsageError:
        raise
    except JobsyncError as error:
        yield Candidate(Refused(source, "?", (error.line,)))
