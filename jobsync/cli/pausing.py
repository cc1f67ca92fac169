"""`pause`, `resume`: keep jobs from running on this machine, through syncs and reboots, and let them run again."""

import time
from collections.abc import Collection, Iterable, Mapping

import click

from jobsync import files
from jobsync.cli.console import ExitCode, complain, say, seconds_of
from jobsync.cli.context import Context, as_defined, pass_context
from jobsync.cli.syncing import refusal
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import UNDONE, Record, Report
from jobsync.runs import pauses

_LONGEST = 3650 * 86_400
"""Seconds that `--for` may say."""


def _end(text: str) -> int:
    """The second (epoch) at which a pause of that duration ends."""
    seconds = seconds_of("--for", text)
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f'--for: "{text}" is not more than nothing and at most ten years', hint="leave --for out")
    return int(time.time()) + seconds


def _chosen(context: Context, jobs: tuple[str, ...]) -> list[tuple[Origin, str]]:
    """The jobs named; without a name every one that is installed."""
    if jobs:
        return [(context.origin_of(job), job) for job in jobs]
    found = []
    for origin in context.reached():
        known = ledgers.read(origin.paths.ledger)
        found += [(origin, name) for name in (known.records if known else ()) if not is_own(name)]
    return found


def _by_repository(chosen: Iterable[tuple[Origin, str]]) -> list[tuple[Origin, list[str]]]:
    """The jobs of each repository together, so that it syncs once for all of them."""
    found: dict[str, tuple[Origin, list[str]]] = {}
    for origin, job in chosen:
        found.setdefault(origin.repo.id, (origin, []))[1].append(job)
    return list(found.values())


def _installed(origin: Origin) -> Mapping[str, Record]:
    known = ledgers.read(origin.paths.ledger)
    return known.records if known else {}


def _daemons(origin: Origin, jobs: Iterable[str], installed: Mapping[str, Record]) -> list[str]:
    """Those that are daemons as installed; what is not installed (a paused daemon) as defined."""
    are = {name: record.is_daemon for name, record in installed.items()}
    if not are.keys() >= {*jobs}:
        are = {one.name: one.daemon is not None for one in as_defined(origin, {*jobs}).jobs} | are
    return [job for job in jobs if are.get(job)]


def _sync_daemons(origin: Origin, jobs: Collection[str]) -> bool:
    """Load or unload daemons after their pause began or ended; False when that failed for one of them."""
    done: Report = syncing.sync(origin, Orders(), jobs)
    for result in done.results if done.has_failures else ():
        if result.outcome in UNDONE:
            complain(
                f"{result.name}: {result.outcome.value}: {result.cause}", f"`jobsync sync {result.name}` tries it again"
            )
    return not done.has_failures


def _pause(origin: Origin, jobs: Collection[str], until: int) -> bool:
    """False when a daemon could not be stopped. Where the scheduler cannot be asked to, no daemon is paused."""
    # One that is installed though it is paused: whoever paused it was interrupted.
    installed = _installed(origin)
    left = [job for job in jobs if job in installed or pauses.read(origin.paths.pause(job)) is None]
    daemons = _daemons(origin, left, installed)
    for job in jobs:
        pauses.write(origin.paths.pause(job), until)
    try:
        return not daemons or _sync_daemons(origin, daemons)
    except JobsyncError:
        for job in daemons:
            files.remove(origin.paths.pause(job))
        raise


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--for", "duration", metavar="DURATION", help="End by itself after this, such as 2d or 1h30m.")
@pass_context
def pause(context: Context, /, jobs: tuple[str, ...], *, duration: str | None) -> int:
    """Keep JOB (default: every job) from running on this machine, until `resume`. Survives syncs and reboots.

    A daemon is stopped and unloaded until it is resumed.

    \b
    Examples:
      jobsync pause backup     until `jobsync resume backup`
      jobsync pause --for 2h   all jobs, for two hours
    """
    until = _end(duration) if duration is not None else pauses.FOR_EVER
    chosen = _by_repository(_chosen(context, jobs))
    daemons = [
        job for origin, jobs in chosen if duration is not None for job in _daemons(origin, jobs, _installed(origin))
    ]
    if daemons:
        raise UsageError(
            f"--for: nothing would start a daemon again: {', '.join(daemons)}", hint="leave --for out, or name the jobs"
        )
    went_well = True
    for origin, named in chosen:
        went_well &= _pause(origin, named, until)
        for job in named:
            say(f"{job}: {pauses.in_words(until)}")
    if not chosen:
        say("no jobs")
    return ExitCode.OK if went_well else ExitCode.FAILURE


def _paused(origin: Origin) -> list[str]:
    return files.names(origin.paths.pause("x").parent)


def _resume(origin: Origin, jobs: Collection[str]) -> bool:
    were_paused = {job for job in jobs if pauses.read(origin.paths.pause(job)) is not None}
    # Of a pause that ended by itself no sync may have heard yet.
    paused = [job for job in jobs if files.is_there(origin.paths.pause(job))]
    daemons = _daemons(origin, paused, _installed(origin))
    why = refusal(origin) if daemons else ""  # they would be loaded as they are defined for this moment
    left = daemons if why else []
    for job in left:
        complain(f"{job} is not resumed: {why}", "when that is over, try again")
    resumed = [job for job in jobs if job not in left]
    for job in resumed:
        files.remove(origin.paths.pause(job))
    went_well = not left and (not daemons or _sync_daemons(origin, daemons))
    for job in resumed:
        say(f"{job}: resumed" if job in were_paused else f"{job} is not paused")
    return went_well


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@pass_context
def resume(context: Context, /, jobs: tuple[str, ...]) -> int:
    """End the pause of JOB (default: every paused job).

    \b
    Examples:
      jobsync resume backup   one job
      jobsync resume          every paused job
    """
    chosen = [(context.origin_of(job), job) for job in jobs]
    chosen = chosen or [(origin, job) for origin in context.reached() for job in _paused(origin)]
    if not chosen:
        say("no job is paused")
    results = [_resume(origin, named) for origin, named in _by_repository(chosen)]
    return ExitCode.OK if all(results) else ExitCode.FAILURE
