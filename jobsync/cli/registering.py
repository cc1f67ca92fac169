"""`init`: registers a repository on this machine."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from jobsync import columns, files, lock
from jobsync import config as configuration
from jobsync.cli import skeleton
from jobsync.cli.configuring import usable_launchctl, with_value
from jobsync.cli.console import ExitCode, Progress, ask, complain, confirm, say, say_all
from jobsync.cli.context import Context, pass_context
from jobsync.cli.hooks import install_hooks
from jobsync.cli.syncing import refusal, show_report
from jobsync.config import Config, Repo, UserManager
from jobsync.errors import JobsyncError, UsageError
from jobsync.paths import paths_of
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import planning
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.reconcile.own import is_own, own_jobs
from jobsync.reconcile.plan import Orders
from jobsync.repo.events import EVENTS
from jobsync.repo.place import Place, check_user, identity, is_there, open_repository
from jobsync.repo.repository import Repository
from jobsync.schedulers import choose
from jobsync.values import replace

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_LOGS = {"macos": "{home}/Library/Logs/jobsync", "linux": "{state}/logs"}
_JOB_PATHS = {
    "macos": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "linux": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
}


def this_hook() -> str:
    """The `jobsync-hook` of the installation that runs now."""
    beside = Path(sys.executable).with_name("jobsync-hook")
    if beside.exists():
        return str(beside)
    named = Path(sys.argv[0]).absolute().with_name("jobsync-hook")
    found = str(named) if named.exists() else shutil.which("jobsync-hook")
    if found is None:
        raise JobsyncError("jobsync-hook is not beside this jobsync", hint="install jobsync again, e.g. with pipx")
    return found


def _place_of(environ: Mapping[str, str], name: str, default: str) -> str:
    base = environ.get(name)
    return base if base and base.startswith("/") else default


def _scheduler(environ: Mapping[str, str], launchctl: str | None) -> tuple[str, str, UserManager | None]:
    """What this machine has: its name, the launchctl or the user manager. `JobsyncError` when it has neither."""
    manager = choose.user_manager(environ) if launchctl is None else None
    return ("systemd", "", manager) if manager else ("launchd", usable_launchctl(launchctl), None)


def _same_scheduler(known: Config, launchctl: str | None) -> Config:
    """The scheduler stays: jobs of another one would be left behind in it."""
    if known.systemd is None:
        return replace(known, launchctl=usable_launchctl(launchctl or known.launchctl))
    if launchctl is not None:
        raise UsageError("--launchctl: jobs of this machine are systemd's", hint="`jobsync uninstall` first")
    return known


def _new_config(file: Path, environ: Mapping[str, str], launchctl: str | None) -> Config:
    scheduler, chosen, manager = _scheduler(environ, launchctl)
    home = str(configuration.home_directory(environ))
    system = configuration.this_os()
    state = _place_of(environ, "XDG_STATE_HOME", f"{home}/.local/state") + "/jobsync"
    return Config(
        file=file,
        machine=socket.gethostname().partition(".")[0] or "this-machine",
        os=system,
        home=home,
        state=state,
        data=_place_of(environ, "XDG_DATA_HOME", f"{home}/.local/share") + "/jobsync",
        logs=_LOGS[system].format(home=home, state=state),
        path=_JOB_PATHS[system],
        scheduler=scheduler,
        launchctl=chosen,
        systemd=manager,
        hook=this_hook(),
    )


def _configuration(
    file: Path, launchctl: str | None, machine: str | None, job_path: str | None, tags: tuple[str, ...]
) -> Config:
    """What is in the file, or would be in a new one, with what `init` was told. `JobsyncError`, `UsageError`."""
    if files.is_file(file):
        known = configuration.load_here(file)
        config = replace(_same_scheduler(known, launchctl), hook=this_hook())
    else:
        config = _new_config(file, os.environ, launchctl)
    for key, value in (("machine", machine), ("path", job_path)):
        config = config if value is None else with_value(config, key, (value,))
    return with_value(config, "tags", tags) if tags else config


def _check_prefix(config: Config, repo: Repo) -> None:
    if not _PREFIX.fullmatch(repo.prefix):
        raise UsageError(
            f"--prefix: {repo.prefix!r} is not a label prefix", hint="letters, digits, `-` and `_`, parts joined by `.`"
        )
    for other in config.repos:
        one, two = f"{other.prefix}.", f"{repo.prefix}."
        if other.id != repo.id and (one.startswith(two) or two.startswith(one)):
            raise UsageError(
                f"--prefix: {repo.prefix!r} and {other.prefix!r} of {other.work_tree} would share labels",
                hint=_way_out(other),
            )


def _registered(file: Path, read: Callable[[], Config], repo: Repo) -> Config:
    """The configuration with this repository, written: read anew, for people take their time to say yes.

    `UsageError` where another one with labels like ours was registered meanwhile.
    """
    with lock.hold_directory(file.parent):
        config = read()
        _check_prefix(config, repo)
        config = config.with_repo(repo)
        configuration.save(config, os.environ)
    return config


def _way_out(other: Repo) -> str:
    if is_there(other.git_dir, other.work_tree):
        return "choose another one: jobsync init --prefix NAME"
    return f"that one is gone from there: jobsync --repo {other.prefix} uninstall; or choose another prefix"


def _was(config: Config, other: Repo, repo: Repo, repository: Repository) -> bool:
    """Whether that registration was this repository's, from another place that is gone."""
    if is_there(other.git_dir, other.work_tree):
        return False
    known = ledgers.read(paths_of(config, other).ledger)
    return other.work_tree == repo.work_tree or bool(known and known.commit and repository.subject(known.commit))


def _check_is_not_moved(config: Config, repo: Repo, repository: Repository) -> None:
    """The jobs of a registration whose repository is gone go on: with another one each would run twice."""
    for other in config.repos:
        if other.id != repo.id and _was(config, other, repo, repository):
            place = other.work_tree if other.work_tree != repo.work_tree else other.git_dir
            raise JobsyncError(
                f"this repository is registered already, from {place}, which is gone: its jobs {other.prefix}.JOB go "
                "on, and each would run twice",
                hint=f"`jobsync --repo {other.prefix} uninstall`, then `jobsync init` again, or bring it back there",
            )


def _check_home(config: Config) -> None:
    for value in (config.home, config.state, config.data, config.logs):
        if not value.startswith("/") or not value.isprintable():
            raise JobsyncError(
                f"{value!r} cannot be used: a path must be absolute, without control characters",
                hint="rename that directory, or have HOME, XDG_STATE_HOME or XDG_DATA_HOME name another one",
            )


def _repo(
    context: Context, config: Config, prefix: str | None, branch: str | None, *, at_login: bool | None
) -> tuple[Place, Repo]:
    place = context.place
    if place is None:
        raise JobsyncError(
            "this is not a git repository",
            hint="change into your dotfiles repository, or `git init` one; a bare one is named by GIT_DIR, its work "
            "tree by GIT_WORK_TREE",
        )
    wanted = identity(place.git_dir, place.work_tree)
    known = next((repo for repo in config.repos if repo.id == wanted), None)
    chosen = prefix if prefix is not None else known.prefix if known else "jobsync"
    kept = branch if branch is not None else known.branch if known else None
    login = at_login if at_login is not None else known is not None and known.at_login
    return place, Repo(wanted, place.git_dir, place.work_tree, chosen, kept or None, at_login=login)


def _intentions(config: Config, repo: Repo, known: Repo | None, upstream: str, *, hooks: bool) -> list[str]:
    paths = paths_of(config, repo)
    moves = f" (so far {known.prefix}.JOB; a sync moves the jobs)" if known and known.prefix != repo.prefix else ""
    rows = [
        ("repository", repo.work_tree),
        ("pulls from", upstream),
        ("branch", f"hooks follow {repo.branch}" if repo.branch else "any"),
        ("labels", f"{repo.prefix}.JOB{moves}"),
        ("machine", config.machine + (f" (tags: {', '.join(config.tags)})" if config.tags else "")),
        *choose.in_words(config),
        ("config", str(config.file)),
        ("state", str(paths.state)),
        ("launchers", str(paths.launchers)),
        ("logs", str(paths.logs)),
        ("at login", "a sync of what HEAD holds" if repo.at_login else "no sync"),
        ("git hooks", ", ".join(EVENTS) if hooks else "not installed"),
    ]
    return columns.table(rows, indent="  ")


def _upstream(repository: Repository) -> str:
    found = repository.upstream()
    return f"{found.remote}/{found.branch}" if found else "nothing yet"


def _first_sync(origin: Origin, *, wants: bool | None) -> int:
    """Show what a sync would do, and do it if that is wanted."""
    planned = planning.plan(origin, Orders())
    would_do = planning.dry_run(planned)
    if not would_do.results and not would_do.faults:
        say("no jobs yet; `jobsync new NAME` makes one, and `jobsync import` shows what could become one")
        return ExitCode.OK
    why = refusal(origin)
    if wants is None:
        show_report(would_do)
        if not would_do.results:
            say("mend that, then run `jobsync sync`")
            return ExitCode.FAILURE
        if not would_do.would_change:
            return ExitCode.OK
        if why:
            say(f"nothing synced yet: {why}; when that is over, `jobsync sync` does it")
            return ExitCode.OK
        if not sys.stdin.isatty() or not ask("sync now?"):
            say("nothing synced yet; `jobsync sync` does it")
            return ExitCode.OK
    elif not wants:
        return ExitCode.OK
    if why:
        complain(f"nothing synced yet: {why}", "when that is over, `jobsync sync` does it")
        return ExitCode.FAILURE
    with Progress() as progress:
        done = syncing.sync(origin, Orders(), progress=progress)
    show_report(done)
    return ExitCode.FAILURE if done.has_failures else ExitCode.OK


def _own_names(origin: Origin) -> set[str]:
    """jobsync's own jobs: those that the registration has now, and those that it had."""
    known = ledgers.read(origin.paths.ledger)
    return {*own_jobs(origin), *(name for name in (known.records if known else ()) if is_own(name))}


@click.command()
@click.option("--prefix", help="First part of every label. Default: jobsync.")
@click.option("--machine", help="Name of this machine for `only.machines`. Default: its host name.")
@click.option("--tag", "tags", multiple=True, help="A tag of this machine for `only.tags`; may be repeated.")
@click.option("--branch", help="Hooks sync only while this branch is checked out. Default: any branch.")
@click.option("--launchctl", metavar="PATH", help="The launchctl to use. Default: the system's.")
@click.option("--path", "job_path", help="PATH for jobs.")
@click.option("--hooks/--no-hooks", default=True, help="Install the git hooks.")
@click.option("--at-login/--no-at-login", default=None, help="Sync HEAD at every login too. Default: no.")
@click.option(
    "--skeleton/--no-skeleton",
    "wants_skeleton",
    default=None,
    help="Where there is no jobsync.toml, write one, and an example job. Default: ask.",
)
@click.option("--sync/--no-sync", "wants_sync", default=None, help="Sync at the end, without asking.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_context
def init(
    context: Context, /, prefix: str | None, machine: str | None, tags: tuple[str, ...], branch: str | None,
    launchctl: str | None, job_path: str | None, *, hooks: bool, at_login: bool | None, wants_skeleton: bool | None,
    wants_sync: bool | None, yes: bool,
) -> int:  # fmt: skip
    """Register the repository around here on this machine, install the git hooks, and offer the first sync.

    Safe to run again: what is registered already is found, and only what the options name is changed.

    \b
    Examples:
      jobsync init
      jobsync init --tag home --yes --sync
    """
    check_user(os.geteuid(), os.environ)
    file = configuration.find(os.environ) or configuration.new_location(os.environ)
    read = partial(_configuration, file, launchctl, machine, job_path, tags)
    config = read()
    place, repo = _repo(context, config, prefix, branch, at_login=at_login)
    _check_prefix(config, repo)
    _check_home(config)
    repository = open_repository(place.git_dir, place.work_tree, os.environ)
    known_repo = next((one for one in config.repos if one.id == repo.id), None)
    if known_repo is None:
        _check_is_not_moved(config, repo, repository)
    say("this repository is registered already; jobsync will make it" if known_repo else "jobsync will register")
    say_all(_intentions(config, repo, known_repo, _upstream(repository), hooks=hooks))
    if not confirm("go ahead?", yes=yes):
        return ExitCode.OK
    config = _registered(file, read, repo)
    has_begun = skeleton.offer(Path(repo.work_tree), wants=wants_skeleton, asks=not yes)
    origin = open_origin(config, repo)
    status = install_hooks(origin) if hooks else ExitCode.OK
    with suppress(JobsyncError):  # no scheduler now: the first sync says so, and writes them
        syncing.sync(origin, Orders(), _own_names(origin))
    status = max(status, _first_sync(origin, wants=wants_sync))
    if has_begun:
        skeleton.tell_what_is_next(origin)
    return status
