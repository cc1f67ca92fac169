"""`import`: what other tools run becomes jobs of the repository."""

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from jobsync import columns, files
from jobsync.cli.console import ExitCode, Progress, note, say, say_all
from jobsync.cli.context import Context, pass_context
from jobsync.cli.schemas import schema_of_a_job
from jobsync.cli.syncing import refusal, show_report
from jobsync.definitions import from_crontab, from_directory, from_plist, from_units
from jobsync.definitions.foreign import (
    Draft,
    Found,
    Notice,
    Refused,
    env_file,
    files_of,
    lost,
    name_of,
    with_own_priority,
)
from jobsync.definitions.load import load, name_fault, read_settings
from jobsync.definitions.overlay import Overlay
from jobsync.definitions.places import Surroundings
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import sync as syncing
from jobsync.reconcile import takeover
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.repo.trees import WorkTree
from jobsync.schedulers import plist as plists
from jobsync.schedulers.protocol import Answer, Survey
from jobsync.tones import Tone, paint, printable
from jobsync.values import dataclass, replace

_CRONTAB = "crontab"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was found, and who runs it on this machine now."""

    found: Found
    former: takeover.Former | None = None
    """None: nobody here, as for a file that was brought from elsewhere."""
    line: int | None = None
    """Of the crontab."""
    original: dict[str, object] | None = None
    """The parsed property list that it was."""
    files: tuple[tuple[str, tuple[int, bytes]], ...] = ()
    """What is to be written: path in the repository, mode, content."""


# --- where to look ------------------------------------------------------------------------------------------------


def _agents(origin: Origin) -> Path:
    return origin.paths.agents


def _units(origin: Origin) -> Path:
    return Path(origin.config.home, ".config/systemd/user")


def _everything(origin: Origin) -> list[str]:
    """What this machine runs by itself, as sources."""
    found = [str(path) for path in files.listing(_agents(origin)) if path.suffix == ".plist"]
    found += [str(path) for path in files.listing(_units(origin)) if path.suffix == ".timer"]
    return found + ([_CRONTAB] if takeover.crontab(os.environ).strip() else [])


def _text(path: Path) -> str:
    return (files.read(path) or b"").decode("utf-8", "replace")


def _is_jobsyncs(path: Path) -> bool:
    return plists.OWNER in plists.environment_of(plists.loads(files.read(path) or b"") or {})


def _from_plist(origin: Origin, path: Path, answer: Answer) -> Candidate:
    content = files.read(path) or b""
    plist = plists.loads(content)
    if plist is None:
        return Candidate(Refused(str(path), path.stem, ("is no property list",)))
    label = str(plist.get("Label") or path.stem)
    is_here = os.path.realpath(path.parent) == os.path.realpath(_agents(origin))
    if isinstance(answer, Survey):
        is_here = is_here or label in answer.services
        if label in answer.disabled:
            # `launchctl disable` counts as much as the key, and must not be undone by a new label.
            plist = {**plist, "Disabled": True}
    name = name_of(from_plist.words_of(label))
    found = from_plist.read_plist(str(path), name, plist, origin.config.path, from_plist.comments_of(content))
    is_daemon = isinstance(found, Draft) and found.restart is not None
    former = takeover.Agent(origin, label, path, is_daemon) if is_here else None
    return Candidate(found, former, original=plist)


def _from_timer(origin: Origin, path: Path) -> Candidate:
    name = name_of(path.stem)
    try:
        timer = from_units.parse(_text(path))
        service_path = path.with_name(timer.last("Timer.Unit") or f"{path.stem}.service")
        content = files.read(service_path)
        if content is None:
            raise JobsyncError(f"{service_path} is not there")
        service = from_units.parse(content.decode("utf-8", "replace"))
    except JobsyncError as error:
        return Candidate(Refused(str(path), name, (error.message,)))
    found = from_units.read_timer(str(path), name, timer, service, origin.config.path, origin.config.home)
    is_here = path.parent == _units(origin)
    return Candidate(found, takeover.Timer(origin, os.environ, path, service_path) if is_here else None)


def _from_crontab(origin: Origin, text: str, where: str, *, is_here: bool) -> Iterator[Candidate]:
    crontab = from_crontab.parse(text)
    for number, reason in crontab.faults:
        yield Candidate(Refused(f"{where} line {number}", "?", (reason,)))
    found = from_crontab.read_crontab(crontab, origin.config.path, origin.config.home)
    for entry, one in zip(crontab.entries, found, strict=True):
        former = takeover.CrontabLines(origin, os.environ, text, {entry.number: one.name}) if is_here else None
        yield Candidate(replace(one, origin=f"{where} line {entry.number}"), former, line=entry.number)


def _from_directory(origin: Origin, path: Path) -> Iterator[Candidate]:
    """A directory with `schedule` and `run`, or one of such directories."""
    inner = [path] if (path / "schedule").is_file() else files.listing(path)
    jobs = [one for one in inner if (one / "schedule").is_file()]
    if not jobs:
        raise UsageError(f"{path} holds no job", hint="a job there has the files `schedule` and `run`")
    for job in jobs:
        schedule, run = (_text(job / name) for name in ("schedule", "run"))
        yield Candidate(from_directory.read_directory(str(job), name_of(job.name), schedule, run, origin.config.home))


def _survey(origin: Origin) -> Answer:
    """What launchd knows, where it runs this machine's jobs."""
    return origin.scheduler.survey() if origin.config.scheduler == "launchd" else Survey({}, {})


def _candidates(origin: Origin, source: str, answer: Answer) -> Iterator[Candidate]:
    if source == _CRONTAB and not Path(source).is_file():
        yield from _from_crontab(origin, takeover.crontab(os.environ), _CRONTAB, is_here=True)
        return
    path = Path(os.path.abspath(os.path.expanduser(source)))  # noqa: PTH100, PTH111 - links stay links
    if path.is_dir():
        yield from _from_directory(origin, path)
    elif not path.is_file():
        raise UsageError(
            f"{source} is not there", hint=f"name a .plist, a .timer, a directory, a file, or `{_CRONTAB}`"
        )
    elif path.suffix == ".plist":
        if not _is_jobsyncs(path):
            yield _from_plist(origin, path, answer)
    elif path.suffix in (".timer", ".service"):
        yield _from_timer(origin, path.with_suffix(".timer"))
    else:
        yield from _from_crontab(origin, _text(path), source, is_here=False)


# --- proof --------------------------------------------------------------------------------------------------------


def _named(candidates: Iterable[Candidate], name: str | None) -> list[Candidate]:
    """Each under a name of its own."""
    named: list[Candidate] = []
    taken: set[str] = set()
    for one in candidates:
        chosen = name or name_of(one.found.name, taken)
        taken.add(chosen)
        former = one.former
        if isinstance(former, takeover.CrontabLines) and one.line is not None:
            former = replace(former, names={one.line: chosen})
        named.append(replace(one, found=replace(one.found, name=chosen), former=former))
    return named


def _proved(origin: Origin, one: Candidate) -> Candidate:
    """The candidate with its files, or refused with the reason: its text is read, rendered and compared."""
    draft = one.found
    if isinstance(draft, Refused):
        return one
    tree = WorkTree(origin.repo.work_tree)
    settings = read_settings(tree)
    directory = f"{settings.jobs or 'jobs'}/{draft.name}"
    if tree.mode(directory) is not None:
        return replace(one, found=Refused(draft.origin, draft.name, (f"{directory} is there already",)))
    draft = with_own_priority(draft, settings.defaults)
    root = Path(origin.repo.work_tree)
    schema = schema_of_a_job(root, root / directory)
    try:
        written = files_of(draft, Surroundings(tree, origin.machine, draft.name, directory), schema)
        env_file(draft.secrets)
        reasons = _why_not(origin, one, draft, written)
    except JobsyncError as error:
        reasons = [error.message]
    if reasons:
        return replace(one, found=Refused(draft.origin, draft.name, tuple(reasons)))
    return replace(one, files=tuple(written.items()))


def _why_not(origin: Origin, one: Candidate, draft: Draft, written: dict[str, tuple[int, bytes]]) -> list[str]:
    found = load(Overlay(WorkTree(origin.repo.work_tree), written), origin.machine, {draft.name})
    if not found.jobs:
        return [f"{fault.key}: {fault.message}" for fault in found.faults]
    job = found.jobs[0]
    wrong = set(lost(draft, job))
    if one.original is not None:
        rendered = plists.definition(job, label="", owner="", launcher="", path=origin.config.path)
        wrong |= set(from_plist.unmet(draft, one.original, job, rendered))
    return [f"{key}: would not mean the same" for key in sorted(wrong)]


# --- showing ------------------------------------------------------------------------------------------------------


def _shared(candidates: list[Candidate]) -> set[Notice]:
    """Notices that several jobs share: told once."""
    found = [notice for one in candidates if isinstance(one.found, Draft) for notice in one.found.notices]
    return {notice for notice in found if found.count(notice) > 1}


def _notice_lines(notices: Iterable[Notice]) -> list[str]:
    return columns.table([(one.kind.value, one.key, one.words) for one in notices], indent="  ")


def _shown(one: Candidate, draft: Draft, shared: set[Notice], *, whole: bool) -> list[str]:
    lines = [paint(f"jobs/{draft.name}", Tone.GOOD) + f"  from {columns.cell(draft.origin)}"]
    for path, (_, content) in one.files if whole else ():
        texts = content.decode("utf-8", "replace").rstrip("\n").split("\n")
        lines += [paint(f"  {path}", Tone.QUIET), *(f"    {printable(text)}".rstrip() for text in texts)]
    lines += _notice_lines(notice for notice in draft.notices if notice not in shared)
    return [*lines, ""] if whole else lines


def _show(candidates: list[Candidate], *, whole: bool) -> None:
    shared = _shared(candidates)
    for one in candidates:
        if isinstance(one.found, Draft):
            say_all(_shown(one, one.found, shared, whole=whole))
    if shared:
        say_all(["in several jobs:", *_notice_lines(sorted(shared, key=lambda one: (one.key, one.words)))])
    for one in candidates:
        if isinstance(one.found, Refused):
            for reason in one.found.reasons:
                note(f"not imported: {one.found.origin}: {reason}")


def _count(candidates: list[Candidate]) -> str:
    good = sum(isinstance(one.found, Draft) for one in candidates)
    bad = len(candidates) - good
    return f"{columns.plural(good, 'job')} to import" + (f", {bad} not" if bad else "")


# --- doing --------------------------------------------------------------------------------------------------------


def _write(origin: Origin, one: Candidate) -> None:
    root = Path(origin.repo.work_tree)
    for path, (mode, content) in one.files:
        files.make_directory((root / path).parent, 0o755)
        files.write_atomically(root / path, content, mode & 0o777)
    assert isinstance(one.found, Draft)  # noqa: S101 - whoever calls has looked
    if one.found.secrets:
        file = origin.paths.env(one.found.name)
        if files.is_there(file):
            note(f"{file} is there already; see that it holds {', '.join(one.found.secrets)}")
            return
        files.make_directory(file.parent)
        files.write_atomically(file, env_file(one.found.secrets).encode(), 0o600)


def _ready(candidates: list[Candidate]) -> list[Candidate]:
    """Those that can be taken over now; of the others a line says why not."""
    ready = []
    for one in candidates:
        why = one.former.why_not_now() if one.former else None
        if why:
            note(f"not now: {why}")
        else:
            ready.append(one)
    return ready


def _groups(candidates: list[Candidate]) -> list[tuple[takeover.Former | None, list[Candidate]]]:
    """What is taken over in one go: lines of one crontab together, everything else by itself."""
    lines = [one for one in candidates if isinstance(one.former, takeover.CrontabLines)]
    groups = [(one.former, [one]) for one in candidates if one not in lines]
    if lines:
        formers = [one.former for one in lines if isinstance(one.former, takeover.CrontabLines)]
        names = {number: name for former in formers for number, name in former.names.items()}
        groups.append((replace(formers[0], names=names), lines))
    return groups


def _hand_over(origin: Origin, former: takeover.Former | None, candidates: list[Candidate]) -> bool:
    """Write the jobs and retire who ran them; where that fails, the jobs are taken back and the others go on."""
    written = []
    try:
        for one in candidates:
            _write(origin, one)
            written.append(one)
        for copy in former.retire() if former else ():
            say(f"kept a copy: {copy}")
    except JobsyncError as error:
        for one in written:
            files.remove_tree(Path(origin.repo.work_tree, one.files[0][0]).parent)
        note(f"not taken over: {error.message}" + (f"; {error.hint}" if error.hint else ""))
        return False
    return True


def _take_over(origin: Origin, candidates: list[Candidate]) -> int:
    if why := refusal(origin):
        raise JobsyncError(f"nothing taken over: {why}", hint="when that is over, try again")
    taken = [
        one.found.name
        for former, group in _groups(_ready(candidates))
        if _hand_over(origin, former, group)
        for one in group
    ]
    if not taken:
        return ExitCode.FAILURE
    progress = Progress()
    done = syncing.sync(origin, Orders(), taken, progress)
    progress.clear()
    show_report(done)
    say("next: look at them with `jobsync status`, then commit")
    return ExitCode.FAILURE if done.has_failures or len(taken) < len(candidates) else ExitCode.OK


def _only_write(origin: Origin, candidates: list[Candidate], command: str) -> None:
    running = [one.found.origin for one in candidates if one.former]
    if running:
        raise JobsyncError(
            f"this machine runs {columns.plural(len(running), 'of them')[2:]}: {', '.join(running)}",
            hint=f"`{command}` takes them over, so that none runs twice",
        )
    for one in candidates:
        _write(origin, one)
        say(f"wrote jobs/{one.found.name}")
    say("next: `jobsync sync`, then commit")


@click.command("import")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--write", is_flag=True, help="Write the jobs; for what does not run on this machine.")
@click.option("--take-over", is_flag=True, help="Write the jobs, unload what ran them, keep a copy of it, and sync.")
@click.option("--name", help="The name of the job, where there is one only.")
@pass_context
def import_(context: Context, /, sources: tuple[str, ...], *, write: bool, take_over: bool, name: str | None) -> int:
    """Make jobs of LaunchAgents, a crontab, systemd user timers, or directories with `schedule` and `run`.

    SOURCE is a .plist, a .timer, such a directory or one that holds them, `crontab`, or a file with a crontab's text.
    Without SOURCE, show all that this machine has. Nothing is written unless --write or --take-over is given.

    \b
    Examples:
      jobsync import                                    what there is, and what it would become
      jobsync import ~/Library/LaunchAgents/me.plist    one of them
      jobsync import --take-over crontab                each line a job, and the old lines out
    """
    origins = context.origins()
    if len(origins) > 1:
        raise UsageError("there are several repositories", hint="add --repo PREFIX, or change into one")
    (origin,) = origins
    if (write or take_over) and not sources:
        raise UsageError("name what to import", hint="`jobsync import` shows what there is")
    if name is not None and (wrong := name_fault(name)):
        raise UsageError(f"--name: {wrong}")
    answer = _survey(origin)
    found = [one for source in sources or _everything(origin) for one in _candidates(origin, source, answer)]
    if name is not None and len(found) != 1:
        raise UsageError(f"--name: there are {len(found)} jobs", hint="import one at a time")
    candidates = [_proved(origin, one) for one in _named(found, name)]
    _show(candidates, whole=not (write or take_over))
    good = [one for one in candidates if isinstance(one.found, Draft)]
    command = (
        shlex.join(["jobsync", "import", "--take-over", *sources]) if sources else "jobsync import --take-over SOURCE…"
    )
    status = ExitCode.OK if len(good) == len(candidates) else ExitCode.FAILURE
    if take_over:
        return max(status, _take_over(origin, good) if good else ExitCode.FAILURE)
    if write:
        _only_write(origin, good, command)
        return status
    say(_count(candidates) if candidates else "there is nothing to import")
    if good:
        is_here = any(one.former for one in good)
        say(f"nothing was written; `{command if is_here else command.replace('--take-over', '--write')}` does it")
    return status
