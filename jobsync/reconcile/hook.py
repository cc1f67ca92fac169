"""What `jobsync-hook` does when there may be something to do: look where git stands, sync, say what changed.

Writes to stderr only, few lines, and none when nothing changed. Never prompts, never fails the git command.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from jobsync import bugs, files, report
from jobsync import config as configuration
from jobsync.errors import JobsyncError
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.desired import affected_jobs, head_state
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.reconcile.sync import sync_from_hook
from jobsync.repo.repository import Place, identity, locate, open_repository
from jobsync.repo.situation import situation
from jobsync.repo.verdict import Verdict, decide


def _say(line: str) -> None:
    sys.stderr.write(f"jobsync: {line}\n")


def _verdict(
    origin: Origin, place: Place, event: str, arguments: tuple[str, ...], environ: Mapping[str, str]
) -> Verdict:
    repository = open_repository(place.git_dir, place.work_tree, environ)
    facts = situation(repository, place, event, arguments, environ, wanted_branch=origin.repo.branch, registered=True)
    return decide(facts)


def _would_matter(origin: Origin) -> bool:
    """HEAD's definitions differ from what was applied: only then is a notice worth a line."""
    known = ledgers.read(origin.paths.ledger) or Ledger()
    return bool(affected_jobs(origin, known, head_state(origin)))


def _notify(origin: Origin, notice: str) -> None:
    """Say why the sync is put off, once for each HEAD."""
    commit = (origin.repository.head().commit or "unborn").encode()
    if files.read(origin.paths.notices) == commit or not _would_matter(origin):
        return
    _say(notice)
    files.make_directory(origin.paths.state)
    files.write_if_changed(origin.paths.notices, commit, 0o600)


def _sync(origin: Origin) -> None:
    done = sync_from_hook(origin)
    if done is None:
        return
    for line in report.hook_lines(done):
        _say(line)


def wake(event: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Do what this event asks for. Known trouble becomes one line on stderr; a bug of ours is raised."""
    try:
        _wake(event, arguments, environ)
    except JobsyncError as error:
        _say(error.message)
        if error.hint:
            _say(f"  {error.hint}")


def _wake(event: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
    file = configuration.find(environ)
    if file is None or not file.is_file():
        return
    place = locate(environ, str(Path.cwd()))
    if place is None:
        return
    config = configuration.load(file)
    wanted = identity(place.git_dir, place.work_tree)
    for repo in config.repos:
        if repo.id == wanted:
            origin = open_origin(config, repo, environ)
            verdict = _verdict(origin, place, event, arguments, environ)
            if verdict.sync:
                _sync(origin)
            elif verdict.notice:
                _notify(origin, verdict.notice)


def report_bug(environ: Mapping[str, str] = os.environ) -> None:
    """Write the exception being handled into a log and name it in one line. Raises nothing."""
    try:
        _say(f"this is a bug in jobsync; please report it with {bugs.write_log(environ)}")
    except Exception as error:
        _say(f"this is a bug in jobsync, and it could not be written down: {error!r}")
