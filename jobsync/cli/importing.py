"""`import`: what other tools run becomes jobs of the repository."""

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from jobsync import columns
from jobsync.cli.candidates import Candidate, everything, found_at, here_now
from jobsync.cli.console import ExitCode, note, say, say_all
from jobsync.cli.context import Context, pass_context
from jobsync.cli.editing import check_name
from jobsync.cli.handing_over import take_over as take_over_now
from jobsync.cli.handing_over import write
from jobsync.cli.schemas import schema_of_a_job
from jobsync.definitions import from_plist
from jobsync.definitions.foreign import (
    Draft,
    Kind,
    Notice,
    Refused,
    env_file,
    files_of,
    lost,
    name_of,
    with_own_priority,
)
from jobsync.definitions.job import Job
from jobsync.definitions.load import SETTINGS_FILE, load, read_settings
from jobsync.definitions.overlay import Overlay
from jobsync.definitions.places import Surroundings
from jobsync.definitions.secrets import known_secret
from jobsync.definitions.settings import Settings
from jobsync.errors import Fault, JobsyncError, UsageError
from jobsync.reconcile import takeover
from jobsync.reconcile.origin import Origin
from jobsync.repo.trees import WorkTree
from jobsync.schedulers import plist as plists
from jobsync.tones import Tone, paint, printable
from jobsync.values import dataclass, replace

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
    directory = f"{settings.jobs}/{draft.name}"
    if tree.mode(directory) is not None:
        why = (
            f"{directory} is there already; where that is this very job, take away by hand what ran it here, "
            "else give one of them another name: --name, or `jobsync rename`"
        )
        return replace(one, found=Refused(draft.origin, draft.name, (why,)))
    read, draft = draft, with_own_priority(draft, settings.defaults)
    root = Path(origin.repo.work_tree)
    schema = schema_of_a_job(root, root / directory)
    try:
        written = files_of(draft, Surroundings(tree, origin.machine, draft.name, directory), schema)
        env_file(draft.secrets)
        given = _given(origin, draft.name, written, settings)
    except JobsyncError as error:
        return replace(one, found=Refused(draft.origin, draft.name, (error.message,)))
    if reasons := _why_not(origin, one, draft, given):
        return replace(one, found=Refused(draft.origin, draft.name, tuple(reasons)))
    told = replace(read, notices=(*read.notices, *_exposed(written), *_defaulted(given)))
    return replace(one, found=told, files=tuple(written.items()))


def _exposed(written: dict[str, tuple[int, bytes]]) -> Iterator[Notice]:
    """What looks like a secret where nobody could take it out without changing what the job does."""
    for path, (_, content) in written.items():
        if what := known_secret(content.decode("utf-8", "replace")):
            words = f"what looks like {what} would go into git: move it into the job's env file before you commit"
            yield Notice(Kind.EXPOSED, path.rpartition("/")[2], words)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the written files define: with what the repository gives all of its jobs, and without."""

    job: Job | None
    plain: Job | None
    faults: tuple[Fault, ...]


def _given(origin: Origin, name: str, written: dict[str, tuple[int, bytes]], settings: Settings) -> _Given:
    bare = (0o100644, f"jobs = {json.dumps(settings.jobs)}\n".encode())
    tree = WorkTree(origin.repo.work_tree)
    whole, plain = (
        load(Overlay(tree, files_there), origin.machine, {name})
        for files_there in (written, {**written, SETTINGS_FILE: bare})
    )
    return _Given(next(iter(whole.jobs), None), next(iter(plain.jobs), None), whole.faults or plain.faults)


def _why_not(origin: Origin, one: Candidate, draft: Draft, given: _Given) -> list[str]:
    job, plain = given.job, given.plain
    if job is None or plain is None:
        return [f"{fault.key}: {fault.message}" for fault in given.faults]
    if plain.unwanted != job.unwanted:
        return [f"[defaults] of jobsync.toml: {job.unwanted}"]
    wrong = set(lost(draft, plain))
    if one.original is not None:
        rendered = plists.definition(plain, label="", owner="", launcher="", path=origin.config.path)
        wrong |= set(from_plist.unmet(draft, one.original, plain, rendered))
    return [f"{key}: would not mean the same" for key in sorted(wrong)]


_DEFAULTED = {
    "directory": "dir", "path": "path", "schedule": "[schedule]", "environment": "[env]", "limits": "[limits]",
    "retry": "[retry]", "when": "[when]", "notify": "[notify]", "launchd": "[launchd]", "systemd": "[systemd]",
}  # fmt: skip
"""Field of a job -> where `[defaults]` say it."""


def _defaulted(given: _Given) -> Iterator[Notice]:
    """What the former job did not have, and this repository's jobs have."""
    differing = [word for name, word in _DEFAULTED.items() if getattr(given.job, name) != getattr(given.plain, name)]
    if differing:
        yield Notice(Kind.DIFFERS, "[defaults]", f"jobsync.toml gives it, as all jobs, {', '.join(differing)}")


def _candidates(origin: Origin, sources: tuple[str, ...], name: str | None) -> list[Candidate]:
    """What the sources hold, or without any what this machine runs, each read again. `UsageError`: no such source."""
    here = here_now(origin)
    every = [one for source in sources or everything(origin) for one in found_at(origin, source, here)]
    # A timer and its service, or two names for one file, are one job.
    found = list({one.found.origin: one for one in every}.values())
    if name is not None and len(found) != 1:
        raise UsageError(f"--name: there are {len(found)} jobs", hint="import one at a time")
    return [_proved(origin, one) for one in _named(found, name)]


# --- showing ------------------------------------------------------------------------------------------------------


def _shared(candidates: list[Candidate]) -> set[Notice]:
    """Notices that several jobs share: told once."""
    found = [notice for one in candidates if isinstance(one.found, Draft) for notice in one.found.notices]
    return {notice for notice in found if found.count(notice) > 1}


def _notice_lines(notices: Iterable[Notice]) -> list[str]:
    return columns.table([(one.kind.value, one.key, one.words) for one in notices], indent="  ")


def _shown(one: Candidate, draft: Draft, shared: set[Notice], *, whole: bool) -> list[str]:
    lines = [paint(one.directory, Tone.GOOD) + f"  from {columns.cell(draft.origin)}"]
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


def _only_write(origin: Origin, candidates: list[Candidate], command: str) -> None:
    running = [one.found.origin for one in candidates if one.former]
    if running:
        raise JobsyncError(
            f"this machine runs {columns.plural(len(running), 'of them')[2:]}: {', '.join(running)}",
            hint=f"`{command}` takes them over, so that none runs twice",
        )
    for one in candidates:
        write(origin, one)
        say(f"wrote {one.directory}")
    if candidates:
        say("next: `jobsync sync`, then commit")


@click.command("import")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--write", is_flag=True, help="Write the jobs; for what does not run on this machine.")
@click.option("--take-over", is_flag=True, help="Write the jobs, unload what ran them, keep a copy of it, and sync.")
@click.option("--name", help="The name of the job, where there is one only.")
@pass_context
def import_(context: Context, /, sources: tuple[str, ...], *, write: bool, take_over: bool, name: str | None) -> int:
    """Make jobs of LaunchAgents, a crontab, systemd user timers and services, or directories with `schedule` and `run`.

    SOURCE is a .plist, a .timer, a .service, such a directory or one that holds them, `crontab`, or a file with a
    crontab's text. Without SOURCE, show all that this machine has. Nothing is written unless --write or --take-over is
    given.

    \b
    Examples:
      jobsync import                                    what there is, and what it would become
      jobsync import ~/Library/LaunchAgents/me.plist    one of them
      jobsync import --take-over crontab                each line a job, and the old lines out
    """
    origin = context.only_origin()
    if (write or take_over) and not sources:
        raise UsageError("name what to import", hint="`jobsync import` shows what there is")
    if name is not None:
        check_name(name)
    if faults := read_settings(WorkTree(origin.repo.work_tree)).faults:
        raise JobsyncError(f"nothing can be imported: {faults[0]}", hint="mend that, and try again")
    candidates = _candidates(origin, sources, name)
    _show(candidates, whole=not (write or take_over))
    good = [one for one in candidates if isinstance(one.found, Draft)]
    command = (
        shlex.join(["jobsync", "import", "--take-over", *sources]) if sources else "jobsync import --take-over SOURCE…"
    )
    status = ExitCode.OK if len(good) == len(candidates) else ExitCode.FAILURE
    if take_over:
        return max(status, take_over_now(origin, good) if good else ExitCode.FAILURE)
    if write:
        _only_write(origin, good, command)
        return status
    say(_count(candidates) if candidates else "there is nothing to import")
    if good:
        is_here = any(one.former for one in good)
        say(f"nothing was written; `{command if is_here else command.replace('--take-over', '--write')}` does it")
    return status
