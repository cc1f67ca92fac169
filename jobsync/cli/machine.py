"""`init`, `config`, `hooks`, `uninstall`: this machine's side of things."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from jobsync import config as configuration
from jobsync import files, report
from jobsync.cli.console import ExitCode, Progress, complain, note, say, say_all, say_json
from jobsync.cli.context import Context, pass_context
from jobsync.cli.syncing import json_option, refusal, show_report
from jobsync.config import Config, Repo
from jobsync.errors import JobsyncError, UsageError
from jobsync.paths import paths_of
from jobsync.reconcile import observe
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.reconcile.own import FINISH
from jobsync.reconcile.plan import Orders
from jobsync.repo import carriers
from jobsync.repo.carriers import HookState, HookStatus
from jobsync.repo.repository import Place, Repository, identity, open_repository
from jobsync.schedulers.choose import scheduler_for
from jobsync.schedulers.protocol import Survey

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_APPLES = "/bin/launchctl"
_JOB_PATHS = {
    "macos": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "linux": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
}


def _confirm(question: str, *, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only a flag may answer."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"nobody is there to answer {question!r}", hint="add --yes")
    return click.confirm(question, default=True, err=True)


def _shim(config: Config) -> carriers.Shim:
    return lambda event: carriers.hook_text(event, config.hook, str(config.file))


def _this_hook() -> str:
    """The `jobsync-hook` of the installation that runs now."""
    beside = Path(sys.executable).with_name("jobsync-hook")
    if beside.exists():
        return str(beside)
    named = Path(sys.argv[0]).absolute().with_name("jobsync-hook")
    found = str(named) if named.exists() else shutil.which("jobsync-hook")
    if found is None:
        raise JobsyncError("jobsync-hook is not beside this jobsync", hint="install jobsync again, e.g. with pipx")
    return found


def _launchctl(given: str | None) -> str:
    candidate = given or (_APPLES if configuration.this_os() == "macos" else None)
    if candidate is None:
        raise JobsyncError(
            "this machine has no launchd",
            hint="`jobsync simulator DIR` starts a simulated one; then: jobsync init --launchctl DIR/bin/launchctl",
        )
    path = Path(candidate).absolute()
    if not os.access(path, os.X_OK):
        raise JobsyncError(f"{path} is not an executable launchctl", hint="name the right one with --launchctl")
    return str(path)


def _place_of(environ: Mapping[str, str], name: str, default: str) -> str:
    base = environ.get(name)
    return base if base and base.startswith("/") else default


def _new_config(file: Path, environ: Mapping[str, str], launchctl: str) -> Config:
    home = str(configuration.home_directory(environ))
    system = configuration.this_os()
    state = _place_of(environ, "XDG_STATE_HOME", f"{home}/.local/state") + "/jobsync"
    logs = f"{home}/Library/Logs/jobsync" if system == "macos" else f"{state}/logs"
    return Config(
        file=file,
        machine=socket.gethostname().partition(".")[0] or "this-machine",
        os=system,
        home=home,
        state=state,
        data=_place_of(environ, "XDG_DATA_HOME", f"{home}/.local/share") + "/jobsync",
        logs=logs,
        path=_JOB_PATHS[system],
        scheduler="launchd",
        launchctl=launchctl,
        hook=_this_hook(),
    )


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


def _way_out(other: Repo) -> str:
    if Path(other.work_tree).is_dir():
        return "choose another one: jobsync init --prefix NAME"
    return f"that one is gone from there: jobsync --repo {other.prefix} uninstall; or choose another prefix"


def _check_home(config: Config) -> None:
    for value in (config.home, config.state, config.data, config.logs):
        if not value.startswith("/") or not value.isprintable():
            raise JobsyncError(f"{value!r} cannot be used: a path must be absolute, without control characters")


def _repo(context: Context, config: Config, prefix: str | None, branch: str | None) -> tuple[Place, Repo]:
    place = context.place
    if place is None:
        raise JobsyncError(
            "this is not a git repository", hint="change into your dotfiles repository, or `git init` one"
        )
    wanted = identity(place.git_dir, place.work_tree)
    known = next((repo for repo in config.repos if repo.id == wanted), None)
    chosen = prefix if prefix is not None else known.prefix if known else "jobsync"
    kept = branch if branch is not None else known.branch if known else None
    return place, Repo(wanted, place.git_dir, place.work_tree, chosen, kept or None)


def _intentions(config: Config, repo: Repo, known: Repo | None, *, hooks: bool) -> list[str]:
    paths = paths_of(config, repo)
    moves = f" (so far {known.prefix}.JOB; a sync moves the jobs)" if known and known.prefix != repo.prefix else ""
    rows = [
        ("repository", repo.work_tree),
        ("branch", f"hooks follow {repo.branch}" if repo.branch else "any"),
        ("labels", f"{repo.prefix}.JOB{moves}"),
        ("machine", config.machine + (f" (tags: {', '.join(config.tags)})" if config.tags else "")),
        ("scheduler", f"{config.scheduler} ({config.launchctl})"),
        ("config", str(config.file)),
        ("state", str(paths.state)),
        ("launchers", str(paths.launchers)),
        ("logs", str(paths.logs)),
        ("git hooks", "post-merge, post-checkout, post-rewrite, post-commit" if hooks else "not installed"),
    ]
    return report.table(rows, indent="  ")


def _first_sync(origin: Origin, *, wants: bool | None) -> int:
    """Show what a sync would do, and do it if that is wanted."""
    planned = syncing.plan(origin, Orders())
    would_do = syncing.dry_run(planned)
    if not would_do.results and not would_do.faults:
        say("no jobs yet; `jobs/NAME/job.toml` defines one")
        return ExitCode.OK
    if wants is None:
        show_report(would_do)
        if not would_do.results:
            say("mend that, then run `jobsync sync`")
            return ExitCode.FAILURE
        if not sys.stdin.isatty() or not click.confirm("sync now?", default=True, err=True):
            say("nothing synced yet; `jobsync sync` does it")
            return ExitCode.OK
    elif not wants:
        return ExitCode.OK
    if why := refusal(origin):
        complain(f"nothing synced yet: {why}", "when that is over, `jobsync sync` does it")
        return ExitCode.FAILURE
    progress = Progress()
    done = syncing.sync(origin, Orders(), progress=progress)
    progress.clear()
    show_report(done)
    return ExitCode.FAILURE if done.has_failures else ExitCode.OK


def _install_hooks(origin: Origin) -> int:
    try:
        changed = carriers.install(origin.repository, _shim(origin.config))
    except JobsyncError as error:
        complain(f"the git hooks were not installed: {error.message}", error.hint)
        return ExitCode.FAILURE
    say(f"installed {report.plural(len(changed), 'git hook')}" if changed else "the git hooks are installed already")
    return ExitCode.OK


@click.command()
@click.option("--prefix", help="First part of every label. Default: jobsync.")
@click.option("--machine", help="Name of this machine for `only.machines`. Default: its host name.")
@click.option("--tag", "tags", multiple=True, help="A tag of this machine for `only.tags`; may be repeated.")
@click.option("--branch", help="Hooks sync only while this branch is checked out. Default: any branch.")
@click.option("--launchctl", metavar="PATH", help="The launchctl to use. Default: the system's.")
@click.option("--path", "job_path", help="PATH for jobs.")
@click.option("--hooks/--no-hooks", default=True, help="Install the git hooks.")
@click.option("--sync/--no-sync", "wants_sync", default=None, help="Sync at the end, without asking.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_context
def init(
    context: Context, /, prefix: str | None, machine: str | None, tags: tuple[str, ...], branch: str | None,
    launchctl: str | None, job_path: str | None, *, hooks: bool, wants_sync: bool | None, yes: bool,
) -> int:  # fmt: skip
    """Register the repository around here on this machine, install the git hooks, and offer the first sync.

    Safe to run again: what is registered already is found, and only what the options name is changed.

    \b
    Examples:
      jobsync init
      jobsync init --tag home --yes --sync
    """
    file = configuration.find(os.environ) or configuration.new_location(os.environ)
    if file.is_file():
        known = configuration.load(file)
        config = replace(known, launchctl=_launchctl(launchctl or known.launchctl), hook=_this_hook())
    else:
        config = _new_config(file, os.environ, _launchctl(launchctl))
    for key, value in (("machine", machine), ("path", job_path)):
        config = config if value is None else _changed(config, key, (value,))
    config = replace(config, tags=tags or config.tags)
    place, repo = _repo(context, config, prefix, branch)
    _check_prefix(config, repo)
    _check_home(config)
    open_repository(place.git_dir, place.work_tree, os.environ)
    known_repo = next((one for one in config.repos if one.id == repo.id), None)
    say("this repository is registered already; jobsync will make it" if known_repo else "jobsync will register")
    say_all(_intentions(config, repo, known_repo, hooks=hooks))
    if not _confirm("go ahead?", yes=yes):
        return ExitCode.OK
    config = config.with_repo(repo)
    configuration.save(config, os.environ)
    origin = open_origin(config, repo)
    status = _install_hooks(origin) if hooks else ExitCode.OK
    with suppress(JobsyncError):  # no scheduler now: the first sync says so, and writes them
        syncing.sync(origin, Orders(), [FINISH])
    return max(status, _first_sync(origin, wants=wants_sync))


def _values(config: Config) -> dict[str, object]:
    return {key: getattr(config, key) for key in configuration.SETTABLE} | {
        "tags": list(config.tags),
        "file": str(config.file),
        "os": config.os,
        "scheduler": config.scheduler,
        "home": config.home,
        "state": config.state,
        "data": config.data,
        "logs": config.logs,
    }


def _in_text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _repo_words(repo: Repo) -> str:
    branch = f", follows {repo.branch}" if repo.branch else ""
    return f"{repo.work_tree} (labels {repo.prefix}.JOB, id {repo.id}{branch})"


def _check_value(key: str, value: str) -> None:
    """Nothing may be saved that no later command could read or use."""
    if not value.isprintable():
        raise UsageError(f"{key}: {value!r} has control characters")
    if key == "hook" and not (value.startswith("/") and os.access(value, os.X_OK)):
        raise UsageError(f"hook: {value!r} is not an executable", hint="name jobsync-hook by its absolute path")
    if key == "path" and not all(part.startswith("/") for part in value.split(":")):
        raise UsageError(f"path: {value!r} has a part that is not absolute", hint="such as /usr/local/bin:/usr/bin")


def _changed(config: Config, key: str, values: tuple[str, ...]) -> Config:
    if key not in configuration.SETTABLE:
        raise UsageError(f"{key!r} cannot be set", hint=f"these can: {', '.join(configuration.SETTABLE)}")
    if key == "tags":
        return replace(config, tags=tuple(tag for value in values for tag in value.split(",") if tag))
    if len(values) != 1 or not values[0]:
        raise UsageError(f"{key} takes one value")
    _check_value(key, values[0])
    if key == "launchctl":
        return replace(config, launchctl=_launchctl(values[0]))
    fields: dict[str, Any] = {key: values[0]}
    return replace(config, **fields)


@click.command()
@click.argument("key", required=False)
@click.argument("values", nargs=-1, metavar="[VALUE]...")
@json_option
@pass_context
def config(context: Context, /, key: str | None, values: tuple[str, ...], *, as_json: bool) -> int:
    """Print this machine's configuration, or one KEY of it, or set KEY to VALUE.

    \b
    Examples:
      jobsync config                    everything
      jobsync config tags home ai       this machine has two tags
      jobsync config machine mbp-anna   its name, for `only.machines`
    """
    current = context.config
    if key is not None and values:
        changed = _changed(current, key, values)
        configuration.save(changed, os.environ)
        say(f"{key} = {_in_text(_values(changed)[key])}")
        note("run `jobsync sync` to apply it")
        return ExitCode.OK
    known = _values(current)
    if key is not None and key not in known:
        raise UsageError(f"there is no key {key!r}", hint=f"known: {', '.join(known)}")
    if as_json:
        repos = [
            {"id": one.id, "work_tree": one.work_tree, "prefix": one.prefix, "branch": one.branch}
            for one in current.repos
        ]
        say_json({"version": report.JSON_VERSION, **known, "repos": repos})
    elif key is not None:
        say(_in_text(known[key]))
    else:
        rows = [(name, _in_text(value)) for name, value in known.items()]
        say_all(report.table(rows + [("repo", _repo_words(one)) for one in current.repos]))
    return ExitCode.OK


@click.group()
def hooks() -> None:
    """The git hooks that wake jobsync up after a pull, a switch, a rebase or a commit."""


@hooks.command("install")
@pass_context
def hooks_install(context: Context, /) -> int:
    """Install the hooks, in front of those that are there already. They keep working."""
    return max(_install_hooks(origin) for origin in context.origins())


@hooks.command("uninstall")
@pass_context
def hooks_uninstall(context: Context, /) -> int:
    """Remove the hooks, and put back what they stood in front of."""
    for origin in context.origins():
        freed = carriers.uninstall(origin.repository)
        say(f"removed {report.plural(len(freed), 'git hook')}" if freed else "no git hook of jobsync is installed")
    return ExitCode.OK


def _hook_json(one: HookStatus) -> dict[str, object]:
    return {
        "event": one.event,
        "state": one.state.value,
        "path": str(one.path),
        "chained": str(one.chained) if one.chained else None,
    }


@hooks.command("status")
@json_option
@pass_context
def hooks_status(context: Context, /, *, as_json: bool) -> int:
    """Show what stands where git looks for each hook. Exits with 1 when one of ours is not in force."""
    found = [(origin, carriers.status(origin.repository, _shim(origin.config))) for origin in context.origins()]
    if as_json:
        rows = [{"work_tree": o.repo.work_tree, "hooks": [_hook_json(one) for one in states]} for o, states in found]
        say_json({"version": report.JSON_VERSION, "repos": rows})
    else:
        for _, states in found:
            say_all(report.table([(one.event, one.state.value, str(one.path)) for one in states]))
    well = all(one.state is HookState.INSTALLED for _, states in found for one in states)
    return ExitCode.OK if well else ExitCode.FAILURE


def _check_outside(origin: Origin) -> None:
    """Never cut the branch we sit on: not from inside a job."""
    answer = origin.scheduler.survey()
    services = answer.services if isinstance(answer, Survey) else {}
    start = origin.scheduler.label("")
    ours = {one.pid: label for label, one in services.items() if label.startswith(start) and one.pid}
    for pid in observe.ancestors() if ours else ():
        if pid in ours:
            raise JobsyncError(f"this runs inside the job {ours[pid]}", hint="uninstall from a terminal of your own")


def _left(origin: Origin) -> list[str]:
    """What is still there that is ours: the proof of an uninstall, asked anew of disk and scheduler."""
    from jobsync.reconcile.ledger import Ledger
    from jobsync.reconcile.state import Want

    paths = origin.paths
    left = [str(path) for path in (paths.state, paths.launchers, *_log_directories(origin)) if path.exists()]
    found = observe.find_orphans(Want({}), Ledger(), origin.scheduler.survey(), origin.scheduler)
    left += [f"{label} (job)" for label in found.values()]
    if not _is_there(origin.repo):
        return left
    states = carriers.status(origin.repository, _shim(origin.config))
    return left + [str(one.path) for one in states if one.state in (HookState.INSTALLED, HookState.STALE)]


def _remove_places(origin: Origin) -> None:
    """Its own directories; of those that repositories share, what belongs to no other one."""
    paths, others = origin.paths, origin.config.without_repo(origin.repo.id).repos
    for directory in _log_directories(origin):
        files.remove_tree(directory)
    files.remove_tree(paths.state)
    files.remove_tree(paths.launchers)
    if not others:
        files.remove_tree(paths.state.parent / "bugs")
    for parent in (paths.logs, paths.state.parent, paths.launchers.parent):
        files.remove_if_empty(parent)


def _log_directories(origin: Origin) -> list[Path]:
    """Of our jobs, those under a former prefix included: all that no other repository's prefix claims."""
    others = tuple(f"{one.prefix}." for one in origin.config.without_repo(origin.repo.id).repos)
    logs = origin.paths.logs
    return [path for path in logs.iterdir() if not path.name.startswith(others)] if logs.is_dir() else []


def _forget(config: Config, repo: Repo) -> None:
    """Take the repository out of the configuration, and the configuration away with the last one."""
    rest = config.without_repo(repo.id)
    if rest.repos:
        configuration.save(rest, os.environ)
    else:
        configuration.remove(rest, os.environ)


def _is_there(repo: Repo) -> bool:
    return Path(repo.git_dir).is_dir() and Path(repo.work_tree).is_dir()


def _origin_to_leave(config: Config, repo: Repo) -> Origin:
    """A repository that was moved or deleted can be left too: its hooks went with it, its jobs did not."""
    if _is_there(repo):
        return open_origin(config, repo)
    paths = paths_of(config, repo)
    gone = Repository(repo.git_dir, repo.work_tree, {}, "git")
    return Origin(config, repo, paths, gone, scheduler_for(config, repo, paths))


def _uninstall_one(origin: Origin) -> bool:
    _check_outside(origin)
    progress = Progress()
    done = syncing.uninstall(origin, progress)
    progress.clear()
    show_report(done)
    if done.has_failures:
        complain("not everything could be removed, so nothing more was", "mend that and run it again")
        return False
    if _is_there(origin.repo):
        carriers.uninstall(origin.repository)
    _remove_places(origin)
    left = _left(origin)
    if left:
        complain("this is still there: " + ", ".join(left), "mend that and run it again")
        return False
    _forget(configuration.load(origin.config.file), origin.repo)
    say(f"nothing of jobsync is left for {origin.repo.work_tree}: no job, no file, no hook")
    return True


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_context
def uninstall(context: Context, /, *, yes: bool) -> int:
    """Remove every job, file and hook of ours for this repository from this machine, and prove it.

    Your repository is not touched; `jobsync init` brings everything back.
    """
    origins = [_origin_to_leave(context.config, repo) for repo in context.repos()]
    for origin in origins:
        say(f"jobsync will remove all its jobs, launchers, logs and hooks for {origin.repo.work_tree}")
    if not _confirm("go ahead?", yes=yes):
        return ExitCode.OK
    gone = [_uninstall_one(origin) for origin in origins]
    return ExitCode.OK if all(gone) else ExitCode.FAILURE
