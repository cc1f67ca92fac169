"""What `jobsync-hook` does when there may be something to do: look where git stands, sync, say what changed.

Writes to stderr only, few lines, and none when nothing changed. Never prompts, never fails the git command.
"""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from jobsync import bugs, files, report
from jobsync import config as configuration
from jobsync.columns import cell
from jobsync.config import Repo
from jobsync.errors import JobsyncError
from jobsync.reconcile import background, failing, index
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.budget import WAITING, WORKING, Budget, OutOfTime
from jobsync.reconcile.causes import affected_jobs
from jobsync.reconcile.head import head_state
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Heard, Origin, open_origin
from jobsync.reconcile.planning import HeadMoved
from jobsync.reconcile.state import Report
from jobsync.reconcile.sync import sync_from_hook
from jobsync.repo.affected import Entries
from jobsync.repo.place import Place, identity, locate
from jobsync.repo.repository import Head, branch_of
from jobsync.repo.situation import situation
from jobsync.repo.verdict import Situation, decide
from jobsync.values import dataclass, replace

_ROOT = 0
_INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _say(line: str) -> None:
    sys.stderr.write(f"jobsync: {cell(line)}\n")


def _would_matter(origin: Origin, event: str) -> bool:
    """What would be synced differs from what was applied: only then is a notice worth a line."""
    known = ledgers.read(origin.paths.ledger) or Ledger()
    head = head_state(origin)
    if event == "post-merge":  # a squash: what it brought is in the index, and HEAD is what it was
        head = replace(head, entries=Entries(origin.repository.staged_entries([""])))
    return bool(affected_jobs(origin, known, head))


def _notify(origin: Origin, notice: str, event: str) -> None:
    """Say why the sync is put off, once for each HEAD."""
    commit = (origin.repository.head().commit or "unborn").encode()
    if files.read(origin.paths.notices) == commit or not _would_matter(origin, event):
        return
    files.make_directory(origin.paths.state)
    with background.alone(origin):
        if files.read(origin.paths.notices) != commit:  # another hook may have said so meanwhile
            _say(notice)
            files.write_atomically(origin.paths.notices, commit, 0o600)


def _sync(origin: Origin) -> None:
    """Sync, within the patience of whoever waits for git. Interrupted or late, the rest goes on in the background."""
    _tell_background(origin)
    try:
        with _interruptible():
            done = sync_from_hook(origin, Budget(WAITING, WORKING))
    except KeyboardInterrupt:
        background.hand_on(origin)
        _say("interrupted; the sync is done in the background all the same, and the next hook says what came of it")
    except OutOfTime:
        background.hand_on(origin)
        _say("this takes a while: it goes on in the background, and the next hook says what came of it")
    else:
        if done is not None:
            _tell(origin, done)


@contextmanager
def _interruptible() -> Iterator[None]:
    """A closed terminal and a shutdown interrupt as Ctrl-C does; and none of them what follows an interruption."""

    def interrupt(*_: object) -> None:
        for one in _INTERRUPTING:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    former = {one: signal.signal(one, interrupt) for one in _INTERRUPTING}
    yield
    for one, handler in former.items():
        signal.signal(one, handler)


def _tell_background(origin: Origin) -> None:
    """Say once what came of what a former hook handed on. What nobody finished is done by the sync that follows."""
    found = background.read(origin)
    if found is None or (not found.is_over and background.is_at_work(origin)):
        return
    for line in found.lines:
        _say(f"in the background: {line}")
    background.forget(origin)


def _tell(origin: Origin, done: Report) -> None:
    """What changed; trouble in full when it is news, and in one line for as long as it lasts."""
    for line in report.changed_lines(done):
        _say(line)
    standing, failed = report.standing_lines(done), failing.jobs(origin)
    if not standing:
        files.remove(origin.paths.told)
        if failed:
            _say(report.failing_line(done, failed))
        return
    digest = index.digest("\n".join(standing).encode("utf-8", "surrogateescape")).encode()
    if files.read(origin.paths.told) != digest:
        for line in standing:
            _say(line)
        with background.alone(origin):
            files.write_if_changed(origin.paths.told, digest, 0o600)
        if failed:
            _say(report.failed_runs(failed))
    elif done.has_failures or failed:
        _say(report.failing_line(done, failed))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found out before anybody knew that there is something to do."""

    git_dir: str
    """As git says; no linked work tree's."""
    work_tree: str
    commit: str
    """HEAD's; empty where git has not said it."""
    ref: str
    """HEAD's full name; empty where the commit is."""
    heard: Heard | None

    @property
    def head(self) -> Head | None:
        """HEAD, if git has said it."""
        return Head(self.commit, branch_of(self.ref)) if self.commit else None


def wake(event: str, arguments: tuple[str, ...], environ: Mapping[str, str], seen: Seen | None = None) -> None:
    """Do what this event asks for. Known trouble becomes one line on stderr; a bug of ours is raised."""
    try:
        _wake(event, arguments, environ, seen)
    except JobsyncError as error:
        _say(error.message)
        if error.hint:
            _say(f"  {error.hint}")


def _wake(event: str, arguments: tuple[str, ...], environ: Mapping[str, str], seen: Seen | None) -> None:
    if _is_for_another_user(environ):
        return
    file = _configuration_file(environ)
    if file is None:
        return
    place = Place(seen.git_dir, seen.git_dir, seen.work_tree, None) if seen else locate(environ, str(Path.cwd()))
    if place is None:
        return
    config = configuration.load_here(file)
    wanted = identity(place.git_dir, place.work_tree)
    repo = next((one for one in config.repos if one.id == wanted), None)
    if repo is None:
        _check_is_not_moved(place, event, config.repos)
        return
    origin = replace(open_origin(config, repo, environ), heard=seen.heard if seen else None)
    look = partial(
        situation, origin.repository, place, event, arguments, environ, wanted_branch=repo.branch, registered=True
    )
    _follow(origin, event, look, seen.head if seen else None)


def _is_for_another_user(environ: Mapping[str, str]) -> bool:
    """In a clone that several users share the hooks are of the one who registered it, and pin his configuration. The
    others could do nothing about what a hook says there; he sees in `status` that HEAD has moved on.

    What root sees, or has taken from its owner, is told.
    """
    pinned, user = environ.get(configuration.VARIABLE), os.geteuid()
    for place in Path(pinned).parents if pinned else ():
        with suppress(OSError):
            return place.lstat().st_uid not in (_ROOT, user) and user != _ROOT
    return False


def _configuration_file(environ: Mapping[str, str]) -> Path | None:
    """What the hook names, or, where that is gone (a home has another name now), what would be found without it."""
    plain = {name: value for name, value in environ.items() if name != configuration.VARIABLE}
    found = (configuration.find(one) for one in (environ, plain))
    return next((file for file in found if file is not None and files.is_file(file)), None)


def _check_is_not_moved(place: Place, event: str, repos: Collection[Repo]) -> None:
    """`JobsyncError` for a repository with our hooks that is registered nowhere, while a registered one is gone."""
    from jobsync.repo import carriers  # whoever syncs does without

    # A linked work tree leaves its git directory behind, in that of its repository, where the hooks are.
    lost = [repo for repo in repos if not all(map(_is_there, (repo.git_dir, repo.work_tree)))]
    gone = [repo.git_dir if repo.work_tree == place.work_tree else repo.work_tree for repo in lost]
    if gone and carriers.is_ours(Path(place.common_dir, "hooks", event)):
        raise JobsyncError(
            f"{place.work_tree} is not registered, so no job was synced; was it moved from {' or '.join(gone)}?",
            hint=f"then `jobsync --repo {shlex.quote(gone[0])} uninstall`, and `jobsync init` here",
        )


def _is_there(directory: str) -> bool:
    return files.is_directory(Path(directory))


def _follow(origin: Origin, event: str, look: Callable[..., Situation], head: Head | None) -> None:
    """Sync or not, by what `look` finds. Where HEAD is another one by the time that we may sync, look again, once."""
    facts = look(head=head)
    verdict = decide(facts)
    if not verdict.sync:
        if verdict.notice:
            _notify(origin, verdict.notice, event)
        return
    try:
        _sync(replace(origin, seen=facts.commit, skipped=facts.skipped))
    except HeadMoved:
        if decide(look()).sync:
            _sync(replace(origin, heard=None))


def prove(event: str, directory: str) -> None:
    """Leave word that a hook for `event` leads here: all that `jobsync hooks status` wants of it."""
    files.touch(Path(directory, event))


def report_bug(environ: Mapping[str, str] = os.environ) -> None:
    """Write the exception being handled into a log and name it in one line. Raises nothing."""
    try:
        _say(f"this is a bug in jobsync; please report it with {bugs.write_log(environ)}")
    except Exception as error:
        _say(f"this is a bug in jobsync, and it could not be written down: {error!r}")
