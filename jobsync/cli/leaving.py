"""`uninstall`: takes everything of a repository off this machine, and proves it."""

import os
from pathlib import Path

import click

from jobsync import config as configuration
from jobsync import files, lock
from jobsync.cli.console import ExitCode, Progress, complain, confirm, say
from jobsync.cli.context import Context, pass_context
from jobsync.cli.hooks import say_left_aside
from jobsync.cli.syncing import show_report
from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError, UsageError
from jobsync.paths import WANTING, paths_of
from jobsync.reconcile import observe, takeover
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.repo import carriers, waking
from jobsync.repo.events import EVENTS
from jobsync.repo.place import is_there
from jobsync.repo.repository import Repository
from jobsync.repo.waking import Carrier
from jobsync.runs import logs
from jobsync.schedulers.choose import scheduler_for
from jobsync.schedulers.protocol import Survey
from jobsync.values import replace


def _check_outside(origin: Origin) -> None:
    """Never cut the branch we sit on: not from inside a job."""
    answer = origin.scheduler.survey()
    services = answer.services if isinstance(answer, Survey) else {}
    start = origin.scheduler.label("")
    ours = {one.pid: label for label, one in services.items() if label.startswith(start) and one.pid}
    for pid in observe.branch() if ours else ():
        if pid in ours:
            raise JobsyncError(f"this runs inside the job {ours[pid]}", hint="uninstall from a terminal of your own")


def _left(origin: Origin, *, leaves_hooks: bool) -> list[str]:
    """What is still there that is ours: the proof of an uninstall, asked anew of disk and scheduler.

    `leaves_hooks`: those are meant to stay, or nowhere to be found.
    """
    from jobsync.reconcile.ledger import Ledger
    from jobsync.reconcile.state import Want

    paths = origin.paths
    places = (*_state_files(origin), paths.launchers, *_log_directories(origin))
    left = [str(path) for path in places if files.is_there(path) and path != paths.lock]
    found = observe.find_orphans(Want({}), Ledger(), origin.scheduler.survey(), origin.scheduler)
    left += [f"{label} (job)" for label in found.values()]
    if leaves_hooks:
        return left
    ways = waking.ways(origin.repository, origin.config)
    ours = (Carrier.FILE, Carrier.CONFIGURATION)
    return left + [f"{one.path} ({one.event})" for one in ways if one.carrier in ours]


def _sharing(origin: Origin) -> list[str]:
    """Other registered work trees of the same repository, whose hooks ours are: git has one set for all of them."""
    ours, others = origin.repository, origin.config.without_repo(origin.repo.id).repos
    linked = [replace(ours, git_dir=one.git_dir, work_tree=one.work_tree) for one in others if _is_there(one)]
    common = ours.common_directory() if linked else None
    return [one.work_tree for one in linked if _common_directory(one) == common]


def _common_directory(repository: Repository) -> Path | None:
    """None where git cannot tell: a repository that is broken holds nobody up."""
    try:
        return repository.common_directory()
    except JobsyncError:
        return None


def _remove_places(origin: Origin, *, is_locked: bool = False) -> None:
    """Its own directories; of those that repositories share, what belongs to no other one. `is_locked`: by us."""
    paths, others = origin.paths, origin.config.without_repo(origin.repo.id).repos
    for path in (*_log_directories(origin), *_state_files(origin)):
        if path != paths.lock or not is_locked:
            files.remove_tree(path)
    for target in WANTING:  # as `systemctl disable` does
        files.remove_if_empty(paths.wants(target))
    files.remove_if_empty(paths.kept)
    files.remove_if_empty(paths.state)
    files.remove_tree(paths.launchers)
    if not others:
        files.remove_tree(paths.state.parent / "bugs")
    for parent in (paths.logs, paths.state.parent, paths.launchers.parent):
        files.remove_if_empty(parent)


def _state_files(origin: Origin) -> list[Path]:
    """All of our state. The copies of the user's own edits are his: they stay where he was told that they are."""
    state, kept = origin.paths.state, origin.paths.kept
    return [path for path in files.listing(state) if path != kept]


def _log_directories(origin: Origin) -> list[Path]:
    """Of our jobs, those under a former prefix included: all that no other repository's prefix claims.

    The directory above may be a link of the user's to one where other programs keep theirs.
    """
    others = tuple(f"{one.prefix}." for one in origin.config.without_repo(origin.repo.id).repos)
    found = [path for path in files.listing(origin.paths.logs) if not path.name.startswith(others)]
    return [path for path in found if path.name.startswith(origin.scheduler.label("")) or logs.are_all_in(path)]


def _forget(config: Config, repo: Repo) -> None:
    """Take the repository out of the configuration, and the configuration away with the last one."""
    with lock.hold_directory(config.file.parent):
        known = configuration.load(config.file) if files.is_file(config.file) else config
        rest = known.without_repo(repo.id)
        if rest.repos:
            configuration.save(rest, os.environ)
        else:
            configuration.remove(rest, os.environ)


def _is_there(repo: Repo) -> bool:
    return is_there(repo.git_dir, repo.work_tree)


def _hooks_left(repo: Repo) -> Path | None:
    """Where the hooks of a linked work tree stay when that is gone: in its repository, which it no longer leads to."""
    registry, hooks = Path(repo.git_dir).parent, Path(repo.git_dir).parents[1] / "hooks"
    is_there = registry.name == "worktrees" and any(carriers.is_ours(hooks / event) for event in EVENTS)
    return hooks if is_there else None


def _origin_to_leave(config: Config, repo: Repo) -> Origin:
    """A repository that was moved or deleted can be left too: its hooks went with it, its jobs did not."""
    if _is_there(repo):
        return open_origin(config, repo)
    paths = paths_of(config, repo)
    gone = Repository(repo.git_dir, repo.work_tree, {}, "git")
    return Origin(config, repo, paths, gone, scheduler_for(config, repo, paths))


def _uninstall_one(origin: Origin) -> bool:
    # One that was uninstalled just before shares nothing with this one any more.
    origin = replace(origin, config=configuration.load(origin.config.file))
    _check_outside(origin)
    with syncing.alone(origin):  # until nobody can take this repository for a registered one
        went_well = _leave(origin)
    if went_well:
        _remove_places(origin)  # the lock itself, and what was left by who waited for it
    return went_well


def _leave(origin: Origin) -> bool:
    with Progress() as progress:
        done = syncing.uninstall(origin, progress)
    show_report(done)
    if done.has_failures:
        complain("not everything could be removed, so nothing more was", "mend that and run it again")
        return False
    is_there = _is_there(origin.repo)
    sharing = _sharing(origin) if is_there else []
    leaves_hooks = bool(sharing) or not is_there
    if not leaves_hooks:
        waking.uninstall(origin.repository)
    _remove_places(origin, is_locked=True)
    left = _left(origin, leaves_hooks=leaves_hooks)
    if left:
        complain("this is still there: " + ", ".join(left), "mend that and run it again")
        return False
    _forget(origin.config, origin.repo)
    if not leaves_hooks:
        say_left_aside(origin.repository)
    _say_what_stays(origin, sharing, is_there=is_there)
    return True


def _say_what_stays(origin: Origin, sharing: list[str], *, is_there: bool) -> None:
    """What is the user's own, and hooks that are not to go. `sharing`: work trees that have them too."""
    if files.is_there(origin.paths.kept):
        more = " and of what was taken over" if files.is_there(takeover.copies_of(origin)) else ""
        say(f"copies of your own edits{more} stay in {origin.paths.kept}")
    if not origin.config.without_repo(origin.repo.id).repos and files.names(origin.paths.secrets):
        say(f"your env files stay in {origin.paths.secrets}")
    hooks = f"the hooks stay for {', '.join(sharing)}" if sharing else "no hook"
    if not is_there and (left_in := _hooks_left(origin.repo)):
        hooks = f"the hooks stay in {left_in}"
    say(f"nothing of jobsync is left for {origin.repo.work_tree}: no job, no file, {hooks}")


def _check_is_meant(context: Context) -> None:
    """In a repository that is none of them other commands act on all; typed twice, this one would take others away."""
    if context.repo is None and context.place is not None and context.around() is None and context.config.repos:
        first = context.config.repos[0]
        raise UsageError(
            f"{context.place.work_tree} is not registered on this machine",
            hint=f"`jobsync --repo {first.prefix} uninstall` takes that one away; registered: {context.known()}",
        )


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_context
def uninstall(context: Context, /, *, yes: bool) -> int:
    """Remove every job, file and hook of ours for this repository from this machine, and prove it.

    Your repository is not touched; `jobsync init` brings everything back.

    \b
    Examples:
      jobsync uninstall         ask first
      jobsync uninstall --yes   do not ask
    """
    _check_is_meant(context)
    origins = [_origin_to_leave(context.config, repo) for repo in context.repos()]
    for origin in origins:
        say(f"jobsync will remove all its jobs, launchers, logs and hooks for {origin.repo.work_tree}")
    if not confirm("go ahead?", yes=yes):
        return ExitCode.OK
    gone = [_uninstall_one(origin) for origin in origins]
    return ExitCode.OK if all(gone) else ExitCode.FAILURE
