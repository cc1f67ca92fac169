"""`doctor --fix`: what is safe to mend, in words first, then done. Nothing here can lose anything or start a job."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

from jobsync import files, lock
from jobsync.doctor.check import Result
from jobsync.doctor.view import View
from jobsync.errors import JobsyncError
from jobsync.findings import Chmod, InstallHooks, Reload, Repair, Sync
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import planning
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.plan import Orders
from jobsync.repo import waking
from jobsync.schedulers.protocol import Survey
from jobsync.values import replace

_ORDER = (Chmod, InstallHooks, Reload, Sync)
"""Modes first: a definition may be valid only then. The sync comes last, and once."""


def repairs(results: Iterable[Result]) -> tuple[Repair, ...]:
    """What can be mended, each thing once, in the order in which it is done."""
    found = dict.fromkeys(one.repair for result in results for one in result.findings if one.repair is not None)
    # A job that is to be read anew is synced by that.
    return tuple(sorted(found, key=lambda repair: _ORDER.index(type(repair))))


def in_words(repair: Repair, origin: Origin) -> list[str]:
    """What will be done, a line for each effect."""
    match repair:
        case Chmod(path, mode):
            former = stat.S_IMODE(Path(path).stat().st_mode)
            return [f"chmod {mode:04o} {path} (now {former:04o})"]
        case InstallHooks():
            return [f"install the git hooks in {origin.repository.hooks_directory()}, in front of those that are there"]
        case Reload(job):
            return [f"take {job} out of the scheduler and load the installed definition"]
        case Sync():
            done = planning.dry_run(planning.plan(origin, Orders()))
            changes = [one for one in done.results if one.outcome.value not in ("unchanged", "paused")]
            lines = [f"sync: {one.outcome.value} {one.name}: {one.cause or 'as defined'}" for one in changes]
            return lines or ["sync: record what HEAD holds"]
        case _:
            assert_never(repair)


def _forget(origin: Origin, job: str) -> None:
    """Take a job out of the scheduler, and out of what the ledger believes to be loaded.

    `JobsyncError` when it runs: a running job is never stopped for the sake of order.
    """
    label = origin.scheduler.label(job)
    answer = origin.scheduler.survey()
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    if loaded is not None and loaded.pid is not None:
        raise JobsyncError(f"{job} runs now (pid {loaded.pid})", hint=f"`jobsync stop {job}` ends it; then try again")
    with lock.hold(origin.paths.lock, timeout=syncing.LOCK_PATIENCE):
        known = ledgers.read(origin.paths.ledger)
        record = known.records.get(job) if known else None
        if known is not None and record is not None:
            forgotten = known.with_record(job, replace(record, load_digest=""))
            ledgers.write(origin.paths.ledger, forgotten, None)
        done = origin.scheduler.unload([label], wait=syncing.LOCK_PATIENCE)
        if label in done.failures:
            raise done.failures[label]


def mend(repair: Repair, view: View) -> tuple[str, ...]:
    """Do it; gives the paths of the copies that were kept. `JobsyncError` when it cannot be done."""
    origin = view.origin
    match repair:
        case Chmod(path, mode):
            files.set_mode(Path(path), mode)
        case InstallHooks():
            waking.install(origin.repository, origin.config)
        case Reload(job):
            _forget(origin, job)
            return syncing.sync(origin, Orders(), [job]).kept
        case Sync():
            return syncing.sync(origin, Orders()).kept
        case _:
            assert_never(repair)
    return ()
